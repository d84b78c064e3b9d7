"""How much each place of a picture counted for a class: many methods, one signature, one form of answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from convviz import zoo
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
from convviz.attribution.catalogue import ABOUT, About
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

__all__ = ["ABOUT", "METHODS", "SLOW", "About", "Attribution", "TopClass", "top_classes", *METHODS]


@dataclass(frozen=True)
class TopClass:
    """One of a network's best guesses: the class's index and name, and its probability from 0 to 1."""

    index: int
    name: str
    probability: float


def top_classes(network: Any, picture: np.ndarray, count: int = 5) -> list[TopClass]:
    """A network's best guesses, the best first.

    Args:
        network: ``zoo.Network`` or a Keras model.
        picture: uint8 (H, W, 3), or a ready float batch (1, H, W, C).
        count: how many at most.

    Returns:
        Classes with falling probability; a network with a single sigmoid has two.
    """
    network = zoo.as_network(network)
    chances = network.predict(picture)
    best = np.argsort(-chances, kind="stable")[:count]
    return [TopClass(int(index), network.card.class_names[index], float(chances[index])) for index in best]
