"""Random transformations: a pattern must do for the filter wherever, however large and however turned it is seen.

What stands here needs NumPy and OpenCV alone and is part of the programs that the page hands out.
"""

from __future__ import annotations

import cv2
import numpy as np


def wobble(rng: np.random.Generator, size: tuple[int, int], jitter: int, scale: float, rotate: float) -> np.ndarray:
    """A random transformation about the middle of the canvas.

    Args:
        rng: source of the four random numbers.
        size: (height, width) of the canvas.
        jitter: farthest shift, pixels, down and across.
        scale: farthest factor, 0.1 for 0.9 to 1.1.
        rotate: farthest turn, degrees, either way.

    Returns:
        float64 (2, 3), from the canvas to what is looked at.
    """
    down, right, larger, turn = rng.uniform(-1, 1, 4)
    matrix = cv2.getRotationMatrix2D(((size[1] - 1) / 2, (size[0] - 1) / 2), rotate * turn, 1 + scale * larger)
    matrix[:, 2] += np.round(jitter * right), np.round(jitter * down)
    return matrix


def wobbled(pixels: np.ndarray, matrix: np.ndarray, *, wraps: bool, back: bool = False) -> np.ndarray:
    """Canvases as they look transformed, or gradients brought back to the canvas.

    Args:
        pixels: float32 (N, H, W, C).
        matrix: of `wobble`.
        wraps: what leaves the canvas on one side comes in on the other; if not, the edges are mirrored.
        back: the other way round, for gradients.

    Returns:
        float32 (N, H, W, C).
    """
    height, width = pixels.shape[1:3]
    border = cv2.BORDER_WRAP if wraps else cv2.BORDER_REFLECT_101
    flags = cv2.INTER_LINEAR | (cv2.WARP_INVERSE_MAP if back else 0)
    seen = [cv2.warpAffine(one, matrix, (width, height), flags=flags, borderMode=border) for one in pixels]
    return np.stack(seen).reshape(pixels.shape)
