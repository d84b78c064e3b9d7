"""What every watched job has beside its result: Pause, Continue and Stop training, and what went wrong meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st

from convviz.jobs import Job
from pages.shared import engine, ui, words

_PAUSING = "_pausing"  # numbers of the jobs that are asked to pause and have not yet done so
_ASKED = "_asked_to_pause"  # when a job was asked to pause last, by the monotonic clock
_DOUBLE_CLICK = 0.4  # seconds in which a second click on Pause is not yet one on Continue
_STOPPING = "_stopping"  # the same of those that are asked to stop


def buttons(job: Job, key: str) -> None:
    """Pause or Continue, and Stop training; nothing when it is over."""
    if job.ended:
        return
    pause, stop = st.columns(2)
    with pause:
        pause_button(job, f"{key}_pause", width="stretch")
    with stop:
        stop_button(job, f"{key}_stop", width="stretch")


def pause_button(
    job: Job, key: str, *, pause: Callable[[Job], None] | None = None, help: str = "After the step in work.",
    width: str = "content",
) -> None:  # fmt: skip
    """Pause, or Continue while it is paused: one button, so that no other moves under a pointer on its way.

    pause: what the click does, if it is more than `Job.pause`. help: why it does not pause at once.
    """
    paused, asked = job.state == "paused", is_pausing(job)
    st.button(
        "Continue" if paused else "Pausing" if asked else "Pause",
        icon=":material/play_arrow:" if paused else ":material/pause:",
        on_click=_go_on if paused else pause or _pause, args=(job,), key=key, width=width,
        disabled=job.ended or is_stopping(job) or asked, help=help if asked else None,
    )  # fmt: skip


def stop_button(job: Job, key: str, width: str = "content") -> None:
    """Stop training; from the click until it stands it says so."""
    stopping = is_stopping(job)
    st.button(
        "Stopping" if stopping else "Stop training", icon=":material/stop:", on_click=_stop, args=(job,),
        disabled=job.ended or stopping, key=key, width=width,
        help="After the step in work and a look at the pictures it does not learn from." if stopping else None,
    )  # fmt: skip


def _stop(job: Job) -> None:
    job.stop()
    asked_to_pause(job, False)
    st.session_state.setdefault(_STOPPING, set()).add(job.number)


def is_stopping(job: Job) -> bool:
    """Whether a job was asked to stop and has not yet done so."""
    if job.ended:
        st.session_state.get(_STOPPING, set()).discard(job.number)
    return job.number in st.session_state.get(_STOPPING, ())


def _pause(job: Job) -> None:
    job.pause()
    asked_to_pause(job)


def _go_on(job: Job) -> None:
    """Continue, unless this is the second half of the double click that paused it."""
    if time.monotonic() - st.session_state.get(_ASKED, 0.0) > _DOUBLE_CLICK:
        job.resume()


def asked_to_pause(job: Job, asked: bool = True) -> None:
    """Remember that a job was asked to pause, or that it shall go on after all."""
    numbers = st.session_state.setdefault(_PAUSING, set())
    (numbers.add if asked else numbers.discard)(job.number)
    if asked:
        st.session_state[_ASKED] = time.monotonic()


def is_pausing(job: Job) -> bool:
    """Whether a job was asked to pause and has not yet done so."""
    if job.ended or job.state == "paused":
        asked_to_pause(job, False)
    return job.number in st.session_state.get(_PAUSING, ())


def troubles(job: Job) -> None:
    """Why it failed, its place in line, and a worker that was lost."""
    if job.state == "failed":
        ui.error(job.error)
    if line := engine.line(job):
        st.info(line)
    if job.note:
        st.info(words.sentence(job.note))
