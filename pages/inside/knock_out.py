"""Page: channels, weights and biases of a network muted, scaled or replaced, and what becomes of its answer."""

import streamlit as st

from convviz import checking, recipes, surgery
from pages.shared import choices, engine, foot, operations, pickers, ui, words

ui.heading("Knock-out", "What does the network lose without this channel, or with another weight?")

controls, result = ui.two_sides()
with controls:
    picture = pickers.picture("knock_out")
    network, card = pickers.network("knock_out")
    ui.section("The edits")
    here = st.container()
    with st.expander("As text"):
        text = operations.text_of(network)
    is_example = not text.strip()
    with here:
        found = operations.reading(network, operations.example(network, card, picture.array) if is_example else text)
        edits = found.edits
        operations.listed(found, is_example=is_example)
    ui.section("One more edit")
    operations.made(network, card, picture.array, () if is_example else edits)

with result:
    choices.belong(network, operations.VIEW)
    shown, answer = st.columns([1, 2])
    with shown:
        ui.picture(picture.array, f"{picture.caption}, {words.shape(picture.array)}", picture.alt, at_least=300)
    ui.section("A later feature map")
    left, right = st.columns(2)
    with left:
        view = operations.looked_at(card, edits)
    choices.belong((network, view, surgery.written(edits)), operations.CHANNEL)
    with st.spinner("Asking the network as it is and the edited one"):
        first = engine.compute(surgery.operate, network, picture.array, edits, view=view)
        count = card.layer(view).output_shape[-1]
        with right:
            channel = choices.number(
                f"Channel (0 to {count - 1})", 0, count - 1, first.channel, key=operations.CHANNEL,
                help="By default the one that changes most.",
            )  # fmt: skip
        outcome = (
            first
            if channel == first.channel
            else engine.compute(surgery.operate, network, picture.array, edits, view=view, channel=channel)
        )
    with answer:
        operations.answers(outcome, card)
    operations.not_a_number(outcome, network)
    drawn = operations.maps(outcome)
    chart = operations.by_layer(outcome)
    ui.section("Accuracy by class")
    operations.score(network, card, edits)
    ui.section("Which channel matters most?")
    operations.search(network, card, picture.array, outcome, () if is_example else edits)
    ui.notes(
        operations.noticed(outcome, card, edits),
        "Morcos et al. 2018, On the importance of single directions for generalization, arXiv:1803.06959; Zeiler & "
        "Fergus 2014, arXiv:1311.2901.",
    )
    foot.foot(
        "knock_out",
        code=recipes.surgery.knock_out(picture.name, network, card, edits=edits, view=view, channel=channel),
        files={
            **foot.pngs({f"map_{name}": one for name, one in drawn.items()}),
            **chart,
            **pickers.network_files(network),
        },
        check=foot.checked(checking.knock_out, network, picture.array, edits, view=view, channel=channel),
    )
