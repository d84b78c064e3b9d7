"""``convolve`` against ``cv2.filter2D``, with slicing where there is a stride, on 1024x1024 pixels."""

from collections.abc import Iterator

import cv2
import numpy as np

from benchmarks import Row, compare
from convviz import convolution

SIDES = (3, 5, 7, 9, 11, 13, 15, 21, 25, 31)
STRIDES = (1, 2, 4)


def rows() -> Iterator[Row]:
    rng = np.random.default_rng(0)
    image = rng.random((1024, 1024), np.float32)
    for stride in STRIDES:
        for side in SIDES:
            kernel = rng.standard_normal((side, side)).astype(np.float32)
            for padding in convolution.PADDINGS:
                yield _row(image, kernel, stride, padding)
    spoilt = image.copy()
    spoilt[500, 500] = np.nan
    for side in (3, 9, 31):
        kernel = rng.standard_normal((side, side)).astype(np.float32)
        yield _row(spoilt, kernel, 1, "same", note=", one NaN (filter2D goes wrong)", reach=None)


def _row(image: np.ndarray, kernel: np.ndarray, stride: int, padding: str, note: str = "", **reach: None) -> Row:
    side = len(kernel)

    def theirs() -> np.ndarray:
        return cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_CONSTANT)[::stride, ::stride]

    def ours() -> np.ndarray:
        return convolution.convolve(image, kernel, stride=stride, padding=padding)

    return compare(
        f"{side}x{side}, stride {stride}, {padding}{note}",
        ours,
        against="cv2.filter2D" + (" and slicing" if stride > 1 else ""),
        theirs=theirs,
        seconds=0.4,
        **({"reach": _reach(side, stride)} | reach),
    )


def _reach(side: int, stride: int) -> float:
    """The largest ratio allowed: padding, checks and their copies weigh more on the smallest kernel."""
    if stride == 1:
        return 1.4 if side == 3 else 1.15
    return 1.1 if side == 3 else 1.0
