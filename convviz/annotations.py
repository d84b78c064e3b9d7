"""Marks on pictures and legends beside them: a window's frame, the wheel of directions, a sheet of patches."""

from __future__ import annotations

import cv2
import numpy as np

from convviz import rendering

MARK = (213, 94, 0)  # Okabe and Ito's vermilion, with a white halo: seen on every ground
GROUND = (238, 236, 232)  # between the patches of a sheet


def framed(picture: np.ndarray, window: tuple[int, int, int, int], *, at_least: int = 0) -> np.ndarray:
    """A picture with a frame around a window.

    Args:
        picture: uint8 (H, W) or (H, W, 3).
        window: (top, left, bottom, right) in its pixels, the last two just outside; what reaches out is not drawn.
        at_least: the longer side to which a small picture is enlarged first, by whole pixels.

    Returns:
        uint8 RGB, (H, W, 3) times the enlargement.
    """
    height, width = picture.shape[:2]
    drawn = rendering.enlarge(picture, at_least=max(at_least, 1)) if max(height, width) < at_least else picture.copy()
    drawn = np.repeat(drawn[..., None], 3, axis=2) if drawn.ndim == 2 else np.ascontiguousarray(drawn)
    scale = drawn.shape[0] // height
    top, left, bottom, right = (side * scale for side in window)
    thick = max(1, max(drawn.shape[:2]) // 250)
    for grown in range(2 * thick):
        colour = MARK if grown < thick else (255, 255, 255)
        cv2.rectangle(drawn, (left - 1 - grown, top - 1 - grown), (right + grown, bottom + grown), colour, 1)
    return drawn


def direction_wheel(side: int = 160) -> np.ndarray:
    """The legend of ``rendering.direction``: the hue of every direction around a wheel, brighter outwards.

    Args:
        side: pixels.

    Returns:
        uint8 (side, side, 4) RGBA, clear outside of the wheel. Right is direction 0, below is a quarter turn.
    """
    down, across = np.mgrid[:side, :side] - (side - 1) / 2
    radius = np.hypot(down, across) / (side / 2)
    wheel = rendering.direction(np.arctan2(down, across), np.minimum(radius, 1))
    return np.dstack([wheel, np.where(radius <= 1, 255, 0).astype(np.uint8)])


def sheet(tiles: np.ndarray, *, cell: int = 12, gap: int = 8) -> np.ndarray:
    """Many small pictures in rows and columns, every pixel a square.

    Args:
        tiles: uint8 (rows, columns, h, w, 3).
        cell: pixels of the sheet to a pixel of a tile.
        gap: pixels between the tiles.

    Returns:
        uint8 (H, W, 3).

    Example:
        >>> sheet(np.zeros((5, 5, 3, 3, 3), np.uint8), cell=1, gap=1).shape
        (19, 19, 3)
    """
    rows, columns, height, width, _ = tiles.shape
    large = tiles.repeat(cell, axis=2).repeat(cell, axis=3)
    whole = np.full((rows, height * cell + gap, columns, width * cell + gap, 3), GROUND, np.uint8)
    whole[:, : height * cell, :, : width * cell] = large.swapaxes(1, 2)
    return whole.reshape(rows * (height * cell + gap), -1, 3)[:-gap, :-gap]
