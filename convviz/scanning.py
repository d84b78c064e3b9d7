"""A window on its way over a picture, and the output that grows behind it: the frames of a moving picture."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import cv2
import numpy as np

from convviz import convolution, images, rendering

MOST = 60  # frames
SIDE = 320  # pixels of the longer side of either picture
GAP = 16  # pixels between the two, and around them
HOLD = 0.15  # of the whole time that the last frame stays

_GROUND = (238, 236, 232)
_EMPTY = (214, 212, 208)  # where the output is not computed yet
_MARK, _HALO = (213, 94, 0), (255, 255, 255)
_PAD = {"zero": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def frames(
    before: np.ndarray,
    after: np.ndarray,
    *,
    window: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    padding: Any = "valid",
    dilation: tuple[int, int] = (1, 1),
    padding_mode: str = "zero",
    most: int = MOST,
    side: int = SIDE,
) -> list[np.ndarray]:
    """The window of a convolution or a pooling moves over the input, and its output fills, place by place.

    Where there are more places than frames, a frame takes a block of places; the window is shown at its last.

    Args:
        before: uint8 (H, W) or (H, W, 3), the input as it is shown.
        after: uint8 (H', W') or (H', W', 3), the output as it is shown.
        window: (height, width) of the kernel, cells.
        stride: (down, across), pixels.
        padding: as for ``convolution.convolve``; the padded border is drawn, paler.
        dilation: (down, across), pixels.
        padding_mode: one of ``convolution.PADDING_MODES``.
        most: frames at most.
        side: pixels of the longer side of either picture at most; small pictures are enlarged by whole pixels.

    Returns:
        uint8 (h, w, 3), all of one shape: left the input with its window, right the output.
    """
    by_axis = (padding, padding) if isinstance(padding, str | int) else padding
    pads = [
        convolution.padding_amounts(before.shape[axis], window[axis], stride[axis], by_axis[axis], dilation[axis])
        for axis in (0, 1)
    ]
    left, left_scale = _fitted(_padded(before, pads, padding_mode), side)
    right, right_scale = _fitted(images.with_channels(after, 3), side)
    reach = [(window[axis] - 1) * dilation[axis] + 1 for axis in (0, 1)]
    empty = np.full_like(right, _EMPTY)
    made = []
    for band, (row, column) in _blocks(after.shape[:2], most):
        shown = _filled(empty, right, [round(row_ * right_scale[0]) for row_ in band], (column + 1) * right_scale[1])
        corner = (row * stride[0], column * stride[1])
        made.append(
            _beside(
                _marked(left, corner, reach, left_scale),
                _marked(shown, (row, column), (1, 1), right_scale),
            )
        )
    return [*made, _beside(left, right)]


def gif(
    before: np.ndarray,
    after: np.ndarray,
    *,
    window: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    padding: Any = "valid",
    dilation: tuple[int, int] = (1, 1),
    padding_mode: str = "zero",
    seconds: float = 8.0,
) -> bytes:
    """The frames of ``frames`` as a GIF file that repeats; the finished output stays a moment.

    Args:
        before: as for ``frames``.
        after: as for ``frames``.
        window: as for ``frames``.
        stride: as for ``frames``.
        padding: as for ``frames``.
        dilation: as for ``frames``.
        padding_mode: as for ``frames``.
        seconds: for the whole.

    Returns:
        The file's bytes.
    """
    made = frames(
        before, after, window=window, stride=stride, padding=padding, dilation=dilation, padding_mode=padding_mode
    )
    return rendering.gif([*made, *made[-1:] * max(1, round(HOLD * len(made)))], seconds=seconds)


def _padded(picture: np.ndarray, pads: list[tuple[int, int]], mode: str) -> np.ndarray:
    """The picture in colour with its border, the border paler."""
    picture = images.with_channels(picture, 3)
    whole = np.pad(picture, [*pads, (0, 0)], mode=_PAD[mode])
    pale = np.rint(0.5 * whole + 0.5 * np.array(_GROUND)).astype(np.uint8)
    (top, _), (left, _) = pads
    pale[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return pale


def _fitted(picture: np.ndarray, side: int) -> tuple[np.ndarray, tuple[float, float]]:
    """The picture near the wanted size, and its scale down and across."""
    height, width = picture.shape[:2]
    if max(height, width) > side:
        shown = images.limit(picture, side)
    else:
        shown = rendering.enlarge(picture, max(1, side // max(height, width)))
    return np.ascontiguousarray(shown), (shown.shape[0] / height, shown.shape[1] / width)


def _blocks(places: tuple[int, int], most: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Blocks of places in reading order: (first row, row after the last), and the last place (row, column)."""
    height, width = places
    rows, columns = height, width
    if height * width > most:
        rows = min(height, most, max(1, round((most * height / width) ** 0.5)))
        columns = min(width, most // rows)
        rows = min(height, most // columns)
    row_ends = np.linspace(0, height, rows + 1).round().astype(int)
    column_ends = np.linspace(0, width, columns + 1).round().astype(int)
    return [
        ((int(top), int(bottom)), (int(bottom) - 1, int(end) - 1))
        for top, bottom in pairwise(row_ends)
        for end in column_ends[1:]
    ]


def _filled(empty: np.ndarray, whole: np.ndarray, band: list[int], end: float) -> np.ndarray:
    """The output as far as it is computed: all rows above the band, and the band up to a column."""
    shown = empty.copy()
    top, bottom = band
    shown[:top] = whole[:top]
    shown[top:bottom, : round(end)] = whole[top:bottom, : round(end)]
    return shown


def _marked(
    picture: np.ndarray, corner: tuple[int, int], size: tuple[int, int] | list[int], scale: tuple[float, float]
) -> np.ndarray:
    """A frame around some cells, with a halo, so that it is seen on any ground."""
    top, left = (round(corner[axis] * scale[axis]) for axis in (0, 1))
    bottom, right = (round((corner[axis] + size[axis]) * scale[axis]) - 1 for axis in (0, 1))
    drawn = picture.copy()
    for colour, grown in ((_HALO, 2), (_MARK, 1), (_MARK, 0)):
        start = (max(0, left - grown), max(0, top - grown))
        stop = (min(picture.shape[1] - 1, right + grown), min(picture.shape[0] - 1, bottom + grown))
        cv2.rectangle(drawn, start, stop, colour, 1)
    return drawn


def _beside(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Two pictures on one ground, centred."""
    height = max(left.shape[0], right.shape[0]) + 2 * GAP
    whole = np.full((height, left.shape[1] + right.shape[1] + 3 * GAP, 3), _GROUND, np.uint8)
    for picture, start in ((left, GAP), (right, left.shape[1] + 2 * GAP)):
        top = (height - picture.shape[0]) // 2
        whole[top : top + picture.shape[0], start : start + picture.shape[1]] = picture
    return whole
