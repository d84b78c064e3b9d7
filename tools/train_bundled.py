"""Train the networks that come with ConvViz and write them with their cards to assets/models.

    python tools/train_bundled.py [mnist] [shapes] [cats_and_dogs] --data FOLDER

The weights that are kept are the running average of the last steps; the number of epochs is fixed beforehand, so no
picture of the validation or test part had a say in them.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

MODELS = Path(__file__).resolve().parent.parent / "assets" / "models"


@dataclass(frozen=True)
class Recipe:
    """How one network is trained: Adam, warmed up over one epoch, then down along half a cosine to zero."""

    epochs: int
    learning_rate: float
    batch_size: int
    average: float  # momentum of the running average of the weights
    seed: int
    augmentation: dict = field(default_factory=dict)


def batches(images: np.ndarray, labels: np.ndarray, recipe: Recipe, rng: np.random.Generator) -> Iterator[tuple]:
    """Every picture once in a new order, augmented in a thread of its own while the last batch is learned."""
    from convviz import augmentation

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
    import keras

    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps * (recipe.epochs - 1), warmup_target=recipe.learning_rate, warmup_steps=steps
    )
    optimizer = keras.optimizers.Adam(schedule, use_ema=True, ema_momentum=recipe.average)
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


def train(model, images: np.ndarray, labels: np.ndarray, recipe: Recipe, *, watch=None, kept: Path | None = None):
    """The model after the last epoch, with averaged weights; ``watch`` is only looked at, for the log."""
    rng = np.random.default_rng(recipe.seed)
    compiled(model, recipe, math.ceil(len(images) / recipe.batch_size))
    started = time.monotonic()
    for epoch in range(1, recipe.epochs + 1):
        model.reset_metrics()
        for batch, truth in batches(images, labels, recipe, rng):
            logs = model.train_on_batch(batch, truth, return_dict=True)
        line = f"epoch {epoch} loss {logs['loss']:.4f} accuracy {logs['accuracy']:.4f}"
        if watch is not None and (epoch % 5 == 0 or epoch == recipe.epochs):
            line += f" validation {accuracy(model, *watch):.4f}"
            own = model.get_weights()
            model.optimizer.finalize_variable_values(model.trainable_variables)
            line += f" averaged {accuracy(model, *watch):.4f}"
            if kept is not None:
                model.save_weights(kept)
            if epoch < recipe.epochs:
                model.set_weights(own)
        print(f"{line} {time.monotonic() - started:.0f} s", flush=True)
    return model
