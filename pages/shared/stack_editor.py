"""Choosing a stack of layers: a known one, or one's own, layer by layer or as text."""

from __future__ import annotations

import hashlib

import pandas as pd
import streamlit as st

from convviz import ConvvizError, stacks
from pages.shared import choices, rows, ui

CUSTOM = "custom"
PLACE = "rf_layers"  # where a stack is typed
_OPENING = "conv 3; max 2/2; conv 3"
_GOOD = "_good_layers"
_PADDINGS = ["valid", "same", *(str(pixels) for pixels in range(1, stacks.LARGEST_PADDING + 1))]
_NEW = stacks.Layer("conv", 3, padding="same")


def stack() -> tuple[str, stacks.Stack]:
    """The chosen stack with its name; any edit turns it into a custom one, kept in the address as text."""
    ui.forget_refusal(PLACE)
    names = [*stacks.PRESETS, CUSTOM]
    name = choices.select("Stack of layers", names, key="stack", default="vgg16", format_func=_title)
    layers = _custom() if name == CUSTOM else stacks.parse(stacks.PRESETS[name].text)
    _grid(layers)
    made = rows.rearranged(
        layers, lambda _: _NEW, key="_rf", told=lambda one: f"{one.kind} {one.size}", room=stacks,
        most=stacks.MOST_LAYERS, fewest=1,
    )  # fmt: skip
    if made is not None:
        _adopt(made)
    return name, layers


def side(name: str, layers: stacks.Stack) -> int:
    """The side of the square picture that goes in, at least what the stack needs."""
    if name != CUSTOM:
        choices.belong(name, "rf_side")
    default = stacks.PRESETS[name].side if name != CUSTOM else 128
    low = min(stacks.smallest_side(layers), stacks.LARGEST_SIDE - 1)
    return choices.slider("Picture's side (pixels)", low, stacks.LARGEST_SIDE, max(default, low), key="rf_side")


def _title(name: str) -> str:
    return "Custom, layer by layer" if name == CUSTOM else stacks.PRESETS[name].title


def _custom() -> stacks.Stack:
    """The stack whose layers stand in the address."""
    written = choices.text("Layers, apart by ;", _OPENING, key=PLACE)
    try:
        layers = stacks.parse(written)
        st.session_state[_GOOD] = written
    except ConvvizError as refusal:
        ui.refuse(str(refusal), PLACE, "stack", "" if _GOOD in st.session_state else _OPENING)
        layers = stacks.parse(st.session_state.get(_GOOD, _OPENING))
    return layers


def _grid(layers: stacks.Stack) -> None:
    """The layers, to edit."""
    lines = [(one.kind, one.size, one.stride, str(one.padding), one.dilation) for one in layers]
    table = pd.DataFrame(lines, columns=["Kind", "Size", "Stride", "Padding", "Dilation"])
    table.index = pd.RangeIndex(1, len(lines) + 1)
    columns = st.column_config
    edited = st.data_editor(
        table,
        key=f"_rf_grid_{_digest(layers)}",
        width="stretch",
        column_config={
            "_index": columns.NumberColumn(width=28),
            "Kind": columns.SelectboxColumn(options=list(stacks.KINDS), required=True, width=66),
            "Size": columns.NumberColumn(min_value=1, max_value=stacks.LARGEST_SIZE, step=1, required=True, width=56),
            "Stride": columns.NumberColumn(
                min_value=1, max_value=stacks.LARGEST_STRIDE, step=1, required=True, width=68
            ),
            "Padding": columns.SelectboxColumn(
                "Pad",
                options=_PADDINGS,
                required=True,
                width=62,
                help="The padding: valid (none), same, or pixels of zeros at every side",
            ),
            "Dilation": columns.NumberColumn(
                min_value=1, max_value=stacks.LARGEST_DILATION, step=1, required=True, width=80
            ),
        },
    )
    if edited.isna().any(axis=None):
        ui.refuse("a cell is empty; give every layer its numbers", PLACE, "stack")
        return
    made = tuple(
        stacks.Layer(
            kind, int(size), int(stride), int(padding) if padding.isdigit() else padding,
            1 if kind != "conv" else int(dilation),
        )
        for kind, size, stride, padding, dilation in edited.itertuples(index=False)
    )  # fmt: skip
    if made != layers:
        _adopt(made)


def _adopt(layers: stacks.Stack) -> None:
    """Go on with these layers."""
    try:
        stacks.checked(layers)
    except ConvvizError as refusal:
        ui.refuse(str(refusal), PLACE, "stack")
        return
    choices.set_later("stack", CUSTOM)
    choices.set_later(PLACE, stacks.text(layers))
    st.rerun()


def _digest(layers: stacks.Stack) -> str:
    return hashlib.blake2b(stacks.text(layers).encode(), digest_size=6).hexdigest()
