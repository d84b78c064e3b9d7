"""What a convolution costs: the direct sum and the Fourier transform side by side, timed on this machine."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np

from convviz import fourier

SIDES = (1, 3, 5, 7, 9, 11, 13, 15, 19, 23, 27, 31, 39, 47, 55, 63)  # of kernels, in pixels
REPEATS = 5  # at least; the quickest counts, since what disturbs a measurement only ever makes it longer
SECONDS = 0.2  # that one kernel is timed for, at least
_clock = time.perf_counter if sys.platform == "win32" else time.thread_time  # the latter leaves out what others take
_BLOCK = 11  # taps along a side that OpenCV filters directly; larger kernels it gives to a Fourier transform


@dataclass(frozen=True)
class Cost:
    """The time that one kernel took.

    Attributes:
        side: of the kernel, pixels.
        direct: seconds of a processor by the sum of products.
        transform: the same by the Fourier transform.
        difference: the largest absolute difference of the two results.
        done: kernels measured so far.
        total: kernels in all.
    """

    side: int
    direct: float
    transform: float
    difference: float
    done: int
    total: int


def measure(
    image: np.ndarray, *, sides: Sequence[int] = SIDES, seconds: float = SECONDS, seed: int = 0
) -> Iterator[Cost]:
    """Time both ways over a picture, for one random kernel of each size.

    Args:
        image: (H, W), any real dtype.
        sides: of the kernels, odd numbers of pixels.
        seconds: for how long each kernel is timed at least, both ways in turn; the quickest of each counts.
        seed: of the kernels' values, drawn from the standard normal distribution.

    Yields:
        a `Cost` for every size; a message ``{"stop": True}`` ends it.
    """
    image, rng = np.ascontiguousarray(image, np.float32), np.random.default_rng(seed)
    for done, side in enumerate(sides, 1):
        kernel = rng.standard_normal((side, side)).astype(np.float32)
        direct_seconds, transform_seconds, difference = _timed(image, kernel, seconds)
        message = yield Cost(side, direct_seconds, transform_seconds, difference, done, len(sides))
        if message and message.get("stop"):
            return


def direct(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The sum of products at every place, by OpenCV's direct filter, whatever the kernel's size.

    The picture goes on at its other side. OpenCV turns to a Fourier transform by itself where a kernel is large;
    here the kernel is cut into blocks, and each is filtered directly.

    Args:
        image: float32 (H, W).
        kernel: float32 (kh, kw), not turned round.

    Returns:
        float32 (H, W), what ``fourier.convolve`` gives.

    Source:
        OpenCV, cv::filter2D: "the function uses the DFT-based algorithm in case of sufficiently large kernels".
    """
    (height, width), (kh, kw) = image.shape, kernel.shape
    rows, columns = np.arange(-((kh - 1) // 2), height + kh // 2), np.arange(-((kw - 1) // 2), width + kw // 2)
    padded = image[np.ix_(rows % height, columns % width)]
    total = np.zeros_like(image)
    for top, left in product(range(0, kh, _BLOCK), range(0, kw, _BLOCK)):
        block = np.ascontiguousarray(kernel[top : top + _BLOCK, left : left + _BLOCK])
        seen = padded[top : top + height + block.shape[0] - 1, left : left + width + block.shape[1] - 1]
        part = cv2.filter2D(seen, -1, block, anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
        cv2.add(total, part[:height, :width], dst=total)
    return total


def crossing(costs: Sequence[Cost]) -> float | None:
    """The kernel's side at which the Fourier transform begins to be quicker, between two sizes that were measured.

    Args:
        costs: in the order of their sides.

    Returns:
        pixels: between the two sizes that part the measurements best into those where the direct way is quicker and,
        above, those where the transform is, there where the straight lines between the times cross; None where one way
        is quicker at nearly all sizes.

    Example:
        >>> crossing([Cost(3, 1.0, 2.0, 0.0, 1, 2), Cost(5, 3.0, 2.0, 0.0, 2, 2)])
        4.0
    """
    ahead = [math.log(one.direct / one.transform) for one in costs]  # above zero: the transform is quicker
    wrong = [
        sum(max(0, one) for one in ahead[:place]) - sum(min(0, one) for one in ahead[place:])
        for place in range(len(costs) + 1)
    ]
    place = wrong.index(min(wrong))
    if place in (0, len(costs)):
        return None
    below, above = costs[place - 1], costs[place]
    behind, before = below.transform - below.direct, above.direct - above.transform
    share = behind / (behind + before) if min(behind, before) >= 0 < max(behind, before) else 0.5
    return below.side + share * (above.side - below.side)


def _timed(image: np.ndarray, kernel: np.ndarray, seconds: float) -> tuple[float, float, float]:
    """Seconds of the quickest of many runs of either way, in turn, and the largest difference of their results."""
    quickest, results, turns = [math.inf, math.inf], [image, image], 0
    end = time.perf_counter() + seconds
    while turns < REPEATS or time.perf_counter() < end:
        for place, work in enumerate((direct, fourier.convolve)):
            start = _clock()
            results[place] = work(image, kernel)
            quickest[place] = min(quickest[place], _clock() - start)
        turns += 1
    return *quickest, float(np.abs(results[0] - results[1]).max())
