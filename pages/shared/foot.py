"""What stands under every page's notes: its code, its link, its files, and a check of its numbers."""

from __future__ import annotations

import ast
import functools
import mimetypes
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from convviz import rendering
from pages.shared import choices, data_sets, engine, pickers, words

_LOOKS = {"type": "tertiary", "width": "content"}


def foot(
    page: str,
    *,
    code: str = "",
    files: Mapping[str, Callable[[], bytes]],
    check: Callable[[], str] | None = None,
    large: str = "",
    private: str = "",
) -> None:
    """The quiet buttons Code, Link, Save and Check.

    Args:
        page: the page's name in the address, such as ``"grad_cam"``; also the name of its program.
        code: a program of ``convviz.recipes`` that makes what the page shows; "" where there is none.
        files: name of a file -> function that makes its bytes. It runs when somebody asks for the file, perhaps later
            and in another thread, so it must hold what it needs and call nothing of Streamlit's.
        check: recomputes what is shown and says how far apart the numbers are, one sentence; run when asked.
        large: what to know of a file before it is fetched, one sentence.
        private: what this page shows that a link cannot hold, one sentence; an own picture or network is said anyway.
    """
    own = {pickers.OWN_FILE: pickers.own_picture_file()} if pickers.own_picture_shown() else {}
    answer = st.empty()  # above the buttons, where the eye is, and not below the window's edge
    with st.container(horizontal=True, key="foot"):
        if code:
            with st.popover("Code", icon=":material/code:", key=f"{page}_code", **_LOOKS):
                _code(page, code, [name for name in files if name.endswith((".png", ".csv", ".svg"))])
        with st.popover("Link", icon=":material/link:", key=f"{page}_link", **_LOOKS):
            _link(page, private)
        with st.popover("Save", icon=":material/download:", key=f"{page}_save", **_LOOKS):
            for name, make in {**files, **own}.items():
                _file(page, name, make)
            if large:
                st.caption(large)
            if not (files or own):
                st.caption("There is nothing to save yet.")
        asked = check is not None and st.button("Check", icon=":material/fact_check:", key=f"{page}_check", **_LOOKS)
    if asked:
        with answer, st.spinner("Keras computes it, too"):
            said = check()
        answer.markdown(f":material/fact_check: {words.sentence(said)}")


def checked(function: Callable[..., Any], *arguments: Any, **options: Any) -> Callable[[], str]:
    """A check for `foot`: what a function of ``convviz.checking`` finds when a worker runs it.

    Args:
        function: of ``convviz.checking``.
        arguments: of it.
        options: of it.
    """
    return lambda: str(engine.compute(function, *arguments, **options))


def pngs(pictures: Mapping[str, np.ndarray]) -> dict[str, Callable[[], bytes]]:
    """Pictures for `foot`'s files.

    Args:
        pictures: name without ending -> uint8 (H, W) or (H, W, 3).

    Returns:
        name with ending -> function that makes the file.
    """
    return {f"{name}.png": functools.partial(rendering.png, array) for name, array in pictures.items()}


def _code(page: str, code: str, files: list[str]) -> None:
    """The program, to copy or to take home; which of the page's files it makes is told."""
    st.caption(
        f"It runs without ConvViz and leaves what is shown here in its variable `result`{_written(code, files)}."
    )
    st.code(code, language="python", height=420)
    st.download_button(
        f"Download {page}.py", code, f"{page}.py", "text/x-python", icon=":material/download:", on_click="ignore",
        key=f"{page}_take_code",
    )  # fmt: skip


def _written(code: str, files: list[str]) -> str:
    """Which of the files that Save offers a program writes, in words."""
    missing = [words.safe(name) for name in files if not _writes(code, name)]
    if not files:
        return ""
    if len(missing) == len(files):
        return "; it writes none of the pictures and tables under Save"
    return f"; it writes the pictures and tables under Save{', but not ' if missing else ''}{', '.join(missing)}"


def _writes(code: str, name: str) -> bool:
    """Whether a file's name is in a program, whole, or built of a text in it, or of a beginning and a number."""
    texts, patterns = _texts(code)
    stem, _, ending = name.rpartition(".")
    built = f".{ending}" in texts and (stem in texts or stem.replace("_", "/") in texts)
    return name in texts or built or any(re.fullmatch(one, name) for one in patterns)


@functools.lru_cache(maxsize=64)
def _texts(code: str) -> tuple[set[str], list[str]]:
    """The texts in a program, and patterns for those with numbers in them."""
    nodes = list(ast.walk(ast.parse(code)))
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    joined = [node.values for node in nodes if isinstance(node, ast.JoinedStr)]
    return texts, [
        "".join(re.escape(part.value) if isinstance(part, ast.Constant) else "[0-9]+" for part in parts)
        for parts in joined
    ]


def _link(page: str, private: str) -> None:
    """The address with all choices."""
    st.caption("This address shows the same page with the same choices.")
    st.code(address(page), language=None, wrap_lines=True)
    for sentence in (*pickers.private_choices(), *data_sets.private_choices(), private):
        if sentence:
            st.caption(words.sentence(sentence))


def address(page: str) -> str:
    """Where this page is found with all its choices; without the server's name where that is not known."""
    query = urlencode(choices.address())
    here = (st.context.url or f"/{page}").rstrip("/")  # Streamlit's word for it has the page's name in it
    return here + (f"?{query}" if query else "")


def _file(page: str, name: str, make: Callable[[], bytes]) -> None:
    """One file, made when it is asked for."""
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    st.download_button(name, make, name, kind, icon=":material/download:", on_click="ignore", key=f"{page}_file_{name}")
