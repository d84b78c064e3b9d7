"""The ascent itself: look, find the way up, step."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from convviz import ConvvizError
from convviz.patterns import canvas, restraints, spectrum
from convviz.patterns.catalogue import PARAMETERS
from convviz.patterns.goals import Goal
from convviz.patterns.slope import Slope
from convviz.patterns.stages import Stage
from convviz.patterns.wobble import wobble, wobbled


@dataclass(frozen=True)
class Ascent:
    """Where an ascent stands after some steps.

    Attributes:
        step: steps done.
        total_steps: steps in all.
        filters: the climbed filters, in the order of what follows; for a mixture the two, for classes their indices,
            empty where a direction or a whole layer is climbed.
        activations: float32 (N,), what is climbed on each picture as it is now, such as a filter's mean activation. On
            the way it is what the step saw: under transformations, and without edges where it is a tile. The
            last record has it for ``values`` as the network takes them.
        dead: bool (N,), filters without any slope here: the ascent cannot move, and there is no pattern to show.
        pictures: uint8 (N, H, W, 3), deprocessed as the lecture does it; plain grey where dead. An ascent that began
            with a picture shows it as it is.
        values: float32 (N, H, W, C), the same as the network takes it; empty in a light record.
        seconds: time spent so far.
        silent: bool (N,), filters that had no slope of their own at the last look, so that the numbers before their
            ReLU were climbed.
        lost: bool (N,), those of the dead whose gradient is NaN or infinite.
        shown: float32 (N,), what `activations` tells, for ``pictures`` instead of ``values``: clipped, in 8 bits, at
            the shown contrast. Only the last record has it; the others are empty.
    """

    step: int
    total_steps: int
    filters: tuple[int, ...]
    activations: np.ndarray
    dead: np.ndarray
    pictures: np.ndarray
    values: np.ndarray
    seconds: float
    silent: np.ndarray
    shown: np.ndarray
    lost: np.ndarray

    def light(self) -> Ascent:
        """The same without pictures and values, for a history of many."""
        return replace(self, pictures=self.pictures[:0], values=self.values[:0])


@dataclass(frozen=True)
class Manner:
    """How steps are made; what each means stands with ``ascend``."""

    parameters: str = "pixels"
    jitter: int = 0
    scale: float = 0.0
    rotate: float = 0.0
    total_variation: float = 0.0
    l2: float = 0.0
    blur: float = 0.0
    diversity: float = 0.0

    def __post_init__(self) -> None:
        if self.parameters not in PARAMETERS:
            raise ConvvizError(f"there are no parameters {self.parameters!r}; choose one of {', '.join(PARAMETERS)}")
        for one in fields(self)[1:]:
            value = getattr(self, one.name)
            if not 0 <= value < np.inf:
                raise ConvvizError(f"{one.name} cannot be {value:g}; choose 0 for none, or more")
        if self.scale >= 1:
            raise ConvvizError(f"a scale of {self.scale:g} would shrink a picture to nothing; choose less than 1")

    @property
    def wobbles(self) -> bool:
        """Whether pictures are transformed before each look."""
        return bool(self.jitter or self.scale or self.rotate)


class Course:
    """One ascent: canvases on their way up.

    Args:
        network: ``zoo.Network``.
        slope: gives the slope, on a canvas with edges (False) or without (True); and, with a second True, that of the
            numbers before the layer's ReLU.
        rescued: whether that is climbed by filters that have no slope.
        goal: what is climbed.
        stages: the steps.
        manner: how they are made.
        start: uint8 (H, W, 3), a picture to begin with, or None for noise.
        rng: source of noise and of transformations.
    """

    def __init__(
        self,
        network: Any,
        slope: Callable[..., Slope],
        rescued: bool,
        goal: Goal,
        stages: list[Stage],
        manner: Manner,
        start: np.ndarray | None,
        rng: np.random.Generator,
    ) -> None:
        self._network, self._slope_of, self._rescued, self._goal = network, slope, rescued, goal
        self._stages, self._manner, self._start = stages, manner, start
        self._whole, self._total = stages[-1].size, sum(len(stage.lengths) for stage in stages)
        self._pixels = self._beginning(stages[0].size, rng)
        self._chance = np.random.default_rng(int(rng.integers(2**31)))
        self._dead = self._silent = self._lost = np.zeros(len(goal.seeds), bool)
        self._edged = False

    def climb(self) -> Generator[Ascent, Any, None]:
        """Every step's record, from the beginning on; after a message is sent, the last one."""
        began, step = time.perf_counter(), 0
        for stage in self._stages:
            self._pixels = self._fit(self._pixels, stage.size)
            velocity = np.zeros_like(self._pixels)
            for length in stage.lengths:
                heights, upward = self._look(stage)
                if (yield self._record(step, heights, began)):
                    yield self._last(step, began)
                    return
                velocity = stage.momentum * velocity + self._restrained(upward, stage)
                step += 1
                self._step(np.float32(length) * velocity, self._manner.blur * (1 - step / self._total))
        yield self._last(step, began)

    def _beginning(self, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
        """Canvases before the first step."""
        if self._start is not None:
            return np.repeat(canvas.of_picture(self._network, self._start, size), len(self._goal.seeds), axis=0)
        grey = canvas.noise(self._goal.seeds, (*size, self._network.card.input_shape[-1]), rng)
        return spectrum.smooth_noise(grey) if self._manner.parameters == "fourier" else grey

    def _fit(self, pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Canvases at another size: tiles repeated; a picture anew, with what the ascent has added to it resized."""
        if pixels.shape[1:3] == size:
            return pixels
        if self._start is None:
            return canvas.tiled(pixels, size)
        added = pixels - canvas.of_picture(self._network, self._start, pixels.shape[1:3])
        return canvas.of_picture(self._network, self._start, size) + canvas.resized(added, size)

    def _step(self, move: np.ndarray, sigma: float) -> None:
        """Move, blur; a picture stays within what can be shown."""
        self._pixels = restraints.blurred(self._pixels + move, sigma, wraps=self._start is None)
        if self._start is not None:
            self._pixels = np.clip(self._pixels, 0, 255)

    def _last(self, step: int, began: float) -> Ascent:
        """The record of where the canvases are, with the heights of the pictures that are shown."""
        heights = self._slope_of(False).height(self._fit(self._pixels, self._whole))
        return self._record(step, heights, began, last=True)

    def _record(self, step: int, heights: np.ndarray, began: float, *, last: bool = False) -> Ascent:
        pixels = self._fit(self._pixels, self._whole)
        if self._start is None:
            levels = canvas.levels(pixels, self._dead)
        else:
            levels = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
        shown = self._slope_of(False).height(levels.astype(np.float32)) if last else heights[:0]
        return Ascent(
            step, self._total, self._goal.filters, heights, self._dead, canvas.pictures(levels),
            canvas.values(self._network, pixels), time.perf_counter() - began, self._silent, shown,
            self._dead & self._lost,
        )  # fmt: skip

    def _look(self, stage: Stage) -> tuple[np.ndarray, np.ndarray]:
        """Heights (N,), and directions upwards (N, H, W, C) of root mean square 1; which have none is remembered."""
        manner, seen, matrix = self._manner, self._pixels, None
        if manner.wobbles:
            matrix = wobble(self._chance, stage.size, manner.jitter, manner.scale, manner.rotate)
            seen = wobbled(seen, matrix, wraps=self._start is None)
        heights, gradients = self._asked(stage, lambda rounded: self._slope_of(rounded).at(seen))
        upward, dead = self._directions(gradients, matrix)
        self._lost = ~np.isfinite(gradients).all(axis=(1, 2, 3))
        self._silent = np.zeros_like(dead)
        if self._rescued and dead.any():
            self._silent = dead.copy()
            before = self._asked(stage, lambda rounded: self._slope_of(rounded, True).at(seen[dead], dead))[1]
            upward[dead], still = self._directions(before, matrix)
            dead[dead] = still
        self._dead = dead
        return heights, np.float32(self._goal.sign) * upward

    def _asked(self, stage: Stage, ask: Callable[[bool], Any]) -> Any:
        """What a slope says without edges, or with them where the stage has them or the network needs them."""
        if stage.rounded and not self._edged:
            try:
                return ask(True)
            except ConvvizError:  # such as a layer on the way that is none of Keras' own
                self._edged = True
        return ask(False)

    def _directions(self, gradients: np.ndarray, matrix: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Gradients as directions on the canvas, and where there is none."""
        if matrix is not None:
            gradients = wobbled(gradients, matrix, wraps=self._start is None, back=True)
        scaled, dead = directions(gradients)
        return (directions(spectrum.smoothed(scaled))[0] if self._manner.parameters == "fourier" else scaled), dead

    def _restrained(self, upward: np.ndarray, stage: Stage) -> np.ndarray:
        """The way up, less what the regularizers and the other pictures of the same filter speak against."""
        manner = self._manner
        if manner.diversity and self._goal.same.any():
            alike = self._asked(stage, lambda rounded: self._slope_of(rounded).likeness(self._pixels))
            upward = upward - np.float32(manner.diversity) * directions(alike)[0]
        if manner.total_variation:
            upward = upward - np.float32(manner.total_variation) * restraints.roughness(self._pixels)
        if manner.l2:
            upward = upward - np.float32(manner.l2) * restraints.excess(self._pixels)
        return upward


def directions(gradients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradients (N, H, W, C) with a root mean square of 1, zero where there is none, and where that is."""
    size = np.sqrt(np.mean(np.square(gradients, dtype=np.float64), axis=(1, 2, 3)))
    dead = ~((size > 0) & np.isfinite(size))
    scale = np.where(dead, 0, 1 / np.where(dead, 1, size)).astype(np.float32)
    return np.nan_to_num(gradients, posinf=0, neginf=0) * scale[:, None, None, None], dead
