"""What stands around every page: navigation, what travels along, the state of compute, and the door for errors."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import gc
import importlib
import inspect
import logging
import sys
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import streamlit as st
from PIL import Image
from starlette.middleware import Middleware

from convviz import ConvvizError
from pages.shared import choices, engine, gate, pickers, switching, ui, words

log = logging.getLogger(__name__)

_M_ARENA_MAX, _M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -8, -3, -1  # malloc.h
_FREEZE_EVERY = 60.0  # seconds
_LARGE = 256 * 1024  # bytes from which a piece of memory is asked of the system and given back to it alone


def navigation(contents: dict[str, list[tuple[str, str, str]]]) -> Any:
    """The page that the address names, from the table of contents."""
    sections = {
        section: [
            st.Page(
                f"pages/{file}.py",
                title=title,
                icon=f":material/{icon}:",
                url_path=file.rpartition("/")[2],
                default=file == "start/start",
            )
            for file, title, icon in pages
        ]
        for section, pages in contents.items()
    }
    return st.navigation(sections, expanded=True)


def _share_memory() -> None:
    """Let the many short-lived threads of Streamlit share two heaps; glibc gives each its own and keeps them.

    Arrays lie outside the heaps, so that they leave no holes in them; by itself glibc raises that bound to 32 MB.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            system = ctypes.CDLL(None)
            for setting, value in ((_M_ARENA_MAX, 2), (_M_MMAP_THRESHOLD, _LARGE), (_M_TRIM_THRESHOLD, _LARGE)):
                system.mallopt(setting, value)


def announce(contents: dict[str, list[tuple[str, str, str]]]) -> None:
    """Name the pages once outside a visit; Streamlit's warning that nobody is visiting is expected and not logged."""
    warned = logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context")
    warned.disabled = True
    navigation(contents)
    warned.disabled = False
    _share_memory()
    switching.keep_wishes()
    _spare_the_first_visitor()


def _spare_the_first_visitor() -> None:
    """Do now what the first page would wait for: Streamlit looks once where every module lies, Pillow for its formats.

    Half of the first page's time went into these two.
    """
    inspect.stack()  # Python remembers the modules' files; Streamlit's own question is then quick
    Image.preinit()


def show(contents: dict[str, list[tuple[str, str, str]]]) -> None:
    """Draw the frame and, in it, the page that the address names."""
    # Our icon comes before the navigation: without one the browser asks Google's server for the page's as the tab's.
    st.set_page_config(page_icon=ui.ASSETS / "favicon.png", layout="wide")
    page = navigation(contents)
    st.set_page_config(page_title=f"{page.title} · ConvViz")
    _freeze_soon()
    ui.stylesheet()
    engine.owner()
    with choices.visit(page.url_path):
        told = st.container(key="told")
        with st.sidebar:
            pickers.carried(page.url_path)
            _compute_state()
        with engine.door(again=True):
            page.run()
            choices.arrived()
        for sentence in choices.told():
            told.info(sentence, icon=":material/link_off:")


def on_error(failure: Exception) -> bool:
    """Streamlit's own door, for errors outside a page, such as in a callback."""
    log.error("a run of the app failed", exc_info=failure)
    ui.error(str(failure) if isinstance(failure, ConvvizError) else "something went wrong on our side; reload the page")
    return True


@contextlib.asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """The server's life: the engine ends with it."""
    try:
        yield
    finally:
        engine.close()


SERVER = {"lifespan": lifespan, "on_script_error": on_error, "middleware": [Middleware(gate.Gate)]}


def _compute_state() -> None:
    """In words, what computes and whether it is free."""
    every = 1.5 if engine.status().phase in ("idle", "starting", "restarting") else 5.0
    st.fragment(_state_line, run_every=every)()


def _state_line() -> None:
    st.caption(f":material/memory: {words.compute_state(engine.status())}")


@functools.cache
def _freeze_soon() -> None:
    """When all is loaded, and every minute: take what is there out of the collections that Streamlit makes twice a run.

    They would walk through all that every visitor's page consists of. What was garbage by then goes at the next turn.
    """
    threading.Thread(target=_freeze, daemon=True, name="freeze").start()


def _freeze() -> None:
    time.sleep(2 * engine.START_AFTER)
    for heavy in ("pandas", "plotly.graph_objects"):
        importlib.import_module(heavy)
    while True:
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        _give_back()
        time.sleep(_FREEZE_EVERY)


def _give_back() -> None:
    """Give memory that nobody uses back to the system; glibc keeps it for later."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
