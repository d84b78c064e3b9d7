"""A visitor's training: what is trained, its controls, its curves, and the network it leaves behind."""

from __future__ import annotations

import contextlib
import csv
import functools
import hashlib
import io
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from convviz import ConvvizError, architectures, datasets, plots, recipes, rendering, training, zoo
from convviz.jobs import Engine, Job
from pages.shared import (
    captions,
    charts,
    choices,
    data_sets,
    engine,
    layer_editor,
    pickers,
    starting,
    steering,
    ui,
    words,
)

SLOT = "training"
NETWORK = pickers.NETWORK_HERE
NEW = "new"  # begin with random weights
_COLUMNS = (
    "step", "epoch", "loss", "accuracy", "validation_loss", "validation_accuracy", "validation_count",
    "validation_step", "images_per_second", "learning_rate", "batch_size", "test_accuracy",
)  # fmt: skip
_METRICS = ("Training accuracy", "Validation accuracy", "Images per second", "Test accuracy")
_ENDS = " Closing or reloading the tab ends it; a connection that is lost for some seconds does not."
_PART = "validation, a part"  # the line of the looks at some validation pictures
_STEERED = ("learning_rate", "batch_size", "epochs")  # what changes while it runs
_WHAT = "_training_what"  # network, data and settings of the shown run
_FROZEN = "_frozen_kernels"  # reference of a network that was trained here -> the kernel that stays in it
_CHANGES, _CHOSEN, _HARVEST = "_training_changes", "_training_chosen", "_harvested"
_NUMBER = "_training_number"  # of the shown run among those of this visit
_USUAL = "_training_usual"  # the known network whose settings come first


# --- what to train ------------------------------------------------------------------------------------------------


def start_from(network: Any) -> Any:
    """Choose where the run begins: with new random weights, or with those of a network that is here already.

    Args:
        network: what is begun with new random weights.

    Returns:
        what `begin` takes as its network.
    """
    titles = {NEW: "New random weights", **{one: pickers.network_title(one) for one in pickers.own_networks()}}
    name = choices.select(
        "Begin with", list(titles), key="begin_with", format_func=titles.get,
        help="A network that was trained or brought here goes on learning; it must take these pictures.",
    )  # fmt: skip
    return network if name == NEW else pickers.reference(name)


# --- the run ------------------------------------------------------------------------------------------------------


def begin(network: Any, dataset: datasets.Reference, settings: training.Settings) -> None:
    """Start a training in place of the one before.

    Args:
        network: what `training.bounded` takes: an `architectures` record, or the `zoo.Reference` of a network that goes
            on learning.
        dataset: the pictures.
        settings: how.
    """
    engine.start(SLOT, training.bounded, network, dataset, settings, transplant=frozen(network))
    st.session_state[_WHAT] = (network, dataset, settings)
    st.session_state[_NUMBER] = st.session_state.get(_NUMBER, 0) + 1
    st.session_state[_CHANGES] = []
    st.session_state.pop(_CHOSEN, None)


def usual(network: Any) -> architectures.Preset:
    """The known network as which one is trained first; another choice does not change it while a training runs."""
    job = engine.job(SLOT)
    if job is None or job.ended or _USUAL not in st.session_state:
        st.session_state[_USUAL] = layer_editor.usual(network)
    return st.session_state[_USUAL]


def frozen(network: Any) -> architectures.Transplant | None:
    """The frozen kernel of a network that is begun anew, or of one that was trained here; None where there is none."""
    if isinstance(network, zoo.Reference):
        return st.session_state.get(_FROZEN, {}).get(network)
    kernel = getattr(network, "transplant", None)
    return kernel if kernel is not None and kernel.frozen else None


def planted(network: Any, *, drawn: bool = False) -> str:
    """What is said of a network that has a kernel of the visitor's own, as `layer_editor.planted` does."""
    if isinstance(network, zoo.Reference) and (kernel := frozen(network)) is not None:
        height, width = kernel.size
        return f"{layer_editor.filter_0(drawn)} is your kernel of {height} × {width} cells and stays as it is."
    return layer_editor.planted(network, drawn=drawn)


def brings_kernel(network: Any) -> None:
    """Where a run is shown: that the next one begins with a kernel of one's own that this one does not have."""
    told = planted(network)
    if told and _kernel(network) != _kernel(planned()):
        st.info(f"In the next run {told[0].lower()}{told[1:]}")


def _kernel(network: Any) -> architectures.Transplant | None:
    return getattr(network, "transplant", None) or frozen(network)


def first_run() -> None:
    """Where there is no run yet: offer the lecture's network on digits, and lead to the page Training."""
    st.info("A training leaves its weights at some steps, and this page goes back to them. There is none yet.")
    _offer_one()


def none_kept(job: Job) -> None:
    """Where a run ended before there was a step to go back to: why, and how to have one that has them."""
    if job.error:
        ui.error(job.error)
    st.info("No steps of this run were kept.")
    _offer_one()


def _offer_one() -> None:
    lecture = architectures.fitting((28, 28, 1), 10, "mnist")
    if st.button("Train the lecture's network on digits", type="primary", icon=":material/play_arrow:"):
        begin(lecture, datasets.Reference("digits"), training.Settings(epochs=4))
        st.rerun()
    st.page_link(
        "pages/learning/training.py", label="Choose network and data on Training", icon=":material/show_chart:"
    )


def what(network: Any, dataset: datasets.Reference, settings: training.Settings) -> tuple[Any, Any, Any]:
    """What the shown run trains, by which settings; before the first run, what is given."""
    return st.session_state.get(_WHAT, (network, dataset, settings))


def planned() -> Any:
    """The network of the shown run; None before the first."""
    return st.session_state.get(_WHAT, (None,))[0]


def dataset() -> datasets.Reference:
    """What the shown run learns from."""
    return st.session_state[_WHAT][1]


def settings() -> training.Settings:
    """By what the shown run learns."""
    return st.session_state[_WHAT][2]


def steer(settings: training.Settings, page: str) -> None:
    """Hand a running training what was chosen anew on a page and fits; the rest counts from the next start on.

    Args:
        settings: what the page's choices say.
        page: its name; what its choices said already when it was opened changes nothing.
    """
    job = engine.job(SLOT)
    if job is None or job.ended:
        return
    network, data, begun = st.session_state[_WHAT]
    chosen = {name: getattr(settings, name) for name in _STEERED}
    where, before = st.session_state.get(_CHOSEN, ("", chosen))
    if where != page:
        before = chosen
    st.session_state[_CHOSEN] = page, before
    new = {name: value for name, value in chosen.items() if value != before[name]}
    if "batch_size" in new and (
        reason := starting.obstacle(network, data_sets.outline(data), replace(begun, **new), data.per_class)
    ):
        ui.error(f"the batch size stays {begun.batch_size}: {reason}")
        del new["batch_size"]
    if not new:
        return
    job.change(**new)
    step = job.latest.step if job.latest is not None else 0
    st.session_state[_CHOSEN] = page, before | new
    st.session_state[_WHAT] = (network, data, replace(begun, **new))
    st.session_state[_CHANGES] += [(step, name, value) for name, value in new.items()]


def changes() -> list[str]:
    """What was changed while it ran, in words."""
    told = {"learning_rate": "learning rate", "batch_size": "batch size", "epochs": "epochs"}
    made = st.session_state.get(_CHANGES, [])
    job = engine.job(SLOT)
    history = list(job.history) if job is not None else []
    return [
        f"{told[name]} {value:g} from about step {_took_effect(history, step, name, value)} on"
        for step, name, value in made
    ]


def _took_effect(history: Sequence[training.Progress], asked: int, name: str, value: float) -> int:
    """The step after which a change holds: the last one without it, since those on their way are made as they were."""
    later = [one for one in history if one.step >= asked]
    for before, one in itertools.pairwise(later):
        if getattr(one, name, None) == value:
            return before.step
    return asked


def code(network: Any, data: datasets.Reference, settings: training.Settings) -> str:
    """The program that trains the same network in the same way; what it does otherwise stands on top."""
    told = [f"# While it ran: {one}. This program does so from its beginning.\n" for one in changes()]
    shown = what(network, data, settings)
    known = pickers.card(shown[0]) if isinstance(shown[0], zoo.Reference) else None
    return "".join(told) + recipes.training.training(*shown, card=known, frozen=frozen(shown[0]) is not None)


def controls(job: Job) -> None:
    """Pause, Continue, one step, one epoch, Stop training, begin again: what makes sense now."""
    over = job.ended or steering.is_stopping(job)
    with st.container(horizontal=True, key="run_controls"):
        steering.pause_button(
            job, "pause_run", pause=_pause, help="After the step in work and a look at all validation pictures."
        )
        st.button("One step", icon=":material/skip_next:", on_click=_advance, args=(job, "steps"), disabled=over)
        st.button("One epoch", icon=":material/fast_forward:", on_click=_advance, args=(job, "epochs"), disabled=over)
        steering.stop_button(job, "stop_run")
        st.button(
            "From the beginning", icon=":material/replay:", on_click=_again,
            help="The same run once more: the same seed gives the same first weights and the same order of pictures.",
        )  # fmt: skip


def _pause(job: Job) -> None:
    """Pause after one more step and a look at all validation pictures, so that the curve ends on a whole measure."""
    if job.latest is None or job.latest.whole or job.place_in_line:
        job.pause()
    elif job.state != "paused":
        job.change(whole=True)
        job.advance(steps=1)
    steering.asked_to_pause(job)


def _advance(job: Job, what: str) -> None:
    steering.asked_to_pause(job, False)
    if not job.ended:
        job.advance(**{what: 1})


def _again() -> None:
    begun = st.session_state.get(_WHAT)
    if begun is None:
        return
    try:
        begin(*begun)
    except ConvvizError as refusal:
        ui.error(str(refusal))


def state(job: Job) -> None:
    """Where the training stands, in words and numbers; the same height at all times."""
    now = job.latest
    st.progress(0.0 if now is None else min(1.0, now.step / max(1, now.steps)), _standing(job))
    if job.state == "failed":
        ui.error(job.error)
    network, data, settings = st.session_state[_WHAT]
    also = f" {words.sentence('; '.join(changes()))}" if changes() else ""
    also += f" {own}" if (own := planted(network)) else ""
    st.caption(
        f"This run: network {captions.network(network, settings)}, pictures “{words.safe(data_sets.title_of(data))}”, "
        f"{words.count(settings.epochs, 'epoch')}, batches of {settings.batch_size}, learning rate "
        f"{settings.learning_rate:g}, {settings.optimizer}, seed "
        f"{settings.seed}{', augmented' if settings.augmentation else ''}.{also}{'' if job.ended else _ENDS}"
    )
    columns = st.columns(4)
    if now is None:
        for column, name in zip(columns, _METRICS, strict=True):
            column.metric(name, "–")
        return
    columns[0].metric(_METRICS[0], words.percent(now.accuracy))
    told = [one for one in job.history if one.whole] or [now]
    what = "all" if told[-1].whole else "a part of the validation pictures:"
    columns[1].metric(
        _METRICS[1],
        words.percent(told[-1].validation_accuracy) if told[-1].validation_count else "–",
        help=f"on {what} {told[-1].validation_count:,} pictures, after {told[-1].validation_step} steps",
    )
    columns[2].metric(_METRICS[2], f"{now.images_per_second:,.0f}")
    test = "–" if now.test_accuracy is None else words.percent(now.test_accuracy)
    columns[3].metric(
        _METRICS[3], test, help="on pictures that took no part in the training, measured once, after the run's end"
    )


def _standing(job: Job) -> str:
    """How far it is, one line."""
    now, line = job.latest, engine.line(job)
    ends = {"paused": "Paused", "done": "Done", "stopped": "Stopped", "failed": "Ended"}.get(job.state)
    if now is None:
        return line or (f"{ends}." if ends else "The worker loads the data and builds the network")
    left = ends or f"{words.sentence(words.duration(now.seconds_left)).rstrip('.')} left"
    looking = f" {now.measured:.0%} of the pictures looked at." if now.measured < 1 and not job.ended else ""
    notes = " ".join(words.sentence(one) for one in dict.fromkeys((job.note, now.note)) if one)
    reached = f"Step {now.step} of {now.steps}, epoch {now.epoch} complete."
    return f"{line and line + ' '}{reached} {left}{'.' if notes or looking else ''}{looking} {notes}"


def curves(job: Job, *, mark: int | None = None) -> None:
    """Loss and accuracy for training and validation, over the steps; one step may be marked."""
    history = job.history
    left, right = st.columns(2)
    for column, what in ((left, "loss"), (right, "accuracy")):
        with column:
            if len(history) < 2:
                st.container(height=260, border=False)
                continue
            steps, lines = lines_of(history, what)
            charts.curves(
                what.capitalize(),
                steps,
                {_PART if name == "glances" else name: line for name, line in lines.items()},
                x_title="step",
                key=f"curve_{what}",
                measured=("validation",),
                scattered=(_PART,),
                mark=mark,
            )
    glances = {
        one.validation_count
        for one in history
        if not one.whole and one.validation_count and one.validation_step == one.step and one.measured == 1
    }
    whole = {one.validation_count for one in history if one.whole}
    st.caption(
        "Training: the pictures since the point before."
        + (f" Validation: all {max(whole):,} pictures, at the end of an epoch and of the run." if whole else "")
        + (
            f" Faint points: {max(glances)} of the validation pictures, in between; they scatter more."
            if glances
            else ""
        )
    )


def lines_of(history: list[training.Progress], what: str) -> tuple[list[int], dict[str, tuple[list, tuple]]]:
    """The steps, and the lines of loss or accuracy over them: training, validation, glances at a part of it."""
    once = [one for one in history if one.measured == 1]  # the others repeat the step whose pictures are looked at
    fresh = [one if one.validation_step == one.step and one.validation_count else None for one in once]
    seen = [(one.whole, getattr(one, f"validation_{what}")) if one else (False, None) for one in fresh]
    lines = {
        "training": ([getattr(one, what) for one in once], charts.TRAINING),
        "validation": ([number if whole else None for whole, number in seen], charts.VALIDATION),
        "glances": ([None if whole else number for whole, number in seen], charts.VALIDATION),
    }
    return [one.step for one in once], lines


def lately(history: Sequence[training.Progress]) -> float:
    """Training accuracy over the last complete epoch and what came after it: a record alone may be of one batch.

    Before an epoch is complete, that since the first step.
    """
    once = [one for one in history if one.measured == 1]
    done = once[-1].epoch
    begin = min(one.step for one in once if one.epoch >= done - 1) if done > 1 else 0
    steps = np.diff([0, *(one.step for one in once)])
    counted = [(one.accuracy * n, n) for one, n in zip(once, steps.tolist(), strict=True) if one.step > begin]
    right, together = (sum(part) for part in zip(*counted, strict=True)) if counted else (0, 0)
    return right / together if together else once[-1].accuracy


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
    told = [one for one in job.history if one.whole]
    said = []
    if told:
        gap = lately(job.history) - told[-1].validation_accuracy
        side = "above" if gap >= 0 else "below"
        since, means = (
            ("Over the last epoch", "a growing gap above means the network learns the pictures by heart")
            if last.epoch
            else ("Since the first step", "no epoch is complete, so that the guesses of the beginning still count")
        )
        said.append(
            f"{since} training accuracy is {100 * abs(gap):.1f} percentage points {side} validation "
            f"accuracy, which is measured on {told[-1].validation_count:,} pictures; {means}."
        )
        best = min(told, key=lambda one: one.validation_loss)
        if best.step < told[-1].step:
            said.append(
                f"The validation loss was lowest after {best.step} steps ({best.validation_loss:.3g}) and is "
                f"{told[-1].validation_loss:.3g} at the end."
            )
    said.append(
        "The test pictures were not measured, so that there is no accuracy to report."
        if last.test_accuracy is None
        else "The test pictures took no part in any choice; that is why their accuracy is the one to report."
    )
    return said


def beginning(job: Job) -> training.Beginning:
    """What the shown run began with; its first record says so."""
    return next(one.beginning for one in job.history if one.beginning is not None)


def layers(job: Job) -> list[str]:
    """The layers with feature maps of the network that is trained, also before its first record."""
    network = planned()
    if job.latest is not None:
        return list(beginning(job).layers)
    if isinstance(network, architectures.Architecture):
        return [row.name for row in network.rows() if len(row.output_shape) == 3]
    return []


# --- what it leaves -----------------------------------------------------------------------------------------------


@engine.door(again=True)
def harvest(job: Job) -> zoo.Reference | None:
    """After the end: the trained network, offered on every page; its reference, or None where there is none.

    Where it cannot be kept, the reason stands in its place, and it is tried again when the page is drawn again.
    """
    if not job.ended or job.snapshot is None or _WHAT not in st.session_state:
        return None
    if st.session_state.get(_HARVEST) != job.number:
        with st.spinner("Keeping the network"):
            named = _named(training.step_of(job.snapshot))
            reference = _kept(job, job.snapshot, "", named)
        pickers.offer_trained(NETWORK, named, reference)
        st.session_state[_HARVEST] = job.number
        _let_go()
        st.rerun()
    return pickers.reference(NETWORK)


def _named(step: int) -> str:
    """What a network of the shown run is called after a step; runs after the first of a visit are told by number."""
    number = st.session_state.get(_NUMBER, 1)
    return f"Trained here, {f'run {number}, ' if number > 1 else ''}step {step}"


def _let_go() -> None:
    """Keep no files of earlier runs' networks that nothing can ask for any more."""
    begun = planned()
    asked = {pickers.reference(one) for one in pickers.own_networks()}
    asked |= {begun} if isinstance(begun, zoo.Reference) else set()
    for reference in engine.engine().belongings.references(engine.owner()):
        if reference.kind == "run" and reference not in asked:
            engine.engine().drop(reference, owner=engine.owner())


def _kept(job: Job, snapshot: bytes, version: str, named: str) -> zoo.Reference:
    """A network of the run as a whole file, kept for this visitor."""
    network, _, settings = st.session_state[_WHAT]
    owner = engine.owner()
    data = engine.engine().call(
        training.trained, network, snapshot, class_names=beginning(job).class_names, seed=settings.seed,
        train_from=settings.train_from, title=named, owner=owner,
    )  # fmt: skip
    reference = zoo.Reference("run", job.number, version or hashlib.sha256(data).hexdigest()[:16])
    engine.engine().keep(reference, data, owner=owner)
    if (kernel := frozen(network)) is not None:  # the file does not say so
        st.session_state[_FROZEN] = st.session_state.get(_FROZEN, {}) | {reference: kernel}
    return reference


def step_chosen(steps: list[int]) -> int:
    """Choose one of the steps that are kept."""
    if st.session_state.get("step") not in steps and "step" in st.session_state:
        asked = st.session_state["step"]
        choices.set_later("step", min(steps, key=lambda one: abs(one - asked)))
    return choices.steps("Step", steps, key="step", default=steps[-1])


def keep_step(job: Job, step: int) -> str:
    """Offer the network as it was after a step on every page; its name in the address."""
    number, named = st.session_state.get(_NUMBER, 1), _named(step)
    name = f"{NETWORK}{number if number > 1 else ''}-{step}"
    pickers.offer_trained(name, named, _kept(job, job.album.read(step), f"step {step}", named))
    return name


def canvas(job: Job) -> zoo.Reference:
    """A network of the run's kind that the time machine alone uses, and gives the weights of any step."""
    reference = zoo.Reference("run", job.number, "canvas")
    try:
        engine.engine().data(reference, engine.owner())
    except ConvvizError:
        _kept(job, job.album.read(job.album.steps[0]), "canvas", _named(job.album.steps[0]))
    return reference


@engine.door(again=True)
def leavings(reference: zoo.Reference | None) -> None:
    """Buttons for the trained network: take it home, look into it; go back in time, also where none was kept."""
    job = engine.job(SLOT)
    if reference is None:
        if job is not None and job.ended and len(job.album.steps) > 1:
            _back_in_time()
        return
    data = engine.engine().data(reference, engine.owner())
    named = words.safe(pickers.network_title(NETWORK))
    st.success(f"Wherever a page asks for a network, this one can now be chosen: “{named}”.")
    with st.container(horizontal=True, key="leavings"):
        st.download_button(
            "Download as .keras", data, "convviz-trained.keras", "application/octet-stream",
            icon=":material/download:",
        )  # fmt: skip
        if st.button("See its feature maps", icon=":material/view_module:"):
            pickers.choose_network(NETWORK)
            st.switch_page("pages/inside/feature_maps.py")
        _back_in_time()
    st.caption(_compiling(reference))


def _back_in_time() -> None:
    if st.button("Go back in time", icon=":material/history:"):
        st.switch_page("pages/learning/time_machine.py")


def _compiling(reference: zoo.Reference) -> str:
    """How the saved files are made ready for Keras' own fit."""
    loss = "binary_crossentropy" if pickers.card(reference).output == "sigmoid" else "sparse_categorical_crossentropy"
    compiled = f'model.compile("{st.session_state[_WHAT][2].optimizer}", "{loss}", metrics=["accuracy"])'
    return (
        f"The .keras file is not compiled: to go on by `fit` in Keras, `{compiled}` first. `trained.h5` under Save is "
        "compiled already."
    )


def files() -> dict[str, Callable[[], bytes]]:
    """The curves so far as a table and as a picture, for the page's foot, and the network where there is one."""
    job = engine.job(SLOT)
    if job is None or job.latest is None:
        return {}
    found = {"curves.csv": functools.partial(_table, job), "curves.png": functools.partial(_picture, job)}
    if job.ended and st.session_state.get(_HARVEST) == job.number:
        reference, owner = pickers.reference(NETWORK), engine.owner()
        with contextlib.suppress(ConvvizError):  # `leavings` says so
            found["trained.keras"] = functools.partial(bytes, engine.engine().data(reference, owner))
            found["trained.h5"] = functools.partial(_h5, engine.engine(), reference, owner, settings())
    return found


def read(network: Any, dataset: datasets.Reference) -> dict[str, Callable[[], bytes]]:
    """For the page's foot: what the program of a run reads because it cannot get it by itself.

    Args:
        network: what the run begins with, as for `begin`.
        dataset: the pictures.
    """
    found = data_sets.files(dataset)
    if isinstance(network, zoo.Reference):
        found |= pickers.network_files(network)
    elif isinstance(network, architectures.Transfer) and network.application() is None:
        whole = functools.partial(engine.engine().call, zoo.to_bytes, zoo.reference(network.base))
        found[recipes.architectures.BASE] = whole
    return found


def _h5(asked: Engine, reference: zoo.Reference, owner: str, settings: training.Settings) -> bytes:
    """The network in Keras' older format, the lecture's."""
    return asked.call(training.whole_h5, reference, settings, owner=owner)


def _table(job: Job) -> bytes:
    """A row for each record of a run."""
    file = io.StringIO(newline="")
    table = csv.writer(file)
    table.writerow(_COLUMNS)
    table.writerows([getattr(one, name) for name in _COLUMNS] for one in list(job.history) if one.measured == 1)
    return file.getvalue().encode()


def _picture(job: Job) -> bytes:
    """Loss and accuracy, one above the other, as a picture."""
    drawn = []
    for what in ("loss", "accuracy"):
        steps, lines = lines_of(job.history, what)
        drawn.append(
            plots.chart(
                what.capitalize(),
                [plots.Curve(name, *_points(steps, numbers), *look) for name, (numbers, look) in lines.items()
                 if name != "glances" and any(one is not None for one in numbers)],
                x_title="step",
            )
        )  # fmt: skip
    return rendering.png(np.concatenate(drawn))


def _points(steps: list[int], numbers: list[float | None]) -> tuple[list[int], list[float]]:
    pairs = [(step, number) for step, number in zip(steps, numbers, strict=True) if number is not None]
    return [step for step, _ in pairs], [number for _, number in pairs]
