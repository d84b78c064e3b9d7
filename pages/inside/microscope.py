"""Page: one cell of a network, where it looks and the arithmetic that made it."""

import streamlit as st

from convviz import activations, microscope, recipes
from pages.shared import cells, choices, engine, foot, pickers, ui, words

ui.heading("Microscope", "Where does one number of the network come from?")

controls, result = ui.two_sides()
with controls:
    picture = pickers.picture("microscope")
    network, card = pickers.network("microscope")
    choices.belong(network, cells.LAYER)
    names = [layer.name for layer in card.layers if len(layer.output_shape) in (1, 3)]
    layer = choices.select("Layer", names, key=cells.LAYER, default=card.explained_layer)
    choices.belong((network, layer), cells.CHANNEL, cells.INPUT)
    shape = card.layer(layer).output_shape
    first = engine.compute(microscope.look, network, picture.array, layer)
    channel = choices.number(f"Channel (0 to {shape[-1] - 1})", 0, shape[-1] - 1, first.channel, key=cells.CHANNEL)
    choices.belong((network, layer, channel), cells.ROW, cells.COL)
    row = col = maps = None
    if card.layer(layer).has_maps:
        strongest = engine.compute(microscope.look, network, picture.array, layer, channel)
        maps = engine.compute(activations.channel, network, picture.array, layer, channel)
        row, col = cells.place(maps, strongest)
    cell = engine.compute(microscope.look, network, picture.array, layer, channel, row, col)

with result:
    where = f" at row {row}, column {col}" if row is not None else ""
    called = f" in the last of its {cell.calls} calls" if cell.calls > 1 else ""
    st.markdown(f"Channel {channel} of **{words.safe(layer)}**{where} is **{cells.number(cell.value)}**{called}.")
    cells.not_a_number(cell, network)
    drawn = cells.seen(picture, card, cell, maps)
    ui.section("The arithmetic")
    cells.steps(cell)
    cells.read(cell, network, picture.array)
    ui.notes(
        cells.noticed(cell, card),
        "Luo et al. 2016, Understanding the effective receptive field, arXiv:1701.04128; Araujo, Norris & Sim 2019, "
        "Distill, doi:10.23915/distill.00021.",
    )
    foot.foot(
        "microscope",
        code=recipes.layers.cell(picture.name, network, card, layer=layer, channel=channel, row=row, col=col),
        files={**foot.pngs(drawn), **pickers.network_files(network)},
    )
