"""What values a picture's pixels have: how often each occurs, and what they come to, channel by channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convviz import ConvvizError

LEVELS = 256  # values that a byte can have
NAMES = {1: ("grey",), 3: ("red", "green", "blue")}  # channels of a picture -> what they are called


@dataclass(frozen=True)
class Summary:
    """What one channel's values come to.

    Attributes:
        name: "grey", "red", "green" or "blue".
        minimum: the lowest value, 0 to 255.
        maximum: the highest.
        mean: of all pixels.
        deviation: the standard deviation, of all pixels (divided by their number).
        levels: how many different values occur, 1 to 256.
    """

    name: str
    minimum: int
    maximum: int
    mean: float
    deviation: float
    levels: int


def histogram(picture: np.ndarray) -> np.ndarray:
    """How many pixels have each value, channel by channel.

    Args:
        picture: uint8 (H, W) or (H, W, C).

    Returns:
        int64 (C, 256); each row sums to H * W. C is 1 for (H, W).

    Raises:
        ConvvizError: this is no picture of bytes.

    Source:
        Gonzalez & Woods, Digital Image Processing, 4th ed., section 3.3.

    Example:
        >>> histogram(np.array([[0, 0], [0, 255]], np.uint8))[0, [0, 255]].tolist()
        [3, 1]
    """
    planes = _planes(picture)
    return np.stack([np.bincount(plane.reshape(-1), minlength=LEVELS) for plane in planes]).astype(np.int64)


def summary(picture: np.ndarray) -> tuple[Summary, ...]:
    """Lowest, highest, mean and standard deviation of each channel.

    Args:
        picture: uint8 (H, W), (H, W, 1) or (H, W, 3).

    Returns:
        one `Summary` for each channel, in the picture's order.

    Raises:
        ConvvizError: this is no picture of bytes, or it has another number of channels.

    Example:
        >>> summary(np.array([[0, 0], [0, 255]], np.uint8))[0].mean
        63.75
    """
    counts, values = histogram(picture), np.arange(LEVELS)
    if len(counts) not in NAMES:
        raise ConvvizError(f"a picture of shape {picture.shape} has {len(counts)} channels; give one with 1 or 3")
    return tuple(_summarised(name, row, values) for name, row in zip(NAMES[len(counts)], counts, strict=True))


def _summarised(name: str, counts: np.ndarray, values: np.ndarray) -> Summary:
    """The figures of one channel, from how often each value occurs: exact, and the same for every order of pixels."""
    occurring = np.flatnonzero(counts)
    pixels = counts.sum()
    mean = (counts @ values) / pixels
    deviation = np.sqrt((counts @ (values - mean) ** 2) / pixels)
    return Summary(name, int(occurring[0]), int(occurring[-1]), float(mean), float(deviation), len(occurring))


def _planes(picture: np.ndarray) -> np.ndarray:
    """The channels, one after the other: (C, H, W)."""
    picture = np.asarray(picture)
    if picture.dtype != np.uint8 or picture.ndim not in (2, 3) or picture.size == 0:
        raise ConvvizError(
            f"an array of shape {picture.shape} and type {picture.dtype} will not do; "
            "give a picture (H, W) or (H, W, C) of bytes, 0 to 255"
        )
    return picture[None] if picture.ndim == 2 else np.moveaxis(picture, -1, 0)


def share_grey(picture: np.ndarray) -> float:
    """The part of a colour picture's pixels whose channels are all alike: 0 to 1.

    Example:
        >>> share_grey(np.array([[[5, 5, 5], [5, 5, 6]]], np.uint8))
        0.5
    """
    return float((picture == picture[..., :1]).all(axis=-1).mean())


def share_at_the_ends(picture: np.ndarray) -> float:
    """The part of a picture's values that are 0 or 255, where light and dark are cut off: 0 to 1.

    Example:
        >>> share_at_the_ends(np.array([[0, 7], [254, 255]], np.uint8))
        0.5
    """
    return float(((picture == 0) | (picture == LEVELS - 1)).mean())
