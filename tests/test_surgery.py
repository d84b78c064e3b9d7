"""Edits of channels and weights: against models that are really changed, and nothing left on those that are not."""

import re

import keras
import numpy as np
import pytest
from keras import layers

from convviz import ConvvizError, activations, images, surgery, tracing, zoo
from convviz.surgery import Edit
from tests.test_zoo_any_model import (
    channels_first,
    head,
    of_a_picture_and_numbers,
    of_channels,
    of_two_pictures_by_name,
    seeded,
    through,
    transferred,
)

SHAPE = (16, 16, 3)
CAT = images.sample("cat")


def plain(classes=3, activation="softmax"):
    parts = [layers.Conv2D(4, 3, activation="relu", name="c"), layers.Conv2D(5, 3, name="d")]
    return keras.Sequential([keras.Input(SHAPE), *parts, *head(classes, activation)])


def shared():
    pictures, twice = keras.Input(SHAPE), layers.Conv2D(3, 3, padding="same", name="c")
    return keras.Model(pictures, through(twice(twice(pictures)), head()))


def branching():
    pictures = keras.Input(SHAPE)
    first = layers.Conv2D(4, 3, padding="same", name="c")(pictures)
    other = layers.DepthwiseConv2D(3, padding="same", name="deep")(layers.BatchNormalization()(first))
    joined = layers.Concatenate(name="join")([layers.Add()([first, other]), first])
    answer = through(joined, head())
    return keras.Model(pictures, [answer, layers.GlobalMaxPooling2D(name="side")(other)])


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.last = layers.Conv2D(4, 3, name="c"), layers.Dense(3, name="classes")

    def call(self, pictures):
        return self.last(keras.ops.mean(keras.ops.relu(self.first(pictures)) ** 2, axis=(1, 2)))


def of_a_class():
    model = Own()
    model(np.zeros((1, *SHAPE), np.float32))
    return model


def half():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        return plain()
    finally:
        keras.config.set_dtype_policy("float32")


MODELS = {
    "sequential": plain, "one sigmoid": lambda: plain(1, "sigmoid"), "logits": lambda: plain(3, None),
    "nested": transferred, "shared layer": shared, "branches and two outputs": branching, "of a class": of_a_class,
    "picture and numbers": of_a_picture_and_numbers, "two pictures": of_two_pictures_by_name,
    "channels first": channels_first, "grey": lambda: of_channels(1), "seven channels": lambda: of_channels(7),
    "half precision": half,
}  # fmt: skip


def everything(model):
    """What must be the same after a look: weights, trainable flags, calls, and Keras' own settings."""
    found = tracing.leaves(model)
    return (
        [one.tobytes() for one in model.get_weights()],
        [(path, layer.trainable, [one.trainable for one in layer.variables]) for path, layer in found.items()],
        [sorted(vars(layer)) for layer in found.values()],
        (keras.config.dtype_policy().name, keras.config.floatx(), keras.config.image_data_format()),
        len(model.losses),
    )


def wrapped(build):
    model = seeded(build)
    return zoo.wrap(model, input_shape=SHAPE if build is of_a_class else None)


@pytest.mark.parametrize("kind", MODELS)
def test_every_kind_of_model_is_operated_on_and_left_as_it_was(kind):
    network = wrapped(MODELS[kind])
    before = everything(network.model)
    layer = next(one.name for one in network.card.layers if "Conv" in one.kind)
    size = network.card.layer(layer).output_shape[-1]
    plain_maps = activations.feature_maps(network, CAT, [layer])[layer]
    muted = surgery.operate(network, CAT, [Edit("mute", layer, (one,)) for one in range(size)])
    np.testing.assert_allclose(muted.before, network.predict(CAT), atol=1e-3 if kind == "half precision" else 1e-5)
    assert not muted.map_after.any()
    shape = surgery.edits.shape_of(network, layer)
    places = [tuple(side - 1 for side in shape)]
    if surgery.has_bias(network, layer):
        places.append((size - 1,))
    for place in places:
        edit = Edit("set", layer, place, 2.5, bias=len(place) == 1)
        outcome = surgery.operate(network, CAT, [edit], view=layer, channel=place[-1])
        assert everything(network.model) == before
        if kind != "shared layer":
            np.testing.assert_allclose(outcome.map_before, plain_maps[..., place[-1]], rtol=1e-3, atol=1e-3)
        # the same weight or bias, really changed
        twin = tracing.leaves(network.model)[layer]
        variable = twin.bias if edit.bias else surgery.edits.variable_of(twin, layer)
        numbers = np.array(keras.ops.convert_to_numpy(variable))
        kept = numbers.copy()
        numbers[place if edit.bias else surgery.edits.index_of(twin, place)] = 2.5
        variable.assign(numbers)
        np.testing.assert_allclose(outcome.after, network.predict(CAT), atol=2e-3 if kind == "half precision" else 1e-5)
        assert not np.allclose(outcome.map_before, outcome.map_after)
        variable.assign(kept)
        assert everything(network.model) == before


def test_a_muted_channel_is_one_whose_weights_and_bias_are_zero():
    network = wrapped(plain)
    outcome = surgery.operate(network, CAT, [Edit("mute", "c", (2,))], view="d", channel=1)
    layer = network.model.get_layer("c")
    kernel, bias = layer.get_weights()
    kernel[..., 2], bias[2] = 0, 0
    layer.set_weights([kernel, bias])
    np.testing.assert_allclose(outcome.after, network.predict(CAT), atol=1e-6)
    expected = activations.feature_maps(network, CAT, ["d"])["d"][..., 1]
    np.testing.assert_allclose(outcome.map_after, expected, atol=1e-5)


def test_edits_work_one_after_the_other():
    network = wrapped(plain)
    maps = activations.feature_maps(network, CAT, ["c"])["c"]

    def channel(number, *edits):
        return surgery.operate(network, CAT, edits, view="c", channel=number).map_after

    half_ = Edit("scale", "c", (0,), 0.5)
    np.testing.assert_allclose(channel(0, half_, half_), maps[..., 0] / 4, atol=1e-6)
    np.testing.assert_allclose(channel(1, half_, Edit("copy", "c", (1,), 0)), maps[..., 0] / 2, atol=1e-6)
    np.testing.assert_allclose(channel(1, Edit("copy", "c", (1,), 0), half_), maps[..., 0], atol=1e-6)
    assert (channel(0, Edit("set", "c", (0,), 3), half_) == 1.5).all()
    assert (channel(0, Edit("mute", "c", (0,)), half_) == 0).all()
    twice = [Edit("scale", "d", (0, 0, 1, 1), 2)] * 2
    outcome = surgery.operate(network, CAT, twice, view="d", channel=1)
    kernel, bias = network.model.get_layer("d").get_weights()
    kernel[0, 0, 1, 1] *= 4
    network.model.get_layer("d").set_weights([kernel, bias])
    np.testing.assert_allclose(outcome.after, network.predict(CAT), atol=1e-6)


def test_biases_and_weights_of_a_layer_are_edited_side_by_side_also_the_offset_of_a_normalization():
    network = wrapped(branching)
    norm = next(one.name for one in network.card.layers if one.kind == "BatchNormalization")
    edits = [
        Edit("set", "c", (1,), 0.7, bias=True), Edit("scale", "c", (1,), 3, bias=True), Edit("mute", "c", (0, 0, 0, 1)),
        Edit("set", norm, (2,), -0.4, bias=True), Edit("scale", "c", (1,), 0.5),
    ]  # fmt: skip
    outcome = surgery.operate(network, CAT, edits, view="c", channel=1)
    assert surgery.has_bias(network, norm)
    assert not surgery.has_bias(network, "join")
    kernel, bias = network.model.get_layer("c").get_weights()
    kernel[0, 0, 0, 1], bias[1] = 0, 0.7 * 3
    network.model.get_layer("c").set_weights([kernel, bias])
    beta = np.asarray(network.model.get_layer(norm).beta).copy()
    beta[2] = -0.4
    network.model.get_layer(norm).beta.assign(beta)
    again = surgery.operate(network, CAT, [Edit("scale", "c", (1,), 0.5)], view="c", channel=1)
    np.testing.assert_allclose(outcome.map_after, again.map_after, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(outcome.after, again.after, atol=1e-5)
    assert not np.allclose(outcome.before, again.before)


def test_what_comes_before_an_edit_does_not_change_and_what_changed_most_is_ranked():
    network = wrapped(branching)
    outcome = surgery.operate(network, CAT, [Edit("scale", "deep", (2,), 3)], view="join")
    changes = dict(outcome.changes)
    assert changes["c"] == 0
    assert changes["join"] > 0
    assert outcome.ranked[0][0] == outcome.channel == 2
    assert [one for one, _ in outcome.ranked] == [2], "channels 4 to 7 of the join are the first convolution's own"


def test_an_edit_that_changes_nothing_changes_nothing():
    outcome = surgery.operate(wrapped(branching), CAT, [Edit("scale", "c", (0,), 1), Edit("copy", "deep", (1,), 1)])
    np.testing.assert_array_equal(outcome.before, outcome.after)
    assert not any(change for _, change in outcome.changes)
    assert outcome.ranked == ()


@pytest.mark.parametrize("kind", ["sequential", "nested", "branches and two outputs"])
def test_after_a_failure_the_model_is_as_it_was(kind, monkeypatch):
    network = wrapped(MODELS[kind])
    before = everything(network.model)
    layer = next(one.name for one in network.card.layers if "Conv" in one.kind)

    def broken(*_, **__):
        raise RuntimeError("in the middle of the network")

    last = list(tracing.leaves(network.model).values())[-1]
    with monkeypatch.context() as patch:
        patch.setitem(vars(last), "call", broken)
        with pytest.raises(RuntimeError, match="in the middle"):
            surgery.operate(network, CAT, [Edit("mute", layer, (0,)), Edit("mute", layer, (0, 0, 0, 0))])
    assert everything(network.model) == before
    assert len(surgery.operate(network, CAT, [Edit("mute", layer, (0,))]).after) == len(network.card.class_names)


def test_a_unit_that_is_a_probability_is_not_edited_and_a_logit_is():
    with pytest.raises(ConvvizError, match="classes gives the probabilities themselves; edit one of its weights"):
        surgery.operate(wrapped(plain), CAT, [Edit("mute", "classes", (0,))])
    outcome = surgery.operate(wrapped(lambda: plain(3, None)), CAT, [Edit("set", "classes", (0,), -7)])
    assert outcome.logits[1, 0] == -7
    assert outcome.after.sum() == pytest.approx(1)


def test_hundred_looks_leave_few_traced_calls():
    network = wrapped(plain)
    for number in range(100):
        surgery.operate(network, CAT, [Edit("scale", "c", (number % 4,), number)])
    for layer in ("c", "d", "global_average_pooling2d"):
        for other in ("c", "d", "global_average_pooling2d"):
            name = next(one.name for one in network.card.layers if one.name.startswith(layer))
            surgery.operate(
                network, CAT, [Edit("mute", name, (0,)), Edit("set", other if len(other) == 1 else name, (1,), 1)]
            )
    assert len([key for key in network.compiled if key[0] == "surgery"]) <= 6


def spoiled():
    """One weight of filter 2 of its convolution c is NaN."""
    model = plain()
    kernel, bias = model.get_layer("c").get_weights()
    kernel[1, 1, 0, 2] = np.nan
    model.get_layer("c").set_weights([kernel, bias])
    return model


def test_what_becomes_a_number_has_changed_and_what_stays_nan_has_not():
    network = wrapped(spoiled)
    mended = surgery.operate(network, CAT, [Edit("mute", "c", (2,))], view="c")
    assert np.isnan(mended.before).all()
    assert np.isfinite(mended.after).all()
    assert all(np.isnan(share) for _, share in mended.changes)
    assert mended.ranked[0][0] == 2
    assert np.isnan(mended.ranked[0][1])
    same = surgery.operate(network, CAT, [Edit("scale", "c", (2,), 2)], view="c")
    assert all(share == 0 for _, share in same.changes)
    assert same.ranked == ()
    other = surgery.operate(network, CAT, [Edit("scale", "c", (1,), 2)], view="c")
    assert dict(other.changes)["c"] > 0
    assert [channel for channel, _ in other.ranked] == [1]
    assert other.ranked[0][1] == pytest.approx(0.5)


# --- the search ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("build", "target"), [(plain, 1), (lambda: plain(1, "sigmoid"), 0), (transferred, 2)])
def test_each_channel_is_muted_in_turn(build, target):
    network = wrapped(build)
    layer = next(one.name for one in network.card.layers if "Conv" in one.kind)
    *_, found = surgery.search(network, CAT, layer, target)
    assert found.done == found.total == network.card.layer(layer).output_shape[-1]
    for channel in range(found.total):
        outcome = surgery.operate(network, CAT, [Edit("mute", layer, (channel,))])
        assert found.falls[channel] == pytest.approx(outcome.before[target] - outcome.after[target], abs=1e-5)
        before, after = (row[target] if len(row) > 1 else -row[0] for row in outcome.logits)
        assert found.drops[channel] == pytest.approx(before - after, abs=1e-4)
    assert found.drops[found.order()[0]] == found.drops.max()


@pytest.mark.parametrize("together", [64, 9, 5])
def test_a_silent_channel_costs_exactly_nothing_however_many_are_muted_at_once(together, monkeypatch):
    monkeypatch.setattr(surgery.searching, "_BATCH", together)
    network, picture = zoo.load("mnist"), images.sample("digit_3")
    layer = network.card.explained_layer
    *_, found = surgery.search(network, picture, layer, 3)
    maps = activations.feature_maps(network, picture, [layer])[layer]
    silent = ~maps.any(axis=(0, 1))
    assert silent.sum() > 3
    np.testing.assert_array_equal(found.drops[silent], 0)
    np.testing.assert_array_equal(found.falls[silent], 0)
    assert (found.drops[~silent] != 0).any()


def test_a_class_that_is_not_there_is_refused():
    with pytest.raises(ConvvizError, match="3 classes, counted from 0, and no number 7"):
        list(surgery.search(wrapped(plain), CAT, "c", 7))


# --- the score ----------------------------------------------------------------------------------------------------


def test_accuracy_by_class_is_that_of_the_network_and_of_the_edited_one():
    from convviz import evaluation

    network = zoo.load("mnist")
    edits = [*(Edit("set", "dense_1", (one, 0), -9) for one in range(12)), Edit("mute", "conv2d_1", (5,))]
    *_, found = surgery.score(network, "digits", edits)
    report = evaluation.evaluate(network, "digits")
    np.testing.assert_array_equal(found.before, np.diag(report.matrix))
    np.testing.assert_array_equal(found.pictures, report.matrix.sum(axis=1))
    assert found.done == found.total == report.count
    assert found.after[0] < found.before[0], "weights of -9 speak against the class"
    kernel, bias = network.model.get_layer("dense_1").get_weights()
    kernel[:12, 0] = -9
    network.model.get_layer("dense_1").set_weights([kernel, bias])
    kernel, bias = network.model.get_layer("conv2d_1").get_weights()
    kernel[..., 5], bias[5] = 0, 0
    network.model.get_layer("conv2d_1").set_weights([kernel, bias])
    np.testing.assert_array_equal(found.after, np.diag(evaluation.evaluate(network, "digits").matrix))


def test_only_data_with_the_networks_own_classes_fit():
    assert surgery.fitting(zoo.load("shapes")) == ("shapes",)
    assert surgery.fitting(zoo.load("mnist"))[0] == "digits"
    assert surgery.fitting(wrapped(plain)) == ()
    with pytest.raises(ConvvizError, match="does not tell the classes of digits apart"):
        list(surgery.score(wrapped(plain), "digits", []))


# --- as text ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "edit",
    [
        Edit("mute", "conv2d_1", (5,)), Edit("scale", "vgg16/block1_conv1", (0,), -0.5), Edit("copy", "c:2", (3,), 4),
        Edit("set", "a;b=c%3B:ü", (0, 1, 2, 3), 1e-7), Edit("mute", "c:b1", (5,), bias=True),
        Edit("set", "c", (0,), -0.25, bias=True),
    ],
)  # fmt: skip
def test_an_edit_reads_back_from_its_text(edit):
    assert surgery.parse(str(edit)) == edit
    assert ";" not in str(edit)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("paint=c:1", "is not an edit"), ("mute=c", "cannot be read"), ("mute=c:x", "cannot be read"),
        ("scale=c:1", "cannot be read"), ("scale=c:1:nan", "too large or no number"),
        ("set=c:1:1e99", "too large or no number"), ("mute=c:1,2,3", "is no place of a channel, a weight or a bias"),
        ("copy=c:0,0,0,0:1", "is no place of a channel, a weight or a bias"), ("mute=z:0", "has no layer 'z'"),
        ("mute=c:4", "4 channels, counted from 0, and no number 4"), ("mute=c:-1", "no number -1"),
        ("copy=c:1:9", "no number 9"), ("copy=c:1:1.5", "no number 1.5"),
        ("mute=c:3,0,0,0", "3 x 3 x 3 x 4, counted from 0"), ("mute=c:0,0", "3 x 3 x 3 x 4, counted from 0"),
        ("mute=c:b", "cannot be read"), ("mute=c:b0,1", "is no place of"), ("copy=c:b0:1", "is no place of"),
        ("mute=c:b4", "c has 4 biases, counted from 0, and none of number 4"), ("mute=c:b-1", "none of number -1"),
        ("mute=flatten:b0", "has no layer"),
        ("mute=global_average_pooling2d:0,0", "has no layer|weights are not edited"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_left_out_and_said_in_one_sentence(text, sentence):
    reading = surgery.read(plain(), f"{text}; mute=c:0")
    assert reading.edits == (Edit("mute", "c", (0,)),)
    assert reading.told == ("channel 0 of c muted",)
    assert len(reading.refused) == 1
    assert re.search(sentence, reading.refused[0])


def test_more_edits_than_are_kept_are_said():
    reading = surgery.read(plain(), "; ".join(["mute=c:0"] * 70))
    assert len(reading.edits) == surgery.MOST
    assert reading.refused == ("there are more than 64 edits; undo some",)


def test_of_a_large_network_the_layers_that_tell_most_are_compared(monkeypatch):
    network, edit = wrapped(branching), Edit("mute", "deep", (0,))
    monkeypatch.setattr(surgery.operating, "AT_ONCE", 4 * 16 * 16 * (4 + 4 + 4 + 8) + 4 * 12)
    changes = dict(surgery.operate(network, CAT, [edit], view="join").changes)
    assert {"c", "deep", "join"} <= set(changes)
    assert not any("normalization" in name for name in changes)
    monkeypatch.setattr(surgery.operating, "AT_ONCE", 0)
    assert list(dict(surgery.operate(network, CAT, [edit], view="join").changes)) == ["join"]
