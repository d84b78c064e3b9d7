"""The Receptive field page: published numbers, editing, and what cannot be."""

import time

import pytest

from convviz import stacks
from tests.test_pages import _engine, opened, texts

__all__ = ["_engine"]
PAGE = "pictures/receptive_field"


@pytest.mark.parametrize(("name", "sees"), [("vgg16", 44), ("lenet5", 32), ("alexnet", 195), ("resnet", 43)])
def test_presets_state_their_published_field(name, sees):
    app = opened(PAGE, stack=name)
    assert not app.error
    assert not app.exception
    assert f"sees {sees} × {sees} pixels" in texts(app)
    assert app.slider(key="rf_side").value == stacks.PRESETS[name].side


def test_layers_are_moved_removed_and_added_and_the_text_follows():
    app = opened(PAGE, stack="lenet5")
    app.button(key="_rf_Remove").click().run()
    assert app.selectbox(key="stack").value == "custom"
    assert app.text_input(key="rf_layers").value == "conv 5; average 2/2; conv 5; average 2/2"
    app.button(key="_rf_Up").click().run()
    assert app.text_input(key="rf_layers").value == "conv 5; average 2/2; average 2/2; conv 5"
    app.button(key="_rf_Add").click().run()
    assert app.text_input(key="rf_layers").value == "conv 5; average 2/2; average 2/2; conv 3 same; conv 5", (
        "the layer that was moved stays chosen"
    )
    assert not app.error


def test_a_bad_stack_is_explained_and_stays():
    app = opened(PAGE, stack="custom", rf_layers="conv 3; conv 3/2")
    assert "sees 5 × 5 pixels" in texts(app)
    app.text_input(key="rf_layers").set_value("conv 3; pol 2").run()
    assert len(app.error) == 1
    assert "kind 'pol'" in app.error[0].value
    assert app.text_input(key="rf_layers").value == "conv 3; pol 2"
    assert "sees 5 × 5 pixels" in texts(app), "the last good stack stays"


def test_the_side_never_falls_below_what_the_layers_need():
    app = opened(PAGE, stack="alexnet", rf_side="1")
    assert app.slider(key="rf_side").value == stacks.smallest_side(stacks.parse(stacks.PRESETS["alexnet"].text))
    assert not app.error


def test_the_gradient_is_measured_and_its_share_in_the_middle_is_stated():
    app = opened(PAGE, stack="lenet5", rf_runs="2")
    end = time.monotonic() + 60
    while "holds **" not in texts(app) and time.monotonic() < end:
        time.sleep(0.5)
        app.run()
    assert "holds **" in texts(app)
    assert "even one would have 25%" in texts(app)
    app.button(key="receptive_field_check").click().run()
    assert "Keras computes exactly the same" in texts(app)


def test_hostile_addresses_open_the_page():
    app = opened(
        PAGE, stack="custom", rf_layers="conv 15/8 d8; " * 30, rf_row="-5", rf_col="1e999", rf_layer="nan", rf_side="x"
    )
    assert not app.exception
    assert len(app.error) == 1
    assert "layers" in app.error[0].value


def test_the_table_tells_early_what_a_layer_sees_and_breaks_no_cell():
    app = opened(PAGE, stack="custom", rf_layers="conv 3 same; max 2/2", rf_side="64")
    table = next(one.value for one in app.markdown if "Jump (pixels)" in one.value).splitlines()
    titles, picture, first, second = ([cell.strip(" *") for cell in table[n].split("|")[1:-1]] for n in (0, 2, 3, 4))
    assert titles == ["", "Layer", "Sees (pixels)", "Map", "Jump (pixels)", "First window begins at"]
    rows = [[cell.replace("\N{NO-BREAK SPACE}", " ") for cell in row] for row in (picture, first, second)]
    assert rows == [
        ["0", "picture", "1 × 1", "64 × 64", "1", "0"],
        ["1", "conv 3 same", "3 × 3", "64 × 64", "1", "−1"],
        ["2", "max 2/2", "4 × 4", "32 × 32", "2", "−1"],
    ]
    assert not any(" " in cell for row in (picture, first, second) for cell in row)
