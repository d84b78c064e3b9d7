"""The lecture's experiment on cats and dogs, with nothing but the app's own pieces: three ways, three pictures.

    python tools/lecture_experiment.py FOLDER [plain] [augmented] [frozen] --epochs 15 --minutes 60

`plain` trains the lecture's network on the 2,000 pictures as they are, `augmented` on pictures that are turned, shifted
and mirrored anew each time, with dropout, `frozen` trains a small head on what MobileNetV2 makes of them. What is
learned is kept in FOLDER after every epoch, so that a run that was ended, or used up its minutes, goes on where it was;
the curves are drawn there.
The pictures are looked for in the folder that CONVVIZ_DATA names, the weights in Keras' folder (KERAS_HOME).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras

from convviz import architectures, augmentation, datasets, plots, rendering, training, zoo


@dataclass(frozen=True)
class Way:
    """One way to train.

    Attributes:
        title: in words.
        batch_size: pictures a step.
        dropout: share of the flattened values that is left out while training.
        augmentation: options of ``augmentation.augment``, or None.
    """

    title: str
    batch_size: int
    dropout: float
    augmentation: dict | None


WAYS = {  # the lecture's listings 5.8 and 5.14
    "plain": Way("Without augmentation", 20, 0.0, None),
    "augmented": Way("With augmentation and dropout", 32, 0.5, augmentation.LECTURE),
}
LEARNING_RATE = 1e-4  # of RMSprop, the lecture's
SEED = 0


FROZEN = "Frozen MobileNetV2, a new head"


def network_of(name: str, data: datasets.Dataset) -> object:
    """The network of one way, before it has learned."""
    if name == "frozen":
        head = architectures.parse("global_average")
        return architectures.Transfer("mobilenetv2", head, (150, 150, 3), 2, "sigmoid", side=224)
    keras.utils.set_random_seed(SEED)
    return zoo.wrap(zoo.cats_and_dogs_convnet(dropout=WAYS[name].dropout), data.class_names)


def settings_of(name: str, epochs: int) -> training.Settings:
    """How one way is trained."""
    if name == "frozen":
        return training.Settings(epochs, 32, 1e-3, "adam", seed=SEED)
    way = WAYS[name]
    return training.Settings(epochs, way.batch_size, LEARNING_RATE, "rmsprop", way.augmentation, seed=SEED)


def learned(name: str, data: datasets.Dataset, folder: Path, epochs: int, until: float) -> None:
    """Train one way, or go on with it; its curve and its state are written after every epoch."""
    curve, state = folder / f"{name}.json", folder / f"{name}.npz"
    told = json.loads(curve.read_text()) if curve.exists() else []
    if told and told[-1]["epoch"] >= epochs:
        return
    kept = state.read_bytes() if state.exists() else None
    sums, before = [0.0, 0.0, 0], None  # loss, right ones and steps of this epoch so far
    for now in training.train(network_of(name, data), data, settings_of(name, epochs), resume=kept):
        steps = 1 if before is None else now.step - before
        before = now.step
        sums = [sums[0] + now.loss * steps, sums[1] + now.accuracy * steps, sums[2] + steps]
        if now.snapshot is None or not now.whole or (told and told[-1]["epoch"] == now.epoch):
            continue
        told.append(
            {
                "epoch": now.epoch,
                "loss": sums[0] / sums[2],
                "accuracy": sums[1] / sums[2],
                "validation_loss": now.validation_loss,
                "validation_accuracy": now.validation_accuracy,
                "test_accuracy": now.test_accuracy,
            }
        )
        sums = [0.0, 0.0, 0]
        state.write_bytes(now.snapshot)
        curve.write_text(json.dumps(told, indent=1))
        row = " ".join(f"{key} {value:.3f}" for key, value in told[-1].items() if value is not None)
        print(name, row, f"{now.images_per_second:.0f} pictures a second", flush=True)
        if time.monotonic() > until:
            return


def draw(folder: Path) -> None:
    """The three curves as pictures, on one scale, and the last row of each."""
    for name in (*WAYS, "frozen"):
        path = folder / f"{name}.json"
        if not path.exists():
            continue
        rows = json.loads(path.read_text())
        epochs = [row["epoch"] for row in rows]
        lines = [
            plots.Curve("training", epochs, [row["accuracy"] for row in rows], "#0072b2"),
            plots.Curve("validation", epochs, [row["validation_accuracy"] for row in rows], "#d55e00", "dash"),
        ]
        title = WAYS[name].title if name in WAYS else FROZEN
        drawn = plots.chart(title, lines, x_title="epoch", y_title="accuracy", y_range=(0.45, 1.005))
        (folder / f"{name}.png").write_bytes(rendering.png(drawn))
        print(title, {key: value if value is None else round(value, 4) for key, value in rows[-1].items()})


def main() -> None:
    """Do what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("ways", nargs="*", choices=[*WAYS, "frozen", []], default=[*WAYS, "frozen"])
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--minutes", type=float, default=60.0)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + 60 * asked.minutes
    data = datasets.load("cats_and_dogs")
    for name in asked.ways:
        if time.monotonic() < until:
            learned(name, data, asked.folder, asked.epochs, until)
    draw(asked.folder)


if __name__ == "__main__":
    main()
