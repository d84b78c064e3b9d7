"""The programs of Feature maps' looks and of Tuning with a network, run as they are handed out."""

import io

import numpy as np
import pytest
from PIL import Image

from convviz import (
    activations,
    contrasts,
    depth,
    exemplars,
    images,
    kernels,
    likeness,
    recipes,
    rendering,
    stimuli,
    tuning,
    zoo,
)
from tests.test_recipes import ran
from tests.test_recipes_networks import folder  # noqa: F401 -- a fixture

CAT = images.sample("cat")


def known(name):
    return zoo.load(name), zoo.reference(name), zoo.card(name)


def rgb(source):
    return np.asarray(Image.open(source).convert("RGB")).astype(int)


LOOKS = [
    {"scale": "lecture", "blank": "crossed"},
    {"scale": "channel", "coloured": True, "order": "response", "blank": "hidden"},
    {"scale": "layer", "coloured": True, "blank": "crossed"},
    {"scale": "network", "coloured": True},
]


@pytest.mark.parametrize("looks", LOOKS, ids=lambda looks: looks["scale"])
@pytest.mark.parametrize("name", ["cats_and_dogs", "shapes"])
def test_the_mosaics_program_draws_the_pages_mosaics(name, looks, folder):  # noqa: F811
    network, reference, card = known(name)
    layers = [one.name for one in card.map_layers()][2:5]
    ran(recipes.looks.mosaics("cat", reference, card, layers=layers, **looks), folder)
    for layer, one in activations.mosaics(network, CAT, layers, widest=1200, **looks).items():
        ours, theirs = rgb(io.BytesIO(one.png)), rgb(folder / f"{layer}.png")
        assert ours.shape == theirs.shape
        apart = np.abs(ours - theirs).max(axis=-1)
        assert (apart > 6).mean() < 0.002, "a level here and there"


def test_the_programs_of_a_place_and_of_two_pictures_give_the_pages_numbers(folder):  # noqa: F811
    network, reference, card = known("cats_and_dogs")
    for by in contrasts.RANKINGS:
        text = recipes.looks.place("cat", reference, card, layer="conv2d_2", row=9, col=4, by=by)
        result = ran(text, folder)["result"]
        found = contrasts.place(network, CAT, "conv2d_2", 9, 4, by=by)
        np.testing.assert_allclose(result["values"], found.values, rtol=1e-3, atol=1e-4)
    text = recipes.looks.difference("cat", "coffee", reference, card, layer="conv2d_2", channel=3)
    result = ran(text, folder)["result"]
    found = contrasts.difference(network, CAT, images.sample("coffee"), "conv2d_2")
    np.testing.assert_allclose(result["apart"], found.apart, rtol=1e-3)
    expected = activations.channel(network, images.sample("coffee"), "conv2d_2", 3)
    np.testing.assert_allclose(result["second"], expected, atol=1e-4)
    for name in ("first", "second"):  # after a rectifier: from dark to bright, as on the page
        shown = rendering.magnitude(result[name], max(result["first"].max(), result["second"].max()))
        assert np.abs(np.asarray(Image.open(folder / f"{name}.png"), int) - shown).max() <= 6


def test_the_program_of_exemplars_finds_the_same_pictures(folder):  # noqa: F811
    network, reference, card = known("mnist")
    text = recipes.looks.exemplars(reference, card, layer="conv2d_1", channel=5, data="digits", count=40)
    result = ran(text, folder)["result"]
    *_, found = exemplars.search(network, "digits", "conv2d_1", [5], count=40)
    assert result["indices"].tolist() == [one.index for one in found.best[5]]
    np.testing.assert_allclose(result["values"], [one.value for one in found.best[5]], rtol=1e-4)


def test_the_program_of_exemplars_reads_a_folder_of_pictures(folder):  # noqa: F811
    (folder / "pictures").mkdir()
    for name in ("cat", "coffee"):
        Image.fromarray(images.sample(name)).save(folder / "pictures" / f"{name}.png")
    network, reference, card = known("shapes")
    layer = card.map_layers()[0].name
    text = recipes.looks.exemplars(reference, card, layer=layer, channel=0, data="samples", count=0)
    result = ran(text, folder)["result"]
    values = [activations.channel(network, images.sample(name), layer, 0).max() for name in ("cat", "coffee")]
    np.testing.assert_allclose(np.sort(result["values"]), np.sort(values), rtol=1e-3)


def test_the_program_of_depth_gives_the_pages_measures(folder):  # noqa: F811
    network, reference, card = known("shapes")
    layers = depth.profile(network, CAT)
    result = ran(recipes.looks.depth("cat", reference, card, layers=[one.name for one in layers]), folder)["result"]
    for one in layers:
        told = result[one.name]
        assert told["zeros"] == pytest.approx(one.silent, abs=1e-3)
        assert told["blank"] == one.blank
        assert told["readable"] == pytest.approx(one.readable, abs=2e-3)


@pytest.mark.parametrize(("name", "layer"), [("mnist", "conv2d"), ("shapes", "block2_conv1")])
def test_the_tuning_program_asks_a_networks_channels_too(name, layer, folder):  # noqa: F811
    network, reference, card = known(name)
    sweep, kernel = stimuli.sweep("grating", "angle", steps=6, size=32), kernels.KERNELS["sobel_x"].weights
    text = recipes.tuning.curve(
        "grating", "angle", sweep.values, kernel, tuning.SEEN["brightness"], size=32, measure="root mean square",
        fixed={"frequency": 0.15, "phase": 0.0}, beside=(reference, card, layer),
    )  # fmt: skip
    result = ran(text, folder)["result"]
    found = likeness.answers(network, layer, sweep)
    np.testing.assert_allclose(result["channels"], found.responses, rtol=2e-3, atol=1e-3 * found.responses.max())
    _, alike = likeness.ranked(result["responses"], found.responses)
    np.testing.assert_allclose(result["likeness"], alike, atol=2e-2)
