"""Page: slide one kernel, or a filter, over a picture or a matrix."""

import functools

import streamlit as st

from convviz import checking, convolution, recipes, rendering, scanning
from pages.shared import (
    choices,
    engine,
    explorer,
    foot,
    kernel_picker,
    layer_editor,
    responses,
    scenes,
    sources,
    ui,
    windows,
    written_out,
)

ui.heading("Convolution", "How does one small kernel turn a picture into a feature map?")
scenes.buttons()

controls, result = ui.two_sides()
with controls:
    source = sources.source("convolution")
    name, kernel = kernel_picker.filter_() if source.channels == "filter" else kernel_picker.kernel()
    image, weights = source.array, kernel.weights
    settings, fits = windows.settings(image.shape, weights.shape)
    with st.expander("Show"):
        is_picture = image.dtype == "uint8" and responses.is_picture_again(weights)
        choices.belong(is_picture, "clipped")
        clipped = choices.toggle("Values as grey levels from 0 to 255", is_picture, key="clipped")
        mark = choices.toggle("A frame around the largest answer", key="mark")
        choices.belong(mark, *written_out.KEYS)
        is_sobel = source.channels != "filter" and not source.is_matrix and name in ("sobel_x", "sobel_y")
        choices.belong(is_sobel, "sobel")
        sobel = choices.toggle("Edges by Sobel, strength and direction", is_sobel, key="sobel")
        patches = choices.toggle("Every patch that the kernel sees", key="patches")
        every = choices.toggle("Every kernel on this picture", key="every")
    two = choices.toggle("Then a second kernel", key="two")
    second = kernel_picker.kernel("second_", default="gaussian_blur", label="Second kernel")[1] if two else None
    layer_editor.hand_over(weights, flip=settings["flip"])

with result:
    with st.container():  # always there, or the grids would begin anew, without their pin, where a sentence goes
        if source.is_older:
            ui.older("matrix", source.instead)
        drawn = kernel_picker.CHANNELS if source.channels == "filter" else [""]
        is_older = kernel_picker.still(*(f"{one}_" if one else "" for one in drawn), *(["second_"] if two else []))
        if not (source.is_older or is_older):
            scenes.sentence()
    if not fits:
        responses.unfit(source, weights, name)
    else:
        feature_map = ui.cached(convolution.convolve)(image, weights, **settings)
        largest = responses.strongest(feature_map) if mark else None
        grids, below = st.container(), st.container()
        with below:
            cell = written_out.cell(image, weights, feature_map, settings, largest)
        with grids:
            at = written_out.opens(cell, feature_map.shape, "convolution_explorer")
            pinned = explorer.explorer(
                "convolution", image, weights, feature_map, key="convolution_explorer", settings=settings,
                looks={"source": source.look, "result": responses.look(feature_map, clipped=clipped)}, pins=True,
                limit=ui.limit_of(feature_map), at=at,
            )  # fmt: skip
            written_out.follow(pinned)
            window = convolution.trace(image, weights, *largest, **settings).window if mark else None
            if not source.is_matrix:  # whose cells are all in the grids
                before, after = st.columns(2)
                with before:
                    responses.before(source, window)
                with after:
                    responses.after(feature_map, name, clipped=clipped)
        windows.sizes(image.shape, weights.shape, settings, feature_map.shape)
        if weights.ndim == 3:
            responses.channel_sums(image, weights, settings)
        if second is not None:
            responses.two_steps(image, weights, second.weights, settings, clipped=clipped)
        if patches:
            responses.patches(image, weights.shape, settings, source.look)
        if sobel:
            responses.sobel(image)
        if every:
            responses.every_kernel(image, settings)
        ui.notes(
            responses.notices(image, weights, feature_map, flip=settings["flip"]),
            f"{kernel.source}; Dumoulin & Visin 2016, arXiv:1603.07285.",
        )
        pixels = responses.pixels_of(feature_map, clipped=clipped)
        scan = functools.partial(
            scanning.gif, source.pixels, pixels, window=weights.shape[:2],
            **{one: settings[one] for one in ("stride", "padding", "dilation", "padding_mode")},
        )  # fmt: skip
        foot.foot(
            "convolution",
            code=recipes.convolution.feature_map(
                source.name, weights, **settings, colour=source.channels == "each", clipped=clipped,
                matrix=None if source.name else image, limit=ui.limit_of(feature_map), shape=image.shape[:2],
            ),
            files={"feature_map.png": functools.partial(rendering.png, pixels), "scan.gif": scan},
            check=lambda: str(engine.compute(checking.convolve, image, weights, **settings)),
        )  # fmt: skip
