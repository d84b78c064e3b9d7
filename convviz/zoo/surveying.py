"""One trace through a Keras model: what it is made of, how it ends and what it does first to its input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from convviz import ConvvizError, lazy, tracing
from convviz.zoo.cards import LayerCard
from convviz.zoo.network import as_scores, chosen_output

keras = lazy.load("keras")
tf = lazy.load("tensorflow")

_CARRYING = (
    "Cast", "Identity", "StridedSlice", "ReverseV2", "Reshape", "ExpandDims", "ResizeBilinear", "ConcatV2", "Pack",
    "Transpose", "Squeeze",
)  # fmt: skip


@dataclass
class Survey:
    """What one trace has shown.

    Attributes:
        layers: every innermost layer in the order of the calls.
        output: how the explained output ends: ``"softmax"``, ``"sigmoid"``, ``"logits"`` or ``"none"``.
        classes: scores that the output has.
        pixels: whether the first arithmetic done to the input is made for values up to 255.
        used: names of the layers that the explained output depends on.
        shape: of the explained output, with the batch axis.
        unreached: names of the layers that do not depend on the picture.
        last: names of the layers whose output is the explained output itself.
    """

    layers: list[LayerCard] = field(default_factory=list)
    output: str = "none"
    classes: int = 0
    pixels: bool = False
    used: set[str] = field(default_factory=set)
    shape: tuple[int | None, ...] = ()
    unreached: tuple[str, ...] = ()
    last: set[str] = field(default_factory=set)


def surveyed(model: Any, shape: tuple[int, int, int], enter: Callable, key: int | str | None) -> Survey:
    """Everything that one trace of the model tells.

    Args:
        model: any built ``keras.Model``.
        shape: (H, W, C) of pictures.
        enter: from a batch of pictures to what the model's call takes.
        key: which of several outputs is looked at.

    Returns:
        The survey.

    Raises:
        ConvvizError: the model does not take such a picture.
    """
    survey = Survey()
    layers = tracing.leaves(model)
    outputs: dict[str, Any] = {}
    cards: dict[str, LayerCard] = {}
    turned: set[str] = set()

    def heard(path: str, _inputs: Any, output: Any) -> None:
        first = next((part for part in keras.tree.flatten(output) if hasattr(part, "op")), None)
        if first is None:
            return
        outputs[path] = first
        if path not in cards:
            sides = tuple(-1 if side is None else int(side) for side in first.shape[1:])
            cards[path] = LayerCard(path, type(layers[path]).__name__, sides, layers[path].count_params())

    def look(batch: Any) -> Any:
        with tracing.listening(model, heard) as channels_first:
            answer = chosen_output(model(enter(batch), training=False), key)
        turned.update(channels_first)
        survey.shape = tuple(answer.shape)
        survey.output, survey.classes = _ending(answer)
        ancestors = _ancestors(answer)
        survey.used = {path for path, tensor in outputs.items() if tensor.op.name in ancestors}
        survey.last = {path for path, tensor in outputs.items() if tensor is answer or tensor.op is answer.op}
        reached = _descendants(batch)
        survey.unreached = tuple(
            path
            for path, tensor in outputs.items()
            if tensor.op.name not in reached and cards[path].kind != "InputLayer"
        )
        survey.pixels = _scales_itself(batch)
        return answer

    try:
        traced = tf.function(look, jit_compile=False, autograph=False)
        traced.get_concrete_function(tf.TensorSpec((1, *shape), tf.float32))
    except (ValueError, TypeError, tf.errors.InvalidArgumentError) as reason:
        said = str(reason).strip().splitlines()[0][:200]
        raise ConvvizError(f"this network does not take a picture of {shape}: {said}; give its input_shape") from reason
    survey.layers = [replace(card, channels_first=True) if path in turned else card for path, card in cards.items()]
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
    return _reached(tensor, lambda operation: [given.op for given in operation.inputs])


def _descendants(tensor: Any) -> set[str]:
    """Names of the graph's operations that depend on a tensor, its own among them."""
    return _reached(tensor, lambda operation: [user for made in operation.outputs for user in made.consumers()])


def _reached(tensor: Any, neighbours: Callable[[Any], list[Any]]) -> set[str]:
    """Names of all operations that are reached step by step, from a tensor's own on."""
    found: set[str] = set()
    waiting = [tensor.op]
    while waiting:
        operation = waiting.pop()
        if operation.name not in found:
            found.add(operation.name)
            waiting += neighbours(operation)
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
