"""What is convolved: a picture, or a small matrix typed as text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from convviz import ConvvizError, images, kernels, matrices, rendering
from pages.shared import choices, kernel_picker, pickers, responses, ui, words

MATRIX = matrices.text(kernels.SHARPEN_EXAMPLE)  # the lecture's
LONGEST = 4000  # letters of a matrix as text
CHANNELS = {"grey": "Grey", "each": "Colours", "filter": "Filter"}
_GOOD = "_good_matrix"
_INSTEAD = "the lecture's matrix"


@dataclass(frozen=True)
class Source:
    """What is convolved.

    Attributes:
        name: of the picture, for ``recipes.opening``; "" for a matrix.
        array: (H, W) or (H, W, 3), uint8, or float64 for a matrix.
        title: Markdown that shows it and does nothing else.
        alt: what it is, for those who cannot see it.
        channels: one of ``CHANNELS``.
        is_older: whether what is typed cannot be read, and this is another one.
        instead: what that is, in words, where none was read before.
    """

    name: str
    array: np.ndarray
    title: str
    alt: str
    channels: str = "grey"
    is_older: bool = False
    instead: str = ""

    @property
    def is_matrix(self) -> bool:
        """Whether it was typed."""
        return not self.name

    @property
    def look(self) -> str:
        """How it is coloured: a matrix by its values, whatever their range."""
        if self.array.dtype == np.uint8:
            return "picture"
        return "signed" if self.array.min() < 0 else "magnitude"

    @property
    def pixels(self) -> np.ndarray:
        """Uint8, as it is shown."""
        if self.look == "picture":
            return self.array
        return rendering.signed(self.array) if self.look == "signed" else rendering.magnitude(self.array)

    @property
    def caption(self) -> str:
        """What it is, its shape and its values."""
        return f"{self.title}, {words.shape(self.array)}, {responses.span(self.array)}"


def source(page: str) -> Source:
    """In place: choose a picture, or type a matrix; and how colours are treated."""
    kinds = {"picture": "Picture", "matrix": "Matrix"}
    if choices.segments("Input", list(kinds), key="input", format_func=kinds.get) == "matrix":
        return _matrix()
    picture = pickers.picture(page)
    channels = choices.segments(
        "Channels", list(CHANNELS), key="channels", format_func=CHANNELS.get,
        help="Grey: one kernel on the brightness. Colours: the same kernel on red, green and blue. Filter: one "
        "kernel for each of red, green and blue, and their sum.",
    )  # fmt: skip
    array = images.grey(picture.array) if channels == "grey" else picture.array
    return Source(picture.name, array, picture.caption, picture.alt, channels)


def _matrix() -> Source:
    """The matrix whose cells stand in the address."""
    text = choices.area(
        "Cells, apart by spaces, rows by ; or on lines of their own", MATRIX, key="matrix", longest=LONGEST, height=140,
        help=kernel_picker.HOW,
    )  # fmt: skip
    is_older, instead = False, ""
    try:
        array = matrices.parse(text, what="matrix")
        st.session_state[_GOOD] = text
    except ConvvizError as refusal:
        ui.error(str(refusal))
        is_older, instead = True, "" if _GOOD in st.session_state else _INSTEAD
        array = matrices.parse(st.session_state.get(_GOOD, MATRIX))
    if array.size == 1:
        st.caption("One cell: a picture of one pixel.")
    alt = f"A matrix of {array.shape[0]} rows and {array.shape[1]} columns"
    return Source("", array, "Matrix", alt, is_older=is_older, instead=instead)
