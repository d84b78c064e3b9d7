"""Page: the picture that a filter answers to most."""

import functools

import streamlit as st

from convviz import recipes
from pages.shared import ascents, choices, engine, foot, pattern_choices, pattern_grid, pickers, ui

ui.heading("Filter patterns", "What does a filter look for?")
VIEWS = {"chosen": "Filters", "layer": "Whole layer", "class": "Classes", "dream": "Deep dream"}
ASKED = {
    "chosen": pattern_choices.chosen_filters,
    "class": pattern_choices.a_class,
    "dream": pattern_choices.a_dream,
}
LAYER_SOURCE = "Chollet 2018, Deep Learning with Python, section 5.4.2 (filter patterns for each layer)."

view = choices.segments(
    "View", list(VIEWS), key="pattern_view", format_func=VIEWS.get, label_visibility="collapsed", width="stretch"
)
controls, result = ui.two_sides()
with controls:
    network, card = pickers.network("filter_patterns")
    if view == "layer":
        grid, count = pattern_choices.a_whole_layer(network, card)
        pattern_grid.begin(grid, count)
    else:
        wanted = ASKED[view](network, card, result)
        again = st.button("Draw again", icon=":material/refresh:", width="stretch")
        ascents.draw(wanted, again=again)

with result:
    if view == "layer":
        engine.live(functools.partial(pattern_grid.shown, grid, count), pattern_grid.SLOT)
        ui.notes(pattern_grid.noticed(grid, count), LAYER_SOURCE)
        code = recipes.patterns.of_layer(network, card, layer=grid.layer, count=count, size=grid.size, seed=grid.seed)
        files = pattern_grid.files(grid)
    else:
        engine.live(functools.partial(ascents.shown, wanted), ascents.SLOT)
        ascents.beside(wanted)
        ui.notes(ascents.noticed(wanted), f"{'; '.join(wanted.sources)}.")
        code = recipes.patterns.drawn(network, card, **wanted.program)
        files = ascents.files(wanted)
    foot.foot("filter_patterns", code=code, files={**files, **pickers.network_files(network)})
