"""Page: which places of the picture spoke for a class."""

import streamlit as st

from convviz import attribution, checking, recipes, rendering
from pages.shared import charts, choices, engine, foot, pickers, ui, words

ui.heading("Grad-CAM", "Which places of the picture spoke for this class?")

controls, result = ui.two_sides()
with controls:
    picture = pickers.picture("grad_cam")
    network, card = pickers.network("grad_cam")
    choices.belong(network, "class", "cam_layer")
    top = engine.compute(attribution.top_classes, network, picture.array)
    target = choices.select(
        "Class", ["top", *map(str, range(len(card.class_names)))], key="class",
        format_func=lambda one: f"Top: {top[0].name}" if one == "top" else card.class_names[int(one)],
    )  # fmt: skip
    names = [layer.name for layer in card.map_layers()]
    layer = choices.select(
        "Layer", ["default", *names], key="cam_layer",
        format_func=lambda one: f"Default: {card.explained_layer}" if one == "default" else one,
    )  # fmt: skip
    signed = choices.toggle("Evidence against it, too", key="signed")
    alpha = choices.slider("Strength over the picture", 0.0, 1.0, 0.4, key="alpha")
    with st.expander("More"):
        colormap = choices.select("Colours", ["turbo", "inferno", "viridis"], key="colours", disabled=signed)

index = top[0].index if target == "top" else int(target)
with result:
    with st.spinner("Explaining"):
        map_ = engine.compute(
            attribution.grad_cam, network, picture.array, target=index, signed=signed,
            layer=None if layer == "default" else layer,
        )  # fmt: skip
    colours = "signed" if signed else colormap
    plain, heat, over = st.columns(3)
    with plain:
        ui.picture(picture.array, f"{picture.caption}, {words.shape(picture.array)}", picture.alt, at_least=300)
    named = card.class_names[index]
    told = words.where(map_.heatmap, named)
    with heat:
        coarse = " × ".join(map(str, map_.raw.shape))
        coloured = rendering.heat(map_.heatmap, colours)
        ui.picture(
            coloured, f"Heat map for {words.safe(named)}, {coarse} enlarged",
            told, at_least=300,
        )  # fmt: skip
        ui.colour_bar(colours, 1.0, words=("against", "for") if signed else ("little", "most"))
    with over:
        blended = rendering.overlay(picture.array, map_.heatmap, alpha=alpha, colormap=colours)
        ui.picture(blended, f"Over the picture, strength {alpha:.0%}", told, at_least=300)
    if map_.note:
        st.warning(words.sentence(map_.note))
    st.markdown(
        f"Explained: **{words.safe(named)}**, probability {map_.score:.1%}, at layer **{words.safe(map_.layer)}**. "
        + words.reason(map_.layer_reason)
    )
    ui.section("The network's answer")
    charts.bars([one.name for one in top], [one.probability for one in top], key="top_classes")
    ui.notes(
        [
            words.where(map_.heatmap, words.safe(named)) + ".",
            f"The map has only {coarse} cells; its outline on the picture cannot be finer than that.",
            f"It shows what counted, right or wrong: {words.safe(named)} gets a probability of {map_.score:.1%}.",
        ],
        "Selvaraju et al. 2017, Grad-CAM, arXiv:1610.02391.",
    )
    foot.foot(
        "grad_cam",
        code=recipes.grad_cam.heatmap(
            picture.name, network, card, target=index, layer=map_.layer, shape=picture.array.shape[:2], signed=signed,
            alpha=alpha, colormap=colormap,
        ),
        files={**foot.pngs({"grad_cam": blended, "heat_map": coloured}), **pickers.network_files(network)},
        check=foot.checked(
            checking.grad_cam, network, picture.array, index, layer=map_.layer, signed=signed
        ),
    )  # fmt: skip
