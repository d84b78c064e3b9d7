"""What the pages say of numbers: true for what is shown, also at the edges."""

from types import SimpleNamespace

import numpy as np
import pytest

from pages.shared import graphs, outcomes, words
from tests.hostile.names import NAMES


def test_a_flat_map_is_not_said_to_be_strongest_anywhere():
    assert words.where(np.ones((4, 4)), "cat") == "The evidence for cat is the same at every place of the picture"
    assert words.where(np.zeros((4, 4)), "cat") == "No place of the picture speaks for cat"


def test_the_place_and_the_share_are_those_of_the_map():
    heat = np.zeros((30, 30))
    heat[28, 1] = 1
    heat[:3] = 0.6
    said = words.where(heat, "cat")
    assert "strongest at the bottom left" in said
    assert "10% of the picture has at least half" in said
    heat[:] = 0.6
    heat[15, 15] = 1
    assert words.where(heat, "cat").endswith("strongest in the centre; every place has at least half of that")


def test_a_signed_map_tells_both_sides_relative_to_the_evidence_for():
    heat = np.zeros((30, 30))
    heat[0, 29], heat[29, 29] = -1, 0.2
    heat[10] = 0.15
    said = words.where(heat, "dog")
    assert "for dog is strongest at the bottom right; 3% of" in said
    assert said.endswith("the evidence against dog is strongest at the top right")
    said = words.where(np.minimum(heat, 0), "dog")
    assert said == "No place of the picture speaks for dog; the evidence against dog is strongest at the top right"


@pytest.mark.parametrize(
    ("part", "said"), [(0, "0%"), (0.001, "less than 1%"), (0.05, "5%"), (0.9999, "more than 99%"), (1, "100%")]
)
def test_only_nothing_is_zero_percent_and_only_all_is_a_hundred(part, said):
    assert words.share(part) == said


@pytest.mark.parametrize(
    ("part", "said"),
    [(0, "0%"), (0.0004, "less than 0.1%"), (0.055, "5.5%"), (0.5, "50%"), (0.9996, "more than 99.9%"), (1, "100%")],
)
def test_a_fine_share_has_a_decimal_at_the_ends(part, said):
    assert words.share(part, fine=True) == said


@pytest.mark.parametrize(("part", "said"), [(0.7, "70.0%"), (0.9996, "more than 99.9%"), (1, "100.0%"), (0, "0.0%")])
def test_a_measured_share_is_a_hundred_only_where_all_are_right(part, said):
    assert words.percent(part) == said


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (0.03, 0.08, "goes from 3% to 8%"),
        (0.996, 0.9984, "goes from 99.6% to 99.8%"),
        (0.5, 0.5, "stays at 50%"),
        (0.503, 0.501, "goes from 50.3% to 50.1%"),
        (0.999999, 0.9999999, "stays at more than 99%"),
    ],
)
def test_a_change_is_told_with_as_many_decimals_as_show_it(before, after, said):
    assert words.change(before, after) == said


def test_sizes_in_a_sentence_are_crossed():
    assert words.sentence("the picture is 5 x 7 pixels") == "The picture is 5 × 7 pixels."


def test_zero_has_no_sign():
    assert words.numbers(-0.0, -1.5) == "0 to −1.5"


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.1, "about 1 s"), (42, "about 42 s"), (586, "about 10 min"), (7200, "about 2.0 h")]
)
def test_long_times_are_told_in_minutes_and_hours(seconds, said):
    assert words.duration(seconds) == said


def test_times_signs_stand_between_numbers_only():
    assert words.safe("15 x 15 x 3 maps of x 3") == "15 × 15 × 3 maps of x 3"


def test_a_long_name_ends_in_dots():
    assert words.safe("L" * 5000) == "L" * 79 + "…"
    assert words.safe("L" * 80) == "L" * 80


def test_a_layers_name_keeps_its_small_letter():
    assert words.reason("chosen by hand") == "Chosen by hand."
    assert words.reason("conv2d_3 is the last convolution").startswith("conv2d")
    assert words.reason("block4/relu gives").startswith("block4")
    assert words.sentence("conv2d has 32 channels") == "conv2d has 32 channels."
    assert words.sentence(words.safe("my_net has no layer")) == r"my\_net has no layer."
    assert words.sentence("there is no channel 40 in conv2d_1") == "There is no channel 40 in conv2d_1."


def test_dead_filters_are_counted_in_grammar():
    assert words.dead([3]).startswith("No picture moves filter 3: its gradient is zero")
    assert words.dead([3, 5, 8]).startswith("No picture moves filters 3, 5 and 8: their gradients are zero")


def test_blank_channels_are_counted_in_layers_that_rectify():
    assert words.blank({}).startswith("None of the layers")
    assert words.blank({"a": (0, 32)}).startswith("None of the 32 channels of a shown here is blank")
    assert words.blank({"a": (1, 32)}).startswith("1 of the 32 channels of a shown here is blank")
    assert words.blank({"a": (1, 32), "b": (2, 8)}).startswith("3 of the 40 channels of the 2 layers with a ReLU")


def test_a_feature_map_is_told_from_its_content():
    values = np.zeros((9, 9), np.float32)
    assert words.map_alt(values, "map 3") == "map 3: 0 at every place"
    values[0, 8] = 2
    said = words.map_alt(values, "map 3")
    assert said == "map 3: values 0 to 2, the largest at the top right, 99% of its cells are zero"


@pytest.mark.parametrize(
    ("first", "last", "said"), [(150, 150, "row 150"), (0, 0, "row 0"), (-1, 1, "rows −1 to 1"), (-1, -1, "row −1")]
)
def test_one_row_is_not_called_rows(first, last, said):
    assert words.through("row", first, last) == said


@pytest.mark.parametrize(
    ("some", "number", "said"),
    [
        (0, 1, "its one product is not 0"),
        (1, 1, "its one product is 0"),
        (0, 9, "none of its 9 products is 0"),
        (1, 9, "1 of its 9 products is 0"),
        (2, 9, "2 of its 9 products are 0"),
        (49, 49, "all of its 49 products are 0"),
    ],
)
def test_a_count_of_some_reads_as_one_would_say_it(some, number, said):
    assert words.of_them(some, number, "product", "0") == said


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("star", "a star"), ("apple", "an apple"), ("“8”", "an “8”"), ("“3”", "a “3”"), ("11", "an 11"),
        ("18", "an 18"), ("1", "a 1"), ("80s chair", "an 80s chair"), ("110", "a 110"), ("Ear", "an Ear"), ("", "a "),
    ],
)  # fmt: skip
def test_the_article_is_the_one_that_is_spoken(name, told):
    assert words.a(name) == told


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        *(("cat", "cat"), ("a=b", "a=b"), ("-1", "-1"), ("+2.5", "+2.5"), ("", "")),
        *((name, f"'{name}") for name in ("=1+1", "+1+cmd", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "-", "=HYPERLINK(1)")),
    ],
)
def test_a_saved_table_holds_no_formula_of_a_visitors(name, shown):
    assert words.cell(name) == shown


def test_tables_that_can_be_saved_hold_no_name_that_a_spreadsheet_would_run(monkeypatch):
    assert [name for name in NAMES if name[0] in "=+-@"]
    assert not [name for name in outcomes._apart(NAMES) if name[0] in "=+-@"]
    told = []
    monkeypatch.setattr(graphs.st, "dataframe", lambda rows, **options: told.extend(rows))
    sizes = {"output_shape": (1,), "parameters": 0, "multiply_adds": 0, "memory": 4, "field": None, "kind": "Dense"}
    graphs.table(SimpleNamespace(nodes=[SimpleNamespace(name=name, layer=name, **sizes) for name in NAMES]))
    assert len(told) == len(NAMES)
    assert not [row for row in told if row["Layer"][0] in "=+-@"]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "a few seconds"), (9.9, "a few seconds"), (10, "about 10 s"), (41.6, "about 40 s"), (54, "about 50 s"),
     (56, "about 1 min"), (100, "about 2 min"), (12 * 60, "about 12 min"), (1000, "about 15 min"),
     (5500, "about 2 h"), (9000, "about 2 h")],
)  # fmt: skip
def test_a_wait_is_told_no_finer_than_it_can_be_foreseen(seconds, told):
    assert words.wait(seconds) == told
