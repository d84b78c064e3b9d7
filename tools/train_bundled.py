"""Train the networks that come with ConvViz and write them with their cards to assets/models.

    python tools/train_bundled.py [mnist] [shapes] [cats_and_dogs] --data FOLDER

The weights that are kept are those at the end of the last epoch, for the plain networks their running average over the
last steps; the number of epochs is fixed beforehand, so no picture of the validation or test part has a say in them.
On two idle cores mnist takes about four minutes, shapes about ten and cats_and_dogs about thirty.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras

from convviz import augmentation, datasets, zoo
from convviz.zoo import bundled

DATE = "2026-11-23"


@dataclass(frozen=True)
class Recipe:
    """How one network is trained: Adam, warmed up over one epoch, then down along half a cosine to zero.

    Attributes:
        epochs: passes over the data.
        learning_rate: at its highest.
        batch_size: pictures a step.
        average: momentum of the running average of the weights; None keeps the weights after the last step.
        seed: of the weights, the order, the augmentation and the drawing.
        augmentation: options of ``augmentation.augment``.
    """

    epochs: int
    learning_rate: float
    batch_size: int
    average: float | None
    seed: int
    augmentation: dict = field(default_factory=dict)

    def told(self) -> str:
        """The recipe in words."""
        ways = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in self.augmentation.items()) or "none"
        kept = f"the running average (momentum {self.average:g}) at the end" if self.average else "those at the end"
        return (
            f"{self.epochs} epochs, batches of {self.batch_size}, Adam, learning rate up to {self.learning_rate:g} in "
            f"the first epoch and down along a cosine to 0; augmentation: {ways}; the weights kept are "
            f"{kept} of the last epoch"
        )


@dataclass(frozen=True)
class Task:
    """One network: what it learns from, how, and on what it is judged.

    Attributes:
        recipe: how it is trained.
        data: gives the pictures and labels to learn from, those to watch, and those to judge by, part -> (pictures,
            labels).
        told: what the data is, in words.
        limits: what the network cannot do.
    """

    recipe: Recipe
    data: Callable[[Recipe], dict[str, tuple[np.ndarray, np.ndarray]]]
    told: str
    limits: str


def digits(recipe: Recipe) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """All 60,000 training digits, and the 10,000 test digits."""
    data = datasets.load("mnist")
    images = np.concatenate([data.train_images, data.validation_images])
    labels = np.concatenate([data.train_labels, data.validation_labels])
    return {"training": (images, labels), "test": (data.test_images, data.test_labels)}


def pets(recipe: Recipe) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The textbook's 2,000, 1,000 and 500 pictures."""
    data = datasets.load("cats_and_dogs")
    return {
        "training": (data.train_images, data.train_labels),
        "validation": (data.validation_images, data.validation_labels),
        "test": (data.test_images, data.test_labels),
    }


def shapes(recipe: Recipe) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Freshly drawn pictures of one shape each; the test pictures come from a stream of their own."""
    training, test = np.random.default_rng(recipe.seed).spawn(2)
    drawn = {
        "training": datasets.draw_shapes(16_000, rng=training),
        "test": datasets.draw_shapes(2_000, rng=test),
    }
    return {part: (drawing.images, drawing.labels[:, 0]) for part, drawing in drawn.items()}


TASKS = {
    "mnist": Task(
        Recipe(
            epochs=12,
            learning_rate=1e-3,
            batch_size=64,
            average=0.998,
            seed=1,
            augmentation={
                "rotation": 10, "width_shift": 0.08, "height_shift": 0.08, "shear": 5, "zoom": 0.1,
                "fill_mode": "constant",
            },
        ),
        digits,
        "MNIST, the 60,000 training digits (LeCun, Cortes & Burges 1998)",
        "white digits on black, centred, one in a picture",
    ),
    "shapes": Task(
        Recipe(epochs=15, learning_rate=2e-3, batch_size=64, average=None, seed=1),
        shapes,
        "16,000 pictures of one shape each, drawn by ConvViz; colour, place, size and ground do not tell the class",
        "trained on one shape in a picture; with several its probabilities are shared among them",
    ),
    "cats_and_dogs": Task(
        Recipe(
            epochs=90, learning_rate=1e-3, batch_size=32, average=0.995, seed=1, augmentation=augmentation.LECTURE
        ),
        pets,
        "Kaggle Dogs vs. Cats 2013, the textbook's 2,000 training pictures, brought to 150 x 150",
        "knows cats and dogs only: everything else is called one of the two",
    ),
}  # fmt: skip


def batches(images: np.ndarray, labels: np.ndarray, recipe: Recipe, rng: np.random.Generator) -> Iterator[tuple]:
    """Every picture once in a new order, augmented in a thread of its own while the last batch is learned."""

    def prepared(chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        batch = images[chosen]
        if recipe.augmentation:
            batch = augmentation.augment(batch, **recipe.augmentation, rng=rng)
        return batch.astype(np.float32) / 255, labels[chosen]

    parts = np.array_split(rng.permutation(len(images)), math.ceil(len(images) / recipe.batch_size))
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(prepared, parts[0])
        for part in parts[1:]:
            batch, waiting = waiting.result(), thread.submit(prepared, part)
            yield batch
        yield waiting.result()


def compiled(model, recipe: Recipe, steps: int):
    """The model with its optimizer and loss."""
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps * (recipe.epochs - 1), warmup_target=recipe.learning_rate, warmup_steps=steps
    )
    optimizer = keras.optimizers.Adam(schedule, use_ema=recipe.average is not None, ema_momentum=recipe.average or 0.99)
    loss = "binary_crossentropy" if model.output_shape[-1] == 1 else "sparse_categorical_crossentropy"
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"], jit_compile=False)
    return model


def accuracy(model, images: np.ndarray, labels: np.ndarray) -> float:
    """Share of the pictures whose most probable class is the true one."""
    right = 0
    for start in range(0, len(images), 250):
        answers = model.predict_on_batch(images[start : start + 250].astype(np.float32) / 255)
        chosen = answers[:, 0] > 0.5 if answers.shape[1] == 1 else answers.argmax(axis=1)
        right += int((chosen == labels[start : start + 250]).sum())
    return right / len(images)


def train(model, images: np.ndarray, labels: np.ndarray, recipe: Recipe, watched: tuple | None = None):
    """The model after the last epoch, with averaged weights; ``watched`` pictures are for the log alone."""
    rng = np.random.default_rng(recipe.seed)
    compiled(model, recipe, math.ceil(len(images) / recipe.batch_size))
    started = time.monotonic()
    for epoch in range(1, recipe.epochs + 1):
        losses = [float(model.train_on_batch(*batch)[0]) for batch in batches(images, labels, recipe, rng)]
        line = f"epoch {epoch} of {recipe.epochs}, loss {np.mean(losses):.4f}"
        if watched is not None and epoch % 10 == 0:
            line += f", watched {accuracy(model, *watched):.4f}"
        print(f"{line}, {time.monotonic() - started:.0f} s", flush=True)
    if recipe.average is not None:
        model.optimizer.finalize_variable_values(model.trainable_variables)
    return model


def write(name: str, model, task: Task, figures: dict[str, str], folder: Path) -> None:
    """The network without its optimizer, and its card."""
    bare = zoo.ARCHITECTURES[name]()
    bare.set_weights(model.get_weights())
    folder.mkdir(parents=True, exist_ok=True)
    bare.save(folder / f"{name}.keras")
    names = {"mnist": tuple("0123456789"), "shapes": datasets.SHAPES, "cats_and_dogs": ("cat", "dog")}[name]
    card = zoo.wrap(bare, names, input_range=(0.0, 1.0), title=bundled.TITLES[name]).card
    about = {
        "Data": task.told,
        "Recipe": task.recipe.told(),
        "Seed": str(task.recipe.seed),
        **figures,
        "Choice of the weights": "by the recipe alone, which was fixed beforehand; no other picture had a say",
        "Limits": task.limits,
        "Date": DATE,
        "Versions": ", ".join(f"{package} {version(package)}" for package in ("tensorflow", "keras", "numpy")),
    }
    (folder / f"{name}.json").write_text(bundled.card_to_json(replace(card, name=name, about=about)), encoding="utf-8")


def judged(name: str, model, parts: dict[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, str]:
    """Accuracy on every part that was not learned from."""
    figures = {}
    for part, (images, labels) in parts.items():
        if part != "training":
            share = accuracy(model, images, labels)
            figures[f"Accuracy, {part} part"] = f"{share:.2%} of {len(images):,} pictures"
            print(f"{name}: {share:.4f} on {len(images)} {part} pictures", flush=True)
    return figures


def main() -> None:
    """Train what is named, all without a name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*TASKS, []], help="which networks; all without a name")
    parser.add_argument("--data", help="folder with mnist.npz and cats_and_dogs/")
    parser.add_argument("--to", type=Path, default=bundled.FOLDER, help="folder to write to")
    options = parser.parse_args()
    if options.data:
        os.environ["CONVVIZ_DATA"] = options.data
    for name in options.names or TASKS:
        task = TASKS[name]
        parts = task.data(task.recipe)
        keras.utils.set_random_seed(task.recipe.seed)
        model = train(zoo.ARCHITECTURES[name](), *parts["training"], task.recipe, parts.get("validation"))
        write(name, model, task, judged(name, model, parts), options.to)


if __name__ == "__main__":
    main()
