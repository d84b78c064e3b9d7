"""What a data set is here."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Outline:
    """What a network must know of a data set before it is made.

    Attributes:
        shape: (H, W, C) of a picture.
        class_names: one for each class.
        train_count: pictures to learn from; None where nobody has counted them.
    """

    shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    train_count: int | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Dataset:
    """Labelled pictures in three parts: to learn from, to choose by, and to report on.

    Attributes:
        train_images: uint8 (N, H, W, C).
        train_labels: int64 (N,), index into ``class_names``.
        validation_images: uint8 (N, H, W, C); never pictures of the test part.
        validation_labels: int64 (N,).
        test_images: uint8 (N, H, W, C).
        test_labels: int64 (N,).
        class_names: one for each class.
        source: who made it, its licence, how it was split.
        boxes: int64 (N, 4), the shape in each test picture as (top, left, bottom, right), ends exclusive, or None.
        masks: bool (N, H, W), the shape's pixels in each test picture, or None.
        left_out: pictures that could not be opened.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    validation_images: np.ndarray
    validation_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple[str, ...]
    source: str
    boxes: np.ndarray | None = None
    masks: np.ndarray | None = None
    left_out: int = 0

    @property
    def outline(self) -> Outline:
        """Shape, classes, and how many pictures there are to learn from."""
        return Outline(tuple(self.train_images.shape[1:]), self.class_names, len(self.train_images))
