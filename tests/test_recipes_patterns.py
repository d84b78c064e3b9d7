"""The programs of the page Filter patterns against what the page draws."""

import numpy as np
import pytest
from PIL import Image

from convviz import activations, images, patterns, recipes, sketches, zoo
from tests.test_recipes import ran
from tests.test_recipes_networks import folder  # noqa: F401 -- a fixture

CHOSEN = [("mnist", "conv2d_1", (0, 5), 32), ("shapes", "block1_conv1", (3,), 96)]
WAVES = {"parameters": "fourier", "jitter": 3, "scale": 0.1, "rotate": 5.0}
RESTRAINED = {"total_variation": 0.5, "l2": 0.5, "blur": 1.0}
OBJECTIVES = {  # what it is called -> (network, layer, filters, choices)
    "unit": ("mnist", "conv2d_1", (0, 5), {"objective": "unit", "before": True, "parameters": "fourier"}),
    "negative": ("mnist", "conv2d_1", (1, 2), {"objective": "negative", "jitter": 2, "steps": 6}),
    "mixed": ("mnist", "conv2d_1", (0, 5), {"objective": "mixed", "steps": 6}),
    "direction": ("mnist", "conv2d_1", (), {"objective": "direction", "picture": "digit_4", "steps": 6}),
    "class": ("mnist", "", (3, 8), {"objective": "class", **WAVES}),
    "side": ("cats_and_dogs", "", (0,), {"objective": "class", "steps": 2}),
    "diverse": ("mnist", "conv2d_1", (5, 5, 5), {"diversity": 1.0, **RESTRAINED}),
    "dream": ("shapes", "block1_conv1", (), {"objective": "dream", "picture": "cat", "octaves": 2, "jitter": 4}),
    "dream of one": ("mnist", "conv2d_1", (5,), {"picture": "digit_4", "steps": 5}),
}


@pytest.mark.parametrize(("network", "layer", "filters", "size"), CHOSEN)
def test_the_patterns_program_draws_the_pages_patterns(network, layer, filters, size, folder):  # noqa: F811
    text = recipes.patterns.drawn(
        zoo.reference(network), zoo.card(network), layer=layer, filters=filters, size=size, seed=4
    )
    result = ran(text, folder)["result"]
    for recipe, ours in result.items():
        expected = patterns.generate(
            zoo.load(network), layer, filters, recipe=recipe, size=size, rng=np.random.default_rng(4), revive=True
        )
        assert ours.shape == expected.shape
        apart = np.abs(ours.astype(int) - expected)
        assert np.percentile(apart, 99) <= 2, (recipe, apart.max())
        saved = np.asarray(Image.open(folder / f"patterns_{recipe}.png"))
        assert np.array_equal(saved, sketches.sheet(ours))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_program_of_every_objective_draws_what_the_page_draws(name, folder):  # noqa: F811
    network, layer, filters, options = OBJECTIVES[name]
    choices, given, shape = dict(options), {}, {}
    if picture := choices.pop("picture", ""):
        array = images.sample(picture)
        given = {"like" if name == "direction" else "start": array}
        shape = {"picture": picture, "shape": array.shape[:2]}
    text = recipes.patterns.drawn(
        zoo.reference(network), zoo.card(network), layer=layer, filters=filters, size=48, seed=4, recipes=("fast",),
        **shape, **choices,
    )  # fmt: skip
    ours = ran(text, folder)["result"]["fast"]
    *_, last = sketches.draw(
        zoo.load(network), layer, filters, size=48, seed=4, recipes=("fast",), **given, **choices
    )  # fmt: skip
    for place, picture in enumerate(ours):
        expected = sketches.cut(last.pictures["fast"], place, last.size, last.columns)
        assert picture.shape == expected.shape
        apart = np.abs(picture.astype(int) - expected)  # rounding grows with the steps
        assert np.percentile(apart, 90) <= 3, (place, np.percentile(apart, (50, 90, 100)))


def test_the_program_of_a_whole_layer_draws_its_bands(folder):  # noqa: F811
    reference, card = zoo.reference("mnist"), zoo.card("mnist")
    ran(recipes.patterns.of_layer(reference, card, layer="conv2d", count=20, size=32, seed=1), folder)
    ours = np.asarray(Image.open(folder / "patterns_of_the_layer.png"))
    bands = [one.png for one in sketches.fill(zoo.load("mnist"), "conv2d", range(20), size=32, seed=1) if one.png]
    (folder / "bands.png").write_bytes(sketches.joined(bands))
    expected = np.asarray(Image.open(folder / "bands.png"))
    assert ours.shape == expected.shape
    assert np.percentile(np.abs(ours.astype(int) - expected), 98) <= 2


def test_the_program_reaches_what_the_page_reaches_where_rounding_moves_the_pixels(folder):  # noqa: F811
    network, layer, filters = zoo.load("shapes"), "block2_conv1", range(8)
    side = network.card.input_shape[0]  # so that a picture is looked at as it is
    reference = zoo.reference("shapes")
    text = recipes.patterns.drawn(reference, network.card, layer=layer, filters=filters, size=side, seed=4)
    assert "rounded otherwise" in text
    *_, last = sketches.draw(network, layer, filters, size=side, seed=4)
    for recipe, ours in ran(text, folder)["result"].items():
        pages = [sketches.cut(last.pictures[recipe], place, last.size, last.columns) for place in filters]
        reached, expected = (
            np.array(
                [activations.feature_maps(network, one, [layer])[layer][..., n].mean() for n, one in enumerate(of)]
            )
            for of in (ours, pages)
        )
        assert reached.mean() == pytest.approx(expected.mean(), rel=0.01), recipe
        assert np.abs(reached - expected).max() < 0.02 * np.abs(expected).max(), recipe


def test_another_seed_draws_other_pictures(folder):  # noqa: F811
    reference, card = zoo.reference("mnist"), zoo.card("mnist")
    first, other = (
        ran(recipes.patterns.drawn(reference, card, layer="conv2d", filters=(1,), size=32, seed=seed), folder)
        for seed in (0, 1)
    )
    assert not np.array_equal(first["result"]["lecture"], other["result"]["lecture"])


def own(kind):
    """A visitor's network, and a layer of it that is climbed."""
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    colours = 1 if kind.startswith("grey") else 3
    inputs = keras.Input((20, 24) if kind == "grey without an axis" else (20, 24, colours), name="photo")
    start = [layers.Rescaling(1 / 127.5, -1), layers.RandomFlip()] if kind == "prepared inside" else []
    start += [lambda maps: keras.ops.expand_dims(maps, -1)] if kind == "grey without an axis" else []
    start += [layers.Conv2D(4, 3, padding="same", name="first"), layers.BatchNormalization(), layers.ReLU(name="relu")]
    body = [layers.Conv2D(5, 3, activation="relu", name="second"), layers.MaxPooling2D(), layers.Flatten()]
    if kind == "sequential":
        return keras.Sequential([inputs, *start, *body, layers.Dense(3, activation="softmax")]), "second"
    if kind.startswith("nested"):
        start = [keras.Sequential([keras.Input((20, 24, 3)), *start], name="inner")]
    maps = inputs
    for layer in [*start, *body]:
        maps = layer(maps)
    answers = [layers.Dense(3, activation="softmax", name=name)(maps) for name in ("answer", "other")]
    model = keras.Model([inputs], answers if kind == "two outputs" else answers[0])
    return model, {"nested": "inner/relu", "functional": "relu"}.get(kind, "second")


KINDS = [
    "sequential",
    "functional",
    "nested",
    "nested before",
    "two outputs",
    "prepared inside",
    "grey",
    "grey without an axis",
]


@pytest.mark.parametrize("kind", KINDS)
def test_the_program_for_a_visitors_network_draws_the_pages_patterns(kind, folder):  # noqa: F811
    model, layer = own(kind)
    model.save(folder / "network.keras")
    network = zoo.wrap(model)
    drawn_alike(network, zoo.Reference("upload", "00"), layer, folder, size=96)
    drawn_alike(network, zoo.Reference("upload", "00"), layer, folder, size=32, objective="unit", before=True)
    drawn_alike(
        network, zoo.Reference("upload", "00"), layer, folder, filters=(), size=32, objective="direction",
        picture="cat", shape=(300, 451), steps=3,
    )  # fmt: skip
    drawn_alike(network, zoo.Reference("upload", "00"), "", folder, objective="class", steps=3)


@pytest.mark.parametrize("layer", ["block_1_expand", "block_3_expand_relu"])
def test_the_program_for_an_imagenet_network_draws_the_pages_patterns(layer, data, folder):  # noqa: F811
    if not zoo.is_here("mobilenetv2"):
        pytest.skip("the weights of MobileNetV2 are not here")
    drawn_alike(zoo.load("mobilenetv2"), zoo.reference("mobilenetv2"), layer, folder, size=96, recipes=("fast",))


def drawn_alike(network, reference, layer, folder, *, filters=(0, 2), picture="", shape=(1, 1), **options):  # noqa: F811
    """Run a program and hold its pictures against those of the page."""
    text = recipes.patterns.drawn(
        reference, network.card, layer=layer, filters=filters, seed=4, picture=picture, shape=shape,
        **options,
    )  # fmt: skip
    given = {"like": images.sample(picture)} if picture else {}
    *_, last = sketches.draw(network, layer, filters, seed=4, **given, **options)
    for recipe, ours in ran(text, folder)["result"].items():
        for place, one in enumerate(ours):
            expected = sketches.cut(last.pictures[recipe], place, last.size, last.columns)
            assert one.shape == expected.shape
            apart = np.abs(one.astype(int) - expected)
            assert np.percentile(apart, 95) <= 2, (recipe, place, np.percentile(apart, (50, 95, 100)))
