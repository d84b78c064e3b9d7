"""Convolution: a kernel slides over a picture, and a sum of products is taken at every place.

As in every convolutional network the kernel is not flipped, so strictly this is a cross-correlation; ``flip=True`` is
the mathematician's convolution. Strides, dilations and kernel sizes are pixels, one number or (vertical, horizontal).
"""

from convviz.convolution.cell import Trace, patches, trace
from convviz.convolution.composition import Composition, compose, in_two_steps
from convviz.convolution.geometry import PADDING_MODES, PADDINGS, output_shape, output_size, padding_amounts
from convviz.convolution.operations import convolve, depthwise, gradient, pointwise, transpose

__all__ = [
    "PADDINGS",
    "PADDING_MODES",
    "Composition",
    "Trace",
    "compose",
    "convolve",
    "depthwise",
    "gradient",
    "in_two_steps",
    "output_shape",
    "output_size",
    "padding_amounts",
    "patches",
    "pointwise",
    "trace",
    "transpose",
]
