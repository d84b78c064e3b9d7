"""Choosing a kernel by name, or making one cell by cell; for a filter, one for each channel."""

from __future__ import annotations

import hashlib
import re

import numpy as np
import pandas as pd
import streamlit as st

from convviz import ConvvizError, kernels
from pages.shared import choices, ui

CUSTOM = "custom"
CHANNELS = ("red", "green", "blue")
LONGEST = 2000  # letters of a kernel as text
HOW = "A comma parts two cells, as a space does: write 1.5, not 1,5. Fractions such as 1/9 are read."
_OPENING = "0 0 0; 0 1 0; 0 0 0"  # a custom kernel at first, and as long as none could be read
_INSTEAD = f"the identity of 3 × 3 ({_OPENING}), which changes no value"
_IN_VIEW = 5  # columns of the grid at a laptop's width


def kernel(prefix: str = "", *, default: str = "sobel_x", label: str = "Kernel") -> tuple[str, kernels.Kernel]:
    """The chosen kernel with its name; any edit of a cell turns it into a custom one, kept in the address as text.

    Each page gives its own prefix to the keys in the address: a key belongs to one page.
    """
    ui.forget_refusal(f"{prefix}kernel")
    names = [*kernels.KERNELS, CUSTOM]
    name = choices.select(label, names, key=f"{prefix}kernel", default=default, format_func=_title)
    told, grid = st.container(), st.container()
    with st.expander("Size, and cells as text", expanded=name == CUSTOM):
        if name == CUSTOM:
            chosen = _custom(prefix)
        else:
            chosen = kernels.KERNELS[name]
            told.caption(chosen.responds_to, help=f"Source: {chosen.source}.")
            _as_text(name, chosen.weights, prefix)
        _size(chosen.weights, prefix)
    with grid:
        _grid(chosen.weights, prefix)
    return name, chosen


def filter_(prefix: str = "") -> tuple[str, kernels.Kernel]:
    """A filter over red, green and blue: one kernel for each channel, all brought to one size.

    Returns:
        its name in words, and a kernel whose weights are float32 (kh, kw, 3).
    """
    chosen = []
    for channel, tab in zip(CHANNELS, st.tabs([channel.capitalize() for channel in CHANNELS]), strict=True):
        with tab:
            chosen.append(kernel(f"{prefix}{channel}_")[1])
    rows, columns = (max(one.weights.shape[axis] for one in chosen) for axis in (0, 1))
    if len({one.weights.shape for one in chosen}) > 1:
        st.caption(f"Smaller kernels are filled with zeros to {rows} × {columns}: a filter's kernels have one size.")
    weights = np.stack([kernels.centred(one.weights, rows, columns) for one in chosen], axis=-1)
    sources = "; ".join(dict.fromkeys(one.source for one in chosen))
    return "a filter", kernels.Kernel(weights, "what its kernels add up to", sources, "Filter")


def _title(name: str) -> str:
    return "Custom, cell by cell" if name == CUSTOM else kernels.KERNELS[name].title


def _custom(prefix: str) -> kernels.Kernel:
    """The kernel whose cells stand in the address."""
    text = choices.area(
        "Cells as text, rows apart by ;", _OPENING, key=f"{prefix}cells", longest=LONGEST, height=68,
        help=HOW,
    )  # fmt: skip
    good = f"_{prefix}good_cells"
    try:
        weights = kernels.parse(text)
        st.session_state[good] = text
    except ConvvizError as refusal:
        _refuse(str(refusal), prefix, "" if good in st.session_state else _INSTEAD)
        weights = kernels.parse(st.session_state.get(good, _OPENING))
    return kernels.Kernel(weights, "what its cells say", "made here", "Custom")


def _as_text(name: str, weights: np.ndarray, prefix: str) -> None:
    """A preset's cells as text; whatever is typed makes them one's own."""
    known = kernels.text(weights)
    typed = st.text_area("Cells as text, rows apart by ;", known, height=68, key=f"_{prefix}text_{name}", help=HOW)
    if typed != known:
        st.session_state[f"_{prefix}good_cells"] = known
        _adopt(typed, prefix)


def _size(weights: np.ndarray, prefix: str) -> None:
    """How many rows and columns; new cells are zero."""
    digest = _digest(weights)
    left, right = st.columns(2)
    rows = left.number_input("Rows", 1, kernels.LARGEST, weights.shape[0], key=f"_{prefix}rows_{digest}")
    columns = right.number_input("Columns", 1, kernels.LARGEST, weights.shape[1], key=f"_{prefix}columns_{digest}")
    if (rows, columns) != weights.shape:
        _adopt(kernels.text(kernels.resized(weights, rows, columns)), prefix)


def _grid(weights: np.ndarray, prefix: str) -> None:
    """The cells as a grid. It is drawn on a canvas, which has no name for those who cannot see it; the text has."""
    names = [str(column + 1) for column in range(weights.shape[1])]
    more = "; more columns lie to the right" if len(names) > _IN_VIEW else ""
    st.caption(f"Cells of the kernel, {weights.shape[0]} × {weights.shape[1]}: change any, here or as text below{more}")
    width = 44 if len(names) > 3 else None
    looks = {one: st.column_config.TextColumn(width=width, alignment="right") for one in names}
    shown = [[f"{cell + 0.0:.4g}" for cell in row] for row in weights.tolist()]
    edited = st.data_editor(
        pd.DataFrame(shown, columns=names), hide_index=True, key=f"_{prefix}grid_{_digest(weights)}", width="stretch",
        column_config=looks,
    ).to_numpy(object).tolist()  # fmt: skip
    if edited == shown:
        return
    cells = [row.split() for row in kernels.text(weights).split(";")]
    for row, column in np.ndindex(weights.shape):
        if edited[row][column] != shown[row][column]:  # the others keep the digits that are not shown
            cells[row][column] = str(edited[row][column] or "").strip()
    if any(len(re.split(r"[\s;,]+", cell)) > 1 or not cell for row in cells for cell in row):
        _refuse("a cell is empty or holds more than one number; type one, such as 0, -1.5 or 1/9", prefix)
        return
    text = "; ".join(" ".join(row) for row in cells)
    try:
        changed = not np.array_equal(kernels.parse(text), weights)
    except ConvvizError as refusal:
        _refuse(str(refusal), prefix)
        return
    if changed:
        _adopt(text, prefix)


def _refuse(why: str, prefix: str, instead: str = "") -> None:
    """Say what is wrong with the cells; the kernel is the last good one, or what is named instead."""
    ui.refuse(why, f"{prefix}kernel", "kernel", instead)


def still(*prefixes: str) -> bool:
    """Say over a result that it is not of what was typed, as long as the cells of one of these cannot be read."""
    return ui.still(*(f"{prefix}kernel" for prefix in prefixes))


def _adopt(text: str, prefix: str) -> None:
    """Go on with these cells."""
    choices.set_later(f"{prefix}kernel", CUSTOM)
    choices.set_later(f"{prefix}cells", text)
    st.rerun()


def _digest(weights: np.ndarray) -> str:
    return hashlib.blake2b(kernels.text(weights).encode(), digest_size=6).hexdigest()
