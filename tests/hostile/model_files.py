"""Model files: networks as people and old versions save them, each with what it must answer; and what is no network.

All are made by hand, as zip and HDF5, without TensorFlow. A network that comes in is asked about `QUESTION`.
"""

from __future__ import annotations

import base64
import json
import marshal
import zipfile
from typing import Any

import h5py
import numpy as np

from tests.hostile import archives
from tests.hostile import models as make
from tests.hostile.collection import CANARY, File

QUESTION = np.random.default_rng(3).random((1, 8, 8, 3)).astype(np.float32)
MATRIX = np.random.default_rng(4).normal(0, 1, (192, 2)).astype(np.float32)
BIAS = np.array([0.5, -0.25], np.float32)
FLAT = QUESTION.reshape(1, 192)
ANSWER = FLAT @ MATRIX + BIAS
KERNEL = np.random.default_rng(6).normal(0, 1, (3, 3, 3, 2)).astype(np.float32)
WEIGHTS = make.numbers(dense__0=MATRIX, dense__1=BIAS)
START, FLATTEN, DENSE = "start", make.layer("Flatten"), make.dense()
TWO = make.network(FLATTEN, DENSE)
TIMES_THREE = make.layer("Rescaling", scale=3.0, offset=0.0)


def _bare(kind: str, shows: np.ndarray, about: float = 1e-5, **settings: Any) -> File:
    """A network of one layer that has no weights."""
    return File(lambda: make.keras_file(make.network(make.layer(kind, **settings))), shows=shows, about=about)


def _named(name: str) -> File:
    """The plain network with another name for its last layer."""
    return File(lambda: make.keras_file(make.network(FLATTEN, make.dense(name=name)), make.h5(WEIGHTS)), shows=ANSWER)


def _packed(**packing: Any) -> File:
    """The plain network with weights packed in another way."""

    def fill(file: h5py.File) -> None:
        file.create_dataset("layers/dense/vars/0", data=MATRIX, **packing)
        file.create_dataset("layers/dense/vars/1", data=BIAS)

    return File(lambda: make.keras_file(TWO, make.h5(fill)), shows=ANSWER, about=1e-5)


def _old(file: h5py.File) -> None:
    """Weights as Keras 2 wrote them."""
    group = file["model_weights"]
    group.attrs["layer_names"] = np.array([b"flatten", b"dense"])
    group.create_group("flatten").attrs["weight_names"] = np.array([], "S1")
    dense = group.create_group("dense")
    dense.attrs["weight_names"] = np.array([b"dense/kernel:0", b"dense/bias:0"])
    dense["dense/kernel:0"], dense["dense/bias:0"] = MATRIX, BIAS


def _oldest() -> dict[str, Any]:
    """A Sequential as the first Keras wrote it: a bare list, the input's shape in its first layer."""
    flatten = make.layer("Flatten", batch_input_shape=[None, 8, 8, 3])
    return make.without_module({"class_name": "Sequential", "config": [flatten, make.dense()]})


def _branches() -> dict[str, Any]:
    """x + x, of a functional network."""
    config = make.graph(make.layer("ReLU"), make.layer("Add"))
    config["config"]["layers"][2]["inbound_nodes"] = [
        {"args": [[make.tensor("start"), make.tensor("relu")]], "kwargs": {}}
    ]
    return config


def _operation() -> dict[str, Any]:
    """x * 2, of a functional network."""
    multiply = make.layer("Multiply", "keras.src.ops.numpy") | {"config": {"name": "multiply"}}
    return make.graph(multiply, calls=[2.0])


def _input(name: str) -> dict[str, Any]:
    """A network whose input has another name."""
    config = make.network(make.layer("Rescaling", scale=1.0, offset=0.0))
    config["config"]["layers"][0]["config"]["name"] = name
    return config


def _windows(kind: str) -> np.ndarray:
    tiles = QUESTION.reshape(1, 4, 2, 4, 2, 3)
    return tiles.max((2, 4)) if kind == "max" else tiles.mean((2, 4))


def _convolved() -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(QUESTION, (3, 3), (1, 2))  # (1, 6, 6, 3, 3, 3)
    return np.einsum("nhwcij,ijcf->nhwf", windows, KERNEL)


def _normalized() -> np.ndarray:
    mean, variance = np.array([0.1, 0.2, 0.3]), np.array([1.0, 2.0, 4.0])
    return (QUESTION - mean) / np.sqrt(variance + 0.001)


NORM = make.numbers(batch_normalization__0=np.ones(3, "f4"), batch_normalization__1=np.zeros(3, "f4"),
                    batch_normalization__2=np.array([0.1, 0.2, 0.3], "f4"),
                    batch_normalization__3=np.array([1, 2, 4], "f4"))  # fmt: skip
CONVOLUTION = make.layer("Conv2D", filters=2, kernel_size=[3, 3], use_bias=False)

ODD = {
    "Dense": File(lambda: make.keras_file(TWO, make.h5(WEIGHTS)), shows=ANSWER, about=1e-5),
    "h5": File(lambda: make.h5_file(TWO, _old), shows=ANSWER, about=1e-5),
    "h5 without modules": File(lambda: make.h5_file(make.without_module(TWO), _old), shows=ANSWER, about=1e-5),
    "h5 of the first Keras": File(lambda: make.h5_file(_oldest(), _old), shows=ANSWER, about=1e-5),
    "weights packed by gzip": _packed(compression="gzip", shuffle=True),
    "weights with checksums": _packed(fletcher32=True, chunks=(3, 2)),
    "weights large end first": File(
        lambda: make.keras_file(TWO, make.h5(make.numbers(dense__0=MATRIX.astype(">f4"), dense__1=BIAS))),
        shows=ANSWER, about=1e-5,
    ),
    "weights as doubles": File(
        lambda: make.keras_file(TWO, make.h5(make.numbers(dense__0=MATRIX.astype("f8"), dense__1=BIAS))),
        shows=ANSWER, about=1e-5,
    ),
    "deflated archive": File(
        lambda: archives.pack(
            {"config.json": json.dumps(TWO).encode(), "model.weights.h5": make.h5(WEIGHTS)},
            method=zipfile.ZIP_DEFLATED,
        ),
        shows=ANSWER, about=1e-5,
    ),
    "a loss and a metric of one's own": File(
        lambda: make.keras_file(
            TWO | {"compile_config": {"loss": {"class_name": "function", "config": "mine", "module": "__main__"}}},
            make.h5(WEIGHTS),
        ),
        shows=ANSWER, about=1e-5,
    ),
    "metadata of a strange date": File(
        lambda: archives.pack(
            {"metadata.json": b'{"keras_version": "99", "date_saved": "<b>"}', "config.json": json.dumps(TWO).encode(),
             "model.weights.h5": make.h5(WEIGHTS)}
        ),
        shows=ANSWER, about=1e-5,
    ),
    "a layer named with all signs that TensorFlow takes": _named("0x_-.e>f" + "y" * 200),
    "an input named as markup": File(
        lambda: make.keras_file(_input("<b>*x*<b> [a](javascript:1) $x$")), shows=QUESTION
    ),
    "an input named in Chinese": File(lambda: make.keras_file(_input("猫" * 40)), shows=QUESTION),
    "an input named as a path": File(lambda: make.keras_file(_input("..\\..\\x")), shows=QUESTION),
    "shared object ids of 15 digits": File(
        lambda: make.keras_file(
            make.network(FLATTEN, make.dense() | {"shared_object_id": 140_000_000_000_000}), make.h5(WEIGHTS)
        ),
        shows=ANSWER, about=1e-5,
    ),
    "a dropout with a long seed": _bare("Dropout", QUESTION, rate=0.5, seed=2**40),
    "noise that is only for training": _bare("GaussianNoise", QUESTION, stddev=0.5),
    "a random flip that is only for training": _bare("RandomFlip", QUESTION, mode="horizontal"),
    "Rescaling": _bare("Rescaling", QUESTION * 2 - 1, scale=2.0, offset=-1.0),
    "Permute": _bare("Permute", QUESTION.transpose(0, 2, 1, 3), dims=[2, 1, 3]),
    "Reshape": _bare("Reshape", QUESTION.reshape(1, 4, 48), target_shape=[4, 48]),
    "ZeroPadding2D": _bare(
        "ZeroPadding2D", np.pad(QUESTION, ((0, 0), (1, 2), (3, 4), (0, 0))), padding=[[1, 2], [3, 4]]
    ),
    "Cropping2D": _bare("Cropping2D", QUESTION[:, 1:6, 3:7], cropping=[[1, 2], [3, 1]]),
    "UpSampling2D": _bare("UpSampling2D", QUESTION.repeat(2, 1).repeat(3, 2), size=[2, 3]),
    "MaxPooling2D": _bare("MaxPooling2D", _windows("max"), pool_size=[2, 2]),
    "AveragePooling2D": _bare("AveragePooling2D", _windows("mean"), pool_size=[2, 2]),
    "GlobalAveragePooling2D": _bare("GlobalAveragePooling2D", QUESTION.mean((1, 2))),
    "an activation": _bare("Activation", np.exp(FLAT.reshape(QUESTION.shape)), activation="exponential"),
    "a leaky ReLU": _bare("LeakyReLU", QUESTION, negative_slope=0.3),
    "Conv2D": File(
        lambda: make.keras_file(make.network(CONVOLUTION), make.h5(make.numbers(conv2d__0=KERNEL))),
        shows=_convolved(), about=1e-4,
    ),
    "BatchNormalization": File(
        lambda: make.keras_file(make.network(make.layer("BatchNormalization", epsilon=0.001)), make.h5(NORM)),
        shows=_normalized(), about=1e-4,
    ),
    "a network in a network": File(
        lambda: make.keras_file(make.network(make.network(TIMES_THREE, name="inner"))),
        shows=QUESTION * 3, about=1e-5,
    ),
    "branches that meet": File(lambda: make.keras_file(_branches()), shows=QUESTION * 2, about=1e-5),
    "an operation of its own": File(lambda: make.keras_file(_operation()), shows=QUESTION * 2, about=1e-5),
    "sides that are open": File(
        lambda: make.keras_file(make.network(make.layer("GlobalMaxPooling2D"), shape=(None, None, None, 3))),
        shows=QUESTION.max((1, 2)),
    ),
    "a batch of one": File(
        lambda: make.keras_file(make.network(TIMES_THREE, shape=(1, 8, 8, 3))),
        shows=QUESTION * 3, about=1e-5,
    ),
}  # fmt: skip


def _canary_code() -> str:
    """What Keras 2's Lambda kept: a function that would write the canary."""
    code = compile(f"open({str(CANARY)!r}, 'w')", "x", "eval")
    return base64.b64encode(marshal.dumps(code)).decode()


def _lambda(**function: Any) -> dict[str, Any]:
    return make.layer("Lambda", function=function, arguments={"path": str(CANARY)})


GALLERY = _lambda(class_name="function", module="keras.visualization", config="plot_image_gallery")
MARSHALLED = _lambda(class_name="__lambda__", config={"code": _canary_code(), "defaults": None, "closure": None})


def _h5(fill: Any) -> bytes:
    return make.keras_file(TWO, make.h5(fill))


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/tmp/far.h5", "data", (4,))
    file.create_virtual_dataset("far", layout)


def _config(*layers: dict[str, Any], **choices: Any) -> File:
    return lambda: make.keras_file(make.network(*layers, **choices))


def _bytes(text: bytes) -> Any:
    return lambda: make.keras_file(text)


def _claims(size: int) -> bytes:
    packed = archives.pack({"config.json": b"{}", "model.weights.h5": b""}, method=zipfile.ZIP_DEFLATED)
    return archives.patched(packed, 24, size.to_bytes(4, "little"))


HOSTILE = {  # refused from the bytes alone
    "a marshalled Lambda": File(_config(MARSHALLED), "a part Lambda|a part __lambda__"),
    "a Lambda that paints a gallery": File(_config(GALLERY), "a part Lambda"),
    "a Lambda that changes Keras' settings": File(
        _config(_lambda(class_name="function", module="keras.config", config="set_floatx")), "a part Lambda"
    ),
    "a Lambda in h5": File(lambda: make.h5_file(make.without_module(make.network(GALLERY))), "a part Lambda"),
    "a Lambda deep inside": File(
        _config(make.layer("TimeDistributed", layer=make.layer("Bidirectional", layer=GALLERY))), "a part Lambda"
    ),
    "a Lambda as an initializer": File(_config(make.dense(kernel_initializer=GALLERY)), "a part Lambda"),
    "a Lambda among the arguments": File(
        lambda: make.keras_file(make.graph(make.dense(), calls=[GALLERY])), "a part Lambda"
    ),
    "Keras' file editor": File(
        _config(make.layer("KerasFileEditor", "keras.saving", filepath=str(CANARY))), "a part KerasFileEditor"
    ),
    "get_file": File(
        _config(make.layer("get_file", "keras.utils", fname=str(CANARY), origin="file:///etc/passwd")),
        "a part get_file",
    ),
    "os.system": File(_config(make.layer("system", "os", command=f"touch {CANARY}")), "a part system from os"),
    "a function of the layers' module": File(
        lambda: make.keras_file(make.without_module(make.network(make.layer("deserialize")))), "a part deserialize"
    ),
    "a vocabulary": File(_config(make.layer("StringLookup", vocabulary="/etc/passwd")), "a part StringLookup"),
    "a layer of one's own": File(
        _config(make.layer("Swishy", None) | {"registered_name": "lab>Swishy"}), "a part lab Swishy"
    ),
    "a SavedModel inside": File(_config(make.layer("TFSMLayer", filepath=str(CANARY))), "a part TFSMLayer"),
    "a type": File(
        lambda: make.h5_file(make.network({"class_name": "__typespec__", "spec_name": "TensorSpec", "config": {}})),
        "TensorFlow objects",
    ),
    "a word among the arguments": File(
        lambda: make.keras_file(make.graph(make.dense(), calls=["/etc/passwd"])), "calls a layer with the word"
    ),
    "an activation of one's own": File(_config(make.dense(activation="my_act")), "the activation my_act"),
    "a pickle": File(lambda: b"\x80\x04\x95", "a Python pickle"),
    "a pickle in a PyTorch file": File(lambda: archives.pack({"net/data.pkl": b"\x80\x04"}), "a PyTorch file"),
    "members that lead outside": File(
        lambda: archives.pack(
            {"config.json": b"{}", "model.weights.h5": b"", "../convviz-canary": b"x"}), "files of its own"
    ),
    "assets": File(lambda: make.keras_file(TWO, assets__words_txt=b"x"), "brings files of its own"),
    "config.json twice": File(
        lambda: archives.twice({"config.json": b"{}", "model.weights.h5": b""}, "config.json", b"{}"),
        "two files of the same name",
    ),
    "a key twice": File(_bytes(b'{"class_name": "Sequential", "class_name": "Lambda"}'), "damaged"),
    "a number that is none": File(_bytes(b'{"a": NaN}'), "damaged"),
    "100,000 levels": File(_bytes(b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "damaged|nested deeper"),
    "a number of 5,000 digits": File(_bytes(b'{"a": ' + b"9" * 5000 + b"}"), "damaged"),
    "a description of two gigabytes": File(lambda: _claims(2**31), "unpacks to 2,147 MB"),
    "300 million units": File(_config(make.dense(300_000_000)), "the number 3e|can be opened here"),
    "a kernel of 9,000": File(_config(make.layer("Conv2D", filters=1, kernel_size=[9000, 9000])), "can be opened here"),
    "an input of 64 million": File(_config(make.dense(), shape=(None, 4000, 4000, 4)), "takes inputs of shape"),
    "2,001 layers": File(
        lambda: make.keras_file(make.graph(*[make.layer("ReLU", name=str(n)) for n in range(2000)])), "has 2,002 layers"
    ),
    "thirty networks in one another": File(
        lambda: make.keras_file(_nested(30)), "nested deeper"
    ),
    "layers in the wrong order": File(lambda: make.keras_file(_backwards(400)), "takes too long for"),
    "a soft link": File(lambda: _h5(lambda f: f.__setitem__("a", h5py.SoftLink("/layers"))), "link to another place"),
    "a link to another file": File(
        lambda: _h5(lambda f: f.__setitem__("a", h5py.ExternalLink("/etc/passwd", "/"))), "link to another place"
    ),
    "numbers in another file": File(
        lambda: _h5(lambda f: f.create_dataset("a", (4,), "f4", external=[("/etc/hostname", 0, 16)])), "another file"
    ),
    "virtual numbers": File(lambda: _h5(_virtual), "another file"),
    "a circle": File(lambda: _h5(lambda f: f.__setitem__("a/b", f.create_group("a"))), "under several names"),
    "3 GB of nought": File(
        lambda: _h5(lambda f: f.create_dataset("a", (30_000, 30_000), "f4", chunks=(99, 99), compression="gzip")),
        "more than 600 MB",
    ),
    "a chunk of a gigabyte": File(
        lambda: _h5(lambda f: f.create_dataset("a", (4,), "f8", chunks=(2**27,), maxshape=(None,))), "damaged"
    ),
    "objects": File(lambda: _h5(lambda f: f.create_dataset("a", (2,), h5py.ref_dtype)), "more than numbers"),
    "another packing": File(
        lambda: _h5(lambda f: f.create_dataset("a", (9,), "f4", compression="lzf")), "packed in a rare way"
    ),
    "cut off": File(lambda: make.keras_file(TWO)[:-30], "cut off or damaged"),
    "weights alone": File(lambda: make.h5(WEIGHTS), "the weights alone"),
}  # fmt: skip


def _nested(depth: int) -> dict[str, Any]:
    inner = make.network()
    for _ in range(depth):
        inner = make.network(inner, name="again")
    return inner


def _backwards(count: int) -> dict[str, Any]:
    chain = make.graph(*[make.layer("ReLU", name=str(number)) for number in range(count)])
    chain["config"]["layers"].reverse()
    return chain


BOMBS = {  # refused while they are built or tried, which needs a worker
    "7 billion parameters": File(_config(make.dense(60_000), make.dense(60_000, name="b")), "million parameters"),
    "an embedding of 8 billion": File(
        _config(make.layer("Embedding", input_dim=9_000_000, output_dim=900)), "million parameters"
    ),
    "upsampling to 200 million": File(_config(make.layer("UpSampling2D", size=[1024, 1024])), "numbers at once"),
    "padding": File(
        _config(make.layer("ZeroPadding2D", padding=[[4000, 4000], [4000, 4000]])), "numbers at once"
    ),
    "transposed strides": File(
        lambda: make.keras_file(
            make.network(make.layer("Conv2DTranspose", filters=2, kernel_size=[1, 1], strides=[1000, 1000])),
            make.h5(
                make.numbers(conv2d_transpose__0=np.ones((1, 1, 2, 3), "f4"), conv2d_transpose__1=np.zeros(2, "f4"))
            ),
        ),
        "numbers at once",
    ),
    "time steps written out": File(
        _config(make.layer("TimeDistributed", layer=make.dense()), shape=(None, 4096, 4)), "repeats a layer 4,096"
    ),
    "wide windows": File(
        _config(make.layer("MaxPooling2D", pool_size=[900, 900], strides=[1, 1], padding="same"),
                shape=(None, 900, 900, 3)),
        "billion steps",
    ),
    **{
        f"a layer named {name:.12}": File(
            lambda name=name: make.keras_file(make.network(FLATTEN, make.dense(name=name)), make.h5(WEIGHTS)),
            "the layer name .* has signs that TensorFlow does not take",
        )
        for name in ("<b>*x*<b> [a](javascript:1)", 'x" URL="javascript:alert(1)', "猫" * 40, "=1+1")
    },
    "weights that are missing": File(lambda: make.keras_file(TWO, make.h5()), "needs 2 arrays of weights"),
    "weights of another shape": File(
        lambda: make.keras_file(TWO, make.h5(make.numbers(dense__0=MATRIX.T, dense__1=BIAS))), "takes weights of shape"
    ),
    "a kernel larger than its input": File(
        _config(make.layer("Conv2D", filters=1, kernel_size=[9, 9])), "does not fit into"
    ),
}  # fmt: skip
