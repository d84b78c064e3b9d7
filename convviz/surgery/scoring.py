"""What edits cost on a whole data set: accuracy by class, before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from convviz import ConvvizError, datasets, lazy, zoo
from convviz.surgery.edits import Edit
from convviz.surgery.operating import Operation
from convviz.zoo.network import probabilities

tf = lazy.load("tensorflow")

_NUMBERS = 2**22  # of pictures in one batch, at most
_BATCH = 250


@dataclass(frozen=True)
class Score:
    """How often a network was right, as it is and edited.

    Attributes:
        class_names: one for each class.
        done: pictures so far.
        total: pictures of the part.
        pictures: int64 (K,), pictures of each class so far.
        before: int64 (K,), of these, those that the network as it is got right.
        after: those that the edited one got right.
        moved: pictures that the two take for different classes.
    """

    class_names: tuple[str, ...]
    done: int
    total: int
    pictures: np.ndarray
    before: np.ndarray
    after: np.ndarray
    moved: int


def fitting(network: Any) -> tuple[str, ...]:
    """Names of the data sets on this machine that have exactly the network's classes.

    Args:
        network: ``zoo.Network`` or a Keras model.

    Returns:
        Of ``datasets.NAMES``, perhaps none.
    """
    names = zoo.as_network(network).card.class_names
    return tuple(one for one in datasets.NAMES if datasets.CLASSES[one] == names and datasets.is_here(one))


def score(network: Any, dataset: str, edits: Sequence[Edit], *, part: str = "test") -> Iterator[Score]:
    """Put every picture of a part of a data set to a network as it is and to the edited one.

    Args:
        network: ``zoo.Network`` or a Keras model that tells the data's classes apart; it is left as it was.
        dataset: the name of one.
        edits: in order.
        part: one of ``datasets.PARTS``.

    Yields:
        The score so far, after each batch.

    Raises:
        ConvvizError: the network does not fit the data or has no such place.
    """
    network = zoo.as_network(network)
    if part not in datasets.PARTS:
        raise ConvvizError(f"there is no part {part!r}; choose one of {', '.join(datasets.PARTS)}")
    operation = Operation(network, edits)
    data = datasets.resolve(datasets.Reference(dataset))
    if network.card.class_names != data.class_names:
        raise ConvvizError(f"{network.card.title} does not tell the classes of {dataset} apart; choose other data")
    images, labels = getattr(data, f"{part}_images"), getattr(data, f"{part}_labels")
    classes = len(data.class_names)
    right = np.zeros((2, classes), np.int64)
    seen, moved = np.zeros(classes, np.int64), 0
    together = max(1, min(_BATCH, _NUMBERS // prod(network.card.input_shape)))
    run = operation.call(network.card.input_shape)
    for first in range(0, len(images), together):
        batch = tf.constant(np.concatenate([network.prepare(one) for one in images[first : first + together]]))
        true = labels[first : first + together]
        taken = []
        for edited in (False, True):
            logits = run(batch, *operation.tensors(edited=edited))["logits"].numpy()
            taken.append(np.array([probabilities(row, network.card.output).argmax() for row in logits]))
            right[int(edited)] += np.bincount(true[taken[-1] == true], minlength=classes)
        seen = seen + np.bincount(true, minlength=classes)
        moved += int((taken[0] != taken[1]).sum())
        done = min(first + together, len(images))
        yield Score(data.class_names, done, len(images), seen, right[0].copy(), right[1].copy(), moved)
