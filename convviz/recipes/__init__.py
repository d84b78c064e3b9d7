"""What a page shows, as a program that somebody can run without ConvViz: NumPy, OpenCV, Pillow, scikit-image, Keras.

One module a subject; every function returns one text. The text gets its picture, computes the shown numbers, leaves
them in ``result`` and writes the shown picture to a file. It is written to be read by somebody who learns.
"""

from convviz.recipes import (
    architectures,
    augmentation,
    comparison,
    convolution,
    data,
    fourier,
    grad_cam,
    kinds,
    layers,
    looks,
    maps,
    networks,
    patterns,
    pixels,
    pooling,
    receptive_field,
    shortcut,
    surgery,
    tables,
    training,
    trust,
    tuning,
)
from convviz.recipes.openings import OWN, opening
from convviz.recipes.writing import literal, script

__all__ = [
    "OWN",
    "architectures",
    "augmentation",
    "comparison",
    "convolution",
    "data",
    "fourier",
    "grad_cam",
    "kinds",
    "layers",
    "literal",
    "looks",
    "maps",
    "networks",
    "opening",
    "patterns",
    "pixels",
    "pooling",
    "receptive_field",
    "script",
    "shortcut",
    "surgery",
    "tables",
    "training",
    "trust",
    "tuning",
]
