"""What is to be drawn on the page Filter patterns: one function for each of its views, and what all have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from convviz import ConvvizError, patterns, zoo
from convviz.patterns import DIVERSITY, OBJECTIVES, PARAMETERS, REGULARIZERS, TRANSFORMATIONS
from pages.shared import choices, engine, models, pickers, top_pictures, ui, words
from pages.shared.pattern_grid import MOST as MOST_OF_LAYER
from pages.shared.pattern_grid import Grid

MOST = 16  # patterns at once
SEVERAL = "several"  # the objective "channel" with several pictures of one filter
_OBJECTIVES = {
    **{one: OBJECTIVES[one] for one in ("channel", "unit", "negative", "mixed", "direction")},
    SEVERAL: patterns.About("Several of one filter", DIVERSITY.idea, DIVERSITY.source),
}
_WHICH = {"liveliest": "The liveliest", "order": "In their order"}
_RECIPES = {"both": "Both", "fast": "Fast", "lecture": "The lecture's"}
_BEFORE = {"silent": "Where a filter is silent", "always": "Always", "never": "Never"}
_RECTIFIERS = ("ReLU", "LeakyReLU", "Activation")  # layers of their own behind a convolution
_ROBUST = {"parameters": "fourier", "jitter": 4, "scale": 10, "rotate": 6}  # classes look like nothing without


@dataclass(frozen=True)
class Wanted:
    """A drawing that is asked for.

    Attributes:
        view: of the page.
        network: the network's reference.
        card: its card.
        layer: path; "" for classes.
        filters: as for ``patterns.ascend``.
        named: each picture in words.
        what: what is climbed, in words.
        size: pixels of a picture's (longer) side.
        seed: of the noise.
        recipes: one or two of ``patterns.RECIPES``.
        revive: climb before the ReLU where a filter is silent.
        choices: further ones of ``patterns.ascend``, those that differ from its own.
        picture: the picture that it begins with or goes towards, if any.
        sources: whose ideas these are.
        large: place of the picture that is shown large.
        data: what is searched for pictures that the same filter answers to, and how many of it; "" for no search.
    """

    view: str
    network: zoo.Reference
    card: zoo.Card
    layer: str
    filters: tuple[int, ...]
    named: tuple[str, ...]
    what: str = "mean activation"
    size: int = 96
    seed: int = 0
    recipes: tuple[str, ...] = patterns.RECIPES
    revive: bool = True
    choices: dict[str, Any] = field(default_factory=dict)
    picture: pickers.Picture | None = None
    sources: tuple[str, ...] = ()
    large: int = 0
    data: tuple[str, int] = ("", 0)

    @property
    def objective(self) -> str:
        """One of ``patterns.OBJECTIVES``."""
        return self.choices.get("objective", "channel")

    @property
    def mark(self) -> tuple:
        """What tells one drawing from another."""
        picture = None if self.picture is None else ui.digest(self.picture.array)
        return (
            self.network, self.layer, self.filters, self.size, self.seed, self.recipes, self.revive,
            tuple(sorted(self.choices.items())), picture,
        )  # fmt: skip

    @property
    def options(self) -> dict[str, Any]:
        """Of ``sketches.draw``."""
        given = {} if self.picture is None else {self.picture_is: self.picture.array}
        shared = {"size": self.size, "seed": self.seed, "recipes": self.recipes, "revive": self.revive}
        return {**shared, **self.choices, **given}

    @property
    def columns(self) -> int:
        """Pictures in a row."""
        return {1: 1, 2: 2, 3: 3, 5: 5, 6: 3}.get(len(self.named), 4)

    @property
    def program(self) -> dict[str, Any]:
        """Of ``recipes.patterns.drawn``."""
        own = {"layer": self.layer, "filters": self.filters, "size": self.size, "seed": self.seed}
        if self.picture is not None:
            own |= {"picture": self.picture.name, "shape": self.picture.array.shape[:2]}
        return {**own, "recipes": self.recipes, "columns": self.columns, "revive": self.revive, **self.choices}

    @property
    def picture_is(self) -> str:
        """What the picture is for."""
        return "like" if self.objective == "direction" else "start"

    @property
    def picture_starts(self) -> bool:
        """Whether the ascent begins with the picture."""
        return self.picture is not None and self.picture_is == "start"


def chosen_filters(network: zoo.Reference, card: zoo.Card, result: Any) -> Wanted:
    """Some filters of a layer, for one of several objectives."""
    layer = a_layer(network, card)
    count = card.layer(layer).output_shape[-1]
    offered = [one for one in _OBJECTIVES if count > 1 or one not in ("mixed", "direction")]
    objective = choices.select("Objective", offered, key="objective", format_func=lambda one: _OBJECTIVES[one].title)
    st.caption(f"{words.sentence(_OBJECTIVES[objective].idea)}")
    picture, more = None, {}
    if objective == "mixed":
        first, second = _liveliest(network, layer, 2, result)
        filters = tuple(
            choices.number(f"{label} filter (0 to {count - 1})", 0, count - 1, start, key=key)
            for label, start, key in (("First", first, "mixed_first"), ("Second", second, "mixed_second"))
        )
        named = tuple(_mixture(filters, share) for share in patterns.SHARES)
    elif objective == SEVERAL:
        one = choices.number(
            f"Filter (0 to {count - 1})", 0, count - 1, _liveliest(network, layer, 1, result)[0], key="filter"
        )
        filters = (one,) * choices.slider("Patterns of it", 2, 8, 4, key="patterns_of_it")
        more["diversity"] = choices.slider("Diversity", 0.0, 3.0, 1.0, key="diversity", step=0.25)
        named = tuple(f"Filter {one}, pattern {place}" for place in range(1, len(filters) + 1))
    elif objective == "direction":
        picture, filters = pickers.picture("filter_patterns"), ()
        named = (f"Direction of {picture.title}",)
    else:
        filters = _some(network, layer, count, result)
        named = tuple(f"Filter {one}" for one in filters)
    climbed = {} if objective in ("channel", SEVERAL) else {"objective": objective}
    return _wanted(
        "chosen", network, card, layer, filters, named, {**climbed, **more}, picture, _OBJECTIVES[objective].source
    )


def a_class(network: zoo.Reference, card: zoo.Card, result: Any) -> Wanted:
    """Some classes of the network.

    Raises:
        ConvvizError: it has none.
    """
    if not card.class_names:
        raise ConvvizError(f"{card.title} does not end in classes; choose another network, or its filters")
    st.caption(words.sentence(OBJECTIVES["class"].idea))
    indices = [str(one) for one in range(len(card.class_names))]
    asked = choices.several(
        "Classes (at most 6)", indices, key="pattern_classes", default=indices[:4], max_selections=6,
        format_func=lambda one: card.class_names[int(one)],
    )  # fmt: skip
    filters = tuple(map(int, asked))
    named = tuple(card.class_names[one] for one in filters)
    steps = choices.slider("Steps", 8, 96, 32, key="class_steps", step=8)
    climbed = {"objective": "class", "steps": steps}
    return _wanted("class", network, card, "", filters, named, climbed, None, OBJECTIVES["class"].source)


def a_dream(network: zoo.Reference, card: zoo.Card, result: Any) -> Wanted:
    """A picture that gets more of what the layer sees in it."""
    picture = pickers.picture("filter_patterns")
    layer = a_layer(network, card)
    count = card.layer(layer).output_shape[-1]
    whole = choices.segments(
        "Objective", ["layer", "filter"], key="dream_of", width="stretch",
        format_func={"layer": "The whole layer", "filter": "One filter"}.get,
    )  # fmt: skip
    if whole == "layer":
        st.caption(words.sentence(OBJECTIVES["dream"].idea))
        filters, climbed = (), {"objective": "dream"}
    else:
        filters = (
            choices.number(
                f"Filter (0 to {count - 1})", 0, count - 1, _liveliest(network, layer, 1, result)[0], key="filter"
            ),
        )
        climbed = {}
    climbed["steps"] = choices.slider("Steps", 3, 60, 24, key="dream_steps", step=3)
    return _wanted(
        "dream", network, card, layer, filters, (picture.title,), climbed, picture, OBJECTIVES["dream"].source
    )


def a_whole_layer(network: zoo.Reference, card: zoo.Card) -> tuple[Grid, int]:
    """Every filter of a layer, and how many these are."""
    layer = a_layer(network, card)
    count = card.layer(layer).output_shape[-1]
    if count > MOST_OF_LAYER:
        st.caption(f"The first {MOST_OF_LAYER:,} of its {count:,} filters.")
    with st.expander("More"):
        size = choices.select("Side of a pattern (pixels)", [32, 48, 64, 96], key="grid_size", default=64)
        seed = choices.number("Seed of the grey noise", 0, 9999, 0, key="pattern_seed")
    return Grid(network, layer, size, seed), min(count, MOST_OF_LAYER)


def a_layer(network: zoo.Reference, card: zoo.Card) -> str:
    """One of the layers with feature maps that have filters."""
    choices.belong(network, "pattern_layer", "first_filter", "filter", "mixed_first", "mixed_second", "pattern_classes")
    maps = [name for name in models.with_maps(card) if name not in card.unreached]
    if not maps:
        raise ConvvizError("the picture reaches no layer with feature maps; choose another network, or another input")
    names = [name for name in maps if "Conv" in card.layer(name).kind or card.layer(name).kind in _RECTIFIERS] or maps
    whole = [name for name in names if card.layer(name).kind == "Conv2D"] or names
    layer = choices.select("Layer", names, key="pattern_layer", default=whole[min(len(whole) - 1, len(whole) // 3)])
    if card.unreached:
        told = ", ".join(words.safe(name) for name in card.unreached[:3]) + ", and more" * (len(card.unreached) > 3)
        st.caption(f"Left out, because the picture does not reach it: {told}.")
    return layer


def _some(network: zoo.Reference, layer: str, count: int, result: Any) -> tuple[int, ...]:
    """So many filters: those that answer most to the noise, or one after the other."""
    most = min(MOST, count)
    number = choices.slider("Filters shown", 1, most, min(8, most), key="filters_shown") if most > 1 else 1
    which = choices.segments(
        "Which filters", list(_WHICH), key="which_filters", format_func=_WHICH.get, width="stretch"
    )
    if which == "order":
        first = choices.number(f"First filter (0 to {count - number})", 0, count - number, 0, key="first_filter")
        return tuple(range(first, first + number))
    return _liveliest(network, layer, number, result)


def _liveliest(network: zoo.Reference, layer: str, count: int, result: Any) -> tuple[int, ...]:
    """The filters that answer most to a noise, always the same one, so that another seed or size shows the same."""
    with result, st.spinner("Asking which filters answer to noise"):
        return engine.compute(patterns.liveliest, network, layer, count)


def _mixture(filters: tuple[int, ...], second: float) -> str:
    """A mixture of two filters in words."""
    if second in (0, 1):
        return f"Filter {filters[int(second)]}"
    return f"{words.share(1 - second)} filter {filters[0]}, {words.share(second)} filter {filters[1]}"


def _wanted(
    view: str,
    network: zoo.Reference,
    card: zoo.Card,
    layer: str,
    filters: tuple[int, ...],
    named: tuple[str, ...],
    climbed: dict[str, Any],
    picture: pickers.Picture | None,
    source: str,
) -> Wanted:
    """The rest of the choices, under More."""
    objective = climbed.get("objective", "channel")
    large = 0
    if len(named) > 1:
        names = {str(place): name for place, name in enumerate(named)}
        large = int(choices.select("Shown large", list(names), key="pattern_large", format_func=names.get))
    with st.expander("More"):
        recipe = choices.segments(
            "Recipe", list(_RECIPES), key="pattern_recipe", default="both" if view == "chosen" else "fast",
            format_func=_RECIPES.get, width="stretch",
            help=" ".join(f"{about.title}: {about.idea}." for about in patterns.ABOUT_RECIPES.values()),
        )  # fmt: skip
        size = 96
        if view == "chosen":
            size = choices.slider("Side of a pattern (pixels)", 32, 160, 96, key="pattern_size", step=16)
        elif view == "dream":
            size = choices.slider("Longer side (pixels)", 96, 384, 240, key="dream_size", step=16)
            climbed["octaves"] = choices.slider("Sizes it is climbed at", 1, 5, patterns.OCTAVES, key="octaves")
        seed = choices.number("Seed of the grey noise", 0, 9999, 0, key="pattern_seed")
        before = _before(objective, layer)
        manner, sources = _manner(view)
        searched = bool(filters) and objective in ("channel", "unit", "mixed") and view == "chosen"
        data = top_pictures.data("pattern_data", network) if searched else ("", 0)
    recipes = patterns.RECIPES if recipe == "both" else (recipe,)
    climbed |= {"before": True} if before == "always" else {}
    own = [patterns.ABOUT_RECIPES["lecture"].source] if "lecture" in recipes else []
    what = _what(card, objective, before)
    return Wanted(
        view, network, card, layer, filters, named, what, size, seed, recipes, before == "silent",
        {**climbed, **manner}, picture, tuple(dict.fromkeys([*own, source, *sources])), large, data,
    )  # fmt: skip


def _before(objective: str, layer: str) -> str:
    """Whether the numbers before the layer's ReLU are climbed."""
    if objective in ("class", "negative"):
        return "silent"
    offered = [one for one in _BEFORE if one != "silent" or objective in ("channel", "unit", "mixed")]
    return choices.select(
        "Climb the numbers before the layer's ReLU", offered, key="before_relu", default=offered[0] if
        "silent" in offered else "never", format_func=_BEFORE.get,
        help="A ReLU gives no slope to a filter that answers nothing; the numbers before it have one.",
    )  # fmt: skip


def _manner(view: str) -> tuple[dict[str, Any], list[str]]:
    """How the steps are made, those choices that differ from the plain ones, and whose ideas they are."""
    plain = _ROBUST if view == "class" else {"jitter": 8} if view == "dream" else {}
    parameters = choices.select(
        "The picture is made of", list(PARAMETERS), key="parameters", default=plain.get("parameters", "pixels"),
        format_func=lambda one: PARAMETERS[one].title, help=_told(PARAMETERS),
    )  # fmt: skip
    st.caption("Before each look, at random", help=_told(TRANSFORMATIONS))
    found: dict[str, Any] = {
        "jitter": choices.slider("Jitter (pixels)", 0, 16, plain.get("jitter", 0), key="jitter"),
        "scale": choices.slider("Scale (±%)", 0, 30, plain.get("scale", 0), key="wobble_scale") / 100,
        "rotate": choices.slider("Rotate (±degrees)", 0, 45, plain.get("rotate", 0), key="rotate"),
    }
    st.caption("Against fine details", help=_told(REGULARIZERS))
    found |= {
        "total_variation": choices.slider("Total variation", 0.0, 2.0, 0.0, key="total_variation", step=0.1),
        "l2": choices.slider("L2", 0.0, 2.0, 0.0, key="pattern_l2", step=0.1),
        "blur": choices.slider("Blur (pixels)", 0.0, 4.0, 0.0, key="pattern_blur", step=0.25),
    }
    used = {name: value for name, value in found.items() if value}
    sources = [{**TRANSFORMATIONS, **REGULARIZERS}[name].source for name in used]
    if parameters == "fourier":
        used["parameters"] = parameters
        sources.append(PARAMETERS[parameters].source)
    return used, sources


def _told(catalogue: dict[str, patterns.About]) -> str:
    """One line on each."""
    return "\n".join(f"- {about.title}: {about.idea} ({about.source})." for about in catalogue.values())


def _what(card: zoo.Card, objective: str, before: str) -> str:
    """What is climbed, in words."""
    said = {
        "channel": "mean activation",
        "unit": "activation of the middle cell",
        "negative": "mean before the ReLU",
        "mixed": "mean activation, mixed",
        "direction": "mean activation along the direction",
        "class": f"number before the {card.output}" if card.output != "logits" else "number of the class",
        "dream": "mean square of the layer",
    }[objective]
    return f"{said}, before the ReLU" if before == "always" else said
