"""One cell of a feature map, its sum written out with the real numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from convviz import convolution
from pages.shared import choices, kernel_picker, ui, words

KEYS = ("output_row", "output_column")
_PINNED = "_pinned_cell"
_OPENED = "_opened_grids"
MOST_TERMS = 60  # in one sum; more are counted


def cell(
    image: np.ndarray, weights: np.ndarray, feature_map: np.ndarray, settings: dict[str, Any],
    largest: tuple[int, int] | None = None,
) -> tuple[int, int]:  # fmt: skip
    """Choose a cell by row and column, and see how it comes about; at first the largest where given, or the middle."""
    ui.section("One cell, written out")
    down, across, _ = st.columns([1, 1, 2])
    first = largest or tuple(side // 2 for side in feature_map.shape[:2])
    with down:
        row = choices.number("Output row (from 0)", 0, feature_map.shape[0] - 1, first[0], key=KEYS[0])
    with across:
        column = choices.number("Output column (from 0)", 0, feature_map.shape[1] - 1, first[1], key=KEYS[1])
    seen = convolution.trace(image, weights, row, column, **settings)
    st.markdown("  \n".join(lines(seen, each=weights.ndim == 2 and image.ndim == 3)))
    st.caption(_where(seen, image.shape))
    return row, column


def opens(cell: tuple[int, int], shape: tuple[int, ...], key: str) -> tuple[int, int]:
    """The cell on which the grids of that key open: the one written out.

    Where a cell was pinned in the grids, they stay as they are: it is in view already.
    """
    state = st.session_state
    pinned = (state.get(key) or {}).get("pinned")
    known, before, stayed = state.get(_OPENED, (shape, cell, False))
    new = pinned is not None and pinned != list(state.get(_PINNED) or ())
    stays = known == shape and (new or (stayed and pinned == list(cell)))
    at = before if stays else cell
    state[_OPENED] = (shape, at, stays)
    return at


def follow(pinned: tuple[int, int] | None) -> None:
    """Write out the cell that was pinned in the grids, once: afterwards the numbers beside it may say another one."""
    if pinned is not None and pinned != st.session_state.get(_PINNED):
        for key, place in zip(KEYS, pinned, strict=True):
            choices.set_later(key, place)
        st.session_state[_PINNED] = pinned
        st.rerun()
    st.session_state[_PINNED] = pinned


def lines(seen: convolution.Trace, *, each: bool = False) -> list[str]:
    """The sum as Markdown: one line, or one for each channel and, unless each stays by itself, their sum."""
    if seen.patch.ndim == 2:
        return [equation(seen.patch, seen.weights)]
    weights = np.broadcast_to(seen.weights[..., None] if seen.weights.ndim == 2 else seen.weights, seen.patch.shape)
    channels = [
        f"{name}: {equation(seen.patch[..., n], weights[..., n])}" for n, name in enumerate(kernel_picker.CHANNELS)
    ]
    if each:
        return channels
    sums = seen.products.sum(axis=(0, 1))
    together = " ".join(f"{'−' if one < 0 else '+'} {number(abs(one))}" for one in sums).removeprefix("+ ")
    return [*channels, f"the filter: {together} = **{number(float(np.sum(sums)))}**"]


def equation(patch: np.ndarray, weights: np.ndarray) -> str:
    """Value times weight, added up: terms that are zero are left out.

    Example:
        >>> equation(np.array([[105.0, 102.0, 7.0]]), np.array([[5.0, -1.0, 0.0]]))
        '105·5 − 102 = **423**'
    """
    counted = [(float(v), float(w)) for v, w in zip(patch.ravel(), weights.ravel(), strict=True) if v * w != 0]
    total = number(float(sum(v * w for v, w in counted)))
    if not counted:
        if patch.size == 1:
            return "the one product is 0, and so is the sum: **0**"
        return f"each of the {patch.size} products is 0, and so is their sum: **0**"
    terms = [
        f"{'−' if v * w < 0 else '+'} {number(abs(v))}{'' if abs(w) == 1 else f'·{number(abs(w))}'}"
        for v, w in counted[:MOST_TERMS]
    ]
    more = f" + … {words.count(len(counted) - MOST_TERMS, 'more product')}" if len(counted) > MOST_TERMS else ""
    text = " ".join(terms)
    text = text.removeprefix("+ ") if text.startswith("+") else text.replace("− ", "−", 1)
    return f"{text}{more} = **{total}**"


def number(value: float) -> str:
    """A number with up to six digits, its minus as it is printed, zero without a sign."""
    return f"{value + 0.0:.6g}".replace("-", "−")


def _where(seen: convolution.Trace, shape: tuple[int, ...]) -> str:
    """Which part of the picture or matrix the window covers."""
    top, left, bottom, right = seen.window
    zero = int((seen.products == 0).sum())
    out = top < 0 or left < 0 or bottom > shape[0] or right > shape[1]
    return (
        f"Value times weight. The window covers {words.through('row', top, bottom - 1)} and "
        f"{words.through('column', left, right - 1)} of the input, counted from 0"
        f"{', and reaches into the padding' if out else ''}; "
        f"{words.of_them(zero, seen.products.size, 'product', '0')}."
    )
