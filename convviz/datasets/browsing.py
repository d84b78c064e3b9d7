"""Looking at a data set: what is in it, some pictures of every class, and the batches that a network is fed."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from convviz import ConvvizError
from convviz.datasets.records import Dataset, Outline
from convviz.datasets.references import Reference, resolve

_LARGEST_FILE = 300_000_000  # bytes of pictures that are packed into one file
PARTS = ("train", "validation", "test")

Data = Dataset | Reference | str


@dataclass(frozen=True)
class Truth:
    """Test pictures whose objects are known to the pixel.

    Attributes:
        images: uint8 (n, H, W, C).
        labels: int64 (n,).
        boxes: int64 (n, 4), (top, left, bottom, right), ends exclusive.
        masks: bool (n, H, W).
    """

    images: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    masks: np.ndarray


@dataclass(frozen=True)
class Overview:
    """What is in a data set.

    Attributes:
        class_names: one for each class.
        shape: (H, W, C) of a picture.
        counts: part -> pictures of each class.
        examples: uint8 (K, n, H, W, C), n training pictures of each of the K classes, fewer where there are fewer: the
            rest is black.
        source: who made it, its licence, how it was split.
        truth: some test pictures with what is known of them to the pixel, or None.
        left_out: pictures that could not be opened.
    """

    class_names: tuple[str, ...]
    shape: tuple[int, int, int]
    counts: Mapping[str, tuple[int, ...]]
    examples: np.ndarray
    source: str
    truth: Truth | None = None
    left_out: int = 0


@dataclass(frozen=True)
class Batch:
    """What a network is fed in one step.

    Attributes:
        images: uint8 (N, H, W, C).
        labels: int64 (N,).
        class_names: one for each class.
        number: which batch, counted from 0 without an end.
        epoch: passes over the training pictures that are complete before it.
        step: its place within its epoch, from 0.
        steps_per_epoch: batches in one pass; the last one is smaller if the pictures do not divide evenly.
        validation_steps: batches that the validation pictures make.
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    number: int
    epoch: int
    step: int
    steps_per_epoch: int
    validation_steps: int


def overview(data: Data, *, per_class: int = 8, seed: int = 0) -> Overview:
    """A data set in numbers and examples.

    Args:
        data: a data set, a reference to one, or one of ``NAMES``.
        per_class: training pictures of each class to show.
        seed: of the choice.

    Returns:
        Counts by part and class, and the examples.

    Raises:
        ConvvizError: as ``load``.
    """
    data = _at_hand(data)
    rng = np.random.default_rng(seed)
    classes = len(data.class_names)
    examples = np.zeros((classes, per_class, *data.train_images.shape[1:]), np.uint8)
    for label in range(classes):
        rows = np.flatnonzero(data.train_labels == label)
        rows = rng.permutation(rows)[:per_class]
        examples[label, : len(rows)] = data.train_images[rows]
    counts = {
        part: tuple(int(one) for one in np.bincount(getattr(data, f"{part}_labels"), minlength=classes))
        for part in PARTS
    }
    return Overview(
        data.class_names,
        data.train_images.shape[1:],
        counts,
        examples,
        data.source,
        _truth(data, per_class, rng),
        data.left_out,
    )


def _truth(data: Dataset, count: int, rng: np.random.Generator) -> Truth | None:
    """Some test pictures with their boxes and masks, where the data set has them."""
    if data.boxes is None or data.masks is None:
        return None
    rows = rng.permutation(len(data.test_images))[:count]
    return Truth(data.test_images[rows], data.test_labels[rows], data.boxes[rows], data.masks[rows])


def outline(data: Data) -> Outline:
    """Shape and classes of a data set.

    Args:
        data: a data set, a reference to one, or one of ``NAMES``.

    Returns:
        The outline; ``known_outline`` tells it without reading the pictures, where it can.

    Raises:
        ConvvizError: as ``load``.
    """
    return _at_hand(data).outline


def packed(data: Data) -> bytes:
    """A data set as one NumPy archive, for programs that do without this package.

    Args:
        data: a data set, a reference to one, or one of ``NAMES``.

    Returns:
        An ``.npz`` file with images and labels of the three parts, such as ``train_images``, and ``class_names``.

    Raises:
        ConvvizError: it is too large for a file, or as ``load``.
    """
    found = _at_hand(data)
    parts = {f"{part}_{what}": getattr(found, f"{part}_{what}") for part in PARTS for what in ("images", "labels")}
    if sum(one.nbytes for one in parts.values()) > _LARGEST_FILE:
        raise ConvvizError(
            f"these pictures take more than {_LARGEST_FILE // 1_000_000} MB; take fewer or smaller ones to save them"
        )
    buffer = io.BytesIO()
    np.savez_compressed(buffer, class_names=np.array(found.class_names), **parts)
    return buffer.getvalue()


def batch(data: Data, number: int, *, batch_size: int = 20, seed: int = 0) -> Batch:
    """One batch of the generator that never ends: a new order in each epoch.

    Args:
        data: a data set, a reference to one, or one of ``NAMES``.
        number: which batch, from 0; every number has one.
        batch_size: pictures in it.
        seed: of the orders.

    Returns:
        The pictures with their labels, and where they stand.

    Raises:
        ConvvizError: the number is negative, the size below 1, or as ``load``.

    Source:
        Chollet, Deep Learning with Python, section 5.2.4: "the generator yields these batches indefinitely".

    Example:
        >>> batch("digits", 60, batch_size=20).epoch
        1
    """
    if number < 0 or batch_size < 1:
        raise ConvvizError(f"batch {number} of {batch_size} pictures does not exist; count from 0, with 1 or more")
    data = _at_hand(data)
    count = len(data.train_images)
    steps = math.ceil(count / batch_size)
    epoch, step = divmod(number, steps)
    rows = np.random.default_rng((seed, epoch)).permutation(count)[step * batch_size : (step + 1) * batch_size]
    return Batch(
        images=data.train_images[rows],
        labels=data.train_labels[rows],
        class_names=data.class_names,
        number=number,
        epoch=epoch,
        step=step,
        steps_per_epoch=steps,
        validation_steps=math.ceil(len(data.validation_images) / batch_size),
    )


def _at_hand(data: Data) -> Dataset:
    """A data set by name or reference, or as it is."""
    if isinstance(data, str):
        data = Reference(data)
    return resolve(data) if isinstance(data, Reference) else data
