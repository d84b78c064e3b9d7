"""Edits as records and as text: which channel or weight of which layer, and what is done to it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

import numpy as np

from convviz import ConvvizError, filters, lazy, tracing, zoo

keras = lazy.load("keras")

WAYS = ("mute", "scale", "set", "copy")  # a weight or a bias cannot be copied
MOST = 64  # edits at once
LARGEST = 1e6  # magnitude of a factor or a number
_FORM = "mute=layer:5, scale=layer:5:0.5, set=layer:0,1,2,5:0.25, set=layer:b5:0.1 or copy=layer:5:7"


@dataclass(frozen=True)
class Edit:
    """One thing done to a network; its text form is ``str(edit)``, such as ``"scale=conv2d_1:5:0.5"``.

    Attributes:
        what: ``"mute"`` (to zero), ``"scale"`` (times a factor), ``"set"`` (a channel's every cell, a weight or a bias,
            to one number) or ``"copy"`` (a channel by another one of the layer).
        layer: path.
        place: (channel,) of the layer's output, or the place of a weight in the order of ``filters.weights``:
            (row, column, input channel, filter); (input, unit) of a dense layer.
        value: the factor, the number, or the channel that is copied; None to mute.
        bias: whether the channel's bias is meant, what the layer adds to its sum, and not its output.
    """

    what: str
    layer: str
    place: tuple[int, ...]
    value: float | None = None
    bias: bool = False

    def __str__(self) -> str:
        value = "" if self.value is None else f":{self.value:.9g}"
        place = "b" * self.bias + ",".join(map(str, self.place))
        return f"{self.what}={quote(self.layer, safe='/:_-. ')}:{place}{value}"

    @property
    def of_a_weight(self) -> bool:
        """Whether one weight or bias is changed, not a channel."""
        return self.bias or len(self.place) > 1


@dataclass(frozen=True)
class Reading:
    """What a text of edits means for a network.

    Attributes:
        edits: those that can be done, in order.
        told: of each, what it is in words.
        refused: why others cannot, one sentence each.
    """

    edits: tuple[Edit, ...]
    told: tuple[str, ...]
    refused: tuple[str, ...]


def written(edits: Iterable[Edit]) -> str:
    """Edits as one text, which ``parse`` and ``read`` understand.

    Args:
        edits: in order.

    Returns:
        Such as ``"mute=conv2d_1:5; set=conv2d:0,1,0,3:0.25"``.
    """
    return "; ".join(map(str, edits))


def parse(text: str) -> Edit:
    """One edit from its text; whether the network has such a place is not looked at.

    Args:
        text: as ``str(edit)`` writes it.

    Returns:
        The edit.

    Raises:
        ConvvizError: it cannot be read.

    Example:
        >>> parse("scale=vgg16/block1_conv1:5:0.5")
        Edit(what='scale', layer='vgg16/block1_conv1', place=(5,), value=0.5, bias=False)
    """
    what, _, rest = text.strip().partition("=")
    if what not in WAYS:
        raise ConvvizError(f"{text.strip()[:60]!r} is not an edit; write {_FORM}")
    parts = rest.rsplit(":", 1 if what == "mute" else 2)
    try:
        layer, bias = parts[0], parts[1].startswith("b")
        numbers = [int(one) for one in parts[1].removeprefix("b").split(",")]
        value = None if what == "mute" else float(parts[2])
    except (IndexError, ValueError):
        raise ConvvizError(f"{text.strip()[:60]!r} cannot be read as an edit; write {_FORM}") from None
    if value is not None and not (math.isfinite(value) and abs(value) <= LARGEST):
        raise ConvvizError(
            f"{parts[2][:20]!r} is too large or no number; give one between -{LARGEST:g} and {LARGEST:g}"
        )
    kinds = (1,) if bias or what == "copy" else (1, 2, 4)
    if len(numbers) not in kinds or (bias and what == "copy"):
        raise ConvvizError(f"{parts[1][:30]} is no place of a channel, a weight or a bias; write {_FORM}")
    return Edit(what, unquote(layer), tuple(numbers), value, bias)


def read(network: Any, text: str) -> Reading:
    """The edits of a text, checked against a network; what cannot be done is left out and said.

    Args:
        network: ``zoo.Network`` or a built Keras model.
        text: edits with semicolons between them.

    Returns:
        The reading.
    """
    network = zoo.as_network(network)
    edits, told, refused = [], [], []
    for part in [one for one in text.split(";") if one.strip()]:
        try:
            if len(edits) == MOST:
                raise ConvvizError(f"there are more than {MOST} edits; undo some")
            edit = parse(part)
            check(network, edit)
        except ConvvizError as refusal:
            refused.append(str(refusal))
            if len(edits) == MOST:
                break
            continue
        edits.append(edit)
        told.append(_told(network, edit))
    return Reading(tuple(edits), tuple(told), tuple(refused))


def check(network: Any, edit: Edit) -> None:
    """Refuse an edit that this network has no place for.

    Args:
        network: ``zoo.Network``.
        edit: any.

    Raises:
        ConvvizError: there is no such layer, channel or weight.
    """
    card, layer = network.card, edit.layer
    known = {entry.name: entry for entry in card.layers}
    if layer not in known:
        raise ConvvizError(f"{card.title} has no layer {layer[:80]!r}; choose another")
    if edit.of_a_weight:
        shape = shape_of(network, layer, bias=edit.bias)
        inside = len(edit.place) == len(shape) and all(map(range.__contains__, map(range, shape), edit.place))
        if not inside and edit.bias:
            raise ConvvizError(f"{layer} has {shape[0]} biases, counted from 0, and none of number {edit.place[0]}")
        if not inside:
            sides = " x ".join(map(str, shape))
            raise ConvvizError(f"the weights of {layer} are {sides}, counted from 0, and none stands at {edit.place}")
        return
    shape = known[layer].output_shape
    if len(shape) not in (1, 3):
        raise ConvvizError(f"{layer} makes numbers of shape {shape}, not channels; choose another layer")
    channels = [edit.place[0]] + ([edit.value] if edit.what == "copy" else [])
    for channel in channels:
        if not 0 <= channel < shape[-1] or channel != int(channel):
            raise ConvvizError(
                f"{layer} has {shape[-1]} channels, counted from 0, and no number {channel:g}; choose another"
            )


def shape_of(network: Any, layer: str, *, bias: bool = False) -> tuple[int, ...]:
    """The shape of a layer's weights in the order in which an edit names their places.

    Args:
        network: ``zoo.Network``.
        layer: path.
        bias: whether the shape of its biases is asked for.

    Returns:
        (kh, kw, input channels, filters), (inputs, units) of a dense layer, or (filters,) for biases.

    Raises:
        ConvvizError: its weights cannot be edited one by one.
    """
    found = tracing.leaves(network.model)[layer]
    kind, shape = type(found).__name__, tuple(variable_of(found, layer, bias=bias).shape)
    if bias:
        return shape
    if kind in ("DepthwiseConv2D", "SeparableConv2D"):
        return *shape[:2], 1, shape[2] * shape[3]
    return (*shape[:2], shape[3], shape[2]) if kind == "Conv2DTranspose" else shape


def has_bias(network: Any, layer: str) -> bool:
    """Whether a layer adds a bias to each of its sums: a convolution or dense layer's, or a normalization's offset.

    Args:
        network: ``zoo.Network``.
        layer: path.

    Returns:
        Whether ``shape_of`` knows biases of it.
    """
    return isinstance(_bias_of(tracing.leaves(network.model)[layer]), keras.Variable)


def _bias_of(layer: Any) -> Any:
    """The variable that holds a layer's biases, if it has one."""
    kind = type(layer).__name__
    if kind in (*filters.KINDS, "Dense"):
        return layer.bias if layer.use_bias else None
    return layer.beta if kind == "BatchNormalization" and layer.center else None


def variable_of(layer: Any, path: str, *, bias: bool = False) -> Any:
    """The variable that holds a layer's kernels or matrix, or its biases."""
    kind = type(layer).__name__
    if bias:
        if not isinstance(found := _bias_of(layer), keras.Variable):
            raise ConvvizError(f"{path} is a {kind} layer without a bias to be edited; edit a channel instead")
        return found
    if kind not in (*filters.KINDS, "Dense"):
        raise ConvvizError(f"{path} is a {kind} layer, whose weights are not edited here; choose a convolution")
    found = layer.depthwise_kernel if kind == "SeparableConv2D" else layer.kernel
    if not isinstance(found, keras.Variable):
        raise ConvvizError(f"the weights of {path} are made of others when it is called; edit a channel instead")
    return found


def index_of(layer: Any, place: Sequence[int]) -> tuple[int, ...]:
    """Where in its variable a weight stands, given its place in the order of ``filters.weights``; or a bias."""
    kind = type(layer).__name__
    if len(place) == 1:
        return tuple(place)
    if kind in ("DepthwiseConv2D", "SeparableConv2D"):
        copies = variable_of(layer, layer.name).shape[3]
        return place[0], place[1], place[3] // copies, place[3] % copies
    return (place[0], place[1], place[3], place[2]) if kind == "Conv2DTranspose" else tuple(place)


def weight(network: Any, layer: str, place: Sequence[int]) -> float:
    """One weight as the network has it.

    Args:
        network: ``zoo.Network``.
        layer: path.
        place: as ``Edit.place``; of one number only for a bias.

    Returns:
        The number.
    """
    found = tracing.leaves(network.model)[layer]
    variable = variable_of(found, layer, bias=len(place) == 1)
    value = keras.ops.convert_to_tensor(variable)[index_of(found, place)]
    return float(np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(value, "float32"))))


def changed(edit: Edit, before: float) -> float:
    """What an edit makes of a weight."""
    if edit.what == "scale":
        return before * edit.value
    return 0.0 if edit.what == "mute" else edit.value


def applied(kernels: np.ndarray, edits: Iterable[Edit], layer: str, index: int) -> np.ndarray:
    """A filter as edits leave it.

    Args:
        kernels: float32 (kh, kw, input channels), as ``filters.one`` has it.
        edits: in order; those of other places are passed over.
        layer: path of the filter's layer.
        index: of the filter.

    Returns:
        A copy with its weights edited.
    """
    kernels = kernels.copy()
    for edit in edits:
        if edit.layer == layer and len(edit.place) == 4 and edit.place[3] == index:
            kernels[edit.place[:3]] = changed(edit, float(kernels[edit.place[:3]]))
    return kernels


def _told(network: Any, edit: Edit) -> str:
    """An edit in words."""
    if not edit.of_a_weight:
        done = {
            "mute": "muted", "scale": f"times {edit.value or 0:g}", "set": f"set to {edit.value or 0:g}",
            "copy": f"replaced by channel {edit.value or 0:g}",
        }  # fmt: skip
        return f"channel {edit.place[0]} of {edit.layer} {done[edit.what]}"
    before = weight(network, edit.layer, edit.place)
    if edit.bias:
        where = f"bias of channel {edit.place[0]} of {edit.layer}"
    elif len(edit.place) == 2:
        where = f"weight of input {edit.place[0]} for unit {edit.place[1]} of {edit.layer}"
    else:
        row, col, channel, index = edit.place
        where = f"weight at row {row}, column {col} of kernel {channel} of filter {index} of {edit.layer}"
    done = {"mute": "muted", "scale": f"times {edit.value or 0:g}", "set": f"set to {edit.value or 0:g}"}[edit.what]
    return f"{where} {done}; the network has {before:.4g} there"
