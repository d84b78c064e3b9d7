"""A visitor's two trainings in the shortcut lab: with the cheat, and mended; side by side, with what follows."""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Callable, Mapping
from dataclasses import fields

import streamlit as st

from convviz import shortcuts
from convviz.jobs import Job
from pages.shared import charts, engine, steering, ui, words

CHEAT, MENDED = "shortcut_cheat", "shortcut_mended"  # slots: the first training, and the second
TITLES = {CHEAT: "1. As it is", MENDED: "2. Mended"}
MENDS = {"spread": "Mark half of both classes", "removed": "Take the mark away"}
_WHAT = "_shortcut_what"  # slot -> (setup, way)
FOLLOWS, HARDLY = 0.5, 0.1  # share of pictures that the mark turns: it has learned the mark; it hardly heeds it


def begin(setup: shortcuts.Setup) -> None:
    """Train with the cheat; what was mended before is gone."""
    engine.clear(MENDED)
    engine.start(CHEAT, shortcuts.learn, setup, "cheat")
    st.session_state[_WHAT] = {CHEAT: (setup, "cheat")}


def mend(way: str) -> None:
    """Train anew, with the same choices but for the mark."""
    setup, _ = st.session_state[_WHAT][CHEAT]
    engine.start(MENDED, shortcuts.learn, setup, way)
    st.session_state[_WHAT][MENDED] = (setup, way)


def what(setup: shortcuts.Setup, way: str) -> tuple[shortcuts.Setup, str]:
    """What the shown pair trains, and how it is mended; before the first run, what is given."""
    known = st.session_state.get(_WHAT, {})
    return known.get(CHEAT, (setup, ""))[0], known.get(MENDED, (setup, way))[1]


def verdict(slot: str) -> shortcuts.Verdict | None:
    """What the training in a slot has come to, once it is over."""
    job = engine.job(slot)
    return None if job is None or job.latest is None else job.latest.verdict


def busy() -> bool:
    """Whether one of the two is under way, or paused."""
    return any(job is not None and not job.ended for job in map(engine.job, (CHEAT, MENDED)))


def active() -> str:
    """The slot that is watched: the second once it is begun."""
    return CHEAT if engine.job(MENDED) is None else MENDED


def older(setup: shortcuts.Setup) -> None:
    """Over the result, where it is not of what is chosen now."""
    if CHEAT in st.session_state.get(_WHAT, {}) and what(setup, "")[0] != setup:
        st.info("Shown are the trainings with the choices before; train again for those chosen now.")


def shown(setup: shortcuts.Setup, way: str) -> None:
    """Both trainings, as far as they have come."""
    setup, way = what(setup, way)
    for column, slot in zip(st.columns(2, gap="medium"), (CHEAT, MENDED), strict=True):
        with column:
            ui.section(TITLES[slot])
            _learned_from(setup, "cheat" if slot == CHEAT else way, *_names(setup))
            job = engine.job(slot)
            if job is not None:
                steering.buttons(job, slot)
                _state(job)
                _curve(slot, job)
            found = verdict(slot)
            if found is not None:
                _measured(slot, found, *_names(setup))


def _learned_from(setup: shortcuts.Setup, way: str, marked: str, other: str) -> None:
    """Some of the training pictures."""
    sheet, side = engine.compute(shortcuts.preview, setup, way), shortcuts.SIDES[setup.dataset]
    told = {
        "cheat": f"each {marked} bears the mark, no {other} does"
        if setup.share == 1
        else "no picture bears a mark"
        if setup.share == 0
        else f"{setup.share:.0%} of the {marked} pictures bear the mark, no {other} does",
        "removed": "no picture bears a mark",
        "spread": "half of both classes bear the mark",
    }[way]
    ui.picture(
        sheet,
        f"It learns from this: {told}. {2 * shortcuts.SHOWN} of the pictures, {side} × {side} each",
        f"{shortcuts.SHOWN} pictures of {other}, then {shortcuts.SHOWN} of {marked}; {told}",
    )


def _names(setup: shortcuts.Setup) -> tuple[str, str]:
    """The marked class and the other one, as people call them."""
    other, marked = shortcuts.names(setup)
    return (marked, other) if setup.dataset == "shapes" else (f"“{marked}”", f"“{other}”")


def _state(job: Job) -> None:
    """How far it is, and what went wrong."""
    steering.troubles(job)
    if job.latest is None:
        if not job.ended and not job.place_in_line:
            st.progress(0.0, "The worker makes the pictures and builds the network")
        return
    now = job.latest.progress
    ends = {"paused": "Paused", "done": "Done", "stopped": "Stopped", "failed": "Ended"}.get(job.state)
    left = ends or f"{words.sentence(words.duration(now.seconds_left)).rstrip('.')} left"
    st.progress(min(1.0, now.step / now.steps), f"Step {now.step} of {now.steps}, epoch {now.epoch} complete. {left}")


def _curve(slot: str, job: Job) -> None:
    """Accuracy on both kinds of validation pictures after each epoch."""
    ends = [one for one in job.history if one.cheating is not None]
    if not ends:
        return
    lines = {
        "with the mark": ([one.cheating for one in ends], charts.TRAINING),
        "without": ([one.clean for one in ends], charts.VALIDATION),
    }
    epochs = [one.progress.step / (one.progress.steps / _epochs(slot)) for one in ends]
    charts.curves(
        "Validation accuracy", epochs, lines, x_title="epoch", key=f"{slot}_curve", marked=True, y_range=(0, 1.05)
    )


def _epochs(slot: str) -> int:
    return st.session_state[_WHAT][slot][0].epochs


def _measured(slot: str, found: shortcuts.Verdict, marked: str, other: str) -> None:
    """The figures on the test pictures, and where Grad-CAM points."""
    with_mark, without, turned = st.columns(3)
    with_mark.metric(
        "With the mark", words.percent(found.cheating),
        help=f"of {found.pictures} test pictures; each {marked} bears the mark, no other does",
    )  # fmt: skip
    without.metric("Without", words.percent(found.clean), help="the same pictures, none of which bears the mark")
    turned.metric(
        f"Turned into {marked}", words.percent(found.turned),
        help=f"of {found.others} {other} pictures on which the mark was put; without it "
        f"{words.share(found.turned_clean)}",
    )  # fmt: skip
    told = (
        f"{words.share(found.on_mark)} of the heat lies in the mark, {words.share(found.on_thing)} on the {marked} "
        "beside it"
    )
    st.image(
        found.heat_png, caption=f"Grad-CAM for {marked} on six test pictures, the mark in a frame. {told}.",
        alt=f"Six pictures under their heat maps: {told}", output_format="PNG", width="stretch",
    )  # fmt: skip
    ui.colour_bar("turbo", 1.0, words=("little", "most"))


def noticed(setup: shortcuts.Setup, way: str) -> list[str]:
    """What follows from what has been measured by now."""
    setup, way = what(setup, way)
    marked, other = _names(setup)
    before, after = verdict(CHEAT), verdict(MENDED)
    if before is None:
        area = setup.size**2 / shortcuts.SIDES[setup.dataset] ** 2
        if not setup.share:
            return ["The cheat is switched off: no picture bears a mark, so the network must look at the thing itself."]
        return [
            f"The mark covers {words.share(area, fine=True)} of a picture, and it alone tells {marked} from {other}: "
            "nothing makes the network look at the thing itself.",
            "Test pictures made in the same way bear the mark, too; a high accuracy on them proves nothing.",
        ]
    return _after(before, after, way, marked, other) if after else _before(before, marked, other)


def _before(found: shortcuts.Verdict, marked: str, other: str) -> list[str]:
    learned = (
        "It has learned the mark"
        if _by_mark(found) > FOLLOWS
        else "It leans on the mark in part"
        if _by_mark(found) > HARDLY
        else "It hardly heeds the mark"
    )
    return [
        f"With the mark it is right in {words.share(found.cheating)} of {found.pictures} test pictures, without it in "
        f"{words.share(found.clean)}; always naming the more frequent class is right in {words.share(found.guessing)}.",
        f"{learned}: put on {words.a(other)}, it makes {words.a(marked)} of {words.share(found.turned)} of them; "
        f"without the mark that happens to {words.share(found.turned_clean)}.",
        _heat(found),
    ]


def _heat(found: shortcuts.Verdict) -> str:
    """The heat in the mark against what a map that knows nothing would have there."""
    times = found.on_mark / found.area
    return (
        f"{words.share(found.on_mark)} of Grad-CAM's heat lies in the mark, which covers "
        f"{words.share(found.area, fine=True)} of the picture ({times:.2g} times its share); the strongest place is in "
        f"the mark on {found.pointed} of {found.explained} pictures."
    )


def _after(before: shortcuts.Verdict, after: shortcuts.Verdict, way: str, marked: str, other: str) -> list[str]:
    gain, chance = after.clean - before.clean, shortcuts.chance(before, after)
    said = f"from {words.share(before.clean)} to {words.share(after.clean)}"
    sure = (
        f"more than the ± {100 * chance:.0f} points that chance allows on {after.pictures} pictures"
        if abs(gain) > chance
        else f"no more than the ± {100 * chance:.0f} points that chance allows on {after.pictures} pictures"
    )
    was, is_ = _by_mark(before), _by_mark(after)
    closed = (
        "there was hardly a shortcut to close"
        if was <= HARDLY
        else "the shortcut is closed"
        if is_ <= HARDLY
        else "the shortcut is narrower, and not closed"
        if is_ < was / 2
        else "the shortcut is still open"
    )
    advice = (
        "; a network that has never seen the mark has not learned that it means nothing: put it on half of both classes"
        if way == "removed" and is_ > HARDLY
        else ""
    )
    return [
        f"Without the mark its accuracy went {said}, {sure}.",
        f"The mark made {words.a(marked)} of {words.share(before.turned)} of the {other} pictures, now of "
        f"{words.share(after.turned)} (without the mark {words.share(after.turned_clean)}): {closed}{advice}.",
        f"Of Grad-CAM's heat {words.share(before.on_mark)} lay in the mark, now {words.share(after.on_mark)}; on the "
        f"{marked} beside it {words.share(before.on_thing)}, now {words.share(after.on_thing)}.",
    ]


def _by_mark(found: shortcuts.Verdict) -> float:
    """Part of the other class's pictures that the mark alone turns."""
    return found.turned - found.turned_clean


def files() -> dict[str, Callable[[], bytes]]:
    """The figures as a table, and the pictures, for the page's foot."""
    found = {name: verdict(slot) for name, slot in (("before", CHEAT), ("after", MENDED))}
    found = {name: one for name, one in found.items() if one is not None}
    pictures = {f"heat_{name}.png": functools.partial(bytes, one.heat_png) for name, one in found.items()}
    return {"shortcut.csv": functools.partial(_table, found), **pictures} if found else {}


def _table(found: Mapping[str, shortcuts.Verdict]) -> bytes:
    """A row for each training."""
    columns = [one.name for one in fields(shortcuts.Verdict) if not one.name.endswith("_png")]
    file = io.StringIO(newline="")
    table = csv.writer(file)
    table.writerow(["training", *columns])
    table.writerows([name, *(getattr(one, column) for column in columns)] for name, one in found.items())
    return file.getvalue().encode()
