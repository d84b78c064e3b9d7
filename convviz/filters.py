"""The kernels that a network has learned: as pictures, as numbers, and as what they let through.

A filter is a stack of kernels, one for each input channel; what the stack gives is added up into one feature map.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from convviz import ConvvizError, lazy, rendering, tracing, zoo

keras = lazy.load("keras")

KINDS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose")
_LARGEST = 14  # screen pixels to a weight, at most
_FRAME = 2  # pixels between tiles
_BETWEEN = 128  # grey of these, which no weight's colour has
_LARGER = 4  # times the median filter's largest weight, above which a filter's colours are its own
_STEPS = 40  # of a histogram


@dataclass(frozen=True)
class Board:
    """One kernel of every filter of a layer as one picture.

    Attributes:
        png: the picture's file; brown below zero, teal above, one scale for all but those in ``own``.
        shape: (kh, kw, input channels, filters) of the layer's weights.
        columns: kernels in a row.
        limit: the weight of full colour.
        norms: float32 (filters,), the length of each filter as a vector, all its kernels together.
        own: filter -> its weight of full colour, of those that would make the others pale.
    """

    png: bytes
    shape: tuple[int, int, int, int]
    columns: int
    limit: float
    norms: np.ndarray
    own: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Filter:
    """One filter.

    Attributes:
        kernels: float32 (kh, kw, input channels).
        bias: added to the sum; None where the layer has none.
    """

    kernels: np.ndarray
    bias: float | None


@dataclass(frozen=True)
class Statistics:
    """A layer's weights in figures.

    Attributes:
        count: how many.
        mean: of all that are finite, as the rest.
        deviation: standard deviation.
        minimum: lowest.
        maximum: highest.
        small: share of them below a hundredth of the largest magnitude.
        counts: int64 (40,), weights in equal steps from the lowest to the highest.
        edges: float64 (41,), where the steps begin and end.
        alike: (filter, filter, cosine of the angle between them) of the two filters most alike; None for a single one.
        biases: (lowest, mean, highest), or None where the layer has none.
    """

    count: int
    mean: float
    deviation: float
    minimum: float
    maximum: float
    small: float
    counts: np.ndarray
    edges: np.ndarray
    alike: tuple[int, int, float] | None
    biases: tuple[float, float, float] | None


def weights(network: Any, layer: str) -> tuple[np.ndarray, np.ndarray | None]:
    """A convolution's weights, whatever its kind, in one order.

    Args:
        network: ``zoo.Network`` or a built Keras model.
        layer: path of a layer of one of ``KINDS``; of a separable one the depthwise part is taken.

    Returns:
        (float32 (kh, kw, input channels, filters), float32 (filters,) or None). A depthwise kernel has one input
        channel and as many filters as the layer has outputs.

    Raises:
        ConvvizError: there is no such layer, or it has no kernels.
    """
    network = zoo.as_network(network)
    found = tracing.leaves(network.model).get(layer)
    if found is None:
        raise ConvvizError(f"{network.card.title} has no layer {layer[:80]!r}; choose another")
    kind = type(found).__name__
    if kind not in KINDS:
        raise ConvvizError(f"{layer} is a {kind} layer, which has no kernels; choose a convolution")
    if kind in ("DepthwiseConv2D", "SeparableConv2D"):
        numbers = _array(found.depthwise_kernel if kind == "SeparableConv2D" else found.kernel)
        numbers = numbers.reshape(*numbers.shape[:2], 1, -1)
    else:
        numbers = _array(found.kernel)
        numbers = numbers.transpose(0, 1, 3, 2) if kind == "Conv2DTranspose" else numbers
    has_bias = found.use_bias and kind != "SeparableConv2D"
    return np.ascontiguousarray(numbers), _array(found.bias) if has_bias else None


def _array(variable: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(variable, "float32")))


def board(network: Any, layer: str, channel: int = 0, *, columns: int = 16, widest: int = 1000) -> Board:
    """The kernels of all filters for one input channel.

    Args:
        network: as for ``weights``.
        layer: as for ``weights``.
        channel: of the layer's input, from 0.
        columns: kernels in a row.
        widest: pixels that the picture may be wide.

    Returns:
        The board.

    Raises:
        ConvvizError: as ``weights``, or there is no such channel.
    """
    numbers, _ = weights(network, layer)
    if not 0 <= channel < numbers.shape[2]:
        raise ConvvizError(f"{layer} reads {numbers.shape[2]} channels, counted from 0, and no number {channel}")
    kernels = numbers[:, :, channel]
    limit, own = scales(numbers)
    limits = np.array([own.get(number, limit) for number in range(kernels.shape[2])])
    columns = max(1, min(columns, kernels.shape[2]))
    norms = np.linalg.norm(numbers.reshape(-1, numbers.shape[3]), axis=0)
    return Board(rendering.png(tiled(kernels, limits, columns, widest)), numbers.shape, columns, limit, norms, own)


def scales(numbers: np.ndarray) -> tuple[float, dict[int, float]]:
    """Where the colours of a layer's filters end, so that one large filter does not make the others pale.

    Args:
        numbers: (kh, kw, input channels, filters) float; what is not finite does not count.

    Returns:
        The largest magnitude of all filters but the much larger ones, 1 if all are zero; and of each of these, whose
        largest magnitude is more than four times the median filter's, its own.

    Example:
        >>> scales(np.float32([[[[1, 1, 9]]]]))
        (1.0, {2: 9.0})
    """
    each = np.abs(np.where(np.isfinite(numbers), numbers, 0)).reshape(-1, numbers.shape[-1]).max(axis=0)
    usual = float(np.median(each))
    own = {int(place): float(each[place]) for place in np.flatnonzero(each > _LARGER * usual)} if usual > 0 else {}
    rest = np.delete(each, list(own))
    return float(rest.max()) or 1.0, own


def one(network: Any, layer: str, index: int) -> Filter:
    """One filter: the stack of its kernels, and its bias.

    Args:
        network: as for ``weights``.
        layer: as for ``weights``.
        index: from 0.

    Returns:
        The filter.

    Raises:
        ConvvizError: as ``weights``, or there is no such filter.
    """
    numbers, bias = weights(network, layer)
    if not 0 <= index < numbers.shape[3]:
        raise ConvvizError(f"{layer} has {numbers.shape[3]} filters, counted from 0, and no number {index}")
    return Filter(np.ascontiguousarray(numbers[..., index]), None if bias is None else float(bias[index]))


def statistics(network: Any, layer: str) -> Statistics:
    """The weights of all filters of a layer in figures.

    Args:
        network: as for ``weights``.
        layer: as for ``weights``.

    Returns:
        The figures; NaN where no weight is finite.

    Raises:
        ConvvizError: as ``weights``.
    """
    numbers, bias = weights(network, layer)
    finite = numbers[np.isfinite(numbers)].astype(np.float64)
    shown = finite if finite.size else np.full(1, np.nan)
    counts, edges = (
        np.histogram(finite, _STEPS) if finite.size else (np.zeros(_STEPS, np.int64), np.arange(_STEPS + 1.0))
    )
    return Statistics(
        count=numbers.size,
        mean=float(shown.mean()),
        deviation=float(shown.std()),
        minimum=float(shown.min()),
        maximum=float(shown.max()),
        small=float((np.abs(shown) < 0.01 * np.abs(shown).max()).mean()),
        counts=counts,
        edges=edges,
        alike=_most_alike(numbers.reshape(-1, numbers.shape[3])),
        biases=None if bias is None else (float(bias.min()), float(bias.mean()), float(bias.max())),
    )


def _most_alike(columns: np.ndarray) -> tuple[int, int, float] | None:
    """Of some columns (N, F), the two with the smallest angle between them."""
    lengths = np.linalg.norm(columns, axis=0)
    known = np.flatnonzero(np.isfinite(lengths) & (lengths > 0))
    if len(known) < 2:
        return None
    units = columns[:, known] / lengths[known]
    cosines = units.T @ units
    np.fill_diagonal(cosines, -np.inf)
    one, other = np.unravel_index(int(cosines.argmax()), cosines.shape)
    return int(known[one]), int(known[other]), float(min(cosines[one, other], 1.0))


def tiled(kernels: np.ndarray, limit: float | np.ndarray, columns: int, widest: int = 1000) -> np.ndarray:
    """Kernels side by side in rows, each weight a square.

    Args:
        kernels: (kh, kw, N) float.
        limit: the weight of full colour, one for all or (N,).
        columns: kernels in a row.
        widest: pixels that the picture may be wide.

    Returns:
        uint8 (height, width, 3), NaN black, grey between the kernels.
    """
    height, width, count = kernels.shape
    rows = -(-count // columns)
    pixel = max(1, min(_LARGEST, (widest // columns - _FRAME) // width))
    size = rows * (height * pixel + _FRAME) - _FRAME, columns * (width * pixel + _FRAME) - _FRAME
    picture = np.full((*size, 3), _BETWEEN, np.uint8)
    limits = np.broadcast_to(limit, (count,))
    for number in range(count):
        row, col = divmod(number, columns)
        top, left = row * (height * pixel + _FRAME), col * (width * pixel + _FRAME)
        kernel = kernels[..., number]
        tile = rendering.enlarge(rendering.marked(rendering.heat(kernel / limits[number], "weights"), kernel), pixel)
        picture[top : top + height * pixel, left : left + width * pixel] = tile
    return picture


def longest(norms: np.ndarray) -> int:
    """The filter of the largest finite length, 0 if no length is finite."""
    return int(np.where(np.isfinite(norms), norms, -1).argmax())


def largest(numbers: np.ndarray) -> float:
    """Where the colours end: the largest finite magnitude, 1 if all are zero."""
    finite = np.abs(numbers[np.isfinite(numbers)])
    return (float(finite.max()) if finite.size else 0.0) or 1.0
