"""Page: slide one kernel over a picture."""

import numpy as np
import streamlit as st

from convviz import convolution, images, rendering
from pages.shared import choices, kernel_picker, pickers, ui, words

ui.heading("Convolution", "How does one small kernel turn a picture into a feature map?")

controls, result = st.columns([1, 3], gap="large")
with controls:
    picture = pickers.picture("convolution")
    name, kernel = kernel_picker.kernel()
    rows, columns = st.columns(2)
    with rows:
        stride_y = choices.number("Stride down (pixels)", 1, 16, 1, key="stride_y")
    with columns:
        stride_x = choices.number("Stride across (pixels)", 1, 16, 1, key="stride_x")
    how = choices.segments("Padding", ["valid", "same", "custom"], key="padding")
    if how == "custom":
        amounts = {}
        for side, column in zip(("top", "bottom", "left", "right"), st.columns(2) * 2, strict=True):
            with column:
                amounts[side] = choices.number(f"{side.capitalize()} (pixels)", 0, 32, 1, key=f"pad_{side}")
        padding = ((amounts["top"], amounts["bottom"]), (amounts["left"], amounts["right"]))
    else:
        padding = how
    with st.expander("More"):
        dilation_y = choices.number("Dilation down (pixels)", 1, 8, 1, key="dilation_y")
        dilation_x = choices.number("Dilation across (pixels)", 1, 8, 1, key="dilation_x")
        mode = choices.select("Outside the picture", convolution.PADDING_MODES, key="outside")
        flip = choices.toggle("Flip the kernel (the mathematician's convolution)", key="flip")
        colour = choices.toggle("Red, green and blue, each with this kernel", key="colour")
        clipped = choices.toggle("Show values as grey levels from 0 to 255", key="clipped")

array = picture.array if colour else images.grey(picture.array)
settings = {
    "stride": (stride_y, stride_x),
    "padding": padding,
    "dilation": (dilation_y, dilation_x),
    "padding_mode": mode,
    "flip": flip,
}
feature_map = ui.cached(convolution.convolve)(array, kernel.weights, **settings)
low, high = float(np.nanmin(feature_map)), float(np.nanmax(feature_map))

with result:
    before, middle, after = st.columns([9, 3, 9])
    with before:
        ui.picture(array, f"{picture.caption}, {words.shape(array)}, values 0 to 255", picture.alt, at_least=300)
    with middle, st.container(key="kernel_picture"):
        ui.picture(
            rendering.signed(kernel.weights),
            f"Kernel, {words.shape(kernel.weights)}",
            f"The cells of {name}",
            at_least=110,
        )
        ui.colour_bar("signed", float(np.abs(kernel.weights).max()))
    with after:
        caption = f"Feature map, {words.shape(feature_map)}, values {words.numbers(low, high)}"
        alt = f"The picture under {name}: values from {low:.0f} to {high:.0f}, mean {float(feature_map.mean()):.1f}"
        if colour or clipped:
            ui.picture(
                np.clip(feature_map, 0, 255).astype(np.uint8), f"{caption}, shown from 0 to 255", alt, at_least=300
            )
        else:
            limit = ui.limit_of(feature_map)
            ui.picture(rendering.signed(feature_map, limit), caption, alt, at_least=300)
            ui.colour_bar("signed", limit, beyond=limit < max(-low, high))

    st.markdown("**The size, with its numbers**")
    for index, axis in enumerate(("height", "width")):
        st.markdown(
            words.size_formula(
                axis, array.shape[index], kernel.weights.shape[index], index, settings, feature_map.shape[index]
            )
        )

    if choices.toggle("Edges by Sobel: magnitude and direction", name in ("sobel_x", "sobel_y"), key="sobel"):
        magnitude, angle = ui.cached(convolution.gradient)(images.grey(picture.array))
        left, right = st.columns(2)
        with left:
            ui.picture(
                rendering.magnitude(magnitude),
                f"Magnitude √(Gx² + Gy²), up to {magnitude.max():.0f}",
                f"Strength of the edges, up to {magnitude.max():.0f}",
            )
            ui.colour_bar("viridis", float(magnitude.max()))
        with right:
            ui.picture(
                rendering.direction(angle, magnitude),
                "Direction atan2(Gy, Gx) as hue, strength as brightness",
                "Direction of the edges as hue: bright where an edge is strong",
            )

    share = float((np.abs(feature_map) < 0.05 * max(abs(low), abs(high), 1e-9)).mean())
    total = float(kernel.weights.sum())
    ui.notes(
        [
            f"The kernel's cells sum to {total:g}: "
            + ("an even area becomes 0." if abs(total) < 1e-6 else f"an even area of value v becomes {total:g} · v."),
            f"{share:.0%} of the feature map lies within 5 % of zero; what is left is where the picture answers.",
            "Without the flip this is cross-correlation, which is what convolutional networks compute; flipping turns "
            "the kernel by 180°" + (" and with it the sign of Sobel." if name.startswith("sobel") else "."),
        ],
        f"{kernel.source}; Dumoulin & Visin 2016, arXiv:1603.07285.",
    )
