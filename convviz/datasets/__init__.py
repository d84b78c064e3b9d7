"""Labelled pictures to learn from: handwritten digits, clothes, small photographs, cats and dogs, and drawn shapes."""

from convviz.datasets.browsing import PARTS, Batch, Overview, batch, overview
from convviz.datasets.drawing import SHAPES, Drawing, box_of, draw_shapes
from convviz.datasets.reading import NAMES, is_here, load
from convviz.datasets.records import Dataset

__all__ = [
    "NAMES", "PARTS", "SHAPES", "Batch", "Dataset", "Drawing", "Overview", "batch", "box_of", "draw_shapes", "is_here",
    "load", "overview",
]  # fmt: skip
