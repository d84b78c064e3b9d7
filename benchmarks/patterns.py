"""Gradient ascent on VGG16's block3_conv1, sixteen filters at 128 x 128, CPU time: against the textbook's loop.

The weights are random, with a seed; what the filters reach is told beside the time: the mean activation at the end, and
once more at equal contrast, since a longer way makes any activation larger.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks import Row
from convviz import patterns, zoo

LAYER = "block3_conv1"
FILTERS = tuple(range(16))
SIZE = 128
PREVIEW = 5  # steps of the fast recipe on its tile
PEERS = 2  # filters for the peer, which is slow


def rows() -> Iterator[Row]:
    keras.utils.set_random_seed(0)
    model = keras.applications.VGG16(weights=None, include_top=False)
    network = zoo.wrap(model, prepare=lambda batch: batch, input_range=(0, 255), input_shape=(SIZE, SIZE, 3))
    inside = keras.Model(model.input, model.get_layer(LAYER).output)
    for recipe in patterns.RECIPES:
        list(patterns.ascend(network, LAYER, [0, 1], recipe=recipe, steps=3))  # traced, as when a page is in use
    start = next(patterns.ascend(network, LAYER, FILTERS, recipe="lecture", size=SIZE)).values
    theirs, found = _timed(lambda: np.concatenate([_textbook(inside, start[n : n + 1], n) for n in FILTERS]))
    book = _heights(inside, found)
    yield from _ours(network, inside, theirs, book)
    if importlib.util.find_spec("tf_keras_vis"):
        yield _peer(network, inside, model)


def _ours(network: Any, inside: Any, theirs: float, book: tuple[np.ndarray, np.ndarray]) -> Iterator[Row]:
    """Preview, end and the lecture's recipe, each with the share of the textbook's activation that it reaches."""
    began, preview = time.process_time(), None
    for record in patterns.ascend(network, LAYER, FILTERS, size=SIZE):
        if record.step == PREVIEW:
            preview = time.process_time() - began, record.values
    fast = time.process_time() - began, record.values
    lecture = _timed(lambda: list(patterns.ascend(network, LAYER, FILTERS, recipe="lecture", size=SIZE))[-1].values)
    for name, (seconds, values), reach in (
        ("preview", preview, 1 / 12),
        ("fast", fast, 1 / 4),
        ("lecture", lecture, None),
    ):
        shares = [mine.mean() / other.mean() for mine, other in zip(_heights(inside, values), book, strict=True)]
        work = f"{name}: {shares[0]:.0%} of the activation, {shares[1]:.0%} at equal contrast"
        yield Row(work, "the textbook's loop, CPU time", seconds, theirs, seconds / theirs, reach)


def _timed(way: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of one run, and its result."""
    began = time.process_time()
    result = way()
    return time.process_time() - began, result


def _heights(inside: Any, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean activation of each filter on its own picture, as it is and with its contrast set to a tenth."""
    spread = values.std(axis=(1, 2, 3), keepdims=True)
    equal = (values - values.mean(axis=(1, 2, 3), keepdims=True)) / spread * 25.5 + 128
    return tuple(
        np.array([inside(one[None])[0, ..., index].numpy().mean() for one, index in zip(some, FILTERS, strict=True)])
        for some in (values, equal)
    )


def _textbook(inside: Any, start: np.ndarray, index: int) -> np.ndarray:
    """Deep Learning with Python, 2nd edition: a tf.function that is traced for each filter, with the 1st's step."""

    @tf.function
    def step(image: tf.Tensor, filter_index: int) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(image)
            loss = tf.reduce_mean(inside(image)[:, :, :, filter_index])
        grads = tape.gradient(loss, image)
        return image + grads / (tf.sqrt(tf.reduce_mean(tf.square(grads))) + 1e-12)

    image = tf.constant(start)
    for _ in range(patterns.LECTURE_STEPS):
        image = step(image, index)
    return image.numpy()


def _peer(network: Any, inside: Any, model: Any) -> Row:
    """CPU time for the same activation: the lower one of both ends, reached by each on its way."""
    begun, ours = time.process_time(), []
    for record in patterns.ascend(network, LAYER, FILTERS, size=SIZE):
        ours.append((time.process_time() - begun, record.values[:PEERS]))
    ways = [[(seconds, _height(inside, values)) for seconds, values in way] for way in (ours, _tf_keras_vis(model))]
    level = min(way[-1][1] for way in ways)
    mine, theirs = (next(seconds for seconds, height in way if height >= level) for way in ways)
    theirs *= len(FILTERS) / PEERS
    work = f"16 filters up to a mean activation of {level:.1f}"
    return Row(work, "tf-keras-vis, as it comes, CPU time", mine, theirs, mine / theirs, 0.1)


def _height(inside: Any, values: np.ndarray) -> float:
    """Mean activation of the first filters, each on its own picture, as it can be shown."""
    shown = np.clip(values, 0, 255)
    return float(np.mean([inside(one[None])[0, ..., index].numpy().mean() for index, one in enumerate(shown)]))


def _tf_keras_vis(model: Any) -> list[tuple[float, np.ndarray]]:
    """Its defaults: CPU seconds and pictures of the first filters, every ten steps."""
    from tf_keras_vis.activation_maximization import ActivationMaximization
    from tf_keras_vis.activation_maximization.callbacks import Callback
    from tf_keras_vis.utils.model_modifiers import ExtractIntermediateLayer, ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    class Watch(Callback):
        def __init__(self) -> None:
            self.begun, self.way = time.process_time(), []

        def __call__(self, i: int, values: Any, *args: Any, **others: Any) -> None:
            if (i + 1) % 10 == 0:
                self.way.append((time.process_time() - self.begun, np.asarray(values)[0, 0]))

    maximize = ActivationMaximization(model, [ExtractIntermediateLayer(LAYER), ReplaceToLinear()], clone=True)
    ways = []
    for index in range(PEERS):
        seed, watch = tf.random.uniform((1, SIZE, SIZE, 3), 128, 148), Watch()
        maximize(CategoricalScore([index]), seed_input=seed, callbacks=[watch])
        ways.append(watch.way)
    return [(sum(one for one, _ in at), np.stack([one for _, one in at])) for at in zip(*ways, strict=True)]
