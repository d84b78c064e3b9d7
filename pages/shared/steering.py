"""What every watched job has beside its result: Pause, Continue and Stop training, and what went wrong meanwhile."""

from __future__ import annotations

import streamlit as st

from convviz.jobs import Job
from pages.shared import engine, ui, words


def buttons(job: Job, key: str) -> None:
    """Pause or Continue, and Stop training; nothing when it is over."""
    if job.ended:
        return
    pause, stop = st.columns(2)
    if job.state == "paused":
        pause.button("Continue", icon=":material/play_arrow:", on_click=job.resume, key=f"{key}_go", width="stretch")
    else:
        pause.button("Pause", icon=":material/pause:", on_click=job.pause, key=f"{key}_pause", width="stretch")
    stop.button("Stop training", icon=":material/stop:", on_click=job.stop, key=f"{key}_stop", width="stretch")


def troubles(job: Job) -> None:
    """Why it failed, its place in line, and a worker that was lost."""
    if job.state == "failed":
        ui.error(job.error)
    if line := engine.line(job):
        st.info(line)
    if job.note:
        st.info(words.sentence(job.note))
