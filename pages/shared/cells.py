"""One cell of a network on a page: where it looks, what it read, and the arithmetic that made it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import streamlit as st

from convviz import images, microscope, rendering, zoo
from pages.shared import choices, engine, explorer, pickers, spot, ui, words

LAYER, CHANNEL, ROW, COL, INPUT = "cell_layer", "cell_channel", "cell_row", "cell_col", "cell_input"  # of the choices
_WHITE, _BLACK = 255, 0
_MOST_ROWS = 10  # of a table
_PINNED = "_pinned_in_microscope"


def place(maps: np.ndarray, strongest: microscope.Cell) -> tuple[int, int]:
    """Choose a cell of a map; the strongest is offered first."""
    height, width = maps.shape
    rows, columns = st.columns(2)
    with rows:
        row = choices.number(f"Row (0 to {height - 1})", 0, height - 1, strongest.row, key=ROW) if height > 1 else 0
    with columns:
        col = choices.number(f"Column (0 to {width - 1})", 0, width - 1, strongest.col, key=COL) if width > 1 else 0
    return row, col


def seen(
    picture: pickers.Picture, card: zoo.Card, cell: microscope.Cell, maps: np.ndarray | None
) -> dict[str, np.ndarray]:
    """From the cell to what it saw: its map, the picture with the field framed, the gradient over it, the crop.

    Where the field is not known there is no frame and no crop.

    Args:
        picture: as it was chosen.
        card: of the network.
        cell: of it.
        maps: float32 (H, W), the map that the cell is of, on which another can be clicked; None without maps.

    Returns:
        The pictures, for the page's foot.
    """
    height, width, channels = card.input_shape
    sized = images.resize(images.with_channels(picture.array, 1 if channels == 1 else 3), (height, width))
    sized = images.with_channels(np.asarray(sized).reshape(height, width, -1), 3)
    places = st.columns((2 if cell.field is None else 3) + (maps is not None))
    shown = {
        "field": sized,
        "gradient": rendering.marked(rendering.overlay(sized, _scaled(cell.gradient), alpha=0.6), cell.gradient),
    }
    if maps is not None:
        shown["map"] = ui.map_picture(maps)
        with places.pop(0):
            named = f"Feature map {cell.channel} of {cell.layer}"
            spot.spot(maps, (cell.row, cell.col), words.map_alt(maps, named), keys=(ROW, COL))
            st.caption(f"{words.safe(named)}, {words.shape(maps)}. Click another cell.", text_alignment="center")
            ui.map_bar(maps)
    framed, around = "no frame, for the window is not known", ""
    if cell.field is not None:
        top, left, bottom, right = cell.field
        shown["crop"] = sized[top : max(bottom, top + 1), left : max(right, left + 1)]
        shown |= {name: outlined(shown[name], cell.field) for name in ("field", "gradient")}
        framed, around = "framed: what the cell can see", _window(cell.field)
    with places[0]:
        taken = "as the network takes it" if channels in (1, 3) else "brought to the network's size"
        caption = f"{picture.caption} {taken}, {height} × {width}; {framed}"
        ui.picture(
            shown["field"], caption, f"{picture.alt}, {f'a frame around {around}' if around else framed}", at_least=300
        )
    with places[1]:
        _gradient(shown["gradient"], cell.gradient, around)
    if cell.field is not None:
        with places[2]:
            caption = f"The crop it saw, {words.shape(shown['crop'][..., 0])} pixels"
            ui.picture(shown["crop"], caption, f"The picture within {around}", at_least=300)
    return shown


def _scaled(gradient: np.ndarray) -> np.ndarray:
    """A gradient relative to its largest finite number."""
    return np.where(np.isfinite(gradient), gradient, 0) / (ui.largest(gradient) or 1.0)


def _gradient(drawn: np.ndarray, gradient: np.ndarray, around: str) -> None:
    """How much each pixel moves the cell."""
    peak = ui.largest(gradient)
    told = "the gradient, " + (f"up to {words.number(peak)}" if np.isfinite(gradient).all() else words.spread(gradient))
    within = f" within {around}" if around else ""
    ui.picture(
        drawn, f"How much each pixel moves the cell: {told}", f"Gradient of the cell{within}: {told}", at_least=300
    )
    if np.isfinite(gradient).any():
        ui.colour_bar("turbo", peak)


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
    return f"{words.through('row', top, bottom - 1)}, {words.through('column', left, right - 1)}"


def not_a_number(cell: microscope.Cell, network: zoo.Reference) -> None:
    """Where the cell or its gradient is not a number, say why."""
    if not (np.isfinite(cell.value) and np.isfinite(cell.gradient).all()):
        told = engine.compute(zoo.no_number, network)
        st.warning(words.safe(words.sentence(told), 400), icon=":material/warning:")


def steps(cell: microscope.Cell) -> None:
    """The arithmetic in order, its end, and the network's own number."""
    if cell.computed is None:
        st.info(words.safe(words.sentence(cell.note), 300))
        return
    rows = [
        {"Layer": one.layer, "Step": one.what, "How": one.formula, "Value": number(one.value)} for one in cell.steps
    ]
    st.table(rows)
    if not np.isfinite([cell.computed, cell.value]).all():
        ends = f"The arithmetic ends in **{number(cell.computed)}**; the network says **{number(cell.value)}**."
        st.markdown(ends)
        return
    apart = f"they differ by {cell.difference:.1e}" if cell.difference else "they are the same number"
    st.markdown(
        f"The arithmetic ends in **{number(cell.computed)}**; the network says **{number(cell.value)}**; {apart}."
    )


def number(value: float, digits: int = 6) -> str:
    """A cell's number, in so many digits."""
    return "NaN" if np.isnan(value) else f"{value:.{digits}g}".replace("-", "−")


def read(cell: microscope.Cell, network: zoo.Reference, picture: np.ndarray) -> None:
    """What the first step read: grids to point at where a window goes over a map, and what each channel gives."""
    taps = cell.taps
    if taps is None:
        return
    ui.section(f"What {words.safe(taps.layer)} read")
    sums = None if taps.weights is None else taps.sums()
    if taps.mode == "dense":
        order = np.argsort(-np.abs(sums))[:_MOST_ROWS]
        st.table([_row("Input", taps.channels[n], taps.values[n], taps.weights[n], sums[n]) for n in order])
        st.caption(f"The {len(order)} largest of {sums.size:,} products.")
        return
    source = None
    if sums is not None and sums.size > 1:
        source = choices.select(
            "Input channel", [taps.channels[n] for n in np.argsort(-np.abs(sums))], key=INPUT,
            help="The one that gives most comes first.",
        )  # fmt: skip
    stage = engine.compute(microscope.stage, network, picture, cell.layer, cell.channel, source)
    if stage is None:
        window = taps.values[..., 0]
        ui.picture(ui.map_picture(window), _caption("Window", window), "The window that was read", at_least=200)
        ui.map_bar(window)
        return
    _grids(stage, cell)
    if sums is not None and sums.size > 1:
        part = number(float(sums[taps.channels.index(source)]), 5)
        st.markdown(f"Channel {source} gives **{part}** to this cell; what the other {sums.size - 1:,} give is added.")
        _sums(taps, sums, np.argsort(-np.abs(sums))[:_MOST_ROWS])


def grids_key(layer: str, channel: int) -> str:
    """The key of the grids over one channel: of its own for each, without the layer's name, which may be anything."""
    return f"cell_grids_{hashlib.blake2b(f'{layer} {channel}'.encode(), digest_size=8).hexdigest()}"


def _grids(stage: microscope.Stage, cell: microscope.Cell) -> None:
    """The explorer over one input channel; a cell that is pinned in its output is looked at instead."""
    if stage.kind == "pooling":
        result = "Output"
    else:
        result = f"What channel {stage.channel} gives" if not stage.whole else "Sum" + " + bias" * bool(stage.bias)
    pinned = explorer.explorer(
        stage.kind, stage.source, stage.weights, key=grids_key(cell.layer, cell.channel),
        settings=stage.settings, bias=stage.bias,
        labels={"source": f"Input channel {stage.channel}", "result": result}, at=(cell.row, cell.col), pins=True,
        looks={} if stage.kind == "pooling" else {"source": "signed" if stage.source.min() < 0 else "magnitude"},
    )  # fmt: skip
    if pinned is not None and pinned != st.session_state.get(_PINNED):
        for choice, place_ in zip((ROW, COL), pinned, strict=True):
            choices.set_later(choice, place_)
        st.session_state[_PINNED] = pinned
        st.rerun()
    st.session_state[_PINNED] = pinned


def _row(what: str, source: int, value: float, weight: float, product: float) -> dict[str, str]:
    numbers = {"Value": value, "Weight": weight, "Product": product}
    return {what: str(source), **{name: number(one, 4) for name, one in numbers.items()}}


def _caption(title: str, numbers: np.ndarray) -> str:
    return f"{title}, {words.shape(numbers)}, {words.spread(numbers)}"


def _sums(taps: microscope.Taps, sums: np.ndarray, order: np.ndarray) -> None:
    """What each input channel gives to the sum."""
    rows = [{"Input channel": str(taps.channels[n]), "Window × weights": number(float(sums[n]), 4)} for n in order]
    with st.expander(f"What each of the {sums.size} input channels gives"):
        st.table(rows)
        rest = float(sums.sum() - sums[order].sum())
        st.caption(f"All others together: {number(rest, 4)}")


def _reach(cell: microscope.Cell, field: Sequence[int], card: zoo.Card) -> list[str]:
    """How much of the picture the cell can see, and how much of that moves it."""
    top, left, bottom, right = field
    inside = cell.gradient[top:bottom, left:right]
    share = (bottom - top) * (right - left) / (card.input_shape[0] * card.input_shape[1])
    lines = [f"By the layers' shapes this cell can see {words.share(share)} of the picture."]
    if inside.any():
        strong = float((inside > 0.1 * inside.max()).mean())
        told = f"{words.share(strong)} of those pixels move it by more than a tenth of what the strongest does"
        return [*lines, words.sentence(told)]
    return [*lines, "No pixel moves it: a rectifier before it has cut the value to zero, so its gradient is zero."]


def noticed(cell: microscope.Cell, card: zoo.Card) -> list[str]:
    """What to notice about the cell that is shown."""
    lines = []
    if not np.isfinite(cell.gradient).all():
        lost = int((~np.isfinite(cell.gradient)).sum())
        lines.append(f"For {words.count(lost, 'pixel')} of {cell.gradient.size:,} the gradient is NaN or infinite.")
    elif cell.field is not None:
        lines += _reach(cell, cell.field, card)
    else:
        lines.append("The gradient alone tells which pixels move the cell, for this picture.")
    if cell.field is None:
        lines.append(words.safe(words.sentence(f"which window the cell can see is not known: {cell.unseen}"), 300))
    if cell.taps is not None and cell.taps.weights is not None and cell.computed is not None:
        sums = cell.taps.sums()
        helping = int((sums > 0).sum())
        what = "inputs" if cell.taps.mode == "dense" else "input channels"
        if sums.size > 1 and np.isfinite(sums).all():
            lines.append(f"{helping} of {sums.size:,} {what} push the sum up, the others down or not at all.")
    return lines or ["The number is what the network itself computes for this picture."]
