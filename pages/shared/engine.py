"""The one engine of this server, and the visitor on whose behalf a page asks it."""

from __future__ import annotations

import functools
import hashlib
import threading
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from convviz import zoo
from convviz.jobs import Engine, Job, Status

GRACE = 15.0  # seconds that a visitor's work outlives a lost connection
START_AFTER = 3.0  # seconds after the first page: starting with it would delay it
PRIVATE = ("run", "upload")  # kinds of networks that belong to one visitor

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


def _array_digest(array: np.ndarray) -> tuple:
    """All of an array, where Streamlit would sample a large one."""
    digest = hashlib.blake2b(np.ascontiguousarray(array), digest_size=16).hexdigest()
    return array.shape, array.dtype.str, digest


def compute(function: Callable, *arguments: Any, timeout: float | None = None, **options: Any) -> Any:
    """What a `convviz` function returns when a worker runs it; remembered, so that a rerun asks no worker.

    Args:
        function: a public function of `convviz`; references among the arguments arrive as networks.
        arguments: picklable.
        timeout: seconds.
        options: keyword arguments.

    Raises:
        ConvvizError: as `Engine.call`.
    """
    private = any(isinstance(one, zoo.Reference) and one.kind in PRIVATE for one in arguments)
    name = f"{function.__module__}.{function.__qualname__}"
    return _remembered(name, function, arguments, options, owner() if private else None, timeout)


@st.cache_data(
    max_entries=300,
    show_spinner=False,
    hash_funcs={np.ndarray: _array_digest, "convviz.zoo.cards.Reference": repr},
)
def _remembered(name: str, _function: Callable, arguments: tuple, options: dict, whose: str | None, _timeout: Any) -> Any:
    return engine().call(_function, *arguments, owner=whose, timeout=_timeout, **options)


def start(function: Callable, *arguments: Any, **options: Any) -> Job:
    """Start a job for this visitor."""
    return engine().start(function, *arguments, owner=owner(), **options)
