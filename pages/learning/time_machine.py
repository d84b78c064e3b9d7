"""Page: go back through a training, all pictures at one step together."""

import streamlit as st

from convviz import training
from pages.shared import captions, choices, data_sets, engine, foot, insides, outcomes, pickers, runs, ui, words

SOURCE = (
    "Selvaraju et al. 2017, Grad-CAM, arXiv:1610.02391; Frankle et al. 2020, The early phase of neural network "
    "training, arXiv:2002.10365."
)

ui.heading("Time machine", "How did the network become what it is?")

job = engine.job(runs.SLOT)
if job is None:
    runs.first_run()
    st.stop()
if not job.ended:
    engine.live(lambda: runs.state(job), runs.SLOT, every=0.5)
steps = job.album.steps
if len(steps) < 2:
    if job.ended:
        runs.none_kept(job)
    else:
        st.info("The first steps are on their way; the page goes on when the run pauses or ends.")
    st.stop()

begun = runs.beginning(job)
controls, result = ui.two_sides()
with controls:
    named = f"{captions.network(runs.planned(), runs.settings())} on {words.safe(data_sets.title_of(runs.dataset()))}"
    st.caption(f"{named}. {len(steps)} of its {steps[-1]:,} steps are kept, the first ones densely.")
    step = runs.step_chosen(steps)
    picture = insides.which()
    layer = insides.layer(begun.layers, "time_layer")
    classes = ["top", *map(str, range(len(begun.class_names)))]
    target = choices.select(
        "Class that Grad-CAM explains", classes, key="time_class",
        format_func=lambda one: "The one given most" if one == "top" else begun.class_names[int(one)],
    )  # fmt: skip
    if st.button("Use this network on every page", icon=":material/bookmark_add:", width="stretch"):
        with st.spinner("Keeping the network"):
            pickers.choose_network(runs.keep_step(job, step))
        st.rerun()

with result:
    with st.spinner("Looking at the network as it was"):
        then = engine.compute(
            training.moment, runs.canvas(job), job.album.read(step), runs.dataset(), picture, layer=layer,
            target=None if target == "top" else int(target), timeout=120,
        )  # fmt: skip
    runs.curves(job, mark=step)
    kernels, heat = st.columns(2)
    with kernels:
        insides.kernels(then.kernels)
        insides.maps(then.maps)
    with heat:
        outcomes.then_over(then, begun.class_names)
    ui.section(f"What {int(then.matrix.sum()):,} validation pictures are taken for")
    outcomes.matrix(then.matrix, begun.class_names, key="then")
    ui.notes(outcomes.then_noticed(job, step, then, begun.class_names), SOURCE)
    foot.foot(
        "time_machine", code=runs.code(None, None, None),
        files={**runs.files(), **runs.read(runs.planned(), runs.dataset())},
        large=data_sets.large(runs.dataset()),
        private="the run is not in the link; whoever opens it can start the same one",
    )  # fmt: skip
