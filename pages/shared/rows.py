"""Layers in a list on a page: one of them chosen, moved, removed, or another put after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st


def rearranged(
    layers: tuple,
    new: Callable[[tuple], Any],
    *,
    key: str,
    told: Callable[[Any], str],
    room: Any,
    most: int,
    fewest: int = 0,
    first: int | None = None,
) -> tuple | None:
    """A layer to choose, and buttons that move or remove it, or add one after it.

    The one that was moved or added stays chosen.

    Args:
        layers: in order.
        new: the layer that is added behind these.
        key: begins the keys of the widgets.
        told: a layer in a word or two.
        room: of ``convviz``, whose ``moved``, ``without`` and ``with_after`` make other layers of these.
        most: layers that there may be.
        fewest: layers that stay.
        first: number of the layer that is chosen at first, counted from 1; the last one if it is none.

    Returns:
        What the pressed button makes of the layers; None where none was pressed.
    """
    count, state, place, after = len(layers), st.session_state, f"{key}_place", f"{key}_next"
    numbers = {number: f"{number}: {told(one)}" for number, one in enumerate(layers, 1)} or {0: "none"}
    state[place] = min(max(state.pop(after, state.get(place, first or count)), min(numbers)), count)
    number = st.selectbox("Layer to move, remove or add after", list(numbers), format_func=numbers.get, key=place)
    index = number - 1
    buttons = (
        ("Up", "arrow_upward", index > 0, number - 1, lambda: room.moved(layers, index, -1)),
        ("Down", "arrow_downward", 0 <= index < count - 1, number + 1, lambda: room.moved(layers, index, 1)),
        ("Remove", "remove", count > fewest, number, lambda: room.without(layers, index)),
        ("Add", "add", count < most, number + 1, lambda: room.with_after(layers, index, new(layers[: index + 1]))),
    )
    made = None
    with st.container(horizontal=True):
        for name, icon, legal, then, make in buttons:
            if st.button(name, icon=f":material/{icon}:", disabled=not legal, key=f"{key}_{name}", width="content"):
                state[after], made = then, make()
    return made
