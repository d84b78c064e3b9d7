"""The channel that matters most for a class: each one of a layer is muted in turn, and what that costs is ranked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from convviz import ConvvizError, lazy, zoo
from convviz.surgery.edits import Edit
from convviz.surgery.operating import Operation
from convviz.zoo.network import probabilities

tf = lazy.load("tensorflow")

_NUMBERS = 2**21  # of pictures in one batch, at most
_BATCH = 64


@dataclass(frozen=True)
class Ranking:
    """How far a search has come.

    Attributes:
        layer: path.
        target: index of the class.
        done: channels that were muted so far, from 0 on.
        total: channels of the layer.
        probability: of the class with all channels.
        drops: float32 (done,), by how much the class's logit falls when the channel is muted; negative where it rises.
        falls: float32 (done,), the same of its probability.
    """

    layer: str
    target: int
    done: int
    total: int
    probability: float
    drops: np.ndarray
    falls: np.ndarray

    def order(self) -> np.ndarray:
        """The channels done so far, the one whose loss costs the class most first."""
        return np.argsort(-np.nan_to_num(self.drops, nan=-np.inf), kind="stable")


def search(network: Any, picture: np.ndarray, layer: str, target: int) -> Iterator[Ranking]:
    """Mute each channel of a layer alone, and measure what it costs a class on one picture.

    Args:
        network: ``zoo.Network`` or a Keras model with classes; it is left as it was.
        picture: uint8 (H, W, 3), or a float batch (1, H, W, C).
        layer: path of a layer with channels.
        target: index of the class; 0 and 1 are the two sides of a single sigmoid.

    Yields:
        The ranking so far, after each batch.

    Raises:
        ConvvizError: there is no such layer or class.

    Source:
        Morcos et al. 2018, On the importance of single directions for generalization, arXiv:1803.06959: single units
        are ablated and what that costs is measured.
    """
    network = zoo.as_network(network)
    names = network.card.class_names
    if not names:
        raise ConvvizError(f"{network.card.title} does not end in classes, so no channel matters for one")
    if not 0 <= target < len(names):
        raise ConvvizError(f"{network.card.title} has {len(names)} classes, counted from 0, and no number {target}")
    operation = Operation(network, [Edit("mute", layer, (0,))])
    batch = network.prepare(picture)[:1]
    run = operation.call(batch.shape[1:])

    def whole(count: int) -> tuple[np.ndarray, np.ndarray]:
        pictures = tf.constant(np.repeat(batch, count, axis=0))
        return _of_class(run(pictures, *operation.tensors(edited=False))["logits"].numpy(), target, network.card)

    chance = float(whole(1)[1][0])
    total = network.card.layer(layer).output_shape[-1]
    together = max(1, min(_BATCH, total, _NUMBERS // prod(batch.shape)))
    drops, falls = np.zeros(0, np.float32), np.zeros(0, np.float32)
    unmuted = whole(together)
    for first in range(0, total, together):
        last = min(first + together, total)
        logits = run(tf.constant(np.repeat(batch, last - first, axis=0)), *operation.muting(layer, first, last))
        scores, chances = _of_class(logits["logits"].numpy(), target, network.card)
        if len(scores) != len(unmuted[0]):
            unmuted = whole(len(scores))
        # row by row: the last digits of a row change with its place and with the number of rows
        drops = np.append(drops, unmuted[0] - scores)
        falls = np.append(falls, unmuted[1] - chances)
        yield Ranking(layer, target, last, total, chance, drops, falls)


def _of_class(logits: np.ndarray, target: int, card: Any) -> tuple[np.ndarray, np.ndarray]:
    """Logit and probability of a class for each row, float32 (N,)."""
    chances = np.array([probabilities(row, card.output)[target] for row in logits], np.float32)
    if logits.shape[1] == len(card.class_names):
        return logits[:, target].astype(np.float32), chances
    return (logits[:, 0] if target == 1 else -logits[:, 0]).astype(np.float32), chances
