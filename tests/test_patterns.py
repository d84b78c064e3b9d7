"""Gradient ascent against the lecture's loop written out, and what it must do on every kind of network."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from convviz import ConvvizError, patterns, zoo
from convviz.patterns import canvas


def lecture(model, layer, index, start, steps, scale=1.0, offset=0.0):
    """Chollet's listings 5.34 and 5.35: pixels and picture after so many steps from a given start."""
    inside = keras.Model(model.input, model.get_layer(layer).output)
    pixels = start.astype(np.float32)[None]
    for _ in range(steps):
        with tf.GradientTape() as tape:
            values = tf.Variable(pixels)
            loss = tf.reduce_mean(inside(values * scale + offset)[..., index])
        slope = tape.gradient(loss, values).numpy()
        pixels = pixels + slope / np.sqrt(np.mean(slope**2))
    shown = pixels[0] - pixels[0].mean()
    shown = np.clip(shown / (shown.std() + 1e-5) * 0.1 + 0.5, 0, 1) * 255
    height = float(tf.reduce_mean(inside(pixels * scale + offset)[..., index]))
    return pixels[0], shown.astype(np.uint8), height


def small(seed=0, channels=3):
    keras.utils.set_random_seed(seed)
    pixels = keras.Input((None, None, channels))
    x = keras.layers.Conv2D(4, 3, activation="relu", padding="same", name="first")(pixels)
    x = keras.layers.MaxPooling2D(name="halve")(x)
    x = keras.layers.Conv2D(6, 3, activation="relu", padding="same", name="second")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(pixels, keras.layers.Dense(3, activation="softmax", name="classes")(x))


@pytest.fixture(scope="module")
def model():
    return small()


@pytest.fixture(scope="module")
def network(model):
    return zoo.wrap(model, input_range=(-1, 1))


def final(*arguments, **options):
    return list(patterns.ascend(*arguments, **options))[-1]


def pixels_of(network, values):
    low, high = network.card.value_range
    return (values - low) * 255 / (high - low)


def test_the_lecture_recipe_is_the_lectures_loop(model, network):
    filters = [0, 2, 5]
    records = list(patterns.ascend(network, "second", filters, recipe="lecture", size=24, steps=6, revive=False))
    assert [one.step for one in records] == list(range(7))
    assert {one.total_steps for one in records} == {6}
    start = pixels_of(network, records[0].values)
    assert 127.9 < start.min() < 130
    assert 146 < start.max() < 148.1
    for place, index in enumerate(filters):
        if records[-1].dead[place]:
            continue
        for step in (1, 6):
            pixels, shown, height = lecture(model, "second", index, start[place], step, 2 / 255, -1)
            np.testing.assert_allclose(pixels_of(network, records[step].values[place]), pixels, atol=0.05)
            assert np.abs(records[step].pictures[place].astype(int) - shown).max() <= 1
            assert records[step].activations[place] == pytest.approx(height, rel=1e-3)
    assert not records[-1].dead.all()


def test_the_lecture_recipe_takes_forty_equal_steps_of_one_level(network):
    records = list(patterns.ascend(network, "second", [0], recipe="lecture", size=16))
    assert len(records) == 41
    pixels = [pixels_of(network, one.values) for one in records]
    lengths = [np.sqrt(np.mean((b - a) ** 2)) for a, b in itertools.pairwise(pixels)]
    np.testing.assert_allclose(lengths, 1, rtol=1e-3)


@pytest.mark.parametrize("recipe", patterns.RECIPES)
@pytest.mark.parametrize("layer", ["first", "halve", "second"])
def test_an_ascent_raises_the_activation_of_every_living_filter(network, recipe, layer):
    first, *_, last = patterns.ascend(network, layer, range(4), recipe=recipe, size=32, steps=8)
    assert (last.activations[~last.dead] > first.activations[~last.dead]).all()
    assert not last.dead.all()
    assert last.pictures.shape == (4, 32, 32, 3)
    assert last.pictures.dtype == np.uint8
    assert last.values.dtype == last.activations.dtype == np.float32
    assert last.filters == (0, 1, 2, 3)


@pytest.mark.parametrize("recipe", patterns.RECIPES)
def test_reported_activations_are_those_of_the_reported_values(model, network, recipe):
    last = final(network, "second", [1, 3], recipe=recipe, size=32, steps=5)
    inside = keras.Model(model.input, model.get_layer("second").output)
    expected = inside(last.values).numpy().mean((1, 2))[[0, 1], [1, 3]]
    np.testing.assert_allclose(last.activations, expected, rtol=1e-4, atol=1e-6)


def test_the_fast_recipe_climbs_as_high_in_fewer_steps_and_begins_on_a_tile(network):
    filters = range(6)
    slow = final(network, "second", filters, recipe="lecture", size=128, revive=True)
    records = list(patterns.ascend(network, "second", filters))
    quick = records[-1]
    assert quick.total_steps <= 16
    alive = ~(slow.dead | quick.dead)
    assert quick.activations[alive].mean() > 0.95 * slow.activations[alive].mean()
    preview = records[5]
    assert preview.values.shape == quick.values.shape == (6, 128, 128, 3)
    np.testing.assert_array_equal(preview.values[:, :64], preview.values[:, 64:])
    np.testing.assert_array_equal(preview.pictures[:, :, :64], preview.pictures[:, :, 64:])
    assert not np.array_equal(quick.values[:, :64], quick.values[:, 64:])


def test_a_tile_has_no_seams(network):
    pixels = list(patterns.ascend(network, "second", [0, 5]))[6].values
    rows = np.abs(np.diff(pixels, axis=1)).mean(axis=(0, 2, 3))
    assert rows[63] < 1.25 * np.median(rows)  # from the tile's last row to the next tile's first


def test_a_filter_draws_the_same_whatever_stands_beside_it(network):
    together = final(network, "second", [4, 1, 0], size=32, steps=4)
    for place, index in enumerate((4, 1, 0)):
        alone = final(network, "second", index, size=32, steps=4)
        np.testing.assert_allclose(alone.values[0], together.values[place], atol=1e-4)


def test_noise_repeats_with_its_seed(network):
    one, two, other = (
        next(patterns.ascend(network, "second", [0], size=16, rng=np.random.default_rng(seed))).values
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)
    several = next(patterns.ascend(network, "second", [0, 1], size=16)).values
    assert not np.array_equal(several[0], several[1])


def with_a_dead_filter():
    model = small()
    kernel, bias = model.get_layer("second").get_weights()
    bias[2] = -100.0
    model.get_layer("second").set_weights([kernel, bias])
    return zoo.wrap(model, input_range=(-1, 1))


def test_a_dead_filter_is_marked_and_shown_as_plain_grey():
    network = with_a_dead_filter()
    for record in patterns.ascend(network, "second", [0, 2], recipe="lecture", size=24, steps=3):
        assert record.dead[1]
        assert (record.pictures[1] == 127).all()
        assert record.activations[1] == 0
    assert not record.dead[0]
    assert record.pictures[0].std() > 10


def test_a_dead_filter_climbs_before_its_relu_when_asked():
    network = with_a_dead_filter()
    revived = final(network, "second", [2], recipe="lecture", size=24, steps=10, revive=True)
    assert not revived.dead[0]
    assert revived.pictures[0].std() > 10
    kernel, bias = network.model.get_layer("second").get_weights()
    linear = keras.layers.Conv2D(6, 3, padding="same")
    below = keras.Model(network.model.input, network.model.get_layer("halve").output)
    linear.build((None, None, None, 4))
    linear.set_weights([kernel, bias])
    start = next(patterns.ascend(network, "second", [2], recipe="lecture", size=24))
    before, after = (linear(below(values)).numpy()[..., 2].mean() for values in (start.values, revived.values))
    assert after > before
    assert final(network, "second", [2], size=24, steps=2).dead[0] == np.False_  # the fast recipe does so by itself


class Chained(keras.Model):
    """Layers in plain Python, one model inside."""

    def __init__(self, layers):
        super().__init__()
        self.body = keras.Sequential(layers[:3])
        self.rest = layers[3:]

    def call(self, inputs):
        inputs = self.body(inputs)
        for layer in self.rest:
            inputs = layer(inputs)
        return inputs


def kinds():
    source = small()

    def layers():
        return [type(layer).from_config(layer.get_config()) for layer in source.layers[1:]]

    def fixed(*first):
        return keras.Sequential([keras.Input((20, 20, 3)), *first])

    def nested():
        return fixed(keras.Sequential([keras.Input((20, 20, 3)), *layers()[:3]], name="base"), *layers()[3:])

    def flattened():
        return fixed(*layers()[:3], keras.layers.Flatten(), keras.layers.Dense(3))

    written = Chained(layers())
    written(np.zeros((1, 20, 20, 3), np.float32))
    made = {
        "second": fixed(*layers()),
        "base/second": nested(),
        "second ": flattened(),
        f"{written.body.name}/second": written,
    }
    for twin in made.values():
        for weight, value in zip(twin.weights, source.get_weights()[:4], strict=False):
            weight.assign(value)
    return made


def test_every_kind_of_model_draws_the_same_at_a_size_it_does_not_take(network):
    expected = final(network, "second", [0, 3], size=27, steps=3, recipe="lecture")
    for path, twin in kinds().items():
        wrapped = zoo.wrap(twin, input_range=(-1, 1), input_shape=(20, 20, 3))
        got = final(wrapped, path.strip(), [0, 3], size=27, steps=3, recipe="lecture")
        np.testing.assert_allclose(got.values, expected.values, atol=1e-3, err_msg=path)
        assert not [layer for layer in twin._flatten_layers() if "call" in vars(layer)]


def test_classes_are_climbed_before_the_softmax_at_the_networks_own_size(model):
    network = zoo.wrap(model, input_range=(-1, 1), input_shape=(20, 28, 3))
    first, *_, last = patterns.ascend(network, "classes", [0, 2], size=99)
    assert last.values.shape == (2, 20, 28, 3)
    logits = keras.Model(model.input, model.get_layer("pool").output)(last.values).numpy()
    kernel, bias = model.get_layer("classes").get_weights()
    np.testing.assert_allclose(last.activations, (logits @ kernel + bias)[[0, 1], [0, 2]], rtol=1e-3)
    assert (last.activations > first.activations).all()


def test_grey_networks_give_grey_pictures():
    network = zoo.wrap(small(channels=1), input_range=(0, 1))
    last = final(network, "second", [0, 1, 2, 3], size=24, steps=3)
    assert last.values.shape == (4, 24, 24, 1)
    assert (last.pictures == last.pictures[..., :1]).all()
    assert last.pictures.shape == (4, 24, 24, 3)


def test_swapped_and_scaled_colours_are_shown_as_they_are_seen(model):
    def caffe(batch):
        return batch[..., ::-1] - np.array([103.9, 116.8, 123.7], np.float32)

    swapped = zoo.wrap(model, prepare=caffe)
    plain = zoo.wrap(model, input_range=(0, 255))
    first = next(patterns.ascend(swapped, "second", [0], size=16))
    same = next(patterns.ascend(plain, "second", [0], size=16))
    np.testing.assert_allclose(first.values, caffe(same.values), atol=1e-3)
    np.testing.assert_array_equal(first.pictures, same.pictures)


def test_a_preparation_of_no_simple_form_falls_back_to_the_value_range(model):
    def standardized(batch):
        return (batch - batch.mean()) / (batch.std() + 1)

    network = zoo.wrap(model, prepare=standardized, input_range=(-2, 2))
    first = next(patterns.ascend(network, "second", [0], size=16))
    assert np.isfinite(first.values).all()
    assert -0.1 < first.values.mean() < 0.5


def test_wrong_choices_are_refused_in_a_sentence(network):
    for options, said in (
        ({"layer": "none"}, "has no layer 'none'; choose another, such as first, second"),
        ({"filters": [6]}, "has 6 filters, counted from 0, and 6 was asked for"),
        ({"filters": [-1]}, "-1 was asked for"),
        ({"filters": []}, "none was asked for"),
        ({"recipe": "slow"}, "no recipe 'slow'; choose one of fast, lecture"),
        ({"size": 0}, "choose at least 1 of each"),
        ({"steps": 0}, "choose at least 1 of each"),
    ):
        choices = {"layer": "second", "filters": [0]} | options
        with pytest.raises(ConvvizError, match=said):
            patterns.ascend(network, choices.pop("layer"), choices.pop("filters"), **choices)


def test_a_canvas_that_is_too_small_is_refused_in_a_sentence():
    model = keras.Sequential([keras.Input((20, 20, 1)), keras.layers.Conv2D(2, 9, name="wide")])
    with pytest.raises(ConvvizError, match="a canvas of 5 × 5 pixels does not pass through"):
        list(patterns.ascend(model, "wide", [0], size=5))


def test_ascents_trace_once_and_only_up_to_the_layer():
    model = small()
    network = zoo.wrap(model, input_range=(-1, 1))
    final(network, "first", [0], size=16, steps=2)
    kept = set(network.compiled)
    for index in range(4):
        for size in (16, 24):
            final(network, "first", [index, 0], size=size, steps=2)
    assert set(network.compiled) == kept
    slope = next(function for key, function in network.compiled.items() if key[:2] == ("patterns", "_slope"))
    convolutions = [op for op in slope.graph.get_operations() if op.type == "Conv2D"]
    assert len(convolutions) == 1


def test_generate_gives_the_last_pictures_and_light_records_carry_none(network):
    last = final(network, "second", [0, 1], size=16, steps=2)
    np.testing.assert_array_equal(patterns.generate(network, "second", [0, 1], size=16, steps=2), last.pictures)
    light = last.light()
    assert light.pictures.size == light.values.size == 0
    np.testing.assert_array_equal(light.activations, last.activations)


def test_the_bundled_network_answers_to_its_patterns():
    network = zoo.load("mnist")
    first, *_, last = patterns.ascend(network, "conv2d_1", range(4), size=48, steps=8)
    assert not last.dead.any()
    assert (last.activations > first.activations).all()


def test_the_liveliest_filters_are_those_that_keras_finds_most_active_on_the_noise():
    network = zoo.load("mnist")
    noise = canvas.noise([0], (64, 64, 1), np.random.default_rng(4))
    layers = network.model.layers
    values = noise / 255
    for layer in layers[: [layer.name for layer in layers].index("conv2d_1") + 1]:
        values = layer(values)
    means = np.asarray(values).mean(axis=(0, 1, 2))
    found = patterns.liveliest(network, "conv2d_1", 6, size=64, seed=4)
    assert found == tuple(sorted(np.argsort(-means)[:6].tolist()))
    assert min(means[list(found)]) > 0
