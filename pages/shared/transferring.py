"""A new head on a trained base: choosing both, what of it learns, and what a run of it shows."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from convviz import ConvvizError, architectures, datasets, recipes, zoo
from convviz.jobs import Job
from pages.shared import choices, downloading, engine, runs, ui, words

HEADS = {  # name in the address -> title, layers
    "average": ("Average of each map", "global_average"),
    "lecture": ("The lecture's: flatten, 256 units", architectures.LECTURE_HEAD),
    "dropout": ("Average, 128 units, dropout", "global_average; dense 128; dropout 0.5"),
}
CUSTOM = "custom"
SIDES = [0, 64, 96, 128, 160, 224]  # pixels; 0: as the pictures are
SECONDS = 120.0  # that building a large base may take


def network(outline: datasets.Outline) -> architectures.Transfer:
    """Choose base, head and what learns.

    Raises:
        ConvvizError: the base cannot be built for these pictures.
    """
    grey = outline.shape[2] == 1
    names = [one for one in architectures.bases() if grey or _takes_colour(one)]
    first = "mobilenetv2" if zoo.is_here("mobilenetv2") and not grey else "mnist" if grey else "cats_and_dogs"
    base = choices.select("Base", names, key="base", default=first, format_func=zoo.title)
    trained = choices.toggle("With its trained weights", True, key="base_trained", help="Without, it begins at random")
    if trained and not zoo.is_here(base):
        told = f"{zoo.title(base)} is not on this machine yet. Its weights are {zoo.download_size(base)} MB."
        back = (zoo.title(first), functools.partial(choices.set_later, "base", first))
        downloading.offer(base, told, zoo.download, key="base", back=back)
    side = 0
    if zoo.reference(base).kind == "imagenet":
        fits = [one for one in SIDES if (one or min(outline.shape[:2])) >= 32]
        side = choices.select("Side the base sees (pixels)", fits, key="base_side", format_func=_side)
    two = len(outline.class_names) == 2
    chosen = architectures.Transfer(
        base, _head(), outline.shape, len(outline.class_names), "sigmoid" if two else "softmax", side=side,
        trained=trained,
    )  # fmt: skip
    if choices.toggle("Fine-tune: a part of the base learns, too", key="tune"):
        layers = list(surveyed(chosen).base_layers)
        choices.belong(base, "tune_from")
        start = choices.select("The base learns from this layer on", layers, key="tune_from", default=layers[-1])
        chosen = replace(chosen, train_from=start)
    return chosen


def surveyed(chosen: architectures.Transfer) -> architectures.Survey:
    """What of it learns; a worker builds it to see."""
    with st.spinner("Building the base"):
        return engine.compute(architectures.survey, chosen, timeout=SECONDS)


def survey(found: architectures.Survey, chosen: architectures.Transfer) -> None:
    """How many weights learn before and after the base is frozen, and the head row by row."""
    columns = st.columns(3)
    columns[0].metric(
        "Trainable weights if all learns", found.before, help="Arrays of numbers, a kernel or a bias each"
    )
    columns[1].metric("Trainable weights as set", found.after)
    columns[2].metric("Numbers that learn", f"{found.trainable_parameters:,}", help=f"of {found.parameters:,}")
    low, high = found.entering
    size = f"{chosen.side} × {chosen.side}" if chosen.side else " × ".join(map(str, chosen.input_shape[:2]))
    st.caption(
        f"{words.safe(found.title)} without its classes sees {size} pixels with values from "
        f"{words.numbers(low, high)}, as it is used to, has {found.base_parameters:,} parameters and hands over "
        f"{' × '.join(map(str, found.features))} features. The preparation is a part of the network."
    )
    st.table(
        [
            {"Layer": f"{row.name} ({row.kind})", "Output": " × ".join(map(str, row.output_shape)),
             "Parameters": row.formula or "0"}
            for row in found.head
        ]
    )  # fmt: skip


def job() -> Job | None:
    """The visitor's training if it is one of a network on a base."""
    begun = runs.planned()
    return engine.job(runs.SLOT) if isinstance(begun, architectures.Transfer) else None


def files(chosen: architectures.Transfer) -> dict[str, Callable[[], bytes]]:
    """For the page's foot: a bundled base, which a program cannot get by itself."""
    if chosen.application() is not None:
        return {}
    return {
        recipes.architectures.BASE: functools.partial(engine.engine().call, zoo.to_bytes, zoo.reference(chosen.base))
    }


def noticed(found: architectures.Survey, job: Job | None) -> list[str]:
    """What of it learns, and what remembering the features is worth in the run that is shown."""
    part = found.trainable_parameters / found.parameters
    said = [
        f"{found.after} of {found.before} weights learn, {words.share(part, fine=True)} of the "
        f"{found.parameters:,} numbers."
    ]
    if not found.base_is_frozen:
        said.append("A part of the base learns, so that every picture passes all of it in every epoch.")
    elif found.cached_bytes:
        said.append(
            "The base never changes: without augmentation each picture passes it once, and what it makes of it, "
            f"{found.cached_bytes // 4:,} numbers, is remembered for the later epochs."
        )
    if pace := paces(job):
        said.append(
            f"In this run the first epoch went at {pace[0]:,.0f} images per second and the later ones at "
            f"{pace[1]:,.0f}."
        )
    return said


def paces(job: Job | None) -> tuple[float, float] | None:
    """Images per second in the first epoch and in the later ones, where there are both."""
    history = [] if job is None else job.history
    first = [one.images_per_second for one in history if one.epoch == 0]
    later = [one.images_per_second for one in history if one.epoch > 1]
    return (statistics.median(first), statistics.median(later)) if first and later else None


def title(chosen: architectures.Transfer) -> str:
    """The network's name for people."""
    return f"{zoo.title(chosen.base)} with a new head"


def _takes_colour(base: str) -> bool:
    return zoo.reference(base).kind == "imagenet" or zoo.card(base).input_shape[2] == 3


def _side(side: int) -> str:
    return f"{side} × {side}" if side else "As the pictures are"


def _head() -> architectures.Layers:
    """The layers between the base and the last one."""
    names = [*HEADS, CUSTOM]
    name = choices.select("Head", names, key="head", format_func=lambda one: HEADS.get(one, ("Custom, as text",))[0])
    if name != CUSTOM:
        return architectures.parse(HEADS[name][1])
    written = choices.text("Layers of the head, apart by ;", "global_max; batch_norm; dense 64", key="head_layers")
    try:
        return architectures.parse(written)
    except ConvvizError as refusal:
        ui.error(str(refusal))
        return architectures.parse("global_average")
