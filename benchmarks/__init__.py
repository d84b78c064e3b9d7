"""Measurements side by side: our way and another's in the same process, in turns, so that a busy machine slows both.

Every module here that has a function ``rows()`` is a benchmark; it yields a ``Row`` for each comparison.
``python -m benchmarks`` runs all of them and prints one table, ``python -m benchmarks convolution`` only that one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        work: what is computed.
        against: the other way to compute it.
        ours: seconds.
        theirs: seconds.
        ratio: our time as a part of theirs, the median of the single comparisons; below 1 we are faster.
        reach: the largest ratio we allow ourselves, or None where none is set.
    """

    work: str
    against: str
    ours: float
    theirs: float
    ratio: float
    reach: float | None = None


def compare(
    work: str,
    ours: Callable[[], object],
    *,
    against: str,
    theirs: Callable[[], object],
    reach: float | None = None,
    seconds: float = 1.0,
    clock: Callable[[], float] = time.perf_counter,
) -> Row:
    """Run both in turns, the order changing, after one unmeasured run each.

    Args:
        work: what is computed, for the table.
        ours: our way.
        against: the other way's name.
        theirs: the other way.
        reach: the largest ratio allowed.
        seconds: how long to go on; five pairs are run at the least.
        clock: ``time.perf_counter`` for time on the wall, ``time.process_time`` for CPU time.

    Returns:
        Medians over the pairs.
    """
    pair = (ours, theirs)
    for way in pair:
        way()
    times: list[tuple[float, float]] = []
    until = time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < until:
        first = len(times) % 2
        taken = {turn: _measure(pair[turn], clock) for turn in (first, 1 - first)}
        times.append((taken[0], taken[1]))
    ratio = median(mine / other for mine, other in times)
    return Row(work, against, median(mine for mine, _ in times), median(other for _, other in times), ratio, reach)


def _measure(way: Callable[[], object], clock: Callable[[], float]) -> float:
    """Seconds of one run; its result is let go only afterwards."""
    start = clock()
    result = way()
    taken = clock() - start
    del result
    return taken


def table(rows: list[Row]) -> str:
    """Rows as lines of text, a mark where a ratio is above its reach."""
    lines = [("work", "against", "ours", "theirs", "ratio", "reach", "")]
    for row in rows:
        missed = row.reach is not None and row.ratio > row.reach
        lines.append(
            (
                row.work,
                row.against,
                f"{row.ours * 1e3:.2f} ms",
                f"{row.theirs * 1e3:.2f} ms",
                f"{row.ratio:.3f}",
                "" if row.reach is None else f"{row.reach:.3f}",
                "missed" if missed else "",
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
