"""Programs for the page Filter patterns: gradient ascent from the same noise, with the same steps."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from convviz import patterns, zoo
from convviz.patterns import torus
from convviz.recipes import ascents, networks, reaching
from convviz.recipes.methods import LINEAR, LINEAR_ANYWHERE
from convviz.recipes.openings import opening
from convviz.recipes.writing import literal, script

_LAYER = '''
from functools import cache

import keras
import tensorflow as tf


@cache
def looking(before, rounded):
    """The layer's feature maps as a function of what the network takes."""

    def look(values):
{asked}
        rectifies = isinstance(layer, (keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.ELU))
        return tf.cast(entered if before and rectifies else maps, tf.float32)

    return tf.function(look, input_signature=[ANY_SIZE], autograph=False)


def answers(pixels, before=False, rounded=False):
    """The layer's feature maps, of a canvas with edges or without; or the numbers before the layer's ReLU."""
    activation = getattr(layer, "activation", None)
    if before and getattr(activation, "__name__", "") in ("relu", "relu6", "leaky_relu", "elu", "selu"):
        layer.activation = keras.activations.linear
    maps = looking(before, rounded)({values})
    if activation is not None:
        layer.activation = activation
    return maps


def read(maps):
    """One number for each channel: {told}."""
    return {reading}
'''

_CLASSES = '''
import tensorflow as tf


def answers(pixels, before=False, rounded=False):
    """The network's numbers for the classes, before the softmax or sigmoid."""
    logits = model({values}, training=False)
    logits = list(logits.values()) if isinstance(logits, dict) else logits
    return logits[{output}] if isinstance(logits, (list, tuple)) else logits


def read(logits):
    """One number for each class."""
    return tf.reshape(logits, (len(logits), -1))
'''

_READINGS = {
    "channel": ("tf.reduce_mean(maps, axis=(1, 2))", "the mean of its map"),
    "unit": ("maps[:, maps.shape[1] // 2, maps.shape[2] // 2]", "the cell in the middle of its map"),
    "dream": ("tf.reduce_mean(maps**2, axis=(1, 2))", "the mean square of its map"),
}


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

_ROUNDING = """\
# A last bit that is rounded otherwise grows from step to step. So single pixels differ from the page's by some levels;
# what the filters answer to the pictures is nearly the same."""

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
        layer: path of a layer with filters.
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
        ``patterns_lecture.png``. Rounding grows with the steps, so single pixels may differ from the page's; what
        the filters answer is nearly the same.
    """
    starts = bool(picture) and objective != "direction"
    if objective == "class":
        sides = tuple(card.input_shape[:2])
    else:
        sides = tuple(max(1, round(side * size / max(shape))) for side in shape) if starts else (size, size)
    plans = [
        patterns.plan(
            card, layer, recipe=recipe, size=sides, steps=steps, objective=objective, start=starts, octaves=octaves
        )
        for recipe in recipes
    ]
    runs = [
        _RUN.format(told=_TOLD[recipe], recipe=recipe, stages=_stages(plan))
        for recipe, plan in zip(recipes, plans, strict=True)
    ]
    rescued = revive and objective in ("channel", "unit", "mixed") and not before
    return script(
        opening(picture) if picture else "",
        *_network(reference, card, layer, objective, rounds=any(one.rounded for plan in plans for one in plan)),
        "" if objective != "direction" else networks.preparing(reference, card, fed=True),
        networks.RESIZE if starts else "",
        f"seed = {seed}  # of {'chance' if starts else 'the noise'}",
        "" if objective == "direction" else _goal(card, layer, filters, objective),
        *ascents.ascent(card, objective, before or objective == "negative", rescued, starts, manner),
        _direction(card, sides) if objective == "direction" else "",
        _SHEET.format(columns=columns),
        f"from PIL import Image\n\n{_ROUNDING}\nresult = {{}}",
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
    plan = patterns.plan(card, layer, size=size)
    return script(
        *_network(reference, card, layer, "channel", rounds=any(one.rounded for one in plan)),
        *ascents.ascent(card, "channel", False, True, False, {}),
        _SHEET.format(columns=8),
        f"from PIL import Image\n\n{_ROUNDING}",
        _BANDS.format(
            numbers=f"seed = {seed}  # of the noise",
            count=count,
            width=card.layer(layer).output_shape[-1],
            stages=_stages(plan, indent=8),
        ),
        about="What every filter of a layer looks for: gradient ascent from grey noise.",
    )


_TOLD = {
    "fast": "The fast one: few, ever shorter steps with some momentum, most of them on a small tile where one will do",
    "lecture": "The lecture's: equal steps",
}


def _network(reference: Any, card: Any, layer: str, objective: str, *, rounds: bool) -> list[str]:
    """The network up to what is climbed, as ``answers`` and ``read``."""
    if objective == "class":
        anywhere = networks.listens(reference)
        place = zoo.corrected(reference.version).get("output", 0) if anywhere else 0
        return [
            networks.loading(reference),
            networks.feeding(card),
            LINEAR_ANYWHERE.format(output=place) if anywhere else LINEAR,
            _CLASSES.format(values=networks.values(reference, card, "pixels"), output=place),
        ]
    reading, told = _READINGS.get(objective, _READINGS["channel"])
    return [
        networks.loading(reference),
        networks.feeding(card),
        *reaching.layer(card, layer),
        _torus() if rounds else "",
        _LAYER.format(
            asked=_ASKED_ROUND if rounds else _ASKED,
            values=networks.values(reference, card, "pixels"),
            reading=reading,
            told=told,
        ),
    ]


_ASKED = "        entered, maps = asked(values)"
_ASKED_ROUND = """\
        with torus(set(innermost(model))) if rounded else nullcontext():
            entered, maps = asked(values)"""
_INNERMOST = '''
def innermost(model):
    """Every layer; models inside the model are opened."""
    for layer in model.layers:
        yield from innermost(layer) if hasattr(layer, "layers") else [layer]
'''


def _torus() -> str:
    """The functions that take the edges away from a tile."""
    imports = "from contextlib import contextmanager, nullcontext\n\nimport keras\nimport tensorflow as tf\n\n"
    functions = [inspect.getsource(one) for one in (torus.around, torus.rounding, torus.torus)]
    return imports + "\n\n".join([*functions, _INNERMOST.strip()])


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


def _direction(card: Any, size: tuple[int, int]) -> str:
    """The direction towards a picture, which must come after what it is computed with."""
    return (
        "# By how much more each channel answers to the picture than to the noise.\n"
        f"grey, _ = noise([[0]], {size})\n"
        "of_noise = read(answers(tf.constant(grey))).numpy()[0]\n"
        f"values = prepare(picture).reshape(1, {', '.join(map(str, card.input_shape))})\n"
        "of_picture = read(looking(False, False)(values)).numpy()[0]\n"
        "direction = of_picture - of_noise\n"
        "weights, seeds = (direction / np.linalg.norm(direction))[None], [[0]]"
    )


def _stages(stages: Sequence[patterns.Stage], indent: int = 4) -> str:
    """The stages as the program's list holds them."""
    return "\n".join(
        f"{' ' * indent}({one.size}, {literal(one.lengths)}, {one.momentum}, {one.rounded})," for one in stages
    )
