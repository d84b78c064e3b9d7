"""The one engine of this server, and the visitor on whose behalf a page asks it."""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitDuplicateElementKey

from convviz import ConvvizError, datasets, zoo
from convviz.jobs import Engine, Job, Status, StoppedError
from pages.shared import choices, memory, ui, words

log = logging.getLogger(__name__)

GRACE = 15.0  # seconds that a visitor's work outlives a lost connection
START_AFTER = 3.0  # seconds after the first page: starting with it would delay it
PRIVATE = ("run", "upload")  # kinds of networks and data sets that belong to one visitor

_engine_lock = threading.Lock()


@functools.cache
def _engine() -> Engine:
    return Engine()


def engine() -> Engine:
    """The server's engine; it begins to start a moment after it is first asked for."""
    with _engine_lock:
        one = _engine()
    one.begin(after=START_AFTER)
    return one


def close() -> None:
    """End the engine with the server."""
    if _engine.cache_info().currsize:
        _engine().close()


def status() -> Status:
    """How the engine stands."""
    return engine().status


def owner() -> str:
    """The visitor: one browser tab. What belongs to it is dropped a moment after the tab is gone."""
    if "_owner" not in st.session_state:
        st.session_state["_owner"] = uuid.uuid4().hex
    name = st.session_state["_owner"]
    _presence(name)
    engine().claim(name)
    return name


def _left(name: str) -> None:
    if _engine.cache_info().currsize:
        _engine().release(name, after=GRACE)


@st.cache_resource(scope="session", show_spinner=False, on_release=_left)
def _presence(name: str) -> str:
    """Streamlit lets go of this when the visitor's connection ends, and tells `_left`."""
    return name


def compute(function: Callable, *arguments: Any, timeout: float | None = None, **options: Any) -> Any:
    """What a `convviz` function returns when a worker runs it; remembered, so that a rerun asks no worker.

    Args:
        function: a public function of `convviz`; references among the arguments arrive as what they name.
        arguments: picklable.
        timeout: seconds.
        options: keyword arguments.

    Raises:
        ConvvizError: as `Engine.call`.
    """
    private = any(isinstance(one, (zoo.Reference, datasets.Reference)) and one.kind in PRIVATE for one in arguments)
    whose = owner() if private else None
    name = f"{function.__module__}.{function.__qualname__}"
    return memory.recalled(
        lambda: engine().call(function, *arguments, owner=whose, timeout=timeout, **options),
        name, arguments, options, whose,
    )  # fmt: skip


def start(slot: str, function: Callable, *arguments: Any, **options: Any) -> Job:
    """Start a job in one of this visitor's slots; the job that was there is ended and forgotten."""
    clear(slot)
    job = engine().start(function, *arguments, owner=owner(), **options)
    st.session_state[f"_job_{slot}"] = job
    return job


def job(slot: str) -> Job | None:
    """This visitor's job in that slot."""
    return st.session_state.get(f"_job_{slot}")


def soon(job: Job, seconds: float = 0.7) -> Any:
    """The newest record of a job, for whose first one it waits a moment: what is quick is shown at once."""
    end = time.monotonic() + seconds
    while job.latest is None and not job.ended and time.monotonic() < end:
        time.sleep(0.02)
    return job.latest


def line(job: Job) -> str:
    """In one sentence, how long a job waits for its turn; empty for one that does not wait."""
    place, wait = job.place_in_line, job.expected_wait
    about = f", {words.wait(wait)}" if wait is not None else "; how long is not known yet"
    return f"Waiting in line, place {place}{about}." if place else ""


def clear(slot: str) -> None:
    """End the job in a slot and forget it."""
    old = st.session_state.pop(f"_job_{slot}", None)
    if old is not None:
        engine().forget(old)


def live(show: Callable[[], None], slot: str, *, every: float = 0.5) -> None:
    """Draw what a job has reached, again and again while it moves.

    The whole page is drawn when the job begins or ceases to move, and when a button in the drawing has set choices or
    has ended or begun a job.
    """
    shown, moving = job(slot), _moves(slot)

    def drawn() -> None:
        if choices.wait() or job(slot) is not shown:
            st.rerun()
        begun = _moves(slot)
        with door():
            show()
        if {begun, _moves(slot)} != {moving}:  # also of what began and ended meanwhile
            st.rerun()

    st.fragment(drawn, run_every=every if moving else None)()


def _moves(slot: str) -> bool:
    one = job(slot)
    return one is not None and not one.ended and one.state != "paused"


@contextlib.contextmanager
def door(*, again: bool = False) -> Iterator[None]:
    """What a visitor can mend is said in one sentence; anything else is a bug: loud in the log, calm on the page.

    Args:
        again: offer to ask again where a worker stopped.
    """
    try:
        yield
    except ConvvizError as refusal:
        ui.error(str(refusal))
        if again and isinstance(refusal, StoppedError):
            with contextlib.suppress(StreamlitDuplicateElementKey):  # one is enough
                st.button("Try again", icon=":material/refresh:", key="try_again")
    except Exception:
        log.exception("a page failed")
        ui.error("something went wrong on our side and has been written to the log; the other pages work")
