"""The lecture's experiment on cats and dogs, with nothing but the app's own pieces: three ways, three pictures.

    python tools/lecture_experiment.py FOLDER [plain] [augmented] [frozen] --epochs 15 --minutes 60

`plain` trains the lecture's network on the 2,000 pictures as they are, `augmented` on pictures that are turned, shifted
and mirrored anew each time, with dropout, `frozen` trains a small head on what MobileNetV2 makes of them. What is
learned is kept in FOLDER after every epoch, so that a run that was ended, or used up its minutes, goes on where it was.
The pictures are looked for in the folder that CONVVIZ_DATA names, the weights in Keras' folder (KERAS_HOME).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras

from convviz import augmentation, datasets, training, zoo


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


def from_scratch(name: str, data: datasets.Dataset, folder: Path, epochs: int, until: float) -> bool:
    """Train one way from random weights, or go on with it; whether it has come to its end."""
    way, curve, state = WAYS[name], folder / f"{name}.json", folder / f"{name}.npz"
    told = json.loads(curve.read_text()) if curve.exists() else []
    if told and told[-1]["epoch"] >= epochs:
        return True
    keras.utils.set_random_seed(SEED)
    network = zoo.wrap(zoo.cats_and_dogs_convnet(dropout=way.dropout), data.class_names)
    settings = training.Settings(epochs, way.batch_size, LEARNING_RATE, "rmsprop", way.augmentation, seed=SEED)
    kept = state.read_bytes() if state.exists() else None
    sums = [0.0, 0.0, 0]  # loss, right ones and steps of this epoch so far
    before = 0
    for now in training.train(network, data, settings, resume=kept):
        steps, before = now.step - (before or now.step - 1), now.step
        sums = [sums[0] + now.loss * steps, sums[1] + now.accuracy * steps, sums[2] + steps]
        epoch_over = now.whole and now.snapshot is not None
        if not epoch_over:
            continue
        row = {name: value for name, value in asdict(now.light()).items() if name != "snapshot"}
        told.append({**row, "loss": sums[0] / sums[2], "accuracy": sums[1] / sums[2]})
        sums = [0.0, 0.0, 0]
        state.write_bytes(now.snapshot)
        curve.write_text(json.dumps(told, indent=1))
        print(
            f"{way.title}, epoch {now.epoch} of {epochs}: training {told[-1]['accuracy']:.1%}, validation "
            f"{now.validation_accuracy:.1%}, {now.images_per_second:.0f} pictures a second",
            flush=True,
        )
        if time.monotonic() > until:
            break
    return now.epoch >= epochs


def main() -> None:
    """Do what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("ways", nargs="*", choices=[*WAYS, []], default=list(WAYS))
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--minutes", type=float, default=60.0)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + 60 * asked.minutes
    data = datasets.load("cats_and_dogs")
    for name in asked.ways:
        if time.monotonic() < until:
            from_scratch(name, data, asked.folder, asked.epochs, until)


if __name__ == "__main__":
    main()
