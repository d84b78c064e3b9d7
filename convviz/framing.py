"""Windows drawn on a picture: which pixels somebody sees, also where they lie outside of it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from convviz import rendering

OUTSIDE = 128  # grey of what lies outside the picture
Box = tuple[int, int, int, int]  # top, left, bottom, right, the last two exclusive


def framed(picture: np.ndarray, windows: Sequence[Box], *, at_least: int = 640) -> np.ndarray:
    """A picture with windows drawn around pixels, the first dark, the last bright and thick.

    Args:
        picture: uint8 (H, W) or (H, W, 3).
        windows: (top, left, bottom, right) in pixels; may reach outside, which is then drawn as a grey margin.
        at_least: pixels of the longer side, reached by drawing every pixel as a square.

    Returns:
        uint8 (H', W', 3).

    Example:
        >>> framed(np.zeros((4, 4), np.uint8), [(-1, 0, 2, 3)], at_least=1).shape
        (5, 4, 3)
    """
    picture = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=-1)
    edges = np.array([(0, 0, *picture.shape[:2]), *windows])
    top, left = (max(-int(edges[:, n].min()), 0) for n in (0, 1))
    bottom, right = (max(int(edges[:, n + 2].max()) - picture.shape[n], 0) for n in (0, 1))
    canvas = np.pad(picture, ((top, bottom), (left, right), (0, 0)), constant_values=OUTSIDE)
    factor = max(1, -(-at_least // max(canvas.shape[:2])))
    large = np.ascontiguousarray(rendering.enlarge(canvas, factor))
    thin = max(1, round(max(large.shape) / 500))
    for number, (first, begin, last, end) in enumerate(windows, 1):
        colour = rendering.MAGNITUDE[round(255 * number / len(windows))].tolist()
        corners = (
            ((begin + left) * factor, (first + top) * factor),
            ((end + left) * factor - 1, (last + top) * factor - 1),
        )
        thick = 2 * thin if number == len(windows) else thin
        cv2.rectangle(large, *corners, (0, 0, 0), thick + 2 * thin)
        cv2.rectangle(large, *corners, colour, thick)
    return large


def cut(picture: np.ndarray, window: Box) -> np.ndarray:
    """What a window sees, grey where it lies outside the picture.

    Args:
        picture: uint8 (H, W, C).
        window: (top, left, bottom, right), pixels.

    Returns:
        uint8 (bottom - top, right - left, C).

    Example:
        >>> cut(np.zeros((4, 4, 1), np.uint8), (-1, 0, 2, 3))[..., 0].tolist()
        [[128, 128, 128], [0, 0, 0], [0, 0, 0]]
    """
    top, left, bottom, right = window
    seen = np.full((bottom - top, right - left, picture.shape[2]), OUTSIDE, np.uint8)
    rows = slice(max(top, 0), max(min(bottom, picture.shape[0]), 0))
    columns = slice(max(left, 0), max(min(right, picture.shape[1]), 0))
    inside = picture[rows, columns]
    down, across = max(-top, 0), max(-left, 0)
    seen[down : down + inside.shape[0], across : across + inside.shape[1]] = inside
    return seen
