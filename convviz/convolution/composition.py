"""Two kernels one after the other, and the single kernel that does the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convviz import ConvvizError
from convviz.convolution.geometry import Padding, Pair, pair, walk
from convviz.convolution.operations import convolve, real


def compose(first: np.ndarray, second: np.ndarray, *, stride: Pair = 1, dilation: Pair = 1) -> np.ndarray:
    """The single kernel that equals two kernels slid one after the other, away from the border.

    Its weights are the full (true) convolution of the two. Where the first kernel takes steps, the taps of the second
    lie as far apart, and the single kernel takes the same steps.

    Args:
        first: (kh, kw), or (kh, kw, C) for a filter.
        second: (kh, kw), slid over what the first gives, pixel by pixel.
        stride: of the first kernel, pixels.
        dilation: of the first kernel, pixels.

    Returns:
        float32 (KH, KW) or (KH, KW, C), undilated; without strides and dilation KH = kh of the one + kh of the other
        - 1.

    Raises:
        ConvvizError: the weights are no kernels, or a stride or dilation is too small.

    Source:
        Associativity of convolution: Gonzalez & Woods, Digital Image Processing, 4th ed., section 3.4, table 3.5.

    Example:
        >>> compose(np.ones((1, 2)), np.ones((1, 2))).tolist()
        [[1.0, 2.0, 1.0]]
    """
    first, second = real(first, "first kernel"), real(second, "second kernel")
    if first.ndim not in (2, 3) or second.ndim != 2 or 0 in first.shape + second.shape:
        raise ConvvizError(
            f"kernels of shapes {first.shape} and {second.shape} cannot follow each other; give (kh, kw) for both, "
            "or (kh, kw, C) for the first"
        )
    (down, across), (apart_down, apart_across) = pair(stride, "stride"), pair(dilation, "dilation")
    if min(down, across, apart_down, apart_across) < 1:
        raise ConvvizError(f"the stride is {stride} and the dilation {dilation}; make both at least 1")
    tall, wide = (first.shape[0] - 1) * apart_down + 1, (first.shape[1] - 1) * apart_across + 1
    rows, columns = second.shape
    whole = np.zeros(((rows - 1) * down + tall, (columns - 1) * across + wide, *first.shape[2:]))
    for row, col in np.ndindex(rows, columns):
        top, left = row * down, col * across
        part = whole[top : top + tall : apart_down, left : left + wide : apart_across]
        part += first.astype(np.float64) * float(second[row, col])
    return whole.astype(np.float32)


@dataclass(frozen=True, eq=False)
class Composition:
    """Two steps and one step of the same.

    Attributes:
        halfway: float32, what the first kernel gives.
        twice: float32 (H', W') or (H', W', C), what the second kernel makes of that.
        kernel: float32 (KH, KW) or (KH, KW, C), the single kernel; it has the dilation in it.
        once: float32, of the shape of ``twice``: what the single kernel gives.
        edge: bool (H', W'), places at which the second kernel sees padding.
    """

    halfway: np.ndarray
    twice: np.ndarray
    kernel: np.ndarray
    once: np.ndarray
    edge: np.ndarray

    def difference(self, *, edge: bool) -> float:
        """The largest absolute difference between two steps and one, at the edge or away from it; 0 of no place."""
        places = self.edge if edge else ~self.edge
        apart = np.abs(self.twice.astype(np.float64) - self.once)[places]
        return float(apart.max()) if apart.size else 0.0


def in_two_steps(
    image: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    *,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    padding_mode: str = "zero",
    flip: bool = False,
) -> Composition:
    """A picture under two kernels, one after the other, and under the single kernel that equals them.

    Both agree to rounding, except at the edge: the second kernel sees the padding of the first kernel's map, the single
    one what the first would have answered there.

    Args:
        image: (H, W) or (H, W, C).
        first: (kh, kw), or (kh, kw, C) for a filter; slid with all the choices below.
        second: (kh, kw); slid over the first one's map pixel by pixel, padded alike.
        stride: of the first kernel, pixels.
        padding: of both, as for ``convolve``.
        dilation: of the first kernel, pixels.
        padding_mode: of both.
        flip: turn both round first.

    Returns:
        Both results and the single kernel.

    Raises:
        ConvvizError: what ``convolve`` refuses in either step.
    """
    look = {"padding_mode": padding_mode, "flip": flip}
    halfway = convolve(image, first, stride=stride, padding=padding, dilation=dilation, **look)
    twice = convolve(halfway, second, padding=padding, **look)
    steps = pair(stride, "stride")
    way = walk(np.shape(image), np.shape(first), stride=stride, padding=padding, dilation=dilation)
    then = walk(halfway.shape, np.shape(second), padding=padding)
    kernel = compose(first, second, stride=stride, dilation=dilation)
    pads = []
    for axis in (0, 1):
        before = way.pads[axis][0] + steps[axis] * then.pads[axis][0]
        needed = (then.shape[axis] - 1) * steps[axis] + kernel.shape[axis] - way.size[axis] - before
        pads.append((before, max(needed, 0)))
    once = convolve(image, kernel, stride=steps, padding=tuple(pads), **look)
    edges = [_sees_padding(then.size[n], then.kernel[n], then.pads[n][0], then.shape[n]) for n in (0, 1)]
    return Composition(
        halfway, twice, kernel, once[: then.shape[0], : then.shape[1]], edges[0][:, None] | edges[1][None]
    )


def _sees_padding(size: int, kernel: int, before: int, places: int) -> np.ndarray:
    """Which places along one axis have a window that reaches out."""
    first = np.arange(places) - before
    return (first < 0) | (first + kernel > size)
