"""One cell taken apart, for each kind of layer, against the number that Keras itself computes."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from convviz import ConvvizError, convolution, images, microscope, pooling, tracing, zoo

SHAPE = (9, 11, 3)
PICTURE = images.sample("cat")


def model_of(*parts, shape=SHAPE):
    keras.utils.set_random_seed(7)
    model = keras.Sequential([keras.Input(shape), *parts])
    rng = np.random.default_rng(7)
    model.set_weights(
        [rng.uniform(0.1, 1, one.shape) * rng.choice([-1, 1], one.shape[-1:]) for one in model.get_weights()]
    )
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_variance.assign(np.abs(layer.moving_variance))
    return model


def joined(kind):
    keras.utils.set_random_seed(7)
    pictures = keras.Input(SHAPE)
    one = layers.Conv2D(4, 3, padding="same", name="one")(pictures)
    other = layers.Conv2D(4, 1, name="other")(pictures)
    return keras.Model(pictures, kind(name="last")([one, other]))


KINDS = {
    "conv": lambda: model_of(layers.Conv2D(4, 3, name="last")),
    "conv same stride": lambda: model_of(
        layers.Conv2D(4, (3, 2), strides=2, padding="same", activation="relu", name="last")
    ),
    "conv dilated": lambda: model_of(
        layers.Conv2D(4, 3, dilation_rate=2, padding="same", activation="tanh", name="last")
    ),
    "conv in groups": lambda: model_of(layers.Conv2D(4, 1), layers.Conv2D(6, 3, groups=2, name="last")),
    "transposed": lambda: model_of(layers.Conv2D(5, 1), layers.Conv2DTranspose(4, 3, strides=2, name="last")),
    "transposed same": lambda: model_of(
        layers.Conv2DTranspose(4, (5, 4), strides=(2, 3), padding="same", activation="softmax", name="last")
    ),
    "transposed with room": lambda: model_of(
        layers.Conv2DTranspose(4, 3, strides=2, padding="same", output_padding=1, use_bias=False, name="last")
    ),
    "transposed with gaps": lambda: model_of(layers.Conv2DTranspose(4, 2, strides=3, activation="relu", name="last")),
    "transposed norm": lambda: model_of(
        layers.Conv2DTranspose(4, 3, strides=2, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(name="last"),
    ),
    "conv softmax": lambda: model_of(layers.Conv2D(4, 3, activation="softmax", use_bias=False, name="last")),
    "depthwise": lambda: model_of(
        layers.DepthwiseConv2D(3, depth_multiplier=2, strides=2, padding="same", name="last")
    ),
    "separable": lambda: model_of(layers.SeparableConv2D(5, 3, depth_multiplier=2, activation="relu", name="last")),
    "max": lambda: model_of(layers.Conv2D(4, 1), layers.MaxPooling2D(2, padding="same", name="last")),
    "average": lambda: model_of(
        layers.Conv2D(4, 1), layers.AveragePooling2D((2, 3), strides=2, padding="same", name="last")
    ),
    "global average": lambda: model_of(layers.Conv2D(4, 1), layers.GlobalAveragePooling2D(name="last")),
    "global max": lambda: model_of(layers.Conv2D(4, 1), layers.GlobalMaxPooling2D(name="last")),
    "dense": lambda: model_of(layers.Flatten(), layers.Dense(4, activation="softmax", name="last")),
    "dense of maps": lambda: model_of(layers.Dense(4, activation="sigmoid", name="last")),
    "conv norm relu": lambda: model_of(
        layers.Conv2D(4, 3, use_bias=False),
        layers.BatchNormalization(),
        layers.Dropout(0.5),
        layers.ReLU(6, name="last"),
    ),
    "zeros around": lambda: model_of(layers.Conv2D(4, 1), layers.ZeroPadding2D(((1, 0), (2, 1)), name="last")),
    "flat": lambda: model_of(layers.Conv2D(4, 1), layers.Flatten(name="last")),
    "flat twice": lambda: model_of(layers.Flatten(), layers.Flatten(name="last")),
    "rescaled": lambda: model_of(layers.Rescaling(2.5, -1, name="last")),
    "rescaled by channel": lambda: model_of(layers.Rescaling([2.5, 1, 3], [-1, 0, 2], name="last")),
    "norm first": lambda: model_of(layers.BatchNormalization(name="last")),
    "norm bare": lambda: model_of(
        layers.Conv2D(4, 3), layers.BatchNormalization(scale=False, center=False, name="last")
    ),
    "activation": lambda: model_of(layers.Conv2D(4, 3), layers.Activation("silu", name="last")),
    "leaky": lambda: model_of(layers.Conv2D(4, 3), layers.LeakyReLU(0.1, name="last")),
    "softmax layer": lambda: model_of(layers.Conv2D(4, 3), layers.Softmax(name="last")),
    **{
        kind.__name__: (lambda kind=kind: joined(kind))
        for kind in (
            layers.Add,
            layers.Subtract,
            layers.Multiply,
            layers.Average,
            layers.Maximum,
            layers.Minimum,
            layers.Concatenate,
        )
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_arithmetic_ends_in_the_number_that_keras_computes(kind):
    model = KINDS[kind]()
    network = zoo.wrap(model)
    batch = network.prepare(PICTURE)
    answer = np.asarray(model(batch))[0]
    height, width = (answer.shape[0], answer.shape[1]) if answer.ndim == 3 else (0, 0)
    corners = [(0, 0), (height - 1, width - 1), (height // 2, 1), (height // 2 + 1, 2)] if height else [()]
    for channel in range(0, answer.shape[-1], 2):
        for corner in corners:
            cell = microscope.look(network, PICTURE, "last", channel, *corner)
            expected = float(answer[(*corner, channel)])
            assert cell.value == pytest.approx(expected, rel=1e-4, abs=1e-6)
            assert cell.computed == pytest.approx(expected, rel=1e-4, abs=1e-5)
            assert cell.steps[-1].value == cell.computed
            assert cell.difference < 1e-4 * max(1, abs(expected))


def test_the_steps_name_sum_bias_normalization_and_activation_in_order():
    model = model_of(layers.Conv2D(4, 3, name="c"), layers.BatchNormalization(name="n"), layers.ReLU(name="r"))
    cell = microscope.look(model, PICTURE, "r", 1, 2, 3)
    assert [(step.layer, step.what) for step in cell.steps] == [
        ("c", "sum"), ("c", "bias"), ("n", "batch normalization"), ("r", "activation"),
    ]  # fmt: skip
    assert cell.taps.layer == "c"
    assert cell.taps.sums().sum() == pytest.approx(cell.steps[0].value, rel=1e-5)


def test_the_window_is_what_the_layer_read_with_zeros_outside():
    network = zoo.wrap(model_of(layers.Conv2D(4, 3, padding="same", name="last")))
    batch = network.prepare(PICTURE)[0]
    taps = microscope.look(network, PICTURE, "last", 0, 0, 0).taps
    assert taps.window == (-1, -1, 2, 2)
    np.testing.assert_array_equal(taps.values, np.pad(batch[:2, :2], ((1, 0), (1, 0), (0, 0))))
    assert taps.inside.tolist() == [[False, False, False], [False, True, True], [False, True, True]]


def test_of_a_transposed_convolution_the_cells_are_read_whose_kernels_reach_this_one():
    model = model_of(layers.Conv2DTranspose(4, 3, strides=2, name="last"))
    network, kernel = zoo.wrap(model), model.get_layer("last").get_weights()[0]
    batch = network.prepare(PICTURE)[0]
    taps = microscope.look(network, PICTURE, "last", 1, 4, 7).taps
    assert taps.window == (1, 3, 3, 4), "rows 1 and 2 lay down rows 2 to 4 and 4 to 6, column 3 columns 6 to 8"
    np.testing.assert_array_equal(taps.values, batch[1:3, 3:4])
    np.testing.assert_array_equal(taps.weights, kernel[[2, 0], 1:2, 1])
    alone = microscope.look(model_of(layers.Conv2DTranspose(4, 2, strides=3, name="last")), PICTURE, "last", 0, 2, 2)
    assert alone.taps is None
    assert [step.what for step in alone.steps] == ["sum", "bias"]
    assert alone.steps[0].formula == "no kernel that is laid down reaches this cell"


def test_the_gradient_is_tensorflows_and_lies_within_the_receptive_field():
    model = model_of(layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D(2), layers.Conv2D(4, 3, name="last"))
    network = zoo.wrap(model)
    cell = microscope.look(network, PICTURE, "last", 2, 0, 1)
    batch = tf.constant(network.prepare(PICTURE))
    with tf.GradientTape() as tape:
        tape.watch(batch)
        number = model(batch)[0, 0, 1, 2]
    np.testing.assert_allclose(cell.gradient, np.abs(tape.gradient(number, batch)[0]).sum(-1), rtol=1e-4, atol=1e-6)
    top, left, bottom, right = cell.field
    outside = cell.gradient.copy()
    outside[top:bottom, left:right] = 0
    assert not outside.any()
    assert cell.gradient.any()


STAGED = [
    "conv", "conv same stride", "conv dilated", "conv in groups", "depthwise", "separable", "max", "average",
    "conv norm relu", "transposed", "transposed same", "transposed norm",
]  # fmt: skip


@pytest.mark.parametrize("kind", STAGED)
def test_the_channels_that_a_window_goes_over_add_up_to_the_layers_own_numbers(kind):
    model = KINDS[kind]()
    network = zoo.wrap(model)
    channel = 3
    cell = microscope.look(network, PICTURE, "last", channel, 1, 2)
    layer = model.get_layer(cell.taps.layer)
    until = keras.Model(model.inputs[0], layer.output)
    activation = getattr(layer, "activation", None)
    if activation is not None:
        layer.activation = keras.activations.linear
        until = keras.Model(model.inputs[0], layer(layer.input))
    expected = np.asarray(until(network.prepare(PICTURE)))[0, ..., channel]
    stages = [microscope.stage(network, PICTURE, "last", channel, one) for one in cell.taps.channels]
    assert [one.channel for one in stages] == list(cell.taps.channels)
    assert all(one.whole == (len(stages) == 1) for one in stages)
    if stages[0].kind == "pooling":
        found = pooling.pool(stages[0].source, **stages[0].settings)
    else:
        slide = convolution.transpose if stages[0].kind == "transposed" else convolution.convolve
        found = sum(slide(one.source, one.weights, **one.settings) for one in stages)
        whole = len(stages) == 1
        found = found + (stages[0].bias if whole or not layer.use_bias else float(np.asarray(layer.bias)[channel]))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "kind",
    ["dense", "global max", "norm first", "Add", "Concatenate", "flat", "transposed with room"],
)
def test_what_has_no_window_has_no_stage(kind):
    assert microscope.stage(zoo.wrap(KINDS[kind]()), PICTURE, "last", 0) is None


def test_without_a_cell_the_strongest_is_taken():
    network = zoo.load("shapes")
    cell = microscope.look(network, images.sample("shapes"), "block2_relu1")
    from convviz import activations

    maps = activations.feature_maps(network, images.sample("shapes"), ["block2_relu1"])["block2_relu1"]
    assert cell.value == pytest.approx(float(maps.max()), rel=1e-4)
    assert maps[cell.row, cell.col, cell.channel] == maps.max()


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (("nowhere",), "has no layer 'nowhere'"),
        (("last", 4), "4 channels, counted from 0, and no number 4"),
        (("last", 0, 99, 0), r"7 x 9 cells, and none at \(99, 0\)"),
    ],
)
def test_what_is_not_there_is_refused_in_one_sentence(wanted, sentence):
    with pytest.raises(ConvvizError, match=sentence):
        microscope.look(zoo.wrap(KINDS["conv"]()), PICTURE, *wanted)


def test_a_layer_of_another_kind_says_that_it_is_not_taken_apart_but_shows_field_and_gradient():
    model = model_of(layers.UpSampling2D(2, name="last"))
    cell = microscope.look(model, PICTURE, "last", 0, 4, 4)
    assert cell.computed is None
    assert cell.note == "what a UpSampling2D layer does is not taken apart here"
    assert cell.gradient.any()


def test_nothing_is_left_on_the_model():
    model = KINDS["conv norm relu"]()
    before = [one.copy() for one in model.get_weights()]
    network = zoo.wrap(model)
    for row in range(4):
        microscope.look(network, PICTURE, "last", 0, row, 0)
    assert not [path for path, layer in tracing.leaves(model).items() if "call" in vars(layer)]
    assert all((one == other).all() for one, other in zip(before, model.get_weights(), strict=True))
    assert len([key for key in network.compiled if key[0] == "microscope"]) == 1


def test_a_layer_that_is_called_twice_says_so_and_shows_its_last_call():
    shared = layers.Conv2D(3, 3, padding="same", name="shared")
    picture = keras.Input((10, 10, 3))
    last = shared(layers.Activation("tanh")(shared(picture)))
    model = keras.Model(picture, layers.Dense(2, name="classes")(layers.GlobalAveragePooling2D()(last)))
    network, cat = zoo.wrap(model), images.sample("cat")
    cell = microscope.look(network, cat, "shared", 1, 2, 3)
    expected = keras.Model(picture, last)(network.prepare(cat))[0, 2, 3, 1]
    assert cell.calls == 2
    assert cell.value == pytest.approx(float(expected), abs=1e-5)
    assert microscope.look(network, cat, "classes", 0).calls == 1


NEGATIVE = re.compile(r"[+−·] −")  # an operator and at once the minus of a number


@pytest.mark.parametrize("joint", ["Add", "Subtract", "Multiply", "Average"])
def test_a_negative_number_behind_an_operator_stands_in_brackets(joint):
    picture = keras.Input((6, 6, 3))
    both = [layers.Rescaling(-1.0, name=name)(picture) for name in ("one", "two")]
    joined = getattr(layers, joint)(name="both")(both)
    after = layers.BatchNormalization(name="norm", gamma_initializer=keras.initializers.Constant(-2.0))(joined)
    model = keras.Model(picture, layers.Dense(2)(layers.GlobalAveragePooling2D()(layers.Rescaling(-3.0)(after))))
    for layer in ("both", "norm", zoo.wrap(model).card.layers[-3].name):
        for step in microscope.look(model, images.sample("cat"), layer, 1, 2, 3).steps:
            assert not NEGATIVE.search(step.formula), step.formula
    assert "(−" in microscope.look(model, images.sample("cat"), "both", 1, 2, 3).steps[0].formula


def mended(value):
    """Two networks that differ in one weight of another filter than 0: NaN or infinite, and a number."""
    made = []
    for weight in (value, 0.5):
        keras.utils.set_random_seed(6)
        second = layers.Conv2D(8, 3, activation="relu", name="second")
        model = keras.Sequential(
            [keras.Input((20, 20, 3)), layers.Conv2D(6, 3, activation="relu"), layers.MaxPooling2D(), second,
             layers.Flatten(), layers.Dense(2)]
        )  # fmt: skip
        kernel, bias = second.get_weights()
        kernel[1, 1, 0, 2] = weight
        second.set_weights([kernel, bias])
        made.append(model)
    return made


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_weight_of_another_filter_that_is_no_number_is_not_in_the_gradient(value):
    broken, sound = mended(value)
    picture = images.sample("cat")
    cell, whole = (microscope.look(zoo.wrap(one), picture, "second", 0) for one in (broken, sound))
    assert (cell.row, cell.col) == (whole.row, whole.col)
    np.testing.assert_allclose(cell.gradient, whole.gradient, atol=1e-6)
    assert whole.gradient.any()
    top, left, bottom, right = cell.field
    outside = np.ones(cell.gradient.shape, bool)
    outside[top:bottom, left:right] = False
    assert not cell.gradient[outside].any()
    weights = broken.get_layer("second").get_weights()[0]
    assert not np.isfinite(weights).all(), "the model is left as it was"
    assert not np.isfinite(microscope.look(zoo.wrap(broken), picture, "second", 2, 3, 3).gradient).all()
