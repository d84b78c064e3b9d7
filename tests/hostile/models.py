"""Keras model files that name, nest, link or ask for too much; made without Keras."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np

INPUT = (None, 8, 8, 3)


def layer(kind: str, module: str | None = "keras.layers", **config: Any) -> dict[str, Any]:
    """A layer's description."""
    config = {"name": kind.lower(), "trainable": True, "dtype": "float32"} | config
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}


def network(*layers: dict[str, Any], shape: tuple = INPUT, name: str = "net") -> dict[str, Any]:
    """A Sequential of the layers."""
    start = {"batch_shape": list(shape), "dtype": "float32", "name": "start"}
    first = {"module": "keras.layers", "class_name": "InputLayer", "config": start, "registered_name": None}
    config = {"name": name, "trainable": True, "dtype": "float32", "layers": [first, *layers]}
    return {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": None}


def dense(units: Any = 2, **config: Any) -> dict[str, Any]:
    """A Dense layer."""
    return layer("Dense", **{"units": units, "activation": "linear", "use_bias": True} | config)


def tensor(name: str, shape: tuple = INPUT) -> dict[str, Any]:
    """A reference to another layer's output."""
    config = {"shape": list(shape), "dtype": "float32", "keras_history": [name, 0, 0]}
    return {"class_name": "__keras_tensor__", "config": config}


def graph(*steps: dict[str, Any], calls: list[Any] | None = None) -> dict[str, Any]:
    """A functional network in which every step takes the one before, called with further arguments if given."""
    start = {"batch_shape": list(INPUT), "dtype": "float32", "name": "start"}
    first = {"module": "keras.layers", "class_name": "InputLayer", "config": start, "registered_name": None}
    layers, before = [first | {"name": "start", "inbound_nodes": []}], "start"
    for step in steps:
        name = step["config"].get("name", step["class_name"].lower())
        node = {"args": [tensor(before), *(calls or [])], "kwargs": {}}
        layers.append(step | {"name": name, "inbound_nodes": [node]})
        before = name
    ends = {"input_layers": ["start", 0, 0], "output_layers": [before, 0, 0]}
    config = {"name": "graph", "trainable": True, "layers": layers, **ends}
    return {"module": "keras.src.models.functional", "class_name": "Functional", "config": config} | {
        "registered_name": "Functional"
    }


def h5(fill: Callable[[h5py.File], None] | None = None) -> bytes:
    """An HDF5 file."""
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        if fill:
            fill(file)
    return data.getvalue()


def numbers(**arrays: np.ndarray) -> Callable[[h5py.File], None]:
    """Weights under ``layers/<name>/vars/<number>``, given as ``name__number``."""

    def fill(file: h5py.File) -> None:
        for name, array in arrays.items():
            file["layers/{}/vars/{}".format(*name.split("__"))] = array

    return fill


def keras_file(config: Any, weights: bytes | None = None, **members: bytes) -> bytes:
    """A ``.keras`` archive; further or other members by their names, ``_`` for the dot."""
    text = config if isinstance(config, bytes) else json.dumps(config).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", text)
        archive.writestr("model.weights.h5", h5() if weights is None else weights)
        for name, contents in members.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), contents)
    return packed.getvalue()


def h5_file(config: Any, fill: Callable[[h5py.File], None] | None = None) -> bytes:
    """A whole model's ``.h5``, with the description alone unless it is filled."""

    def write(file: h5py.File) -> None:
        file.attrs["model_config"] = config if isinstance(config, bytes) else json.dumps(config)
        file.create_group("model_weights").attrs["layer_names"] = np.array([], "S1")
        if fill:
            fill(file)

    return h5(write)


def without_module(part: Any) -> Any:
    """A description as Keras 2 wrote it, no part with its module."""
    if isinstance(part, list):
        return [without_module(item) for item in part]
    if isinstance(part, dict):
        return {key: without_module(item) for key, item in part.items() if key not in ("module", "registered_name")}
    return part
