"""Page furniture: heading, pictures with captions, what to notice, errors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from convviz import images, rendering
from convviz.jobs import Status

ASSETS = Path(__file__).resolve().parents[2] / "assets"
SHOWN = 900  # pixels of the longer side that a picture is sent with at most


def stylesheet() -> None:
    """Our few rules of style, for every page."""
    st.html(ASSETS / "style.css")


def heading(title: str, question: str) -> None:
    """The page's title and the question it answers."""
    st.title(title, anchor=False)
    st.markdown(f'<p class="question">{question}</p>', unsafe_allow_html=True)  # our own words only


def notes(notice: Sequence[str], source: str) -> None:
    """What to notice, in up to three sentences that are true now, and where it is from."""
    st.markdown("**What to notice**")
    st.markdown("\n".join(f"- {sentence}" for sentence in notice))
    st.caption(f"Source: {source}")


def picture(array: np.ndarray, caption: str, alt: str, *, at_least: int = 0, width: Any = "stretch") -> None:
    """A picture, pixel-sharp, with its caption below and its alt text for those who cannot see it."""
    if at_least and max(array.shape[:2]) < at_least:
        array = rendering.enlarge(array, at_least=at_least)
    st.image(images.limit(array, SHOWN), caption=caption, alt=alt, output_format="PNG", width=width)


def error(sentence: str) -> None:
    """What is wrong and what to do."""
    st.error(sentence[:1].upper() + sentence[1:] + ("" if sentence.endswith(".") else "."), icon=":material/error:")


def safe(name: str, longest: int = 80) -> str:
    """A name from outside, as Markdown that shows it and does nothing else."""
    plain = "".join(letter for letter in name if letter.isprintable())[:longest]
    return re.sub(r"([\\`*_\[\]():$<>!#|~{}+.-])", r"\\\1", plain)


def compute_words(status: Status) -> str:
    """How the engine stands, in words."""
    if status.phase in ("failed", "closed"):
        return status.error or "compute is closed"
    if status.phase != "ready":
        return "compute is starting"
    if not status.running and not status.waiting:
        return f"{status.device}, free"
    return f"{status.device}, {status.running} running, {status.waiting} waiting"


def numbers(low: float, high: float) -> str:
    """A range of values, short."""
    return f"{low:.3g} to {high:.3g}".replace("-", "−")
