"""Building a vetted network and its first prediction, both within a budget that is checked before memory is taken."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from convviz import ConvvizError, lazy

keras = lazy.load("keras")
tf = lazy.load("tensorflow")

MOST_PARAMETERS = 100_000_000
MOST_NUMBERS = 50_000_000  # of one tensor in one prediction
MOST_NUMBERS_IN_ALL = 2_000_000_000
MOST_WORK = 200_000_000_000  # multiply-adds of one prediction
_SIDES = (32, 96, 224, 299)  # tried one after the other where the network leaves its input's sides open
_one_at_a_time = threading.RLock()


@contextmanager
def budget() -> Iterator[None]:
    """While the block runs, this thread's layers may take a limited number of weights, all nought at first.

    The weights that a network starts from are read from its file afterwards, so drawing random ones, or orthogonal
    ones, which takes minutes for large matrices, would be in vain.

    Raises:
        ConvvizError: the layers ask for too many weights.
    """
    with _one_at_a_time:
        add_weight, owner, asked = keras.layers.Layer.add_weight, threading.get_ident(), [0]

        def counted(self: Any, *args: Any, **choices: Any) -> Any:
            if threading.get_ident() != owner:
                return add_weight(self, *args, **choices)
            asked[0] += math.prod(choices.get("shape") or (args[0] if args else None) or ())
            _check_parameters(asked[0])
            if len(args) > 1:
                args = (args[0], "zeros", *args[2:])
            else:
                choices["initializer"] = "zeros"
            return add_weight(self, *args, **choices)

        keras.layers.Layer.add_weight = counted
        try:
            yield
        except Exception:
            _check_parameters(asked[0])  # Keras may have wrapped our sentence into one of its own
            raise
        finally:
            keras.layers.Layer.add_weight = add_weight


def _check_parameters(count: int) -> None:
    """Refuse too large a network."""
    if count > MOST_PARAMETERS:
        raise ConvvizError(
            f"this network has more than {MOST_PARAMETERS // 1_000_000} million parameters; open a smaller one"
        )


def predict_once(model: Any) -> None:
    """A first prediction on black pictures, after every tensor of it was measured.

    Args:
        model: a built ``keras.Model``.

    Raises:
        ConvvizError: it would take too much memory or time.
        Exception: whatever TensorFlow or Keras raise where the network does not work.
    """
    for place, side in enumerate(_SIDES):
        specs = [_spec(tensor, side) for tensor in model.inputs]
        try:
            function = tf.function(lambda *inputs: model(inputs if len(inputs) > 1 else inputs[0], training=False))
            prediction = function.get_concrete_function(*specs)
            break
        except Exception:
            if place + 1 == len(_SIDES) or not any(None in tensor.shape[1:] for tensor in model.inputs):
                raise
    _check_graph(prediction.graph, model)
    prediction(*[tf.zeros(spec.shape, spec.dtype) for spec in specs])


def _spec(tensor: Any, side: int) -> Any:
    """An input's shape with nothing left open."""
    batch, *sides = tensor.shape
    return tf.TensorSpec([batch or 1, *[side if open_ is None else open_ for open_ in sides]], tensor.dtype)


def _check_graph(graph: Any, model: Any) -> None:
    """Refuse a prediction with too large a tensor, too many numbers or too much work."""
    weights = {tuple(weight.shape) for weight in model.weights}
    largest = max([32, *(side for tensor in graph.inputs for side in tensor.shape[1:] if side)])
    numbers = work = 0
    for operation in graph.get_operations():
        sizes = [
            _count(output, largest)
            for output in operation.outputs
            if output.dtype not in (tf.resource, tf.variant) and tuple(output.shape or ()) not in weights
        ]
        if max(sizes, default=0) > MOST_NUMBERS:
            raise ConvvizError(
                f"this network makes {max(sizes):,} numbers at once of a small picture, more than {MOST_NUMBERS:,}; "
                "open a smaller network"
            )
        numbers += sum(sizes)
        work += _work(operation, sum(sizes), largest, model)
    if numbers > MOST_NUMBERS_IN_ALL or work > MOST_WORK:
        raise ConvvizError(
            f"one prediction of this network takes {work / 1e9:,.0f} billion steps on {numbers / 1e6:,.0f} million "
            f"numbers, more than {MOST_WORK // 10**9} billion on {MOST_NUMBERS_IN_ALL // 10**6:,} million; "
            "open a smaller network"
        )


def _shape(tensor: Any, largest: int) -> list[int]:
    """A tensor's shape; an open side counts as the input's largest."""
    if tensor.shape.rank is None:
        return [largest]
    return [largest if side is None else side for side in tensor.shape]


def _count(tensor: Any, largest: int) -> int:
    """How many numbers a tensor has."""
    return math.prod(_shape(tensor, largest))


def _work(operation: Any, produced: int, largest: int, model: Any) -> int:
    """Multiply-adds of an operation of TensorFlow's, roughly; one for each number where nothing else is known."""
    kind, inputs = operation.type, list(operation.inputs)
    if kind in ("Conv2D", "Conv3D"):
        return produced * _per_number(inputs[1], largest)
    if kind in ("Conv2DBackpropInput", "Conv3DBackpropInputV2"):
        return _count(inputs[2], largest) * _per_number(inputs[1], largest)
    if kind == "DepthwiseConv2dNative":
        return produced * math.prod(_shape(inputs[1], largest)[:2])
    if kind.startswith(("MatMul", "BatchMatMul", "Einsum")):
        sides = [side for tensor in inputs for side in _shape(tensor, largest)[-2:]]
        return produced * max(sides, default=1)
    if kind in ("MaxPool", "AvgPool", "MaxPool3D", "AvgPool3D"):
        return produced * math.prod(operation.get_attr("ksize"))
    if kind.endswith("While"):
        return model.count_params() * max(largest, *(max(_shape(tensor, largest), default=1) for tensor in inputs), 1)
    return produced


def _per_number(kernel: Any, largest: int) -> int:
    """Multiply-adds for each number that a convolution makes: its filter's size."""
    *sides, _ = _shape(kernel, largest)
    return math.prod(sides)
