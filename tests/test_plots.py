"""Charts as pictures: every point where its numbers say, bands between their edges, nothing told by colour alone."""

import numpy as np
import pytest
from PIL import ImageFont

from convviz import ConvvizError, plots

BLUE, RED = "#0000ff", "#ff0000"


def blue(picture: np.ndarray) -> np.ndarray:
    """Where pure blue was drawn."""
    return (picture[..., 2] > 200) & (picture[..., 0] < 80)


def test_a_rising_line_goes_from_the_lower_left_to_the_upper_right_of_the_plot():
    drawn = plots.chart("t", [plots.Curve("", [0, 4], [0, 1], BLUE)], x_title="x", y_range=(0, 1))
    rows, columns = np.nonzero(blue(drawn))
    first, last = rows[columns == columns.min()].mean(), rows[columns == columns.max()].mean()
    assert columns.min() == pytest.approx(74, abs=2)
    assert columns.max() == pytest.approx(900 - 24, abs=2)
    assert first == pytest.approx(560 - 56, abs=2)
    assert last == pytest.approx(48, abs=2)
    middle = rows[columns == round((74 + 876) / 2)].mean()
    assert middle == pytest.approx((504 + 48) / 2, abs=2)


def test_a_level_stands_where_the_axis_says():
    for number in (0.25, 0.75):
        drawn = plots.chart("t", [plots.Curve("", [0, 1], [number] * 2, BLUE)], x_title="x", y_range=(0, 1))
        assert np.nonzero(blue(drawn))[0].mean() == pytest.approx(504 - number * (504 - 48), abs=1.5)


def test_a_band_fills_what_is_between_its_edges_and_nothing_else():
    curve = plots.Curve("", [0, 1], [0.5, 0.5], RED, low=[0.25, 0.25], high=[0.75, 0.75])
    drawn = plots.chart("t", [curve], x_title="x", y_range=(0, 1)).astype(int)
    column = drawn[:, 700]
    tinted = np.flatnonzero((column[:, 0] - column[:, 1] > 20) & (column[:, 1] > 100))
    assert tinted.min() == pytest.approx(504 - 0.75 * 456, abs=2)
    assert tinted.max() == pytest.approx(504 - 0.25 * 456, abs=2)


def test_dashes_leave_gaps_that_a_solid_line_has_not():
    lines = {
        dash: plots.chart("t", [plots.Curve("", [0, 1], [0.5, 0.5], BLUE, dash)], x_title="x", y_range=(0, 1))
        for dash in plots.DASHES
    }
    share = {dash: blue(drawn)[:, 80:870].any(axis=0).mean() for dash, drawn in lines.items()}
    assert share["solid"] == 1
    assert share["dash"] == pytest.approx(10 / 17, abs=0.06)
    assert len({round(one, 2) for one in share.values()}) == len(share)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0.93, 0.97, [0.93, 0.94, 0.95, 0.96, 0.97]), (-3, 12, [0, 5, 10])],
)
def test_ticks_are_round_and_within(low, high, expected):
    assert plots.ticks(low, high) == expected


def test_a_single_point_is_a_dot_and_nothing_at_all_is_refused():
    assert blue(plots.chart("t", [plots.Curve("a", [3], [2.0], BLUE)], x_title="x")).sum() > 20
    with pytest.raises(ConvvizError, match="no curve to draw yet"):
        plots.chart("t", [plots.Curve("a", [], [], BLUE)], x_title="x")


def test_a_legend_that_does_not_fit_one_row_takes_two_and_lifts_the_plot():
    few = plots.chart("t", [plots.Curve("short", [0, 1], [0, 1], BLUE)], x_title="x", size=(400, 500))
    names = [plots.Curve(f"a rather long name, number {n}", [0, 1], [0, 1], BLUE) for n in range(2)]
    many = plots.chart("t", names, x_title="x", size=(400, 500))
    floors = [int(np.flatnonzero((one < 100).all(axis=2).mean(axis=1) > 0.7)[0]) for one in (few, many)]
    assert few.shape == many.shape == (400, 500, 3)
    assert floors[0] - floors[1] == 24


def test_words_are_spelt_in_letters_that_the_font_has():
    font = ImageFont.load_default(20)
    missing = bytes(font.getmask("\u4e2d"))
    for letter in sorted(set(plots.spelt("".join(map(chr, range(32, 0x2600)))))):
        assert bytes(font.getmask(letter)) != missing, letter
    assert plots.spelt("26 × 26 … −0.5 30° Küche, Straße\n\u4e2d") == "26 x 26 ... -0.5 30° Kuche, Strasse?"
