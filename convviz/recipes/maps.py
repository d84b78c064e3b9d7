"""Programs for the page Feature maps: every channel of some layers as mosaics, and one channel large."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convviz.recipes import networks
from convviz.recipes.openings import opening
from convviz.recipes.tables import COLOURED, SIGNED
from convviz.recipes.writing import quoted, script

OUTPUTS = """
# The network up to some of its layers, as a network with several outputs.
layers = {layers}
inner = keras.Model(inputs, [outputs[name] for name in layers])
found = inner(prepare(picture), training=False)
found = found if isinstance(found, (list, tuple)) else [found]
maps = {{name: keras.ops.convert_to_numpy(one)[0] for name, one in zip(layers, found)}}
"""

HEARD = """
layers = {layers}
heard = {{}}
for name in layers:
    listen(model, name, heard)
model(prepare(picture), training=False)
maps = {{name: keras.ops.convert_to_numpy(heard[name])[0] for name in layers}}
"""

_LECTURE = '''
import numpy as np


def brightness(maps):
    """Every channel alone, standardized: mean 128, deviation 64, as in the lecture."""
    spread = maps.std(axis=(0, 1))
    shown = (maps - maps.mean(axis=(0, 1))) * (64 / np.where(spread > 0, spread, 1)) + 128
    return as_levels(maps, shown, maps.min(axis=(0, 1)) == maps.max(axis=(0, 1)))
'''

_CHANNEL = '''
import numpy as np


def brightness(maps):
    """Every channel alone, from its lowest value, black, to its highest, white."""
    low, high = maps.min(axis=(0, 1)), maps.max(axis=(0, 1))
    return as_levels(maps, (maps - low) * (255 / np.where(high > low, high - low, 1)), low == high)
'''

_LAYER = '''
import numpy as np


def brightness(maps):
    """The layer's lowest value is black, its highest white, so that channels can be compared."""
    low, high = maps.min(), maps.max()
    shown = (maps - low) * (255 / (high - low if high > low else 1))
    return as_levels(maps, shown, np.full(maps.shape[-1], low == high))
'''

BRIGHTNESS = {"lecture": _LECTURE, "channel": _CHANNEL, "layer": _LAYER}

MOSAIC = '''
import numpy as np


def as_levels(maps, shown, constant):
    """Whole numbers from 0 to 255; a channel with one value everywhere is black at zero and grey elsewhere."""
    shown[..., constant] = np.where(maps[0, 0, constant] == 0, 0, 128)
    return np.clip(np.rint(shown), 0, 255).astype(np.uint8)


def fitted(levels, columns, widest=1200):
    """Maps at the size at which a row of them is as wide as the page shows it."""
    height, width, channels = levels.shape
    room = max(1, (widest + 1) // columns - 1)
    if room < width:
        smaller = max(1, round(height * room / width))
        return np.stack([resize(levels[..., channel], smaller, room) for channel in range(channels)], axis=-1)
    times = min(room // width, 8)
    return levels.repeat(times, axis=0).repeat(times, axis=1)


def mosaic(levels, columns, ground=0):
    """The channels side by side, in rows, one pixel between them."""
    height, width, channels = levels.shape
    grid = np.full((-(-channels // columns) * (height + 1), columns * (width + 1)), ground, np.uint8)
    for channel in range(channels):
        top, left = channel // columns * (height + 1), channel % columns * (width + 1)
        grid[top : top + height, left : left + width] = levels[..., channel]
    return grid[:-1, :-1]
'''

_SAVE = """
from PIL import Image

for name, one in maps.items():
    columns = min({columns}, one.shape[-1])
    Image.fromarray(mosaic(fitted(brightness(one), columns), columns)).save(name.replace("/", "_") + ".png")
"""

_LARGE = """
import cv2
from PIL import Image

# One channel large, and over the picture.
channel = maps[{layer}][..., {channel}]
if channel.min() < 0:
    Image.fromarray(signed(channel, np.abs(channel).max())).save("channel.png")
else:
    Image.fromarray(coloured(channel, 0, channel.max(), cv2.COLORMAP_VIRIDIS)).save("channel.png")
heat = resize(channel / max(np.abs(channel).max(), 1e-12), *picture.shape[:2])
colours = signed(heat, 1) if channel.min() < 0 else coloured(heat, 0, 1, cv2.COLORMAP_TURBO)
grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
over = cv2.addWeighted(grey, {rest}, colours, {alpha}, 0)
Image.fromarray(over).save("over_the_picture.png")
result = {{"maps": maps, "channel": channel}}
"""


def feature_maps(
    name: str,
    reference: Any,
    card: Any,
    *,
    layers: Sequence[str],
    layer: str,
    channel: int,
    scale: str = "lecture",
    columns: int = 16,
    alpha: float = 0.5,
) -> str:
    """Mosaics of some layers, and one channel of one layer.

    Args:
        name: of the picture, for ``opening``.
        reference: the network's ``zoo.Reference``.
        card: its ``zoo.Card``.
        layers: paths of the layers whose mosaics are made.
        layer: path of the layer whose channel is shown large.
        channel: which of its channels.
        scale: brightness, one of ``rendering.SCALES``.
        columns: maps in a row.
        alpha: strength of the channel over the picture.

    Returns:
        A program that leaves ``result``: ``"maps"``, path -> float32 (H', W', C), and ``"channel"``, float32 (H', W');
        it writes a mosaic for every layer, ``channel.png`` and ``over_the_picture.png``. Numbers are those of the page
        but for rounding, so that a mosaic may differ by one grey level here and there.
    """
    wanted = list(dict.fromkeys([*layers, layer]))
    listens = networks.listens(reference)
    told = "[\n" + "".join(f"    {quoted(one)},\n" for one in wanted) + "]"
    return script(
        opening(name),
        networks.loading(reference),
        networks.preparing(reference, card),
        networks.listening(card, wanted) if listens else networks.opened(reference),
        (HEARD if listens else OUTPUTS).format(layers=told),
        BRIGHTNESS[scale],
        MOSAIC,
        SIGNED,
        COLOURED,
        _SAVE.format(columns=columns),
        _LARGE.format(layer=quoted(layer), channel=channel, alpha=alpha, rest=round(1 - alpha, 6)),
        about="What the layers of a network make of a picture.",
    )
