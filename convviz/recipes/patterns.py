"""Programs for the page Filter patterns: gradient ascent from the same noise, with the same steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convviz import patterns
from convviz.recipes import networks
from convviz.recipes.writing import literal, quoted, script

_INNER = """
import keras

# The layers up to this one, for canvases of any size.
whole = keras.Model({inputs}, {output})
inner = keras.models.clone_model(whole, input_tensors=keras.Input((None, None, {channels})))
inner.set_weights(whole.get_weights())
layer = inner.get_layer({name})
"""

_SLOPE = '''
import numpy as np
import tensorflow as tf


def gradients(pixels, filters, shift):
    """How each canvas must change for its filter's mean activation to rise fastest: (N, H, W, C)."""
    pixels = tf.constant(pixels)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        rolled = tf.roll(pixels, shift, axis=(1, 2))
        maps = inner({values}, training=False)
        means = tf.reduce_mean(maps, axis=(1, 2))
        chosen = tf.reduce_sum(means * tf.one_hot(filters, means.shape[-1]))
    return tape.gradient(chosen, pixels).numpy()


def scaled(gradients):
    """With a root mean square of 1, and which of them are zero: those filters are dead here."""
    size = np.sqrt(np.mean(np.square(gradients, dtype=np.float64), axis=(1, 2, 3)))
    dead = size == 0
    return gradients * (np.where(dead, 0, 1 / np.where(dead, 1, size))).astype(np.float32)[:, None, None, None], dead


def upward(pixels, shift):
    """The direction of one step; where the ReLU leaves no slope, that of the numbers before it."""
    direction, dead = scaled(gradients(pixels, filters, shift))
    activation = getattr(layer, "activation", None)
    if dead.any() and activation is keras.activations.relu:
        layer.activation = keras.activations.linear
        direction[dead], dead[dead] = scaled(gradients(pixels[dead], filters[dead], shift))
        layer.activation = activation
    return direction, dead


def climb(pixels, lengths, momentum=0.0, grid=0):
    """Gradient ascent: one step for each length, in levels of 255."""
    velocity = np.zeros_like(pixels)
    for length in lengths:
        # A tile is rolled before each look, by whole cells of the layer, so that it gets no seams.
        shift = [grid * int(shifts.integers(side // grid)) if grid else 0 for side in pixels.shape[1:3]]
        direction, dead = upward(pixels, shift)
        velocity = momentum * velocity + direction
        pixels = pixels + np.float32(length) * velocity
    return pixels, dead
'''

_NOISE = '''
def noise(side):
    """Grey noise around 128, 20 levels wide, for each filter its own; and what the rolls are drawn from."""
    rng = np.random.default_rng(seed)
    grain = int(rng.integers(2**31))
    grains = [np.random.default_rng([grain, one]).random((side, side, {channels}), np.float32) for one in filters]
    return 128 + np.float32(20) * np.stack(grains), np.random.default_rng(int(rng.integers(2**31)))


def pictures(pixels, dead):
    """As the lecture shows them: centred, contrast set to 0.1, brightness to 0.5."""
    centred = pixels - pixels.mean(axis=(1, 2, 3), keepdims=True)
    spread = np.sqrt((centred**2).mean(axis=(1, 2, 3), keepdims=True))
    shown = np.clip(centred * (25.5 / (spread + 1e-5)) + 127.5, 0, 255).astype(np.uint8)
    shown[dead] = 127
    return shown if shown.shape[-1] == 3 else np.repeat(shown[..., :1], 3, axis=-1)


def sheet(pictures, columns=4, gap=2):
    """Side by side, in rows, with a white line between."""
    columns = min(columns, len(pictures))
    step = pictures.shape[1] + gap
    whole = np.full((-(-len(pictures) // columns) * step - gap, columns * step - gap, 3), 255, np.uint8)
    for index, picture in enumerate(pictures):
        top, left = index // columns * step, index % columns * step
        whole[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return whole
'''

_LECTURE = """
# The lecture's: 40 equal steps.
pixels, shifts = noise(size)
lecture = pictures(*climb(pixels, np.ones(40)))
"""

_FAST_WHOLE = """
# The fast one walks as far in fewer, ever shorter steps with some momentum.
pixels, shifts = noise(size)
fast = pictures(*climb(pixels, {lengths}, momentum={momentum}))
"""

_FAST_TILE = """
# The fast one walks as far in fewer, ever shorter steps with some momentum, most of them on a small tile.
pixels, shifts = noise({tile})
pixels, dead = climb(pixels, {lengths}, momentum={momentum}, grid={grid})
places = np.arange(size) % {tile}
pixels = pixels[:, places[:, None], places]  # the tile, repeated
fast = pictures(*climb(pixels, {healing}, momentum={momentum}))
"""

_SAVE = """
from PIL import Image

Image.fromarray(sheet(fast)).save("patterns_fast.png")
Image.fromarray(sheet(lecture)).save("patterns_lecture.png")
result = {"fast": fast, "lecture": lecture}
"""


def drawn(reference: Any, card: Any, *, layer: str, filters: Sequence[int], size: int = 96, seed: int = 0) -> str:
    """The patterns of some filters, by the fast recipe and by the lecture's, as ``sketches.draw`` gives them.

    Args:
        reference: the network's ``zoo.Reference``.
        card: its ``zoo.Card``.
        layer: path of a convolution; of a nested model the layers before it are left out, which the program says.
        filters: which of its filters.
        size: pixels of a picture's side.
        seed: of the noise.

    Returns:
        A program that leaves ``result``: ``"fast"`` and ``"lecture"``, uint8 (N, size, size, 3), and writes
        ``patterns_fast.png`` and ``patterns_lecture.png``. Rounding grows with the steps, so single pixels may differ
        from the page's; the pattern is the same.
    """
    channels = card.input_shape[-1]
    *outer, name = layer.split("/")
    stages = patterns.plan(card, layer, recipe="fast", size=size)
    inside = "".join(f".get_layer({quoted(one)})" for one in outer)
    nested = f"model = model{inside}  # what comes before it in the whole network is left out" if outer else ""
    direct = reference.kind in ("upload", "imagenet")
    momentum = stages[0].momentum
    if len(stages) == 1:
        fast = _FAST_WHOLE.format(lengths=literal(stages[0].lengths), momentum=momentum)
    else:
        fast = _FAST_TILE.format(
            tile=stages[0].size[0],
            lengths=literal(stages[0].lengths),
            grid=stages[0].grid,
            healing=literal(stages[1].lengths),
            momentum=momentum,
        )
    return script(
        networks.loading(reference),
        nested,
        "" if direct else networks.opened(reference),
        _INNER.format(
            inputs="model.inputs" if direct else "inputs",
            output=f"model.get_layer({quoted(name)}).output" if direct else f"outputs[{quoted(name)}]",
            channels=channels,
            name=quoted(name),
        ),
        f"filters = np.array({list(filters)})\n"
        f"size, seed = {size}, {seed}  # pixels of a picture's side; seed of the noise",
        _SLOPE.format(values=networks.values(reference, card, "rolled")),
        _NOISE.format(channels=channels),
        fast,
        _LECTURE,
        _SAVE,
        about="What some filters look for: gradient ascent from grey noise.",
    )
