"""Building a vetted network and its first prediction, both within a budget that is checked before memory is taken."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from convviz import ConvvizError, lazy

keras = lazy.load("keras")
tf = lazy.load("tensorflow")

MOST_PARAMETERS = 100_000_000
MOST_REPEATS = 1_500  # of layers within TimeDistributed, which Keras writes out step by step
MOST_NUMBERS = 50_000_000  # of one tensor in one prediction
MOST_NUMBERS_IN_ALL = 2_000_000_000
MOST_WORK = 60_000_000_000  # multiply-adds of one prediction; the largest ImageNet network, EfficientNetB7, takes 37
_SIDES = (32, 96, 224, 299)  # tried one after the other where the network leaves its input's sides open
one_at_a_time = threading.RLock()  # bounds the memory


@contextmanager
def budget() -> Iterator[None]:
    """While the block runs, this thread's layers may take a limited number of weights, all nought at first.

    The weights that a network starts from are read from its file afterwards, so drawing random ones, or orthogonal
    ones, which takes minutes for large matrices, would be in vain.

    Raises:
        ConvvizError: the layers ask for too many weights.
    """
    with one_at_a_time:
        asked, kept = [0], (keras.layers.Layer.add_weight, keras.layers.TimeDistributed.build)
        keras.layers.Layer.add_weight = _counting(kept[0], asked)
        keras.layers.TimeDistributed.build = _bounded(kept[1], [1])
        try:
            yield
        except Exception:
            _check_parameters(asked[0])  # Keras may have wrapped our sentence into one of its own
            raise
        finally:
            keras.layers.Layer.add_weight, keras.layers.TimeDistributed.build = kept


def _counting(add_weight: Callable, asked: list[int]) -> Callable:
    """``Layer.add_weight`` that counts what this thread's layers ask for, and gives noughts."""
    owner = threading.get_ident()

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

    return counted


def _bounded(build: Callable, repeats: list[int]) -> Callable:
    """``TimeDistributed.build`` that refuses what Keras would write out too often, also one within another."""

    def bounded(self: Any, input_shape: Any) -> None:
        repeats.append(repeats[-1] * (input_shape[1] or 1))
        try:
            if repeats[-1] * _layers_in(self.layer) > MOST_REPEATS:
                raise ConvvizError(
                    f"this network repeats a layer {repeats[-1]:,} times by TimeDistributed; use fewer time steps"
                )
            build(self, input_shape)
        finally:
            repeats.pop()

    return bounded


def _layers_in(layer: Any) -> int:
    """A layer and all below it."""
    return 1 + sum(_layers_in(inner) for inner in getattr(layer, "layers", ()))


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
        ConvvizError: it would take too much memory or time, or works with no size that is tried.
        Exception: whatever TensorFlow or Keras raise where the network does not work.
    """
    for place, side in enumerate(_SIDES):
        specs = [_spec(tensor, side) for tensor in model.inputs]
        try:
            function = tf.function(lambda *inputs: model(inputs if len(inputs) > 1 else inputs[0], training=False))
            prediction = function.get_concrete_function(*specs)
            break
        except Exception as error:
            last, is_open = place + 1 == len(_SIDES), any(None in tensor.shape[1:] for tensor in model.inputs)
            if not is_open or "scope name" in str(error) or (last and not isinstance(error, ValueError)):
                raise  # the size is not at fault
            if last:
                raise ConvvizError(
                    "this network leaves the sides of its input open and works with none of "
                    f"{', '.join(map(str, _SIDES[:-1]))} and {_SIDES[-1]} pixels; give its input the size that it "
                    "takes and save the model again"
                ) from error
    _check_graph(prediction.graph, model)
    prediction(*[tf.zeros(spec.shape, spec.dtype) for spec in specs])


def _spec(tensor: Any, side: int) -> Any:
    """An input's shape with nothing left open."""
    batch, *sides = tensor.shape
    return tf.TensorSpec([batch or 1, *[side if open_ is None else open_ for open_ in sides]], tensor.dtype)


def _check_graph(graph: Any, model: Any) -> None:
    """Refuse a prediction with too large a tensor, too many numbers or too much work."""
    largest_tensor, numbers, work = measure(graph, model)
    if largest_tensor > MOST_NUMBERS:
        raise ConvvizError(
            f"this network makes {largest_tensor:,} numbers at once of a small picture, more than {MOST_NUMBERS:,}; "
            "open a smaller network"
        )
    if numbers > MOST_NUMBERS_IN_ALL or work > MOST_WORK:
        raise ConvvizError(
            f"one prediction of this network takes {work / 1e9:,.0f} billion steps on {numbers / 1e6:,.0f} million "
            f"numbers, more than {MOST_WORK // 10**9} billion on {MOST_NUMBERS_IN_ALL // 10**6:,} million; "
            "open a smaller network"
        )


def measure(graph: Any, model: Any) -> tuple[int, int, int]:
    """What one prediction costs.

    Args:
        graph: a traced prediction of the model.
        model: the ``keras.Model``.

    Returns:
        (numbers in the largest tensor that is not computed from weights alone, numbers in all, multiply-adds).
    """
    largest = max([32, *(side for tensor in graph.inputs for side in tensor.shape[1:] if side)])
    handles = {id(variable.handle): variable.shape for variable in graph.variables}
    resources = {inner.name: handles.get(id(outer)) for outer, inner in graph.captures}
    from_weights: set[str] = set()
    most = numbers = work = 0
    for operation in graph.get_operations():
        sizes = [
            _count(tensor, largest) for tensor in operation.outputs if tensor.dtype not in (tf.resource, tf.variant)
        ]
        if operation.type in ("ReadVariableOp", "Const") or (
            operation.inputs and all(tensor.name in from_weights for tensor in operation.inputs)
        ):
            from_weights |= {tensor.name for tensor in operation.outputs}
            sizes = [size * (size > MOST_PARAMETERS) for size in sizes]
        most = max(most, *sizes, 0)
        numbers += sum(sizes)
        kernels = [shape for tensor in operation.inputs if (shape := resources.get(tensor.name)) is not None]
        known = _work(operation, sum(sizes), largest, kernels)
        work += model.count_params() * largest if known is None else known
    return most, numbers, work


def _shape(tensor: Any, largest: int) -> list[int]:
    """A tensor's shape; an open side counts as the input's largest."""
    if tensor.shape.rank is None:
        return [largest]
    return [largest if side is None else side for side in tensor.shape]


def _count(tensor: Any, largest: int) -> int:
    """How many numbers a tensor has."""
    return math.prod(_shape(tensor, largest))


def _work(operation: Any, produced: int, largest: int, kernels: list[Any]) -> int | None:
    """Multiply-adds of an operation of TensorFlow's, roughly: one for each number, or None where they are hidden."""
    kind, inputs = operation.type, list(operation.inputs)
    if kind in ("Conv2D", "Conv3D"):
        return produced * _per_number(inputs[1], largest)
    if kind in ("Conv2DBackpropInput", "Conv3DBackpropInputV2"):
        return _count(inputs[2], largest) * _per_number(inputs[1], largest)
    if kind == "DepthwiseConv2dNative":
        return produced * math.prod(_shape(inputs[1], largest)[:2])
    if kind == "MatMul" or kind.startswith("BatchMatMul"):
        turned = operation.get_attr("transpose_a" if kind == "MatMul" else "adj_x")
        return produced * _shape(inputs[0], largest)[-2 if turned else -1]
    if kind == "Einsum":
        return _einsum_work(operation.get_attr("equation").decode(), [_shape(tensor, largest) for tensor in inputs])
    if kind in ("MaxPool", "AvgPool", "MaxPool3D", "AvgPool3D"):
        return produced * math.prod(operation.get_attr("ksize"))
    if kind.endswith("Call") and kernels:  # a convolution in groups
        return produced * max(math.prod(kernel[:-1]) for kernel in kernels)
    if kind.endswith(("While", "Call", "If", "Case")):  # such as the loop of a recurrent layer
        return None
    return produced


def _einsum_work(equation: str, shapes: list[list[int]]) -> int:
    """One multiply-add for each combination of indices."""
    sides: dict[str, int] = {}
    rest = 1
    for labels, shape in zip(equation.split("->")[0].split(","), shapes, strict=True):
        before, dots, after = labels.partition("...")
        sides |= dict(zip(before, shape, strict=False))
        sides |= dict(zip(reversed(after), reversed(shape), strict=False))
        if dots:
            rest = max(rest, math.prod(shape[len(before) : len(shape) - len(after)]))
    return rest * math.prod(sides.values())


def _per_number(kernel: Any, largest: int) -> int:
    """Multiply-adds for each number that a convolution makes: its filter's size."""
    *sides, _ = _shape(kernel, largest)
    return math.prod(sides)
