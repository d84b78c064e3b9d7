"""The sliding sum itself, quickly: OpenCV's filters and transforms, matrix products, the definition where they fail.

``cv2.filter2D`` is the fastest filter at hand, but it skips taps that are 0 (by definition 0 times NaN is NaN), spoils
whole blocks with one NaN where it turns to a Fourier transform, and cannot step. So places that see a value which is
not finite, or huge, are computed by definition; large kernels go through a Fourier transform of our own in float32,
half the work of its float64; and steps are taken by cutting picture and kernel into phases, so that only what is kept
is computed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from convviz.convolution.bands import PIXELS, in_bands
from convviz.convolution.geometry import Walk, pad, patch

DIRECT_AREA = 128  # filter2D turns to its own Fourier transform at 130 taps in float32 (filter.dispatch.cpp)

# What one output pixel costs, in taps of a direct filter (0.04 ns each on the machine where this was measured).
FOURIER = 140  # a kernel of any size by the Fourier transform
BLOCK_OF_TAPS = 20  # one more block of a kernel that is too large for one direct filter
PHASE = 7  # one more filter whose result must be added
FEW = 4  # phases, that threads can share; with more they wait for Python's lock most of the time
FEW_TAPS = 9  # fewer cost less than another look at the picture
COLUMNS = 8  # taking every n-th column out of the picture

HUGE = 1e12  # above it, products of float32 may overflow on the way
MATRIX = 1 << 20  # values in one matrix of windows
LARGEST_TILE = 400  # side of the tiles in which the Fourier transform is taken, unless the kernel needs more
TILE = 16  # side of the squares in which places are computed by definition
Pads = tuple[tuple[int, int], tuple[int, int]]  # ((top, bottom), (left, right)), pixels
_SIDES = sorted(odd << twos for odd in (1, 3, 5, 9, 45) for twos in range(3, 24))  # that OpenCV transforms quickly
_BORDERS = {"zero": cv2.BORDER_CONSTANT, "reflect": cv2.BORDER_REFLECT_101, "replicate": cv2.BORDER_REPLICATE}


def is_tame(values: np.ndarray) -> bool:
    """Whether all values are finite and none is huge; one pass over them."""
    if values.dtype.kind in "bui":
        return True
    rows = values.reshape(len(values), -1)
    if rows.size < PIXELS:
        return bool(cv2.norm(rows, cv2.NORM_L2SQR) < HUGE**2)
    return all(in_bands(lambda band: _is_quiet(rows[band]), len(rows), values.size))


def _is_quiet(rows: np.ndarray) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):
        return bool((np.vecdot(rows, rows) < HUGE**2).all())


def slide(image: np.ndarray, weights: np.ndarray, walk: Walk) -> np.ndarray:
    """The sum of products at every place of a walk.

    Args:
        image: (H, W, C), any real dtype.
        weights: (kh, kw), the same for every channel, or (kh, kw, C, F); any real dtype.
        walk: where the window goes.

    Returns:
        float32 (H', W', C) or (H', W', F).
    """
    # direct filters spoil no place but those that see
    local = weights.ndim == 2 and math.prod(walk.reach) <= DIRECT_AREA
    if local and walk.stride != (1, 1) and _all_places_are_cheaper((weights != 0).tobytes(), walk, cv2.getNumThreads()):
        return _slide(image, weights, _dense_walk(walk), local)[:: walk.stride[0], :: walk.stride[1]]
    return _slide(image, weights, walk, local)


def _slide(image: np.ndarray, weights: np.ndarray, walk: Walk, local: bool) -> np.ndarray:
    """The same; ``local`` if a value spoils only those places that see it, whatever it is."""
    if not is_tame(weights):
        return _by_definition(pad(image, walk.pads, walk.mode), weights, walk)
    response = _quickly(image, weights, walk) if local else None
    if local and image.dtype != np.float64 and weights.astype(np.float32).all():
        return response  # no tap is silent and no value too large to begin with: what is wild spreads by itself
    if local and image.dtype.kind == "f" and (every := _rows_that_tell(weights, walk)):  # else it cannot be wild
        if _sounds_right(response, every):
            return response
    elif is_tame(image):
        return _quickly(image, weights, walk) if response is None else response
    return _carefully(image, weights, walk, response)


def _rows_that_tell(kernel: np.ndarray, walk: Walk) -> int:
    """Every how many rows of a response tell whatever is wrong with the picture; 0 if not even all of them do.

    A pixel shows at every place that sees it through a tap that is not 0. Without steps and gaps, and where the first
    and the last column of the kernel have no 0, these are places in as many neighbouring rows as the kernel has, or at
    the border in all from the first on, or in all up to the last.
    """
    taps = kernel.astype(np.float32)
    if walk.stride == walk.dilation == (1, 1) and walk.shape[1] >= walk.kernel[1]:
        return walk.kernel[0] if taps[:, 0].all() and taps[:, -1].all() else 0
    return 1 if taps.all() else 0


def _sounds_right(response: np.ndarray, every: int) -> bool:
    """Whether nothing wild shows in every so many rows of a response."""
    rows = response.reshape(len(response), -1)
    return _is_quiet(rows[::every]) and _is_quiet(rows[-1:])


def _carefully(image: np.ndarray, weights: np.ndarray, walk: Walk, response: np.ndarray | None) -> np.ndarray:
    """The response, computed by definition wherever a value is seen that is not finite or is huge."""
    wild = ~((image < HUGE) & (image > -HUGE))
    if response is None:
        cleaned = np.array(image)  # a copy of one piece
        cleaned.reshape(-1)[np.flatnonzero(wild)] = 0
        response = _quickly(cleaned, weights, walk)
    _correct(response, image, wild.any(axis=-1) if wild.shape[-1] > 1 else wild[..., 0], weights, walk)
    return response


def _correct(response: np.ndarray, image: np.ndarray, wild: np.ndarray, weights: np.ndarray, walk: Walk) -> None:
    """Compute the places that see something wild by definition, square by square."""
    down, across = (list(_runs(wild.any(axis=1 - axis), walk, axis)) for axis in (0, 1))
    for (rows, seen_rows), (columns, seen_columns) in product(down, across):
        if patch(wild, seen_rows, seen_columns, walk.mode).any():
            seen = patch(image, seen_rows, seen_columns, walk.mode)
            response[rows, columns] = _by_definition(seen, weights, walk)


def _runs(wild: np.ndarray, walk: Walk, axis: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Short runs of places along one axis that see something wild, each with the pixels that it sees."""
    (before, after), stride, reach = walk.pads[axis], walk.stride[axis], walk.reach[axis]
    padded = pad(wild[:, None], ((before, after), (0, 0)), walk.mode)[:, 0]
    count = np.concatenate([[0], np.cumsum(padded)])  # of wild ones before each pixel
    places = np.arange(walk.shape[axis]) * stride
    sees = count[places + reach] > count[places]
    for first in np.unique(np.flatnonzero(sees) // TILE) * TILE:
        run = first + np.flatnonzero(sees[first : first + TILE])
        yield slice(run[0], run[-1] + 1), np.arange(run[0] * stride, run[-1] * stride + reach) - before


def _by_definition(padded: np.ndarray, weights: np.ndarray, walk: Walk) -> np.ndarray:
    """Every product and every sum as IEEE 754 has them, in float64."""
    windows = _windows(padded.astype(np.float64), walk)
    indices = "yxcij,ij->yxc" if weights.ndim == 2 else "yxcij,ijcf->yxf"
    with np.errstate(invalid="ignore", over="ignore"):
        return np.einsum(indices, windows, weights.astype(np.float64)).astype(np.float32)


def _windows(padded: np.ndarray, walk: Walk) -> np.ndarray:
    """What each place sees: a view (H', W', C, kh, kw)."""
    (down, across), (apart_down, apart_across) = walk.stride, walk.dilation
    seen = sliding_window_view(padded, walk.reach, axis=(0, 1))
    return seen[::down, ::across, :, ::apart_down, ::apart_across]


def _quickly(image: np.ndarray, weights: np.ndarray, walk: Walk) -> np.ndarray:
    """The same, right for values that are finite and not huge."""
    with np.errstate(over="ignore", invalid="ignore"):
        image, weights = image.astype(np.float32, copy=False), weights.astype(np.float32, copy=False)
        return _alike(image, weights, walk) if weights.ndim == 2 else _summed(image, weights, walk)


def _summed(image: np.ndarray, weights: np.ndarray, walk: Walk) -> np.ndarray:
    """Filters, each summed over the channels."""
    channels, filters = weights.shape[2:]
    if channels * filters > 16:
        return _layer(pad(image, walk.pads, walk.mode), weights, walk)
    planes = [np.ascontiguousarray(image[..., channel]) for channel in range(channels)]
    maps = [sum(_plane(plane, weights[..., c, f], walk) for c, plane in enumerate(planes)) for f in range(filters)]
    return np.stack(maps, axis=-1) if filters > 1 else maps[0][..., None]


def _layer(padded: np.ndarray, weights: np.ndarray, walk: Walk) -> np.ndarray:
    """Many filters at once: windows written as rows of a matrix, block by block, times the weights."""
    windows = _windows(padded, walk)
    height, width, channels, kh, kw = windows.shape
    matrix = weights.reshape(kh * kw * channels, -1)
    response = np.empty((height, width, matrix.shape[1]), np.float32)
    rows = max(1, MATRIX // (width * len(matrix)))
    for first in range(0, height, rows):
        block = windows[first : first + rows].transpose(0, 1, 3, 4, 2)
        response[first : first + rows] = (block.reshape(-1, len(matrix)) @ matrix).reshape(-1, width, matrix.shape[1])
    return response


def _alike(image: np.ndarray, kernel: np.ndarray, walk: Walk) -> np.ndarray:
    """One kernel on each channel by itself."""
    if image.shape[-1] == 1:
        return _plane(image[..., 0], kernel, walk)[..., None]
    if image.shape[-1] <= 4 and kernel.size <= DIRECT_AREA:  # so many OpenCV filters in one go
        return _plane(np.ascontiguousarray(image), kernel, walk)
    planes = (np.ascontiguousarray(plane) for plane in np.moveaxis(image, -1, 0))
    return np.stack([_plane(plane, kernel, walk) for plane in planes], axis=-1)


def _plane(image: np.ndarray, kernel: np.ndarray, walk: Walk) -> np.ndarray:
    """One kernel on (H, W) or (H, W, 2 to 4), a column and then a row where the kernel is their product."""
    if np.count_nonzero(kernel) > DIRECT_AREA and (factors := _factors(kernel)) is not None:
        column, row = factors
        downwards = replace(
            walk,
            kernel=(walk.kernel[0], 1),
            stride=(walk.stride[0], 1),
            pads=(walk.pads[0], (0, 0)),
            shape=(walk.shape[0], walk.size[1]),
        )
        sideways = replace(
            walk,
            size=(walk.shape[0], walk.size[1]),
            kernel=(1, walk.kernel[1]),
            stride=(1, walk.stride[1]),
            pads=((0, 0), walk.pads[1]),
        )
        return _plane(np.ascontiguousarray(_plane(image, column, downwards)), row, sideways)
    taps = _spread(kernel, walk.dilation)
    if walk.stride == (1, 1):
        return _dense(image, taps, walk.pads, walk.shape, walk.mode)
    return _stepping(image, taps, walk)


def _factors(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """A column and a row whose product the kernel is, to rounding; None where there are none."""
    if 1 in kernel.shape:
        return None
    row, column = np.unravel_index(np.argmax(np.abs(kernel)), kernel.shape)
    peak = kernel[row, column]
    left, right = kernel[:, column, None], kernel[row, None] / peak
    return (left, right) if np.abs(left * right - kernel).max() <= 2e-7 * abs(peak) else None


def _spread(kernel: np.ndarray, dilation: tuple[int, int]) -> np.ndarray:
    """The kernel with zeros between its taps."""
    if dilation == (1, 1):
        return np.ascontiguousarray(kernel)
    down, across = dilation
    taps = np.zeros(((kernel.shape[0] - 1) * down + 1, (kernel.shape[1] - 1) * across + 1), kernel.dtype)
    taps[::down, ::across] = kernel
    return taps


def _dense(image: np.ndarray, taps: np.ndarray, pads: Pads, shape: tuple[int, int], mode: str) -> np.ndarray:
    """Every place, one pixel after the other, (H', W') or (H', W', 2 to 4)."""
    (top, bottom), (left, right) = pads
    reaches = top + bottom < taps.shape[0] and left + right < taps.shape[1]
    if taps.size <= DIRECT_AREA and reaches and mode in _BORDERS:  # OpenCV pads by itself, without a copy
        filtered = cv2.filter2D(image, -1, taps, anchor=(left, top), borderType=_BORDERS[mode])
        return filtered[: shape[0], : shape[1]]
    if image.ndim == 2 and _direct_cost(taps) > FOURIER:
        return _by_fourier(image, taps, pads, shape, mode)
    return _by_blocks(pad(image, pads, mode), taps, *shape)


def _by_fourier(image: np.ndarray, taps: np.ndarray, pads: Pads, shape: tuple[int, int], mode: str) -> np.ndarray:
    """Every place of a kernel, one pixel after the other: spectra multiplied, one tile after the other."""
    if mode != "zero":
        image, pads = pad(image, pads, mode), ((0, 0), (0, 0))
    (kh, kw), size = taps.shape, [_side(*axis) for axis in zip(shape, taps.shape, strict=True)]
    tall, wide = size[0] - kh + 1, size[1] - kw + 1  # of what a tile gives
    kernel = cv2.dft(pad(taps, ((0, size[0] - kh), (0, size[1] - kw)), "zero"))
    tile, spectrum = np.zeros(size, np.float32), np.empty(size, np.float32)
    response = np.empty(shape, np.float32)
    for top, left in product(range(0, shape[0], tall), range(0, shape[1], wide)):
        _look(tile, image, top - pads[0][0], left - pads[1][0])
        spectrum = cv2.dft(tile, dst=spectrum)
        spectrum = cv2.mulSpectrums(spectrum, kernel, 0, c=spectrum, conjB=True)  # conjB: the kernel is not turned
        spectrum = cv2.idft(spectrum, dst=spectrum, flags=cv2.DFT_SCALE | cv2.DFT_REAL_OUTPUT)
        kept = response[top : top + tall, left : left + wide]
        kept[...] = spectrum[: kept.shape[0], : kept.shape[1]]
    return response


def _look(tile: np.ndarray, image: np.ndarray, top: int, left: int) -> None:
    """Fill a tile with what the picture has there, zeros outside of it."""
    (first, last), (start, end) = (
        np.clip((corner, corner + side), 0, size)
        for corner, side, size in zip((top, left), tile.shape, image.shape, strict=True)
    )
    if (last - first, end - start) != tile.shape:
        tile[...] = 0
    tile[first - top : last - top, start - left : end - left] = image[first:last, start:end]


def _side(places: int, reach: int) -> int:
    """Side of the tiles along an axis: the least pixels in all, but small enough for the processor's cache."""
    sides = (side for side in _SIDES if reach <= side <= max(LARGEST_TILE, 4 * reach))
    return min(sides, key=lambda side: -(-places // (side - reach + 1)) * side)


def _stepping(image: np.ndarray, taps: np.ndarray, walk: Walk) -> np.ndarray:
    """Only the places that are kept: picture and kernel cut into phases, one filter each, the results added."""
    down, across = _phases(taps, walk.stride)
    tiny = image.shape[0] < down or image.shape[1] < across
    if tiny or walk.mode != "zero":  # else the phases are padded, mostly by OpenCV itself
        image = pad(image, walk.pads, walk.mode)
        walk = replace(walk, size=image.shape[:2], pads=((0, 0), (0, 0)))
    (height, width), columns, rows = _cuts(walk, taps.shape, (down, across))
    phases = []
    for column in columns:
        strip = np.ascontiguousarray(image[:, column.pixels])
        for row in rows:
            part = np.ascontiguousarray(taps[row.tap :: down, column.tap :: across])
            phases.append((strip[row.pixels], part, row.pads[0], column.pads))
    total = np.empty((height, width, *image.shape[2:]), np.float32)

    def fill(band: slice) -> None:
        so_far = _band(*phases[0], band, width)
        if len(phases) == 1:
            total[band] = so_far
        for phase in phases[1:]:
            so_far = cv2.add(so_far, _band(*phase, band, width), dst=total[band])

    in_bands(fill, height, image.shape[0] * image.shape[1] if len(phases) <= FEW else 0)
    return total[:: walk.stride[0] // down, :: walk.stride[1] // across]


def _band(
    seen: np.ndarray, taps: np.ndarray, above: int, sides: tuple[int, int], band: slice, width: int
) -> np.ndarray:
    """What one phase gives in a band of rows."""
    first, last = band.start - above, band.stop - above + len(taps) - 1  # rows under the taps
    shape = band.stop - band.start, width
    under = seen[max(first, 0) : max(last, 0)]
    if not len(under):  # nothing but padding
        return np.zeros((*shape, *seen.shape[2:]), np.float32)
    return _dense(under, taps, ((max(-first, 0), max(last - len(seen), 0)), sides), shape, "zero")


class Cut(NamedTuple):
    """One phase along one axis: its first tap, the pixels under its taps, and the zeros that these need around them."""

    tap: int
    pixels: slice
    pads: tuple[int, int]


@lru_cache(maxsize=256)
def _cuts(
    walk: Walk, taps: tuple[int, int], steps: tuple[int, int]
) -> tuple[tuple[int, int], tuple[Cut, ...], tuple[Cut, ...]]:
    """The phases across and down, and before them the size of what they give."""
    skips = [stride // step for stride, step in zip(walk.stride, steps, strict=True)]
    height, width = ((places - 1) * skip + 1 for places, skip in zip(walk.shape, skips, strict=True))
    rows, columns = (
        tuple(_cut(*axis)) for axis in zip(walk.size, taps, steps, walk.pads, (height, width), strict=True)
    )
    return (height, width), columns, rows


def _cut(size: int, taps: int, step: int, pads: tuple[int, int], places: int) -> Iterator[Cut]:
    """The phases along one axis."""
    for tap in range(min(step, taps)):
        first = (tap - pads[0]) % step
        before = -((tap - pads[0]) // step)
        seen = len(range(first, size, step))
        after = max(places + len(range(tap, taps, step)) - 1 - before - seen, 0)
        yield Cut(tap, slice(first, None, step), (before, after))


@lru_cache(maxsize=256)
def _dense_walk(walk: Walk) -> Walk:
    """The way past every place, up to the last one that is kept."""
    shape = tuple((places - 1) * step + 1 for places, step in zip(walk.shape, walk.stride, strict=True))
    return replace(walk, stride=(1, 1), shape=shape)


@lru_cache(maxsize=1024)
def _all_places_are_cheaper(filled: bytes, walk: Walk, threads: int) -> bool:
    """Whether a small kernel had better be put on every place, and the places that are kept picked out afterwards.

    Where a few rows of a full response tell what is wrong with the picture, the look at all of the picture is saved.
    """
    kernel = np.frombuffer(filled, bool).reshape(walk.kernel)
    if kernel.sum() < FEW_TAPS and not kernel.all() and _rows_that_tell(kernel, _dense_walk(walk)):
        return True
    taps = _spread(kernel, walk.dilation)
    return _best_cut(taps.tobytes(), taps.shape, walk.stride, threads) == (1, 1)


def _phases(taps: np.ndarray, stride: tuple[int, int]) -> tuple[int, int]:
    """How to cut for the least work: by the stride or not at all, down and across."""
    return _best_cut((taps != 0).tobytes(), taps.shape, stride, cv2.getNumThreads())


@lru_cache(maxsize=1024)
def _best_cut(filled: bytes, shape: tuple[int, int], stride: tuple[int, int], threads: int) -> tuple[int, int]:
    """The same, remembered: finding it takes as long as a small picture does."""
    taps = np.frombuffer(filled, bool).reshape(shape)

    def work(cut: tuple[int, int]) -> float:
        down, across = cut
        each = PHASE + (COLUMNS if across > 1 else 0)
        starts = product(range(min(down, shape[0])), range(min(across, shape[1])))
        cost = sum(min(_direct_cost(taps[i::down, j::across]), FOURIER) + each for i, j in starts) / (down * across)
        return cost / threads if down * across <= FEW else cost

    return min(product({1, stride[0]}, {1, stride[1]}), key=work)


def _direct_cost(taps: np.ndarray) -> float:
    """What a direct filter costs; zeros are skipped, large kernels go block by block."""
    extra = 0 if taps.size <= DIRECT_AREA else BLOCK_OF_TAPS * len(list(_blocks(taps)))
    return np.count_nonzero(taps) + extra


def _by_blocks(padded: np.ndarray, taps: np.ndarray, height: int, width: int) -> np.ndarray:
    """The first height x width places of a kernel on a padded picture, the kernel taken block by block."""
    total = np.zeros((height, width, *padded.shape[2:]), np.float32)
    for top, left, block in _blocks(taps):
        seen = padded[top : top + height + block.shape[0] - 1, left : left + width + block.shape[1] - 1]
        part = cv2.filter2D(seen, -1, np.ascontiguousarray(block), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
        total = cv2.add(total, part[:height, :width], dst=total)
    return total


def _blocks(taps: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
    """A large kernel in blocks small enough to be filtered directly, the empty ones left out: (top, left, block)."""
    wide = min(taps.shape[1], DIRECT_AREA)
    tall = DIRECT_AREA // wide
    for top, left in product(range(0, taps.shape[0], tall), range(0, taps.shape[1], wide)):
        block = taps[top : top + tall, left : left + wide]
        if block.any():
            yield top, left, block
