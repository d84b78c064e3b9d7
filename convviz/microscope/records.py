"""What the microscope finds: plain frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Step:
    """One step of the arithmetic.

    Attributes:
        layer: path of the layer that takes the step.
        what: one or two words, such as ``"bias"``.
        formula: with its numbers, such as ``"0.25 + 0.1"``.
        value: what comes out.
    """

    layer: str
    what: str
    formula: str
    value: float


@dataclass(frozen=True)
class Taps:
    """What a windowed layer read, and what it multiplied it with.

    Attributes:
        layer: path of the layer.
        mode: ``"convolution"``, ``"transposed"``, ``"depthwise"``, ``"dense"``, ``"max"`` or ``"average"``.
        window: (top, left, bottom, right) in cells of the layer's input, bottom and right just outside; may reach
            outside the input, where zeros stand. None for a dense layer.
        values: float32 (kh, kw, C), or (N,) for a dense layer; a depthwise layer and a pooling read one channel. Of a
            transposed convolution those input cells alone whose kernels reach the cell, so kh and kw may be smaller
            than the kernel's.
        weights: of the same shape; None for a pooling.
        channels: which channels of the input ``values`` are, one for each of its last axis.
        inside: bool (kh, kw), False where the window lies outside the input; None for a dense layer.
    """

    layer: str
    mode: str
    window: tuple[int, int, int, int] | None
    values: np.ndarray
    weights: np.ndarray | None
    channels: tuple[int, ...]
    inside: np.ndarray | None

    def sums(self) -> np.ndarray:
        """Sum of the products for each input channel, float64 (C,); for a dense layer each product, (N,)."""
        if self.weights is None:
            raise ValueError("a pooling multiplies with nothing")
        products = self.values.astype(np.float64) * self.weights
        return products if products.ndim == 1 else products.sum(axis=(0, 1))


@dataclass(frozen=True)
class Stage:
    """One channel that a windowed layer reads, and what goes over it.

    Attributes:
        layer: path of the windowed layer.
        kind: ``"convolution"``, ``"transposed"`` or ``"pooling"``.
        source: float32 (H, W), the channel that was read.
        channel: which one it is.
        weights: float32 (kh, kw), the kernel for it; None for a pooling.
        settings: keyword choices of ``convolution.convolve``, ``convolution.transpose`` or ``pooling.pool`` that give
            the layer's numbers.
        whole: whether this channel alone makes the layer's numbers, so that no other is to be added.
        bias: added at the end; 0 where others are to be added, too.
    """

    layer: str
    kind: str
    source: np.ndarray
    channel: int
    weights: np.ndarray | None
    settings: Mapping[str, Any]
    whole: bool
    bias: float


@dataclass(frozen=True)
class Cell:
    """One number of a network, taken apart.

    Attributes:
        layer: path of the layer.
        channel: of the cell, or the unit of a dense layer.
        row: of the cell; None where the layer has no maps.
        col: as the row.
        value: the network's own number.
        computed: what the steps end in; None where the layer is of a kind that is not taken apart.
        steps: the arithmetic, in order.
        taps: what the first step read; None where it reads single cells.
        field: (top, left, bottom, right) in pixels of the picture as the network takes it, what could matter by the
            layers' shapes; None where it is not known.
        gradient: float32 (H, W), how much each pixel really moves the number: the absolute gradient, summed over the
            colours.
        note: why there is no arithmetic, one phrase; empty where there is.
        calls: how often the network calls the layer; the cell is of the last call.
        unseen: why the field is not known, one phrase; empty where it is.
    """

    layer: str
    channel: int
    row: int | None
    col: int | None
    value: float
    computed: float | None
    steps: tuple[Step, ...]
    taps: Taps | None
    field: tuple[int, int, int, int] | None
    gradient: np.ndarray
    note: str = ""
    calls: int = 1
    unseen: str = ""

    @property
    def difference(self) -> float | None:
        """Between the arithmetic and the network's own number; None without arithmetic."""
        return None if self.computed is None else abs(self.computed - self.value)
