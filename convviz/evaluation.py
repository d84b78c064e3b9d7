"""How good a network is: what it takes for what, class by class, and where it is surely wrong."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from convviz import ConvvizError, datasets, lazy, tracing, zoo
from convviz.zoo.network import probabilities

tf = lazy.load("tensorflow")

_AT_ONCE = 64_000_000  # bytes that a layer's maps may take when pictures are looked at
_MOST = 500  # pictures at once
_TOLD = 0.25  # seconds between two records
PARTS = datasets.PARTS


@dataclass(frozen=True)
class Mistake:
    """One picture that a network got wrong.

    Attributes:
        index: of the picture, in its part of the data.
        true: its class.
        guessed: the class the network took it for.
        probability: that the network gave to this guess, 0 to 1.
        picture: uint8 (H, W, C).
    """

    index: int
    true: int
    guessed: int
    probability: float
    picture: np.ndarray


@dataclass(frozen=True)
class Report:
    """A network's answers to one part of a data set.

    Attributes:
        class_names: one for each class.
        matrix: int64 (K, K), the confusion matrix: pictures of the row's class that were taken for the column's.
        mistakes: the surest ones first, some of them.
        cells: (true, guessed) -> indices of the pictures counted there, as many as were asked for.
    """

    class_names: tuple[str, ...]
    matrix: np.ndarray
    mistakes: tuple[Mistake, ...]
    cells: dict[tuple[int, int], tuple[int, ...]]

    @property
    def count(self) -> int:
        """Pictures in all."""
        return int(self.matrix.sum())

    @property
    def accuracy(self) -> float:
        """Part of the pictures that were right, 0 to 1."""
        return float(np.trace(self.matrix) / self.matrix.sum())

    @property
    def recall(self) -> np.ndarray:
        """Part of each class's pictures that were right, float64 (K,), NaN for a class without pictures."""
        rows = self.matrix.sum(axis=1)
        return np.divide(np.diag(self.matrix), rows, out=np.full(len(rows), np.nan), where=rows > 0)


@dataclass(frozen=True)
class Examined:
    """How far the asking is.

    Attributes:
        done: pictures that were asked about.
        total: pictures in all.
        right: of these done, how many were right.
        report: all answers, in the last record only.
    """

    done: int
    total: int
    right: int
    report: Report | None = None


def pictures_at_once(card: zoo.Card) -> int:
    """Pictures that a network can look at together without its maps filling the memory."""
    largest = max((math.prod(one.output_shape) for one in card.layers), default=1)
    largest = max(largest, math.prod(card.input_shape))
    return max(1, min(_MOST, _AT_ONCE // (4 * largest)))


def evaluate(
    network: Any, dataset: datasets.Dataset | str, *, part: str = "test", most: int = 24, per_cell: int = 12
) -> Report:
    """Ask a network about every picture of one part of a data set.

    Args:
        network: as for `examine`.
        dataset: as for `examine`.
        part: as for `examine`.
        most: as for `examine`.
        per_cell: as for `examine`.

    Returns:
        The confusion matrix, the surest mistakes, and which pictures stand where.

    Raises:
        ConvvizError: there is no such part, or the network does not fit the data.

    Source:
        Stehman 1997, Selecting and interpreting measures of thematic classification accuracy.
    """
    *_, last = examine(network, dataset, part=part, most=most, per_cell=per_cell)
    return last.report


def examine(
    network: Any, dataset: datasets.Dataset | str, *, part: str = "test", most: int = 24, per_cell: int = 12
) -> Iterator[Examined]:
    """The same bit by bit, for who wants to see how far it is.

    Args:
        network: ``zoo.Network`` or a Keras model that tells the data's classes apart.
        dataset: or the name of one.
        part: one of ``PARTS``.
        most: mistakes to keep, at most.
        per_cell: indices to keep for each cell of the matrix, at most.

    Yields:
        How far it is, about four times a second, and at last the report.

    Raises:
        ConvvizError: there is no such part, or the network does not fit the data.
    """
    network = zoo.as_network(network)
    data = datasets.load(dataset) if isinstance(dataset, str) else dataset
    images, labels = _part(data, part)
    _check(network, data)
    found, done, right, told = [], 0, 0, time.monotonic()
    for some in answers(network, images):
        found.append(some)
        right += int((some.argmax(axis=1) == labels[done : done + len(some)]).sum())
        done += len(some)
        if time.monotonic() - told > _TOLD and done < len(images):
            told = time.monotonic()
            yield Examined(done, len(images), right)
    report = _reported(data, images, labels, np.concatenate(found), most, per_cell)
    yield Examined(done, len(images), right, report)


def _reported(
    data: datasets.Dataset, images: np.ndarray, labels: np.ndarray, chances: np.ndarray, most: int, per_cell: int
) -> Report:
    guesses = chances.argmax(axis=1)
    classes = len(data.class_names)
    matrix = np.bincount(labels * classes + guesses, minlength=classes**2).reshape(classes, classes)
    wrong = np.flatnonzero(guesses != labels)
    surest = wrong[np.argsort(-chances[wrong, guesses[wrong]], kind="stable")][:most]
    mistakes = tuple(
        Mistake(int(one), int(labels[one]), int(guesses[one]), float(chances[one, guesses[one]]), images[one])
        for one in surest
    )
    cells = {
        (row, column): tuple(np.flatnonzero((labels == row) & (guesses == column))[:per_cell].tolist())
        for row, column in zip(*np.nonzero(matrix), strict=True)
    }
    return Report(data.class_names, matrix, mistakes, {(int(r), int(c)): rows for (r, c), rows in cells.items()})


def answers(network: Any, images: np.ndarray) -> Iterator[np.ndarray]:
    """Probabilities for many pictures, as many at a time as fit into a bounded part of the memory.

    Args:
        network: ``zoo.Network`` or a Keras model.
        images: uint8 (N, H, W, C).

    Yields:
        float32 (n, K), in the order of the pictures, as ``Network.predict`` gives them one by one.
    """
    network = zoo.as_network(network)
    function, size = None, pictures_at_once(network.card)
    for start in range(0, len(images), size):
        batch = np.concatenate([network.prepare(one) for one in images[start : start + size]])
        if function is None:
            spec = tf.TensorSpec((None, *batch.shape[1:]), tf.float32)
            function = tracing.traced(network, ("answers", batch.shape[1:]), network.answer, spec)
        logits = function(tf.constant(batch)).numpy()
        yield np.stack([probabilities(row, network.card.output) for row in logits])


def pictures(dataset: datasets.Dataset | str, indices: tuple[int, ...], *, part: str = "test") -> np.ndarray:
    """Some pictures of a data set.

    Args:
        dataset: or the name of one.
        indices: which, at least one.
        part: one of ``PARTS``.

    Returns:
        uint8 (N, H, W, C).
    """
    data = datasets.load(dataset) if isinstance(dataset, str) else dataset
    return _part(data, part)[0][list(indices)]


def _part(data: datasets.Dataset, part: str) -> tuple[np.ndarray, np.ndarray]:
    if part not in PARTS:
        raise ConvvizError(f"there is no part {part!r}; choose one of {', '.join(PARTS)}")
    return getattr(data, f"{part}_images"), getattr(data, f"{part}_labels")


def _check(network: Any, data: datasets.Dataset) -> None:
    card = network.card
    if len(card.class_names) != len(data.class_names):
        raise ConvvizError(
            f"{card.title} tells {len(card.class_names)} classes apart and the data has {len(data.class_names)}; "
            "choose data with the network's classes"
        )
