"""Programs for the page Filter patterns: gradient ascent from the same noise, with the same steps."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from convviz import patterns
from convviz.patterns import restraints, spectrum, wobble
from convviz.recipes import networks
from convviz.recipes.grad_cam import LINEAR, LINEAR_ANYWHERE
from convviz.recipes.openings import opening
from convviz.recipes.writing import literal, quoted, script

_INNER = """
import keras

# The layers up to this one, for canvases of any size.
whole = keras.Model({inputs}, {output})
inner = keras.models.clone_model(whole, input_tensors=keras.Input((None, None, {channels})))
inner.set_weights(whole.get_weights())
layer = inner.get_layer({name})
"""

_LAYER = '''
import tensorflow as tf


def answers(pixels, before=False):
    """The layer's feature maps; or the numbers before its ReLU."""
    values = {values}
    if before and isinstance(layer, (keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.ELU)):
        return keras.Model(inner.inputs, layer.input)(values, training=False)
    activation = getattr(layer, "activation", None)
    if before and getattr(activation, "__name__", "") in ("relu", "relu6", "leaky_relu", "elu", "selu"):
        layer.activation = keras.activations.linear
    maps = inner(values, training=False)
    if activation is not None:
        layer.activation = activation
    return maps


def read(maps):
    """One number for each channel: {told}."""
    return {reading}
'''

_CLASSES = '''
import tensorflow as tf


def answers(pixels, before=False):
    """The network's numbers for the classes, before the softmax or sigmoid."""
    logits = model({values}, training=False)
    return logits[0] if isinstance(logits, (list, tuple)) else logits


def read(logits):
    """One number for each class."""
    return tf.reshape(logits, (len(logits), -1))
'''

_READINGS = {
    "channel": ("tf.reduce_mean(maps, axis=(1, 2))", "the mean of its map"),
    "unit": ("maps[:, maps.shape[1] // 2, maps.shape[2] // 2]", "the cell in the middle of its map"),
    "dream": ("tf.reduce_mean(maps**2, axis=(1, 2))", "the mean square of its map"),
}

_GRADIENTS = '''
import numpy as np


def gradients(pixels, weights, shift, before):
    """How each canvas must change for what is climbed to rise fastest: (N, H, W, C)."""
    pixels = tf.constant(pixels)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        rolled = tf.roll(pixels, shift, axis=(1, 2))
        heights = tf.reduce_sum(read(answers(rolled, before)) * weights, axis=-1)
    return tape.gradient(heights, pixels).numpy()


def scaled(gradients):
    """With a root mean square of 1, and which of them are zero: those are dead here."""
    size = np.sqrt(np.mean(np.square(gradients, dtype=np.float64), axis=(1, 2, 3)))
    dead = size == 0
    return gradients * (np.where(dead, 0, 1 / np.where(dead, 1, size))).astype(np.float32)[:, None, None, None], dead
'''

_ALIKE = '''
def alike(pixels):
    """How each picture must change to become more like the others of its filter, by the Gram matrices of the maps."""
    pixels = tf.constant(pixels)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        maps = answers(pixels, {before})
        flat = tf.reshape(maps, (len(maps), -1, maps.shape[-1]))
        grams = tf.reshape(tf.matmul(flat, flat, transpose_a=True), (len(maps), -1))
        grams = tf.math.l2_normalize(grams, axis=-1)
        others = 1 - np.eye(len(maps), dtype=np.float32)
        likeness = tf.reduce_sum(tf.matmul(grams, grams, transpose_b=True) * others)
    return tape.gradient(likeness, pixels).numpy()
'''

_CLIMB = '''
def climb(stages):
    """Gradient ascent; each stage: (size, lengths of the steps in levels of 255, momentum, grid)."""
    pixels, chance = {beginning}
    step, steps = 0, sum(len(lengths) for _, lengths, _, _ in stages)
    for size, lengths, momentum, grid in stages:
        pixels = fit(pixels, size)
        velocity = np.zeros_like(pixels)
        for length in lengths:
            # A tile is rolled before each look, by whole cells of the layer, so that it gets no seams.
            shift = [grid * int(chance.integers(side // grid)) if grid else 0 for side in size]
{look}
            direction, dead = {up}
{rescue}
{restrained}
            velocity = momentum * velocity + direction
            pixels = pixels + np.float32(length) * velocity
            step += 1
{blur}
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

_SHEET = '''
def sheet(pictures, columns={columns}, gap=2):
    """Side by side, in rows, with a white line between."""
    columns = min(columns, len(pictures))
    down, right = (side + gap for side in pictures.shape[1:3])
    whole = np.full((-(-len(pictures) // columns) * down - gap, columns * right - gap, 3), 255, np.uint8)
    for index, picture in enumerate(pictures):
        top, left = index // columns * down, index % columns * right
        whole[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return whole
'''

_RUN = """
# {told}.
result["{recipe}"] = climb([
{stages}
])
Image.fromarray(sheet(result["{recipe}"])).save("patterns_{recipe}.png")
"""

_BANDS = """
{numbers}

# Few filters at a time, with few, ever shorter steps and some momentum.
drawn = []
for first in range(0, {count}, 16):
    filters = list(range(first, min(first + 16, {count})))
    weights, seeds = np.eye({width}, dtype=np.float32)[filters], [[one] for one in filters]
    drawn.append(climb([
{stages}
    ]))
result = np.concatenate(drawn)
Image.fromarray(sheet(result)).save("patterns_of_the_layer.png")
"""


def drawn(
    reference: Any,
    card: Any,
    *,
    layer: str,
    filters: Sequence[int],
    size: int = 96,
    seed: int = 0,
    recipes: Sequence[str] = patterns.RECIPES,
    columns: int = 4,
    revive: bool = True,
    picture: str = "",
    shape: tuple[int, int] = (1, 1),
    objective: str = "channel",
    before: bool = False,
    steps: int | None = None,
    octaves: int = patterns.OCTAVES,
    **manner: Any,
) -> str:
    """The patterns that ``sketches.draw`` gives, by one recipe or both.

    Args:
        reference: the network's ``zoo.Reference``.
        card: its ``zoo.Card``.
        layer: path of a convolution; of a nested model the layers before it are left out, which the program says.
        filters: as for ``patterns.ascend``.
        size: pixels of a picture's (longer) side.
        seed: of the noise.
        recipes: of ``patterns.RECIPES``.
        columns: pictures in a row of the sheet.
        revive: climb the numbers before the layer's ReLU where it leaves a filter without a slope.
        picture: name, for ``opening``, of the picture to begin with, or of the one that a direction goes towards.
        shape: (H, W) of that picture.
        objective: as for ``patterns.ascend``.
        before: as for ``patterns.ascend``.
        steps: as for ``patterns.ascend``.
        octaves: as for ``patterns.ascend``.
        manner: ``parameters``, ``jitter``, ``scale``, ``rotate``, ``total_variation``, ``l2``, ``blur`` and
            ``diversity`` of ``patterns.ascend``.

    Returns:
        A program that leaves ``result``: recipe -> uint8 (N, H, W, 3), and writes ``patterns_fast.png`` and
        ``patterns_lecture.png``. Rounding grows with the steps, so single pixels may differ from the page's; the
        pattern is the same.
    """
    starts = bool(picture) and objective != "direction"
    if objective == "class":
        sides = tuple(card.input_shape[:2])
    else:
        sides = tuple(max(1, round(side * size / max(shape))) for side in shape) if starts else (size, size)
    runs = [
        _RUN.format(
            told=_TOLD[recipe], recipe=recipe,
            stages=_stages(patterns.plan(
                card, layer, recipe=recipe, size=sides, steps=steps, objective=objective, start=starts, octaves=octaves
            )),
        )
        for recipe in recipes
    ]  # fmt: skip
    rescued = revive and objective in ("channel", "unit", "mixed") and not before
    return script(
        opening(picture) if picture else "",
        *_network(reference, card, layer, objective),
        "" if objective != "direction" else networks.preparing(reference, card),
        networks.RESIZE if starts else "",
        f"seed = {seed}  # of {'chance' if starts else 'the noise'}",
        "" if objective == "direction" else _goal(card, layer, filters, objective),
        *_ascent(card, objective, before or objective == "negative", rescued, starts, manner),
        _direction(sides) if objective == "direction" else "",
        _SHEET.format(columns=columns),
        "from PIL import Image\n\nresult = {}",
        *runs,
        about="What a network answers to: gradient ascent in a picture.",
    )


def of_layer(reference: Any, card: Any, *, layer: str, count: int, size: int = 64, seed: int = 0) -> str:
    """The patterns of a layer's first filters, as ``sketches.fill`` draws them.

    Args:
        reference: the network's ``zoo.Reference``.
        card: its ``zoo.Card``.
        layer: as for `drawn`.
        count: how many filters.
        size: pixels of a picture's side.
        seed: of the noise.

    Returns:
        A program that leaves ``result``, uint8 (count, size, size, 3), and writes ``patterns_of_the_layer.png``.
    """
    return script(
        *_network(reference, card, layer, "channel"),
        *_ascent(card, "channel", False, True, False, {}),
        _SHEET.format(columns=16),
        "from PIL import Image",
        _BANDS.format(
            numbers=f"seed = {seed}  # of the noise",
            count=count,
            width=card.layer(layer).output_shape[-1],
            stages=_stages(patterns.plan(card, layer, size=size), indent=8),
        ),
        about="What every filter of a layer looks for: gradient ascent from grey noise.",
    )


_TOLD = {
    "fast": "The fast one: few, ever shorter steps with some momentum, most of them on a small tile where one will do",
    "lecture": "The lecture's: equal steps",
}


def _network(reference: Any, card: Any, layer: str, objective: str) -> list[str]:
    """The network up to what is climbed, as ``answers`` and ``read``."""
    if objective == "class":
        linear = LINEAR_ANYWHERE if networks.listens(reference) else LINEAR
        return [
            networks.loading(reference), linear, _CLASSES.format(values=networks.values(reference, card, "pixels"))
        ]  # fmt: skip
    *outer, name = layer.split("/")
    inside = "".join(f".get_layer({quoted(one)})" for one in outer)
    nested = f"model = model{inside}  # what comes before it in the whole network is left out" if outer else ""
    direct = reference.kind in ("upload", "imagenet")
    reading, told = _READINGS.get(objective, _READINGS["channel"])
    return [
        networks.loading(reference),
        nested,
        "" if direct else networks.opened(reference),
        _INNER.format(
            inputs="model.inputs" if direct else "inputs",
            output=f"model.get_layer({quoted(name)}).output" if direct else f"outputs[{quoted(name)}]",
            channels=card.input_shape[-1],
            name=quoted(name),
        ),
        _LAYER.format(values=networks.values(reference, card, "pixels"), reading=reading, told=told),
    ]


def _goal(card: Any, layer: str, filters: Sequence[int], objective: str) -> str:
    """Which channels count how much for each picture, and the seeds of their noise."""
    if objective == "dream":
        count = card.layer(layer).output_shape[-1]
        return f"import numpy as np\n\nweights, seeds = np.full((1, {count}), 1 / {count}, np.float32), [[0]]"
    goal = patterns.goal(card, layer, filters, objective)
    seeds = [list(one) for one in goal.seeds]
    count = goal.weights.shape[1]
    if objective == "mixed":
        weights = (
            f"shares = np.array({list(patterns.SHARES)}, np.float32)[:, None]  # of the second filter\n"
            f"weights = (1 - shares) * np.eye({count}, dtype=np.float32)[{filters[0]}] + "
            f"shares * np.eye({count}, dtype=np.float32)[{filters[1]}]"
        )
    elif count != len(card.class_names) and objective == "class":
        sides = [[-1.0], [1.0]]
        weights = f"weights = np.array({[sides[one] for one in filters]}, np.float32)  # the two sides of the sigmoid"
    else:
        weights = f"weights = np.eye({count}, dtype=np.float32)[{list(filters)}]"
    return f"import numpy as np\n\n{weights}\nseeds = {seeds}  # of each picture's noise"


def _direction(size: tuple[int, int]) -> str:
    """The direction towards a picture, which must come after what it is computed with."""
    return (
        "# By how much more each channel answers to the picture than to the noise.\n"
        f"grey, _ = noise([[0]], {size})\n"
        "of_noise = read(answers(tf.constant(grey))).numpy()[0]\n"
        "of_picture = read(inner(prepare(picture), training=False)).numpy()[0]\n"
        "direction = of_picture - of_noise\n"
        "weights, seeds = (direction / np.linalg.norm(direction))[None], [[0]]"
    )


def _ascent(card: Any, objective: str, before: bool, rescued: bool, starts: bool, manner: dict[str, Any]) -> list[str]:
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
        given = f"gradients({seen}{which}, weights{which}, shift, {before})"
        given = f"wobbled({given}, matrix, wraps={wraps}, back=True)" if wobbles else given
        return f"uphill({given})" if waves else f"scaled({given})"

    restrained = ["direction = -direction"] if objective == "negative" else []
    if manner.get("diversity"):
        restrained.append(f"direction = direction - np.float32({manner['diversity']}) * scaled(alike(pixels))[0]")
    for name, function in (("total_variation", "roughness"), ("l2", "excess")):
        if manner.get(name):
            restrained.append(f"direction = direction - np.float32({manner[name]}) * {function}(pixels)")
    blur = f"pixels = blurred(pixels, {manner.get('blur')} * (1 - step / steps), wraps={wraps})"
    beginning = "begin(stages[0][0])" if starts else "noise(seeds, stages[0][0])"
    text = _CLIMB.format(
        beginning=beginning,
        look=_indented(look),
        up=up("", before),
        rescue=_RESCUE.format(up=up("[dead]", True)).strip("\n") if rescued else "",
        restrained=_indented("\n".join(restrained)),
        blur=_indented(blur) if manner.get("blur") else "",
    )
    if waves and not starts:
        after = f"pixels, chance = {beginning}\n"
        text = text.replace(after, f"{after}    pixels = smooth_noise(pixels)\n")
    lines = "\n".join(line for line in text.splitlines() if line.strip())
    return f"{_UPHILL}\n\n\n{lines}" if waves else lines


_UPHILL = '''
def uphill(gradients):
    """The direction of a step, as the waves see it."""
    direction, dead = scaled(gradients)
    return scaled(smoothed(direction))[0], dead
'''.strip()


def _indented(text: str) -> str:
    return "\n".join(" " * 12 + line for line in text.splitlines())


def _stages(stages: Sequence[patterns.Stage], indent: int = 4) -> str:
    """The stages as the program's list holds them."""
    return "\n".join(
        f"{' ' * indent}({one.size}, {literal(one.lengths)}, {one.momentum}, {one.grid})," for one in stages
    )
