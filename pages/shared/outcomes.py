"""How good a trained network is: what it takes for what, where it is surely wrong, and what it says to a picture."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from convviz import ConvvizError, attribution, evaluation, images, rendering, sketches, training, zoo
from convviz.jobs import Job
from pages.shared import charts, choices, engine, memory, pickers, ui, words

PARTS = {"test": "Test pictures", "validation": "Validation pictures", "train": "Training pictures"}
_MISTAKES = 12  # that are shown
_SIDE = 72  # pixels of a picture in a sheet, at least
SLOT = "report"
_WANTED = "_report_wanted"  # digest of what the job in the slot asks
_QUICK = 0.7  # seconds that are waited without a word


@engine.door(again=True)
def afterwards(reference: zoo.Reference | None, job: Job, dataset: Any, source: str) -> None:
    """All that is asked of a network when its training is over; of one that was not kept, why there is nothing."""
    if reference is None:
        st.info(_nothing_yet(job))
        return
    if told := _earlier(job):
        st.info(told)
    part = choices.segments("Pictures", list(PARTS), key="part", default="test", format_func=PARTS.get)
    found = report(reference, dataset, part)
    if found is not None:
        confusion(found, dataset, part)
        mistakes(found)
        by_class(found)
    own_picture(reference, "training")
    if found is not None:
        ui.notes(noticed(found, part), source)


def _nothing_yet(job: Job) -> str:
    """Why a run has left no network to ask."""
    if not job.ended:
        return "What the network takes for what is shown here when the training is over."
    why = words.safe(words.sentence(job.error), 600) if job.error else "It was stopped early."
    kept = len(job.album.steps)
    back = f" The Time machine shows it after {words.count(kept, 'step')}." if kept > 1 else ""
    if job.snapshot is not None:
        return f"The network of this run could not be kept, so that it cannot be asked about pictures.{back}"
    return f"The run ended before its network was kept, so that it cannot be asked about pictures. {why}{back}"


def _earlier(job: Job) -> str:
    """Which network is asked, where that of the last step was not kept; or nothing."""
    step, last = training.step_of(job.snapshot), job.latest.step
    if step == last:
        return ""
    why = words.safe(words.sentence(job.error), 600) if job.error else ""
    return f"Asked is the network after step {step}, the last that was kept; the run ended after step {last}. {why}"


def report(reference: zoo.Reference, dataset: Any, part: str) -> evaluation.Report | None:
    """The network's answers to one part of the data; while it is asked, how far it is, and None."""
    what = (SLOT, engine.owner(), reference, dataset, part)
    if (kept := memory.kept(*what)) is not None:
        return kept
    job, wanted = engine.job(SLOT), memory.digest(what)
    if job is None or st.session_state.get(_WANTED) != wanted:
        job = engine.start(SLOT, evaluation.examine, reference, dataset, part=part)
        st.session_state[_WANTED] = wanted
        with contextlib.suppress(TimeoutError, ConvvizError):
            job.result(timeout=_QUICK)
    if job.state == "done":
        return memory.recalled(lambda: job.latest.report, *what)
    engine.live(lambda: _asking(job, PARTS[part].lower()), SLOT)
    return None


def _asking(job: Job, pictures: str) -> None:
    """How far the asking is, with a way to stop it."""
    if job.state == "failed":
        ui.error(job.error)
    state, button = st.columns([4, 1], vertical_alignment="bottom")
    now, line = job.latest, engine.line(job)
    told = "The worker loads the data" if now is None else f"{now.done:,} of {now.total:,} {pictures}"
    if now is not None and now.done:
        told += f", {words.share(now.right / now.done, fine=True)} of them right"
    ends = {"stopped": "Stopped", "failed": "Ended"}.get(job.state)
    ahead = f"{line} " if line else f"{ends}. " if ends else ""
    state.progress(now.done / now.total if now is not None else 0.0, ahead + told)
    if job.ended:
        button.button(
            "Ask", icon=":material/play_arrow:", on_click=engine.clear, args=(SLOT,), key="ask_again", width="stretch"
        )
    else:
        button.button("Stop", icon=":material/stop:", on_click=job.stop, key="stop_asking", width="stretch")


def confusion(found: evaluation.Report, dataset: Any, part: str) -> None:
    """The confusion matrix; a cell that is clicked, or chosen below, opens its pictures."""
    ui.section("What is taken for what")
    names = list(found.class_names)
    true, guessed = _chosen(found)
    matrix(found.matrix, names, key="confusion", chosen=(true, guessed))
    left, right = st.columns(2)
    with left:
        true = choices.select(
            "True class", list(range(len(names))), key="true", default=true, format_func=names.__getitem__
        )
    with right:
        guessed = choices.select(
            "Taken for", list(range(len(names))), key="guessed", default=guessed, format_func=names.__getitem__
        )
    count, rows = int(found.matrix[true, guessed]), found.cells.get((true, guessed), ())
    said = f"{words.safe(names[true])} taken for {words.safe(names[guessed])}"
    with st.container(height=180, border=False):
        if not rows:
            st.caption(f"No {words.safe(names[true])} is taken for {words.safe(names[guessed])}.")
            return
        pictures = engine.compute(evaluation.pictures, dataset, rows, part=part)
        _sheet(pictures, f"{said}: {count:,}" + (f", the first {len(rows)}" if count > len(rows) else ""), "cell")


def _chosen(found: evaluation.Report) -> tuple[int, int]:
    """The cell that is open: the one that was clicked, or the most frequent mistake."""
    wrong = found.matrix.copy()
    np.fill_diagonal(wrong, 0)
    true, guessed = np.unravel_index(int(wrong.argmax()), wrong.shape)
    return int(true), int(guessed)


def matrix(counts: np.ndarray, names: Sequence[str], *, key: str, chosen: tuple[int, int] | None = None) -> None:
    """A confusion matrix as a table whose cells can be chosen, by pointer or by keyboard.

    Where a cell is chosen here, the choices `true` and `guessed` follow.
    """
    import pandas as pd

    columns = _apart(names)
    frame = pd.DataFrame(counts, index=pd.Index(columns, name="true class"), columns=columns)
    strongest = max(1, int(counts.max()))
    styled = frame.style.apply(lambda _: _shades(counts, strongest), axis=None)
    select = chosen is not None
    event = st.dataframe(
        styled, key=f"{key}_table", height=39 + 35 * min(12, len(names)), width="stretch",
        **({"on_select": "rerun", "selection_mode": "single-cell"} if select else {}),
    )  # fmt: skip
    st.caption(
        "Rows: the true class; columns: what the network takes it for; the diagonal is right."
        + (" Choose a cell to see its pictures." if select else "")
    )
    cells = event.selection.cells if select else []
    if not cells:
        st.session_state.pop(f"_{key}_cell", None)
    if cells and st.session_state.get(f"_{key}_cell") != cells[0]:
        st.session_state[f"_{key}_cell"] = cells[0]
        row, column = cells[0]
        choices.set_later("true", int(row))
        choices.set_later("guessed", columns.index(column))
        st.rerun()


def _apart(names: Sequence[str]) -> list[str]:
    """Names that differ, since a table's columns must."""
    names = [words.cell(name) for name in names]
    return [name if list(names).count(name) == 1 else f"{name} ({index})" for index, name in enumerate(names)]


def _shades(counts: np.ndarray, strongest: int) -> np.ndarray:
    """Each cell's ground: teal where it is right, brown where it is wrong, stronger for more."""
    shades = np.full(counts.shape, "", dtype=object)
    for row, column in np.ndindex(*counts.shape):
        share = float(counts[row, column]) / strongest
        if share > 0:
            red, green, blue = (1, 133, 113) if row == column else (166, 97, 26)
            shades[row, column] = f"background-color: rgba({red}, {green}, {blue}, {0.12 + 0.5 * share:.2f})"
    return shades


def by_class(found: evaluation.Report) -> None:
    """Accuracy of each class."""
    ui.section("Accuracy by class")
    known = [
        (name, float(share)) for name, share in zip(found.class_names, found.recall, strict=True) if share == share
    ]
    charts.bars([name for name, _ in known], [share for _, share in known], key="by_class", what="Accuracy by class")
    missing = len(found.class_names) - len(known)
    if missing:
        st.caption(f"{words.count(missing, 'class has', 'classes have')} no pictures here.")


def mistakes(found: evaluation.Report) -> None:
    """The surest mistakes."""
    ui.section("The surest mistakes")
    if not found.mistakes:
        st.caption("There is no mistake among these pictures.")
        return
    names = found.class_names
    with st.container(horizontal=True, key="mistakes"):
        for one in found.mistakes[:_MISTAKES]:
            drawn = rendering.enlarge(_coloured(one.picture[None])[0], at_least=_SIDE)
            said = f"{words.safe(names[one.guessed])}, {one.probability:.0%}; it is {words.safe(names[one.true])}"
            st.image(
                rendering.png(drawn), caption=said, output_format="PNG", width=112,
                alt=f"Picture {one.index}: {names[one.true]}, taken for {names[one.guessed]}",
            )  # fmt: skip


def own_picture(reference: zoo.Reference, page: str) -> None:
    """What the network says to the carried picture, which may be an upload, a photograph or a drawing."""
    ui.section("Your own picture")
    left, right = st.columns([2, 3])
    with left:
        picture = pickers.picture(page)
        ui.picture(picture.array, f"{picture.caption}, {words.shape(picture.array)}", picture.alt, at_least=200)
    with right:
        top = engine.compute(attribution.top_classes, reference, picture.array)
        charts.bars([one.name for one in top], [one.probability for one in top], key=f"{page}_own")
        st.caption(
            f"Taken for {words.safe(top[0].name)}, {words.share(top[0].probability, fine=True)}. A network must name "
            "one of its classes, whatever it is shown."
        )


def noticed(found: evaluation.Report, part: str) -> list[str]:
    """How right it is, and what it mixes up most."""
    right = int(np.trace(found.matrix))
    said = [f"{right:,} of {found.count:,} {PARTS[part].lower()} are right: {words.share(found.accuracy, fine=True)}."]
    wrong = found.matrix.copy()
    np.fill_diagonal(wrong, 0)
    if wrong.any():
        true, guessed = np.unravel_index(int(wrong.argmax()), wrong.shape)
        names = found.class_names
        said.append(
            f"The most frequent mistake: {words.safe(names[true])} taken for {words.safe(names[guessed])}, "
            f"{words.count(int(wrong.max()), 'time')}."
        )
    if part == "train":
        said.append("The network has learned from these pictures; how good it is, other pictures must tell.")
    return said


def _sheet(pictures: np.ndarray, caption: str, key: str) -> None:
    """Pictures in one row."""
    coloured = _coloured(pictures)
    sheet = sketches.sheet(
        np.stack([rendering.enlarge(one, at_least=_SIDE) for one in coloured]), columns=len(pictures)
    )
    with st.container(key=f"mosaic_{key}"):
        st.image(rendering.png(sheet), caption=caption, alt=f"{len(pictures)} pictures: {caption}", output_format="PNG")


def _coloured(pictures: np.ndarray) -> np.ndarray:
    """(N, H, W, C) as uint8 (N, H', W', 3), not larger than a sheet needs."""
    return np.stack([images.with_channels(images.limit(one, 2 * _SIDE), 3) for one in pictures])


# --- the time machine ---------------------------------------------------------------------------------------------


def then_over(then: training.Moment, names: Sequence[str]) -> None:
    """What the network said to the picture then, and which places of it counted."""
    named = names[then.target]
    ui.section(f"Grad-CAM for {words.safe(named)}")
    if then.overlay is None:
        st.caption(words.sentence(then.note))
    else:
        said = words.where(then.where, words.safe(named)) + "."
        st.image(then.overlay, caption=said, alt=said, output_format="PNG", width="stretch")
        ui.colour_bar("turbo", 1.0, words=("little", "most"))
        if then.note:
            st.caption(words.sentence(then.note))
    order = np.argsort(-then.chances, kind="stable")[:5]
    charts.bars([names[one] for one in order], [float(then.chances[one]) for one in order], key="then_chances")


def then_noticed(job: Job, step: int, then: training.Moment, names: Sequence[str]) -> list[str]:
    """How good it was then, what it said, and what it was like at the beginning."""
    count = int(then.matrix.sum())
    best = int(then.chances.argmax())
    last = job.album.steps[-1]
    said = [
        f"After {words.count(step, 'step')} of {last:,} it is right on {words.share(then.accuracy, fine=True)} of "
        f"{count:,} validation pictures.",
        f"It takes the picture for {words.safe(names[best])}, {words.share(float(then.chances[best]), fine=True)}.",
    ]
    guesses = then.matrix.sum(axis=0)
    if guesses.max() > 0.8 * count:
        most = words.safe(names[int(guesses.argmax())])
        said.append(f"It takes {words.share(float(guesses.max()) / count)} of the pictures for {most}, right or not.")
    return said
