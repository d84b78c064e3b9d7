"""Marks and legends: that they stand where they should and mean what they say."""

import numpy as np

from convviz import annotations, rendering


def test_a_frame_goes_around_its_window_and_leaves_it_as_it_was():
    picture = np.random.default_rng(0).integers(0, 200, (40, 50), np.uint8)
    drawn = annotations.framed(picture, (10, 20, 17, 27))
    assert np.array_equal(drawn[11:16, 21:26, 0], picture[11:16, 21:26])
    assert (drawn[9, 19:28] == annotations.MARK).all()
    assert (drawn[17, 19:28] == annotations.MARK).all()
    assert np.array_equal(drawn[30:, :, 1], picture[30:])


def test_a_small_picture_is_enlarged_before_it_is_marked():
    drawn = annotations.framed(np.zeros((5, 5, 3), np.uint8), (1, 1, 4, 4), at_least=300)
    assert drawn.shape == (300, 300, 3)
    assert (drawn[150, 59] == annotations.MARK).all()
    assert not drawn[100, 100].any()


def test_the_wheel_shows_the_hue_that_a_direction_has_in_the_picture():
    wheel = annotations.direction_wheel(101)
    for angle in np.linspace(-3, 3, 13):
        row, column = (round(50 + 48 * turn) for turn in (np.sin(angle), np.cos(angle)))
        here = np.arctan2(row - 50, column - 50)
        expected = rendering.direction(np.full((1, 1), here), None)[0, 0].astype(float)
        np.testing.assert_allclose(wheel[row, column, :3] / 0.95, expected, atol=16)
    assert wheel[0, 0, 3] == 0
    assert wheel[50, 50, 3] == 255
    assert wheel[50, 95, 0] > 200 > wheel[50, 95, 1], "right is red"


def test_a_sheet_has_every_tile_at_its_place():
    tiles = (
        np.arange(6, dtype=np.uint8)[:, None, None, None].repeat(2, 1).repeat(2, 2).repeat(3, 3).reshape(2, 3, 2, 2, 3)
    )
    made = annotations.sheet(tiles, cell=3, gap=2)
    assert made.shape == (2 * 8 - 2, 3 * 8 - 2, 3)
    assert [[int(made[row, column, 0]) for column in (0, 8, 16)] for row in (0, 8)] == [[0, 1, 2], [3, 4, 5]]
    assert tuple(made[6, 6]) == annotations.GROUND
