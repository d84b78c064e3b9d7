"""Receptive fields: the pixels of the picture that can reach one unit of a layer.

A unit at index i along an axis sees the pixels from ``offset + stride * i`` on, ``size`` of them. Every layer changes
these three numbers by a simple rule; where branches meet, the window that holds both counts. This is the theoretical
field, what could matter; the effective one, what does, is smaller (Luo et al. 2016, arXiv:1701.04128).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from math import ceil, floor
from typing import Any, NamedTuple

from convviz import ConvvizError, lazy, tracing, zoo
from convviz.convolution import output_size, padding_amounts
from convviz.convolution.geometry import Padding, Pair, by_axis, pair, reach

keras = lazy.load("keras")


@dataclass(frozen=True)
class ReceptiveField:
    """What the units of one layer see; every pair is (vertical, horizontal), in pixels of the picture.

    Attributes:
        size: of the window.
        stride: from one unit's window to the next one's; 0 where all units see the same, a fraction where the layers
            before resize their maps.
        offset: where the first unit's window begins, negative where it begins outside the picture.
    """

    size: tuple[int, int]
    stride: tuple[int | Fraction, int | Fraction]
    offset: tuple[int | Fraction, int | Fraction]

    def window(self, row: int, col: int) -> tuple[int, int, int, int]:
        """The pixels that one unit sees.

        Args:
            row: of the unit in its map, from 0.
            col: of the unit in its map, from 0.

        Returns:
            (top, left, bottom, right), bottom and right just outside; may reach outside the picture. Exact, but where
            layers resize their maps at most one stride of the smaller map too large.
        """
        top, left = (ceil(o + s * n) for o, s, n in zip(self.offset, self.stride, (row, col), strict=True))
        return top, left, top + self.size[0], left + self.size[1]


class Window(NamedTuple):
    """One convolution or pooling, with the choices of ``convolution.convolve``."""

    size: Pair
    stride: Pair = 1
    padding: Padding = "valid"
    dilation: Pair = 1


def from_windows(
    windows: Iterable[Window | Sequence[Any]], *, input_size: Pair | None = None
) -> tuple[ReceptiveField, ...]:
    """How the receptive field grows through a stack of convolutions and poolings.

    Args:
        windows: for each (size, stride, padding, dilation), the last three may be left out; numbers or pairs
            (vertical, horizontal).
        input_size: of the picture, pixels. Where it is None, "same" padding is that of sizes the strides divide.

    Returns:
        A field for every window, the first one's first.

    Raises:
        ConvvizError: a window is not understood, or does not fit into the picture.

    Source:
        Araujo, Norris & Sim 2019, Computing receptive fields of convolutional neural networks, Distill,
        doi:10.23915/distill.00021, equations 1 and 2.

    Example:
        >>> [field.size for field in from_windows([(3,), (2, 2), (3,)])]
        [(3, 3), (4, 4), (8, 8)]
    """
    view, fields = _picture(None if input_size is None else pair(input_size, "picture's size")), []
    for window in windows:
        view = _windowed(view, Window(*window))
        fields.append(_field(view))
    return tuple(fields)


def receptive_field(model: Any, layer: str, *, input_size: Pair | None = None) -> ReceptiveField:
    """What the units of one layer of a Keras model see.

    Args:
        model: a ``keras.Model``, Sequential, functional (with branches, with models inside) or a class whose ``call``
            is made of layers and ``keras.ops``; or a ``zoo.Network``. One picture goes in.
        layer: path, such as ``"conv2d"`` or ``"vgg16/block3_conv1"``; of a layer used twice the first use counts.
        input_size: (height, width) of the picture where the model takes any; "same" padding depends on it. Where
            nothing is known, sizes are taken that the strides divide.

    Returns:
        The theoretical field, padding outside the picture counted in.

    Raises:
        ConvvizError: there is no such layer, or something before it cannot be followed.

    Source:
        Araujo, Norris & Sim 2019, Distill, doi:10.23915/distill.00021; branches: section "Arbitrary computation
        graphs".
    """
    model = model.model if isinstance(model, zoo.Network) else model
    leaves = tracing.leaves(model)
    if layer not in leaves:
        raise ConvvizError(f"the network has no layer {layer[:80]!r}; choose one of {', '.join(list(leaves)[:40])}")
    view = _views(model, input_size).get(id(leaves[layer]))
    if view is None:
        raise ConvvizError(f"the layer {layer!r} is not on the way from the picture to the output; choose another one")
    if isinstance(view, ConvvizError):
        raise view
    return _field(view)


def receptive_fields(model: Any, *, input_size: Pair | None = None) -> dict[str, ReceptiveField]:
    """What the units of every layer see, as far as it can be followed.

    Args:
        model: as for ``receptive_field``.
        input_size: as for ``receptive_field``.

    Returns:
        path -> field, in the order in which the model lists its layers.

    Raises:
        ConvvizError: the model's layers cannot be followed at all.
    """
    model = model.model if isinstance(model, zoo.Network) else model
    views = _views(model, input_size)
    found = {path: views.get(id(layer)) for path, layer in tracing.leaves(model).items()}
    return {path: _field(view) for path, view in found.items() if isinstance(view, tuple)}


@dataclass(frozen=True)
class _Axis:
    """Along one axis: size of the map (None: unknown), and unit i sees from first + step i to last + step i."""

    size: int | None
    step: Fraction
    first: Fraction
    last: Fraction


_View = tuple[_Axis, _Axis]


def _picture(size: tuple[int | None, int | None] | None) -> _View:
    """The picture itself: every pixel sees itself."""
    down, across = (_Axis(n, Fraction(1), Fraction(0), Fraction(0)) for n in size or (None, None))
    return down, across


def _field(view: _View) -> ReceptiveField:
    """The public record."""

    def whole(number: Fraction) -> int | Fraction:
        return int(number) if number.denominator == 1 else number

    size, stride, offset = zip(
        *((floor(axis.last - axis.first) + 1, whole(axis.step), whole(axis.first)) for axis in view), strict=True
    )
    return ReceptiveField(size, stride, offset)


def _windowed(view: _View, window: Window) -> _View:
    """Through a convolution or a pooling."""
    kernels, strides, dilations = (pair(window[n], name) for n, name in ((0, "window"), (1, "stride"), (3, "dilation")))
    choices = zip(view, kernels, strides, by_axis(window.padding), dilations, strict=True)
    down, across = (_slid(*axis) for axis in choices)
    return down, across


def _slid(axis: _Axis, kernel: int, stride: int, padding: Any, dilation: int) -> _Axis:
    """Through a window along one axis; where the size is unknown, one that the stride divides is taken."""
    before, _ = padding_amounts(axis.size or stride * reach(kernel, dilation), kernel, stride, padding, dilation)
    size = axis.size and output_size(axis.size, kernel, stride=stride, padding=padding, dilation=dilation)
    after = reach(kernel, dilation) - 1 - before
    return _Axis(size, axis.step * stride, axis.first - axis.step * before, axis.last + axis.step * after)


def _shifted(axis: _Axis, before: int, after: int) -> _Axis:
    """Through padding, or with negative numbers through cropping."""
    shift = axis.step * before
    return _Axis(axis.size and axis.size + before + after, axis.step, axis.first - shift, axis.last - shift)


def _resized(axis: _Axis, size: int | None, scale: Fraction, radius: Fraction, *, ties: bool = False) -> _Axis:
    """Through a change of size: ``scale`` old units to one new, taken from those nearer than ``radius``.

    With ``ties`` the later one of two that are as far away as ``radius`` counts as well.
    """
    centre, grain = (scale - 1) / 2, Fraction(1, 2 * scale.denominator)
    first, last = centre - radius + grain, centre + radius - (0 if ties else grain)
    return _Axis(size, axis.step * scale, axis.first + axis.step * first, axis.last + axis.step * last)


def _laid_down(axis: _Axis, kernel: int, stride: int, padding: str, dilation: int) -> _Axis:
    """Through a transposed convolution: unit i comes from the units (i + cut - tap) / stride that are whole."""
    overlap = max(reach(kernel, dilation) - stride, 0)
    cut = overlap // 2 if padding == "same" else 0
    size = axis.size and axis.size * stride + (overlap if padding == "valid" else 0)
    first, last = Fraction(cut - reach(kernel, dilation) + 1, stride), Fraction(cut, stride)
    return _Axis(size, axis.step / stride, axis.first + axis.step * first, axis.last + axis.step * last)


def _all_of(axis: _Axis) -> _Axis:
    """What all units of a map see together."""
    if axis.step == 0:
        return replace(axis, size=1)
    if axis.size is None:
        raise ConvvizError(
            "this layer sees whole maps and the network takes pictures of any size; give input_size=(height, width)"
        )
    return _Axis(1, Fraction(0), axis.first, axis.last + axis.step * (axis.size - 1))


def _met(axes: Sequence[_Axis]) -> _Axis:
    """Where branches meet: the window that holds all of theirs; all of it where they do not step alike."""
    alike = len({axis.step for axis in axes}) == 1 and len({axis.size for axis in axes}) == 1
    joined = axes if alike else [_all_of(axis) for axis in axes]
    sizes = [axis.size for axis in axes]
    size = None if None in sizes else max(sizes)
    return _Axis(size, joined[0].step, min(axis.first for axis in joined), max(axis.last for axis in joined))


# What every kind of layer does to what is seen. Names instead of classes, so that Keras is not loaded for them.


def _by_window(layer: Any, view: _View) -> _View:
    size = layer.pool_size if hasattr(layer, "pool_size") else layer.kernel_size
    return _windowed(view, Window(size, layer.strides, layer.padding, getattr(layer, "dilation_rate", 1)))


def _by_padding(layer: Any, view: _View) -> _View:
    return _shifted(view[0], *layer.padding[0]), _shifted(view[1], *layer.padding[1])


def _by_cropping(layer: Any, view: _View) -> _View:
    (top, bottom), (left, right) = layer.cropping
    return _shifted(view[0], -top, -bottom), _shifted(view[1], -left, -right)


_RADII = {"nearest": Fraction(1, 2), "bilinear": Fraction(1), "bicubic": Fraction(2), "lanczos3": Fraction(3)}
_WIDEST = Fraction(5)  # lanczos5


def _by_enlarging(layer: Any, view: _View) -> _View:
    radius = _RADII.get(layer.interpolation, _WIDEST)
    down, across = (
        _resized(axis, axis.size and axis.size * factor, Fraction(1, factor), radius)
        for axis, factor in zip(view, layer.size, strict=True)
    )
    return down, across


def _by_resizing(layer: Any, view: _View) -> _View:
    """To a size of its own; pixels in the middle of their squares, as ``tf.image.resize`` has them."""
    if layer.crop_to_aspect_ratio or layer.pad_to_aspect_ratio:
        raise ConvvizError(
            f"the layer {layer.name!r} cuts or pads to keep the picture's proportions, which is not followed here; "
            "choose a layer before it"
        )
    made = []
    for axis, size in zip(view, (layer.height, layer.width), strict=True):
        if axis.size is None:
            raise ConvvizError(
                f"the layer {layer.name!r} resizes, and the network takes pictures of any size; "
                "give input_size=(height, width)"
            )
        scale = Fraction(axis.size, size)
        wider = max(scale, 1) if layer.antialias and layer.interpolation != "nearest" else 1
        radius = _RADII.get(layer.interpolation, _WIDEST) * wider
        same = scale == 1 and layer.interpolation in ("nearest", "bilinear")  # nothing is mixed
        made.append(axis if same else _resized(axis, size, scale, radius, ties=layer.interpolation == "nearest"))
    return made[0], made[1]


def _by_laying_down(layer: Any, view: _View) -> _View:
    if layer.output_padding is not None:
        raise ConvvizError(
            f"the layer {layer.name!r} has an output padding, which is not followed here; choose another"
        )
    choices = zip(view, layer.kernel_size, layer.strides, layer.dilation_rate, strict=True)
    down, across = (_laid_down(axis, k, s, layer.padding, d) for axis, k, s, d in choices)
    return down, across


def _by_whole(_: Any, view: _View) -> _View:
    return _all_of(view[0]), _all_of(view[1])


def _by_axis_of(layer: Any, view: _View, channels: set[int]) -> _View:
    """Layers that mix values along axes of their choice: places are mixed unless it is the channels alone."""
    axes = layer.axis if isinstance(layer.axis, Sequence) else [layer.axis]
    return view if set(axes) <= channels else _by_whole(layer, view)


def _by_order_of(layer: Any, view: _View) -> _View:
    """Axes put in another order: places stay where they are if only the channels go to the other end."""
    return view if tuple(layer.dims) in ((3, 1, 2), (2, 3, 1)) else _by_whole(layer, view)


def _unchanged(_: Any, view: _View) -> _View:
    return view


_WINDOWS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "MaxPooling2D", "AveragePooling2D")
_WHOLE = (
    "GlobalAveragePooling2D", "GlobalMaxPooling2D", "Flatten", "Reshape", "GroupNormalization",
)  # fmt: skip
_ALONG_AXES = (
    "Concatenate", "LayerNormalization", "RMSNormalization", "UnitNormalization", "Softmax", "Mean", "Max",
    "Min", "Sum",
)  # fmt: skip
# Layers and keras.ops that leave every place by itself, and random ones, which do nothing outside training.
_UNCHANGED = (
    "InputLayer", "Identity", "Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "BatchNormalization",
    "Normalization", "Rescaling", "Dense", "Dropout", "SpatialDropout2D", "AlphaDropout", "GaussianDropout",
    "GaussianNoise", "ActivityRegularization", "StochasticDepth", "LayerScale", "CustomScaleLayer",
    "RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast", "RandomBrightness",
    "RandomShear", "RandomHue", "RandomSaturation", "RandomGrayscale", "RandomColorJitter", "RandomErasing",
    "Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Average", "Maximum", "Minimum", "Negative",
    "Absolute", "Square", "Sqrt", "Power", "Exp", "Log", "Clip", "Cast", "StopGradient", "Relu", "Relu6", "Elu",
    "Selu", "Gelu", "Silu", "Sigmoid", "HardSigmoid", "HardSilu", "LeakyRelu", "Softplus", "Tanh", "Mish",
)  # fmt: skip
_RULES: dict[str, Callable[[Any, _View], _View]] = {
    **dict.fromkeys(_WINDOWS, _by_window),
    **dict.fromkeys(_WHOLE, _by_whole),
    **dict.fromkeys(_ALONG_AXES, partial(_by_axis_of, channels={-1, 3})),
    **dict.fromkeys(_UNCHANGED, _unchanged),
    "ZeroPadding2D": _by_padding,
    "Cropping2D": _by_cropping,
    "Permute": _by_order_of,
    "UpSampling2D": _by_enlarging,
    "Resizing": _by_resizing,
    "Conv2DTranspose": _by_laying_down,
}
_CHANNELS_FIRST = {  # where they differ in a network that works so throughout
    **dict.fromkeys(_ALONG_AXES, partial(_by_axis_of, channels={1, -3})),
    "Dense": _by_whole,  # it mixes along the last axis, which is a row of pixels
}


def _views(model: Any, input_size: Pair | None) -> dict[int, _View | ConvvizError]:
    """What every operation in a model sees, by its id; an error where that cannot be said."""
    seen: dict[int, _View | ConvvizError] = {}
    try:
        inputs, outputs = model.inputs, model.outputs
    except AttributeError:
        inputs = outputs = None
    layers = list(tracing.leaves(model).values())
    first = {order for one in layers if (order := getattr(one, "data_format", None))} == {"channels_first"}
    if inputs is not None:
        _follow(inputs, outputs, _entering(inputs, input_size, first), seen, first)
        return seen
    before = [len(layer._inbound_nodes) for layer in layers]
    try:
        inputs, outputs = _called(model)
        _follow(inputs, outputs, _entering(inputs, input_size, first), seen, first)
    finally:  # a symbolic call is written down in every layer
        for layer, length in zip(layers, before, strict=True):
            del layer._inbound_nodes[length:]
    return seen


def _called(model: Any) -> tuple[list, list]:
    """The graph of a model that is a class: its ``call`` run once on a symbol of a picture."""
    built = (model.get_build_config() or {}) if model.built else {}
    shape = built.get("input_shape") or next(iter((built.get("shapes_dict") or {}).values()), None)
    if shape is None or len(shape) != 4:
        raise ConvvizError("this network does not tell what goes into it; call it once on a batch of pictures first")
    picture = keras.Input(shape[1:])
    try:
        return [picture], keras.tree.flatten(model.call(picture))
    except Exception as reason:  # whatever somebody's Python raises on symbols
        raise ConvvizError(
            f"this network's call cannot be followed layer by layer ({reason!s:.200}); rebuild it with keras.Input"
        ) from reason


def _entering(inputs: Sequence[Any], input_size: Pair | None, first: bool) -> list[_View | None]:
    """What each input of a model sees of the picture; None for inputs that are no picture."""
    pictures = [tensor for tensor in inputs if len(tensor.shape) in (3, 4)]
    if len(pictures) != 1:
        raise ConvvizError(f"{len(pictures)} pictures go into this network; a receptive field is said of exactly one")
    shape = pictures[0].shape
    size = (
        (shape[2:] if first and len(shape) == 4 else shape[1:3])
        if input_size is None
        else pair(input_size, "picture's size")
    )
    return [_picture(size) if tensor is pictures[0] else None for tensor in inputs]


def _follow(inputs: Sequence, outputs: Sequence, entering: Sequence, seen: dict[int, Any], first: bool) -> list:
    """Through a graph of Keras operations, models inside it opened; what its outputs see."""
    known = {_key(tensor): view for tensor, view in zip(inputs, entering, strict=True)}
    for node in _in_order(outputs, set(known)):
        operation = node.operation
        arrived = [view for view in (known[_key(tensor)] for tensor in node.input_tensors) if view is not None]
        if isinstance(operation, keras.Model) and getattr(operation, "inputs", None):
            given = [known[_key(tensor)] for tensor in node.input_tensors]
            leaving = _follow(operation.inputs, operation.outputs, given, seen, first)
        else:
            leaving = [_after(operation, arrived, first)] * len(node.outputs)
        seen.setdefault(id(operation), leaving[0])
        known |= {_key(tensor): view for tensor, view in zip(node.outputs, leaving, strict=True)}
    for tensor in inputs:
        seen.setdefault(id(tensor._keras_history.operation), known[_key(tensor)])
    return [known[_key(tensor)] for tensor in outputs]


def _key(tensor: Any) -> tuple[int, int, int]:
    """Which output of which call of which operation a symbolic tensor is."""
    operation, call, position = tensor._keras_history
    return id(operation), call, position


def _in_order(outputs: Sequence, known: set) -> Iterator[Any]:
    """The calls that lead to the outputs, each after those it needs."""
    waiting = [(tensor, False) for tensor in outputs]
    while waiting:
        tensor, ready = waiting.pop()
        if _key(tensor) in known:
            continue
        operation, call, _ = tensor._keras_history
        node = operation._inbound_nodes[call]
        if ready:
            known |= {_key(one) for one in node.outputs}
            yield node
        else:
            waiting.append((tensor, True))
            waiting.extend((one, False) for one in node.input_tensors)


def _after(operation: Any, arrived: list[_View | ConvvizError], first: bool) -> _View | ConvvizError | None:
    """What the units that come out of one operation see; ``first``: in a network that works channels first."""
    for view in arrived:
        if isinstance(view, ConvvizError):
            return view
    if not arrived:
        return None  # a constant, or made of inputs that are no picture
    try:
        met = _met([view[0] for view in arrived]), _met([view[1] for view in arrived])
        rules = _RULES | _CHANNELS_FIRST if first else _RULES
        rule = next((rules[kind.__name__] for kind in type(operation).__mro__ if kind.__name__ in rules), None)
        if rule is None and met[0].step == met[1].step == 0:
            return met  # it has seen everything before
        if rule is None:
            raise ConvvizError(
                f"what {operation.name!r}, a {type(operation).__name__}, lets through is not known here; "
                "choose a layer before it"
            )
        return rule(operation, met)
    except ConvvizError as refusal:
        return refusal
