"""A picture with a window of numbers that follows the pointer, answered in the browser."""

from __future__ import annotations

import json
import struct

import numpy as np
import streamlit as st

from pages.shared import choices, components

_mount = components.declared("magnifier")


def magnifier(picture: np.ndarray, at: tuple[int, int], side: int, alt: str, *, keys: tuple[str, str]) -> None:
    """Show a picture and, number by number, the window that is pointed at.

    Args:
        picture: uint8 (H, W, 3).
        at: (row, column) of the window's first pixel.
        side: of the window, pixels, at most the picture's shorter side.
        alt: what the picture shows.
        keys: of the two choices that a click writes (row, column) into.
    """
    height, width = picture.shape[:2]
    head = {"height": height, "width": width, "side": side, "row": at[0], "col": at[1], "alt": alt}
    name = f"{keys[0]}_magnifier"

    def kept() -> None:
        clicked = st.session_state[name].at
        if clicked is not None:
            for key, value in zip(keys, clicked, strict=True):
                choices.set_later(key, int(value))

    _mount(key=name, data=_packed(head, picture), on_at_change=kept)


def _packed(head: dict, picture: np.ndarray) -> bytes:
    """One message: the length of its head, the head as JSON, the picture's bytes."""
    said = json.dumps(head).encode()
    return struct.pack("<I", len(said)) + said + np.ascontiguousarray(picture).tobytes()
