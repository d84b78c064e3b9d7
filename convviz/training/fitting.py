"""Whether network, data and settings fit each other."""

from __future__ import annotations

import math

import numpy as np

from convviz import ConvvizError, datasets, zoo
from convviz.training.limits import Limits
from convviz.training.records import OPTIMIZERS, Beginning, Settings


def some_of(total: int, count: int) -> np.ndarray:
    """Places of some pictures among all, always the same ones, drawn at random: a data set may be sorted by class."""
    return np.random.default_rng(0).permutation(total)[:count]


def class_names(network: zoo.Network, dataset: datasets.Dataset) -> tuple[str, ...]:
    """One name for each of the network's probabilities; the data may have fewer classes."""
    return (*dataset.class_names, *network.card.class_names[len(dataset.class_names) :])


def beginning(network: zoo.Network, dataset: datasets.Dataset) -> Beginning:
    """What a run begins with."""
    return Beginning(
        class_names=class_names(network, dataset),
        shape=tuple(dataset.train_images.shape[1:]),
        counts=(len(dataset.train_images), len(dataset.validation_images), len(dataset.test_images)),
        parameters=network.card.parameters,
        trainable=sum(math.prod(one.shape) for one in network.model.trainable_variables),
        layers=tuple(one.name for one in network.card.map_layers()),
        explained=network.card.explained_layer,
    )


def check(network: zoo.Network, dataset: datasets.Dataset, settings: Settings, limits: Limits | None) -> None:
    """Refuse what cannot be trained, or is more than a server allows."""
    shape, wanted = tuple(dataset.train_images.shape[1:]), tuple(network.card.input_shape)
    if shape != wanted:
        raise ConvvizError(f"the pictures are {_by(shape)} and the network takes {_by(wanted)}; choose other data")
    for part in datasets.PARTS:
        if not len(getattr(dataset, f"{part}_images")):
            raise ConvvizError(f"the data has no {part} pictures; give every class some more")
    classes = len(network.card.class_names)
    if classes < len(dataset.class_names):
        raise ConvvizError(f"the data has {len(dataset.class_names)} classes and the network tells {classes} apart")
    if not network.model.trainable_variables:
        raise ConvvizError("every layer of this network is frozen, so nothing can be learned; set some of it free")
    if settings.epochs < 1 or settings.batch_size < 1:
        raise ConvvizError(f"epochs ({settings.epochs}) and batch size ({settings.batch_size}) must be at least 1")
    if settings.patience is not None and settings.patience < 1:
        raise ConvvizError(f"a patience of {settings.patience} epochs cannot be had; choose at least 1")
    if not 0 < settings.learning_rate <= 10:
        raise ConvvizError(f"a learning rate of {settings.learning_rate:g} cannot be used; choose 0.00001 to 10")
    if settings.optimizer not in OPTIMIZERS:
        raise ConvvizError(f"there is no optimizer {settings.optimizer!r} here; choose one of {', '.join(OPTIMIZERS)}")
    if limits is not None:
        limits.check(network, dataset, settings)


def _by(shape: tuple[int, ...]) -> str:
    return " × ".join(str(side) for side in shape)
