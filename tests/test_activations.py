"""Feature maps against Keras' own outputs, and the mosaics made of them."""

import io

import keras
import numpy as np
import pytest
from PIL import Image

from convviz import ConvvizError, activations, convolution, images, rendering, zoo


def small():
    keras.utils.set_random_seed(3)
    pixels = keras.Input((20, 20, 3))
    base = keras.Sequential(
        [
            keras.Input((20, 20, 3)),
            keras.layers.Conv2D(5, 3, activation="relu", name="conv"),
            keras.layers.MaxPooling2D(name="pool"),
        ],
        name="base",
    )
    x = keras.layers.Conv2D(7, 3, name="linear")(base(pixels))
    x = keras.layers.ReLU(name="cut")(x)
    return keras.Model(pixels, keras.layers.Dense(2, activation="softmax", name="end")(keras.layers.Flatten()(x)))


@pytest.fixture(scope="module")
def model():
    return small()


@pytest.fixture(scope="module")
def network(model):
    return zoo.wrap(model, input_range=(0, 1))


PICTURE = images.sample("astronaut")
LAYERS = ["base/conv", "base/pool", "linear", "cut"]


def expected_maps(model, batch):
    base = model.get_layer("base")
    conv = base.get_layer("conv")(batch)
    pool = base.get_layer("pool")(conv)
    linear = model.get_layer("linear")(pool)
    return {
        name: maps.numpy()[0]
        for name, maps in zip(LAYERS, [conv, pool, linear, model.get_layer("cut")(linear)], strict=True)
    }


def test_feature_maps_are_keras_own_outputs(model, network):
    expected = expected_maps(model, network.prepare(PICTURE))
    found = activations.feature_maps(network, PICTURE)
    assert list(found) == LAYERS
    for name, maps in found.items():
        assert maps.dtype == np.float32
        np.testing.assert_allclose(maps, expected[name], rtol=1e-5, atol=1e-6)


def test_the_first_kernels_answer_a_grey_picture_as_the_layer_does(model, network):
    path, kernels = activations.first_kernels(network)
    assert (path, kernels.shape) == ("base/conv", (3, 3, 5))
    values = np.random.default_rng(0).random((20, 20)).astype(np.float32)
    layer = model.get_layer("base").get_layer("conv")
    theirs = np.asarray(layer(np.repeat(values[None, ..., None], 3, axis=-1)))[0]
    for index in range(5):
        mine = convolution.convolve(values, kernels[..., index]) + np.asarray(layer.bias)[index]
        np.testing.assert_allclose(np.maximum(mine, 0), theirs[..., index], atol=1e-5)
    dense = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    with pytest.raises(ConvvizError, match="no two-dimensional convolution"):
        activations.first_kernels(dense)


def test_layers_come_in_the_order_asked_for_and_dense_ones_by_name(model, network):
    found = activations.feature_maps(network, PICTURE, ["end", "linear"])
    assert list(found) == ["end", "linear"]
    np.testing.assert_allclose(found["end"], network.predict(PICTURE), rtol=1e-5)


def test_a_real_network_agrees_with_a_keras_submodel():
    network = zoo.load("mnist")
    model = network.model
    submodel = keras.Model(model.inputs[0], [layer.output for layer in model.layers])
    picture = images.sample("digit_5")
    found = activations.feature_maps(network, picture)
    for layer, maps in zip(model.layers, submodel(network.prepare(picture)), strict=True):
        if maps.ndim == 4:
            np.testing.assert_allclose(found[layer.name], maps.numpy()[0], rtol=1e-4, atol=1e-5)


def test_an_expensive_network_is_traced_for_the_layers_asked_for_and_forgets_old_ones(model, network, monkeypatch):
    fresh = zoo.wrap(small(), input_range=(0, 1))
    monkeypatch.setattr(activations, "AT_ONCE", 0)
    monkeypatch.setattr(activations, "_SETS_KEPT", 2)
    expected = activations.feature_maps(network, PICTURE)
    for name in LAYERS:
        np.testing.assert_allclose(activations.feature_maps(fresh, PICTURE, [name])[name], expected[name], rtol=1e-5)
        assert sum(key[0] == "maps" for key in fresh.compiled) <= 2


def test_a_hundred_calls_trace_once_and_leave_the_model_alone(model):
    network = zoo.wrap(small(), input_range=(0, 1))
    activations.feature_maps(network, PICTURE)
    kept = set(network.compiled)
    for number in range(100):
        activations.feature_maps(network, PICTURE, [LAYERS[number % 4]])
    assert set(network.compiled) == kept
    assert not [layer for layer in network.model._flatten_layers() if "call" in vars(layer)]


def test_wrong_layers_channels_and_batches_are_refused(network):
    with pytest.raises(ConvvizError, match="has no layer 'none'; choose another, such as base/conv"):
        activations.feature_maps(network, PICTURE, ["none"])
    with pytest.raises(ConvvizError, match="7 feature maps, counted from 0, and no number 7"):
        activations.channel(network, PICTURE, "linear", 7)
    with pytest.raises(ConvvizError, match="no number -1"):
        activations.channel(network, PICTURE, "linear", -1)
    with pytest.raises(ConvvizError, match="one picture, not of 2"):
        activations.feature_maps(network, np.zeros((2, 20, 20, 3), np.float32))
    with pytest.raises(ConvvizError, match="no feature maps but 2 numbers"):
        activations.mosaics(network, PICTURE, ["end"])


def test_one_channel_is_the_slice(network):
    maps = activations.feature_maps(network, PICTURE)["linear"]
    np.testing.assert_array_equal(activations.channel(network, PICTURE, "linear", 4), maps[..., 4])


def pixels(mosaic):
    return np.asarray(Image.open(io.BytesIO(mosaic.png)))


@pytest.mark.parametrize("scale", rendering.SCALES)
def test_a_mosaic_is_the_rendering_of_the_maps(network, scale):
    found = activations.feature_maps(network, PICTURE)
    for name, one in activations.mosaics(network, PICTURE, columns=3, scale=scale).items():
        np.testing.assert_array_equal(pixels(one), rendering.mosaic(found[name], columns=3, scale=scale))
        assert one.shape == found[name].shape
        assert (one.minimum, one.maximum) == (found[name].min(), found[name].max())


def test_a_mosaic_keeps_to_its_width_and_a_click_still_finds_the_cell(network):
    maps = activations.feature_maps(network, PICTURE, ["linear"])["linear"]
    for widest, tile in ((100, 21), (30, 6), (12, 2), (10_000, 56)):
        one = activations.mosaics(network, PICTURE, ["linear"], columns=4, scale="layer", widest=widest)["linear"]
        assert one.tile == (tile, tile)
        assert pixels(one).shape[1] <= widest
        if one.tile[1] < maps.shape[1]:
            continue
        row, col = np.unravel_index(pixels(one).argmax(), pixels(one).shape)
        channel, y, x = one.at(row, col)
        assert maps[y, x, channel] == maps.max()
        assert one.at(one.tile[0], 0) is None


def test_blank_channels_are_named():
    model = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Conv2D(4, 1, activation="relu", name="c")])
    kernel = np.array([1, -1, 0, 2], np.float32).reshape(1, 1, 1, 4)
    model.set_weights([kernel, np.zeros(4, np.float32)])
    batch = np.random.default_rng(0).random((1, 6, 6, 1), np.float32) + 0.1
    network = zoo.wrap(model)
    assert activations.mosaics(network, batch)["c"].blank == (1, 2)
    assert activations.sparsity(network, batch) == {"c": 0.5}


def test_sparsity_counts_the_zeros_of_rectified_layers_only(network):
    found = activations.feature_maps(network, PICTURE)
    shares = activations.sparsity(network, PICTURE)
    assert list(shares) == ["base/conv", "cut"]
    for name, share in shares.items():
        assert share == pytest.approx((found[name] == 0).mean(), abs=1e-6)


def test_a_leaky_layer_cannot_be_silent_and_is_not_counted():
    parts = [keras.layers.ReLU(name="act"), keras.layers.Conv2D(2, 3), keras.layers.LeakyReLU(name="leaky")]
    parts += [keras.layers.Conv2D(2, 3, activation="elu", name="elu"), keras.layers.ReLU(6.0, name="six")]
    model = keras.Sequential([keras.Input((12, 12, 3)), keras.layers.Conv2D(3, 3), *parts])
    assert list(activations.sparsity(model, PICTURE)) == ["act", "six"]


def test_the_strongest_channel_is_the_one_that_varies_most():
    network, digit = zoo.load("mnist"), images.sample("digit_3")
    maps = activations.feature_maps(network, digit, ["conv2d"])["conv2d"]
    chosen = activations.strongest(network, digit, "conv2d")
    assert all(maps[..., chosen].std() >= maps[..., other].std() for other in range(maps.shape[-1]))
