"""Kinds of convolution: which weights each has, how often they are multiplied, and what only some of them do.

A standard convolution joins three things: it looks at neighbours, it mixes channels, and it keeps the size. The other
kinds leave one of them out, or spread it: grouped and depthwise convolutions mix fewer channels, pointwise ones look
at no neighbour, dilated ones look farther with the same weights, transposed ones make the map larger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np

from convviz import ConvvizError, kernels, matrices
from convviz.convolution import convolve, depthwise, output_size, pointwise, transpose
from convviz.convolution.geometry import Padding, Pair, pair

KINDS = ("standard", "dilated", "transposed", "grouped", "depthwise", "pointwise", "separable")
STAMPS = ("flat", "tent", "random")  # kernels that a transposed convolution lays down
ENLARGEMENTS = ("nearest", "bilinear")
LONGEST_MIX = 6  # maps that a pointwise layer made by hand gives at most


@dataclass(frozen=True)
class Mix:
    """How a pointwise layer mixes red, green and blue.

    Attributes:
        title: what people call it.
        rows: for each map that comes out, its share of red, green and blue.
        names: of the maps that come out.
        source: where it is from.
    """

    title: str
    rows: tuple[tuple[float, float, float], ...]
    names: tuple[str, ...]
    source: str


MIXES: Mapping[str, Mix] = MappingProxyType(
    {
        "luminance": Mix(
            "Luminance", ((0.299, 0.587, 0.114),), ("brightness",), "ITU-R Recommendation BT.601-7, section 2.5.1"
        ),
        "opponent": Mix(
            "Opponent colours",
            ((0.70711, -0.70711, 0.0), (0.40825, 0.40825, -0.8165), (0.57735, 0.57735, 0.57735)),
            ("red against green", "yellow against blue", "brightness"),
            "van de Sande, Gevers & Snoek 2010, Evaluating color descriptors, IEEE PAMI 32(9), equation 3",
        ),
        "swap": Mix(
            "Red and blue change places",
            ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)),
            ("red", "green", "blue"),
            "Lin, Chen & Yan 2014, Network in network, arXiv:1312.4400, section 3",
        ),
    }
)


@dataclass(frozen=True)
class Count:
    """What one layer costs.

    Attributes:
        kind: one of ``KINDS``.
        parameters: weights and biases.
        parameters_told: the same as a formula with its numbers.
        multiply_adds: products that are added up, padding counted in, biases not.
        multiply_adds_told: the same as a formula with its numbers.
        output: (H', W', C') of the feature maps.
    """

    kind: str
    parameters: int
    parameters_told: str
    multiply_adds: int
    multiply_adds_told: str
    output: tuple[int, int, int]


def count(
    kind: str,
    shape: tuple[int, int, int],
    *,
    filters: int,
    kernel: Pair = 3,
    groups: int = 1,
    stride: Pair = 1,
    padding: str = "same",
    dilation: Pair = 1,
    bias: bool = True,
) -> Count:
    """Parameters and multiply-adds of one layer.

    Args:
        kind: one of ``KINDS``. A depthwise layer has as many channels after as before, whatever ``filters`` says; a
            pointwise one has 1x1 kernels; in a transposed one every input pixel meets every weight.
        shape: (H, W, C) of what goes in.
        filters: channels that come out.
        kernel: taps.
        groups: of channels, for "grouped"; divides C and ``filters``.
        stride: pixels.
        padding: "valid" or "same".
        dilation: pixels between taps, for "dilated"; costs nothing.
        bias: one number for each channel that comes out.

    Returns:
        a `Count`.

    Raises:
        ConvvizError: no such kind, groups that do not divide the channels, or a kernel that does not fit.

    Source:
        Howard et al. 2017, MobileNets, arXiv:1704.04861, section 3.1; Krizhevsky, Sutskever & Hinton 2012, for groups.

    Example:
        >>> count("standard", (28, 28, 1), filters=32, padding="valid").parameters_told
        '3·3·1·32 + 32 = 320'
    """
    if kind not in KINDS:
        raise ConvvizError(f"there is no kind of convolution {kind[:40]!r}; choose one of {', '.join(KINDS)}")
    height, width, channels = shape
    (kh, kw), steps = (1, 1) if kind == "pointwise" else pair(kernel, "kernel"), pair(stride, "stride")
    out = channels if kind == "depthwise" else filters
    places = _places((height, width), (kh, kw), steps, padding, pair(dilation, "dilation"), kind)
    factors = {
        "grouped": [(kh, kw, channels // _dividing(groups, channels, filters), filters)],
        "depthwise": [(kh, kw, channels)],
        "pointwise": [(channels, filters)],
        "separable": [(kh, kw, channels), (channels, filters)],
    }.get(kind, [(kh, kw, channels, filters)])
    used = (height, width) if kind == "transposed" else places
    biases = [(out,)] if bias else []
    parameters, parameters_told = _told([*factors, *biases])
    multiply_adds, multiply_adds_told = _told([(*used, *one) for one in factors])
    return Count(kind, parameters, parameters_told, multiply_adds, multiply_adds_told, (*places, out))


def _places(
    size: tuple[int, int],
    kernel: tuple[int, int],
    steps: tuple[int, int],
    padding: str,
    dilation: tuple[int, int],
    kind: str,
) -> tuple[int, int]:
    """Height and width of what comes out."""
    if kind == "transposed":
        spare = [max(k - s, 0) if padding == "valid" else 0 for k, s in zip(kernel, steps, strict=True)]
        return size[0] * steps[0] + spare[0], size[1] * steps[1] + spare[1]
    down, across = (
        output_size(n, k, stride=s, padding=padding, dilation=d if kind == "dilated" else 1)
        for n, k, s, d in zip(size, kernel, steps, dilation, strict=True)
    )
    return down, across


def _told(terms: Sequence[tuple[int, ...]]) -> tuple[int, str]:
    """A sum of products, and how it is written."""
    total = sum(int(np.prod(term, dtype=object)) for term in terms)
    return total, f"{' + '.join('·'.join(str(factor) for factor in term) for term in terms)} = {total:,}"


def _dividing(groups: int, channels: int, filters: int) -> int:
    """The number of groups, if it divides both numbers of channels."""
    if groups < 1 or channels % groups or filters % groups:
        raise ConvvizError(
            f"{groups} groups do not divide {channels} channels in and {filters} channels out; "
            "choose a number that divides both"
        )
    return groups


def common_groups(channels: int, filters: int) -> tuple[int, ...]:
    """Numbers of groups that divide both numbers of channels.

    Example:
        >>> common_groups(12, 8)
        (1, 2, 4)
    """
    return tuple(n for n in range(1, min(channels, filters) + 1) if channels % n == filters % n == 0)


def grouped(
    image: np.ndarray, weights: np.ndarray, *, groups: int, stride: Pair = 1, padding: Padding = "valid"
) -> np.ndarray:
    """A layer whose channels are cut into groups; each group of filters sees only its own group of channels.

    Args:
        image: (H, W, C).
        weights: (kh, kw, C / groups, F), in Keras' order; the first F / groups filters see the first group.
        groups: divides C and F.
        stride: step between places, pixels.
        padding: as for ``convolution.convolve``.

    Returns:
        float32 (H', W', F).

    Raises:
        ConvvizError: shapes or groups that do not go together.

    Source:
        Krizhevsky, Sutskever & Hinton 2012, ImageNet classification with deep convolutional neural networks; Keras,
        Conv2D with groups.
    """
    image, weights = np.asarray(image), np.asarray(weights)
    if image.ndim != 3 or weights.ndim != 4 or weights.shape[2] * groups != image.shape[2]:
        raise ConvvizError(
            f"a grouped convolution takes a picture (H, W, C) and weights (kh, kw, C / groups, F), not {image.shape} "
            f"and {weights.shape} with {groups} groups; make the shapes fit"
        )
    _dividing(groups, image.shape[2], weights.shape[3])
    pieces = zip(np.split(image, groups, axis=-1), np.split(weights, groups, axis=-1), strict=True)
    return np.concatenate([convolve(part, own, stride=stride, padding=padding) for part, own in pieces], axis=-1)


def connections(channels: int, filters: int, groups: int) -> np.ndarray:
    """Which channel reaches which filter of a grouped layer.

    Args:
        channels: that go in.
        filters: that come out.
        groups: divides both; as many as channels for a depthwise layer.

    Returns:
        bool (filters, channels).

    Raises:
        ConvvizError: groups that do not divide both.

    Example:
        >>> connections(4, 2, 2).astype(int).tolist()
        [[1, 1, 0, 0], [0, 0, 1, 1]]
    """
    _dividing(groups, channels, filters)
    belongs_out, belongs_in = np.arange(filters) * groups // filters, np.arange(channels) * groups // channels
    return belongs_out[:, None] == belongs_in[None]


def twelve_channels(picture: np.ndarray) -> np.ndarray:
    """A map with twelve channels, as in the middle of a network: red, green and blue under four kernels each.

    Args:
        picture: uint8 (H, W, 3).

    Returns:
        float32 (H, W, 12): first red as it is, its edges by Sobel both ways and its Laplacian, then green, then blue;
        255 counts as 1, the border is repeated outside.
    """
    seen = [
        convolve(picture / np.float32(255), kernels.KERNELS[name].weights, padding="same", padding_mode="replicate")
        for name in ("identity", "sobel_x", "sobel_y", "laplacian")
    ]
    return np.stack(seen, axis=-1).reshape(*picture.shape[:2], 12)


def random_weights(shape: tuple[int, int, int, int], *, seed: int = 0) -> np.ndarray:
    """Weights of a layer that has learned nothing yet, drawn as He et al. advise.

    Args:
        shape: (kh, kw, C, F).
        seed: of the draw.

    Returns:
        float32, normal, the variance 2 / (kh kw C).

    Source:
        He, Zhang, Ren & Sun 2015, Delving deep into rectifiers, arXiv:1502.01852.
    """
    spread = np.sqrt(2 / np.prod(shape[:3]))
    return (np.random.default_rng(seed).standard_normal(shape) * spread).astype(np.float32)


def parse_mix(text: str) -> np.ndarray:
    """A pointwise layer over red, green and blue from its numbers as text.

    Args:
        text: one row for each map that comes out, rows apart by semicolons.

    Returns:
        float32 (3, F), in Keras' order.

    Raises:
        ConvvizError: what is not a number, or rows of another length than 3.

    Example:
        >>> parse_mix("1 0 0; 0 0.5 0.5").shape
        (3, 2)
    """
    rows = matrices.parse(text, what="mix").astype(np.float32)
    if rows.shape[1] != 3 or len(rows) > LONGEST_MIX:
        raise ConvvizError(
            f"the mix has {len(rows)} rows of {rows.shape[1]} numbers; give 1 to {LONGEST_MIX} rows of 3: the shares "
            "of red, green and blue"
        )
    return np.ascontiguousarray(rows.T)


def separable(
    image: np.ndarray, kernels: np.ndarray, mix: np.ndarray, *, stride: Pair = 1, padding: Padding = "valid"
) -> np.ndarray:
    """A depthwise convolution and then a pointwise one: neighbours first, channels afterwards.

    Args:
        image: (H, W, C).
        kernels: (kh, kw, C), one for each channel.
        mix: (C, F), how much of each channel goes into each filter.
        stride: step between places, pixels.
        padding: as for ``convolution.convolve``.

    Returns:
        float32 (H', W', F).

    Raises:
        ConvvizError: the numbers of channels differ.

    Source:
        Chollet 2017, Xception, arXiv:1610.02357; Keras, SeparableConv2D.
    """
    return pointwise(depthwise(image, kernels, stride=stride, padding=padding), mix)


def joined(kernels: np.ndarray, mix: np.ndarray) -> np.ndarray:
    """The one standard layer that computes what a separable one does.

    Args:
        kernels: (kh, kw, C).
        mix: (C, F).

    Returns:
        float32 (kh, kw, C, F): kernel c times its share in filter f.
    """
    return (np.asarray(kernels, np.float64)[..., None] * np.asarray(mix, np.float64)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class ByAxes:
    """A kernel as one column times one row, as well as that can be done.

    Attributes:
        column: float32 (kh, 1).
        row: float32 (1, kw).
        rank: how many such products the kernel needs to be exact; 1 where it is separable by axes.
        missing: the largest absolute difference between the kernel and the product, 0 where the rank is 1.
    """

    column: np.ndarray
    row: np.ndarray
    rank: int
    missing: float


def by_axes(kernel: np.ndarray) -> ByAxes:
    """A kernel taken apart into a column and a row, which do the same one after the other.

    Args:
        kernel: (kh, kw).

    Returns:
        the product nearest to the kernel, by its singular values.

    Source:
        Eckart & Young 1936, The approximation of one matrix by another of lower rank, Psychometrika 1.

    Example:
        >>> by_axes(np.outer([1, 2, 1], [1, 0, -1])).rank
        1
    """
    kernel = np.asarray(kernel, np.float64)
    left, strengths, right = np.linalg.svd(kernel)
    column, row = left[:, :1] * np.sqrt(strengths[0]), right[:1] * np.sqrt(strengths[0])
    if column.sum() < 0 or (abs(column.sum()) < 1e-9 and row.sum() < 0):
        column, row = -column, -row
    rank = int((strengths > strengths[0] * 1e-6).sum()) if strengths[0] > 0 else 0
    missing = 0.0 if rank <= 1 else float(np.abs(kernel - column @ row).max())
    return ByAxes(column.astype(np.float32), row.astype(np.float32), rank, missing)


# --- transposed convolution and its checkerboard ------------------------------------------------------------------


def stamp(name: str, size: int, *, stride: int = 1, seed: int = 0) -> np.ndarray:
    """A kernel to be laid down by a transposed convolution, scaled so that brightness is kept on the whole.

    Args:
        name: "flat" (all cells alike), "tent" (falls from the middle to the sides in straight lines) or "random"
            (cells drawn evenly from 0 to 1, as in a layer that has not learned).
        size: cells along a side.
        stride: with which it will be laid down, pixels.
        seed: of the random cells.

    Returns:
        float32 (size, size), the sum is the stride squared.

    Raises:
        ConvvizError: there is no such kernel.
    """
    if name not in STAMPS:
        raise ConvvizError(f"there is no kernel {name[:40]!r} to lay down; choose one of {', '.join(STAMPS)}")
    slope = 1 - np.abs(np.arange(size) - (size - 1) / 2) / ((size + 1) / 2)
    cells = {
        "flat": lambda: np.ones((size, size)),
        "tent": lambda: np.outer(slope, slope),
        "random": lambda: np.random.default_rng(seed).uniform(size=(size, size)),
    }[name]()
    return (cells * (stride * stride / cells.sum())).astype(np.float32)


def overlaps(size: tuple[int, int], kernel: int, stride: int) -> np.ndarray:
    """How many copies of the kernel fall on every pixel that a transposed convolution gives.

    Args:
        size: (H, W) of what goes in.
        kernel: cells along a side.
        stride: pixels.

    Returns:
        float32 (H * stride, W * stride), whole numbers ("same" padding).

    Source:
        Odena, Dumoulin & Olah 2016, Deconvolution and checkerboard artifacts, Distill, doi:10.23915/distill.00003.

    Example:
        >>> overlaps((3, 3), 3, 2)[2:4, 2:4].tolist()
        [[4.0, 2.0], [2.0, 1.0]]
    """
    return transpose(np.ones(size, np.float32), np.ones((kernel, kernel), np.float32), stride=stride, padding="same")


def phase_sums(weights: np.ndarray, stride: int) -> np.ndarray:
    """What a transposed convolution makes of an even area of ones: it repeats every ``stride`` pixels.

    Args:
        weights: (kh, kw).
        stride: pixels.

    Returns:
        float64 (stride, stride): for every place within the period the sum of the weights that fall there. All alike
        where there is no checkerboard.

    Example:
        >>> phase_sums(np.ones((3, 3)), 2).tolist()
        [[4.0, 2.0], [2.0, 1.0]]
    """
    weights = np.asarray(weights, np.float64)
    return np.array([[weights[row::stride, col::stride].sum() for col in range(stride)] for row in range(stride)])


def enlarge_then_convolve(
    image: np.ndarray, weights: np.ndarray, *, factor: int, interpolation: str = "nearest"
) -> np.ndarray:
    """The cure for the checkerboard: make the map larger first, then convolve it, the border repeated outside.

    Args:
        image: (H, W).
        weights: (kh, kw).
        factor: how many times larger.
        interpolation: "nearest" or "bilinear".

    Returns:
        float32 (H * factor, W * factor).

    Raises:
        ConvvizError: there is no such interpolation.

    Source:
        Odena, Dumoulin & Olah 2016, Distill, doi:10.23915/distill.00003, section "Better upsampling".
    """
    if interpolation not in ENLARGEMENTS:
        raise ConvvizError(f"there is no enlargement {interpolation[:40]!r}; choose one of {', '.join(ENLARGEMENTS)}")
    image = np.asarray(image, np.float32)
    if interpolation == "nearest":
        large = image.repeat(factor, axis=0).repeat(factor, axis=1)
    else:
        size = (image.shape[1] * factor, image.shape[0] * factor)
        large = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    return convolve(large, weights, padding="same", padding_mode="replicate")


def checkerboard(values: np.ndarray, stride: int, *, margin: int = 0) -> float:
    """How strongly brightness repeats every ``stride`` pixels.

    Args:
        values: (H, W).
        stride: pixels, the period that is looked for.
        margin: pixels left out at every side, rounded up to whole periods.

    Returns:
        the means of the ``stride * stride`` places within the period: largest minus smallest, as a share of the mean
        over all; 0 for none, and where the picture is too small to tell.

    Example:
        >>> checkerboard(np.tile([[0.5, 1.5]], (4, 4)), 2)
        1.0
    """
    margin = -(-margin // stride) * stride
    inner = np.asarray(values, np.float64)[margin : len(values) - margin, margin : values.shape[1] - margin]
    rows, columns = inner.shape[0] // stride, inner.shape[1] // stride
    if rows < 1 or columns < 1:
        return 0.0
    cells = inner[: rows * stride, : columns * stride].reshape(rows, stride, columns, stride)
    means = cells.mean(axis=(0, 2))
    return float((means.max() - means.min()) / max(abs(means.mean()), 1e-12))
