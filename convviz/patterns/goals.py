"""What an ascent climbs: a mixture of a layer's channels for each canvas, and how it is read off the feature maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from convviz import ConvvizError
from convviz.patterns.catalogue import OBJECTIVES

FILTER_LAYERS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose")  # kinds of layers with filters
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the second filter in the pictures of a mixture


@dataclass(frozen=True)
class Goal:
    """What each of N canvases is climbed for.

    Attributes:
        objective: one of ``OBJECTIVES``.
        filters: whose numbers are told, one for each canvas; for a mixture the two; empty where all are climbed.
        weights: float32 (N, F), how much each channel counts.
        seeds: of each canvas's noise.
        reading: how a channel's number is read off its map: ``"mean"``, ``"unit"`` or ``"squares"``.
        place: (row, column) of the unit; (-1, -1) is the middle.
        before: look at the numbers before the layer's own ReLU.
        sign: -1 to go down.
    """

    objective: str
    filters: tuple[int, ...]
    weights: np.ndarray
    seeds: tuple[tuple[int, ...], ...]
    reading: str = "mean"
    place: tuple[int, int] = (-1, -1)
    before: bool = False
    sign: float = 1.0

    @property
    def same(self) -> np.ndarray:
        """Which canvases stand for the same filter: float32 (N, N), nothing on the diagonal."""
        firsts = np.array([seed[0] for seed in self.seeds])
        return (firsts[:, None] == firsts).astype(np.float32) - np.eye(len(firsts), dtype=np.float32)


def goal(
    card: Any,
    layer: str,
    filters: Sequence[int] | int,
    objective: str = "channel",
    *,
    before: bool = False,
    unit: tuple[int, int] | None = None,
    shares: Sequence[float] = SHARES,
    direction: np.ndarray | None = None,
) -> Goal:
    """The goal of an ascent, checked against the network's card.

    Raises:
        ConvvizError: no such objective, layer or filter, or what the objective needs is missing.
    """
    if objective not in OBJECTIVES:
        raise ConvvizError(f"there is no objective {objective!r}; choose one of {', '.join(OBJECTIVES)}")
    if objective == "class":
        return _class(card, filters)
    count = width(card, layer)
    if objective == "dream":
        return Goal(objective, (), np.full((1, count), 1 / count, np.float32), ((0,),), "squares", before=before)
    if objective == "direction":
        return replace(_direction(layer, count, direction), before=before)
    chosen = known(layer, count, filters)
    plain = Goal(objective, chosen, np.eye(count, dtype=np.float32)[list(chosen)], _seeds(chosen), before=before)
    if objective == "negative":
        return replace(plain, weights=plain.weights, before=True, sign=-1.0)
    if objective == "unit":
        return replace(plain, reading="unit", place=(-1, -1) if unit is None else tuple(unit))
    if objective == "mixed":
        if len(chosen) != 2 or not len(shares):
            raise ConvvizError(f"a mixture is of 2 filters, and {len(chosen)} were given; choose 2")
        second = np.asarray(shares, np.float32)[:, None]
        weights = (1 - second) * plain.weights[:1] + second * plain.weights[1:]
        return replace(plain, weights=weights, seeds=(plain.seeds[0],) * len(shares))
    return plain


def width(card: Any, layer: str) -> int:
    """How many channels a layer has; ConvvizError if there is no such layer, or its output has no channels."""
    try:
        shape = card.layer(layer).output_shape
    except KeyError:
        few = ", ".join([one.name for one in card.layers if one.kind in FILTER_LAYERS][:3])
        raise ConvvizError(f"{card.title} has no layer {layer!r}; choose another, such as {few}") from None
    if len(shape) not in (1, 3):
        raise ConvvizError(f"the output of {layer} is neither maps nor numbers; choose another layer")
    return shape[-1]


def known(whose: str, count: int, filters: Sequence[int] | int, what: str = "filters") -> tuple[int, ...]:
    """The filters, if they are among so many."""
    chosen = np.atleast_1d(np.asarray(filters, np.int32))
    if not chosen.size or chosen.min() < 0 or chosen.max() >= count:
        asked = ", ".join(map(str, chosen[:5])) or "none"
        raise ConvvizError(f"{whose} has {count} {what}, counted from 0, and {asked} was asked for; choose others")
    return tuple(chosen.tolist())


def _seeds(filters: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Of each canvas's noise: its filter's, and where a filter comes again also which time that is."""
    times = [filters[:place].count(one) for place, one in enumerate(filters)]
    return tuple((one, time) if time else (one,) for one, time in zip(filters, times, strict=True))


def _class(card: Any, classes: Sequence[int] | int) -> Goal:
    """Classes; of a single sigmoid the two sides are up and down."""
    if not card.class_names:
        raise ConvvizError(f"{card.title} does not end in classes; choose another objective")
    count = len(card.class_names)
    chosen = known(card.title, count, classes, "classes")
    single = card.output == "sigmoid" and count == 2
    sides = np.array([[-1.0], [1.0]], np.float32) if single else np.eye(count, dtype=np.float32)
    return Goal("class", chosen, sides[list(chosen)], _seeds(chosen))


def _direction(layer: str, count: int, direction: np.ndarray | None) -> Goal:
    """A direction among a layer's channels, of length 1."""
    given = np.zeros(0) if direction is None else np.asarray(direction, np.float32).ravel()
    length = np.linalg.norm(given)
    if given.shape != (count,) or not length > 0 or not np.isfinite(length):
        raise ConvvizError(f"a direction in {layer} is {count} numbers that are not all zero; give it as direction")
    return Goal("direction", (), (given / length)[None].astype(np.float32), ((0,),))
