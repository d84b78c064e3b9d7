"""Convolution: a kernel slides over a picture, and a sum of products is taken at every place.

As in every convolutional network the kernel is not flipped, so strictly this is a cross-correlation; ``flip=True`` is
the mathematician's convolution. Strides, dilations and kernel sizes are pixels, one number or (vertical, horizontal).
"""

from convviz.convolution.cell import Trace, trace
from convviz.convolution.geometry import PADDING_MODES, PADDINGS, output_shape, output_size, padding_amounts
from convviz.convolution.operations import convolve, depthwise, gradient, pointwise, transpose

__all__ = [
    "PADDINGS",
    "PADDING_MODES",
    "Trace",
    "convolve",
    "depthwise",
    "gradient",
    "output_shape",
    "output_size",
    "padding_amounts",
    "pointwise",
    "trace",
    "transpose",
]
