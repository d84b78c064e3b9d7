"""The description of a visitor's network: read as plain JSON, and every part, word and number in it looked at."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from convviz import ConvvizError
from convviz.uploads import catalogue

LARGEST_TEXT = 5_000_000  # bytes of JSON
MOST_DEPTH = 60  # levels of lists and dictionaries: about twenty networks within one another
MOST_ITEMS = 5_000  # of one list or dictionary
LONGEST_WORD = 100_000  # characters
LARGEST_WHOLE, LARGEST_FLOAT = 10_000_000, 1e12
MOST_LAYERS = 2_000
MOST_CALLS = 10_000  # of layers, while Keras builds the network: a few seconds
MOST_TRIES = 50_000  # to find the next layer whose inputs are there
LARGEST_SIDE, LARGEST_BATCH, LARGEST_VECTOR, LARGEST_INPUT = 4_096, 256, 1_000_000, 50_000_000

_FREE_NUMBERS = frozenset({"seed", "shared_object_id"})  # the second is a place in memory: 15 digits
_RANGES = {  # setting -> smallest and largest, also for each number of a list
    **dict.fromkeys(("filters", "units", "output_dim", "key_dim", "value_dim", "head_dim", "n"), (1, 65_536)),
    **dict.fromkeys(("kernel_size", "strides", "pool_size", "dilation_rate", "size"), (1, 1_024)),
    **dict.fromkeys(("depth_multiplier", "num_heads", "num_query_heads", "num_key_value_heads"), (1, 1_024)),
    **dict.fromkeys(("height", "width"), (1, LARGEST_SIDE)),
    **dict.fromkeys(("padding", "cropping", "output_padding"), (0, LARGEST_SIDE)),
    "groups": (-1, 65_536),
}
_SHAPES = frozenset({"batch_shape", "batch_input_shape", "build_input_shape", "input_shape"})
_ACTIVATIONS = frozenset({"activation", "recurrent_activation"})
_FILES = frozenset({"vocabulary", "filepath", "file", "path", "url", "fname", "idf_weights"})
_OBJECT = frozenset({"class_name", "config", "module", "registered_name", "build_config", "name", "inbound_nodes"}) | {
    "shared_object_id"
}


def parse(text: bytes) -> dict[str, Any]:
    """A network's description as plain lists and dictionaries, within the limits of size and depth.

    Args:
        text: JSON.

    Returns:
        The dictionary.

    Raises:
        ConvvizError: no JSON, keys twice, numbers that are none, or beyond a limit.
    """
    if len(text) > LARGEST_TEXT:
        raise ConvvizError(
            f"this model's description has {len(text) / 1e6:.0f} MB, more than {LARGEST_TEXT // 1_000_000} MB; "
            "save a smaller network"
        )
    try:
        config = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ConvvizError("this model's description is damaged; save the model again") from error
    if not isinstance(config, dict):
        raise ConvvizError("this model's description is damaged; save the model again")
    _bound(config)
    return config


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, no key twice: two readers could read two networks."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _no_number(word: str) -> None:
    """NaN and Infinity are no numbers."""
    raise ValueError(word)


def _bound(config: Any) -> None:
    """Refuse depth, length and numbers beyond reason, without recursion."""
    waiting = [(config, "", 1)]
    while waiting:
        value, key, depth = waiting.pop()
        if isinstance(value, dict | list):
            if depth > MOST_DEPTH or len(value) > MOST_ITEMS:
                raise ConvvizError(
                    f"this model's description is nested deeper than {MOST_DEPTH} levels or lists more than "
                    f"{MOST_ITEMS:,} things in one place; save a simpler network"
                )
            items = value.items() if isinstance(value, dict) else ((key, item) for item in value)
            waiting += [(item, name, depth + 1) for name, item in items]
        elif isinstance(value, str) and len(value) > LONGEST_WORD:
            raise ConvvizError(f"this model's description holds a text of {len(value):,} characters; leave it out")
        elif isinstance(value, int | float) and key not in _FREE_NUMBERS:
            largest = LARGEST_WHOLE if isinstance(value, int) else LARGEST_FLOAT
            if not math.isfinite(value) or abs(value) > largest:
                raise ConvvizError(
                    f"this model's description holds the number {value:g}, beyond what a layer can use here; "
                    "save a smaller network"
                )


def plain(text: Any) -> str:
    """A visitor's word as it may stand in a sentence of ours: letters, digits and few signs, at most 80 characters."""
    return re.sub(r"[^\w .,:;=/()+-]", " ", str(text))[:80].strip()


def vet(config: dict[str, Any]) -> None:
    """Refuse a description that names, asks for or hides anything but known layers of sensible sizes.

    Args:
        config: what ``parse`` returned, in Keras 3's form, as ``legacy.modernize`` leaves it.

    Raises:
        ConvvizError: the sentence names the part.
    """
    if _name(config) not in catalogue.MODELS:
        _refuse(config.get("class_name"), config.get("module"), config.get("registered_name"), whole=True)
    walk = _Walk()
    walk.visit(config, "")
    if walk.layers > MOST_LAYERS or walk.calls > MOST_CALLS:
        raise ConvvizError(
            f"this network has {walk.layers:,} layers, and Keras would call layers {min(walk.calls, 10**9):,} times to "
            f"build it; at most {MOST_LAYERS:,} and {MOST_CALLS:,} can be opened here"
        )


class _Walk:
    """A walk through a description that counts layers, and how often Keras calls them to build the network."""

    def __init__(self) -> None:
        self.layers = self.calls = 0

    def visit(self, value: Any, key: str) -> int:
        """Vet a value and all in it; returns how many calls of layers one call of it stands for."""
        if isinstance(value, dict):
            if "class_name" in value:
                return self._object(value, key)
            return sum(self.visit(item, name) for name, item in value.items())
        if key in _SHAPES:
            _check_shape(value)
        if isinstance(value, list):
            return sum(self.visit(item, "" if key in _SHAPES else key) for item in value)
        _check_setting(value, key)
        return 0

    def _object(self, value: dict[str, Any], key: str) -> int:
        """Vet a part: its class, its settings and where its inputs come from."""
        name, module = _name(value), value.get("module")
        if name in catalogue.VALUES:
            _check_value(value)
            return 0
        if module not in catalogue.modules_of(name):
            _refuse(value["class_name"], module, value.get("registered_name"), config=value.get("config"))
        if value.get("registered_name") not in (None, name):
            _refuse(name, module, value["registered_name"], config=value.get("config"))
        if not set(value) <= _OBJECT or not isinstance(value.get("config"), dict):
            raise ConvvizError(
                f"the part {plain(name)} of this model is described in a way not known here; save it again"
            )
        inside = self._settings(name, value["config"])
        inside += self.visit(value.get("build_config") or {}, "")
        nodes = value.get("inbound_nodes") or []
        _check_nodes(nodes)
        if not catalogue.is_part(module, name):
            return 0
        if value["config"].get("name") == "":
            raise ConvvizError(
                f"a {plain(name)} layer of this model has no name; give it a name of letters a to z, digits and _, and "
                "save the model again"
            )
        self.layers += 1
        return (1 + inside) * max(1, len(nodes))

    def _settings(self, name: str, config: dict[str, Any]) -> int:
        """Vet a part's settings. A network is built by calling its layers: a Sequential anew for each that is added."""
        layers = config.get("layers") if name in catalogue.MODELS else None
        if not isinstance(layers, list):
            return self.visit(config, "")
        costs = [self.visit(layer, "") for layer in layers]
        rest = {key: item for key, item in config.items() if key != "layers"}
        self.calls += sum(accumulate(costs)) if name == "Sequential" else sum(costs)
        _check_order(layers)
        return sum(costs) + self.visit(rest, "")


def _name(value: dict[str, Any]) -> str:
    """The name of a part's class; nothing where it is no word."""
    name = value.get("class_name")
    return name if isinstance(name, str) else ""


def _refuse(name: Any, module: Any = None, registered: Any = None, *, config: Any = None, whole: bool = False) -> None:
    """The sentence for a part, or a whole model, that is not in the catalogue; it names the part as its maker did."""
    own = config.get("name") if isinstance(config, dict) else None
    tells = isinstance(own, str) and own.replace("_", "").lower() != str(name).replace("_", "").lower()
    called = f" ({plain(own)})" if tells and plain(own) else ""
    if isinstance(name, str) and name in catalogue.REFUSED:
        raise ConvvizError(f"this model has a part {plain(name)}{called}, which {catalogue.REFUSED[name]}")
    if isinstance(registered, str) and ">" in registered:
        name, module = registered, None
    origin = f" from {plain(module)}" if isinstance(module, str) and not module.startswith("keras") else ""
    if whole and name and isinstance(name, str) and not (isinstance(module, str) and module.startswith("keras")):
        raise ConvvizError(
            f"the whole model is of a class of its own, {plain(name)}{origin}, whose code is not in the file; save it "
            "as a Sequential or functional model, or look into it in a notebook, where zoo.wrap takes any built model"
        )
    raise ConvvizError(
        f"this model has a part {plain(name)}{called}{origin}, which is none of Keras' own layers that can be opened "
        "here; replace it by built-in layers and save again"
    )


def _check_setting(value: Any, key: str) -> None:
    """A single word or number of a part's settings."""
    if isinstance(value, str):
        if key in _FILES:
            raise ConvvizError(
                f"this model asks for a file of its own ({plain(key)}); leave that layer out and save again"
            )
        if key in _ACTIVATIONS and value not in catalogue.ACTIVATIONS:
            raise ConvvizError(
                f"this model uses the activation {plain(value)}, which Keras does not have; use a built-in one"
            )
        if key in _RANGES and value.isnumeric():
            raise ConvvizError(f"this model has {plain(key)} = {plain(value)} as text; save it again")
    elif key in _RANGES and isinstance(value, int | float) and not isinstance(value, bool):
        low, high = _RANGES[key]
        if not low <= value <= high:
            raise ConvvizError(
                f"this model has a layer with {key} = {value:g}; between {low:,} and {high:,} can be opened here"
            )


def _check_shape(shape: Any) -> None:
    """A shape of an input: (batch, ...), or a list or dictionary of such shapes, whose parts are looked at later."""
    if not isinstance(shape, list) or any(isinstance(side, list | dict | str) for side in shape) or not shape:
        return
    batch, *sides = shape
    largest = LARGEST_SIDE if len(sides) > 1 else LARGEST_VECTOR
    numbers = math.prod(32 if side is None else int(side) for side in sides)
    if (
        not (batch is None or 1 <= batch <= LARGEST_BATCH)
        or not all(side is None or 1 <= side <= largest for side in sides)
        or numbers > LARGEST_INPUT
    ):
        raise ConvvizError(
            f"this model takes inputs of shape {plain(shape)}; batches of at most {LARGEST_BATCH} and sides of at most "
            f"{LARGEST_SIDE:,} can be opened here"
        )


def _check_value(value: dict[str, Any]) -> None:
    """A constant or a reference among a layer's inputs."""
    config = value.get("config")
    if not set(value) <= {"class_name", "config", "items"}:
        _refuse(value["class_name"])
    if isinstance(config, dict):
        if str(config.get("dtype", "float32")) not in catalogue.DTYPES:
            raise ConvvizError(f"this model has a constant of type {plain(config['dtype'])}; use plain numbers")
        for key, item in config.items():
            if key not in ("dtype", "keras_history"):
                _check_nodes(item)
    elif config is not None or "items" in value:
        _check_nodes([config, value.get("items")])


def _check_order(layers: list[Any]) -> None:
    """A functional network's layers stand in such an order that Keras soon finds each one's inputs made."""
    waiting = {}
    for layer in layers:
        nodes = layer.get("inbound_nodes") if isinstance(layer, dict) else None
        if isinstance(nodes, list) and nodes:
            waiting[str(layer.get("name"))] = [list(_references(node)) for node in nodes]
            if not all(waiting[str(layer.get("name"))]):
                raise ConvvizError(
                    "this model calls a layer with numbers alone; leave that layer out and save it again"
                )
    made = dict.fromkeys(waiting, 0)
    tries, before = 0, None
    while waiting and before != made:
        before = dict(made)
        for name, nodes in list(waiting.items()):
            tries += 1
            if tries > MOST_TRIES:
                raise ConvvizError(
                    "this network lists its layers in an order that Keras takes too long for; save it anew"
                )
            while nodes and all(made.get(source, use + 1) > use for source, use in nodes[0]):
                nodes.pop(0)
                made[name] += 1
            if not nodes:
                del waiting[name]


def _references(value: Any) -> Iterator[tuple[str, int]]:
    """The layers whose outputs a call takes: (name, which use of it)."""
    if isinstance(value, dict):
        history = value.get("keras_history")
        yield from _references(history if isinstance(history, list) else list(value.values()))
    elif isinstance(value, list):
        if len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int):
            yield value[0], value[1]
        for item in value:
            if isinstance(item, dict | list):
                yield from _references(item)


def _check_nodes(value: Any) -> None:
    """What a layer is called with: tensors of other layers, numbers and constants, no words."""
    if isinstance(value, dict):
        if "class_name" in value:
            if _name(value) not in catalogue.VALUES:
                _refuse(value["class_name"], value.get("module"), value.get("registered_name"))
            _check_value(value)
            return
        value = list(value.values())
    if isinstance(value, list):
        if 3 <= len(value) <= 4 and isinstance(value[0], str) and all(isinstance(item, int) for item in value[1:3]):
            value = value[3:]  # Keras 2: layer, node, tensor
        for item in value:
            _check_nodes(item)
    elif isinstance(value, str):
        raise ConvvizError(f"this model calls a layer with the word {plain(value)}; use numbers and tensors only")
