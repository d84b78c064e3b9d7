"""Attributions that only look: parts of the picture are hidden, and the answer is watched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import cv2
import numpy as np

from convviz import ConvvizError
from convviz.attribution.question import (
    Mapped,
    Part,
    Progress,
    Question,
    Steps,
    answers_only,
    ask_input,
    chunks,
    conclude,
    growing,
    run,
    stepwise,
)

_STILL = "hiding parts of this picture does not change the class at all"


@stepwise
def occlusion(
    network: Any,
    picture: Any,
    *,
    target: Any = None,
    layer: str | None = None,
    signed: bool = False,
    progress: Progress | None = None,
    patch: int | None = None,
    stride: int | None = None,
) -> Steps:
    """Occlusion: what the logit loses when a square patch is painted over with the picture's mean colour.

    Where patches overlap, a pixel gets the mean over those that covered it.

    Args:
        network: as for ``grad_cam``.
        picture: as for ``grad_cam``.
        target: as for ``grad_cam``.
        layer: not used; the method looks at the input.
        signed: keep places whose hiding helps the class, as negative values.
        progress: called as ``progress(done, total)``, in patches, for each picture anew.
        patch: side, in input pixels; a sixth of the shorter side without one.
        stride: step between patches, in input pixels; half a patch without one.

    Returns:
        As ``grad_cam``; raw has the input's resolution.

    Raises:
        ConvvizError: the patch or the stride is below 1, or the patch covers the whole input.

    Source:
        Zeiler and Fergus 2013, arXiv:1311.2901, section 4.2; with the logit in place of the probability, which hardly
        moves when it is near 1.
    """
    question = ask_input(network, picture, target, signed, "occlusion")
    height, width = question.batch.shape[1:3]
    patch = max(1, min(height, width) // 6) if patch is None else patch
    stride = max(1, patch // 2) if stride is None else stride
    if not 1 <= patch <= min(height, width) or stride < 1 or patch >= max(height, width):
        raise ConvvizError(
            f"a patch of {patch} pixels with a stride of {stride} does not fit an input of {height} × {width}; "
            "choose a patch smaller than the input and a stride of at least 1"
        )
    corners = _coarse_first(_starts(height, patch, stride), _starts(width, patch, stride))
    return (yield from _each(question, lambda one, index: _occluded(question, one, index, corners, patch)))


def _starts(length: int, patch: int, stride: int) -> list[int]:
    """Where patches begin so that they cover the whole length, the last one flush with the end."""
    return sorted({*range(0, length - patch, stride), length - patch})


def _coarse_first(tops: list[int], lefts: list[int]) -> list[tuple[int, int]]:
    """Every pair; those of every second row and column first, so that the whole picture is soon looked at."""
    places = [(row, col) for row in range(len(tops)) for col in range(len(lefts))]
    return [(tops[row], lefts[col]) for row, col in sorted(places, key=lambda one: (one[0] % 2, one[1] % 2))]


def _occluded(
    question: Question,
    one: np.ndarray,
    index: int,
    corners: list[tuple[int, int]],
    patch: int,
) -> Mapped:
    """Mean loss of the logit at each pixel (H, W) of one input (H, W, C)."""
    answer = answers_only(question)
    whole = run(answer, one[None], index)["chosen"][0]
    loss, cover = np.zeros(one.shape[:2], np.float32), np.zeros(one.shape[:2], np.float32)
    colour = one.mean(axis=(0, 1))
    for part in chunks(len(corners), question.batch):
        inputs = np.repeat(one[None], part.stop - part.start, axis=0)
        for hidden, (top, left) in zip(inputs, corners[part], strict=True):
            hidden[top : top + patch, left : left + patch] = colour
        losses = whole - run(answer, inputs, index)["chosen"]
        for lost, (top, left) in zip(losses, corners[part], strict=True):
            loss[top : top + patch, left : left + patch] += lost
            cover[top : top + patch, left : left + patch] += 1
        yield Part(part.stop, len(corners), lambda: loss / np.maximum(cover, 1))
    return loss / np.maximum(cover, 1)


@stepwise
def rise(
    network: Any,
    picture: Any,
    *,
    target: Any = None,
    layer: str | None = None,
    signed: bool = False,
    progress: Progress | None = None,
    masks: int = 500,
    cells: int = 7,
    keep: float = 0.5,
    rng: np.random.Generator | None = None,
) -> Steps:
    """RISE: the picture behind many random soft masks; a place is worth the class's mean probability where it is seen.

    S = sum over masks of p(masked) (M - mean of M) / (masks * keep): the paper's map less its mean level, so that zero
    means no influence.

    Args:
        network: as for ``grad_cam``.
        picture: as for ``grad_cam``.
        target: as for ``grad_cam``.
        layer: not used; the method looks at the input.
        signed: keep places whose hiding helps the class, as negative values.
        progress: called as ``progress(done, total)``, in masks, for each picture anew.
        masks: how many; the more, the less grain.
        cells: the masks' coarse cells along each side.
        keep: probability of a coarse cell to be seen, above 0 and below 1.
        rng: source of the masks; the same masks every time without one.

    Returns:
        As ``grad_cam``; raw has the input's resolution.

    Source:
        Petsiuk et al. 2018, arXiv:1806.07421, equation 6 and section 3.2.
    """
    question = ask_input(network, picture, target, signed, "rise")
    if masks < 1 or cells < 1 or not 0 < keep < 1:
        raise ConvvizError(
            f"{masks} masks of {cells} cells, each seen with probability {keep}, cannot be drawn; choose at least 1 "
            "mask and 1 cell and a probability between 0 and 1"
        )
    rng = np.random.default_rng(0) if rng is None else rng
    return (yield from _each(question, lambda one, index: _masked(question, one, index, masks, cells, keep, rng)))


def _masked(
    question: Question,
    one: np.ndarray,
    index: int,
    masks: int,
    cells: int,
    keep: float,
    rng: np.random.Generator,
) -> Mapped:
    """RISE's map (H, W) of one input (H, W, C)."""
    answer = answers_only(question)
    seen, total = np.zeros(one.shape[:2]), np.zeros(one.shape[:2])
    scores = 0.0
    black = question.subject.network.prepare(np.zeros((8, 8, 3), np.uint8))[0, 0, 0]

    def so_far(count: int) -> np.ndarray:
        return (seen - total * scores / count) / (count * keep)

    for part in chunks(masks, question.batch):
        drawn = np.stack(list(_soft_masks(part.stop - part.start, one.shape[:2], cells, keep, rng)))
        inputs = one * drawn[..., None] + black * (1 - drawn[..., None])
        found = run(answer, inputs.astype(np.float32), index)["score"].astype(np.float64)
        seen += np.einsum("n,nhw->hw", found, drawn)
        total += drawn.sum(axis=0)
        scores += found.sum()
        yield Part(part.stop, masks, partial(so_far, part.stop))
    return so_far(masks)


def _soft_masks(
    count: int, size: tuple[int, int], cells: int, keep: float, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Random grids of zeros and ones, enlarged bilinearly and shifted by up to a cell: float32 (H, W) each."""
    cell = [-(-side // cells) for side in size]
    for _ in range(count):
        coarse = (rng.random((cells + 1, cells + 1)) < keep).astype(np.float32)
        large = cv2.resize(coarse, ((cells + 1) * cell[1], (cells + 1) * cell[0]), interpolation=cv2.INTER_LINEAR)
        top, left = rng.integers(cell[0]), rng.integers(cell[1])
        yield large[top : top + size[0], left : left + size[1]]


def _each(question: Question, make: Callable[[np.ndarray, int], Mapped]) -> Steps:
    """Answers of a method that treats one picture at a time; make takes an input (H, W, C) and its class."""
    found, maps = run(answers_only(question), question.batch, question.wanted), []
    causes = [_STILL] * len(question.batch)
    for one, index in zip(question.batch, found["index"], strict=True):
        maps.append((yield from growing(question, make(one, int(index)), maps, found, causes)))
    return conclude(question, maps, found, causes)
