"""Page: the picture that a filter answers to most."""

import streamlit as st

from convviz import recipes
from pages.shared import ascents, choices, engine, foot, models, pickers, ui

ui.heading("Filter patterns", "What does a filter look for?")
MOST = 16  # filters at once

controls, result = ui.two_sides()
with controls:
    network, card = pickers.network("filter_patterns")
    choices.belong(network, "pattern_layer", "first_filter")
    maps = models.with_maps(card)
    names = [name for name in maps if "Conv" in card.layer(name).kind] or maps
    layer = choices.select("Layer", names, key="pattern_layer", default=names[min(1, len(names) - 1)])
    filters = card.layer(layer).output_shape[-1]
    most = min(MOST, filters)
    count = choices.slider("Filters shown", 1, most, min(8, most), key="filters_shown") if most > 1 else 1
    first = choices.number(f"First filter (0 to {filters - count})", 0, filters - count, 0, key="first_filter")
    with st.expander("More"):
        size = choices.slider("Side of a pattern (pixels)", 32, 160, 96, key="pattern_size", step=16)
        seed = choices.number("Seed of the grey noise", 0, 9999, 0, key="pattern_seed")
    again = st.button("Draw again", icon=":material/refresh:", width="stretch")
    ascents.draw((network, layer, tuple(range(first, first + count)), size, seed), again=again)

with result:
    engine.live(ascents.shown, ascents.SLOT)
    ui.notes(
        ascents.noticed(layer),
        "Erhan et al. 2009, Visualizing higher-layer features of a deep network; Chollet, Deep Learning with Python, "
        "section 5.4.2.",
    )
    foot.foot(
        "filter_patterns",
        code=recipes.patterns.drawn(
            network, card, layer=layer, filters=range(first, first + count), size=size, seed=seed
        ),
        files={**ascents.files(), **pickers.network_files(network)},
    )
