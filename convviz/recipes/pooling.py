"""A program for the page on pooling and strides: five ways to a smaller map, and what a shift does to each."""

from __future__ import annotations

import math

import numpy as np

from convviz.recipes.openings import opening
from convviz.recipes.tables import COLOURED, SIGNED
from convviz.recipes.writing import literal, script

_SETTINGS = """
import cv2
import keras
import numpy as np

image = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)  # 0.299 red + 0.587 green + 0.114 blue
kernel = np.array({cells}, dtype=np.float32)
window, stride = {size}, {stride}  # pixels
row = np.array({row}) / {total}  # of Pascal's triangle
blur = np.outer(row, row).astype(np.float32)
"""

_CONVOLVED = '''
def convolved(values, weights, step=1, padding="valid"):
    """A map (rows, columns) under a kernel (rows, columns), by Keras."""
    batch, layer = np.float32(values)[None, ..., None], weights[..., None, None]
    return keras.ops.convert_to_numpy(keras.ops.conv(batch, layer, step, padding))[0, ..., 0]
'''

_POOLED = '''
def pooled(values, how, step, padding="valid"):
    """The largest value or the mean of every window, by Keras."""
    batch = np.float32(values)[None, ..., None]
    return keras.ops.convert_to_numpy(how(batch, window, step, padding))[0, ..., 0]
'''

_WAYS = """
# Five ways to make the map smaller.
largest, mean = keras.ops.max_pool, keras.ops.average_pool
before = {cut}
highest = pooled(before, largest, 1, "{padding}")
maps = {{
    "stride": {strided},
    "max": pooled(before, largest, stride, "{padding}"),
    "average": pooled(before, mean, stride, "{padding}"),
    "blurred_stride": convolved({first}, blur, stride),
    "blurred_max": convolved({second}, blur, stride),
}}
"""

_AROUND = '''
def around(values, weights):
    """The same on a picture that goes on at its other side: as many rows and columns come out."""
    (rows, columns) = weights.shape
    pads = ((rows - 1) // 2, rows // 2), ((columns - 1) // 2, columns // 2)
    return convolved(np.pad(values, pads, mode="wrap"), weights)
'''

_CHANGE = '''
def change(values, shift):
    """By how much the smaller map changes when the picture moves to the right, as a part of the map's contrast."""
    before = values[::stride, ::stride].astype(float)
    after = np.roll(values, shift, axis=1)[::stride, ::stride]
    contrast = np.linalg.norm(before - before.mean())
{moved}    return np.linalg.norm(after - before) / contrast if contrast > 1e-9 * values.size else 0.0
'''

_MOVED = """    # Moved along: by shift / stride cells, between cells by its waves.
    width = before.shape[1]
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(width) * shift / stride)
    before = np.fft.irfft(np.fft.rfft(before, axis=1) * turn, n=width, axis=1)
"""

_SHIFTS = """
# What a shift does: the first half of every way, at every place; the stride comes afterwards.
rows, columns = (np.arange(max(stride, side // stride * stride)) % side for side in image.shape)
ring = image[np.ix_(rows, columns)]
dense = {cut}
wrapped = np.pad(dense, (0, window - 1), mode="wrap")
everywhere = {{"stride": dense, "max": pooled(wrapped, largest, 1), "average": pooled(wrapped, mean, 1)}}
everywhere["blurred_stride"] = around(everywhere["stride"], blur)
everywhere["blurred_max"] = around(everywhere["max"], blur)
changes = {{way: [change(values, shift) for shift in range({shifts})] for way, values in everywhere.items()}}
for way, course in changes.items():
    print(way, maps[way].shape, "a shift of one pixel changes it by", course[1])
result = {{"maps": maps, "changes": changes}}
"""

_SAVE = """
from PIL import Image

for way, values in {{"before": before, **maps}}.items():
    Image.fromarray({drawn}).save(f"{{way}}.png")
"""


def smaller(
    name: str,
    weights: np.ndarray,
    *,
    size: int,
    stride: int,
    taps: int,
    relu: bool,
    padding: str,
    compared: str,
    shifts: int,
    limit: float | None = None,
) -> str:
    """Five ways to a smaller map, by Keras, and by how much a shift changes each.

    Args:
        name: of the picture, for ``opening``.
        weights: as for ``downsampling.downsample``, and so are size, stride, taps, relu and padding.
        size: of the pooling window, pixels.
        stride: pixels.
        taps: of the blur.
        relu: whether negative values of the convolution become 0.
        padding: "valid" or "same".
        compared: as for ``downsampling.shift_changes``.
        shifts: how many, from 0 on.
        limit: where the colours of the pictures end; None for grey levels from 0 to 255.

    Returns:
        A program that leaves ``result``, a dictionary of the maps and the changes, and writes a picture for each map.
    """
    row = [math.comb(taps - 1, place) for place in range(taps)]
    pads = ((taps - 1) // 2, taps // 2)

    def cut(text: str) -> str:
        return f"np.maximum({text}, 0)" if relu else text

    def mirrored(values: str) -> str:
        return values if padding == "valid" else f'np.pad({values}, {pads}, mode="reflect")'

    ways = _WAYS.format(
        padding=padding,
        cut=cut(f'convolved(image, kernel, padding="{padding}")'),
        strided=cut(f'convolved(image, kernel, stride, "{padding}")'),
        first=mirrored("before"),
        second=mirrored("highest"),
    )
    drawn = "np.uint8(np.clip(np.rint(values), 0, 255))"
    if limit is not None:
        viridis = f"coloured(values, 0, {limit!r}, cv2.COLORMAP_VIRIDIS)"
        drawn = f"signed(values, {limit!r}) if values.min() < 0 else {viridis}"
    return script(
        opening(name),
        _SETTINGS.format(cells=literal(weights), size=size, stride=stride, row=row, total=sum(row)),
        _CONVOLVED,
        _POOLED,
        "" if limit is None else SIGNED,
        "" if limit is None else COLOURED,
        ways,
        _AROUND,
        _CHANGE.format(moved=_MOVED if compared == "moved along" else ""),
        _SHIFTS.format(cut=cut("around(ring, kernel)"), shifts=shifts),
        _SAVE.format(drawn=drawn),
        about="Five ways to make a feature map smaller, and what a shift of the picture does to each.",
    )
