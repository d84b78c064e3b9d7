"""What a layer costs, with the formula: parameters, and multiply-adds for one picture."""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import Any

_BY_OUTPUT = ("Conv1D", "Conv2D", "Conv3D", "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D")
_BY_INPUT = ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
_KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")


def parameter_formula(layer: Any) -> tuple[int, str]:
    """How many weights a layer has, and how they are counted.

    Args:
        layer: a built Keras layer.

    Returns:
        (count, formula): the product of every weight's sides, equal ones together.

    Example:
        >>> import keras
        >>> layer = keras.layers.Conv2D(32, 3)
        >>> layer.build((None, 28, 28, 1))
        >>> parameter_formula(layer)
        (320, '3·3·1·32 + 32 = 320')
    """
    shapes = [tuple(weight.shape) for weight in layer.weights if "seed" not in weight.name]
    total = sum(prod(shape) for shape in shapes)
    if not total:
        return 0, ""
    terms = []
    for shape, times in Counter(shapes).items():
        product = _product(shape) or "1"
        terms.append(product if times == 1 else f"{times}·{product}")
    return total, f"{' + '.join(terms)} = {total:,}"


def multiply_adds(layer: Any, given: tuple[int, ...] | None, output: tuple[int, ...]) -> tuple[int | None, str]:
    """Multiply-adds that a layer takes for one picture.

    Convolutions and dense layers are counted; pooling, activation and normalization multiply by no learned matrix and
    count as 0, as in the papers' figures.

    Args:
        layer: a built Keras layer.
        given: shape of its first input without the batch axis.
        output: shape of its output without the batch axis.

    Returns:
        (count, formula); (None, "") for a layer with weights of another kind, such as attention.

    Source:
        Howard et al. 2017, MobileNets, arXiv:1704.04861, section 3.1.
    """
    kind = type(layer).__name__
    kernels = [tuple(weight.shape) for name in _KERNELS if (weight := getattr(layer, name, None)) is not None]
    if kind in _BY_OUTPUT or kind == "Dense":
        cells = output[:-1]
    elif kind in _BY_INPUT and given is not None:
        cells = given[:-1]
    else:
        counted = not kernels and not any(len(weight.shape) > 1 for weight in layer.weights)
        return (0, "") if counted else (None, "")
    total = sum(prod(kernel) for kernel in kernels) * prod(cells)
    inner = " + ".join(map(_product, kernels))
    inner = f"({inner})" if len(kernels) > 1 and cells else inner
    return total, f"{inner}{' · ' + _product(cells) if cells else ''} = {total:,}"


def _product(sides: tuple[int, ...]) -> str:
    """Sides with dots between."""
    return "·".join(str(side) for side in sides)
