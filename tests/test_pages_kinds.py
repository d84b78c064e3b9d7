"""The page on kinds of convolution: its numbers, read from the page."""

import pytest

from convviz import kinds
from tests.test_pages import _engine, opened, texts

__all__ = ["_engine"]
PAGE = "pictures/kinds"


@pytest.mark.parametrize("kind", ["dilated", "transposed", "grouped", "depthwise", "pointwise", "separable"])
def test_each_kind_opens_and_its_layer_is_counted(kind):
    app = opened(PAGE, kind=kind)
    assert not app.exception
    assert not app.error
    told = kinds.count(
        kind, (56, 56, 64), filters=128, groups={"grouped": 2}.get(kind, 1), stride=2 if kind == "transposed" else 1
    )
    assert told.parameters_told in texts(app)
    assert told.multiply_adds_told in texts(app)


def test_the_checkerboard_is_there_and_goes_when_the_stride_divides_the_kernel():
    app = opened(PAGE, kind="transposed")
    assert "The stride 2 does not divide the kernel's 3 pixels: a pixel gets 1 to 4 copies" in texts(app)
    assert "becomes 0.444 to 1.78" in texts(app)
    app.slider(key="kinds_size").set_value(4).run()
    assert "divides the kernel's 4 pixels: every pixel gets 4 copies" in texts(app)
    assert "becomes 1 everywhere" in texts(app)


def test_silencing_a_colour_reaches_only_its_group():
    assert "Silencing red changes 4 of the 12" in texts(opened(PAGE, kind="grouped"))
    assert "Silencing blue changes 12 of the 12" in texts(
        opened(PAGE, kind="grouped", kinds_groups="1", kinds_silent="blue")
    )


def test_a_separable_layer_equals_a_standard_one_with_more_weights():
    app = opened(PAGE, kind="separable", kinds_mix="opponent")
    assert "27 + 9 = 36 weights; one standard layer that does the same has 81" in texts(app)


def test_a_bad_mix_is_explained_and_stays():
    app = opened(PAGE, kind="pointwise", kinds_mix="custom", kinds_shares="1 2; 3 4")
    assert len(app.error) == 1
    assert "2 rows of 2 numbers" in app.error[0].value
    assert app.text_input(key="kinds_shares").value == "1 2; 3 4"


def test_hostile_addresses_and_a_picture_of_one_pixel():
    app = opened(
        PAGE, kind="<script>", kinds_dilation="1e999", kinds_in="nan", kinds_groups="5", kinds_shares="x" * 9999
    )
    assert not app.exception
    assert not app.error
    assert app.slider(key="kinds_dilation").value == 4


def test_check_asks_keras():
    app = opened(PAGE, kind="grouped")
    app.button(key="kinds_check").click().run()
    assert "Keras computes the same" in texts(app)
