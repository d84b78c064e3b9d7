"""Layers to be trained, as records and as text.

Layers stand in one line, apart by semicolons: ``conv 32 3; max 2; conv 64 3/2 same tanh; batch_norm; flatten;
dense 64; dropout 0.5; global_average``. A convolution has filters, window, and where they differ from 1, "valid" and
"relu" the stride after a slash, the padding and the activation; a pooling's stride is its window unless it is told.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from convviz import ConvvizError
from convviz.convolution import output_size

KINDS = ("conv", "max", "average", "global_average", "global_max", "flatten", "dense", "dropout", "batch_norm")
HEAD_KINDS = ("global_average", "global_max", "flatten", "dense", "dropout", "batch_norm")
ACTIVATIONS = ("relu", "linear", "tanh", "sigmoid", "elu", "gelu", "leaky_relu")
PADDINGS = ("valid", "same")
MOST_LAYERS = 24
MOST_FILTERS, MOST_UNITS, LARGEST_SIZE, LARGEST_STRIDE, LARGEST_RATE = 512, 4096, 15, 8, 0.9

_WRITTEN = {
    "conv": re.compile(r"conv (\d{1,5}) (\d{1,4})(?:/(\d{1,4}))?(?: (valid|same))?(?: ([a-z_0-9]+))?"),
    "max": re.compile(r"max (\d{1,4})(?:/(\d{1,4}))?(?: (valid|same))?"),
    "average": re.compile(r"average (\d{1,4})(?:/(\d{1,4}))?(?: (valid|same))?"),
    "dense": re.compile(r"dense (\d{1,6})(?: ([a-z_0-9]+))?"),
    "dropout": re.compile(r"dropout (\d(?:\.\d{1,4})?)"),
}
_EXAMPLES = "conv 32 3, conv 64 3/2 same tanh, max 2, global_average, flatten, dense 64, dropout 0.5 or batch_norm"

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layer:
    """One layer; what a kind does not have stays as it is by default.

    Attributes:
        kind: one of ``KINDS``.
        filters: of a convolution.
        size: side of the window of a convolution or a pooling, pixels.
        stride: pixels; 0 for a pooling means its window's size.
        padding: ``"valid"`` or ``"same"``.
        activation: of a convolution or a dense layer, one of ``ACTIVATIONS``.
        units: of a dense layer.
        rate: share that a dropout leaves out, in [0, 1).
    """

    kind: str
    filters: int = 32
    size: int = 3
    stride: int = 0
    padding: str = "valid"
    activation: str = "relu"
    units: int = 64
    rate: float = 0.5

    @property
    def step(self) -> int:
        """The stride that holds, pixels."""
        return self.stride or (self.size if self.kind in ("max", "average") else 1)

    def __str__(self) -> str:
        """As it is written."""
        if self.kind in ("conv", "max", "average"):
            told = [self.kind, *([str(self.filters)] if self.kind == "conv" else [])]
            usual = 1 if self.kind == "conv" else self.size
            told.append(f"{self.size}/{self.step}" if self.step != usual else str(self.size))
            told += [self.padding] if self.padding != "valid" else []
        elif self.kind == "dense":
            told = [self.kind, str(self.units)]
        else:
            told = [self.kind, f"{self.rate:g}"] if self.kind == "dropout" else [self.kind]
        if self.kind in ("conv", "dense") and self.activation != "relu":
            told.append(self.activation)
        return " ".join(told)

    def fault(self, shape: Shape) -> str:
        """Why this layer cannot follow on values of that shape, as the start of a sentence, or an empty text.

        Args:
            shape: (H, W, C) of maps, or (N,) of a row.
        """
        if self.kind not in KINDS:
            return f"is of the kind {self.kind[:20]!r}; choose one of {', '.join(KINDS)}"
        for name, (value, low, high) in self._ranges().items():
            if not low <= value <= high:
                return f"has {value:g} as its {name}; choose {low:g} to {high:g}"
        if self.kind in ("conv", "dense") and self.activation not in ACTIVATIONS:
            return f"has the activation {self.activation[:20]!r}; choose one of {', '.join(ACTIVATIONS)}"
        if self.kind in ("conv", "max", "average") and self.padding not in PADDINGS:
            return f"has the padding {self.padding[:20]!r}; choose valid or same"
        return self.misfit(shape)

    def _ranges(self) -> dict[str, tuple[float, float, float]]:
        windowed = {"size": (self.size, 1, LARGEST_SIZE), "stride": (self.step, 1, LARGEST_STRIDE)}
        return {
            "conv": {"number of filters": (self.filters, 1, MOST_FILTERS), **windowed},
            "max": windowed,
            "average": windowed,
            "dense": {"number of units": (self.units, 1, MOST_UNITS)},
            "dropout": {"rate": (self.rate, 0, LARGEST_RATE)},
        }.get(self.kind, {})

    def misfit(self, shape: Shape) -> str:
        """The same of the shapes alone."""
        by = " × ".join(map(str, shape))
        wants_maps = self.kind in ("conv", "max", "average", "global_average", "global_max", "flatten")
        if wants_maps and len(shape) != 3:
            return f"needs maps, and a row of {by} numbers comes in; move it before the flattening, or take it out"
        if self.kind == "dense" and len(shape) != 1:
            return f"needs a row of numbers, and maps of {by} come in; put flatten or a global pooling before it"
        if self.kind in ("conv", "max", "average") and self.padding == "valid" and min(shape[:2]) < self.size:
            return (
                f"has a window of {self.size} × {self.size}, and maps of only {by} come in; take a smaller window, "
                "the padding same, or one pooling less"
            )
        return ""

    def output_shape(self, shape: Shape) -> Shape:
        """What comes out for values of that shape, without the batch axis."""
        if self.kind in ("conv", "max", "average"):
            height, width = (output_size(n, self.size, stride=self.step, padding=self.padding) for n in shape[:2])
            return height, width, self.filters if self.kind == "conv" else shape[2]
        if self.kind == "flatten":
            return (shape[0] * shape[1] * shape[2],)
        if self.kind in ("global_average", "global_max"):
            return (shape[2],)
        return (self.units,) if self.kind == "dense" else shape

    def terms(self, shape: Shape) -> tuple[tuple[int, ...], ...]:
        """The parameters as a sum of products, such as ``((3, 3, 1, 32), (32,))``; none for a layer without any."""
        if self.kind == "conv":
            return (self.size, self.size, shape[2], self.filters), (self.filters,)
        if self.kind == "dense":
            return (shape[0], self.units), (self.units,)
        return ((4, shape[-1]),) if self.kind == "batch_norm" else ()


Layers = tuple[Layer, ...]


def parse(written: str) -> Layers:
    """Layers from their text; whether they fit one another is asked later, of the network.

    Args:
        written: such as ``"conv 32 3; max 2; flatten; dense 64"``; see the module.

    Returns:
        At most ``MOST_LAYERS`` layers; none for an empty text.

    Raises:
        ConvvizError: a layer is not understood, or there are too many.

    Example:
        >>> parse("conv 32 3; max 2")[1].step
        2
    """
    parts = [" ".join(part.split()) for part in written.split(";") if part.strip()]
    if len(parts) > MOST_LAYERS:
        raise ConvvizError(f"there are {len(parts)} layers; give at most {MOST_LAYERS}")
    return tuple(_layer(number, part) for number, part in enumerate(parts, 1))


def text(layers: Sequence[Layer]) -> str:
    """Layers as text that ``parse`` reads.

    Example:
        >>> text(parse("conv  32 3 valid relu;max 2/2"))
        'conv 32 3; max 2'
    """
    return "; ".join(map(str, layers))


def _layer(number: int, written: str) -> Layer:
    """One layer from its text."""
    kind = written.partition(" ")[0]
    pattern = _WRITTEN.get(kind)
    if kind in KINDS and pattern is None and written == kind:
        return Layer(kind)
    match = pattern.fullmatch(written) if pattern else None
    if match is None:
        raise ConvvizError(f"layer {number}, {written[:40]!r}, is not understood; write it like {_EXAMPLES}")
    found = match.groups()
    if kind == "conv":
        filters, size, stride, padding, activation = found
        step = _stride(number, written, stride, 1)
        return Layer(kind, int(filters), int(size), step, padding or "valid", activation=activation or "relu")
    if kind == "dense":
        return Layer(kind, units=int(found[0]), activation=found[1] or "relu")
    if kind == "dropout":
        return Layer(kind, rate=float(found[0]))
    size, stride, padding = found
    step = _stride(number, written, stride, int(size))
    return Layer(kind, size=int(size), stride=step, padding=padding or "valid")


def _stride(number: int, written: str, stride: str | None, usual: int) -> int:
    """The stride as it is kept: 0 for the usual one, so that two texts of one layer are one record."""
    if stride is not None and int(stride) == 0:
        raise ConvvizError(f"layer {number}, {written[:40]!r}, has 0 as its stride; choose 1 to {LARGEST_STRIDE}")
    return 0 if stride is None or int(stride) == usual else int(stride)


def moved(layers: Layers, index: int, by: int) -> Layers:
    """The layers with one at another place.

    Example:
        >>> text(moved(parse("conv 8 5; max 2"), 0, 1))
        'max 2; conv 8 5'
    """
    order = list(layers)
    order.insert(min(max(index + by, 0), len(order) - 1), order.pop(index))
    return tuple(order)


def without(layers: Layers, index: int) -> Layers:
    """The layers without one of them."""
    return layers[:index] + layers[index + 1 :]


def with_after(layers: Layers, index: int, layer: Layer) -> Layers:
    """The layers with one more behind another; -1 puts it first."""
    return (*layers[: index + 1], layer, *layers[index + 1 :])
