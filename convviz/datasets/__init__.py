"""Labelled pictures to learn from: handwritten digits, clothes, small photographs, cats and dogs, and drawn shapes."""

from convviz.datasets.browsing import PARTS, Batch, Overview, batch, outline, overview, packed
from convviz.datasets.drawing import SHAPES, Drawing, box_of, draw_shapes
from convviz.datasets.folders import names as folder_names
from convviz.datasets.reading import CLASSES, NAMES, download, download_size, is_here, load
from convviz.datasets.records import Dataset, Outline
from convviz.datasets.references import OPENERS, NotHere, Reference, known_outline, resolve

__all__ = [
    "CLASSES", "NAMES", "OPENERS", "PARTS", "SHAPES", "Batch", "Dataset", "Drawing", "NotHere", "Outline",
    "Overview", "Reference", "batch", "box_of", "download", "download_size", "draw_shapes", "folder_names", "is_here",
    "known_outline", "load", "outline", "overview", "packed", "resolve",
]  # fmt: skip
