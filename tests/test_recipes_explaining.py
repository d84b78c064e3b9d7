"""Programs of the pages Grad-CAM and Trust, run as a reader would run them, against what the pages compute."""

import io

import numpy as np
import pytest
from PIL import Image

from convviz import attribution, images, recipes, rendering, trust, zoo
from convviz.zoo import bundled
from tests.test_recipes import ran


@pytest.fixture
def folder(tmp_path):
    """A folder as the repository's root: the bundled networks lie where the programs look for them."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "models").symlink_to(bundled.FOLDER)
    return tmp_path


@pytest.fixture(scope="module")
def nested():
    """A visitor's network: a model within a model, and two outputs."""
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    inputs = keras.Input((20, 24, 3))
    inner = keras.Sequential([keras.Input((20, 24, 3)), layers.Conv2D(4, 3, name="conv")], name="inner")
    maps = layers.Conv2D(5, 3, activation="relu", name="second")(inner(inputs))
    first = layers.Softmax()(layers.Dense(3)(layers.GlobalAveragePooling2D()(maps)))
    other = layers.Dense(4, activation="softmax", name="other")(layers.Flatten()(maps))
    return keras.Model(inputs, [first, other], name="own")


@pytest.mark.parametrize("method", attribution.METHODS)
def test_the_program_of_every_method_gives_the_pages_heat_map(method, nested, folder):
    signed = len(method) % 2 == 1
    card, array = zoo.card("mnist"), images.sample("digit_3")
    expected = attribution.METHODS[method](zoo.load("mnist"), array, target=3, signed=signed)
    text = recipes.grad_cam.heatmap(
        "digit_3", zoo.reference("mnist"), card, method=method, targets=[3], layer=card.explained_layer, signed=signed
    )
    np.testing.assert_allclose(ran(text, folder)["result"], expected.heatmap, atol=1e-4)
    over = rendering.overlay(array, expected.heatmap, alpha=0.4, colormap="signed" if signed else "turbo")
    saved = np.asarray(Image.open(folder / f"{method}.png")).astype(int)
    assert np.abs(saved - over).max() <= 3  # one step of the colour table

    nested.save(folder / "network.keras")
    place = 1 if signed else None
    network, version = zoo.wrap(nested, output=place), zoo.corrections(output=place)
    expected = attribution.METHODS[method](network, images.sample("cat"), target=2, layer=None, signed=True)
    text = recipes.grad_cam.heatmap(
        "cat", zoo.Reference("upload", "00", version), network.card, method=method, targets=[2], layer=expected.layer,
        signed=True,
    )  # fmt: skip
    np.testing.assert_allclose(ran(text, folder)["result"], expected.heatmap, atol=1e-4)


@pytest.mark.parametrize("method", ["gradient", "hires_cam"])
def test_both_sides_of_a_sigmoid_on_one_scale_are_the_pages(method, folder):
    network, card, array = zoo.load("cats_and_dogs"), zoo.card("cats_and_dogs"), images.sample("digit_3")
    answers = attribution.explained(network, [array] * 2, method, targets=[0, 1])
    text = recipes.grad_cam.heatmap(
        "digit_3", zoo.reference("cats_and_dogs"), card, method=method, targets=[0, 1], layer=card.explained_layer,
        one_scale=True,
    )  # fmt: skip
    found = ran(text, folder)["result"]
    largest = max(answer.limit for answer in answers)
    for one, answer in zip(found, answers, strict=True):
        np.testing.assert_allclose(one, answer.heatmap * (answer.limit / largest), atol=1e-3)
    assert (folder / "over_2.png").is_file()


def test_several_pictures_are_read_from_the_file_that_save_gives(folder):
    from pages.shared import explanations, heat_maps

    arrays = tuple(images.limit(images.sample(name), 100) for name in ("cat", "shapes"))
    asked = explanations.Asked(
        zoo.reference("shapes"), arrays, "hires_cam", (0, 3), None, False, {}, ("a", "b"), (None, None), "many"
    )
    card = zoo.card("shapes")
    text = recipes.grad_cam.heatmap(
        None, asked.network, card, method="hires_cam", targets=asked.targets, layer=card.explained_layer
    )
    found = ran(text, folder, **{"pictures.zip": heat_maps.archive(asked)})["result"]
    answers = attribution.explained(zoo.load("shapes"), arrays, "hires_cam", targets=asked.targets)
    for one, answer in zip(found, answers, strict=True):
        np.testing.assert_allclose(one, answer.heatmap, atol=1e-5)


def test_the_program_of_the_curves_gives_the_pages_curves(folder):
    network, card, array = zoo.load("shapes"), zoo.card("shapes"), images.sample("shapes")
    methods = ["grad_cam", "gradient"]
    text = recipes.trust.places("shapes", zoo.reference("shapes"), card, methods=methods, target=3, seed=2)
    found = ran(text, folder)["result"]
    *_, last = trust.compare(network, array, methods, target=3, seed=2)
    for trial in last.trials:
        if trial.picture:
            same_picture(folder / f"{trial.method}.png", trial.picture)
        deletion, insertion = found[trial.method]
        np.testing.assert_allclose(deletion, trial.curves.deletion, atol=0.02)  # ties may fall otherwise
        np.testing.assert_allclose(insertion, trial.curves.insertion, atol=0.02)


@pytest.mark.parametrize("method", ["grad_cam", "guided_backpropagation"])
def test_the_program_of_the_cascade_gives_the_pages_likeness(method, folder):
    card, array = zoo.card("shapes"), images.sample("shapes")
    text = recipes.trust.weights("shapes", zoo.reference("shapes"), card, method=method, target=3, seed=1)
    found = ran(text, folder)["result"]
    *_, last = trust.shuffle_cascade(zoo.load("shapes"), array, method, target=3, seed=1)
    np.testing.assert_allclose(found, [stage.similarity for stage in last.stages], atol=1e-3)
    for stage in last.stages:
        same_picture(folder / f"shuffled_{stage.shuffled}.png", stage.picture)


def same_picture(path, png):
    """A program's file is the page's, but for a step of the colour table."""
    saved, expected = (np.asarray(Image.open(one)).astype(int) for one in (path, io.BytesIO(png)))
    assert saved.shape == expected.shape
    assert np.percentile(np.abs(saved - expected), 99) <= 3


def test_the_program_of_the_league_gives_the_pages_table(folder):
    from pages.shared import trials

    card, options = zoo.card("shapes"), {"pictures": 3, "shapes_per_picture": 2, "seed": 4}
    methods = ["grad_cam", "gradient_times_input"]
    text = recipes.trust.truth(zoo.reference("shapes"), card, methods=methods, threshold=0.4, seed=4)
    found = ran(text, folder, **{"drawn.npz": trials.drawings(options, card.input_shape[0])})["result"]
    *_, last = trust.league(zoo.load("shapes"), methods, threshold=0.4, **options)
    for row in last.standings:
        hits, overlap = found[row.method]
        assert hits == row.hits
        assert overlap == pytest.approx(row.overlap, abs=0.01)
