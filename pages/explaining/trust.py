"""Page: three tests that a heat map can fail."""

import functools

import streamlit as st

from convviz import attribution, datasets, recipes
from pages.shared import choices, engine, explained, foot, pickers, trials, ui, words

ui.heading("Trust", "How far can a heat map be trusted?")

TESTS = {
    "places": "Do the marked places matter?",
    "weights": "Does it depend on what was learnt?",
    "truth": "Does it point at the right place?",
}
SOURCES = {
    "places": "Petsiuk et al. 2018, RISE, arXiv:1806.07421, section 4.2.",
    "weights": "Adebayo et al. 2018, Sanity checks for saliency maps, arXiv:1810.03292.",
    "truth": "Zhang et al. 2016, pointing game, arXiv:1608.00507; Everingham et al. 2010, PASCAL VOC (IoU).",
}
METHODS = list(attribution.METHODS)
QUICK = ["grad_cam", "hires_cam", "layer_cam", "gradient", "guided_backpropagation"]
MOST = 6  # methods at once

test = choices.segments("Test", list(TESTS), key="test", default="places", format_func=TESTS.get, width="stretch")
if test != "weights":
    methods = choices.several(
        f"Methods (at most {MOST})", METHODS, key="trust_methods", default=QUICK, format_func=trials.title,
        max_selections=MOST, wrap=True,
    )  # fmt: skip
    slow = [trials.title(one) for one in methods if one in attribution.SLOW]
    if slow:
        st.caption(f"{', '.join(slow)}: many passes through the network, so it takes longer.")
controls, result = ui.two_sides()
with controls:
    if test == "truth":
        network, card = pickers.named("shapes")
        st.caption(f"{words.safe(card.title)}, on freshly drawn pictures of {', '.join(datasets.SHAPES)}.")
        count = choices.slider("Pictures", 10, 200, 40, key="trust_pictures", step=10)
        shapes = choices.slider("Shapes in a picture", 1, 4, 2, key="trust_shapes")
        threshold = choices.slider("Box from this share of the maximum", 0.1, 0.9, 0.5, key="trust_threshold")
    else:
        picture = pickers.picture("trust")
        network, card = pickers.network("trust")
        choices.belong(network, "trust_output")
        network, card = explained.at_output(network, card, key="trust_output", classes=True)
        choices.belong(network, "trust_class")
        with result, st.spinner("Asking the network"):
            top = engine.compute(attribution.top_classes, network, picture.array)
            explained.answered(network, top)
        target = choices.select(
            "Class", ["top", *map(str, range(len(card.class_names)))], key="trust_class",
            format_func=lambda one: f"Most likely: {top[0].name}" if one == "top" else card.class_names[int(one)],
        )  # fmt: skip
        index = top[0].index if target == "top" else int(target)
    usable = METHODS if card.explained_layer else [one for one in METHODS if not attribution.ABOUT[one].coarse]
    if test != "weights" and not set(methods) <= set(usable):
        lacking = ", ".join(trials.title(one) for one in methods if one not in usable)
        st.caption(
            f"Left out, for they read feature maps and this network has none that lead to its answer: {lacking}."
        )
        methods = [one for one in methods if one in usable] or ["gradient"]
    if test == "weights":
        method = choices.select("Method", usable, key="trust_method", default=usable[0], format_func=trials.title)
        about = attribution.ABOUT[method]
        st.caption(f"{words.sentence(about.idea)} {about.source}.")
    seed = choices.number("Seed", 0, 9999, 0, key="trust_seed")

with result:
    if test == "places":
        trials.begin(test, (network, picture.array, tuple(methods)), target=index, seed=seed)
        draw, verdict = trials.places, trials.places_verdict
        code = recipes.trust.places(picture.name, network, card, methods=methods, target=index, seed=seed)
    elif test == "weights":
        trials.begin(test, (network, picture.array, method), target=index, seed=seed)
        draw, verdict = trials.weights, functools.partial(trials.weights_verdict, method=method)
        code = recipes.trust.weights(picture.name, network, card, method=method, target=index, seed=seed)
    else:
        options = {"pictures": count, "shapes_per_picture": shapes, "threshold": threshold, "seed": seed}
        trials.begin(test, (network, tuple(methods)), **options)
        draw, verdict = trials.truth, trials.truth_verdict
        code = recipes.trust.truth(network, card, methods=methods, threshold=threshold, seed=seed)
    engine.live(lambda: trials.shown(test, draw), trials.SLOT)
    job = engine.job(trials.SLOT)
    ui.notes(verdict(job), SOURCES[test])
    files = {**trials.files(test, job), **pickers.network_files(network)}
    if test == "truth":
        files[recipes.trust.DRAWN] = functools.partial(trials.drawings, options, card.input_shape[0])
    foot.foot("trust", code=code, files=files)
