"""What can be climbed besides a filter's mean, in which coordinates, under which restraints: against definitions."""

import keras
import numpy as np
import pytest

from convviz import ConvvizError, images, patterns, zoo
from convviz.patterns import canvas, restraints, spectrum
from convviz.patterns.slope import Slope
from convviz.patterns.wobble import wobble, wobbled
from tests.test_patterns import final, kinds, small, with_a_dead_filter


@pytest.fixture(scope="module")
def model():
    return small()


@pytest.fixture(scope="module")
def network(model):
    return zoo.wrap(model, input_range=(-1, 1), input_shape=(20, 28, 3), class_names=["a", "b", "c"])


def maps(model, values, layer="second"):
    return keras.Model(model.input, model.get_layer(layer).output)(values).numpy()


def before_relu(model, values):
    """The second convolution's sums, by hand."""
    kernel, bias = model.get_layer("second").get_weights()
    linear = keras.layers.Conv2D(6, 3, padding="same")
    linear.build((None, None, None, 4))
    linear.set_weights([kernel, bias])
    return linear(maps(model, values, "halve")).numpy()


def grown(records):
    return records[-1].activations > records[0].activations


def test_the_unit_is_the_cell_in_the_middle_or_the_one_that_is_named(model, network):
    for unit, (row, col) in ((None, (8, 8)), ((2, 5), (2, 5))):
        records = list(patterns.ascend(network, "second", [0, 3], objective="unit", unit=unit, size=32, steps=5))
        expected = maps(model, records[-1].values)[[0, 1], row, col, [0, 3]]
        np.testing.assert_allclose(records[-1].activations, expected, rtol=1e-4, atol=1e-6)
        assert grown(records).any()
        changed = np.abs(records[-1].values - records[0].values).max(axis=(0, 3)) > 1e-6
        assert changed[2 * row - 2 : 2 * row + 4, 2 * col - 2 : 2 * col + 4].any()
        assert not changed[:, 2 * col + 6 :].any(), "nothing beyond the cell's receptive field"


def test_a_negative_lowers_the_mean_before_the_relu(model, network):
    records = list(patterns.ascend(network, "second", range(6), objective="negative", size=32, steps=6))
    assert (records[-1].activations < records[0].activations).all()
    expected = before_relu(model, records[-1].values).mean((1, 2))[range(6), range(6)]
    np.testing.assert_allclose(records[-1].activations, expected, rtol=1e-3, atol=1e-5)


def test_before_climbs_the_sums_from_the_first_step(model, network):
    last = final(network, "second", [1, 4], before=True, size=32, steps=4)
    expected = before_relu(model, last.values).mean((1, 2))[[0, 1], [1, 4]]
    np.testing.assert_allclose(last.activations, expected, rtol=1e-3, atol=1e-5)


def test_a_mixture_goes_from_the_one_filter_to_the_other(network):
    shares = (0.0, 0.5, 1.0)
    last = final(network, "second", [0, 3], objective="mixed", shares=shares, size=32, steps=6)
    assert last.pictures.shape == (3, 32, 32, 3)
    assert last.filters == (0, 3)
    np.testing.assert_allclose(last.values[0], final(network, "second", [0], size=32, steps=6).values[0], atol=1e-4)
    means = maps(network.model, last.values).mean((1, 2))
    expected = [(1 - share) * one[0] + share * one[3] for share, one in zip(shares, means, strict=True)]
    np.testing.assert_allclose(last.activations, expected, rtol=1e-3)
    assert means[2, 3] > means[0, 3]


def test_a_direction_is_the_pictures_means_less_the_noises(model, network):
    picture = images.sample("cat")
    direction = patterns.towards(network, "second", picture, size=32, seed=2)
    noise = canvas.values(network, canvas.noise([0], (32, 32, 3), np.random.default_rng(2)))
    expected = maps(model, network.prepare(picture)).mean((0, 1, 2)) - maps(model, noise).mean((0, 1, 2))
    np.testing.assert_allclose(direction, expected, atol=1e-5)
    records = list(patterns.ascend(network, "second", objective="direction", direction=direction, size=32, steps=6))
    unit = direction / np.linalg.norm(direction)
    np.testing.assert_allclose(records[-1].activations, maps(model, records[-1].values).mean((1, 2)) @ unit, rtol=1e-3)
    assert grown(records).all()
    assert records[-1].filters == ()


def test_classes_are_raised_before_the_softmax_and_both_sides_of_a_sigmoid(model, network):
    records = list(patterns.ascend(network, "", [0, 2], objective="class"))
    kernel, bias = model.get_layer("classes").get_weights()
    logits = maps(model, records[-1].values).mean((1, 2)) @ kernel + bias
    np.testing.assert_allclose(records[-1].activations, logits[[0, 1], [0, 2]], rtol=1e-3)
    assert records[-1].values.shape == (2, 20, 28, 3)
    assert grown(records).all()
    one = keras.Sequential([
        keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3), keras.layers.Flatten(),
        keras.layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    sides = list(patterns.ascend(zoo.wrap(one, class_names=["no", "yes"]), "", [0, 1], objective="class", steps=4))
    assert grown(sides).all()
    probabilities = one(sides[-1].values).numpy()[:, 0]
    assert probabilities[0] < 0.5 < probabilities[1]


def test_a_dream_starts_with_the_picture_and_raises_the_layers_mean_square(model, network):
    picture = images.sample("cat")
    records = list(
        patterns.ascend(network, "second", objective="dream", start=picture, size=60, steps=6, octaves=2, jitter=2)
    )
    assert [one.pictures.shape for one in records] == [(1, 40, 60, 3)] * 7
    assert np.abs(records[0].pictures[0].astype(int) - images.resize(picture, (40, 60))).max() <= 1
    expected = (maps(model, records[-1].values) ** 2).mean()
    assert records[-1].activations[0] == pytest.approx(expected, rel=1e-3)
    plain = (maps(model, canvas.values(network, canvas.of_picture(network, picture, (40, 60)))) ** 2).mean()
    assert records[-1].activations[0] > plain
    likeness = np.corrcoef(records[-1].pictures.ravel(), records[0].pictures.ravel())[0, 1]
    assert likeness > 0.8, "the picture can still be seen"


def test_the_activation_of_the_shown_picture_is_that_of_its_eight_bits(model, network):
    *before, last = patterns.ascend(network, "second", [0, 3], size=32, steps=4)
    assert not any(one.shown.size for one in before)
    values = last.pictures.astype(np.float32) * 2 / 255 - 1
    np.testing.assert_allclose(last.shown, maps(model, values).mean((1, 2))[[0, 1], [0, 3]], rtol=1e-4)
    grey = zoo.wrap(small(channels=1), input_range=(0, 1))
    last = final(grey, "second", [1], size=32, steps=2)
    expected = maps(grey.model, last.pictures[..., :1].astype(np.float32) / 255).mean((1, 2))[0, 1]
    assert last.shown[0] == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_a_message_ends_an_ascent_with_a_last_record_of_the_whole_picture(model, network):
    ascent = patterns.ascend(network, "second", [0], size=128)
    next(ascent)
    next(ascent)
    last = ascent.send({"stop": True})
    assert last.step == 1
    assert last.values.shape == (1, 128, 128, 3)
    assert last.activations[0] == pytest.approx(maps(model, last.values).mean((1, 2))[0, 0], rel=1e-4)
    assert last.shown.size == 1
    with pytest.raises(StopIteration):
        next(ascent)


def test_filters_that_climb_before_their_relu_are_marked_silent():
    records = list(patterns.ascend(with_a_dead_filter(), "second", [0, 2], size=24, steps=2))
    assert records[-1].silent.tolist() == [False, True]
    assert not records[-1].dead.any()
    assert records[-1].activations[1] == 0


def test_pictures_of_one_filter_are_pushed_apart(network):
    def likeness(values):
        grams = [one.reshape(-1, 6).T @ one.reshape(-1, 6) for one in maps(network.model, values)]
        unit = [gram.ravel() / np.linalg.norm(gram) for gram in grams]
        return float(np.mean([unit[a] @ unit[b] for a in range(3) for b in range(a)]))

    alone, apart = (
        final(network, "second", [3, 3, 3], size=32, steps=8, diversity=strength) for strength in (0.0, 2.0)
    )
    assert len({one.tobytes() for one in alone.pictures}) == 3, "each from noise of its own"
    assert likeness(apart.values) < likeness(alone.values) - 0.01


# --- coordinates --------------------------------------------------------------------------------------------------


def test_the_waves_weigh_the_gradient_as_the_coordinates_would():
    height, width = 6, 7
    rng = np.random.default_rng(0)
    gradient = rng.normal(size=(1, height, width, 3)).astype(np.float32)
    down, right = np.meshgrid(np.fft.fftfreq(height), np.fft.fftfreq(width), indexing="ij")
    weights = 1 / np.maximum(np.hypot(down, right), 1 / 7)
    waves = np.fft.ifft2(np.fft.fft2(gradient[0], axes=(0, 1)) * weights[..., None], axes=(0, 1)).real
    expected = waves @ spectrum.COLOURS @ spectrum.COLOURS.T
    np.testing.assert_allclose(spectrum.smoothed(gradient)[0], expected, atol=1e-5)
    assert (spectrum.smoothed(gradient) * gradient).sum() > 0, "uphill stays uphill"


def test_waves_leave_less_detail_and_keep_the_spread(network):
    pixels, waves = (
        final(network, "second", [0, 3], size=64, parameters=one, steps=6).values for one in patterns.PARAMETERS
    )

    def detail(values):
        return np.abs(np.diff(values, axis=1)).mean() / values.std()

    assert detail(waves) < 0.7 * detail(pixels)
    noise = canvas.noise([0], (64, 64, 3), np.random.default_rng(0))
    smooth = spectrum.smooth_noise(noise)
    assert smooth.std() == pytest.approx(noise.std(), rel=1e-3)
    assert smooth.mean() == pytest.approx(noise.mean(), rel=1e-3)


# --- transformations and restraints -------------------------------------------------------------------------------


def test_a_jitter_is_a_roll_and_its_way_back():
    rng = np.random.default_rng(3)
    pixels = rng.random((2, 9, 12, 3), np.float32)
    matrix = wobble(rng, (9, 12), 4, 0.0, 0.0)
    right, down = matrix[:, 2].round().astype(int)
    assert (right, down) != (0, 0)
    seen = wobbled(pixels, matrix, wraps=True)
    np.testing.assert_allclose(seen, np.roll(pixels, (down, right), (1, 2)), atol=1e-6)
    np.testing.assert_allclose(wobbled(seen, matrix, wraps=True, back=True), pixels, atol=1e-6)


def test_a_turn_and_a_scale_stay_within_their_bounds_about_the_middle():
    rng = np.random.default_rng(0)
    for _ in range(20):
        matrix = wobble(rng, (33, 33), 0, 0.1, 10.0)
        factor = np.sqrt(np.linalg.det(matrix[:, :2]))
        angle = np.degrees(np.arctan2(matrix[0, 1], matrix[0, 0]))
        assert 0.9 <= factor <= 1.1
        assert -10 <= angle <= 10
        np.testing.assert_allclose(matrix @ [16, 16, 1], [16, 16], atol=1e-9)


def test_an_ascent_under_transformations_still_rises_and_repeats_with_its_seed(network):
    options = {"size": 32, "steps": 6, "jitter": 2, "scale": 0.1, "rotate": 8.0}
    one, two = (list(patterns.ascend(network, "second", [0, 3], **options)) for _ in range(2))
    assert grown(one).all()
    np.testing.assert_array_equal(one[-1].pictures, two[-1].pictures)


def test_the_roughness_is_the_slope_of_the_total_variation():
    pixels = np.random.default_rng(0).normal(128, 20, (1, 5, 6, 2))

    def variation(one):
        down, right = np.roll(one, -1, 1) - one, np.roll(one, -1, 2) - one
        return np.sqrt(down**2 + right**2 + 1).sum()

    slope = restraints.roughness(pixels)
    for place in ((0, 0, 0, 0), (0, 4, 5, 1), (0, 2, 3, 0)):
        nudge = np.zeros_like(pixels)
        nudge[place] = 1e-4
        measured = (variation(pixels + nudge) - variation(pixels - nudge)) / 2e-4
        assert slope[place] == pytest.approx(measured, abs=1e-5)


@pytest.mark.parametrize("name", patterns.REGULARIZERS)
def test_each_regularizer_restrains_what_it_says(network, name):
    def measure(values):
        levels = (values + 1) * 127.5
        return ((levels - 128) ** 2).mean() if name == "l2" else np.abs(np.diff(levels, axis=1)).mean()

    free, held = (final(network, "second", [0, 3], size=32, steps=8, **options) for options in ({}, {name: 1.0}))
    assert measure(held.values) < 0.9 * measure(free.values)
    assert (held.activations > 0).all()


# --- what is shown ------------------------------------------------------------------------------------------------


def seams(values, side):
    """How much more the picture changes where tiles meet than elsewhere, down and across."""
    found = []
    for axis in (1, 2):
        steps = np.abs(np.diff(values, axis=axis)).mean(axis=tuple({0, 1, 2, 3} - {axis}))
        found.append(float(steps[side - 1] / np.median(steps)))
    return found


LAYERS = [("shapes", "block1_conv1"), ("cats_and_dogs", "conv2d_1"), ("mnist", "conv2d_1")]


@pytest.mark.parametrize(("name", "layer"), LAYERS)
def test_a_tile_is_climbed_as_if_it_had_no_edges(name, layer):
    """A tile that is moved round has the same slope, moved round; so no place on it is an edge."""
    network = zoo.load(name)
    aim = patterns.goal(network.card, layer, [0, 1])
    slope = Slope(network, layer, aim, before=True, rounded=True)
    pixels = canvas.noise([0, 1], (64, 64, network.card.input_shape[-1]), np.random.default_rng(0))
    heights, gradients = slope.at(pixels)
    moved_heights, moved = slope.at(np.roll(pixels, (16, 40), (1, 2)))
    np.testing.assert_allclose(moved_heights, heights, rtol=1e-3, atol=1e-5)
    scale = np.abs(gradients).max()
    np.testing.assert_allclose(moved / scale, np.roll(gradients, (16, 40), (1, 2)) / scale, atol=2e-3)


def test_inside_a_tile_the_slope_is_the_networks_own(model, network):
    aim = patterns.goal(network.card, "second", [1])
    pixels = canvas.noise([1], (64, 64, 3), np.random.default_rng(0))
    (_, own), (_, rounded) = (Slope(network, "second", aim, rounded=one).at(pixels) for one in (False, True))
    inside = (slice(None), slice(8, -8), slice(8, -8))
    np.testing.assert_allclose(rounded[inside], own[inside], rtol=1e-4, atol=1e-9)
    assert np.abs(rounded - own).max() > 1e-6, "at the edges it is another"
    assert not [one for one in model.layers if "call" in vars(one)]
    assert model.get_layer("second").padding == "same"


def test_every_kind_of_model_loses_its_edges_for_the_tile():
    expected = final(zoo.wrap(small(), input_range=(-1, 1)), "second", [0, 3], steps=3)
    for path, twin in kinds().items():
        wrapped = zoo.wrap(twin, input_range=(-1, 1), input_shape=(20, 20, 3))
        got = final(wrapped, path.strip(), [0, 3], steps=3)
        np.testing.assert_allclose(got.values, expected.values, atol=2e-3, err_msg=path)
        assert not [layer for layer in twin._flatten_layers() if "call" in vars(layer)]


@pytest.mark.parametrize(("name", "layer"), LAYERS)
def test_a_pattern_has_no_seam_where_its_tiles_meet(name, layer):
    records = list(patterns.ascend(zoo.load(name), layer, range(3)))
    assert records[6].values.shape[1] == 128
    for one in (records[6], records[-1]):
        assert max(seams(one.values, 64)) < 1.3, one.step


def test_a_filter_that_sees_no_colour_draws_no_colour():
    network = zoo.wrap(small(), input_range=(-1, 1))
    first = network.model.get_layer("first")
    kernel, bias = first.get_weights()
    first.set_weights([np.repeat(kernel.mean(axis=2, keepdims=True), 3, axis=2), bias])
    for parameters in patterns.PARAMETERS:
        pictures = patterns.generate(network, "second", range(4), size=64, parameters=parameters).astype(float)
        cast = pictures.mean(axis=(1, 2)) - pictures.mean(axis=(1, 2, 3))[:, None]
        assert np.abs(cast).max() < 1.5, parameters  # levels of 255


def test_everything_in_the_catalogue_has_a_title_a_line_and_a_source():
    for catalogue in (
        patterns.ABOUT_RECIPES, patterns.OBJECTIVES, patterns.PARAMETERS, patterns.TRANSFORMATIONS,
        patterns.REGULARIZERS, {"diversity": patterns.DIVERSITY},
    ):  # fmt: skip
        for name, about in catalogue.items():
            assert about.title[0].isupper(), name
            assert about.idea, name
            assert not about.idea.endswith("."), name
            assert about.source, name


def test_wrong_choices_of_the_ascent_are_refused_in_a_sentence(network):
    for options, said in (
        ({"objective": "fame"}, "no objective 'fame'; choose one of channel, unit"),
        ({"objective": "mixed"}, "a mixture is of 2 filters, and 1 were given"),
        ({"objective": "direction"}, "a direction in second is 6 numbers"),
        ({"objective": "direction", "direction": np.zeros(6)}, "that are not all zero"),
        ({"objective": "class", "filters": [3]}, "3 was asked for"),
        ({"parameters": "oils"}, "no parameters 'oils'; choose one of pixels, fourier"),
        ({"blur": -1}, "blur cannot be -1"),
        ({"scale": 1.5}, "would shrink a picture to nothing"),
        ({"start": images.sample("cat"), "octaves": 0}, "at 0 sizes"),
    ):
        choices = {"filters": [0]} | options
        with pytest.raises(ConvvizError, match=said):
            patterns.ascend(network, "second", **choices)
    with pytest.raises(ConvvizError, match=r"or to its cell \(99, 99\)"):
        list(patterns.ascend(network, "second", [0], objective="unit", unit=(99, 99), size=32))
    bare = zoo.wrap(keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3, name="only")]))
    with pytest.raises(ConvvizError, match="does not end in classes"):
        patterns.ascend(bare, "", [0], objective="class")
