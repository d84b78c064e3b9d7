"""Models that are not one RGB picture in, one softmax out: inputs, channels, order of axes, corrections, diagnosis."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from convviz import ConvvizError, activations, attribution, images, microscope, patterns, receptive_field, tracing, zoo

ROOT = Path(__file__).resolve().parents[1]
SHAPE = (16, 16, 3)
CAT = images.sample("cat")


def head(classes=3, activation="softmax", **options):
    return [layers.GlobalAveragePooling2D(**options), layers.Dense(classes, activation=activation, name="classes")]


def through(tensor, parts):
    for part in parts:
        tensor = part(tensor)
    return tensor


def seeded(build):
    keras.utils.set_random_seed(3)
    return build()


def of_a_picture_and_numbers():
    facts, photo = keras.Input((2,), name="facts"), keras.Input(SHAPE, name="photo")
    pooled = through(photo, [layers.Conv2D(4, 3, name="c", activation="relu"), layers.GlobalAveragePooling2D()])
    both = layers.Concatenate()([pooled, facts])
    return keras.Model([facts, photo], layers.Dense(3, activation="softmax")(both))


def of_two_pictures_by_name():
    left, right = keras.Input(SHAPE, name="left"), keras.Input((None, None, 3), name="right")
    twice = layers.Conv2D(4, 3, name="c")
    maps = [layers.GlobalMaxPooling2D()(twice(one)) for one in (left, right)]
    return keras.Model({"right": right, "left": left}, layers.Dense(3, activation="softmax")(layers.Subtract()(maps)))


def of_channels(count):
    return keras.Sequential([keras.Input((16, 16, count)), layers.Conv2D(4, 3, name="c"), *head()])


def channels_first():
    first = {"data_format": "channels_first"}
    parts = [
        layers.Conv2D(4, 3, name="c", **first),
        layers.BatchNormalization(axis=1, name="n"),
        layers.ReLU(name="r"),
        layers.MaxPooling2D(2, name="p", **first),
        *head(**first),
    ]
    return keras.Sequential([keras.Input((3, 16, 16)), *parts])


def channels_last_twin(model):
    twin = keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Conv2D(4, 3, name="c"),
            layers.BatchNormalization(name="n"),
            layers.ReLU(name="r"),
            layers.MaxPooling2D(2, name="p"),
            *head(),
        ]
    )
    twin.set_weights(model.get_weights())
    return twin


def transferred():
    base = keras.Sequential(
        [keras.Input(SHAPE), layers.Conv2D(4, 3, activation="relu", name="conv1"), layers.MaxPooling2D(2)], name="base"
    )
    pictures = keras.Input(SHAPE)
    return keras.Model(pictures, through(base(layers.Rescaling(1 / 255)(pictures)), head()))


ODD_INPUTS = (of_a_picture_and_numbers, of_two_pictures_by_name, channels_first)


@pytest.mark.parametrize("build", [*ODD_INPUTS, lambda: of_channels(2), lambda: of_channels(7), transferred])
def test_every_kind_is_looked_into_by_every_room_and_nothing_is_left_on_it(build):
    model = seeded(build)
    before = [weight.copy() for weight in model.get_weights()]
    network = zoo.wrap(model)
    layer = network.card.explained_layer
    maps = activations.feature_maps(network, CAT)[layer]
    assert maps.shape == network.card.layer(layer).output_shape
    assert attribution.grad_cam(network, CAT, target=1).raw.shape == maps.shape[:2]
    drawn = patterns.generate(network, layer, [0, 1], size=16, steps=2)
    assert drawn.shape == (2, 16, 16, 3)
    assert zoo.diagnose(network).card == network.card
    assert not [layer.name for layer in tracing.leaves(model).values() if "call" in vars(layer)]
    assert all((one == two).all() for one, two in zip(before, model.get_weights(), strict=True))


def test_of_several_inputs_the_picture_goes_into_the_one_that_looks_like_it_and_noughts_into_the_rest():
    model = seeded(of_a_picture_and_numbers)
    network = zoo.wrap(model)
    assert network.card.about["Picture input"] == "photo, guessed from its shape; zeros go into facts"
    batch = network.prepare(CAT)
    expected = model.predict_on_batch([np.zeros((1, 2), np.float32), batch])[0]
    np.testing.assert_allclose(network.predict(CAT), expected, atol=1e-6)


def test_the_input_that_takes_the_picture_can_be_chosen():
    model = seeded(of_two_pictures_by_name)
    batch = np.random.default_rng(0).random((1, *SHAPE), np.float32)
    noughts = np.zeros_like(batch)
    for name, given in (("left", {"left": batch, "right": noughts}), ("right", {"left": noughts, "right": batch})):
        network = zoo.wrap(model, picture_input=name, input_shape=SHAPE)
        np.testing.assert_allclose(network.predict(batch), model.predict_on_batch(given)[0], atol=1e-6)
        assert [port.name for port in zoo.diagnose(network).inputs if port.used] == [name]
    with pytest.raises(ConvvizError, match="no input 'middle'; choose one of left, right"):
        zoo.wrap(model, picture_input="middle")


def test_a_network_that_works_channels_first_shows_the_maps_of_its_channels_last_twin():
    model = seeded(channels_first)
    network, twin = zoo.wrap(model), zoo.wrap(channels_last_twin(model))
    assert network.card.input_shape == SHAPE
    assert "channels first" in network.card.about["Order of axes"]
    maps, expected = activations.feature_maps(network, CAT), activations.feature_maps(twin, CAT)
    assert list(maps) == list(expected) == ["c", "n", "r", "p"]
    for name, one in expected.items():
        np.testing.assert_allclose(maps[name], one, atol=1e-5)
    np.testing.assert_allclose(network.predict(CAT), twin.predict(CAT), atol=1e-6)
    ours, theirs = (attribution.grad_cam(one, CAT, layer="r", target=2) for one in (network, twin))
    np.testing.assert_allclose(ours.raw, theirs.raw, atol=1e-6)
    assert activations.sparsity(network, CAT) == pytest.approx(activations.sparsity(twin, CAT))
    assert network.card.explained_layer == twin.card.explained_layer


def test_a_network_that_works_channels_first_is_taken_apart_as_its_channels_last_twin():
    model = seeded(channels_first)
    network, twin = zoo.wrap(model), zoo.wrap(channels_last_twin(model))
    fields = [list(receptive_field.receptive_fields(one).values()) for one in (network, twin)]
    assert fields[0] == fields[1]
    names = zip(*([one.name for one in each.card.layers] for each in (network, twin)), strict=True)
    for layer, its_twin in list(names)[1:]:
        ours, theirs = microscope.look(network, CAT, layer, 1), microscope.look(twin, CAT, its_twin, 1)
        assert (ours.note, ours.row, ours.col, ours.field) == ("", theirs.row, theirs.col, theirs.field)
        assert ours.computed == pytest.approx(theirs.computed, abs=1e-5)
        assert ours.difference < 1e-5
        assert [one.what for one in ours.steps] == [one.what for one in theirs.steps]
        np.testing.assert_allclose(ours.gradient, theirs.gradient, atol=1e-6)
        stages = [microscope.stage(network, CAT, layer, 1), microscope.stage(twin, CAT, its_twin, 1)]
        assert (stages[0] is None) == (stages[1] is None) == (layer not in ("c", "n", "r", "p"))
        if stages[0] is not None:
            np.testing.assert_allclose(stages[0].source, stages[1].source, atol=1e-5)


def test_a_network_that_works_channels_first_is_looked_into_where_onednn_is_off():
    program = """
import keras
from tests.test_zoo_any_model import channels_first, channels_last_twin
from convviz import activations, images, microscope, zoo
picture, model = images.sample("cat"), channels_first()
network, twin = zoo.wrap(model), zoo.wrap(channels_last_twin(model))
apart = [abs(network.predict(picture) - twin.predict(picture)).max()]
ours, theirs = activations.feature_maps(network, picture), activations.feature_maps(twin, picture)
apart += [abs(ours[name] - theirs[name]).max() for name in theirs]
apart += [microscope.look(network, picture, name, 1).difference for name in ("c", "n", "r", "p")]
apart += [abs(microscope.look(network, picture, "p", 1).value - microscope.look(twin, picture, "p", 1).value)]
print("apart", max(apart))
"""
    plain = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=plain, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(done.stdout.split()[-1]) < 1e-4


def test_transposed_convolutions_and_joints_that_work_channels_first_are_taken_apart():
    def built(order):
        ordered, first = {"data_format": order}, order == "channels_first"
        picture = keras.Input((3, 12, 12) if first else (12, 12, 3))
        one = layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu", name="up", **ordered)(picture)
        other = layers.SeparableConv2D(2, 3, padding="same", name="apart", **ordered)(one)
        both = layers.Concatenate(axis=1 if first else -1, name="both")([one, other])
        return keras.Model(picture, layers.Dense(3)(layers.GlobalAveragePooling2D(**ordered)(both)))

    network = zoo.wrap(built("channels_first"))
    maps = activations.feature_maps(network, CAT)
    for layer, channel in (("up", 2), ("apart", 1), ("both", 1), ("both", 5)):
        cell = microscope.look(network, CAT, layer, channel)
        assert cell.note == ""
        assert cell.value == pytest.approx(float(maps[layer][..., channel].max()), rel=1e-4)
        assert cell.difference < 1e-4
    fields = [receptive_field.receptive_field(one, "both") for one in (network, built("channels_last"))]
    assert fields[0] == fields[1]


def test_a_picture_fills_other_numbers_of_channels_in_turn_and_says_so():
    network = zoo.wrap(of_channels(7))
    batch = network.prepare(CAT)
    plain = zoo.wrap(of_channels(3)).prepare(CAT)
    np.testing.assert_array_equal(batch, plain[..., [0, 1, 2, 0, 1, 2, 0]])
    assert "7, where a photograph has 3" in network.card.about["Channels"]
    assert "batch" not in network.card.about["Channels"], "which the app does not take"


def test_guesses_are_marked_and_corrections_are_not_guesses_any_more():
    guessed = zoo.wrap(of_channels(3)).card
    assert guessed.guessed == ("Input values", "Order of colours", "Classes")
    assert set(guessed.guessed) <= set(guessed.about)
    told = zoo.wrap(of_channels(3), ("a", "b", "c"), input_range=(-1, 1), colours="rgb").card
    assert told.guessed == ()


def test_blue_green_red_is_the_other_order_of_colours():
    plain, turned = (zoo.wrap(of_channels(3), colours=order).prepare(CAT) for order in ("rgb", "bgr"))
    np.testing.assert_array_equal(plain[..., ::-1], turned)
    with pytest.raises(ConvvizError, match="no order of colours 'grb'; choose one of rgb, bgr"):
        zoo.wrap(of_channels(3), colours="grb")


def test_logits_can_be_read_as_independent_yes_or_no():
    model = seeded(lambda: keras.Sequential([keras.Input(SHAPE), layers.Conv2D(4, 3), *head(3, None)]))
    network = zoo.wrap(model, ending="sigmoid")
    logits = model.predict_on_batch(network.prepare(CAT))[0]
    np.testing.assert_allclose(network.predict(CAT), 1 / (1 + np.exp(-logits)), atol=1e-6)
    assert "Output" not in network.card.guessed
    with pytest.raises(ConvvizError, match="cannot end in 'relu'"):
        zoo.wrap(model, ending="relu")


@pytest.mark.parametrize("values", [(1, 0), (0, 0), (0, float("nan"))])
def test_a_range_that_does_not_rise_is_refused(values):
    with pytest.raises(ConvvizError, match="give the lower number first"):
        zoo.wrap(of_channels(3), input_range=values)


# --- the diagnosis --------------------------------------------------------------------------------------------------


def test_the_diagnosis_names_what_the_network_is_and_what_goes_in_and_out():
    found = zoo.diagnose(zoo.wrap(seeded(of_a_picture_and_numbers)))
    assert found.kind == "a functional Keras model of 4 layers"
    assert [(port.name, port.shape, port.used) for port in found.inputs] == [
        ("facts", (2,), False), ("photo", SHAPE, True),
    ]  # fmt: skip
    assert [port.shape for port in found.outputs] == [(3,)]
    assert (found.explained_layer, found.map_layers) == ("c", 1)
    assert found.odd == ()


def test_models_inside_are_named():
    assert zoo.diagnose(transferred()).kind == "a functional Keras model of 5 layers, 1 model inside it (base)"


def test_weights_that_are_no_numbers_and_layers_that_are_dead_are_said():
    model = seeded(transferred)
    conv = model.get_layer("base").get_layer("conv1")
    kernel, bias = conv.get_weights()
    conv.set_weights([kernel * 0, bias - 1])
    odd = " ".join(zoo.diagnose(model).odd)
    assert "all weights of base/conv1 are zero" in odd
    assert "all channels of base/conv1" in odd
    assert "the answer is the same for 5 very different pictures" in odd
    conv.set_weights([kernel, bias])
    dense = model.get_layer("classes")
    dense.set_weights([one * np.nan for one in dense.get_weights()])
    odd = " ".join(zoo.diagnose(model).odd)
    assert "weights of classes are NaN" in odd
    assert "the answer is not a number" in odd


def test_a_channel_that_one_picture_moves_is_not_dead():
    model = seeded(transferred)
    conv = model.get_layer("base").get_layer("conv1")
    kernel, _ = conv.get_weights()
    conv.set_weights([np.abs(kernel), np.array([-99, -99, -99, 0], np.float32)])
    odd = " ".join(zoo.diagnose(model).odd)
    assert "3 of the 4 channels of base/conv1 are zero" in odd
    assert "all channels" not in odd.replace("all channels of base/max", "")


def test_values_on_another_scale_than_in_training_are_suspected():
    model = seeded(lambda: keras.Sequential([keras.Input(SHAPE), layers.Conv2D(4, 3), *head()]))
    model.get_layer("classes").set_weights([model.get_layer("classes").get_weights()[0] * 1e5, np.zeros(3)])
    assert any("on another scale" in one for one in zoo.diagnose(zoo.wrap(model, input_range=(0, 255))).odd)


@pytest.mark.parametrize("name", ["mnist", "cats_and_dogs", "shapes"])
def test_nothing_is_odd_about_the_bundled_networks(name):
    found = zoo.diagnose(zoo.load(name))
    assert found.odd == ()
    assert found.guessed == {}


MEANINGS = [
    ((4, "softmax"), {}, "4 probabilities that add up to 1 (softmax)"),
    ((4, "sigmoid"), {}, "4 probabilities, each for itself (sigmoid)"),
    ((2, "sigmoid"), {}, "2 probabilities, each for itself (sigmoid)"),
    ((1, "sigmoid"), {"class_names": ["cat", "dog"]}, "the probability of dog (sigmoid)"),
    ((4, None), {}, "4 numbers without an end function (logits), read as classes of which one holds (softmax)"),
    ((4, None), {"ending": "sigmoid"}, "4 numbers without an end function (logits), read as each for itself (sigmoid)"),
    ((1, None), {}, "one number without an end function (a logit), read as the logit of class 1"),
]


@pytest.mark.parametrize(("ending", "told", "meaning"), MEANINGS)
def test_the_diagnosis_says_what_the_answer_means(ending, told, meaning):
    model = keras.Sequential([keras.Input(SHAPE), layers.Conv2D(4, 3), *head(*ending)])
    assert zoo.diagnose(zoo.wrap(model, **told)).meaning == meaning


def test_a_picture_of_four_channels_is_opaque_and_the_card_says_so():
    network = zoo.wrap(of_channels(4))
    assert (network.prepare(CAT)[..., 3] == network.card.value_range[1]).all()
    assert "the highest value as alpha" in network.card.about["Channels"]
