"""Programs for the looks of the page Feature maps: mosaics, a place, two pictures, exemplars, what depth does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convviz.recipes import maps, networks, training
from convviz.recipes.openings import opening
from convviz.recipes.tables import COLOURED, SIGNED
from convviz.recipes.writing import quoted, script

_ORDER = {
    "number": "order = np.arange(one.shape[-1])",
    "response": 'order = np.argsort(-np.abs(one).mean(axis=(0, 1)), kind="stable")  # the strongest first',
}

_SAVE = """
import numpy as np
from PIL import Image

def crossed(tiles, blank):
    '''A line through every tile of a channel with one value everywhere.'''
    height, width = tiles.shape[:2]
    steps = np.linspace(0, 1, 2 * max(height, width))
    rows, cols = np.rint((1 - steps) * (height - 1)).astype(int), np.rint(steps * (width - 1)).astype(int)
    for channel in np.flatnonzero(blank):
        tiles[rows, cols, channel] = np.where(tiles[rows, cols, channel] < 100, 170, 60)
    return tiles

for name, one in maps.items():
    blank = one.min(axis=(0, 1)) == one.max(axis=(0, 1))
    {order}
    {blank}
    part, signed_layer = one[..., order], {signed}
    columns = min({columns}, len(order))
    tiles = fitted({levels}, columns)
    {cross}drawn = painted(mosaic(tiles, columns, 128 if signed_layer else 0), signed_layer)
    Image.fromarray(drawn).save(name.replace("/", "_") + ".png")
result = {{"maps": maps}}
"""

_GREY = """
def painted(levels, _):
    return levels
"""

_PAINT = '''
import cv2
import numpy as np

def places(maps, limit, around):
    """Places 0 to 255 of a colour table: from zero up, or around 128."""
    slope = np.where(limit > 0, (127 if around else 255) / np.where(limit > 0, limit, 1), 0)
    return np.clip(np.rint(maps * slope + (128 if around else 0)), 0, 255).astype(np.uint8)

def painted(levels, around):
    if around:
        return signed((levels - 128.0) / np.where(levels < 128, 128, 127), 1)
    return cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB)
'''

_LIMITS = {
    "channel": "np.abs(part).max(axis=(0, 1))",
    "layer": "np.abs(one).max()",
    "network": "max(abs(lowest), abs(highest))",
}

_PLACE = """
import numpy as np

# The channels of one layer at one cell, ranked.
one = maps[{layer}]
values, means, spread = one[{row}, {col}], one.mean(axis=(0, 1)), one.std(axis=(0, 1))
surprises = np.where(spread > 1e-6 * np.abs(means), (values - means) / np.where(spread > 0, spread, 1), 0)
order = np.argsort(-{by}, kind="stable")[:12]
for channel in order:
    print(f"channel {{channel}}: {{values[channel]:.4g}} here, {{means[channel]:.4g}} on average")
result = {{"order": order, "values": values[order]}}
"""

_DIFFERENCE = """
import numpy as np
from PIL import Image

# One layer on two pictures: which channels differ most, and one of them large.
first, second = kept
apart = np.abs(second - first).mean(axis=(0, 1))
order = np.argsort(-apart, kind="stable")[:16]
one, two = first[..., {channel}], second[..., {channel}]
limit = max(np.abs(one).max(), np.abs(two).max()) or 1.0
around = min(one.min(), two.min()) < 0
for name, values in (("first", one), ("second", two), ("difference", two - one)):
    both = around or name == "difference"
    drawn = signed(values, limit) if both else coloured(values, 0, limit, cv2.COLORMAP_VIRIDIS)
    Image.fromarray(drawn).save(name + ".png")
result = {{"order": order, "apart": apart[order], "first": one, "second": two}}
"""

_FOLDER = """
from pathlib import Path

import numpy as np
from PIL import Image

# Put the pictures to search into the folder "pictures".
paths = sorted(Path("pictures").glob("*.*"))
test_images = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
"""

_SEARCH = """
import numpy as np

# The largest value of one channel on each picture; of more than {count} pictures so many, taken evenly.
chosen = np.unique(np.linspace(0, len(test_images) - 1, min({count}, len(test_images))).round().astype(int))
peaks = []
for index in chosen:
    picture = test_images[index]
    picture = np.repeat(picture, 3, axis=-1) if picture.shape[-1] == 1 else picture
    {answer}
    peaks.append(one[..., {channel}].max())
best = np.argsort(-np.array(peaks), kind="stable")[:8]
for place in best:
    print(f"picture {{chosen[place]}}: {{peaks[place]:.4g}}")
result = {{"indices": chosen[best], "values": np.array(peaks)[best]}}
"""

_DEPTH = """
import cv2
import numpy as np

# What depth does: zeros, likeness to the edges, and how much brightness a weighted sum of the channels gives back.
grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
fine = resize(grey, 64, 64).astype(np.float64)
result = {}
for name, one in maps.items():
    sides = [min(side, 64) for side in one.shape[:2]]
    cells = np.stack([resize(np.ascontiguousarray(one[..., n]), *sides) for n in range(one.shape[-1])], axis=-1)
    cells = cells.reshape(-1, one.shape[-1]).astype(np.float64)
    rows, cols = (np.arange(64) * side // 64 for side in sides)
    place = (rows[:, None] * sides[1] + cols).ravel()
    enlarged = np.column_stack([cells[place], np.ones(64 * 64)])
    weights = np.linalg.lstsq(enlarged, fine.ravel(), rcond=1e-6)[0]
    left = ((fine.ravel() - enlarged @ weights) ** 2).sum()
    result[name] = {
        "zeros": float((one == 0).mean()),
        "blank": int((one.min(axis=(0, 1)) == one.max(axis=(0, 1))).sum()),
        "readable": float(1 - left / ((fine - fine.mean()) ** 2).sum()),
    }
    print(name, result[name])
"""


def _heard(name: str, reference: Any, card: Any, layers: Sequence[str]) -> list[str]:
    """The lines that leave ``maps`` of layers for a picture."""
    listens = networks.listens(reference)
    told = "[\n" + "".join(f"    {quoted(one)},\n" for one in layers) + "]"
    return [
        opening(name),
        networks.loading(reference),
        networks.preparing(reference, card),
        networks.listening(card, layers) if listens else networks.opened(reference),
        (maps.HEARD if listens else maps.OUTPUTS).format(layers=told),
    ]


def mosaics(
    name: str,
    reference: Any,
    card: Any,
    *,
    layers: Sequence[str],
    columns: int = 16,
    scale: str = "lecture",
    order: str = "number",
    blank: str = "shown",
    coloured: bool = False,
) -> str:
    """Every channel of some layers as mosaics.

    Args:
        name: of the picture, for ``opening``.
        reference: the network's ``zoo.Reference``.
        card: its ``zoo.Card``.
        layers: paths of the layers.
        columns: as for ``activations.mosaics``.
        scale: as for ``activations.mosaics``; ``"network"`` only where it is coloured.
        order: as for ``activations.mosaics``.
        blank: as for ``activations.mosaics``.
        coloured: as for ``activations.mosaics``.

    Returns:
        A program that leaves ``result``: ``"maps"``, path -> float32 (H', W', C); it writes a mosaic for every layer.
        A mosaic may differ from the page's by one level here and there.
    """
    wanted = [entry.name for entry in card.map_layers()] if scale == "network" else list(layers)
    ends = [
        "lowest = min(one.min() for one in maps.values())\nhighest = max(one.max() for one in maps.values())",
        "shown = [\n"
        + "".join(f"    {quoted(one)},\n" for one in layers)
        + "]\nmaps = {name: maps[name] for name in shown}",
    ]
    whole = scale == "network"
    save = _SAVE.format(
        order=_ORDER[order],
        blank="order = order[~blank[order]] if not blank.all() else order" if blank == "hidden" else "# all are drawn",
        signed=("lowest < 0" if whole else "one.min() < 0") if coloured else "False",
        columns=columns,
        levels=f"places(part, {_LIMITS[scale]}, signed_layer)" if coloured else "brightness(part)",
        cross="tiles = crossed(np.array(tiles), blank[order])\n    " if blank == "crossed" else "",
    )
    return script(
        *_heard(name, reference, card, wanted),
        *(ends if whole else []),
        "" if coloured else maps.BRIGHTNESS[scale],
        maps.MOSAIC,
        SIGNED if coloured else "",
        _PAINT if coloured else _GREY,
        save,
        about="What the layers of a network make of a picture.",
    )


def place(name: str, reference: Any, card: Any, *, layer: str, row: int, col: int, by: str = "value") -> str:
    """The channels of a layer at one cell, ranked.

    Args:
        name: of the picture.
        reference: the network's ``zoo.Reference``.
        card: its ``zoo.Card``.
        layer: path.
        row: of the cell.
        col: of the cell.
        by: as for ``contrasts.place``.

    Returns:
        A program that leaves ``result``: ``"order"`` and ``"values"``.
    """
    ranked = {"value": "values", "surprise": "surprises"}[by]
    return script(
        *_heard(name, reference, card, [layer]),
        _PLACE.format(layer=quoted(layer), row=row, col=col, by=ranked),
        about="Which channels answer most to one place of a picture.",
    )


def difference(first: str, second: str, reference: Any, card: Any, *, layer: str, channel: int) -> str:
    """A layer on two pictures.

    Args:
        first: name of a picture.
        second: name of another.
        reference: the network's ``zoo.Reference``.
        card: its ``zoo.Card``.
        layer: path.
        channel: that is drawn.

    Returns:
        A program that leaves ``result``: ``"order"`` and ``"apart"`` of the channels that differ most, and the maps
        ``"first"`` and ``"second"`` of one; it writes them and their difference.
    """
    begin, *rest = _heard(first, reference, card, [layer])
    other = opening(second)
    again = rest.pop()
    listens = networks.listens(reference)
    once_more = (
        "model(prepare(picture), training=False)\n" if listens else "found = inner(prepare(picture), training=False)\n"
    )
    take = f"heard[{quoted(layer)}]" if listens else "found[0] if isinstance(found, (list, tuple)) else found"
    keep = f"kept.append(keras.ops.convert_to_numpy({take})[0])"
    return script(
        begin,
        *rest,
        again,
        f"kept = [maps[{quoted(layer)}]]",
        other,
        once_more + keep,
        SIGNED,
        COLOURED,
        _DIFFERENCE.format(channel=channel),
        about="What a layer makes of two pictures.",
    )


def exemplars(reference: Any, card: Any, *, layer: str, channel: int, data: str, count: int) -> str:
    """The pictures that a channel answers to most.

    Args:
        reference: the network's ``zoo.Reference``.
        card: its ``zoo.Card``.
        layer: path.
        channel: of the layer.
        data: key of ``training.DATASETS``; the pictures of other data are read from a folder.
        count: pictures to look at, at most; 0 for all.

    Returns:
        A program that leaves ``result``: ``"indices"`` of the pictures and the channel's largest ``"values"``.
    """
    listens = networks.listens(reference)
    answer = (
        f"model(prepare(picture), training=False); one = keras.ops.convert_to_numpy(heard[{quoted(layer)}])[0]"
        if listens
        else "one = keras.ops.convert_to_numpy(inner(prepare(picture), training=False))[0]"
    )
    ready = (
        f"heard = {{}}\nlisten(model, {quoted(layer)}, heard)"
        if listens
        else f"inner = keras.Model(inputs, outputs[{quoted(layer)}])"
    )
    return script(
        training.DATASETS.get(data, _FOLDER),
        networks.loading(reference),
        networks.preparing(reference, card),
        networks.listening(card, [layer]) if listens else networks.opened(reference),
        ready,
        _SEARCH.format(count=count or 10**6, channel=channel, answer=answer),
        about="Which pictures one channel of a network answers to most.",
    )


def depth(name: str, reference: Any, card: Any, *, layers: Sequence[str]) -> str:
    """What changes from layer to layer.

    Args:
        name: of the picture.
        reference: the network's ``zoo.Reference``.
        card: its ``zoo.Card``.
        layers: paths of the layers.

    Returns:
        A program that leaves ``result``: path -> ``"zeros"``, ``"blank"`` and ``"readable"``.
    """
    return script(*_heard(name, reference, card, layers), _DEPTH, about="What changes with depth in a network.")
