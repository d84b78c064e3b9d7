"""Choosing a kernel by name, or making one cell by cell."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import streamlit as st

from convviz import ConvvizError, kernels
from pages.shared import choices, ui

CUSTOM = "custom"


def kernel(prefix: str = "", *, default: str = "sobel_x") -> tuple[str, kernels.Kernel]:
    """The chosen kernel with its name; any edit of a cell turns it into a custom one, kept in the address as text.

    Each page gives its own prefix to the keys in the address: a key belongs to one page.
    """
    names = [*kernels.KERNELS, CUSTOM]
    name = choices.select("Kernel", names, key=f"{prefix}kernel", default=default, format_func=_title)
    chosen = _custom(prefix) if name == CUSTOM else kernels.KERNELS[name]
    st.caption(chosen.responds_to)
    _grid(chosen.weights, prefix)
    return name, chosen


def _title(name: str) -> str:
    return "Custom, cell by cell" if name == CUSTOM else kernels.KERNELS[name].title


def _custom(prefix: str) -> kernels.Kernel:
    """The kernel whose cells stand in the address."""
    left, right = st.columns(2)
    text = choices.text("Cells, rows apart by ;", "0 0 0; 0 1 0; 0 0 0", key=f"{prefix}cells")
    try:
        weights = kernels.parse(text)
        st.session_state[f"_{prefix}good_cells"] = text
    except ConvvizError as refusal:
        ui.error(str(refusal))
        weights = kernels.parse(st.session_state.get(f"_{prefix}good_cells", "1"))
    rows = left.number_input("Rows", 1, 11, weights.shape[0], key=f"_{prefix}rows_{_digest(weights)}")
    columns = right.number_input("Columns", 1, 11, weights.shape[1], key=f"_{prefix}columns_{_digest(weights)}")
    if (rows, columns) != weights.shape:
        _adopt(kernels.resized(weights, rows, columns), prefix)
    return kernels.Kernel(weights, "what its cells say", "made here", "Custom")


def _grid(weights: np.ndarray, prefix: str) -> None:
    """The cells, to edit."""
    table = pd.DataFrame(weights.astype(float), columns=[str(column + 1) for column in range(weights.shape[1])])
    edited = st.data_editor(table, hide_index=True, key=f"_{prefix}grid_{_digest(weights)}", width="stretch").to_numpy(
        float
    )
    if not np.isfinite(edited).all():
        ui.error("a cell is empty or not a number; type a number, such as 0 or -1.5")
    elif not np.array_equal(edited.astype(np.float32), weights):
        _adopt(edited.astype(np.float32), prefix)


def _adopt(weights: np.ndarray, prefix: str) -> None:
    """Go on with these cells."""
    try:
        text = kernels.text(weights)
        kernels.parse(text)
    except ConvvizError as refusal:
        ui.error(str(refusal))
        return
    choices.set_later(f"{prefix}kernel", CUSTOM)
    choices.set_later(f"{prefix}cells", text)
    st.rerun()


def _digest(weights: np.ndarray) -> str:
    return hashlib.blake2b(kernels.text(weights).encode(), digest_size=6).hexdigest()
