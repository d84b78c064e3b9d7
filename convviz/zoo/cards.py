"""What is known of a network without holding it: a reference that finds it and a card that describes it.

Both are plain frozen records. They cross the border between the app's process and the workers; a Keras model never
does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Reference:
    """Where a network is to be found.

    Attributes:
        kind: ``"bundled"`` (comes with ConvViz), ``"imagenet"`` (``keras.applications``), ``"run"`` (trained here) or
            ``"upload"`` (a visitor's file).
        name: the network's name; for a run its number, for an upload the file's SHA-256.
        version: for a run, the digest of the snapshot; for an upload, what its owner corrected (``corrections``);
            empty otherwise.
    """

    kind: str
    name: str
    version: str = ""

    @property
    def file(self) -> Reference:
        """What the bytes belong to: all corrected versions of an upload share one file."""
        return Reference(self.kind, self.name) if self.kind == "upload" else self


@dataclass(frozen=True)
class LayerCard:
    """One innermost layer, in the order in which the network calls it.

    Attributes:
        name: path, such as ``"conv2d"`` or ``"vgg16/block3_conv1"``.
        kind: the Keras class, such as ``"Conv2D"``.
        output_shape: without the batch axis: (H, W, C) for a layer with a 2-D output, (N,) for a dense one.
        parameters: weights and biases, trainable or not.
        channels_first: whether the layer itself gives (C, H, W).
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    channels_first: bool = False

    @property
    def has_maps(self) -> bool:
        """Whether the output is a stack of feature maps, (H, W, C)."""
        return len(self.output_shape) == 3


@dataclass(frozen=True)
class Card:
    """What a page needs to know of a network.

    Attributes:
        name: short name, such as ``"mnist"``.
        title: the name for people.
        input_shape: (H, W, C) that pictures are brought to.
        value_range: lowest and highest input value, such as (0.0, 1.0).
        class_names: one for each probability that ``Network.predict`` returns.
        output: ``"softmax"``, ``"sigmoid"`` or ``"logits"``: how the network ends.
        layers: every innermost layer in the order of the calls.
        parameters: of the whole network.
        explained_layer: the layer that Grad-CAM takes by default, or None if there is none.
        layer_reason: why that layer, one sentence.
        about: data, recipe, seed, accuracy, date, and what was guessed: title -> text, in reading order.
        guessed: titles in ``about`` that are guesses, which ``wrap`` can be told better.
        colours: ``"rgb"`` or ``"bgr"``, the order in which the network takes them.
        entered: which of several inputs takes the picture, its place among them; None where there is but one.
        channels_first: whether the network's input is (C, H, W).
        unreached: paths of the layers that the picture does not reach, such as those of another input's branch.
    """

    name: str
    title: str
    input_shape: tuple[int, int, int]
    value_range: tuple[float, float]
    class_names: tuple[str, ...]
    output: str
    layers: tuple[LayerCard, ...]
    parameters: int
    explained_layer: str | None = None
    layer_reason: str = ""
    about: Mapping[str, str] = field(default_factory=dict)
    guessed: tuple[str, ...] = ()
    colours: str = "rgb"
    entered: int | None = None
    channels_first: bool = False
    unreached: tuple[str, ...] = ()

    def map_layers(self) -> tuple[LayerCard, ...]:
        """The layers whose output is a stack of feature maps."""
        return tuple(layer for layer in self.layers if layer.has_maps)

    def layer(self, name: str) -> LayerCard:
        """The layer of that path; KeyError if there is none."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(name)
