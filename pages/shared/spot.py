"""A feature map of which the visitor points at a cell, answered in the browser; a click chooses the cell."""

from __future__ import annotations

import json
import struct

import numpy as np
import streamlit as st

from pages.shared import choices, components, ui

_mount = components.declared("spot")


def spot(values: np.ndarray, at: tuple[int, int], alt: str, *, keys: tuple[str, str]) -> None:
    """Show a feature map in colours with one cell framed.

    Args:
        values: float32 (H, W).
        at: (row, column) of the framed cell.
        alt: what the map shows.
        keys: of the two choices that a click writes (row, column) into.
    """
    name = f"{keys[0]}_spot"

    def kept() -> None:
        clicked = st.session_state[name].at
        if clicked is not None:
            for key, value in zip(keys, clicked, strict=True):
                choices.set_later(key, int(value))

    _mount(key=name, data=packed(values, at, alt), on_at_change=kept)


def packed(values: np.ndarray, at: tuple[int, int], alt: str) -> bytes:
    """One message: the length of its head, the head as JSON, float32 values, the bytes of the coloured picture."""
    height, width = values.shape
    said = json.dumps({"height": height, "width": width, "row": at[0], "col": at[1], "alt": alt}).encode()
    said += b" " * (-len(said) % 4)
    numbers = np.ascontiguousarray(values, "<f4")
    return struct.pack("<I", len(said)) + said + numbers.tobytes() + ui.map_picture(values).tobytes()
