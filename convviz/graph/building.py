"""The graph of any Keras model, found in one trace: who calls whom, with which shapes, at which cost."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from math import prod
from typing import Any

from convviz import ConvvizError, lazy, receptive_field, tracing, zoo
from convviz.graph import costs, folding
from convviz.graph.records import INPUT, OPERATION, OUTPUT, Edge, Graph, Node

keras = lazy.load("keras")
tf = lazy.load("tensorflow")

_CARRYING = ("Identity", "Cast", "Transpose", "StopGradient")
_WORDS = {
    "AddV2": "add", "AddN": "add", "Sub": "subtract", "Mul": "multiply", "RealDiv": "divide", "ConcatV2": "concatenate",
    "Pack": "stack", "StridedSlice": "slice", "Mean": "mean", "Max": "maximum", "Relu": "ReLU", "Softmax": "softmax",
    "Sigmoid": "sigmoid", "BiasAdd": "add", "MatMul": "matrix product", "Reshape": "reshape",
}  # fmt: skip
_OTHER_INPUT = re.compile(rf"{zoo.OTHER_INPUT}(\d+)")


def layer_graph(network: Any) -> Graph:
    """A network's layers in the order of their calls, and what flows between them.

    Args:
        network: ``zoo.Network`` or a built Keras model of any kind.

    Returns:
        The graph; parts that lie in one another, or belong together by their names or by their branches, are named in
        ``Node.within``.

    Raises:
        ConvvizError: as for ``zoo.wrap``.

    Example:
        >>> graph = layer_graph(zoo.mnist_convnet())
        >>> graph.node("conv2d").formula, graph.parameters
        ('3·3·1·32 + 32 = 320', 93322)
    """
    network = zoo.as_network(network)
    builder = _Builder(network)
    with network.lock:
        function = tf.function(builder.trace, autograph=False, jit_compile=False)
        function.get_concrete_function(tf.TensorSpec((1, *network.card.input_shape), tf.float32))
    return folding.grouped(Graph(tuple(builder.nodes), tuple(builder.edges)))


class _Builder:
    """What one trace has met so far."""

    def __init__(self, network: Any) -> None:
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self._network = network
        self._layers = tracing.leaves(network.model)
        self._known: dict[tuple[str, int], str] = {}  # tensor -> the node that it comes from
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._uses: Counter[str] = Counter()
        try:
            self._fields = receptive_field.receptive_fields(network, input_size=network.card.input_shape[:2])
        except ConvvizError:
            self._fields = {}

    def trace(self, batch: Any) -> Any:
        """Call the model on a symbol and write down what happens. Traced."""
        ports = zoo.inputs(self._network.model)
        name = ports[self._network.entered][0] if ports else "picture"
        self._add(Node(self._fresh(name), "", INPUT, _sides(batch)), [batch], [])
        with tracing.listening(self._network.model, self._heard):
            answer = self._network.all_answers(batch)
        parts = keras.tree.flatten(answer)
        for place, part in enumerate(parts):
            title = "output" if len(parts) == 1 else f"output {place + 1}"
            self._add(Node(self._fresh(title), "", OUTPUT, _sides(part)), [], self._sources([part]))
        return answer

    def _heard(self, path: str, given: Any, output: Any) -> Any:
        """One call of a layer."""
        tensors = _symbols(output)
        if not tensors:
            return None
        sources = self._sources(_symbols(given))
        if any(_key(tensor) in self._known for tensor in tensors) and len(tensors) == 1 and tensors[0] is output:
            output = tf.identity(output)  # a layer that changes nothing still stands on the way
            tensors = [output]
        sources = list(dict.fromkeys([*sources, *self._reached(tensors)]))
        layer, first = self._layers[path], not self._uses[path]
        shape = _sides(tensors[0])
        parameters, formula = costs.parameter_formula(layer)
        inner = self._shapes.get(sources[0]) if sources else None
        work, how = costs.multiply_adds(layer, inner, shape)
        field = self._fields.get(path) if first else None
        node = Node(
            self._fresh(path), path, type(layer).__name__, shape,
            parameters=parameters if first else 0, formula=formula, multiply_adds=work, work=how,
            memory=tensors[0].dtype.size * prod(max(side, 0) for side in shape),
            field=field.size if field else None,
            field_stride=tuple(map(float, field.stride)) if field else None,
            within=tuple(path.split("/")[:-1]),
        )  # fmt: skip
        self._add(node, tensors, sources)
        return output

    def _add(self, node: Node, tensors: Iterable[Any], sources: Iterable[str]) -> None:
        self.nodes.append(node)
        self._shapes[node.name] = node.output_shape
        for tensor in tensors:
            self._known[_key(tensor)] = node.name
        self.edges += [Edge(source, node.name, self._shapes[source]) for source in sources]

    def _fresh(self, name: str) -> str:
        """A name that no other node has."""
        self._uses[name] += 1
        return name if self._uses[name] == 1 else f"{name}#{self._uses[name]}"

    def _sources(self, tensors: Iterable[Any]) -> list[str]:
        """The nodes that tensors come from; arithmetic between layers becomes a node of its own."""
        return list(dict.fromkeys(name for tensor in tensors if (name := self._source(tensor)) is not None))

    def _source(self, tensor: Any) -> str | None:
        while _key(tensor) not in self._known and tensor.op.type in _CARRYING:
            tensor = tensor.op.inputs[0]
        if _key(tensor) in self._known:
            return self._known[_key(tensor)]
        if other := _OTHER_INPUT.search(tensor.op.name):
            name = zoo.inputs(self._network.model)[int(other.group(1))][0]
            self._add(node := Node(self._fresh(name), "", INPUT, _sides(tensor)), [tensor], [])
            return node.name
        sources = self._reached([tensor])
        if not sources:
            return None  # a constant
        kind = _WORDS.get(tensor.op.type, tensor.op.type)
        node = Node(self._fresh(f"{kind} ({OPERATION.lower()})"), "", kind, _sides(tensor))
        self._add(node, [tensor], sources)
        return node.name

    def _reached(self, tensors: Iterable[Any]) -> list[str]:
        """The nearest known nodes that tensors are computed from."""
        found: dict[str, None] = {}
        waiting, seen = list(tensors), set()
        while waiting:
            tensor = waiting.pop()
            if _key(tensor) in seen:
                continue
            seen.add(_key(tensor))
            if _key(tensor) in self._known:
                found[self._known[_key(tensor)]] = None
            else:
                waiting.extend(tensor.op.inputs)
        order = {node.name: place for place, node in enumerate(self.nodes)}
        return sorted(found, key=order.__getitem__)


def _key(tensor: Any) -> tuple[str, int]:
    return tensor.op.name, tensor.value_index


def _symbols(structure: Any) -> list[Any]:
    return [one for one in keras.tree.flatten(structure) if hasattr(one, "op") and hasattr(one, "value_index")]


def _sides(tensor: Any) -> tuple[int, ...]:
    return tuple(-1 if side is None else int(side) for side in tensor.shape[1:])
