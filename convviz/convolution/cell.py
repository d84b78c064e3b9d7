"""One cell of a feature map, written out: what its window sees, the products, the sum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convviz import ConvvizError
from convviz.convolution.geometry import Padding, Pair, check_shapes, patch, walk


@dataclass(frozen=True, eq=False)
class Trace:
    """How one cell came about.

    Attributes:
        window: (top, left, bottom, right) in pixels of the picture, bottom and right just outside; may reach beyond it.
        patch: float64, what stands under the taps, padding filled in: (kh, kw), or (kh, kw, C) of a picture (H, W, C).
        products: float64, patch times weights: the patch's shape, or (kh, kw, C, F) for a layer.
        total: their sum: a float for one kernel on a grey picture or one filter, else float64 (C,) or (F,).
        weights: float64, as they were applied: turned round where ``flip`` was asked for.
    """

    window: tuple[int, int, int, int]
    patch: np.ndarray
    products: np.ndarray
    total: float | np.ndarray
    weights: np.ndarray


def trace(
    image: np.ndarray,
    weights: np.ndarray,
    row: int,
    col: int,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    padding_mode: str = "zero",
    flip: bool = False,
) -> Trace:
    """The arithmetic behind one cell of what ``convolve`` gives for the same choices.

    Args:
        image: (H, W) or (H, W, C).
        weights: (kh, kw), (kh, kw, C) or (kh, kw, C, F).
        row: of the cell in the feature map, from 0.
        col: of the cell in the feature map, from 0.
        stride: step between places, pixels.
        padding: "valid", "same", pixels all round, or ((top, bottom), (left, right)).
        dilation: distance between taps, pixels.
        padding_mode: one of PADDING_MODES.
        flip: turn the kernel round first.

    Returns:
        The window, the values under the taps, the products and their sum, in float64.

    Raises:
        ConvvizError: there is no such cell, or what ``convolve`` refuses.

    Example:
        >>> trace([[1, 2], [3, 4]], [[10, 0], [0, 1]], 0, 0).total
        14.0
    """
    image, weights = np.asarray(image, np.float64), np.asarray(weights, np.float64)
    check_shapes(image.shape, weights.shape)
    way = walk(image.shape, weights.shape, stride=stride, padding=padding, dilation=dilation, padding_mode=padding_mode)
    height, width = way.shape
    if not (0 <= row < height and 0 <= col < width):
        raise ConvvizError(
            f"the feature map has {height} rows and {width} columns, no cell ({row}, {col}); "
            f"choose a row up to {height - 1} and a column up to {width - 1}"
        )
    rows, columns = (
        cell * way.stride[axis] - way.pads[axis][0] + np.arange(way.kernel[axis]) * way.dilation[axis]
        for axis, cell in enumerate((row, col))
    )
    weights = weights[::-1, ::-1] if flip else weights
    seen = patch(image, rows, columns, padding_mode)
    products, total = _sum(seen, weights)
    window = (int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    return Trace(window, seen, products, total, weights)


def patches(
    image: np.ndarray,
    kernel: tuple[int, int],
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    padding_mode: str = "zero",
) -> np.ndarray:
    """What the kernel sees at every place: the picture cut into overlapping patches.

    Args:
        image: (H, W) or (H, W, C).
        kernel: (kh, kw), rows and columns of taps.
        stride: step between places, pixels.
        padding: "valid", "same", pixels all round, or ((top, bottom), (left, right)).
        dilation: distance between taps, pixels.
        padding_mode: one of PADDING_MODES.

    Returns:
        (H', W', kh, kw) or (H', W', kh, kw, C) of the picture's dtype, a copy: kh * kw times as large as the map.

    Raises:
        ConvvizError: the kernel does not fit, or the choices do not go together.

    Example:
        >>> patches(np.ones((5, 5)), (3, 3), padding=1).shape
        (5, 5, 3, 3)
    """
    image = np.asarray(image)
    way = walk(image.shape, kernel, stride=stride, padding=padding, dilation=dilation, padding_mode=padding_mode)
    rows, columns = (
        np.add.outer(np.arange(way.shape[n]) * way.stride[n], np.arange(way.kernel[n]) * way.dilation[n])
        - way.pads[n][0]
        for n in (0, 1)
    )
    seen = patch(image, rows.ravel(), columns.ravel(), padding_mode)
    return seen.reshape(*rows.shape, *columns.shape, *image.shape[2:]).swapaxes(1, 2)


def _sum(seen: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float | np.ndarray]:
    """Products and their sum: by channel for one kernel on a colour picture, by filter for a layer."""
    if weights.ndim == 2:
        weights, summed = weights.reshape(weights.shape + (1,) * (seen.ndim - 2)), (0, 1)
    else:
        seen, summed = seen.reshape(weights.shape[:3] + (1,) * (weights.ndim - 3)), (0, 1, 2)
    with np.errstate(invalid="ignore", over="ignore"):
        products = seen * weights
        total = products.sum(axis=summed)
    return products, float(total) if np.ndim(total) == 0 else total
