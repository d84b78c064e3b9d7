"""A network as bytes: a whole ``.keras`` file, with what its card says of the classes beside it."""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from convviz import lazy
from convviz.zoo.network import Network
from convviz.zoo.wrapping import wrap

keras = lazy.load("keras")

NOTE = "convviz.json"  # an extra file in the archive, which Keras passes over


def to_bytes(
    network: Any,
    *,
    class_names: Sequence[str] | None = None,
    input_range: tuple[float, float] | None = None,
    title: str | None = None,
) -> bytes:
    """A network as a whole ``.keras`` file, without the optimizer's state.

    Args:
        network: ``Network`` or built ``keras.Model``; a network's own classes, range and title are kept.
        class_names: one for each probability.
        input_range: lowest and highest input value.
        title: the name for people.

    Returns:
        The file's bytes; ``keras.saving.load_model`` reads it like any other.
    """
    model, note = network, {"class_names": class_names, "input_range": input_range, "title": title}
    if isinstance(network, Network):
        model, card = network.model, network.card
        own = {"class_names": card.class_names or None, "input_range": card.value_range, "title": card.title}
        note = {key: own[key] if value is None else value for key, value in note.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "network.keras")
        with _without_optimizer(model):
            model.save(path)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(NOTE, json.dumps(note))
        with open(path, "rb") as file:
            return file.read()


def from_bytes(data: bytes) -> Network:
    """The network that ``to_bytes`` wrote. For bytes that ConvViz wrote itself; a visitor's go through ``uploads``.

    Args:
        data: a ``.keras`` file.

    Returns:
        The network, wrapped with its classes, range and title.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "network.keras")
        with open(path, "wb") as file:
            file.write(data)
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    note = _note(data)
    return wrap(model, note.get("class_names"), input_range=note.get("input_range"), title=note.get("title"))


def _note(data: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return json.loads(archive.read(NOTE)) if NOTE in archive.namelist() else {}


@contextmanager
def _without_optimizer(model: Any) -> Iterator[None]:
    """While the block runs the model has no optimizer, whose state would triple the file."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        yield
        return
    model.optimizer = None
    try:
        yield
    finally:
        model.optimizer = optimizer
