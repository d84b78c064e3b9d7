"""Page furniture: heading, pictures with captions, colour bars, what to notice, errors."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from convviz import images, rendering
from pages.shared import memory, words

ASSETS = Path(__file__).resolve().parents[2] / "assets"
FEW = 400  # values, among which each one counts
_REFUSED = "_refused"  # place where something was typed that cannot be read -> what it is, what is shown instead
SHOWN = 900  # pixels of the longer side that a picture is sent with at most


def stylesheet() -> None:
    """Our few rules of style, for every page."""
    st.html(ASSETS / "style.css")
    with st.container(key="frame"):
        st.html(_script(), unsafe_allow_javascript=True)


@functools.cache
def _script() -> str:
    return f"<script>{(ASSETS / 'frame.js').read_text()}</script>"


def two_sides(widths: tuple[int, int] = (10, 34)) -> tuple[Any, Any]:
    """A page's two sides: the choices on the left, the result on the right.

    On a phone the choices are on top, under a heading that folds them; the first choice folds them, too.

    Args:
        widths: of the two, in parts; where choices hold a wide grid, they get more than elsewhere.
    """
    left, right = st.columns(widths, gap="medium")
    with left, st.container(key="choices"):
        return st.expander("Choices", expanded=True, icon=":material/tune:"), right


def section(title: str) -> None:
    """The heading of a part of the page."""
    st.header(title, anchor=False)


def heading(title: str, question: str) -> None:
    """The page's title and the question it answers."""
    st.title(title, anchor=False)
    st.markdown(f'<p class="question">{question}</p>', unsafe_allow_html=True)  # our own words only


def notes(notice: Sequence[str], source: str) -> None:
    """What to notice, in up to three sentences that are true now, and where it is from."""
    section("What to notice")
    st.markdown("\n".join(f"- {sentence}" for sentence in notice))
    st.caption(f"Source: {source}")


def picture(array: np.ndarray, caption: str, alt: str, *, at_least: int = 0, moving: bool = False) -> None:
    """A picture, pixel-sharp, with its caption below and its alt text for those who cannot see it.

    One that a job replaces again and again is `moving`.
    """
    if max(array.shape[:2]) > SHOWN:
        array, caption = images.limit(array, SHOWN), f"{caption}, shown reduced"
    if max(array.shape[:2]) < at_least:
        array = rendering.enlarge(array, at_least=at_least)
    file = _png(array)
    st.image(inline(file) if moving else file, caption=caption, alt=alt, output_format="PNG", width="stretch")


def inline(png: bytes) -> str:
    """A PNG as an address that holds all of it.

    A picture that a job replaces twice a second must travel with the page: a slow connection asks for a file when
    the next one has taken its place, and gets none.
    """
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


@memory.remembered
def _png(array: np.ndarray) -> bytes:
    return rendering.png(array)


def limit_of(values: np.ndarray) -> float:
    """Where a scale ends: of many values where only one in two hundred exceeds it, so that the rest can be seen."""
    finite = np.abs(values[np.isfinite(values)])
    if finite.size <= FEW:
        return float(finite.max(initial=0.0)) or 1.0
    return float(np.percentile(finite, 99.5)) or float(finite.max()) or 1.0


def colour_bar(colormap: str, limit: float, *, words: tuple[str, str] | None = None, beyond: bool = False) -> None:
    """What the colours of a picture mean: from minus the limit, or from zero, to the limit, or beyond it."""
    if limit == 0:
        st.caption("Every value is 0, so that there is one colour only.")
        return
    diverging = colormap in rendering.DIVERGING
    low, high = (f"−{limit:.4g}" if diverging else "0", f"{limit:.4g}") if words is None else words
    if beyond:
        low, high = f"{low} or less" if diverging else low, f"{high} or more"
    middle = " · 0 · " if diverging else " · · · "
    st.image(
        _png(rendering.colour_bar(colormap)), caption=f"{low}{middle}{high}",
        alt=f"Colour bar from {low} to {high}", output_format="PNG", width="stretch",
    )  # fmt: skip


@memory.remembered
def map_picture(values: np.ndarray) -> np.ndarray:
    """A feature map in colours: diverging if it has both signs, viridis if not."""
    drawn = rendering.signed(values) if is_signed(values) else rendering.magnitude(values)
    return rendering.marked(drawn, values)


def is_signed(values: np.ndarray) -> bool:
    """Whether some of the finite values are below zero."""
    return bool((values[np.isfinite(values)] < 0).any())


def largest(values: np.ndarray) -> float:
    """The largest finite magnitude; 0 if there is none."""
    return float(np.abs(values[np.isfinite(values)]).max(initial=0.0))


def map_bar(values: np.ndarray) -> None:
    """The colour bar that belongs to `map_picture`; none where no value is finite."""
    if np.isfinite(values).any():
        colour_bar("signed" if is_signed(values) else "viridis", largest(values))


@memory.remembered
def over_picture(values: np.ndarray, picture_: np.ndarray, alpha: float) -> np.ndarray:
    """A feature map in its colours over a picture: from minus to plus its largest magnitude, or from zero up."""
    finite = np.isfinite(values)
    scaled = np.where(finite, values, 0) / max(largest(values), 1e-12)
    colormap = "signed" if is_signed(values) else "turbo"
    shape = picture_.shape[:2]
    drawn = rendering.overlay(picture_, images.resize(scaled, shape), alpha=alpha, colormap=colormap)
    if finite.all():
        return drawn
    sound = images.resize(finite.astype(np.float32), shape)
    return rendering.marked(drawn, np.where(sound < 0.5, np.nan, sound))


def digest(array: np.ndarray) -> str:
    """What tells one array from another."""
    return hashlib.blake2b(np.ascontiguousarray(array), digest_size=16).hexdigest()


cached = memory.remembered  # a quick compute function of `convviz`, its results remembered for all visitors


def error(sentence: str) -> None:
    """What is wrong and what to do; what the visitor typed, or a link brought, may stand in it."""
    st.error(words.safe(words.sentence(sentence), 600), icon=":material/error:")


def refuse(why: str, key: str, what: str, instead: str = "") -> None:
    """Say why what was typed cannot be read, and keep in mind that the result is of something else.

    Args:
        why: as a sentence.
        key: of the place where it was typed.
        what: was typed, such as "kernel".
        instead: what is shown where nothing was read before; "" where the last one that was read is.
    """
    error(why)
    st.session_state.setdefault(_REFUSED, {}).setdefault(key, (what, instead))


def forget_refusal(key: str) -> None:
    """Begin to read anew what is typed at a place."""
    st.session_state.get(_REFUSED, {}).pop(key, None)


def still(*keys: str) -> bool:
    """Say over a result that it is not of what was typed, as long as that cannot be read at one of these places."""
    refused = st.session_state.get(_REFUSED, {})
    shown = dict.fromkeys(refused[key] for key in keys if key in refused)
    for one in shown:
        older(*one)
    return bool(shown)


def older(what: str, instead: str = "") -> None:
    """Over a result: it is not of what was typed last, which cannot be read.

    Args:
        what: was typed.
        instead: what is shown where nothing was read before; "" where the last one that was read is.
    """
    said = (
        f"No {what} has been read yet; shown is {instead}." if instead else f"Still the last {what} that could be read."
    )
    st.warning(said, icon=":material/history:")
