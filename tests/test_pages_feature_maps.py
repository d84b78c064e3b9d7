"""The looks of Feature maps and Tuning beside a network, read from the pages."""

import numpy as np
import pytest

from convviz import activations, contrasts, depth, exemplars, images, likeness, stimuli, tuning, zoo
from convviz.kernels import KERNELS
from pages.shared import map_views, top_pictures, words
from tests.test_pages import _engine, opened, texts

__all__ = ["_engine"]
PAGE = "inside/feature_maps"
CAT = images.sample("cat")


def test_every_look_opens_and_says_what_it_shows():
    network = zoo.load("cats_and_dogs")
    place = contrasts.place(network, CAT, "conv2d_2", 3, 4)
    two = contrasts.difference(network, CAT, images.sample("coffee"), "conv2d_2")
    measured = depth.profile(network, CAT)
    blank = sum(one.blank for one in measured)
    said = {
        "all": f"{blank} of the {sum(one.shape[-1] for one in measured)} channels",
        "one": "this filter is a stack of 64, one for each input channel: 3 · 3 · 64 = 576 weights",
        "place": f"First is channel {place.order[0]} with {words.number(place.values[0])}",
        "two": f"Channel {two.order[0]} differs most, by {words.number(two.apart[0])}",
        "top": "What channel",
        "depth": f"{words.share(measured[0].silent)} of the values of conv2d are zero",
    }
    assert list(said) == list(map_views.TITLES)
    for view, sentence in said.items():
        more = {} if view == "all" else {"maps_layer": "conv2d_2", "place_row": "3", "place_col": "4"}
        app = opened(PAGE, maps_view=view, other_picture="coffee", **more)
        assert not app.exception, view
        assert not app.error, view
        everything = texts(app) + "".join(header.value for header in app.header)
        assert sentence in everything, (view, everything)


def test_a_search_for_top_pictures_runs_to_its_end_on_the_page():
    app = opened(PAGE, maps_view="top", network="mnist", picture="digit_3", maps_layer="conv2d_1", channel="5")
    job = app.session_state["_job_exemplars"]
    job.result(timeout=60)
    app.run()
    best = job.latest.best[5]
    assert f"Its largest value is {words.number(best[0].value)}" in texts(app)
    app.run()
    assert app.session_state["_job_exemplars"] is job, "it is not begun again"


@pytest.mark.parametrize(
    "asked",
    [
        {"maps_view": "x" * 999, "scale": "<b>", "maps_order": "1", "from_layer": "nan"},
        {"maps_view": "place", "place_row": "-5", "place_col": "1e99", "maps_layer": "../x"},
        {"maps_view": "two", "other_picture": "own", "channel": "-1"},
        {"maps_view": "top", "top_data": "../../etc", "top_data_count": "1e9", "channel": "99999"},
    ],
)
def test_nonsense_in_the_address_gives_way(asked):
    app = opened(PAGE, **asked)
    assert not app.exception
    assert not app.error
    assert "went wrong" not in texts(app)


def test_a_channel_does_not_outlive_its_layer():
    app = opened(PAGE, maps_view="one", maps_layer="conv2d_3", channel="127")
    app.selectbox(key="maps_layer").set_value("conv2d").run()
    best = activations.strongest(zoo.load("cats_and_dogs"), CAT, "conv2d")
    assert app.number_input(key="channel").value == best


def test_tuning_ranks_a_networks_channels_by_their_likeness():
    app = opened("pictures/tuning", tuning_beside="channel", network="shapes", tuning_steps="8", tuning_size="32")
    assert not app.exception
    assert not app.error
    sweep = stimuli.sweep("grating", "angle", steps=8, size=32)
    weights = tuning.over_colours(KERNELS["sobel_x"].weights)
    mine = tuning.curve(lambda pictures: tuning.kernel_responses(pictures, weights), sweep).responses
    network = zoo.load("shapes")
    layer = network.card.map_layers()[0].name
    order, alike = likeness.ranked(mine, likeness.answers(network, layer, sweep).responses)
    assert f"Channel {order[0]} is most like your kernel: its curve correlates with yours by {alike[order[0]]:.2f}" in (
        texts(app)
    )
    assert np.isfinite(alike).all()


def test_how_often_a_channel_is_silent_is_a_sentence_for_none_some_and_all_of_the_pictures():
    said = {}
    for silent in (0, 12, 300):
        search = exemplars.Search("conv2d", {}, {18: 0.0}, {18: silent}, 300, 300, 300)
        said[silent] = top_pictures.noticed(search, 18, "conv2d", zoo.Reference("bundled", "mnist"))[0]
    assert said[0] == "Channel 18 of conv2d rises above zero on every one of 300 pictures."
    assert said[12] == "On 12 of 300 pictures channel 18 of conv2d never rises above zero."
    assert said[300] == "Channel 18 of conv2d rises above zero on none of 300 pictures."
