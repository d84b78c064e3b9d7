"""The inside of a network while it learns: kernels, feature maps, guesses, sizes of weights and gradients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from convviz import activations, filters, images, training
from convviz.jobs import Job
from pages.shared import charts, choices, learned, pickers, runs, ui, words

_PLACES = training.GUESSES  # test pictures in the strip
OWN = "carried"
_SHOWN = "_inside_shown"  # (number of the job, its last display)


def wish(job: Job) -> training.Watch:
    """Choose what is watched: one of the strip's pictures or the carried one, and a layer."""
    layers = runs.layers(job)
    left, right = st.columns(2)
    with left:
        picture = which()
    with right:
        watched = layer(layers, "watch_layer")
    return training.Watch(picture, watched)


def layer(layers: Sequence[str], key: str) -> str:
    """Choose a layer by its path; "" for the first convolution."""
    chosen = choices.select(
        "Layer of the feature maps", ["first", *layers], key=key,
        format_func=lambda one: "The first convolution" if one == "first" else one,
    )  # fmt: skip
    return "" if chosen == "first" else chosen


def which() -> np.ndarray | int:
    """Choose a picture: a test picture by its place in the strip, or the carried one."""
    place = choices.select("Picture", [*map(str, range(1, _PLACES + 1)), OWN], key="watch_picture", format_func=_title)
    return int(place) - 1 if place != OWN else images.limit(pickers.carried_picture().array, 224)


def _title(place: str) -> str:
    return f"Carried along: {pickers.carried_picture().title}" if place == OWN else f"Test picture {place}"


def show(job: Job, watch: training.Watch) -> None:
    """Draw the newest inside of the run; while it moves, ask for the next."""
    if not job.ended and job.state != "paused":
        job.change(watch=watch)
    now = next((one.display for one in reversed(job.history[-3:]) if one.display is not None), None)
    kept = st.session_state.get(_SHOWN, (None, None))
    if now is not None:
        st.session_state[_SHOWN] = kept = (job.number, now)
    if kept[0] != job.number:
        with st.container(height=560, border=False):
            st.caption(
                "The inside is drawn while the training runs and somebody watches; it comes with the next steps."
                if not job.ended
                else "Nobody watched this run; the Time machine shows the inside at each step that was kept."
            )
        return
    _drawn(kept[1], job)


def _drawn(shown: training.Display, job: Job) -> None:
    begun = runs.beginning(job)
    st.caption(f"After step {shown.step}.")
    with st.container(key="mosaic_strip"):
        told = "; ".join(_told(number, one, begun.class_names) for number, one in enumerate(shown.guesses, 1))
        st.image(
            ui.inline(shown.strip),
            alt=f"{len(shown.guesses)} test pictures, numbered from the left",
            output_format="PNG",
        )
        st.image(
            ui.inline(shown.answers), alt=told, output_format="PNG",
            caption=f"{len(shown.guesses)} test pictures and what they are taken for; {_right(shown.guesses)}. Teal: "
            "right; brown: wrong, with the true class after “is”.",
        )  # fmt: skip
    left, right_side = st.columns(2)
    with left:
        kernels(shown.kernels)
        ui.section("How large weights and gradients are")
        names = [one.layer for one in shown.sizes]
        series = {
            "weights": [one.weights for one in shown.sizes],
            "gradient of the last step": [one.gradient for one in shown.sizes],
        }
        charts.dots(names, series, x_title="root of the mean square", key="sizes")
    with right_side:
        maps(shown.maps)


def _right(guesses: Sequence[training.Guess]) -> str:
    """How many of the guesses are right, in words."""
    right = sum(one.guess == one.label for one in guesses)
    return f"{right} {'is' if right == 1 else 'are'} right"


def _told(number: int, one: training.Guess, names: tuple[str, ...]) -> str:
    truth = "right" if one.guess == one.label else f"wrong, it is {names[one.label]}"
    return f"picture {number}: {names[one.guess]}, {one.probability:.0%}, {truth}"


def kernels(board: filters.Board | None) -> None:
    """The first convolution's kernels, and which of them is the visitor's."""
    ui.section("Kernels of the first convolution")
    if board is None:
        st.caption("This network has no convolution.")
        return
    height, width, inputs, count = board.shape
    of = "" if inputs == 1 else ", the part for the first input channel"
    said = f"{count} kernels of {height} × {width}{of}; brown below zero, teal above, {learned.scale(board)}"
    with st.container(key="mosaic_kernels"):
        st.image(ui.inline(board.png), caption=said, alt=f"First-layer kernels: {said}", output_format="PNG")
    if own := runs.planted(runs.planned(), drawn=True):
        st.caption(own)


def maps(mosaic: activations.Mosaic | None) -> None:
    """The feature maps of the watched picture."""
    ui.section("Feature maps of the picture")
    if mosaic is None:
        st.caption("This layer has no feature maps.")
        return
    height, width, count = mosaic.shape
    said = (
        f"{count} maps of {height} × {width}, values {words.numbers(mosaic.minimum, mosaic.maximum)}, each from its "
        f"lowest (black) to its highest (white); {len(mosaic.blank)} blank"
    )
    with st.container(key="mosaic_maps"):
        st.image(ui.inline(mosaic.png), caption=said, alt=f"Feature maps: {said}", output_format="PNG")
