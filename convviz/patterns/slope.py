"""How much a filter answers to a canvas, and which way is up. Only the layers up to the filter's are computed."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from convviz import ConvvizError, lazy, tracing
from convviz.patterns import canvas

tf = lazy.load("tensorflow")

_PIXELS_AT_ONCE = 4 * 128 * 128  # more filters at a time cost memory and bring no speed


class Slope:
    """The mean activation of filters of one layer and its gradient with respect to the canvas.

    Args:
        network: ``zoo.Network``.
        layer: path of the layer.
        before: look at the numbers before the layer's own ReLU, which has a slope where the ReLU is dead.

    Attributes:
        size: (height, width) that canvases must have, or None if any will do.
    """

    def __init__(self, network: Any, layer: str, *, before: bool = False) -> None:
        self.size: tuple[int, int] | None = None
        self._network, self._layer, self._before = network, layer, before
        canvas.colours(network)  # found before anything is traced
        if network.card.layer(layer).has_maps:
            try:
                self._traced(_slope)
                return
            except (ValueError, TypeError):  # a layer on the way there needs to know the size
                pass
        self.size = network.card.input_shape[:2]

    def _traced(self, body: Any) -> Any:
        """One of the functions below, for canvases of known or unknown height and width."""
        sides = self.size or (None, None)
        pixels = tf.TensorSpec((None, *sides, self._network.card.input_shape[-1]), tf.float32)
        filters, shift = tf.TensorSpec((None,), tf.int32), tf.TensorSpec((2,), tf.int32)
        return tracing.traced(
            self._network,
            ("patterns", body.__name__, self._layer, self._before, sides),
            partial(body, self._network, self._layer, self._before),
            pixels,
            filters,
            *([shift] if body is _slope else []),
        )

    def at(self, pixels: np.ndarray, filters: np.ndarray, shift: tuple[int, int] = (0, 0)) -> tuple[np.ndarray, ...]:
        """Activations (N,) and gradients (N, H, W, C) at canvases (N, H, W, C), rolled by a shift for this look."""
        function, rolled = self._traced(_slope), tf.constant(shift, tf.int32)
        return self._in_parts(lambda *part: function(*part, rolled), pixels, filters)

    def height(self, pixels: np.ndarray, filters: np.ndarray) -> np.ndarray:
        """Activations (N,) at canvases (N, H, W, C)."""
        function = self._traced(_activations)
        return self._in_parts(lambda *part: (function(*part),), pixels, filters)[0]

    def heights(self, pixels: np.ndarray) -> np.ndarray:
        """Activations of all filters at canvases (N, H, W, C): float32 (N, F)."""
        function = self._traced(_means)
        return self._in_parts(lambda *part: (function(*part),), pixels, np.zeros(len(pixels), np.int32))[0]

    def _in_parts(self, function: Any, pixels: np.ndarray, filters: np.ndarray) -> tuple[np.ndarray, ...]:
        """Call a traced function with few canvases at a time and join what it returns."""
        count = max(1, _PIXELS_AT_ONCE // (pixels.shape[1] * pixels.shape[2]))
        try:
            found = [
                [
                    one.numpy()
                    for one in function(tf.constant(pixels[i : i + count]), tf.constant(filters[i : i + count]))
                ]
                for i in range(0, len(pixels), count)
            ]
        except tf.errors.InvalidArgumentError as error:
            size, own = (
                " × ".join(map(str, sides)) for sides in (pixels.shape[1:3], self._network.card.input_shape[:2])
            )
            raise ConvvizError(
                f"a canvas of {size} pixels does not pass through the network up to {self._layer}; take a larger one, "
                f"or the network's own {own}"
            ) from error
        return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))


def _activations(network: Any, layer: str, before: bool, pixels: Any, filters: Any) -> Any:
    """Mean activation of each canvas's own filter, (N,). Traced."""
    means = _means(network, layer, before, pixels)
    return tf.reduce_sum(means * tf.one_hot(filters, means.shape[-1]), axis=-1)


def _means(network: Any, layer: str, before: bool, pixels: Any, filters: Any = None) -> Any:
    """Mean activation of every filter on every canvas, (N, F). Traced."""
    values = canvas.values(network, pixels)
    output = tracing.until(network.model, layer, lambda: network.raw_answer(values))
    if output.shape.rank == 2:  # classes are climbed by what enters the softmax, as everywhere
        output = tracing.before_activation(output)[0]
    if before:
        output = tracing.before_rectifier(output)
    output = tf.cast(output, tf.float32)
    return tf.reduce_mean(output, axis=list(range(1, output.shape.rank - 1))) if output.shape.rank > 2 else output


def _slope(network: Any, layer: str, before: bool, pixels: Any, filters: Any, shift: Any) -> tuple[Any, Any]:
    """Activations and their gradients with respect to the pixels. Traced."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(pixels)
        activations = _activations(network, layer, before, tf.roll(pixels, shift, (1, 2)), filters)
    gradients = tape.gradient(activations, pixels)
    return activations, tf.zeros_like(pixels) if gradients is None else gradients
