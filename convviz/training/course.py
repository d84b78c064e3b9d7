"""The course of a training: a generator that yields where it stands a few times a second, and what it leaves behind."""

from __future__ import annotations

import io
import os
import tempfile
import warnings
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from convviz import architectures, lazy, zoo
from convviz.training.limits import Limits, limits
from convviz.training.opening import Data, copied, dataset_of, masks_of, network_of, thaw
from convviz.training.records import Progress, Settings
from convviz.training.remembering import remembered
from convviz.training.running import Run
from convviz.training.snapshots import assign, changing

keras = lazy.load("keras")

_BESIDE = 4_000_000  # bytes of a network's file that are no weights, at most; an optimizer has two for each weight


def train(
    network: Any,
    dataset: Data,
    settings: Settings,
    *,
    resume: bytes | None = None,
    limits: Limits | None = None,
    transplant: architectures.Transplant | None = None,
) -> Generator[Progress, Mapping[str, Any] | None, None]:
    """Train a network; it is changed in place.

    A message sent into the generator (``generator.send({"learning_rate": 0.01})``) changes the learning rate, the batch
    size or the number of epochs from the next record on; ``{"steps": n}`` makes exactly n steps before the next record,
    ``{"whole": True}`` lets the next record look at all validation pictures, ``{"watch": Watch(...)}`` lets the records
    of the next seconds show the inside, ``{"stop": True}`` yields a last record with a snapshot, and ends. While many
    validation pictures are looked at, records tell how many are done (`Progress.measured`).

    Args:
        network: a `zoo.Network`, a built ``keras.Model``, or what is begun anew from the seed: the name of an
            architecture in `zoo.ARCHITECTURES`, an `architectures.Architecture` or an `architectures.Transfer`.
        dataset: a `datasets.Dataset`, the name of one, or a `datasets.Reference`.
        settings: how to train.
        resume: a record's `snapshot`, to go on from.
        limits: what it may take; without them it may take everything.
        transplant: the kernel that a `zoo.Network` began with, which stays as it is where it is frozen; a described
            network has its own.

    Yields:
        a `Progress` about four times a second; a step that takes longer is one record.

    Raises:
        ConvvizError: the data does not fit the network, a setting is out of range, or the training diverges.

    Source:
        LeCun et al. 1998, Gradient-based learning applied to document recognition; Chollet, Deep Learning with Python,
        chapter 5; Prechelt 1998, Early stopping, but when?
    """
    begun, pictures = network_of(network, settings.seed), dataset_of(dataset)
    if settings.train_from:
        thaw(begun.model, settings.train_from)
    learns = remembered(network, begun, pictures, settings)
    kept = changing(network, begun.model)
    run = Run(begun, pictures, settings, limits, masks=masks_of(network, begun, transplant), learns=learns, kept=kept)
    if resume is not None:
        run.restore(resume)
    asked: Mapping[str, Any] = {}
    while True:
        run.change(asked)
        stop, hurry = bool(asked.get("stop")), bool(asked.get("steps"))
        record = run.advance(asked.get("steps"))
        wanted = (stop or asked.get("whole")) and not run.looks_long()
        if run.at_epochs_end or run.is_over or wanted:
            record, stopped, hurry = yield from _told(run, run.look(record), hurry or stop)
            stop |= stopped
        if run.is_over or stop:
            if not (stop and run.looks_long()):
                record, *_ = yield from _told(run, run.test(record), hurry or stop)
            inside = None if run.looks_long() else run.drawn()
            yield replace(record, note=run.note, snapshot=run.snapshot(), display=inside, seconds_left=0.0)
            return
        asked = (yield replace(record, snapshot=run.snapshot() if run.snapshot_is_due() else None)) or {}


def _told(run: Run, records: Iterator[Progress], hurry: bool) -> Generator[Progress, Any, tuple]:
    """Yield all but the last of some records, or none where somebody waits; the last, whether to stop, and to hurry."""
    told = False
    for record in records:
        if told:  # what was carried once
            record = replace(record, moments=(), beginning=None)
        if record.measured < 1 and not hurry:
            told = True
            sent = (yield record) or {}
            run.change(sent)
            if sent.get("stop"):
                return replace(record, measured=1.0, moments=(), beginning=None), True, True
            hurry = bool(sent.get("steps"))
    return record, False, hurry


def bounded(
    network: Any,
    dataset: Data,
    settings: Settings,
    *,
    resume: bytes | None = None,
    transplant: architectures.Transplant | None = None,
) -> Generator[Progress, Mapping[str, Any] | None, None]:
    """`train` as a server does it for its visitors: within its limits, and on a network of the run's own.

    Args:
        network: as for `train`; a `zoo.Network` is copied first, since others may look at it meanwhile.
        dataset: as for `train`.
        settings: as for `train`; what exceeds the limits is cut, and the records' `note` says so.
        resume: as for `train`.
        transplant: as for `train`.

    Yields:
        as `train`.

    Raises:
        ConvvizError: as `train`, or the network or the pictures are larger than `limits` allow.
    """
    own = copied(network) if isinstance(network, zoo.Network) else network
    return (yield from train(own, dataset, settings, resume=resume, limits=limits(), transplant=transplant))


def trained(
    network: Any,
    snapshot: bytes,
    *,
    class_names: Sequence[str] | None = None,
    seed: int = 0,
    train_from: str = "",
    title: str | None = None,
) -> bytes:
    """The network of a snapshot as a whole ``.keras`` file, without optimizer state.

    Args:
        network: what was given to `train`; what of it is frozen is taken from here.
        snapshot: a record's `snapshot`, or one of its `moments`.
        class_names: what the classes are called, kept in the file.
        seed: of the run's settings.
        train_from: of the run's settings.
        title: the network's name for people.

    Returns:
        the file's bytes.
    """
    found = network_of(network, seed)
    found = copied(found) if isinstance(network, zoo.Network) else found
    with np.load(io.BytesIO(snapshot), allow_pickle=False) as arrays:
        assign(found.model, arrays)
    if train_from:
        thaw(found.model, train_from)
    return zoo.to_bytes(found, class_names=class_names, title=title)


def whole_h5(network: Any, settings: Settings | None = None) -> bytes:
    """A whole network in Keras' older format, as the textbook saves it.

    Args:
        network: a `zoo.Network` or a built ``keras.Model``; it stays as it is.
        settings: of its training; with them the file is compiled, so that ``fit`` goes on with the same loss, and the
            same optimizer begun anew.

    Returns:
        the bytes of an ``.h5`` file that ``keras.saving.load_model`` reads.
    """
    network = zoo.as_network(network)
    if settings is not None:
        network = copied(network)
        rate = {"learning_rate": settings.learning_rate}
        optimizer = keras.optimizers.get({"class_name": settings.optimizer, "config": rate})
        network.model.compile(optimizer, _loss(network.card.output), metrics=["accuracy"])
    with tempfile.TemporaryDirectory() as folder, network.lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras says that the format is old
        path = os.path.join(folder, "network.h5")
        _check_room(os.path.join(folder, "room"), 12 * network.model.count_params() + _BESIDE)
        network.model.save(path)
        if settings is not None:
            import h5py

            with h5py.File(path, "a") as file:  # an optimizer that is read from it cannot be used (Keras 3)
                file.pop("optimizer_weights", None)
        with open(path, "rb") as file:
            return file.read()


def _check_room(path: str, size: int) -> None:
    """Take so many bytes of the disk for a moment: HDF5 does not raise where it is full, but ends the process."""
    if hasattr(os, "posix_fallocate"):
        with open(path, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
        os.remove(path)


def _loss(output: str) -> Any:
    """The run's loss as Keras calls it, by how the network ends."""
    if output == "logits":
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return "binary_crossentropy" if output == "sigmoid" else "sparse_categorical_crossentropy"
