"""A network as it was after one step of its training: looked at with the weights that were kept."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from convviz import ConvvizError, activations, attribution, datasets, filters, rendering, tracing, zoo
from convviz.evaluation import pictures_at_once
from convviz.training.displays import COLUMNS, answered, strip_pictures
from convviz.training.fitting import some_of
from convviz.training.opening import Data, dataset_of
from convviz.training.snapshots import assign

_WIDEST = 640  # pixels of a mosaic
_MOST, _FEWEST = 500, 50  # validation pictures that are asked about
_CELLS = 40_000_000  # cells of feature maps that asking may compute


@dataclass(frozen=True)
class Moment:
    """What a network was after one step.

    Attributes:
        kernels: of its first convolution; None where there is none.
        maps: of one layer for the picture; None where it has none.
        matrix: int64 (K, K), validation pictures of the row's class that were taken for the column's.
        chances: float32 (K,), the picture's probabilities.
        target: the class that is explained.
        overlay: the Grad-CAM of that class over the picture, a PNG file; None where there is none.
        where: the heat map, float32 (H, W) from 0 to 1.
        note: why there is no Grad-CAM, or why it is blank.
    """

    kernels: filters.Board | None
    maps: activations.Mosaic | None
    matrix: np.ndarray
    chances: np.ndarray
    target: int
    overlay: bytes | None = field(repr=False)
    where: np.ndarray | None = field(repr=False)
    note: str = ""

    @property
    def accuracy(self) -> float:
        """Part of the pictures in the matrix that were right."""
        return float(np.trace(self.matrix) / self.matrix.sum())


def moment(
    network: Any,
    snapshot: bytes,
    dataset: Data,
    picture: np.ndarray | int,
    *,
    layer: str = "",
    target: int | None = None,
) -> Moment:
    """Look at a network as it was.

    Args:
        network: a `zoo.Network` whose weights are replaced, such as `trained` makes it of the same run; nobody else may
            use it.
        snapshot: a record's `snapshot`, or one of its `moments`.
        dataset: what it was trained on; its validation pictures are asked about, at most 500.
        picture: uint8 (H, W, 3) or (H, W, 1); or the place of one among the test pictures of a `Display`'s strip.
        layer: whose feature maps are drawn; empty for the first convolution.
        target: the class that is explained; None for the one that the network then gives most.

    Returns:
        The moment.
    """
    with network.lock:
        with np.load(io.BytesIO(snapshot), allow_pickle=False) as arrays:
            assign(network.model, arrays)
        data = dataset_of(dataset)
        if isinstance(picture, int):
            picture = strip_pictures(data)[0][picture]
        matrix = _matrix(network, data)
        chances = network.predict(picture)
        asked = int(chances.argmax()) if target is None else target
        overlay, where, note = _explained(network, picture, asked)
        return Moment(*_inside(network, picture, layer), matrix, chances, asked, overlay, where, note)


def _inside(network: Any, picture: np.ndarray, layer: str) -> tuple[filters.Board | None, activations.Mosaic | None]:
    """Kernels of the first convolution, feature maps of the layer."""
    first = next((p for p, one in tracing.leaves(network.model).items() if type(one).__name__ in filters.KINDS), None)
    chosen = layer if layer in {one.name for one in network.card.map_layers()} else first
    kernels = filters.board(network, first, columns=COLUMNS, widest=_WIDEST) if first else None
    maps = activations.mosaics(network, picture, [chosen], columns=COLUMNS, widest=_WIDEST)[chosen] if chosen else None
    return kernels, maps


def _matrix(network: Any, data: datasets.Dataset) -> np.ndarray:
    """What validation pictures are taken for, all of them or some."""
    rows = some_of(len(data.validation_images), asked_about(network.card, len(data.validation_images)))
    size, guesses = pictures_at_once(network.card), []
    for first in range(0, len(rows), size):
        part = data.validation_images[rows[first : first + size]]
        guesses.append(answered(network, np.concatenate([network.prepare(one) for one in part])).argmax(axis=1))
    classes = len(network.card.class_names)
    places = data.validation_labels[rows] * classes + np.concatenate(guesses)
    return np.bincount(places, minlength=classes**2).reshape(classes, classes)


def asked_about(card: zoo.Card, pictures: int) -> int:
    """How many of so many validation pictures a moment asks about: fewer for a network that computes much for each."""
    cells = sum(math.prod(one.output_shape) for one in card.layers) or 1
    return min(pictures, max(_FEWEST, min(_MOST, _CELLS // cells)))


def _explained(network: Any, picture: np.ndarray, target: int) -> tuple[bytes | None, np.ndarray | None, str]:
    """Grad-CAM over the picture."""
    try:
        found = attribution.grad_cam(network, picture, target=target)
    except ConvvizError as refusal:
        return None, None, str(refusal)
    blended = rendering.overlay(picture, found.heatmap)
    return rendering.png(rendering.enlarge(blended, at_least=300)), found.heatmap, found.note
