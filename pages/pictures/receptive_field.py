"""Page: what a unit of a deep layer sees of the picture."""

import streamlit as st

from convviz import checking, effective, framing, recipes, rendering, stacks
from pages.shared import choices, engine, foot, pickers, reaches, stack_editor, ui

ui.heading("Receptive field", "Which pixels of the picture can a unit of a deep layer see, and which of them count?")

controls, result = ui.two_sides((16, 28))
with controls:
    picture = pickers.picture("receptive_field")
    name, layers = stack_editor.stack()
    side = stack_editor.side(name, layers)
    written = stacks.text(layers)
    choices.belong(written, "rf_layer")
    layer = choices.number("Layer of the unit", 1, len(layers), len(layers), key="rf_layer") - 1
    size = stacks.sides(layers, side)[layer + 1]
    choices.belong((written, side, layer), "rf_row", "rf_col")
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        row = choices.number("Row of the unit", 0, size - 1, size // 2, key="rf_row")
    with right:
        col = choices.number("Column of the unit", 0, size - 1, size // 2, key="rf_col")
    with st.expander("The measurement"):
        weights = choices.segments("Weights", effective.WEIGHTS, key="rf_weights")
        relu = choices.toggle("ReLU after every convolution", True, key="rf_relu")
        runs = choices.slider("Draws", 1, 64, effective.RUNS, key="rf_runs")
        seed = choices.number("Seed", 0, 999, 0, key="rf_seed")

array = reaches.square(picture.array, side)
boxes = reaches.windows(layers, side, layer, row, col)
window = boxes[-1]
reaches.measure((written, side, layer, row, col), weights=weights, relu=relu, runs=runs, seed=seed)

with result:
    ui.still(stack_editor.PLACE)
    over, crop = st.columns([3, 2])
    with over:
        drawn = framing.framed(array, boxes)
        ui.picture(
            drawn,
            f"{picture.caption}, {side} × {side}; bright and thick: what the unit sees; inside it, darker: what the "
            "units on its way see, layer by layer",
            f"{picture.alt} with {len(boxes)} windows; the unit sees {reaches.told(window, side)}",
        )
    with crop:
        seen = framing.cut(array, window)
        caption = f"All that the unit sees: {seen.shape[0]} × {seen.shape[1]} pixels"
        ui.picture(seen, caption, f"Cut from the picture: {reaches.told(window, side)}", at_least=300)
    ui.section("Layer by layer")
    reaches.table(layers, side, layer)
    ui.section("What counts: the measured gradient")
    engine.live(lambda: reaches.shown(picture, array, window), reaches.SLOT)
    source = stacks.PRESETS[name].source if name in stacks.PRESETS else "Made here"
    ui.notes(
        reaches.noticed(layers, side, layer, window),
        f"{source}; Araujo, Norris & Sim 2019, Distill, doi:10.23915/distill.00021; Luo, Li, Urtasun & Zemel 2016, "
        "Understanding the effective receptive field, arXiv:1701.04128.",
    )
    channels = 1 if weights == "equal" else effective.CHANNELS
    foot.foot(
        "receptive_field",
        code=recipes.receptive_field.measured(
            layers[: layer + 1], side, row, col, weights=weights, relu=relu, runs=runs, seed=seed, channels=channels
        ),
        files={
            "windows.png": lambda drawn=drawn: rendering.png(drawn),
            "seen.png": lambda seen=seen: rendering.png(seen),
        },
        check=lambda: str(engine.compute(checking.receptive_fields, written, side)),
    )
