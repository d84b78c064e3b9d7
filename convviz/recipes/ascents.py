"""The part of a pattern's program that climbs: noise or picture, the way up, the loop."""

from __future__ import annotations

import inspect
from typing import Any

from convviz.patterns import restraints, spectrum, wobble
from convviz.recipes.writing import literal

_GRADIENTS = '''
import numpy as np


def gradients(pixels, weights, before, rounded):
    """How each canvas must change for what is climbed to rise fastest: (N, H, W, C)."""
    pixels = tf.constant(pixels)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        heights = tf.reduce_sum(read(answers(pixels, before, rounded)) * weights, axis=-1)
    return tape.gradient(heights, pixels).numpy()


def scaled(gradients):
    """With a root mean square of 1, and which of them are zero: those are dead here."""
    size = np.sqrt(np.mean(np.square(gradients, dtype=np.float64), axis=(1, 2, 3)))
    dead = size == 0
    return gradients * (np.where(dead, 0, 1 / np.where(dead, 1, size))).astype(np.float32)[:, None, None, None], dead
'''

_ALIKE = '''
def alike(pixels, rounded):
    """How each picture must change to become more like the others of its filter, by the Gram matrices of the maps."""
    pixels = tf.constant(pixels)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        maps = answers(pixels, {before}, rounded)
        flat = tf.reshape(maps, (len(maps), -1, maps.shape[-1]))
        grams = tf.reshape(tf.matmul(flat, flat, transpose_a=True), (len(maps), -1))
        grams = tf.math.l2_normalize(grams, axis=-1)
        others = 1 - np.eye(len(maps), dtype=np.float32)
        likeness = tf.reduce_sum(tf.matmul(grams, grams, transpose_b=True) * others)
    return tape.gradient(likeness, pixels).numpy()
'''

_CLIMB = '''
def climb(stages):
    """Gradient ascent; each stage: (size, lengths of the steps in levels of 255, momentum, canvas without edges)."""
    pixels, chance = {beginning}
    step, steps = 0, sum(len(lengths) for _, lengths, _, _ in stages)
    for size, lengths, momentum, rounded in stages:
        pixels = fit(pixels, size)
        velocity = np.zeros_like(pixels)
        for length in lengths:
{look}
            direction, dead = {up}
{rescue}
{restrained}
            velocity = momentum * velocity + direction
            pixels = pixels + np.float32(length) * velocity
            step += 1
{after}
    return pictures(pixels, dead)
'''

_RESCUE = """
            if dead.any():  # where the ReLU leaves no slope, that of the numbers before it
                direction[dead], dead[dead] = {up}
"""

_NOISE = '''
def noise(seeds, size):
    """Grey noise around 128, 20 levels wide, for each seed its own; and what chance is drawn from later."""
    rng = np.random.default_rng(seed)
    grain = int(rng.integers(2**31))
    grains = [np.random.default_rng([grain, *one]).random((*size, {channels}), np.float32) for one in seeds]
    return 128 + np.float32(20) * np.stack(grains), np.random.default_rng(int(rng.integers(2**31)))


def fit(pixels, size):
    """A tile, repeated."""
    rows, columns = np.arange(size[0]) % pixels.shape[1], np.arange(size[1]) % pixels.shape[2]
    return pixels[:, rows[:, None], columns]


def pictures(pixels, dead):
    """As the lecture shows them: centred, contrast set to 0.1, brightness to 0.5."""
    centred = pixels - pixels.mean(axis=(1, 2, 3), keepdims=True)
    spread = np.sqrt((centred**2).mean(axis=(1, 2, 3), keepdims=True))
    shown = np.clip(centred * (25.5 / (spread + 1e-5)) + 127.5, 0, 255).astype(np.uint8)
    shown[dead] = 127
    return shown if shown.shape[-1] == 3 else np.repeat(shown[..., :1], 3, axis=-1)
'''

_START = '''
def begin(size):
    """The picture at a size, and what chance is drawn from."""
    return of_picture(size), np.random.default_rng(int(np.random.default_rng(seed).integers(2**31)))


def of_picture(size):
    """The picture as a canvas: (1, H, W, C)."""
    return resize(seen, *size).astype(np.float32).reshape(1, *size, -1)


def fit(pixels, size):
    """The picture anew, with what the ascent has added to it resized."""
    if pixels.shape[1:3] == size:
        return pixels
    added = pixels - of_picture(pixels.shape[1:3])
    return of_picture(size) + resize(added[0], *size).reshape(1, *size, -1)


def pictures(pixels, dead):
    """As they are, clipped."""
    shown = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    return shown if shown.shape[-1] == 3 else np.repeat(shown[..., :1], 3, axis=-1)
'''

_UPHILL = '''
def uphill(gradients):
    """The direction of a step, as the waves see it."""
    direction, dead = scaled(gradients)
    return scaled(smoothed(direction))[0], dead
'''.strip()


def ascent(card: Any, objective: str, before: bool, rescued: bool, starts: bool, manner: dict[str, Any]) -> list[str]:
    """The functions that climb, with the parts that are needed."""
    channels, wraps = card.input_shape[-1], not starts
    wobbles = any(manner.get(one) for one in ("jitter", "scale", "rotate"))
    waves = manner.get("parameters") == "fourier"
    parts = []
    if starts:
        grey = "seen = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)" if channels == 1 else "seen = picture"
        parts += [grey, _START]
    else:
        parts += [_NOISE.format(channels=channels)]
    parts.append(_GRADIENTS)
    if waves:
        parts += [
            f"# Root of the covariance of red, green and blue in photographs.\n"
            f"COLOURS = np.array({literal(spectrum.COLOURS)}, np.float32)",
            _source(spectrum.smoothed),
            "" if starts else _source(spectrum.smooth_noise),
        ]
    parts += [_source(wobble.wobble), _source(wobble.wobbled)] if wobbles else []
    parts += [_source(restraints.roughness)] if manner.get("total_variation") else []
    parts += [_source(restraints.excess)] if manner.get("l2") else []
    parts += [_source(restraints.blurred)] if manner.get("blur") else []
    parts += [_ALIKE.format(before=before)] if manner.get("diversity") else []
    return [*parts, _climb(objective, before, rescued, starts, waves, wobbles, wraps, manner)]


def _source(function: Any) -> str:
    """A function of ours that needs NumPy and OpenCV alone, with its imports."""
    return f"import cv2\nimport numpy as np\n\n{inspect.getsource(function)}"


def _climb(
    objective: str, before: bool, rescued: bool, starts: bool, waves: bool, wobbles: bool, wraps: bool, manner: dict
) -> str:
    """The loop."""
    look, seen = "", "pixels"
    if wobbles:
        amounts = f"{manner.get('jitter', 0)}, {manner.get('scale', 0.0)}, {manner.get('rotate', 0.0)}"
        look = f"matrix = wobble(chance, size, {amounts})\nlooked = wobbled(pixels, matrix, wraps={wraps})"
        seen = "looked"

    def up(which: str, before: bool) -> str:
        given = f"gradients({seen}{which}, weights{which}, {before}, rounded)"
        given = f"wobbled({given}, matrix, wraps={wraps}, back=True)" if wobbles else given
        return f"uphill({given})" if waves else f"scaled({given})"

    restrained = ["direction = -direction"] if objective == "negative" else []
    if manner.get("diversity"):
        restrained.append(
            f"direction = direction - np.float32({manner['diversity']}) * scaled(alike(pixels, rounded))[0]"
        )
    for name, function in (("total_variation", "roughness"), ("l2", "excess")):
        if manner.get(name):
            restrained.append(f"direction = direction - np.float32({manner[name]}) * {function}(pixels)")
    blur = f"pixels = blurred(pixels, {manner.get('blur')} * (1 - step / steps), wraps={wraps})"
    clip = "pixels = np.clip(pixels, 0, 255)"
    beginning = "begin(stages[0][0])" if starts else "noise(seeds, stages[0][0])"
    text = _CLIMB.format(
        beginning=beginning,
        look=_indented(look),
        up=up("", before),
        rescue=_RESCUE.format(up=up("[dead]", True)).strip("\n") if rescued else "",
        restrained=_indented("\n".join(restrained)),
        after=_indented("\n".join([blur] * bool(manner.get("blur")) + [clip] * starts)),
    )
    if waves and not starts:
        after = f"pixels, chance = {beginning}\n"
        text = text.replace(after, f"{after}    pixels = smooth_noise(pixels)\n")
    lines = "\n".join(line for line in text.splitlines() if line.strip())
    return f"{_UPHILL}\n\n\n{lines}" if waves else lines


def _indented(text: str) -> str:
    return "\n".join(" " * 12 + line for line in text.splitlines())
