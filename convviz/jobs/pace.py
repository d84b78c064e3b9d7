"""How long a job still needs: by its own word, by its pace so far, or by what others of its kind took."""

from __future__ import annotations

import math
import statistics
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any

_LATELY = 9  # ended jobs of a kind whose times are kept


class Watch:
    """How long one job has been at work, without its waiting, and how quickly it moves.

    The pace is counted from the first record on: before it data is loaded and functions are traced, once.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._before = 0.0  # seconds of the slices that are over
        self._began: float | None = None  # when a worker began the slice that is on its way
        self._first: tuple[float, float] | None = None  # seconds at work and share done at the first record
        self._latest: Any = None

    def begin(self) -> None:
        """A worker works on it; may be said more than once."""
        if self._began is None:
            self._began = self._clock()

    def pause(self) -> None:
        """No worker works on it now."""
        self._before, self._began = self.worked, None

    def saw(self, record: Any) -> None:
        """A record has come."""
        self._latest = record
        if self._first is None and (done := share_done(record)) is not None:
            self._first = self.worked, done

    @property
    def worked(self) -> float:
        """Seconds at work so far."""
        return self._before + (self._clock() - self._began if self._began is not None else 0.0)

    @property
    def left(self) -> float:
        """About how many seconds of work are left, by its word or by its pace; infinite where neither tells."""
        told = getattr(getattr(self._latest, "progress", self._latest), "seconds_left", math.inf)
        if math.isfinite(told):
            return max(0.0, told)
        done = share_done(self._latest)
        if done is None or self._first is None or done <= self._first[1] or self.worked <= self._first[0]:
            return math.inf
        return (1 - done) * (self.worked - self._first[0]) / (done - self._first[1])


def share_done(record: Any) -> float | None:
    """Part of its job that is done when a record comes, 0 to 1; None where it does not say.

    Records say it as ``share``, as ``done``, which is a share or so many of ``total``, or as ``received`` of ``total``
    bytes.
    """
    share, total = getattr(record, "share", None), getattr(record, "total", None)
    done = getattr(record, "done", getattr(record, "received", None))
    if share is None and done is not None:
        share = done if isinstance(done, float) else done / total if total else None
    return None if share is None else min(1.0, max(0.0, share))


class Kinds:
    """What jobs of each kind took lately."""

    def __init__(self) -> None:
        self._took: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_LATELY))

    def took(self, kind: str, seconds: float) -> None:
        """One has come to its end after so many seconds at work."""
        self._took[kind].append(seconds)

    def left(self, job: Any, at_work: Iterable[Any] = ()) -> float:
        """About how many seconds of work a job needs; infinite where there is nothing to go by.

        What it does not say itself is the median of those of its kind, ended lately or at work now, that took longer
        than it has taken so far.

        Args:
            job: has a ``kind`` and a ``watch``.
            at_work: others that say how they get on.
        """
        if math.isfinite(told := job.watch.left):
            return told
        same = [one.watch.worked + one.watch.left for one in at_work if one.kind == job.kind]
        worked = job.watch.worked
        longer = [whole for whole in (*self._took.get(job.kind, ()), *same) if worked < whole < math.inf]
        return statistics.median(longer) - worked if longer else math.inf
