"""Page: what a network learns from, and how one picture becomes many."""

import functools

import numpy as np
import streamlit as st

from convviz import datasets, images, recipes, rendering, sketches
from pages.shared import augmenting, choices, collecting, data_sets, engine, foot, pickers, readings, ui, words

ui.heading("Data and augmentation", "What does a network learn from?")

VIEWS = {
    "examples": "Examples by class",
    "batches": "Batch by batch",
    "reading": "From a file to a batch",
    "augmentation": "One picture, many ways",
    "own": "Your own pictures",
}
WAYS = 16  # of one picture

view = choices.segments("View", list(VIEWS), key="view", default="examples", format_func=VIEWS.get, width="stretch")
controls, result = ui.two_sides()
with controls:
    if view in ("examples", "batches"):
        data = data_sets.choice("browse")
        if missing := data_sets.missing():
            st.caption(f"Not on this machine: {', '.join(missing)}.")
        if st.button("Train on this", icon=":material/show_chart:", width="stretch"):
            data_sets.train_on(st.session_state["browse"])
    elif view != "own":
        picture = pickers.picture("data")
    if view == "batches":
        size = choices.slider("Batch size (pictures a step)", 4, 64, 20, key="browse_size")
        number = choices.number("Batch (counted without an end)", 0, 10**6, 0, key="browse_batch")
        step = functools.partial(choices.set_later, "browse_batch", number + 1)
        st.button("Next batch", icon=":material/skip_next:", on_click=step, width="stretch")
    if view == "reading":
        side = choices.slider("Side the network takes (pixels)", 16, 224, 150, key="reading_side")
    if view == "augmentation":
        options = augmenting.options("augment")
        augmenting.train_with(options)
    if view in ("examples", "batches", "augmentation"):
        seed = choices.number("Seed", 0, 9999, 0, key="browse_seed")
    if view == "own":
        came = collecting.archive()

code, files, private = "", {}, ""
with result:
    if view == "examples":
        with st.spinner("Reading the data"):
            shown = engine.compute(datasets.overview, data, seed=seed, timeout=data_sets.SECONDS)
        readings.examples(shown, data_sets.title_of(data))
        readings.truth(shown)
        notes, source = readings.examples_noticed(shown), words.safe(shown.source, 400)
        each = shown.examples.shape[1]
        code = recipes.data.examples(data, len(shown.class_names), per_class=each, seed=seed)
        files = {"examples.png": functools.partial(readings.saved, shown.examples, each), **data_sets.files(data)}
    elif view == "batches":
        with st.spinner("Reading the data"):
            shown = engine.compute(datasets.batch, data, number, batch_size=size, seed=seed, timeout=data_sets.SECONDS)
        readings.batch(shown)
        notes = readings.batch_noticed(shown)
        source = "Chollet, Deep Learning with Python, section 5.2.4."
        code = recipes.data.batch(data, number, batch_size=size, seed=seed)
        files = {"batch.png": functools.partial(readings.saved, shown.images, 8), **data_sets.files(data)}
    elif view == "reading":
        batch = readings.reading(picture, side)
        notes = [
            f"The file has {len(rendering.png(picture.array)):,} bytes; decoded it has {picture.array.size:,} numbers.",
            f"The network sees {batch.size:,} numbers from {batch.min():.3g} to {batch.max():.3g}.",
        ]
        source = "Chollet, Deep Learning with Python, section 5.2.4."
        code = recipes.data.reading(picture.name, side)
        files = foot.pngs({"resized": images.resize(picture.array, (side, side))})
    elif view == "own":
        came = collecting.collector() or came
        notes, source = collecting.noticed(), "Carney et al. 2020, Teachable Machine, CHI extended abstracts."
        if came:
            data_sets.browse(came)
        files, private = collecting.files(), collecting.private()
    else:
        square = images.resize(picture.array, (150, 150))
        stack = np.repeat(square[None], WAYS, axis=0)
        many = ui.cached(readings.augmented)(stack, seed, **options)
        ui.picture(
            sketches.sheet(many, columns=4), f"{picture.caption}, {WAYS} ways, 150 × 150 each",
            f"{picture.alt}, {WAYS} times, each turned, shifted, sheared, zoomed or mirrored differently",
        )  # fmt: skip
        notes = readings.augmented_noticed(many, square, options)
        source = "Chollet, Deep Learning with Python, listing 5.11; Keras' ImageDataGenerator for each number."
        code = recipes.augmentation.ways(picture.name, WAYS, seed, **options)
        files = foot.pngs({"augmented": sketches.sheet(many, columns=4)})
    ui.notes(notes, source)
    large = data_sets.large(data) if recipes.architectures.PICTURES in files else ""
    foot.foot("data", code=code, files=files, large=large, private=private)
