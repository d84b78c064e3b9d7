"""Choosing an augmentation: the lecture's seven options."""

from __future__ import annotations

from typing import Any

import streamlit as st

from convviz import augmentation
from pages.shared import choices

_OFF = {
    "rotation": 0,
    "width_shift": 0.0,
    "height_shift": 0.0,
    "shear": 0.0,
    "zoom": 0.0,
    "horizontal_flip": False,
    "fill_mode": "nearest",
}


def options(prefix: str) -> dict[str, Any]:
    """The options of ``augmentation.augment``, each with a key that begins with the prefix; the lecture's at first."""
    lecture, off = st.columns(2)
    if lecture.button("The lecture's", key=f"{prefix}_lecture", width="stretch", help="Its seven values"):
        _set(prefix, augmentation.LECTURE)
    if off.button("None", key=f"{prefix}_none", width="stretch", help="Every picture as it is"):
        _set(prefix, _OFF)
    begin = augmentation.LECTURE
    return {
        "rotation": choices.slider("Rotation (degrees)", 0, 180, begin["rotation"], key=f"{prefix}_rotation"),
        "width_shift": _share("Shift across (share of the width)", prefix, "width_shift"),
        "height_shift": _share("Shift down (share of the height)", prefix, "height_shift"),
        "shear": choices.slider("Shear (degrees)", 0.0, 45.0, float(begin["shear"]), key=f"{prefix}_shear", step=0.1),
        "zoom": _share("Zoom (share of the size)", prefix, "zoom"),
        "horizontal_flip": choices.toggle("Mirror left to right", begin["horizontal_flip"], key=f"{prefix}_flip"),
        "fill_mode": choices.select("Outside the picture", list(augmentation.FILL_MODES), key=f"{prefix}_fill_mode"),
    }


def train_with(values: dict[str, Any]) -> None:
    """A button: the page Training changes its pictures in this way."""
    if st.button("Train with this", icon=":material/show_chart:", key="augment_train", width="stretch"):
        _later("train", values)
        choices.set_later("augmented", True)
        st.switch_page("pages/learning/training.py")


def _share(label: str, prefix: str, option: str) -> float:
    return choices.slider(label, 0.0, 0.9, augmentation.LECTURE[option], key=f"{prefix}_{option}", step=0.05)


def _set(prefix: str, values: dict[str, Any]) -> None:
    _later(prefix, values)
    st.rerun()


def _later(prefix: str, values: dict[str, Any]) -> None:
    for option, value in values.items():
        key = f"{prefix}_{'flip' if option == 'horizontal_flip' else option}"
        choices.set_later(key, type(_OFF[option])(value))
