"""Receptive fields against what gradients really reach, and against published numbers."""

from fractions import Fraction
from math import ceil

import keras
import numpy as np
import pytest
import tensorflow as tf

from convviz import ConvvizError, receptive_field
from convviz.receptive_field import Window, from_windows, receptive_fields

layers = keras.layers


def reached(model, row, col):
    """Rows and columns of the input that a unit of the last layer depends on, as (top, left, bottom, right)."""
    for weights in model.weights:  # all positive: nothing cancels
        weights.assign(np.random.default_rng(0).uniform(0.5, 1, weights.shape))
    picture = tf.ones((1, *model.input_shape[1:]))
    with tf.GradientTape() as tape:
        tape.watch(picture)
        unit = tf.reduce_sum(model(picture)[0, row, col])
    moved = np.abs(tape.gradient(unit, picture).numpy()[0].sum(axis=-1))
    seen = np.argwhere(moved > 1e-6 * moved.max())  # where a resizing's weight is 0, its arithmetic leaves a trace
    return (*seen.min(axis=0).tolist(), *(seen.max(axis=0) + 1).tolist()) if len(seen) else None


def assert_seen_by_gradients(model, *, slack=0):
    """Units in the middle whose window lies inside the picture see exactly that; the others nothing outside of theirs.

    At a map's border, where a layer before dropped the rest of the picture, there is padding instead of that rest.
    """
    field = receptive_field.receptive_field(model, model.layers[-1].name)
    height, width = model.input_shape[1:3]
    rows, columns = model.output_shape[1:3]
    inside = 0
    middle = {(rows // 2, columns // 2), (rows // 2, columns // 3)}
    for row, col in middle | {(0, 0), (rows - 1, columns - 1)}:
        told, found = field.window(row, col), reached(model, row, col)
        if found is None:  # padding alone
            continue
        assert told[0] <= found[0]
        assert told[1] <= found[1]
        assert told[2] >= found[2]
        assert told[3] >= found[3]
        fits = told[0] >= 0 and told[1] >= 0 and told[2] <= height and told[3] <= width
        if fits and (row, col) in middle:
            inside += 1
            assert max(abs(a - b) for a, b in zip(told, found, strict=True)) <= slack
    return inside


def any_layer(rng):
    """A random layer with a window."""
    kernel, stride = (int(n) for n in rng.integers(1, 5, 2)), tuple(int(n) for n in rng.integers(1, 4, 2))
    kernel, padding = tuple(kernel), ("valid", "same")[rng.integers(2)]
    dilation = tuple(int(n) for n in rng.integers(1, 4, 2))
    return [
        lambda: layers.Conv2D(2, kernel, stride, padding, use_bias=False),
        lambda: layers.Conv2D(2, kernel, 1, padding, dilation_rate=dilation, activation="relu"),
        lambda: layers.DepthwiseConv2D(kernel, (stride[0],) * 2, padding),
        lambda: layers.SeparableConv2D(3, kernel, (stride[1],) * 2, padding),
        lambda: layers.AveragePooling2D(kernel, stride, padding),
        lambda: layers.ZeroPadding2D(((1, 2), (0, 3))),
        lambda: layers.Cropping2D(((1, 0), (2, 1))),
        lambda: layers.BatchNormalization(),
    ][rng.integers(8)]()


def test_units_see_what_gradients_reach_through_random_stacks():
    rng = np.random.default_rng(0)
    inside = built = 0
    while built < 20:
        sizes = [int(n) for n in rng.integers(30, 60, 2)]
        try:
            model = keras.Sequential([keras.Input((*sizes, 1)), *(any_layer(rng) for _ in range(rng.integers(1, 6)))])
        except ValueError:  # nothing is left of the picture
            continue
        built += 1
        inside += assert_seen_by_gradients(model)
    assert inside > 20


def test_a_maximum_sees_what_a_mean_sees():
    fields = [
        receptive_field.receptive_field(
            keras.Sequential([keras.Input((31, 31, 1)), layers.Conv2D(1, 3), pooling(3, 2, "same", name="last")]),
            "last",
        )
        for pooling in (layers.MaxPooling2D, layers.AveragePooling2D)
    ]
    assert fields[0] == fields[1]


def test_branches_and_skips_count_together():
    picture = keras.Input((40, 44, 1))
    stem = layers.Conv2D(2, 3, padding="same")(picture)
    far = layers.Conv2D(2, (7, 1), padding="same")(stem)
    wide = layers.Conv2D(2, (1, 3), dilation_rate=(1, 4), padding="same")(stem)
    joined = layers.Concatenate()([layers.Add()([far, stem]), keras.ops.relu(wide) * 2.0])
    model = keras.Model(picture, layers.AveragePooling2D(2, name="last")(joined))
    assert receptive_field.receptive_field(model, "last").size == (10, 12)
    assert assert_seen_by_gradients(model) == 2


def test_same_padding_follows_the_size_of_the_picture():
    for size, offset in [(10, 0), (11, -1)]:
        model = keras.Sequential([keras.Input((size, size, 1)), layers.Conv2D(1, 3, 2, "same", name="last")])
        assert receptive_field.receptive_field(model, "last").offset == (offset, offset)
        assert_seen_by_gradients(model)


def test_a_model_that_takes_any_size_is_told_one():
    model = keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(1, 3, 2, "same", name="last")])
    assert receptive_field.receptive_field(model, "last").offset == (0, 0)
    assert receptive_field.receptive_field(model, "last", input_size=(11, 10)).offset == (-1, 0)


def test_layers_inside_models_inside_models_have_paths():
    block = keras.Sequential([keras.Input((20, 20, 2)), layers.Conv2D(2, 3, name="inner")], name="block")
    picture = keras.Input((24, 24, 1))
    base = keras.Model(picture, block(layers.Conv2D(2, 5, name="first")(picture)), name="base")
    model = keras.Sequential([keras.Input((24, 24, 1)), base, layers.AveragePooling2D(2, name="last")])
    assert receptive_field.receptive_field(model, "base/first").size == (5, 5)
    assert receptive_field.receptive_field(model, "base/block/inner").size == (7, 7)
    assert assert_seen_by_gradients(model) > 0
    assert set(receptive_fields(model)) >= {"base/first", "base/block/inner", "last"}


def test_whole_maps_are_seen_after_flattening_pooling_and_squeezing():
    picture = keras.Input((12, 16, 1))
    maps = layers.Conv2D(2, 3, name="maps")(picture)
    gate = layers.Conv2D(2, 1)(layers.GlobalAveragePooling2D(keepdims=True)(maps))
    excited = layers.Conv2D(2, 3, name="excited")(layers.Multiply()([maps, gate]))
    model = keras.Model(picture, layers.Dense(3, name="last")(layers.Flatten()(excited)))
    for name in ("excited", "last"):
        field = receptive_field.receptive_field(model, name)
        assert field.window(3, 5) == field.window(0, 0) == (0, 0, 12, 16)
    open_model = keras.Sequential([keras.Input((None, None, 1)), layers.GlobalMaxPooling2D(name="all")])
    with pytest.raises(ConvvizError, match="input_size"):
        receptive_field.receptive_field(open_model, "all")
    assert receptive_field.receptive_field(open_model, "all", input_size=9).size == (9, 9)


def test_a_layer_that_mixes_places_sees_whole_maps_and_one_that_mixes_channels_does_not():
    for layer, size in [
        (layers.LayerNormalization(axis=[1, 2, 3], name="last"), (10, 12)),
        (layers.LayerNormalization(name="last"), (3, 3)),
        (layers.GroupNormalization(1, name="last"), (10, 12)),
        (layers.Softmax(name="last"), (3, 3)),
    ]:
        model = keras.Sequential([keras.Input((10, 12, 1)), layers.Conv2D(2, 3), layer])
        assert receptive_field.receptive_field(model, "last").size == size


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_enlarged_maps_step_by_fractions(interpolation):
    model = keras.Sequential(
        [
            keras.Input((40, 40, 1)),
            layers.AveragePooling2D(2),
            layers.UpSampling2D((2, 3), interpolation=interpolation),
            layers.Conv2D(1, 3, name="last"),
        ]
    )
    assert receptive_field.receptive_field(model, "last").stride == (1, Fraction(2, 3))
    assert assert_seen_by_gradients(model, slack=6 if interpolation == "bicubic" else 2) > 0


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"])
@pytest.mark.parametrize("sizes", [(48, 32), (32, 48), (40, 17), (24, 24), (30, 60), (60, 15)])
def test_resized_pictures_are_followed_with_fractions(sizes, interpolation, antialias):
    before, after = sizes
    model = keras.Sequential(
        [
            keras.Input((before, before + 2, 1)),
            layers.Resizing(after, after + 1, interpolation=interpolation, antialias=antialias),
            layers.Conv2D(2, 3, use_bias=False),
        ]
    )
    told = receptive_field.receptive_field(model, model.layers[-1].name)
    assert told.stride == (Fraction(before, after), Fraction(before + 2, after + 1))
    slack = max(map(ceil, told.stride))
    for row, col in ((0, 0), (5, 7), (7, 4), (9, 9), (model.output_shape[1] - 1, model.output_shape[2] - 1)):
        window, found = told.window(row, col), reached(model, row, col)
        assert window[0] <= found[0]
        assert window[1] <= found[1]
        assert window[2] >= found[2]
        assert window[3] >= found[3]
        inside = window[0] >= 0 and window[1] >= 0 and window[2] <= before and window[3] <= before + 2
        if inside and interpolation in ("nearest", "bilinear") and not antialias:
            assert all(abs(one - other) <= slack for one, other in zip(window, found, strict=True))


def test_a_resizing_that_keeps_proportions_or_of_any_size_is_refused_with_a_way_out():
    cutting = [keras.Input((32, 48, 1)), layers.Resizing(16, 16, crop_to_aspect_ratio=True), layers.Conv2D(2, 3)]
    with pytest.raises(ConvvizError, match="keep the picture's proportions"):
        receptive_field.receptive_field(model := keras.Sequential(cutting), model.layers[-1].name)
    free = keras.Sequential([keras.Input((None, None, 1)), layers.Resizing(16, 16), layers.Conv2D(2, 3, name="c")])
    with pytest.raises(ConvvizError, match="give input_size"):
        receptive_field.receptive_field(free, "c")
    assert receptive_field.receptive_field(free, "c", input_size=(32, 64)).stride == (2, 4)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_transposed_convolutions_are_followed(padding):
    for kernel, stride in [((4, 4), (2, 2)), ((3, 5), (3, 2)), ((2, 3), (2, 1))]:
        model = keras.Sequential(
            [keras.Input((30, 30, 1)), layers.Conv2DTranspose(2, kernel, stride, padding, name="last")]
        )
        even = kernel[0] % stride[0] == kernel[1] % stride[1] == 0  # else some units come from one unit less
        assert assert_seen_by_gradients(model, slack=0 if even else 1) > 0
        model = keras.Sequential(
            [
                keras.Input((40, 40, 1)),
                layers.Conv2D(1, 3, 2),
                layers.Conv2DTranspose(2, kernel, stride, padding, name="last"),
            ]
        )
        assert assert_seen_by_gradients(model, slack=2) > 0


class Written(keras.Model):
    """A model in plain Python."""

    def __init__(self):
        super().__init__()
        self.first = layers.Conv2D(2, 3, padding="same", name="first")
        self.second = layers.Conv2D(2, 5, 2, name="second")

    def call(self, pictures):
        maps = self.first(pictures)
        for _ in range(2):
            maps = maps + keras.ops.relu(maps)
        return self.second(maps)


def test_a_model_written_as_a_class_is_followed_and_left_as_it_was():
    model = Written()
    model(np.zeros((1, 20, 22, 1), np.float32))
    before = [len(layer._inbound_nodes) for layer in model.layers]
    assert receptive_field.receptive_field(model, "second").size == (7, 7)
    assert [len(layer._inbound_nodes) for layer in model.layers] == before


def test_published_fields_of_known_networks():
    mobilenet = keras.applications.MobileNet(alpha=0.25, include_top=False, weights=None, input_shape=(224, 224, 3))
    last = receptive_field.receptive_field(mobilenet, "conv_pw_13_relu")
    assert (last.size, last.stride) == ((315, 315), (32, 32))
    resnet = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(224, 224, 3))
    last = receptive_field.receptive_field(resnet, "conv5_block3_out")
    assert (last.size, last.stride) == ((483, 483), (32, 32))
    vgg = [size for convolutions in (2, 2, 3, 3, 3) for size in [Window(3, 1, "same")] * convolutions + [Window(2, 2)]]
    assert from_windows(vgg, input_size=224)[-1].size == (212, 212)
    alexnet = [(11, 4), (3, 2), (5, 1, "same"), (3, 2), *[(3, 1, "same")] * 3, (3, 2)]
    assert from_windows(alexnet)[-1].size == (195, 195)


def test_windows_without_keras_are_keras_with_them():
    windows = [((3, 5), 1, "same", (2, 1)), ((2, 2), (2, 1)), (4, 3, "same"), (3, 1, 2)]
    model = keras.Sequential(
        [
            keras.Input((50, 47, 1)),
            layers.Conv2D(1, (3, 5), padding="same", dilation_rate=(2, 1), name="0"),
            layers.MaxPooling2D((2, 2), (2, 1), name="1"),
            layers.Conv2D(1, 4, 3, "same", name="2"),
            layers.ZeroPadding2D(2),
            layers.Conv2D(1, 3, name="3"),
        ]
    )
    fields = receptive_fields(model)
    assert from_windows(windows, input_size=(50, 47)) == tuple(fields[str(n)] for n in range(4))


def test_what_cannot_be_followed_is_refused_and_what_comes_before_is_told():
    picture = keras.Input((16, 16, 2))
    first = layers.Conv2D(2, 3, name="first")(picture)
    turned = layers.Lambda(lambda maps: maps[:, ::-1], name="turned")(first)
    model = keras.Model(picture, layers.Conv2D(1, 3, name="after")(turned))
    assert receptive_field.receptive_field(model, "first").size == (3, 3)
    for name in ("turned", "after"):
        with pytest.raises(ConvvizError, match="'turned', a Lambda, lets through is not known here; choose"):
            receptive_field.receptive_field(model, name)
    assert not {"turned", "after"} & set(receptive_fields(model))
    assert "first" in receptive_fields(model)
    with pytest.raises(ConvvizError, match="no layer 'nothing'"):
        receptive_field.receptive_field(model, "nothing")
    two = [keras.Input((8, 8, 1)), keras.Input((8, 8, 1))]
    with pytest.raises(ConvvizError, match="2 pictures go into this network"):
        receptive_field.receptive_field(keras.Model(two, layers.Add(name="sum")(two)), "sum")
    with pytest.raises(ConvvizError, match="does not fit"):
        from_windows([(9,)], input_size=5)
