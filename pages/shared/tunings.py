"""Tuning curves on a page: choices of a stimulus, the curve with its peak, and the stimuli themselves."""

from __future__ import annotations

import numpy as np
import streamlit as st

from convviz import rendering, stimuli, tuning
from pages.shared import charts, choices, ui, words

_STRIP = 9  # stimuli that are shown in a row
_GAP = 4  # pixels between them
_GREY = "rgba(128, 128, 128, 0.45)"  # seen on a light and on a dark page; Streamlit's theme leaves a round chart alone
_GRID = {"gridcolor": _GREY, "linecolor": _GREY}


def stimulus() -> tuple[str, str, dict[str, float]]:
    """The chosen stimuli: their kind, the property that is asked about, and the others' values."""
    kind = choices.select(
        "Stimuli", list(stimuli.KINDS), key="tuning_kind", format_func=lambda name: stimuli.KINDS[name].title
    )
    axes = stimuli.KINDS[kind].axes
    axis = choices.select(
        "Asked about", list(axes), key=f"tuning_axis_{kind}", format_func=lambda name: axes[name].title
    )
    fixed = {}
    for name, one in axes.items():
        if name == axis:
            continue
        step = 0.01 if one.high - one.low <= 1 else 1.0
        label = f"{one.title} ({one.unit})"
        key = f"tuning_{kind}_{name}"
        fixed[name] = choices.slider(label, float(one.low), float(one.high), float(one.default), key=key, step=step)
    return kind, axis, fixed


def told(kind: str, axis: str, value: float) -> str:
    """A value with its unit."""
    one = stimuli.KINDS[kind].axes[axis]
    unit = "°" if one.unit == "degrees" else "" if one.unit == "share" else f" {one.unit}"
    return f"{value:.3g}{unit}".replace("-", "−")


def number(answer: float, largest: float) -> str:
    """An answer, short; what is nothing beside the largest is 0."""
    if abs(answer) <= 1e-6 * abs(largest):
        return "0"
    return (f"{answer:,.0f}" if abs(answer) >= 1000 else f"{answer:.4g}").replace("-", "−")


def chart(kind: str, axis: str, curve: tuning.Curve, measure: str) -> None:
    """The curve: round, where the property is one; with its peak marked."""
    go, one = charts._plotly(), stimuli.KINDS[kind].axes[axis]
    values, answers = curve.values, curve.responses.astype(float)
    name, peak = f"{measure}", f"peak at {told(kind, axis, curve.peak)}"
    line = {"color": charts.TRAINING[0], "width": 2}
    mark = {"color": charts.VALIDATION[0], "size": 11, "symbol": "diamond"}
    figure = go.Figure()
    if one.period:
        turns = int(360 / one.period)  # stripes at 0 and at 180 degrees are the same: the curve goes round twice
        around = np.concatenate([values + one.period * turn for turn in range(turns)] + [values[:1] + 360])
        radius = np.maximum(np.append(np.tile(answers, turns), answers[0]), 0)
        figure.add_scatterpolar(theta=around, r=radius, mode="lines", line=line, name=name)
        top = [max(float(answers[curve.best]), 0.0)]
        figure.add_scatterpolar(theta=[curve.peak], r=top, mode="markers", marker=mark, name=peak)
    else:
        figure.add_scatter(x=values, y=answers, mode="lines", line=line, name=name)
        figure.add_scatter(x=[curve.peak], y=[answers[curve.best]], mode="markers", marker=mark, name=peak)
        figure.update_layout(xaxis={"title": f"{one.title} ({one.unit})"}, yaxis={"title": "answer"})
    figure.update_layout(
        height=390, margin={"l": 50, "r": 40, "t": 70, "b": 40},
        legend={"orientation": "h", "y": 1.14, "yanchor": "bottom"},
        polar={
            "bgcolor": "rgba(0, 0, 0, 0)",
            "radialaxis": {"showticklabels": True, "angle": 90, "tickangle": 90, **_GRID},
            "angularaxis": _GRID,
        },
    )  # fmt: skip
    alt = f"Answer over {one.title.lower()}: {peak} with {answers[curve.best]:.4g}, smallest {answers.min():.4g}"
    st.plotly_chart(figure, key="tuning_chart", alt=alt, config={"displayModeBar": False})


def strip(kind: str, axis: str, sweep: stimuli.Sweep, curve: tuning.Curve) -> None:
    """A few of the stimuli side by side, with their values and answers."""
    picked = np.unique(np.linspace(0, len(sweep.values) - 1, _STRIP).round().astype(int))
    tiles = sweep.pictures[picked * sweep.views]
    count, side = len(tiles), tiles.shape[1]
    row = np.full((side, count * (side + _GAP) - _GAP, 3), stimuli.GROUND, np.uint8)
    for place, tile in enumerate(tiles):
        row[:, place * (side + _GAP) : place * (side + _GAP) + side] = tile
    largest = float(curve.responses[curve.best])
    said = ", ".join(f"{told(kind, axis, sweep.values[n])}: {number(curve.responses[n], largest)}" for n in picked)
    with st.container(key="mosaic_stimuli"):
        ui.picture(row, f"Some of the stimuli, with the answers: {said}", f"{count} stimuli with their answers: {said}")


def best(kind: str, axis: str, sweep: stimuli.Sweep, curve: tuning.Curve, feature_map: np.ndarray) -> None:
    """The stimulus at the peak beside its feature map."""
    stimulus = sweep.pictures[curve.best * sweep.views]
    value, low, high = told(kind, axis, curve.peak), float(feature_map.min()), float(feature_map.max())
    left, right = st.columns(2)
    with left:
        caption = f"The stimulus at the peak: {value}, {words.shape(stimulus)}"
        ui.picture(stimulus, caption, f"{stimuli.KINDS[kind].title} at {value}", at_least=300)
    with right:
        limit = ui.limit_of(feature_map)
        caption = f"Its feature map, {words.shape(feature_map)}, values {words.numbers(low, high)}"
        alt = f"{caption}, mean {feature_map.mean():.3g}"
        ui.picture(rendering.signed(feature_map, limit), caption, alt, at_least=300)
        ui.colour_bar("signed", limit, beyond=limit < max(-low, high))


def files(sweep: stimuli.Sweep, curve: tuning.Curve, feature_map: np.ndarray) -> dict:
    """What can be saved."""
    stimulus = sweep.pictures[curve.best * sweep.views]
    lines = ["value,answer", *(f"{v:.6g},{r:.7g}" for v, r in zip(curve.values, curve.responses, strict=True))]
    return {
        "stimulus.png": lambda: rendering.png(stimulus),
        "feature_map.png": lambda: rendering.png(rendering.signed(feature_map)),
        "curve.csv": lambda: "\n".join(lines).encode(),
        "curve.png": lambda: _curve_file(sweep, curve),
    }


def _curve_file(sweep: stimuli.Sweep, curve: tuning.Curve) -> bytes:
    """The curve as a picture, unrolled where the page has it round."""
    one, line = stimuli.KINDS[sweep.kind].axes[sweep.axis], (curve.responses.astype(float).tolist(), charts.TRAINING)
    title = f"Answer, peak at {told(sweep.kind, sweep.axis, curve.peak)}"
    return charts.file(title, curve.values.tolist(), {"answer": line}, x_title=f"{one.title} ({one.unit})")


def noticed(kind: str, axis: str, curve: tuning.Curve, weights: np.ndarray) -> list[str]:
    """What to notice."""
    one, answers = stimuli.KINDS[kind].axes[axis], curve.responses
    largest = float(answers.max())
    if np.ptp(answers) <= 1e-4 * max(abs(float(answers.max())), 1e-6):
        same = number(float(answers[0]), largest)
        return [f"The answer is {same} for every {one.title.lower()}: this filter does not tell them apart."]
    worst = told(kind, axis, float(curve.values[int(np.argmin(answers))]))
    said = [
        f"The answer is largest, {number(largest, largest)}, at {told(kind, axis, curve.peak)}, and smallest, "
        f"{number(float(answers.min()), largest)}, at {worst}."
    ]
    if curve.width is not None:
        said.append(f"It stays at half of the largest or above over {told(kind, axis, curve.width)} around the peak.")
    else:
        said.append("It never falls below half of the largest: the filter is hardly selective here.")
    if curve.selectivity is not None:
        said.append(
            f"Selectivity (1 − circular variance) is {curve.selectivity:.2f}: 0 is no preference, 1 a single value."
        )
    total = float(weights.sum())
    if abs(total) > 1e-4:
        said.append(f"The filter's cells sum to {total:.3g}, so brightness alone gets an answer too.")
    return said[:3]
