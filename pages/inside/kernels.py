"""Page: the kernels that a network has learned."""

import functools

import streamlit as st

from convviz import ConvvizError, filters, recipes
from pages.shared import choices, engine, foot, learned, pickers, ui, words

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
        f"Filter (0 to {count - 1})", 0, count - 1, int(first.norms.argmax()), key="kernel_filter",
        help="A filter is a stack of kernels, one for each input channel. The longest filter is offered first.",
    )  # fmt: skip

with result:
    board = engine.compute(filters.board, network, layer, channel)
    with st.container(key="mosaic_board"):
        caption = (
            f"{count} kernels of {height} × {width} in {words.safe(layer)}, one of each filter, for input channel "
            f"{channel} of {inputs}; one scale"
        )
        st.image(
            board.png, caption=caption, alt=f"All kernels of {layer} for input channel {channel}", output_format="PNG"
        )
    found = engine.compute(filters.one, network, layer, index)
    kernel = found.kernels[..., channel]
    ui.section(f"Filter {index}")
    learned.one_kernel(kernel, board.limit, f"Kernel {channel} of filter {index}")
    learned.stack(found, board.limit, f"Filter {index}")
    ui.notes(
        learned.noticed(found, kernel, board.norms, index),
        "Krizhevsky, Sutskever & Hinton 2012, ImageNet classification with deep convolutional neural networks, "
        "figure 3.",
    )
    foot.foot(
        "kernels",
        code=recipes.layers.kernels(network, card, layer=layer, channel=channel, index=index),
        files={"kernels.png": functools.partial(bytes, board.png), **pickers.network_files(network)},
    )
