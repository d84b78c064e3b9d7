"""Pooling: one number for every window, its largest value or its mean."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import numpy as np

from convviz import ConvvizError
from convviz.convolution import PADDINGS
from convviz.convolution.geometry import Pair, Walk, pair, walk

MODES = ("max", "average")


def pool(
    image: np.ndarray, size: Pair = 2, *, stride: Pair | None = None, padding: str = "valid", mode: str = "max"
) -> np.ndarray:
    """The largest value, or the mean, of every window, each channel by itself.

    With "same" padding nothing is invented: a window that reaches outside takes only the pixels inside. NaN spreads to
    every window that holds one.

    Args:
        image: (H, W) or (H, W, C), any real dtype.
        size: of the window, pixels: one number or (vertical, horizontal).
        stride: step between windows, pixels; the window's size where None.
        padding: "valid" (whole windows only) or "same" (ceil(H / stride) windows, TensorFlow's).
        mode: "max" or "average".

    Returns:
        float32 (H', W') or (H', W', C); for "valid" H' = floor((H - size) / stride) + 1.

    Raises:
        ConvvizError: the window does not fit, or there is no such choice.

    Source:
        Keras, MaxPooling2D and AveragePooling2D; Scherer, Mueller & Behnke 2010, Evaluation of pooling operations.

    Example:
        >>> pool(np.arange(16).reshape(4, 4)).tolist()
        [[5.0, 7.0], [13.0, 15.0]]
    """
    image, size = np.asarray(image), pair(size, "window")
    _check(image, padding, mode)
    way = walk(image.shape, size, stride=size if stride is None else stride, padding=padding)
    if mode == "max":
        return _fold(_fold(image, way, 0, np.maximum), way, 1, np.maximum).astype(np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        total, counts = (
            _fold(_fold(values, way, 0, np.add), way, 1, np.add)
            for values in (image.astype(np.float64), np.ones(image.shape[:2]))
        )
        return (total / counts.reshape(counts.shape + (1,) * (image.ndim - 2))).astype(np.float32)


def _check(image: np.ndarray, padding: str, mode: str) -> None:
    """Refuse what is no picture and choices that do not exist."""
    if image.ndim not in (2, 3) or image.size == 0 or image.dtype.kind not in "buif":
        raise ConvvizError(f"a picture of shape {image.shape} cannot be pooled; give (H, W) or (H, W, C) real numbers")
    if padding not in PADDINGS:
        raise ConvvizError(f"pooling has no padding {padding!r:.40}; choose 'valid' or 'same'")
    if mode not in MODES:
        raise ConvvizError(f"there is no pooling mode {mode!r:.40}; choose 'max' or 'average'")


def _fold(image: np.ndarray, way: Walk, axis: int, fold: Callable) -> np.ndarray:
    """The windows along one axis, each folded into one number; what stands outside the picture changes nothing."""
    stride, span = way.stride[axis], (way.shape[axis] - 1) * way.stride[axis] + 1
    if any(way.pads[axis]):
        widths = [way.pads[n] if n == axis else (0, 0) for n in range(image.ndim)]
        image = np.pad(image, widths, constant_values=0 if fold is np.add else _least(image.dtype))
    along = (slice(None),) * axis
    return reduce(fold, (image[(*along, slice(tap, tap + span, stride))] for tap in range(way.kernel[axis])))


def _least(dtype: np.dtype) -> float:
    """The value that is never the largest."""
    if dtype.kind == "f":
        return -np.inf
    return 0 if dtype.kind == "b" else np.iinfo(dtype).min
