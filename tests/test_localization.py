"""Boxes from heat maps and their agreement with the truth, against scikit-image and plain counting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import measure

from convviz import ConvvizError, localization

BOXES = st.tuples(*[st.integers(0, 12)] * 2, *[st.integers(1, 8)] * 2).map(
    lambda one: (one[0], one[1], one[0] + one[2], one[1] + one[3])
)


def painted(box):
    mask = np.zeros((24, 24), bool)
    mask[box[0] : box[2], box[1] : box[3]] = True
    return mask


@given(BOXES, BOXES)
def test_the_overlap_of_two_boxes_is_that_of_their_pixels(one, other):
    a, b = painted(one), painted(other)
    assert localization.intersection_over_union(one, other) == pytest.approx((a & b).sum() / (a | b).sum())


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 1))
def test_the_box_is_that_of_the_largest_piece_that_scikit_image_finds(seed, threshold):
    heatmap = np.random.default_rng(seed).random((17, 23))
    pieces = measure.regionprops(measure.label(heatmap >= threshold * heatmap.max(), connectivity=2))
    largest = max(piece.area for piece in pieces)
    found = localization.box(heatmap, threshold=threshold)
    assert found in [tuple(piece.bbox) for piece in pieces if piece.area == largest]


def test_a_map_without_evidence_has_no_box_and_hits_nothing():
    nothing = np.zeros((4, 4))
    assert localization.box(nothing) is None
    assert localization.intersection_over_union(None, (0, 0, 1, 1)) == 0
    assert not localization.hits(nothing, np.ones((4, 4), bool))


def test_the_pointing_game_asks_for_the_largest_value_only():
    heatmap = np.array([[0.9, 1.0], [0.2, 0.1]])
    assert localization.hits(heatmap, np.array([[False, True], [False, False]]))
    assert not localization.hits(heatmap, np.array([[True, False], [True, True]]))


def test_equal_maxima_point_at_their_middle_and_not_where_reading_begins():
    corner, middle, right = (np.zeros((9, 9), bool) for _ in range(3))
    corner[:3, :3] = middle[3:6, 3:6] = right[4, 7] = True
    flat = np.ones((9, 9), np.float32)
    assert localization.strongest(flat) == (4, 4)
    assert localization.hits(flat, middle)
    assert not localization.hits(flat, corner)
    heatmap = np.zeros((9, 9), np.float32)
    heatmap[3:6, 6:9] = 1 / 3
    heatmap[3, 6] += 1e-8  # rounding
    assert localization.hits(heatmap, right)
    heatmap[0, 0], heatmap[8, 8] = np.nan, 0.5
    assert localization.strongest(heatmap) == (8, 8)


@pytest.mark.parametrize("threshold", [0, -1, 1.5, float("nan")])
def test_a_threshold_that_is_no_share_is_refused(threshold):
    with pytest.raises(ConvvizError, match="threshold"):
        localization.box(np.ones((2, 2)), threshold=threshold)
