"""Any Keras model as a ``Network``: one trace through it tells what it is made of and how it ends."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from convviz import ConvvizError, lazy, tracing
from convviz.zoo import imagenet
from convviz.zoo.cards import Card, LayerCard
from convviz.zoo.network import FREE_SIDE, Network, as_scores, chosen_output

keras = lazy.load("keras")
tf = lazy.load("tensorflow")

PIXELS, UNIT = (0.0, 255.0), (0.0, 1.0)

_CONVOLUTIONS = ("Conv2D", "SeparableConv2D", "DepthwiseConv2D", "Conv2DTranspose")
_UNCHANGING = ("Dropout", "SpatialDropout2D", "GaussianDropout", "GaussianNoise", "ActivityRegularization", "Identity")
_CARRYING = (
    "Cast", "Identity", "StridedSlice", "ReverseV2", "Reshape", "ExpandDims", "ResizeBilinear", "ConcatV2", "Pack",
    "Transpose", "Squeeze",
)  # fmt: skip

_known: OrderedDict[int, Network] = OrderedDict()  # bare models wrapped lately; a network keeps its model alive
_known_lock = threading.Lock()
_MOST_KNOWN = 4


@dataclass
class _Survey:
    """What one trace has shown."""

    layers: list[LayerCard] = field(default_factory=list)
    output: str = "none"
    classes: int = 0
    pixels: bool = False
    used: set[str] = field(default_factory=set)  # layers that the explained output depends on
    shape: tuple[int | None, ...] = ()


def wrap(
    model: Any,
    class_names: Sequence[str] | None = None,
    *,
    prepare: Callable[[np.ndarray], np.ndarray] | None = None,
    input_range: tuple[float, float] | None = None,
    output: int | str | None = None,
    input_shape: tuple[int, int, int] | None = None,
    title: str | None = None,
) -> Network:
    """Any built Keras model as a ``Network``; what is guessed is said in ``card.about`` and can be corrected.

    Args:
        model: Sequential, functional, nested or subclassed, taking one picture (N, H, W, C) or (N, H, W).
        class_names: one for each probability; two for a single sigmoid, the first for 0, the second for 1.
        prepare: function from float32 (N, H, W, C) in [0, 255] to what the model takes. Without it the values are
            scaled to ``input_range``; a network of ``keras.applications`` gets Keras' own.
        input_range: lowest and highest value the model takes. Without it (0, 255) for a model that rescales its input
            itself, else (0, 1).
        output: which of several outputs is looked at, index or name; the first if none is given.
        input_shape: (H, W, C), for a model that takes any size or does not tell.
        title: the name for people; the model's own without it.

    Returns:
        The network. The model itself is left as it was.

    Raises:
        ConvvizError: the model is not built, takes something other than one picture, or the names do not fit.

    Example:
        >>> import keras
        >>> layers = [keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(3)]
        >>> wrap(keras.Sequential(layers)).card.class_names
        ('class 0', 'class 1', 'class 2')
    """
    _check_built(model)
    declared = _declared_shape(model)
    shape = _picture_shape(declared, input_shape)
    enter = _entrance(model, declared)
    key = _output_key(model, output)
    survey = _surveyed(model, shape, enter, key)
    about: dict[str, str] = {}
    if prepare is None and input_range is None and (known := imagenet.recognized(model)):
        prepare = imagenet.preparation(known)
        about["Preparation"] = f"recognized as Keras' {model.name}, so pictures are prepared as Keras does it"
        class_names = class_names or imagenet.known_class_names(survey.classes)
    value_range = _value_range(survey, input_range, prepare, shape, about)
    names = _class_names(survey, class_names, about)
    layer, reason = explained(survey.layers, survey.used)
    card = Card(
        name=model.name,
        title=title or model.name,
        input_shape=shape,
        value_range=value_range,
        class_names=names,
        output=survey.output,
        layers=tuple(survey.layers),
        parameters=model.count_params(),
        explained_layer=layer,
        layer_reason=reason,
        about=about,
    )
    return Network(model, card, prepare=prepare, output=key, enter=enter)


def as_network(network: Any) -> Network:
    """A ``Network`` as it is, or a bare Keras model wrapped; the same model gives the same network.

    Args:
        network: ``Network`` or built ``keras.Model``.

    Returns:
        The network. The last four wrapped models are kept, with what was traced for them.

    Raises:
        ConvvizError: as for ``wrap``.
    """
    if isinstance(network, Network):
        return network
    with _known_lock:
        found = _known.pop(id(network), None) or wrap(network)
        _known[id(network)] = found
        if len(_known) > _MOST_KNOWN:
            _known.popitem(last=False)
    return found


# --- what goes in -------------------------------------------------------------------------------------------------


def _check_built(model: Any) -> None:
    if not isinstance(model, keras.Model):
        raise TypeError(f"a Keras model is needed, not {type(model).__name__}")
    if not model.built:
        raise ConvvizError(f"the model {model.name} has no weights yet; call it once on a picture, or give it an Input")


def _declared_shape(model: Any) -> tuple[int | None, ...] | None:
    """The shape of the model's input with the batch axis, as far as the model tells."""
    try:
        shape = model.input_shape
    except AttributeError:  # subclassed
        build = model.get_build_config() or {}
        shape = build.get("input_shape") or next(iter((build.get("shapes_dict") or {}).values()), None)
    if isinstance(shape, dict):
        shape = list(shape.values())
    if isinstance(shape, list) and shape and isinstance(shape[0], (list, tuple)):
        if len(shape) > 1:
            raise ConvvizError(f"this network takes {len(shape)} inputs; ConvViz shows networks that take one picture")
        shape = shape[0]
    return None if shape is None else tuple(shape)


def _entrance(model: Any, declared: tuple | None) -> Callable[[Any], Any]:
    """From a batch (N, H, W, C) to what the model's call takes: without channels, in a list, under a name."""
    flat = declared is not None and len(declared) == 3
    try:
        structure = model.input
    except (AttributeError, ValueError):  # subclassed, or Sequential without a graph
        structure = None

    def enter(batch: Any) -> Any:
        pictures = batch[..., 0] if flat else batch
        if isinstance(structure, dict):
            return dict.fromkeys(structure, pictures)
        return [pictures] if isinstance(structure, (list, tuple)) else pictures

    return enter


def _picture_shape(declared: tuple | None, given: tuple[int, int, int] | None) -> tuple[int, int, int]:
    """(H, W, C) that pictures are brought to."""
    if given is not None:
        shape = tuple(int(side) for side in given)
    elif declared is None:
        raise ConvvizError("this network does not tell the size of its pictures; give input_shape=(height, width, 3)")
    else:
        if len(declared) not in (3, 4):
            raise ConvvizError(f"this network takes inputs of shape {declared[1:]}, not pictures; give it (H, W, C)")
        height, width, channels = (*declared[1:], 1) if len(declared) == 3 else declared[1:]
        shape = (height or FREE_SIDE, width or FREE_SIDE, channels or 3)
    if shape[2] not in (1, 3, 4):
        raise ConvvizError(f"this network takes {shape[2]} channels; pictures have 1, 3 or 4")
    return shape


def _value_range(
    survey: _Survey, given: tuple[float, float] | None, prepare: Callable | None, shape: tuple, about: dict[str, str]
) -> tuple[float, float]:
    """Lowest and highest input value; a guess is written into ``about``."""
    if given is not None:
        return float(given[0]), float(given[1])
    if prepare is not None:
        ends = [np.asarray(prepare(np.full((1, *shape), end, np.float32))) for end in PIXELS]
        return float(min(end.min() for end in ends)), float(max(end.max() for end in ends))
    if survey.pixels:
        about["Input values"] = "0 to 255, guessed: the network scales its input itself"
        return PIXELS
    about["Input values"] = "0 to 1, guessed: the network does not scale its input itself"
    return UNIT


# --- what comes out -----------------------------------------------------------------------------------------------


def _output_key(model: Any, output: int | str | None) -> int | str | None:
    """The output's place among the model's outputs."""
    names = list(getattr(model, "output_names", None) or [])
    structure = getattr(model, "_outputs_struct", None)
    if isinstance(structure, dict):
        names = list(structure)
    if isinstance(output, str) and names:
        if output not in names:
            raise ConvvizError(f"this network has no output {output!r}; choose one of {', '.join(names)}")
        return output if isinstance(structure, dict) else names.index(output)
    if isinstance(output, int) and names:
        if not 0 <= output < len(names):
            raise ConvvizError(f"this network has {len(names)} outputs, so there is no number {output}")
        return names[output] if isinstance(structure, dict) else output
    return output


def _class_names(survey: _Survey, given: Sequence[str] | None, about: dict[str, str]) -> tuple[str, ...]:
    """One name for each probability; notes on a missing ending go into ``about``."""
    count = survey.classes
    if survey.output == "none":
        size = " x ".join(str(side) for side in survey.shape[1:])
        about["Output"] = f"maps or numbers of shape {size}, not one number for each class"
        return ()
    if survey.output == "logits":
        about["Output"] = "no softmax or sigmoid at the end, so the numbers are read as logits"
        if count == 1:
            survey.output = "sigmoid"
            about["Output"] = "one number without a sigmoid at the end, read as the logit of one"
    if count == 1 and survey.output == "sigmoid":
        count = 2
    if given is not None and len(given) != count:
        raise ConvvizError(f"{len(given)} class names were given for {count} probabilities; give {count}")
    return tuple(given) if given is not None else tuple(f"class {index}" for index in range(count))


def explained(layers: Sequence[LayerCard], used: set[str] | None = None) -> tuple[str | None, str]:
    """The layer that Grad-CAM takes by default: the last maps of the last convolution.

    These are the convolution's own, or, where normalization, activation, addition or concatenation follow as layers of
    their own, the last ones of the same size before any pooling: what the rest of the network really reads.

    Args:
        layers: in the order of the calls.
        used: names of the layers that the explained output depends on; None for all.

    Returns:
        (name, reason): None and the reason if the network has no maps.

    Source:
        Selvaraju et al. 2017, arXiv:1610.02391, section 3: the last convolutional layer is the best compromise between
        meaning and place.
    """
    reaching = [layer for layer in layers if used is None or layer.name in used]
    maps = [layer for layer in reaching if layer.has_maps and math.prod(layer.output_shape[:2]) > 1]
    last = next((layer for layer in reversed(maps) if layer.kind in _CONVOLUTIONS), None)
    if last is None:
        if not maps:
            return None, "no layer of this network gives maps that lead to its output"
        return maps[-1].name, f"no convolution was found by its kind; {maps[-1].name} gives the last maps"
    chosen = last
    for layer in reaching[reaching.index(last) + 1 :]:
        if layer.kind in _UNCHANGING:
            continue
        if not layer.has_maps or layer.output_shape[:2] != last.output_shape[:2] or "Pool" in layer.kind:
            break
        chosen = layer
    size = " x ".join(str(side) for side in chosen.output_shape[:2])
    if chosen is last:
        return last.name, f"{last.name} is the last convolution; its {size} maps still know where things are"
    reason = f"{chosen.name} gives the {size} maps of the last convolution, {last.name}, as the rest reads them"
    return chosen.name, reason


# --- the trace ----------------------------------------------------------------------------------------------------


def _surveyed(model: Any, shape: tuple[int, int, int], enter: Callable, key: int | str | None) -> _Survey:
    """Everything that one trace of the model tells."""
    survey = _Survey()
    layers = tracing.leaves(model)
    outputs: dict[str, Any] = {}
    cards: dict[str, LayerCard] = {}

    def heard(path: str, _inputs: Any, output: Any) -> None:
        first = next((part for part in keras.tree.flatten(output) if hasattr(part, "op")), None)
        if first is None:
            return
        outputs[path] = first
        if path not in cards:
            sides = tuple(-1 if side is None else int(side) for side in first.shape[1:])
            cards[path] = LayerCard(path, type(layers[path]).__name__, sides, layers[path].count_params())

    def look(batch: Any) -> Any:
        with tracing.listening(model, heard):
            answer = chosen_output(model(enter(batch), training=False), key)
        survey.shape = tuple(answer.shape)
        survey.output, survey.classes = _ending(answer)
        ancestors = _ancestors(answer)
        survey.used = {path for path, tensor in outputs.items() if tensor.op.name in ancestors}
        survey.pixels = _scales_itself(batch)
        return answer

    try:
        traced = tf.function(look, jit_compile=False, autograph=False)
        traced.get_concrete_function(tf.TensorSpec((1, *shape), tf.float32))
    except (ValueError, TypeError, tf.errors.InvalidArgumentError) as reason:
        said = str(reason).strip().splitlines()[0][:200]
        raise ConvvizError(f"this network does not take a picture of {shape}: {said}; give its input_shape") from reason
    survey.layers = list(cards.values())
    return survey


def _ending(answer: Any) -> tuple[str, int]:
    """How the output ends and how many scores it has; ``("none", 0)`` if it is not one row of scores."""
    scores = as_scores(answer)
    if scores is None:
        return "none", 0
    _, kind = tracing.before_activation(answer)
    return kind, int(scores.shape[-1])


def _ancestors(tensor: Any) -> set[str]:
    """Names of the graph's operations that a tensor depends on, its own among them."""
    found: set[str] = set()
    waiting = [tensor.op]
    while waiting:
        operation = waiting.pop()
        if operation.name not in found:
            found.add(operation.name)
            waiting += [given.op for given in operation.inputs]
    return found


def _scales_itself(batch: Any) -> bool:
    """Whether the first arithmetic done to the input is made for values up to 255."""
    waiting = list(batch.consumers())
    for _ in range(50):
        if not waiting:
            return False
        operation = waiting.pop(0)
        if operation.type in _CARRYING:
            waiting += [user for tensor in operation.outputs for user in tensor.consumers()]
        elif operation.type in ("Mul", "RealDiv", "Sub", "AddV2", "BiasAdd"):
            sizes = [np.abs(value) for value in map(_constant, operation.inputs) if value is not None and value.size]
            if operation.type == "Mul" and any(size.max() < 0.1 for size in sizes):
                return True
            if operation.type != "Mul" and any(size.max() > 4 for size in sizes):
                return True
            waiting += [user for tensor in operation.outputs for user in tensor.consumers()]
    return False


def _constant(tensor: Any) -> np.ndarray | None:
    """A tensor's value if it does not depend on the picture."""
    while tensor.op.type in ("Cast", "Identity", "Reshape", "ExpandDims", "Squeeze") and tensor.op.inputs:
        tensor = tensor.op.inputs[0]
    value = tf.get_static_value(tensor)
    if value is None:
        outer = next((outside for outside, inside in tensor.graph.captures if inside is tensor), None)
        value = outer.numpy() if outer is not None and outer.dtype.is_floating else None
    return None if value is None else np.asarray(value)
