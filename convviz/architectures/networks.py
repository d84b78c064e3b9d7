"""A network to be trained, layer by layer: what it will look like, what is wrong with it, and the Keras model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from convviz import ConvvizError, lazy
from convviz.architectures.layers import MOST_LAYERS, Layer, Layers, Shape, parse, text
from convviz.architectures.transplant import Transplant

keras = lazy.load("keras")

MOST_PARAMETERS = 50_000_000
MOST_CLASSES = 1000
_KERAS_NAMES = {
    "conv": ("Conv2D", "conv2d"),
    "max": ("MaxPooling2D", "max_pooling2d"),
    "average": ("AveragePooling2D", "average_pooling2d"),
    "global_average": ("GlobalAveragePooling2D", "global_average_pooling2d"),
    "global_max": ("GlobalMaxPooling2D", "global_max_pooling2d"),
    "flatten": ("Flatten", "flatten"),
    "dense": ("Dense", "dense"),
    "dropout": ("Dropout", "dropout"),
    "batch_norm": ("BatchNormalization", "batch_normalization"),
}  # kind -> Keras' class, and how it names the layers
OPTIMIZER_SLOTS = {"rmsprop": 1, "adam": 2, "sgd": 0}  # numbers that an optimizer keeps for each parameter
MAPS_KEPT = {"gelu": 3}  # of a layer with that activation, for the way back; others keep one


@dataclass(frozen=True)
class Row:
    """One line of a network's summary.

    Attributes:
        name: of the layer, as Keras gives it.
        kind: Keras' class.
        output_shape: without the batch axis; empty if a fault stands before it.
        formula: the count of the parameters, such as ``"3·3·1·32 + 32 = 320"``; empty without any.
        parameters: weights and biases, trainable or not.
        fault: why this layer cannot stand here, one sentence, or empty.
    """

    name: str
    kind: str
    output_shape: Shape
    formula: str = ""
    parameters: int = 0
    fault: str = ""


@dataclass(frozen=True)
class Architecture:
    """A network to be trained: its layers between the picture and the classes.

    The last layer, a dense one with a unit for each class (or one for the second of two), is always there and is not
    among ``layers``.

    Attributes:
        input_shape: (H, W, C) of the pictures; they come in with values in [0, 1].
        layers: from the picture on.
        class_count: classes, at least 2.
        ending: ``"softmax"``, or ``"sigmoid"`` for two classes and one unit.
        name: of the Keras model.
        transplant: a kernel of one's own for the first convolution, or None.
    """

    input_shape: tuple[int, int, int]
    layers: Layers
    class_count: int
    ending: str = "softmax"
    name: str = "network"
    transplant: Transplant | None = None

    def __str__(self) -> str:
        """The layers as text."""
        return text(self.layers)

    @property
    def last(self) -> Layer:
        """The dense layer at the end; its activation is ``ending``."""
        return Layer("dense", units=1 if self.ending == "sigmoid" else self.class_count, activation=self.ending)

    def rows(self) -> tuple[Row, ...]:
        """The summary, a row for each layer and one for the last; after a fault the shapes are unknown."""
        shape: Shape | None = self.input_shape
        found, names = [], _names((*self.layers, self.last))
        for number, (layer, name) in enumerate(zip((*self.layers, self.last), names, strict=True), 1):
            kind = _KERAS_NAMES.get(layer.kind, (layer.kind[:20], ""))[0]
            if shape is None:
                found.append(Row(name, kind, ()))
                continue
            is_last = number > len(self.layers)
            fault = layer.misfit(shape) if is_last else layer.fault(shape)
            if not fault and layer.kind == "conv" and self.transplant is not None:
                fault = self._transplant_fault(number - 1, shape)
            if fault:
                what = "the last layer" if is_last else f"layer {number}, {layer.kind[:20]},"
                found.append(Row(name, kind, (), fault=f"{what} {fault}"))
                shape = None
                continue
            formula, count = _counted(layer.terms(shape))
            shape = layer.output_shape(shape)
            found.append(Row(name, kind, shape, formula, count))
        return tuple(found)

    def _transplant_fault(self, index: int, shape: Shape) -> str:
        """Why the kernel does not fit into the first convolution."""
        layer = self.layers[index]
        if any(one.kind == "conv" for one in self.layers[:index]):
            return ""
        try:
            self.transplant.weights(layer.size, layer.size, shape[2])
        except ConvvizError as refusal:
            return f"cannot take the kernel: {refusal}"
        return ""

    def fault(self) -> str:
        """What is wrong with the network, one sentence, or empty."""
        if not 2 <= self.class_count <= MOST_CLASSES:
            return f"a network for {self.class_count} classes cannot be made; choose data with 2 to {MOST_CLASSES}"
        if self.ending not in ("softmax", "sigmoid") or (self.ending == "sigmoid" and self.class_count != 2):
            return f"{self.ending[:20]!r} cannot end a network for {self.class_count} classes; choose softmax"
        if len(self.layers) > MOST_LAYERS:
            return f"there are {len(self.layers)} layers; give at most {MOST_LAYERS}"
        rows = self.rows()
        for row in rows:
            if row.fault:
                return row.fault
        if self.transplant is not None and all(layer.kind != "conv" for layer in self.layers):
            return "there is no convolution to put the kernel into; add one"
        count = sum(row.parameters for row in rows)
        if count > MOST_PARAMETERS:
            return (
                f"the network has {count:,} parameters, more than {MOST_PARAMETERS:,}; pool more before flattening, or "
                "take fewer units"
            )
        return ""

    def checked(self) -> Architecture:
        """The network itself; ConvvizError if something is wrong with it."""
        if fault := self.fault():
            raise ConvvizError(fault)
        return self

    @property
    def parameters(self) -> int:
        """Weights and biases, trainable or not; those before a fault."""
        return sum(row.parameters for row in self.rows())

    @property
    def trainable(self) -> int:
        """Of these, the ones that are learned; a normalization's means and variances are not."""
        return sum(row.parameters // (2 if row.kind == "BatchNormalization" else 1) for row in self.rows())

    def memory(self, batch_size: int = 1, optimizer: str = "rmsprop") -> int:
        """An estimate of the bytes that training takes, as ``memory`` says.

        Args:
            batch_size: pictures a step.
            optimizer: key of ``OPTIMIZER_SLOTS``.
        """
        outputs, windows, before = [], 0, self.input_shape
        for layer, row in zip((*self.layers, self.last), self.rows(), strict=True):
            if not row.output_shape:
                break
            outputs += [math.prod(row.output_shape)] * MAPS_KEPT.get(layer.activation, 1)
            if layer.kind == "conv":
                windows = max(windows, math.prod(row.output_shape[:2]) * layer.size**2 * before[2])
            before = row.output_shape
        picture = math.prod(self.input_shape)
        return memory(self.parameters, self.trainable, picture, outputs, batch_size, optimizer, windows)

    def build(self) -> Any:
        """The Keras model with new random weights, and the kernel in place if there is one.

        Returns:
            ``keras.Sequential`` from (N, H, W, C) in [0, 1] to (N, class_count) probabilities, or (N, 1).

        Raises:
            ConvvizError: something is wrong with the network.
        """
        self.checked()
        model = keras.Sequential([keras.Input(self.input_shape), *made((*self.layers, self.last))], name=self.name)
        if self.transplant is not None:
            self.transplant.put_into(model)
        return model

    def masks(self, model: Any) -> dict[str, Any]:
        """What of a model built here stays frozen in part: variable's path -> 1 where it may change, 0 where not."""
        return self.transplant.masks(model) if self.transplant is not None else {}


def memory(
    parameters: int,
    trained: int,
    picture: int,
    outputs: Sequence[int],
    batch_size: int,
    optimizer: str,
    windows: int = 0,
) -> int:
    """An estimate of the bytes that training takes, which is rather high.

    Float32 weights; for each that is trained its gradient, what the optimizer keeps, and the copies that go into
    snapshots; for each picture of a batch what the layers give, which the way back needs, and two gradients as large as
    the largest of these, with a fifth for what lies between; and the windows of the convolution that unrolls most, for
    its kernel's gradient, of one picture at a time. Of 36 networks on two cores, with up to 512 filters, windows up to
    15 and pictures up to 224 pixels, TensorFlow took 0.58 to 1 times that, but for some 30 MB that any training takes.

    Args:
        parameters: of the network.
        trained: of these, the ones that are learned.
        picture: numbers of one picture.
        outputs: numbers that each layer gives for one picture, as often as ``MAPS_KEPT`` says.
        batch_size: pictures a step.
        optimizer: key of ``OPTIMIZER_SLOTS``.
        windows: numbers in all windows that a convolution sees of one picture, the largest of the network.

    Example:
        >>> memory(10, 10, 4, [4, 2], 5, "sgd")
        832
    """
    copies = 9 + 5 * OPTIMIZER_SLOTS.get(optimizer, 2)
    maps = batch_size * (picture + sum(outputs) + 2 * max(outputs, default=0))
    return 4 * (parameters + copies * trained + maps * 6 // 5 + windows)


def made(layers: Layers) -> list[Any]:
    """Keras layers with Keras' own names."""
    found = []
    for layer, name in zip(layers, _names(layers), strict=True):
        maker = getattr(keras.layers, _KERAS_NAMES[layer.kind][0])
        options: dict[str, Any] = {"name": name}
        if layer.kind in ("conv", "max", "average"):
            options |= {"strides": layer.step, "padding": layer.padding}
            sizes = (layer.filters, layer.size) if layer.kind == "conv" else (layer.size,)
        else:
            sizes = {"dense": (layer.units,), "dropout": (layer.rate,)}.get(layer.kind, ())
        if layer.kind in ("conv", "dense"):
            options["activation"] = layer.activation
        found.append(maker(*sizes, **options))
    return found


def _names(layers: Layers) -> list[str]:
    """How Keras names them: ``conv2d``, ``conv2d_1`` and so on."""
    seen: dict[str, int] = {}
    found = []
    for layer in layers:
        name = _KERAS_NAMES.get(layer.kind, ("", "layer"))[1]
        number = seen.get(name, 0)
        seen[name] = number + 1
        found.append(f"{name}_{number}" if number else name)
    return found


def _counted(terms: tuple[tuple[int, ...], ...]) -> tuple[str, int]:
    """A sum of products as text with its result, and the result."""
    if not terms:
        return "", 0
    count = sum(math.prod(factors) for factors in terms)
    return " + ".join("·".join(f"{one:,}" for one in factors) for factors in terms) + f" = {count:,}", count


# --- known ones ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Preset:
    """Layers that people know.

    Attributes:
        title: what people call it.
        text: its layers.
        input_shape: of the pictures it was made for.
        ending: ``"sigmoid"`` where two classes share one unit.
        source: who proposed it.
        learning_rate: of RMSprop, as the source trained it.
        batch_size: pictures a step, likewise.
    """

    title: str
    text: str
    input_shape: tuple[int, int, int]
    ending: str
    source: str
    learning_rate: float = 0.001
    batch_size: int = 64

    @property
    def layers(self) -> Layers:
        """The same as records."""
        return parse(self.text)


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "mnist": Preset(
            "The lecture's for digits",
            "conv 32 3; max 2; conv 64 3; max 2; conv 64 3; flatten; dense 64",
            (28, 28, 1),
            "softmax",
            "Chollet, Deep Learning with Python, listings 5.1 and 5.2",
        ),
        "cats_and_dogs": Preset(
            "The lecture's for cats and dogs",
            "conv 32 3; max 2; conv 64 3; max 2; conv 128 3; max 2; conv 128 3; max 2; flatten; dropout 0.5; dense 512",
            (150, 150, 3),
            "sigmoid",
            "Chollet, Deep Learning with Python, listings 5.5 and 5.13; 5.6 and 5.7 for how it is trained",
            learning_rate=0.0001,
            batch_size=20,
        ),
        "small": Preset(
            "A small one for any size",
            "conv 16 3 same; max 2; conv 32 3 same; max 2; conv 64 3 same; batch_norm; global_average",
            (64, 64, 3),
            "softmax",
            "Lin, Chen & Yan 2013, arXiv:1312.4400, for the global average",
        ),
        "tiny": Preset(
            "One layer of eight kernels",
            "conv 8 5; max 4; flatten",
            (28, 28, 1),
            "softmax",
            "LeCun et al. 1998, Gradient-based learning applied to document recognition, for the idea",
        ),
    }
)


def fitting(
    input_shape: tuple[int, int, int],
    class_count: int,
    preset: str = "",
    *,
    transplant: Transplant | None = None,
) -> Architecture:
    """A known network for pictures of that shape and that many classes.

    Args:
        input_shape: (H, W, C).
        class_count: classes.
        preset: key of ``PRESETS``; by default the lecture's where it was made for this shape, else the small one.
        transplant: a kernel for its first layer.

    Returns:
        The network; whether it fits is for ``fault`` to say.

    Example:
        >>> fitting((28, 28, 1), 10).parameters
        93322
    """
    shape = tuple(input_shape)
    name = preset or next((name for name, one in PRESETS.items() if one.input_shape == shape), "small")
    known = PRESETS[name]
    ending = known.ending if class_count == 2 else "softmax"
    return Architecture(shape, known.layers, class_count, ending, name, transplant)
