"""What depth does, on a page: three curves over the layers, and the lecture's three notes checked on them."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

import streamlit as st

from convviz import depth, recipes, zoo
from pages.shared import charts, engine, map_views, words

_HIGH, _KEPT = 0.9, 0.05  # "nearly all" of the brightness; a difference that counts


def looked(at: map_views.Looked) -> map_views.Shown:
    """Measure the layers and draw what was measured."""
    with at.result:
        with st.spinner("Measuring the layers"):
            layers = engine.compute(depth.profile, at.network, at.array)
        places = list(range(1, len(layers) + 1))
        drawn = _lines(layers)
        silent, left, right = st.container(), *st.columns(2)
        for column, (key, (title, lines)) in zip((silent, left, right), drawn.items(), strict=True):
            with column:
                charts.curves(title, places, lines, x_title=_AXIS, key=key, marked=True, whole=True)
        with st.expander("How it is measured, and the numbers of every layer"):
            st.markdown(
                "Cut to zero: the share of a layer's values that its ReLU, or a kin of it, set to 0. Blank: channels "
                "with one value everywhere. Edges: the correlation, without its sign, of a channel with the strength "
                "of the picture's edges (Sobel) at the map's size, the median over the channels that are not blank. "
                "Readable: the part of the variance of the picture's brightness, at 64 × 64, that one weighted sum of "
                "the layer's channels gives back, by least squares; a smaller map cannot hold fine detail, which "
                "counts against it."
            )
            st.table([_row(place, one) for place, one in zip(places, layers, strict=True)])
    return map_views.Shown(
        [*_left_out(at, layers), *notes(layers)],
        "Chollet, Deep Learning with Python, section 5.4.1, “a few things to note”; the measures are ours.",
        recipes.looks.depth(at.picture.name, at.network, at.card, layers=[one.name for one in layers]),
        {
            "depth.csv": lambda: _table(layers),
            **{
                f"{key}.png": functools.partial(charts.file, title, places, lines, x_title=_AXIS)
                for key, (title, lines) in drawn.items()
                if any(number is not None for numbers, _ in lines.values() for number in numbers)
            },
        },
    )


_AXIS = "layer, from the first to the last"


def _lines(layers: Sequence[depth.Layer]) -> dict[str, tuple[str, dict[str, Any]]]:
    """The three charts: key -> (title, lines)."""
    lines = {"blank channels": ([one.blank / one.shape[-1] for one in layers], charts.VALIDATION)}
    if any(one.silent is not None for one in layers):
        lines = {"values cut to zero": ([one.silent for one in layers], charts.TRAINING), **lines}
    edges = {"likeness to edges": (_drawn([one.edges for one in layers]), charts.TRAINING)}
    readable = {"readable brightness": (_drawn([one.readable for one in layers]), charts.TRAINING)}
    return {
        "depth_silent": ("Sparsity, share", lines),
        "depth_edges": ("Edges, correlation", edges),
        "depth_left": ("What is left of the picture", readable),
    }


def _left_out(at: map_views.Looked, layers: Sequence[depth.Layer]) -> list[str]:
    """Which channels are left out because they are no numbers, and why they are not."""
    some = [f"{len(one.broken)} of {one.shape[-1]} channels of {words.safe(one.name)}" for one in layers if one.broken]
    if not some:
        return []
    cause = words.safe(words.sentence(engine.compute(zoo.no_number, at.network)), 400)
    return [f"Left out, with values that are NaN or infinite: {', '.join(some)}. {cause}"]


def notes(layers: Sequence[depth.Layer]) -> list[str]:
    """The lecture's three notes, each with what was measured and whether it holds."""
    if len(layers) < 2:
        return ["Depth cannot be compared where there is one layer only."]
    if lost := [words.safe(one.name) for one in layers if len(one.broken) == one.shape[-1]]:
        return [f"Depth cannot be judged here: no channel of {' and '.join(lost)} is a number."]
    first, last = layers[0], layers[-1]
    return [_edges(layers), _abstract(first, last), _sparse(layers)]


def _edges(layers: Sequence[depth.Layer]) -> str:
    """Edges first."""
    known = [one for one in layers if not math.isnan(one.edges)]
    if len(known) < 2 or known[0] is not layers[0]:
        return "“Edges first” cannot be judged here: the picture has no edges, or the maps are even."
    later = sum(one.edges for one in known[1:]) / (len(known) - 1)
    first = known[0].edges
    verdict = "holds here" if first > later + _KEPT else "does not hold here" if first < later else "hardly holds here"
    return (
        f"“Edges first” {verdict}: half of the channels of {words.safe(known[0].name)} that are not blank "
        f"follow the picture's edges with a correlation of {first:.2f} or more; in the later layers "
        f"it is {later:.2f} on average."
    )


def _abstract(first: depth.Layer, last: depth.Layer) -> str:
    """All of the picture first, abstraction later."""
    if math.isnan(first.readable):
        return "“Abstraction later” cannot be judged here: the picture is even."
    falls = last.readable < first.readable - _KEPT
    kept = "nearly all" if first.readable >= _HIGH else "not all"
    return (
        f"“Abstraction later” {'holds' if falls else 'does not hold'} here: from {words.safe(first.name)} "
        f"{words.share(first.readable)} of the variation in brightness, {kept} of it, can be read off by a weighted "
        f"sum, from {words.safe(last.name)} {words.share(last.readable)}."
    )


def _sparse(layers: Sequence[depth.Layer]) -> str:
    """Sparsity grows with depth."""
    silent = [one for one in layers if one.silent is not None]
    if len(silent) < 2:
        return "“Sparsity grows” cannot be judged here: fewer than two layers cut to zero."
    first, last = silent[0], silent[-1]
    steps = list(itertools.pairwise(silent))
    up = sum(after.silent > before.silent for before, after in steps)
    verdict = "holds here" if up == len(steps) else (
        "holds here from end to end, not at every step" if last.silent > first.silent else "does not hold here"
    )  # fmt: skip
    return (
        f"“Sparsity grows with depth” {verdict}: {words.share(first.silent)} of the values of "
        f"{words.safe(first.name)} are zero, {words.share(last.silent)} of those of {words.safe(last.name)}; it rises "
        f"at {up} of {words.count(len(steps), 'step')}."
    )


def _drawn(numbers: Sequence[float]) -> list[float | None]:
    """None, which is not drawn, for what is not defined."""
    return [None if math.isnan(one) else one for one in numbers]


def _row(place: int, one: depth.Layer) -> dict[str, str]:
    numbers = (one.silent, one.edges, one.readable)
    told = ["" if value is None or math.isnan(value) else f"{value:.3f}" for value in numbers]
    names = ("Cut to zero", "Edges", "Readable")
    return {
        "": str(place), "Layer": one.name, "Maps": " × ".join(map(str, one.shape)),
        "Blank": f"{one.blank} of {one.shape[-1]}", **dict(zip(names, told, strict=True)),
    }  # fmt: skip


def _table(layers: Sequence[depth.Layer]) -> bytes:
    """The measures as a file."""
    lines = ["layer,channels,silent,blank,edges,readable"]
    for one in layers:
        silent = "" if one.silent is None else f"{one.silent:.6g}"
        name = one.name.replace('"', "'")
        lines.append(f'"{name}",{one.shape[-1]},{silent},{one.blank},{one.edges:.6g},{one.readable:.6g}')
    return "\n".join(lines).encode()
