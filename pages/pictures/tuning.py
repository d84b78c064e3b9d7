"""Page: what a kernel answers to, asked with stimuli."""

import streamlit as st

from convviz import checking, convolution, recipes, stimuli, tuning
from pages.shared import choices, engine, foot, kernel_picker, likenesses, tunings, ui

ui.heading("Tuning", "Which stimulus does a kernel answer to most, and how sharply does it choose?")


def asked(
    kind: str, axis: str, weights: object, measure: str, steps: int, size: int, fixed: dict
) -> tuple[stimuli.Sweep, tuning.Curve]:
    """The stimuli and the kernel's answers."""
    sweep = stimuli.sweep(kind, axis, steps=steps, size=size, **fixed)
    return sweep, tuning.curve(lambda pictures: tuning.kernel_responses(pictures, weights, measure=measure), sweep)


controls, result = ui.two_sides()
with controls:
    kind, axis, fixed = tunings.stimulus()
    name, kernel = kernel_picker.kernel("tuning_")
    seen = choices.select("The kernel looks at", list(tuning.SEEN), key="tuning_seen")
    with st.expander("More"):
        measure = choices.select(
            "Answer: of the feature map the", tuning.MEASURES, key=f"tuning_read_{kind}",
            default="root mean square" if kind == "grating" else "largest",
        )  # fmt: skip
        steps = choices.slider("Stimuli", 8, 90, 36, key="tuning_steps")
        size = choices.slider("Stimulus' side (pixels)", 16, 128, 64, key="tuning_size")
    learned = likenesses.beside()

weights = tuning.over_colours(kernel.weights, seen)
sweep, curve = ui.cached(asked)(kind, axis, weights, measure, steps, size, fixed)
stimulus = sweep.pictures[curve.best * sweep.views]
feature_map = ui.cached(convolution.convolve)(stimulus, weights)

with result:
    kernel_picker.still("tuning_")
    left, right = st.columns(2)
    with left:
        tunings.chart(kind, axis, curve, measure)
    with right:
        tunings.best(kind, axis, sweep, curve, feature_map)
    tunings.strip(kind, axis, sweep, curve)
    noticed = tunings.noticed(kind, axis, curve, weights)
    if learned is not None:
        noticed = likenesses.compared(learned, sweep, curve, kernel.weights, measure, controls) + noticed[:1]
    ui.notes(noticed, f"{stimuli.KINDS[kind].source}; {kernel.source}.")
    foot.foot(
        "tuning",
        code=recipes.tuning.curve(
            kind,
            axis,
            sweep.values,
            kernel.weights,
            tuning.SEEN[seen],
            size=size,
            measure=measure,
            fixed=fixed,
            beside=learned,
        ),
        files=tunings.files(sweep, curve, feature_map),
        check=lambda: str(engine.compute(checking.convolve, stimulus, weights)),
    )
