"""Stimuli: gratings, bars, curves and colours, drawn exactly, to ask a kernel or a channel what it answers to.

An angle says how stripes and bars run: 0 degrees is level, 90 upright, counted against the clock. A curve's angle says
where its hollow side opens: 0 to the right, 90 upwards. Lengths are pixels, measured from the picture's middle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np

from convviz import ConvvizError

SIZES = (16, 128)  # pixels of a stimulus' side, smallest and largest
MOST_STEPS = 181
GROUND = 128  # grey behind a coloured bar
PHASES = 8  # of a grating whose phase is not asked about: how it lies on the pixels must not count


@dataclass(frozen=True)
class Axis:
    """One property of a stimulus that can be changed.

    Attributes:
        title: what people call it.
        unit: of its numbers.
        low: smallest value.
        high: largest value.
        default: where it stands when another property is changed.
        period: after how much the stimulus is the same again; None where it never is.
    """

    title: str
    unit: str
    low: float
    high: float
    default: float
    period: float | None = None


@dataclass(frozen=True)
class Kind:
    """One family of stimuli.

    Attributes:
        title: what people call it.
        draw: (size, **values) -> uint8 (size, size, 3).
        axes: name -> `Axis`, the first the one that is asked about at first.
        source: who asked with it first.
    """

    title: str
    draw: Callable[..., np.ndarray]
    axes: Mapping[str, Axis]
    source: str


def grating(size: int, *, angle: float = 90, frequency: float = 0.125, phase: float = 0) -> np.ndarray:
    """Stripes whose brightness is a sine wave.

    Args:
        size: pixels of a side.
        angle: of the stripes, degrees.
        frequency: cycles per pixel, up to 0.5.
        phase: degrees; 0 has the rising slope in the middle.

    Returns:
        uint8 (size, size, 3), from 0 to 255 around 127.5.

    Source:
        De Valois, Albrecht & Thorell 1982, Spatial frequency selectivity of cells in macaque visual cortex.
    """
    across, _ = _turned(size, angle)
    return _grey(127.5 + 127.5 * np.sin(2 * np.pi * frequency * across + np.deg2rad(phase)))


def bar(size: int, *, angle: float = 90, width: float = 3, shift: float = 0) -> np.ndarray:
    """A white bar on black.

    Args:
        size: pixels of a side.
        angle: of the bar, degrees.
        width: pixels; edges are one pixel wide.
        shift: pixels across the bar, from the middle.

    Returns:
        uint8 (size, size, 3).

    Source:
        Hubel & Wiesel 1959, Receptive fields of single neurones in the cat's striate cortex.
    """
    across, _ = _turned(size, angle)
    return _grey(255 * np.clip(width / 2 + 0.5 - np.abs(across - shift), 0, 1))


def curve(size: int, *, angle: float = 0, curvature: float = 0.1, width: float = 2) -> np.ndarray:
    """A white half circle on black through the middle; curvature 0 is a straight line.

    Args:
        size: pixels of a side.
        angle: where the hollow side opens, degrees.
        curvature: one divided by the radius in pixels.
        width: pixels of the line.

    Returns:
        uint8 (size, size, 3).

    Source:
        Cammarata et al. 2020, Curve detectors, Distill, doi:10.23915/distill.00024.003.
    """
    radius = 1 / max(curvature, 1e-6)
    across, along = _turned(size, angle)
    distance = np.abs(np.hypot(along - radius, across) - radius)
    facing = np.clip(0.5 + radius - along, 0, 1)
    return _grey(255 * np.clip(width / 2 + 0.5 - distance, 0, 1) * facing)


def coloured_bar(
    size: int, *, hue: float = 0, saturation: float = 1, angle: float = 90, width: float = 6
) -> np.ndarray:
    """A bar of one colour on grey.

    Args:
        size: pixels of a side.
        hue: degrees; 0 is red, 120 green, 240 blue.
        saturation: from 0, white, to 1, the full colour.
        angle: of the bar, degrees.
        width: pixels; edges are one pixel wide.

    Returns:
        uint8 (size, size, 3).

    Source:
        Smith 1978, Color gamut transform pairs, for hue and saturation.
    """
    across, _ = _turned(size, angle)
    inside = np.clip(width / 2 + 0.5 - np.abs(across), 0, 1)[..., None]
    paint = cv2.cvtColor(np.float32([[[hue % 360, saturation, 1]]]), cv2.COLOR_HSV2RGB)[0, 0] * 255
    return np.rint(GROUND + inside * (paint - GROUND)).astype(np.uint8)


def _turned(size: int, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Every pixel's distance from the middle across a direction, and along it."""
    turn, places = np.deg2rad(angle), np.arange(size) - (size - 1) / 2
    right, up = places[None], -places[:, None]
    return right * np.sin(turn) - up * np.cos(turn), right * np.cos(turn) + up * np.sin(turn)


def _grey(values: np.ndarray) -> np.ndarray:
    """Brightness as a picture with three equal channels."""
    return np.repeat(np.rint(values).astype(np.uint8)[..., None], 3, axis=-1)


_ANGLE = Axis("Angle", "degrees", 0, 180, 90, 180)
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "grating": Kind(
            "Gratings",
            grating,
            {
                "angle": _ANGLE,
                "frequency": Axis("Frequency", "cycles per pixel", 0.01, 0.5, 0.15),
                "phase": Axis("Phase", "degrees", 0, 360, 0, 360),
            },
            "De Valois, Albrecht & Thorell 1982, Vision Research 22(5)",
        ),
        "bar": Kind(
            "Bars",
            bar,
            {
                "angle": _ANGLE,
                "width": Axis("Width", "pixels", 1, 24, 3),
                "shift": Axis("Shift", "pixels", -12, 12, 0),
            },
            "Hubel & Wiesel 1959, The Journal of Physiology 148(3)",
        ),
        "curve": Kind(
            "Curves",
            curve,
            {
                "angle": Axis("Opens to", "degrees", 0, 360, 0, 360),
                "curvature": Axis("Curvature", "per pixel", 0, 0.5, 0.1),
                "width": Axis("Width", "pixels", 1, 12, 2),
            },
            "Cammarata et al. 2020, Curve detectors, Distill, doi:10.23915/distill.00024.003",
        ),
        "colour": Kind(
            "Colours",
            coloured_bar,
            {
                "hue": Axis("Hue", "degrees", 0, 360, 0, 360),
                "saturation": Axis("Saturation", "share", 0, 1, 1),
                "angle": _ANGLE,
                "width": Axis("Width", "pixels", 1, 24, 6),
            },
            "Conway 2001, Spatial structure of cone inputs to color cells, The Journal of Neuroscience 21(8)",
        ),
    }
)


@dataclass(frozen=True, eq=False)
class Sweep:
    """Stimuli that differ in one property.

    Attributes:
        kind: a name of ``KINDS``.
        axis: the property's name.
        values: float64 (N,), the property's values.
        pictures: uint8 (N * views, size, size, 3), the views of the first value first.
        period: of the property, or None.
        views: pictures for each value: gratings come in ``PHASES`` phases, as if they drifted, all others once.
    """

    kind: str
    axis: str
    values: np.ndarray
    pictures: np.ndarray
    period: float | None
    views: int = 1


def sweep(kind: str, axis: str, *, steps: int = 37, size: int = 64, **fixed: float) -> Sweep:
    """A batch of stimuli along one property.

    Args:
        kind: a name of ``KINDS``.
        axis: one of that kind's axes.
        steps: stimuli, 2 to ``MOST_STEPS``; along a periodic axis the end, which is the start again, is left out.
        size: pixels of a side, between ``SIZES``.
        fixed: values of the other axes; their defaults where left out.

    Returns:
        the batch with its values.

    Raises:
        ConvvizError: a kind, axis, number of steps or size that does not exist.

    Example:
        >>> sweep("grating", "angle", steps=4).values.tolist()
        [0.0, 45.0, 90.0, 135.0]
    """
    if kind not in KINDS:
        raise ConvvizError(f"there are no stimuli {kind[:40]!r}; choose one of {', '.join(KINDS)}")
    axes = KINDS[kind].axes
    wrong = [name for name in (axis, *fixed) if name not in axes]
    if wrong:
        raise ConvvizError(f"{kind} has no property {wrong[0][:40]!r}; choose one of {', '.join(axes)}")
    if not (2 <= steps <= MOST_STEPS and SIZES[0] <= size <= SIZES[1]):
        raise ConvvizError(
            f"{steps} stimuli of {size} pixels cannot be drawn; choose 2 to {MOST_STEPS} of {SIZES[0]} to {SIZES[1]}"
        )
    chosen = axes[axis]
    values = np.linspace(chosen.low, chosen.high, steps, endpoint=chosen.period is None)
    others = {name: fixed.get(name, one.default) for name, one in axes.items() if name != axis}
    views = PHASES if kind == "grating" and axis != "phase" else 1
    draw, moved = KINDS[kind].draw, [{}]
    if views > 1:
        moved = [{"phase": others["phase"] + 360 * view / views} for view in range(views)]
    pictures = [draw(size, **{**others, axis: float(value), **one}) for value in values for one in moved]
    return Sweep(kind, axis, values, np.stack(pictures), chosen.period, views)
