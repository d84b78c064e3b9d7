"""The methods by name, and pictures explained part by part, so that who asks may be told how far it is, and stop it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from convviz import ConvvizError, zoo
from convviz.attribution import cams, gradients, masks
from convviz.attribution.question import Attribution

METHODS: Mapping[str, Callable[..., Any]] = {
    "grad_cam": cams.grad_cam,
    "grad_cam_plus_plus": cams.grad_cam_plus_plus,
    "hires_cam": cams.hires_cam,
    "layer_cam": cams.layer_cam,
    "xgrad_cam": cams.xgrad_cam,
    "score_cam": cams.score_cam,
    "ablation_cam": cams.ablation_cam,
    "eigen_cam": cams.eigen_cam,
    "gradient": gradients.gradient,
    "smooth_gradient": gradients.smooth_gradient,
    "gradient_times_input": gradients.gradient_times_input,
    "integrated_gradients": gradients.integrated_gradients,
    "guided_backpropagation": gradients.guided_backpropagation,
    "occlusion": masks.occlusion,
    "rise": masks.rise,
}
SLOW = ("score_cam", "ablation_cam", "smooth_gradient", "integrated_gradients", "occlusion", "rise")  # many passes


EVERY = 0.4  # seconds between two looks at what there is so far


@dataclass(frozen=True)
class Explaining:
    """How far some explanations are.

    Attributes:
        done: parts of the work that are done, as a share from 0 to 1.
        answers: those that there are, in the order in which they were asked for. Before the last is finished all of
            them are without their heat maps, which ``sized`` gives them, and the last is what its map is so far.
    """

    done: float
    answers: tuple[Attribution, ...] = ()

    def light(self) -> Explaining:
        """The same without the answers."""
        return replace(self, answers=())


def explain(
    network: Any,
    pictures: Sequence[np.ndarray],
    method: str = "grad_cam",
    *,
    targets: Sequence[Any],
    layer: str | None = None,
    signed: bool = False,
    every: float = EVERY,
) -> Iterator[Explaining]:
    """Explain pictures one after the other, in parts of a fraction of a second; a slow method's map is seen to grow.

    Args:
        network: ``zoo.Network`` or a Keras model.
        pictures: uint8 (H, W, 3) each; one picture may stand there several times.
        method: key in ``METHODS``.
        targets: one for each picture, as for ``grad_cam``.
        layer: as for ``grad_cam``.
        signed: as for ``grad_cam``.
        every: seconds that pass at least between two records.

    Yields:
        an ``Explaining`` after the first part, and after later ones, with what there is so far; a message
        ``{"stop": True}`` ends it, and what was told last stays true.

    Raises:
        ConvvizError: there is no such method, class, output or layer.
    """
    network = zoo.as_network(network)
    check(method)
    answers: list[Attribution] = []
    pairs = list(zip(pictures, targets, strict=True))
    due = -math.inf
    for place, (picture, target) in enumerate(pairs):
        steps = METHODS[method].steps(network, picture, target=target, layer=layer, signed=signed)
        while True:
            try:
                part = next(steps)
            except StopIteration as end:
                answers.append(end.value)
                break
            if part.so_far is None or time.monotonic() < due:
                continue
            now = replace(part.so_far(), note="")  # a blank map that is still growing has no cause yet
            there = tuple(answer.light() for answer in (*answers, now))
            message = yield Explaining((place + part.done / part.total) / len(pairs), there)
            if message and message.get("stop"):
                return
            due = time.monotonic() + every
    yield Explaining(1.0, tuple(answers))


def explained(
    network: Any,
    pictures: Sequence[np.ndarray],
    method: str = "grad_cam",
    *,
    targets: Sequence[Any],
    layer: str | None = None,
    signed: bool = False,
) -> tuple[Attribution, ...]:
    """The answers of ``explain``, all at once.

    Args:
        network: as for ``explain``, and so are all others.
        pictures: uint8 (H, W, 3) each.
        method: key in ``METHODS``.
        targets: one for each picture.
        layer: path, or None for the default.
        signed: keep the evidence against the class.

    Returns:
        One answer for each picture.
    """
    *_, last = explain(network, pictures, method, targets=targets, layer=layer, signed=signed)
    return last.answers


def check(*methods: str) -> None:
    """Raise ConvvizError where one of the names is no key in ``METHODS``."""
    unknown = [method for method in methods if method not in METHODS]
    if unknown:
        raise ConvvizError(f"there is no method {unknown[0][:80]!r}; choose from {', '.join(METHODS)}")
