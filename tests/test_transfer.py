"""A head on a trained base: what learns, what stays, and that the base sees pictures as it was trained on them."""

import importlib
from dataclasses import replace

import numpy as np
import pytest

from convviz import ConvvizError, architectures, attribution, datasets, downloads, training, zoo
from convviz.training import remembering
from convviz.training.snapshots import changing

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


def test_what_a_tuned_base_takes_memory_for_begins_with_its_first_layer_that_learns():
    network = architectures.Transfer("vgg16", HEAD, (64, 64, 3), 4, train_from="block5_conv1", trained=False)
    found = architectures.survey(network)
    assert found.demand.trainable == found.trainable_parameters == 3 * (9 * 512 + 1) * 512 + 513 * 8 + 9 * 4
    assert found.demand.parameters == 14_714_688 + 513 * 8 + 9 * 4
    assert found.demand.outputs == (*[4 * 4 * 512] * 3, 2 * 2 * 512, 512, 8, 4)
    frozen = architectures.survey(replace(network, train_from="")).demand
    assert frozen.outputs == (8, 4)
    assert frozen.passing == 2 * 64 * 64 * 64, "the first two maps of VGG16 are the largest"
    anew, once = (frozen.memory(64, "sgd", remembered=one) for one in (False, True))
    assert anew - once == 4 * 32 * frozen.passing
    assert frozen.memory(32, "rmsprop") < found.demand.memory(32, "rmsprop")


def test_a_trained_head_goes_on_with_a_part_of_its_base(shapes):
    first = list(training.train(ON_SHAPES, shapes, training.Settings(epochs=2, batch_size=20)))[-1]
    begun = zoo.from_bytes(training.trained(ON_SHAPES, first.snapshot, class_names=shapes.class_names))
    inner = next(layer for layer in begun.model.layers if isinstance(layer, keras.Model))
    kernels = [one for one in inner.layers if isinstance(one, keras.layers.Conv2D)]
    path = f"{inner.name}/{kernels[-1].name}"  # a normalization follows, which stays
    more = training.demand(begun, path).trainable - training.demand(begun).trainable
    assert more == kernels[-1].count_params()
    assert len(begun.model.trainable_weights) == 4
    before = [one.copy() for one in begun.model.get_weights()]
    settings = training.Settings(epochs=1, batch_size=20, learning_rate=0.001, train_from=path)
    second = list(training.bounded(begun, shapes, settings))[-1]
    ended = zoo.from_bytes(training.trained(begun, second.snapshot, train_from=path))
    learns = {id(one) for one in ended.model.trainable_weights}
    assert len(learns) == 4 + len(kernels[-1].weights)
    for old, one in zip(before, ended.model.weights, strict=True):
        assert np.array_equal(old, one.numpy()) != (id(one) in learns)
    for one, other in zip(before, begun.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ConvvizError, match="no layer 'nowhere'"):
        training.demand(begun, "nowhere")


def test_each_layer_from_which_on_a_base_can_learn_lets_more_of_it_learn_than_the_head():
    network = architectures.Transfer("shapes", HEAD, (64, 64, 3), 4)
    found = architectures.survey(network)
    counts = [
        architectures.survey(replace(network, train_from=name)).trainable_parameters for name in found.base_layers
    ]
    assert sorted(set(counts), reverse=True) == counts
    assert counts[-1] > found.trainable_parameters


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


def test_a_base_needs_its_weights_without_the_classes_only(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    asked = []
    monkeypatch.setattr(downloads, "fetch", lambda address, *where, digest: iter([asked.append((address, *where))]))
    assert not architectures.base_is_here("vgg16")
    assert architectures.base_size("vgg16") == 56
    list(architectures.download_base("vgg16"))
    file = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    assert asked == [(f"{zoo.imagenet.APPLICATIONS['vgg16'].address.rpartition('/')[0]}/{file}", "models", file)]
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / file).touch()
    assert architectures.base_is_here("vgg16")
    assert architectures.base_size("vgg16") == 0
    assert not zoo.is_here("vgg16")


@pytest.mark.parametrize("name", list(zoo.imagenet.HEADLESS))
def test_the_weights_without_classes_are_those_of_keras(name, monkeypatch):
    entry, asked = zoo.imagenet.APPLICATIONS[name], []

    class Asked(Exception):  # noqa: N818
        pass

    def get_file(file, address, file_hash=None, **_):
        asked.append((file, address, file_hash))
        raise Asked

    monkeypatch.setattr(importlib.import_module("keras.src.utils.file_utils"), "get_file", get_file)
    with pytest.raises(Asked):
        getattr(keras.applications, entry.title)(include_top=False, input_shape=(224, 224, 3))
    known = zoo.imagenet.HEADLESS[name]
    assert asked == [(known.file, f"{entry.address.rpartition('/')[0]}/{known.file}", known.digest)]


@pytest.mark.skipif(not zoo.is_here("mobilenetv2"), reason="the weights of MobileNetV2 are not on this machine")
def test_the_weights_without_the_classes_are_as_good(tmp_path, monkeypatch):
    network = architectures.Transfer("mobilenetv2", HEAD, (96, 96, 3), 2)
    base = next(layer for layer in network.build().layers if isinstance(layer, keras.Model))
    file = zoo.imagenet.HEADLESS["mobilenetv2"].file
    path = downloads.find("models", file)
    if path is None:
        pytest.skip("its weights without the classes are not on this machine")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / file).symlink_to(path)
    other = next(layer for layer in network.build().layers if isinstance(layer, keras.Model))
    for one, two in zip(base.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-2, atol=1e-3)


def test_grey_pictures_enter_a_colour_base_in_its_size():
    model = replace(ON_SHAPES, input_shape=(28, 28, 1), class_count=10).build()
    assert model(np.zeros((1, 28, 28, 1), np.float32)).shape == (1, 10)


@pytest.mark.skipif(not zoo.is_here("mobilenetv2"), reason="the weights of MobileNetV2 are not on this machine")
def test_mobilenetv2_has_its_trained_weights_at_another_size():
    base = architectures.Transfer("mobilenetv2", HEAD, (64, 64, 3), 2).build().layers[1]
    whole = zoo.load("mobilenetv2").model
    for one, other in zip(base.get_weights(), whole.get_weights()[: len(base.get_weights())], strict=True):
        np.testing.assert_array_equal(one, other)


def moments_of(records) -> dict[int, bytes]:
    return dict(pair for one in records for pair in one.moments)


@pytest.mark.parametrize("train_from", ["", "block4_conv1"])
def test_a_snapshot_leaves_out_what_is_frozen_and_still_makes_the_whole_network_of_its_step(shapes, train_from):
    network = replace(ON_SHAPES, train_from=train_from)
    begun = zoo.wrap(network.build(), input_range=(0.0, 255.0))
    settings = training.Settings(epochs=4, batch_size=8, learning_rate=0.01, snapshot_every=1)
    records = list(training.train(network, shapes, settings))
    learned = 4 * sum(np.prod(one.shape) for one in begun.model.trainable_variables)
    frozen = 4 * sum(np.prod(one.shape) for one in begun.model.non_trainable_variables)
    moments = moments_of(records)
    for data in moments.values():
        assert learned <= len(data) < learned + 20_000 < learned + frozen
    assert len(records[-1].snapshot) < 4 * learned + 40_000, "the optimizer's numbers are those of what learns, too"

    last = max(moments)
    files = {step: training.trained(network, moments[step], class_names=shapes.class_names) for step in (0, last)}
    canvas, picture = zoo.from_bytes(files[0]), shapes.test_images[3]
    seen = {step: training.moment(canvas, moments[step], shapes, picture, target=1) for step in (last, 0, last)}
    for step, file in files.items():
        whole = zoo.from_bytes(file)
        np.testing.assert_allclose(seen[step].chances, whole.predict(picture), rtol=1e-4)
        heat = attribution.grad_cam(whole, picture, target=1).heatmap
        np.testing.assert_allclose(seen[step].where, heat, atol=1e-3)
    assert seen[last].accuracy == pytest.approx(records[-1].validation_accuracy)
    assert np.abs(seen[0].chances - seen[last].chances).max() > 0.01


def test_a_run_on_a_frozen_base_goes_on_from_its_snapshot_where_it_was(shapes):
    settings = training.Settings(epochs=4, batch_size=8, learning_rate=0.01, snapshot_every=1)
    whole = list(training.train(ON_SHAPES, shapes, settings))
    run = training.train(ON_SHAPES, shapes, settings)
    record = next(run)
    while record.step < 7:
        record = run.send({"steps": 1})
    rest = list(training.train(ON_SHAPES, shapes, settings, resume=record.snapshot))
    assert rest[-1].validation_loss == pytest.approx(whole[-1].validation_loss, rel=1e-3)


def test_a_frozen_base_with_random_weights_is_kept_whole(shapes):
    network = replace(ON_SHAPES, trained=False)
    records = list(training.train(network, shapes, training.Settings(epochs=1, batch_size=20)))
    moments = moments_of(records)
    assert len(moments[0]) > 4 * network.build().count_params()
    other = zoo.from_bytes(training.trained(network, moments[max(moments)], seed=99, class_names=shapes.class_names))
    then = training.moment(other, moments[0], shapes, 0)
    again = training.moment(zoo.from_bytes(training.trained(network, moments[0], seed=0)), moments[0], shapes, 0)
    np.testing.assert_array_equal(then.matrix, again.matrix)


def test_a_normalization_that_learns_is_kept_with_its_statistics_and_a_frozen_one_is_not(shapes):
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((64, 64, 3)), layers.Conv2D(4, 3, name="still", trainable=False), layers.BatchNormalization(),
         layers.SpectralNormalization(layers.Conv2D(4, 3), trainable=False), layers.GlobalAveragePooling2D(),
         layers.Dropout(0.1), layers.Dense(4, activation="softmax")]
    )  # fmt: skip
    model(np.zeros((1, 64, 64, 3), np.float32))
    kept = {model.variables[place].path for place in changing(model, model)}
    still = {one.path for one in model.get_layer("still").weights}
    assert {one.path for one in model.variables} - kept == still
    records = list(training.train(model, shapes, training.Settings(epochs=1, batch_size=20)))
    ended = model.get_weights()
    moments = moments_of(records)
    assert not np.array_equal(zoo.from_bytes(training.trained(model, moments[0])).model.get_weights()[4], ended[4])
    again = zoo.from_bytes(training.trained(model, moments[max(moments)])).model.get_weights()
    for one, other in zip(again, ended, strict=True):
        np.testing.assert_array_equal(one, other)
