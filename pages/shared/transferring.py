"""A new head on a trained base: choosing both, what of it learns, and what a run of it shows."""

from __future__ import annotations

import contextlib
import functools
import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from convviz import ConvvizError, architectures, datasets, recipes, training, zoo
from convviz.jobs import Job
from pages.shared import captions, choices, downloading, engine, pickers, runs, starting, ui, words

CUSTOM = "custom"
_LATER = "What of it learns is told as soon as base, head and pictures fit together."
SIDES = [0, 64, 96, 128, 160, 224]  # pixels; 0: as the pictures are


def begins() -> str:
    """Choose what the run begins with: a new head on a base, or a network of this visit that goes on."""
    titles = {runs.NEW: "A new head on a base", **{one: pickers.network_title(one) for one in pickers.own_networks()}}
    return choices.select(
        "Begin with", list(titles), key="transfer_begin", format_func=titles.get,
        help="A network that was trained or brought here goes on: first the head alone, then a part of the base, too.",
    )  # fmt: skip


def network(outline: datasets.Outline) -> tuple[architectures.Transfer, str]:
    """Choose base, head and what learns.

    Returns:
        The network, and what is wrong with what was typed, one sentence, or empty.
    """
    grey = outline.shape[2] == 1
    names = [one for one in architectures.bases() if grey or _takes_colour(one)]
    here = architectures.base_is_here("mobilenetv2") and not grey
    first = "mobilenetv2" if here else "mnist" if grey else "cats_and_dogs"
    base = choices.select("Base", names, key="base", default=first, format_func=zoo.title)
    trained = choices.toggle("With its trained weights", True, key="base_trained", help="Without, it begins at random")
    if trained and not architectures.base_is_here(base):
        told = (
            f"{zoo.title(base)} is not on this machine yet. Its weights without the classes are "
            f"{architectures.base_size(base)} MB."
        )
        back = (zoo.title(first), functools.partial(choices.set_later, "base", first))
        downloading.offer(base, told, architectures.download_base, key="base", back=back)
    side = 0
    if zoo.reference(base).kind == "imagenet":
        fits = [one for one in SIDES if (one or min(outline.shape[:2])) >= 32]
        side = choices.select("Side the base sees (pixels)", fits, key="base_side", format_func=_side)
    two, (head, fault) = len(outline.class_names) == 2, _head()
    beside = st.container()
    chosen = architectures.Transfer(
        base, head, outline.shape, len(outline.class_names), "sigmoid" if two else "softmax", side=side,
        trained=trained,
    )  # fmt: skip
    if choices.toggle("Fine-tune: a part of the base learns, too", key="tune"):
        chosen = replace(chosen, train_from=_tuned_from(chosen))
        st.caption(
            "A new head begins at random, and its first large gradients change the base as well. Better in two runs: "
            "first without this, then choose the trained network under Begin with."
        )
    fault = fault or _unfit(chosen)
    if fault:
        with beside:
            ui.error(fault)
    return chosen, fault


def _unfit(chosen: architectures.Transfer) -> str:
    """Why the head does not stand on its base, or empty; whatever else does not fit is said elsewhere."""
    try:
        starting.surveyed(chosen)
    except ConvvizError:
        with contextlib.suppress(ConvvizError):
            features = starting.surveyed(_plain(chosen)).features
            return architectures.Architecture(features, chosen.head, chosen.class_count, chosen.ending).fault()
    return ""


def _plain(chosen: architectures.Transfer) -> architectures.Transfer:
    """The same with a head that fits every base."""
    return replace(chosen, head=architectures.parse("global_average"))


def _tuned_from(chosen: architectures.Transfer) -> str:
    """Choose the base's first layer that learns; none where the base does not fit, which is said elsewhere."""
    try:
        layers = list(starting.surveyed(_plain(chosen)).base_layers)  # whatever is wrong with the head
    except ConvvizError:
        return ""
    choices.belong(chosen.base, "tune_from")
    return choices.select("The base learns from this layer on", layers, key="tune_from", default=layers[-1])


def going_on(name: str) -> tuple[zoo.Reference, str]:
    """Choose what of a network that goes on learns.

    Args:
        name: of the network in the address.

    Returns:
        The network, and the layer from which on it learns; empty for those that learned before.
    """
    reference = pickers.reference(name)
    if not choices.toggle("Fine-tune: a part of the base learns, too", key="tune_on"):
        return reference, ""
    known = [one for one in pickers.card(reference).layers if one.parameters]
    layers = [one.name for one in known if one.kind != "BatchNormalization" or "/" not in one.name]  # a base's stay
    if not layers:
        return reference, ""
    inner = [one for one in layers if "/" in one]
    choices.belong(name, "tune_on_from")
    return reference, choices.select(
        "It learns from this layer on", layers, key="tune_on_from", default=inner[-1] if inner else layers[-1]
    )


def survey(chosen: architectures.Transfer) -> None:
    """How many weights learn before and after the base is frozen, and the head row by row."""
    try:
        found = starting.surveyed(chosen)
    except ConvvizError:  # said beside Start
        st.caption("Its numbers stand here as soon as base, head and pictures fit together.")
        return
    columns = st.columns(3)
    columns[0].metric(
        "Trainable weights if all learns", found.before, help="Arrays of numbers, a kernel or a bias each"
    )
    columns[1].metric("Trainable weights as set", found.after)
    columns[2].metric("Numbers that learn", f"{found.trainable_parameters:,}", help=f"of {found.parameters:,}")
    low, high = found.entering
    size = " × ".join(map(str, chosen.entering()[:2]))
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
    """The visitor's training if it is one of a network on a base, or of one that goes on."""
    begun = runs.planned()
    return engine.job(runs.SLOT) if isinstance(begun, (architectures.Transfer, zoo.Reference)) else None


def fine_tune(reference: zoo.Reference | None) -> None:
    """After a run of a head alone: a button that lets the trained network go on with a part of its base."""
    begun = runs.planned()
    if reference is None or not isinstance(begun, architectures.Transfer) or begun.train_from:
        return
    if st.button("Fine-tune this network", icon=":material/tune:"):
        choices.set_later("transfer_begin", runs.NETWORK)
        choices.set_later("tune_on", True)
        st.rerun()


def code(chosen: Any, data: datasets.Reference, settings: training.Settings) -> str:
    """The program of the run that is shown, or else of the next."""
    if job() is not None:
        return runs.code(chosen, data, settings)
    card = pickers.card(chosen) if isinstance(chosen, zoo.Reference) else None
    return recipes.training.training(chosen, data, settings, card=card, frozen=runs.frozen(chosen) is not None)


def files(chosen: Any, data: datasets.Reference) -> dict[str, Callable[[], bytes]]:
    """For the page's foot: what belongs to the program of `code`."""
    return runs.read(chosen, data) if job() is None else {**runs.files(), **runs.read(runs.planned(), runs.dataset())}


def noticed(next_: architectures.Transfer | zoo.Reference, settings: training.Settings, fault: str) -> list[str]:
    """What learns in the run that is shown, or else in the next, and what remembering the features is worth.

    Args:
        next_: what the next run begins with.
        settings: of the next run.
        fault: what is wrong with the head of the next run, or empty.
    """
    shown = job()
    if shown is None and fault:
        return [_LATER]
    begun, by = (next_, settings) if shown is None else (runs.planned(), runs.settings())
    try:
        return [*_learning(begun, by), *_paced(shown)]
    except ConvvizError:  # said beside Start
        return [_LATER]


def _learning(begun: architectures.Transfer | zoo.Reference, by: training.Settings) -> list[str]:
    """What of a network learns, and what becomes of the pictures' features."""
    if isinstance(begun, zoo.Reference):
        taken = starting.demand(begun, by)
        return [f"{_part(taken.trainable, taken.parameters)} learn."]
    found = starting.surveyed(begun)
    said = [f"{found.after} of {found.before} weights learn, {_part(found.trainable_parameters, found.parameters)}."]
    if not found.base_is_frozen:
        said.append(
            "A part of the base learns, so that every picture passes all of it in every epoch. Its batch "
            "normalizations, if any, stay as they were trained."
        )
    elif by.augmentation:
        said.append(
            "The base never changes, but with augmentation every picture is a new one, so that it passes the base in "
            "every epoch."
        )
    elif found.cached_bytes:
        said.append(
            "The base never changes: each picture passes it once, and what it makes of it, "
            f"{found.cached_bytes // 4:,} numbers, is remembered for the later epochs."
        )
    return said


def _part(trainable: int, parameters: int) -> str:
    return f"{words.share(trainable / parameters, fine=True)} of the {parameters:,} numbers"


def _paced(shown: Job | None) -> list[str]:
    pace = paces(shown)
    if pace is None:
        return []
    return [
        f"In this run the first epoch went at {pace[0]:,.0f} images per second and the later ones at {pace[1]:,.0f}."
    ]


def paces(job: Job | None) -> tuple[float, float] | None:
    """Images per second in the first epoch and in the later ones, where there are both."""
    history = [] if job is None else job.history
    first = [one.images_per_second for one in history if one.epoch == 0]
    later = [one.images_per_second for one in history if one.epoch > 1]
    return (statistics.median(first), statistics.median(later)) if first and later else None


def _takes_colour(base: str) -> bool:
    return zoo.reference(base).kind == "imagenet" or zoo.card(base).input_shape[2] == 3


def _side(side: int) -> str:
    return f"{side} × {side}" if side else "As the pictures are"


def _head() -> tuple[architectures.Layers, str]:
    """The layers between the base and the last one, and what is wrong with what was typed."""
    names = [*captions.HEADS, CUSTOM]
    name = choices.select(
        "Head", names, key="head", format_func=lambda one: captions.HEADS.get(one, ("Custom, as text",))[0]
    )
    if name != CUSTOM:
        return architectures.parse(captions.HEADS[name][1]), ""
    written = choices.text("Layers of the head, apart by ;", "global_max; batch_norm; dense 64", key="head_layers")
    try:
        return architectures.parse(written), ""
    except ConvvizError as refusal:
        return architectures.parse("global_average"), str(refusal)
