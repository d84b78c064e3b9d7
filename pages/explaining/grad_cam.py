"""Page: which places of a picture spoke for a class, by any method."""

import functools

import streamlit as st

from convviz import attribution, checking, recipes
from pages.shared import charts, choices, engine, explained, explanations, foot, heat_maps, pickers, ui

ui.heading("Grad-CAM", "Which places of the picture spoke for this class?")

VIEWS = {"two": "Two classes, side by side", "one": "One class, in three views", "many": "Several pictures"}
METHODS, ABOUT = list(attribution.METHODS), attribution.ABOUT

controls, result = ui.two_sides()
with controls:
    above = st.container()
    network, card = pickers.network("grad_cam")
    choices.belong(network, "cam_output", "cam_layer", "cam_from")
    view = choices.select("Show", list(VIEWS), key="cam_view", format_func=VIEWS.get)
    with above:
        picture = pickers.picture("grad_cam") if view != "many" else pickers.carried_picture()
    method = choices.select("Method", METHODS, key="method", format_func=lambda one: ABOUT[one].title)
    network, card = explained.at_output(network, card, key="cam_output")
    choices.belong(network, "class", "class2", "class_of_all")
    with result, st.spinner("Asking the network"):
        top = engine.compute(attribution.top_classes, network, picture.array, count=1000)
    if view != "many":
        with result:
            explained.answered(network, top)
    classes = {one.index: one.name for one in sorted(top, key=lambda one: one.index)}
    if view == "many":
        scene = explained.several(network, card, classes)
    else:
        scene = explained.on_picture(picture, top, two=view == "two")
    layer = explained.layer(card) if ABOUT[method].coarse else None
    signed = choices.toggle("Evidence against it, too", key="signed")
    with st.expander("More"):
        alpha = choices.slider("Strength over the picture", 0.0, 1.0, 0.4, key="alpha")
        share = choices.slider("Box from this share of the maximum", 0.1, 0.9, 0.5, key="cam_threshold")
        colormap = choices.select("Colours", ["turbo", "inferno", "viridis"], key="colours", disabled=signed)
        one_scale = view == "two" and choices.toggle("One scale for both", key="one_scale")
looks = heat_maps.Looks(alpha, "signed" if signed else colormap, share, one_scale)

with result:
    if scene is None:
        st.info("Bring pictures on the left: they are explained one by one, side by side.")
        st.stop()
    asked = explanations.Asked(
        network, scene.pictures, method, scene.targets, layer, signed, classes, scene.titles, scene.truths, view,
    )  # fmt: skip
    shown = explanations.answer(asked, lambda answers: heat_maps.draw(answers, card, looks))
    if view != "many":
        heat_maps.unsure(card, top)
    if shown is not None and not shown.is_older:
        heat_maps.told(shown, card)
    if view != "many" and card.class_names:
        ui.section("The network's answer")
        charts.bars([one.name for one in top[:5]], [one.probability for one in top[:5]], key="top_classes")
    ui.notes(heat_maps.noticed(shown, card, looks), f"{ABOUT[method].source}.")
    only = shown is not None and not shown.is_older and not heat_maps.no_number(shown)
    code = recipes.grad_cam.heatmap(
        picture.name if view != "many" else None, network, card, method=method,
        targets=scene.targets, layer=layer or card.explained_layer, signed=signed, alpha=alpha,
        colormap=colormap, one_scale=one_scale,
    )  # fmt: skip
    foot.foot(
        "grad_cam",
        code=code,
        files={
            **(foot.pngs(heat_maps.pictures_of(shown, looks)) if only else {}),
            **({recipes.grad_cam.ARCHIVE: functools.partial(heat_maps.archive, asked)} if view == "many" else {}),
            **pickers.network_files(network),
        },
        check=foot.checked(
            checking.grad_cam, network, picture.array, scene.targets[0], layer=layer or card.explained_layer,
            signed=signed,
        ) if only and method == "grad_cam" and view != "many" else None,
        private="the pictures of your files are not in the link" if explained.brought() else "",
    )  # fmt: skip
