"""A learned channel beside a kernel: a network whose filters are known must be found to be what it is."""

import keras
import numpy as np
import pytest

from convviz import ConvvizError, kernels, likeness, stimuli, tuning, zoo

NAMES = ("laplacian", "sobel_y", "sobel_x", "box_blur")


@pytest.fixture(scope="module")
def network():
    layer = keras.layers.Conv2D(4, 3, padding="same", name="c", use_bias=False)
    model = keras.Sequential(
        [keras.Input((40, 40, 3)), layer, keras.layers.Conv2D(2, 5, name="d"), keras.layers.Flatten(),
         keras.layers.Dense(2)]
    )  # fmt: skip
    stack = [tuning.over_colours(kernels.KERNELS[name].weights) for name in NAMES]
    layer.set_weights([np.stack(stack, axis=-1)])
    return zoo.wrap(model, input_range=(0, 255))


@pytest.mark.parametrize("name", NAMES)
def test_a_channel_that_is_the_kernel_is_the_likest(network, name):
    sweep = stimuli.sweep("grating", "frequency" if name in ("laplacian", "box_blur") else "angle", steps=12, size=32)
    weights = tuning.over_colours(kernels.KERNELS[name].weights)
    mine = tuning.curve(lambda pictures: tuning.kernel_responses(pictures, weights), sweep).responses
    found = likeness.answers(network, "c", sweep)
    order, alike = likeness.ranked(mine, found.responses)
    assert NAMES[order[0]] == name
    assert alike[order[0]] > 0.99
    path, cosines = likeness.kernel_cosines(network, kernels.KERNELS[name].weights)
    assert path == "c"
    assert NAMES[int(cosines.argmax())] == name
    assert cosines.max() == pytest.approx(1)


@pytest.mark.parametrize("measure", tuning.MEASURES)
def test_answers_are_those_of_keras_in_the_middle_half(network, measure):
    sweep = stimuli.sweep("bar", "width", steps=5, size=32)
    inner = keras.Model(network.model.inputs[0], network.model.get_layer("c").output)
    whole = keras.models.clone_model(inner, input_tensors=keras.Input((None, None, 3)))
    whole.set_weights(inner.get_weights())
    maps = np.asarray(whole(sweep.pictures.astype(np.float32)))[:, 8:24, 8:24]
    expected = {
        "largest": maps.max(axis=(1, 2)),
        "mean of positive": np.maximum(maps, 0).mean(axis=(1, 2)),
        "root mean square": np.sqrt((maps**2).mean(axis=(1, 2))),
    }[measure]
    np.testing.assert_allclose(
        likeness.answers(network, "c", sweep, measure=measure).responses, expected, rtol=1e-4, atol=1e-2
    )


def test_a_kernel_elsewhere_in_the_filter_is_found_and_its_opposite_is_not(network):
    kernel = np.zeros((5, 5), np.float32)
    kernel[2:, :3] = kernels.KERNELS["sobel_x"].weights
    _, cosines = likeness.kernel_cosines(network, kernel)
    assert cosines[2] == pytest.approx(1)
    _, cosines = likeness.kernel_cosines(network, -kernels.KERNELS["laplacian"].weights)
    assert cosines[0] < 0.9


def test_who_answers_to_all_alike_comes_last():
    order, alike = likeness.ranked(np.arange(4.0), np.stack([np.full(4, 7.0), np.arange(4.0), -np.arange(4.0)], axis=1))
    assert order.tolist() == [1, 2, 0]
    assert np.isnan(alike[0])
    assert np.isnan(likeness.ranked(np.ones(4), np.eye(4))[1]).all()


def test_what_cannot_be_asked_is_refused(network):
    sweep = stimuli.sweep("bar", "width", steps=2, size=16)
    with pytest.raises(ConvvizError, match="has no layer 'x' with feature maps"):
        likeness.answers(network, "x", sweep)
    with pytest.raises(ConvvizError, match="cannot be measured by 'x'"):
        likeness.answers(network, "c", sweep, measure="x")


@pytest.mark.parametrize(
    ("sides", "way"),
    [((28, 28), "it takes pictures of 28 × 28 alone, so choose stimuli of 28 pixels"),
     ((28, 20), "it takes pictures of 28 × 20 alone, so choose another network")],
)  # fmt: skip
def test_a_network_of_one_size_says_which_stimuli_it_takes(sides, way):
    parts = [keras.layers.Reshape((*sides, 1)), keras.layers.Conv2D(2, 3, name="c"), keras.layers.Flatten()]
    fixed = zoo.wrap(keras.Sequential([keras.Input(sides), *parts, keras.layers.Dense(2)]))
    sweep = stimuli.sweep("grating", "angle", steps=4, size=32)
    with pytest.raises(ConvvizError, match=way):
        likeness.answers(fixed, "c", sweep)
