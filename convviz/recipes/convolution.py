"""Programs for the Convolution page: a kernel over a picture, by its definition and by Keras."""

from __future__ import annotations

from typing import Any

import numpy as np

from convviz import convolution
from convviz.recipes.openings import opening
from convviz.recipes.tables import SIGNED
from convviz.recipes.writing import literal, script

_PAD = {"zero": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}

_GREY = """
import cv2

image = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)  # 0.299 red + 0.587 green + 0.114 blue
"""

_COLOUR = """
image = picture  # red, green and blue
"""

_MATRIX = """
import numpy as np

image = np.array({cells}, dtype=np.float64)
"""

_SETTINGS = """
import numpy as np

kernel = np.array({cells}, dtype=np.float32){flip}
stride = {stride}  # pixels from place to place: down, across
dilation = {dilation}  # pixels from tap to tap: down, across
padding = {padding}  # {told}: (top, bottom), (left, right)
"""

_LOOPS = """
# The definition: at every place, the sum of the products of the kernel and the picture under it.
padded = np.pad(image.astype(np.float64), padding{more}, mode="{mode}")
(kernel_height, kernel_width), (down, across) = kernel.shape[:2], stride
height = (padded.shape[0] - dilation[0] * (kernel_height - 1) - 1) // down + 1
width = (padded.shape[1] - dilation[1] * (kernel_width - 1) - 1) // across + 1
result = np.zeros((height, width{channels}))
for row in range(kernel_height):
    for column in range(kernel_width):
        top, left = row * dilation[0], column * dilation[1]
        under = padded[top : top + height * down : down, left : left + width * across : across]
        result += {product}
result = result.astype(np.float32)
"""

_KERAS = """
import keras

# The same by Keras: what a convolutional layer computes, before its bias and its activation.
batch = {batch}  # pictures, rows, columns, channels
weights = kernel{axes}  # rows, columns, channels in, channels out
by_keras = keras.ops.conv(batch.astype("float32"), weights, strides={strides}, padding="valid", dilation_rate={rate})
by_keras = keras.ops.convert_to_numpy(by_keras){back}
print("largest difference:", np.abs(result - by_keras).max(), "on values up to", np.abs(result).max())
"""

_SAVE_SIGNED = """
from PIL import Image

limit = {limit}
Image.fromarray(signed(result, limit)).save("feature_map.png")
"""

_SAVE_CLIPPED = """
from PIL import Image

Image.fromarray(np.clip(result, 0, 255).astype(np.uint8)).save("feature_map.png")
"""


def feature_map(
    name: str,
    weights: np.ndarray,
    *,
    stride: tuple[int, int] = (1, 1),
    padding: Any = "valid",
    dilation: tuple[int, int] = (1, 1),
    padding_mode: str = "zero",
    flip: bool = False,
    colour: bool = False,
    clipped: bool = False,
    limit: float | None = None,
    matrix: np.ndarray | None = None,
    shape: tuple[int, int],
) -> str:
    """The feature map of one kernel or filter, by its definition and by Keras.

    Args:
        name: of the picture, for ``opening``.
        weights: (kh, kw), one kernel; (kh, kw, 3), one filter over red, green and blue.
        stride: as for ``convolution.convolve``, a pair.
        padding: as for ``convolution.convolve``.
        dilation: as for ``convolution.convolve``, a pair.
        padding_mode: as for ``convolution.convolve``.
        flip: as for ``convolution.convolve``.
        colour: the kernel goes over red, green and blue, each for itself; a filter always sees colours.
        clipped: the picture is shown as grey levels (or colours) from 0 to 255.
        limit: the value of full red in the picture; None for the largest magnitude.
        matrix: (H, W), what is convolved in place of a picture; ``name`` does not count then.
        shape: (H, W) of the picture, pixels.

    Returns:
        A program that leaves ``result``, float32, as ``convolution.convolve`` gives it, and writes
        ``feature_map.png``.
    """
    weights = np.asarray(weights, np.float32)
    whole_filter = weights.ndim == 3
    colour = colour or whole_filter
    by_axis = (padding, padding) if isinstance(padding, str | int) else padding
    amounts = tuple(
        convolution.padding_amounts(size, kernel, stride=step, padding=how, dilation=apart)
        for size, kernel, step, how, apart in zip(shape, weights.shape[:2], stride, by_axis, dilation, strict=True)
    )
    settings = _SETTINGS.format(
        cells=literal(weights),
        flip="[::-1, ::-1]  # turned round: the mathematician's convolution" if flip else "",
        stride=tuple(stride),
        dilation=tuple(dilation),
        padding=amounts,
        told=f'"{padding}"' if isinstance(padding, str) else "pixels",
    )
    loops = _LOOPS.format(
        more=" + ((0, 0),)" if colour else "",
        mode=_PAD[padding_mode],
        channels=", 3" if colour and not whole_filter else "",
        product="under @ kernel[row, column]" if whole_filter else "kernel[row, column] * under",
    )
    grey_levels = clipped or (colour and not whole_filter)
    shown = "np.abs(result).max()" if limit is None else repr(float(limit))
    return script(
        opening(name) if matrix is None else _MATRIX.format(cells=literal(matrix)),
        "" if matrix is not None else _COLOUR if colour else _GREY,
        settings,
        "" if grey_levels else SIGNED,
        loops,
        _by_keras(stride, dilation, colour=colour, whole_filter=whole_filter),
        _SAVE_CLIPPED if grey_levels else _SAVE_SIGNED.format(limit=shown),
        about="One kernel over a picture: its feature map, by the definition and by Keras.",
    )


def _by_keras(stride: tuple[int, int], dilation: tuple[int, int], *, colour: bool, whole_filter: bool) -> str:
    """The paragraph that asks Keras; it takes no stride together with a dilation, so places are left out afterwards."""
    apart = max(dilation) > 1
    left_out = f"[:, ::{stride[0]}, ::{stride[1]}]" if apart and max(stride) > 1 else ""
    if whole_filter:
        batch, axes, back = "padded[None]", "[..., None]", f"{left_out}[0, ..., 0]"
    elif colour:
        batch, axes = "padded.transpose(2, 0, 1)[..., None]", "[..., None, None]"
        back = f"{left_out}[..., 0].transpose(1, 2, 0)"
    else:
        batch, axes, back = "padded[None, ..., None]", "[..., None, None]", f"{left_out}[0, ..., 0]"
    return _KERAS.format(
        batch=batch, axes=axes, strides="1" if apart else "stride", rate="dilation" if apart else "1", back=back
    )
