"""Labelled pictures to learn from: handwritten digits, clothes, small photographs, cats and dogs, and drawn shapes."""

from convviz.datasets.browsing import PARTS, Batch, Overview, batch, overview
from convviz.datasets.drawing import SHAPES, Drawing, box_of, draw_shapes
from convviz.datasets.folders import names as folder_names
from convviz.datasets.reading import CLASSES, NAMES, is_here, load
from convviz.datasets.records import Dataset
from convviz.datasets.references import CHEATS, OPENERS, NotHere, Reference, resolve

__all__ = [
    "CHEATS", "CLASSES", "NAMES", "OPENERS", "PARTS", "SHAPES", "Batch", "Dataset", "Drawing", "NotHere", "Overview",
    "Reference", "batch", "box_of", "draw_shapes", "folder_names", "is_here", "load", "overview", "resolve",
]  # fmt: skip
