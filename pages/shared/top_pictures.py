"""The pictures of a data set that channels answer to most: which data, the search as it goes, what it has found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import streamlit as st

from convviz import annotations, datasets, exemplars, images, rendering, zoo
from pages.shared import choices, data_sets, engine, ui, words

SLOT = "exemplars"
TITLES = {exemplars.SAMPLES: "Sample pictures", **data_sets.TITLES}
TILE = 128  # pixels of a picture's side in a sheet
GAP = 4
_GROUND = 236
_BEFORE = "To find the pictures with the strongest answers, the worker reads them and prepares the network"
_WANTED = "_exemplars_wanted"
_FITTING = {"mnist": "digits", "run": "digits", "shapes": "shapes", "cats_and_dogs": "cats_and_dogs"}


def data(key: str, network: zoo.Reference) -> tuple[str, int]:
    """Choose what is searched, among the data that is on this machine, and how many pictures of it."""
    here = [name for name in exemplars.NAMES if name == exemplars.SAMPLES or datasets.is_here(name)]
    fitting = _FITTING.get(network.kind if network.kind == "run" else network.name, exemplars.SAMPLES)
    name = choices.select(
        "Searched pictures", here, key=key, default=fitting if fitting in here else exemplars.SAMPLES,
        format_func=TITLES.get, help="Of a data set the test pictures, which no network here has learned from.",
    )  # fmt: skip
    count = 0
    if name != exemplars.SAMPLES:
        count = choices.select("Pictures looked at, at most", [100, 300, 1000, 10_000], key=f"{key}_count", default=300)
    return name, count


def begin(wanted: tuple[zoo.Reference, str, str, tuple[int, ...]], *, count: int = 300, most: int = 8) -> None:
    """Start a search unless it is the one that runs or has ended.

    Args:
        wanted: network, data, layer and channels, as ``exemplars.search`` takes them.
        count: pictures to look at, at most; 0 for all.
        most: pictures to find for each channel.
    """
    asked = (*wanted, count, most)
    if st.session_state.get(_WANTED) != asked or engine.job(SLOT) is None:
        network, name, layer, channels = wanted
        options = {"count": count or 10**6, "most": most}
        engine.start(SLOT, exemplars.search, network, name, layer, channels, **options)
        st.session_state[_WANTED] = asked


def found() -> exemplars.Search | None:
    """What this visitor's search has found by now."""
    job = engine.job(SLOT)
    return job.latest if job is not None else None


def live(draw: Callable[[exemplars.Search], None]) -> None:
    """How far the search is, with a way to stop it, and what it has found, drawn anew while it goes on."""
    engine.live(lambda: _shown(draw), SLOT, every=0.7)


def _shown(draw: Callable[[exemplars.Search], None]) -> None:
    job = engine.job(SLOT)
    if job is None:
        return
    now = job.latest
    if job.state == "failed":
        ui.error(job.error)
    if line := engine.line(job):
        st.info(line)
    told = _BEFORE if now is None else _progress(now, job.state)
    state, stop = st.columns([4, 1], vertical_alignment="bottom")
    state.progress(0.0 if now is None else now.done / now.total, told)
    stop.button(
        "Stop", icon=":material/stop:", on_click=job.stop, disabled=job.ended, key="stop_exemplars", width="stretch"
    )
    if now is not None:
        draw(now)


def _progress(now: exemplars.Search, state: str) -> str:
    some = f", taken evenly from {now.whole:,}" if now.total < now.whole else ""
    searched = f"Searched for the strongest: {now.done:,} of {words.count(now.total, 'picture')}"
    return f"{searched}{some}{'; stopped' if state == 'stopped' else ''}"


def row(now: exemplars.Search, channel: int, named: str, *, key: str) -> None:
    """One channel's pictures with a frame around what the strongest cell sees, and under each that part alone."""
    best = now.best.get(channel, ())
    if not best and now.broken.get(channel):
        st.markdown(f"None of the pictures so far has a number above zero in {words.safe(named)}.")
        return
    if not best:
        st.markdown(f"None of the pictures so far raises {words.safe(named)} above zero.")
        return
    told = "; ".join(f"{words.safe(one.label)} {words.number(one.value)}" for one in best)
    with st.container(key=f"mosaic_{key}"):
        st.image(
            ui.inline(rendering.png(sheet(best))), output_format="PNG",
            caption=f"The strongest first: {told}. Framed, and below alone: what the strongest cell sees",
            alt=f"{len(best)} pictures that {named} answers to most, with the part it sees: {told}",
        )  # fmt: skip


def sheet(best: Sequence[exemplars.Exemplar]) -> np.ndarray:
    """Pictures side by side, each with its frame, over their crops: uint8 (2 T + gap, n (T + gap) - gap, 3)."""
    step = TILE + GAP
    drawn = np.full((2 * step - GAP, len(best) * step - GAP, 3), _GROUND, np.uint8)
    for place, one in enumerate(best):
        framed = annotations.framed(one.picture, one.window, at_least=TILE)
        for top, tile in ((0, framed), (step, one.crop)):
            tile = _fitted(tile)
            height, width = tile.shape[:2]
            row_, col = top + (TILE - height) // 2, place * step + (TILE - width) // 2
            drawn[row_ : row_ + height, col : col + width] = tile
    return drawn


def _fitted(picture: np.ndarray) -> np.ndarray:
    """A picture at the size of a tile, in proportion: by whole pixels where it grows."""
    longest = max(picture.shape[:2])
    return rendering.enlarge(picture, max(1, TILE // longest)) if longest <= TILE else images.limit(picture, TILE)


def _silence(silent: int, done: int, named: str) -> str:
    """On how many pictures a channel never rises above zero."""
    if silent == 0:
        return words.sentence(f"{named} rises above zero on every one of {words.count(done, 'picture')}")
    if silent == done:
        return words.sentence(f"{named} rises above zero on none of {words.count(done, 'picture')}")
    return f"On {silent:,} of {words.count(done, 'picture')} {named} never rises above zero."


def noticed(now: exemplars.Search | None, channel: int, layer: str, network: zoo.Reference) -> list[str]:
    """What to notice about one channel's pictures."""
    best: Any = now.best.get(channel, ()) if now is not None else ()
    if now is None or not now.done:
        return ["Each picture is given to the network; the channel's largest value on it decides its place."]
    named, silent, lost = f"channel {channel} of {words.safe(layer)}", now.silent[channel], now.broken.get(channel, 0)
    lines = [] if lost and not silent else [_silence(silent, now.done, named)]
    if lost:
        cause = words.safe(words.sentence(engine.compute(zoo.no_number, network)), 400)
        told = f"On {lost:,} of {words.count(now.done, 'picture')} {named} has values that are NaN or infinite"
        lines.append(f"{told}, which do not count. {cause}")
    if best:
        mean = now.means[channel]
        lines.insert(0, f"Its largest value is {words.number(best[0].value)}; on an average picture it reaches "
                        f"{words.number(mean)}.")  # fmt: skip
        labels = [one.label for one in best]
        common = max(dict.fromkeys(labels), key=labels.count)
        if len(set(labels)) < len(labels):
            lines.append(
                f"{labels.count(common)} of the {len(best)} pictures shown are labelled “{words.safe(common)}”."
            )
    return lines
