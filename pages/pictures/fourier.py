"""Page: pictures and kernels as sums of waves."""

import streamlit as st

from convviz import images
from pages.shared import choices, foot, kernel_picker, pickers, ui, waves

ui.heading("Fourier", "What does a convolution do to the waves that a picture is made of?")

controls, result = ui.two_sides()
with controls:
    picture = pickers.picture("fourier")
    part = choices.segments("Show", list(waves.PARTS), key="fourier_part")
    if part == "Theorem":
        origin = choices.segments("Kernel from", ["my hand", "a network"], key="fourier_from")
        if origin == "a network":
            name, weights = waves.learned("fourier")
        else:
            name, kernel = kernel_picker.kernel("fourier_", default="gaussian_blur")
            weights = kernel.weights
    elif part == "Strides":
        seen = choices.segments("Seen", ["the picture", "rings of all waves"], key="fourier_seen")
        stride = choices.slider("Stride (pixels)", 2, 8, 4, key="fourier_stride")
        taps = choices.slider("Blur before the stride (pixels)", 2, 11, 7, key="fourier_blur")
    else:
        side = choices.select("Longer side of the picture (pixels)", waves.SIDES, key="fourier_side", default=256)
        again = st.button("Measure again", icon=":material/refresh:", width="stretch")

with result:
    if part == "Theorem":
        if origin != "a network":
            kernel_picker.still("fourier_")
        shown = waves.theorem(images.grey(picture.array), weights, name, picture)
    elif part == "Strides":
        shown = waves.folding(picture if seen == "the picture" else None, stride, taps)
    else:
        shown = waves.cost(picture, side, again=again)
    ui.notes(shown.notice, waves.PARTS[part])
    foot.foot("fourier", code=shown.code, files=shown.files, check=shown.check)
