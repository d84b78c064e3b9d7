import importlib.util
import io
import json
import re
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from convviz import datasets, zoo
from convviz.zoo import bundled

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("mnist", "cats_and_dogs", "shapes")


def accuracy(network, pictures, labels):
    """Share of the pictures whose most probable class is the true one, by the model itself."""
    answers = network.model.predict(pictures.astype(np.float32) / 255, batch_size=125, verbose=0)
    chosen = answers[:, 0] > 0.5 if answers.shape[1] == 1 else answers.argmax(axis=1)
    return float((chosen == labels).mean())


def stated(name, part):
    """The accuracy on a part that the card states, and on how many pictures."""
    text = zoo.card(name).about[f"Accuracy, {part} part"]
    share, count = re.fullmatch(r"([\d.]+)% of ([\d,]+) pictures", text).groups()
    return float(share) / 100, int(count.replace(",", ""))


@pytest.fixture(scope="module", params=NAMES)
def network(request):
    return zoo.resolve(zoo.reference(request.param))


def test_all_networks_are_there_and_first_on_the_list():
    assert zoo.list_networks()[:3] == NAMES
    assert all(zoo.is_here(name) and zoo.download_size(name) == 0 for name in NAMES)


def test_together_they_take_at_most_25_megabytes():
    assert sum(path.stat().st_size for path in bundled.FOLDER.iterdir()) <= 25e6
    assert {path.name for path in bundled.FOLDER.iterdir()} == {
        f"{n}.{end}" for n in NAMES for end in ("keras", "json")
    }


@pytest.mark.parametrize("name", NAMES)
def test_no_optimizer_is_stored(name):
    with zipfile.ZipFile(bundled.FOLDER / f"{name}.keras") as archive:
        assert json.loads(archive.read("config.json")).get("compile_config") in (None, {})
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights:
            assert "optimizer" not in weights


@pytest.mark.parametrize("name", NAMES)
def test_a_card_says_what_one_must_know(name):
    card = zoo.card(name)
    assert card.name == name
    assert {"Data", "Recipe", "Seed", "Choice of the weights", "Date", "Versions", "Limits"} <= set(card.about)
    assert any(title.startswith("Accuracy") for title in card.about)
    assert bundled.card_from_json(bundled.card_to_json(card)) == card


def test_a_card_describes_the_network_that_is_stored(network):
    card, looked = network.card, zoo.wrap(network.model, network.card.class_names).card
    assert card.layers == looked.layers
    assert (card.parameters, card.output, card.input_shape) == (looked.parameters, looked.output, looked.input_shape)
    assert (card.explained_layer, card.layer_reason) == (looked.explained_layer, looked.layer_reason)
    assert card.value_range == (0, 1)


def test_the_lectures_networks_have_the_lectures_parameters():
    assert zoo.card("mnist").parameters == 93_322
    assert [layer.parameters for layer in zoo.card("mnist").layers] == [320, 0, 18_496, 0, 36_928, 0, 36_928, 650]
    assert zoo.card("cats_and_dogs").parameters == 3_453_121


def test_mnist_reaches_what_its_card_states_on_all_test_digits(data):
    mnist = datasets.load("mnist")
    share, count = stated("mnist", "test")
    measured = accuracy(zoo.resolve(zoo.reference("mnist")), mnist.test_images, mnist.test_labels)
    assert (count, measured) == (10_000, pytest.approx(share, abs=2e-4))
    assert measured >= 0.99


def test_cats_and_dogs_reach_what_their_card_states_on_all_validation_pictures(data):
    pets = datasets.load("cats_and_dogs")
    share, count = stated("cats_and_dogs", "validation")
    measured = accuracy(zoo.resolve(zoo.reference("cats_and_dogs")), pets.validation_images, pets.validation_labels)
    assert (count, measured) == (1_000, pytest.approx(share, abs=2e-3))
    assert measured >= 0.82


def test_shapes_are_known_when_they_stand_alone():
    drawing = datasets.draw_shapes(500, rng=np.random.default_rng(77))
    measured = accuracy(zoo.resolve(zoo.reference("shapes")), drawing.images, drawing.labels[:, 0])
    assert measured >= 0.97
    assert measured == pytest.approx(stated("shapes", "test")[0], abs=0.02)


def test_of_two_shapes_in_one_picture_each_is_found_in_its_place():
    drawing = datasets.draw_shapes(150, shapes_per_picture=2, rng=np.random.default_rng(5))
    network = zoo.resolve(zoo.reference("shapes"))
    kernel = network.model.get_layer("classes").get_weights()[0]
    maps = last_maps(network.model, drawing.images)
    hits = [
        hit_box(maps[index] @ kernel[:, label], drawing.boxes[index, place])
        for index, row in enumerate(drawing.labels)
        for place, label in enumerate(row)
    ]
    assert np.mean(hits) >= 0.9


def last_maps(model, pictures):
    import keras

    part = keras.Model(model.inputs, model.get_layer("block4_relu2").output)
    return part.predict([pictures.astype(np.float32) / 255], verbose=0)


def hit_box(evidence, box):
    """Whether the place of most evidence, of 8 x 8, lies in the box or at its edge."""
    row, column = np.unravel_index(evidence.argmax(), evidence.shape)
    top, left, bottom, right = box
    return top - 4 <= row * 8 + 4 <= bottom + 4 and left - 4 <= column * 8 + 4 <= right + 4


@pytest.fixture(scope="module")
def tool():
    """tools/train_bundled.py as a module."""
    spec = importlib.util.spec_from_file_location("train_bundled", ROOT / "tools" / "train_bundled.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_the_tool_trains_alike_from_the_same_seed_and_writes_what_it_trained(tool, tmp_path, capsys):
    import keras

    digits = datasets.load("digits")
    task = tool.TASKS["mnist"]
    recipe = replace(task.recipe, epochs=2, average=0.5)
    trained = []
    for _ in range(2):
        keras.utils.set_random_seed(recipe.seed)
        pictures, labels = digits.train_images[:200], digits.train_labels[:200]
        trained.append(tool.train(zoo.mnist_convnet(), pictures, labels, recipe))
    first, second = (model.get_weights() for model in trained)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    assert "epoch 2 of 2, loss" in capsys.readouterr().out

    parts = {"training": (digits.train_images, digits.train_labels), "test": (digits.test_images, digits.test_labels)}
    figures = tool.judged("mnist", trained[0], parts)
    tool.write("mnist", trained[0], replace(task, recipe=recipe), figures, tmp_path)
    card = bundled.card_from_json((tmp_path / "mnist.json").read_text())
    assert list(figures) == ["Accuracy, test part"]
    assert card.about["Accuracy, test part"].endswith("of 300 pictures")
    assert "2 epochs" in card.about["Recipe"]
    stored = keras.saving.load_model(tmp_path / "mnist.keras", compile=False).get_weights()
    assert all((one == other).all() for one, other in zip(first, stored, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_card_states_the_recipe_that_the_tool_has(name, tool):
    assert zoo.card(name).about["Recipe"] == tool.TASKS[name].recipe.told()
    assert zoo.card(name).about["Data"] == tool.TASKS[name].told
