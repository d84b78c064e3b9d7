"""An ascent as a page shows it: a fast preview first, then the lecture's steps, each drawn where it is computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from convviz import patterns, rendering

GAP = 2  # pixels between two pictures of a sheet


@dataclass(frozen=True)
class Sketch:
    """Where the drawing of some filters' patterns stands.

    Attributes:
        recipe: the recipe that made this step, one of ``patterns.RECIPES``.
        step: steps done with this recipe.
        steps: steps of this recipe in all.
        filters: the filters, in the order of the pictures, row by row.
        side: pixels of one picture's side.
        activations: each filter's mean activation on its picture as it is now.
        dead: filters that no picture moves.
        pictures: recipe -> one sheet of all pictures, as a PNG file.
    """

    recipe: str
    step: int
    steps: int
    filters: tuple[int, ...]
    side: int
    activations: tuple[float, ...]
    dead: tuple[int, ...]
    pictures: Mapping[str, bytes]

    def light(self) -> Sketch:
        """The same without the pictures."""
        return replace(self, pictures={})


def draw(
    network: Any, layer: str, filters: Sequence[int], *, size: int = 96, seed: int = 0, columns: int = 4
) -> Iterator[Sketch]:
    """Draw what filters look for, with the fast recipe and then with the lecture's.

    Where the ReLU leaves a filter without a slope, the numbers before it are climbed until it answers.

    Args:
        network: a ``zoo.Network`` or a built ``keras.Model``.
        layer: path of a layer.
        filters: which of its filters.
        size: pixels of a picture's side.
        seed: of the grey noise that both recipes begin with.
        columns: pictures in a row of a sheet.

    Yields:
        a `Sketch` after every step; a message ``{"stop": True}`` ends it.

    Raises:
        ConvvizError: as ``patterns.ascend``.
    """
    sheets: dict[str, bytes] = {}
    for recipe in ("fast", "lecture"):
        ascent = patterns.ascend(
            network, layer, filters, recipe=recipe, size=size, rng=np.random.default_rng(seed), revive=True
        )
        for now in ascent:
            sheets[recipe] = rendering.png(sheet(now.pictures, columns=columns))
            message = yield Sketch(
                recipe=recipe,
                step=now.step,
                steps=now.total_steps,
                filters=now.filters,
                side=now.pictures.shape[1],
                activations=tuple(float(one) for one in now.activations),
                dead=tuple(index for index, dead in zip(now.filters, now.dead, strict=True) if dead),
                pictures=dict(sheets),
            )
            if message and message.get("stop"):
                return


def sheet(pictures: np.ndarray, *, columns: int = 4) -> np.ndarray:
    """Colour pictures side by side, in rows, with a white line between them.

    Args:
        pictures: uint8 (N, H, W, 3).
        columns: pictures in a row.

    Returns:
        uint8 (H', W', 3); places in the last row that have no picture are white.

    Example:
        >>> sheet(np.zeros((3, 5, 5, 3), np.uint8), columns=2).shape
        (12, 12, 3)
    """
    count, height, width, _ = pictures.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    drawn = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), 255, np.uint8)
    for index, picture in enumerate(pictures):
        top, left = index // columns * (height + GAP), index % columns * (width + GAP)
        drawn[top : top + height, left : left + width] = picture
    return drawn
