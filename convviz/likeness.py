"""Which learned channel is most like a kernel made by hand: asked the same, and compared weight by weight."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from convviz import ConvvizError, activations, images, lazy, stimuli, tracing, tuning, zoo
from convviz.patterns import canvas

tf = lazy.load("tensorflow")

_BATCH = 32  # stimuli at once


@dataclass(frozen=True, eq=False)
class Answers:
    """What every channel of a layer answers to a sweep of stimuli.

    Attributes:
        values: float64 (S,), the property that was changed.
        responses: float32 (S, C), a channel's answer to each.
    """

    values: np.ndarray
    responses: np.ndarray


def answers(network: Any, layer: str, sweep: stimuli.Sweep, *, measure: str = "root mean square") -> Answers:
    """Show a layer a sweep of stimuli, at the size that they have, pixel for pixel.

    What a channel answers is read from the middle half of its map, which the padding at the edges hardly reaches.

    Args:
        network: ``zoo.Network`` or a Keras model.
        layer: path of a layer with feature maps.
        sweep: of ``stimuli.sweep``; several views of one value count by their root mean square, as in `tuning.curve`.
        measure: one of ``tuning.MEASURES``.

    Returns:
        The answers.

    Raises:
        ConvvizError: there is no such layer or measure, or the stimuli are too small to reach the layer.
    """
    network = zoo.as_network(network)
    if layer not in {entry.name for entry in network.card.map_layers()}:
        raise ConvvizError(f"{network.card.title} has no layer {layer[:80]!r} with feature maps; choose another")
    if measure not in tuning.MEASURES:
        raise ConvvizError(f"a response cannot be measured by {measure[:40]!r}")
    channels = network.card.input_shape[-1]
    shown = sweep.pictures.astype(np.float32)
    if channels in (1, 4):
        shown = np.stack([images.with_channels(one, channels) for one in shown])
    elif channels != 3:
        shown = shown[..., np.arange(channels) % 3]
    canvas.colours(network)  # found before the trace, which holds the lock
    try:
        function = tracing.traced(
            network, ("likeness", layer, measure), partial(_answers, network, layer, measure),
            tf.TensorSpec((None, None, None, channels), tf.float32),
        )  # fmt: skip
        parts = [function(tf.constant(shown[n : n + _BATCH])).numpy() for n in range(0, len(shown), _BATCH)]
    except (tf.errors.InvalidArgumentError, ValueError) as failure:
        side, (height, width, _) = sweep.pictures.shape[1], network.card.input_shape
        way = "take larger ones"
        if "Size" not in network.card.about:
            way = f"it takes pictures of {height} × {width} alone, so choose "
            way += f"stimuli of {height} pixels" if height == width else "another network"
        raise ConvvizError(
            f"stimuli of {side} pixels do not pass through the network up to {layer[:80]}; {way}"
        ) from failure
    views = np.nan_to_num(np.concatenate(parts)).reshape(len(sweep.values), sweep.views, -1)
    return Answers(sweep.values, np.sign(views.mean(axis=1)) * np.sqrt((views**2).mean(axis=1)))


def _answers(network: Any, layer: str, measure: str, pixels: Any) -> Any:
    """A number for each picture and channel, (N, C). Traced."""
    values = canvas.values(network, pixels)
    maps = tf.cast(tracing.until(network.model, layer, lambda: network.raw_answer(values)), tf.float32)
    height, width = tf.shape(maps)[1], tf.shape(maps)[2]
    middle = maps[:, height // 4 : height - height // 4, width // 4 : width - width // 4]
    if measure == "largest":
        return tf.reduce_max(middle, axis=(1, 2))
    if measure == "mean of positive":
        return tf.reduce_mean(tf.nn.relu(middle), axis=(1, 2))
    return tf.sqrt(tf.reduce_mean(tf.square(middle), axis=(1, 2)))


def ranked(mine: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Channels by the likeness of their tuning curves to one curve.

    Args:
        mine: (S,), answers to the stimuli.
        theirs: (S, C), a channel's in each column.

    Returns:
        (order (C,), the likest first, likeness float64 (C,) by channel): Pearson's correlation, -1 to 1; NaN, and
        last, for a channel that answers to all stimuli alike, and for all where `mine` does.

    Example:
        >>> order, likeness = ranked(np.array([1.0, 2, 3]), np.array([[3.0, 1], [2, 5], [1, 9]]))
        >>> order.tolist(), likeness.round(2).tolist()
        ([1, 0], [-1.0, 1.0])
    """
    mine, theirs = np.asarray(mine, np.float64), np.asarray(theirs, np.float64)
    a, b = mine - mine.mean(), theirs - theirs.mean(axis=0)
    size = np.sqrt((a**2).sum()) * np.sqrt((b**2).sum(axis=0))
    level = 1e-6 * np.abs(mine).max(initial=0.0) * np.abs(theirs).max(axis=0, initial=0.0)
    likeness = np.divide(a @ b, size, out=np.full(theirs.shape[1], np.nan), where=size > level)
    return np.argsort(-np.nan_to_num(likeness, nan=-2.0), kind="stable"), likeness


def kernel_cosines(network: Any, kernel: np.ndarray) -> tuple[str, np.ndarray]:
    """How alike a kernel and each filter of a network's first convolution are, weight by weight.

    Args:
        network: ``zoo.Network`` or a Keras model.
        kernel: (kh, kw).

    Returns:
        (path of the layer, float64 (F,)): the cosine of the angle between both as vectors, -1 to 1, at the shift where
        it is largest; the filter's kernels for red, green and blue are added up, as a grey picture sees them.

    Raises:
        ConvvizError: no layer is a convolution over rows and columns.
    """
    path, filters = activations.first_kernels(network)
    kernel = np.asarray(kernel, np.float64)
    height, width = (filters.shape[axis] + 2 * (kernel.shape[axis] - 1) for axis in (0, 1))
    room = np.zeros((height, width, filters.shape[2]))
    top, left = kernel.shape[0] - 1, kernel.shape[1] - 1
    room[top : top + filters.shape[0], left : left + filters.shape[1]] = filters
    windows = np.lib.stride_tricks.sliding_window_view(room, kernel.shape, axis=(0, 1))
    products = np.einsum("rcfij,ij->rcf", windows, kernel)
    size = np.sqrt((filters.astype(np.float64) ** 2).sum(axis=(0, 1)) * (kernel**2).sum())
    best = products.max(axis=(0, 1))
    return path, np.divide(best, size, out=np.zeros_like(best), where=size > 0)
