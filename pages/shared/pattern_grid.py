"""A whole layer's patterns: drawn a band at a time, kept when it is stopped, gone on with later."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from convviz import sketches, zoo
from convviz.sketches import Band
from pages.shared import engine, ui, words

SLOT = "pattern_grid"
MOST = 1024  # filters of a layer that are drawn
_KEPT = "_pattern_bands"  # what is drawn -> its bands by their first filter
_WANTED = "_pattern_grid_wanted"
_MOST_BYTES = 12_000_000  # that one visitor's bands may take


@dataclass(frozen=True)
class Grid:
    """A layer's drawing that is asked for.

    Attributes:
        network: the network's reference.
        layer: path.
        size: pixels of a picture's side.
        seed: of the noise.
        revive: climb the numbers before the ReLU where a filter is silent.
    """

    network: zoo.Reference
    layer: str
    size: int
    seed: int
    revive: bool = True


def begin(wanted: Grid, count: int) -> None:
    """Draw a layer's filters unless all are there, or it was stopped."""
    if st.session_state.get(_WANTED) != wanted or engine.job(SLOT) is None:
        st.session_state[_WANTED] = wanted
        go_on(wanted, count)


def go_on(wanted: Grid, count: int) -> None:
    """Draw what is not there yet."""
    left = _left(wanted, count)
    if left:
        options = {"size": wanted.size, "seed": wanted.seed, "revive": wanted.revive}
        engine.start(SLOT, sketches.fill, wanted.network, wanted.layer, left, **options)
    else:
        engine.clear(SLOT)


def shown(wanted: Grid, count: int) -> None:
    """The bands that are there, how far the next is, and a way to stop and to go on."""
    job = engine.job(SLOT)
    if st.session_state.get(_WANTED) != wanted:
        return
    _collect(wanted)
    bands = _bands(wanted)
    there = sum(len(one.filters) for one in bands)
    if job is not None and job.state == "failed":
        ui.error(job.error)
    if job is not None and (line := engine.line(job)):
        st.info(line)
    state, button = st.columns([4, 1], vertical_alignment="bottom")
    now = 0.0 if job is None or job.latest is None or job.latest.png else job.latest.done * len(job.latest.filters)
    state.progress(min(1.0, (there + now) / count), f"{there} of {words.count(count, 'filter')}")
    if job is None or job.ended:
        button.button(
            "Go on", icon=":material/play_arrow:", on_click=go_on, args=(wanted, count), disabled=there == count,
            key="go_on_pattern_grid", width="stretch",
        )  # fmt: skip
    else:
        button.button("Stop", icon=":material/stop:", on_click=job.stop, key="stop_pattern_grid", width="stretch")
    for band in bands:
        first, last, size = band.filters[0], band.filters[-1], words.crossed(f"{band.size[0]} x {band.size[1]}")
        silent = [one for one in band.dead if one not in band.lost]
        dead = f"; dead, so plain grey: {', '.join(map(str, silent))}" if silent else ""
        dead += f"; gradient NaN or infinite, so plain grey: {', '.join(map(str, band.lost))}" if band.lost else ""
        st.image(
            band.png, caption=f"Filters {first} to {last}, {size} each{dead}", output_format="PNG", width="stretch",
            alt=f"Patterns of filters {first} to {last}, mean activation {words.number(_mean(band.activations))}{dead}",
        )  # fmt: skip


def noticed(wanted: Grid, count: int) -> list[str]:
    """What to notice about a layer's patterns."""
    bands = _bands(wanted)
    numbers = {one: value for band in bands for one, value in zip(band.filters, band.activations, strict=True)}
    if not numbers:
        return ["Every filter of the layer gets a pattern of its own, from grey noise of its own."]
    lost = [one for band in bands for one in band.lost]
    if len(lost) == len(numbers):
        return [words.safe(words.sentence(engine.compute(zoo.no_number, wanted.network)), 400)]
    numbers = {one: value for one, value in numbers.items() if one not in lost}
    best = max(numbers, key=numbers.__getitem__)
    dead = [one for band in bands for one in band.dead if one not in lost]
    silent = [one for one, value in numbers.items() if value == 0 and one not in dead]
    shown_ = sum(value for band in bands for value in band.shown if math.isfinite(value)) / len(numbers)
    said = [
        f"Of {words.count(len(numbers), 'filter')} filter {best} is moved most: mean activation "
        f"{words.number(numbers[best])}.",
        f"Over all of them the mean activation is {words.number(_mean(tuple(numbers.values())))}, and "
        f"{words.number(shown_)} for the 8-bit pictures as shown.",
    ]
    job = engine.job(SLOT)
    if len(numbers) < count and job is not None and job.state == "stopped":
        said.append("What is left was stopped; the program under Code draws the whole layer.")
    if dead or silent:
        said.append(f"{len(dead)} of them are dead and {len(silent)} still silent on their own pattern.")
    return said


def files(wanted: Grid) -> dict[str, Callable[[], bytes]]:
    """The whole layer as one picture, for the page's foot."""
    bands = [one.png for one in _bands(wanted)]
    return {"patterns_of_the_layer.png": functools.partial(sketches.joined, bands)} if bands else {}


def _collect(wanted: Grid) -> None:
    """Keep what the job has drawn; the layers looked at longest ago go first where there is no room."""
    job = engine.job(SLOT)
    kept = st.session_state.setdefault(_KEPT, {})
    mine = kept.pop(wanted, {})
    mine.update({one.filters[0]: one for one in (job.history if job is not None else []) if one.png})
    kept[wanted] = mine
    while len(kept) > 1 and sum(len(band.png) for bands in kept.values() for band in bands.values()) > _MOST_BYTES:
        del kept[next(iter(kept))]


def _bands(wanted: Grid) -> list[Band]:
    """What is there, in order."""
    kept = st.session_state.get(_KEPT, {}).get(wanted, {})
    return [kept[first] for first in sorted(kept)]


def _left(wanted: Grid, count: int) -> tuple[int, ...]:
    """The filters without a pattern."""
    there = {one for band in _bands(wanted) for one in band.filters}
    return tuple(one for one in range(count) if one not in there)


def _mean(numbers: tuple[float, ...]) -> float:
    return sum(numbers) / len(numbers)
