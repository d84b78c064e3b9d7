"""Training the lecture's digit network on 10,000 digits, one epoch with its validation: against Keras' own ``fit``.

Ours shows all that a visitor can watch: a record four times a second with kernels, feature maps, a strip of test
pictures and the sizes of weights and gradients, and the weights kept for the time machine. MNIST where it is here;
noise otherwise, which takes as long.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from benchmarks import Row, compare
from convviz import datasets, training, zoo

TRAINED, LOOKED_AT, BATCH = 10_000, 1_000, 64
WORK = f"MNIST network, {TRAINED:,} digits and validation, all displays"


def rows() -> Iterator[Row]:
    data = _data()
    watch = {"watch": training.Watch(data.test_images[0], seconds=1e6)}
    run = training.train("mnist", data, training.Settings(epochs=10**6, batch_size=BATCH))
    record = next(run)
    counts: dict[str, list[float]] = {"records": [], "displays": []}

    def ours() -> None:
        nonlocal record
        epoch, seen, drawn = record.epoch, 0, set()
        while record.epoch == epoch or not record.whole:
            record = run.send(watch)
            seen += 1
            drawn.add(record.display.step if record.display else None)
        counts["records"].append(seen)
        counts["displays"].append(len(drawn))

    for told, reach, options in (
        ("plain fit, as Keras compiles it", 1 / 1.6, {}),
        ("fit(jit_compile=False, steps_per_execution=32)", 1 / 0.93, {"jit_compile": False, "steps_per_execution": 32}),
    ):
        row = compare(WORK, ours, against=told, theirs=_fit(data, options), reach=reach, seconds=20)
        print(
            f"  {TRAINED / row.ours:,.0f} pictures a second, theirs {TRAINED / row.theirs:,.0f}; "
            f"{np.mean(counts['records'][1:]):.1f} records and {np.mean(counts['displays'][1:]):.1f} displays an epoch"
        )
        yield row
    run.close()


def _fit(data: datasets.Dataset, options: dict[str, Any]) -> Any:
    """One epoch by Keras, on floats as the textbook prepares them."""
    keras.utils.set_random_seed(0)
    model = zoo.mnist_convnet()
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    pictures, looked_at = (one.astype("float32") / 255 for one in (data.train_images, data.validation_images))
    validation = (looked_at, data.validation_labels)
    return lambda: model.fit(
        pictures, data.train_labels, batch_size=BATCH, epochs=1, validation_data=validation, verbose=0
    )


def _data() -> datasets.Dataset:
    if datasets.is_here("mnist"):
        whole = datasets.load("mnist")
        parts = [
            (getattr(whole, f"{part}_images")[:count], getattr(whole, f"{part}_labels")[:count])
            for part, count in (("train", TRAINED), ("validation", LOOKED_AT), ("test", LOOKED_AT))
        ]
    else:
        rng = np.random.default_rng(0)
        parts = [
            (rng.integers(0, 256, (count, 28, 28, 1), np.uint8), rng.integers(0, 10, count))
            for count in (TRAINED, LOOKED_AT, LOOKED_AT)
        ]
    return datasets.Dataset(*parts[0], *parts[1], *parts[2], tuple("0123456789"), "MNIST")
