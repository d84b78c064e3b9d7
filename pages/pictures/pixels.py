"""Page: a picture is numbers."""

from functools import partial

import streamlit as st

from convviz import checking, histograms, images, recipes, rendering
from pages.shared import charts, choices, engine, foot, magnifier, pickers, ui, words

ui.heading("Pixels", "What does a computer see where we see a picture?")

controls, result = ui.two_sides()
with controls:
    picture = pickers.picture("pixels")
    height, width, depth = picture.array.shape
    largest = min(12, height, width)
    side = choices.slider("Window (pixels)", 1, largest, min(8, largest), key="window") if largest > 1 else 1
    choices.belong(picture.name, "pixel_row", "pixel_column")
    down, across = height - side, width - side
    top = choices.number(f"First row (0 to {down})", 0, down, down // 2, key="pixel_row")
    left = choices.number(f"First column (0 to {across})", 0, across, across // 2, key="pixel_column")
    with st.expander("More"):
        look = choices.segments("A channel alone", ["in its colour", "as grey levels"], key="channel_look")

array = picture.array
counts = dict(zip(histograms.NAMES[3], ui.cached(histograms.histogram)(array), strict=True))
channels = ui.cached(histograms.summary)(array)
tinted = look == "in its colour"
apart = [images.only(array, index) if tinted else array[..., index] for index in range(depth)]

with result:
    magnifier.magnifier(array, (top, left), side, picture.alt, keys=("pixel_row", "pixel_column"))

    ui.section("The three channels apart")
    for one, alone, column in zip(channels, apart, st.columns(3), strict=True):
        with column:
            ui.picture(
                alone,
                f"{one.name.capitalize()}, {height} × {width}, values {one.minimum} to {one.maximum}",
                f"The {one.name} channel of {picture.alt}: mean {one.mean:.0f} of 255",
                at_least=300,
            )

    plot, table = st.columns([3, 2], gap="medium")
    with plot:
        ui.section("How often each value occurs")
        charts.histogram(counts, key="pixel_histogram")
    with table:
        ui.section("Channel by channel")
        st.table(
            [
                {
                    "Channel": one.name,
                    "Min": one.minimum,
                    "Max": one.maximum,
                    "Mean": f"{one.mean:.2f}",
                    "Std": f"{one.deviation:.2f}",
                    "Values": one.levels,
                }
                for one in channels
            ]
        )
        st.caption("Std: standard deviation. Values: how many of the 256 possible values occur.")

    brightest, darkest = (pick(channels, key=lambda one: one.mean) for pick in (max, min))
    grey, cut = ui.cached(histograms.share_grey)(array), ui.cached(histograms.share_at_the_ends)(array)
    ui.notes(
        [
            f"{picture.caption} is {height:,} × {width:,} × {depth} = {array.size:,} numbers, each a whole number from "
            "0 (dark) to 255 (full light).",
            "In every pixel red, green and blue are equal: this picture is grey."
            if grey == 1
            else f"On average {brightest.name} is the strongest channel ({brightest.mean:.0f}) and {darkest.name} the "
            f"weakest ({darkest.mean:.0f}); {words.share(grey, fine=True)} of the pixels are exactly grey.",
            words.sentence(
                f"{words.share(cut, fine=True)} of the numbers are 0 or 255, where darker or lighter is not told apart"
            ),
        ],
        "Gonzalez & Woods, Digital Image Processing, 4th ed., sections 2.4 and 3.3.",
    )
    foot.foot(
        "pixels",
        code=recipes.pixels.numbers(picture.name, top, left, side, tinted=tinted),
        files={f"{one.name}.png": partial(rendering.png, alone) for one, alone in zip(channels, apart, strict=True)},
        check=lambda: str(engine.compute(checking.figures, array)),
    )
