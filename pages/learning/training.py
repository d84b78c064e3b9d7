"""Page: train a network and watch it learn."""

import streamlit as st

from convviz import recipes, training
from pages.shared import augmenting, choices, data_sets, engine, foot, layer_editor, runs, ui

SOURCE = (
    "LeCun et al. 1998, Gradient-based learning applied to document recognition; Chollet, Deep Learning with Python, "
    "section 5.1."
)

ui.heading("Training", "What happens while a network learns?")

controls, result = ui.two_sides()
with controls:
    dataset = data_sets.choice("data")
    with st.expander("Fewer or smaller pictures"):
        dataset = data_sets.options(dataset, "data")
    outline = data_sets.outline(dataset)
    network = layer_editor.network(outline)
    epochs = choices.slider("Epochs (passes over the data)", 1, 30, 5, key="epochs")
    batch_size = choices.select("Batch size (pictures a step)", [8, 16, 32, 64, 128], key="batch_size", default=64)
    learning_rate = choices.select(
        "Learning rate", [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1], key="learning_rate", default=0.001
    )
    with st.expander("More"):
        optimizer = choices.select("Optimizer", training.OPTIMIZERS, key="optimizer")
        seed = choices.number("Seed (the same seed gives the same run)", 0, 9999, 0, key="seed")
        many = choices.toggle("Every picture anew each time (augmentation)", key="augmented")
        changes = augmenting.options("train") if many else None
    settings = training.Settings(epochs, batch_size, learning_rate, optimizer, changes, seed=seed)
    st.caption(layer_editor.needs(network, batch_size, optimizer))
    job = engine.job(runs.SLOT)
    busy = job is not None and not job.ended
    held = busy or bool(network.fault())
    start = st.button("Start", type="primary", icon=":material/play_arrow:", disabled=held, width="stretch")
    if start and not busy:  # the second click of two comes too late to be held back by the button
        runs.begin(network, dataset, settings)
        st.rerun()


def watch() -> None:
    """The running job: state, buttons, curves, what to notice."""
    job = engine.job(runs.SLOT)
    about = runs.what(network, dataset, settings)[1]
    classes = len(data_sets.outline(about).class_names)
    if job is None:
        runs.ready(dataset)
        layer_editor.editor(network)
    else:
        runs.controls(job)
        runs.state(job)
        runs.curves(job)
    ui.notes(runs.noticed(job, classes), SOURCE)


with result:
    engine.live(watch, runs.SLOT, every=0.4)
    if job is not None:
        runs.harvest(job)
        with st.expander("The network of the next run", icon=":material/edit:"):
            layer_editor.editor(network)
    foot.foot(
        "training",
        code=recipes.training.training(*runs.what(network, dataset, settings)),
        files={**runs.files(), **data_sets.files(runs.what(network, dataset, settings)[1])},
        private="the run itself is not in the link; whoever opens it can start the same one" if job is not None else "",
    )
