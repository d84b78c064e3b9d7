"""Where the layers of a graph are drawn: from top to bottom in rows, side by side where branches run."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from convviz.graph.folding import View

WIDTH, HEIGHT = 216, 52  # of a node, pixels
_ROW, _GAP, _LANE, _MARGIN = 50, 26, 12, 24  # between rows; between nodes; a passing edge's width; around all
_SWEEPS = 6


@dataclass(frozen=True)
class Layout:
    """Places in pixels, from the top left.

    Attributes:
        size: (width, height) of the whole.
        boxes: node -> (left, top, width, height).
        lines: for each edge of the view the corners that it runs through, from its source to its target.
        frames: open part -> (left, top, width, height).
    """

    size: tuple[float, float]
    boxes: Mapping[str, tuple[float, float, float, float]]
    lines: tuple[tuple[tuple[float, float], ...], ...]
    frames: Mapping[str, tuple[float, float, float, float]]


def arrange(view: View) -> Layout:
    """Places for everything in view.

    Args:
        view: as ``fold`` gives it.

    Returns:
        The layout: no two boxes overlap and every edge runs downwards.

    Source:
        Sugiyama, Tagawa & Toda 1981, Methods for visual understanding of hierarchical system structures: rows by the
        longest path, long edges through every row, order by the neighbours' mean place.
    """
    rank = _ranks(view)
    rows: list[list[str]] = [[] for _ in range(max(rank.values(), default=0) + 1)]
    for node in view.nodes:
        rows[rank[node.name]].append(node.name)
    chains = [_chain(number, edge.source, edge.target, rank, rows) for number, edge in enumerate(view.edges)]
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for chain in chains:
        for upper, lower in itertools.pairwise(chain):
            above.setdefault(lower, []).append(upper)
            below.setdefault(upper, []).append(lower)
    lanes = {one for chain in chains for one in chain[1:-1]}
    middle = _middles(rows, above, below, lanes)
    return _drawn(view, rank, rows, chains, middle)


def _ranks(view: View) -> dict[str, int]:
    """The row of each node: the longest way to it."""
    rank = {node.name: 0 for node in view.nodes}
    into: dict[str, list[str]] = {}
    for edge in view.edges:
        into.setdefault(edge.target, []).append(edge.source)
    for node in _sorted(view):
        rank[node] = max((rank[source] + 1 for source in into.get(node, ())), default=0)
    return rank


def _sorted(view: View) -> list[str]:
    """Nodes, each after all it comes from; closed parts may stand in another order than their first layer."""
    waiting = {node.name: 0 for node in view.nodes}
    after: dict[str, list[str]] = {}
    for edge in view.edges:
        waiting[edge.target] += 1
        after.setdefault(edge.source, []).append(edge.target)
    ready, found = [name for name, count in waiting.items() if not count], []
    while ready:
        found.append(name := ready.pop(0))
        for target in after.get(name, ()):
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return found


def _chain(number: int, source: str, target: str, rank: Mapping[str, int], rows: list[list[str]]) -> list[str]:
    """An edge as steps from row to row; where it passes nodes by, it gets a lane of its own."""
    lanes = [f"\0{number}/{row}" for row in range(rank[source] + 1, rank[target])]
    for row, lane in zip(range(rank[source] + 1, rank[target]), lanes, strict=True):
        rows[row].append(lane)
    return [source, *lanes, target]


def _middles(rows: list[list[str]], above: Mapping, below: Mapping, lanes: set[str]) -> dict[str, float]:
    """The middle of each thing across, after sweeping down and up."""
    middle: dict[str, float] = {}
    for row in rows:
        for place, name in enumerate(row):
            middle[name] = place * (WIDTH + _GAP) - (len(row) - 1) * (WIDTH + _GAP) / 2
    for sweep in range(_SWEEPS):
        near, order = (above, rows) if sweep % 2 == 0 else (below, rows[::-1])
        for row in order:
            wish = {name: _mean([middle[one] for one in near.get(name, ())], middle[name]) for name in row}
            row.sort(key=wish.__getitem__)
            _spread(row, wish, middle, lanes)
    return middle


def _mean(numbers: Sequence[float], default: float) -> float:
    return sum(numbers) / len(numbers) if numbers else default


def _spread(row: list[str], wish: Mapping[str, float], middle: dict[str, float], lanes: set[str]) -> None:
    """As near to the wished places as the widths allow, in the row's order; crowded ones share the shift."""
    half = {name: (_LANE if name in lanes else WIDTH + _GAP) / 2 for name in row}
    blocks: list[list] = []  # [place of the first, names, offsets]
    for name in row:
        blocks.append([wish[name], [name], [0.0]])
        while len(blocks) > 1:
            (first, names, offsets), (begin, more, shifts) = blocks[-2], blocks[-1]
            step = offsets[-1] + half[names[-1]] + half[more[0]]
            if first + step <= begin:
                break
            joined = [*names, *more]
            places = [*offsets, *(step + shift for shift in shifts)]
            start = sum(wish[one] - place for one, place in zip(joined, places, strict=True)) / len(joined)
            blocks[-2:] = [[start, joined, places]]
    for start, names, offsets in blocks:
        for name, offset in zip(names, offsets, strict=True):
            middle[name] = start + offset


def _drawn(view: View, rank: Mapping, rows: list, chains: list[list[str]], middle: Mapping[str, float]) -> Layout:
    """Boxes, lines and frames in pixels."""
    left = min((middle[node.name] - WIDTH / 2 for node in view.nodes), default=0.0)
    left = min([left, *(middle[lane] - _LANE / 2 for chain in chains for lane in chain[1:-1])]) - _MARGIN
    right = max([0.0, *(middle[name] for row in rows for name in row)]) + WIDTH / 2 + _MARGIN - left
    boxes = {}
    for node in view.nodes:
        top = _MARGIN + rank[node.name] * (HEIGHT + _ROW)
        boxes[node.name] = (middle[node.name] - WIDTH / 2 - left, top, WIDTH, HEIGHT)
    lines = tuple(_line(chain, rank, boxes, {name: middle[name] - left for name in chain}) for chain in chains)
    height = 2 * _MARGIN + len(rows) * (HEIGHT + _ROW) - _ROW
    frames = {part: _around([boxes[one] for one in names if one in boxes]) for part, names in view.opened.items()}
    return Layout((right, height), boxes, lines, frames)


def _line(chain: list[str], rank: Mapping, boxes: Mapping, middle: Mapping[str, float]) -> tuple:
    """From the lower edge of the source through the lanes to the upper edge of the target."""
    source, target = boxes[chain[0]], boxes[chain[-1]]
    points = [(middle[chain[0]], source[1] + HEIGHT)]
    for place, lane in enumerate(chain[1:-1], rank[chain[0]] + 1):
        top = _MARGIN + place * (HEIGHT + _ROW)
        points += [(middle[lane], top - 6), (middle[lane], top + HEIGHT + 6)]
    return (*points, (middle[chain[-1]], target[1]))


def _around(boxes: Sequence[tuple[float, float, float, float]]) -> tuple[float, float, float, float]:
    """The frame around some boxes, with room for its title."""
    left, top = min(box[0] for box in boxes) - 10, min(box[1] for box in boxes) - 24
    right, bottom = max(box[0] + box[2] for box in boxes) + 10, max(box[1] + box[3] for box in boxes) + 10
    return left, top, right - left, bottom - top
