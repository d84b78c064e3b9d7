"""Attributions from the gradient of the class's logit with respect to the input."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from convviz import lazy
from convviz.attribution.question import (
    Part,
    Progress,
    Question,
    Steps,
    Subject,
    answered,
    ask_input,
    call,
    chunks,
    conclude,
    finished,
    run,
    stepwise,
)

tf = lazy.load("tensorflow")

FEW = 99.0  # percentile that becomes 1 in a heat map of single pixels (Smilkov et al. 2017, section 3)
_GUIDED = {"Relu": "ConvvizGuidedRelu", "Relu6": "ConvvizGuidedRelu6", "LeakyRelu": "ConvvizGuidedLeakyRelu"}
_STILL = "the class does not change with the input: what lies between is saturated or dead"


@stepwise
def gradient(
    network: Any,
    picture: Any,
    *,
    target: Any = None,
    layer: str | None = None,
    signed: bool = False,
    progress: Progress | None = None,
) -> Steps:
    """Saliency: how strongly each pixel moves the logit; the largest absolute gradient among the colours.

    Args:
        network: as for ``grad_cam``.
        picture: as for ``grad_cam``.
        target: as for ``grad_cam``.
        layer: not used; the method looks at the input.
        signed: the gradient itself, summed over colours, in place of its size.
        progress: called as ``progress(done, total)``, in pictures.

    Returns:
        As ``grad_cam``; raw has the input's resolution, and in the heat map the 99th percentile is 1.

    Source:
        Simonyan et al. 2013, arXiv:1312.6034, section 3.1.
    """
    question = ask_input(network, picture, target, signed, "gradient")
    found = yield from _gradients(question)
    return conclude(question, _sizes(question, found["gradients"]), found, _causes(found), clip=FEW, absolute=True)


@stepwise
def smooth_gradient(
    network: Any,
    picture: Any,
    *,
    target: Any = None,
    layer: str | None = None,
    signed: bool = False,
    progress: Progress | None = None,
    samples: int = 25,
    noise: float = 0.15,
    rng: np.random.Generator | None = None,
) -> Steps:
    """SmoothGrad: the gradient averaged over copies of the input with Gaussian noise.

    Args:
        network: as for ``grad_cam``.
        picture: as for ``grad_cam``.
        target: as for ``grad_cam``.
        layer: not used; the method looks at the input.
        signed: as for ``gradient``.
        progress: called as ``progress(done, total)``, in samples, for each picture anew.
        samples: number of noisy copies.
        noise: standard deviation, in shares of the input's range.
        rng: source of the noise; the same noise every time without one.

    Returns:
        As ``gradient``.

    Source:
        Smilkov et al. 2017, arXiv:1706.03825, section 2.
    """
    question = ask_input(network, picture, target, signed, "smooth_gradient")
    rng = np.random.default_rng(0) if rng is None else rng

    def noisy(one: np.ndarray, count: int) -> np.ndarray:
        grain = rng.standard_normal((count, *one.shape), dtype=np.float32)
        return one + np.float32(noise * np.ptp(one)) * grain

    def concluded(asked: Question, mean: np.ndarray, found: dict[str, np.ndarray]) -> Any:
        return conclude(asked, _sizes(asked, mean), found, _causes(found), clip=FEW, absolute=True)

    return (yield from _mean_gradients(question, samples, noisy, concluded))


@stepwise
def gradient_times_input(
    network: Any,
    picture: Any,
    *,
    target: Any = None,
    layer: str | None = None,
    signed: bool = False,
    progress: Progress | None = None,
) -> Steps:
    """Gradient times input, summed over colours: the logit's first-order part that each pixel brings.

    Args:
        network: as for ``grad_cam``.
        picture: as for ``grad_cam``.
        target: as for ``grad_cam``.
        layer: not used; the method looks at the input.
        signed: keep the evidence against the class.
        progress: called as ``progress(done, total)``, in pictures.

    Returns:
        As ``grad_cam``; raw has the input's resolution, and in the heat map the 99th percentile is 1.

    Source:
        Shrikumar et al. 2016, arXiv:1605.01713, section 3.
    """
    question = ask_input(network, picture, target, signed, "gradient_times_input")
    found = yield from _gradients(question)
    maps = (found["gradients"] * question.batch).sum(axis=-1)
    return conclude(question, maps, found, _causes(found), clip=FEW)


@stepwise
def integrated_gradients(
    network: Any,
    picture: Any,
    *,
    target: Any = None,
    layer: str | None = None,
    signed: bool = False,
    progress: Progress | None = None,
    steps: int = 32,
    baseline: np.ndarray | None = None,
) -> Steps:
    """Integrated gradients: the gradient along the straight line from a baseline, times the difference from it.

    The sum of the signed map is the difference of the two logits, up to the error of the midpoint rule; the answer's
    ``adds_up`` has both. The gradient jumps wherever a ReLU opens on the way, so that rules for smooth functions are no
    better: with 32 gradients the trapezoid and Gauss-Legendre rules were further off on average on bundled networks.

    Args:
        network: as for ``grad_cam``.
        picture: as for ``grad_cam``.
        target: as for ``grad_cam``.
        layer: not used; the method looks at the input.
        signed: keep the evidence against the class.
        progress: called as ``progress(done, total)``, in steps, for each picture anew.
        steps: points on the line.
        baseline: float (H, W, C), a prepared input; black without one.

    Returns:
        As ``gradient_times_input``.

    Source:
        Sundararajan et al. 2017, arXiv:1703.01365, equations 1 and 3.
    """
    question = ask_input(network, picture, target, signed, "integrated_gradients")
    start = _black(question) if baseline is None else np.asarray(baseline, np.float32)
    order = _from_end_to_end(steps, question.batch)
    places = ((order.astype(np.float32) + 0.5) / np.float32(steps))[:, None, None, None]
    taken, sums = 0, np.zeros(0, np.float32)

    def along(one: np.ndarray, count: int) -> np.ndarray:
        nonlocal taken
        chosen = places[np.arange(taken, taken + count) % steps]
        taken += count
        return start + chosen * (one - start)

    def concluded(asked: Question, mean: np.ndarray, found: dict[str, np.ndarray]) -> Any:
        nonlocal sums
        maps = (mean * (question.batch[: len(mean)] - start)).sum(axis=-1)
        sums = maps.sum(axis=(1, 2))
        return conclude(asked, maps, found, _causes(found), clip=FEW)

    answers = yield from _mean_gradients(question, steps, along, concluded)
    several = [answers] if question.single else answers
    whole = [
        replace(answer, adds_up=(float(total), _between(question, one, start, answer.target)))
        for answer, total, one in zip(several, sums, question.batch, strict=True)
    ]
    return whole[0] if question.single else whole


def _between(question: Question, one: np.ndarray, start: np.ndarray, target: Any) -> float:
    """By how much the explained number of one input (H, W, C) is above that of another."""
    index = target[1] if isinstance(target, tuple) else target
    here, there = run(call(question, "input", _plain), np.stack([one, start]), index)["chosen"]
    return float(here - there)


def _from_end_to_end(steps: int, batch: np.ndarray) -> np.ndarray:
    """The steps of a way in such an order that each of the parts in which they are taken goes along all of it."""
    parts = len(list(chunks(steps, batch)))
    return np.concatenate([np.arange(first, steps, parts) for first in range(parts)])


@stepwise
def guided_backpropagation(
    network: Any,
    picture: Any,
    *,
    target: Any = None,
    layer: str | None = None,
    signed: bool = False,
    progress: Progress | None = None,
) -> Steps:
    """Guided backpropagation: the gradient, of which every ReLU passes back the positive part only.

    It draws crisp pictures, but depends little on the class or even the weights (Adebayo et al. 2018,
    arXiv:1810.03292). In a network without ReLUs it is the plain gradient.

    Args:
        network: as for ``grad_cam``.
        picture: as for ``grad_cam``.
        target: as for ``grad_cam``.
        layer: not used; the method looks at the input.
        signed: as for ``gradient``.
        progress: called as ``progress(done, total)``, in pictures.

    Returns:
        As ``gradient``.

    Source:
        Springenberg et al. 2014, arXiv:1412.6806, section 3.4.
    """
    question = ask_input(network, picture, target, signed, "guided_backpropagation")
    found = yield from _gradients(question, "guided", _guided)
    return conclude(question, _sizes(question, found["gradients"]), found, _causes(found), clip=FEW, absolute=True)


def _sizes(question: Question, gradients: np.ndarray) -> np.ndarray:
    """Gradients (N, H, W, C) as maps: their sum over colours when signed, else the largest absolute value."""
    return gradients.sum(axis=-1) if question.signed else np.abs(gradients).max(axis=-1)


def _black(question: Question) -> np.ndarray:
    """A black picture as the network takes it, (H, W, C)."""
    network = question.subject.network
    black = network.prepare(np.zeros((8, 8, 3), np.uint8))[0]
    return np.broadcast_to(black[:1, :1], question.batch.shape[1:]).astype(np.float32)


def _causes(found: dict[str, np.ndarray]) -> list[str]:
    """Why each map would be blank."""
    return ["" if one.any() else _STILL for one in found["gradients"]]


def _gradients(
    question: Question, what: str = "input", body: Callable | None = None
) -> Generator[Part, None, dict[str, np.ndarray]]:
    """Index, score and the gradient (N, H, W, C) with respect to the input of every picture."""
    function, parts = call(question, what, body or _plain), []
    for part in chunks(len(question.batch), question.batch):
        parts.append(run(function, question.batch[part], question.wanted))
        yield Part(part.stop, len(question.batch))
    return {name: np.concatenate([part[name] for part in parts]) for name in ("index", "score", "gradients")}


def _mean_gradients(
    question: Question,
    count: int,
    make: Callable[[np.ndarray, int], np.ndarray],
    concluded: Callable[[Question, np.ndarray, dict[str, np.ndarray]], Any],
) -> Steps:
    """What is concluded from each picture's gradient, averaged over the inputs that make gives.

    Args:
        question: asked.
        count: inputs for each picture.
        make: (picture as input (H, W, C), how many) -> the next inputs (n, H, W, C).
        concluded: (question about the first pictures, their mean gradients, what was found) -> answers.
    """
    found = finished(_gradients(question))
    function = call(question, "input", _plain)
    means = np.zeros_like(question.batch)
    for place, one in enumerate(question.batch):
        for part in chunks(count, question.batch):
            inputs = np.asarray(make(one, part.stop - part.start), np.float32)
            gradients = run(function, inputs, int(found["index"][place]))["gradients"]
            means[place] += gradients.sum(axis=0) / np.float32(count)

            def so_far(place: int = place, share: float = part.stop / count) -> Any:
                until = means[: place + 1].copy()
                until[place] /= np.float32(share)
                return concluded(replace(question, sizes=question.sizes[: place + 1]), until, found)

            yield Part(part.stop, count, so_far)
    return concluded(question, means, found)


def _plain(subject: Subject, batch: Any, wanted: Any) -> dict[str, Any]:
    """The answer and the gradient of the chosen logit with respect to the input. Traced."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(batch)
        found = answered(subject, batch, wanted)
    slope = tape.gradient(found["chosen"], batch)
    return {**found, "gradients": tf.zeros_like(batch) if slope is None else slope}


def _guided(subject: Subject, batch: Any, wanted: Any) -> dict[str, Any]:
    """As ``_plain`` with the ReLUs' gradients replaced, in this graph only. Traced."""
    _register_guided()
    with tf.compat.v1.get_default_graph().gradient_override_map(_GUIDED):
        found = answered(subject, batch, wanted)
    slope = tf.gradients(found["chosen"], batch)[0]
    return {**found, "gradients": tf.zeros_like(batch) if slope is None else slope}


@cache
def _register_guided() -> None:
    """Make the guided gradients known to TensorFlow under names of our own."""

    def guided(inside: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
        return lambda op, slope: tf.where(inside(op.inputs[0]), tf.maximum(slope, 0), 0)

    tf.RegisterGradient(_GUIDED["Relu"])(guided(lambda value: value > 0))
    tf.RegisterGradient(_GUIDED["LeakyRelu"])(guided(lambda value: value > 0))
    tf.RegisterGradient(_GUIDED["Relu6"])(guided(lambda value: (value > 0) & (value < 6)))
