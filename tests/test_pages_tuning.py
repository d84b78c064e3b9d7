"""The Tuning page: known peaks, read from the page."""

import json

import pytest

from convviz import kernels, stimuli, tuning
from pages.shared import tunings
from tests.test_pages import _engine, opened, texts

__all__ = ["_engine"]
PAGE = "pictures/tuning"
SOBEL = tuning.over_colours(kernels.KERNELS["sobel_x"].weights)


def test_sobel_answers_most_to_upright_stripes():
    app = opened(PAGE)
    assert not app.exception
    assert not app.error
    assert "at 90°, and smallest, 0, at 0°" in texts(app)
    assert "Selectivity" in texts(app)


def test_the_other_sobel_answers_most_to_level_stripes():
    assert "at 0°, and smallest" in texts(opened(PAGE, tuning_kernel="sobel_y"))


def test_a_laplacian_prefers_the_finest_stripes():
    app = opened(PAGE, tuning_kernel="laplacian", tuning_axis_grating="frequency")
    assert "at 0.5 cycles per pixel, and smallest" in texts(app)


@pytest.mark.parametrize("kind", stimuli.KINDS)
def test_every_kind_and_property_opens(kind):
    for axis in stimuli.KINDS[kind].axes:
        app = opened(PAGE, tuning_kind=kind, tuning_steps="8", tuning_size="16", **{f"tuning_axis_{kind}": axis})
        assert not app.exception
        assert not app.error
        sweep = stimuli.sweep(kind, axis, steps=8, size=16)
        measure = "root mean square" if kind == "grating" else "largest"
        curve = tuning.curve(lambda batch: tuning.kernel_responses(batch, SOBEL, measure=measure), sweep)  # noqa: B023
        largest = float(curve.responses.max())
        assert f"The answer is largest, {tunings.number(largest, largest)}, at " in texts(app)


def test_a_filter_without_a_preference_says_so():
    app = opened(PAGE, tuning_kernel="identity", tuning_steps="8", tuning_seen="red")
    assert not app.exception
    assert "never falls below half" in texts(app) or "does not tell them apart" in texts(app)
    app = opened(PAGE, tuning_kernel="custom", tuning_cells="0", tuning_kind="bar", tuning_steps="8")
    assert "The answer is 0 for every angle" in texts(app)


def test_hostile_addresses_open_the_page():
    app = opened(
        PAGE, tuning_kind="x" * 9999, tuning_steps="1e999", tuning_size="-3", tuning_kernel="custom",
        tuning_cells="1 x", tuning_grating_frequency="nan", tuning_seen="<b>",
    )  # fmt: skip
    assert not app.exception
    assert len(app.error) == 1
    assert app.slider(key="tuning_size").value == 16


def test_the_round_chart_takes_the_pages_ground_and_leaves_room_for_its_angles():
    layout = json.loads(opened(PAGE).get("plotly_chart")[0].proto.spec)["layout"]
    assert layout["polar"]["bgcolor"] == "rgba(0, 0, 0, 0)"
    assert layout["polar"]["angularaxis"]["gridcolor"] == layout["polar"]["radialaxis"]["gridcolor"]
    assert layout["margin"]["t"] >= 60
