"""Page: the picture that a filter answers to most."""

import streamlit as st

from convviz import patterns
from pages.shared import choices, engine, pickers, ui, watching

ui.heading("Filter patterns", "What does a filter look for?")

controls, result = st.columns([1, 3], gap="large")
with controls:
    network, card = pickers.network("filter_patterns")
    names = [layer.name for layer in card.map_layers() if layer.kind in patterns.FILTER_LAYERS]
    layer = choices.select("Layer", names, key="pattern_layer", default=names[min(1, len(names) - 1)])
    filters = card.layer(layer).output_shape[-1]
    count = choices.slider("Filters shown", 1, min(16, filters), min(8, filters), key="filters_shown")
    first = choices.number(f"First filter (0 to {filters - count})", 0, filters - count, 0, key="first_filter")
    with st.expander("More"):
        size = choices.slider("Side of a pattern (pixels)", 32, 160, 96, key="pattern_size", step=16)
        seed = choices.number("Seed of the grey noise", 0, 9999, 0, key="pattern_seed")
    chosen = tuple(range(first, first + count))
    wanted = (network, layer, chosen, size, seed)
    again = st.button("Draw again", icon=":material/refresh:", width="stretch")
    watching.ascent_of(wanted, again=again)

with result:
    engine.live(watching.ascent, watching.SLOT)
    ui.notes(
        watching.noticed(layer),
        "Erhan et al. 2009, Visualizing higher-layer features; Chollet, Deep Learning with Python, section 5.4.2.",
    )
