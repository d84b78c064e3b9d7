"""Pictures of a visitor's own to learn from: an archive of folders, or collected here by camera and file by class."""

from __future__ import annotations

import functools
import io
import re
import zipfile
from collections.abc import Callable

import numpy as np
import streamlit as st
from PIL import Image

from convviz import ConvvizError, images, rendering, sketches, uploads
from pages.shared import data_sets, engine, ui, words

MOST_CLASSES, MOST_PICTURES, LONGEST_NAME = 10, 60, 30
SIDE = 160  # pixels that a collected picture keeps of its longer side; a visitor's take some 20 MB at most
_CLASSES = "_collected"  # class -> its pictures
_ROUND = "_collected_round"  # counts what was taken, in the keys of the widgets, which begin anew then
_PARTS = re.compile("train(ing)?|valid(ation)?|val|test(ing)?", re.IGNORECASE)  # folders that mean something else
_FILES = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff"]


def archive() -> str | None:
    """Take a zip of folders; in the run in which it comes, its name among the data sets."""
    st.markdown(
        "A zip with one folder of pictures for each class. It is read in memory, kept while this tab is open, and "
        f"shown to nobody else. Each class needs at least {data_sets.FEWEST} pictures. Folders `train`, `validation` "
        "and `test` above the classes are heeded."
    )
    file = st.file_uploader("A zip of folders", ["zip"], key="bring_archive", max_upload_size=200)
    if file is None or st.session_state.get("_archive_taken") == file.file_id:
        return None
    st.session_state["_archive_taken"] = file.file_id
    try:
        return data_sets.take(file.getvalue(), file.name.rpartition(".")[0][:60].strip() or "Your pictures")
    except ConvvizError as refusal:
        ui.error(str(refusal))
        return None


def collector() -> str | None:
    """Name classes and fill them; in the run in which the visitor takes them, their name among the data sets."""
    classes: dict[str, list[bytes]] = st.session_state.setdefault(_CLASSES, {})
    _new_class(classes)
    if not classes:
        st.info("Name two classes or more, then give each of them pictures, such as two things before your camera.")
        return None
    chosen = st.selectbox("Class that gets the pictures", list(classes), key="collect_into")
    _bring(classes, chosen)
    for name in list(classes):
        _shown(classes, name)
    poor = [name for name, pictures in classes.items() if len(pictures) < data_sets.FEWEST]
    if len(classes) < 2 or poor:
        told = f"{' and '.join(words.safe(one) for one in poor)} still {'needs' if len(poor) == 1 else 'need'} some"
        st.caption(f"It takes two classes with {data_sets.FEWEST} pictures each at least{'; ' + told if poor else ''}.")
        return None
    if st.button("Take these pictures", icon=":material/check:", type="primary", key="collected_take"):
        return data_sets.take(packed(classes), "Collected here")
    return None


def noticed() -> list[str]:
    """What there is so far, and what becomes of it."""
    counts = {name: len(pictures) for name, pictures in st.session_state.get(_CLASSES, {}).items()}
    so_far = words.count(sum(counts.values()), "picture") + " in " + words.count(len(counts), "class", "classes")
    said = [
        f"So far {so_far} were collected here.",
        "About 15% of each class are held back to choose by, and 15% to report on; the network never learns from them.",
    ]
    if counts and max(counts.values()) > 1.5 * max(1, min(counts.values())):
        said.append(f"The classes are not balanced: from {min(counts.values())} to {max(counts.values())} pictures.")
    return said


def files() -> dict[str, Callable[[], bytes]]:
    """What was collected so far, to save."""
    classes = {name: list(pictures) for name, pictures in st.session_state.get(_CLASSES, {}).items() if pictures}
    return {"collected.zip": functools.partial(packed, classes)} if classes else {}


def private() -> str:
    """What a link to this page cannot hold."""
    return "what is collected here is not in the link; save it and bring it as a zip" if files() else ""


def packed(classes: dict[str, list[bytes]]) -> bytes:
    """Pictures by class as a zip of folders.

    Args:
        classes: name of a class -> PNG files.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, pictures in classes.items():
            for number, data in enumerate(pictures):
                file.writestr(f"{name}/{number:03d}.png", data)
    return buffer.getvalue()


def checked_name(name: str, known: list[str]) -> str:
    """A class's name, fit for a folder.

    Raises:
        ConvvizError: it is empty, taken, too long, or means something else.
    """
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise ConvvizError(f"a class's name has 1 to {LONGEST_NAME} letters, not {len(name)}; type another")
    if not name.isprintable() or re.search(r"[/\\:]", name) or name.startswith((".", "__")) or _PARTS.fullmatch(name):
        raise ConvvizError(f"a class cannot be called {name!r}; choose plain words")
    if name.lower() in [one.lower() for one in known]:
        raise ConvvizError(f"there is a class {name!r} already; choose another name")
    if len(known) >= MOST_CLASSES:
        raise ConvvizError(f"there are {len(known)} classes already; remove one first")
    return name


def _new_class(classes: dict[str, list[bytes]]) -> None:
    with st.form("collect_class", border=False, clear_on_submit=True):
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        typed = left.text_input("New class", max_chars=LONGEST_NAME, key="collect_name", placeholder="such as cup")
        if right.form_submit_button("Add", icon=":material/add:", width="stretch"):
            try:
                name = checked_name(typed, list(classes))
            except ConvvizError as refusal:
                ui.error(str(refusal))
                return
            classes[name] = []
            st.session_state["collect_into"] = name


def _bring(classes: dict[str, list[bytes]], name: str) -> None:
    """Files and photographs for one class; what was taken is shown below, and the widgets begin anew."""
    number = st.session_state.get(_ROUND, 0)
    files = st.file_uploader(
        "Pictures", _FILES, accept_multiple_files=True, key=f"collect_files_{number}", max_upload_size=50
    )
    shot = None
    if st.toggle("Use the camera", key="collect_camera"):
        shot = st.camera_input("A photograph", key=f"collect_shot_{number}")
    came = [*files, *([shot] if shot is not None else [])]
    if not came:
        return
    st.session_state[_ROUND] = number + 1
    refusals = []
    with st.spinner("Reading the pictures"):
        for one in came[: MOST_PICTURES + 1]:
            try:
                _add(classes[name], one.getvalue())
            except ConvvizError as refusal:
                refusals.append(str(refusal))
    if refusals:
        ui.error(refusals[-1] if len(refusals) == 1 else f"{len(refusals)} pictures were not taken: {refusals[-1]}")
    else:
        st.rerun()


def _add(pictures: list[bytes], data: bytes) -> None:
    """One picture through the door, made small."""
    if len(pictures) >= MOST_PICTURES:
        raise ConvvizError(f"a class takes {MOST_PICTURES} pictures; remove some first")
    array = engine.engine().call(uploads.open_picture, data, timeout=10, longest=SIDE)
    pictures.append(rendering.png(array))


def _shown(classes: dict[str, list[bytes]], name: str) -> None:
    """A class's pictures, and how to take them back."""
    pictures = classes[name]
    told, last, gone = st.columns([4, 2, 2], vertical_alignment="center")
    told.markdown(f"**{words.safe(name)}**, {words.count(len(pictures), 'picture')}")
    if last.button("Without the last", key=f"collect_last_{name}", disabled=not pictures, width="stretch"):
        pictures.pop()
        st.rerun()
    if gone.button("Remove", icon=":material/delete:", key=f"collect_remove_{name}", width="stretch"):
        del classes[name]
        st.rerun()
    if pictures:
        small = [images.resize(np.asarray(Image.open(io.BytesIO(one)).convert("RGB")), (64, 64)) for one in pictures]
        st.image(
            rendering.png(sketches.sheet(np.stack(small), columns=16)), output_format="PNG",
            alt=f"{words.count(len(pictures), 'picture')} of class {name}",
        )  # fmt: skip
