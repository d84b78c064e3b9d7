"""Two settings against each other: each is trained with several seeds, and chance has its say in the conclusion."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from convviz import ConvvizError, plots, training

LOOKS = (("#0072b2", "solid"), ("#d55e00", "dash"))  # of the first setting and of the second: colour and dash
SEEDS = (2, 10)  # runs of each setting, at least and at most
LEVEL = 0.95  # of the interval
SECOND = 5000  # what is added to the seeds of the second setting, so that no run shares its chance with another
MEASURES = ("validation_accuracy", "validation_loss")


@dataclass(frozen=True)
class Contender:
    """One of the two: a network that is begun anew for each run, and how it is trained.

    Attributes:
        network: whatever ``training.train`` begins anew from a seed.
        settings: its seed is that of the first run.
    """

    network: Any
    settings: training.Settings


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        which: 0 for the first setting, 1 for the second.
        seed: of its weights, the order of its pictures and its augmentation.
        epochs: complete ones after which it was measured, in order.
        validation_accuracy: on all validation pictures, 0 to 1, one for each of them.
        validation_loss: mean cross-entropy on the same.
        complete: whether it has come to its end.
        fault: why it ended early, one sentence, or empty.
    """

    which: int
    seed: int
    epochs: tuple[int, ...] = ()
    validation_accuracy: tuple[float, ...] = ()
    validation_loss: tuple[float, ...] = ()
    complete: bool = False
    fault: str = ""


@dataclass(frozen=True)
class Difference:
    """What the finished runs of two settings say of their final accuracy.

    Attributes:
        counts: runs of each.
        means: of each, 0 to 1.
        spreads: standard deviation over the runs of each, with n - 1.
        difference: mean of the second minus mean of the first.
        low: where the interval of the difference begins.
        high: where it ends.
        degrees: Welch's degrees of freedom; infinite where no run differs from another.
    """

    counts: tuple[int, int]
    means: tuple[float, float]
    spreads: tuple[float, float]
    difference: float
    low: float
    high: float
    degrees: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0

    @property
    def runs_needed(self) -> int | None:
        """Runs of each with which such a difference would stand out from such spreads; None if there is none."""
        if not self.difference:
            return None
        return max(2, math.ceil((1.96**2) * sum(one**2 for one in self.spreads) / self.difference**2))


@dataclass(frozen=True)
class Standing:
    """Where a comparison stands.

    Attributes:
        runs: all that have begun.
        done: of them, those that have ended.
        total: runs in all.
        share: part of the work that is done, 0 to 1.
        seconds_left: expected; infinite while nobody knows.
        validation_count: pictures on which the accuracies were measured.
        difference: None until two runs of each are complete.
        snapshot: the finished runs as bytes.
    """

    runs: tuple[Run, ...]
    done: int
    total: int
    share: float
    seconds_left: float
    validation_count: int
    difference: Difference | None = None
    snapshot: bytes | None = None

    def light(self) -> Standing:
        """The same without the runs and their bytes."""
        return replace(self, runs=(), snapshot=None)


def compare(
    one: Contender, other: Contender, dataset: Any, *, seeds: int = 3, resume: bytes | None = None
) -> Generator[Standing, Mapping[str, Any] | None, None]:
    """Train two settings in turn, several seeds each; no two runs share a seed.

    Args:
        one: the first setting.
        other: the second.
        dataset: as ``training.train`` takes it.
        seeds: runs of each, within ``SEEDS``.
        resume: a record's ``snapshot``: finished runs are not trained again.

    Yields:
        a ``Standing`` a few times a second; a message ``{"stop": True}`` ends it, and the runs that are there stay.

    Raises:
        ConvvizError: a network does not fit the data, or a setting is out of range. A run that diverges is told in its
            record instead.
    """
    if not SEEDS[0] <= seeds <= SEEDS[1]:
        raise ConvvizError(f"{seeds} runs of each setting are out of range; choose {SEEDS[0]} to {SEEDS[1]}")
    contenders = (one, other)
    plan = [(which, contenders[which].settings.seed + number + which * SECOND)
            for number in range(seeds) for which in (0, 1)]  # fmt: skip
    runs = _restored(resume)
    pace, count = _Pace(), 0
    share = _share(plan, contenders, len(runs), 0, 0.0)
    for which, seed in plan[len(runs) :]:
        settings = replace(contenders[which].settings, seed=seed)
        course = training.train(contenders[which].network, dataset, settings, limits=training.limits())
        run, part, opens = Run(which, seed), 0.0, True
        while not (run.complete or run.fault):
            began = time.monotonic()
            try:
                now = next(course)
                run, part, count = _grown(run, now), now.step / now.steps, max(count, now.validation_count)
            except StopIteration:
                run = replace(run, complete=True)
            except ConvvizError as refusal:
                if not part:  # what does not fit is refused before the first step
                    raise
                run = replace(run, fault=str(refusal))
            ended = run.complete or bool(run.fault)
            before, share = share, _share(plan, contenders, len(runs), which, 1.0 if ended else part)
            pace.took(time.monotonic() - began, share - before, opens=opens)
            opens = False
            left = pace.left(1 - share, len(plan) - len(runs) - 1)
            message = yield _standing([*runs, run], len(plan), share, left, count)
            if message and message.get("stop"):
                course.close()
                return
        runs.append(run)


def difference(one: Sequence[float], other: Sequence[float], *, level: float = LEVEL) -> Difference | None:
    """The difference of two means with Welch's interval: spreads and counts may differ.

    Args:
        one: final accuracies of the first setting's runs, independent of each other and of the others.
        other: of the second's.
        level: probability with which such an interval covers the true difference, if the accuracies scatter normally.

    Returns:
        None with fewer than two runs of either.

    Source:
        Welch 1947, The generalization of Student's problem when several different population variances are involved,
        Biometrika 34, 28-35.

    Example:
        >>> found = difference([0.90, 0.92, 0.94], [0.95, 0.96, 0.97])
        >>> round(found.difference, 3), round(found.low, 3), round(found.high, 3)
        (0.04, -0.002, 0.082)
    """
    from scipy import special  # it comes with scikit-learn; loaded by the worker alone

    if min(len(one), len(other)) < 2:
        return None
    means, spreads = zip(*((float(np.mean(row)), float(np.std(row, ddof=1))) for row in (one, other)), strict=True)
    counts = (len(one), len(other))
    parts = [spread**2 / count for spread, count in zip(spreads, counts, strict=True)]
    error, gap = math.sqrt(sum(parts)), means[1] - means[0]
    if error == 0:
        return Difference(counts, means, spreads, gap, gap, gap, math.inf)
    degrees = sum(parts) ** 2 / sum(part**2 / (count - 1) for part, count in zip(parts, counts, strict=True))
    reach = float(special.stdtrit(degrees, (1 + level) / 2)) * error
    return Difference(counts, means, spreads, gap, gap - reach, gap + reach, degrees)


def finals(runs: Sequence[Run], which: int, measure: str = "validation_accuracy") -> list[float]:
    """The last number of each complete run of one setting.

    Args:
        runs: of both.
        which: 0 or 1.
        measure: one of ``MEASURES``.

    Returns:
        as many numbers as runs of it are complete.
    """
    return [getattr(run, measure)[-1] for run in runs if run.which == which and run.complete and run.epochs]


def curves(runs: Sequence[Run], names: tuple[str, str], measure: str = "validation_accuracy") -> list[plots.Curve]:
    """What is drawn of a comparison: each run as a thin line, the mean of the complete ones with its spread as a band.

    Args:
        runs: of both settings.
        names: of the two.
        measure: one of ``MEASURES``.

    Returns:
        thin lines without a name and one named line for each setting that has a run with a point; the band is the mean
        minus and plus one standard deviation, where there are two complete runs.
    """
    drawn: list[plots.Curve] = []
    for which, (name, (colour, dash)) in enumerate(zip(names, LOOKS, strict=True)):
        own = [run for run in runs if run.which == which and run.epochs]
        drawn += [plots.Curve("", run.epochs, getattr(run, measure), colour, dash, 0.8) for run in own]
        told = [run for run in own if run.complete] or own[:1]
        if not told:
            continue
        length = min(len(run.epochs) for run in told)
        rows = np.array([getattr(run, measure)[:length] for run in told])
        mean = rows.mean(axis=0)
        spread = rows.std(axis=0, ddof=1) if len(rows) > 1 else None
        label = f"{name} ({len(told)} run{'s' if len(told) > 1 else ''})"
        band = {} if spread is None else {"low": (mean - spread).tolist(), "high": (mean + spread).tolist()}
        drawn.append(plots.Curve(label, told[0].epochs[:length], mean.tolist(), colour, dash, 3.0, **band))
    return drawn


def _grown(run: Run, now: training.Progress) -> Run:
    """A run with one more point, where an epoch has ended and all validation pictures were looked at."""
    if not now.whole or now.epoch < 1 or now.epoch in run.epochs:
        return run
    return replace(
        run,
        epochs=(*run.epochs, now.epoch),
        validation_accuracy=(*run.validation_accuracy, now.validation_accuracy),
        validation_loss=(*run.validation_loss, now.validation_loss),
    )


def _share(plan: list, contenders: tuple[Contender, Contender], done: int, which: int, part: float) -> float:
    """Part of all epochs that is done."""
    work = [contenders[one].settings.epochs for one, _ in plan]
    return (sum(work[:done]) + part * contenders[which].settings.epochs) / sum(work)


class _Pace:
    """How long the rest takes: the opening of a run, in which its network is built and traced, counts by itself."""

    def __init__(self) -> None:
        self._openings: list[float] = []
        self._seconds = self._share = 0.0

    def took(self, seconds: float, share: float, *, opens: bool) -> None:
        """A record took so long and brought so much of the whole."""
        if opens:
            self._openings.append(seconds)
        else:
            self._seconds, self._share = self._seconds + seconds, self._share + share

    def left(self, share: float, runs: int) -> float:
        """Seconds for so much of the whole and so many runs that have not begun; infinite while nobody knows."""
        if share > 0 and not self._share:
            return math.inf
        return self._seconds / max(self._share, 1e-9) * share + min(self._openings, default=0.0) * runs


def _standing(runs: list[Run], total: int, share: float, left: float, count: int) -> Standing:
    over = [run for run in runs if run.complete or run.fault]
    return Standing(
        tuple(runs),
        len(over),
        total,
        share,
        left,
        count,
        difference(*(finals(runs, which) for which in (0, 1))),
        json.dumps([asdict(run) for run in over]).encode(),
    )


def _restored(snapshot: bytes | None) -> list[Run]:
    told = json.loads(snapshot) if snapshot else []
    return [Run(**{name: tuple(one) if isinstance(one, list) else one for name, one in row.items()}) for row in told]
