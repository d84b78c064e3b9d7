"""Any Keras model with what is needed to look into it: how a picture enters it and what its answers mean."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from convviz import ConvvizError, images, lazy, tracing
from convviz.zoo.cards import Card

keras = lazy.load("keras")
tf = lazy.load("tensorflow")

FREE_SIDE = 224  # side, in pixels, that pictures are brought to when a network takes any size
COLOURS = (1, 3, 4)  # channels that a picture can have: grey, RGB, RGB and alpha
COLOUR_ORDERS = ("rgb", "bgr")


class Network:
    """A Keras model, its card, and how a picture becomes its input.

    Attributes:
        model: the ``keras.Model``.
        card: what is known of it, a plain record.
        output: which of several outputs is looked at (index or name), or None for the only one.
        entered: which of several inputs takes the picture, its place among them.
        lock: held while the model is traced, since tracing listens on its layers.
        compiled: traced functions by what they compute; they live as long as the network.
    """

    def __init__(
        self,
        model: Any,
        card: Card,
        *,
        prepare: Callable | None = None,
        output: Any = None,
        enter: Callable[[Any], Any] | None = None,
        lock: Any = None,
        entered: int = 0,
    ) -> None:
        self.model = model
        self.card = card
        self.output = output
        self.entered = entered
        self.lock = lock or threading.RLock()
        self.compiled: dict[Any, Any] = {}
        self._prepare = prepare
        self._enter = enter or (lambda batch: batch)  # from a batch to the structure that the model takes

    def prepare(self, picture: np.ndarray) -> np.ndarray:
        """A picture as this network takes it.

        Args:
            picture: uint8 (H, W, 3), RGB; or a ready float batch (1, H, W, C), which is returned as it is.

        Returns:
            float32 (1, H, W, C): resized to the card's input shape, grey where it has one channel, in its order of
            colours and value range.
        """
        picture = np.asarray(picture)
        if picture.ndim == 4:
            return np.ascontiguousarray(picture, np.float32)
        height, width, channels = self.card.input_shape
        shown = images.with_channels(picture, channels if channels in COLOURS else 3)
        sized = images.resize(shown, (height, width)).astype(np.float32).reshape(height, width, -1)
        if self.card.colours == "bgr" and channels in (3, 4):
            sized[..., :3] = sized[..., 2::-1]
        if channels not in COLOURS:
            sized = sized[..., np.arange(channels) % 3]
        if self._prepare is not None:
            return np.asarray(self._prepare(sized[None]), np.float32)
        low, high = self.card.value_range
        return (sized * np.float32((high - low) / 255.0) + np.float32(low))[None]

    def predict(self, picture: np.ndarray) -> np.ndarray:
        """Probabilities of the classes.

        Args:
            picture: uint8 (H, W, 3), or a float batch (1, H, W, C).

        Returns:
            float32 (N,), one for each of ``card.class_names``; a single sigmoid p gives (1 - p, p).
        """
        if not self.card.class_names:
            raise ConvvizError(f"{self.card.title} does not end in classes ({self.card.about.get('Output', '')})")
        batch = self.prepare(picture)
        logits = self._compiled_answer(batch.shape)(tf.constant(batch))
        return probabilities(logits.numpy()[0], self.card.output)

    def _compiled_answer(self, shape: tuple[int, ...]) -> Any:
        """The traced network for batches of one shape."""
        key = ("predict", shape)
        if key not in self.compiled:
            with self.lock:
                traced = tf.function(self.answer, jit_compile=tracing.needs_xla(self.model), autograph=False)
                self.compiled[key] = traced.get_concrete_function(tf.TensorSpec(shape, tf.float32))
        return self.compiled[key]

    def answer(self, batch: Any) -> Any:
        """The explained output before its softmax or sigmoid, (N, K); call it inside a traced function only."""
        logits = tracing.before_activation(self.raw_answer(batch))[0]
        scores = as_scores(logits)
        return logits if scores is None else scores

    def raw_answer(self, batch: Any) -> Any:
        """The explained output as the model gives it; call it inside a traced function only."""
        return chosen_output(self.all_answers(batch), self.output)

    def all_answers(self, batch: Any) -> Any:
        """Every output as the model gives them; call it inside a traced function only."""
        return self.model(self._enter(batch), training=False)


def chosen_output(outputs: Any, output: Any) -> Any:
    """One of a model's outputs: by name or index, the first if none is named."""
    if isinstance(outputs, dict):
        return outputs[output if output is not None else next(iter(outputs))]
    if isinstance(outputs, (list, tuple)):
        return outputs[output or 0]
    return outputs


def as_scores(tensor: Any) -> Any:
    """An output as one row of float32 scores for each picture, (N, K); None if it is maps or a sequence."""
    sides = tuple(tensor.shape[1:])
    if None in sides or any(side != 1 for side in sides[:-1]):
        return None
    return tf.reshape(tf.cast(tensor, tf.float32), (-1, sides[-1] if sides else 1))


def probabilities(logits: np.ndarray, output: str) -> np.ndarray:
    """Logits (K,) as probabilities (N,): softmax, or the two sides of a single sigmoid, or a sigmoid for each."""
    logits = logits.astype(np.float64)
    if output == "sigmoid":
        positive = 1.0 / (1.0 + np.exp(-logits))
        both = np.concatenate([1.0 - positive, positive]) if logits.shape[-1] == 1 else positive
        return both.astype(np.float32)
    powers = np.exp(logits - logits.max())
    return (powers / powers.sum()).astype(np.float32)
