"""The plots: curves of a training and of an ascent, bars of class probabilities."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from convviz import plots, rendering
from pages.shared import words

CHANNELS = {  # of a picture -> how its line is drawn, apart for the colour-blind
    "red": ("#d55e00", "solid"),
    "green": ("#009e73", "dash"),
    "blue": ("#0072b2", "dot"),
}
MOST_POINTS = 240  # of a curve; more cannot be told apart and cost every visitor's line
# Okabe and Ito's colours, told apart by the colour-blind, and each with a dash of its own
TRAINING, VALIDATION = ("#0072b2", "solid"), ("#d55e00", "dash")
LINES = (  # for many lines at once; grey and dotted is for what they are compared with
    TRAINING, VALIDATION, ("#009e73", "dot"), ("#cc79a7", "dashdot"), ("#e69f00", "longdash"),
    ("#56b4e9", "longdashdot"),
)  # fmt: skip
COMPARED = ("#808080", "dot")


def _plotly() -> Any:
    """Plotly, loaded late: it would delay the first page, which has no chart. It needs Pandas whole, or not at all."""
    importlib.import_module("pandas")
    return importlib.import_module("plotly.graph_objects")


_ROW = 200  # letters of a row's name: two rows of one name would be one


def plain(name: str, longest: int = 80) -> str:
    """A name from outside as a chart's text, which takes a little HTML."""
    return "".join(letter for letter in name if letter.isprintable())[:longest].replace("<", "‹").replace("&", "＆")


def curves(
    title: str,
    x: Sequence[float],
    lines: Mapping[str, tuple[Sequence[float | None], tuple[str, str]]],
    *,
    x_title: str,
    y_title: str = "",
    key: str,
    logarithmic: bool = False,
    marked: bool = False,
    measured: Collection[str] = (),
    scattered: Collection[str] = (),
    y_range: tuple[float, float] | None = None,
    mark: float | None = None,
    whole: bool = False,
) -> None:
    """Lines over a common axis; each has a name, numbers (None where there is none), and a colour with a dash.

    Where it is marked, or a line is among the measured ones, its points are drawn, too; a scattered one is faint points
    without a line. A place on the axis may be marked by an upright line.

    The numbers are sent as float32: a chart that moves is sent anew several times a second.
    """
    figure, last = _plotly().Figure(), []
    for name, (numbers, (colour, dash)) in lines.items():
        points = [(place, number) for place, number in zip(x, numbers, strict=True) if number is not None]
        if not points:
            continue
        last.append(f"{name} {points[-1][1]:.3g}")
        step = max(1, len(points) // MOST_POINTS)
        kept_x, kept = zip(*points[::step], *points[-1:], strict=True)
        looks: dict[str, Any] = {"mode": "lines+markers" if marked or name in measured else "lines"}
        if name in scattered:
            looks = {"mode": "markers", "marker": {"size": 4, "opacity": 0.6, "color": colour}}
        line = {"color": colour, "dash": dash, "width": 2}
        figure.add_scatter(x=np.float32(kept_x), y=np.float32(kept), name=name, line=line, **looks)
    if mark is not None:
        figure.add_vline(mark, line={"color": COMPARED[0], "width": 2})
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        height=260 if len(lines) < 3 else 340,
        margin={"l": 8, "r": 8, "t": 40, "b": 8},
        xaxis={"title": x_title, **({"dtick": max(1, len(x) // 10)} if whole else {})},
        yaxis={
            "title": y_title or None,
            **({"type": "log", "dtick": 1} if logarithmic else {"exponentformat": "power", "range": y_range}),
        },
        legend={"orientation": "h", "y": 1.15, "x": 1, "xanchor": "right"}
        if len(lines) < 3
        else {"orientation": "h", "y": -0.3, "yanchor": "top"},
        hovermode="x unified",
    )
    told = f"{title} over {x_title}; now {', '.join(last)}"
    st.plotly_chart(figure, key=key, alt=told, config={"displayModeBar": False})


def file(
    title: str,
    x: Sequence[float],
    lines: Mapping[str, tuple[Sequence[float | None], tuple[str, str]]],
    *,
    x_title: str,
    y_range: tuple[float, float] | None = None,
) -> bytes:
    """The lines of `curves` as a PNG file."""
    drawn = []
    for name, (numbers, (colour, dash)) in lines.items():
        points = [(place, number) for place, number in zip(x, numbers, strict=True) if number is not None]
        if not points:
            continue
        drawn.append(plots.Curve(name, *(list(row) for row in zip(*points, strict=True)), colour, dash))
    return rendering.png(plots.chart(title, drawn, x_title=x_title, y_range=y_range), level=6)


def spread(title: str, curves_: Sequence[plots.Curve], *, x_title: str, key: str) -> None:
    """Lines with bands: thick ones with a name, and thin ones without that belong to them."""
    figure, last = _plotly().Figure(), []
    for one in curves_:
        if one.low is not None and one.high is not None and len(one.x) > 1:
            edge = [*one.high, *reversed(one.low)]
            figure.add_scatter(
                x=[*one.x, *reversed(one.x)], y=edge, fill="toself", fillcolor=f"{one.colour}2e", mode="none",
                hoverinfo="skip", showlegend=False,
            )  # fmt: skip
    for one in curves_:
        line = {"color": one.colour, "dash": one.dash, "width": one.width}
        looks: dict[str, Any] = {"mode": "lines+markers", "marker": {"size": 4 if one.width < 2 else 7}}
        told = {"name": one.name} if one.name else {"showlegend": False, "opacity": 0.6, "hoverinfo": "skip"}
        figure.add_scatter(x=list(one.x), y=list(one.y), line=line, **looks, **told)
        last += [f"{one.name} {one.y[-1]:.3g}"] if one.name else []
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        height=380,
        margin={"l": 8, "r": 8, "t": 40, "b": 8},
        xaxis={"title": x_title, "dtick": 1 if max(max(one.x) for one in curves_) <= 12 else None},
        yaxis={"exponentformat": "power"},
        legend={"orientation": "h", "y": -0.25, "yanchor": "top"},
        hovermode="x unified",
    )
    told = f"{title} over {x_title}; at the end {', '.join(last)}"
    st.plotly_chart(figure, key=key, alt=told, config={"displayModeBar": False})


def bars(names: Sequence[str], shares: Sequence[float], *, key: str, what: str = "Probabilities") -> None:
    """Shares of classes, by default their probabilities, the first on top."""
    go, told = _plotly(), [words.share(share, fine=True) for share in shares]
    figure = go.Figure(
        go.Bar(
            x=list(shares)[::-1],
            y=[plain(name, _ROW) for name in names][::-1],
            orientation="h",
            text=told[::-1],
            textposition=["inside" if share > 0.5 else "outside" for share in shares][::-1],
            textangle=0,
            constraintext="none",
            insidetextanchor="end",
            insidetextfont={"color": "white"},
            marker={"color": TRAINING[0]},
        )
    )
    figure.update_layout(
        height=44 + 30 * len(names),
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={"range": [0, 1.04], "tickformat": ".0%", "tickvals": [0, 0.25, 0.5, 0.75, 1]},
        yaxis={"type": "category"},
    )
    each = ", ".join(f"{name} {share}" for name, share in zip(names, told, strict=True))
    st.plotly_chart(figure, key=key, alt=f"{what}: {each}", config={"displayModeBar": False})


def dots(names: Sequence[str], series: Mapping[str, Sequence[float | None]], *, x_title: str, key: str) -> None:
    """A row for each name, the first on top, with a dot for each series on a logarithmic axis; None where none is."""
    go, rows = _plotly(), [plain(name, _ROW) for name in names]
    symbols = ("circle", "diamond-open", "square", "triangle-up-open")
    figure, told = go.Figure(), []
    for (label, numbers), (colour, _), symbol in zip(series.items(), LINES, symbols, strict=False):
        known = [(row, number) for row, number in zip(rows, numbers, strict=True) if number]
        told += [f"{label} of {row} {number:.2g}" for row, number in known]
        figure.add_scatter(
            x=np.float32([number for _, number in known]), y=[row for row, _ in known], name=label, mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 10},
        )  # fmt: skip
    figure.update_layout(
        height=90 + 26 * len(names),
        margin={"l": 8, "r": 8, "t": 30, "b": 8},
        xaxis={"title": x_title, "type": "log", "dtick": 1, "exponentformat": "power"},
        yaxis={"type": "category", "categoryorder": "array", "categoryarray": rows[::-1]},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 1, "xanchor": "right"},
    )
    st.plotly_chart(figure, key=key, alt="; ".join(told) or "Nothing yet", config={"displayModeBar": False})


def pairs(
    title: str, names: Sequence[str], before: Sequence[float | None], after: Sequence[float | None], *, key: str
) -> None:
    """Shares from 0 to 1 before and after, side by side, the first name on top; None where there is none."""
    go = _plotly()
    figure = go.Figure()
    looks = (("after", after, VALIDATION[0], "/"), ("before", before, TRAINING[0], ""))  # drawn from the bottom up
    for name, shares, colour, pattern in looks:
        figure.add_bar(
            x=[0 if one is None else one for one in shares][::-1],
            y=[plain(one, _ROW) for one in names][::-1],
            name=name,
            orientation="h",
            text=["" if one is None else words.percent(one) for one in shares][::-1],
            textposition="outside",
            cliponaxis=False,
            marker={"color": colour, "pattern": {"shape": pattern}},
        )
    figure.update_layout(
        height=70 + 52 * len(names),
        margin={"l": 8, "r": 8, "t": 30, "b": 8},
        barmode="group",
        xaxis={"range": [0, 1.15], "tickformat": ".0%", "tickvals": [0, 0.25, 0.5, 0.75, 1]},
        yaxis={"type": "category"},
        legend={
            "orientation": "h",
            "y": 1.0,
            "yanchor": "bottom",
            "x": 1,
            "xanchor": "right",
            "traceorder": "reversed",
        },
    )
    told = ", ".join(
        f"{name} {words.percent(one)} before and {words.percent(two)} after"
        for name, one, two in zip(names, before, after, strict=True)
        if one is not None and two is not None
    )
    st.plotly_chart(figure, key=key, alt=f"{title}: {told}", config={"displayModeBar": False})


def histogram(counts: Mapping[str, Sequence[int]], *, key: str) -> None:
    """How many pixels have each value from 0 to 255, a line for each channel."""
    figure = _plotly().Figure()
    for name, numbers in counts.items():
        colour, dash = CHANNELS[name]
        line = {"color": colour, "dash": dash, "width": 2, "shape": "hvh"}
        figure.add_scatter(x=list(range(len(numbers))), y=list(map(int, numbers)), name=name, mode="lines", line=line)
    figure.update_layout(
        height=300,
        margin={"l": 8, "r": 8, "t": 30, "b": 8},
        xaxis={"title": "value", "range": [-1, 256]},
        yaxis={"title": "pixels", "rangemode": "tozero"},
        legend={"orientation": "h", "y": 1.15, "x": 1, "xanchor": "right"},
        hovermode="x unified",
    )
    peaks = ", ".join(f"{name} most often {max(range(len(one)), key=one.__getitem__)}" for name, one in counts.items())
    st.plotly_chart(figure, key=key, alt=f"Histogram of the values: {peaks}", config={"displayModeBar": False})
