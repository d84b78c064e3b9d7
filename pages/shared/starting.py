"""Before a run: where it begins, what it takes, and what stands in its way."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from convviz import ConvvizError, architectures, datasets, images, rendering, training, zoo
from pages.shared import data_sets, engine, layer_editor, pickers, ui, words

SECONDS = 120.0  # that building a large base may take


def obstacle(begins: Any, outline: datasets.Outline, settings: training.Settings, per_class: int | None) -> str:
    """Why a run cannot be started, one sentence, or empty.

    Args:
        begins: an `architectures.Architecture` or `Transfer`, or the `zoo.Reference` of a network that goes on
            learning.
        outline: of the pictures.
        settings: how.
        per_class: pictures of each class, at most.
    """
    if isinstance(begins, zoo.Reference):
        takes = tuple(pickers.card(begins).input_shape)
        if takes != tuple(outline.shape):
            return (
                f"“{_named(begins)}” takes pictures of {_by(takes)} and these are {_by(outline.shape)}; choose their "
                "size under Fewer or smaller pictures, other data, or another beginning"
            )
    if isinstance(begins, architectures.Architecture) and (fault := _fault(begins)):
        return fault
    try:
        trainable, size = _takes(begins, settings, _batch(outline, settings, per_class))
    except ConvvizError as refusal:
        return str(refusal)
    if not trainable:
        return (
            "nothing of this network can learn: it has no weights, or all of them are frozen; choose another one, or "
            "set a part of it free"
        )
    return training.limits().fault(trainable, size)


def batch_sizes(sizes: tuple[int, ...]) -> list[int]:
    """Those of some batch sizes that this server allows, at least one."""
    most = training.limits().batch_size
    return [size for size in sizes if size <= most] or [most]


def _takes(begins: Any, settings: training.Settings, batch: int) -> tuple[int, int]:
    """Trainable parameters, and bytes that a training in batches of that size takes."""
    if isinstance(begins, architectures.Architecture):
        return begins.trainable, begins.memory(batch, settings.optimizer)
    found = demand(begins, settings) if isinstance(begins, zoo.Reference) else surveyed(begins).demand
    return found.trainable, found.memory(batch, settings.optimizer, remembered=not settings.augmentation)


def demand(begins: zoo.Reference, settings: training.Settings) -> architectures.Demand:
    """What a training takes memory for, of a network that goes on; a worker looks."""
    with st.spinner("Looking at the network"):
        return engine.compute(training.demand, begins, settings.train_from, timeout=SECONDS)


def surveyed(begins: architectures.Transfer) -> architectures.Survey:
    """What of a network on a base learns; a worker builds it to see."""
    with st.spinner("Building the base"):
        return engine.compute(architectures.survey, begins, timeout=SECONDS)


def needs(begins: Any, outline: datasets.Outline, settings: training.Settings, per_class: int | None) -> str:
    """What the training takes, in words."""
    batch = _batch(outline, settings, per_class)
    trainable, size = _takes(begins, settings, batch)
    if isinstance(begins, zoo.Reference):
        told = f"{pickers.card(begins).parameters:,} parameters of “{words.safe(_named(begins))}”, {trainable:,} learn."
    elif isinstance(begins, architectures.Transfer):
        told = f"{surveyed(begins).parameters:,} parameters, {trainable:,} learn."
    else:
        told = f"{words.count(begins.parameters, 'parameter')}."
    own = f"{settings.optimizer}'s own numbers, and " if architectures.OPTIMIZER_SLOTS[settings.optimizer] else ""
    return (
        f"{told} Training takes about {max(1, size / 1e6):,.0f} MB: weights, gradients and "
        f"{own}the maps of {words.count(batch, 'picture')} with some of their gradients."
    )


def _fault(begins: Any) -> str:
    """What is wrong with the layers, or empty."""
    return begins.fault() if isinstance(begins, architectures.Architecture) else ""


def _batch(outline: datasets.Outline, settings: training.Settings, per_class: int | None) -> int:
    """Pictures of a step: there may be fewer than it asks for."""
    bound = per_class * len(outline.class_names) if per_class else settings.batch_size
    return max(1, min(settings.batch_size, bound, outline.train_count or bound))


def aside(begins: Any, planted: str) -> None:
    """Beside the choice of a network: that it does not count where another one goes on, and what of that stays."""
    if isinstance(begins, zoo.Reference):
        st.caption(
            f"The next run goes on with “{words.safe(_named(begins))}”. Network, last layer and first kernel count "
            f"only where it begins with new random weights (under More). {planted}"
        )


def ready(begins: Any, dataset: datasets.Reference, reason: str) -> None:
    """Before the first run: what will be learned, or what stands in its way; wrong layers are told beside them."""
    if reason:
        if reason != _fault(begins):
            ui.error(reason)
    elif isinstance(begins, zoo.Reference):
        st.info(f"Ready: “{words.safe(_named(begins))}” goes on learning. Start when you like.")
    else:
        told = layer_editor.planted(begins)
        st.info(f"Ready: the network below with new random weights. {told}{' ' if told else ''}Start when you like.")
    if not (dataset.kind == "named" and dataset.name == "digits"):
        data_sets.examples(dataset)
        return
    digits = np.stack([images.grey(images.sample(f"digit_{digit}")) for digit in range(10)], axis=-1)
    ui.picture(
        rendering.mosaic(digits, columns=10, scale="layer"), "Ten of the pictures, 28 × 28 each", "The digits 0 to 9"
    )


def layers(begins: zoo.Reference) -> None:
    """The layers of a network that goes on."""
    card = pickers.card(begins)
    ui.section(f"The network: {card.parameters:,} parameters")
    st.table(
        [
            {
                "Layer": f"{words.safe(one.name)}, {words.safe(one.kind)}",
                "Output": " × ".join(map(str, one.output_shape)),
                "Parameters": f"{one.parameters:,}",
            }
            for one in card.layers
        ]
    )


def _named(begins: zoo.Reference) -> str:
    """A network's name as it stands in the choice, unsafe as its owner wrote it."""
    title = next((pickers.network_title(one) for one in pickers.own_networks() if pickers.reference(one) == begins), "")
    return title or pickers.card(begins).title


def _by(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
