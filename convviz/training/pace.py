"""How long things take in a run, and what may be done beside the steps so that it costs little."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Sequence

RECORD_SECONDS = 0.25  # between two records
_GLANCE = 128  # validation pictures that are looked at for a record, at most; all of them at the end of an epoch
_FEWEST = 16  # that are worth a glance
_LOOKING = 0.04  # part of the time that glances may take, and as much again what is drawn for who watches
_LATELY = 5  # times of a kind that are kept; the middle one counts, so that one slow moment does not
_RARE = 3.0  # what is beside the steps and takes more than so much of their time is done once or seldom


class Pace:
    """How long things take here, and what may be done beside the steps.

    Attributes:
        busy: seconds of computing in all.
        glance: validation pictures to look at next.

    Args:
        validation_pictures: how many there are.
        test_pictures: likewise.
        remembers: whether what a base makes of a picture is computed when it is first looked at, and then kept.
    """

    def __init__(self, validation_pictures: int, test_pictures: int = 0, *, remembers: bool = False) -> None:
        self.busy = 0.0
        self.glance = min(_FEWEST, _GLANCE, validation_pictures)
        self._pictures = validation_pictures, test_pictures
        self._remembers = remembers
        self._most = min(_GLANCE, validation_pictures)
        self._step: float | None = None  # seconds of a step, in the last record
        self._steps: deque[float] = deque(maxlen=_LATELY)  # the same of the last records, without the one that traced
        self._looks: deque[float] = deque(maxlen=_LATELY)  # seconds to look at a picture
        self._new: deque[float] = deque(maxlen=_LATELY)  # the same, of pictures that nobody has looked at before
        self._whole: deque[float] = deque(maxlen=_LATELY)  # seconds to look at all validation pictures
        self._overhead = 1.0  # time with what is beside the steps, as a multiple of the steps' own
        self._glances = 0
        self._owed = 0.0  # seconds of training since the last glance
        self._watched = self._drew_at = self._drew_for = 0.0

    def fitting(self) -> int:
        """Steps that take about a quarter of a second; one at first, to see what a step costs."""
        return 1 if self._step is None else max(1, round(RECORD_SECONDS / self._step))

    def trained(self, count: int, seconds: float) -> None:
        """So many steps took so long; the first call's time is that of tracing."""
        traced = self._step is None
        self._step = seconds / count / 20 if traced and count == 1 else seconds / count
        if not traced:
            self._steps.append(self._step)
        self._trained = self._step * count
        self._owed += self._trained

    def worked(self, seconds: float) -> None:
        """Steps and what was beside them took so long."""
        self.busy += seconds
        if seconds < _RARE * self._trained:
            weight = 0.2 * min(1.0, self._trained / RECORD_SECONDS)  # a step that is made alone tells little
            self._overhead += weight * (seconds / self._trained - self._overhead)

    def may_glance(self) -> bool:
        """Whether a glance would take a small part of the time since the last."""
        return not self._looks or self.glance * _usual(self._looks) <= _LOOKING * self._owed

    def glanced(self, count: int, seconds: float) -> None:
        """A glance took so long; the first one's time is that of tracing."""
        self._glances += 1
        self._owed = 0.0
        if self._glances > 1:
            self._looks.append(seconds / count)
            affordable = int(4 * _LOOKING * RECORD_SECONDS / _usual(self._looks))
            self.glance = min(self._most, max(min(_FEWEST, self._most), affordable))

    def looking(self, seconds: float, share: float) -> None:
        """To look at such a part of the validation pictures took so long, which tells unless it was the first call."""
        if not self._looks and self._glances:
            self._looks.append(seconds / (share * self._pictures[0]))

    def looked(self, seconds: float) -> None:
        """To look at all validation pictures took so long."""
        if not self._whole or not self._remembers:
            self._new.append(seconds / self._pictures[0])
        self._whole.append(seconds)
        self.busy += seconds

    def seconds_for(self, pictures: int) -> float:
        """What it takes to look at so many."""
        return pictures * _usual(self._looks)

    def left(self, steps: int, looks: float, tests: float) -> float:
        """Seconds that the rest takes: steps, and looks at all validation and test pictures; parts of a look count."""
        steps_take = max(0, steps) * (_usual(self._steps) or self._step or 0.0) * max(1.0, self._overhead)
        validation, test = self._pictures
        whole = _usual(self._whole) if self._whole else self.seconds_for(validation)
        return steps_take + max(0.0, looks) * whole + tests * test * (_usual(self._new) or _usual(self._looks))

    def watch(self, seconds: float) -> None:
        """Somebody watches for so long."""
        self._watched = time.monotonic() + seconds

    def watches(self) -> bool:
        """Whether somebody still does."""
        return time.monotonic() < self._watched

    def may_draw(self) -> bool:
        """Whether drawing takes a small part of the time since it was last done; the first two are for free."""
        return (time.monotonic() - self._drew_at) * _LOOKING >= self._drew_for

    def drew(self, seconds: float) -> None:
        """To draw took so long; the first one's time is that of tracing."""
        self._drew_for = seconds if self._drew_at else 0.0
        self._drew_at = time.monotonic()


def _usual(times: Sequence[float]) -> float:
    """The middle one of some times, of two the shorter; 0 where there is none."""
    return statistics.median_low(times) if times else 0.0
