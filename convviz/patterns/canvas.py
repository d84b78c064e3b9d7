"""The picture that is climbed on: how its pixels become the network's input, how it begins, how it is shown.

Pixels here are RGB (or grey) numbers around 128 on the scale from 0 to 255, whatever values the network takes, so that
the lecture's noise and step mean the same for every network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from convviz import images

NOISE = 20.0  # width of the uniform grey noise that an ascent starts from, of 255 (Chollet 2018, listing 5.34)
CONTRAST = 0.1  # standard deviation of a pattern as shown, of 1 (Chollet 2018, listing 5.35)


def colours(network: Any) -> tuple[np.ndarray, np.ndarray]:
    """How pixels become the network's values: values = pixels @ matrix + offset.

    Four plain pictures are prepared to find out, so networks that swap colours or scale each differently are met too.

    Args:
        network: ``zoo.Network``.

    Returns:
        (matrix (C, C), offset (C,)), float32. Where the preparation is not of that form, the card's value range,
        colour by colour.
    """
    if "colours" not in network.compiled:
        network.compiled["colours"] = _found_colours(network)
    return network.compiled["colours"]


def values(network: Any, pixels: Any) -> Any:
    """Pixels (N, H, W, C), an array or a tensor, as the network takes them."""
    matrix, offset = colours(network)
    if not (matrix - np.diag(np.diag(matrix))).any():
        return pixels * np.diag(matrix) + offset
    return pixels @ matrix + offset


def _found_colours(network: Any) -> tuple[np.ndarray, np.ndarray]:
    """Matrix and offset from what becomes of black, white, and the pure colours."""
    channels = network.card.input_shape[-1]
    low, high = network.card.value_range
    plain = np.eye(channels, dtype=np.float32) * np.float32((high - low) / 255), np.full(channels, low, np.float32)
    if channels not in (1, 3):
        return plain
    black, white = _prepared(network, (0, 0, 0)), _prepared(network, (255, 255, 255))
    if channels == 1:
        matrix = ((white - black) / 255)[None]
    else:
        matrix = np.stack([(_prepared(network, colour) - black) / 255 for colour in 255 * np.eye(3, dtype=int)])
    fits = np.allclose(black + 255 * matrix.sum(axis=0), white, rtol=1e-3, atol=1e-3 * np.abs(matrix).max())
    return (matrix, black) if fits and np.isfinite(matrix).all() and matrix.any() else plain


def _prepared(network: Any, colour: Sequence[int]) -> np.ndarray:
    """The values (C,) that a picture of one colour gets."""
    return network.prepare(np.full((4, 4, 3), colour, np.uint8))[0, 0, 0].astype(np.float32)


def noise(seeds: Sequence[int | tuple[int, ...]], shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """Grey noise for each seed, the same for a seed whatever others stand beside it: float32 (N, H, W, C)."""
    seed = int(rng.integers(2**31))
    grains = [np.random.default_rng(np.r_[seed, one].tolist()).random(shape, np.float32) for one in seeds]
    return 128 + np.float32(NOISE) * np.stack(grains)


def of_picture(network: Any, picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture, uint8 (H, W, 3), as a canvas of a size: float32 (1, height, width, C), levels."""
    channels = network.card.input_shape[-1]
    shown = images.with_channels(np.asarray(picture), channels if channels in (1, 3, 4) else 3)
    sized = images.resize(shown, size).astype(np.float32).reshape(*size, -1)
    return sized[None, ..., np.arange(channels) % sized.shape[-1]]


def tiled(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Tiles (N, h, w, C) repeated to fill (N, H, W, C)."""
    if pixels.shape[1:3] == size:
        return pixels
    rows, columns = np.arange(size[0]) % pixels.shape[1], np.arange(size[1]) % pixels.shape[2]
    return pixels[:, rows[:, None], columns]


def resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Canvases (N, h, w, C) enlarged or reduced to (N, H, W, C)."""
    return np.stack([images.resize(one, size).reshape(*size, -1) for one in pixels])


def levels(pixels: np.ndarray, blank: np.ndarray) -> np.ndarray:
    """Pixels in 8 bits, the lecture's way: centred, contrast set to 0.1, brightness to 0.5, clipped.

    Args:
        pixels: float (N, H, W, C).
        blank: bool (N,): these become plain grey, since what they show is only the noise they began with.

    Returns:
        uint8 (N, H, W, C).

    Source:
        Chollet 2018, Deep Learning with Python, listing 5.35.
    """
    centred = pixels - pixels.mean(axis=(1, 2, 3), keepdims=True)
    spread = np.sqrt(np.einsum("nhwc,nhwc->n", centred, centred) / centred[0].size)[:, None, None, None]
    shown = np.clip(centred * (255 * CONTRAST / (spread + 1e-5)) + 127.5, 0, 255).astype(np.uint8)
    shown[blank] = 127
    return shown


def pictures(shown: np.ndarray) -> np.ndarray:
    """Canvases in 8 bits, (N, H, W, C), as RGB pictures: uint8 (N, H, W, 3)."""
    return shown[..., :3] if shown.shape[-1] >= 3 else np.repeat(shown[..., :1], 3, axis=-1)
