"""The course of a training: a generator that yields where it stands a few times a second, and what it leaves behind."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from convviz import datasets, zoo
from convviz.training.opening import dataset_of, network_of
from convviz.training.records import Progress, Settings
from convviz.training.running import Run


def train(
    network: Any, dataset: datasets.Dataset | str, settings: Settings, *, resume: bytes | None = None
) -> Iterator[Progress]:
    """Train a network; it is changed in place.

    A message sent into the generator (``generator.send({"learning_rate": 0.01})``) changes the learning rate, the batch
    size or the number of epochs from the next record on; ``{"steps": n}`` makes exactly n steps before the next record,
    ``{"whole": True}`` lets the next record look at all validation pictures, ``{"stop": True}`` yields a last record,
    which does so too, with a snapshot, and ends.

    Args:
        network: a `zoo.Network`, a built ``keras.Model``, or the name of an architecture in `zoo.ARCHITECTURES`, which
            is then begun anew from the seed.
        dataset: a `datasets.Dataset`, or the name of one.
        settings: how to train.
        resume: a record's `snapshot`, to go on from.

    Yields:
        a `Progress` about three times a second.

    Raises:
        ConvvizError: the data does not fit the network, a setting is out of range, or the training diverges.

    Source:
        LeCun et al. 1998, Gradient-based learning applied to document recognition; Chollet, Deep Learning with Python,
        chapter 5.
    """
    run = Run(network_of(network, settings.seed), dataset_of(dataset), settings)
    if resume is not None:
        run.restore(resume)
    changes: Mapping[str, Any] | None = None
    while True:
        run.change(changes or {})
        asked = changes or {}
        record = run.advance(asked.get("steps"), whole=bool(asked.get("whole") or asked.get("stop")))
        over = run.step >= run.steps
        if over or asked.get("stop"):
            yield replace(record, snapshot=run.snapshot(), test_accuracy=run.test_accuracy())
            return
        changes = yield replace(record, snapshot=run.snapshot() if run.snapshot_is_due() else None)


def trained(network: Any, snapshot: bytes, *, class_names: Sequence[str] | None = None, seed: int = 0) -> bytes:
    """The network of a snapshot as a whole ``.keras`` file, without optimizer state.

    Args:
        network: what was given to `train`.
        snapshot: a record's `snapshot`.
        class_names: what the classes are called, kept in the file.
        seed: of the run's settings.

    Returns:
        the file's bytes.
    """
    model = network_of(network, seed).model
    with np.load(io.BytesIO(snapshot), allow_pickle=False) as arrays:
        for index, variable in enumerate(model.variables):
            variable.assign(arrays[f"model_{index}"])
    return zoo.to_bytes(model, class_names=class_names)
