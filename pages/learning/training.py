"""Page: train a network and watch it learn."""

import streamlit as st

from convviz import training
from pages.shared import (
    augmenting,
    choices,
    data_sets,
    engine,
    foot,
    insides,
    layer_editor,
    outcomes,
    runs,
    starting,
    ui,
    words,
)

SOURCE = (
    "LeCun et al. 1998, Gradient-based learning applied to document recognition; Chollet, Deep Learning with Python, "
    "sections 5.1 and 5.2; Prechelt 1998, Early stopping, but when?"
)
VIEWS = {"curves": "Curves", "inside": "Inside", "after": "Afterwards"}
RATES = [0.00001, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1]

ui.heading("Training", "What happens while a network learns?")

allowed = training.limits()
controls, result = ui.two_sides()
with controls:
    dataset = data_sets.choice("data")
    with st.expander("Fewer or smaller pictures"):
        dataset = data_sets.options(dataset, "data")
    outline = data_sets.outline(dataset)
    network = layer_editor.network(outline)
    beside = st.container()
    epochs = choices.slider("Epochs (passes over the data)", 1, min(100, allowed.epochs), 5, key="epochs")
    sizes = starting.batch_sizes((8, 16, 20, 32, 64, 128))
    usual = runs.usual(network)
    batch_size = choices.select(
        "Batch size (pictures a step)", sizes, key="batch_size", default=min(usual.batch_size, sizes[-1]),
        help="Changes a running training, too, as epochs and learning rate do.",
    )  # fmt: skip
    learning_rate = choices.select("Learning rate", RATES, key="learning_rate", default=usual.learning_rate)
    with st.expander("More"):
        begins = runs.start_from(network)
        optimizer = choices.select("Optimizer", training.OPTIMIZERS, key="optimizer")
        seed = choices.number("Seed (the same seed gives the same run)", 0, 9999, 0, key="seed")
        patience = choices.number(
            "Epochs without a lower validation loss, after which it ends (0: never)", 0, 50, 0, key="patience"
        )
        many = choices.toggle("Every picture anew each time (augmentation)", key="augmented")
        changes = augmenting.options("train") if many else None
    settings = training.Settings(
        epochs, batch_size, learning_rate, optimizer, changes, seed=seed, patience=patience or None
    )
    with beside:
        starting.aside(begins, runs.planted(begins))
    asked = begins, outline, settings, dataset.per_class
    reason = starting.obstacle(*asked) or data_sets.lack(dataset)
    st.caption(words.safe(words.sentence(reason), 600) if reason else starting.needs(*asked))
    before = engine.job(runs.SLOT)
    busy = before is not None and not before.ended
    held = busy or bool(reason)
    pressed = st.button("Start", type="primary", icon=":material/play_arrow:", disabled=held, width="stretch")
    start = pressed and not busy  # the second click of two comes too late to be held back by the button
    if start:
        runs.begin(begins, dataset, settings)
    job = engine.job(runs.SLOT)
    runs.steer(settings, "training")

with result:
    view = choices.segments("View", list(VIEWS), key="run_view", default="curves", format_func=VIEWS.get)
    classes = len(data_sets.outline(runs.what(network, dataset, settings)[1]).class_names)
    if job is not None and not reason:
        runs.brings_kernel(begins)
    watch = insides.wish(job) if view == "inside" and job is not None else None

    def shown() -> None:
        """The run as it stands, and of it what the view shows."""
        job = engine.job(runs.SLOT)
        if job is not None:
            runs.controls(job)
            runs.state(job)
        if job is not None and view == "inside":
            insides.show(job, watch)
        if view == "curves" or job is None:
            if job is not None:
                runs.curves(job)
            else:
                starting.ready(begins, dataset, reason)
            ui.notes(runs.noticed(job, classes), SOURCE)

    engine.live(shown, runs.SLOT, every=0.4)
    if start:
        st.rerun()
    trained = runs.harvest(job) if job is not None else None
    if view == "after" and job is not None:
        outcomes.afterwards(trained, job, runs.dataset(), SOURCE)
    runs.leavings(trained)
    with st.expander("The network of the next run", icon=":material/edit:", expanded=job is None):
        (layer_editor.editor if begins is network else starting.layers)(begins)
    begun, learned, _ = runs.what(begins, dataset, settings)
    foot.foot(
        "training",
        code=runs.code(begins, dataset, settings),
        files={**runs.files(), **runs.read(begun, learned)},
        large=data_sets.large(learned),
        private="the run itself is not in the link; whoever opens it can start the same one" if job is not None else "",
    )
