"""The parts of the page on pooling and strides: pictures, figures, curves, sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import streamlit as st

from convviz import convolution, downsampling, rendering
from pages.shared import charts, ui, words

_ALIKE = 1e-6  # share of the largest value: rounding
CLOSE = 64  # pixels of the picture that a close-up shows
WAYS = downsampling.WAYS
SOURCE = (
    "Scherer, Müller & Behnke 2010, Evaluation of pooling operations; Springenberg et al. 2015, arXiv:1412.6806; "
    "Zhang 2019, Making convolutional networks shift-invariant again, arXiv:1904.11486."
)


def before(array: np.ndarray, weights: np.ndarray, *, relu: bool, padding: str) -> np.ndarray:
    """The feature map at every place, which all ways make smaller."""
    feature_map = ui.cached(convolution.convolve)(array, weights, padding=padding)
    return np.maximum(feature_map, 0) if relu else feature_map


def pictures(
    large: np.ndarray, smaller: Mapping[str, np.ndarray], stride: int, *, whole: bool, limit: float | None, alt: str
) -> None:
    """The feature map and what each way makes of it, all with the same scale, whole or the middle of it close up."""
    tiles = {"Before": (large, 1)} | {WAYS[way].title: (values, stride) for way, values in smaller.items()}
    for row in range(0, len(tiles), 3):
        for column, (title, (values, step)) in zip(st.columns(3), list(tiles.items())[row : row + 3], strict=True):
            shown = values if whole else _middle(values, step)
            part = words.shape(shown) if whole else f"{words.shape(shown)} of {words.shape(values)}"
            caption = f"{title}, {part}, values {words.numbers(shown.min(), shown.max())}"
            with column:
                ui.picture(drawn(shown, limit), caption, f"{title}: {part} of {alt}", at_least=300)
    if limit is not None:
        signed = large.min() < 0
        ui.colour_bar("signed" if signed else "viridis", limit, beyond=limit < np.abs(large).max())


def _middle(values: np.ndarray, step: int) -> np.ndarray:
    """The cells of a map that stand for the middle of the picture."""
    count = max(1, CLOSE // step)
    top, left = (max(0, (side - count) // 2) for side in values.shape)
    return values[top : top + count, left : left + count]


def drawn(values: np.ndarray, limit: float | None) -> np.ndarray:
    """A map in the colours of its sign, to a limit; without one, grey levels from 0 to 255."""
    if limit is None:
        return np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rendering.signed(values, limit) if values.min() < 0 else rendering.magnitude(values, limit)


def files(maps: Mapping[str, np.ndarray], limit: float | None) -> dict[str, Callable[[], bytes]]:
    """Each map as a PNG, one pixel a cell, to save."""
    return {f"{way}.png": lambda values=values: rendering.png(drawn(values, limit)) for way, values in maps.items()}


def table(large: np.ndarray, smaller: Mapping[str, np.ndarray], stride: int, shifted: Mapping[str, float]) -> None:
    """Sizes, and what is left, in numbers; global pooling too, which leaves one."""
    kept = {
        WAYS[way].title: (downsampling.figures(large, values, stride), shifted[way]) for way, values in smaller.items()
    }
    for title, value in (("Global max", large.max()), ("Global average", large.mean(dtype=np.float64))):
        kept[title] = downsampling.figures(large, np.array([[value]]), large.shape), 0.0
    nothing = downsampling.figures(large, large, 1)
    rows = [_row("Before", nothing, None)] + [_row(title, *both) for title, both in kept.items()]
    with st.container(key="mosaic_table_pooling"):
        st.table(rows)
    st.caption(
        "Lost: root mean square difference when each cell fills its stride × stride pixels again. "
        "Shift by 1: change of the map when the picture moves by one pixel, as in the curves below."
    )


def _row(title: str, figures: downsampling.Figures, shifted: float | None) -> dict[str, str]:
    """One line of the table."""
    return {
        "Way": title,
        "Output": " × ".join(map(str, figures.shape)),
        "Numbers kept": words.share(figures.kept, fine=True),
        "Mean": _number(figures.mean),
        "Largest": _number(figures.largest),
        "Std": _number(figures.deviation),
        "Lost": _number(figures.error),
        "Shift by 1": "" if shifted is None else words.share(shifted, fine=True),
    }


def _number(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")


def curves(changes: Mapping[str, np.ndarray], compared: str) -> None:
    """The change of each map over the shifts, in percent of its contrast."""
    lines = {
        WAYS[way].title: ([100 * value for value in change], charts.LINES[place])
        for place, (way, change) in enumerate(changes.items())
    }
    shifts = range(len(next(iter(changes.values()))))
    charts.curves(
        f"Change of the map, {compared} (% of its contrast)", list(shifts), lines,
        x_title="shift to the right (pixels)", key="shift_curves", marked=True,
    )  # fmt: skip


def noticed(
    large: np.ndarray, smaller: Mapping[str, np.ndarray], changes: Mapping[str, np.ndarray], stride: int, compared: str
) -> list[str]:
    """What to notice about the maps that are shown."""
    one = {way: float(change[1]) for way, change in changes.items()}
    nothing = _ALIKE * max(1.0, float(np.abs(large).max()))
    if all(np.ptp(values) <= nothing for values in (large, *smaller.values())) and max(one.values()) < _ALIKE:
        return [
            f"Every value before is {_number(float(large.flat[0]))}: there is no contrast that any way could lose, and "
            "a shift of an even picture changes nothing. Choose a picture with edges to compare the ways."
        ]
    brighter = float(smaller["max"].mean(dtype=np.float64) - large.mean(dtype=np.float64))
    far = f"{abs(brighter):.3g} {'above' if brighter > 0 else 'below'} that of the map before"
    apart = abs(float(smaller["average"].mean(dtype=np.float64) - large.mean(dtype=np.float64)))
    sentences = [
        "Max pooling keeps the largest value of each window, "
        + (f"so its mean is {far}" if abs(brighter) > nothing else "and here its mean stays that of the map before")
        + f"; average pooling keeps the mean {f'to within {apart:.2g}' if apart else 'exactly'}."
    ]
    if stride == 1:
        return [*sentences, "With stride 1 nothing is left out, and every map moves along with the picture."]
    if compared == "moved along":
        sentences.append(
            f"When the picture moves by {stride} pixels, every map moves by one cell and is otherwise the same; "
            "between that, what the stride left out shows."
        )
    if max(one["stride"], one["max"]) < _ALIKE:
        return [
            *sentences,
            "A shift of one pixel changes neither map here, so that there is nothing for a blur to cure.",
        ]
    helps = one["blurred_stride"] < one["stride"]
    sentences.append(
        f"A shift of one pixel changes the strided convolution by {words.share(one['stride'], fine=True)}, max pooling "
        f"by {words.share(one['max'], fine=True)}. A blur before the stride brings that to "
        f"{words.share(one['blurred_stride'], fine=True)} and {words.share(one['blurred_max'], fine=True)}"
        + ("." if helps else ": here it does not help.")
    )
    return sentences
