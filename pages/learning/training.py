"""Page: train the lecture's network and watch it learn."""

import streamlit as st

from convviz import datasets, recipes, training
from pages.shared import choices, engine, foot, runs, ui

TITLES = {"digits": "Digits (scikit-learn)", "mnist": "MNIST"}
SOURCES = {
    "digits": "1,797 digits of 8 × 8 pixels, enlarged to 28 × 28.",
    "mnist": "70,000 digits of 28 × 28 pixels.",
}

SOURCE = (
    "LeCun et al. 1998, Gradient-based learning applied to document recognition; Chollet, Deep Learning with Python, "
    "section 5.1."
)

ui.heading("Training", "What happens while a network learns to read digits?")

controls, result = ui.two_sides()
with controls:
    dataset = choices.select("Data", list(TITLES), key="data", format_func=TITLES.get)
    st.caption(SOURCES[dataset])
    if not datasets.is_here(dataset):
        st.caption("MNIST is not on this machine yet; starting downloads 11 MB, which needs a network.")
    epochs = choices.slider("Epochs (passes over the data)", 1, 30, 5, key="epochs")
    batch_size = choices.select("Batch size (pictures a step)", [8, 16, 32, 64, 128], key="batch_size", default=64)
    learning_rate = choices.select(
        "Learning rate", [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1], key="learning_rate", default=0.001
    )
    with st.expander("More"):
        optimizer = choices.select("Optimizer", training.OPTIMIZERS, key="optimizer")
        seed = choices.number("Seed (the same seed gives the same run)", 0, 9999, 0, key="seed")
    settings = training.Settings(epochs, batch_size, learning_rate, optimizer, seed=seed)
    job = engine.job(runs.SLOT)
    busy = job is not None and not job.ended
    start = st.button("Start", type="primary", icon=":material/play_arrow:", disabled=busy, width="stretch")
    if start and not busy:  # the second click of two comes too late to be held back by the button
        runs.begin("mnist", dataset, settings)
        st.rerun()


def watch() -> None:
    """The running job: state, buttons, curves, what to notice."""
    job = engine.job(runs.SLOT)
    if job is None:
        runs.ready("mnist")
    else:
        runs.controls(job)
        runs.state(job)
        runs.curves(job)
    ui.notes(runs.noticed(job), SOURCE)


with result:
    engine.live(watch, runs.SLOT, every=0.4)
    if job is not None:
        runs.harvest(job)
    foot.foot(
        "training",
        code=recipes.training.training(*runs.what("mnist", dataset, settings)),
        files=runs.files(),
        private="the run itself is not in the link; whoever opens it can start the same one" if job is not None else "",
    )
