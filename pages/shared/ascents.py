"""A visitor's filter patterns: the ascent that draws them, shown as it goes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import streamlit as st

from convviz import sketches
from convviz.jobs import Job
from pages.shared import charts, engine, ui, words

SLOT = "patterns"
TITLES = {"fast": "Fast preview: few large steps", "lecture": "The lecture's: 40 equal steps from grey noise"}
_WANTED = "_patterns_wanted"
_FILTERS = 16  # at most, at once


def draw(wanted: tuple[Any, ...], *, again: bool) -> None:
    """Begin an ascent if another one is wanted than the one that runs or has ended."""
    if again or st.session_state.get(_WANTED) != wanted or engine.job(SLOT) is None:
        network, layer, filters, size, seed = wanted
        engine.start(SLOT, sketches.draw, network, layer, filters, size=size, seed=seed)
        st.session_state[_WANTED] = wanted


def shown() -> None:
    """What the ascent has reached: the pictures of both recipes, their curve, and a way to stop."""
    job = engine.job(SLOT)
    if job is None:
        return
    if job.state == "failed":
        ui.error(job.error)
    if job.place_in_line:
        st.info(f"Waiting in line, place {job.place_in_line}.")
    now = job.latest
    if now is None:
        if not job.ended:
            st.progress(0.0, "The worker prepares the network up to this layer")
        return
    done = f"{TITLES[now.recipe]}, step {now.step} of {now.steps}"
    state, stop = st.columns([4, 1], vertical_alignment="bottom")
    state.progress(min(1.0, now.step / now.steps), f"{done}. {'Stopped' if job.state == 'stopped' else ''}")
    stop.button(
        "Stop", icon=":material/stop:", on_click=job.stop, disabled=job.ended, key="stop_patterns", width="stretch"
    )
    for column, (recipe, png) in zip(st.columns(2), now.pictures.items(), strict=False):
        with column:
            ui.section(TITLES[recipe])
            alt = f"Patterns of {len(now.activations)} filters by {TITLES[recipe]}"
            st.image(png, caption=_caption(job, recipe), alt=alt, output_format="PNG", width="stretch")
    if now.dead:
        st.warning(words.dead(now.dead))
    _curve(job)


def files() -> dict[str, Callable[[], bytes]]:
    """The pictures that are drawn by now, for the page's foot."""
    job = engine.job(SLOT)
    pictures = job.latest.pictures if job is not None and job.latest is not None and job.ended else {}
    return {f"patterns_{recipe}.png": functools.partial(bytes, png) for recipe, png in pictures.items()}


def _caption(job: Job, recipe: str) -> str:
    """What the pictures of one recipe reach."""
    last = [one for one in job.history if one.recipe == recipe][-1]
    mean = sum(last.activations) / len(last.activations)
    named = ", ".join(map(str, last.filters))
    return f"Filters {named}, {last.side} × {last.side} each, mean activation {words.number(mean)}"


def _curve(job: Job) -> None:
    """The mean activation over the steps, for each recipe."""
    history = job.history
    columns = st.columns(2)
    for column, recipe in zip(columns, ("fast", "lecture"), strict=True):
        part = [one for one in history if one.recipe == recipe]
        if part:
            means = [sum(one.activations) / len(one.activations) for one in part]
            with column:
                line = {"mean activation": (means, charts.TRAINING)}
                charts.curves("Activation", [one.step for one in part], line, x_title="step", key=f"ascent_{recipe}")


def noticed(layer: str) -> list[str]:
    """What to notice about the patterns that are shown."""
    job = engine.job(SLOT)
    lectures = [one for one in job.history if one.recipe == "lecture"] if job is not None else []
    if len(lectures) < 2:
        return [
            "Each tile begins as grey noise and is changed so that one filter answers more and more.",
            f"The filters belong to {words.safe(layer)}; a filter of a later layer answers to larger patterns.",
        ]
    first, last = (sum(one.activations) / len(one.activations) for one in (lectures[0], lectures[-1]))
    steps = f"In {lectures[-1].step} steps the mean activation"
    if last <= first:
        grown = (
            f"{steps} has not grown: it is {words.number(last)}. These filters hardly answer to anything near noise."
        )
    elif first > 0 and last / first < 1e4:
        grown = f"{steps} has grown {last / first:.3g} times."
    else:
        grown = f"{steps} has grown from {words.number(first)} to {words.number(last)}."
    return [
        grown,
        "A pattern shows what a filter answers to most, not what it meets in photographs.",
        f"The filters belong to {words.safe(layer)}; a filter of a later layer answers to larger patterns.",
    ]
