"""A visitor's comparison of two settings: what differs, the runs as they come, and what may be concluded."""

from __future__ import annotations

import csv
import functools
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from convviz import architectures, augmentation, comparison, datasets, plots, rendering, training
from convviz.jobs import Job
from pages.shared import charts, choices, engine, starting, steering, words

SLOT = "comparison"
_WANTED = "_comparison_what"
MEASURES = {"validation_accuracy": "Validation accuracy", "validation_loss": "Validation loss"}
LAYERS = {  # network -> its title and its layers
    "lecture": ("The lecture's for digits", architectures.PRESETS["mnist"].text),
    "small": ("Small, with a global average", architectures.PRESETS["small"].text),
    "tiny": ("One layer of eight kernels", architectures.PRESETS["tiny"].text),
    "dense": ("No convolution, 64 dense units", "flatten; dense 64"),
}
_GENTLE = {"rotation": 10, "width_shift": 0.08, "height_shift": 0.08, "zoom": 0.1}
CHANGES = {"none": None, "gentle": _GENTLE, "lecture": augmentation.LECTURE}


@dataclass(frozen=True)
class Field:
    """One thing in which two settings may differ: its label, its options, and what each setting has at first."""

    label: str
    options: tuple[Any, ...]
    first: Any
    second: Any
    title: Callable[[Any], str] = str


FIELDS = {
    "learning_rate": Field("Learning rate", (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1), 0.001, 0.003),
    "batch_size": Field("Batch size (pictures a step)", (8, 16, 32, 64, 128), 32, 128),
    "optimizer": Field("Optimizer", training.OPTIMIZERS, "rmsprop", "sgd"),
    "epochs": Field("Epochs (passes over the data)", (1, 2, 3, 5, 8, 12, 20), 3, 8),
    "augmentation": Field(
        "Augmentation", tuple(CHANGES), "none", "gentle",
        {"none": "none", "gentle": "gentle turns, shifts and zooms", "lecture": "the lecture's"}.get,
    ),
    "dropout": Field("Dropout before the last layer", (0.0, 0.25, 0.5), 0.0, 0.5),
    "network": Field("Network", tuple(LAYERS), "lecture", "dense", {key: one[0] for key, one in LAYERS.items()}.get),
}  # fmt: skip


def choose(differs: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both settings: the one thing in which they differ side by side, the rest once."""
    field = FIELDS[differs]
    one, other = st.columns(2)
    looks = {"format_func": field.title}
    with one:
        first = choices.select("A", field.options, key=f"versus_{differs}", default=field.first, **looks)
    with other:
        second = choices.select("B", field.options, key=f"versus_{differs}_b", default=field.second, **looks)
    if first == second:
        st.warning(
            f"A and B are the same, {field.label.partition(' (')[0].lower()} {field.title(first)}: their runs will "
            "differ by the chance of the seeds alone. Choose another for one of them to compare two settings."
        )
    with st.expander("What both share"):
        shared = {
            name: choices.select(
                one.label, one.options, key=f"versus_{name}", default=one.first, format_func=one.title
            )
            for name, one in FIELDS.items()
            if name != differs
        }  # fmt: skip
    return {**shared, differs: first}, {**shared, differs: second}


def contender(values: dict[str, Any], outline: datasets.Outline, seed: int) -> comparison.Contender:
    """A setting as it is trained.

    Raises:
        ConvvizError: the network does not fit the pictures.
    """
    layers = architectures.parse(LAYERS[values["network"]][1])
    if values["dropout"]:
        layers = (*layers, architectures.Layer("dropout", rate=values["dropout"]))
    network = architectures.Architecture(tuple(outline.shape), layers, len(outline.class_names)).checked()
    names = ("epochs", "batch_size", "learning_rate", "optimizer")
    settings = training.Settings(
        **{name: values[name] for name in names}, augmentation=CHANGES[values["augmentation"]], seed=seed
    )
    return comparison.Contender(network, settings)


def obstacle(contenders: tuple, outline: datasets.Outline, per_class: int) -> str:
    """Why one of the settings cannot be trained here, one sentence, or empty."""
    found = (starting.obstacle(one.network, outline, one.settings, per_class) for one in contenders)
    return next((f"{letter}: {fault}" for letter, fault in zip("AB", found, strict=True) if fault), "")


def begin(differs: str, values: tuple[dict, dict], contenders: tuple, dataset: Any, seeds: int) -> None:
    """Start the runs in place of those before."""
    engine.start(SLOT, comparison.compare, *contenders, dataset, seeds=seeds)
    named = tuple(
        f"{letter}: {FIELDS[differs].label.partition(' (')[0].lower()} {FIELDS[differs].title(one[differs])}"
        for letter, one in zip("AB", values, strict=True)
    )
    st.session_state[_WANTED] = (named, contenders, dataset, seeds)


def what(contenders: tuple, dataset: Any, seeds: int) -> tuple[tuple, Any, int]:
    """What the shown runs train; before the first, what is given."""
    return st.session_state.get(_WANTED, (None, contenders, dataset, seeds))[1:]


def older(contenders: tuple, dataset: Any, seeds: int) -> None:
    """Over the result, where it is not of what is chosen now."""
    if engine.job(SLOT) is not None and what(contenders, dataset, seeds) != (contenders, dataset, seeds):
        st.info("Shown are the runs with the choices before; start again for those chosen now.")


def ready(differs: str, values: tuple[dict, dict], seeds: int) -> None:
    """Before the first run."""
    first, second = (FIELDS[differs].title(one[differs]) for one in values)
    st.info(
        f"Ready: {2 * seeds} runs, {seeds} with {FIELDS[differs].label.partition(' (')[0].lower()} {first} (A) and "
        f"{seeds} with {second} (B), in turn, each with a seed of its own."
    )


def shown(job: Job, measure: str) -> None:
    """The runs so far."""
    steering.buttons(job, "comparison")
    _state(job)
    now = job.latest
    if now is None:
        return
    drawn = comparison.curves(now.runs, _names(), measure)
    if not drawn:
        return
    charts.spread(MEASURES[measure], drawn, x_title="epoch", key="comparison_curves")
    st.caption(
        f"Thin lines: one run each, measured on all {now.validation_count:,} validation pictures after each epoch. "
        "Thick: the mean of the finished runs; band: one standard deviation to either side."
    )
    if len(_finals(now)[0]) and len(_finals(now)[1]):
        st.table(_rows(now))


def _names() -> tuple[str, str]:
    return st.session_state[_WANTED][0]


def _finals(now: comparison.Standing) -> tuple[list[float], list[float]]:
    return comparison.finals(now.runs, 0), comparison.finals(now.runs, 1)


def _rows(now: comparison.Standing) -> list[dict[str, str]]:
    """The final accuracies as a table."""
    rows = []
    for which, (name, last) in enumerate(zip(_names(), _finals(now), strict=True)):
        mean = sum(last) / len(last)
        spread = math.sqrt(sum((one - mean) ** 2 for one in last) / (len(last) - 1)) if len(last) > 1 else None
        broken = sum(bool(run.fault) for run in now.runs if run.which == which)
        rows.append(
            {
                "Setting": words.safe(name),
                "Runs": f"{len(last)}" + (f" ({broken} diverged)" if broken else ""),
                "Final accuracy, mean": words.percent(mean),
                "Standard deviation": "one run has none" if spread is None else f"{100 * spread:.2f} points",
                "Lowest to highest": f"{words.percent(min(last))} to {words.percent(max(last))}",
            }
        )
    return rows


def _state(job: Job) -> None:
    """How far it is, and what went wrong."""
    steering.troubles(job)
    now = job.latest
    if now is None:
        if not job.ended and not job.place_in_line:
            st.progress(0.0, "The worker loads the data and builds the first network")
        return
    ends = {"paused": "Paused", "done": "Done", "stopped": "Stopped", "failed": "Ended"}.get(job.state)
    known = math.isfinite(now.seconds_left)
    expected = f"{words.sentence(words.duration(now.seconds_left)).rstrip('.')} left" if known else ""
    left = ends or expected or "How long it takes is not known yet"
    under_way = next((run for run in now.runs if not run.complete and not run.fault), None)
    which = f", now {'AB'[under_way.which]} with seed {under_way.seed}" if under_way and not job.ended else ""
    st.progress(min(1.0, now.share), f"{now.done} of {now.total} runs complete{which}. {left}")
    for run in now.runs:
        if run.fault:
            st.warning(f"{'AB'[run.which]} with seed {run.seed}: {words.sentence(run.fault)}")


def noticed(job: Job | None) -> list[str]:
    """What may be concluded by now."""
    found = None if job is None or job.latest is None else job.latest.difference
    if found is None:
        return [
            "The same settings give another accuracy with another seed; one run of each cannot tell two apart.",
            "A conclusion needs at least two finished runs of each.",
        ]
    points, few = 100 * found.difference, min(found.counts)
    means = (
        f"A ends at {words.percent(found.means[0])} on average over {found.counts[0]} runs, "
        f"B at {words.percent(found.means[1])} over {found.counts[1]}"
    )
    verdict = (_of_the_same if _is_same() else _of_two)(found)
    return [
        f"{means}: {_signed(points)} points.",
        f"{verdict[0].upper()}{verdict[1:]}.",
        f"{'Few' if few < 5 else 'These'} runs: the spread is estimated from {few} of each"
        f"{' and is itself uncertain' if few < 5 else ''}. All were measured on the same "
        f"{job.latest.validation_count:,} validation pictures; other pictures would add a chance that the interval "
        "does not hold.",
    ]


def _is_same() -> bool:
    """Whether the shown runs are of one setting twice."""
    first, second = st.session_state[_WANTED][1]
    return first == second


def _of_two(found: comparison.Difference) -> str:
    """What the runs of two settings say."""
    if found.low == found.high:
        return "no run differs from the others of its setting, so that chance cannot be estimated from them"
    if found.is_clear:
        better = "B" if found.difference > 0 else "A"
        return f"{_interval(found)} and leaves out zero: {better} is better here, beyond the chance of the seeds"
    return f"{_interval(found)} and holds zero: these runs do not tell which is better{_needed(found)}"


def _of_the_same(found: comparison.Difference) -> str:
    """What the runs of one setting, trained twice, say."""
    said = "A and B had the same settings, so that their runs differ by the chance of the seeds alone"
    if found.low == found.high:
        return said
    holds, share = ("leaves out", 1 - comparison.LEVEL) if found.is_clear else ("holds", comparison.LEVEL)
    return f"{said}; {_interval(found)} and {holds} zero, as {100 * share:.0f} in 100 such comparisons do by chance"


def _interval(found: comparison.Difference) -> str:
    low, high = (_signed(100 * one) for one in (found.low, found.high))
    return f"the {comparison.LEVEL:.0%} interval of the difference B − A goes from {low} to {high} points"


def _needed(found: comparison.Difference) -> str:
    needed = found.runs_needed
    if needed is None or needed <= max(found.counts):
        return ""
    return f"; with such spreads, about {needed:,} runs of each would be needed for a difference of this size"


def _signed(points: float) -> str:
    return f"{points:+.1f}".replace("-", "−")


def files(measure: str) -> dict[str, Callable[[], bytes]]:
    """All numbers as a table and the chart as a picture, for the page's foot."""
    job = engine.job(SLOT)
    if job is None or job.latest is None or not any(run.epochs for run in job.latest.runs):
        return {}
    runs, names = job.latest.runs, _names()
    return {
        "comparison.csv": functools.partial(_table, runs, names),
        "comparison.png": functools.partial(_chart, runs, names, measure),
    }


def _table(runs: tuple[comparison.Run, ...], names: tuple[str, str]) -> bytes:
    """A row for each epoch of each run."""
    file = io.StringIO(newline="")
    table = csv.writer(file)
    table.writerow(["setting", "seed", "complete", "epoch", *MEASURES])
    for run in runs:
        for row in zip(run.epochs, *(getattr(run, name) for name in MEASURES), strict=True):
            table.writerow([names[run.which], run.seed, run.complete, *row])
    return file.getvalue().encode()


def _chart(runs: tuple[comparison.Run, ...], names: tuple[str, str], measure: str) -> bytes:
    drawn = comparison.curves(runs, names, measure)
    return rendering.png(plots.chart(MEASURES[measure], drawn, x_title="epoch"))
