"""The steps of a recipe: how many, how long, and on canvases of which size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from convviz import ConvvizError
from convviz.patterns.catalogue import RECIPES as _RECIPES

RECIPES = tuple(_RECIPES)
LECTURE_STEPS = 40

_PATH = 40.0  # levels of 255 that all steps of the lecture make together; the fast recipe walks as far
_HEALING = 8.0  # levels for the steps at full size that follow those on a tile
_ON_TILE = 5  # steps on a tile
_TILE = 64  # side of the tile, pixels, at least
_CELLS = 8  # cells that the layer must have along a tile
_MOMENTUM = 0.5
_OCTAVE = 1.4  # from one size of a dream to the next (Mordvintsev et al. 2015)
_DREAM = 8  # steps at each size
_STRIDE = 2.0  # levels of each of them


@dataclass(frozen=True)
class Stage:
    """Steps of falling or equal length on a canvas of one size.

    Attributes:
        size: (height, width) of the canvas, pixels.
        lengths: of each step, levels of 255.
        momentum: how much of the last step's direction is kept, 0 to 1.
        rounded: the canvas has no edges: what the layers see on one side goes on at the other, so that it can be
            repeated without seams.
    """

    size: tuple[int, int]
    lengths: tuple[float, ...]
    momentum: float = 0.0
    rounded: bool = False


def walk(
    card: Any,
    layer: str,
    recipe: str,
    size: tuple[int, int],
    steps: int | None,
    *,
    tiles: bool = True,
    octaves: int = 0,
) -> list[Stage]:
    """The steps of a recipe.

    Args:
        card: the network's.
        layer: path, or anything where no tiles are wanted.
        recipe: one of ``RECIPES``.
        size: (height, width) of the pictures.
        steps: instead of the recipe's number.
        tiles: whether a tile may stand for the whole.
        octaves: sizes that a given picture is climbed at, one after the other; 0 where there is none.

    Raises:
        ConvvizError: no such recipe, or less than one step or pixel.
    """
    if recipe not in RECIPES:
        raise ConvvizError(f"there is no recipe {recipe!r}; choose one of {', '.join(RECIPES)}")
    if min(size) < 1 or (steps is not None and steps < 1):
        raise ConvvizError(f"{steps} steps on {size[0]} pixels draw nothing; choose at least 1 of each")
    if recipe == "lecture":
        return [Stage(size, (1.0,) * (LECTURE_STEPS if steps is None else steps))]
    if octaves:
        return _octaves(size, _DREAM * octaves if steps is None else steps, octaves)
    tile = _tile(card, layer, size) if tiles else None
    on_tile = 0 if tile is None else _ON_TILE if steps is None else 2 * steps // 3
    if not on_tile:
        return [Stage(size, _falling(16 if steps is None else steps, _PATH), _MOMENTUM)]
    healing = 4 if steps is None else steps - on_tile
    return [
        Stage((tile, tile), _falling(on_tile, _PATH), _MOMENTUM, rounded=True),
        Stage(size, _falling(healing, _HEALING), _MOMENTUM),
    ]


def _octaves(size: tuple[int, int], steps: int, octaves: int) -> list[Stage]:
    """Equal steps on a picture that grows to its size."""
    shares = [steps // octaves + (place < steps % octaves) for place in range(octaves)]
    sizes = [tuple(max(1, round(side / _OCTAVE ** (octaves - 1 - place))) for side in size) for place in range(octaves)]
    return [Stage(one, (_STRIDE,) * count) for one, count in zip(sizes, shares, strict=True) if count]


def _tile(card: Any, layer: str, size: tuple[int, int]) -> int | None:
    """Side of a tile that is worth climbing on, whole cells of the layer wide, or None."""
    own, maps = card.input_shape, card.layer(layer)
    if not maps.has_maps or size[0] != size[1]:
        return None
    stride = max(own[axis] / max(1, maps.output_shape[axis]) for axis in (0, 1))
    grid = 1 << int(np.ceil(np.log2(max(1.0, stride)) - 1e-6))  # strides are powers of two; a multiple does as well
    tile = -(-max(_TILE, size[0] // 2) // grid) * grid
    return tile if tile >= _CELLS * grid and 4 * tile <= 3 * size[0] else None


def _falling(count: int, path: float) -> tuple[float, ...]:
    """Lengths that fall in equal amounts and add up to a path."""
    return tuple(2 * path / (count + 1) * (1 - np.arange(count) / count))
