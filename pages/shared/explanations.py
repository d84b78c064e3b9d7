"""What a visitor asks an attribution method, and its answer: at once, or by a job that can be stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from convviz import attribution, zoo
from convviz.attribution import ABOUT, SLOW, Attribution
from convviz.jobs import Job
from convviz.localization import Box
from pages.shared import engine, memory, ui

SLOT = "explanation"
_WANTED = "_explanation_wanted"  # digest of what the job in the slot explains
_LAST = "_explanation_last"  # the last question whose answer was shown


@dataclass(frozen=True)
class Asked:
    """A question to one method.

    Attributes:
        network: whose answer is explained.
        pictures: uint8 (H, W, 3) each.
        method: key in ``attribution.METHODS``.
        targets: what is explained in each picture, as for ``attribution.grad_cam``.
        layer: path, or None for the default.
        signed: whether evidence against it is kept.
        classes: names of the classes by index, for people.
        titles: of the pictures.
        truths: true box of what is explained in each picture, (top, left, bottom, right), None where it is not known.
        view: how it is shown: "one" class, "two" classes on one picture, or "many" pictures.
    """

    network: zoo.Reference
    pictures: tuple[np.ndarray, ...]
    method: str
    targets: tuple[Any, ...]
    layer: str | None
    signed: bool
    classes: Mapping[int, str]
    titles: tuple[str, ...]
    truths: tuple[Box | None, ...]
    view: str

    @property
    def whose(self) -> str | None:
        """The visitor whose network it is; None for one that all visitors have."""
        return engine.owner() if self.network.kind in engine.PRIVATE else None

    @property
    def what(self) -> tuple[Any, ...]:
        """What the answer depends on."""
        return SLOT, self.whose, self.network, self.pictures, self.method, self.targets, self.layer, self.signed


@dataclass(frozen=True)
class Shown:
    """A question and its answers.

    Attributes:
        asked: the question.
        answers: one for each picture, or fewer while there are not more.
        is_older: they are those of the question before, which stay while the new ones are on their way.
        done: how much of the work they come from; below 1 the last of them is what its map was so far.
    """

    asked: Asked
    answers: tuple[Attribution, ...]
    is_older: bool = False
    done: float = 1.0

    @property
    def is_final(self) -> bool:
        """Whether this is what was asked for, from beginning to end."""
        return not self.is_older and self.done == 1

    def name(self, place: int) -> str:
        """What is explained in a picture, also in one whose turn has not come."""
        target = self.asked.targets[place]
        index = target[1] if isinstance(target, tuple) else target
        return self.asked.classes.get(index, f"class {index}")


def answer(asked: Asked, draw: Callable[[Shown], None]) -> Shown | None:
    """The answers, drawn; of a slow method as they grow, below how far it is, and what there was when it was stopped.

    Args:
        asked: the question.
        draw: draws answers.

    Returns:
        What is shown; the answers to the question before while a slow method is at work, None where there are none.
    """
    options = {"targets": asked.targets, "layer": asked.layer, "signed": asked.signed}
    arguments = (asked.network, asked.pictures, asked.method)
    if asked.method in SLOW:
        answers = _by_job(asked, arguments, options)
    else:
        engine.clear(SLOT)
        with st.spinner("Explaining"):
            answers = memory.recalled(
                lambda: engine.engine().call(attribution.explained, *arguments, owner=asked.whose, **options),
                *asked.what,
            )  # fmt: skip
    if answers is not None:
        st.session_state[_LAST] = asked
        shown = Shown(asked, answers)
        draw(shown)
        return shown
    job, older = engine.job(SLOT), _older()

    def grown() -> None:
        _progress(job, ABOUT[asked.method].title)
        now = _so_far(asked, job) or older
        if now is not None:
            draw(now)

    engine.live(grown, SLOT)
    return (_so_far(asked, job) if job.ended else None) or older


def _older() -> Shown | None:
    """The last answers that were there to the end, to another question."""
    last = st.session_state.get(_LAST)
    answers = memory.kept(*last.what) if last is not None else None
    return Shown(last, answers, is_older=True) if answers is not None else None


def _so_far(asked: Asked, job: Job) -> Shown | None:
    """What a job has found by now, or had found when it was stopped."""
    now = job.latest
    if now is None or not now.answers:
        return None
    answers = zip(now.answers, asked.pictures, strict=False)
    return Shown(
        asked, tuple(attribution.sized(one, picture.shape[:2]) for one, picture in answers), done=min(now.done, 0.99)
    )


def _by_job(asked: Asked, arguments: tuple, options: dict[str, Any]) -> tuple[Attribution, ...] | None:
    """What a job found, now or before; else None, and the job is at work, or was."""
    if (found := memory.kept(*asked.what)) is not None:
        return found
    wanted, job = memory.digest(asked.what), engine.job(SLOT)
    if st.session_state.get(_WANTED) != wanted or job is None:
        job = engine.start(SLOT, attribution.explain, *arguments, **options)
        st.session_state[_WANTED] = wanted
    return memory.recalled(lambda: job.latest.answers, *asked.what) if job.state == "done" else None


def _progress(job: Job, title: str) -> None:
    """How far a slow method is."""
    if job.state == "done":
        st.rerun()
    if job.state == "failed":
        ui.error(job.error)
    if line := engine.line(job):
        st.info(line)
    state, button = st.columns([4, 1], vertical_alignment="bottom")
    done = job.latest.done if job.latest is not None else 0.0
    if job.ended:
        kept = " What it had found by then is shown." if job.latest is not None and job.latest.answers else ""
        state.info(f"{title} was stopped at {done:.0%}.{kept}" if job.state == "stopped" else f"{title} has ended.")
        button.button(
            "Explain", icon=":material/play_arrow:", on_click=engine.clear, args=(SLOT,), key="explain_again",
            width="stretch",
        )  # fmt: skip
        return
    state.progress(done, f"{title} asks the network again and again: {done:.0%}")
    button.button("Stop", icon=":material/stop:", on_click=job.stop, key="stop_explanation", width="stretch")
