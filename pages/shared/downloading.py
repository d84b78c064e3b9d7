"""Before something is downloaded: its size, the visitor's consent, how far it is, and a way back."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from convviz.jobs import Job
from pages.shared import engine, ui


def offer(name: str, told: str, download: Callable, *, key: str, back: tuple[str, Callable[[], None]]) -> None:
    """Ask whether to download; the page waits meanwhile and ends here.

    Args:
        name: what `download` takes.
        told: what is missing, and its size, as sentences.
        download: generator function of `downloads.Fetched`.
        key: of the widgets.
        back: what can be had without a download: its title, and a function that chooses it.
    """
    slot = f"download_{name}"
    st.info(told)
    job = engine.job(slot)
    idle = job is None or job.ended
    if idle and st.button("Download", icon=":material/download:", key=f"{key}_download", width="stretch"):
        engine.start(slot, download, name)
        st.rerun()
    if job is not None:
        engine.live(lambda: _state(engine.job(slot)), slot)
    title, choose = back
    if idle and st.button(f"Back to {title}", icon=":material/arrow_back:", key=f"{key}_back", width="stretch"):
        choose()
        st.rerun()
    st.stop()


def _state(job: Job) -> None:
    """How far a download is, with a way to stop it."""
    if job.state == "failed":
        ui.error(job.error)
    elif not job.ended:
        now = job.latest
        share = min(1.0, now.received / now.total) if now is not None and now.total else 0.0
        told = f"{now.received / 1e6:.0f} MB are here" if now is not None else "Asking for the file"
        st.progress(share, engine.line(job) or told)
        st.button("Stop the download", icon=":material/stop:", on_click=job.stop, width="stretch")
