"""Kernels picked by hand: what their weights are, what they respond to and who proposed them.

All are written as the lecture writes them and slid without flipping, as a convolutional network slides its own. The
edge kernels are therefore positive where the picture is brighter on the left or at the top.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from convviz import ConvvizError, matrices

LARGEST = 11  # rows or columns of a kernel made by hand


@dataclass(frozen=True, eq=False)
class Kernel:
    """One hand-picked kernel.

    Attributes:
        weights: float32 (kh, kw), not to be written to.
        responds_to: what makes its response large, one sentence.
        source: who proposed it, and where.
        title: what people call it.
    """

    weights: np.ndarray
    responds_to: str
    source: str
    title: str = ""


def _fixed(rows: Sequence[Sequence[float]], dtype: type = np.float32, divisor: float = 1) -> np.ndarray:
    """A small matrix that nobody can change by mistake."""
    matrix = (np.array(rows) / divisor).astype(dtype)
    matrix.setflags(write=False)
    return matrix


_SOBEL = "Sobel & Feldman 1968, An isotropic 3x3 image gradient operator, Stanford AI Project"
_PREWITT = "Prewitt 1970, Object enhancement and extraction, Picture Processing and Psychopictorics"
_SCHARR = "Scharr 2000, Optimale Operatoren in der Digitalen Bildverarbeitung, Heidelberg; OpenCV, cv::Scharr"
_POWELL = "Powell, Image kernels explained visually, setosa.io/ev/image-kernels"
_DESHPANDE = "Deshpande 2016, A beginner's guide to understanding convolutional neural networks"

KERNELS: Mapping[str, Kernel] = MappingProxyType(
    {
        "identity": Kernel(
            _fixed([[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
            "Every pixel as it is: the picture comes back unchanged.",
            "The unit of convolution: Gonzalez & Woods, Digital Image Processing, 4th ed., section 3.4",
            "Identity",
        ),
        "sobel_x": Kernel(
            _fixed([[1, 0, -1], [2, 0, -2], [1, 0, -1]]),
            "Upright edges: positive where the left is brighter, negative where the right is.",
            _SOBEL,
            "Sobel, left to right",
        ),
        "sobel_y": Kernel(
            _fixed([[1, 2, 1], [0, 0, 0], [-1, -2, -1]]),
            "Level edges: positive where the top is brighter, negative where the bottom is.",
            _SOBEL,
            "Sobel, top to bottom",
        ),
        "sharpen": Kernel(
            _fixed([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
            "The pixel plus its difference from its four neighbours: edges become steeper.",
            f"{_POWELL}; Gonzalez & Woods, Digital Image Processing, 4th ed., section 3.6",
            "Sharpen",
        ),
        "curve": Kernel(
            _fixed(
                [
                    [0, 0, 0, 0, 0, 30, 0],
                    [0, 0, 0, 0, 30, 0, 0],
                    [0, 0, 0, 30, 0, 0, 0],
                    [0, 0, 0, 30, 0, 0, 0],
                    [0, 0, 0, 30, 0, 0, 0],
                    [0, 0, 0, 30, 0, 0, 0],
                    [0, 0, 0, 0, 0, 0, 0],
                ]
            ),
            "A bright line that rises and then bends to the right.",
            _DESHPANDE,
            "Curve detector",
        ),
        "box_blur": Kernel(
            _fixed(np.ones((3, 3)), divisor=9),
            "The mean of nine pixels: fine detail and noise fade.",
            "Gonzalez & Woods, Digital Image Processing, 4th ed., section 3.5; OpenCV, cv::blur",
            "Box blur",
        ),
        "gaussian_blur": Kernel(
            _fixed([[1, 2, 1], [2, 4, 2], [1, 2, 1]], divisor=16),
            "A mean that counts near pixels more: detail fades without the box's streaks.",
            "The binomial kernel that OpenCV's cv::getGaussianKernel gives for three pixels, in both directions",
            "Gaussian blur",
        ),
        "laplacian": Kernel(
            _fixed([[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
            "Spots and both sides of edges, in every direction: where brightness bends.",
            "Marr & Hildreth 1980, Theory of edge detection; OpenCV, cv::Laplacian with ksize 1",
            "Laplacian",
        ),
        "emboss": Kernel(
            _fixed([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]),
            "The picture lit from one corner: edges facing the bottom right shine, the others darken.",
            _POWELL,
            "Emboss",
        ),
        "outline": Kernel(
            _fixed([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
            "A pixel unlike its eight neighbours; flat parts give 0.",
            _POWELL,
            "Outline",
        ),
        "prewitt_x": Kernel(
            _fixed([[1, 0, -1], [1, 0, -1], [1, 0, -1]]),
            "Upright edges, all three rows counted alike: positive where the left is brighter.",
            _PREWITT,
            "Prewitt, left to right",
        ),
        "prewitt_y": Kernel(
            _fixed([[1, 1, 1], [0, 0, 0], [-1, -1, -1]]),
            "Level edges, all three columns counted alike: positive where the top is brighter.",
            _PREWITT,
            "Prewitt, top to bottom",
        ),
        "scharr_x": Kernel(
            _fixed([[3, 0, -3], [10, 0, -10], [3, 0, -3]]),
            "Upright edges, with a direction more exact than Sobel's: positive where the left is brighter.",
            _SCHARR,
            "Scharr, left to right",
        ),
        "scharr_y": Kernel(
            _fixed([[3, 10, 3], [0, 0, 0], [-3, -10, -3]]),
            "Level edges, with a direction more exact than Sobel's: positive where the top is brighter.",
            _SCHARR,
            "Scharr, top to bottom",
        ),
    }
)

# The lecture's worked examples, uint8. The sharpening kernel on the first corner of this matrix, padded with zeros,
# gives 105*5 - 102 - 103 = 320; the curve detector gives 6600 on the first patch and 0 on the second.
SHARPEN_EXAMPLE = _fixed(
    [
        [105, 102, 100, 97, 96],
        [103, 99, 103, 101, 102],
        [101, 98, 104, 102, 100],
        [99, 101, 106, 104, 99],
        [104, 104, 104, 100, 98],
    ],
    np.uint8,
)
CURVE_PATCH = _fixed(
    [
        [0, 0, 0, 0, 0, 0, 30],
        [0, 0, 0, 0, 50, 50, 50],
        [0, 0, 0, 20, 50, 0, 0],
        [0, 0, 0, 50, 50, 0, 0],
        [0, 0, 0, 50, 50, 0, 0],
        [0, 0, 0, 50, 50, 0, 0],
        [0, 0, 0, 50, 50, 0, 0],
    ],
    np.uint8,
)
OTHER_PATCH = _fixed(
    [
        [0, 0, 0, 0, 0, 0, 0],
        [0, 40, 0, 0, 0, 0, 0],
        [40, 0, 40, 0, 0, 0, 0],
        [40, 20, 0, 0, 0, 0, 0],
        [0, 50, 0, 0, 0, 0, 0],
        [0, 0, 50, 0, 0, 0, 0],
        [25, 25, 0, 50, 0, 0, 0],
    ],
    np.uint8,
)


def parse(text: str) -> np.ndarray:
    """A kernel from its cells as text.

    Args:
        text: as ``matrices.parse`` takes it, such as ``"0 1; -1 0"``.

    Returns:
        float32 (kh, kw), 1 to `LARGEST` rows and columns.

    Raises:
        ConvvizError: a cell is not a number or too large, or the rows do not have the same length.

    Example:
        >>> parse("1 0 -1; 2 0 -2").shape
        (2, 3)
    """
    return matrices.parse(text, what="kernel", largest=LARGEST).astype(np.float32)


def text(weights: np.ndarray) -> str:
    """A kernel's cells as text that `parse` reads.

    Args:
        weights: (kh, kw).

    Returns:
        rows apart by semicolons.

    Example:
        >>> text(parse("1 0 -1; 2 0 -2"))
        '1 0 -1; 2 0 -2'
    """
    return matrices.text(np.asarray(weights, np.float32))


def binomial(taps: int) -> np.ndarray:
    """A blur whose weights are a row of Pascal's triangle, in both directions; it comes near a Gaussian.

    Args:
        taps: 1 to `LARGEST`; 2 is the box of four pixels, 3 is `gaussian_blur`.

    Returns:
        float32 (taps, taps), sum 1.

    Raises:
        ConvvizError: another number of taps.

    Source:
        Zhang 2019, arXiv:1904.11486, section 4: "Rectangle-2, Triangle-3, Binomial-5".

    Example:
        >>> (16 * binomial(3)).tolist()
        [[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]
    """
    if not 1 <= taps <= LARGEST:
        raise ConvvizError(f"a blur of {taps} taps cannot be made; choose 1 to {LARGEST}")
    row = np.array([math.comb(taps - 1, place) for place in range(taps)], np.float64)
    return (np.outer(row, row) / row.sum() ** 2).astype(np.float32)


def resized(weights: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """A kernel cut or filled with zeros at its lower and right side.

    Args:
        weights: (kh, kw).
        rows: at least 1.
        columns: at least 1.

    Returns:
        float32 (rows, columns).

    Example:
        >>> text(resized(parse("1 2; 3 4"), 1, 3))
        '1 2 0'
    """
    larger = np.zeros((rows, columns), np.float32)
    kept = np.asarray(weights)[:rows, :columns]
    larger[: kept.shape[0], : kept.shape[1]] = kept
    return larger


def centred(weights: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """A kernel in the middle of a larger one, zeros around it; an odd zero goes after, as in "same" padding.

    Args:
        weights: (kh, kw).
        rows: at least kh.
        columns: at least kw.

    Returns:
        float32 (rows, columns).

    Example:
        >>> text(centred(parse("1 2"), 2, 4))
        '0 1 2 0; 0 0 0 0'
    """
    spare = rows - weights.shape[0], columns - weights.shape[1]
    return np.pad(np.asarray(weights, np.float32), [(extra // 2, extra - extra // 2) for extra in spare])
