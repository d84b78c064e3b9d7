"""A visitor's receptive fields: the table, the windows on the picture, and the gradient as it is measured."""

from __future__ import annotations

import numpy as np
import streamlit as st

from convviz import effective, framing, images, rendering, stacks
from pages.shared import engine, pickers, ui, words

SLOT = "reach"
_WANTED = "_reach_wanted"


def square(picture: np.ndarray, side: int) -> np.ndarray:
    """The middle of a picture as a square of that side."""
    height, width = picture.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    return images.resize(picture[top : top + edge, left : left + edge], (side, side))


def table(layers: stacks.Stack, side: int, chosen: int) -> None:
    """Sizes, jumps, offsets and receptive fields, layer by layer."""
    rows = [
        "| | Layer | Sees (pixels) | Map | Jump (pixels) | First window begins at |",
        "|--:|:--|:--|:--|--:|--:|",
        f"| 0 | picture | {_whole('1 × 1')} | {_whole(f'{side} × {side}')} | 1 | 0 |",
    ]
    maps = stacks.sides(layers, side)[1:]
    for number, (one, size, field) in enumerate(zip(layers, maps, stacks.fields(layers, side), strict=True), 1):
        sizes = [_whole(f"{field.size[0]} × {field.size[1]}"), _whole(f"{size} × {size}")]
        cells = [_whole(str(one)), *sizes, str(field.stride[0]), str(field.offset[0]).replace("-", "−")]
        marked = [f"**{cell}**" for cell in cells] if number - 1 == chosen else cells
        rows.append(f"| {number} | {' | '.join(marked)} |")
    with st.container(key="mosaic_layers"):
        st.markdown("\n".join(rows))


def _whole(cell: str) -> str:
    """A cell that stays on one line, however narrow its table."""
    return cell.replace(" ", "\N{NO-BREAK SPACE}")


def windows(layers: stacks.Stack, side: int, layer: int, row: int, col: int) -> list[framing.Box]:
    """The windows of a unit and, before it, of the units in the middle of what it sees, the first layer's first."""
    fields = stacks.fields(layers, side)
    return [fields[index].window(*place) for index, *place in stacks.path(layers, side, layer, row, col)]


def told(window: framing.Box, side: int) -> str:
    """Where a window lies, in words, and whether it fits."""
    top, left, bottom, right = window
    inside = max(min(bottom, side) - max(top, 0), 0) * max(min(right, side) - max(left, 0), 0)
    whole = (bottom - top) * (right - left)
    rest = "" if inside == whole else f"; {1 - inside / whole:.0%} of it lies outside the picture, in the padding"
    return f"{words.through('row', top, bottom - 1)}, {words.through('column', left, right - 1)}{rest}"


def measure(wanted: tuple, **options: object) -> None:
    """Begin a measurement if another one is wanted than the one that runs or has ended."""
    if st.session_state.get(_WANTED) != (wanted, options) or engine.job(SLOT) is None:
        engine.start(SLOT, effective.measure, *wanted, **options)
        st.session_state[_WANTED] = (wanted, options)


def shown(picture: pickers.Picture, array: np.ndarray, window: framing.Box) -> None:
    """The gradient that has been measured so far, over what the unit sees."""
    job = engine.job(SLOT)
    if job is None:
        return
    if job.state == "failed":
        ui.error(job.error)
        return
    if line := engine.line(job):
        st.info(line)
    now = job.latest
    if now is None:
        st.progress(0.0, "The worker builds the stack")
        return
    state, stop = st.columns([4, 1], vertical_alignment="bottom")
    stopped = ", stopped" if job.state == "stopped" else ""
    state.progress(now.done / now.total, f"Draw {now.done} of {now.total}{stopped}")
    stop.button("Stop", icon=":material/stop:", on_click=job.stop, disabled=job.ended, key="stop_reach")
    top, left, bottom, right = now.window
    heat, over = st.columns(2)
    with heat:
        caption = f"Mean gradient, {words.shape(now.gradient)} pixels, as a share of the largest"
        alt = f"Gradient of the unit: {now.middle:.0%} of it in the middle of the window"
        ui.picture(rendering.magnitude(now.gradient, 1.0), caption, alt, at_least=300, moving=True)
        ui.colour_bar("viridis", 1.0)
    with over:
        seen = array[top:bottom, left:right]
        mixed = rendering.overlay(seen, np.sqrt(now.gradient), alpha=0.6, colormap="viridis")
        caption = f"The same over {picture.caption}, its square root, so that small ones show"
        ui.picture(mixed, caption, alt, at_least=300, moving=True)
    st.markdown(sentence(now, window))


def sentence(now: effective.Reach, window: framing.Box) -> str:
    """How much of the gradient is in the middle, and how large the effective field is."""
    whole = max(window[2] - window[0], window[3] - window[1])
    return (
        f"The middle of the window, half its height and half its width, holds **{now.middle:.0%}** of the gradient; an "
        f"even one would have {now.even:.0%} there. The pixels above {effective.TOLD:.2%} of the largest make a square "
        f"of **{now.side:.0f}** pixels; the theoretical window has {whole}."
    )


def noticed(layers: stacks.Stack, side: int, layer: int, window: framing.Box) -> list[str]:
    """What to notice: how the field has grown, and where it lies."""
    fields = stacks.fields(layers, side)
    field = fields[layer]
    before = fields[layer - 1].size[0] if layer else 1
    return [
        f"A unit of layer {layer + 1} ({layers[layer]}) sees {field.size[0]} × {field.size[1]} pixels; in the layer "
        f"before it was {before} × {before}. Neighbouring units see windows {field.stride[0]} pixels apart.",
        f"This unit sees {told(window, side)}.",
        f"Each layer adds (size − 1) · dilation · jump: here ({layers[layer].size} − 1) · {layers[layer].dilation} · "
        f"{fields[layer - 1].stride[0] if layer else 1} = {field.size[0] - before}.",
    ]
