"""From a heat map to a place: the box around what it marks, and how well that box agrees with the truth."""

from __future__ import annotations

import cv2
import numpy as np

from convviz import ConvvizError, rendering

Box = tuple[int, int, int, int]  # (top, left, bottom, right), ends exclusive


def box(heatmap: np.ndarray, *, threshold: float = 0.5) -> Box | None:
    """The box around the largest connected piece of a heat map that reaches a share of its maximum.

    Args:
        heatmap: float (H, W); negative values count as nothing.
        threshold: share of the largest value, above 0 and at most 1.

    Returns:
        (top, left, bottom, right) in pixels, ends exclusive; None where the map marks nothing.

    Raises:
        ConvvizError: the threshold is no share.

    Source:
        Zhou et al. 2016, Learning deep features for discriminative localization, arXiv:1512.04150, section 3.2.

    Example:
        >>> box(np.array([[0, 0, 0, 1.0], [0, 0.6, 0.9, 0], [0, 0.7, 0.9, 0]]))
        (0, 1, 3, 4)
    """
    if not 0 < threshold <= 1:
        raise ConvvizError(f"a threshold of {threshold} is no share of the largest value; choose one above 0, up to 1")
    most = float(np.nanmax(heatmap))
    if not most > 0:
        return None
    marked = (np.nan_to_num(heatmap) >= threshold * most).astype(np.uint8)
    _, _, pieces, _ = cv2.connectedComponentsWithStats(marked, connectivity=8)
    left, top, width, height, _ = pieces[1 + int(np.argmax(pieces[1:, cv2.CC_STAT_AREA]))]
    return int(top), int(left), int(top + height), int(left + width)


def intersection_over_union(one: Box | None, other: Box | None) -> float:
    """What two boxes share, as part of what they cover together.

    Args:
        one: (top, left, bottom, right), ends exclusive, or None for no box.
        other: the same.

    Returns:
        0 (apart, or one is missing) to 1 (the same).

    Source:
        Everingham et al. 2010, The PASCAL visual object classes challenge, section 4.2, equation 3.

    Example:
        >>> intersection_over_union((0, 0, 2, 2), (0, 1, 2, 3))
        0.3333333333333333
    """
    if one is None or other is None:
        return 0.0
    height = min(one[2], other[2]) - max(one[0], other[0])
    width = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0, height) * max(0, width)
    return shared / (_area(one) + _area(other) - shared)


def strongest(values: np.ndarray) -> tuple[int, int]:
    """Where a map is largest; where several places share the largest value, the middle of them.

    Without that rule a map that is equal somewhere would point to the top left of it, where reading begins.

    Args:
        values: float (H, W), not clipped; NaN counts as nothing.

    Returns:
        (row, column): the mean of all places whose value is the largest, but for 1 part in a million for rounding, as
        the pixel that the mean lies in. Of places that are apart it may lie between them.

    Example:
        >>> strongest(np.array([[0, 3, 3, 3], [0, 1, 2, 0]]))
        (0, 2)
    """
    known = np.nan_to_num(np.asarray(values, np.float64), nan=-np.inf)
    most = known.max()
    shared = known >= (most - 1e-6 * abs(most) if np.isfinite(most) else most)
    row, column = np.floor(np.argwhere(shared).mean(axis=0) + 0.5)
    return int(row), int(column)


def hits(evidence: np.ndarray, mask: np.ndarray) -> bool:
    """The pointing game: whether the largest value of a map lies on the object.

    Args:
        evidence: float (H, W), not clipped: ``attribution.evidence``. In the heat map of a method that looks at single
            pixels a hundredth of them share the largest value.
        mask: bool (H, W), the object's pixels.

    Returns:
        Whether the object has the place that ``strongest`` names. False also for a map that is zero everywhere, which
        points at nothing.

    Source:
        Zhang et al. 2016, Top-down neural attention by excitation backprop, arXiv:1608.00507, section 4.2, without its
        margin of 15 pixels.
    """
    return bool((evidence > 0).any() and mask[strongest(evidence)])


def drawn(picture: np.ndarray, guess: Box | None, truth: Box | None = None, *, at_least: int = 0) -> np.ndarray:
    """A picture with the box of a map in thick lines, and the true one in thin lines.

    Args:
        picture: uint8 (H, W, 3).
        guess: (top, left, bottom, right), ends exclusive, or None for no box.
        truth: the same.
        at_least: pixels that the longer side is enlarged to, every pixel as a square.

    Returns:
        uint8 (H', W', 3), a copy.
    """
    factor = max(1, -(-at_least // max(picture.shape[:2])))
    shown = rendering.enlarge(picture, factor).copy()
    thick = max(2, max(shown.shape[:2]) // 90)
    for edges, thickness in ((guess, thick), (truth, 1)):
        if edges is not None:
            top, left, bottom, right = (edge * factor for edge in edges)
            for colour, extra in (((0, 0, 0), 2), ((255, 255, 255), 0)):
                cv2.rectangle(shown, (left, top), (right - 1, bottom - 1), colour, thickness + extra)
    return shown


def _area(box_: Box) -> int:
    return (box_[2] - box_[0]) * (box_[3] - box_[1])
