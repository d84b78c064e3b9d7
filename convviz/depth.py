"""What changes with depth: how much a layer is silent, how far it follows the picture's edges, what is left of it.

The lecture notes three things about the layers of a network: the first ones are edge detectors that keep nearly all of
the picture, later ones become abstract, and sparsity grows. Each is measured here, on one network and one picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from convviz import ConvvizError, activations, convolution, images, zoo

MOST = 40  # layers that are measured, at most
_TOGETHER = 48 * 2**20  # bytes of maps that are held at once
_GRID = 64  # rows and columns to which larger maps are averaged


@dataclass(frozen=True)
class Layer:
    """One layer, measured on one picture.

    Attributes:
        name: path.
        shape: (H, W, C).
        silent: part of its values that a rectifier cut to zero, 0 to 1; None for a layer without one.
        blank: channels with one value everywhere.
        edges: absolute correlation of a channel with the strength of the picture's edges, the median over the channels
            that are not blank, 0 to 1; NaN where it is not defined.
        readable: part of the variance of the picture's brightness that a weighted sum of the channels gives back, 0 to
            1: the best one, by least squares, at each cell the same.
        broken: channels with values that are NaN or infinite; ``blank``, ``edges`` and ``readable`` are of the others,
            and the last two NaN where there is none.
    """

    name: str
    shape: tuple[int, int, int]
    silent: float | None
    blank: int
    edges: float
    readable: float
    broken: tuple[int, ...] = ()


def profile(network: Any, picture: np.ndarray) -> tuple[Layer, ...]:
    """The layers that end in a rectifier (the convolutions, if fewer than two do), from the first to the last.

    Args:
        network: ``zoo.Network`` or a Keras model.
        picture: uint8 (H, W, 3).

    Returns:
        A record for each; of more than ``MOST`` layers so many are taken evenly.

    Raises:
        ConvvizError: the network has no layer with feature maps.

    Source:
        Chollet, Deep Learning with Python, 2018, section 5.4.1, the three things to note. How they are measured is
        ours.
    """
    network = zoo.as_network(network)
    silent = activations.sparsity(network, picture)
    known = {entry.name: entry for entry in network.card.map_layers()}
    names = [name for name in known if name in silent]
    if len(names) < 2:
        names = [name for name, entry in known.items() if "Conv" in entry.kind] or list(known)
    if not names:
        raise ConvvizError(f"{network.card.title} has no layer with feature maps; choose a convolutional network")
    chosen = np.unique(np.linspace(0, len(names) - 1, min(MOST, len(names))).round().astype(int))
    found: list[Layer] = []
    part: list[str] = []
    taken = 0
    brightness = images.grey(np.asarray(picture)).astype(np.float32)
    for place, index in enumerate(chosen):
        part.append(names[index])
        taken += 4 * int(np.prod(known[names[index]].output_shape))
        if taken > _TOGETHER or place == len(chosen) - 1:
            maps = activations.feature_maps(network, picture, part)
            found += [_measured(name, one, brightness, silent.get(name)) for name, one in maps.items()]
            part, taken = [], 0
    return tuple(found)


def _measured(name: str, maps: np.ndarray, brightness: np.ndarray, silent: float | None) -> Layer:
    """One layer's record."""
    shape, finite = maps.shape, np.isfinite(maps).all(axis=(0, 1))
    broken = tuple(np.flatnonzero(~finite).tolist())
    if len(broken) == shape[-1]:
        return Layer(name, shape, silent, 0, float("nan"), float("nan"), broken)
    maps = maps[..., finite]
    sides = tuple(min(side, _GRID) for side in maps.shape[:2])
    cells = images.resize(maps, sides).reshape(-1, maps.shape[-1]).astype(np.float64)
    blank = int((maps.min(axis=(0, 1)) == maps.max(axis=(0, 1))).sum())
    measures = _edges(cells, brightness, sides), _readable(cells, brightness, sides)
    return Layer(name, shape, silent, blank, *measures, broken)


def _edges(cells: np.ndarray, brightness: np.ndarray, sides: tuple[int, ...]) -> float:
    """Median correlation, without its sign, of the columns of (cells, C) with the edges at the same size."""
    strength = convolution.gradient(brightness)[0]
    edges = images.resize(strength, sides).ravel().astype(np.float64)
    edges, cells = edges - edges.mean(), cells - cells.mean(axis=0)
    spread = np.sqrt((cells**2).sum(axis=0)) * np.sqrt((edges**2).sum())
    alive = spread > 1e-9 * max(float(spread.max(initial=0.0)), 1e-300)
    if not alive.any():
        return float("nan")
    return float(np.median(np.abs(edges @ cells[:, alive]) / spread[alive]))


def _readable(cells: np.ndarray, brightness: np.ndarray, sides: tuple[int, ...]) -> float:
    """How much of the brightness's variance a weighted sum of columns and a constant explain, each cell enlarged."""
    fine = images.resize(brightness, (_GRID, _GRID)).astype(np.float64)
    total = float(((fine - fine.mean()) ** 2).sum())
    if total == 0:
        return float("nan")
    rows, cols = (np.arange(_GRID) * side // _GRID for side in sides)
    place = (rows[:, None] * sides[1] + cols[None]).ravel()
    count = np.bincount(place, minlength=len(cells)).astype(np.float64)
    wanted = np.bincount(place, fine.ravel(), minlength=len(cells)) / np.maximum(count, 1) - fine.mean()
    weight = np.sqrt(count)[:, None]  # a cell counts as often as it has pixels
    given = np.column_stack([cells - cells.mean(axis=0), np.ones(len(cells))]) * weight
    given = given / np.maximum(np.sqrt((given**2).sum(axis=0)), 1e-300)
    aim = wanted * weight[:, 0]
    weights = np.linalg.lstsq(given, aim, rcond=1e-6)[0]
    left = float(((aim - given @ weights) ** 2).sum())
    between = float((aim**2).sum())
    return float(np.clip((between - left) / total, 0, 1))
