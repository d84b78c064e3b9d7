"""``convolve`` against ``cv2.filter2D``, with slicing where there is a stride, on 1024x1024 pixels."""

from collections.abc import Iterator

import cv2
import numpy as np

from benchmarks import Row, compare
from convviz import convolution, kernels

SIDES = (3, 5, 7, 9, 11, 13, 15, 21, 25, 31)
STRIDES = (1, 2, 4)
SIZE = 1024


def rows() -> Iterator[Row]:
    rng = np.random.default_rng(0)
    image = rng.random((SIZE, SIZE), np.float32)
    random = {f"{side}x{side}": rng.standard_normal((side, side)).astype(np.float32) for side in SIDES}
    for stride in STRIDES:
        for name, kernel in random.items():
            for padding in convolution.PADDINGS:
                yield _row(f"{name}, stride {stride}, {padding}", image, kernel, stride, padding)
        sobel = kernels.KERNELS["sobel_x"].weights
        yield _row(f"sobel_x, stride {stride}, same", image, sobel, stride, "same")
    photo = (image * 255).astype(np.uint8)
    for name in ("3x3", "31x31"):
        yield _row(f"{name}, stride 1, same, uint8", photo, random[name], 1, "same")
    image[500, 500] = np.nan
    for name in ("3x3", "9x9", "31x31"):
        yield _row(f"{name}, stride 1, same, one NaN (theirs is wrong)", image, random[name], 1, "same", reach=None)


def _row(work: str, image: np.ndarray, kernel: np.ndarray, stride: int, padding: str, reach: float | None = 0) -> Row:
    """One comparison; a reach of 0 stands for the design's."""

    def ours() -> np.ndarray:
        return convolution.convolve(image, kernel, stride=stride, padding=padding)

    def theirs() -> np.ndarray:
        return cv2.filter2D(image, cv2.CV_32F, kernel, borderType=cv2.BORDER_CONSTANT)[::stride, ::stride]

    against = "cv2.filter2D and slicing" if stride > 1 else "cv2.filter2D"
    reach = _reach(len(kernel), stride) if reach == 0 else reach
    return compare(work, ours, against=against, theirs=theirs, reach=reach, seconds=0.4)


def _reach(side: int, stride: int) -> float:
    """The largest ratio allowed: looking for NaN weighs most on the smallest kernel."""
    if stride == 1:
        return 1.4 if side == 3 else 1.15
    return 1.1 if side == 3 else 1.0
