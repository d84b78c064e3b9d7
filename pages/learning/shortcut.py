"""Page: a network that learns a mark instead of the thing, caught by Grad-CAM, and mended."""

import streamlit as st

from convviz import recipes, shortcuts
from pages.shared import choices, engine, foot, shortcut_runs, ui

DATA = {"shapes": "Drawn shapes", "digits": "Digits"}
OPENING = {"shapes": ("star", "circle"), "digits": ("3", "8")}
SOURCE = (
    "Geirhos et al. 2020, Shortcut learning in deep neural networks, arXiv:2004.07780; Lapuschkin et al. 2019, "
    "Unmasking Clever Hans predictors, arXiv:1902.10178; Selvaraju et al. 2017, Grad-CAM, arXiv:1610.02391."
)

ui.heading("Shortcut lab", "What has a network learned that is right for the wrong reason?")

controls, result = ui.two_sides()
with controls:
    dataset = choices.segments("Data", list(DATA), key="shortcut_data", default="shapes", format_func=DATA.get)
    names = shortcuts.class_names(dataset)
    marked, other = OPENING[dataset]
    marked = choices.select("Class with the mark", names, key="shortcut_class", default=marked)
    rest = [name for name in names if name != marked]
    other = choices.select("Told apart from", rest, key="shortcut_other", default=other)
    cheat = choices.toggle("Put the cheat in", True, key="shortcut_on", help=f"A mark on each {marked}, on no {other}")
    way = choices.select("How to mend", list(shortcut_runs.MENDS), key="shortcut_mend",
                         format_func=shortcut_runs.MENDS.get)  # fmt: skip
    with st.expander("More"):
        size = choices.slider("Side of the mark (pixels)", *shortcuts.SIZES, 6, key="shortcut_size")
        place = choices.select("Where the mark is", shortcuts.PLACES, key="shortcut_place")
        epochs = choices.slider("Epochs (passes over the data)", 1, 30, 12, key="shortcut_epochs")
        seed = choices.number("Seed (the same seed gives the same run)", 0, 9999, 0, key="shortcut_seed")
    setup = shortcuts.Setup(
        dataset, names.index(marked), names.index(other), size, place, 1.0 if cheat else 0.0, epochs, seed
    )
    busy = shortcut_runs.busy()
    pressed = st.button("Train", type="primary", icon=":material/play_arrow:", disabled=busy, width="stretch")
    train = pressed and not busy
    if train:
        shortcut_runs.begin(setup)
    ready = shortcut_runs.verdict(shortcut_runs.CHEAT) is not None and not busy
    pressed = st.button("Mend and retrain", icon=":material/build:", disabled=not ready, width="stretch")
    mend = pressed and ready
    if mend:
        shortcut_runs.mend(way)


def watch() -> None:
    """Both trainings, and what follows from them."""
    shortcut_runs.shown(setup, way)
    ui.notes(shortcut_runs.noticed(setup, way), SOURCE)


with result:
    shortcut_runs.older(setup)
    engine.live(watch, shortcut_runs.active())
    if train or mend:
        st.rerun()
    foot.foot(
        "shortcut", code=recipes.shortcut.lab(*shortcut_runs.what(setup, way)), files=shortcut_runs.files(),
        private="the trainings are not in the link; whoever opens it can start the same ones" if busy or ready else "",
    )  # fmt: skip
