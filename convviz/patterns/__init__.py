"""What a filter looks for: gradient ascent draws the picture that it answers to most."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from convviz import ConvvizError, zoo
from convviz.patterns import canvas
from convviz.patterns.slope import Slope

RECIPES = ("fast", "lecture")
FILTER_LAYERS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose")  # kinds of layers with filters
LECTURE_STEPS = 40

__all__ = ["FILTER_LAYERS", "RECIPES", "Ascent", "Stage", "ascend", "generate", "liveliest", "plan"]

_PATH = 40.0  # levels of 255 that all steps of the lecture make together; the fast recipe walks as far
_HEALING = 8.0  # levels for the steps at full size that follow those on a tile
_TILE = 64  # side of the tile, pixels, at least
_CELLS = 8  # cells that the layer must have along a tile
_MOMENTUM = 0.5


@dataclass(frozen=True)
class Ascent:
    """Where an ascent stands after some steps.

    Attributes:
        step: steps done.
        total_steps: steps in all.
        filters: the climbed filters, in the order of what follows.
        activations: float32 (N,), each filter's mean activation on its picture as it is now.
        dead: bool (N,), filters without any slope here: the ascent cannot move, and there is no pattern to show.
        pictures: uint8 (N, H, W, 3), deprocessed as the lecture does it; plain grey where dead.
        values: float32 (N, H, W, C), the same as the network takes it; empty in a light record.
        seconds: time spent so far.
    """

    step: int
    total_steps: int
    filters: tuple[int, ...]
    activations: np.ndarray
    dead: np.ndarray
    pictures: np.ndarray
    values: np.ndarray
    seconds: float

    def light(self) -> Ascent:
        """The same without pictures and values, for a history of many."""
        return replace(self, pictures=self.pictures[:0], values=self.values[:0])


@dataclass(frozen=True)
class Stage:
    """Steps of falling or equal length on a canvas of one size.

    Attributes:
        size: (height, width) of the canvas, pixels.
        lengths: of each step, levels of 255.
        momentum: how much of the last step's direction is kept, 0 to 1.
        grid: pixels that the canvas is rolled by multiples of before each look; 0 for never.
    """

    size: tuple[int, int]
    lengths: tuple[float, ...]
    momentum: float = 0.0
    grid: int = 0


def ascend(
    network: Any,
    layer: str,
    filters: Sequence[int] | int,
    *,
    recipe: str = "fast",
    size: int = 128,
    steps: int | None = None,
    rng: np.random.Generator | None = None,
    revive: bool | None = None,
) -> Iterator[Ascent]:
    """Gradient ascent in the input, from grey noise, for the mean activation of filters; every step is shown.

    ``"lecture"`` makes 40 steps of equal length: the gradient divided by its root mean square, one level of 255 each.
    (The lecture adds 1e-5 to the divisor against a division by zero; networks with small gradients would stand still
    by it, so a filter without a slope is marked dead instead.) ``"fast"`` walks as far in fewer, ever shorter steps
    with some momentum. Where the layer is fine enough it walks most of the way on a quarter of the area: a tile that is
    rolled between steps by whole cells of the layer, so that it has no seams, repeated to the full size and then
    climbed on. Its first steps are a preview.

    Args:
        network: ``zoo.Network`` or a Keras model of any kind.
        layer: path of a layer with feature maps, or of a dense one, whose units take the place of filters; that is
            climbed before a softmax.
        filters: channels of the layer, from 0.
        recipe: ``"fast"`` or ``"lecture"``.
        size: height and width of the pictures, pixels; it need not be the network's own, except for a dense layer,
            which is climbed at that.
        steps: instead of the recipe's number.
        rng: source of the noise; the same noise every time without one. A filter gets the same noise whatever others
            are asked for with it.
        revive: climb the numbers before the layer's ReLU for as long as the ReLU leaves a filter without a slope.
            None for yes with ``"fast"`` and no with ``"lecture"``, which does not know it.

    Yields:
        Ascent: at step 0, the noise, and after every step.

    Raises:
        ConvvizError: no such layer, filter or recipe, or the canvas is too small for the layer.

    Source:
        Erhan et al. 2009, Visualizing higher-layer features of a deep network; Chollet 2018, Deep Learning with Python,
        listings 5.32 to 5.36.
    """
    network = zoo.as_network(network)
    chosen = _known(network.card, layer, filters)
    rescued = recipe == "fast" if revive is None else revive
    slope = Slope(network, layer)
    stages = _stages(network.card, layer, recipe, slope.size or (size, size), steps)
    rescue = partial(Slope, network, layer, before=True) if rescued else None
    return _climb(network, slope, rescue, chosen, stages, np.random.default_rng(0) if rng is None else rng)


def generate(
    network: Any,
    layer: str,
    filters: Sequence[int] | int,
    *,
    recipe: str = "fast",
    size: int = 128,
    steps: int | None = None,
    rng: np.random.Generator | None = None,
    revive: bool | None = None,
) -> np.ndarray:
    """The pictures at the end of ``ascend``.

    Args:
        network: as for ``ascend``.
        layer: as for ``ascend``.
        filters: as for ``ascend``.
        recipe: as for ``ascend``.
        size: as for ``ascend``.
        steps: as for ``ascend``.
        rng: as for ``ascend``.
        revive: as for ``ascend``.

    Returns:
        uint8 (N, size, size, 3); plain grey for a dead filter.

    Raises:
        ConvvizError: as for ``ascend``.
    """
    *_, last = ascend(network, layer, filters, recipe=recipe, size=size, steps=steps, rng=rng, revive=revive)
    return last.pictures


def liveliest(network: Any, layer: str, count: int, *, size: int = 128, seed: int = 0) -> tuple[int, ...]:
    """Filters that answer most to the grey noise that an ascent begins with; where the ReLU is silent none can climb.

    Args:
        network: as for ``ascend``.
        layer: as for ``ascend``.
        count: how many at most.
        size: height and width of the noise, pixels, where the layer does not ask for the network's own.
        seed: of the noise.

    Returns:
        Indices, in their order in the layer.

    Raises:
        ConvvizError: as for ``ascend``.
    """
    network = zoo.as_network(network)
    _known(network.card, layer, 0)
    slope = Slope(network, layer)
    shape = (*(slope.size or (size, size)), network.card.input_shape[-1])
    noise = canvas.noise([0], shape, np.random.default_rng(seed))
    answers = np.nan_to_num(slope.heights(noise)[0], nan=-np.inf)
    return tuple(sorted(np.argsort(-answers, kind="stable")[:count].tolist()))


def plan(card: Any, layer: str, *, recipe: str = "fast", size: int = 128, steps: int | None = None) -> list[Stage]:
    """The steps that ``ascend`` makes on square canvases.

    Args:
        card: the network's ``zoo.Card``.
        layer: as for ``ascend``.
        recipe: as for ``ascend``.
        size: as for ``ascend``.
        steps: as for ``ascend``.

    Returns:
        One stage after the other.

    Raises:
        ConvvizError: no such recipe, or less than one step or pixel.
    """
    return _stages(card, layer, recipe, (size, size), steps)


def _known(card: Any, layer: str, filters: Sequence[int] | int) -> np.ndarray:
    """The filters as an array, if the network has the layer and the layer has them."""
    try:
        shape = card.layer(layer).output_shape
    except KeyError:
        few = ", ".join([one.name for one in card.layers if one.kind in FILTER_LAYERS][:3])
        raise ConvvizError(f"{card.title} has no layer {layer!r}; choose another, such as {few}") from None
    chosen = np.atleast_1d(np.asarray(filters, np.int32))
    if len(shape) not in (1, 3) or not chosen.size or chosen.min() < 0 or chosen.max() >= shape[-1]:
        asked = ", ".join(map(str, chosen[:5])) or "none"
        raise ConvvizError(f"{layer} has {shape[-1]} filters, counted from 0, and {asked} was asked for; choose others")
    return chosen


def _stages(card: Any, layer: str, recipe: str, size: tuple[int, int], steps: int | None) -> list[Stage]:
    """The steps of a recipe."""
    if recipe not in RECIPES:
        raise ConvvizError(f"there is no recipe {recipe!r}; choose one of {', '.join(RECIPES)}")
    if min(size) < 1 or (steps is not None and steps < 1):
        raise ConvvizError(f"{steps} steps on {size[0]} pixels draw nothing; choose at least 1 of each")
    if recipe == "lecture":
        return [Stage(size, (1.0,) * (LECTURE_STEPS if steps is None else steps))]
    tile, grid = _tile(card, layer, size)
    on_tile = 0 if tile is None else 8 if steps is None else 2 * steps // 3
    if not on_tile:
        return [Stage(size, _falling(16 if steps is None else steps, _PATH), _MOMENTUM)]
    healing = 4 if steps is None else steps - on_tile
    return [
        Stage((tile, tile), _falling(on_tile, _PATH), _MOMENTUM, grid),
        Stage(size, _falling(healing, _HEALING), _MOMENTUM),
    ]


def _tile(card: Any, layer: str, size: tuple[int, int]) -> tuple[int | None, int]:
    """Side of a tile that is worth climbing on, or None, and the pixels from cell to cell of the layer."""
    own, maps = card.input_shape, card.layer(layer)
    if not maps.has_maps or size[0] != size[1]:
        return None, 0
    stride = max(own[axis] / max(1, maps.output_shape[axis]) for axis in (0, 1))
    grid = 1 << int(np.ceil(np.log2(max(1.0, stride)) - 1e-6))  # strides are powers of two; a multiple does as well
    tile = -(-max(_TILE, size[0] // 2) // grid) * grid
    return (tile, grid) if tile >= _CELLS * grid and 4 * tile <= 3 * size[0] else (None, 0)


def _falling(count: int, path: float) -> tuple[float, ...]:
    """Lengths that fall in equal amounts and add up to a path."""
    return tuple(2 * path / (count + 1) * (1 - np.arange(count) / count))


def _climb(
    network: Any,
    slope: Slope,
    rescue: Callable[[], Slope] | None,
    filters: np.ndarray,
    stages: list[Stage],
    rng: np.random.Generator,
) -> Iterator[Ascent]:
    """The ascent itself; rescue gives another slope for filters that have none."""
    began = time.perf_counter()
    whole, total = stages[-1].size, sum(len(stage.lengths) for stage in stages)
    pixels = canvas.noise(filters, (*stages[0].size, network.card.input_shape[-1]), rng)
    shifts = np.random.default_rng(int(rng.integers(2**31)))

    def now(step: int, activations: np.ndarray, dead: np.ndarray) -> Ascent:
        shown = canvas.tiled(pixels, whole)
        pictures, values = canvas.deprocess(shown, dead), canvas.values(network, shown)
        seconds = time.perf_counter() - began
        return Ascent(step, total, tuple(filters.tolist()), activations, dead, pictures, values, seconds)

    step, dead = 0, np.zeros(len(filters), bool)
    for stage in stages:
        pixels = canvas.tiled(pixels, stage.size)
        velocity = np.zeros_like(pixels)
        for length in stage.lengths:
            activations, upward, dead = _look(slope, rescue, pixels, filters, _shift(stage, shifts))
            yield now(step, activations, dead)
            velocity = stage.momentum * velocity + upward
            pixels = pixels + np.float32(length) * velocity
            step += 1
    yield now(step, slope.height(pixels, filters), dead)


def _shift(stage: Stage, shifts: np.random.Generator) -> tuple[int, int]:
    """By how much the canvas is rolled for one look: whole cells of the layer."""
    if not stage.grid:
        return 0, 0
    down, right = (int(stage.grid * shifts.integers(side // stage.grid)) for side in stage.size)
    return down, right


def _look(
    slope: Slope,
    rescue: Callable[[], Slope] | None,
    pixels: np.ndarray,
    filters: np.ndarray,
    shift: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Activations (N,), directions upwards (N, H, W, C), and which filters have none (N,)."""
    activations, gradients = slope.at(pixels, filters, shift)
    upward, dead = _directions(gradients)
    if rescue is not None and dead.any():
        upward[dead], still = _directions(rescue().at(pixels[dead], filters[dead], shift)[1])
        dead[dead] = still
    return activations, upward, dead


def _directions(gradients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradients (N, H, W, C) with a root mean square of 1, zero where there is none, and where that is."""
    size = np.sqrt(np.mean(np.square(gradients, dtype=np.float64), axis=(1, 2, 3)))
    dead = ~((size > 0) & np.isfinite(size))
    scale = np.where(dead, 0, 1 / np.where(dead, 1, size)).astype(np.float32)
    return np.nan_to_num(gradients, posinf=0, neginf=0) * scale[:, None, None, None], dead
