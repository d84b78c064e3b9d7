"""Page: a new head on a base that has learned before."""

import streamlit as st

from convviz import datasets, recipes, training
from pages.shared import augmenting, choices, data_sets, engine, foot, runs, transferring, ui

SOURCE = "Chollet, Deep Learning with Python, section 5.3; Yosinski et al. 2014, arXiv:1411.1792."

ui.heading("Transfer", "How much of what a network has learned is of use for other pictures?")

controls, result = ui.two_sides()
with controls:
    first = "cats_and_dogs" if datasets.is_here("cats_and_dogs") else "shapes"
    dataset = data_sets.choice("transfer_data", default=first)
    with st.expander("Fewer or smaller pictures"):
        dataset = data_sets.options(dataset, "transfer_data")
    network = transferring.network(data_sets.outline(dataset))
    epochs = choices.slider("Epochs (passes over the data)", 1, 30, 5, key="transfer_epochs")
    with st.expander("More"):
        batch_size = choices.select("Batch size (pictures a step)", [8, 16, 32, 64], key="transfer_batch", default=32)
        rates = [0.00001, 0.0001, 0.0003, 0.001, 0.003, 0.01]
        usual = 0.00001 if network.train_from else 0.001
        rate = choices.select("Learning rate", rates, key="transfer_rate", default=usual)
        optimizer = choices.select("Optimizer", training.OPTIMIZERS, key="transfer_optimizer")
        seed = choices.number("Seed", 0, 9999, 0, key="transfer_seed")
        many = choices.toggle("Every picture anew each time (augmentation)", key="transfer_augmented")
        changes = augmenting.options("transfer") if many else None
    settings = training.Settings(epochs, batch_size, rate, optimizer, changes, seed=seed)
    found = transferring.surveyed(network)
    job = transferring.job()
    busy = engine.job(runs.SLOT) is not None and not engine.job(runs.SLOT).ended
    if st.button("Start", type="primary", icon=":material/play_arrow:", disabled=busy, width="stretch") and not busy:
        runs.begin(network, dataset, settings)
        st.rerun()


def watch() -> None:
    """The running job: state, buttons, curves, what to notice."""
    job = transferring.job()
    if job is not None:
        runs.controls(job)
        runs.state(job)
        runs.curves(job)
    else:
        data_sets.examples(dataset)
    ui.notes(transferring.noticed(found, job), SOURCE)


with result:
    transferring.survey(found, network)
    engine.live(watch, runs.SLOT, every=0.4)
    if job is not None:
        runs.leavings(runs.harvest(job))
    foot.foot(
        "transfer", code=recipes.training.training(network, dataset, settings),
        files={**runs.files(), **data_sets.files(dataset), **transferring.files(network)},
    )  # fmt: skip
