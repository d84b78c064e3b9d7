"""Page: the picture that a filter answers to most."""

import streamlit as st

from convviz import patterns, recipes
from pages.shared import ascents, choices, engine, foot, models, pickers, ui

ui.heading("Filter patterns", "What does a filter look for?")
MOST = 16  # filters at once
WHICH = {"liveliest": "The liveliest", "order": "In their order"}

controls, result = ui.two_sides()
with controls:
    network, card = pickers.network("filter_patterns")
    choices.belong(network, "pattern_layer", "first_filter")
    maps = models.with_maps(card)
    names = [name for name in maps if "Conv" in card.layer(name).kind] or maps
    whole = [name for name in names if card.layer(name).kind == "Conv2D"] or names
    layer = choices.select("Layer", names, key="pattern_layer", default=whole[min(len(whole) - 1, len(whole) // 3)])
    filters = card.layer(layer).output_shape[-1]
    most = min(MOST, filters)
    count = choices.slider("Filters shown", 1, most, min(8, most), key="filters_shown") if most > 1 else 1
    which = choices.segments("Which filters", list(WHICH), key="which_filters", format_func=WHICH.get, width="stretch")
    if which == "order":
        first = choices.number(f"First filter (0 to {filters - count})", 0, filters - count, 0, key="first_filter")
    with st.expander("More"):
        size = choices.slider("Side of a pattern (pixels)", 32, 160, 96, key="pattern_size", step=16)
        seed = choices.number("Seed of the grey noise", 0, 9999, 0, key="pattern_seed")
    if which == "order":
        chosen = tuple(range(first, first + count))
    else:
        with result, st.spinner("Asking which filters answer to noise"):
            chosen = engine.compute(patterns.liveliest, network, layer, count, size=size, seed=seed)
    again = st.button("Draw again", icon=":material/refresh:", width="stretch")
    ascents.draw((network, layer, chosen, size, seed), again=again)

with result:
    engine.live(ascents.shown, ascents.SLOT)
    ui.notes(
        ascents.noticed(layer),
        "Erhan et al. 2009, Visualizing higher-layer features of a deep network; Chollet, Deep Learning with Python, "
        "section 5.4.2.",
    )
    foot.foot(
        "filter_patterns",
        code=recipes.patterns.drawn(network, card, layer=layer, filters=chosen, size=size, seed=seed),
        files={**ascents.files(), **pickers.network_files(network)},
    )
