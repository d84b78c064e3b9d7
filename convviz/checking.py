"""Numbers computed anew by Keras, and how far from it ours are: what the Check button of a page asks a worker for.

Every function takes what the page's own function takes, calls that and Keras, and returns the largest difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from convviz import (
    ConvvizError,
    activations,
    attribution,
    convolution,
    downsampling,
    effective,
    fourier,
    histograms,
    images,
    kernels,
    kinds,
    lazy,
    pooling,
    surgery,
    tracing,
    zoo,
)

keras = lazy.load("keras")
tf = lazy.load("tensorflow")

_PAD = {"zero": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@dataclass(frozen=True)
class Check:
    """How far apart two computations of the same numbers are.

    Attributes:
        difference: the largest absolute difference; infinite where one has a number and the other has none.
        largest: the largest absolute value among ours, to compare it with.
        numbers: how many were compared.
    """

    difference: float
    largest: float
    numbers: int

    def __str__(self) -> str:
        """One sentence, such as: Keras computes the same 900 numbers to within 1.9e-06, on values up to 12.5."""
        count = "one number" if self.numbers == 1 else f"{self.numbers:,} numbers"
        if self.difference == 0:
            return f"Keras computes exactly the same {count}."
        return f"Keras computes the same {count} to within {self.difference:.2g}, on values up to {self.largest:.4g}."


def compare(ours: np.ndarray, theirs: Any) -> Check:
    """The largest absolute difference of two arrays; NaN agrees with NaN, and infinity with the same infinity.

    Args:
        ours: of any shape.
        theirs: an array or a tensor of the same shape.

    Returns:
        The record.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> compare(np.array([1.0, 2.0]), np.array([1.0, 2.5])).difference
        0.5
    """
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if ours.shape != theirs.shape:
        raise ValueError(f"ours has the shape {ours.shape}, theirs {theirs.shape}")
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    with np.errstate(invalid="ignore"):
        apart = np.where(same, 0.0, np.nan_to_num(np.abs(ours - theirs), nan=np.inf, posinf=np.inf))
    finite = np.abs(ours[np.isfinite(ours)])
    return Check(float(apart.max(initial=0.0)), float(finite.max(initial=0.0)), ours.size)


# --- the arithmetic -----------------------------------------------------------------------------------------------


def convolve(
    image: np.ndarray,
    weights: np.ndarray,
    *,
    stride: Any = 1,
    padding: Any = "valid",
    dilation: Any = 1,
    padding_mode: str = "zero",
    flip: bool = False,
) -> Check:
    """``convolution.convolve`` beside ``keras.ops.conv``.

    Padding is written out by NumPy first, except TensorFlow's own "same" with zeros, which Keras does itself.

    Args:
        image: as for ``convolution.convolve``.
        weights: as for ``convolution.convolve``.
        stride: as for ``convolution.convolve``.
        padding: as for ``convolution.convolve``.
        dilation: as for ``convolution.convolve``.
        padding_mode: as for ``convolution.convolve``.
        flip: as for ``convolution.convolve``.

    Returns:
        The largest difference.

    Raises:
        ConvvizError: as ``convolution.convolve``.
    """
    choices = {"stride": stride, "padding": padding, "dilation": dilation, "padding_mode": padding_mode, "flip": flip}
    ours = convolution.convolve(image, weights, **choices)
    weights = np.asarray(weights, np.float32)[::-1, ::-1] if flip else np.asarray(weights, np.float32)
    batch, layer, back = _as_layer(np.asarray(image, np.float32), weights)
    steps, apart = _pair(stride), _pair(dilation)
    by_keras = padding in ("valid", "same") if isinstance(padding, str) else False
    if not (by_keras and (padding == "valid" or (padding_mode == "zero" and max(apart) == 1))):
        batch = np.pad(batch, _written_out(image, weights, steps, padding, apart), mode=_PAD[padding_mode])
        padding = "valid"
    if max(apart) > 1:  # Keras takes no stride together with a dilation, so places are left out afterwards
        theirs = keras.ops.conv(batch, layer, 1, padding=padding, dilation_rate=apart)[:, :: steps[0], :: steps[1]]
    else:
        theirs = keras.ops.conv(batch, layer, steps, padding=padding)
    return compare(ours, back(keras.ops.convert_to_numpy(theirs)))


def pool(image: np.ndarray, size: Any = 2, *, stride: Any = None, padding: str = "valid", mode: str = "max") -> Check:
    """``pooling.pool`` beside ``keras.ops.max_pool`` or ``average_pool``.

    Args:
        image: as for ``pooling.pool``.
        size: as for ``pooling.pool``.
        stride: as for ``pooling.pool``.
        padding: as for ``pooling.pool``.
        mode: as for ``pooling.pool``.

    Returns:
        The largest difference.

    Raises:
        ConvvizError: as ``pooling.pool``.
    """
    ours = pooling.pool(image, size, stride=stride, padding=padding, mode=mode)
    function = keras.ops.max_pool if mode == "max" else keras.ops.average_pool
    batch = np.asarray(image, np.float32).reshape(1, *np.shape(image)[:2], -1)
    theirs = function(batch, _pair(size), None if stride is None else _pair(stride), padding=padding)
    return compare(ours, keras.ops.convert_to_numpy(theirs).reshape(ours.shape))


def smaller(
    image: np.ndarray,
    *,
    weights: np.ndarray,
    size: int = 2,
    stride: int = 2,
    taps: int = 3,
    relu: bool = False,
    padding: str = "valid",
) -> Check:
    """``downsampling.downsample``, every way of it, beside Keras' convolutions and poolings.

    Args:
        image: as for ``downsampling.downsample``, and so are all others.
        weights: (kh, kw).
        size: of the pooling window, pixels.
        stride: pixels.
        taps: of the blur.
        relu: whether negative values become 0.
        padding: "valid" or "same".

    Returns:
        The largest difference of all maps.

    Raises:
        ConvvizError: as ``downsampling.downsample``.
    """

    def slid(values: Any, kernel: np.ndarray, step: int = 1, padding: str = "valid") -> Any:
        return keras.ops.conv(values, np.asarray(kernel, np.float32)[..., None, None], step, padding)

    def blurred(values: Any) -> Any:
        mirrored = ((0, 0), *(((taps - 1) // 2, taps // 2),) * 2, (0, 0))
        values = keras.ops.convert_to_numpy(values)
        values = values if padding == "valid" else np.pad(values, mirrored, mode="reflect")
        return slid(values, kernels.binomial(taps), stride)

    batch, after = (
        np.asarray(image, np.float32)[None, ..., None],
        keras.ops.relu if relu else keras.ops.convert_to_tensor,
    )
    before = after(slid(batch, weights, padding=padding))
    theirs = {
        "stride": after(slid(batch, weights, stride, padding)),
        "max": keras.ops.max_pool(before, size, stride, padding),
        "average": keras.ops.average_pool(before, size, stride, padding),
        "blurred_stride": blurred(before),
        "blurred_max": blurred(keras.ops.max_pool(before, size, 1, padding)),
    }
    choices = {"weights": weights, "size": size, "stride": stride, "taps": taps, "relu": relu, "padding": padding}
    return _worst(
        [
            compare(downsampling.downsample(image, way, **choices), keras.ops.convert_to_numpy(values)[0, ..., 0])
            for way, values in theirs.items()
        ]
    )


def by_waves(image: np.ndarray, weights: np.ndarray) -> Check:
    """``fourier.convolve`` beside ``keras.ops.conv`` on the picture, continued at its other side.

    Args:
        image: (H, W).
        weights: (kh, kw).

    Returns:
        The largest difference.
    """
    (kh, kw), batch = np.shape(weights), np.asarray(image, np.float32)
    batch = np.pad(batch, (((kh - 1) // 2, kh // 2), ((kw - 1) // 2, kw // 2)), mode="wrap")[None, ..., None]
    theirs = keras.ops.conv(batch, np.asarray(weights, np.float32)[..., None, None], 1, padding="valid")
    return compare(fourier.convolve(image, weights), keras.ops.convert_to_numpy(theirs)[0, ..., 0])


def folded(image: np.ndarray, stride: int) -> Check:
    """``fourier.fold`` beside the spectrum that Keras finds of the pixels that are kept.

    Args:
        image: (H, W), whole multiples of the stride.
        stride: pixels.

    Returns:
        The largest difference.

    Raises:
        ConvvizError: as ``fourier.fold``.
    """
    kept = np.asarray(image, np.float64)[::stride, ::stride]
    real, imaginary = keras.ops.fft2((kept, np.zeros_like(kept)))
    magnitude = np.hypot(keras.ops.convert_to_numpy(real), keras.ops.convert_to_numpy(imaginary))
    return compare(fourier.fold(image, stride), np.fft.fftshift(np.log1p(magnitude)))


def figures(picture: np.ndarray) -> Check:
    """``histograms.summary`` and ``histograms.histogram`` beside Keras' own counts, means and deviations.

    Args:
        picture: uint8 (H, W, 3).

    Returns:
        The largest difference.
    """
    channels = np.moveaxis(np.asarray(picture, np.float64), -1, 0).reshape(3, -1)
    found = [getattr(keras.ops, name)(channels, axis=1) for name in ("min", "max", "mean", "std")]
    counts = [keras.ops.bincount(channel.astype(np.int32), minlength=256) for channel in channels]
    ours = [(one.minimum, one.maximum, one.mean, one.deviation) for one in histograms.summary(picture)]
    return _worst(
        [
            compare(np.array(ours).T, np.stack([keras.ops.convert_to_numpy(one) for one in found])),
            compare(histograms.histogram(picture), np.stack([keras.ops.convert_to_numpy(one) for one in counts])),
        ]
    )


def transpose(image: np.ndarray, weights: np.ndarray, *, stride: Any = 1, padding: str = "valid") -> Check:
    """``convolution.transpose`` beside ``keras.ops.conv_transpose``.

    Args:
        image: as for ``convolution.transpose``.
        weights: as for ``convolution.transpose``.
        stride: as for ``convolution.transpose``.
        padding: as for ``convolution.transpose``.

    Returns:
        The largest difference.

    Raises:
        ConvvizError: as ``convolution.transpose``.
    """
    ours = convolution.transpose(image, weights, stride=stride, padding=padding)
    weights = np.asarray(weights, np.float32)
    order = weights.swapaxes(2, 3) if weights.ndim == 4 else weights  # a layer's: what comes out before what goes in
    batch, layer, back = _as_layer(np.asarray(image, np.float32), order)
    theirs = keras.ops.conv_transpose(batch, layer.swapaxes(2, 3), _pair(stride), padding=padding)
    return compare(ours, back(keras.ops.convert_to_numpy(theirs)))


def kind(chosen: str, image: np.ndarray, *weights: np.ndarray, groups: int = 1) -> Check:
    """A grouped, depthwise, pointwise or separable convolution of ours beside Keras' own layer, "same" padding.

    Args:
        chosen: one of those four.
        image: (H, W, C).
        weights: as the function of that name takes them: (kh, kw, C / groups, F); (kh, kw, C); (C, F); (kh, kw, C)
            and (C, F).
        groups: for "grouped".

    Returns:
        The largest difference.

    Raises:
        ConvvizError: as that function.
    """
    ours = {
        "grouped": lambda: kinds.grouped(image, *weights, groups=groups, padding="same"),
        "depthwise": lambda: convolution.depthwise(image, *weights, padding="same"),
        "pointwise": lambda: convolution.pointwise(image, *weights),
        "separable": lambda: kinds.separable(image, *weights, padding="same"),
    }[chosen]()
    layers, size, bare = keras.layers, weights[0].shape[:2], {"padding": "same", "use_bias": False}
    layer, own = {
        "grouped": lambda: (layers.Conv2D(ours.shape[2], size, groups=groups, **bare), list(weights)),
        "depthwise": lambda: (layers.DepthwiseConv2D(size, **bare), [weights[0][..., None]]),
        "pointwise": lambda: (layers.Conv2D(ours.shape[2], 1, **bare), [weights[0][None, None]]),
        "separable": lambda: (
            layers.SeparableConv2D(ours.shape[2], size, **bare),
            [weights[0][..., None], weights[1][None, None]],
        ),
    }[chosen]()
    batch = np.asarray(image, np.float32)[None]
    layer.build(batch.shape)
    layer.set_weights(own)
    return compare(ours, keras.ops.convert_to_numpy(layer(batch))[0])


def receptive_fields(text: str, side: int) -> Check:
    """The windows of ``stacks.fields`` beside the pixels that Keras' gradient reaches.

    Args:
        text: the stack, for ``stacks.parse``.
        side: of the square picture, pixels.

    Returns:
        The largest difference, pixels, over the edges of every layer's middle window that lies inside the picture.

    Raises:
        ConvvizError: as ``effective.reached``.
    """
    return compare(*effective.reached(text, side))


def _pair(value: Any) -> tuple[int, int]:
    down, across = (value, value) if np.ndim(value) == 0 else value
    return int(down), int(across)


def _as_layer(image: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, Any]:
    """Picture and weights as Keras takes them, (N, H, W, C) and (kh, kw, C, F), and the way back from its answer."""
    if weights.ndim == 2:  # one kernel for every channel: the channels are a batch of grey pictures
        stack = image.reshape(*image.shape[:2], -1).transpose(2, 0, 1)[..., None]
        grey = image.ndim == 2
        return stack, weights[..., None, None], lambda out: out[0, ..., 0] if grey else out[..., 0].transpose(1, 2, 0)
    batch = image.reshape(1, *image.shape[:2], -1)
    if weights.ndim == 3:
        return batch, weights[..., None], lambda out: out[0, ..., 0]
    return batch, weights, lambda out: out[0]


def _written_out(
    image: np.ndarray, weights: np.ndarray, steps: tuple[int, int], padding: Any, apart: tuple[int, int]
) -> list[tuple[int, int]]:
    """Pixels of padding for every axis of a batch."""
    by_axis = (padding, padding) if isinstance(padding, str | int) else padding
    axes = zip(np.shape(image)[:2], weights.shape[:2], steps, by_axis, apart, strict=True)
    return [(0, 0), *(convolution.padding_amounts(*axis) for axis in axes), (0, 0)]


# --- networks -----------------------------------------------------------------------------------------------------


def feature_maps(network: Any, picture: np.ndarray, layers: Sequence[str]) -> Check:
    """``activations.feature_maps`` beside a plain call of the Keras model, not compiled, nothing folded.

    Args:
        network: as for ``activations.feature_maps``.
        picture: uint8 (H, W, 3).
        layers: paths of layers.

    Returns:
        The largest difference over all of them.

    Raises:
        ConvvizError: as ``activations.feature_maps``.
    """
    network = zoo.as_network(network)
    ours = activations.feature_maps(network, picture, layers)
    theirs = _plainly(network, lambda batch: _called(network, batch, set(layers))[1], picture)
    return _worst([compare(ours[name], theirs[name].numpy()[0]) for name in layers])


def grad_cam(network: Any, picture: np.ndarray, target: int, *, layer: str, signed: bool = False) -> Check:
    """The heat map of ``attribution.grad_cam`` beside the lecture's steps with a plain gradient tape.

    Args:
        network: as for ``attribution.grad_cam``.
        picture: uint8 (H, W, 3).
        target: class index.
        layer: path of a layer with feature maps.
        signed: as for ``attribution.grad_cam``.

    Returns:
        The largest difference of the two heat maps, whose largest magnitude is 1.

    Raises:
        ConvvizError: as ``attribution.grad_cam``.
    """
    network = zoo.as_network(network)
    ours = attribution.grad_cam(network, picture, target=target, layer=layer, signed=signed)

    def differentiated(batch: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            logits, outputs = _called(network, batch, {layer}, tape)
            width = int(logits.shape[-1])
            chosen = logits[0, target] if width > 1 else logits[0, 0] * (2 * target - 1)
        return outputs[layer], tape.gradient(chosen, outputs[layer])

    maps, slope = (one.numpy()[0] for one in _plainly(network, differentiated, picture))
    raw = maps @ slope.mean(axis=(0, 1))
    raw = raw if signed else np.maximum(raw, 0)
    large = images.resize(raw, ours.heatmap.shape)
    limit = np.abs(large).max()
    return compare(ours.heatmap, large / limit if limit > 0 else large)


def knock_out(network: Any, picture: np.ndarray, edits: Sequence[Any], *, view: str, channel: int) -> Check:
    """``surgery.operate`` beside a plain call of the Keras model whose numbers NumPy edits one after the other.

    Args:
        network: as for ``surgery.operate``.
        picture: uint8 (H, W, 3).
        edits: of ``surgery.Edit``, in order.
        view: path of the looked-at layer.
        channel: of it.

    Returns:
        The largest difference over the answers and the channel's map, before and after.

    Raises:
        ConvvizError: as ``surgery.operate``.
    """
    network = zoo.as_network(network)
    ours = surgery.operate(network, picture, edits, view=view, channel=channel)
    checks = []
    for place, (made, chances, shown) in enumerate(
        (([], ours.before, ours.map_before), (edits, ours.after, ours.map_after))
    ):
        work = partial(_edited, network, made, view)
        answer, maps = (one.numpy()[0] for one in _plainly(network, work, picture))
        answer = answer.reshape(-1)
        checks.append(compare(shown, np.atleast_1d(maps[..., channel])))
        if chances.size:  # a network gives one of the two: probabilities, or the numbers that become them
            closed = [1 - answer[0], answer[0]] if answer.size == 1 else answer
            given = [compare(chances, closed), compare(ours.logits[place], answer)]
            checks.append(min(given, key=lambda one: one.difference))
    return _worst(checks)


def _edited(network: Any, edits: Sequence[Any], view: str, batch: Any) -> tuple[Any, Any]:
    """The answer and the maps of a layer of the model called plainly, with its numbers edited by NumPy on the way."""
    leaves, found = tracing.leaves(network.model), {}
    changed: dict[int, tuple[Any, np.ndarray]] = {}
    for edit in edits:
        if edit.of_a_weight:
            variable = surgery.edits.variable_of(leaves[edit.layer], edit.layer, bias=edit.bias)
            numbers = changed.setdefault(id(variable), (variable, _numbers(variable)))[1]
            index = surgery.edits.index_of(leaves[edit.layer], edit.place)
            numbers[index] = surgery.edits.changed(edit, float(numbers[index]))

    def change(path: str, _: Any, output: Any) -> Any:
        own = [edit for edit in edits if edit.layer == path and not edit.of_a_weight]
        if own:
            written = tf.numpy_function(partial(_written, own), [output], output.dtype)
            written.set_shape(output.shape)
            output = written
        if path == view:
            found[path] = tf.cast(output, tf.float32)
        return output if own else None

    pairs = changed.values()
    mapping = [(variable, keras.ops.convert_to_tensor(numbers, variable.dtype)) for variable, numbers in pairs]
    with tracing.listening(network.model, change), keras.StatelessScope(state_mapping=mapping):
        return tf.cast(network.raw_answer(batch), tf.float32), found[view]


def _written(edits: Sequence[Any], maps: np.ndarray) -> np.ndarray:
    """A layer's output with edits of its channels done one after the other."""
    maps = np.array(maps)
    for edit in edits:
        place = edit.place[0]
        if edit.what == "scale":
            maps[..., place] *= edit.value
        else:
            maps[..., place] = maps[..., int(edit.value)] if edit.what == "copy" else edit.value or 0
    return maps


def _numbers(variable: Any) -> np.ndarray:
    """A copy of a variable, float32, also while a graph is made."""
    with tf.init_scope():
        return np.array(keras.ops.convert_to_numpy(variable), np.float32)


def _called(network: Any, batch: Any, wanted: set[str], tape: Any = None) -> tuple[Any, dict[str, Any]]:
    """The model called plainly: its logits, and the outputs of some layers on the way, which a tape watches."""
    found: dict[str, Any] = {}
    called: list[tuple[str, Any, Any]] = []

    def keep(path: str, inputs: Any, output: Any) -> None:
        called.append((path, inputs, output))
        if path in wanted:
            found[path] = output
            if tape is not None:
                tape.watch(output)

    with tracing.listening(network.model, keep):
        answer = network.raw_answer(batch)
        of_answer = next((one for one in reversed(called) if one[2] is answer), called[-1])  # of several outputs
        logits = answer if tape is None else _before_closing(network, answer, *of_answer[:2])
    return logits, found


def _plainly(network: Any, work: Callable[[Any], Any], picture: np.ndarray) -> Any:
    """What a function of a batch gives, layer by layer as Keras calls them.

    Only a network that works channels first is put into a graph, without which no CPU can compute it.
    """
    batch = tf.constant(network.prepare(picture))
    run = work
    if tracing.works_channels_first(network.model):
        run = tf.function(work, autograph=False, jit_compile=tracing.needs_xla(network.model))
    with network.lock:
        return run(batch)


def _before_closing(network: Any, answer: Any, path: str, inputs: Any) -> Any:
    """What enters the softmax or sigmoid at the end, from the last layer that was called."""
    layer = tracing.leaves(network.model)[path]
    closing = getattr(getattr(layer, "activation", None), "__name__", "linear")
    if isinstance(layer, keras.layers.Dense) and closing in ("softmax", "sigmoid"):
        return keras.ops.matmul(inputs, layer.kernel) + (layer.bias if layer.use_bias else 0)
    if isinstance(layer, keras.layers.Softmax) or (not layer.weights and closing in ("softmax", "sigmoid")):
        return inputs
    if network.card.output == "logits" and answer.shape.rank == 2:
        return answer
    raise ConvvizError(
        f"this network ends in {type(layer).__name__} {path}, and what enters its softmax cannot be told from outside; "
        "choose a network that ends in a dense layer"
    )


def _worst(checks: list[Check]) -> Check:
    if not checks:
        raise ConvvizError("there is nothing to check; choose at least one layer")
    worst = max(checks, key=lambda one: one.difference)
    return Check(worst.difference, worst.largest, sum(one.numbers for one in checks))
