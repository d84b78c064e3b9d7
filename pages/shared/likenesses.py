"""A learned channel beside the visitor's own kernel: whose tuning curve is most like it."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from convviz import likeness, stimuli, tuning, zoo
from pages.shared import charts, choices, engine, models, pickers, tunings, ui, words

_ROWS = 8  # of the ranking


def beside() -> tuple[zoo.Reference, zoo.Card, str] | None:
    """Whether a learned channel stands beside the kernel; if so, the network and the layer."""
    how = choices.segments(
        "Beside your kernel", ["nothing", "channel"], key="tuning_beside", width="stretch",
        format_func={"nothing": "Nothing", "channel": "A learned channel"}.get,
    )  # fmt: skip
    if how == "nothing":
        return None
    network, card = pickers.network("tuning")
    choices.belong(network, "tuning_layer")
    names = models.with_maps(card)
    return network, card, choices.select("Layer", names, key="tuning_layer")


def compared(
    asked: tuple[zoo.Reference, zoo.Card, str], sweep: stimuli.Sweep, curve: tuning.Curve, kernel: np.ndarray,
    measure: str, controls: Any,
) -> list[str]:  # fmt: skip
    """The ranking and the curve of one channel beside the kernel's; what to notice."""
    network, _, layer = asked
    with st.spinner("Asking every channel of the layer"):
        found = engine.compute(likeness.answers, network, layer, sweep, measure=measure)
    order, alike = likeness.ranked(curve.responses, found.responses)
    count = len(order)
    choices.belong((network, layer), "tuning_channel")
    with controls:
        channel = (
            choices.number(f"Channel (0 to {count - 1})", 0, count - 1, int(order[0]), key="tuning_channel")
            if count > 1 else 0
        )  # fmt: skip
    ui.section(f"Which channel of {words.safe(layer)} is most like your kernel?")
    left, right = st.columns(2)
    with left:
        _curves(sweep, curve, found.responses[:, channel], channel)
    with right:
        rows = [
            {
                "Place": str(place + 1),
                "Channel": str(one),
                "Likeness of the curves": _likeness(alike[one]),
                "Peak at": tunings.told(sweep.kind, sweep.axis, float(sweep.values[found.responses[:, one].argmax()])),
            }
            for place, one in enumerate(order[:_ROWS].tolist())
        ]
        st.table(rows)
        st.caption(
            "Likeness: the correlation of a channel's answers with those of your kernel to the same stimuli, from −1 "
            "to 1. The channel is read in the middle half of its map, away from the padding."
        )
    path, cosines = engine.compute(likeness.kernel_cosines, network, kernel)
    nearest = int(cosines.argmax())
    known = int(np.isfinite(alike).sum())
    if not known:
        first = "No channel can be compared: yours, or all of them, answer to every stimulus alike."
    else:
        first = (
            f"Channel {order[0]} is most like your kernel: its curve correlates with yours by "
            f"{_likeness(alike[order[0]])}; {known} of {count} channels tell these stimuli apart."
        )
    return [
        first,
        f"Weight by weight, filter {nearest} of {words.safe(path)} comes nearest, with a cosine of "
        f"{_likeness(cosines[nearest])} (1: the same but for its size).",
    ]


def _likeness(value: float) -> str:
    return "not defined" if np.isnan(value) else f"{value + 0.0:.2f}".replace("-", "−")


def _curves(sweep: stimuli.Sweep, curve: tuning.Curve, theirs: np.ndarray, channel: int) -> None:
    """Both curves, each in parts of its own largest answer."""
    one = stimuli.KINDS[sweep.kind].axes[sweep.axis]
    parts = [(numbers / (np.abs(numbers).max() or 1.0)).tolist() for numbers in (curve.responses, theirs)]
    lines = {"your kernel": (parts[0], charts.TRAINING), f"channel {channel}": (parts[1], charts.VALIDATION)}
    title = "Answer, part of the largest"
    charts.curves(title, sweep.values.tolist(), lines, x_title=f"{one.title} ({one.unit})", key="tuning_both")
