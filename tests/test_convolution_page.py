"""The Convolution page through app.py: every scene's number, matrices, filters, two kernels, what cannot be."""

import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from convviz import convolution, kernels, matrices
from pages.shared import responses, scenes, windows, written_out
from tests.test_pages import opened, texts


@pytest.fixture(scope="module", autouse=True)
def _engine():
    """An engine that starts only where a test asks it something."""
    from pages.shared import engine

    soon, engine.START_AFTER = engine.START_AFTER, 600.0
    yield
    engine.START_AFTER = soon
    engine.close()
    engine._engine.cache_clear()


def played(name: str) -> AppTest:
    """The page after a click on a scene's button, with no complaint."""
    app = opened("pictures/convolution")
    app.button(key=f"_scene_{name}").click().run()
    assert not app.exception
    assert not app.error, app.error[0].value
    assert scenes.SCENES[name].look in texts(app)
    return app


def _one(value):
    """A value of the address, which AppTest gives as a list or bare."""
    return value[0] if isinstance(value, list) else value


SAID = {  # scene -> what the page computes and says
    "edges": "The kernel's cells sum to 0",
    "320": "105·5 − 102 − 103 = **320**",
    "6600": "50·30 + 20·30 + 50·30 + 50·30 + 50·30 = **6600**",
    "0": "each of the 49 products is 0, and so is their sum: **0**",
    "mouse": "The largest value, 45900, is at row 35, column 79",
    "patches": "5 · 5 = 25 patches of 3 × 3, one for each cell of the output.",
    "five": "25 places in all",
    "three": "9 places in all",
    "odd": "adds 0 rows above and 1 below, 0 columns on the left and 1 on the right. The total is odd",
    "blurs": "3 × 3 and 3 × 3 make one kernel of 5 × 5",
    "filter": "3 · 3 · 3 = 27 weights",
    "maps": "14 kernels, 14 maps: 13 of 26 × 26, the curve detector's 22 × 22.",
}


@pytest.mark.parametrize("name", scenes.SCENES)
def test_a_scene_shows_its_number(name):
    assert SAID[name] in texts(played(name))


def test_the_lectures_sizes_are_written_out():
    assert "⌊(7 + 0 + 0 − 3) / 1⌋ + 1 = **5**" in texts(played("five"))
    assert "⌊(7 + 0 + 0 − 3) / 2⌋ + 1 = **3**" in texts(played("three"))
    assert "⌊(5 + 1 + 1 − 3) / 1⌋ + 1 = **5**" in texts(played("patches"))


def test_a_scene_is_in_the_address_and_another_visit_finds_it():
    app = played("three")
    again = opened("pictures/convolution", **{key: _one(value) for key, value in app.query_params.items()})
    assert scenes.SCENES["three"].look in texts(again)
    assert again.number_input(key="stride_y").value == 2
    assert "9 places in all" in texts(again)


def test_the_address_keeps_no_choice_of_an_earlier_scene():
    app = played("five")
    assert "matrix" in app.query_params
    for name in ("blurs", "filter", "edges"):
        app.button(key=f"_scene_{name}").click().run()
    assert set(app.query_params) <= {"picture", "kernel"}
    app.segmented_control(key="input").set_value("matrix").run()
    assert app.text_area(key="matrix").value == matrices.text(kernels.CURVE_PATCH)


def test_what_was_typed_and_plays_no_part_for_a_while_comes_back_into_the_address():
    app = opened("pictures/convolution", input="matrix", matrix="1 2 3; 4 5 6; 7 8 9")
    app.segmented_control(key="input").set_value("picture").run()
    assert not {"input", "matrix"} & set(app.query_params)
    app.segmented_control(key="input").set_value("matrix").run()
    assert app.text_area(key="matrix").value == "1 2 3; 4 5 6; 7 8 9"
    assert _one(app.query_params["matrix"]) == "1 2 3; 4 5 6; 7 8 9"


@pytest.mark.parametrize(("kernel", "more"), [("curve", True), ("sobel_x", False)])
def test_a_grid_of_many_columns_says_that_they_go_on(kernel, more):
    app = opened("pictures/convolution", kernel=kernel)
    assert any("more columns lie to the right" in one.value for one in app.caption) == more


def test_a_scenes_sentence_goes_with_the_first_other_choice():
    app = played("five")
    app.number_input(key="stride_x").set_value(3).run()
    assert scenes.SCENES["five"].look not in texts(app)


def test_edges_by_sobel_are_shown_with_sobel_only_until_somebody_asks():
    app = opened("pictures/convolution")
    assert app.toggle(key="sobel").value
    app.selectbox(key="kernel").set_value("sharpen").run()
    assert not app.toggle(key="sobel").value
    assert "sobel" not in app.query_params
    app.toggle(key="sobel").set_value(True).run()
    assert any("strength and direction" in header.value for header in app.header)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ("1 x; 2 3", "cell 'x' is not a number"),
        ("1 2; 3", "rows have 1 and 2 cells"),
        (" ", "is empty"),
        ("nan", "is NaN, which is no number"),
        ("inf", "out of range"),
        ("1000000000000", "out of range"),
    ],
)
@pytest.mark.parametrize("what", ["matrix", "kernel"])
def test_what_is_no_matrix_is_said_in_one_sentence_and_stays(what, cells, said):
    key, more = ("matrix", {"input": "matrix"}) if what == "matrix" else ("cells", {"kernel": "custom"})
    app = opened("pictures/convolution", **more)
    app.text_area(key=key).set_value(cells).run()
    assert [said in error.value for error in app.error] == [True]
    assert f"the {what}" in app.error[0].value.lower()
    assert app.text_area(key=key).value == cells, "what was typed stays"
    assert [one.value for one in app.warning] == [f"Still the last {what} that could be read."]
    assert "What to notice" in [header.value for header in app.header], "the page goes on with the last good one"


def test_a_matrix_keeps_its_fractions():
    app = opened("pictures/convolution", input="matrix", matrix="0.5 -1.25; 3 4", kernel="custom", cells="2 0; 0 1")
    assert "0.5·2 + 4 = **5**" in texts(app)


@pytest.mark.parametrize("matrix", ["7", "1 2; 3 4"])
def test_a_picture_smaller_than_the_kernel_is_shown_with_the_reason_beside_the_padding(matrix):
    app = opened("pictures/convolution", input="matrix", matrix=matrix)
    assert len(app.error) == 1
    assert re.search("does not fit .* with padding “Valid”; ", app.error[0].value)
    captions = [image.captions[0] for image in app.get("image")]
    assert any(caption.startswith("Matrix, ") for caption in captions)
    assert any("3 × 3" in caption for caption in captions)
    app.segmented_control(key="padding").set_value("same").run()
    assert not app.error


def test_a_preset_edited_as_text_becomes_custom():
    app = opened("pictures/convolution", kernel="sharpen")
    app.text_area(key="_text_sharpen").set_value("0 -1 0; -1 7 -1; 0 -1 0").run()
    assert app.selectbox(key="kernel").value == "custom"
    assert "an even area of value v becomes 3 · v" in texts(app)


def test_a_preset_edited_into_nonsense_keeps_the_text_and_the_kernel():
    app = opened("pictures/convolution", kernel="sharpen")
    app.text_area(key="_text_sharpen").set_value("0 -1 zero").run()
    assert app.text_area(key="cells").value == "0 -1 zero"
    assert len(app.error) == 1
    assert "an even area keeps its value" in texts(app), "sharpen is still what is shown"


def test_a_preset_gets_other_rows_and_columns():
    app = opened("pictures/convolution", kernel="box_blur")
    rows = next(one for one in app.number_input if one.label == "Rows")
    rows.set_value(11).run()
    assert app.selectbox(key="kernel").value == "custom"
    assert "− 11) / 1⌋ + 1 = **290**" in texts(app)


def test_a_filter_says_its_channel_sums():
    text = texts(played("filter"))
    assert "red: " in text
    assert "the filter: " in text


def test_kernels_of_two_sizes_make_a_filter_of_the_larger():
    app = opened("pictures/convolution", channels="filter", red_kernel="curve")
    assert "7 · 7 · 3 = 147 weights" in texts(app)
    assert "filled with zeros to 7 × 7" in texts(app)


@pytest.mark.parametrize("flip", ["true", "false"])
def test_the_page_says_whether_the_kernel_is_flipped(flip):
    text = texts(opened("pictures/convolution", flip=flip))
    assert ("is turned by 180° first" in text) == (flip == "true")
    assert ("is not turned" in text) == (flip == "false")


def test_no_choice_leads_to_a_complaint_or_an_unbounded_dilation():
    app = opened(
        "pictures/convolution", input="matrix", matrix="1 2 3 4 5;6 7 8 9 10;1 1 1 1 1;2 2 2 2 2;3 3 3 3 3",
        dilation_y="8", dilation_x="8", stride_y="16", padding="valid",
    )  # fmt: skip
    assert not app.error
    assert app.number_input(key="dilation_y").value == 2
    assert "**1** (kernel 3 with dilation 2 spans 5)" in texts(app)


def test_check_says_what_keras_computes():
    app = opened("pictures/convolution", input="matrix", kernel="sharpen", padding="same")
    app.button(key="convolution_check").click().run()
    assert "Keras computes" in texts(app)
    assert "25 numbers" in texts(app)


# --- the words ------------------------------------------------------------------------------------------------------


def test_a_sum_is_written_with_its_signs():
    def one(patch, weights):
        return written_out.equation(np.array([patch], float), np.array([weights], float))

    assert one([105, 102, 7], [5, -1, 0]) == "105·5 − 102 = **423**"
    assert one([3, 2], [-2, -1]) == "−3·2 − 2 = **−8**"
    assert one([-3, 2], [-2, 0.5]) == "3·2 + 2·0.5 = **7**"
    assert one([1, -1], [1, 1]) == "1 − 1 = **0**"
    assert one([0, 0], [1, 1]) == "each of the 2 products is 0, and so is their sum: **0**"
    assert one(range(1, 71), [1] * 70).endswith("+ … 10 more products = **2485**")


def test_the_total_of_a_sum_is_the_cell_of_the_feature_map():
    rng = np.random.default_rng(0)
    image, weights = rng.integers(0, 256, (9, 8, 3)), rng.integers(-3, 4, (3, 3, 3))
    feature_map = convolution.convolve(image, weights)
    for row, col in ((0, 0), (3, 5)):
        last = written_out.lines(convolution.trace(image, weights, row, col))[-1]
        assert f"**{written_out.number(feature_map[row, col])}**" in last


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ("2", "The window covers row 1 and column 1 of the input, counted from 0; its one product is not 0."),
        ("0", "The window covers row 1 and column 1 of the input, counted from 0; its one product is 0."),
        ("0; 0", "covers rows 1 to 2 and column 1 of the input, counted from 0; all of its 2 products are 0."),
        (
            "1 1 1; 1 1 1; 1 1 1; 1 1 1",
            "rows 0 to 3 and columns 0 to 2 of the input, counted from 0, and reaches into the padding; 3 of its 12 "
            "products are 0.",
        ),
    ],
)
def test_where_the_window_lies_is_said_of_a_matrix_too_and_its_products_are_counted(cells, said):
    app = opened(
        "pictures/convolution", input="matrix", matrix="1 2 3; 4 5 6; 7 8 9", kernel="custom", cells=cells,
        padding="same", output_row="1", output_column="1",
    )  # fmt: skip
    assert said in texts(app)
    assert ("the one product is 0, and so is the sum: **0**" in texts(app)) == (cells == "0")


def test_what_is_near_to_zero_is_measured_by_the_largest_magnitude():
    def said(*values):
        map_ = np.array([values], float)
        return responses.notices(np.ones((1, 4)), np.full((1, 1), 2.0), map_, flip=False)[1]

    assert said(1, -40, 3, 4) == (
        "The largest value, 4, is at row 0, column 3; 25% of the feature map is nearer to zero than 5% of the largest "
        "magnitude, 40; the rest is the answer."
    )
    assert said(2, -40, 3, 4).endswith("no value is nearer to zero than 5% of the largest magnitude, 40.")


def test_two_ways_to_the_same_bits_are_not_said_to_round():
    one = np.ones((1, 1))
    settings = {"padding": "valid", "padding_mode": "zero"}
    both = convolution.in_two_steps(np.ones((4, 4)), one, one, **settings)
    assert "agree everywhere: the numbers are the same to the last digit;" in responses.composed(
        both, (1, 1), (1, 1), settings
    )


def test_values_that_are_no_numbers_are_counted():
    assert responses.span(np.array([1.0, np.nan, -2.0, np.inf])) == "values −2 to 1, 2 values not finite"
    assert responses.span(np.array([np.nan])) == "no finite value, 1 value not finite"
    assert responses.span(np.array([45900.4, 0.0])) == "values 0 to 45900"
    assert responses.span(np.zeros((2, 2))) == "every value 0"
    assert responses.span(np.array([1 / 3, -0.0])) == "values 0 to 0.3333"
    wild = responses.pixels_of(np.array([[np.nan, np.inf], [-np.inf, 1]]), clipped=True)
    assert wild.tolist() == [[0, 255], [0, 1]]
    assert (
        "No value" in responses.notices(np.ones((2, 2)), np.full((1, 1), 2.0), np.full((2, 2), np.nan), flip=False)[1]
    )


def test_what_same_adds_is_told_from_the_numbers():
    assert windows.same([(0, 0), (0, 0)]) == "“Same” adds nothing here: the places fit as they are."
    assert "odd" not in windows.same([(1, 1), (2, 2)])
    assert "puts the odd row after" in windows.same([(0, 1), (1, 1)])
    assert "puts the odd column after" in windows.same([(1, 1), (1, 2)])


@pytest.mark.parametrize(
    ("name", "said"),
    [("sobel_x", "every value changes its sign"), ("outline", "nothing changes"), ("emboss", "answers elsewhere")],
)
def test_what_the_flip_does_is_true_of_the_kernel(name, said):
    image, weights = np.random.default_rng(1).random((9, 9)), kernels.KERNELS[name].weights
    plain, turned = (convolution.convolve(image, weights, flip=flip) for flip in (False, True))
    assert said in responses.notices(image, weights, plain, flip=False)[2]
    np.testing.assert_allclose({"sobel_x": -plain, "outline": plain, "emboss": turned}[name], turned, atol=1e-5)


def _filter(*sums: float) -> np.ndarray:
    """A filter whose three kernels have these sums."""
    weights = np.zeros((3, 3, 3), np.float32)
    weights[1, 1], weights[0, 0], weights[2, 2] = sums, 1 / 9, -1 / 9
    return weights


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (kernels.KERNELS["sobel_x"].weights, "The kernel's cells sum to 0: an even area becomes 0."),
        (_filter(0, 0, 0), "sum to 0, in each channel too: an even area becomes 0, whatever its colour."),
        (_filter(1, -1, 0), "sum to 0: an even grey area becomes 0; one of another colour counts each channel by "),
        (_filter(0.5, 0.25, 0.25), "sum to 1: an even grey area keeps its value; one of another colour"),
        (_filter(1, 1, 0), "sum to 2: an even grey area of value v becomes 2 · v; one of another colour"),
    ],
)
def test_what_is_said_of_an_even_area_is_true_of_its_colour(weights, said):
    map_ = convolution.convolve(np.full((5, 5, 3)[: weights.ndim], 7.0), weights)
    assert said in responses.notices(np.ones((5, 5)), weights, map_, flip=False)[0]
    if weights.ndim == 3:
        red = convolution.convolve(np.full((5, 5, 3), (7.0, 0, 0)), weights)
        assert ("whatever its colour" in said) == bool(np.allclose(red, 0, atol=1e-5)), "a red area"
        total = weights.sum(dtype=float)
        np.testing.assert_allclose(map_, 7 * total, atol=1e-5)


def test_the_sizes_of_many_maps_are_counted():
    assert responses.maps_of({"curve": (3, 4), "emboss": (3, 4)}).startswith("2 kernels, 2 maps of 3 × 4. ")
    said = responses.maps_of({"curve": (1, 1), "emboss": (5, 5), "outline": (5, 5)})
    assert said.startswith("3 kernels, 3 maps: 2 of 5 × 5, the curve detector's 1 × 1. ")
    assert "No kernel" in responses.maps_of({})


def test_what_the_flip_does_is_true_of_one_place_and_of_a_filter():
    emboss = kernels.KERNELS["emboss"].weights
    one = responses.notices(np.ones((3, 3)), emboss, np.ones((1, 1)), flip=False)[2]
    assert one.endswith("With the flip of true convolution, the weights meet other cells of the picture.")
    filter_ = np.ones((3, 3, 3), np.float32)
    same = responses.notices(np.ones((5, 5, 3)), filter_, np.ones((3, 3)), flip=False)[2]
    assert "the filter looks the same turned by 180°" in same


@pytest.mark.parametrize(
    ("page", "prefix", "more"),
    [
        ("convolution", "", {}), ("convolution", "second_", {"two": "true"}), ("tuning", "tuning_", {}),
        ("convolution", "green_", {"channels": "filter"}), ("pooling", "pool_", {}), ("kinds", "kinds_", {}),
        ("fourier", "fourier_", {}),
    ],
)  # fmt: skip
def test_a_result_says_that_it_is_of_an_older_kernel(page, prefix, more):
    link = {f"{prefix}kernel": "custom", f"{prefix}cells": "1 2; 3", **more}
    app = opened(f"pictures/{page}", **link)
    assert len(app.error) == 1
    assert [one.value for one in app.warning] == [
        "No kernel has been read yet; shown is the identity of 3 × 3 (0 0 0; 0 1 0; 0 0 0), which changes no value."
    ]
    app.text_area(key=f"{prefix}cells").set_value("1 2; 3 4").run()
    assert not app.warning
    app.text_area(key=f"{prefix}cells").set_value("1 2; 3").run()
    assert [one.value for one in app.warning] == ["Still the last kernel that could be read."]
    app.text_area(key=f"{prefix}cells").set_value("1/9 2; 3 4").run()
    assert not app.error
    assert not app.warning


def test_a_kernel_shown_instead_is_the_one_that_is_named_and_two_troubles_are_both_told():
    app = opened("pictures/convolution", kernel="custom", cells="abc", input="matrix", matrix="7 2; 3 4")
    assert "does not fit" in app.error[1].value, "3 × 3"
    app = opened(
        "pictures/convolution", channels="filter", green_kernel="custom", green_cells="abc", red_kernel="custom"
    )
    app.text_area(key="red_cells").set_value("abc").run()
    assert len(app.warning) == 2
    assert "Still the last" in app.warning[0].value
    assert "No kernel has been read yet" in app.warning[1].value


def test_a_matrix_that_was_never_read_is_not_called_the_last_one():
    app = opened("pictures/convolution", input="matrix", matrix="x", kernel="sharpen", padding="same")
    assert [one.value for one in app.warning] == ["No matrix has been read yet; shown is the lecture's matrix."]
    assert "−103 − 98 + 104·5 − 102 − 106 = **111**" in texts(app)
    app.text_area(key="matrix").set_value("1 2; 3 4").run()
    assert not app.warning
    app.text_area(key="matrix").set_value("y").run()
    assert [one.value for one in app.warning] == ["Still the last matrix that could be read."]


def test_where_two_kernels_differ_from_one_is_said_and_why():
    image, blur = np.random.default_rng(2).random((20, 20)), kernels.KERNELS["box_blur"].weights

    def said(**settings):
        settings = {"padding": "valid", "padding_mode": "zero", **settings}
        return responses.composed(convolution.in_two_steps(image, blur, blur, **settings), (3, 3), (3, 3), settings)

    assert "agree everywhere" in said()
    assert "around a circle there is no edge" in said(padding="same", padding_mode="circular")
    both = convolution.in_two_steps(image, blur, blur, padding="same")
    assert f"At the 76 places of the edge they differ by up to {both.difference(edge=True):.6g}" in said(padding="same")


def test_grey_levels_are_the_default_for_kernels_that_make_a_picture_of_a_picture():
    app = opened("pictures/convolution", kernel="box_blur")
    assert app.toggle(key="clipped").value
    app.selectbox(key="kernel").set_value("laplacian").run()
    assert not app.toggle(key="clipped").value
    app.selectbox(key="kernel").set_value("sharpen").run()
    assert app.toggle(key="clipped").value
    assert "clipped" not in app.query_params


def opens_on(app: AppTest) -> tuple[int, int]:
    """The cell that stands in the middle of the grids."""
    return app.session_state["_opened_grids"][1]


def written(app: AppTest) -> tuple[int, int]:
    """The cell that is written out."""
    row, column = (app.number_input(key=key).value for key in written_out.KEYS)
    return row, column


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("edges", (149, 224)), ("320", (0, 0)), ("6600", (0, 0)), ("mouse", (35, 79)), ("patches", (2, 2)),
        ("five", (2, 2)), ("three", (1, 1)), ("odd", (2, 2)),
    ],
)  # fmt: skip
def test_the_grids_open_on_the_cell_that_is_written_out(name, cell):
    app = played("320")  # whose cell does not stay
    app.button(key=f"_scene_{name}").click().run()
    assert written(app) == opens_on(app) == cell
    assert "products is 0, and so is their sum" not in texts(app)


def test_a_cell_that_nobody_chose_stays_in_the_middle_of_another_map():
    app = opened("pictures/convolution")
    app.selectbox(key="kernel").set_value("curve").run()
    assert written(app) == opens_on(app) == (147, 222)
    assert "output_row" not in app.query_params


def test_a_scenes_own_cell_outlives_the_end_of_the_mark():
    app = played("mouse")
    app.button(key="_scene_320").click().run()
    assert written(app) == (0, 0)


def test_a_link_opens_the_grids_on_its_cell():
    app = opened("pictures/convolution", output_row="5", output_column="99999")
    assert written(app) == opens_on(app) == (5, 448)
    assert "output column “99999” (shown: 448)" in texts(app)


def test_the_cell_goes_with_the_largest_answer_as_long_as_it_is_marked():
    app = opened("pictures/convolution", picture="drawing", kernel="curve", output_row="3")
    assert written(app)[0] == 3
    app.toggle(key="mark").set_value(True).run()
    assert written(app) == opens_on(app) == (35, 79)
    assert not {"output_row", "output_column"} & set(app.query_params)


def test_a_pinned_cell_is_written_out_and_the_grids_stay():
    app = opened("pictures/convolution", input="matrix", kernel="sharpen", padding="same")
    assert "−103 − 98 + 104·5 − 102 − 106 = **111**" in texts(app)
    app.session_state["convolution_explorer"] = {"pinned": [0, 0]}
    app.run()
    assert "105·5 − 102 − 103 = **320**" in texts(app)
    assert (written(app), opens_on(app)) == ((0, 0), (2, 2))
    app.number_input(key="output_row").set_value(1).run()
    assert written(app) == opens_on(app) == (1, 0), "the numbers may say another cell afterwards"
    app.number_input(key="output_row").set_value(0).run()
    assert written(app) == opens_on(app) == (0, 0), "the pin is gone by now"


def test_what_a_blur_and_a_sharpening_do_to_the_contrast_is_measured():
    image = np.random.default_rng(3).integers(0, 256, (30, 30)).astype(np.uint8)
    for name, said in (("box_blur", "lost contrast"), ("sharpen", "gained contrast"), ("identity", "as it was")):
        weights = kernels.KERNELS[name].weights
        after = convolution.convolve(image, weights, padding="same")
        sentence = responses.notices(image, weights, after, flip=False)[1]
        assert said in sentence
        assert f"{image.mean():.1f} before and {after.mean():.1f} after" in sentence


def test_a_second_kernel_without_a_place_is_explained_and_the_rest_of_the_page_stays():
    app = opened("pictures/convolution", input="matrix", matrix="1 2 3; 4 5 6; 7 8 9", two="true")
    assert ["does not fit" in error.value for error in app.error] == [True]
    assert "What to notice" in [header.value for header in app.header]
