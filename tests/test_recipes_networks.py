"""Programs about networks, run as a reader would run them, against what the pages compute."""

import ast
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from convviz import activations, attribution, images, microscope, patterns, recipes, rendering, sketches, surgery, zoo
from convviz.zoo import bundled
from tests.test_recipes import ran


@pytest.fixture
def folder(tmp_path):
    """A folder as the repository's root: the bundled networks lie where the programs look for them."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "models").symlink_to(bundled.FOLDER)
    return tmp_path


@pytest.fixture(scope="module")
def nested(tmp_path_factory):
    """A visitor's network: a model within a model, and a softmax as a layer of its own."""
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    inputs = keras.Input((20, 24, 3))
    inner = keras.Sequential([keras.Input((20, 24, 3)), layers.Conv2D(4, 3, name="conv")], name="inner")
    maps = layers.Conv2D(5, 3, activation="relu", name="second")(inner(inputs))
    logits = layers.Dense(3)(layers.GlobalAveragePooling2D()(maps))
    return keras.Model(inputs, layers.Softmax()(logits), name="own")


CHOSEN = [
    ("mnist", "digit_3", "conv2d_1", 2),
    ("cats_and_dogs", "cat", "conv2d_3", 7),
    ("shapes", "cat", "block1_conv1", 1),
]


@pytest.mark.parametrize(("network", "picture", "layer", "channel"), CHOSEN)
@pytest.mark.parametrize("scale", rendering.SCALES)
def test_the_feature_maps_program_gives_the_pages_maps_and_mosaics(network, picture, layer, channel, scale, folder):
    known, card, array = zoo.load(network), zoo.card(network), images.sample(picture)
    layers = [one.name for one in card.map_layers()][:8]
    text = recipes.maps.feature_maps(
        picture, zoo.reference(network), card, layers=layers, layer=layer, channel=channel, scale=scale, columns=16
    )
    result = ran(text, folder)["result"]
    expected = activations.feature_maps(known, array, layers)
    assert set(expected) <= set(result["maps"])
    for name, maps in expected.items():
        np.testing.assert_allclose(result["maps"][name], maps, atol=2e-5 * max(1, np.abs(maps).max()))
    assert np.array_equal(result["channel"], result["maps"][layer][..., channel])
    for name, one in activations.mosaics(known, array, layers, columns=16, scale=scale, widest=1200).items():
        ours = np.asarray(Image.open(folder / f"{name}.png")).astype(int)
        assert ours.shape == rendered(one.png).shape
        apart = np.abs(ours - rendered(one.png))
        assert apart.max() <= 1
        assert (apart > 0).mean() < 0.01


def rendered(png):
    import io

    return np.asarray(Image.open(io.BytesIO(png))).astype(int)


TARGETS = [("mnist", "digit_3", 3), ("cats_and_dogs", "cat", 0), ("cats_and_dogs", "cat", 1), ("shapes", "shapes", 3)]


@pytest.mark.parametrize(("network", "picture", "target"), TARGETS)
@pytest.mark.parametrize("signed", [False, True])
def test_the_grad_cam_program_gives_the_pages_heat_map(network, picture, target, signed, folder):
    card, array = zoo.card(network), images.sample(picture)
    explained = attribution.grad_cam(zoo.load(network), array, target=target, signed=signed)
    text = recipes.grad_cam.heatmap(
        picture, zoo.reference(network), card, targets=[target], layer=explained.layer, signed=signed, alpha=0.3,
    )  # fmt: skip
    result = ran(text, folder)["result"]
    np.testing.assert_allclose(result, explained.heatmap, atol=1e-5)
    over = rendering.overlay(array, explained.heatmap, alpha=0.3, colormap="signed" if signed else "turbo")
    saved = np.asarray(Image.open(folder / "grad_cam.png")).astype(int)
    assert np.abs(saved - over).max() <= 3  # one step of the colour table


@pytest.mark.parametrize("name", bundled.names())
def test_a_bundled_network_is_found_where_save_puts_it_and_in_the_repository(name, tmp_path, folder):
    text = recipes.networks.loading(zoo.reference(name))
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / f"{name}.keras").write_bytes((bundled.FOLDER / f"{name}.keras").read_bytes())
    for where in (tmp_path / "saved", folder):
        layers = [layer.name for layer in ran(recipes.script(text), where)["model"].layers]
        assert layers == [layer.name for layer in zoo.load(name).model.layers]


def test_programs_for_a_visitors_nested_network_read_the_file_that_save_gives(nested, folder):
    array = images.sample("cat")
    nested.save(folder / "network.keras")
    network = zoo.wrap(nested)
    reference = zoo.Reference("upload", "ab" * 32)
    text = recipes.maps.feature_maps(
        "cat", reference, network.card, layers=["inner/conv", "second"], layer="inner/conv", channel=0
    )
    result = ran(text, folder)["result"]
    for name, maps in activations.feature_maps(network, array, ["inner/conv", "second"]).items():
        np.testing.assert_allclose(result["maps"][name], maps, atol=1e-5)
    for layer in ("inner/conv", "second"):
        explained = attribution.grad_cam(network, array, target=1, layer=layer)
        text = recipes.grad_cam.heatmap("cat", reference, network.card, targets=[1], layer=layer)
        np.testing.assert_allclose(ran(text, folder)["result"], explained.heatmap, atol=1e-5)


def test_a_visitors_network_in_the_older_format_is_read_and_one_of_kerass_own_is_prepared_as_keras_does(folder):
    import keras

    model = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(64, 64, 3))
    network, reference = zoo.wrap(model), zoo.Reference("upload", "00")
    model.save(folder / "network.h5")
    text = recipes.script(
        recipes.opening("cat"),
        recipes.networks.loading(reference),
        recipes.networks.preparing(reference, network.card),
        "result = prepare(picture)",
    )
    assert "mobilenet_v2.preprocess_input" in text
    result = ran(text, folder)["result"]
    np.testing.assert_allclose(result, network.prepare(images.sample("cat")), atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "choices"),
    [
        ((16, 12, 3), {"colours": "bgr", "input_range": (-1, 1)}),
        ((16, 12, 5), {"input_range": (0, 255)}),
        ((16, 12, 1), {"input_range": (-0.5, 2)}),
        ((16, 12), {}),
        ((400, 500, 4), {}),
    ],
)
def test_a_picture_is_prepared_as_its_owner_has_told(shape, choices, folder):
    import keras

    inputs = keras.Input(shape)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))
    network, reference = zoo.wrap(model, **choices), zoo.Reference("upload", "00")
    text = recipes.script(recipes.opening("cat"), recipes.networks.preparing(reference, network.card))
    found = ran(f"class model: input_shape = {(None, *shape)}\n{text}\nresult = prepare(picture)", folder)["result"]
    expected = network.prepare(images.sample("cat"))
    np.testing.assert_allclose(found.reshape(expected.shape), expected, atol=2e-6 * np.abs(expected).max())
    assert found.shape[1:] == shape


def test_imagenet_networks_are_kerass_own_with_kerass_preparation(data, folder):
    if not zoo.is_here("mobilenetv2"):
        pytest.skip("the weights of MobileNetV2 are not here")
    network, array = zoo.load("mobilenetv2"), images.sample("cat")
    explained = attribution.grad_cam(network, array, target=285)
    text = recipes.grad_cam.heatmap(
        "cat", zoo.reference("mobilenetv2"), network.card, targets=[285], layer=explained.layer
    )
    np.testing.assert_allclose(ran(text, folder)["result"], explained.heatmap, atol=1e-5)


def test_a_class_name_from_outside_stays_a_comment(nested, folder):
    nested.save(folder / "network.keras")
    network = zoo.wrap(nested, ["a", 'b\nimport os; os.abort()  """', "c"])
    text = recipes.grad_cam.heatmap("cat", zoo.Reference("upload", "00"), network.card, targets=[1], layer="second")
    assert "\nimport os" not in text
    ran(text, folder)


def test_a_layers_name_from_outside_stays_a_name(nested):
    from dataclasses import replace

    card = zoo.wrap(nested).card
    hostile = '"]; import os; os.abort()  # {x}\n"""'
    layers = tuple(replace(one, name=hostile) if one.name == "second" else one for one in card.layers)
    card, reference = replace(card, layers=layers), zoo.Reference("upload", "00")
    for text in (
        recipes.maps.feature_maps("cat", reference, card, layers=[hostile], layer=hostile, channel=0),
        recipes.grad_cam.heatmap("cat", reference, card, targets=[1], layer=hostile),
        recipes.patterns.drawn(reference, card, layer=hostile, filters=[0]),
    ):
        names = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
        assert hostile in names
        assert "os" not in {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


def of_two_inputs(kind):
    """A visitor's network of a picture and numbers: given as a list, or by name; or of one that mixes them early."""
    import keras

    keras.utils.set_random_seed(5)
    layers = keras.layers
    facts, photo = keras.Input((2,), name="facts"), keras.Input((20, 24, 3), name="photo")
    first = layers.Conv2D(6, 3, activation="relu", name="first")(photo)
    if kind == "mixed early":
        first = layers.Add(name="mixed")([first, layers.Reshape((1, 1, 6))(layers.Dense(6)(facts))])
    maps = layers.Conv2D(5, 3, activation="relu", name="second")(first)
    joined = layers.Concatenate()([layers.GlobalAveragePooling2D()(maps), facts])
    answer = layers.Dense(3, activation="softmax")(joined)
    inputs = {"facts": facts, "photo": photo} if kind == "by name" else [facts, photo]
    return keras.Model(inputs, answer, name="own")


@pytest.mark.parametrize("kind", ["as a list", "by name", "mixed early"])
def test_programs_for_a_network_of_several_inputs_give_the_others_zeros(kind, folder):
    model, array = of_two_inputs(kind), images.sample("cat")
    model.save(folder / "network.keras")
    network, reference = zoo.wrap(model), zoo.Reference("upload", "00")
    assert network.card.entered == 1
    text = recipes.maps.feature_maps("cat", reference, network.card, layers=["first"], layer="second", channel=0)
    found = ran(text, folder)["result"]["maps"]
    for name, maps in activations.feature_maps(network, array, ["first", "second"]).items():
        np.testing.assert_allclose(found[name], maps, atol=1e-5)
    for method in ("grad_cam", "ablation_cam", "gradient", "guided_backpropagation", "occlusion"):
        expected = attribution.METHODS[method](network, array, target=1)
        text = recipes.grad_cam.heatmap("cat", reference, network.card, method=method, targets=[1], layer="second")
        np.testing.assert_allclose(ran(text, folder)["result"], expected.heatmap, atol=1e-4)
    for layer, filters, more in (("second", [0, 2], {"before": True}), ("", [1], {"objective": "class"})):
        text = recipes.patterns.drawn(
            reference, network.card, layer=layer, filters=filters, size=32, seed=3, recipes=["lecture"], steps=3, **more
        )  # fmt: skip
        expected = patterns.generate(
            network, layer, filters, recipe="lecture", size=32, steps=3, rng=np.random.default_rng(3), **more
        )
        apart = np.abs(ran(text, folder)["result"]["lecture"].astype(int) - expected)
        assert np.percentile(apart, 99) <= 2
    edits = surgery.read(network, "mute=first:1").edits
    text = recipes.surgery.knock_out("cat", reference, network.card, edits=edits, view="second", channel=2)
    outcome = surgery.operate(network, array, edits, view="second", channel=2)
    np.testing.assert_allclose(ran(text, folder)["result"]["after"], outcome.after, atol=1e-5)
    text = recipes.layers.cell("cat", reference, network.card, layer="second", channel=2, row=3, col=4)
    value = microscope.look(network, array, "second", 2, 3, 4).value
    assert ran(text, folder)["result"]["value"] == pytest.approx(value, rel=1e-4, abs=1e-6)


def channels_first(inputs):
    """A visitor's network that works channels first, from the input on or behind a layer that turns the picture."""
    import keras

    keras.utils.set_random_seed(7)
    layers, first = keras.layers, {"data_format": "channels_first"}
    photo = keras.Input((20, 24, 3) if inputs == "turned inside" else (3, 20, 24), name="photo")
    maps = layers.Permute((3, 1, 2))(photo) if inputs == "turned inside" else photo
    maps = layers.Conv2D(6, 3, activation="relu", name="first", **first)(maps)
    maps = layers.MaxPooling2D(2, name="pooled", **first)(layers.BatchNormalization(axis=1, name="norm")(maps))
    pooled = layers.GlobalAveragePooling2D(**first)(layers.Conv2D(5, 3, name="second", **first)(maps))
    facts = [keras.Input((2,), name="facts")] if inputs == "two" else []
    answer = layers.Dense(3, activation="softmax")(layers.Concatenate()([pooled, *facts]) if facts else pooled)
    return keras.Model([*facts, photo] if facts else photo, answer, name="own")


@pytest.mark.parametrize("inputs", ["one", "two", "turned inside"])
def test_programs_for_a_network_that_works_channels_first_give_the_pages_numbers(inputs, folder):
    model, array = channels_first(inputs), images.sample("cat")
    model.save(folder / "network.keras")
    network, reference = zoo.wrap(model), zoo.Reference("upload", "00")
    card, layers = network.card, ["first", "norm", "pooled", "second"]
    expected = activations.feature_maps(network, array, layers)
    text = recipes.maps.feature_maps("cat", reference, card, layers=layers, layer="second", channel=4)
    found = ran(text, folder)["result"]
    looks = ran(recipes.looks.mosaics("cat", reference, card, layers=layers, scale="layer"), folder)["result"]
    for name, maps in expected.items():
        np.testing.assert_allclose(found["maps"][name], maps, atol=1e-5)
        np.testing.assert_allclose(looks["maps"][name], maps, atol=1e-5)
    cell = microscope.look(network, array, "pooled", 2, 3, 4)
    result = ran(recipes.layers.cell("cat", reference, card, layer="pooled", channel=2, row=3, col=4), folder)["result"]
    assert result["value"] == pytest.approx(cell.value, rel=1e-4, abs=1e-6)
    np.testing.assert_allclose(result["gradient"], cell.gradient, atol=1e-5)
    text = recipes.layers.kernels(reference, card, layer="second", channel=3, index=1)
    np.testing.assert_array_equal(ran(text, folder)["result"]["kernel"], model.get_layer("second").kernel[:, :, 3, 1])
    edits = surgery.read(network, "mute=first:1;copy=norm:2:3").edits
    result = ran(recipes.surgery.knock_out("cat", reference, card, edits=edits, view="second", channel=2), folder)
    outcome = surgery.operate(network, array, edits, view="second", channel=2)
    np.testing.assert_allclose(result["result"]["before"], network.predict(array), atol=1e-5)
    np.testing.assert_allclose(result["result"]["after"], outcome.after, atol=1e-5)
    np.testing.assert_allclose(result["result"]["map_after"], outcome.map_after, atol=1e-5)


@pytest.mark.parametrize("method", ["grad_cam", "ablation_cam", "integrated_gradients"])
def test_maps_of_a_network_that_works_channels_first_are_those_of_its_programs(method, folder):
    model, array = channels_first("one"), images.sample("cat")
    model.save(folder / "network.keras")
    network = zoo.wrap(model)
    layer = None if method == "integrated_gradients" else "norm"
    expected = attribution.METHODS[method](network, array, target=1, **({"layer": layer} if layer else {}))
    text = recipes.grad_cam.heatmap(
        "cat", zoo.Reference("upload", "00"), network.card, method=method, targets=[1], layer=layer, signed=False
    )
    np.testing.assert_allclose(ran(text, folder)["result"], expected.heatmap, atol=1e-4)


def test_patterns_of_a_network_that_works_channels_first_are_drawn_by_its_program(folder):
    model = channels_first("one")
    model.save(folder / "network.keras")
    network = zoo.wrap(model)
    text = recipes.patterns.drawn(
        zoo.Reference("upload", "00"), network.card, layer="first", filters=(2,), size=24, seed=4
    )
    *_, last = sketches.draw(network, "first", (2,), size=24, seed=4)
    for recipe, (ours,) in ran(text, folder)["result"].items():
        page = sketches.cut(last.pictures[recipe], 0, last.size, last.columns)
        reached, expected = (
            activations.feature_maps(network, one, ["first"])["first"][..., 2].mean() for one in (ours, page)
        )
        assert reached == pytest.approx(expected, rel=0.02), recipe


def test_a_program_for_a_network_that_works_channels_first_runs_on_a_cpu_without_onednn(folder):
    model = channels_first("one")
    model.save(folder / "network.keras")
    network, reference = zoo.wrap(model), zoo.Reference("upload", "00")
    (folder / "recipe.py").write_text(
        recipes.layers.cell("cat", reference, network.card, layer="pooled", channel=2, row=3, col=4)
        + 'print("value", result["value"])\n'
    )
    plain = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, "recipe.py"], cwd=folder, env=plain, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    value = microscope.look(network, images.sample("cat"), "pooled", 2, 3, 4).value
    assert float(done.stdout.split()[-1]) == pytest.approx(value, rel=1e-4)
