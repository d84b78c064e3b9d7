"""Class activation maps: sums of one layer's feature maps, weighted by what each means to the class."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import numpy as np

from convviz import lazy, tracing
from convviz.attribution.question import (
    Mapped,
    Part,
    Progress,
    Question,
    Steps,
    Subject,
    answered,
    answers_only,
    ask,
    call,
    chunks,
    conclude,
    growing,
    run,
    stepwise,
)

tf = lazy.load("tensorflow")


@stepwise
def grad_cam(
    network: Any,
    picture: Any,
    *,
    target: Any = None,
    layer: str | None = None,
    signed: bool = False,
    progress: Progress | None = None,
) -> Steps:
    """Grad-CAM: feature maps A_k weighted by the mean gradient of the class's logit.

    L = ReLU(sum over k of w_k A_k), w_k = mean over places of dy/dA_k, with y the logit before softmax or sigmoid, so a
    saturated probability does no harm. Only the part of the network behind the layer is differentiated.

    Args:
        network: ``zoo.Network`` or a Keras model of any kind.
        picture: uint8 (H, W, 3), or a ready float batch (1, H, W, C). A list of pictures, or a batch of several, gives
            a list.
        target: class index, (output, index) for a network with several, None for each picture's top class. For a
            single sigmoid 1 and 0 are its two sides; 0 explains minus the logit.
        layer: path of a layer with feature maps; by default the one the network's card names.
        signed: keep the evidence against the class.
        progress: called as ``progress(done, total)``, in pictures.

    Returns:
        The map with its class, layer, probability, and a note where it is blank.

    Raises:
        ConvvizError: no such class, output or layer.

    Source:
        Selvaraju et al. 2017, arXiv:1610.02391, equations 1 and 2.
    """
    return (yield from _from_gradients("grad_cam", grad_cam_map, network, picture, target, layer, signed))


def grad_cam_map(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Grad-CAM before the ReLU: (N, h, w, C) activations and gradients of the logit to (N, h, w)."""
    return _weighted(activations, gradients.mean(axis=(1, 2)))


@stepwise
def grad_cam_plus_plus(
    network: Any,
    picture: Any,
    *,
    target: Any = None,
    layer: str | None = None,
    signed: bool = False,
    progress: Progress | None = None,
) -> Steps:
    """Grad-CAM++: weights that count every place of a class alike, however often or large it occurs.

    w_k = sum over places of alpha ReLU(g), alpha = g^2 / (2 g^2 + g^3 sum over places of A_k), with g = dy/dA_k; the
    paper's form for the score exp(y), without its constant factor.

    Args:
        network: as for ``grad_cam``.
        picture: as for ``grad_cam``.
        target: as for ``grad_cam``.
        layer: as for ``grad_cam``.
        signed: keep negative values of the sum.
        progress: as for ``grad_cam``.

    Returns:
        As ``grad_cam``.

    Source:
        Chattopadhay et al. 2018, arXiv:1710.11063, equation 19.
    """
    return (
        yield from _from_gradients(
            "grad_cam_plus_plus", grad_cam_plus_plus_map, network, picture, target, layer, signed
        )
    )


def grad_cam_plus_plus_map(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Grad-CAM++ before the last ReLU: (N, h, w, C) twice to (N, h, w)."""
    squares = gradients**2
    totals = activations.sum(axis=(1, 2), keepdims=True)
    below = 2 * squares + totals * squares * gradients
    alpha = np.divide(squares, below, out=np.zeros_like(squares), where=below != 0)
    return _weighted(activations, (alpha * np.maximum(gradients, 0)).sum(axis=(1, 2)))


@stepwise
def hires_cam(
    network: Any,
    picture: Any,
    *,
    target: Any = None,
    layer: str | None = None,
    signed: bool = False,
    progress: Progress | None = None,
) -> Steps:
    """HiResCAM: gradient times activation at every place, summed over channels; the gradient is not averaged.

    Where one linear layer follows, the sum over the map and the bias is the logit itself.

    Args:
        network: as for ``grad_cam``.
        picture: as for ``grad_cam``.
        target: as for ``grad_cam``.
        layer: as for ``grad_cam``.
        signed: as for ``grad_cam``.
        progress: as for ``grad_cam``.

    Returns:
        As ``grad_cam``.

    Source:
        Draelos and Carin 2020, arXiv:2011.08891, equation 5.
    """
    return (yield from _from_gradients("hires_cam", hires_cam_map, network, picture, target, layer, signed))


def hires_cam_map(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """HiResCAM before the ReLU: (N, h, w, C) twice to (N, h, w)."""
    return np.einsum("nhwc,nhwc->nhw", activations, gradients)


@stepwise
def layer_cam(
    network: Any,
    picture: Any,
    *,
    target: Any = None,
    layer: str | None = None,
    signed: bool = False,
    progress: Progress | None = None,
) -> Steps:
    """Layer-CAM: activation times the positive gradient at every place; sharp in early layers too.

    Args:
        network: as for ``grad_cam``.
        picture: as for ``grad_cam``.
        target: as for ``grad_cam``.
        layer: as for ``grad_cam``.
        signed: keep negative values of the sum.
        progress: as for ``grad_cam``.

    Returns:
        As ``grad_cam``.

    Source:
        Jiang et al. 2021, LayerCAM, IEEE TIP 30, equations 5 to 7, doi:10.1109/TIP.2021.3089943.
    """
    return (yield from _from_gradients("layer_cam", layer_cam_map, network, picture, target, layer, signed))


def layer_cam_map(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Layer-CAM before the last ReLU: (N, h, w, C) twice to (N, h, w)."""
    return np.einsum("nhwc,nhwc->nhw", activations, np.maximum(gradients, 0))


@stepwise
def xgrad_cam(
    network: Any,
    picture: Any,
    *,
    target: Any = None,
    layer: str | None = None,
    signed: bool = False,
    progress: Progress | None = None,
) -> Steps:
    """XGrad-CAM: gradients averaged with the activations as weights, which best conserves the class's score.

    Args:
        network: as for ``grad_cam``.
        picture: as for ``grad_cam``.
        target: as for ``grad_cam``.
        layer: as for ``grad_cam``.
        signed: as for ``grad_cam``.
        progress: as for ``grad_cam``.

    Returns:
        As ``grad_cam``.

    Source:
        Fu et al. 2020, arXiv:2008.02312, equation 8.
    """
    return (yield from _from_gradients("xgrad_cam", xgrad_cam_map, network, picture, target, layer, signed))


def xgrad_cam_map(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """XGrad-CAM before the ReLU: (N, h, w, C) twice to (N, h, w)."""
    totals = activations.sum(axis=(1, 2))
    products = (activations * gradients).sum(axis=(1, 2))
    return _weighted(activations, np.divide(products, totals, out=np.zeros_like(totals), where=totals != 0))


@stepwise
def eigen_cam(
    network: Any,
    picture: Any,
    *,
    target: Any = None,
    layer: str | None = None,
    signed: bool = False,
    progress: Progress | None = None,
) -> Steps:
    """Eigen-CAM: the feature maps' first principal component; it asks for no class and takes no gradient.

    Args:
        network: as for ``grad_cam``.
        picture: as for ``grad_cam``.
        target: only named in the answer; the map is the same for every class.
        layer: as for ``grad_cam``.
        signed: keep negative values of the component.
        progress: as for ``grad_cam``.

    Returns:
        As ``grad_cam``.

    Source:
        Muhammad and Yeasin 2020, arXiv:2008.00299, section III; its sign is taken so that the map's sum is positive.
    """
    return (yield from _from_gradients("eigen_cam", eigen_cam_map, network, picture, target, layer, signed))


def eigen_cam_map(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """First principal component of (N, h, w, C) activations over places, (N, h, w); gradients are not used."""
    maps = np.zeros(activations.shape[:3], np.float32)
    for place, one in enumerate(activations):
        flat = one.reshape(-1, one.shape[-1])
        component = flat @ np.linalg.svd(flat, full_matrices=False)[2][0]
        maps[place] = (component * (np.sign(component.sum()) or 1)).reshape(one.shape[:2])
    return maps


def _weighted(activations: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum over channels of (N, h, w, C) activations times (N, C) weights."""
    return np.einsum("nhwc,nc->nhw", activations, weights, optimize=True)


def _from_gradients(
    method: str,
    formula: Callable[[np.ndarray, np.ndarray], np.ndarray],
    network: Any,
    picture: Any,
    target: Any,
    layer: str | None,
    signed: bool,
) -> Steps:
    """A map that a formula makes of a layer's activations and the logit's gradient there."""
    question = ask(network, picture, target, layer, signed, method)
    function = call(question, "head", _head)
    parts, causes = [], []
    for part in chunks(len(question.batch), question.batch):
        found = run(function, question.batch[part], question.wanted)
        activations, gradients = found.pop("activations"), found.pop("gradients")
        causes += [_cause(*pair, bool(found["connected"])) for pair in zip(activations, gradients, strict=True)]
        parts.append({"maps": formula(activations, gradients), "index": found["index"], "score": found["score"]})
        yield Part(part.stop, len(question.batch))
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return conclude(question, joined.pop("maps"), joined, causes)


def _head(subject: Subject, batch: Any, wanted: Any) -> dict[str, Any]:
    """The answer, the layer's output and the gradient there; the tape begins at the layer. Traced."""
    calls = []
    with tf.GradientTape(watch_accessed_variables=False) as tape:

        def watch(path: str, _: Any, output: Any) -> None:
            if path == subject.layer:
                tape.watch(output)
                calls.append(output)

        with tracing.listening(subject.network.model, watch, fold=True, kept=[subject.layer]):
            found = answered(subject, batch, wanted)
    gradients = tape.gradient(found["chosen"], calls)
    reached = [pair for pair in zip(calls, gradients, strict=True) if pair[1] is not None]
    activations, gradient = reached[-1] if reached else (calls[-1], tf.zeros_like(calls[-1]))
    found["activations"] = tf.cast(activations, tf.float32)
    found["gradients"] = tf.cast(gradient, tf.float32)
    found["connected"] = tf.constant(bool(reached))
    return found


def _cause(activations: np.ndarray, gradients: np.ndarray, connected: bool) -> str:
    """Why a map of this layer would be blank."""
    if not connected:
        return "no path leads from this layer to the class; choose a layer that the explained output depends on"
    if not activations.any():
        return "this layer is dead on this picture: all its feature maps are zero; choose an earlier layer"
    if not gradients.any():
        return (
            "the class does not change with this layer: what lies between is saturated or dead; choose another layer "
            "or class"
        )
    return "the weights and the feature maps cancel at every place of this layer"


@stepwise
def score_cam(
    network: Any,
    picture: Any,
    *,
    target: Any = None,
    layer: str | None = None,
    signed: bool = False,
    progress: Progress | None = None,
    channels: int | None = None,
) -> Steps:
    """Score-CAM: each feature map masks the picture; how much of the class is left is its weight. No gradient.

    L = ReLU(sum over k of a_k A_k), a = softmax over k of y(X * H_k) - y(0), with H_k the feature map enlarged to the
    input and scaled to [0, 1]. It costs a pass of the network for every channel.

    Args:
        network: as for ``grad_cam``.
        picture: as for ``grad_cam``.
        target: as for ``grad_cam``.
        layer: as for ``grad_cam``.
        signed: keep negative values of the sum.
        progress: called as ``progress(done, total)``, in masks, for each picture anew.
        channels: take only so many channels, those that vary most (Faster-Score-CAM); None for all.

    Returns:
        As ``grad_cam``.

    Source:
        Wang et al. 2020, arXiv:1910.01279, algorithm 1.
    """
    question = ask(network, picture, target, layer, signed, "score_cam")
    return (yield from _picture_by_picture(question, lambda *one: _score_cam_map(question, *one, channels)))


def _score_cam_map(question: Question, batch: np.ndarray, index: int, maps: np.ndarray, channels: int | None) -> Mapped:
    """Score-CAM of one picture: (1, H, W, C) and (h, w, K) maps to (h, w)."""
    picked = np.argsort(-maps.std(axis=(0, 1)), kind="stable")[:channels]
    picked = picked[np.ptp(maps[..., picked], axis=(0, 1)) > 0]  # a constant map masks nothing
    if not len(picked):
        return np.zeros(maps.shape[:2], np.float32)
    answer = answers_only(question)
    scores = np.empty(len(picked), np.float32)

    def so_far(count: int) -> np.ndarray:
        powers = np.exp(scores[:count] - scores[:count].max())  # the empty picture's score cancels in the softmax
        return maps[..., picked[:count]] @ (powers / powers.sum())

    for part in chunks(len(picked), batch):
        masks = _masks(maps[..., picked[part]], batch.shape[1:3])
        scores[part] = run(answer, batch * masks, index)["chosen"]
        yield Part(part.stop, len(picked), partial(so_far, part.stop))
    return so_far(len(picked))


def _masks(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Feature maps (h, w, k) enlarged and scaled to [0, 1]: (k, H, W, 1)."""
    large = np.stack([cv2.resize(maps[..., k], size[::-1]) for k in range(maps.shape[-1])])
    low, high = large.min(axis=(1, 2), keepdims=True), large.max(axis=(1, 2), keepdims=True)
    return ((large - low) / np.maximum(high - low, 1e-12))[..., None].astype(np.float32)


@stepwise
def ablation_cam(
    network: Any,
    picture: Any,
    *,
    target: Any = None,
    layer: str | None = None,
    signed: bool = False,
    progress: Progress | None = None,
) -> Steps:
    """Ablation-CAM: each feature map is set to zero in turn; what the logit loses is its weight. No gradient.

    w_k = y - y without A_k. The paper divides by y, which scales the map and turns it round where y is negative.
    It costs a pass of the network's head for every channel.

    Args:
        network: as for ``grad_cam``.
        picture: as for ``grad_cam``.
        target: as for ``grad_cam``.
        layer: as for ``grad_cam``.
        signed: as for ``grad_cam``.
        progress: called as ``progress(done, total)``, in channels, for each picture anew.

    Returns:
        As ``grad_cam``.

    Source:
        Desai and Ramaswamy 2020, Ablation-CAM, WACV, equations 5 to 7, doi:10.1109/WACV45572.2020.9093360.
    """
    question = ask(network, picture, target, layer, signed, "ablation_cam")
    return (yield from _picture_by_picture(question, lambda *one: _ablation_cam_map(question, *one)))


def _ablation_cam_map(question: Question, batch: np.ndarray, index: int, maps: np.ndarray) -> Mapped:
    """Ablation-CAM of one picture: (1, H, W, C) and (h, w, K) maps to (h, w)."""
    behind = call(question, "behind", _behind, tf.TensorSpec((None, *maps.shape), tf.float32))
    whole = run(behind, batch, index, tf.constant(maps[None]))["chosen"][0]
    order = np.argsort(-maps.std(axis=(0, 1)), kind="stable")  # those that vary most come first
    weights = np.zeros(maps.shape[-1], np.float32)
    for part in chunks(maps.shape[-1], batch):
        kept = 1 - np.eye(maps.shape[-1], dtype=np.float32)[order[part]]
        several = np.repeat(batch, len(kept), axis=0)
        weights[order[part]] = whole - run(behind, several, index, tf.constant(maps * kept[:, None, None]))["chosen"]
        yield Part(part.stop, maps.shape[-1], lambda: maps @ weights)
    return maps @ weights


def _behind(subject: Subject, batch: Any, wanted: Any, maps: Any) -> dict[str, Any]:
    """The answer with the layer's output replaced. Traced; what only led to the layer is pruned from the graph."""

    def replace(path: str, _: Any, output: Any) -> Any:
        return tf.cast(maps, output.dtype) if path == subject.layer else None

    with tracing.listening(subject.network.model, replace, fold=True, kept=[subject.layer]):
        return answered(subject, batch, wanted)


def _picture_by_picture(question: Question, make: Callable[..., Mapped]) -> Steps:
    """Answers of a method that needs many passes for each picture; make takes (batch of one, class, maps)."""
    function = call(question, "head", _head)
    maps, causes, told = [], [], {"index": [], "score": []}
    for batch in question.batch[:, None]:
        found = run(function, batch, question.wanted)
        activations, index = found["activations"][0], int(found["index"][0])
        causes.append("" if activations.any() else _cause(activations, activations, True))
        told["index"].append(index)
        told["score"].append(found["score"][0])
        maps.append((yield from growing(question, make(batch, index, activations), maps, told, causes)))
    return conclude(question, maps, told, causes)
