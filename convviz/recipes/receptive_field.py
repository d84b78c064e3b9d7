"""Programs for the Receptive field page: the window by its rule, and the gradient that is really there, by Keras."""

from __future__ import annotations

from convviz import stacks
from convviz.convolution import padding_amounts
from convviz.recipes.writing import script

_WINDOWS = """
import numpy as np

# Every layer: its window's size, stride, padding (before, after) and dilation, in pixels of the map before it.
side = {side}  # pixels of the square picture
layers = [
{rows}
]

# What a unit sees: unit i of a layer sees `size` pixels from `offset + jump * i` on.
size, jump, offset, table = 1, 1, 0, []
for kind, window, stride, (before, after), dilation in layers:
    size += (window - 1) * dilation * jump
    offset -= before * jump
    jump *= stride
    table.append((size, jump, offset))
    print(kind, window, "sees", size, "pixels; neighbours are", jump, "apart; the first begins at", offset)

row, column = {row}, {col}  # of the unit in the last layer
top, left = offset + jump * row, offset + jump * column
print("the unit sees rows", top, "to", top + size - 1, "and columns", left, "to", left + size - 1)
"""

_GRADIENT = """
import keras
import tensorflow as tf

# The same layers by Keras, with weights drawn anew each time; paddings are written out as zeros.
made = [keras.Input((side, side, 3))]
for number, (kind, window, stride, padding, dilation) in enumerate(layers):
    if kind == "conv":
        active = {active} if number < len(layers) - 1 else None
        made.append(keras.layers.ZeroPadding2D((padding, padding)))
        made.append(keras.layers.Conv2D({channels}, window, dilation_rate=dilation, activation=active, use_bias=False))
        made.append(keras.layers.MaxPooling2D(1, stride))  # the stride: places are left out
    else:
        pooling = keras.layers.MaxPooling2D if kind == "max" else keras.layers.AveragePooling2D
        {pool}
model = keras.Sequential(made)

rng = np.random.default_rng({seed})
total = np.zeros((side, side))
for _ in range({runs}):
    model.set_weights([{draw} for one in model.get_weights()])
    picture = tf.constant({picture}, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(picture)
        unit = model(picture)[0, row, column, 0]
    total += np.abs(tape.gradient(unit, picture).numpy()[0]).sum(axis=-1)

seen = total[max(top, 0) : top + size, max(left, 0) : left + size]
rows = np.abs(np.arange(max(top, 0), min(top + size, side)) + 0.5 - top - size / 2) <= size / 4
columns = np.abs(np.arange(max(left, 0), min(left + size, side)) + 0.5 - left - size / 2) <= size / 4
middle = np.outer(rows, columns)
print(f"the middle holds {{seen[middle].sum() / seen.sum():.1%}} of the gradient, even would be {{middle.mean():.1%}}")
result = {{"table": np.array(table), "gradient": seen / seen.max()}}
"""

_SAVE = """
from PIL import Image

Image.fromarray(np.uint8(255 * result["gradient"])).save("gradient.png")
"""

_HE = "rng.standard_normal(one.shape).astype(np.float64) * np.sqrt(2 / np.prod(one.shape[:3]))"
_EVEN = "np.full(one.shape, 1 / np.prod(one.shape[:3]))"


def measured(
    stack: stacks.Stack, side: int, row: int, col: int, *, weights: str, relu: bool, runs: int, seed: int, channels: int
) -> str:
    """The theoretical window of a unit of the last layer, and its measured gradient.

    Args:
        stack: layers up to the unit's.
        side: of the square picture, pixels.
        row: of the unit.
        col: of the unit.
        weights: "random" or "equal", as for ``effective.measure``.
        relu: after every convolution but the unit's own.
        runs: draws.
        seed: of the draws.
        channels: of every convolution.

    Returns:
        A program that leaves ``result``: "table", (layers, 3) of size, jump and offset, and "gradient", as
        ``effective.measure`` gives it.
    """
    rows, maps = [], stacks.sides(stack, side)
    for one, size in zip(stack, maps, strict=False):
        amounts = padding_amounts(size, one.size, one.stride, one.padding, one.dilation)
        rows.append(f'    ("{one.kind}", {one.size}, {one.stride}, {amounts}, {one.dilation}),')
    draw, picture = (
        (_HE, "rng.standard_normal((1, side, side, 3))")
        if weights == "random"
        else (_EVEN, "rng.random((1, side, side, 3))")
    )
    windows = _WINDOWS.format(side=side, rows="\n".join(rows), row=row, col=col)
    gradient = _GRADIENT.format(
        active='"relu"' if relu else "None", channels=channels, pool=_pool(stack), seed=seed, runs=runs, draw=draw,
        picture=picture,
    )  # fmt: skip
    return script(windows, gradient, _SAVE, about="What one unit of a stack of layers sees, and how much of it counts.")


def _pool(stack: stacks.Stack) -> str:
    """The line that adds a pooling: Keras' own "same" leaves out what is outside, pixels of padding are zeros."""
    pools = [one.padding for one in stack if one.kind != "conv"]
    if "same" in pools and any(isinstance(one, int) for one in pools):
        named = {n for n, one in enumerate(stack) if one.kind != "conv" and one.padding == "same"}
        return (
            f"same = number in {sorted(named)}\n        if not same:\n"
            "            made.append(keras.layers.ZeroPadding2D((padding, padding)))\n"
            '        made.append(pooling(window, stride, "same" if same else "valid"))'
        )
    if "same" in pools:
        named = sorted(n for n, one in enumerate(stack) if one.kind != "conv" and one.padding == "same")
        return f'made.append(pooling(window, stride, "same" if number in {named} else "valid"))'
    return "made.append(keras.layers.ZeroPadding2D((padding, padding)))\n        made.append(pooling(window, stride))"
