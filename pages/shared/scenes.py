"""The lecture's scenes on the Convolution page: one click sets every choice, one sentence says what to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import streamlit as st

from convviz import kernels, matrices
from pages.shared import choices, kernel_picker, written_out

_PLAIN: Mapping[str, Any] = MappingProxyType(  # what a scene does not say
    {
        "input": "picture", "channels": "grey", "stride_y": 1, "stride_x": 1, "padding": "valid", "dilation_y": 1,
        "dilation_x": 1, "outside": "zero", "flip": False, "mark": False, "patches": False,
        "every": False, "two": False,
    }
)  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """One situation.

    Attributes:
        title: on its button.
        look: what to look at, one sentence.
        choices: what differs from the plain page; every key that is not named here or there stays as it is.
    """

    title: str
    look: str
    choices: Mapping[str, Any]


def _matrix(array: np.ndarray, **more: Any) -> dict[str, Any]:
    return {"input": "matrix", "matrix": matrices.text(array), **more}


_COUNTED = np.arange(1, 37).reshape(6, 6)
SCENES: Mapping[str, Scene] = MappingProxyType(
    {
        "edges": Scene(
            "Edges",
            "Red is where the left is brighter, blue where the right is; further down, both Sobel kernels together "
            "give strength and direction.",
            {"picture": "cat", "kernel": "sobel_x"},
        ),
        "320": Scene(
            "Sharpen: 320",
            "Look at the first output, with the zeros of the padding above and on the left: three of its nine products "
            "are left, 105·5 − 102 − 103.",
            _matrix(kernels.SHARPEN_EXAMPLE, kernel="sharpen", padding="same", output_row=0, output_column=0),
        ),
        "6600": Scene(
            "Curve: 6600",
            "The bright line lies where the kernel has its weights: five of the 49 products are not zero.",
            _matrix(kernels.CURVE_PATCH, kernel="curve"),
        ),
        "0": Scene(
            "No curve: 0",
            "The same kernel on another patch: no bright cell lies under a weight.",
            _matrix(kernels.OTHER_PATCH, kernel="curve"),
        ),
        "mouse": Scene(
            "Find the curve",
            "Play the scan: the answer is 0 where nothing is drawn, and largest where a stroke of the mouse covers the "
            "whole curve of the kernel. Strokes are wider than the curve, so several places reach it; the frame is at "
            "the first.",
            {"picture": "drawing", "kernel": "curve", "mark": True},
        ),
        "patches": Scene(
            "25 patches",
            "With one ring of zeros the 3 × 3 kernel stands once on every cell of the 5 × 5 matrix.",
            _matrix(kernels.SHARPEN_EXAMPLE, kernel="box_blur", padding="same", patches=True),
        ),
        "five": Scene(
            "7 × 7 to 5 × 5",
            "Without padding a kernel of 3 has only 5 places along 7 cells.",
            _matrix(kernels.CURVE_PATCH, kernel="sobel_x"),
        ),
        "three": Scene(
            "7 × 7 to 3 × 3",
            "With stride 2 the window takes every second place, and 3 are left along each side.",
            _matrix(kernels.CURVE_PATCH, kernel="sobel_x", stride_y=2, stride_x=2),
        ),
        "odd": Scene(
            "The odd row",
            "“Same” with stride 2 needs one row and one column of zeros: see on which side they are.",
            _matrix(
                _COUNTED, kernel="box_blur", padding="same", stride_y=2, stride_x=2, output_row=2, output_column=2
            ),
        ),
        "blurs": Scene(
            "Two blurs in one",
            "The box blur twice is one 5 × 5 kernel, a tent: compare the two maps, and what is said of their edges.",
            {"picture": "photographer", "kernel": "box_blur", "padding": "same", "two": True,
             "second_kernel": "box_blur"},
        ),
        "filter": Scene(
            "A filter",
            "A filter has one kernel for each colour; this one takes green from red: orange answers positive, green "
            "negative, grey not at all.",
            {"picture": "astronaut", "channels": "filter",
             **{f"{one}_kernel": kernel_picker.CUSTOM for one in kernel_picker.CHANNELS},
             "red_cells": "0 0 0; 0 1 0; 0 0 0", "green_cells": "0 0 0; 0 -1 0; 0 0 0",
             "blue_cells": "0 0 0; 0 0 0; 0 0 0"},
        ),
        "maps": Scene(
            "Many maps",
            "Every kernel makes one map of the digit: further down, all of them and their sizes.",
            {"picture": "digit_4", "kernel": "sobel_x", "every": True},
        ),
    }
)  # fmt: skip


def buttons() -> None:
    """One quiet button for each scene."""
    with st.container(horizontal=True, key="scenes", gap="small", vertical_alignment="center"):
        st.caption("Scenes", width="content")
        for name, scene in SCENES.items():
            st.button(
                scene.title, key=f"_scene_{name}", on_click=play, args=(name,), type="tertiary", width="content"
            )  # fmt: skip


def play(name: str) -> None:
    """Set every choice of a scene, from the next run on; the cell is where the page begins, unless a scene has one."""
    for key in written_out.KEYS:
        choices.forget_later(key)
    for key, value in {**_PLAIN, **SCENES[name].choices}.items():
        choices.set_later(key, value)


def shown() -> str | None:
    """The scene whose choices are all as they are drawn now; after the choices were drawn."""
    for name, scene in SCENES.items():
        if all(st.session_state.get(key, value) == value for key, value in {**_PLAIN, **scene.choices}.items()):
            return name
    return None


def sentence() -> None:
    """What to look at, as long as the scene is as it was set."""
    name = shown()
    if name is not None:
        st.info(f"**{SCENES[name].title}.** {SCENES[name].look}", icon=":material/visibility:")
