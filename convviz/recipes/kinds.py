"""Programs for the Kinds of convolution page: one for each kind, by its definition and by Keras' own layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from convviz.recipes.openings import opening
from convviz.recipes.tables import SIGNED
from convviz.recipes.writing import literal, script

_SMALL = """
import cv2

picture = cv2.resize(picture, {size}, interpolation=cv2.INTER_AREA)  # width, height
"""

_GREY = """
import cv2

grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
"""

_DILATED = """
import keras
import numpy as np

kernel = np.array({cells}, np.float32)
dilation = {dilation}  # pixels from tap to tap

# With "same" padding, zeros outside. The layer has no bias and no activation.
batch, weights = grey[None, :, :, None].astype(np.float32), kernel[:, :, None, None]
result = {{
    "near": keras.ops.conv(batch, weights, padding="same"),
    "far": keras.ops.conv(batch, weights, padding="same", dilation_rate=dilation),
}}
result = {{name: np.array(maps)[0, :, :, 0] for name, maps in result.items()}}

# The same as one large kernel with zeros between its cells.
spread = np.zeros([dilation * (side - 1) + 1 for side in kernel.shape], np.float32)
spread[::dilation, ::dilation] = kernel
by_spread = np.array(keras.ops.conv(batch, spread[:, :, None, None], padding="same"))[0, :, :, 0]
print("largest difference:", np.abs(by_spread - result["far"]).max())
"""

_TRANSPOSED = """
import keras
import numpy as np

stamp = np.array({cells}, np.float32)  # the kernel that is laid down
stride = {stride}

def laid_down(values, kernel):
    '''A transposed convolution: every pixel lays down the kernel, times its value, stride pixels apart.'''
    side = kernel.shape[0]
    height, width = values.shape
    whole = np.zeros((height * stride + side, width * stride + side))
    for row in range(side):
        for column in range(side):
            whole[row : row + height * stride : stride, column : column + width * stride : stride] += (
                values * kernel[row, column]
            )
    first = max(side - stride, 0) // 2  # "same" padding keeps the middle
    return whole[first : first + height * stride, first : first + width * stride].astype(np.float32)

layer = keras.layers.Conv2DTranspose(1, stamp.shape, stride, padding="same", use_bias=False)
batch = grey[None, :, :, None].astype(np.float32)
layer.build(batch.shape)
layer.set_weights([stamp[:, :, None, None]])
by_keras = np.array(layer(batch))[0, :, :, 0]

# The cure: make the picture larger first, then convolve it; the border is repeated outside.
large = np.array(keras.ops.image.resize(batch, {large}, interpolation="{interpolation}"))[0, :, :, 0]
before, after = (stamp.shape[0] - 1) // 2, stamp.shape[0] // 2
padded = np.pad(large, (before, after), mode="edge")[None, :, :, None]
cured = keras.ops.conv(padded, stamp[:, :, None, None] / stride**2, padding="valid")

result = {{
    "transposed": laid_down(grey.astype(np.float64), stamp),
    "overlaps": laid_down(np.ones(grey.shape), np.ones(stamp.shape)),
    "cured": np.array(cured)[0, :, :, 0],
}}
print("largest difference:", np.abs(by_keras - result["transposed"]).max())
"""

_GROUPED = """
import cv2
import keras
import numpy as np

# Twelve channels: red, green and blue under four kernels each, the border repeated outside.
identity = [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
sobel_x = [[1, 0, -1], [2, 0, -2], [1, 0, -1]]
sobel_y = [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]
laplacian = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
scaled = picture / np.float32(255)
seen = [
    cv2.filter2D(scaled[:, :, colour], -1, np.array(kernel, np.float32), borderType=cv2.BORDER_REPLICATE)
    for colour in range(3)
    for kernel in (identity, sobel_x, sobel_y, laplacian)
]
maps = np.stack(seen, axis=-1)

groups, filters = {groups}, {filters}
shape = (3, 3, 12 // groups, filters)  # each filter sees only the channels of its group
weights = np.random.default_rng({seed}).standard_normal(shape) * np.sqrt(2 / np.prod(shape[:3]))
layer = keras.layers.Conv2D(filters, 3, padding="same", groups=groups, use_bias=False)
layer.build((1, *maps.shape))
layer.set_weights([weights.astype(np.float32)])
before = np.array(layer(maps[None]))[0]
silenced = maps.copy()
silenced[:, :, {silent}] = 0  # {told}
after = np.array(layer(silenced[None]))[0]

result = {{"before": before, "after": after}}
print(layer.count_params(), "weights")
"""

_DEPTHWISE = """
import keras
import numpy as np

kernels = np.array(
    {cells},
    np.float32,
)  # for red, for green, for blue
layer = keras.layers.DepthwiseConv2D(kernels.shape[1:], padding="same", use_bias=False)
layer.build((1, *picture.shape))
layer.set_weights([kernels.transpose(1, 2, 0)[..., None]])  # rows, columns, channels, 1
result = np.array(layer(picture[None].astype(np.float32)))[0]
print(layer.count_params(), "weights")
"""

_POINTWISE = """
import keras
import numpy as np

mix = np.array({rows}, np.float32)  # for each map its share of red, green and blue
layer = keras.layers.Conv2D(len(mix), 1, use_bias=False)
layer.build((1, *picture.shape))
layer.set_weights([mix.T[None, None]])
result = np.array(layer(picture[None].astype(np.float32)))[0]  # the same as picture @ mix.T
print(layer.count_params(), "weights")
"""

_SEPARABLE = """
import keras
import numpy as np

kernel = np.array({cells}, np.float32)  # the same for red, green and blue
mix = np.array({rows}, np.float32)  # for each map its share of red, green and blue
layer = keras.layers.SeparableConv2D(len(mix), kernel.shape, padding="same", use_bias=False)
layer.build((1, *picture.shape))
layer.set_weights([np.stack([kernel] * 3, axis=-1)[..., None], mix.T[None, None]])
batch = picture[None].astype(np.float32)
result = np.array(layer(batch))[0]

# One standard layer does the same with more weights: the kernel of channel c, times its share in map f.
whole = keras.layers.Conv2D(len(mix), kernel.shape, padding="same", use_bias=False)
whole.build(batch.shape)
whole.set_weights([kernel[:, :, None, None] * mix.T[None, None]])
print("largest difference:", np.abs(np.array(whole(batch))[0] - result).max())
print(layer.count_params(), "weights against", whole.count_params())
"""

_SAVE = """
from PIL import Image

for name, values in (result if isinstance(result, dict) else {"maps": result}).items():
    tiles = values if values.ndim == 2 else np.hstack(list(np.moveaxis(values, -1, 0)))  # channels side by side
    Image.fromarray(signed(tiles, np.abs(values).max())).save(f"{name}.png")
"""

_SILENT = {
    "none": ("[]", "nothing is silenced"),
    "red": ("0:4", "red"),
    "green": ("4:8", "green"),
    "blue": ("8:12", "blue"),
}


def kind(chosen: str, name: str, *, size: tuple[int, int] | None = None, **choices: Any) -> str:
    """One kind of convolution on a picture.

    Args:
        chosen: "dilated", "transposed", "grouped", "depthwise", "pointwise" or "separable".
        name: of the picture, for ``opening``.
        size: (height, width) to which the picture is made smaller first, where it is.
        choices: of that kind: kernel, dilation; stamp, stride, interpolation, shape; groups, filters, seed, silent;
            kernels; mix; kernel and mix.

    Returns:
        A program that leaves in ``result`` the maps that the page shows, by name where there are several.
    """
    small = _SMALL.format(size=(size[1], size[0])) if size else ""
    grey = _GREY if chosen in ("dilated", "transposed") else ""
    about = f"A {chosen} convolution, by Keras."
    return script(opening(name), small, grey, SIGNED, _WRITTEN[chosen](choices), _SAVE, about=about)


def _dilated(choices: Mapping[str, Any]) -> str:
    return _DILATED.format(cells=literal(choices["kernel"]), dilation=choices["dilation"])


def _transposed(choices: Mapping[str, Any]) -> str:
    large = tuple(side * choices["stride"] for side in choices["shape"])
    return _TRANSPOSED.format(
        cells=literal(choices["stamp"]), stride=choices["stride"], large=large, interpolation=choices["interpolation"]
    )


def _grouped(choices: Mapping[str, Any]) -> str:
    silent, told = _SILENT[choices["silent"]]
    return _GROUPED.format(
        groups=choices["groups"], filters=choices["filters"], seed=choices["seed"], silent=silent, told=told
    )


def _depthwise(choices: Mapping[str, Any]) -> str:
    return _DEPTHWISE.format(cells=literal(np.stack(choices["kernels"])))


def _pointwise(choices: Mapping[str, Any]) -> str:
    return _POINTWISE.format(rows=literal(choices["mix"].T))


def _separable(choices: Mapping[str, Any]) -> str:
    return _SEPARABLE.format(cells=literal(choices["kernel"]), rows=literal(choices["mix"].T))


_WRITTEN = {
    "dilated": _dilated,
    "transposed": _transposed,
    "grouped": _grouped,
    "depthwise": _depthwise,
    "pointwise": _pointwise,
    "separable": _separable,
}
