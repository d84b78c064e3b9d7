"""The arithmetic of each kind of layer for one cell, in NumPy at double precision, written out as it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from convviz import lazy
from convviz.convolution import padding_amounts
from convviz.microscope.records import Stage, Step, Taps

keras = lazy.load("keras")

Place = tuple[int | None, int | None, int]  # row, col, channel
Worked = tuple[float, list[Step], Taps | None]
_FORMULAS = {
    "relu": "max(0, {x})", "sigmoid": "1 / (1 + e^−({x}))", "tanh": "tanh({x})", "silu": "{x} / (1 + e^−({x}))",
    "swish": "{x} / (1 + e^−({x}))", "softmax": "e^({x}) / Σ e^x over {n} units", "relu6": "min(6, max(0, {x}))",
    "exponential": "e^({x})", "softplus": "ln(1 + e^({x}))",
}  # fmt: skip


def number(value: float) -> str:
    """A number for a formula, with a real minus."""
    return f"{value:.4g}".replace("-", "−")


def operand(value: float) -> str:
    """A number behind an operator: in brackets where it is negative."""
    text = number(value)
    return f"({text})" if text.startswith("−") else text


def convolved(path: str, layer: Any, given: list[np.ndarray], place: Place) -> Worked:
    """Convolution: window times weights by input channel, sum, bias, activation."""
    kernel = _weights(layer.kernel)
    window, values, inside = _window(layer, given[0], place)
    size = kernel.shape[2]
    group = place[2] // (kernel.shape[3] // layer.groups)
    channels = tuple(range(group * size, (group + 1) * size))
    values = values[..., channels]
    taps = Taps(path, "convolution", window, _single(values), _single(kernel[..., place[2]]), channels, inside)
    reading = values if layer.groups == 1 else None
    total = float((values * kernel[..., place[2]]).sum())
    every = np.tensordot(values, kernel, 3) if reading is not None else None
    steps = [Step(path, "sum", f"Σ over {values.size:,} products window × weight", total)]
    return (*_ended(path, layer, total, every, place[2], steps), taps)


def depthwise(path: str, layer: Any, given: list[np.ndarray], place: Place) -> Worked:
    """Depthwise convolution: one input channel alone."""
    kernel = _weights(layer.kernel)
    window, values, inside = _window(layer, given[0], place)
    source, copy = divmod(place[2], kernel.shape[3])
    taps = Taps(
        path,
        "depthwise",
        window,
        _single(values[..., [source]]),
        _single(kernel[:, :, [source], copy]),
        (source,),
        inside,
    )
    every = np.einsum("ijc,ijcm->cm", values, kernel).reshape(-1)
    steps = [
        Step(path, "sum", f"Σ over {kernel.shape[0] * kernel.shape[1]} products in channel {source}", every[place[2]])
    ]
    return (*_ended(path, layer, float(every[place[2]]), every, place[2], steps), taps)


def separable(path: str, layer: Any, given: list[np.ndarray], place: Place) -> Worked:
    """Depthwise and then pointwise convolution: the two together weigh every tap of the window."""
    deep, point = _weights(layer.depthwise_kernel), _weights(layer.pointwise_kernel)[0, 0]
    window, values, inside = _window(layer, given[0], place)
    between = np.einsum("ijc,ijcm->cm", values, deep).reshape(-1)
    together = _together(layer, place[2])
    taps = Taps(path, "convolution", window, _single(values), _single(together), tuple(range(values.shape[2])), inside)
    every = between @ point
    steps = [
        Step(path, "depthwise", f"{len(between)} sums, each of one channel; their mean", float(between.mean())),
        Step(path, "pointwise", f"Σ over {len(between)} of them × weight", float(every[place[2]])),
    ]
    return (*_ended(path, layer, float(every[place[2]]), every, place[2], steps), taps)


def transposed(path: str, layer: Any, given: list[np.ndarray], place: Place) -> Worked:
    """Transposed convolution: the input cells whose kernels, laid down, reach this cell, times the weights there."""
    kernel = _weights(layer.kernel).swapaxes(2, 3)  # Keras keeps what comes out before what goes in
    taps, cells = zip(*(_laid_down(layer, axis, given[0].shape[axis], place[axis]) for axis in (0, 1)), strict=True)
    kernel = kernel[np.ix_(*taps)]
    values = given[0][np.ix_(*cells)].astype(np.float64)
    every = np.tensordot(values, kernel, 3)
    if values.size:
        window = (int(cells[0][0]), int(cells[1][0]), int(cells[0][-1]) + 1, int(cells[1][-1]) + 1)
        weights, channels = _single(kernel[..., place[2]]), tuple(range(kernel.shape[2]))
        seen = Taps(path, "transposed", window, _single(values), weights, channels, np.ones(values.shape[:2], bool))
        formula = f"Σ over {values.size:,} products input × weight: the kernels laid down that reach this cell"
    else:
        seen, formula = None, "no kernel that is laid down reaches this cell"
    steps = [Step(path, "sum", formula, float(every[place[2]]))]
    return (*_ended(path, layer, float(every[place[2]]), every, place[2], steps), seen)


def _laid_down(layer: Any, axis: int, length: int, output: int) -> tuple[np.ndarray, np.ndarray]:
    """Along one axis, the taps of the kernels that reach a cell of the output, and the input cells they lie at."""
    stride, step, size = layer.strides[axis], layer.dilation_rate[axis], layer.kernel_size[axis]
    whole = (length - 1) * stride + (size - 1) * step + 1
    last, channels = layer.data_format == "channels_last", layer.kernel.shape[3]
    shape = (1, length, length, channels) if last else (1, channels, length, length)
    made = layer.compute_output_shape(shape)[(1 if last else 2) + axis]
    cut = max(whole - made, 0) // 2 if layer.padding == "same" else 0
    taps = np.arange(size)[::-1]  # so that the input cells come in order
    places = output + cut - step * taps
    reaches = (places % stride == 0) & (places >= 0) & (places < length * stride)
    return taps[reaches], places[reaches] // stride


def dense(path: str, layer: Any, given: list[np.ndarray], place: Place) -> Worked:
    """A dense layer: every input times its weight."""
    row, col, unit = place
    values = given[0] if row is None or col is None else given[0][row, col]
    kernel = _weights(layer.kernel)
    every = values.astype(np.float64) @ kernel
    taps = Taps(path, "dense", None, _single(values), _single(kernel[:, unit]), tuple(range(len(values))), None)
    steps = [Step(path, "sum", f"Σ over {len(values):,} products input × weight", float(every[unit]))]
    return (*_ended(path, layer, float(every[unit]), every, unit, steps), taps)


def pooled(path: str, layer: Any, given: list[np.ndarray], place: Place) -> Worked:
    """The largest or the mean of a window of one channel; what lies outside the input does not count."""
    window, values, inside = _window(layer, given[0], place, layer.pool_size)
    values = values[..., [place[2]]]
    mode = "max" if "Max" in type(layer).__name__ else "average"
    cells = values[..., 0][inside]
    value = float(cells.max() if mode == "max" else cells.mean())
    taps = Taps(path, mode, window, _single(values), None, (place[2],), inside)
    formula = f"the largest of {cells.size} cells" if mode == "max" else f"Σ / {cells.size} of {cells.size} cells"
    return value, [Step(path, "largest" if mode == "max" else "mean", formula, value)], taps


def pooled_whole(path: str, layer: Any, given: list[np.ndarray], place: Place) -> Worked:
    """The largest or the mean of a whole map."""
    values = given[0][..., [place[2]]]
    mode = "max" if "Max" in type(layer).__name__ else "average"
    value = float(values.max() if mode == "max" else values.mean(dtype=np.float64))
    window = (0, 0, *values.shape[:2])
    taps = Taps(path, mode, window, _single(values), None, (place[2],), np.ones(values.shape[:2], bool))
    formula = f"of all {values.size:,} cells of channel {place[2]}"
    return value, [Step(path, "largest" if mode == "max" else "mean", formula, value)], taps


_WINDOWED = ("Conv2D", "Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D", "MaxPooling2D", "AveragePooling2D")


def has_window(layer: Any) -> bool:
    """Whether a layer lets a window go over rows and columns, in a way that the grids can show."""
    if type(layer).__name__ not in _WINDOWED:
        return False
    plainly = getattr(layer, "output_padding", None) is None and max(getattr(layer, "dilation_rate", (1,))) == 1
    return type(layer).__name__ != "Conv2DTranspose" or plainly


def staged(path: str, layer: Any, maps: np.ndarray, channel: int, source: int | None) -> Stage:
    """One channel of what a windowed layer reads, maps (H, W, C), with the kernel that it meets."""
    kind = type(layer).__name__
    if "Pooling" in kind:
        mode = "max" if "Max" in kind else "average"
        settings = {"size": layer.pool_size, "stride": layer.strides, "padding": layer.padding, "mode": mode}
        return Stage(path, "pooling", _single(maps[..., channel]), channel, None, settings, True, 0.0)
    settings = {"stride": layer.strides, "padding": layer.padding, "dilation": layer.dilation_rate}
    if kind == "Conv2DTranspose":
        settings.pop("dilation")
        weights, channels = _weights(layer.kernel)[:, :, channel], range(maps.shape[2])
    elif kind == "Conv2D":
        kernel = _weights(layer.kernel)[..., channel]
        first = channel // (layer.filters // layer.groups) * kernel.shape[2]
        weights, channels = kernel, range(first, first + kernel.shape[2])
    elif kind == "DepthwiseConv2D":
        kernel = _weights(layer.kernel)
        one, copy = divmod(channel, kernel.shape[3])
        weights, channels = kernel[:, :, [one], copy], range(one, one + 1)
    else:
        weights, channels = _together(layer, channel), range(maps.shape[2])
    place = channels.index(source) if source in channels else 0
    whole = len(channels) == 1
    bias = float(_weights(layer.bias)[channel]) if whole and layer.use_bias else 0.0
    chosen = channels[place]
    way = "transposed" if kind == "Conv2DTranspose" else "convolution"
    return Stage(path, way, _single(maps[..., chosen]), chosen, _single(weights[..., place]), settings, whole, bias)


def _together(layer: Any, channel: int) -> np.ndarray:
    """What a separable convolution's two parts weigh every tap of the window with, (kh, kw, C)."""
    deep, point = _weights(layer.depthwise_kernel), _weights(layer.pointwise_kernel)[0, 0]
    return np.einsum("ijcm,cm->ijc", deep, point[:, channel].reshape(deep.shape[2:]))


def joined(path: str, layer: Any, given: list[np.ndarray], place: Place) -> Worked:
    """The same cell of several inputs, added, multiplied or compared."""
    row, col, channel = place
    cells = [float(one[..., channel] if row is None else _shared(one, row, col, channel)) for one in given]
    ways: dict[str, tuple[str, Callable[[Sequence[float]], float]]] = {
        "Add": (" + ", sum),
        "Subtract": (" − ", lambda two: two[0] - two[1]),
        "Multiply": (" · ", np.prod),
        "Average": (" + ", np.mean),
        "Maximum": (", ", max),
        "Minimum": (", ", min),
    }
    sign, way = ways[type(layer).__name__]
    text = sign.join([number(cells[0]), *map(number if sign == ", " else operand, cells[1:])])
    formulas = {"Average": f"({text}) / {len(cells)}", "Maximum": f"max({text})", "Minimum": f"min({text})"}
    value = float(way(cells))
    name = type(layer).__name__
    return value, [Step(path, name.lower(), formulas.get(name, text), value)], None


def _shared(values: np.ndarray, row: int, col: int, channel: int) -> float:
    """A cell of an input, where sides of one stand for all (as in squeeze and excitation)."""
    places = zip((row, col, channel), values.shape, strict=True)
    return float(values[tuple(0 if side == 1 else place for place, side in places)])


def concatenated(path: str, layer: Any, given: list[np.ndarray], place: Place) -> Worked:
    """One channel of one of the inputs."""
    row, col, channel = place
    rest = channel
    for count, one in enumerate(given, 1):
        if rest < one.shape[-1]:
            value = float(one[rest] if row is None else one[row, col, rest])
            words = f"channel {channel} is channel {rest} of input {count} of {len(given)}"
            return value, [Step(path, "concatenate", words, value)], None
        rest -= one.shape[-1]
    raise AssertionError("not reached")


def padded(path: str, layer: Any, given: list[np.ndarray], place: Place) -> Worked:
    """A cell of the input, or a zero around it."""
    (top, _), (left, _) = layer.padding
    row, col = place[0] - top, place[1] - left
    height, width = given[0].shape[:2]
    if 0 <= row < height and 0 <= col < width:
        value, words = float(given[0][row, col, place[2]]), f"the input's cell at row {row}, column {col}"
    else:
        value, words = 0.0, "outside the input, where zeros stand"
    return value, [Step(path, "padding", words, value)], None


def flattened(path: str, layer: Any, given: list[np.ndarray], place: Place) -> Worked:
    """A cell of the maps, which stand one after the other now."""
    where = tuple(int(one) for one in np.unravel_index(place[2], given[0].shape))
    value = float(given[0][where])
    axes = {1: ("number",), 3: ("row", "column", "channel")}.get(len(where), ("place",) * len(where))
    words = ", ".join(f"{axis} {at}" for axis, at in zip(axes, where, strict=True))
    return value, [Step(path, "flatten", f"number {place[2]} is {words} of the input", value)], None


def scaled(path: str, layer: Any, value: float, _: np.ndarray, channel: int) -> list[Step]:
    """Values brought to another range."""
    scale, offset = (float(np.asarray(one).reshape(-1)[channel % np.size(one)]) for one in (layer.scale, layer.offset))
    formula = f"{number(value)} · {operand(scale)} + {number(offset)}".replace("+ −", "− ")
    return [Step(path, "rescaling", formula, value * scale + offset)]


def normalized(path: str, layer: Any, value: float, _: np.ndarray, channel: int) -> list[Step]:
    """Batch normalization as it works after training."""
    mean, variance = (float(_weights(one)[channel]) for one in (layer.moving_mean, layer.moving_variance))
    scale = float(_weights(layer.gamma)[channel]) if layer.scale else 1.0
    offset = float(_weights(layer.beta)[channel]) if layer.center else 0.0
    out = (value - mean) / np.sqrt(variance + layer.epsilon) * scale + offset
    formula = (
        f"({number(value)} − {number(mean)}) / √({number(variance)} + {layer.epsilon:g}) · {operand(scale)} + "
        f"{number(offset)}"
    )
    return [Step(path, "batch normalization", formula.replace("− −", "+ ").replace("+ −", "− "), float(out))]


def activated(path: str, layer: Any, value: float, vector: np.ndarray, channel: int) -> list[Step]:
    """An activation that is a layer of its own."""
    numbers = vector.astype(np.float64)
    numbers[channel] = value
    out = np.asarray(layer(numbers[None, None, None].astype(np.float32)))[0, 0, 0, channel]
    name = layer.activation.__name__ if type(layer).__name__ == "Activation" else type(layer).__name__.lower()
    if name == "relu" and getattr(layer, "max_value", None) == 6:
        name = "relu6"
    return [Step(path, "activation", _formula(name, value, len(vector)), float(out))]


def passed(path: str, _: Any, value: float, __: np.ndarray, ___: int) -> list[Step]:
    """A layer that does something in training only."""
    return [Step(path, "unchanged", f"{number(value)}, since it acts in training only", value)]


def _formula(name: str, value: float, units: int) -> str:
    """An activation with its number."""
    form = _FORMULAS.get(name, f"{name}({{x}})")
    return form.format(x=number(value), n=units)


def _ended(
    path: str, layer: Any, total: float, every: np.ndarray | None, channel: int, steps: list[Step]
) -> tuple[float, list[Step]]:
    """After the sum: bias and activation, as the layer has them."""
    value = total
    if layer.use_bias:
        bias = _weights(layer.bias)
        every = None if every is None else every + bias
        value = total + float(bias[channel])
        steps.append(
            Step(path, "bias", f"{number(total)} + {number(float(bias[channel]))}".replace("+ −", "− "), value)
        )
    name = getattr(layer.activation, "__name__", "activation")
    if name != "linear":
        numbers = np.array([value]) if every is None else every.copy()
        place = 0 if every is None else channel
        out = np.asarray(layer.activation(keras.ops.convert_to_tensor(numbers[None].astype(np.float32))))[0, place]
        steps.append(Step(path, "activation", _formula(name, value, len(numbers)), float(out)))
        value = float(out)
    return value, steps


def _weights(variable: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(variable, "float32"))).astype(np.float64)


def _single(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.float32)


def _window(
    layer: Any, given: np.ndarray, place: Place, size: Sequence[int] | None = None
) -> tuple[tuple[int, int, int, int], np.ndarray, np.ndarray]:
    """The window of a cell in the input: its corners, its values with zeros outside, and what lies inside."""
    size = size or layer.kernel_size
    dilation = getattr(layer, "dilation_rate", (1, 1))
    indices = []
    for axis, output in enumerate(place[:2]):
        stride, step, length = layer.strides[axis], dilation[axis], given.shape[axis]
        before, _ = padding_amounts(length, size[axis], stride, layer.padding, step)
        indices.append(output * stride - before + step * np.arange(size[axis]))
    rows, cols = indices
    inside = ((rows >= 0) & (rows < given.shape[0]))[:, None] & ((cols >= 0) & (cols < given.shape[1]))
    clipped = np.clip(rows, 0, given.shape[0] - 1), np.clip(cols, 0, given.shape[1] - 1)
    values = given[clipped[0][:, None], clipped[1]].astype(np.float64) * inside[..., None]
    corners = int(rows[0]), int(cols[0]), int(rows[-1]) + 1, int(cols[-1]) + 1
    return corners, values, inside


SOURCES: dict[str, Callable[[str, Any, list[np.ndarray], Place], Worked]] = {
    "Conv2D": convolved,
    "Conv2DTranspose": transposed,
    "DepthwiseConv2D": depthwise,
    "SeparableConv2D": separable,
    "Dense": dense,
    "MaxPooling2D": pooled,
    "AveragePooling2D": pooled,
    "GlobalAveragePooling2D": pooled_whole,
    "GlobalMaxPooling2D": pooled_whole,
    "Concatenate": concatenated,
    "ZeroPadding2D": padded,
    "Flatten": flattened,
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"), joined),
}
CELLWISE: dict[str, Callable[[str, Any, float, np.ndarray, int], list[Step]]] = {
    "BatchNormalization": normalized,
    "Rescaling": scaled,
    **dict.fromkeys(("Activation", "ReLU", "LeakyReLU", "ELU", "Softmax"), activated),
    **dict.fromkeys(("Dropout", "SpatialDropout2D", "GaussianDropout", "GaussianNoise", "AlphaDropout"), passed),
}
