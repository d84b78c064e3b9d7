"""How good a network is: what it takes for what, class by class, and where it is surely wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from convviz import ConvvizError, datasets, lazy, tracing, zoo
from convviz.zoo.network import probabilities

tf = lazy.load("tensorflow")

_BATCH = 250  # pictures at once
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


def evaluate(
    network: Any, dataset: datasets.Dataset | str, *, part: str = "test", most: int = 24, per_cell: int = 12
) -> Report:
    """Ask a network about every picture of one part of a data set.

    Args:
        network: ``zoo.Network`` or a Keras model that tells the data's classes apart.
        dataset: or the name of one.
        part: one of ``PARTS``.
        most: mistakes to keep, at most.
        per_cell: indices to keep for each cell of the matrix, at most.

    Returns:
        The confusion matrix, the surest mistakes, and which pictures stand where.

    Raises:
        ConvvizError: there is no such part, or the network does not fit the data.

    Source:
        Stehman 1997, Selecting and interpreting measures of thematic classification accuracy.
    """
    network = zoo.as_network(network)
    data = datasets.load(dataset) if isinstance(dataset, str) else dataset
    images, labels = _part(data, part)
    _check(network, data)
    chances = np.concatenate(list(answers(network, images)))
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
    """Probabilities for many pictures, some at a time.

    Args:
        network: ``zoo.Network`` or a Keras model.
        images: uint8 (N, H, W, C).

    Yields:
        float32 (n, K), in the order of the pictures, as ``Network.predict`` gives them one by one.
    """
    network = zoo.as_network(network)
    function = None
    for start in range(0, len(images), _BATCH):
        batch = np.concatenate([network.prepare(one) for one in images[start : start + _BATCH]])
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
