"""A program for the Pixels page: a window of numbers, the channels, how often each value occurs."""

from __future__ import annotations

from convviz.recipes.openings import opening
from convviz.recipes.writing import script

_NUMBERS = """
import numpy as np

window = picture[{row} : {bottom}, {column} : {right}]  # rows, columns, channels
print(window[..., 0])  # the red numbers

channels = picture.reshape(-1, 3)  # every pixel's red, green and blue
result = {{
    "window": window,
    "histogram": np.stack([np.bincount(channel, minlength=256) for channel in channels.T]),
    "minimum": channels.min(axis=0),
    "maximum": channels.max(axis=0),
    "mean": channels.mean(axis=0),
    "deviation": channels.std(axis=0),
}}
print(picture.shape, "mean", result["mean"], "standard deviation", result["deviation"])
"""

_TINTED = """
from PIL import Image

for place, name in enumerate(("red", "green", "blue")):
    alone = np.zeros_like(picture)
    alone[..., place] = picture[..., place]
    Image.fromarray(alone).save(f"{name}.png")
"""

_GREY = """
from PIL import Image

for place, name in enumerate(("red", "green", "blue")):
    Image.fromarray(picture[..., place]).save(f"{name}.png")
"""


def numbers(name: str, row: int, column: int, side: int, *, tinted: bool = True) -> str:
    """A window of a picture's numbers, and what its channels come to.

    Args:
        name: of the picture, for ``opening``.
        row: the window's first.
        column: the window's first.
        side: of the window, pixels.
        tinted: whether a channel alone is drawn in its colour, or as grey levels.

    Returns:
        A program that leaves a dictionary ``result`` and writes ``red.png``, ``green.png`` and ``blue.png``.
    """
    cut = _NUMBERS.format(row=row, bottom=row + side, column=column, right=column + side)
    about = "A picture as numbers: a window of them, the channels apart, and how often each value occurs."
    return script(opening(name), cut, _TINTED if tinted else _GREY, about=about)
