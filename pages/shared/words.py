"""Numbers and states in words, computed from what is shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from convviz import convolution
from convviz.jobs import Status

SCALES = {  # of a mosaic's brightness -> how it is said
    "lecture": "Standardized: mean 128, deviation 64",
    "channel": "By value, each channel alone",
    "layer": "By value, the layer together",
}


def safe(name: str, longest: int = 80) -> str:
    """A name from outside, as Markdown that shows it and does nothing else."""
    plain = "".join(letter for letter in name if letter.isprintable())[:longest]
    return re.sub(r"([\\`*_\[\]():$<>!#|~{}+.-])", r"\\\1", plain)


def sentence(words: str) -> str:
    """With a capital and a full stop."""
    return words[:1].upper() + words[1:] + ("" if words.endswith(".") else ".")


def shape(array: np.ndarray) -> str:
    """An array's shape, such as 300 × 451 × 3."""
    return " × ".join(str(side) for side in array.shape)


def numbers(low: float, high: float) -> str:
    """A range of values, short."""
    return f"{low:.4g} to {high:.4g}".replace("-", "−")


def percent(share: float) -> str:
    """A part of a whole, 0 to 1, in percent: never 0 % of something, nor 100 % of less than all."""
    if share == 0 or share >= 1:
        return f"{share:.0%}"
    if share < 0.001 or share > 0.999:
        return "less than 0.1%" if share < 0.5 else "more than 99.9%"
    return f"{share:.1%}" if share < 0.1 or share > 0.9 else f"{share:.0%}"


def compute_state(status: Status) -> str:
    """How the engine stands."""
    if status.phase in ("failed", "closed"):
        return status.error or "compute is closed"
    if status.phase != "ready":
        return "compute is starting"
    if not status.running and not status.waiting:
        return f"{status.device}, free"
    return f"{status.device}, {status.running} running, {status.waiting} waiting"


def size_formula(axis: str, size: int, kernel: int, index: int, settings: Mapping[str, Any], output: int) -> str:
    """The output size along one axis, with its numbers."""
    stride, dilation = settings["stride"][index], settings["dilation"][index]
    padding = settings["padding"] if isinstance(settings["padding"], str) else settings["padding"][index]
    before, after = convolution.padding_amounts(size, kernel, stride=stride, padding=padding, dilation=dilation)
    extent = dilation * (kernel - 1) + 1
    wide = f" (kernel {kernel} with dilation {dilation} spans {extent})" if dilation > 1 else ""
    return f"{axis}: ⌊({size} + {before} + {after} − {extent}) / {stride}⌋ + 1 = **{output}**{wide}"


def where(heatmap: np.ndarray, named: str) -> str:
    """Where a heat map is strongest, and on how much of the picture."""
    if not np.isfinite(heatmap).all() or heatmap.max() <= 0:
        return f"No place of the picture speaks for {named}"
    rows, columns = heatmap.shape
    row, column = np.unravel_index(int(np.argmax(heatmap)), heatmap.shape)
    down = ("top", "middle", "bottom")[min(2, 3 * int(row) // rows)]
    across = ("left", "centre", "right")[min(2, 3 * int(column) // columns)]
    half = float((heatmap >= 0.5).mean())
    return (
        f"The evidence for {named} is strongest at the {down} {across}; "
        f"{half:.0%} of the picture has at least half of that"
    )


def sparsity(shares: Mapping[str, float]) -> str:
    """How the share of silent cells changes with depth: layer -> part of the values that are zero."""
    if len(shares) < 2:
        return "A cell is silent where the activation function cut it to zero."
    first, *_, last = shares.items()
    trend = "more" if last[1] > first[1] else "fewer"
    return (
        f"In {safe(first[0])} {first[1]:.0%} of the cells are silent, "
        f"in {safe(last[0])} {last[1]:.0%}: {trend} with depth."
    )
