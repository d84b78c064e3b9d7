"""A new head on a trained base: what of it learns, and the Keras model with the base's own preparation inside."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from convviz import ConvvizError, downloads, lazy, zoo
from convviz.architectures.demand import Demand, demand
from convviz.architectures.layers import Layer, Layers
from convviz.architectures.networks import Architecture, Row, made
from convviz.architectures.transplant import Transplant
from convviz.zoo import imagenet

keras = lazy.load("keras")

LECTURE_HEAD = "flatten; dense 256"
"""The lecture's head before its last layer: with that, two dense layers."""

_IMAGENET = tuple(imagenet.HEADLESS)
_SMALLEST = 32  # side that all of them take


@dataclass(frozen=True)
class Transfer:
    """A network to be trained that stands on a base which has learned before.

    Pictures come in with values in [0, 255]: the network prepares them as the base wants it, so that it can be saved
    and used anywhere.

    Attributes:
        base: one of ``bases()``.
        head: layers on the base's last maps, before the dense layer that ends it.
        input_shape: (H, W, C) of the pictures.
        class_count: classes, at least 2.
        ending: ``"softmax"``, or ``"sigmoid"`` for two classes and one unit.
        train_from: the base's layer from which on it learns too, but for its batch normalizations; empty: all of the
            base stays frozen.
        side: height and width that the pictures are brought to inside the network; 0 leaves them as they are.
        trained: whether the base has its weights; False begins it at random, to see what they are worth.
        name: of the Keras model.
        transplant: a kernel of one's own for the base's first convolution, or None.
    """

    base: str
    head: Layers
    input_shape: tuple[int, int, int]
    class_count: int
    ending: str = "softmax"
    train_from: str = ""
    side: int = 0
    trained: bool = True
    name: str = "transfer"
    transplant: Transplant | None = None

    def build(self) -> Any:
        """The Keras model: the base's weights, frozen up to ``train_from``, and a head with new random weights.

        Returns:
            ``keras.Model`` from (N, H, W, C) in [0, 255] to (N, class_count) probabilities, or (N, 1).

        Raises:
            ConvvizError: something does not fit, or the base's weights are not on this machine.
        """
        base = self._base()
        self._freeze(base)
        inputs = keras.Input(self.input_shape)
        features = base(self._prepared(inputs, base), training=False)
        head = self.head_architecture(tuple(base.output_shape[1:]))
        values = features
        for layer in made((*head.layers, head.last)):
            values = layer(values)
        model = keras.Model(inputs, values, name=self.name)
        if self.transplant is not None:
            self.transplant.put_into(base)
        return model

    def head_architecture(self, features: tuple[int, int, int]) -> Architecture:
        """The head as a network on features of that shape; ConvvizError if something is wrong with it."""
        return Architecture(features, self.head, self.class_count, self.ending, self.name).checked()

    def masks(self, model: Any) -> dict[str, Any]:
        """What of a model built here stays frozen in part, as ``Architecture.masks``."""
        return self.transplant.masks(model) if self.transplant is not None and self.train_from else {}

    def split(self, model: Any) -> tuple[Any, Any] | None:
        """Of a model built here the part whose answers never change, and the rest; None if all of it learns.

        The first part ends behind a pooling or flattening at the beginning of the head, which makes its answers small.

        Returns:
            Two Keras models that share the layers with the whole: pictures to features, features to probabilities.
        """
        if self.train_from:
            return None
        first = bool(self.head) and self.head[0].kind in ("global_average", "global_max", "flatten")
        learned = model.layers[len(model.layers) - len(self.head) - 1 + first :]
        border = learned[0].input
        features = keras.Model(model.inputs[0], border, name="features")
        values = start = keras.Input(border.shape[1:])
        for layer in learned:
            values = layer(values)
        return features, keras.Model(start, values, name="head")

    def _base(self) -> Any:
        """The base without its classes, built for the size that it will see."""
        height, width, channels = self.entering()
        if self.base in _IMAGENET:
            if channels not in (1, 3) or min(height, width) < _SMALLEST:
                raise ConvvizError(
                    f"the pictures are {height} × {width} × {channels} and {zoo.title(self.base)} takes grey or colour "
                    f"pictures of at least {_SMALLEST} × {_SMALLEST}; choose a larger side"
                )
            return _application(self.base, (height, width, 3), trained=self.trained)
        if self.base not in bases():
            raise ConvvizError(f"there is no base {self.base[:60]!r}; choose one of {', '.join(bases())}")
        whole, card = zoo.load(self.base).model, zoo.card(self.base)
        wanted = card.input_shape
        if channels not in (1, wanted[2]):
            raise ConvvizError(
                f"{card.title} was trained on grey pictures and these have {channels} channels; choose another base"
            )
        if not self.trained:
            whole = keras.models.clone_model(whole)
        return keras.Model(whole.inputs[0], whole.get_layer(card.map_layers()[-1].name).output, name=self.base)

    @property
    def head_end(self) -> Layer:
        """The dense layer at the end; its activation is ``ending``."""
        return Architecture(self.input_shape, (), self.class_count, self.ending).last

    def application(self) -> imagenet.Application | None:
        """Which of ``keras.applications`` the base is; None for a bundled one."""
        return imagenet.APPLICATIONS[self.base] if self.base in _IMAGENET else None

    def base_channels(self) -> int:
        """Channels that the base takes."""
        return 3 if self.base in _IMAGENET else zoo.card(self.base).input_shape[2]

    def entering(self) -> tuple[int, int, int]:
        """(H, W, C) after the pictures are brought to their size."""
        height, width, channels = self.input_shape
        if self.base not in _IMAGENET and self.base in bases():
            height, width, _ = zoo.card(self.base).input_shape
        elif self.side:
            height = width = self.side
        return height, width, channels

    def _prepared(self, inputs: Any, base: Any) -> Any:
        """Pictures as the base takes them, computed inside the network."""
        height, width, channels = self.entering()
        values = inputs
        if (height, width) != tuple(self.input_shape[:2]):
            values = keras.layers.Resizing(height, width, name="resizing")(values)
        if channels == 1 and base.input_shape[-1] == 3:
            values = keras.layers.Concatenate(name="grey_to_colour")([values] * 3)
        if self.base not in _IMAGENET:
            return keras.layers.Rescaling(1 / 255, name="rescaling")(values)
        module = importlib.import_module(f"keras.applications.{imagenet.APPLICATIONS[self.base].module}")
        return module.preprocess_input(values)

    def _freeze(self, base: Any) -> None:
        """Frozen up to the layer from which on the base learns; all its normalizations stay as they were trained.

        Keras calls them as in training wherever ``fit`` does so, whatever they were called with when it was built.
        """
        names = [layer.name for layer in base.layers]
        if self.train_from and self.train_from not in names:
            raise ConvvizError(f"{self.base} has no layer {self.train_from[:60]!r}; choose one of its own")
        first = names.index(self.train_from) if self.train_from else len(names)
        for index, layer in enumerate(base.layers):
            layer.trainable = index >= first and not isinstance(layer, keras.layers.BatchNormalization)


def bases() -> tuple[str, ...]:
    """Names of the networks that can be a base: the bundled ones, and those of Keras' with named layers."""
    return (*(name for name in zoo.list_networks() if zoo.reference(name).kind == "bundled"), *_IMAGENET)


def base_is_here(name: str) -> bool:
    """Whether the weights of one of ``bases()`` are on this machine."""
    return name not in _IMAGENET or imagenet.headless_file(name) is not None


def base_size(name: str) -> int:
    """Megabytes of the weights that ``download_base`` fetches, 0 if they are here."""
    return 0 if base_is_here(name) else imagenet.HEADLESS[name].megabytes


def download_base(name: str) -> Iterator[downloads.Fetched]:
    """Fetch the weights of one of ``bases()`` without its classes; nothing if they are here.

    Yields:
        downloads.Fetched: bytes so far and in all.

    Raises:
        ConvvizError: the server cannot be reached, or the file came wrong.
    """
    if not base_is_here(name):
        yield from imagenet.download_headless(name)


def _application(name: str, shape: tuple[int, int, int], *, trained: bool) -> Any:
    """One of ``keras.applications`` without its classes."""
    entry, path = imagenet.APPLICATIONS[name], imagenet.headless_file(name)
    if trained and path is None:
        raise ConvvizError(
            f"the weights of {entry.title} ({imagenet.HEADLESS[name].megabytes} MB) are not on this machine; download "
            "them first"
        )
    base = getattr(keras.applications, entry.title)(weights=None, include_top=False, input_shape=shape)
    if trained:
        _check_names(base, path)
        base.load_weights(str(path), by_name=True)
    return base


def _check_names(base: Any, path: Any) -> None:
    """Whatever the file does not name would stay random without a word."""
    import h5py

    with h5py.File(path) as file:
        known = {one.decode() if isinstance(one, bytes) else one for one in file.attrs["layer_names"]}
    if missing := [layer.name for layer in base.layers if layer.weights and layer.name not in known]:
        raise AssertionError(f"{path} has no weights for {missing[:5]}")


# --- what of it learns --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Survey:
    """What a network on a base consists of, and what of it learns.

    Attributes:
        title: the base's name for people.
        base_layers: names of the base's layers that can learn, in order.
        base_parameters: weights and biases of the base.
        features: (H, W, C) that the base hands over.
        head: the head's summary, row by row.
        before: trainable weights (tensors) of the whole network if nothing is frozen.
        after: the same as it is set.
        parameters: of the whole network.
        trainable_parameters: numbers that change while training.
        base_is_frozen: whether all of the base stays as it is.
        cached_bytes: what the features of one picture take if they are computed once; 0 if the base learns.
        entering: lowest and highest value that black and white pixels have when they enter the base.
        demand: what a training of it takes memory for.
    """

    title: str
    base_layers: tuple[str, ...]
    base_parameters: int
    features: tuple[int, int, int]
    head: tuple[Row, ...]
    before: int
    after: int
    parameters: int
    trainable_parameters: int
    base_is_frozen: bool
    cached_bytes: int
    entering: tuple[float, float]
    demand: Demand


def survey(transfer: Transfer) -> Survey:
    """Look at a network on a base before it is trained; its weights need not be here.

    Args:
        transfer: the network.

    Returns:
        What of it learns. VGG16 with the lecture's two dense layers has 30 trainable weights, 4 with the base frozen.

    Raises:
        ConvvizError: something does not fit.

    Source:
        Chollet, Deep Learning with Python, section 5.3.1.
    """
    model = replace(transfer, trained=transfer.trained and base_is_here(transfer.base)).build()
    base = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    after, changing = len(model.trainable_weights), sum(math.prod(one.shape) for one in model.trainable_weights)
    parts = transfer.split(model)
    cached = 4 * math.prod(parts[0].output_shape[1:]) if parts else 0
    taken = demand(zoo.wrap(model, input_range=(0.0, 255.0)))
    for layer in base.layers:
        layer.trainable = True
    features = tuple(base.output_shape[1:])
    return Survey(
        title=zoo.title(transfer.base),
        base_layers=tuple(
            layer.name
            for layer in base.layers
            if layer.weights and not isinstance(layer, keras.layers.BatchNormalization)
        ),
        base_parameters=base.count_params(),
        features=features,
        head=transfer.head_architecture(features).rows(),
        before=len(model.trainable_weights),
        after=after,
        parameters=model.count_params(),
        trainable_parameters=changing,
        base_is_frozen=not transfer.train_from,
        cached_bytes=cached,
        entering=_entering_values(transfer.base),
        demand=taken,
    )


def _entering_values(base: str) -> tuple[float, float]:
    """Lowest and highest value of black and white pixels as the base takes them."""
    if base not in _IMAGENET:
        return 0.0, 1.0
    pixels = np.array([0.0, 255.0], np.float32).reshape(1, 1, 2, 1).repeat(3, axis=-1)
    prepared = imagenet.preparation(base)(pixels)
    return float(prepared.min()), float(prepared.max())
