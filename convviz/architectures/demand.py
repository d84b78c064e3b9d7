"""What of a built network a training takes memory for."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

from convviz import tracing, zoo
from convviz.architectures.networks import MAPS_KEPT, memory

_SHARING = {"InputLayer", "Flatten", "Reshape", "Activation", "ReLU"}  # layers whose output takes no room of its own


MOST_AT_ONCE = 32  # pictures whose features a frozen base computes in one call, at most


@dataclass(frozen=True)
class Demand:
    """What of a network a training takes memory for.

    Attributes:
        parameters: of the whole network.
        trainable: of these, the ones that are learned.
        picture: numbers of one picture.
        outputs: numbers that each layer gives for one picture, from the first that learns on: the way back needs them,
            as often as ``MAPS_KEPT`` says.
        windows: numbers in all windows that one convolution of these sees of one picture, at most.
        passing: numbers that two layers before these give for one picture, one after the other, at most.
    """

    parameters: int
    trainable: int
    picture: int
    outputs: tuple[int, ...]
    windows: int = 0
    passing: int = 0

    def memory(self, batch_size: int, optimizer: str, *, remembered: bool = False) -> int:
        """An estimate of the bytes that training takes, as ``memory`` says, and of what passes the frozen part.

        Args:
            batch_size: pictures a step.
            optimizer: key of ``OPTIMIZER_SLOTS``.
            remembered: whether what the frozen part makes of the pictures is computed once, of some at a time.
        """
        own = memory(self.parameters, self.trainable, self.picture, self.outputs, batch_size, optimizer, self.windows)
        return own + 4 * self.passing * min(batch_size, MOST_AT_ONCE if remembered else batch_size)


def demand(network: zoo.Network) -> Demand:
    """Look at what of a network learns.

    Args:
        network: any, as it would be trained: its layers are trainable or not.

    Returns:
        What a training of it takes memory for.
    """
    layers = tracing.leaves(network.model)
    learning = list(
        itertools.dropwhile(
            lambda one: one.name not in layers or not layers[one.name].trainable_weights, network.card.layers
        )
    )
    frozen = [math.prod(one.output_shape) for one in network.card.layers[: len(network.card.layers) - len(learning)]]
    kept = ([math.prod(one.output_shape)] * _kept(layers.get(one.name)) for one in learning if one.kind not in _SHARING)
    return Demand(
        parameters=network.card.parameters,
        trainable=sum(math.prod(one.shape) for one in network.model.trainable_variables),
        picture=math.prod(network.card.input_shape),
        outputs=tuple(itertools.chain.from_iterable(kept)),
        windows=max((_windows(one, layers.get(one.name)) for one in learning), default=0),
        passing=max(map(sum, itertools.pairwise([0, *frozen])), default=0),
    )


def _kept(layer: Any) -> int:
    """How many maps of a layer's size the way back needs."""
    return MAPS_KEPT.get(getattr(getattr(layer, "activation", None), "__name__", ""), 1)


def _windows(known: zoo.LayerCard, layer: Any) -> int:
    """Numbers in all windows that a convolution sees of one picture."""
    if known.kind != "Conv2D" or layer is None or len(known.output_shape) != 3:
        return 0
    return math.prod(known.output_shape) // layer.filters * math.prod(layer.kernel.shape[:3])
