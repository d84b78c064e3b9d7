"""Windows drawn on pictures."""

import numpy as np

from convviz import framing, rendering


def test_a_window_inside_is_drawn_where_it_is_and_leaves_the_rest_alone():
    picture = np.full((40, 60, 3), 200, np.uint8)
    drawn = framing.framed(picture, [(10, 20, 30, 50)], at_least=60)
    assert drawn.shape == picture.shape
    np.testing.assert_array_equal(drawn[10, 20], rendering.MAGNITUDE[255])
    np.testing.assert_array_equal(drawn[29, 49], rendering.MAGNITUDE[255])
    assert (drawn[20, 30:40] == 200).all()
    assert (drawn[:5] == 200).all()


def test_what_lies_outside_becomes_a_margin():
    picture = np.zeros((10, 10, 3), np.uint8)
    drawn = framing.framed(picture, [(2, 2, 5, 5), (-6, -3, 14, 9)], at_least=1)
    assert drawn.shape == (10 + 6 + 4, 10 + 3, 3)
    assert (drawn[0, 0:2] != framing.OUTSIDE).any()
    assert framing.framed(picture, [(0, 0, 4, 4)], at_least=95).shape == (100, 100, 3)


def test_a_cut_has_the_windows_size_and_the_pictures_pixels():
    picture = np.random.default_rng(0).integers(0, 100, (8, 9, 3), np.uint8)
    np.testing.assert_array_equal(framing.cut(picture, (1, 2, 5, 6)), picture[1:5, 2:6])
    outside = framing.cut(picture, (-2, 5, 10, 12))
    assert outside.shape == (12, 7, 3)
    np.testing.assert_array_equal(outside[2:10, :4], picture[:, 5:])
    assert (outside[:2] == framing.OUTSIDE).all()
    assert (framing.cut(picture, (20, 20, 22, 23)) == framing.OUTSIDE).all()
