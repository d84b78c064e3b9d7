import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from convviz import ConvvizError, downloads, images, tracing, zoo
from convviz.zoo import finding, imagenet

ROOT = Path(__file__).resolve().parents[1]
SHAPE = (16, 16, 3)
LECTURE_MNIST = [320, 0, 18_496, 0, 36_928, 0, 36_928, 650]


def stack(*parts, name=None):
    return keras.Sequential(list(parts), name=name)


def convolution(**options):
    return layers.Conv2D(4, 3, name="c", **options)


def head(classes=3, activation="softmax"):
    return [layers.GlobalAveragePooling2D(), layers.Dense(classes, activation=activation)]


def plain(*ending, shape=SHAPE, before=()):
    return stack(keras.Input(shape), *before, convolution(), *(ending or head()))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.maps = convolution(activation="relu")
        self.average = layers.GlobalAveragePooling2D()
        self.classes = layers.Dense(3, activation="softmax")

    def call(self, pictures):
        return self.classes(self.average(self.maps(pictures)))


def subclassed():
    model = Subclassed()
    model(np.zeros((1, *SHAPE), np.float32))
    return model


def without_input():
    model = stack(convolution(), layers.ReLU(name="r"), *head(2, None), layers.Softmax())
    model(np.zeros((2, *SHAPE), np.float32))
    return model


def nested():
    inner = stack(keras.Input(SHAPE), convolution(), layers.BatchNormalization(name="n"), name="inner")
    outer = stack(keras.Input(SHAPE), inner, layers.ReLU(name="r"), name="outer")
    return stack(keras.Input(SHAPE), outer, *head())


def shared():
    pictures = keras.Input(SHAPE)
    twice = layers.Conv2D(3, 3, padding="same", name="c")
    return keras.Model(pictures, layers.Dense(3, activation="softmax")(layers.Flatten()(twice(twice(pictures)))))


def reloaded():
    return zoo.from_bytes(zoo.to_bytes(nested())).model


def in_half_precision():
    return stack(keras.Input(SHAPE), convolution(dtype="mixed_float16"), *head())


def all_in_half_precision():
    dense = layers.Dense(3, activation="softmax", dtype="mixed_bfloat16")
    return stack(keras.Input(SHAPE), convolution(dtype="mixed_bfloat16"), layers.GlobalAveragePooling2D(), dense)


def ending_in_an_operation():
    pictures = keras.Input(SHAPE)
    logits = layers.Dense(3)(layers.GlobalAveragePooling2D()(convolution()(pictures)))
    return keras.Model(pictures, keras.ops.softmax(logits))


def of_two_outputs():
    pictures = keras.Input(SHAPE)
    trunk = layers.Conv2D(4, 3, name="trunk")(pictures)
    kind = layers.Conv2D(5, 3, name="for_kind")(trunk)
    age = layers.Conv2D(6, 3, name="for_age")(trunk)
    kind = layers.Dense(3, activation="softmax", name="kind")(layers.GlobalAveragePooling2D()(kind))
    age = layers.Dense(1, activation="sigmoid", name="age")(layers.GlobalAveragePooling2D()(age))
    return keras.Model(pictures, [kind, age])


def of_named_outputs():
    model = of_two_outputs()
    return keras.Model(model.inputs, dict(zip(("kind", "age"), model.outputs, strict=True)))


def of_a_named_input():
    photo = keras.Input(SHAPE, name="photo")
    return keras.Model({"photo": photo}, stack(keras.Input(SHAPE), convolution(), *head(), name="whole")(photo))


def fully_convolutional():
    return plain(layers.Conv2D(3, 14), layers.Softmax())


def grey_without_channels():
    return stack(keras.Input((16, 16)), layers.Reshape((16, 16, 1)), convolution(), *head())


def of_any_size():
    return plain(*head(4), shape=(None, None, 1))


def single_sigmoid():
    return plain(*head(1, "sigmoid"))


def single_number():
    return plain(*head(1, None))


def without_ending():
    return plain(*head(4, None))


def of_many_sigmoids():
    return plain(*head(4, "sigmoid"))


def of_four_channels():
    return plain(shape=(16, 16, 4))


KINDS = {  # how it is built -> how it ends, the explained layer, every layer in the order of the calls
    subclassed: ("softmax", "c", 3),
    without_input: ("softmax", "r", 5),
    nested: ("softmax", "outer/r", 5),
    shared: ("softmax", "c", 3),
    reloaded: ("softmax", "outer/r", 5),
    in_half_precision: ("softmax", "c", 3),
    all_in_half_precision: ("softmax", "c", 3),
    ending_in_an_operation: ("softmax", "c", 3),
    of_two_outputs: ("softmax", "for_kind", 7),
    of_named_outputs: ("softmax", "for_kind", 7),
    of_a_named_input: ("softmax", "whole/c", 3),
    fully_convolutional: ("softmax", "c", 3),
    grey_without_channels: ("softmax", "c", 4),
    of_any_size: ("softmax", "c", 3),
    single_sigmoid: ("sigmoid", "c", 3),
    single_number: ("sigmoid", "c", 3),
    without_ending: ("logits", "c", 3),
    of_many_sigmoids: ("sigmoid", "c", 3),
    of_four_channels: ("softmax", "c", 3),
}


def sigmoid(value):
    return 1 / (1 + np.exp(-value))


def by_definition(answer, build):
    """Probabilities from what the model itself answers."""
    answer = answer["kind"] if isinstance(answer, dict) else answer[0] if isinstance(answer, list) else answer
    numbers = keras.ops.convert_to_numpy(keras.ops.cast(answer, "float32")).astype(np.float64).reshape(-1)
    if build is single_number:
        numbers = sigmoid(numbers)
    if build is without_ending:
        numbers = np.exp(numbers) / np.exp(numbers).sum()
    return np.array([1 - numbers[0], numbers[0]]) if numbers.size == 1 else numbers


def model_input(model, build, batch):
    if build is grey_without_channels:
        return batch[..., 0]
    return {"photo": batch} if build is of_a_named_input else [batch] if build is of_named_outputs else batch


def left_behind(model):
    return [path for path, layer in tracing.leaves(model).items() if "call" in vars(layer)]


@pytest.mark.parametrize("build", KINDS, ids=lambda build: build.__name__)
def test_every_kind_of_model_is_understood_and_answers_as_keras_does(build):
    model = build()
    weights = [weight.copy() for weight in model.get_weights()]
    network = zoo.wrap(model)
    ending, explained, count = KINDS[build]
    assert network.card.output == ending
    assert network.card.explained_layer == explained
    assert explained in network.card.layer_reason
    assert len(network.card.layers) == count
    assert network.card.parameters == sum(layer.parameters for layer in network.card.layers) == model.count_params()

    batch = network.prepare(images.sample("cat"))
    answer = model.predict_on_batch(model_input(model, build, batch))
    result = network.predict(images.sample("cat"))
    np.testing.assert_allclose(result, by_definition(answer, build), atol=5e-3 if "half" in build.__name__ else 1e-5)
    assert len(result) == len(network.card.class_names)
    assert left_behind(model) == []
    assert all((before == after).all() for before, after in zip(weights, model.get_weights(), strict=True))


@pytest.mark.parametrize("build", [nested, in_half_precision, of_two_outputs, of_any_size, zoo.mnist_convnet])
def test_layers_have_the_shapes_that_keras_computes(build):
    model = build()
    card = zoo.wrap(model).card
    for layer in model.layers:
        if not isinstance(layer, (layers.InputLayer, keras.Model)):
            part = keras.Model(model.inputs, layer.output)
            shape = part([np.zeros((1, *card.input_shape), np.float32)]).shape
            known = card.layer(layer.name)
            assert known.output_shape == tuple(shape[1:])
            assert (known.kind, known.parameters) == (type(layer).__name__, layer.count_params())


def test_the_lectures_mnist_network_has_its_summary_row_by_row():
    card = zoo.wrap(zoo.mnist_convnet()).card
    assert [layer.parameters for layer in card.layers] == LECTURE_MNIST
    assert card.parameters == 93_322
    assert [layer.output_shape for layer in card.layers[:6]] == [
        (26, 26, 32), (13, 13, 32), (11, 11, 64), (5, 5, 64), (3, 3, 64), (576,),
    ]  # fmt: skip
    assert card.explained_layer == "conv2d_2"


@pytest.mark.parametrize("dropout", [0, 0.5])
def test_the_lectures_cats_and_dogs_network_has_3453121_parameters(dropout):
    model = zoo.cats_and_dogs_convnet(dropout=dropout)
    assert model.count_params() == 3_453_121
    counts = [layer.count_params() for layer in model.layers if layer.count_params()]
    assert counts == [896, 18_496, 73_856, 147_584, 3_211_776, 513]


def test_the_maps_of_the_shapes_network_still_know_where_things_are():
    card = zoo.wrap(zoo.shapes_convnet()).card
    assert card.explained_layer == "block4_relu2"
    assert card.layer("block4_relu2").output_shape == (8, 8, 96)


# --- outputs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("build", [of_two_outputs, of_named_outputs], ids=lambda build: build.__name__)
@pytest.mark.parametrize("output", [1, "age"])
def test_another_output_can_be_looked_at(build, output):
    model = build()
    network = zoo.wrap(model, output=output)
    assert (network.card.output, network.card.explained_layer) == ("sigmoid", "for_age")
    answer = model.predict_on_batch(model_input(model, build, network.prepare(images.sample("cat"))))
    expected = float(np.asarray(answer["age"] if isinstance(answer, dict) else answer[1])[0, 0])
    assert network.predict(images.sample("cat"))[1] == pytest.approx(expected, abs=1e-6)


def test_an_output_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(ConvvizError, match="no output 'weight'; choose one of kind, age"):
        zoo.wrap(of_two_outputs(), output="weight")
    with pytest.raises(ConvvizError, match="2 outputs, so there is no number 2"):
        zoo.wrap(of_two_outputs(), output=2)


def test_a_saturated_softmax_keeps_its_logits():
    model = plain(layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax", name="d"))
    kernel, _ = model.get_layer("d").get_weights()
    model.get_layer("d").set_weights([kernel * 0, np.array([0, 200, 500], np.float32)])
    network = zoo.wrap(model)
    logits = network._compiled_answer((1, *SHAPE))(keras.ops.zeros((1, *SHAPE)))
    np.testing.assert_allclose(logits, [[0, 200, 500]])
    np.testing.assert_array_equal(network.predict(np.zeros((1, *SHAPE))), [0, 0, 1])


def test_a_network_without_classes_still_shows_its_layers():
    network = zoo.wrap(stack(keras.Input(SHAPE), convolution(), layers.MaxPooling2D()))
    assert network.card.class_names == ()
    assert network.card.explained_layer == "c"
    with pytest.raises(ConvvizError, match=r"does not end in classes .*7 x 7 x 4"):
        network.predict(images.sample("cat"))


@pytest.mark.filterwarnings("ignore::UserWarning")  # a softmax over one number
def test_class_names_are_taken_and_counted():
    assert zoo.wrap(single_sigmoid(), ("cat", "dog")).card.class_names == ("cat", "dog")
    with pytest.raises(ConvvizError, match="2 class names were given for 3 probabilities; give 3"):
        zoo.wrap(plain(), ("cat", "dog"))
    with pytest.raises(ConvvizError, match=r"^1 class name was given for 3 probabilities; give 3$"):
        zoo.wrap(plain(), ("cat",))
    with pytest.raises(ConvvizError, match=r"^1,001 class names were given for 3 probabilities; give 3$"):
        zoo.wrap(plain(), ["cat"] * 1001)
    lone = stack(keras.Input(SHAPE), layers.Flatten(), layers.Dense(1, activation="softmax"))
    with pytest.raises(ConvvizError, match=r"^2 class names were given for 1 probability; give 1$"):
        zoo.wrap(lone, ("cat", "dog"))


@pytest.mark.parametrize(
    ("given", "unlike"),
    [
        (("a", "b", "a"), ("a (0)", "b", "a (2)")),
        (("a", "a", "a"), ("a (0)", "a (1)", "a (2)")),
        (("a", "a", "a (0)"), ("a (0) (0)", "a (1)", "a (0)")),
        (("", "b", ""), ("(0)", "b", "(2)")),
        (("a", "A", "a (0)"), ("a", "A", "a (0)")),
    ],
)
def test_class_names_that_are_equal_are_told_apart_by_the_number_of_the_class(given, unlike):
    assert zoo.wrap(plain(), given).card.class_names == unlike


# --- inputs ---------------------------------------------------------------------------------------------------------


def rescaled_by_an_operation():
    pictures = keras.Input(SHAPE)
    return keras.Model(pictures, stack(keras.Input(SHAPE), convolution(), *head())(pictures / 127.5 - 1))


def prepared_as_keras_prepares_for_vgg16():
    pictures = keras.Input(SHAPE)
    prepared = keras.applications.vgg16.preprocess_input(pictures)
    return keras.Model(pictures, stack(keras.Input(SHAPE), convolution(), *head())(prepared))


def adapted():
    norm = layers.Normalization()
    norm.adapt(np.random.default_rng(0).uniform(0, 255, (20, *SHAPE)))
    return plain(before=[norm])


@pytest.mark.parametrize(
    ("build", "highest"),
    [
        (plain, 1),
        (lambda: plain(before=[layers.Rescaling(1 / 255)]), 255),
        (lambda: plain(before=[layers.Rescaling(1 / 127.5, offset=-1)]), 255),
        (lambda: plain(before=[layers.Rescaling(2.0, offset=-1)]), 1),
        (lambda: plain(before=[layers.RandomFlip(), layers.Resizing(12, 12), layers.Rescaling(1 / 255)]), 255),
        (lambda: plain(before=[stack(keras.Input(SHAPE), layers.Rescaling(1 / 255))]), 255),
        (adapted, 255),
        (lambda: plain(before=[layers.Normalization(mean=[0.48, 0.45, 0.4], variance=[0.05, 0.05, 0.05])]), 1),
        (rescaled_by_an_operation, 255),
        (prepared_as_keras_prepares_for_vgg16, 255),
    ],
)
def test_the_range_of_values_is_guessed_from_the_first_arithmetic(build, highest):
    card = zoo.wrap(build()).card
    assert card.value_range == (0, highest)
    assert "guessed" in card.about["Input values"]


def test_a_guessed_range_can_be_corrected():
    network = zoo.wrap(plain(), input_range=(-1, 1))
    batch = network.prepare(np.array([0, 255] * 384, np.uint8).reshape(16, 16, 3))
    assert (batch.min(), batch.max()) == (-1, 1)
    assert "Input values" not in network.card.about


def test_a_picture_is_prepared_by_the_function_that_is_given():
    network = zoo.wrap(plain(), prepare=lambda batch: batch[..., ::-1] / 127.5 - 1)
    picture = np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8)
    np.testing.assert_allclose(network.prepare(picture)[0], picture[..., ::-1] / 127.5 - 1, atol=1e-6)
    assert network.card.value_range == (-1, 1)


def test_a_ready_batch_is_left_alone_and_a_picture_brought_to_size():
    network = zoo.wrap(of_any_size())
    ready = np.random.default_rng(0).random((1, 9, 11, 1)).astype(np.float32)
    np.testing.assert_array_equal(network.prepare(ready), ready)
    assert network.prepare(images.sample("cat")).shape == (1, 224, 224, 1)
    assert network.predict(ready).shape == (4,)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: stack(layers.Dense(2)), "has no weights yet; call it once"),
        (lambda: stack(keras.Input((784,)), layers.Dense(2)), r"shape \(784,\), no picture"),
        (
            lambda: keras.Model(two := [keras.Input((4,)), keras.Input((4,))], layers.Add()(two)),
            "none of this network's inputs takes a picture",
        ),
        (lambda: stack(keras.Input((None, None, 3)), Picky()), "does not take a picture of .*give its input_shape"),
    ],
)
def test_models_that_take_no_picture_are_refused_in_one_sentence(build, sentence):
    with pytest.raises(ConvvizError, match=sentence) as refusal:
        zoo.wrap(build())
    assert "\n" not in str(refusal.value)


class Picky(layers.Layer):
    def call(self, pictures):
        if pictures.shape[1] not in (None, 16):
            raise ValueError("only 16 pixels\nand nothing else")
        return pictures


def test_a_size_that_is_not_told_can_be_given():
    assert zoo.wrap(stack(keras.Input((None, None, 3)), Picky()), input_shape=SHAPE).card.input_shape == SHAPE


def test_nothing_is_left_on_a_model_whose_trace_failed():
    model = stack(keras.Input((None, None, 3)), convolution(), Picky())
    with pytest.raises(ConvvizError):
        zoo.wrap(model)
    assert left_behind(model) == []


def test_the_same_bare_model_gives_the_same_network():
    model, other = plain(), plain()
    assert zoo.as_network(model) is zoo.as_network(model)
    assert zoo.as_network(other) is not zoo.as_network(model)
    network = zoo.wrap(model)
    assert zoo.as_network(network) is network


# --- bytes and references -------------------------------------------------------------------------------------------


def test_bytes_carry_the_network_with_its_classes_and_without_its_optimizer():
    model = plain(*head(2))
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    model.train_on_batch(np.zeros((4, *SHAPE), np.float32), np.zeros(4))
    optimizer = model.optimizer
    data = zoo.to_bytes(zoo.wrap(model, ("no", "yes"), input_range=(-1, 1), title="Ours"))
    assert model.optimizer is optimizer
    again = zoo.from_bytes(data)
    assert (again.card.class_names, again.card.value_range, again.card.title) == (("no", "yes"), (-1, 1), "Ours")
    for before, after in zip(model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert len(data) < len(zoo.to_bytes(plain(*head(2)))) * 1.2


def test_any_keras_reads_the_bytes(tmp_path):
    model = plain()
    (tmp_path / "network.keras").write_bytes(zoo.to_bytes(model))
    again = keras.saving.load_model(tmp_path / "network.keras")
    pictures = np.random.default_rng(0).random((2, *SHAPE)).astype(np.float32)
    np.testing.assert_array_equal(model.predict_on_batch(pictures), again.predict_on_batch(pictures))


def test_a_run_is_built_from_its_bytes_once_and_kept():
    reference = zoo.Reference("run", "7", "abc")
    with pytest.raises(zoo.NotHere) as absent:
        zoo.resolve(reference)
    assert absent.value.reference == reference
    network = zoo.resolve(reference, zoo.to_bytes(plain()))
    assert zoo.resolve(reference) is network


def test_only_the_last_few_networks_are_kept(monkeypatch):
    monkeypatch.setattr(finding, "_kept", type(finding._kept)())
    monkeypatch.setitem(finding.OPENERS, "run", lambda data: zoo.wrap(plain()))
    references = [zoo.Reference("run", str(number)) for number in range(finding.MOST_KEPT + 1)]
    for reference in references:
        zoo.resolve(reference, b"")
    assert list(finding._kept) == references[1:]
    assert finding._building == {}


def test_references_are_found_by_name_whatever_its_case():
    assert zoo.reference("MobileNetV2") == zoo.Reference("imagenet", "mobilenetv2")
    assert zoo.reference("mnist") == zoo.Reference("bundled", "mnist")
    with pytest.raises(ConvvizError, match="no network 'alexnet'; choose one of mnist"):
        zoo.reference("alexnet")


# --- ImageNet networks ----------------------------------------------------------------------------------------------


def test_mobilenets_come_first_and_every_family_of_the_lecture_is_there():
    names = [name for name in zoo.list_networks() if zoo.reference(name).kind == "imagenet"]
    assert names[0] == "mobilenetv2"
    families = {"xception", "vgg16", "vgg19", "resnet50", "resnet50v2", "inceptionv3", "inceptionresnetv2"}
    assert families | {"mobilenet", "densenet121", "nasnetmobile", "efficientnetb0"} <= set(names)


@pytest.mark.parametrize("name", ["mobilenet", "efficientnetb0"])
def test_the_table_says_what_keras_itself_would_fetch(name, monkeypatch):
    asked = {}

    def stop(file=None, origin=None, fname=None, file_hash=None, **rest):
        asked.update(file=file or fname, origin=origin, digest=file_hash)
        raise InterruptedError

    entry = imagenet.APPLICATIONS[name]
    monkeypatch.setattr(sys.modules["keras.src.utils.file_utils"], "get_file", stop)
    with pytest.raises(InterruptedError):
        getattr(keras.applications, entry.title)(weights="imagenet")
    assert asked == {"file": entry.file, "origin": entry.address, "digest": entry.digest}


@pytest.mark.parametrize("name", sorted(imagenet.APPLICATIONS))
def test_every_application_is_one_of_keras_and_about_as_large_as_its_parameters(name):
    entry = imagenet.APPLICATIONS[name]
    assert callable(getattr(keras.applications, entry.title))
    assert callable(imagenet.preparation(name))
    assert entry.title.lower() == name
    assert 0.95 < entry.megabytes / (entry.parameters * 4 / 2**20) < 1.45


def test_before_a_download_its_size_is_known_and_without_a_network_one_sentence_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(downloads.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))

    def refuse(url, timeout):
        raise OSError("no network")

    monkeypatch.setattr(downloads.urllib.request, "urlopen", refuse)
    assert not zoo.is_here("vgg16")
    assert zoo.download_size("vgg16") == 528
    with pytest.raises(ConvvizError, match=r"^the server storage\.googleapis\.com cannot be reached .*$"):
        zoo.load("vgg16")


def test_a_bare_network_of_keras_is_prepared_as_keras_prepares_it():
    network = zoo.wrap(keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3)))
    picture = images.sample("cat")[:32, :32]
    expected = keras.applications.vgg16.preprocess_input(picture.astype(np.float32)[None])
    np.testing.assert_allclose(network.prepare(picture), expected, atol=1e-4)
    assert network.card.value_range == pytest.approx((-123.68, 151.061), abs=0.01)
    assert network.card.explained_layer == "block5_conv3"
    assert "recognized" in network.card.about["Preparation"]


def test_class_names_of_imagenet_are_words_and_no_two_alike(data):
    names = imagenet.class_names()
    assert len(set(names)) == 1000
    assert (names[281], names[285]) == ("tabby", "Egyptian cat")


@pytest.mark.parametrize(
    ("name", "layer", "convolution"),
    [("mobilenetv2", "out_relu", "Conv_1"), ("mobilenet", "conv_pw_13_relu", "conv_pw_13")],
)
def test_mobilenets_really_work_offline(name, layer, convolution, data):
    if not zoo.is_here(name):
        pytest.skip(f"the weights of {name} are not in KERAS_HOME")
    assert zoo.download_size(name) == 0
    network = zoo.resolve(zoo.reference(name))
    card = zoo.describe(network)
    chosen = card.class_names[int(network.predict(images.sample("cat")).argmax())]
    assert chosen in {"Egyptian cat", "tabby", "tiger cat"}
    assert card.explained_layer == layer
    assert convolution in card.layer_reason
    assert card.parameters == imagenet.APPLICATIONS[name].parameters
    assert (card.value_range, card.title) == ((-1, 1), imagenet.APPLICATIONS[name].title)


def test_a_mobilenet_answers_as_keras_itself(data):
    if not zoo.is_here("mobilenet"):
        pytest.skip("the weights of mobilenet are not in KERAS_HOME")
    network = zoo.resolve(zoo.reference("mobilenet"))
    pixels = images.resize(images.sample("cat"), (224, 224)).astype(np.float32)[None]
    expected = network.model.predict_on_batch(keras.applications.mobilenet.preprocess_input(pixels))[0]
    np.testing.assert_allclose(network.predict(images.sample("cat")), expected, atol=1e-5)


def test_cards_and_names_are_known_without_tensorflow():
    program = """
import json, sys
from convviz import zoo
names = zoo.list_networks()
cards = [zoo.card(name).title for name in names if zoo.reference(name).kind == "bundled"]
titles = [zoo.title(name) for name in names]
here = [zoo.is_here(name) for name in names]
print(json.dumps([len(cards), len(titles), [m for m in ("keras", "tensorflow", "h5py") if m in sys.modules]]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    cards, titles, loaded = json.loads(done.stdout)
    assert loaded == []
    assert titles == len(zoo.list_networks())
    assert cards >= 2
