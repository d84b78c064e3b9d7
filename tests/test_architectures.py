"""Networks as records against Keras: the same names, shapes, counts and first weights; what cannot be is said."""

from dataclasses import replace

import numpy as np
import pytest

from convviz import ConvvizError, architectures, convolution, datasets, training, zoo

keras = pytest.importorskip("keras")

EVERYTHING = (
    "conv 4 3/2 same tanh; batch_norm; max 3/1 same; conv 6 2 linear; average 2; dropout 0.25; flatten; batch_norm; "
    "dense 5 elu; dropout 0.5; dense 3 linear"
)


def of(text: str, shape=(28, 28, 1), classes=10, **options) -> architectures.Architecture:
    return architectures.Architecture(shape, architectures.parse(text), classes, **options)


@pytest.mark.parametrize(
    ("shape", "classes", "made", "count"),
    [
        ((28, 28, 1), 10, zoo.mnist_convnet, 93_322),
        ((150, 150, 3), 2, zoo.cats_and_dogs_convnet, 3_453_121),
    ],
)
def test_the_lectures_networks_are_those_of_the_zoo_to_the_last_weight(shape, classes, made, count):
    network = architectures.fitting(shape, classes)
    assert network.parameters == count
    models = []
    for build in (network.build, made):
        keras.utils.set_random_seed(5)
        models.append(build())
    assert [layer.name for layer in models[0].layers] == [layer.name for layer in models[1].layers]
    for one, other in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("text", [EVERYTHING, *(one.text for one in architectures.PRESETS.values())])
def test_the_summary_is_keras_own(text):
    network = of(text, (64, 70, 3) if "conv 128" not in text else (150, 150, 3), 4)
    model = network.build()
    rows = network.rows()
    assert [row.name for row in rows] == [layer.name for layer in model.layers]
    assert [row.kind for row in rows] == [type(layer).__name__ for layer in model.layers]
    assert [row.output_shape for row in rows] == [tuple(layer.output.shape[1:]) for layer in model.layers]
    assert [row.parameters for row in rows] == [layer.count_params() for layer in model.layers]
    assert network.parameters == model.count_params()


def test_parameters_are_told_as_a_formula():
    rows = architectures.fitting((28, 28, 1), 10).rows()
    assert rows[0].formula == "3·3·1·32 + 32 = 320"
    assert rows[1].formula == ""
    assert rows[-1].formula == "64·10 + 10 = 650"


def test_text_and_layers_are_the_same_thing():
    layers = architectures.parse(EVERYTHING)
    assert architectures.text(layers) == EVERYTHING
    assert architectures.parse(architectures.text(layers)) == layers
    assert architectures.parse("max 2/2; conv 8 3/1 valid relu") == architectures.parse("max 2; conv 8 3")
    assert architectures.parse(" ; ") == ()


@pytest.mark.parametrize(
    "text", ["conv 32", "conv 32 x", "pool 2", "dense", "dropout half", "flatten 2", "dense 5; <b>"]
)
def test_what_is_not_understood_is_said_with_an_example(text):
    with pytest.raises(ConvvizError, match="is not understood; write it like conv 32 3"):
        architectures.parse(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the last layer needs a row of numbers, and maps of 28 × 28 × 1 come in"),
        ("conv 8 3; dense 10", "layer 2, dense, needs a row of numbers, and maps of 26 × 26 × 8"),
        ("flatten; conv 8 3", "layer 2, conv, needs maps, and a row of 784 numbers"),
        ("max 4; max 4; conv 8 3; flatten", "layer 3, conv, has a window of 3 × 3, and maps of only 1 × 1"),
        ("conv 8 3 relu6; flatten", "layer 1, conv, has the activation 'relu6'"),
        ("conv 9999 3; flatten", "layer 1, conv, has 9999 as its number of filters; choose 1 to 512"),
        ("conv 8 0; flatten", "has 0 as its size; choose 1 to 15"),
        ("flatten; dropout 1.5", "has 1.5 as its rate; choose 0 to 0.9"),
    ],
)
def test_what_does_not_fit_is_said_in_its_place(text, sentence):
    network = of(text)
    assert network.fault().startswith(sentence) or sentence in network.fault()
    assert sum(bool(row.fault) for row in network.rows()) == 1
    with pytest.raises(ConvvizError):
        network.build()


def test_too_large_networks_and_wrong_endings_are_refused():
    assert "parameters, more than" in of("flatten; dense 4096; dense 4096", (150, 150, 3)).fault()
    assert "cannot end a network for 10 classes" in of("flatten", ending="sigmoid").fault()
    assert "1 classes" in of("flatten", classes=1).fault()


CATS = architectures.PRESETS["cats_and_dogs"].text
SMALL = architectures.PRESETS["small"].text
WIDE = "conv 512 3 same; conv 512 3 same; global_average"
MEASURED = [  # layers, side of colour pictures, batch, optimizer, MB at most above those of a worker that is ready
    (CATS, 150, 20, "rmsprop", 467),
    (CATS, 150, 64, "rmsprop", 917),
    (SMALL, 64, 64, "rmsprop", 92),
    (SMALL, 150, 64, "rmsprop", 472),
    (WIDE, 64, 8, "rmsprop", 398),
    (WIDE, 128, 1, "rmsprop", 540),
    (WIDE, 128, 3, "rmsprop", 791),
    (WIDE, 128, 8, "rmsprop", 1169),
    (WIDE, 224, 1, "rmsprop", 1271),
    ("conv 512 3 same; global_average", 128, 32, "rmsprop", 2250),
    ("conv 64 3 same; conv 512 3 same; global_average", 224, 8, "rmsprop", 1961),
    ("conv 512 3/2 same; conv 512 3/2 same; global_average", 224, 8, "rmsprop", 688),
    ("conv 256 1; conv 512 1; global_average", 128, 8, "rmsprop", 717),
    ("conv 32 15 same; conv 32 15 same; global_average", 128, 4, "rmsprop", 505),
    ("conv 128 5 same; conv 256 5 same; global_average", 64, 8, "rmsprop", 160),
    ("conv 64 3 same gelu; conv 64 3 same gelu; global_average", 128, 16, "rmsprop", 648),
    ("conv 64 3 same tanh; conv 64 3 same elu; conv 64 3 same leaky_relu; global_average", 128, 16, "rmsprop", 289),
    ("; ".join(3 * ["conv 64 3 same; batch_norm"]) + "; global_average", 128, 16, "rmsprop", 655),
    ("flatten; dense 256; dense 64", 128, 64, "rmsprop", 811),
    ("max 2; flatten; dense 256", 96, 16, "sgd", 80),
    ("max 2; flatten; dense 256", 96, 16, "adam", 157),
]


@pytest.mark.parametrize(("layers", "side", "batch", "optimizer", "taken"), MEASURED)
def test_memory_is_what_was_measured_or_up_to_twice_that(layers, side, batch, optimizer, taken):
    told = of(layers, (side, side, 3), 2).memory(batch, optimizer) / 1e6
    assert taken <= told + 30, "30 MB are taken by any training"
    assert told <= 2 * taken


def test_memory_counts_the_way_back_the_copies_of_weights_and_the_windows_of_one_picture():
    deep = of("conv 10 3 same; conv 10 3 same; conv 10 3 same; batch_norm; global_average", (8, 8, 1), 2)
    rest = of("conv 10 3 same; conv 10 3 same; batch_norm; global_average", (8, 8, 1), 2)
    more = deep.memory(50, "sgd") - rest.memory(50, "sgd")
    assert more == 4 * (1.2 * 50 * 640 + (1 + 9) * (3 * 3 * 10 * 10 + 10))
    assert deep.memory(0, "sgd") == 4 * (deep.parameters + 9 * deep.trainable + 8 * 8 * 3 * 3 * 10)
    assert deep.parameters - deep.trainable == 2 * 10, "means and variances"
    assert deep.trainable == sum(np.prod(one.shape) for one in deep.build().trainable_variables)


@pytest.mark.parametrize("first", ["conv 4 3 gelu", "conv 4 3/2 same; conv 5 5"])
def test_memory_of_a_network_that_is_built_is_that_of_its_plan(first, few):
    plan = of(f"{first}; max 2; batch_norm; global_average; dense 3 gelu")
    network, settings = zoo.wrap(plan.build()), training.Settings(batch_size=8)
    training.Limits(memory=plan.memory(8) / 1e6).check(network, few, settings)
    with pytest.raises(ConvvizError, match="this training takes about"):
        training.Limits(memory=(plan.memory(8) - 1) / 1e6).check(network, few, settings)


# --- a kernel of one's own ------------------------------------------------------------------------------------------


SOBEL = architectures.Transplant.parse("1 0 -1; 2 0 -2; 1 0 -1")


@pytest.fixture(scope="module")
def few() -> datasets.Dataset:
    return datasets.resolve(datasets.Reference("digits", per_class=8))


@pytest.mark.parametrize("optimizer", training.OPTIMIZERS)
def test_a_frozen_kernel_stays_through_a_training_and_its_neighbours_learn(few, optimizer):
    network = of("conv 3 3; max 4; flatten", transplant=SOBEL)
    settings = training.Settings(epochs=1, batch_size=16, optimizer=optimizer)
    begun = zoo.from_bytes(_kept(network, few, settings, first=True)).model.layers[0]
    ended = zoo.from_bytes(_kept(network, few, settings)).model.layers[0]
    np.testing.assert_array_equal(ended.kernel.numpy()[:, :, 0, 0], [[1, 0, -1], [2, 0, -2], [1, 0, -1]])
    assert float(ended.bias[0]) == 0
    assert np.abs(ended.kernel.numpy() - begun.kernel.numpy())[..., 1:].max() > 1e-4


def test_a_frozen_kernel_stays_when_its_network_goes_on(few):
    settings = training.Settings(epochs=1, batch_size=16)
    begun = zoo.from_bytes(_kept(of("conv 3 3; max 4; flatten", transplant=SOBEL), few, settings))
    before = begun.model.layers[0].kernel.numpy()
    *_, last = training.bounded(begun, few, settings, transplant=SOBEL)
    after = zoo.from_bytes(training.trained(begun, last.snapshot)).model.layers[0]
    np.testing.assert_array_equal(after.kernel.numpy()[:, :, 0, 0], SOBEL.kernel)
    assert float(after.bias[0]) == 0
    assert np.abs(after.kernel.numpy() - before)[..., 1:].max() > 1e-4


def test_a_free_kernel_begins_as_it_is_and_learns(few):
    free = architectures.Transplant(SOBEL.kernel, frozen=False)
    network = of("conv 3 3; max 4; flatten", transplant=free)
    np.testing.assert_array_equal(network.build().layers[0].kernel.numpy()[:, :, 0, 0], SOBEL.kernel)
    ended = zoo.from_bytes(_kept(network, few, training.Settings(epochs=1, batch_size=16))).model.layers[0]
    assert np.abs(ended.kernel.numpy()[:, :, 0, 0] - SOBEL.kernel).max() > 1e-4


def _kept(network, data, settings, *, first: bool = False) -> bytes:
    if first:
        settings = replace(settings, snapshot_every=1)
    run = training.train(network, data, settings)
    record = next(run)
    for later in () if first else run:
        record = later
    return training.trained(network, record.snapshot, class_names=data.class_names)


def test_the_filter_answers_as_the_kernel_does_on_the_mean_of_the_colours():
    model = of("conv 2 5 linear; flatten", (9, 9, 3), transplant=SOBEL).build()
    picture = np.random.default_rng(0).random((1, 9, 9, 3), np.float32)
    maps = keras.Model(model.inputs[0], model.layers[0].output)(picture)
    expected = convolution.convolve(picture[0].mean(axis=-1), np.array(SOBEL.kernel, np.float32))
    np.testing.assert_allclose(maps.numpy()[0, :, :, 0], expected[1:-1, 1:-1], atol=1e-5)


def test_a_kernel_that_does_not_fit_is_refused_with_the_size_it_needs():
    network = of("conv 8 3; flatten", transplant=architectures.Transplant.of(np.ones((5, 5))))
    assert "give that layer the size 5" in network.fault()
    assert "no convolution" in of("flatten", transplant=SOBEL).fault()
    assert architectures.Transplant.parse(str(SOBEL)) == SOBEL
