"""Models from outside: whole networks of built-in layers come out as they were; nothing else comes near Keras."""

import io
import json
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convviz import ConvvizError, zoo
from convviz.uploads import (
    catalogue,
    configs,
    legacy,
    models,
    open_model,
    open_network,
    open_note,
    refusals,
    trial,
    weights,
)
from tests.hostile import archives as zips
from tests.hostile import model_files
from tests.hostile import models as files


def saved(model, ending: str, folder: Path) -> bytes:
    """The file that Keras itself writes."""
    path = folder / f"model.{ending}"
    model.save(path)
    return path.read_bytes()


def same(opened, model) -> None:
    """Equal weights, equal descriptions, equal predictions."""
    assert [weight.shape for weight in opened.weights] == [weight.shape for weight in model.weights]
    for mine, theirs in zip(opened.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(mine, theirs)
    rng = np.random.default_rng(0)
    inputs = [rng.random([2 if side is None else side for side in tensor.shape], np.float32) for tensor in model.inputs]
    inputs = inputs if len(inputs) > 1 else inputs[0]
    mine, theirs = opened(inputs, training=False), model(inputs, training=False)
    mine, theirs = (found if isinstance(found, list) else [found] for found in (mine, theirs))
    assert all(np.array_equal(one, other) for one, other in zip(mine, theirs, strict=True))


# What comes in comes out right ---------------------------------------------------------------------------------------


def _sequential(keras):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(3, 3, activation="relu", kernel_initializer="orthogonal"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(4, activation="softmax"),
        ]
    )


def _functional(keras):
    layers, start = keras.layers, keras.Input((8, 8, 3))
    shared = layers.Conv2D(3, 1)
    inner = keras.Sequential([keras.Input((8, 8, 3)), layers.BatchNormalization(), layers.Conv2D(3, 1)], name="inner")
    joined = layers.Add()([shared(inner(start)), shared(start), inner(shared(start))])
    pooled = layers.GlobalAveragePooling2D()(layers.ReLU(6.0)(joined))
    return keras.Model(start, [layers.Dense(1, activation="sigmoid")(pooled), pooled])


def _zoo(keras):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Normalization(mean=[0.1, 0.2], variance=[1.0, 2.0]),
            layers.RandomFlip("horizontal"),
            layers.Resizing(9, 9),
            layers.Rescaling(1 / 255),
            layers.SeparableConv2D(4, 3, depth_multiplier=2),
            layers.DepthwiseConv2D(3, padding="same"),
            layers.Conv2DTranspose(4, 3, strides=2),
            layers.UpSampling2D(2, interpolation="bilinear"),
            layers.ZeroPadding2D(((1, 2), (3, 4))),
            layers.LeakyReLU(negative_slope=0.1),
            layers.PReLU(shared_axes=[1, 2]),
            layers.GroupNormalization(2),
            layers.SpatialDropout2D(0.1),
            layers.AveragePooling2D(6),
            layers.Reshape((-1, 4)),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
            layers.TimeDistributed(layers.Dense(2, activation=keras.activations.gelu)),
            layers.GRU(2),
            layers.Dense(3, kernel_regularizer="l2", activation=layers.LeakyReLU(0.2)),
        ]
    )


def _attention(keras):
    layers, start = keras.layers, keras.Input((6, 8))
    mixed = layers.MultiHeadAttention(2, 4)(start, start)
    mixed = layers.LayerNormalization()(mixed + start)
    return keras.Model(start, layers.GlobalAveragePooling1D()(mixed))


def _operations(keras):
    ops, start = keras.ops, keras.Input((8, 8, 3))
    value = ops.relu((start * 2.0 - 0.5) / 3)
    value = ops.concatenate([value, ops.sigmoid(value)], axis=-1)[:, 2:7, ::2, :]
    value = ops.reshape(ops.mean(value, axis=[1, 2]), (-1, 6)) ** 2
    value = value + np.arange(6, dtype="float32")
    return keras.Model(start, ops.clip(ops.softmax(value), 0, 0.9))


def _two_inputs(keras):
    start = {"a": keras.Input((4,), name="a"), "b": keras.Input((4,), name="b")}
    both = keras.layers.Concatenate()([start["a"], start["b"]])
    return keras.Model(list(start.values()), keras.layers.Dense(2)(both))


def _mixed(keras):
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((6, 6, 3)), layers.Conv2D(2, 3, dtype="mixed_float16"), layers.Flatten(), layers.Dense(2)]
    )


def _brain_float(keras):
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, dtype="bfloat16"), keras.layers.Dense(2)])


def _open_sides(keras):
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((None, None, 3), batch_size=2), layers.Conv2D(2, 40), layers.GlobalMaxPooling2D()]
    )


NETWORKS = {
    "sequential": (_sequential, "keras h5"),
    "functional": (_functional, "keras h5"),
    "zoo": (_zoo, "keras h5"),
    "attention": (_attention, "keras"),
    "operations": (_operations, "keras h5"),
    "two inputs": (_two_inputs, "keras h5"),
    "mixed precision": (_mixed, "keras h5"),
    "brain float": (_brain_float, "keras"),
}


@pytest.mark.parametrize(
    ("name", "ending"), [(name, ending) for name, (_, endings) in NETWORKS.items() for ending in endings.split()]
)
def test_networks_of_built_in_layers_come_out_as_they_were(name, ending, tmp_path):
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(3)
    model = NETWORKS[name][0](keras)
    data = saved(model, ending, tmp_path)
    opened = open_model(data)
    same(opened, model)
    assert not opened.compiled
    if ending == "keras":
        assert opened.get_config() == keras.saving.load_model(tmp_path / "model.keras").get_config()


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("My model", "My_model"),
        ("Cats vs Dogs, 2nd", "Cats_vs_Dogs__2nd"),
        ("_größe 1.5-a", "gr__e_1.5-a"),
        ("猫", "model"),
        ("", "model"),
        ("net_1.5-a", "net_1.5-a"),
    ],
)
def test_a_whole_model_may_have_any_name_and_gets_one_that_tensorflow_takes(name, taken, ending, tmp_path):
    import keras

    keras.utils.set_random_seed(3)
    inner = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(3, 3)], name="inner")
    start = keras.Input((8, 8, 3))
    model = keras.Model(start, keras.layers.Dense(2)(keras.layers.Flatten()(inner(start))), name=name)
    opened = open_model(saved(model, ending, tmp_path))
    assert (opened.name, opened.layers[1].name) == (taken, "inner")
    same(opened, model)


@pytest.mark.parametrize("name", ["My model", "猫"])
def test_a_sequential_of_any_name_opens(name):
    config = files.network(files.layer("Flatten"), files.dense(name="dense"), name=name)
    fill = files.numbers(dense__0=MATRIX, dense__1=BIAS)
    for unnamed in (config, files.without_module(config)):
        assert np.array_equal(open_model(files.keras_file(unnamed, files.h5(fill))).get_weights()[0], MATRIX)


def test_open_sides_are_tried_until_the_network_fits(tmp_path):
    import keras

    model = _open_sides(keras)
    opened = open_model(saved(model, "keras", tmp_path))
    assert opened.input_shape == (2, None, None, 3)


def test_a_network_trained_with_a_loss_of_the_visitors_own_opens_uncompiled(tmp_path):
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])

    def own_loss(truth, prediction):
        return keras.ops.mean((truth - prediction) ** 2)

    model.compile("adam", own_loss, metrics=["mae"])
    model.fit(np.zeros((4, 4)), np.zeros((4, 2)), verbose=0)
    same(open_model(saved(model, "keras", tmp_path)), model)


def test_a_nested_mobilenet_comes_out_as_it_was(tmp_path):
    import keras

    keras.utils.set_random_seed(1)
    base = keras.applications.MobileNet((32, 32, 3), alpha=0.25, weights=None, include_top=False)
    start = keras.Input((32, 32, 3))
    inner = base(keras.layers.Rescaling(1 / 127.5, offset=-1)(start), training=False)
    model = keras.Model(start, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(inner)))
    same(open_model(saved(model, "keras", tmp_path)), model)


BUNDLED = sorted((Path(__file__).resolve().parents[1] / "assets" / "models").glob("*.keras"))


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.stem)
def test_the_bundled_networks_come_through_the_door(path):
    import keras

    same(open_model(path.read_bytes()), keras.saving.load_model(path, compile=False))


def test_a_file_made_by_hand_opens():
    matrix, bias = np.arange(384, dtype="f4").reshape(192, 2), np.array([5, 6], "f4")
    config = files.network(files.layer("Flatten"), files.dense())
    opened = open_model(files.keras_file(config, files.h5(files.numbers(dense__0=matrix, dense__1=bias))))
    assert np.array_equal(opened.get_weights()[0], matrix)
    assert np.allclose(opened(np.ones((1, 8, 8, 3)))[0], matrix.sum(axis=0) + bias)


def _keras_2(keras) -> tuple[dict, object]:
    """A network as Keras 2 described it, and the same of Keras 3: nested, with settings that are gone."""
    layers = keras.layers
    keras.utils.set_random_seed(5)
    start = keras.Input((8, 8, 3), name="start")
    base = keras.Sequential(
        [
            keras.Input((8, 8, 3), name="conv_input"),
            layers.DepthwiseConv2D(3, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.SeparableConv2D(4, 3, name="separable"),
        ],
        name="base",
    )
    inner = layers.LeakyReLU(0.3, name="leaky")(base(start))
    model = keras.Model(start, layers.Dense(2, name="dense")(layers.Flatten(name="flat")(inner)))
    config = files.without_module(json.loads(json.dumps(model.get_config())))
    first, nested, leaky, flat, dense = config["layers"]
    first["config"]["batch_input_shape"] = first["config"].pop("batch_shape")
    conv, norm, separable = nested["config"]["layers"][1:]
    nested["config"]["layers"] = [conv, norm, separable]  # no input layer: the shape stands in the first
    conv["config"] |= {"batch_input_shape": [None, 8, 8, 3], "groups": 1}
    norm["config"]["axis"] = [3]
    separable["config"] |= {"groups": 1, "kernel_initializer": "zeros", "kernel_regularizer": None}
    leaky["config"]["alpha"] = leaky["config"].pop("negative_slope")
    for part in (first, nested, leaky, flat, dense, conv, norm, separable):
        part["config"]["dtype"] = {"class_name": "Policy", "config": {"name": "float32"}}
    for part, use in ((nested, ["start", 0, 0, {}]), (leaky, ["base", 1, 0, {}]), (flat, ["leaky", 0, 0, {}])):
        part["inbound_nodes"] = [[use]]
    dense["inbound_nodes"] = [[["flat", 0, 0, {}]]]
    config |= {"input_layers": [["start", 0, 0]], "output_layers": [["dense", 0, 0]]}
    return {"class_name": "Model", "config": config}, model


def test_a_network_as_keras_2_saved_it_opens(tmp_path):
    import keras

    config, model = _keras_2(keras)
    data = io.BytesIO(saved(model, "h5", tmp_path))
    with h5py.File(data, "r+") as file:
        file.attrs["model_config"] = json.dumps(config)
    opened = open_model(data.getvalue())
    same(opened, model)
    assert opened.input_shape == (None, 8, 8, 3)


def test_a_sequential_of_the_oldest_kind_is_described_anew():
    old = [files.dense(3, batch_input_shape=[None, 4]), files.dense(2, name="second")]
    config = legacy.modernize(files.without_module({"class_name": "Sequential", "config": old}))
    configs.vet(config)
    kinds = [(part["class_name"], part["module"]) for part in config["config"]["layers"]]
    assert kinds == [("InputLayer", "keras.layers"), ("Dense", "keras.layers"), ("Dense", "keras.layers")]
    assert config["config"]["layers"][0]["config"]["batch_shape"] == [None, 4]


def test_every_class_of_the_catalogue_is_keras_own():
    import importlib

    import keras

    for name in catalogue.LAYERS:
        assert issubclass(getattr(keras.layers, name), keras.layers.Layer)
        assert getattr(keras.layers, name) is not keras.layers.Lambda
    for module, names in (catalogue.OPERATIONS | catalogue.SETTINGS).items():
        assert all(isinstance(getattr(importlib.import_module(module), name), type) for name in names)
    for name, module in (catalogue.MODELS | catalogue.OF_APPLICATIONS).items():
        assert isinstance(getattr(importlib.import_module(module), name), type)
    assert all(keras.activations.get(name) for name in catalogue.ACTIVATIONS)
    assert not catalogue.LAYERS & set(catalogue.REFUSED)


# What is hostile stays out -------------------------------------------------------------------------------------------


@pytest.fixture
def no_keras(monkeypatch):
    """Whatever reaches Keras in this test fails."""

    def reached(*_args):
        raise AssertionError("Keras was reached")

    monkeypatch.setattr(models, "_build", reached)


def refused(data: bytes, sentence: str) -> None:
    """The file is refused within a second, in one sentence that a page can show."""
    begin = time.process_time()  # a busy machine is not the file's fault
    with pytest.raises(ConvvizError, match=sentence) as caught:
        open_model(data)
    assert time.process_time() - begin < 1
    message = str(caught.value)
    assert "; " in message
    assert not set(message) & set("<>[]`*$|\\\n")
    assert len(message) < 400


BYTES = {
    "empty": (b"", "this file is empty"),
    "text": (b"hello", "no Keras model"),
    "pickle": (b"\x80\x04\x95", "a Python pickle"),
    "TensorFlow Lite": (b"\x1c\x00\x00\x00TFL3", "TensorFlow Lite"),
    "JSON": (b'{"class_name": "Sequential"}', "a description without weights"),
    "PyTorch": (zips.pack({"net/data.pkl": b"", "net/version": b"3"}), "a PyTorch file"),
    "SavedModel": (zips.pack({"model/saved_model.pb": b""}), "TensorFlow's SavedModel"),
    "zipped model": (zips.pack({"model.keras": b""}), "unpack it"),
    "zip of pictures": (zips.pack({"a.png": b""}), "this archive is no Keras model"),
    "no weights": (zips.pack({"config.json": b"{}"}), "no Keras model"),
    "assets": (files.keras_file(files.network(), assets__words_txt=b"x"), "brings files of its own"),
    "npz": (files.keras_file(files.network(), model_weights_npz=b"x"), "brings files of its own"),
    "twice": (
        zips.twice({"config.json": b"{}", "model.weights.h5": b"", "metadata.json": b""}, "config.json", b"{}"),
        "two files of the same name",
    ),
    "locked": (zips.patched(files.keras_file(files.network()), 8, b"\x01\x00"), "locked with a password"),
    "cut off": (files.keras_file(files.network())[:-30], "cut off or damaged"),
    "huge JSON": (
        zips.patched(
            zips.pack({"config.json": b"{}", "model.weights.h5": b""}, method=zipfile.ZIP_DEFLATED),
            24,
            (2**31).to_bytes(4, "little"),
        ),
        "unpacks to 2,147 MB",
    ),
    "broken HDF5": (files.keras_file(files.network(), b"\x89HDF\r\n\x1a\n"), "weights are cut off"),
    "cut off HDF5": (files.h5_file(files.network())[:900], "weights are cut off"),
    "weights alone": (files.h5(files.numbers(dense__0=np.zeros(3))), "the weights alone"),
}


@pytest.mark.parametrize("name", BYTES)
def test_other_files_are_named(name, no_keras):
    refused(*BYTES[name])


def test_a_model_of_more_than_200_mb_is_refused(no_keras):
    refused(bytes(200_000_001), "more than 200 MB")


TEXTS = {
    "no JSON": (b"{", "damaged"),
    "a list": (b"[]", "damaged"),
    "not UTF-8": (b'{"a": "\xff\xfe"}', "damaged"),
    "a key twice": (b'{"class_name": "Sequential", "class_name": "Lambda"}', "damaged"),
    "NaN": (b'{"a": NaN}', "damaged"),
    "Infinity": (b'{"a": -Infinity}', "damaged"),
    "beyond floats": (b'{"a": 1e999}', "the number inf"),
    "a long number": (b'{"a": ' + b"9" * 5000 + b"}", "damaged"),
    "a large number": (b'{"a": 10000001}', "the number 1e"),
    "very deep": (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "damaged|nested deeper"),
    "deep": (b'{"a": ' + b"[" * 61 + b"]" * 61 + b"}", "nested deeper"),
    "a long list": (b'{"a": [' + b"0," * 5000 + b"0]}", "lists more than"),
    "a long word": (b'{"a": "' + b"x" * 100_001 + b'"}', "a text of 100,001"),
    "a long text": (b'{"a": [' + b'"xxxxxxxxx",' * 500_000 + b"0]}", "more than 5 MB|unpacks to"),
    "nothing": (b"{}", "a part None"),
    "numbers as names": (b'{"class_name": 5, "config": {}}', "a part 5"),
    "lists as names": (b'{"class_name": ["Sequential"], "config": {}}', "a part"),
    "no settings": (b'{"class_name": "Sequential", "config": null}', "not known here"),
    "numbers as layers": (b'{"class_name": "Sequential", "config": {"layers": 5, "inbound_nodes": 5}}', ""),
}


@pytest.mark.parametrize("name", sorted(set(TEXTS) - {"numbers as layers"}))
@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_descriptions_beyond_reason_are_refused(name, ending, no_keras):
    text, sentence = TEXTS[name]
    if ending == "h5" and len(text) > 60_000:
        data = files.h5(lambda file: file.attrs.create("model_config", text, dtype=h5py.string_dtype()))
    else:
        data = files.keras_file(text) if ending == "keras" else files.h5_file(text)
    refused(data, sentence)


def test_seeds_and_shared_object_ids_may_be_large(no_keras):
    config = files.network(files.layer("Dropout", rate=0.5, seed=2**40) | {"shared_object_id": 140_000_000_000_000})
    with pytest.raises(AssertionError, match="Keras was reached"):
        open_model(files.keras_file(config))


LAMBDA = files.layer("Lambda", function={"class_name": "function", "module": "keras.config", "config": "set_floatx"})
MARSHALLED = files.layer("Lambda", function={"class_name": "__lambda__", "config": {"code": "4wEAAAA"}})
PARTS = {  # what must be refused, wherever it stands -> the sentence
    "a Lambda that calls Keras": (LAMBDA, "a part Lambda, which runs code"),
    "a marshalled Lambda": (MARSHALLED, "a part Lambda|a part __lambda__"),
    "a Lambda without module": (files.without_module(LAMBDA), "a part Lambda|set_floatx"),
    **{
        name: (files.layer(name), f"a part {name}, which")
        for name in sorted(set(catalogue.REFUSED) - {"Lambda", "__lambda__", "__typespec__"})
    },
    "a type": ({"class_name": "__typespec__", "spec_name": "TensorSpec", "config": {}}, "TensorFlow objects"),
    "a visitor's own layer": (files.layer("Swishy", None) | {"registered_name": "lab>Swishy"}, "a part lab Swishy"),
    "another module": (files.layer("Dense", "os"), "a part Dense from os"),
    "another module's class": (files.layer("system", "os"), "a part system from os"),
    "a name that is registered": (files.layer("Dense") | {"registered_name": "lab>Dense"}, "a part lab Dense"),
    "Keras' file editor": (files.layer("KerasFileEditor", "keras.saving"), "a part KerasFileEditor"),
    "a function of Keras'": (files.layer("load_data", "keras.datasets.mnist"), "a part load_data"),
    "a function of the layers' module": (files.without_module(files.layer("deserialize")), "a part deserialize"),
    "an application": (files.layer("VGG19", "keras.applications"), "a part VGG19"),
    "an operation that loops": (files.layer("WhileLoop", "keras.src.ops.core"), "a part WhileLoop"),
    "an operation that fills": (files.layer("Full", "keras.src.ops.numpy"), "a part Full"),
    "a layer under an operation's module": (files.layer("Dense", "keras.src.ops.numpy"), "a part Dense"),
    "extra keys": (files.layer("Flatten") | {"spec_name": "x"}, "described in a way not known|a part Flatten"),
}


@pytest.mark.parametrize("name", PARTS)
def test_parts_that_are_not_in_the_catalogue_are_refused_wherever_they_stand(name, no_keras):
    part, sentence = PARTS[name]
    sentence = sentence.replace("a part ", "(a part|a class of its own,) ")  # where it is the whole model
    wrapper = files.layer("TimeDistributed", layer=part)
    nest = files.network(files.network(part, name="inner"))
    for config in (
        part,
        files.network(part),
        files.network(files.dense(kernel_initializer=part)),
        files.network(files.dense(activation=part)),
        files.network(files.layer("Flatten") | {"build_config": {"input_shape": part}}),
        files.network(wrapper),
        nest,
        files.graph(part),
        files.graph(files.dense(), calls=[part]),
        files.graph(files.dense(), calls=[{"key": [part]}]),
        files.without_module(nest) if "module" not in part and "class_name" in part else nest,
    ):
        refused(files.keras_file(config), sentence)
        refused(files.h5_file(config), sentence)


def test_a_refused_layer_is_named_as_its_maker_did(no_keras):
    named = {**LAMBDA, "config": {**LAMBDA["config"], "name": "my_divide"}}
    refused(files.keras_file(files.network(named)), r"this model has a part Lambda \(my_divide\), which runs code")


def test_a_layer_without_a_name_is_refused_wherever_it_stands(no_keras):
    bare = files.dense(name="")
    wrapped = files.layer("TimeDistributed", layer=bare)
    for config in (
        files.network(bare),
        files.graph(bare),
        files.network(wrapped),
        files.network(files.network(bare, name="inner")),
        files.without_module(files.network(bare)),
    ):
        sentence = r"^a Dense layer of this model has no name; give it a name of letters .*, and save the model again$"
        refused(files.keras_file(config), sentence)
        refused(files.h5_file(config), sentence)
    refused(files.keras_file(files.network(files.network(files.dense(), name=""))), "a Sequential layer .* has no name")


def test_a_model_of_a_visitors_own_class_is_refused_as_a_whole_with_the_way_out(no_keras):
    own = {"module": "lab", "class_name": "Mine", "config": {}, "registered_name": "Custom>Mine"}
    refused(files.keras_file(own), "the whole model is of a class of its own, Custom Mine, .*in a notebook.*zoo.wrap")
    refused(
        files.keras_file(files.network(own)), "this model has a part Custom Mine.*, .*replace it by built-in layers"
    )


WORDS = {
    "a vocabulary": (files.dense(vocabulary="/etc/passwd"), "asks for a file"),
    "a path": (files.dense(config={"filepath": "/etc/passwd"}), "asks for a file"),
    "an activation": (files.dense(activation="my_act"), "the activation my_act"),
    "a function of the layers' module": (files.dense(activation="deserialize"), "the activation deserialize"),
    "an inner activation": (files.layer("LSTM", units=2, recurrent_activation="get"), "the activation get"),
    "a function": (
        files.dense(activation={"class_name": "function", "module": "keras.config", "config": "set_floatx"}),
        "a part function",
    ),
    "a registered function": (
        files.dense(
            activation={
                "class_name": "function",
                "module": "builtins",
                "config": "relu",
                "registered_name": "lab>relu",
            }
        ),
        "a part lab relu",
    ),
    "a size as text": (files.dense("300000000"), "as text"),
}


@pytest.mark.parametrize("name", WORDS)
def test_words_that_would_be_looked_up_are_refused(name, no_keras):
    part, sentence = WORDS[name]
    refused(files.keras_file(files.network(part)), sentence)
    if name != "a registered function":
        refused(files.h5_file(files.without_module(files.network(part))), sentence)


def test_layers_are_called_with_tensors_and_numbers_only(no_keras):
    refused(files.keras_file(files.graph(files.dense(), calls=["/etc/passwd"])), "calls a layer with the word")
    refused(files.keras_file(files.graph(files.dense(), calls=[{"mode": "get"}])), "calls a layer with the word")
    constant = {"class_name": "__numpy__", "config": {"value": [1, 2], "dtype": "object"}}
    refused(files.keras_file(files.graph(files.dense(), calls=[constant])), "a constant of type object")
    constant = {"class_name": "__tensor__", "config": {"value": ["x"], "dtype": "float32"}}
    refused(files.keras_file(files.graph(files.dense(), calls=[constant])), "calls a layer with the word")
    legacy_call = files.graph(files.dense())
    legacy_call["config"]["layers"][1]["inbound_nodes"] = [[["start", 0, 0, {"mode": "get"}]]]
    refused(files.keras_file(legacy_call), "calls a layer with the word")


def test_names_of_parts_are_told_without_signs_that_a_page_would_read_as_markup(no_keras):
    refused(files.keras_file(files.network(files.layer("<b>*x*</b>[a](javascript:1)`$" + "y" * 500))), "a part")


SIZES = {
    "units": files.dense(300_000),
    "units as a float": files.dense(3e8),
    "no units": files.dense(0),
    "filters": files.layer("Conv2D", filters=70_000, kernel_size=[3, 3]),
    "kernel_size": files.layer("Conv2D", filters=1, kernel_size=[3, 9000]),
    "strides": files.layer("Conv2DTranspose", filters=1, kernel_size=[3, 3], strides=[5000, 5000]),
    "pool_size": files.layer("MaxPooling2D", pool_size=[2000, 1]),
    "dilation_rate": files.layer("Conv2D", filters=1, kernel_size=[3, 3], dilation_rate=2000),
    "size": files.layer("UpSampling2D", size=[2000, 2]),
    "padding": files.layer("ZeroPadding2D", padding=[[0, 9_000_000], [0, 0]]),
    "height": files.layer("Resizing", height=100_000, width=4),
    "n": files.layer("RepeatVector", n=1_000_000),
    "num_heads": files.layer("MultiHeadAttention", num_heads=5000, key_dim=2),
}


@pytest.mark.parametrize("name", SIZES)
def test_settings_out_of_range_are_refused(name, no_keras):
    refused(files.keras_file(files.network(SIZES[name])), "can be opened here")
    refused(files.h5_file(files.without_module(files.network(SIZES[name]))), "can be opened here")


@pytest.mark.parametrize(
    "shape", [(None, 5000, 8, 3), (300, 8, 8, 3), (0, 8, 8, 3), (None, 4000, 4000, 4), (None, -1), (None, 2e6)]
)
def test_inputs_beyond_reason_are_refused(shape, no_keras):
    refused(files.keras_file(files.network(files.dense(), shape=shape)), "takes inputs of shape")
    old = files.network(files.dense(batch_input_shape=list(shape)))
    del old["config"]["layers"][0]
    refused(files.h5_file(files.without_module(old)), "takes inputs of shape")


def test_too_many_and_too_deep_networks_are_refused(no_keras):
    long = files.graph(*[files.layer("ReLU", name=str(number)) for number in range(2000)])
    refused(files.keras_file(long), "has 2,002 layers")
    deep = files.network()
    for _ in range(10):
        deep = files.network(deep, name="again")
    open_refused = files.keras_file(deep)
    with pytest.raises(AssertionError, match="Keras was reached"):
        open_model(open_refused)
    for _ in range(20):
        deep = files.network(deep)
    refused(files.keras_file(deep), "nested deeper")
    refused(files.keras_file(files.network(*[files.layer("ReLU")] * 150)), "would call layers 11,476 times")
    bush = files.network(files.layer("Flatten"))
    for _ in range(6):
        bush = files.graph(bush) | {"name": "again"}
        bush["config"]["layers"][1]["inbound_nodes"] *= 10
    refused(files.keras_file(bush), "would call layers 3,580,239 times")


def test_layers_in_an_order_that_takes_keras_too_long_are_refused(no_keras):
    chain = files.graph(*[files.layer("ReLU", name=str(number)) for number in range(400)])
    with pytest.raises(AssertionError, match="Keras was reached"):
        open_model(files.keras_file(chain))
    chain["config"]["layers"].reverse()
    refused(files.keras_file(chain), "in an order that Keras takes too long for")


def test_a_layer_called_with_numbers_alone_would_compute_at_once_and_is_refused(no_keras):
    constant = {"class_name": "__numpy__", "config": {"value": [[[[1.0]]]], "dtype": "float32"}}
    for node in ({"args": [constant], "kwargs": {}}, {}, []):
        config = files.graph(files.layer("UpSampling2D", size=[1024, 1024]))
        config["config"]["layers"][1]["inbound_nodes"] = [node]
        refused(files.keras_file(config), "with numbers alone")


def _external(file):
    file.create_dataset("far", (4,), "f4", external=[("/etc/hostname", 0, 16)])


def _virtual(file):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/tmp/far.h5", "data", (4,))
    file.create_virtual_dataset("far", layout)


def _cycle(file):
    file["layers/again"] = file.create_group("layers")


def _twice(file):
    file["second"] = file.create_dataset("first", data=np.zeros(3))


def _deep(file):
    file.create_group("/".join("a" * 41))


def _names_twice(file):
    file.attrs["weight_names"] = np.array([b"dense/kernel", b"dense/kernel"])


HDF5 = {
    "a soft link": (lambda file: file.__setitem__("link", h5py.SoftLink("/layers")), "link to another place"),
    "an outer link": (lambda file: file.__setitem__("link", h5py.ExternalLink("/etc/passwd", "/")), "link to another"),
    "another file's numbers": (_external, "lie in another file"),
    "virtual numbers": (_virtual, "lie in another file"),
    "a cycle": (_cycle, "under several names"),
    "numbers twice": (_twice, "under several names"),
    "deep groups": (_deep, "more than 40 groups deep"),
    "a shape bomb": (
        lambda file: file.create_dataset("big", (30_000, 30_000), "f4", chunks=(100, 100), compression="gzip"),
        "more than 600 MB",
    ),
    "many halves of a bomb": (
        lambda file: [file.create_dataset(str(n), (9_000_000,), "f8", chunks=(1000,)) for n in range(9)],
        "more than 600 MB",
    ),
    "a chunk bomb": (
        lambda file: file.create_dataset("c", (4,), "f8", chunks=(2**27,), maxshape=(None,)),
        "cut off or damaged",
    ),
    "words": (lambda file: file.create_dataset("words", data=[b"a", b"b"]), "more than numbers"),
    "objects": (lambda file: file.create_dataset("o", (2,), h5py.ref_dtype), "more than numbers"),
    "rows of any length": (lambda file: file.create_dataset("v", (2,), h5py.vlen_dtype("f4")), "more than numbers"),
    "records": (lambda file: file.create_dataset("r", (2,), [("a", "f4"), ("b", "i4")]), "more than numbers"),
    "long numbers": (lambda file: file.create_dataset("l", (2,), np.longdouble), "more than numbers"),
    "nothing": (lambda file: file.create_dataset("e", data=h5py.Empty("f4")), "more than numbers"),
    "a type": (lambda file: file.__setitem__("t", np.dtype("f4")), "more than numbers"),
    "another packing": (lambda file: file.create_dataset("z", (9,), "f4", compression="lzf"), "packed in a rare way"),
    "weights listed twice": (_names_twice, "listed twice"),
    "weights by odd paths": (lambda file: file.attrs.create("weight_names", [b"./a"]), "odd paths"),
    "a long list": (lambda file: file.attrs.create("layer_names0", np.zeros(20_001, "S1")), "MB of notes"),
    "notes of objects": (lambda file: file.attrs.create("n", file.ref, dtype=h5py.ref_dtype), "neither text nor"),
}


@pytest.mark.parametrize("name", HDF5)
def test_hdf5_with_more_than_plain_numbers_is_refused(name, no_keras):
    fill, sentence = HDF5[name]
    refused(files.keras_file(files.network(files.dense()), files.h5(fill)), sentence)
    refused(files.h5_file(files.network(files.dense()), fill), sentence)


def test_a_description_that_hdf5_cannot_read_is_refused(no_keras):
    data = bytearray(model_files.ODD["h5"].make())
    data[912] = 1  # of the list of what is too long to stand in place
    refused(bytes(data), "description is damaged")


def test_links_are_not_followed(no_keras, tmp_path):
    target = tmp_path / "far.h5"
    target.write_bytes(b"no HDF5: whoever opens it stumbles")
    link = files.h5(lambda file: file.__setitem__("link", h5py.ExternalLink(str(target), "/")))
    refused(files.keras_file(files.network(files.dense()), link), "link to another place")


def test_many_objects_and_many_notes_are_refused(no_keras, monkeypatch):
    monkeypatch.setattr(weights, "MOST_OBJECTS", 20)
    groups = files.h5(lambda file: [file.create_group(str(number)) for number in range(20)])
    refused(files.keras_file(files.network(), groups), "pieces")
    notes = files.h5(lambda file: file.attrs.update({str(number): number for number in range(21)}))
    refused(files.keras_file(files.network(), notes), "pieces")
    monkeypatch.setattr(weights, "LARGEST_NOTES", 100)
    notes = files.h5(lambda file: file.attrs.create("note", np.zeros(99)))
    refused(files.keras_file(files.network(), notes), "MB of notes")


def test_plain_packings_and_scalars_are_read():
    def fill(file):
        file.create_dataset("layers/dense/vars/0", data=np.ones((192, 2), "f4"), compression="gzip", shuffle=True)
        file.create_dataset("layers/dense/vars/1", data=np.ones(2, "f4"), fletcher32=True, chunks=(1,))
        file.create_dataset("step", data=np.int64(7))
        file["layers/dense/vars"].attrs["name"] = "dense"

    opened = open_model(files.keras_file(files.network(files.layer("Flatten"), files.dense()), files.h5(fill)))
    assert opened(np.ones((1, 8, 8, 3)))[0, 0] == 193


def test_no_refusal_needs_tensorflow():
    program = (
        "import sys; "
        "from tests.hostile import models as files\n"
        "from convviz import uploads, ConvvizError\n"
        "bad = [files.keras_file(files.network(files.layer('Lambda'))), files.h5_file(files.network(files.dense(0)))]\n"
        "for data in [*bad, files.keras_file(files.network(files.dense()), b'x')]:\n"
        "    try: uploads.open_model(data)\n"
        "    except ConvvizError: pass\n"
        "print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "set()"


# What Keras would build, but no machine could run --------------------------------------------------------------------

BOMBS = {
    "parameters": (files.network(files.dense(60_000), files.dense(60_000, name="b")), "million parameters"),
    "parameters by a build": (
        files.network(files.dense(60_000) | {"build_config": {"input_shape": [None, 900_000]}}, shape=(None, 900_000)),
        "million parameters",
    ),
    "an embedding": (files.network(files.layer("Embedding", input_dim=9_000_000, output_dim=900)), "million"),
    "upsampling": (files.network(files.layer("UpSampling2D", size=[1024, 1024])), "numbers at once"),
    "upsampling twice": (
        files.network(*[files.layer("UpSampling2D", size=[90, 90], name=str(n)) for n in range(2)]),
        "numbers at once",
    ),
    "padding": (files.network(files.layer("ZeroPadding2D", padding=[[4000, 4000], [4000, 4000]])), "numbers at once"),
    "resizing": (
        files.network(files.layer("Resizing", height=4096, width=4096), files.layer("Flatten")),
        "numbers at once",
    ),
    "transposed strides": (
        files.network(files.layer("Conv2DTranspose", filters=2, kernel_size=[1, 1], strides=[1000, 1000])),
        "numbers at once",
    ),
    "repeating": (
        files.network(
            files.layer("Flatten"),
            files.layer("RepeatVector", n=60_000),
            files.layer("Flatten", name="flat"),
            files.layer("RepeatVector", n=60_000, name="again"),
        ),
        "numbers at once",
    ),
    "time steps written out": (
        files.network(files.layer("TimeDistributed", layer=files.dense()), shape=(None, 4096, 4)),
        "repeats a layer 4,096 times",
    ),
    "time steps within time steps": (
        files.network(
            files.layer("TimeDistributed", layer=files.layer("TimeDistributed", layer=files.dense())),
            shape=(None, 80, 80, 4),
        ),
        "repeats a layer 6,400 times",
    ),
    "a batch": (files.network(files.layer("UpSampling2D", size=[32, 32]), shape=(256, 9, 9, 3)), "numbers at once"),
    "wide windows": (
        files.network(
            files.layer("MaxPooling2D", pool_size=[900, 900], strides=[1, 1], padding="same"), shape=(None, 900, 900, 3)
        ),
        "billion steps",
    ),
    "wide kernels": (
        files.network(
            files.layer("Conv2D", filters=9, kernel_size=[500, 500], padding="same"), shape=(None, 500, 500, 3)
        ),
        "billion steps",
    ),
}  # fmt: skip


def test_the_cost_of_a_prediction_is_counted_as_the_textbooks_count_it():
    import keras
    import tensorflow as tf

    layers = keras.layers
    counted = {
        layers.Conv2D(16, 3, padding="same", use_bias=False): 32 * 32 * 16 * 3 * 3 * 8,
        layers.Conv2D(16, 3, groups=4, use_bias=False): 30 * 30 * 16 * 3 * 3 * 2,
        layers.DepthwiseConv2D(5, use_bias=False): 28 * 28 * 8 * 25,
        layers.Conv2DTranspose(16, 4, strides=2, use_bias=False): 32 * 32 * 8 * 4 * 4 * 16,
        layers.Dense(50, use_bias=False): 32 * 32 * 8 * 50,
        layers.EinsumDense("abcd,bcde->ae", 50): 32 * 32 * 8 * 50,
        layers.MaxPooling2D(8, strides=1): 25 * 25 * 8 * 64,
    }
    for layer, expected in counted.items():
        model = keras.Sequential([keras.Input((32, 32, 8)), layer])
        graph = (
            tf.function(lambda picture, model=model: model(picture))
            .get_concrete_function(tf.TensorSpec((1, 32, 32, 8)))
            .graph
        )
        most, _, work = trial.measure(graph, model)
        assert most == max(32 * 32 * 8, np.prod(model.output_shape[1:]))
        assert expected <= work <= 1.1 * expected + 200_000


@pytest.mark.parametrize("name", BOMBS)
def test_networks_that_no_machine_could_run_are_refused_before_they_run(name, monkeypatch):
    import keras

    config, sentence = BOMBS[name]
    monkeypatch.setattr(keras.Model, "predict", None)
    with pytest.raises(ConvvizError, match=sentence):
        trial.predict_once(_built(config))


def _built(config):
    """The network of a description, its weights nought, as ``_build`` has it before the prediction."""
    import keras

    configs.vet(legacy.modernize(json.loads(json.dumps(config))))
    with trial.budget():
        return keras.saving.deserialize_keras_object(json.loads(json.dumps(config)), safe_mode=True)


def test_the_budget_counts_this_threads_layers_only_and_leaves_nothing_behind(monkeypatch):
    import keras

    monkeypatch.setattr(trial, "MOST_PARAMETERS", 1000)
    before = keras.layers.Layer.add_weight
    with trial.budget():
        with ThreadPoolExecutor(1) as other:
            other.submit(keras.layers.Dense(2).build, (None, 5000)).result()
        layer = keras.layers.Dense(3, kernel_initializer="ones")
        layer.build((None, 300))
    assert not layer.kernel.numpy().any()
    assert isinstance(layer.kernel_initializer, keras.initializers.Ones)
    with pytest.raises(ConvvizError, match="million parameters"), trial.budget():
        keras.layers.Dense(3).build((None, 400))
    assert keras.layers.Layer.add_weight is before


def test_orthogonal_matrices_cost_nothing():
    import keras

    begin = time.process_time()
    with trial.budget():
        keras.layers.LSTM(3000).build((None, 4, 8))
    assert time.process_time() - begin < 3


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_full_disk_is_said_and_leaves_nothing_behind(tmp_path):
    program = (
        "import resource, sys, tempfile\n"
        "from tests.hostile import models as files; from convviz import training, uploads, zoo, ConvvizError\n"
        "network = zoo.load('mnist')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500)); tempfile.tempdir = sys.argv[1]\n"
        "for save in (zoo.to_bytes, training.whole_h5):\n"  # HDF5 would take the process with it
        "    try: save(network)\n"
        "    except OSError as failure: print(save.__name__, failure.strerror)\n"
        "try: uploads.open_model(files.keras_file(files.network(files.dense())))\n"
        "except ConvvizError as refusal: print(refusal)"
    )
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, cwd=root, check=True
    )
    assert "no room left on its disk" in done.stdout, done.stderr
    assert "to_bytes File too large" in done.stdout
    assert "whole_h5 File too large" in done.stdout
    assert not list(tmp_path.iterdir())


MATRIX, BIAS = np.ones((192, 2), "f4"), np.ones(2, "f4")


def _dense(name="dense", **arrays) -> bytes:
    """A small network with a layer of that name and these weights."""
    config = files.network(files.layer("Flatten"), files.dense(name=name))
    return files.keras_file(config, files.h5(files.numbers(**arrays)))


def _named(name: str) -> bytes:
    return _dense(name, dense__0=MATRIX, dense__1=BIAS)


def _old(*arrays: str, shape: tuple = (192, 2)) -> bytes:
    """The same as Keras 2 kept it, with some of its weights."""

    def fill(file):
        group = file["model_weights"]
        group.attrs["layer_names"] = np.array([b"flatten", b"dense"] if arrays else [], "S7")
        for name in ("flatten", "dense") if arrays else ():
            found = [f"dense/{one}:0" for one in arrays] if name == "dense" else []
            group.create_group(name).attrs["weight_names"] = np.array(found, "S20")
            for one in found:
                group[name][one] = np.ones(shape if "kernel" in one else 2, "f4")

    return files.h5_file(files.network(files.layer("Flatten"), files.dense()), fill)


def _joined(kind: str) -> bytes:
    """Maps of two sizes, which come together."""
    config = files.graph(files.layer("Cropping2D", cropping=[[1, 1], [0, 0]]), files.layer(kind))
    both = [files.tensor("start"), files.tensor("cropping2d")]
    config["config"]["layers"][2]["inbound_nodes"] = [{"args": [both], "kwargs": {}}]
    return files.keras_file(config)


def _one(kind: str, **settings) -> bytes:
    return files.keras_file(files.network(files.layer(kind, **settings)))


RENAME = "; give the layer a name of letters a to z, digits and _, and save the model again"
CHANGED = "; the file is not whole or was changed: save the model again with the program that made it"
FAULTS = {
    "a quotation mark in a name": (
        lambda: _named('say "hi"'), "the layer name “say  hi” has signs that TensorFlow does not take" + RENAME,
    ),
    "an apostrophe in a name": (
        lambda: _named("'it's' mine"), "the layer name “it s  mine” has signs that TensorFlow does not take" + RENAME,
    ),
    "a blank in a name": (
        lambda: _named("my layer"), "the layer name “my layer” has signs that TensorFlow does not take" + RENAME,
    ),
    "another alphabet in a name": (
        lambda: _named("größe"), "the layer name “größe” has signs that TensorFlow does not take" + RENAME,
    ),
    "a name of signs alone": (
        lambda: _named("***"), "the name of a layer has nothing but signs that TensorFlow does not take" + RENAME,
    ),
    "a name that cannot be seen": (
        lambda: _named("\u200b"), "the name of a layer has nothing but signs that TensorFlow does not take" + RENAME,
    ),
    "a stroke in a name": (
        lambda: _named("block/dense"), "the layer name “block/dense” has signs that Keras does not take" + RENAME,
    ),
    "a name twice": (
        lambda: files.keras_file(files.network(*[files.layer("ReLU", name="same")] * 2)),
        "two layers of this model have the name “same”; give one of them another name and save the model again",
    ),
    "no weights": (
        _dense, "the layer “dense” needs 2 arrays of weights (kernel, bias), and this file has 0 for it" + CHANGED,
    ),
    "half of the weights": (
        lambda: _dense(dense__0=MATRIX),
        "the layer “dense” needs 2 arrays of weights (kernel, bias), and this file has 1 for it" + CHANGED,
    ),
    "weights of another shape": (
        lambda: _dense(dense__0=MATRIX.T, dense__1=BIAS),
        "the layer “dense” takes weights of shape (192, 2), and this file has (2, 192) for it" + CHANGED,
    ),
    "h5 without weights": (
        _old, "this model has 1 layer with weights, and this file has those of 0" + CHANGED,
    ),
    "h5 with half of the weights": (
        lambda: _old("kernel"), "the layer “dense” needs 2 arrays of weights, and this file has 1 for it" + CHANGED,
    ),
    "h5 with weights of another shape": (
        lambda: _old("kernel", "bias", shape=(5, 2)),
        "the layer “dense” takes weights of shape (192, 2), and this file has (5, 2) for it" + CHANGED,
    ),
    "h5 of a description alone": (
        lambda: files.h5(lambda file: file.attrs.update(model_config=json.dumps(files.network(files.dense())))),
        "this file holds a network's description without its weights; save the whole network with "
        "model.save('name.keras') and open that",
    ),
    "h5 whose layers are gone": (
        lambda: files.h5_file(files.network(files.dense()), lambda file: file["model_weights"].attrs.update(
            layer_names=np.array([b"dense"]))),
        "weights of this model are missing in its file (dense)" + CHANGED,
    ),
    "a kernel larger than its input": (
        lambda: _one("Conv2D", filters=1, kernel_size=[9, 9]),
        "a window of 9 × 9 cells does not fit into the 8 × 8 × 3 numbers that come to it" + CHANGED,
    ),
    "a dilated kernel larger than its input": (
        lambda: _one("Conv2D", filters=1, kernel_size=[3, 3], dilation_rate=[4, 4]),
        "a window of 3 × 3 cells, 4 × 4 apart, does not fit into the 8 × 8 × 3 numbers that come to it" + CHANGED,
    ),
    "pooling larger than its input": (
        lambda: _one("MaxPooling2D", pool_size=[9, 2]),
        "a window of 9 × 2 cells does not fit into the 8 × 8 × 3 numbers that come to it" + CHANGED,
    ),
    "a window larger than any size that is tried": (
        lambda: files.keras_file(
            files.network(files.layer("MaxPooling2D", pool_size=[400, 400]), shape=(None, None, None, 3))
        ),
        "this network leaves the sides of its input open and works with none of 32, 96, 224 and 299 pixels; give its "
        "input the size that it takes and save the model again",
    ),
    "a blank in a name and sides that are open": (
        lambda: files.keras_file(files.network(files.layer("ReLU", name="my layer"), shape=(None, None, None, 3))),
        "the layer name “my layer” has signs that TensorFlow does not take" + RENAME,
    ),
    "numbers that cannot be rearranged": (
        lambda: _one("Reshape", target_shape=[5, 5]),
        "the layers of this model do not fit together (The total size of the tensor must be unchanged. Received: "
        "input_shape=(8, 8, 3), target_shape=(5, 5))" + CHANGED,
    ),
    "a convolution of what is no map": (
        lambda: files.keras_file(
            files.network(files.layer("Flatten"), files.layer("Conv2D", filters=1, kernel_size=[3, 3]))
        ),
        "the layers of this model do not fit together (Input 0 with name None of layer conv2d is incompatible with the "
        "layer: expected min_ndim=4, found ndim=2. Full shape received: (None, 192))" + CHANGED,
    ),
    "maps of two sizes added": (
        lambda: _joined("Add"),
        "the layers of this model do not fit together (Inputs have incompatible shapes. Received shapes (8, 8, 3) and "
        "(6, 8, 3))" + CHANGED,
    ),
    "a setting that is none": (
        lambda: _one("Dense", units="two", activation="linear"),
        "Keras cannot build this network (Received an invalid value for units , expected a positive integer. "
        "Received: units=two)" + CHANGED,
    ),
    "a setting of another version": (
        lambda: files.keras_file(files.network(files.layer("Flatten"), files.dense(colour="red"))),
        "Keras cannot build this network (Unrecognized keyword arguments passed to Dense: colour : red); "
        "save it again with a current Keras",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_what_keras_refuses_is_said_with_the_values_and_what_to_do(name):
    make, sentence = FAULTS[name]
    with pytest.raises(ConvvizError) as caught:
        open_model(make())
    assert str(caught.value) == sentence
    assert not set(str(caught.value)) & set('<>[]`*$|\\\n"')


def test_a_network_for_which_tensorflow_finds_no_memory_is_not_called_damaged():
    import tensorflow as tf

    error = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[9,9]")
    assert refusals.sentence(error) == "there is not enough memory for this network; open a smaller one"


@pytest.mark.parametrize(
    "told", ["'" * 2_000_000, "Layer '" * 300_000, "Exception encountered when calling " * 60_000, "named " * 300_000]
)
def test_a_long_error_holds_nothing_up(told):
    began = time.process_time()
    assert "; " in refusals.sentence(ValueError(told))
    assert time.process_time() - began < 1


def test_the_gist_of_an_error_is_its_innermost_line_without_paths():
    error = ValueError("Could not build.\n\nException encountered: no file /tmp/secret/model.keras for <b>x</b>\nmore")
    assert refusals.gist(error) == "no file for"
    assert refusals.gist(KeyError()) == "KeyError"
    inner = "in user code:\n\n File\n\n Exception encountered when calling A.call().\n \n \x1b[1m'x' is bad\x1b[0m"
    assert refusals.gist(ValueError(inner)) == "x is bad"
    assert len(refusals.gist(ValueError("word " * 99))) <= 200


def test_opening_changes_no_setting_of_the_process_and_leaves_no_file(tmp_path, monkeypatch):
    import keras

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = keras.config.floatx(), keras.config.image_data_format(), keras.config.dtype_policy().name
    config = files.network(files.layer("Flatten"), files.dense())
    fill = files.numbers(dense__0=np.zeros((192, 2), "f4"), dense__1=np.zeros(2, "f4"))
    open_model(files.keras_file(config, files.h5(fill)))
    with pytest.raises(ConvvizError, match="needs 2 arrays of weights"):
        open_model(files.keras_file(config, files.h5()))
    assert (keras.config.floatx(), keras.config.image_data_format(), keras.config.dtype_policy().name) == before
    assert not list(tmp_path.iterdir())


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_description_with_changed_parts_passes_or_is_refused_in_a_sentence(data):
    config = files.graph(files.layer("Flatten"), files.dense())
    strange = st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just([]), st.just({}),
        st.just({"class_name": []}), st.just({"class_name": "Dense", "config": 3}), st.lists(st.integers(), max_size=3),
    )  # fmt: skip
    place = config
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else list(range(len(place)))))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            place[key] = data.draw(strange)
            break
        place = place[key]
    try:
        models._vetted(json.dumps(config).encode())
    except ConvvizError as refusal:
        sentence = str(refusal)
        assert "; " in sentence


# What ConvViz itself saved -------------------------------------------------------------------------------------------


def _ours(**note):
    """A network as ConvViz saves it, with this note in place of its own."""
    data = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(zoo.to_bytes(zoo.load("mnist")))) as own, zipfile.ZipFile(data, "w") as other:
        for name in own.namelist():
            other.writestr(name, own.read(name) if name != "convviz.json" else json.dumps(note) if note else "{")
    return data.getvalue()


@pytest.mark.parametrize("name", ["mnist", "shapes"])
def test_what_was_saved_here_opens_here_with_its_classes_and_its_range(name):
    network = zoo.load(name)
    data = zoo.to_bytes(network)
    opened = open_network(data, **open_note(data))
    same(opened.model, network.model)
    assert opened.card.class_names == network.card.class_names
    assert opened.card.value_range == network.card.value_range
    assert "Output" not in opened.card.guessed
    assert "Input values" not in opened.card.guessed


@pytest.mark.parametrize(
    ("note", "found"),
    [
        ({}, {}),
        ({"class_names": ["a", "b"], "input_range": None}, {"class_names": ("a", "b")}),
        ({"class_names": None, "input_range": [0, 255]}, {"input_range": (0.0, 255.0)}),
        ({"class_names": ["a\x00\u202eb"], "input_range": None}, {"class_names": ("ab",)}),
        ({"class_names": ["x" * 201], "input_range": [0, 1]}, {}),
        ({"class_names": ["a"] * 25_001, "input_range": [0, 1]}, {}),
        ({"class_names": [["a"], 3], "input_range": [0, 1]}, {}),
        ({"class_names": {"0": "a"}, "input_range": [1, 0]}, {}),
        ({"class_names": None, "input_range": [0, float("inf")]}, {}),
        ({"class_names": None, "input_range": [0, 1, 2]}, {}),
        ({"input_range": [0, 1]}, {}),
    ],
)
def test_a_note_beside_a_network_is_taken_only_where_it_is_one(note, found):
    data = _ours(**note)
    assert open_note(data) == found
    assert open_model(data).count_params() == 93_322


def test_other_files_have_no_note():
    assert open_note(files.keras_file(files.network())) == {}
    assert open_note(b"\x89HDF\r\n\x1a\n") == {}
