"""How much a network answers to a canvas, and which way is up. Only the layers up to the climbed one are computed."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np

from convviz import ConvvizError, lazy, tracing, zoo
from convviz.patterns import canvas
from convviz.patterns.goals import Goal
from convviz.patterns.torus import torus

tf = lazy.load("tensorflow")

_OTHER = 32  # pixels that a canvas is larger by to see whether any size passes
_PIXELS_AT_ONCE = 4 * 128 * 128  # more canvases at a time cost memory and bring no speed


class Slope:
    """The heights of canvases, each for a goal of its own, and their gradients with respect to the canvas.

    Args:
        network: ``zoo.Network``.
        layer: path of the layer; None for the network's classes before their softmax or sigmoid.
        goal: what is climbed.
        before: look at the numbers before the layer's own ReLU, which has a slope where the ReLU is dead.
        rounded: canvases have no edges; see ``torus``.

    Attributes:
        size: (height, width) that canvases must have, or None if any will do.

    Raises:
        ConvvizError: without edges it cannot be computed.
    """

    def __init__(
        self, network: Any, layer: str | None, goal: Goal, *, before: bool = False, rounded: bool = False
    ) -> None:
        self.size: tuple[int, int] | None = None
        self._network, self._layer, self._goal = network, layer, goal
        self._before, self._rounded = before or goal.before, rounded
        canvas.colours(network)  # found before anything is traced
        if layer is not None and network.card.layer(layer).has_maps:
            try:
                self._traced(_slope)
                if rounded or self._takes_any():
                    return
            except (ValueError, TypeError) as error:  # a layer on the way there needs to know the size
                if rounded:
                    raise ConvvizError(f"{layer} cannot be climbed without edges; climb it with them") from error
        self.size = network.card.input_shape[:2]

    def _takes_any(self) -> bool:
        """Whether canvases of another size than the network's own pass, which a reshape on the way may forbid; once."""
        network, key = self._network, ("any canvas", self._layer)
        kinds = {entry.kind for entry in network.card.layers}
        if key not in network.compiled:
            network.compiled[key] = True
            if "Reshape" in kinds or any(len(shape) == 3 for _, shape in zoo.inputs(network.model)):
                height, width, channels = network.card.input_shape
                try:
                    self._traced(_means)(tf.zeros((1, height + _OTHER, width + _OTHER, channels)))
                except (tf.errors.InvalidArgumentError, ValueError):
                    network.compiled[key] = False
        return network.compiled[key]

    def _traced(self, body: Any) -> Any:
        """One of the functions below, for canvases of known or unknown height and width."""
        sides = self.size or (None, None)
        pixels = tf.TensorSpec((None, *sides, self._network.card.input_shape[-1]), tf.float32)
        rows = tf.TensorSpec((None, self._goal.weights.shape[1]), tf.float32)
        pair = tf.TensorSpec((2,), tf.int32)
        signature = {_means: [], _heights: [rows, pair], _slope: [rows, pair], _likeness: [_square()]}[body]
        what = (self._layer, self._before, self._rounded, self._goal.reading)
        return tracing.traced(
            self._network,
            ("patterns", body.__name__, *what, sides),
            partial(body, partial(_read, self._network, *what)),
            pixels,
            *signature,
        )

    def at(self, pixels: np.ndarray, which: Any = slice(None)) -> list[np.ndarray]:
        """Heights (N,) and gradients (N, H, W, C) at canvases (N, H, W, C)."""
        return self._in_parts(_slope, pixels, self._goal.weights[which], tf.constant(self._goal.place, tf.int32))

    def height(self, pixels: np.ndarray) -> np.ndarray:
        """Heights (N,) at canvases (N, H, W, C)."""
        return self._in_parts(_heights, pixels, self._goal.weights, tf.constant(self._goal.place, tf.int32))[0]

    def means(self, pixels: np.ndarray) -> np.ndarray:
        """What all channels give at canvases (N, H, W, C): float32 (N, F)."""
        return self._in_parts(_means, pixels)[0]

    def likeness(self, pixels: np.ndarray) -> np.ndarray:
        """How the likeness of each canvas to the others of its filter rises: float32 (N, H, W, C)."""
        function = self._traced(_likeness)
        return self._asked(lambda: function(tf.constant(pixels), tf.constant(self._goal.same)).numpy(), pixels)

    def _in_parts(self, body: Any, pixels: np.ndarray, rows: np.ndarray | None = None, *fixed: Any) -> list[np.ndarray]:
        """Call a traced function with few canvases at a time and join what it returns."""
        function = self._traced(body)
        count = max(1, _PIXELS_AT_ONCE // (pixels.shape[1] * pixels.shape[2]))

        def part(begin: int) -> list[np.ndarray]:
            given = [tf.constant(one[begin : begin + count]) for one in (pixels, rows) if one is not None]
            return [one.numpy() for one in tf.nest.flatten(function(*given, *fixed))]

        found = self._asked(lambda: [part(begin) for begin in range(0, len(pixels), count)], pixels)
        return [np.concatenate(parts) for parts in zip(*found, strict=True)]

    def _asked(self, ask: Any, pixels: np.ndarray) -> Any:
        """What TensorFlow answers; that a canvas is too small is said in a sentence."""
        try:
            return ask()
        except tf.errors.InvalidArgumentError as error:
            size, own = (
                " × ".join(map(str, sides)) for sides in (pixels.shape[1:3], self._network.card.input_shape[:2])
            )
            unit = f", or to its cell {self._goal.place}" if self._goal.place[0] >= 0 else ""
            raise ConvvizError(
                f"a canvas of {size} pixels does not pass through the network up to {self._layer}{unit}; take a larger "
                f"one, or the network's own {own}"
            ) from error


def _square() -> Any:
    """The signature of a matrix that tells which canvases belong together."""
    return tf.TensorSpec((None, None), tf.float32)


def _output(network: Any, layer: str | None, before: bool, rounded: bool, pixels: Any) -> Any:
    """What the layer gives, (N, h, w, F) or (N, F). Traced."""
    values = canvas.values(network, pixels)
    if layer is None:
        return tf.cast(network.answer(values), tf.float32)
    with torus(list(tracing.leaves(network.model).values())) if rounded else nullcontext():
        output = tracing.until(network.model, layer, lambda: network.raw_answer(values))
    if output.shape.rank == 2:  # classes are climbed by what enters the softmax, as everywhere
        output = tracing.before_activation(output)[0]
    return tf.cast(tracing.before_rectifier(output) if before else output, tf.float32)


def _read(
    network: Any, layer: str | None, before: bool, rounded: bool, reading: str, pixels: Any, place: Any = None
) -> Any:
    """What each channel gives on each canvas, (N, F); without a reading, the maps as they are. Traced."""
    output = _output(network, layer, before, rounded, pixels)
    if place is None or output.shape.rank == 2:
        return tf.square(output) if reading == "squares" else output
    if reading == "unit":
        cells = tf.shape(output)[1:3]
        row, column = tf.unstack(tf.where(place < 0, cells // 2, place))
        return output[:, row, column]
    return tf.reduce_mean(tf.square(output) if reading == "squares" else output, axis=(1, 2))


def _means(read: Any, pixels: Any) -> Any:
    """What every channel gives on every canvas, (N, F). Traced."""
    return read(pixels, tf.constant((-1, -1)))


def _heights(read: Any, pixels: Any, weights: Any, place: Any) -> Any:
    """How high each canvas is, (N,). Traced."""
    return tf.reduce_sum(read(pixels, place) * weights, axis=-1)


def _slope(read: Any, pixels: Any, weights: Any, place: Any) -> tuple[Any, Any]:
    """Heights and their gradients with respect to the pixels. Traced."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(pixels)
        heights = _heights(read, pixels, weights, place)
    gradients = tape.gradient(heights, pixels)
    return heights, tf.zeros_like(pixels) if gradients is None else gradients


def _likeness(read: Any, pixels: Any, same: Any) -> Any:
    """The gradient of the likeness between canvases: the cosine between the Gram matrices of their maps. Traced."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(pixels)
        maps = read(pixels)
        flat = tf.reshape(maps, (tf.shape(maps)[0], -1, maps.shape[-1]))
        gram = tf.matmul(flat, flat, transpose_a=True)
        gram = tf.math.l2_normalize(tf.reshape(gram, (tf.shape(maps)[0], -1)), axis=-1)
        alike = tf.reduce_sum(tf.matmul(gram, gram, transpose_b=True) * same)
    return tape.gradient(alike, pixels)
