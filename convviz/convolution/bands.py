"""Large pictures in bands of rows, one for each core: OpenCV filters with one core what is below 2^20 pixels."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar

import cv2

PIXELS = 1 << 18  # in a band at least: waking a thread takes as long as filtering a few thousand

Found = TypeVar("Found")


def in_bands(work: Callable[[slice], Found], rows: int, pixels: int) -> list[Found]:
    """Do a work on bands of rows at the same time, and wait for all of them.

    Args:
        work: what to do with a band, given as a slice of the rows; it must write to no other.
        rows: how many there are, at least 1.
        pixels: what there is to do in all.

    Returns:
        What the work gave for each band, in order.
    """
    count = min(cv2.getNumThreads(), pixels // PIXELS, rows)
    if count < 2:
        return [work(slice(0, rows))]
    edges = [rows * number // count for number in range(count + 1)]
    first, *others = (slice(*ends) for ends in pairwise(edges))
    waiting = [_threads(cv2.getNumThreads()).submit(work, band) for band in others]
    return [work(first), *(one.result() for one in waiting)]


@lru_cache(maxsize=1)
def _threads(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix="bands")
