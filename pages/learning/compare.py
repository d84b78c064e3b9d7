"""Page: two settings against each other, with several seeds each, and what may be concluded."""

from dataclasses import replace

import streamlit as st

from convviz import comparison, recipes
from pages.shared import choices, contests, data_sets, engine, foot, ui

SOURCE = (
    "Welch 1947, Biometrika 34, 28-35, for the interval; Bouthillier et al. 2021, Accounting for variance in machine "
    "learning benchmarks, arXiv:2103.03098."
)

ui.heading("Compare runs", "Is one setting better than another, or was it luck?")

controls, result = ui.two_sides()
with controls:
    differs = choices.select(
        "What differs", list(contests.FIELDS), key="versus",
        format_func=lambda one: contests.FIELDS[one].label.partition(" (")[0],
    )  # fmt: skip
    values = contests.choose(differs)
    seeds = choices.slider("Runs of each", *comparison.SEEDS, 3, key="versus_runs")
    dataset = data_sets.choice("versus_data")
    with st.expander("More"):
        per_class = choices.number("Training pictures of each class, at most", 2, 2000, 100, key="versus_per_class")
        seed = choices.number("First seed", 0, 999, 0, key="versus_seed")
    dataset = replace(dataset, per_class=per_class)
    outline = data_sets.outline(dataset)
    contenders = tuple(contests.contender(one, outline, seed) for one in values)
    job = engine.job(contests.SLOT)
    busy = job is not None and not job.ended
    if reason := data_sets.lack(dataset) or contests.obstacle(contenders, outline, per_class):
        ui.error(reason)
    held = busy or bool(reason)
    pressed = st.button("Start", type="primary", icon=":material/play_arrow:", disabled=held, width="stretch")
    start = pressed and not busy  # the second click of two comes too late to be held back by the button
    if start:
        contests.begin(differs, values, contenders, dataset, seeds)

with result:
    measure = choices.segments(
        "Drawn", list(contests.MEASURES), key="versus_measure", default="validation_accuracy",
        format_func=contests.MEASURES.get,
    )  # fmt: skip


def watch() -> None:
    """The runs so far, and what may be concluded."""
    now = engine.job(contests.SLOT)
    if now is not None:
        contests.shown(now, measure)
    elif not reason:
        contests.ready(differs, values, seeds)
    ui.notes(contests.noticed(now), SOURCE)


with result:
    contests.older(contenders, dataset, seeds)
    engine.live(watch, contests.SLOT)
    if start:
        st.rerun()
    shown, pictures, runs = contests.what(contenders, dataset, seeds)
    foot.foot(
        "compare",
        code=recipes.comparison.comparison(
            *shown, pictures, seeds=runs, level=comparison.LEVEL, second=comparison.SECOND
        ),
        files={**contests.files(measure), **data_sets.files(pictures)},
        large=data_sets.large(pictures),
        private="the runs are not in the link; whoever opens it can start the same ones" if job is not None else "",
    )  # fmt: skip
