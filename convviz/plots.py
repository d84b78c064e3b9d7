"""Curves as a picture file: axes, lines that differ by colour and dash, bands around them, and a legend."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from convviz import ConvvizError

DASHES = {  # Plotly's names -> pixels drawn and left out, in turn
    "solid": (),
    "dash": (10, 7),
    "dot": (2, 5),
    "dashdot": (10, 5, 2, 5),
    "longdash": (18, 7),
    "longdashdot": (18, 5, 2, 5),
}
_FINE = 2  # drawn this many times larger and averaged down, so that edges are smooth
_TEXT, _INK, _GRID, _GROUND = 15, (40, 40, 40), (224, 224, 224), (255, 255, 255)
_SPELT, _SIGNS = (
    str.maketrans({"×": "x", "−": "-", "–": "-", "…": "...", "ß": "ss", "→": "to", "“": '"', "”": '"'}),
    "°·",
)
_LEFT, _RIGHT, _TOP, _BOTTOM, _LEGEND = 74, 24, 48, 56, 24  # pixels around the plot, and for each row of the legend


@dataclass(frozen=True)
class Curve:
    """One line of a chart.

    Attributes:
        name: in the legend; "" for a line that belongs to another one and is left out there.
        x: places, finite.
        y: numbers, finite; as many.
        colour: such as ``"#0072b2"``.
        dash: one of ``DASHES``.
        width: pixels.
        low: lower edge of a band around the line, as many numbers, or None for no band.
        high: upper edge, if there is a lower one.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: str
    dash: str = "solid"
    width: float = 2.0
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None


def chart(
    title: str,
    curves: Sequence[Curve],
    *,
    x_title: str,
    y_title: str = "",
    size: tuple[int, int] = (560, 900),
    y_range: tuple[float, float] | None = None,
) -> np.ndarray:
    """Curves over common axes.

    Args:
        title: above the chart.
        curves: at least one with a point.
        x_title: below the horizontal axis.
        y_title: beside the title, what the numbers are.
        size: (height, width), pixels.
        y_range: (lowest, highest) number of the vertical axis; all that is drawn, if none is given.

    Returns:
        uint8 (H, W, 3).

    Raises:
        ConvvizError: there is nothing to draw.

    Example:
        >>> chart("Loss", [Curve("training", [0, 1], [2.0, 1.0], "#0072b2")], x_title="epoch").shape
        (560, 900, 3)
    """
    points = [one for one in curves if len(one.x)]
    if not points:
        raise ConvvizError("there is no curve to draw yet; let the run make a step first")
    plot = _Plot(size, [one for one in points if one.name], _reach([one.x for one in points]), y_range or _up(points))
    plot.frame(title, x_title, y_title)
    for one in points:
        plot.band(one)
    for one in points:
        plot.line(plot.places(one.x, one.y), one)
    return plot.finished()


def ticks(low: float, high: float, *, most: int = 7) -> list[float]:
    """Round numbers that divide an axis.

    Args:
        low: where it begins.
        high: where it ends, above that.
        most: how many, about.

    Returns:
        one, two or five times a power of ten apart, within the axis.

    Example:
        >>> ticks(0, 10)
        [0, 2, 4, 6, 8, 10]
    """
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    digits = max(0, -math.floor(math.log10(step)))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    found = [round(number * step, digits) + 0.0 for number in range(first, last + 1)]
    return [int(one) if digits == 0 else one for one in found]


def spelt(words: str) -> str:
    """Words in letters that Pillow's own font has: plain Latin ones, without accents; others become question marks.

    Args:
        words: any text.

    Returns:
        The text in ASCII and the few signs that the font has besides.

    Example:
        >>> spelt("26 × 26, −1, Küche")
        '26 x 26, -1, Kuche'
    """
    split = unicodedata.normalize("NFKD", words.translate(_SPELT))
    letters = (one for one in split if one.isprintable() and not unicodedata.combining(one))
    return "".join(one if one.isascii() or one in _SIGNS else "?" for one in letters)


class _Plot:
    """A canvas with its axes."""

    def __init__(
        self, size: tuple[int, int], named: list[Curve], x: tuple[float, float], y: tuple[float, float]
    ) -> None:
        self.height, self.width = size
        self.x, self.y = x, y
        self.canvas = Image.new("RGB", (self.width * _FINE, self.height * _FINE), _GROUND)
        self.draw = ImageDraw.Draw(self.canvas)
        self.font, self.head = (ImageFont.load_default(number * _FINE) for number in (_TEXT, _TEXT + 3))
        rows = self._legend(named, drawn=False)
        self.bottom = self.height - _BOTTOM - rows * _LEGEND
        self._legend(named, drawn=True)

    def places(self, x: Sequence[float], y: Sequence[float]) -> np.ndarray:
        """Points of the canvas, float (N, 2)."""
        across = (np.asarray(x, float) - self.x[0]) / (self.x[1] - self.x[0])
        up = (np.asarray(y, float) - self.y[0]) / (self.y[1] - self.y[0])
        left, right = _LEFT, self.width - _RIGHT
        return np.stack([left + across * (right - left), self.bottom - up * (self.bottom - _TOP)], axis=-1) * _FINE

    def frame(self, title: str, x_title: str, y_title: str) -> None:
        """Title, grid and numbers."""
        self.text((_LEFT, 14), f"{title}: {y_title}" if y_title else title, self.head, "lt")
        self.text(((_LEFT + self.width - _RIGHT) / 2, self.bottom + 30), x_title, self.font, "mt")
        for number in ticks(*self.y):
            (_, level) = self.places([self.x[0]], [number])[0]
            self.draw.line([(_LEFT * _FINE, level), ((self.width - _RIGHT) * _FINE, level)], _GRID, _FINE)
            self.text((_LEFT - 8, level / _FINE), f"{number:g}", self.font, "rm")
        places = ticks(*self.x, most=10)
        whole = [number for number in places if float(number).is_integer()]
        for number in whole if len(whole) > 1 else places:  # no half epochs
            across = self.places([number], [self.y[0]])[0][0]
            self.draw.line([(across, self.bottom * _FINE), (across, (self.bottom + 5) * _FINE)], _INK, _FINE)
            self.text((across / _FINE, self.bottom + 9), f"{number:g}", self.font, "mt")
        corner = [(_LEFT * _FINE, _TOP * _FINE), (_LEFT * _FINE, self.bottom * _FINE)]
        self.draw.line([*corner, ((self.width - _RIGHT) * _FINE, self.bottom * _FINE)], _INK, _FINE)

    def band(self, curve: Curve) -> None:
        """The area between two edges, faint."""
        if curve.low is None or curve.high is None or len(curve.x) < 2:
            return
        edges = np.concatenate([self.places(curve.x, curve.high), self.places(curve.x, curve.low)[::-1]])
        veil = Image.new("L", self.canvas.size, 0)
        ImageDraw.Draw(veil).polygon([tuple(point) for point in self._within(edges)], fill=46)
        self.canvas.paste(Image.new("RGB", self.canvas.size, ImageColor.getrgb(curve.colour)), mask=veil)

    def line(self, points: np.ndarray, curve: Curve) -> None:
        """A line in its dash, and a dot where there is only one point."""
        colour, width = ImageColor.getrgb(curve.colour), max(1, round(curve.width * _FINE))
        points = self._within(points)
        if len(points) == 1:
            self.draw.circle(tuple(points[0]), 2 * width, colour)
        for piece in dashed(points, [part * _FINE for part in DASHES[curve.dash]]):
            self.draw.line([tuple(point) for point in piece], colour, width, joint="curve")

    def text(self, place: tuple[float, float], words: str, font: ImageFont.FreeTypeFont, anchor: str) -> None:
        """Words at a place, in pixels of the finished chart."""
        self.draw.text((place[0] * _FINE, place[1] * _FINE), spelt(words), _INK, font, anchor)

    def finished(self) -> np.ndarray:
        """The chart, averaged down."""
        return np.asarray(self.canvas.resize((self.width, self.height), Image.Resampling.BOX))

    def _within(self, points: np.ndarray) -> np.ndarray:
        """Kept between the lowest and the highest level of the plot."""
        return np.stack([points[:, 0], points[:, 1].clip(_TOP * _FINE, self.bottom * _FINE)], axis=-1)

    def _legend(self, named: list[Curve], *, drawn: bool) -> int:
        """How many rows it takes below the plot; drawn there if it shall be."""
        across, row = float(_LEFT), 0
        for one in named:
            wide = 44 + self.font.getlength(one.name) / _FINE + 24
            if across + wide > self.width and across > _LEFT:
                across, row = float(_LEFT), row + 1
            if drawn:
                level = self.bottom + _BOTTOM + row * _LEGEND + 8
                sample = np.array([(across, level), (across + 36, level)]) * _FINE
                for piece in dashed(sample, [part * _FINE for part in DASHES[one.dash]]):
                    self.draw.line([tuple(p) for p in piece], ImageColor.getrgb(one.colour), 2 * _FINE)
                self.text((across + 44, level), one.name, self.font, "lm")
            across += wide
        return row + 1 if named else 0


def dashed(points: np.ndarray, pattern: Sequence[float]) -> list[np.ndarray]:
    """A line cut into dashes along its length.

    Args:
        points: float (N, 2).
        pattern: lengths drawn and left out, in turn; empty for a whole line.

    Returns:
        pieces, each float (M, 2) with at least two points.

    Example:
        >>> [piece[:, 0].tolist() for piece in dashed(np.array([[0.0, 0.0], [5.0, 0.0]]), (2, 1))]
        [[0.0, 2.0], [3.0, 5.0]]
    """
    points = np.asarray(points, float)
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    if len(points) < 2 or along[-1] == 0:
        return []
    if not pattern:
        return [points]
    pieces, begin, turn = [], 0.0, 0
    while begin < along[-1]:
        end = min(begin + pattern[turn % len(pattern)], along[-1])
        if turn % 2 == 0 and end > begin:
            inside = along[(along > begin) & (along < end)]
            reach = np.concatenate([[begin], inside, [end]])
            pieces.append(np.stack([np.interp(reach, along, points[:, axis]) for axis in (0, 1)], axis=-1))
        begin, turn = end, turn + 1
    return pieces


def _reach(rows: Sequence[Sequence[float]]) -> tuple[float, float]:
    """The lowest and the highest of all numbers, never the same."""
    flat = np.concatenate([np.asarray(row, float) for row in rows])
    low, high = float(flat.min()), float(flat.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _up(curves: Sequence[Curve]) -> tuple[float, float]:
    """The reach of all lines and bands, with a margin."""
    edges = [row for one in curves for row in (one.low, one.high) if row is not None]
    low, high = _reach([*(one.y for one in curves), *edges])
    margin = 0.05 * (high - low)
    return low - margin, high + margin
