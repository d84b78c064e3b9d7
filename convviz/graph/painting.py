"""A graph as a picture of pixels, drawn as the SVG file has it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from convviz import plots
from convviz.graph.drawing import FAMILIES, family, label_place, lines_of, shape_words, shortened
from convviz.graph.folding import View
from convviz.graph.layout import Layout, arrange
from convviz.graph.records import INPUT, OUTPUT

_SCALE = 2  # pixels to a unit of the layout, so that text stays sharp
_MOST = 40_000_000  # pixels of the whole; of a very large network it is drawn smaller
_PART = 10  # straight pieces of a curve
_GROUND, _LINE, _FRAME, _FRAMED = "#ffffff", "#8b8b85", "#b9b4a8", "#f5f3ee"
_HEAD, _SMALL = "#1c1c1a", "#3c3c39"  # of text


def picture(view: View, layout: Layout | None = None, *, chosen: str = "") -> np.ndarray:
    """A view as a picture.

    Args:
        view: as ``fold`` gives it.
        layout: as ``arrange`` gives it; made here without it.
        chosen: name of a node that is framed.

    Returns:
        uint8 (H, W, 3), twice as large as the layout, or smaller where that would be more than 40 million pixels.
    """
    layout = layout or arrange(view)
    width, height = layout.size
    scale = min(_SCALE, (_MOST / (width * height)) ** 0.5)
    canvas = Image.new("RGB", (max(1, round(width * scale)), max(1, round(height * scale))), _GROUND)
    pen = _Pen(ImageDraw.Draw(canvas), scale)
    for name, box in layout.frames.items():
        pen.box(box, _FRAMED, _FRAME, 1, 8)
        pen.text((box[0] + 8, box[1] + 15), shortened(name, 60), 11, _SMALL, "ls")
    for edge, points in zip(view.edges, layout.lines, strict=True):
        pen.line(_curve(points))
        x, y = points[-1]
        pen.line([(x - 4, y - 7), (x, y), (x + 4, y - 7)])
        pen.text(label_place(points), shape_words(edge.shape), 11, _SMALL, "ls")
    for node in view.nodes:
        x, y, wide, high = layout.boxes[node.name]
        fill, edge_ = FAMILIES[family(node.kind)]
        rounded = 20 if node.kind in (INPUT, OUTPUT) else 6
        pen.box((x, y, wide, high), fill, edge_, 3.5 if node.name == chosen else 1.4, rounded)
        title, below = lines_of(node, view.counts.get(node.name, 0))
        pen.text((x + wide / 2, y + 21), title, 13, _HEAD, "ms")
        pen.text((x + wide / 2, y + 39), below, 11, _SMALL, "ms")
    return np.asarray(canvas)


def _curve(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points on the curves of ``drawing.smooth``, Bézier's with both handles at half of the way down."""
    found = [points[0]]
    for (x, y), (to_x, to_y) in itertools.pairwise(points):
        if x == to_x:
            found.append((to_x, to_y))
            continue
        middle = (y + to_y) / 2
        for part in np.arange(1, _PART + 1) / _PART:
            weights = ((1 - part) ** 3, 3 * part * (1 - part) ** 2, 3 * part**2 * (1 - part), part**3)
            across, down = (x, x, to_x, to_x), (y, middle, middle, to_y)
            found.append((float(np.dot(weights, across)), float(np.dot(weights, down))))
    return found


class _Pen:
    """Draws in units of the layout."""

    def __init__(self, draw: ImageDraw.ImageDraw, scale: float) -> None:
        self.draw, self.scale = draw, scale
        self.fonts = {size: ImageFont.load_default(max(1.0, size * scale)) for size in (11, 13)}

    def box(self, place: tuple[float, float, float, float], fill: str, edge: str, thick: float, rounded: float) -> None:
        x, y, wide, high = (side * self.scale for side in place)
        self.draw.rounded_rectangle(
            (x, y, x + wide, y + high), rounded * self.scale, fill, edge, max(1, round(thick * self.scale))
        )

    def line(self, points: Sequence[tuple[float, float]]) -> None:
        scaled = [(x * self.scale, y * self.scale) for x, y in points]
        self.draw.line(scaled, _LINE, max(1, round(1.4 * self.scale)), joint="curve")

    def text(self, place: tuple[float, float], words: str, size: int, colour: str, anchor: str) -> None:
        spelt = plots.spelt(words)
        self.draw.text((place[0] * self.scale, place[1] * self.scale), spelt, colour, self.fonts[size], anchor)
