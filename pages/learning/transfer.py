"""Page: a new head on a base that has learned before."""

import streamlit as st

from convviz import datasets, training, zoo
from pages.shared import augmenting, choices, data_sets, engine, foot, runs, starting, transferring, ui, words

SOURCE = "Chollet, Deep Learning with Python, section 5.3; Yosinski et al. 2014, arXiv:1411.1792."
RATES = [0.00001, 0.0001, 0.0003, 0.001, 0.003, 0.01]

ui.heading("Transfer", "How much of what a network has learned is of use for other pictures?")

allowed = training.limits()
controls, result = ui.two_sides()
with controls:
    first = "cats_and_dogs" if datasets.is_here("cats_and_dogs") else "shapes"
    dataset = data_sets.choice("transfer_data", default=first)
    with st.expander("Fewer or smaller pictures"):
        dataset = data_sets.options(dataset, "transfer_data")
    outline = data_sets.outline(dataset)
    goes_on, train_from, fault = transferring.begins(), "", ""
    if goes_on == runs.NEW:
        network, fault = transferring.network(outline)
    else:
        network, train_from = transferring.going_on(goes_on)
    is_tuned = bool(train_from or getattr(network, "train_from", ""))
    epochs = choices.slider(
        "Epochs (passes over the data)", 1, min(30, allowed.epochs), min(5, allowed.epochs), key="transfer_epochs"
    )
    with st.expander("More"):
        sizes = starting.batch_sizes((8, 16, 32, 64))
        batch_size = choices.select(
            "Batch size (pictures a step)", sizes, key="transfer_batch", default=min(32, sizes[-1])
        )
        rate = choices.select("Learning rate", RATES, key="transfer_rate", default=0.00001 if is_tuned else 0.001)
        optimizer = choices.select("Optimizer", training.OPTIMIZERS, key="transfer_optimizer")
        seed = choices.number("Seed", 0, 9999, 0, key="transfer_seed")
        many = choices.toggle("Every picture anew each time (augmentation)", key="transfer_augmented")
        changes = augmenting.options("transfer") if many else None
    settings = training.Settings(epochs, batch_size, rate, optimizer, changes, seed=seed, train_from=train_from)
    asked = network, outline, settings, dataset.per_class
    reason = fault or starting.obstacle(*asked) or data_sets.lack(dataset)
    if not fault:  # said beside the head
        st.caption(words.safe(words.sentence(reason), 600) if reason else starting.needs(*asked))
    busy = engine.job(runs.SLOT) is not None and not engine.job(runs.SLOT).ended
    held = busy or bool(reason)
    pressed = st.button("Start", type="primary", icon=":material/play_arrow:", disabled=held, width="stretch")
    start = pressed and not held
    if start:
        runs.begin(network, dataset, settings)
    job = transferring.job()
    if job is not None:
        runs.steer(settings, "transfer")


def watch() -> None:
    """The running job: state, buttons, curves, what to notice."""
    job = transferring.job()
    if job is not None:
        runs.controls(job)
        runs.state(job)
        runs.curves(job)
    elif reason and not fault:
        ui.error(reason)
    else:
        data_sets.examples(dataset)
    ui.notes(transferring.noticed(network, settings, fault), SOURCE)


with result:
    engine.live(watch, runs.SLOT, every=0.4)
    if start:
        st.rerun()
    if job is not None:
        trained = runs.harvest(job)
        runs.leavings(trained)
        transferring.fine_tune(trained)
    if not fault:
        with st.expander("The network of the next run", icon=":material/edit:", expanded=job is None):
            (starting.layers if isinstance(network, zoo.Reference) else transferring.survey)(network)
    foot.foot(
        "transfer",
        code=transferring.code(network, dataset, settings) if job is not None or not fault else "",
        files=transferring.files(network, dataset),
        large=data_sets.large(dataset if job is None else runs.dataset()),
    )
