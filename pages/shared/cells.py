"""One cell of a network on a page: where it looks, what it read, and the arithmetic that made it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from convviz import images, microscope, rendering, zoo
from pages.shared import choices, pickers, ui, words

LAYER, CHANNEL, ROW, COL, INPUT = "cell_layer", "cell_channel", "cell_row", "cell_col", "cell_input"  # of the choices
_WHITE, _BLACK = 255, 0
_MOST_ROWS = 10  # of a table


def place(maps: np.ndarray, strongest: microscope.Cell) -> tuple[int, int]:
    """Choose a cell of a map; the strongest is offered first."""
    height, width = maps.shape
    rows, columns = st.columns(2)
    with rows:
        row = choices.number(f"Row (0 to {height - 1})", 0, height - 1, strongest.row, key=ROW) if height > 1 else 0
    with columns:
        col = choices.number(f"Column (0 to {width - 1})", 0, width - 1, strongest.col, key=COL) if width > 1 else 0
    return row, col


def seen(picture: pickers.Picture, card: zoo.Card, cell: microscope.Cell) -> None:
    """The picture as the network takes it: the field framed, the gradient over it, and the crop it saw."""
    height, width, channels = card.input_shape
    sized = images.resize(images.with_channels(picture.array, 1 if channels == 1 else 3), (height, width))
    sized = images.with_channels(np.asarray(sized).reshape(height, width, -1), 3)
    where, moved, crop = st.columns(3)
    field = cell.field or (0, 0, height, width)
    said = _window(field)
    with where:
        caption = f"{picture.caption} as the network takes it, {height} × {width}; framed: what the cell can see"
        ui.picture(outlined(sized, field), caption, f"{picture.alt}, a frame around {said}", at_least=300)
    with moved:
        peak = float(cell.gradient.max())
        heat = cell.gradient / peak if peak > 0 else cell.gradient
        shown = outlined(rendering.overlay(sized, heat, alpha=0.6), field)
        caption = f"How much each pixel moves the cell: the gradient, up to {peak:.3g}"
        ui.picture(shown, caption, f"Gradient of the cell within {said}", at_least=300)
        ui.colour_bar("turbo", peak or 1.0)
    with crop:
        top, left, bottom, right = field
        part = sized[top : max(bottom, top + 1), left : max(right, left + 1)]
        caption = f"The crop it saw, {words.shape(part[..., 0])} pixels"
        ui.picture(part, caption, f"The picture within {said}", at_least=300)


def outlined(picture: np.ndarray, window: Sequence[int]) -> np.ndarray:
    """A picture, enlarged so that a frame of two colours can stand around a window of its pixels."""
    factor = max(1, -(-300 // max(picture.shape[:2])))
    large = rendering.enlarge(picture, factor).copy()
    height, width = large.shape[:2]
    top, left, bottom, right = (factor * side for side in window)
    for inset, ink in ((0, _WHITE), (1, _BLACK), (2, _WHITE)):
        rows = np.clip([top - 1 + inset, bottom - inset], 0, height - 1)
        cols = np.clip([left - 1 + inset, right - inset], 0, width - 1)
        large[rows, cols[0] : cols[1] + 1] = ink
        large[rows[0] : rows[1] + 1, cols] = ink
    return large


def _window(field: Sequence[int]) -> str:
    top, left, bottom, right = field
    return f"rows {top} to {bottom - 1}, columns {left} to {right - 1}"


def steps(cell: microscope.Cell) -> None:
    """The arithmetic in order, its end, and the network's own number."""
    if cell.computed is None:
        st.info(words.safe(words.sentence(cell.note), 300))
        return
    rows = [
        {"Layer": one.layer, "Step": one.what, "How": one.formula, "Value": _number(one.value)} for one in cell.steps
    ]
    st.table(rows)
    st.markdown(
        f"The arithmetic ends in **{_number(cell.computed)}**; the network says **{_number(cell.value)}**; "
        f"they differ by {cell.difference:.1e}."
    )


def _number(value: float) -> str:
    return f"{value:.6g}".replace("-", "−")


def read(cell: microscope.Cell) -> None:
    """What the first step read, beside its weights, channel by channel."""
    taps = cell.taps
    if taps is None:
        return
    ui.section(f"What {words.safe(taps.layer)} read")
    if taps.mode in ("max", "average"):
        window = taps.values[..., 0]
        ui.picture(ui.map_picture(window), _caption("Window", window), "The window that was read", at_least=200)
        return
    sums = taps.sums()
    order = np.argsort(-np.abs(sums))[:_MOST_ROWS]
    if taps.mode == "dense":
        rows = [_row("Input", taps.channels[n], taps.values[n], taps.weights[n], sums[n]) for n in order]
        st.table(rows)
        st.caption(f"The {len(order)} largest of {sums.size:,} products.")
        return
    first = choices.select(
        "Input channel", [taps.channels[n] for n in np.argsort(-np.abs(sums))], key=INPUT,
        help="The one that gives most comes first.",
    )  # fmt: skip
    _kernel(taps, taps.channels.index(first), sums)
    if sums.size > 1:
        _sums(taps, sums, order)


def _row(what: str, number: int, value: float, weight: float, product: float) -> dict[str, str]:
    numbers = {"Value": value, "Weight": weight, "Product": product}
    return {what: str(number), **{name: f"{one:.4g}".replace("-", "−") for name, one in numbers.items()}}


def _kernel(taps: microscope.Taps, place_: int, sums: np.ndarray) -> None:
    """Window, kernel and their products for one input channel."""
    values, weights = taps.values[..., place_], taps.weights[..., place_]
    parts = (("Window", values), ("Kernel", weights), ("Products", values * weights + 0.0))  # no minus nought
    for column, (title, numbers) in zip(st.columns(3), parts, strict=True):
        with column:
            ui.picture(
                rendering.signed(numbers), _caption(title, numbers), f"{title} of channel {place_}", at_least=160
            )
            if max(numbers.shape) <= 5:
                rows = [[f"{one:.3g}".replace("-", "−") for one in row] for row in numbers]
                head = f"| {' | '.join(map(str, range(numbers.shape[1])))} |\n|{'---|' * numbers.shape[1]}\n"
                st.markdown(head + "\n".join(f"| {' | '.join(row)} |" for row in rows))
    total = f"{sums[place_]:.5g}".replace("-", "−")
    st.markdown(f"The products of this channel add up to **{total}**.")


def _caption(title: str, numbers: np.ndarray) -> str:
    return f"{title}, {words.shape(numbers)}, values {words.numbers(float(numbers.min()), float(numbers.max()))}"


def _sums(taps: microscope.Taps, sums: np.ndarray, order: np.ndarray) -> None:
    """What each input channel gives to the sum."""
    rows = [
        {"Input channel": str(taps.channels[n]), "Window × weights": f"{sums[n]:.4g}".replace("-", "−")} for n in order
    ]
    with st.expander(f"What each of the {sums.size} input channels gives"):
        st.table(rows)
        rest = float(sums.sum() - sums[order].sum())
        st.caption(f"All others together: {rest:.4g}".replace("-", "−"))


def noticed(cell: microscope.Cell, card: zoo.Card) -> list[str]:
    """What to notice about the cell that is shown."""
    lines = []
    if cell.field is not None:
        top, left, bottom, right = cell.field
        inside = cell.gradient[top:bottom, left:right]
        share = (bottom - top) * (right - left) / (card.input_shape[0] * card.input_shape[1])
        lines.append(f"By the layers' shapes this cell can see {share:.0%} of the picture.")
        if inside.any():
            strong = float((inside > 0.1 * inside.max()).mean())
            lines.append(f"Only {strong:.0%} of those pixels move it by more than a tenth of what the strongest does.")
        else:
            lines.append("No pixel moves it: a rectifier before it has cut the value to zero, so its gradient is zero.")
    if cell.taps is not None and cell.taps.weights is not None and cell.computed is not None:
        sums = cell.taps.sums()
        helping = int((sums > 0).sum())
        what = "inputs" if cell.taps.mode == "dense" else "input channels"
        lines.append(f"{helping} of {sums.size:,} {what} push the sum up, the others down or not at all.")
    return lines or ["The number is what the network itself computes for this picture."]
