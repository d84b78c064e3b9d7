"""Learned kernels: the same numbers as Keras holds, in one order for every kind of layer."""

import io

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from convviz import ConvvizError, filters, rendering


def model_of(layer):
    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input((8, 8, 4)), layer])
    model.set_weights([np.random.default_rng(0).normal(size=one.shape) for one in model.get_weights()])
    return model


@pytest.mark.parametrize(
    ("layer", "order"),
    [
        (layers.Conv2D(5, (3, 2), name="c"), lambda kernel: kernel),
        (layers.DepthwiseConv2D(3, depth_multiplier=2, name="c"), lambda kernel: kernel.reshape(3, 3, 1, 8)),
        (layers.SeparableConv2D(5, 3, name="c"), lambda kernel: kernel.reshape(3, 3, 1, 4)),
        (layers.Conv2DTranspose(5, 3, name="c"), lambda kernel: kernel.transpose(0, 1, 3, 2)),
    ],
)
def test_weights_are_those_of_keras_with_filters_last(layer, order):
    model = model_of(layer)
    numbers, _ = filters.weights(model, "c")
    np.testing.assert_array_equal(numbers, order(model.get_weights()[0]))


def test_a_filter_is_its_stack_of_kernels_with_its_bias():
    model = model_of(layers.Conv2D(5, 3, name="c"))
    kernel, bias = model.get_weights()
    found = filters.one(model, "c", 3)
    np.testing.assert_array_equal(found.kernels, kernel[..., 3])
    assert found.bias == bias[3]
    assert filters.one(model_of(layers.Conv2D(5, 3, use_bias=False, name="c")), "c", 0).bias is None


def test_the_board_shows_every_kernel_of_one_input_channel_on_one_scale():
    model = model_of(layers.Conv2D(5, 3, name="c"))
    kernel = model.get_weights()[0]
    found = filters.board(model, "c", 2, columns=3)
    picture = np.asarray(Image.open(io.BytesIO(found.png)))
    pixel = (picture.shape[1] + 2) // 3 - 2
    colours = rendering.heat(kernel[:, :, 2, 4] / np.abs(kernel).max(), "weights")
    top, left = pixel + 2, pixel + 2
    np.testing.assert_array_equal(picture[top : top + pixel : pixel // 3, left : left + pixel : pixel // 3], colours)
    assert found.limit == pytest.approx(np.abs(kernel).max())
    np.testing.assert_allclose(found.norms, np.sqrt((kernel**2).sum(axis=(0, 1, 2))), rtol=1e-6)


def test_one_kernel_that_is_many_times_the_others_does_not_make_them_pale():
    model = model_of(layers.Conv2D(5, 3, name="c"))
    kernel, bias = model.get_weights()
    kernel = np.clip(kernel, -1, 1)
    kernel[..., 1] *= 40 / np.abs(kernel[..., 1]).max()
    model.set_weights([kernel, bias])
    found = filters.board(model, "c", 2, columns=3)
    assert found.own == {1: pytest.approx(40)}
    assert found.limit == pytest.approx(np.abs(kernel[..., [0, 2, 3, 4]]).max())
    picture = np.asarray(Image.open(io.BytesIO(found.png)))
    pixel = (picture.shape[1] + 2) // 3 - 2
    for col, limit in ((0, found.limit), (1, 40.0)):
        drawn = picture[: pixel : pixel // 3, col * (pixel + 2) : col * (pixel + 2) + pixel : pixel // 3]
        np.testing.assert_array_equal(drawn, rendering.heat(kernel[:, :, 2, col] / limit, "weights"))


def test_a_kernel_four_times_the_median_or_less_is_on_the_scale_of_all():
    kernel = np.ones((3, 3, 1, 3), np.float32) * np.float32([1, 4, 0.5])
    assert filters.scales(kernel) == (4.0, {})
    assert filters.scales(kernel * np.float32([1, 1.01, 1])) == (1.0, {1: pytest.approx(4.04)})
    assert filters.scales(np.zeros((3, 3, 1, 2), np.float32)) == (1.0, {})
    kernel[0, 0, 0, 0] = np.nan
    assert filters.scales(kernel) == (4.0, {})


def test_what_parts_two_kernels_is_no_colour_of_a_weight():
    picture = filters.tiled(np.zeros((3, 3, 2)), 1.0, 2)
    gap = picture[0, (picture.shape[1] - 2) // 2]
    contrast = np.abs(rendering.TABLES["weights"].astype(int) - gap).max(axis=1).min()
    assert contrast > 25
    zero = rendering.heat(np.zeros((1, 1)), "weights")[0, 0].astype(int)
    assert np.abs(zero - gap).min() > 80, "a row of zeros must not look like one strip"


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda model: filters.weights(model, "x"), "has no layer 'x'"),
        (lambda model: filters.board(model, "c", 4), "reads 4 channels, counted from 0, and no number 4"),
        (lambda model: filters.one(model, "c", -1), "has 5 filters, counted from 0, and no number -1"),
    ],
)
def test_what_is_not_there_is_refused(ask, sentence):
    with pytest.raises(ConvvizError, match=sentence):
        ask(model_of(layers.Conv2D(5, 3, name="c")))


def test_a_layer_without_kernels_says_so():
    with pytest.raises(ConvvizError, match="c is a MaxPooling2D layer, which has no kernels"):
        filters.weights(model_of(layers.MaxPooling2D(name="c")), "c")


def test_the_figures_are_those_of_the_weights():
    model = model_of(layers.Conv2D(5, 3, name="c"))
    kernel, bias = model.get_weights()
    kernel[..., 4] = kernel[..., 1] * 3 + 1e-3
    kernel[0, 0, 0, 0] = 0
    model.set_weights([kernel, bias])
    found = filters.statistics(model, "c")
    assert (found.count, found.minimum, found.maximum) == (kernel.size, kernel.min(), kernel.max())
    assert found.mean == pytest.approx(kernel.mean(), abs=1e-6)
    assert found.deviation == pytest.approx(kernel.std(), abs=1e-6)
    assert found.small == pytest.approx((np.abs(kernel) < 0.01 * np.abs(kernel).max()).mean())
    assert found.counts.sum() == kernel.size
    assert found.alike[:2] == (1, 4)
    assert found.alike[2] == pytest.approx(1, abs=1e-4)
    assert found.biases == pytest.approx((bias.min(), bias.mean(), bias.max()))
    model.set_weights([kernel * np.nan, bias])
    assert filters.statistics(model, "c").alike is None
    assert filters.statistics(model_of(layers.Conv2D(1, 1, use_bias=False, name="c")), "c").biases is None
