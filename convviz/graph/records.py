"""What is known of a network's layers and of what flows between them: plain frozen records."""

from __future__ import annotations

from dataclasses import dataclass

INPUT, OUTPUT, OPERATION = "Input", "Output", "Operation"


@dataclass(frozen=True)
class Node:
    """One call of a layer, an input, an output, or arithmetic between layers.

    Attributes:
        name: unique; a layer's path, with ``#2`` on its second use.
        layer: the layer's path; empty for what is no layer.
        kind: the Keras class, ``"Input"``, ``"Output"``, or for arithmetic what it does, such as ``"add"``.
        output_shape: without the batch axis.
        parameters: weights and biases of the layer; 0 on its second use.
        formula: how they are counted, such as ``"3·3·1·32 + 32 = 320"``; empty without parameters.
        multiply_adds: for one picture; None where they are not counted.
        work: how they are counted, such as ``"3·3·1·32 · 26·26 = 194,688"``.
        memory: bytes of the output for one picture, in the format that the layer computes in.
        field: receptive field (height, width) in pixels of the picture, None where it is not known.
        field_stride: pixels from one unit's field to the next one's.
        within: names of the parts that it lies in, the outermost first.
    """

    name: str
    layer: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int = 0
    formula: str = ""
    multiply_adds: int | None = 0
    work: str = ""
    memory: int = 0
    field: tuple[int, int] | None = None
    field_stride: tuple[float, float] | None = None
    within: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The name without the parts that it lies in."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True)
class Edge:
    """What flows from one node to another.

    Attributes:
        source: name of a node.
        target: name of a node.
        shape: without the batch axis.
    """

    source: str
    target: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Graph:
    """A network's graph.

    Attributes:
        nodes: in the order of the calls.
        edges: each runs forward in that order.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def node(self, name: str) -> Node:
        """The node of that name; KeyError if there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    @property
    def parameters(self) -> int:
        """Of all layers."""
        return sum(node.parameters for node in self.nodes)

    @property
    def multiply_adds(self) -> int:
        """Of all layers for one picture, as far as they are counted."""
        return sum(node.multiply_adds or 0 for node in self.nodes)

    @property
    def memory(self) -> int:
        """Bytes of all layers' outputs for one picture, as float32."""
        return sum(node.memory for node in self.nodes if node.layer)
