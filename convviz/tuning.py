"""Tuning curves: how the answer of a kernel, or of anything that takes pictures, changes along one property.

What answers is a function from a batch of pictures, uint8 (N, H, W, 3), to one number for each, (N,): a kernel by
``kernel_responses``, and just as well a channel of a trained network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from convviz import ConvvizError
from convviz.convolution import convolve
from convviz.stimuli import Sweep

Respond = Callable[[np.ndarray], np.ndarray]  # uint8 (N, H, W, 3) -> float (N,)
MEASURES = ("root mean square", "largest", "mean of positive")
SEEN: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {  # what a filter over red, green and blue looks at -> its shares
        "brightness": (0.299, 0.587, 0.114),
        "red": (1.0, 0.0, 0.0),
        "green": (0.0, 1.0, 0.0),
        "blue": (0.0, 0.0, 1.0),
        "red against green": (1.0, -1.0, 0.0),
        "blue against yellow": (-0.5, -0.5, 1.0),
    }
)


def over_colours(kernel: np.ndarray, seen: str = "brightness") -> np.ndarray:
    """A kernel as a filter over red, green and blue.

    Args:
        kernel: (kh, kw).
        seen: a name of ``SEEN``.

    Returns:
        float32 (kh, kw, 3).

    Raises:
        ConvvizError: there is no such choice.
    """
    if seen not in SEEN:
        raise ConvvizError(f"a filter cannot look at {seen[:40]!r}; choose one of {', '.join(SEEN)}")
    return (np.asarray(kernel, np.float64)[..., None] * SEEN[seen]).astype(np.float32)


def kernel_responses(pictures: np.ndarray, weights: np.ndarray, *, measure: str = "root mean square") -> np.ndarray:
    """One number for every picture: how strongly a filter answers to it.

    Args:
        pictures: uint8 (N, H, W, 3).
        weights: (kh, kw, 3), a filter; it slides over each picture, no padding.
        measure: of the feature map: its "largest" value, the "mean of positive" values (negative ones count 0, as
            after a ReLU), or the "root mean square".

    Returns:
        float32 (N,).

    Raises:
        ConvvizError: there is no such measure, or the filter does not fit.
    """
    if measure not in MEASURES:
        raise ConvvizError(f"a response cannot be measured by {measure[:40]!r}; choose one of {', '.join(MEASURES)}")
    return np.float32([_one(convolve(picture, weights), measure) for picture in pictures])


def _one(feature_map: np.ndarray, measure: str) -> float:
    """A feature map as one number."""
    values = feature_map.astype(np.float64)
    if measure == "largest":
        return float(values.max())
    if measure == "mean of positive":
        return float(np.maximum(values, 0).mean())
    return float(np.sqrt((values**2).mean()))


@dataclass(frozen=True, eq=False)
class Curve:
    """A tuning curve.

    Attributes:
        values: float64 (N,), the property.
        responses: float32 (N,), the answers.
        best: place of the largest answer.
        width: how far, along the property, the answer stays at half the largest or above, around the peak; None where
            it never falls below that, or the largest is not above 0.
        selectivity: of a periodic property, from 0 (all values alike) to 1 (a single one); else None.
    """

    values: np.ndarray
    responses: np.ndarray
    best: int
    width: float | None
    selectivity: float | None

    @property
    def peak(self) -> float:
        """The value with the largest answer."""
        return float(self.values[self.best])


def curve(respond: Respond, sweep: Sweep) -> Curve:
    """Ask something about a batch of stimuli.

    Args:
        respond: takes the whole batch once.
        sweep: the stimuli; of several views of one value the root mean square counts, with the sign of the mean.

    Returns:
        the curve with its peak.

    Source:
        Selectivity: 1 - circular variance; Ringach, Shapley & Hawken 2002, The Journal of Neuroscience 22(13).
    """
    responses = np.asarray(respond(sweep.pictures), np.float32)
    if responses.shape != (len(sweep.pictures),):
        raise ValueError(f"{len(sweep.pictures)} pictures got answers of shape {responses.shape}")
    views = responses.reshape(-1, sweep.views)
    responses = np.sign(views.mean(axis=1)) * np.sqrt((views**2).mean(axis=1))
    positive = np.maximum(responses.astype(np.float64), 0)
    selectivity = None
    if sweep.period is not None:
        turns = np.exp(2j * np.pi * sweep.values / sweep.period)
        selectivity = float(np.abs((positive * turns).sum()) / max(positive.sum(), 1e-12))
    best = int(np.argmax(responses))
    return Curve(sweep.values, responses, best, _half_width(sweep, positive, best), selectivity)


def _half_width(sweep: Sweep, responses: np.ndarray, best: int) -> float | None:
    """From the place below the peak where half of it is reached to the place above; ends count where there is none."""
    values, half, count = sweep.values, responses[best] / 2, len(responses)
    if half <= 0 or responses.min() >= half:
        return None
    step = values[1] - values[0]
    total = 0.0
    for way in (-1, 1):
        place = 0
        while True:
            here, after = best + way * place, best + way * (place + 1)
            if sweep.period is None and not 0 <= after < count:
                break
            inner, outer = responses[here % count], responses[after % count]
            if outer < half:
                place += (inner - half) / (inner - outer)
                break
            place += 1
        total += place
    return float(total * step)
