"""A graph as an SVG file, with nothing in it but shapes and escaped text."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from html import escape

from convviz.graph.folding import View
from convviz.graph.layout import Layout, arrange
from convviz.graph.records import INPUT, OUTPUT, Node

FAMILIES = {  # family -> (fill, edge), light; told by the word in the box as well
    "convolution": ("#dcebf7", "#2f6f9f"),
    "pooling": ("#fbe3d6", "#b5561d"),
    "dense": ("#e6dff2", "#6a4a9c"),
    "normalization": ("#e3f0e0", "#4d7f3f"),
    "activation": ("#f7efd0", "#8a7012"),
    "join": ("#f6dde6", "#a33a66"),
    "part": ("#eceae5", "#5b5b57"),
    "other": ("#ffffff", "#7a7a75"),
}
_JOINS = ("Add", "Concatenate", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Dot", "add", "concatenate")
_ACTIVATIONS = ("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax")


def family(kind: str) -> str:
    """Which of ``FAMILIES`` a kind of layer belongs to.

    Example:
        >>> family("DepthwiseConv2D"), family("Part")
        ('convolution', 'part')
    """
    if kind == "Part":
        return "part"
    if "Conv" in kind:
        return "convolution"
    if "Pool" in kind:
        return "pooling"
    if "Dense" in kind:
        return "dense"
    if "Normalization" in kind or kind == "Rescaling":
        return "normalization"
    if kind in _ACTIVATIONS:
        return "activation"
    return "join" if kind in _JOINS else "other"


def shape_words(shape: Sequence[int]) -> str:
    """A shape, such as 26 × 26 × 32; an open side is a question mark."""
    return " × ".join("?" if side < 0 else str(side) for side in shape) or "1"


def lines_of(node: Node, count: int = 0) -> tuple[str, str]:
    """The two lines of text in a node's box: its name, and what it is with its parameters."""
    parameters = f", {node.parameters:,} parameters" if node.parameters else ""
    kind = f"{count} layers" if count else node.kind
    return shortened(node.title or node.name, 26), shortened(f"{kind}{parameters}", 36)


def shortened(text: str, longest: int) -> str:
    """A text with its middle left out where it is too long."""
    half = (longest - 1) // 2
    return text if len(text) <= longest else f"{text[:half]}…{text[-half:]}"


def smooth(points: Sequence[tuple[float, float]]) -> str:
    """An SVG path through points that leaves and arrives upright."""
    parts = [f"M{points[0][0]:.1f},{points[0][1]:.1f}"]
    for (x, y), (to_x, to_y) in itertools.pairwise(points):
        middle = (y + to_y) / 2
        parts.append(f"C{x:.1f},{middle:.1f} {to_x:.1f},{middle:.1f} {to_x:.1f},{to_y:.1f}")
    return " ".join(parts)


def svg(view: View, layout: Layout | None = None, *, chosen: str = "") -> str:
    """A view as an SVG picture.

    Args:
        view: as ``fold`` gives it.
        layout: as ``arrange`` gives it; made here without it.
        chosen: name of a node that is framed.

    Returns:
        The file's text. Names are escaped; there are no scripts, links or foreign objects in it.
    """
    layout = layout or arrange(view)
    width, height = layout.size
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="sans-serif">',
        f"<title>{escape(f'{len(view.nodes)} parts of a network')}</title>",
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
    ]
    for name, (x, y, w, h) in layout.frames.items():
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="8" fill="#f5f3ee" stroke="#b9b4a8"/>'
            f'<text x="{x + 8:.1f}" y="{y + 15:.1f}" font-size="11" fill="#4a4a46">{_text(shortened(name, 60))}</text>'
        )
    for edge, points in zip(view.edges, layout.lines, strict=True):
        x, y = points[-1]
        parts.append(
            f'<path d="{smooth(points)}" fill="none" stroke="#8b8b85" stroke-width="1.4"/>'
            f'<path d="M{x - 4:.1f},{y - 7:.1f} l4,7 l4,-7" fill="none" stroke="#8b8b85"/>'
        )
        label = label_place(points)
        parts.append(
            f'<text x="{label[0]:.1f}" y="{label[1]:.1f}" font-size="11" fill="#3c3c39">'
            f"{_text(shape_words(edge.shape))}</text>"
        )
    parts += [_box(node, layout, view, chosen) for node in view.nodes]
    return "\n".join([*parts, "</svg>"])


def label_place(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Where the shape of an edge is written: below its source, or beside the lane of a long one."""
    x, y = points[0] if len(points) == 2 else points[-2]
    return x + 7, y + 22 if len(points) == 2 else y - 16


def _box(node: Node, layout: Layout, view: View, chosen: str) -> str:
    """A node's box with two lines of text."""
    x, y, w, h = layout.boxes[node.name]
    fill, stroke = FAMILIES[family(node.kind)]
    title, below = lines_of(node, view.counts.get(node.name, 0))
    rounded = 20 if node.kind in (INPUT, OUTPUT) else 6
    thick = 3.5 if node.name == chosen else 1.4
    centre = f'x="{x + w / 2:.1f}" text-anchor="middle"'
    return (
        f'<g><title>{_text(node.name)}</title><rect x="{x:.1f}" y="{y:.1f}" width="{w}" height="{h}" rx="{rounded}" '
        f'fill="{fill}" stroke="{stroke}" stroke-width="{thick}"/>'
        f'<text {centre} y="{y + 21:.1f}" font-size="13" fill="#1c1c1a">{_text(title)}</text>'
        f'<text {centre} y="{y + 39:.1f}" font-size="11" fill="#3c3c39">{_text(below)}</text></g>'
    )


def _text(name: str) -> str:
    """Text that shows and does nothing else."""
    return escape("".join(letter for letter in name if letter.isprintable()))
