"""Ways to make a feature map smaller, and what a shift of the picture by a few pixels does to each.

Every way has two halves: something at every place (the largest value of a window, its mean, a blur, or nothing), and
then a stride that keeps every s-th place. Only the second half feels by how many pixels the picture has moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from convviz import ConvvizError, kernels
from convviz.convolution import convolve
from convviz.pooling import pool

BLURS = (2, 3, 5, 7)  # taps
COMPARISONS = ("moved along", "in place")


@dataclass(frozen=True)
class Way:
    """One way to make a map smaller.

    Attributes:
        title: what people call it.
        fold: what is done at every place, "max", "average" or nothing.
        blur: whether a binomial blur goes before the stride.
        source: who proposed it.
    """

    title: str
    fold: str
    blur: bool
    source: str


_ZHANG = "Zhang 2019, Making convolutional networks shift-invariant again, arXiv:1904.11486"
_SCHERER = "Scherer, Müller & Behnke 2010, Evaluation of pooling operations"
WAYS: Mapping[str, Way] = MappingProxyType(
    {
        "stride": Way("Strided convolution", "", False, "Springenberg et al. 2015, arXiv:1412.6806"),
        "max": Way("Max pooling", "max", False, _SCHERER),
        "average": Way("Average pooling", "average", False, "LeCun et al. 1998, section II.B; " + _SCHERER),
        "blurred_stride": Way("Convolution, blur, stride", "", True, _ZHANG),
        "blurred_max": Way("Max, blur, stride", "max", True, _ZHANG),
    }
)


def downsample(
    image: np.ndarray,
    way: str,
    *,
    weights: np.ndarray,
    size: int = 2,
    stride: int = 2,
    taps: int = 3,
    relu: bool = False,
    padding: str = "valid",
) -> np.ndarray:
    """A picture under a kernel, made smaller in one of the ways.

    "stride" is Keras' strided convolution; "max" and "average" are the convolution at every place and then Keras'
    pooling; with a blur, the last step is a blur by a binomial kernel that is computed at every s-th place only, the
    picture mirrored at its border where the padding is "same".

    Args:
        image: (H, W), any real dtype.
        way: one of ``WAYS``.
        weights: (kh, kw) of the convolution; ``[[1]]`` leaves the picture as it is.
        size: of the pooling window, pixels.
        stride: step between places that are kept, pixels.
        taps: of the blur, one of ``BLURS``.
        relu: cut negative values of the convolution to 0 before anything else.
        padding: "valid" or "same", of convolution, pooling and blur.

    Returns:
        float32 (H', W').

    Raises:
        ConvvizError: there is no such way or blur, or something does not fit.

    Source:
        Zhang 2019, Making convolutional networks shift-invariant again, arXiv:1904.11486, section 3.2.

    Example:
        >>> downsample(np.arange(16).reshape(4, 4), "max", weights=np.ones((1, 1))).tolist()
        [[5.0, 7.0], [13.0, 15.0]]
    """
    chosen = _chosen(way, taps)
    if not chosen.fold and not chosen.blur:
        return _cut(convolve(image, weights, stride=stride, padding=padding), relu)
    feature_map = _cut(convolve(image, weights, padding=padding), relu)
    if chosen.fold:
        step = 1 if chosen.blur else stride
        feature_map = pool(feature_map, size, stride=step, padding=padding, mode=chosen.fold)
    if not chosen.blur:
        return feature_map
    return convolve(
        feature_map, kernels.binomial(taps), stride=stride, padding=_around(taps, padding), padding_mode="reflect"
    )


def _around(taps: int, padding: str) -> str | tuple[tuple[int, int], tuple[int, int]]:
    """The blur's padding: the blur's middle stands on the places that the stride keeps, from the first on."""
    before = (taps - 1) // 2
    return padding if padding == "valid" else ((before, taps - 1 - before),) * 2


@dataclass(frozen=True)
class Figures:
    """What a smaller map keeps of the map it was made from.

    Attributes:
        shape: of the smaller map.
        kept: how many numbers are left for each that there was.
        mean: of the smaller map.
        largest: its largest value.
        deviation: its standard deviation.
        error: the root mean square of what differs when each cell fills the stride's square again.
    """

    shape: tuple[int, int]
    kept: float
    mean: float
    largest: float
    deviation: float
    error: float


def figures(before: np.ndarray, after: np.ndarray, stride: int | tuple[int, int]) -> Figures:
    """What is left of a map, in numbers.

    Args:
        before: (H, W), at every place.
        after: (H', W'), made smaller.
        stride: pixels that each cell stands for, one number or (vertical, horizontal).

    Example:
        >>> figures(np.array([[0, 2], [4, 6]]), np.array([[3]]), 2).error == 5**0.5
        True
    """
    down, across = (stride, stride) if np.ndim(stride) == 0 else stride
    filled = after.repeat(down, axis=0).repeat(across, axis=1)[: before.shape[0], : before.shape[1]]
    error = np.sqrt(np.square(before[: filled.shape[0], : filled.shape[1]].astype(np.float64) - filled).mean())
    return Figures(
        after.shape,
        after.size / before.size,
        float(after.mean(dtype=np.float64)),
        float(after.max()),
        float(after.std(dtype=np.float64)),
        float(error),
    )


def shift_changes(
    image: np.ndarray,
    way: str,
    shifts: Sequence[int],
    *,
    weights: np.ndarray,
    size: int = 2,
    stride: int = 2,
    taps: int = 3,
    relu: bool = False,
    compared: str = "moved along",
) -> np.ndarray:
    """By how much the smaller map changes when the picture is shifted to the right by some pixels.

    The picture goes on at its other side and is cut to whole strides first, so that nothing but the shift changes.

    Args:
        image: (H, W), any real dtype.
        way: one of ``WAYS``.
        shifts: pixels.
        weights: as for ``downsample``, and so are size, stride, taps and relu.
        size: of the pooling window, pixels.
        stride: step between places that are kept, pixels.
        taps: of the blur, one of ``BLURS``.
        relu: cut negative values of the convolution to 0 before anything else.
        compared: "in place": each cell with what it was before the shift. "moved along": with the map before the
            shift, itself moved by shift / stride cells (between cells by its waves, so that a map which has only moved
            changes by 0); what is left was made by the stride.

    Returns:
        float64 (len(shifts),): the root of the summed squares of the change, over that of the map's deviation from
        its mean; 0 for a map that is even everywhere.

    Raises:
        ConvvizError: there is no such way, blur or comparison.

    Source:
        Zhang 2019, Making convolutional networks shift-invariant again, arXiv:1904.11486, section 3.1; Azulay & Weiss
        2019, Why do deep convolutional networks generalize so poorly to small image transformations?, section 3.
    """
    if compared not in COMPARISONS:
        raise ConvvizError(f"there is no comparison {compared!r:.40}; choose one of {', '.join(COMPARISONS)}")
    dense = _everywhere(whole_strides(image, stride), _chosen(way, taps), weights, size, taps, relu)
    columns = np.arange(0, dense.shape[1], stride)
    before = dense[::stride, columns].astype(np.float64)
    spread = np.linalg.norm(before - before.mean())
    changes = []
    for shift in shifts:
        after = dense[::stride, (columns - shift) % dense.shape[1]]
        expected = before if compared == "in place" else _moved(before, shift / stride)
        changes.append(np.linalg.norm(after - expected) / spread if spread > 1e-9 * dense.size else 0.0)
    return np.array(changes)


def whole_strides(image: np.ndarray, stride: int) -> np.ndarray:
    """A picture cut to a whole number of strides along both axes; one smaller than a stride is repeated to fill it.

    Example:
        >>> whole_strides(np.zeros((7, 3)), 4).shape
        (4, 4)
    """
    rows, columns = (np.arange(max(stride, side // stride * stride)) % side for side in image.shape[:2])
    return image[np.ix_(rows, columns)]


def _everywhere(image: np.ndarray, way: Way, weights: np.ndarray, size: int, taps: int, relu: bool) -> np.ndarray:
    """The first half of a way, at every place of a picture that goes on at its other side."""
    around = {"padding": "same", "padding_mode": "circular"}
    dense = _cut(convolve(image, weights, **around), relu)
    if way.fold:
        rows, columns = (np.arange(side + size - 1) % side for side in dense.shape)
        dense = pool(dense[np.ix_(rows, columns)], size, stride=1, mode=way.fold)
    return convolve(dense, kernels.binomial(taps), **around) if way.blur else dense


def _moved(values: np.ndarray, cells: float) -> np.ndarray:
    """A map that goes on at its other side, moved to the right by any number of cells, wave by wave."""
    width = values.shape[1]
    waves = np.fft.rfft(values, axis=1)
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(width) * cells)
    return np.fft.irfft(waves * turn, n=width, axis=1)


def _cut(values: np.ndarray, relu: bool) -> np.ndarray:
    return np.maximum(values, 0) if relu else values


def _chosen(way: str, taps: int) -> Way:
    """The way of that name."""
    if way not in WAYS:
        raise ConvvizError(f"there is no way {way!r:.40} to make a map smaller; choose one of {', '.join(WAYS)}")
    if taps not in BLURS:
        raise ConvvizError(f"there is no blur of {taps} taps; choose one of {', '.join(map(str, BLURS))}")
    return WAYS[way]
