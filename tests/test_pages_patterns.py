"""The page Filter patterns: every view tells the numbers of what it shows, and keeps what was stopped."""

import json
import re
import time

import numpy as np
import pytest

from convviz import images, patterns, zoo
from pages.shared import words
from tests.test_pages import _engine, opened, texts  # noqa: F401 -- the engine is closed with this file, too

SMALL = {"network": "mnist", "pattern_layer": "conv2d_1", "pattern_size": "32"}


def finished(app, slot="patterns"):
    """The page when its job has ended."""
    end = time.monotonic() + 60
    while not app.session_state[f"_job_{slot}"].ended:
        assert time.monotonic() < end, "the job does not end"
        time.sleep(0.1)
    app.run()
    assert not app.exception
    assert not app.error, app.error[0].value
    return app


def captions(app):
    return "\n".join(caption for one in app.get("image") for caption in one.captions)


def test_chosen_filters_tell_the_activation_of_the_float_and_of_the_shown_picture():
    app = finished(
        opened(
            "inside/filter_patterns", **SMALL, filters_shown="2", which_filters="order", first_filter="3",
            pattern_large="1", pattern_recipe="fast", pattern_data="samples",
        )
    )  # fmt: skip
    *_, last = patterns.ascend(zoo.load("mnist"), "conv2d_1", (3, 4), size=32)
    said = captions(app)
    assert "Filters 3, 4: 32 × 32 each" in said
    assert f"Mean activation {words.number(last.activations[1])}; as shown" in said
    assert f"in 8 bits, {words.number(last.shown[1])}" in said
    assert f"to {words.number(last.activations.mean())}." in texts(app)
    rises = [json.loads(one.proto.spec)["layout"] for one in app.get("plotly_chart")]
    assert [one["yaxis"]["title"]["text"] for one in rises] == ["mean activation"] * 2
    assert "strongest" in app.get("progress")[-1].proto.text
    found = finished(app, "exemplars")
    assert re.fullmatch(r"Searched for the strongest: (\d+) of \1 pictures", found.get("progress")[-1].proto.text)
    assert "Sample pictures that filter 4 answers to most" in "\n".join(one.value for one in found.header)


@pytest.mark.parametrize(
    ("objective", "named", "options"),
    [
        ("unit", "Filters 0, 1", {"which_filters": "order", "filters_shown": "2"}),
        ("negative", "Filters 0, 1", {"which_filters": "order", "filters_shown": "2", "jitter": "2"}),
        ("mixed", "From filter 0 to filter 5", {"mixed_second": "5", "parameters": "fourier"}),
        ("several", "Filter 5", {"filter": "5", "patterns_of_it": "3"}),
        ("direction", "Direction of", {"picture": "digit_4", "total_variation": "0.5"}),
    ],
)
def test_every_objective_draws_and_names_what_it_climbs(objective, named, options):
    app = finished(opened("inside/filter_patterns", **SMALL, objective=objective, pattern_recipe="fast", **options))
    assert named in captions(app)
    grown = "fallen" if objective == "negative" else "grown"
    assert f"has {grown}" in texts(app)


def test_classes_are_named_and_climbed_at_the_networks_own_size():
    app = finished(
        opened("inside/filter_patterns", network="mnist", pattern_view="class", pattern_classes="3,8", class_steps="8")
    )
    assert "3, 8: 28 × 28 each. Number before the softmax" in captions(app)


def test_a_dream_begins_with_the_chosen_picture_and_keeps_its_shape():
    app = finished(
        opened(
            "inside/filter_patterns", pattern_view="dream", picture="cat", network="shapes",
            pattern_layer="block1_conv1", dream_size="96", dream_steps="6",
        )
    )  # fmt: skip
    height = round(96 * images.sample("cat").shape[0] / images.sample("cat").shape[1])
    assert f"{height} × 96" in captions(app)
    assert "has grown" in texts(app)


def test_a_whole_layer_goes_on_where_it_was_stopped():
    app = opened("inside/filter_patterns", **SMALL, pattern_view="layer", grid_size="32")
    finished(app, "pattern_grid")
    count = zoo.card("mnist").layer("conv2d_1").output_shape[-1]
    assert f"Filters {count - 16} to {count - 1}" in captions(app)
    kept = app.session_state["_pattern_bands"]
    (wanted, bands) = next(iter(kept.items()))
    whole = {first: band.png for first, band in bands.items()}
    app.session_state["_pattern_bands"] = {wanted: {0: bands[0]}}  # as if it had been stopped after the first band
    app.session_state["_job_pattern_grid"]._records.clear()
    app.run()
    assert captions(app).count("Filters") == 1
    app.button(key="go_on_pattern_grid").click().run()
    finished(app, "pattern_grid")
    again = app.session_state["_pattern_bands"][wanted]
    assert {first: band.png for first, band in again.items()} == whole


def test_nonsense_in_the_address_gives_way():
    app = opened(
        "inside/filter_patterns", network="mnist", pattern_view="<b>", objective="fame", pattern_large="99",
        pattern_classes="-1", jitter="1e9", pattern_blur="nan", before_relu="maybe", filters_shown="1",
        pattern_size="32",
    )  # fmt: skip
    assert not app.exception
    assert not app.error
    assert np.isclose(app.session_state["jitter"], 16)


def test_after_stop_the_page_says_that_the_program_goes_to_the_end():
    app = opened("inside/filter_patterns", network="mnist", pattern_layer="conv2d_1", pattern_size="160")
    job = app.session_state["_job_patterns"]
    end = time.monotonic() + 60
    while job.latest is None and time.monotonic() < end:
        time.sleep(0.02)
    job.stop()
    said = texts(finished(app))
    assert job.state == "stopped"
    assert "the program under Code goes to the end" in said
