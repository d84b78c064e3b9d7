"""Parts that open and close: which layers belong together, and what is seen while some parts are closed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from convviz.graph.records import Edge, Graph, Node

FEW = 12  # layers that need no parts
MANY = 40  # from so many layers on, parts are also found by the branches
_LEAST = 3  # layers of a part
# block1_conv1, block_3_expand, conv2_block1_1_conv, stage2_...; not conv2d_1, whose number only counts the layers
_BLOCK = re.compile(
    r"^(.*?(?:block|stage|stack|module|inception|conv)_?\d+(?!d\b|d_)[a-z]?(?:_block\d+[a-z]?)?)_(?!\d+$)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class View:
    """What is seen while some parts are closed.

    Attributes:
        nodes: in order; a closed part is one node whose ``layer`` is empty and whose ``kind`` is ``"Part"``.
        edges: between what is seen.
        opened: names of the open parts that have something in view -> names of what lies in them.
        counts: closed part -> how many layers lie in it.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    opened: dict[str, tuple[str, ...]]
    counts: dict[str, int]


def groups(graph: Graph) -> tuple[str, ...]:
    """Names of all parts, an outer one before those in it."""
    return tuple(dict.fromkeys(part for node in graph.nodes for part in _full(node)))


def fold(graph: Graph, opened: Collection[str] = ()) -> View:
    """The graph with all parts closed but some.

    Args:
        graph: as ``layer_graph`` gives it.
        opened: names of open parts; a part is seen open only if those around it are.

    Returns:
        What is seen.
    """
    shown: dict[str, str] = {}
    members: dict[str, list[Node]] = {}
    inside: dict[str, list[str]] = {}
    for node in graph.nodes:
        parts = _full(node)
        closed = next((part for part in parts if part not in opened), None)
        shown[node.name] = closed or node.name
        members.setdefault(shown[node.name], []).append(node)
        for part in parts[: parts.index(closed) if closed else None]:
            if shown[node.name] not in inside.setdefault(part, []):
                inside[part].append(shown[node.name])
    nodes = [part[0] if part[0].name == name else _closed(name, part) for name, part in members.items()]
    edges = {
        (shown[edge.source], shown[edge.target], edge.shape): None
        for edge in graph.edges
        if shown[edge.source] != shown[edge.target]
    }
    counts = {name: len(part) for name, part in members.items() if part[0].name != name}
    return View(
        tuple(nodes), tuple(Edge(*edge) for edge in edges), {n: tuple(one) for n, one in inside.items()}, counts
    )


def _full(node: Node) -> list[str]:
    """Names of the parts around a node as paths, the outermost first."""
    return ["/".join(node.within[: depth + 1]) for depth in range(len(node.within))]


def _closed(name: str, inside: Sequence[Node]) -> Node:
    """A closed part as one node."""
    last = inside[-1]
    known = [node.multiply_adds for node in inside if node.multiply_adds is not None]
    return Node(
        name, "", "Part", last.output_shape,
        parameters=sum(node.parameters for node in inside), multiply_adds=sum(known),
        memory=sum(node.memory for node in inside), field=last.field, field_stride=last.field_stride,
    )  # fmt: skip


def grouped(graph: Graph) -> Graph:
    """The same graph, where many layers lie side by side, with parts by name and by branches.

    Args:
        graph: with the models inside it as parts.

    Returns:
        The graph with more parts.
    """
    nodes = list(graph.nodes)
    homes: dict[tuple[str, ...], list[int]] = {}
    for place, node in enumerate(nodes):
        if node.layer:
            homes.setdefault(node.within, []).append(place)
    for home, places in homes.items():
        if len(places) > FEW:
            for name, run in _named_runs(nodes, places):
                for place in run:
                    nodes[place] = replace(nodes[place], within=(*home, name))
    if len(nodes) > MANY:
        nodes = _branched(nodes, graph.edges)
    return Graph(tuple(nodes), graph.edges)


def _named_runs(nodes: Sequence[Node], places: Sequence[int]) -> list[tuple[str, list[int]]]:
    """Layers in a row whose names begin alike."""
    runs: list[tuple[str, list[int]]] = []
    for place in places:
        found = _BLOCK.match(nodes[place].title)
        name = found.group(1) if found else ""
        if runs and runs[-1][0] == name:
            runs[-1][1].append(place)
        else:
            runs.append((name, [place]))
    again = [name for name, _ in runs]
    return [(name, run) for name, run in runs if name and len(run) >= _LEAST and again.count(name) == 1]


def _branched(nodes: list[Node], edges: Sequence[Edge]) -> list[Node]:
    """Layers without a part, between two that everything flows through, become a part named by the one that joins."""
    place = {node.name: number for number, node in enumerate(nodes)}
    farthest = [max((place[edge.target] for edge in edges if edge.source == node.name), default=0) for node in nodes]
    reach, cuts = -1, []
    for number in range(len(nodes)):
        if reach <= number:
            cuts.append(number)
        reach = max(reach, farthest[number])
    taken = {node.within[-1] for node in nodes if node.within}
    for before, join in itertools.pairwise(cuts):
        part = range(before + 1, join + 1)
        if len(part) >= _LEAST and not any(nodes[one].within or not nodes[one].layer for one in part):
            name = nodes[join].title
            name = f"{name} block" if f"{name} block" not in taken else f"{nodes[join].name} block"
            for one in part:
                nodes[one] = replace(nodes[one], within=(name,))
    return nodes
