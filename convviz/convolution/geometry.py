"""Where a window goes: how many places it has, what is padded, and where padded values come from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from operator import index

import numpy as np

from convviz import ConvvizError

PADDINGS = ("valid", "same")
PADDING_MODES = ("zero", "reflect", "replicate", "circular")

Pair = int | tuple[int, int]  # one number, or (vertical, horizontal)
Padding = str | int | tuple[tuple[int, int], tuple[int, int]]  # a name, all round, or ((top, bottom), (left, right))
AxisPadding = str | int | tuple[int, int]  # the same along one axis: a name, both ends, or (before, after)


def reach(kernel: int, dilation: int) -> int:
    """Pixels from a dilated kernel's first tap to its last, k + (k - 1)(d - 1)."""
    return (kernel - 1) * dilation + 1


def padding_amounts(
    size: int, kernel: int, stride: int = 1, padding: AxisPadding = "valid", dilation: int = 1
) -> tuple[int, int]:
    """Rows (or columns) that padding adds along one axis.

    "same" is TensorFlow's: as much as ceil(size / stride) places need, an odd one after; it depends on the stride.

    Args:
        size: pixels of the input along the axis, at least 1.
        kernel: taps of the kernel along the axis, at least 1.
        stride: step between places, pixels, at least 1.
        padding: "valid" (none), "same", a number for both ends, or (before, after).
        dilation: distance between taps, pixels, at least 1.

    Returns:
        (before, after), pixels.

    Raises:
        ConvvizError: a number is too small, or there is no such padding.

    Source:
        TensorFlow, tf.nn, "Notes on padding"; Dumoulin & Visin 2016, arXiv:1603.07285.

    Example:
        >>> padding_amounts(7, kernel=3, stride=2, padding="same"), padding_amounts(8, 3, 2, "same")
        ((1, 1), (0, 1))
    """
    _require("size of the input", size, 1)
    _require("size of the kernel", kernel, 1)
    _require("stride", stride, 1)
    _require("dilation", dilation, 1)
    if isinstance(padding, str):
        if padding not in PADDINGS:
            raise ConvvizError(f"there is no padding {padding[:40]!r}; choose 'valid', 'same' or numbers of pixels")
        total = max((-(-size // stride) - 1) * stride + reach(kernel, dilation) - size, 0) if padding == "same" else 0
        return total // 2, total - total // 2
    before, after = (padding, padding) if np.ndim(padding) == 0 else padding
    _require("padding", before, 0)
    _require("padding", after, 0)
    return index(before), index(after)


def output_size(size: int, kernel: int, *, stride: int = 1, padding: AxisPadding = "valid", dilation: int = 1) -> int:
    """Places a kernel has along one axis: floor((size + padding - reach) / stride) + 1.

    The reach of a kernel with k taps and dilation d is k + (k - 1)(d - 1).

    Args:
        size: pixels of the input along the axis, at least 1.
        kernel: taps of the kernel along the axis, at least 1.
        stride: step between places, pixels, at least 1.
        padding: "valid" (none), "same" (the result is ceil(size / stride)), a number for both ends, or (before, after).
        dilation: distance between taps, pixels, at least 1.

    Returns:
        The size of the feature map along the axis, at least 1.

    Raises:
        ConvvizError: the kernel does not fit, or a number is too small.

    Source:
        Dumoulin & Visin 2016, arXiv:1603.07285, relationships 6 and 15.

    Example:
        >>> output_size(28, kernel=3), output_size(7, kernel=3, stride=2)
        (26, 3)
    """
    before, after = padding_amounts(size, kernel, stride, padding, dilation)
    spare = size + before + after - reach(kernel, dilation)
    if spare < 0:
        wide = f"a {reach(kernel, dilation)}-pixel kernel"
        what = f"{wide} ({kernel} taps, dilation {dilation})" if dilation > 1 else wide
        raise ConvvizError(
            f"{what} does not fit a {size}-pixel input with padding {padding!r}; "
            "use a smaller kernel, less dilation or 'same' padding"
        )
    return spare // stride + 1


def output_shape(
    image_shape: tuple[int, ...],
    weights_shape: tuple[int, ...],
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
) -> tuple[int, ...]:
    """Shape of what ``convolve`` gives, without computing it.

    Args:
        image_shape: (H, W) or (H, W, C).
        weights_shape: (kh, kw), (kh, kw, C) or (kh, kw, C, F).
        stride: step between places, pixels.
        padding: "valid", "same", pixels all round, or ((top, bottom), (left, right)).
        dilation: distance between taps, pixels.

    Returns:
        (H', W') for one kernel on a grey picture or one filter; (H', W', C) for one kernel on C channels; (H', W', F)
        for a layer of F filters.

    Raises:
        ConvvizError: shapes that do not go together, or a kernel that does not fit.

    Example:
        >>> output_shape((28, 28, 1), (3, 3, 1, 32))
        (26, 26, 32)
    """
    check_shapes(image_shape, weights_shape)
    places = walk(image_shape, weights_shape, stride=stride, padding=padding, dilation=dilation).shape
    kept = image_shape[2:] if len(weights_shape) == 2 else weights_shape[3:]
    return (*places, *kept)


def check_shapes(image_shape: tuple[int, ...], weights_shape: tuple[int, ...]) -> None:
    """Refuse a picture and weights that do not go together."""
    if len(image_shape) not in (2, 3) or 0 in image_shape:
        raise ConvvizError(f"a picture of shape {tuple(image_shape)} cannot be convolved; give (H, W) or (H, W, C)")
    if len(weights_shape) not in (2, 3, 4) or 0 in weights_shape:
        raise ConvvizError(
            f"weights of shape {tuple(weights_shape)} are no kernel; give (kh, kw), (kh, kw, C) or (kh, kw, C, F)"
        )
    channels = image_shape[2] if len(image_shape) == 3 else 1
    if len(weights_shape) > 2 and weights_shape[2] != channels:
        raise ConvvizError(
            f"the weights are for {weights_shape[2]} channels and the picture has {channels}; "
            "give weights with as many channels as the picture"
        )


@dataclass(frozen=True)
class Walk:
    """The way of a window over a picture, every pair (vertical, horizontal).

    Attributes:
        size: of the picture, pixels.
        kernel: taps.
        stride: pixels from place to place.
        dilation: pixels from tap to tap.
        pads: ((top, bottom), (left, right)), pixels.
        shape: number of places.
        mode: one of PADDING_MODES.
    """

    size: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    pads: tuple[tuple[int, int], tuple[int, int]]
    shape: tuple[int, int]
    mode: str = "zero"

    @property
    def reach(self) -> tuple[int, int]:
        """Pixels from the first tap to the last, dilation counted."""
        return reach(self.kernel[0], self.dilation[0]), reach(self.kernel[1], self.dilation[1])


def walk(
    image_shape: tuple[int, ...],
    kernel_shape: tuple[int, ...],
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    padding_mode: str = "zero",
) -> Walk:
    """The way of a kernel over a picture; refuses what does not fit."""
    if padding_mode not in PADDING_MODES:
        raise ConvvizError(f"there is no padding mode {padding_mode!r:.40}; choose one of {', '.join(PADDING_MODES)}")
    strides, dilations = pair(stride, "stride"), pair(dilation, "dilation")
    return _walk(*map(tuple, (image_shape[:2], kernel_shape[:2])), strides, dilations, *by_axis(padding), padding_mode)


@lru_cache(maxsize=256, typed=True)
def _walk(
    size: tuple[int, int],
    kernel: tuple[int, int],
    strides: tuple[int, int],
    dilations: tuple[int, int],
    down: AxisPadding,
    across: AxisPadding,
    mode: str,
) -> Walk:
    """The same, remembered: for a small picture finding the way takes longer than going it."""
    axes = list(zip(size, kernel, strides, (down, across), dilations, strict=True))
    pads = tuple(padding_amounts(*axis) for axis in axes)
    shape = tuple(output_size(s, k, stride=step, padding=p, dilation=d) for s, k, step, p, d in axes)
    return Walk(size, kernel, strides, dilations, pads, shape, mode)


def pair(value: Pair, what: str) -> tuple[int, int]:
    """One number for both directions, or (vertical, horizontal)."""
    if isinstance(value, int) or np.ndim(value) == 0:
        return index(value), index(value)
    if len(value) != 2:
        raise ConvvizError(f"{what} {value} has {len(value)} numbers; give one, or one down and one across")
    return index(value[0]), index(value[1])


def by_axis(padding: Padding) -> tuple[AxisPadding, AxisPadding]:
    """Padding of the vertical and of the horizontal axis."""
    if isinstance(padding, str) or np.ndim(padding) == 0:
        return padding, padding
    if np.shape(padding) != (2, 2):
        raise ConvvizError(f"padding {padding} is not understood; give pixels, or ((top, bottom), (left, right))")
    (top, bottom), (left, right) = padding
    return (top, bottom), (left, right)


def _require(what: str, value: int, least: int) -> None:
    """Refuse numbers that mean nothing."""
    if value < least:
        raise ConvvizError(f"the {what} is {value}; make it at least {least}")


def source(places: np.ndarray, size: int, mode: str) -> np.ndarray:
    """Which pixel stands at a place that may lie outside the picture.

    Args:
        places: int (N,), along one axis, 0 is the first pixel.
        size: pixels along the axis.
        mode: one of PADDING_MODES, with the meaning ``np.pad`` gives to constant, reflect, edge and wrap.

    Returns:
        int (N,), in range; -1 where nothing but a zero stands.
    """
    if mode == "zero":
        return np.where((places >= 0) & (places < size), places, -1)
    if mode == "replicate":
        return np.clip(places, 0, size - 1)
    if mode == "circular":
        return places % size
    period = max(2 * (size - 1), 1)
    return np.minimum(places % period, period - places % period) if size > 1 else np.zeros_like(places)


def patch(image: np.ndarray, rows: np.ndarray, columns: np.ndarray, mode: str) -> np.ndarray:
    """What stands at these rows and columns, which may lie outside the picture: a copy, (rows, columns, ...)."""
    rows, columns = source(rows, image.shape[0], mode), source(columns, image.shape[1], mode)
    found = image[np.ix_(rows, columns)]
    found[rows < 0] = 0
    found[:, columns < 0] = 0
    return found


def pad(image: np.ndarray, pads: tuple[tuple[int, int], tuple[int, int]], mode: str) -> np.ndarray:
    """A picture with its padding, (H, W, ...) of the dtype that came in; itself where there is none."""
    (top, bottom), (left, right) = pads
    if top == bottom == left == right == 0:
        return image
    height, width = image.shape[:2]
    if mode == "zero":
        padded = np.empty((top + height + bottom, left + width + right, *image.shape[2:]), image.dtype)
        padded[:top] = padded[top + height :] = padded[:, :left] = padded[:, left + width :] = 0
        padded[top : top + height, left : left + width] = image
        return padded
    rows = source(np.arange(-top, height + bottom), height, mode)
    columns = source(np.arange(-left, width + right), width, mode)
    return np.take(np.take(image, rows, axis=0), columns, axis=1)
