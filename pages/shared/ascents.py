"""A visitor's patterns as they are drawn: pictures, curve, one pattern large with its steps, and a way to stop."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import streamlit as st

from convviz import patterns, rendering, sketches, zoo
from convviz.jobs import Job
from convviz.sketches import Sketch
from pages.shared import charts, engine, top_pictures, ui, words
from pages.shared.pattern_choices import Wanted

SLOT = "patterns"
LARGE = 288  # pixels that one pattern is enlarged to, at least
_WANTED = "_patterns_wanted"


def draw(wanted: Wanted, *, again: bool) -> None:
    """Begin an ascent if another one is wanted than the one that runs or has ended."""
    if again or st.session_state.get(_WANTED) != wanted.mark or engine.job(SLOT) is None:
        engine.start(
            SLOT, sketches.draw, wanted.network, wanted.layer, wanted.filters, columns=wanted.columns, **wanted.options
        )
        st.session_state[_WANTED] = wanted.mark


def shown(wanted: Wanted) -> None:
    """What the ascent has reached, and a way to stop."""
    job = engine.job(SLOT)
    if job is None or st.session_state.get(_WANTED) != wanted.mark:
        return
    if job.state == "failed":
        ui.error(job.error)
    now: Sketch | None = engine.soon(job)
    if line := engine.line(job):
        st.info(line)
    if now is None:
        if not job.ended:
            st.progress(0.0, "The worker prepares the network up to this layer")
        return
    _state(job, now, wanted)
    for column, recipe in zip(st.columns(len(wanted.recipes)), now.pictures, strict=False):
        with column:
            _sheet(job, now, recipe, wanted)
    for sentence in _troubles(now, wanted):
        st.warning(sentence)
    _large(job, now, wanted)


def title(recipe: str, wanted: Wanted) -> str:
    """A recipe's name, with what is particular about its steps."""
    equal = wanted.choices.get("steps", patterns.LECTURE_STEPS)
    how = f"{equal} equal steps" if recipe == "lecture" else "ever shorter steps"
    if recipe == "fast" and wanted.picture_starts:
        how = f"at {words.count(wanted.choices['octaves'], 'size')}, from small to large"
    return f"{patterns.ABOUT_RECIPES[recipe].title}: {how}"


def _state(job: Job, now: Sketch, wanted: Wanted) -> None:
    """How far it is, and the button."""
    state, stop = st.columns([4, 1], vertical_alignment="bottom")
    ended = " Stopped." if job.state == "stopped" else ""
    state.progress(
        min(1.0, now.step / now.steps), f"{title(now.recipe, wanted)}, step {now.step} of {now.steps}.{ended}"
    )
    stop.button(
        "Stop", icon=":material/stop:", on_click=job.stop, disabled=job.ended, key="stop_patterns", width="stretch"
    )


def _sheet(job: Job, now: Sketch, recipe: str, wanted: Wanted) -> None:
    """All patterns by one recipe, and how they rose."""
    part = [one for one in job.history if one.recipe == recipe]
    last = part[-1]
    ui.section(title(recipe, wanted))
    mean = _mean(last.activations, last.lost)
    size = " × ".join(map(str, last.size)) + (" each" if len(last.activations) > 1 else "")
    seen = f"; in 8 bits, as shown here, {words.number(_mean(last.shown, last.lost))}" if last.shown else ""
    count = len(last.activations) - len(last.lost)
    of_all = f", mean of the {count}{' that have one' if last.lost else ''}," if count > 1 else ""
    climbed = f"{words.sentence(wanted.what)[:-1]}{of_all} {words.number(mean)}{seen}"
    risen = f"{wanted.what} {words.number(_mean(part[0].activations, part[0].lost))} at first, now {words.number(mean)}"
    if not count:
        climbed = risen = "No pattern, for each gradient is NaN or infinite"
    st.image(
        ui.inline(now.pictures[recipe]),
        caption=f"{_named(wanted)}: {size}. {climbed}",
        alt=f"{words.count(len(last.activations), 'pattern')} after {last.step} of {last.steps} steps, {risen}",
        output_format="PNG",
        width="stretch",
    )
    line = {wanted.what: (_drawn(_mean(one.activations, one.lost) for one in part), charts.TRAINING)}
    charts.curves(
        "How it rises", [one.step for one in part], line, x_title="step", y_title=wanted.what, key=f"ascent_{recipe}"
    )


def _named(wanted: Wanted) -> str:
    """What stands on the sheet, short."""
    if wanted.objective in ("channel", "unit", "negative") and wanted.view == "chosen":
        several = len(set(wanted.filters)) > 1
        return f"Filter{'s' if several else ''} {', '.join(map(str, dict.fromkeys(wanted.filters)))}"
    if wanted.objective == "mixed":
        return f"From filter {wanted.filters[0]} to filter {wanted.filters[1]}"
    return words.safe(", ".join(wanted.named), 200)


def _troubles(now: Sketch, wanted: Wanted) -> list[str]:
    """Which patterns there are not, and why."""
    said = []
    if now.lost:
        named = ", ".join(words.safe(wanted.named[place]) for place in now.lost)
        cause = words.safe(words.sentence(engine.compute(zoo.no_number, wanted.network)), 400)
        said.append(f"{named}: the gradient is NaN or infinite, so there is no pattern. {cause}")
    dead = [place for place in now.dead if place not in now.lost]
    if dead:
        named = ", ".join(words.safe(wanted.named[place]) for place in dead)
        way = (
            "Nothing changes what is climbed, before the ReLU either: dead."
            if wanted.revive or wanted.choices.get("before") or wanted.objective in ("negative", "class")
            else "The gradient at this noise is zero: dead here. The numbers before the ReLU may have a slope, and "
            "can be climbed: see More."
        )
        seen = "the picture stays as it is" if wanted.picture_starts else "no pattern, so the tile is plain grey"
        said.append(f"{named}: {seen}. {way}")
    still = [place for place in now.silent if place not in now.dead and now.activations[place] == 0 and now.shown]
    if still:
        named = ", ".join(words.safe(wanted.named[place]) for place in still)
        said.append(
            f"{named}: still silent at the end, activation 0. What is drawn climbs the numbers before the ReLU."
        )
    return said


def _large(job: Job, now: Sketch, wanted: Wanted) -> None:
    """One pattern: large, with its numbers, and from its first step to its last."""
    recipe = list(now.pictures)[-1]
    part = [one for one in job.history if one.recipe == recipe]
    if len(wanted.named) > 1:
        ui.section("One pattern, large")
        _one(now.pictures[recipe], part, recipe, wanted)
    kept = [one for one in part if one.small]
    if kept:
        name = words.safe(wanted.named[wanted.large])
        told = f"{name} after {', '.join(str(one.step) for one in kept)} of {part[-1].steps} steps"
        reduced = words.shape(_strip(kept[:1], wanted.large))
        ui.picture(_strip(kept, wanted.large), f"{told}, {reduced} each", told, at_least=LARGE, moving=True)


def _one(drawn: bytes, part: list[Sketch], recipe: str, wanted: Wanted) -> None:
    """One pattern with its numbers and its curve."""
    place, last = wanted.large, part[-1]
    large = sketches.cut(drawn, place, last.size, last.columns)
    left, right = st.columns([2, 3])
    name = words.safe(wanted.named[place])
    said = f"{words.sentence(wanted.what)[:-1]} {words.number(last.activations[place])}"
    seen = f"; as shown, clipped and in 8 bits, {words.number(last.shown[place])}" if last.shown else ""
    if place in last.lost:
        said, seen = "No pattern, for the gradient is NaN or infinite", ""
    with left:
        ui.picture(
            large, f"{name}, {words.shape(large)}, {title(recipe, wanted)}. {said}{seen}",
            f"Pattern of {wanted.named[place]}: {said}", at_least=LARGE, moving=True,
        )  # fmt: skip
    if place in last.lost:
        return
    with right:
        line = {wanted.what: (_drawn(step.activations[place] for step in part), charts.TRAINING)}
        charts.curves(
            name, [step.step for step in part], line, x_title="step", y_title=wanted.what, key="ascent_of_one"
        )


def beside(wanted: Wanted) -> None:
    """The pictures of a data set that the large pattern's filter answers to, searched once the pattern is there."""
    job = engine.job(SLOT)
    if not wanted.data[0] or job is None or not job.ended or job.latest is None:
        return
    name, count = wanted.data
    filters = tuple(dict.fromkeys(wanted.filters))
    top_pictures.begin((wanted.network, name, wanted.layer, filters), count=count, most=6)
    of_large = wanted.large if wanted.objective != "mixed" else round(wanted.large / (len(wanted.named) - 1))
    channel = wanted.filters[of_large]
    ui.section(f"{top_pictures.TITLES[name]} that filter {channel} answers to most")
    top_pictures.live(lambda found: top_pictures.row(found, channel, f"filter {channel}", key="pattern"))


def _strip(kept: list[Sketch], place: int) -> Any:
    """One pattern at several steps, side by side."""
    return sketches.sheet([sketches.cut(one.small, place, one.small_size, one.columns) for one in kept], columns=6)


def files(wanted: Wanted) -> dict[str, Callable[[], bytes]]:
    """The pictures that are drawn by now and a strip of their steps, for the page's foot."""
    job = engine.job(SLOT)
    if job is None or not job.ended or job.latest is None or st.session_state.get(_WANTED) != wanted.mark:
        return {}
    found = {f"patterns_{name}.png": functools.partial(bytes, png) for name, png in job.latest.pictures.items()}
    kept = [one for one in job.history if one.recipe == job.latest.recipe and one.small]
    if kept:
        found["steps.png"] = functools.partial(_steps, kept)
    return found


def _steps(kept: list[Sketch]) -> bytes:
    """All patterns at several steps: a row for each pattern."""
    count = len(kept[0].activations)
    tiles = [sketches.cut(one.small, place, one.small_size, one.columns) for place in range(count) for one in kept]
    return rendering.png(sketches.sheet(tiles, columns=len(kept)))


def noticed(wanted: Wanted) -> list[str]:
    """What to notice about the patterns that are shown."""
    job = engine.job(SLOT)
    history = job.history if job is not None and st.session_state.get(_WANTED) == wanted.mark else []
    stopped = [_stopped(history[-1])] if history and job.state == "stopped" else []
    if len(history) < 2:
        return ["Each picture is changed step by step, so that what is climbed becomes more and more.", *stopped]
    parts = {name: [one for one in history if one.recipe == name] for name in wanted.recipes}
    parts = {name: part for name, part in parts.items() if part}
    said = [_grown(list(parts.values())[-1], wanted.what), *stopped]
    ends = {name: part[-1] for name, part in parts.items() if math.isfinite(_mean(part[-1].shown, part[-1].lost))}
    if len(ends) == 2:
        names = {name: about.title for name, about in patterns.ABOUT_RECIPES.items()}
        reached = " and ".join(
            f"{words.number(_mean(one.shown, one.lost))} in {words.count(one.step, 'step')} ({names[name]})"
            for name, one in ends.items()
        )
        said.append(f"As shown, at the same contrast and in 8 bits, the pictures reach {reached}.")
    elif ends:
        (last,) = ends.values()
        how = "clipped" if wanted.picture_starts else "at a contrast of a tenth"
        said.append(
            f"As shown, {how} and in 8 bits, {'the picture has' if len(last.shown) == 1 else 'the pictures have'} "
            f"{words.number(_mean(last.shown, last.lost))}, where the numbers that were climbed give "
            f"{words.number(_mean(last.activations, last.lost))}."
        )
    sizes = wanted.choices.get("octaves", 1) if wanted.recipes[0] == "fast" else 1
    if wanted.picture_starts and sizes > 1:
        said.append(f"The picture is climbed at {sizes} sizes; where it grows its new details are still to come.")
    said.append(
        "What the layer answers to a little is drawn into the picture until it is there."
        if wanted.picture_starts
        else "A pattern here shows what the filter answers to least; for most filters it is not the opposite of what "
        "they answer to most."
        if wanted.objective == "negative"
        else "A pattern shows what is answered to most, not what is met in photographs; a later layer's are larger."
    )
    return said


def _stopped(last: Sketch) -> str:
    """Where it was stopped, and that the program was not."""
    recipe = patterns.ABOUT_RECIPES[last.recipe].title
    return f"{recipe} was stopped at step {last.step} of {last.steps}; the program under Code goes to the end."


def _grown(part: list[Sketch], what: str) -> str:
    """How what is climbed has changed."""
    first, last = _mean(part[0].activations, part[0].lost), _mean(part[-1].activations, part[-1].lost)
    if not math.isfinite(last):
        return "Nothing was climbed, for each gradient is NaN or infinite."
    begun = f"In {words.count(part[-1].step, 'step')} the {what}"
    if last > first > 0 and last / first < 100:
        return f"{begun} has grown {last / first:.3g} times, to {words.number(last)}."
    if last == first:
        return f"{begun} has not changed: it is {words.number(last)}."
    return f"{begun} has {'grown' if last > first else 'fallen'} from {words.number(first)} to {words.number(last)}."


def _drawn(numbers: Iterable[float]) -> list[float | None]:
    """None, which is not drawn, for what is NaN or infinite."""
    return [one if math.isfinite(one) else None for one in numbers]


def _mean(numbers: Sequence[float], lost: Collection[int]) -> float:
    """The mean of what is climbed, without those that are lost or are no numbers; NaN where none is left."""
    sound = [one for place, one in enumerate(numbers) if place not in lost and math.isfinite(one)]
    return sum(sound) / len(sound) if sound else math.nan
