"""Page: the network as a graph of its layers, and what each of them costs."""

import functools

import streamlit as st

from convviz import graph, recipes
from pages.shared import choices, engine, foot, graphs, models, pickers, ui

ui.heading("Network", "What is this network made of, and what does each layer cost?")

controls, result = ui.two_sides()
with controls:
    network, card = pickers.network("network")
    choices.belong(network, graphs.LAYER, graphs.OPENED)
    with st.spinner("Following a picture through the network"):
        found = engine.compute(graph.layer_graph, network, timeout=models.SECONDS)
    names = [node.name for node in found.nodes]
    first = next((node.name for node in found.nodes if "Conv" in node.kind), None)
    layer = choices.select("Layer", names, key=graphs.LAYER, default=first, help="Type to search among all layers.")
    typed, everything = "", False
    if graph.groups(found):
        everything = choices.toggle("Open all parts", key="all_parts")
        with st.expander("More"):
            typed = choices.text("Open parts, with commas between", "", key=graphs.OPENED, disabled=everything)
    view = graph.fold(found, graphs.opened(found, typed, everything))
    layout = graph.arrange(view)
    chosen = graphs.seen(view, found, layer)
    ui.section("The chosen layer")
    graphs.details(found.node(layer), found, card)

with result:
    graphs.board(view, layout, chosen, key="board")
    graphs.go_on(found.node(layer), card)
    with st.expander("Every layer in a row", icon=":material/table_rows:"):
        graphs.table(found)
    with st.expander("What this network is", icon=":material/info:"):
        models.described(models.diagnosis(network))
    ui.notes(
        graphs.noticed(found),
        "Howard et al. 2017, MobileNets, arXiv:1704.04861, for multiply-adds; Araujo, Norris & Sim 2019, Distill, "
        "doi:10.23915/distill.00021, for receptive fields.",
    )
    foot.foot(
        "network",
        code=recipes.layers.network(network),
        files={
            "network.svg": functools.partial(graphs.svg_file, view, layout, chosen),
            "network.png": functools.partial(graphs.png_file, view, layout, chosen),
            **pickers.network_files(network),
        },
    )
