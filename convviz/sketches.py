"""An ascent as a page shows it: drawn where it is computed, step by step, or filter by filter for a whole layer."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from convviz import patterns, rendering

GAP = 2  # pixels between two pictures of a sheet
STRIP = 6  # steps that are kept of an ascent, the first and the last among them
BAND = 16  # filters of a whole layer that are drawn together
ROW = 8  # of them side by side
_SMALL = 64  # pixels of the longer side of a picture in a strip, at most
_QUIET = 0.5  # seconds after which a whole layer's drawing tells how far it is


@dataclass(frozen=True)
class Sketch:
    """Where the drawing of some patterns stands.

    Attributes:
        recipe: the recipe that made this step, one of ``patterns.RECIPES``.
        step: steps done with this recipe.
        steps: steps of this recipe in all.
        filters: the filters, in the order of the pictures, row by row; see ``patterns.Ascent``.
        size: (height, width) of one picture, pixels.
        columns: pictures in a row of a sheet.
        activations: what is climbed on each picture as it is now, such as a filter's mean activation.
        shown: the same for the 8-bit pictures as they are seen; empty before a recipe's last step.
        dead: places of the pictures that nothing moves.
        lost: places of those of the dead whose gradient is NaN or infinite.
        silent: places of the pictures whose filter had no slope of its own at the last look.
        pictures: recipe -> one sheet of all pictures, as a PNG file.
        small: the same sheet of this step reduced, at the steps of the strip; empty at the others.
        small_size: (height, width) of one picture on it.
        share: part of all recipes' steps that is done, each recipe counted alike, 0 to 1.
    """

    recipe: str
    step: int
    steps: int
    filters: tuple[int, ...]
    size: tuple[int, int]
    columns: int
    activations: tuple[float, ...]
    shown: tuple[float, ...]
    dead: tuple[int, ...]
    silent: tuple[int, ...]
    pictures: Mapping[str, bytes]
    small: bytes = b""
    small_size: tuple[int, int] = (0, 0)
    lost: tuple[int, ...] = ()
    share: float = 0.0

    def light(self) -> Sketch:
        """The same without the pictures, except for a strip's."""
        return replace(self, pictures={})


@dataclass(frozen=True)
class Band:
    """Some filters of a whole layer, drawn; or, without a picture, a sign of life while they are being drawn.

    Attributes:
        filters: the filters, in the order of the pictures.
        done: share of their steps that is done.
        share: part of all filters that were asked for, those under way counted by their steps, 0 to 1.
        size: (height, width) of one picture, pixels.
        png: a sheet of the pictures, as a PNG file; empty before they are done.
        activations: each filter's mean activation on its picture.
        shown: the same for the 8-bit picture as it is seen.
        dead: filters that nothing moves.
        lost: those of the dead whose gradient is NaN or infinite.
    """

    filters: tuple[int, ...]
    done: float
    share: float
    size: tuple[int, int]
    png: bytes = b""
    activations: tuple[float, ...] = ()
    shown: tuple[float, ...] = ()
    dead: tuple[int, ...] = ()
    lost: tuple[int, ...] = ()


def draw(
    network: Any,
    layer: str,
    filters: Sequence[int] = (),
    *,
    recipes: Sequence[str] = patterns.RECIPES,
    size: int = 96,
    seed: int = 0,
    columns: int = 4,
    revive: bool = True,
    like: np.ndarray | None = None,
    **choices: Any,
) -> Generator[Sketch, Any, None]:
    """Draw patterns, with one recipe after the other.

    Args:
        network: a ``zoo.Network`` or a built ``keras.Model``.
        layer: path of a layer.
        filters: which of its filters.
        recipes: of ``patterns.RECIPES``.
        size: pixels of a picture's (longer) side.
        seed: of the grey noise that all recipes begin with.
        columns: pictures in a row of a sheet.
        revive: where the ReLU leaves a filter without a slope, climb the numbers before it until it answers.
        like: uint8 (H, W, 3), the picture of the objective ``"direction"``.
        choices: as for ``patterns.ascend``.

    Yields:
        a `Sketch` after every step; a message ``{"stop": True}`` ends it with a last one.

    Raises:
        ConvvizError: as ``patterns.ascend``.
    """
    if like is not None:
        choices["direction"] = patterns.towards(network, layer, like, size=size, seed=seed)
    sheets: dict[str, bytes] = {}
    for place, recipe in enumerate(recipes):
        rng = np.random.default_rng(seed)
        ascent = patterns.ascend(network, layer, filters, recipe=recipe, size=size, rng=rng, revive=revive, **choices)
        stop = None
        while True:
            try:
                now = ascent.send(stop)
            except StopIteration:
                break
            share = (place + now.step / now.total_steps) / len(recipes)
            message = yield replace(_sketched(now, recipe, sheets, columns), share=share)
            if stop:
                return  # that was the last one
            stop = message if message and message.get("stop") else None
            if stop and now.shown.size:
                return  # the recipe was done; the next one is not wanted any more


def _sketched(now: patterns.Ascent, recipe: str, sheets: dict[str, bytes], columns: int) -> Sketch:
    """One step, drawn on its sheet."""
    sheets[recipe] = rendering.png(sheet(now.pictures, columns=columns))
    height, width = now.pictures.shape[1:3]
    sketch = Sketch(
        recipe, now.step, now.total_steps, now.filters, (height, width), min(columns, len(now.pictures)),
        _plain(now.activations), _plain(now.shown), _places(now.dead), _places(now.silent), dict(sheets),
        lost=_places(now.lost),
    )  # fmt: skip
    kept = {round(part * now.total_steps / (STRIP - 1)) for part in range(STRIP)}
    if now.step not in kept and not now.shown.size:
        return sketch
    small = _reduced(now.pictures)
    return replace(sketch, small=rendering.png(sheet(small, columns=columns)), small_size=small.shape[1:3])


def _reduced(pictures: np.ndarray) -> np.ndarray:
    """Pictures (N, H, W, 3) with at most so many pixels along the longer side."""
    height, width = pictures.shape[1:3]
    share = min(1.0, _SMALL / max(height, width))
    size = max(1, round(width * share)), max(1, round(height * share))
    return np.stack([cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in pictures])


def _plain(numbers: np.ndarray) -> tuple[float, ...]:
    return tuple(float(one) for one in numbers)


def _places(flags: np.ndarray) -> tuple[int, ...]:
    return tuple(int(one) for one in np.flatnonzero(flags))


def fill(
    network: Any, layer: str, filters: Sequence[int], *, size: int = 64, seed: int = 0, revive: bool = True
) -> Generator[Band, Any, None]:
    """Draw the patterns of many filters, a few at a time, with the fast recipe.

    A filter looks the same as in any other call with its layer, size and seed, so a drawing that was stopped goes on
    with the filters that are left.

    Args:
        network: a ``zoo.Network`` or a built ``keras.Model``.
        layer: path of a layer.
        filters: which of its filters are wanted.
        size: pixels of a picture's side.
        seed: of the grey noise.
        revive: as for `draw`.

    Yields:
        a `Band` for every ``BAND`` filters, and between them one without a picture about every half second.

    Raises:
        ConvvizError: as ``patterns.ascend``.
    """
    for begin in range(0, len(filters), BAND):
        part = tuple(filters[begin : begin + BAND])
        rng, told = np.random.default_rng(seed), time.monotonic()
        for now in patterns.ascend(network, layer, part, size=size, rng=rng, revive=revive):
            if not now.shown.size and time.monotonic() - told > _QUIET:
                told, done = time.monotonic(), now.step / now.total_steps
                yield Band(part, done, (begin + done * len(part)) / len(filters), now.pictures.shape[1:3])
        share, size_of_one = (begin + len(part)) / len(filters), now.pictures.shape[1:3]
        row = rendering.png(sheet(now.pictures, columns=ROW))
        dead, lost = (tuple(part[place] for place in _places(flags)) for flags in (now.dead, now.lost))
        yield Band(part, 1.0, share, size_of_one, row, _plain(now.activations), _plain(now.shown), dead, lost)


def sheet(pictures: np.ndarray | Sequence[np.ndarray], *, columns: int = 4) -> np.ndarray:
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
    count, (height, width) = len(pictures), pictures[0].shape[:2]
    columns = min(columns, count)
    rows = -(-count // columns)
    drawn = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), 255, np.uint8)
    for index, picture in enumerate(pictures):
        top, left = _corner(index, (height, width), columns)
        drawn[top : top + height, left : left + width] = picture
    return drawn


def cut(drawn: bytes, place: int, size: tuple[int, int], columns: int) -> np.ndarray:
    """One picture of a sheet.

    Args:
        drawn: the sheet, as a PNG file.
        place: which picture, row by row.
        size: (height, width) of a picture.
        columns: pictures in a row.

    Returns:
        uint8 (height, width, 3).
    """
    whole = cv2.cvtColor(cv2.imdecode(np.frombuffer(drawn, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    top, left = _corner(place, size, columns)
    return whole[top : top + size[0], left : left + size[1]]


def _corner(place: int, size: tuple[int, int], columns: int) -> tuple[int, int]:
    """Where a picture of a sheet begins: (top, left)."""
    return place // columns * (size[0] + GAP), place % columns * (size[1] + GAP)


def joined(bands: Sequence[bytes]) -> bytes:
    """Bands one below the other, as one PNG file; narrower ones are filled up with white."""
    rows = [
        cv2.cvtColor(cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB) for one in bands
    ]
    width = max(row.shape[1] for row in rows)
    wide = [np.pad(row, ((0, GAP), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    return rendering.png(np.concatenate(wide)[:-GAP])
