"""Page: every channel of every layer, for one picture."""

import functools

import streamlit as st

from convviz import activations, checking, recipes, rendering
from pages.shared import choices, engine, foot, models, pickers, ui, words

ui.heading("Feature maps", "What does each layer make of the picture?")
AT_ONCE = 8  # layers that one screenful shows

controls, result = ui.two_sides()
with controls:
    picture = pickers.picture("feature_maps")
    network, card = pickers.network("feature_maps")
    choices.belong(network, "maps_layer", "channel", "from_layer")
    names = models.with_maps(card)
    first = (
        choices.slider("First layer shown", 1, max(2, len(names)), 1, key="from_layer") if len(names) > AT_ONCE else 1
    )
    scale = choices.select(
        "Brightness of a map",
        rendering.SCALES,
        key="scale",
        default="lecture",
        format_func=words.SCALES.get,
        help=words.SCALES_HELP,
    )
    with st.expander("More"):
        columns = choices.slider("Maps in a row", 4, 32, 16, key="maps_in_row")
    ui.section("One channel, large")
    layer = choices.select("Layer", names, key="maps_layer")
    channels = card.layer(layer).output_shape[-1]
    best = engine.compute(activations.strongest, network, picture.array, layer)
    channel = choices.number(f"Channel (0 to {channels - 1})", 0, channels - 1, best, key="channel")
    alpha = choices.slider("Strength over the picture", 0.0, 1.0, 0.5, key="maps_alpha")

with result:
    input_side, large, over = st.columns(3)
    chosen = engine.compute(activations.channel, network, picture.array, layer, channel)
    with input_side:
        ui.picture(picture.array, f"{picture.caption}, {words.shape(picture.array)}", picture.alt, at_least=300)
    with large:
        values = words.numbers(chosen.min(), chosen.max())
        caption = f"Channel {channel} of {words.safe(layer)}, {words.shape(chosen)}, values {values}"
        alt = words.map_alt(chosen, f"Feature map {channel} of {layer}")
        ui.picture(ui.map_picture(chosen), caption, alt, at_least=300)
        ui.map_bar(chosen)
    with over:
        blended = ui.over_picture(chosen, picture.array, alpha)
        ui.picture(blended, "The same over the picture", f"{alt}, drawn over {picture.alt}", at_least=300)

    shown = names[first - 1 : first - 1 + AT_ONCE]
    silent = engine.compute(activations.sparsity, network, picture.array)
    blank, files = {}, {}
    for index in range(0, len(shown), 4):
        part = tuple(shown[index : index + 4])
        with st.spinner(f"Layers {first + index} to {first + index + len(part) - 1} of {len(names)}"):
            mosaics = engine.compute(
                activations.mosaics, network, picture.array, part, columns=columns, scale=scale, widest=1200
            )
        for place, (name, one) in enumerate(mosaics.items(), index):
            ui.section(f"{words.safe(name)} · {card.layer(name).kind} · {' × '.join(map(str, one.shape))}")
            with st.container(key=f"mosaic_{place}"):
                count = f"{one.shape[-1]} channels of {one.shape[0]} × {one.shape[1]}"
                said = f"{count}, values {words.numbers(one.minimum, one.maximum)}, {len(one.blank)} blank"
                st.image(one.png, caption=said, alt=f"Feature maps of {name}: {said}", output_format="PNG")
            files[f"{name.replace('/', '_')}.png"] = functools.partial(bytes, one.png)
            if name in silent:  # a layer that pools or normalizes only repeats the blank ones
                blank[name] = len(one.blank), one.shape[-1]
    ui.notes(
        [
            words.blank(blank),
            words.sparsity(silent),
            "The first layers keep the outlines of the picture; later ones are smaller and harder to read.",
        ],
        "Chollet, Deep Learning with Python, section 5.4.1; Zeiler & Fergus 2014, arXiv:1311.2901.",
    )
    foot.foot(
        "feature_maps",
        code=recipes.maps.feature_maps(
            picture.name, network, card, layers=shown, layer=layer, channel=channel, scale=scale, columns=columns,
            alpha=alpha,
        ),
        files={
            **foot.pngs({"channel": ui.map_picture(chosen), "over_the_picture": blended}),
            **files,
            **pickers.network_files(network),
        },
        check=foot.checked(checking.feature_maps, network, picture.array, (*shown, layer)),
    )  # fmt: skip
