"""What the curves of deletion and insertion allow to say: which maps are better than random ones, or why none is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from convviz import ConvvizError, trust

CURVES = ("deletion", "insertion")
TURNED, STILL = "turned", "still"  # why a curve cannot be read


@dataclass(frozen=True)
class Reading:
    """What one kind of curve says of several maps of one picture.

    Attributes:
        curve: one of ``CURVES``.
        areas: method -> area under its curve, 0 to 1, of every map that is neither blank nor flat.
        chance: areas of the random maps.
        whole: probability of the class on the picture.
        emptied: probability on the picture wholly painted over, or wholly blurred.
        span: lowest and highest probability on any of the curves.
        hindrance: why the curve cannot be read here, empty if it can. ``TURNED``: the emptied picture has at least the
            probability of the picture itself, so that taking marked places away need not cost the class anything.
            ``STILL``: all areas, those of the random maps too, are the same to two decimals.
        better: the methods that are better than chance by this curve: their areas lie outside the range of the random
            maps, below all of them for deletion, above all of them for insertion. With R random maps one more of them
            would do so by luck in 1 of R + 1 cases. None where there is a hindrance.
    """

    curve: str
    areas: dict[str, float]
    chance: tuple[float, ...]
    whole: float
    emptied: float
    span: tuple[float, float]
    hindrance: str
    better: tuple[str, ...]

    @property
    def best(self) -> str | None:
        """The method with the best area, None where every map is blank or flat."""
        if not self.areas:
            return None
        return (min if self.curve == "deletion" else max)(self.areas, key=self.areas.__getitem__)


def read(trials: Sequence[trust.Trial], curve: str) -> Reading:
    """What deletion, or insertion, says of the maps that ``trust.compare`` has put to the test.

    Args:
        trials: of one whole comparison, the random maps' last.
        curve: one of ``CURVES``.

    Returns:
        The areas, the range of chance, and which maps are beyond it.

    Raises:
        ConvvizError: there is no such curve, or the random maps have not been tested.
    """
    if curve not in CURVES:
        raise ConvvizError(f"there is no curve {curve!r}; choose from {', '.join(CURVES)}")
    chances = next((one.chances for one in trials if one.method == trust.RANDOM), ())
    if not chances:
        raise ConvvizError("the random maps have not been tested; wait for the end of the comparison")
    maps = [one for one in trials if one.method != trust.RANDOM]
    every = [*(one.curves for one in maps), *chances]
    probabilities = np.array([getattr(one, curve) for one in every])
    areas = [getattr(one, f"{curve}_area") for one in every]
    chance = tuple(areas[len(maps) :])
    known = {one.method: area for one, area in zip(maps, areas, strict=False) if not one.note}
    first, last = (float(probabilities[0, place]) for place in (0, -1))
    whole, emptied = (first, last) if curve == "deletion" else (last, first)
    same = len({f"{area:.2f}" for area in areas}) == 1
    hindrance = STILL if same else TURNED if emptied >= whole else ""
    beyond = {m: area < min(chance) if curve == "deletion" else area > max(chance) for m, area in known.items()}
    better = tuple(method for method, is_beyond in beyond.items() if is_beyond and not hindrance)
    span = float(probabilities.min()), float(probabilities.max())
    return Reading(curve, known, chance, whole, emptied, span, hindrance, better)


def better(readings: Sequence[Reading]) -> tuple[str, ...]:
    """The maps that are better than random maps: by every curve that can be read, and by at least one.

    Args:
        readings: of the same trials.

    Returns:
        Methods, in their order.
    """
    read_ = [one for one in readings if not one.hindrance]
    return tuple(method for method in readings[0].areas if read_ and all(method in one.better for one in read_))
