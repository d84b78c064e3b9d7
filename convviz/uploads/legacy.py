"""Networks that older Keras versions saved, described as Keras 3 describes them, so that it can build them.

Only the description changes: names of modules, settings that Keras 3 no longer has, and the input layer that Keras 2
left out. What is not known here stays as it is, for ``configs.vet`` to refuse.
"""

from __future__ import annotations

from typing import Any

from convviz.uploads import catalogue

_PACKAGES = ("keras.", "tf_keras.", "tensorflow.keras.", "tensorflow.python.keras.")
_FUNCTION_MODULES = (None, "builtins", "keras.activations", "keras.src.activations.activations")
_NETWORKS = ("Sequential", "Functional")
_GONE: dict[str, dict[str, Any]] = {  # class -> settings that Keras 3 no longer has -> the value that may go
    "Conv1DTranspose": {"groups": 1},
    "Conv2DTranspose": {"groups": 1},
    "Conv3DTranspose": {"groups": 1},
    "DepthwiseConv1D": {"groups": 1},
    "DepthwiseConv2D": {"groups": 1},
    "SeparableConv1D": {"groups": 1},
    "SeparableConv2D": {"groups": 1},
    "LSTM": {"time_major": False},
    "GRU": {"time_major": False},
    "SimpleRNN": {"time_major": False},
    "InputLayer": {"ragged": False, "sparse": False},
}


def modernize(value: Any) -> Any:
    """A description in Keras 3's form.

    Args:
        value: a part of what ``configs.parse`` returned; it is not changed.

    Returns:
        The same part, anew: every known class with its Keras 3 module, activations as plain names, nothing to compile.
    """
    if isinstance(value, list):
        return [modernize(item) for item in value]
    if not isinstance(value, dict):
        return value
    part = {key: modernize(item) for key, item in value.items() if key not in ("compile_config", "training_config")}
    name = part.get("class_name")
    if not isinstance(name, str) or name in catalogue.VALUES:
        return part
    part.pop("__passive_serialization__", None)
    if name == "function":
        return _activation(part)
    if name in ("Policy", "PolicyV1", "FloatDTypePolicy"):
        part |= {"class_name": "DTypePolicy", "module": "keras", "registered_name": None}
    if name == "Sequential" and isinstance(part.get("config"), list):
        part["config"] = {"name": "sequential", "layers": part["config"]}
    config = part.get("config")
    if isinstance(config, dict):
        if name == "Model" and "layers" in config:
            part["class_name"] = "Functional"
        _settings(name, config)
    _home(part)
    return part


def _activation(part: dict[str, Any]) -> Any:
    """A built-in activation by its name; another function stays, to be refused."""
    function = part.get("config")
    known = isinstance(function, str) and function in catalogue.ACTIVATIONS and part.get("module") in _FUNCTION_MODULES
    return function if known and part.get("registered_name") in (None, "function", function) else part


def _home(part: dict[str, Any]) -> None:
    """Give a part of the catalogue the module by which Keras 3 knows it, where it came from Keras at all."""
    name, module, config = part["class_name"], part.get("module"), part.get("config")
    homes = catalogue.modules_of(name)
    if not homes:
        return
    if module not in homes:
        if module is not None and not _was_keras(module, name):
            return
        layer = isinstance(config, dict) and "trainable" in config
        module = homes[0] if layer or len(homes) == 1 else homes[-1]
    if part.get("registered_name") in (None, name):
        part |= {"module": module, "registered_name": None}


def _was_keras(module: Any, name: str) -> bool:
    """Whether a module is an older name for the place of a network or a layer."""
    if not isinstance(module, str) or not f"{module}.".startswith(_PACKAGES):
        return False
    return name in catalogue.MODELS or module.endswith(".layers")


def _settings(name: str, config: dict[str, Any]) -> None:
    """Settings under the names that Keras 3 gives them."""
    for setting, harmless in _GONE.get(name, {}).items():
        if config.get(setting) == harmless:
            config.pop(setting, None)
    if name.startswith("Separable"):
        for setting in ("kernel_initializer", "kernel_regularizer", "kernel_constraint"):
            config.pop(setting, None)  # it has those of its two halves
    if name.startswith("SpatialDropout"):
        config.pop("trainable", None)
        config.pop("noise_shape", None)
    config.pop("rng_type", None)
    if config.get("unroll") is True:
        config["unroll"] = False  # the same numbers; written out, a thousand steps take minutes to build
    if name == "InputLayer" and "batch_input_shape" in config:
        config["batch_shape"] = config.pop("batch_input_shape")
    if name == "BatchNormalization" and isinstance(config.get("axis"), list) and len(config["axis"]) == 1:
        config["axis"] = config["axis"][0]
    if name == "LeakyReLU" and "alpha" in config:
        config["negative_slope"] = config.pop("alpha")
    if name in ("Functional", "Model") and isinstance(config.get("layers"), list):
        _connections(config)
    if name in ("Sequential", "Functional", "Model") and isinstance(config.get("layers"), list):
        _give_input(config["layers"], name == "Sequential")


def _connections(config: dict[str, Any]) -> None:
    """Where a Keras 2 functional network's tensors come from, counted as Keras 3 counts.

    In Keras 2 a network within a network already has its own output as number 0, so its first use is number 1; and
    a single input or output stands in a list of one, which Keras 3 would hand on as a list.
    """
    layers = [layer for layer in config["layers"] if isinstance(layer, dict)]
    nodes = [node for layer in layers for node in layer.get("inbound_nodes") or [] if isinstance(node, list)]
    if not nodes:
        return
    networks = {
        layer["name"]: layer["class_name"]
        for layer in layers
        if layer.get("class_name") in _NETWORKS and isinstance(layer.get("name"), str)
    }
    for node in nodes:
        _count_from_nought(node, networks)
    for end in ("input_layers", "output_layers"):
        ends = config.get(end)
        if isinstance(ends, list):
            _count_from_nought(ends, {name: kind for name, kind in networks.items() if kind == "Sequential"})
            if len(ends) == 1 and isinstance(ends[0], list):
                config[end] = ends[0]


def _count_from_nought(references: list[Any], networks: dict[Any, str]) -> None:
    """Take one from the number of a use of a network; a reference is [layer, use, tensor, ...]."""
    for reference in references:
        if not isinstance(reference, list) or len(reference) < 3 or not isinstance(reference[0], str):
            continue
        if reference[0] in networks and isinstance(reference[1], int) and reference[1] > 0:
            reference[1] -= 1


def _give_input(layers: list[Any], first_is_input: bool) -> None:
    """Put the input layer before a Sequential's first layer, into which Keras 2 wrote the input's shape."""
    shapes = []
    for layer in layers:
        config = layer.get("config") if isinstance(layer, dict) else None
        shapes.append(config.pop("batch_input_shape", None) if isinstance(config, dict) else None)
    if first_is_input and shapes and shapes[0] is not None:
        name = f"{layers[0]['config'].get('name', 'first')}_input"
        given = {"batch_shape": shapes[0], "dtype": "float32", "name": name}
        layers.insert(
            0, {"class_name": "InputLayer", "config": given, "module": "keras.layers", "registered_name": None}
        )
