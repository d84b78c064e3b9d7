"""The methods by name, and pictures explained part by part, so that who asks may be told how far it is, and stop it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from convviz import ConvvizError, zoo
from convviz.attribution.cams import (
    ablation_cam,
    eigen_cam,
    grad_cam,
    grad_cam_plus_plus,
    hires_cam,
    layer_cam,
    score_cam,
    xgrad_cam,
)
from convviz.attribution.gradients import (
    gradient,
    gradient_times_input,
    guided_backpropagation,
    integrated_gradients,
    smooth_gradient,
)
from convviz.attribution.masks import occlusion, rise
from convviz.attribution.question import Attribution

METHODS: Mapping[str, Callable[..., Any]] = {
    "grad_cam": grad_cam,
    "grad_cam_plus_plus": grad_cam_plus_plus,
    "hires_cam": hires_cam,
    "layer_cam": layer_cam,
    "xgrad_cam": xgrad_cam,
    "score_cam": score_cam,
    "ablation_cam": ablation_cam,
    "eigen_cam": eigen_cam,
    "gradient": gradient,
    "smooth_gradient": smooth_gradient,
    "gradient_times_input": gradient_times_input,
    "integrated_gradients": integrated_gradients,
    "guided_backpropagation": guided_backpropagation,
    "occlusion": occlusion,
    "rise": rise,
}
SLOW = ("score_cam", "ablation_cam", "smooth_gradient", "integrated_gradients", "occlusion", "rise")  # many passes


@dataclass(frozen=True)
class Explaining:
    """How far some explanations are.

    Attributes:
        done: parts of the work that are done, as a share from 0 to 1.
        answers: all of them, in the order in which they were asked for; empty until the last is there.
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
) -> Iterator[Explaining]:
    """Explain pictures one after the other, in parts of a fraction of a second.

    Args:
        network: ``zoo.Network`` or a Keras model.
        pictures: uint8 (H, W, 3) each; one picture may stand there several times.
        method: key in ``METHODS``.
        targets: one for each picture, as for ``grad_cam``.
        layer: as for ``grad_cam``.
        signed: as for ``grad_cam``.

    Yields:
        an ``Explaining`` after each part; a message ``{"stop": True}`` ends it.

    Raises:
        ConvvizError: there is no such method, class, output or layer.
    """
    network = zoo.as_network(network)
    check(method)
    answers: list[Attribution] = []
    pairs = list(zip(pictures, targets, strict=True))
    for place, (picture, target) in enumerate(pairs):
        steps = METHODS[method].steps(network, picture, target=target, layer=layer, signed=signed)
        while True:
            try:
                done, total = next(steps)
            except StopIteration as end:
                answers.append(end.value)
                break
            message = yield Explaining((place + done / total) / len(pairs))
            if message and message.get("stop"):
                return
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
