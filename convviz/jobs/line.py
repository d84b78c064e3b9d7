"""Whose turn it is: a few jobs take turns, the others wait, and no owner gets in the way of another."""

from __future__ import annotations

import math
from collections import Counter
from typing import Protocol


class Owned(Protocol):
    """What stands in line."""

    owner: str | None


class Line:
    """Jobs that wait and jobs that take turns.

    The owner with the fewest jobs before it comes first; among equals, who came first. An owner with ten jobs in line
    therefore does not keep an owner with one waiting.

    Attributes:
        waiting: in the order of arrival.
        turns: at work.
    """

    def __init__(self) -> None:
        self.waiting: list[Owned] = []
        self.turns: list[Owned] = []

    def join(self, job: Owned) -> None:
        """Wait, at the end."""
        self.waiting.append(job)

    def leave(self, job: Owned) -> None:
        """Neither wait nor take turns any more."""
        for places in (self.waiting, self.turns):
            if job in places:
                places.remove(job)

    def order(self) -> list[Owned]:
        """The waiting jobs, the next one first."""
        before = Counter(job.owner for job in self.turns)
        ranks = []
        for arrived, job in enumerate(self.waiting):
            ranks.append((before[job.owner], arrived))
            before[job.owner] += 1
        return [self.waiting[arrived] for _, arrived in sorted(ranks)]

    def next(self) -> Owned:
        """Let the next one take turns."""
        job = self.order()[0]
        self.waiting.remove(job)
        self.turns.append(job)
        return job

    def place(self, job: Owned) -> int:
        """1 for the next one; 0 for one that does not wait."""
        return self.order().index(job) + 1 if job in self.waiting else 0

    def wait(self, job: Owned, interleaved: int) -> float | None:
        """About how long until a job's turn comes, from what those at work say of the seconds that they need.

        So many take turns on one worker, and each takes as many times longer. None where one of them does not say, or
        where more than those at work must make room.
        """
        place = self.place(job)
        left = sorted(getattr(getattr(one, "latest", None), "seconds_left", math.inf) for one in self.turns)
        if not 0 < place <= len(left) or not math.isfinite(left[-1]):
            return None
        return left[place - 1] * min(interleaved, len(left))

    def send_back(self) -> None:
        """All that took turns wait again, before those who waited already."""
        self.waiting[:0] = self.turns
        self.turns.clear()
