"""How much each place of a picture counted for a class: many methods, one signature, one form of answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
from convviz.attribution.explaining import METHODS, SLOW, Explaining, check, explain, explained
from convviz.attribution.gradients import (
    gradient,
    gradient_times_input,
    guided_backpropagation,
    integrated_gradients,
    smooth_gradient,
)
from convviz.attribution.masks import occlusion, rise
from convviz.attribution.question import ONLY_AGAINST, Attribution, answers_only, ask_input, evidence, run, sized

__all__ = [
    "ABOUT",
    "METHODS",
    "ONLY_AGAINST",
    "SLOW",
    "About",
    "Attribution",
    "Explaining",
    "TopClass",
    "ablation_cam",
    "check",
    "eigen_cam",
    "evidence",
    "explain",
    "explained",
    "grad_cam",
    "grad_cam_plus_plus",
    "gradient",
    "gradient_times_input",
    "guided_backpropagation",
    "hires_cam",
    "integrated_gradients",
    "layer_cam",
    "occlusion",
    "rise",
    "score_cam",
    "sized",
    "smooth_gradient",
    "top_classes",
    "xgrad_cam",
]


@dataclass(frozen=True)
class TopClass:
    """One of a network's best guesses: the class's index and name, and its probability from 0 to 1.

    Where an output does not end in classes, the probability is the output's own number; of an answer that is a map it
    is the mean over its places (Vinogradova, Dibrov & Myers 2020, arXiv:2002.11434).
    """

    index: int
    name: str
    probability: float


def top_classes(network: Any, picture: np.ndarray, count: int = 5, *, output: Any = None) -> list[TopClass]:
    """A network's best guesses, the best first.

    Args:
        network: ``zoo.Network`` or a Keras model.
        picture: uint8 (H, W, 3), or a ready float batch (1, H, W, C).
        count: how many at most.
        output: place or name of another output than the network's own; its classes are numbered.

    Returns:
        Classes with falling probability; a network with a single sigmoid has two.

    Raises:
        ConvvizError: there is no such output.
    """
    network = zoo.as_network(network)
    names: Sequence[str] = network.card.class_names
    if output is None and names:
        chances = network.predict(picture)
    else:
        asked = ask_input(network, picture, None if output is None else (output, None), True, "")
        found = run(answers_only(asked), asked.batch, asked.wanted)
        chances, sides = found["chances"][0], found["places"].tolist()
        of_a_map = f", averaged over {' × '.join(map(str, sides))} places" if math.prod(sides) > 1 else ""
        names = [f"output {index}{of_a_map}" for index in range(len(chances))]
    best = np.argsort(-chances, kind="stable")[:count]
    return [TopClass(int(index), names[index], float(chances[index])) for index in best]
