"""Regularizers: what keeps a pattern from being built out of details that no photograph has.

What stands here needs NumPy and OpenCV alone and is part of the programs that the page hands out.
"""

from __future__ import annotations

import cv2
import numpy as np


def roughness(pixels: np.ndarray) -> np.ndarray:
    """How a picture's total variation rises with each pixel.

    The total variation is the sum over all pixels of sqrt(down² + right² + 1), the differences to the next pixel below
    and to the right, in levels; the one below the last row is the first.

    Args:
        pixels: float32 (N, H, W, C).

    Returns:
        float32 (N, H, W, C), the gradient of the total variation.
    """
    down, right = np.roll(pixels, -1, 1) - pixels, np.roll(pixels, -1, 2) - pixels
    length = np.sqrt(down**2 + right**2 + 1)
    down, right = down / length, right / length
    return np.roll(down, 1, 1) - down + np.roll(right, 1, 2) - right


def excess(pixels: np.ndarray) -> np.ndarray:
    """How half of the squared distance from grey rises with each pixel; 64 levels of 255 count as 1."""
    return (pixels - 128) / np.float32(64)


def blurred(pixels: np.ndarray, sigma: float, *, wraps: bool) -> np.ndarray:
    """Canvases under a Gaussian blur, which goes round their edges or mirrors them: float32 (N, H, W, C)."""
    if sigma < 0.2:
        return pixels
    reach = min(int(3 * sigma + 1), *pixels.shape[1:3])
    padded = np.pad(pixels, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="wrap" if wraps else "symmetric")
    soft = np.stack([cv2.GaussianBlur(one, (0, 0), sigma) for one in padded]).reshape(padded.shape)
    return soft[:, reach:-reach, reach:-reach]
