"""A head on a trained base: what learns, what stays, and that the base sees pictures as it was trained on them."""

from dataclasses import replace

import numpy as np
import pytest

from convviz import ConvvizError, architectures, datasets, training, zoo
from convviz.training import remembering

keras = pytest.importorskip("keras")

HEAD = architectures.parse("global_average; dense 8")
ON_SHAPES = architectures.Transfer("shapes", HEAD, (64, 64, 3), 4)


def test_vgg16_with_two_dense_layers_has_30_trainable_weights_and_4_when_it_is_frozen():
    network = architectures.Transfer(
        "vgg16", architectures.parse(architectures.LECTURE_HEAD), (150, 150, 3), 2, "sigmoid", trained=False
    )
    found = architectures.survey(network)
    assert (found.before, found.after) == (30, 4)
    assert found.base_parameters == 14_714_688
    assert found.features == (4, 4, 512)
    assert found.trainable_parameters == 8192 * 256 + 256 + 257
    tuned = architectures.survey(replace(network, train_from="block5_conv1"))
    assert tuned.after == 10
    assert not tuned.base_is_frozen


@pytest.mark.parametrize("base", ["vgg16", "mobilenetv2"])
def test_the_pictures_are_prepared_inside_as_keras_does_it(base):
    network = architectures.Transfer(base, HEAD, (32, 32, 3), 3, trained=False)
    model = network.build()
    picture = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3)).astype(np.float32)
    inner = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    entering = keras.Model(model.inputs[0], inner._inbound_nodes[-1].input_tensors[0])
    np.testing.assert_allclose(entering(picture).numpy(), zoo.imagenet.preparation(base)(picture), rtol=1e-5, atol=1e-5)


@pytest.fixture(scope="module")
def shapes() -> datasets.Dataset:
    rng = np.random.default_rng(0)
    drawings = [datasets.draw_shapes(count, rng=rng) for count in (40, 40, 20)]
    parts = [part for one in drawings for part in (one.images, one.labels[:, 0])]
    return datasets.Dataset(*parts, datasets.SHAPES, "drawn here")


def test_a_frozen_base_stays_and_its_head_learns(shapes):
    run = list(training.train(ON_SHAPES, shapes, training.Settings(epochs=8, batch_size=8, learning_rate=0.01)))
    ended = zoo.from_bytes(training.trained(ON_SHAPES, run[-1].snapshot, class_names=shapes.class_names))
    inner = next(layer for layer in ended.model.layers if isinstance(layer, keras.Model))
    whole = zoo.load("shapes").model
    for one, other in zip(inner.get_weights(), whole.get_weights(), strict=False):
        np.testing.assert_array_equal(one, other)
    assert run[-1].validation_accuracy > 0.8
    assert ended.card.value_range == (0, 255)


@pytest.mark.parametrize("head", ["global_average; dense 8", "batch_norm; global_max; dropout 0.2"])
def test_features_that_are_computed_once_give_the_same_training(shapes, head, monkeypatch):
    network = replace(ON_SHAPES, head=architectures.parse(head))
    settings = training.Settings(epochs=3, batch_size=16, learning_rate=0.01, seed=4)
    looked = []
    compute = remembering.Remembered.__getitem__
    monkeypatch.setattr(
        remembering.Remembered, "__getitem__", lambda self, rows: (compute(self, rows), looked.append(self))[0]
    )
    once = list(training.train(network, shapes, settings))
    assert sorted({id(one): one.computed for one in looked}.values()) == [20, 40, 40], "each picture a single time"
    monkeypatch.setattr(remembering, "MOST_BYTES", 0)
    anew = list(training.train(network, shapes, settings))
    for name in ("validation_loss", "test_accuracy"):
        assert getattr(once[-1], name) == pytest.approx(getattr(anew[-1], name), rel=1e-3)


def test_nothing_is_remembered_of_a_base_that_learns_or_of_pictures_that_change(shapes):
    begun = zoo.wrap(ON_SHAPES.build())
    plain = training.Settings()
    assert remembering.remembered(ON_SHAPES, begun, shapes, plain) is not None
    assert remembering.remembered(ON_SHAPES, begun, shapes, replace(plain, augmentation={"zoom": 0.1})) is None
    learning = replace(ON_SHAPES, train_from="block4_conv1")
    assert remembering.remembered(learning, begun, shapes, plain) is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"base": "nothing"}, "there is no base 'nothing'"),
        ({"train_from": "conv9"}, "no layer 'conv9'"),
        ({"head": architectures.parse("dense 8")}, "layer 1, dense, needs a row of numbers"),
        ({"base": "mobilenetv2", "input_shape": (28, 28, 1)}, "at least 32 × 32"),
        ({"base": "mnist"}, "trained on grey pictures"),
    ],
)
def test_what_does_not_fit_is_said(changes, sentence):
    with pytest.raises(ConvvizError, match=sentence):
        replace(ON_SHAPES, **changes).build()


def test_grey_pictures_enter_a_colour_base_in_its_size():
    model = replace(ON_SHAPES, input_shape=(28, 28, 1), class_count=10).build()
    assert model(np.zeros((1, 28, 28, 1), np.float32)).shape == (1, 10)


@pytest.mark.skipif(not zoo.is_here("mobilenetv2"), reason="the weights of MobileNetV2 are not on this machine")
def test_mobilenetv2_has_its_trained_weights_at_another_size():
    base = architectures.Transfer("mobilenetv2", HEAD, (64, 64, 3), 2).build().layers[1]
    whole = zoo.load("mobilenetv2").model
    for one, other in zip(base.get_weights(), whole.get_weights()[: len(base.get_weights())], strict=True):
        np.testing.assert_array_equal(one, other)
