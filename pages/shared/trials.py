"""A visitor's tests of heat maps: three jobs, each drawn as far as it has come, with a verdict in words."""

from __future__ import annotations

import functools
import io
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import streamlit as st

from convviz import trust, verdicts
from convviz.attribution import ABOUT
from convviz.jobs import Job
from pages.shared import charts, engine, ui, words

SLOT = "trust"
_WANTED = "_trust_wanted"
_WAYS = {"places": trust.compare, "weights": trust.shuffle_cascade, "truth": trust.league}
ACROSS = 3  # pictures in a row
SAME = 0.5  # rank correlation from which a map counts as nearly unchanged


def title(method: str) -> str:
    """A competitor's name for people."""
    return {trust.RANDOM: "Random map", trust.CENTRE: "Middle of the picture"}.get(method) or ABOUT[method].title


def begin(test: str, arguments: tuple[Any, ...], **options: Any) -> None:
    """Start a test unless it is the one that runs or has ended."""
    wanted = (test, tuple(map(_mark, arguments)), tuple(sorted(options.items())))
    if st.session_state.get(_WANTED) != wanted or engine.job(SLOT) is None:
        engine.start(SLOT, _WAYS[test], *arguments, **options)
        st.session_state[_WANTED] = wanted


def _mark(argument: Any) -> Any:
    return ui.digest(argument) if isinstance(argument, np.ndarray) else argument


def shown(test: str, draw: Callable[[Job], None]) -> None:
    """What the test has found so far, and a way to stop it."""
    job = engine.job(SLOT)
    if job is None or st.session_state.get(_WANTED, ("",))[0] != test:
        return
    if job.state == "failed":
        ui.error(job.error)
    if line := engine.line(job):
        st.info(line)
    if not job.ended:
        state, stop = st.columns([4, 1], vertical_alignment="bottom")
        now = job.latest
        doing = title(now.doing) if isinstance(now, trust.Comparison) else "Testing"
        state.progress(0.0 if now is None else now.done, "The worker explains the picture" if now is None else doing)
        stop.button("Stop", icon=":material/stop:", on_click=job.stop, key="stop_trust", width="stretch")
    if job.latest is not None:
        draw(job)


# --- do the marked places matter ----------------------------------------------------------------------------------


def places(job: Job) -> None:
    """The maps on one scale, and the curves of deletion and insertion."""
    trials = job.latest.trials
    if not trials:
        return
    mapped = [one for one in trials if one.picture]
    for start in range(0, len(mapped), ACROSS):
        for column, one in zip(st.columns(ACROSS), mapped[start : start + ACROSS], strict=False):
            with column:
                note = f" {words.sentence(one.note)}" if one.note else ""
                st.image(
                    one.picture,
                    caption=f"{title(one.method)}: deletion {one.curves.deletion_area:.2f}, insertion "
                    f"{one.curves.insertion_area:.2f}.{note}",
                    alt=f"Heat map by {title(one.method)} over the picture",
                    output_format="PNG",
                    width="stretch",
                )
    with st.columns(2)[0]:
        ui.colour_bar("turbo", 1.0, words=("little", "most"))
    st.caption("Every map on one scale: 1 is its own largest value, since methods count in units of their own.")
    left, right = st.columns(2)
    for column, name, told in (
        (left, "deletion", "Deletion: marked places painted over"),
        (right, "insertion", "Insertion: marked places brought back"),
    ):
        lines = {
            title(one.method): (
                list(getattr(one.curves, name)),
                charts.COMPARED if one.method == trust.RANDOM else charts.LINES[place % len(charts.LINES)],
            )
            for place, one in enumerate(trials)
        }
        with column:
            shares = list(trials[0].curves.shares)
            charts.curves(
                told, shares, lines, x_title="share of the pixels", y_title="probability of the class",
                y_range=(-0.03, 1.03), key=f"trust_{name}",
            )  # fmt: skip


def places_verdict(job: Job | None) -> list[str]:
    """Which maps the curves speak for, beyond what random maps do; which curve cannot be read, and why."""
    trials = () if job is None or job.latest is None else job.latest.trials
    if not any(one.method == trust.RANDOM for one in trials):
        return ["A good map's deletion curve falls at once, and its insertion curve rises at once."]
    readings = [verdicts.read(trials, curve) for curve in verdicts.CURVES]
    count = len(trials) - 1
    if not readings[0].areas:
        return ["Every map is blank or flat, so that no place comes before another."]
    return [*map(_read, readings), _beyond_chance(readings, count)]


def _read(found: verdicts.Reading) -> str:
    """What one curve says, or why it says nothing here."""
    deletes = found.curve == "deletion"
    low, high = min(found.chance), max(found.chance)
    if found.hindrance == verdicts.STILL:
        moves = " to ".join(words.share(one, fine=True) for one in found.span)
        return (
            f"{found.curve.capitalize()} cannot tell maps apart here: every area, also by chance, is {low:.2f}, "
            f"because the answer hardly moves ({moves} all along)."
        )
    emptied = f"the picture {'wholly painted over' if deletes else 'wholly blurred'}"
    if found.hindrance == verdicts.TURNED:
        return (
            f"{found.curve.capitalize()} cannot be read here: {emptied} has a probability of "
            f"{words.share(found.emptied, fine=True)}, the picture itself {words.share(found.whole, fine=True)}."
        )
    what = (
        "Painting over what {} marks costs the class most" if deletes else "Bringing back what {} marks helps it most"
    )
    mean = sum(found.chance) / len(found.chance)
    return (
        f"{what.format(title(found.best))}: area {found.areas[found.best]:.2f}, by chance {mean:.2f} ({low:.2f} to "
        f"{high:.2f} over {len(found.chance)} random maps); {emptied} has {words.share(found.emptied, fine=True)}."
    )


def _beyond_chance(readings: list[verdicts.Reading], count: int) -> str:
    """How many maps are better than random ones, and by what."""
    known = [one.curve for one in readings if not one.hindrance]
    if not known:
        return "So this picture cannot show whether a map finds what matters; try another picture or class."
    better = [title(one) for one in verdicts.better(readings)]
    by = " and by ".join(known)
    named = f": {', '.join(better)}" if better else ""
    return (
        f"{len(better)} of {count} maps find what matters better than random maps do, outside the range of all of them "
        f"by {by}{named}."
    )


# --- does the map depend on what was learnt -----------------------------------------------------------------------


def weights(job: Job) -> None:
    """The map after each stage of shuffling, and its likeness to the first."""
    stages = job.latest.stages
    for start in range(0, len(stages), ACROSS + 1):
        for column, one in zip(st.columns(ACROSS + 1), stages[start : start + ACROSS + 1], strict=False):
            note = words.sentence(one.note) if one.note else ""
            told = f"Down to {words.safe(one.layer)}: likeness {_signed(one.similarity)}" if one.layer else "As trained"
            with column:
                st.image(
                    one.picture,
                    caption=f"{told}, probability {words.share(one.score, fine=True)}. {note}",
                    alt=f"Heat map with {one.shuffled} layers shuffled, over the picture",
                    output_format="PNG",
                    width="stretch",
                )
    if len(stages) > 1:
        line = {"likeness to the trained network's map": ([one.similarity for one in stages], charts.TRAINING)}
        charts.curves(
            "Likeness", [one.shuffled for one in stages], line, x_title="layers shuffled", key="trust_cascade"
        )


def _signed(number: float) -> str:
    return "not defined" if math.isnan(number) else f"{number:.2f}".replace("-", "−")


def weights_verdict(job: Job | None, method: str) -> list[str]:
    """Whether the map has changed as it should."""
    stages = () if job is None or job.latest is None else job.latest.stages
    general = "A map that explains the network must change when the network forgets what it has learnt."
    later = [one for one in stages[1:] if not math.isnan(one.similarity)]
    if not later:
        return [general]
    half = later[: max(1, len(later) // 2)]
    mean = sum(one.similarity for one in half) / len(half)
    name = title(method)
    if mean >= SAME:
        verdict = f"{name} hardly changes (mean likeness {mean:.2f} over the first half): it shows the picture more "
        return [general, verdict + "than what the network has learnt."]
    return [general, f"{name} changes (mean likeness {_signed(mean)} over the first half), as it should."]


# --- is it the right place ----------------------------------------------------------------------------------------


def truth(job: Job) -> None:
    """The table of methods on drawn shapes whose place is known, and the last picture with its boxes."""
    now = job.latest
    if not now.standings:
        return
    rows = sorted(now.standings, key=lambda one: (-one.hits, -one.overlap))
    table, example = st.columns([5, 2])
    table.table(
        [
            {
                "Map": title(one.method),
                "Points at the shape": f"{one.hits} of {one.pictures}",
                "Box overlap (IoU), mean ± spread": f"{one.overlap:.2f} ± {one.spread:.2f}",
            }
            for one in rows
        ]
    )
    first = title(now.standings[0].method)
    example.image(
        now.example,
        caption=f"The last picture: {first} for {now.shape}. Thin lines: the true box; thick lines: the box "
        f"around the largest connected piece that the map marks; overlap {now.overlap:.2f}.",
        alt=f"A drawn {now.shape} under its heat map, with two boxes that overlap by {now.overlap:.0%}",
        output_format="PNG",
        width="stretch",
    )


def truth_verdict(job: Job | None) -> list[str]:
    """Who is ahead, and by how much of chance."""
    if job is None or job.latest is None or not job.latest.standings:
        return ["One of the shapes in each picture is explained; its place is known to the pixel."]
    rows = job.latest.standings
    known = [one for one in rows if one.method not in (trust.RANDOM, trust.CENTRE)]
    chance = max((one for one in rows if one not in known), key=lambda one: one.hits)
    best = max(known, key=lambda one: (one.hits, one.overlap))
    worse = [title(one.method) for one in known if one.hits <= chance.hits]
    blind = "a random map" if chance.method == trust.RANDOM else "the middle of the picture"
    said = [
        f"{title(best.method)} points at the explained shape in {best.hits} of {best.pictures} pictures; {blind}, "
        f"which knows nothing, in {chance.hits}.",
        f"Its box overlaps the true one by {best.overlap:.2f} (IoU) on average; 0.5 is often called found.",
    ]
    if worse:
        said.append(f"No better than {blind}: {', '.join(worse)}.")
    return said


# --- to take home -------------------------------------------------------------------------------------------------


def files(test: str, job: Job | None) -> dict[str, Callable[[], bytes]]:
    """The pictures of a test, by name."""
    now = job.latest if job is not None and job.ended else None
    found: dict[str, bytes] = {}
    if isinstance(now, trust.Comparison):
        found = {f"{one.method}.png": one.picture for one in now.trials if one.picture}
    elif isinstance(now, trust.Cascade):
        found = {f"shuffled_{one.shuffled}.png": one.picture for one in now.stages}
    elif now is not None and now.standings:
        found = {"last_picture.png": now.example}
    return {name: functools.partial(bytes, data) for name, data in found.items()}


def drawings(options: Mapping[str, Any], side: int) -> bytes:
    """The league's pictures and their truth, for the program that reads them."""
    drawn = trust.drawings(
        options["pictures"], side=side, shapes_per_picture=options["shapes_per_picture"], seed=options["seed"]
    )
    file = io.BytesIO()
    np.savez_compressed(
        file, images=drawn.images, labels=drawn.labels[:, 0], boxes=drawn.boxes[:, 0], masks=drawn.masks[:, 0]
    )
    return file.getvalue()
