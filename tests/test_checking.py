"""What the Check button says: small where we are right, large where somebody broke something."""

import keras
import numpy as np
import pytest

from convviz import (
    ConvvizError,
    activations,
    attribution,
    checking,
    convolution,
    images,
    kernels,
    pooling,
    surgery,
    zoo,
)
from tests.test_surgery import CAT, MODELS, wrapped

CHOICES = [
    {},
    {"stride": 2, "padding": "same"},
    {"stride": (2, 3), "padding": ((3, 0), (1, 2)), "padding_mode": "reflect"},
    {"stride": 2, "padding": "same", "dilation": (2, 3), "padding_mode": "replicate"},
    {"padding": 2, "dilation": 2, "padding_mode": "circular", "flip": True},
]
SHAPES = [((9, 11), (3, 3)), ((9, 11, 3), (2, 3)), ((9, 11, 3), (3, 2, 3)), ((9, 11, 2), (3, 3, 2, 5))]


@pytest.mark.parametrize("choices", CHOICES)
@pytest.mark.parametrize("shapes", SHAPES)
def test_convolutions_agree_with_keras_for_every_kind_of_weights(choices, shapes):
    rng = np.random.default_rng(1)
    image, weights = (rng.normal(size=shape).astype(np.float32) for shape in shapes)
    check = checking.convolve(image, weights, **choices)
    assert check.numbers == convolution.convolve(image, weights, **choices).size
    assert check.difference < 1e-5 * max(1, check.largest)


@pytest.mark.parametrize("mode", ["max", "average"])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_poolings_agree_with_keras(mode, padding):
    image = np.random.default_rng(2).normal(size=(9, 11, 3)).astype(np.float32)
    for size, stride in ((2, None), (3, 2), ((3, 2), (1, 2))):
        assert checking.pool(image, size, stride=stride, padding=padding, mode=mode).difference < 1e-6
    assert checking.pool(image[..., 0], 2, padding=padding, mode=mode).numbers > 0


@pytest.mark.parametrize(
    "shapes", [((5, 6), (3, 3)), ((5, 6, 3), (3, 2)), ((5, 6, 3), (3, 3, 3)), ((5, 6, 2), (3, 3, 4, 2))]
)
def test_transposed_convolutions_agree_with_keras(shapes):
    rng = np.random.default_rng(3)
    image, weights = (rng.normal(size=shape).astype(np.float32) for shape in shapes)
    for choices in ({}, {"stride": 2}, {"stride": (2, 3), "padding": "same"}):
        assert checking.transpose(image, weights, **choices).difference < 1e-5


def test_a_wrong_convolution_is_found(monkeypatch):
    right = convolution.convolve
    monkeypatch.setattr(convolution, "convolve", lambda *a, **k: right(*a, **{**k, "flip": True}))
    check = checking.convolve(images.grey(images.sample("cat")), kernels.KERNELS["sobel_x"].weights)
    assert check.difference > 100


def test_a_wrong_pooling_is_found(monkeypatch):
    right = pooling.pool
    monkeypatch.setattr(pooling, "pool", lambda *a, **k: right(*a, **{**k, "mode": "average"}))
    assert checking.pool(images.grey(images.sample("cat")), 2).difference > 1


def test_nan_agrees_with_nan_alone():
    row = np.array([np.nan, 1, np.inf])
    assert checking.compare(row, row).difference == 0
    assert checking.compare(row, np.array([0, 1, np.inf])).difference == np.inf
    assert str(checking.compare(np.array([2.0]), np.array([2.5]))) == (
        "Keras computes the same one number to within 0.5, on values up to 2."
    )
    with pytest.raises(ValueError, match="shape"):
        checking.compare(np.zeros(2), np.zeros(3))


@pytest.mark.parametrize(("name", "layers"), [("mnist", ["conv2d", "conv2d_2"]), ("shapes", ["block2_relu1"])])
def test_feature_maps_agree_with_a_plain_call(name, layers):
    check = checking.feature_maps(zoo.load(name), images.sample("digit_7"), layers)
    assert 0 <= check.difference < 1e-5 * max(1, check.largest)


@pytest.mark.parametrize(("name", "target"), [("mnist", 7), ("cats_and_dogs", 0), ("cats_and_dogs", 1), ("shapes", 3)])
@pytest.mark.parametrize("signed", [False, True])
def test_grad_cam_agrees_with_the_lectures_steps(name, target, signed):
    network = zoo.load(name)
    check = checking.grad_cam(network, images.sample("cat"), target, layer=network.card.explained_layer, signed=signed)
    assert check.difference < 1e-4
    assert check.largest == pytest.approx(1, abs=1e-6) or not signed


def test_wrong_feature_maps_and_a_wrong_heat_map_are_found(monkeypatch):
    network, picture = zoo.load("mnist"), images.sample("digit_7")
    right = activations.feature_maps
    monkeypatch.setattr(activations, "feature_maps", lambda *a: {k: v + 0.5 for k, v in right(*a).items()})
    assert checking.feature_maps(network, picture, ["conv2d"]).difference == pytest.approx(0.5, abs=1e-4)
    monkeypatch.setattr(attribution, "grad_cam", attribution.layer_cam)
    assert checking.grad_cam(network, picture, 7, layer="conv2d_2").difference > 0.01


def test_a_network_whose_end_cannot_be_told_is_refused_in_one_sentence():
    inputs = keras.Input((8, 8, 1))
    maps = keras.layers.Conv2D(2, 3, name="conv")(inputs)
    ends = keras.layers.Lambda(lambda one: keras.ops.softmax(keras.ops.mean(one, (1, 2))), name="end")(maps)
    with pytest.raises(ConvvizError, match="Lambda"):
        checking.grad_cam(keras.Model(inputs, ends), np.zeros((8, 8, 3), np.uint8), 0, layer="conv")


EDITS = (
    "mute=conv2d_1:5; scale=conv2d_1:7:-2.5; copy=conv2d:1:4; "
    "scale=conv2d:0,1,0,3:4; set=conv2d_1:b2:0.5; mute=dense_1:b3"
)


@pytest.mark.parametrize(("view", "channel"), [("conv2d_2", 9), ("conv2d_1", 7), ("dense", 4)])
def test_a_knock_out_agrees_with_a_plain_call_whose_numbers_are_edited(view, channel):
    network = zoo.load("mnist")
    edits = surgery.read(network, EDITS).edits
    assert len(edits) == 6
    before = [one.copy() for one in network.model.get_weights()]
    check = checking.knock_out(network, images.sample("digit_3"), edits, view=view, channel=channel)
    size = 1 if view == "dense" else np.prod(network.card.layer(view).output_shape[:2])
    assert check.numbers == 2 * (10 + size)
    assert check.difference < 1e-5 * max(1, check.largest)
    assert all((one == other).all() for one, other in zip(before, network.model.get_weights(), strict=True))


@pytest.mark.parametrize("name", ["cats_and_dogs", "shapes"])
def test_a_knock_out_agrees_also_of_one_sigmoid_and_of_normalized_maps(name):
    network = zoo.load(name)
    layer = network.card.explained_layer
    edits = [surgery.Edit("mute", layer, (0,)), surgery.Edit("set", layer, (1,), 2.0)]
    check = checking.knock_out(network, images.sample("cat"), edits, view=layer, channel=1)
    assert check.difference < 1e-4 * max(1, check.largest)


@pytest.mark.parametrize("kind", ["picture and numbers", "two pictures", "channels first", "half precision"])
def test_checks_work_on_networks_of_every_kind(kind):
    network = wrapped(MODELS[kind])
    first, last = network.card.layers[0].name, network.card.explained_layer
    convolution_ = next(one.name for one in network.card.layers if one.kind == "Conv2D")
    edits = [surgery.Edit("set", convolution_, (0,), 0.4, bias=True), surgery.Edit("copy", last, (0,), 1)]
    found = [
        checking.feature_maps(network, CAT, [first, last]),
        checking.knock_out(network, CAT, edits, view=last, channel=0),
        checking.grad_cam(network, CAT, 1, layer=last),
    ]
    assert max(one.difference for one in found) < (5e-3 if kind == "half precision" else 1e-5)


def test_the_explained_output_of_several_is_checked_also_where_it_is_not_the_last():
    pictures = keras.Input((16, 16, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, name="c")(pictures))
    kind, age = keras.layers.Dense(3, activation="softmax", name="kind")(pooled), keras.layers.Dense(1)(pooled)
    network = zoo.wrap(keras.Model(pictures, {"kind": kind, "age": age}), output="kind")
    assert checking.grad_cam(network, CAT, 1, layer="c").difference < 1e-5


def test_a_wrong_edit_is_found(monkeypatch):
    network, edit = zoo.load("mnist"), surgery.Edit("mute", "conv2d_1", (5,))
    right = surgery.operate
    other = surgery.Edit("mute", "conv2d_1", (6,))
    monkeypatch.setattr(surgery, "operate", lambda network, picture, _, **k: right(network, picture, [other], **k))
    check = checking.knock_out(network, images.sample("digit_3"), [edit], view="conv2d_1", channel=5)
    assert check.difference > 0.01
