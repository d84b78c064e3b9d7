"""Stacks of convolutions and poolings: as text, as windows, and what a unit of each layer sees.

A stack is written as one line, layers apart by semicolons: the kind, the window's size, and where they differ from 1
and "valid" the stride after a slash, the padding and the dilation, as in ``conv 7/2 p3; max 3/2 p1; conv 3 same d2``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from convviz import ConvvizError
from convviz.convolution import output_size, padding_amounts
from convviz.receptive_field import ReceptiveField, Window, from_windows

KINDS = ("conv", "max", "average")
MOST_LAYERS = 24
LARGEST_SIZE, LARGEST_STRIDE, LARGEST_DILATION, LARGEST_PADDING = 15, 8, 8, 7  # pixels
LARGEST_SIDE = 256  # pixels of the picture that goes in

_WRITTEN = re.compile(r"(\w+)\s+(\d{1,4})(?:/(\d{1,4}))?((?:\s+(?:valid|same|p\d{1,4}|d\d{1,4}))*)")


@dataclass(frozen=True)
class Layer:
    """One layer with a square window.

    Attributes:
        kind: one of ``KINDS``.
        size: of the window, pixels of the map it slides over.
        stride: pixels.
        padding: "valid", "same" (TensorFlow's) or pixels at every side.
        dilation: pixels from tap to tap; poolings have 1.
    """

    kind: str
    size: int
    stride: int = 1
    padding: str | int = "valid"
    dilation: int = 1

    @property
    def window(self) -> Window:
        """The same for ``receptive_field.from_windows``."""
        return Window(self.size, self.stride, self.padding, self.dilation)

    def __str__(self) -> str:
        """As it is written."""
        parts = [f"{self.kind} {self.size}" + (f"/{self.stride}" if self.stride > 1 else "")]
        if self.padding != "valid":
            parts.append("same" if self.padding == "same" else f"p{self.padding}")
        if self.dilation > 1:
            parts.append(f"d{self.dilation}")
        return " ".join(parts)


Stack = tuple[Layer, ...]


@dataclass(frozen=True)
class Preset:
    """A stack that people know.

    Attributes:
        title: what people call it.
        side: pixels of the picture it was made for.
        text: its layers.
        source: who proposed it.
    """

    title: str
    side: int
    text: str
    source: str


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "vgg16": Preset(
            "VGG16, blocks 1 to 3",
            224,
            "conv 3 same; conv 3 same; max 2/2; conv 3 same; conv 3 same; max 2/2; "
            "conv 3 same; conv 3 same; conv 3 same; max 2/2",
            "Simonyan & Zisserman 2014, arXiv:1409.1556, table 1, column D",
        ),
        "lenet5": Preset(
            "LeNet-5",
            32,
            "conv 5; average 2/2; conv 5; average 2/2; conv 5",
            "LeCun, Bottou, Bengio & Haffner 1998, Gradient-based learning applied to document recognition, figure 2",
        ),
        "alexnet": Preset(
            "AlexNet",
            227,
            "conv 11/4; max 3/2; conv 5 same; max 3/2; conv 3 same; conv 3 same; conv 3 same; max 3/2",
            "Krizhevsky, Sutskever & Hinton 2012, ImageNet classification with deep convolutional neural networks",
        ),
        "resnet": Preset(
            "ResNet-18, stem and first blocks",
            224,
            "conv 7/2 p3; max 3/2 p1; conv 3 same; conv 3 same; conv 3 same; conv 3 same",
            "He, Zhang, Ren & Sun 2015, arXiv:1512.03385, table 1",
        ),
        "two": Preset(
            "Two 3 × 3 convolutions",
            7,
            "conv 3; conv 3",
            "Simonyan & Zisserman 2014, arXiv:1409.1556, section 2.3",
        ),
        "dilated": Preset(
            "Dilations 1, 2, 4, 8",
            64,
            "conv 3 same; conv 3 same d2; conv 3 same d4; conv 3 same d8",
            "Yu & Koltun 2016, arXiv:1511.07122, section 3",
        ),
    }
)


def parse(text: str) -> Stack:
    """A stack from its text.

    Args:
        text: such as ``"conv 5; max 2/2; conv 3 same d2"``; see the module.

    Returns:
        1 to ``MOST_LAYERS`` layers that fit into a picture of at most ``LARGEST_SIDE`` pixels.

    Raises:
        ConvvizError: a layer is not understood or out of range, or the stack needs a larger picture.

    Example:
        >>> parse("conv 5; max 2/2")[1].stride
        2
    """
    written = [part.strip() for part in text.split(";") if part.strip()]
    if not written:
        raise ConvvizError("the stack is empty; give at least one layer, such as conv 3")
    if len(written) > MOST_LAYERS:
        raise ConvvizError(f"the stack has {len(written)} layers; give at most {MOST_LAYERS}")
    return checked(tuple(_layer(one) for one in written))


def _layer(written: str) -> Layer:
    """One layer from its text."""
    match = _WRITTEN.fullmatch(written)
    if match is None:
        raise ConvvizError(
            f"the layer {written[:40]!r} is not understood; write it as conv 3, conv 7/2 p3, conv 3 same d2 or max 2/2"
        )
    kind, size, stride, rest = match.groups()
    padding: str | int = "valid"
    dilation = 1
    for word in rest.split():
        if word.startswith("d"):
            dilation = int(word[1:])
        else:
            padding = int(word[1:]) if word.startswith("p") else word
    return Layer(kind, int(size), int(stride or 1), padding, dilation)


def text(stack: Sequence[Layer]) -> str:
    """A stack as text that ``parse`` reads.

    Example:
        >>> text(parse("conv 7/2 p3;max 3/2   p1"))
        'conv 7/2 p3; max 3/2 p1'
    """
    return "; ".join(str(layer) for layer in stack)


def checked(stack: Stack) -> Stack:
    """The stack itself, if every layer is in range and all of them fit into a picture.

    Raises:
        ConvvizError: what is out of range.
    """
    for number, layer in enumerate(stack, 1):
        if layer.kind not in KINDS:
            raise ConvvizError(f"layer {number} is of the kind {layer.kind[:20]!r}; choose one of {', '.join(KINDS)}")
        ranges = {
            "size": (layer.size, 1, LARGEST_SIZE),
            "stride": (layer.stride, 1, LARGEST_STRIDE),
            "dilation": (layer.dilation, 1, LARGEST_DILATION if layer.kind == "conv" else 1),
            "padding": (0 if isinstance(layer.padding, str) else layer.padding, 0, LARGEST_PADDING),
        }
        for name, (value, low, high) in ranges.items():
            if not low <= value <= high:
                raise ConvvizError(
                    f"layer {number}, {layer.kind}, has the {name} {value}; choose one from {low} to {high}"
                )
    if smallest_side(stack) > LARGEST_SIDE:
        raise ConvvizError(
            f"these layers need a picture of at least {smallest_side(stack)} pixels, more than {LARGEST_SIDE}; "
            "make windows or strides smaller, or take a layer out"
        )
    return stack


def smallest_side(stack: Sequence[Layer]) -> int:
    """Pixels of the smallest square picture that leaves every layer at least one unit.

    Example:
        >>> smallest_side(parse("conv 5; max 2/2; conv 3"))
        10
    """
    side = 1
    for layer in reversed(stack):
        if layer.padding == "same":
            side = (side - 1) * layer.stride + 1
        else:
            before, after = padding_amounts(1, layer.size, layer.stride, layer.padding, layer.dilation)
            reach = (layer.size - 1) * layer.dilation + 1
            side = max((side - 1) * layer.stride + reach - before - after, 1)
    return side


def sides(stack: Sequence[Layer], side: int) -> tuple[int, ...]:
    """Height (and width) of the picture and of every layer's map.

    Args:
        stack: layers.
        side: of the picture, pixels.

    Returns:
        one number more than there are layers.

    Raises:
        ConvvizError: a window does not fit.
    """
    found = [side]
    for layer in stack:
        found.append(
            output_size(found[-1], layer.size, stride=layer.stride, padding=layer.padding, dilation=layer.dilation)
        )
    return tuple(found)


def fields(stack: Sequence[Layer], side: int) -> tuple[ReceptiveField, ...]:
    """What the units of every layer see.

    Args:
        stack: layers.
        side: of the picture, pixels.

    Returns:
        one field for every layer.

    Raises:
        ConvvizError: a window does not fit.
    """
    return from_windows([layer.window for layer in stack], input_size=side)


def path(stack: Sequence[Layer], side: int, layer: int, row: int, col: int) -> tuple[tuple[int, int, int], ...]:
    """A unit, and back through the layers the unit in the middle of what it sees.

    Args:
        stack: layers.
        side: of the picture, pixels.
        layer: of the unit, from 0.
        row: of the unit in its map.
        col: of the unit in its map.

    Returns:
        (layer, row, col) from the first layer to the unit itself.

    Example:
        >>> path(parse("conv 3; conv 3"), 7, 1, 0, 2)
        ((0, 1, 3), (1, 0, 2))
    """
    maps, found = sides(stack, side), [(layer, row, col)]
    for index in range(layer, 0, -1):
        one, size = stack[index], maps[index]
        before, _ = padding_amounts(size, one.size, one.stride, one.padding, one.dilation)
        half = (one.size - 1) * one.dilation // 2
        row, col = (min(max(place * one.stride - before + half, 0), size - 1) for place in (row, col))
        found.append((index - 1, row, col))
    return tuple(reversed(found))


def moved(stack: Stack, index: int, by: int) -> Stack:
    """The stack with one layer at another place.

    Example:
        >>> text(moved(parse("conv 5; max 2/2"), 0, 1))
        'max 2/2; conv 5'
    """
    layers = list(stack)
    layers.insert(min(max(index + by, 0), len(layers) - 1), layers.pop(index))
    return tuple(layers)


def without(stack: Stack, index: int) -> Stack:
    """The stack without one layer; the last one that is left stays."""
    return stack[:index] + stack[index + 1 :] if len(stack) > 1 else stack


def with_after(stack: Stack, index: int, layer: Layer) -> Stack:
    """The stack with one more layer behind another."""
    return (*stack[: index + 1], layer, *stack[index + 1 :])
