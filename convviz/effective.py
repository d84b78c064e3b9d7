"""The effective receptive field: how much each pixel that a unit can see really moves it.

A stack of layers gets random weights, a picture of noise goes in, and the gradient of one unit comes back to the
pixels. The mean of its magnitude over many draws is large in the middle of the theoretical window and dies away to its
sides, because the middle is reached on many more paths.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from convviz import ConvvizError, lazy, stacks
from convviz.convolution import padding_amounts

keras = lazy.load("keras")
tf = lazy.load("tensorflow")

WEIGHTS = ("random", "equal")
CHANNELS = 8  # of every convolution with random weights
RUNS = 16
TOLD = 1 - 0.9545  # of the largest value: what is above counts as the effective field (Luo et al., section 3)


@dataclass(frozen=True, eq=False)
class Reach:
    """What has been measured so far.

    Attributes:
        gradient: float32 (h, w), the mean magnitude over draws and colours at every pixel of the part of the
            theoretical window that lies inside the picture; the largest value is 1.
        window: (top, left, bottom, right) of that part, pixels of the picture.
        middle: share of the gradient in the middle of the theoretical window, half its height and half its width.
        even: share that an even gradient would have there.
        side: pixels of a square as large as the effective field: the pixels above 4.55 % of the largest value.
        done: draws so far.
        total: draws in all.
    """

    gradient: np.ndarray
    window: tuple[int, int, int, int]
    middle: float
    even: float
    side: float
    done: int
    total: int


def measure(
    text: str,
    side: int,
    layer: int,
    row: int,
    col: int,
    *,
    weights: str = "random",
    relu: bool = True,
    runs: int = RUNS,
    seed: int = 0,
) -> Iterator[Reach]:
    """Measure the gradient of one unit, draw after draw.

    Args:
        text: the stack, for ``stacks.parse``.
        side: of the square picture, pixels.
        layer: of the unit, from 0.
        row: of the unit in its map.
        col: of the unit in its map.
        weights: "random" (normal, as He et al. advise, 8 channels, pictures of normal noise) or "equal" (every weight
            alike, 1 channel, pictures of even noise from 0 to 1).
        relu: after every convolution but the unit's own.
        runs: draws.
        seed: of the draws.

    Yields:
        a `Reach` after every draw; a message ``{"stop": True}`` ends it.

    Raises:
        ConvvizError: the stack is not understood, or the picture or the unit does not fit it.

    Source:
        Luo, Li, Urtasun & Zemel 2016, Understanding the effective receptive field, arXiv:1701.04128.
    """
    stack = stacks.parse(text)
    maps = stacks.sides(stack, side)
    if not (0 <= layer < len(stack) and 0 <= row < maps[layer + 1] and 0 <= col < maps[layer + 1]):
        raise ConvvizError(
            f"there is no unit at row {row}, column {col} of layer {layer + 1}; choose one inside its map"
        )
    if weights not in WEIGHTS:
        raise ConvvizError(f"there are no weights {weights[:40]!r}; choose one of {', '.join(WEIGHTS)}")
    whole = stacks.fields(stack, side)[layer].window(row, col)
    model = _model(stack[: layer + 1], side, relu, 1 if weights == "equal" else CHANNELS)
    slope = _slope(model, row, col)
    rng, total = np.random.default_rng(seed), np.zeros((side, side))
    for done in range(1, runs + 1):
        model.set_weights([_drawn(one.shape, weights, rng) for one in model.get_weights()])
        picture = rng.standard_normal((1, side, side, 3)) if weights == "random" else rng.random((1, side, side, 3))
        total += np.abs(slope(tf.constant(picture, tf.float32)).numpy()[0]).sum(axis=-1)
        message = yield _told(total, whole, done, runs)
        if message and message.get("stop"):
            return


def reached(text: str, side: int) -> tuple[np.ndarray, np.ndarray]:
    """The theoretical windows beside the pixels whose gradient is not zero, for the middle unit of every layer.

    Weights are equal and positive and maxima are replaced by means, so that no path cancels or is left out. Layers
    whose middle window does not lie inside the picture are left out.

    Args:
        text: the stack, for ``stacks.parse``.
        side: of the square picture, pixels.

    Returns:
        two int arrays (layers, 4) of top, left, bottom, right: by the rule, and by Keras' gradient.

    Raises:
        ConvvizError: the stack is not understood or does not fit, or no layer's middle window does.
    """
    stack = tuple(replace(one, kind="average" if one.kind == "max" else one.kind) for one in stacks.parse(text))
    maps, ours, theirs = stacks.sides(stack, side)[1:], [], []
    for layer, (size, field) in enumerate(zip(maps, stacks.fields(stack, side), strict=True)):
        window = field.window(size // 2, size // 2)
        if min(window[:2]) < 0 or max(window[2:]) > side:
            continue
        model = _model(stack[: layer + 1], side, False, 1)
        model.set_weights([_drawn(one.shape, "equal", None) for one in model.get_weights()])
        slope = _slope(model, size // 2, size // 2)(tf.ones((1, side, side, 3))).numpy()[0].sum(axis=-1)
        seen = np.argwhere(slope > 0)
        ours.append(window)
        theirs.append((*seen.min(axis=0), *(seen.max(axis=0) + 1)))
    if not ours:
        raise ConvvizError(
            f"no layer's middle window lies inside a picture of {side} pixels; choose a larger picture to check"
        )
    return np.array(ours), np.array(theirs)


def _model(stack: stacks.Stack, side: int, relu: bool, channels: int) -> Any:
    """The layers as Keras has them; paddings in pixels are zeros."""
    layers, made = keras.layers, [keras.Input((side, side, 3))]
    for number, (one, size) in enumerate(zip(stack, stacks.sides(stack, side), strict=False)):
        padding, apart = one.padding, one.dilation > 1 and one.stride > 1
        if isinstance(padding, int) or apart:
            amounts = padding_amounts(size, one.size, one.stride, padding, one.dilation)
            made.append(layers.ZeroPadding2D((amounts, amounts)))
            padding = "valid"
        if one.kind == "conv":
            active = "relu" if relu and number < len(stack) - 1 else None
            stride, step = (1, one.stride) if apart else (one.stride, 1)
            choices = {"dilation_rate": one.dilation, "activation": active, "use_bias": False}
            made.append(layers.Conv2D(channels, one.size, stride, padding, **choices))
            if step > 1:  # Keras takes no stride together with a dilation: places are left out afterwards
                made.append(layers.MaxPooling2D(1, step))
        else:
            pooling = layers.MaxPooling2D if one.kind == "max" else layers.AveragePooling2D
            made.append(pooling(one.size, one.stride, padding))
    return keras.Sequential(made)


def _slope(model: Any, row: int, col: int) -> Any:
    """A function from a batch with one picture to the gradient of the unit's first channel."""

    @tf.function(autograph=False, jit_compile=False)
    def slope(picture: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(picture)
            unit = model(picture, training=False)[0, row, col, 0]
        return tape.gradient(unit, picture)

    return slope


def _drawn(shape: tuple[int, ...], weights: str, rng: np.random.Generator | None) -> np.ndarray:
    """Weights of one convolution, (kh, kw, C, F)."""
    inputs = np.prod(shape[:3])
    if weights == "equal":
        return np.full(shape, 1 / inputs, np.float32)
    return (rng.standard_normal(shape) * np.sqrt(2 / inputs)).astype(np.float32)


def _told(total: np.ndarray, whole: tuple[int, int, int, int], done: int, runs: int) -> Reach:
    """The record of what has been added up."""
    top, left, bottom, right = whole
    inside = (max(top, 0), max(left, 0), min(bottom, len(total)), min(right, len(total)))
    seen = total[inside[0] : inside[2], inside[1] : inside[3]]
    half = [
        (np.abs(np.arange(first, last) + 0.5 - (low + high) / 2) <= (high - low) / 4)
        for first, last, low, high in ((inside[0], inside[2], top, bottom), (inside[1], inside[3], left, right))
    ]
    middle = np.outer(*half)
    gradient = (seen / max(seen.max(initial=0), 1e-30)).astype(np.float32)
    share = float(seen[middle].sum() / max(seen.sum(), 1e-30))
    size = float(np.sqrt((gradient > TOLD).sum()))
    return Reach(gradient, inside, share, float(middle.mean()) if middle.size else 0.0, size, done, runs)
