"""Page: ways to make a feature map smaller."""

import streamlit as st

from convviz import checking, downsampling, images, recipes
from pages.shared import choices, engine, explorer, foot, kernel_picker, pickers, shrinking, ui

ui.heading("Pooling and strides", "How is a feature map made smaller, and what gets lost?")

controls, result = ui.two_sides()
with controls:
    picture = pickers.picture("pooling")
    size = choices.slider("Pooling window (pixels)", 1, 8, 2, key="pool_size")
    stride = choices.slider("Stride (pixels)", 1, 8, 2, key="pool_stride")
    seen = choices.segments("Seen", ["close up", "whole"], key="pool_seen")
    with st.expander("The convolution before it", expanded=st.session_state.get("pool_kernel") == kernel_picker.CUSTOM):
        name, kernel = kernel_picker.kernel("pool_", default="identity")
        relu = choices.toggle("ReLU after it: negative values become 0", key="pool_relu")
    with st.expander("More"):
        taps = choices.select("Blur before the stride (pixels)", downsampling.BLURS, key="pool_blur", default=3)
        array = images.grey(picture.array)
        fits = min(array.shape) >= max(kernel.weights.shape) + size + taps
        padding = choices.segments("Padding", ["valid", "same"] if fits else ["same"], key="pool_padding")
        most = choices.slider("Shifts up to (pixels)", 1, 32, 8, key="pool_shifts")
        compared = choices.segments(
            "A shifted map is compared", downsampling.COMPARISONS, key="pool_compared",
            help="Moved along: with the map before the shift, itself moved by shift / stride cells, so that a map "
            "which only moves changes by 0. In place: each cell with what it was.",
        )  # fmt: skip

settings = {"weights": kernel.weights, "size": size, "stride": stride, "taps": taps, "relu": relu}
before = shrinking.before(array, kernel.weights, relu=relu, padding=padding)
smaller = {
    way: ui.cached(downsampling.downsample)(array, way, padding=padding, **settings) for way in downsampling.WAYS
}
changes = {
    way: ui.cached(downsampling.shift_changes)(array, way, tuple(range(most + 1)), compared=compared, **settings)
    for way in downsampling.WAYS
}
limit = None if name == "identity" else ui.limit_of(before)

with result:
    kernel_picker.still("pool_")
    shrinking.pictures(before, smaller, stride, whole=seen == "whole", limit=limit, alt=picture.alt)
    ui.section("How one number comes about")
    mode = choices.segments("Pooling", ["max", "average"], key="pool_mode")
    explorer.explorer(
        "pooling", before, None, smaller[mode], key="pool_explorer", limit=limit,
        settings={"size": size, "stride": stride, "padding": padding, "mode": mode},
        labels={"source": "Before", "result": downsampling.WAYS[mode].title},
        looks={"source": "picture", "result": "picture"} if limit is None else {},
    )  # fmt: skip
    ui.section("What each keeps")
    shrinking.table(before, smaller, stride, {way: change[1] for way, change in changes.items()})
    ui.section("What a shift of the picture does")
    shrinking.curves(changes, compared)
    ui.notes(shrinking.noticed(before, smaller, changes, stride, compared), shrinking.SOURCE)
    foot.foot(
        "pooling",
        code=recipes.pooling.smaller(
            picture.name, padding=padding, compared=compared, shifts=most + 1, limit=limit, **settings
        ),
        files=shrinking.files({"before": before, **smaller}, limit),
        check=lambda: str(engine.compute(checking.smaller, array, padding=padding, **settings)),
    )
