"""Channels set against each other: at one place of a picture, and on two pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from convviz import ConvvizError, activations, rendering, zoo

RANKINGS = ("value", "surprise")
_WIDEST = 1000  # pixels of a row of maps


@dataclass(frozen=True)
class Place:
    """The channels of a layer at one cell, ranked.

    Attributes:
        order: the first channels, the strongest first.
        values: float32, their values at the cell.
        means: float32, their means over the finite values of the map.
        surprises: float32, how many standard deviations of its map each value lies above the mean; 0 on an even map.
        above_zero: how many of all channels are above zero there.
        png: their maps side by side in that order, each from its lowest to its highest value.
        tile: (height, width) in pixels of one map in the picture.
        columns: maps in a row.
        broken: channels that are NaN or infinite at the cell; they have no rank. Where all are, nothing is ranked and
            there is no picture.
    """

    order: tuple[int, ...]
    values: np.ndarray
    means: np.ndarray
    surprises: np.ndarray
    above_zero: int
    png: bytes
    tile: tuple[int, int]
    columns: int
    broken: tuple[int, ...] = ()


@dataclass(frozen=True)
class Difference:
    """A layer on two pictures.

    Attributes:
        order: the channels that differ most, the most different first.
        apart: float32, mean absolute difference of each of them.
        first: float32, mean of each on the first picture.
        second: float32, mean of each on the second picture.
        limit: the value of the last colour, the same for all three pictures.
        pngs: the maps on the first picture, on the second, and second minus first, in that order.
        tile: (height, width) in pixels of one map.
        columns: maps in a row.
        similarity: correlation of all values of the layer on one picture with those on the other; NaN on even maps.
        broken: channels with values that are NaN or infinite on one of the pictures; they have no rank and do not count
            in what is said of all. Where all are, there are no pictures.
    """

    order: tuple[int, ...]
    apart: np.ndarray
    first: np.ndarray
    second: np.ndarray
    limit: float
    pngs: tuple[bytes, bytes, bytes]
    tile: tuple[int, int]
    columns: int
    similarity: float
    broken: tuple[int, ...] = ()


def place(
    network: Any, picture: np.ndarray, layer: str, row: int, col: int, *, by: str = "value", most: int = 12
) -> Place:
    """Which channels answer most to one place of a picture.

    Args:
        network: ``zoo.Network`` or a Keras model.
        picture: uint8 (H, W, 3), or a float batch (1, H, W, C).
        layer: path of a layer with feature maps.
        row: of the cell in the layer's maps, from 0.
        col: as the row.
        by: one of ``RANKINGS``: the value itself, or how far it lies above what the channel does elsewhere.
        most: channels to give.

    Returns:
        The ranking.

    Raises:
        ConvvizError: there is no such layer or cell.
    """
    maps = _maps(network, picture, layer)
    height, width, count = maps.shape
    if not (0 <= row < height and 0 <= col < width):
        raise ConvvizError(f"the maps of {layer} have {height} x {width} cells, and none at ({row}, {col})")
    sound = np.flatnonzero(np.isfinite(maps[row, col]))
    maps = maps[..., sound]
    values, (means, spread) = maps[row, col], _moments(maps)
    surprises = np.divide(values - means, spread, out=np.zeros_like(values), where=spread > 1e-6 * np.abs(means))
    order = np.argsort(-(values if by == "value" else surprises), kind="stable")[:most]
    columns, tiles, png = max(1, min(6, len(order))), maps[:, :, :0], b""
    if len(order):
        tiles = activations.fitted(rendering.levels(maps[..., order]), columns, _WIDEST)
        png = rendering.png(rendering.tiled(tiles, columns=columns), flat=True)
    return Place(
        order=tuple(sound[order].tolist()),
        values=values[order],
        means=means[order],
        surprises=surprises[order],
        above_zero=int((values > 0).sum()),
        png=png,
        tile=tiles.shape[:2],
        columns=columns,
        broken=tuple(np.setdiff1d(np.arange(count), sound).tolist()),
    )


def difference(
    network: Any, first: np.ndarray, second: np.ndarray, layer: str, *, most: int = 16, columns: int = 8
) -> Difference:
    """What a layer makes of two pictures, the channels that differ most first.

    Args:
        network: as for ``place``.
        first: a picture, as for ``place``.
        second: another.
        layer: as for ``place``.
        most: channels to give.
        columns: maps in a row.

    Returns:
        The maps of both and their difference, in the same colours: from zero up where nothing is negative, else around
        zero; the difference always around zero.

    Raises:
        ConvvizError: there is no such layer.
    """
    one, two = _maps(network, first, layer), _maps(network, second, layer)
    finite = (np.isfinite(one) & np.isfinite(two)).all(axis=(0, 1))
    sound = np.flatnonzero(finite)
    broken = tuple(np.flatnonzero(~finite).tolist())
    one, two = one[..., sound], two[..., sound]
    if not len(sound):
        none = np.zeros(0, np.float32)
        return Difference((), none, none, none, 0.0, (b"", b"", b""), one.shape[:2], 1, float("nan"), broken)
    apart = np.abs(two - one).mean(axis=(0, 1))
    order = np.argsort(-apart, kind="stable")[:most]
    similarity = float("nan")
    if one.std() > 0 and two.std() > 0:
        similarity = float(np.corrcoef(one.ravel(), two.ravel())[0, 1])
    one, two = one[..., order], two[..., order]
    signed = min(one.min(), two.min()) < 0
    limit = float(max(np.abs(one).max(), np.abs(two).max()))
    columns = min(columns, len(order))
    pngs = []
    for maps, around in ((one, signed), (two, signed), (two - one, True)):
        levels = rendering.toned(maps, np.full(len(order), limit), signed=around)
        tiles = activations.fitted(levels, columns, _WIDEST)
        table = "signed" if around else "viridis"
        pngs.append(rendering.png(rendering.tiled(tiles, columns=columns, ground=128 if around else 0), table=table))
    means = (maps.mean(axis=(0, 1)) for maps in (one, two))
    ranked = tuple(sound[order].tolist())
    return Difference(ranked, apart[order], *means, limit, tuple(pngs), tiles.shape[:2], columns, similarity, broken)


def _moments(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each channel's finite values, of which each has one."""
    finite = np.isfinite(maps)
    if finite.all():
        return maps.mean(axis=(0, 1)), maps.std(axis=(0, 1))
    return maps.mean(axis=(0, 1), where=finite), maps.std(axis=(0, 1), where=finite)


def _maps(network: Any, picture: np.ndarray, layer: str) -> np.ndarray:
    """A layer's maps (H, W, C)."""
    maps = activations.feature_maps(zoo.as_network(network), picture, [layer])[layer]
    if maps.ndim != 3:
        raise ConvvizError(f"{layer} has no feature maps but {maps.shape[-1]} numbers; choose a layer before it")
    return maps
