"""Knock-out and the edits of Kernels, through app.py: what is said is what the room computes, and edits travel."""

import functools
import re
import time

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest, local_script_runner

from convviz import images, surgery, zoo
from convviz.surgery import Edit
from tests.test_pages import _engine, opened, texts  # noqa: F401 -- the engine's fixture is for this module, too

DIGIT = images.sample("digit_3")


@pytest.fixture(scope="module")
def network():
    return zoo.load("mnist")


def digits(**query):
    return opened("inside/knock_out", network="mnist", **query)


def clicked(app, label):
    next(button for button in app.button if button.label == label).click().run()
    return app


def test_knock_out_opens_on_an_example_and_goes_back_to_it_by_no_means():
    app = opened("inside/knock_out")
    assert not app.error
    assert not app.exception
    assert "An example. Undo it" in texts(app)
    assert "The answer changes from cat to dog" in texts(app)
    assert "edits" not in app.query_params
    clicked(app, "Undo")
    assert app.query_params["edits"] == "none"
    assert "No edits: the network is as it was trained" in texts(app)
    assert "before and after are the same" in texts(app)


def test_the_answer_said_is_that_of_the_edited_network(network):
    text = "scale=conv2d_2:3:40; mute=conv2d:1; set=dense_1:5,3:-2"
    app = digits(edits=text)
    outcome = surgery.operate(network, DIGIT, surgery.read(network, text).edits, view="flatten")
    first, last = int(outcome.before.argmax()), int(outcome.after.argmax())
    said = texts(app)
    assert f"The answer changes from {first} to {last}" in said or f"The answer stays {first}" in said
    assert "Channel 3 of conv2d\\_2 times 40" in said
    assert not app.error
    clicked(app, "Undo all")
    assert app.query_params["edits"] == "none"


def test_edits_that_cannot_be_done_are_said_and_the_others_hold():
    app = digits(edits="mute=conv2d_1:5; mute=nowhere:0; scale=conv2d:99:2; <b>; set=conv2d:0:nan")
    assert len(app.error) == 4
    assert "has no layer" in app.error[0].value
    assert "32 channels, counted from 0, and no number 99" in app.error[1].value
    assert "Channel 5 of conv2d\\_1 muted" in texts(app)
    assert not app.exception


def test_a_unit_that_is_a_probability_is_refused_and_can_be_undone():
    app = digits(edits="mute=dense_1:0")
    assert [error.value.replace("\\", "") for error in app.error] == [
        "dense_1 gives the probabilities themselves; edit one of its weights, or a layer before it."
    ]
    assert not clicked(app, "Undo").error


def test_an_edit_is_added_stands_in_the_address_and_is_gone_with_another_network():
    app = digits(op_layer="conv2d", op_place="4", op_way="scale", op_factor="0.5")
    clicked(app, "Add this edit")
    assert app.query_params["edits"] == ["scale=conv2d:4:0.5"] or app.query_params["edits"] == "scale=conv2d:4:0.5"
    app.segmented_control(key="op_of").set_value("weight").run()
    app.number_input(key="op_row").set_value(2).run()
    clicked(app, "Add this edit")
    assert "scale=conv2d:4:0.5; scale=conv2d:2,0,0,4:0.5" in str(app.query_params["edits"])
    app.selectbox(key="network").set_value("shapes").run()
    assert "edits" not in app.query_params
    assert not app.error


def test_a_bias_is_muted_and_check_says_how_far_keras_is(network):
    app = digits(op_layer="conv2d", op_place="4", op_way="mute", op_of="bias")
    bias = float(network.model.get_layer("conv2d").bias[4])
    assert f"The network has {bias:.3g} there".replace("-", "−") in texts(app)
    assert "copy" not in str(app.selectbox(key="op_way").options)
    clicked(app, "Add this edit")
    assert "mute=conv2d:b4" in str(app.query_params["edits"])
    assert "Bias of channel 4 of conv2d muted" in texts(app).replace("\\", "")
    clicked(app, "Check")
    said = re.search(r"Keras computes (exactly )?the same ([\d,]+) numbers", texts(app))
    assert int(said[2].replace(",", "")) == 2 * (10 + 13 * 13), "answers and the map of the pooling, before and after"
    assert not app.error


def pressed_in_a_part(app, button, monkeypatch):
    """A button's click as a browser sends it from a part of the page that is drawn alone: that part runs, no more."""
    parts = list(app._fragment_storage._fragments)
    with monkeypatch.context() as patch:
        asked = functools.partial(local_script_runner.RerunData, fragment_id_queue=parts)
        patch.setattr(local_script_runner, "RerunData", asked)
        button.click().run()
    return app


def a_part_whose_button_ends_its_job():
    from types import SimpleNamespace

    import streamlit as st

    from pages.shared import engine

    st.session_state["runs"] = st.session_state.get("runs", 0) + 1
    if st.session_state["runs"] == 1:
        st.session_state["_job_asked"] = SimpleNamespace(ended=True, state="stopped")
    again = st.session_state.pop
    engine.live(lambda: st.button("Ask", on_click=again, args=("_job_asked", None), key="ask"), "asked")


def test_a_button_in_a_part_that_ends_its_stopped_job_draws_the_whole_page(monkeypatch):
    app = AppTest.from_function(a_part_whose_button_ends_its_job).run()
    assert app.session_state["runs"] == 1
    pressed_in_a_part(app, app.button(key="ask"), monkeypatch)
    assert not app.exception
    assert app.session_state["runs"] == 2


def a_part_whose_button_begins_what_is_over_at_once():
    from types import SimpleNamespace

    import streamlit as st

    from pages.shared import engine

    job = st.session_state.setdefault("_job_asked", SimpleNamespace(ended=False, state="paused"))
    st.session_state["runs"] = st.session_state.get("runs", 0) + 1

    def show():
        st.button("One step", on_click=lambda: setattr(job, "state", "running"), key="ask")
        st.session_state["shown"] = job.state
        job.state = "paused"

    engine.live(show, "asked")


def test_a_job_that_pauses_again_while_it_is_drawn_is_drawn_as_it_is(monkeypatch):
    app = AppTest.from_function(a_part_whose_button_begins_what_is_over_at_once).run()
    pressed_in_a_part(app, app.button(key="ask"), monkeypatch)
    assert not app.exception
    assert app.session_state["runs"] == 2
    assert app.session_state["shown"] == "paused"


def test_accuracy_by_class_and_the_channel_that_matters_most_are_found(network, monkeypatch):
    app = digits(edits="mute=conv2d_2:7", op_score="true", op_search="true")
    for _ in range(100):
        if all(app.session_state[f"_job_surgery_{slot}"].ended for slot in ("score", "search")):
            break
        time.sleep(0.3)
    app.run()
    assert not app.error
    *_, score = surgery.score(network, "digits", [Edit("mute", "conv2d_2", (7,))])
    before, after = int(score.before.sum()), int(score.after.sum())
    assert f"the network gets {before:,} right ({before / 300:.1%}), edited {after:,} ({after / 300:.1%})" in texts(app)
    *_, found = surgery.search(network, DIGIT, "conv2d_2", 3)
    best = int(found.order()[0])
    mute = next(button for button in app.button if button.label.startswith("Mute channel"))
    assert mute.label.startswith(f"Mute channel {best} of")
    pressed_in_a_part(app, mute, monkeypatch)
    assert f"mute=conv2d_2:7; mute=conv2d_2:{best}" in str(app.query_params["edits"])


def test_where_no_data_set_has_the_classes_it_is_said():
    app = opened("inside/knock_out", network="shapes", picture="shapes", op_view="classes")
    assert not app.error
    assert "Test both networks on shapes" in [toggle.label for toggle in app.toggle]


def test_an_edited_value_shows_its_kernel_and_goes_on_to_knock_out(network):
    app = opened("inside/kernels", network="mnist", kernel_filter="5", kernel_row="0", kernel_col="2")
    now = network.model.get_layer("conv2d").get_weights()[0]
    assert f"The network has {now[0, 2, 0, 5]:.3g} there".replace("-", "−") in texts(app)
    assert "With the edits" not in [header.value for header in app.header]
    app.number_input(key="kernel_value").set_value(1.5).run()
    clicked(app, "Add this edit")
    assert "With the edits" in [header.value for header in app.header]
    assert "set=conv2d:0,2,0,5:1.5" in str(app.query_params["edits"])
    assert f"the network has {now[0, 2, 0, 5]:.4g} there".replace("-", "−") in texts(app).replace("\\", "")
    app.switch_page("pages/inside/knock_out.py").run()
    assert "weight at row 0, column 2 of kernel 0 of filter 5" in texts(app).lower()
    assert "An example" not in texts(app)
    assert not app.error
    assert np.isfinite(now).all()


def test_nonsense_in_the_address_breaks_neither_page():
    bad = {"edits": "mute=;;;=:::1,,2;%%%;" + "x" * 5000, "op_layer": "../x", "op_place": "1e400", "op_way": "burn"}
    app = digits(**bad, op_view="", op_channel="-9", op_data="all", op_target="99", op_of="soul")
    assert not app.exception
    assert not any("went wrong" in error.value for error in app.error)
    app = opened("inside/kernels", edits=bad["edits"], kernel_row="99", kernel_col="-1", kernel_value="nan")
    assert not app.exception
    assert not any("went wrong" in error.value for error in app.error)
    assert re.search("layer in figures", " ".join(header.value for header in app.header))
