"""What a frozen base makes of each picture, computed when it is first wanted and then remembered."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from convviz import architectures, datasets, lazy, zoo
from convviz.evaluation import pictures_at_once
from convviz.training.records import Settings

tf = lazy.load("tensorflow")

MOST_BYTES = 400_000_000  # of features; more are computed anew each time


class Remembered:
    """The features of some pictures, to be indexed like an array of them.

    Attributes:
        shape: of all features, the pictures' axis first.
        dtype: float32.
        computed: how many pictures the base has looked at so far.

    Args:
        pictures: uint8 (N, H, W, C).
        compute: traced function from a batch of pictures to features.
        shape: of one picture's features.
        at_once: pictures in one call.
    """

    def __init__(self, pictures: np.ndarray, compute: Any, shape: tuple[int, ...], at_once: int) -> None:
        self._pictures, self._compute, self._at_once = pictures, compute, at_once
        self._features = np.zeros((len(pictures), *shape), np.float32)
        self._known = np.zeros(len(pictures), bool)
        self.shape, self.dtype, self.computed = self._features.shape, self._features.dtype, 0

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, rows: Any) -> np.ndarray:
        """The features of these pictures; those that are not known yet are computed."""
        wanted = np.arange(len(self))[rows]
        unknown = wanted[~self._known[wanted]]
        for first in range(0, len(unknown), self._at_once):
            some = unknown[first : first + self._at_once]
            self._features[some] = self._compute(tf.constant(self._pictures[some])).numpy()
            self._known[some] = True
        self.computed += len(unknown)
        return self._features[rows]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left to be computed."""
        return bool(self._known.all())


def remembered(
    network: Any, begun: zoo.Network, dataset: datasets.Dataset, settings: Settings
) -> tuple[Any, datasets.Dataset] | None:
    """The part of a network that learns and the features that it learns from, if the rest never changes.

    Args:
        network: what was asked to be trained.
        begun: the same, built.
        dataset: the pictures.
        settings: with an augmentation every picture is new each time, so nothing can be remembered.

    Returns:
        The head as a Keras model and the data set with `Remembered` in the place of its pictures; None where all of
        the network learns, or the features are too many.
    """
    if not isinstance(network, architectures.Transfer) or settings.augmentation:
        return None
    parts = network.split(begun.model)
    if parts is None:
        return None
    base, head = parts
    shape = tuple(base.output_shape[1:])
    pictures = {part: getattr(dataset, f"{part}_images") for part in datasets.PARTS}
    if 4 * math.prod(shape) * sum(map(len, pictures.values())) > MOST_BYTES:
        return None

    def features(batch: Any) -> Any:
        return base(tf.cast(batch, tf.float32), training=False)

    spec = tf.TensorSpec((None, *dataset.train_images.shape[1:]), dataset.train_images.dtype)
    compute = tf.function(features, jit_compile=False, input_signature=(spec,))
    at_once = min(architectures.MOST_AT_ONCE, pictures_at_once(begun.card))
    seen = {f"{part}_images": Remembered(one, compute, shape, at_once) for part, one in pictures.items()}
    return head, replace(dataset, **seen)
