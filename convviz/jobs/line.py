"""Whose turn it is: a few jobs take turns, the others wait, and no owner gets in the way of another."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from typing import Protocol

from convviz.jobs.pace import Kinds, Watch


class Owned(Protocol):
    """What stands in line."""

    owner: str | None
    kind: str
    state: str
    watch: Watch


class Line:
    """Jobs that wait and jobs that take turns.

    The owner with the fewest jobs before it comes first; among equals, who came first. An owner with ten jobs in line
    therefore does not keep an owner with one waiting.

    Attributes:
        waiting: in the order of arrival.
        turns: at work.
        kinds: what jobs of each kind took lately.
    """

    def __init__(self) -> None:
        self.waiting: list[Owned] = []
        self.turns: list[Owned] = []
        self.kinds = Kinds()

    def join(self, job: Owned) -> None:
        """Wait, at the end."""
        self.waiting.append(job)

    def leave(self, job: Owned) -> None:
        """Neither wait nor take turns any more; how long one took that is done, those will be judged by who wait."""
        if job in self.turns and job.state == "done":
            self.kinds.took(job.kind, job.watch.worked)
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
        """About how many seconds until a job's turn comes, from what those before it still need.

        So many take turns on one worker, and each takes as many times longer. Who leaves makes room for the next in
        line. None where there is nothing to go by.
        """
        place = self.place(job)
        needed = [self.kinds.left(one, self.turns) for one in self.turns]
        if not place or not needed or not all(map(math.isfinite, needed)):
            return None
        times = min(interleaved, len(needed))
        free = sorted(times * seconds for seconds in needed)  # when each place is free; sorted, it is a heap
        for one in self.order()[: place - 1]:
            heapq.heapreplace(free, free[0] + times * self.kinds.left(one, self.turns))
        return free[0] if math.isfinite(free[0]) else None

    def send_back(self) -> None:
        """All that took turns wait again, before those who waited already."""
        self.waiting[:0] = self.turns
        self.turns.clear()
