"""A visitor's training: its controls, its curves, and the network it leaves behind."""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from convviz import datasets, images, rendering, sketches, training, zoo
from convviz.jobs import Job
from pages.shared import charts, data_sets, engine, pickers, ui, words

SLOT = "training"
_COLUMNS = (
    "step", "epoch", "loss", "accuracy", "validation_loss", "validation_accuracy", "validation_count",
    "images_per_second", "test_accuracy",
)  # fmt: skip
NETWORK = pickers.NETWORK_HERE


def ready(dataset: datasets.Reference) -> None:
    """Before the first run: what will be learned."""
    st.info("Ready: the network below with new random weights. Start when you like.")
    if not (dataset.kind == "named" and dataset.name == "digits"):
        _some(dataset)
        return
    digits = np.stack([images.grey(images.sample(f"digit_{digit}")) for digit in range(10)], axis=-1)
    ui.picture(
        rendering.mosaic(digits, columns=10, scale="layer"), "Ten of the pictures, 28 × 28 each", "The digits 0 to 9"
    )


def _some(dataset: datasets.Reference) -> None:
    """Some of the pictures, one of each class."""
    with st.spinner("Reading the data"):
        shown = engine.compute(datasets.overview, dataset, per_class=1, timeout=data_sets.SECONDS)
    names = [words.safe(one, 20) for one in shown.class_names[:10]]
    first = shown.examples[:10, 0]
    sheet = sketches.sheet(np.broadcast_to(first, (*first.shape[:3], 3)), columns=len(names))
    by = " × ".join(map(str, shown.shape))
    ui.picture(sheet, f"One of each: {', '.join(names)}; {by} each", f"Pictures of {', '.join(names)}")


def begin(architecture: Any, dataset: datasets.Reference, settings: training.Settings) -> None:
    """Start a training in place of the one before."""
    engine.start(SLOT, training.train, architecture, dataset, settings)
    st.session_state["_training_what"] = (architecture, dataset, settings)


def what(architecture: Any, dataset: datasets.Reference, settings: training.Settings) -> tuple[Any, Any, Any]:
    """What the shown run trains, by which settings; before the first run, what is given."""
    return st.session_state.get("_training_what", (architecture, dataset, settings))


def planned() -> Any:
    """The network of the shown run; None before the first."""
    return st.session_state.get("_training_what", (None,))[0]


def files() -> dict[str, Callable[[], bytes]]:
    """The curves so far as a table, for the page's foot, and the trained network where there is one."""
    job = engine.job(SLOT)
    if job is None:
        return {}
    kept = job.ended and st.session_state.get("_harvested") == job.number
    return {
        "curves.csv": functools.partial(_table, job),
        **(pickers.network_files(pickers.reference(NETWORK)) if kept else {}),
    }


def _table(job: Job) -> bytes:
    """A row for each record of a run."""
    file = io.StringIO(newline="")
    table = csv.writer(file)
    table.writerow(_COLUMNS)
    table.writerows([getattr(one, name) for name in _COLUMNS] for one in list(job.history))
    return file.getvalue().encode()


def controls(job: Job) -> None:
    """Pause, Continue, Stop training: what makes sense now."""
    pause, stop = st.columns(2)
    if job.state == "paused":
        pause.button("Continue", icon=":material/play_arrow:", on_click=job.resume, width="stretch")
    else:
        pause.button(
            "Pause", icon=":material/pause:", on_click=_pause, args=(job,), disabled=job.ended, width="stretch"
        )
    stop.button("Stop training", icon=":material/stop:", on_click=job.stop, disabled=job.ended, width="stretch")


def _pause(job: Job) -> None:
    """Pause after one more step and a look at all validation pictures, so that the curve ends on a whole measure."""
    if job.latest is None or job.latest.whole or job.place_in_line:
        job.pause()
    elif job.state != "paused":
        job.change(whole=True)
        job.advance(steps=1)


def state(job: Job) -> None:
    """Where the training stands, in words and numbers."""
    now = job.latest
    if job.place_in_line:
        st.info(f"Waiting in line, place {job.place_in_line}.")
    if job.note:
        st.info(words.sentence(job.note))
    if job.state == "failed":
        ui.error(job.error)
    if now is None:
        if not job.ended:
            st.progress(0.0, "The worker loads the data and builds the network")
        return
    ends = {"paused": "Paused", "done": "Done", "stopped": "Stopped", "failed": "Ended"}.get(job.state)
    left = ends or f"{words.sentence(words.duration(now.seconds_left)).rstrip('.')} left"
    st.progress(min(1.0, now.step / now.steps), f"Step {now.step} of {now.steps}, epoch {now.epoch} complete. {left}")
    _, dataset, settings = st.session_state["_training_what"]
    st.caption(
        f"This run: {data_sets.title_of(dataset)}, {settings.epochs} epochs, batches of {settings.batch_size}, "
        f"learning rate {settings.learning_rate:g}, {settings.optimizer}, seed {settings.seed}. "
        "Closing or reloading the tab ends it."
    )
    columns = st.columns(4)
    columns[0].metric("Training accuracy", f"{now.accuracy:.1%}")
    told = [one for one in job.history if one.whole] or [now]
    what = "all" if told[-1].whole else "a glance at"
    columns[1].metric(
        "Validation accuracy",
        f"{told[-1].validation_accuracy:.1%}",
        help=f"on {what} {told[-1].validation_count:,} pictures, after {told[-1].step} steps",
    )
    columns[2].metric("Images per second", f"{now.images_per_second:,.0f}")
    test = "after the run" if now.test_accuracy is None else f"{now.test_accuracy:.1%}"
    columns[3].metric(
        "Test accuracy", test, help="on pictures that took no part in the training, measured once, at the end"
    )


def curves(job: Job) -> None:
    """Loss and accuracy for training and validation, over the steps."""
    history = job.history
    if not history:
        return
    steps = [one.step for one in history]
    left, right = st.columns(2)
    for column, what in ((left, "loss"), (right, "accuracy")):
        seen = [(one.whole, getattr(one, f"validation_{what}")) for one in history]
        lines = {
            "training": ([getattr(one, what) for one in history], charts.TRAINING),
            "validation": ([number if whole else None for whole, number in seen], charts.VALIDATION),
            "glances": ([None if whole else number for whole, number in seen], charts.VALIDATION),
        }
        with column:
            charts.curves(
                what.capitalize(),
                steps,
                lines,
                x_title="step",
                key=f"curve_{what}",
                measured=("validation",),
                scattered=("glances",),
            )
    glances = {one.validation_count for one in history if not one.whole}
    whole = {one.validation_count for one in history if one.whole}
    st.caption(
        "Training: the pictures since the point before."
        + (f" Validation: all {max(whole):,} pictures, at the end of an epoch and of the run." if whole else "")
        + (
            f" Faint points: glances at the first {max(glances)} validation pictures, which scatter more."
            if glances
            else ""
        )
    )


def harvest(job: Job) -> None:
    """After the end: the trained network, offered on every page and to take home."""
    if not job.ended or job.snapshot is None:
        return
    architecture, dataset, settings = st.session_state["_training_what"]
    if st.session_state.get("_harvested") != job.number:
        with st.spinner("Keeping the network"):
            names = data_sets.outline(dataset).class_names
            data = engine.engine().call(
                training.trained, architecture, job.snapshot, class_names=names, seed=settings.seed
            )
        reference = zoo.Reference("run", job.number, hashlib.sha256(data).hexdigest()[:16])
        engine.engine().keep(reference, data, owner=engine.owner())
        pickers.offer_trained(NETWORK, f"Trained here, {job.latest.step} steps", reference)
        st.session_state["_harvested"] = job.number
        st.rerun()
    data = engine.engine().data(pickers.reference(NETWORK), engine.owner())
    st.success("The trained network can be chosen on the pages below, as it is after its last step.")
    take, look = st.columns(2)
    take.download_button(
        "Download as .keras", data, "convviz-trained.keras", "application/octet-stream", icon=":material/download:",
        width="stretch",
    )  # fmt: skip
    if look.button("See its feature maps", icon=":material/view_module:", width="stretch"):
        pickers.choose_network(NETWORK)
        st.switch_page("pages/inside/feature_maps.py")


def noticed(job: Job | None, classes: int) -> list[str]:
    """What to notice before, during and after a run, on pictures of so many classes."""
    last = job.latest if job is not None else None
    if last is None:
        return [
            f"There are {classes} classes: who guesses among them is right in about {1 / classes:.0%} of the cases."
        ]
    if not job.ended:
        return [
            f"After {last.step} steps the loss on training pictures is {last.loss:.2f}; "
            f"guessing gives ln {classes} = {math.log(classes):.2f}.",
            "Broken line and faint points are for pictures that the network does not learn from.",
        ]
    gap = last.accuracy - last.validation_accuracy
    return [
        f"Training accuracy is {100 * abs(gap):.1f} percentage points {'above' if gap >= 0 else 'below'} validation "
        f"accuracy, which is measured on {last.validation_count} pictures; "
        "a growing gap above means the network learns the pictures by heart.",
        "The test pictures took no part in any choice; that is why their accuracy is the one to report.",
    ]
