"""Page: what other kinds of convolution do to a picture, and what each costs."""

import streamlit as st

from convviz import rendering
from pages.shared import choices, foot, kind_views, pickers, ui

ui.heading("Kinds of convolution", "What does each kind of convolution do to a picture, and what does it cost?")

kind = choices.segments("Kind", list(kind_views.TITLES), key="kind", format_func=kind_views.TITLES.get)
st.markdown(kind_views.ABOUT[kind])
controls, result = ui.two_sides()
with controls:
    picture = pickers.picture("kinds")
shown = kind_views.view(kind, picture, controls, result)

with controls, st.expander("The layer that is counted"):
    size = choices.number("Height and width (pixels)", 1, 1024, 56, key="kinds_map")
    channels = choices.number("Channels in", 1, 2048, 64, key="kinds_in")
    filters = choices.number("Channels out", 1, 2048, 128, key="kinds_out")

with result:
    ui.section("What it costs")
    own, counts, groups = kind_views.counted(kind, shown, (size, size, channels), filters)
    st.markdown(
        f"The layer shown: **{own.parameters_told}** weights, **{own.multiply_adds_told}** multiply-adds, no biases."
    )
    st.markdown(
        f"A layer with {channels} channels in and {filters} out on maps of {size} × {size}, with biases, "
        "padding counted in:"
    )
    kind_views.table(counts, groups)
    ui.notes(shown.noticed, f"{shown.source}.")
    foot.foot(
        "kinds",
        code=shown.code,
        files={name: lambda drawn=drawn: rendering.png(drawn) for name, drawn in shown.shown.items()},
        check=shown.check,
    )
