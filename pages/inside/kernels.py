"""Page: the kernels that a network has learned, and what becomes of its answer when one of their values is edited."""

import functools

import streamlit as st

from convviz import ConvvizError, filters, recipes, surgery
from pages.shared import choices, engine, foot, learned, operations, pickers, ui, words

ui.heading("Kernels", "Which weights has a convolution learned?")

controls, result = ui.two_sides()
with controls:
    network, card = pickers.network("kernels")
    choices.belong(network, "kernel_layer")
    names = [layer.name for layer in card.layers if layer.kind in filters.KINDS]
    if not names:
        raise ConvvizError(f"{card.title} has no convolution over pictures; choose another network")
    layer = choices.select("Layer", names, key="kernel_layer")
    choices.belong((network, layer), "kernel_filter", "kernel_input")
    first = engine.compute(filters.board, network, layer)
    height, width, inputs, count = first.shape
    channel = (
        choices.number(f"Input channel (0 to {inputs - 1})", 0, inputs - 1, 0, key="kernel_input") if inputs > 1 else 0
    )
    index = choices.number(
        f"Filter (0 to {count - 1})", 0, count - 1, filters.longest(first.norms), key="kernel_filter",
        help="A filter is a stack of kernels, one for each input channel. The longest filter is offered first.",
    )  # fmt: skip
    ui.section("Edit a value")
    choices.belong((network, layer), "kernel_row", "kernel_col")
    edit = operations.a_weight(network, layer, (height, width), channel, index)
    here = st.container()
    with st.expander("More"):
        picture = pickers.picture("kernels")
        text = operations.text_of(network)
    with here:
        found_edits = operations.reading(network, text)
        operations.add(found_edits.edits, edit)
        if found_edits.edits:
            operations.listed(found_edits, is_example=False)

with result:
    board = engine.compute(filters.board, network, layer, channel)
    with st.container(key="mosaic_board"):
        caption = (
            f"{count} kernels of {height} × {width} in {words.safe(layer)}, one of each filter, for input channel "
            f"{channel} of {inputs}; {learned.scale(board)}"
        )
        st.image(
            board.png, caption=caption, alt=f"All kernels of {layer} for input channel {channel}", output_format="PNG"
        )
    found = engine.compute(filters.one, network, layer, index)
    kernel = found.kernels[..., channel]
    ui.section(f"Filter {index}")
    limit = board.own.get(index, board.limit)
    learned.one_kernel(kernel, limit, f"Kernel {channel} of filter {index}")
    learned.stack(found, limit, f"Filter {index}")
    drawn = {}
    if found_edits.edits:
        ui.section("With the edits")
        edited = surgery.applied(found.kernels, found_edits.edits, layer, index)[..., channel]
        if (edited != kernel).any():
            learned.compared(kernel, edited, limit, f"Kernel {channel} of filter {index}")
        own = index if operations.touches(found_edits.edits, card.layer(layer), index) else None
        with st.spinner("Asking the network as it is and the edited one"):
            outcome = engine.compute(
                surgery.operate, network, picture.array, found_edits.edits, view=layer, channel=own
            )
        operations.not_a_number(outcome, network)
        drawn = operations.maps(outcome)
        operations.answers(outcome, card)
        operations.go_on()
    ui.section("The layer in figures")
    statistics = engine.compute(filters.statistics, network, layer)
    learned.figures(statistics, layer)
    ui.notes(
        learned.noticed(found, kernel, board.norms, index, statistics),
        "Krizhevsky, Sutskever & Hinton 2012, ImageNet classification with deep convolutional neural networks, "
        "figure 3.",
    )
    foot.foot(
        "kernels",
        code=recipes.layers.kernels(network, card, layer=layer, channel=channel, index=index),
        files={
            "kernels.png": functools.partial(bytes, board.png),
            **foot.pngs({f"map_{name}": one for name, one in drawn.items()}),
            **pickers.network_files(network),
        },
    )
