"""A long piece of work as the app sees it: a chain of slices that can be paused, changed and stopped between them."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from convviz import ConvvizError
from convviz.jobs import worker
from convviz.jobs.album import Album
from convviz.jobs.calls import let_go
from convviz.jobs.pace import Watch
from convviz.jobs.worker import Opening, Order, Outcome

if TYPE_CHECKING:
    from convviz.jobs.engine import Engine

ENDED = ("done", "stopped", "failed")
MOST_RECORDS = 2000  # that are kept; then every second, every fourth, and so on, and the newest
DEAD_SECONDS = 30.0  # silence after which a worker that is gone is missed
_RESCUES = 2  # how often a job that lost its worker is begun again from one and the same snapshot


class Job:
    """A generator that a worker advances slice by slice.

    Only the newest record is kept whole: where records have a method `light`, the older ones are replaced by what it
    returns, and of very many only every second, fourth, eighth is kept, so that a long job does not fill the memory.

    Attributes:
        number: the job's identity.
        owner: whose it is.
        state: ``"waiting"`` (in line), ``"running"``, ``"paused"``, ``"done"``, ``"stopped"`` or ``"failed"``.
        error: one sentence, when the job failed.
        note: one sentence on what happened meanwhile, such as a worker that was lost.
        snapshot: the newest bytes that a record carried in its `snapshot`, or None.
        album: the bytes that records carried in their `moments`, (step, bytes) pairs, outside the memory.
        watch: how long it has been at work.
    """

    def __init__(self, engine: Engine, number: str, owner: str | None, opening: Opening) -> None:
        self.number = number
        self.owner = owner
        self.state = "waiting"
        self.error = ""
        self.note = ""
        self.snapshot: bytes | None = None
        self.album = Album()
        self.watch = Watch()
        self._engine = engine
        self._opening = opening
        self._records: dict[int, Any] = {}
        self._every = 1  # of how many records one is kept
        self._count = 0  # records that the worker has made, also those still on their way here
        self._value: Any = None
        self._worker: str | None = None  # who holds the state
        self._changes: dict[str, Any] = {}  # that the generator has not been told
        self._changed: dict[str, Any] = {}  # all of them, for a worker that begins from a snapshot
        self._allowance: tuple[str, int] | None = None  # what is left of `advance`: ("steps" | "epochs", count)
        self._told: Any = None  # the worker's being told to hurry, held until the slice is over
        self._allowed = False  # whether the slice on its way knows of the allowance
        self._wish = "run"  # or "pause", "stop"
        self._busy = False  # a slice is on its way
        self._slice: Any = None  # its future
        self._heard = 0.0  # when a worker last told of the slice that is on its way; 0 before it began
        self.heard_from: str | None = None  # which worker
        self._rescues = 0
        self._rescued: bytes | None = None  # the snapshot that it was begun again from
        self._kept_at = -1  # the record that the last snapshot came with
        self._lost = ""  # why it is begun again, until it moves
        self._lock = threading.RLock()
        self._ended = threading.Event()

    # --- what a page asks --------------------------------------------------------------------------------------

    @property
    def history(self) -> list[Any]:
        """The records so far, in order."""
        with self._lock:
            return [self._records[number] for number in sorted(self._records)]

    @property
    def latest(self) -> Any:
        """The newest record, or None."""
        with self._lock:
            return self._records[max(self._records)] if self._records else None

    @property
    def kind(self) -> str:
        """What it does: the same for all jobs of one function."""
        return f"{self._opening.function.__module__}.{self._opening.function.__qualname__}"

    @property
    def ended(self) -> bool:
        """Whether it is over, however it ended."""
        return self.state in ENDED

    @property
    def place_in_line(self) -> int:
        """How many jobs must make room first; 0 when it runs, is paused or has ended."""
        return self._engine.in_line(self)[0]

    @property
    def expected_wait(self) -> float | None:
        """About how many seconds until its turn comes; None where nobody knows."""
        return self._engine.in_line(self)[1]

    def pause(self) -> None:
        """Stop after the record that is being made; what is there stays, and no worker is held."""
        self._want("pause")

    def resume(self) -> None:
        """Go on after a pause; the job takes its turn again."""
        with self._lock:
            self._allowance = None
        self._want("run")

    def advance(self, steps: int | None = None, epochs: int | None = None) -> None:
        """Go on, after a pause or from where it is, for a number of steps or epochs, then pause."""
        if (steps is None) == (epochs is None):
            raise ValueError(f"give steps or epochs, not both or none; received steps={steps}, epochs={epochs}")
        with self._lock:
            self._allowance = ("steps", steps) if steps is not None else ("epochs", self._epoch() + epochs)
            if self._busy:
                self.interrupt(self._engine.client)
        self._want("run")

    def change(self, **settings: Any) -> None:
        """Hand settings, such as ``learning_rate=0.01``, to the generator before its next slice."""
        with self._lock:
            self._changes.update(settings)
            self._changed.update(settings)

    def stop(self) -> None:
        """End it; the records and the last snapshot stay."""
        self._want("stop")

    def discard(self) -> None:
        """End it and keep nothing of its way."""
        self.stop()
        self.album.close()

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the end; what the generator returned, or its last record if that was None.

        Raises:
            ConvvizError: it failed; the message is the sentence for the person at the screen.
            TimeoutError: it has not ended within `timeout` seconds.
        """
        if not self._ended.wait(timeout):
            raise TimeoutError(f"job {self.number} has not ended within {timeout} seconds")
        if self.state == "failed":
            raise ConvvizError(self.error)
        return self._value if self._value is not None else self.latest

    # --- what the engine does ----------------------------------------------------------------------------------

    def order(self) -> Order:
        """The next slice."""
        with self._lock:
            changes, self._changes = self._changes, {}
            records = epochs = None
            self._allowed = self._allowance is not None
            if self._allowance and self._allowance[0] == "steps":
                changes["steps"], records = self._allowance[1], 1
            elif self._allowance:
                epochs = self._allowance[1]
            begins = self._worker is None
            if begins:
                changes = dict(self._changed)
            return Order(
                job=self.number,
                opening=self._opening if begins else None,
                count=self._count,
                records=records,
                epochs=epochs,
                changes=changes or None,
                data=self._engine.belongings.among(self._opening.arguments, self.owner) if begins else {},
                close=self._wish == "stop",
                light=getattr(self._opening.function, worker.LIGHT, False),
            )

    def send(self, client: Any) -> Any:
        """Send the next slice; it goes where the job's state is, if that worker still lives."""
        alive = self._engine.lives(self._worker)
        where = {"workers": [self._worker], "allow_other_workers": True} if alive else {}
        self.state = "running"
        self._heard, self.heard_from = 0.0, self._worker
        self._slice = client.submit(
            worker.advance, self.order(), key=f"slice-{uuid.uuid4().hex}", pure=False, resources={"job": 1}, **where
        )
        self._busy = True
        return self._slice

    def interrupt(self, client: Any) -> None:
        """Let the slice that is at work end after its next record instead of at its time."""
        if client is None or not self._engine.lives(self.heard_from):
            return
        let_go(self._told)
        self._told = client.submit(
            worker.interrupt, self.number, workers=[self.heard_from], allow_other_workers=True,
            key=f"interrupt-{uuid.uuid4().hex}", pure=False, priority=20,
        )  # fmt: skip

    def _hush(self) -> None:
        """Nobody needs to be told any more: the slice is over."""
        let_go(self._told)
        self._told = None

    def heard(self, address: str | None) -> None:
        """A worker has told of the slice that is on its way."""
        if self._busy:
            self.watch.begin()
        self._heard, self.heard_from = time.monotonic(), address or self.heard_from

    @property
    def silent(self) -> float:
        """Seconds since a worker last told of the slice that it has begun; 0 if none is at work."""
        return time.monotonic() - self._heard if self._busy and self._heard else 0.0

    @property
    def touched(self) -> bool:
        """Whether a worker holds it or works on it."""
        return self._busy or self._worker is not None

    def drop_slice(self) -> None:
        """Want no answer to the slice that is on its way."""
        if self._slice is not None:
            self._slice.cancel()

    def take(self, number: int, record: Any) -> None:
        """Keep a record that a worker told of; from a slice that was given up, it may come late."""
        with self._lock:
            if self.ended:
                return
            for step, data in getattr(record, "moments", ()):
                if not self.album.add(step, data):
                    self.note = "the server has no room left on its disk; not all steps are kept for the Time machine"
            if getattr(record, "moments", ()):
                record = replace(record, moments=())
            newest = max(self._records, default=-1)
            if number > newest:
                self.watch.saw(record)
            if number > newest and newest % self._every:
                self._records.pop(newest, None)
            elif number > newest and hasattr(self._records.get(newest), "light"):
                self._records[newest] = self._records[newest].light()
            self._records[number] = record
            if len(self._records) > MOST_RECORDS:
                self._every *= 2
                self._records = {n: one for n, one in self._records.items() if n % self._every == 0 or n == number}
            if getattr(record, "snapshot", None):
                self.snapshot, self._kept_at = record.snapshot, number
            if self._lost:
                self.note, self._lost = self._lost, ""

    def landed(self, outcome: Outcome) -> None:
        """Take a slice's outcome."""
        with self._lock:
            self._busy = False
            self._hush()
            self.watch.pause()
            if self.ended:
                return
            if outcome.lost or outcome.missing is not None:
                self.lost_worker("the job had waited for long")
                return
            self._worker, self._count = outcome.worker, outcome.count
            for number, record in outcome.records:
                self.take(number, record)
            if outcome.finished:
                self._value = outcome.value
                self.end(
                    "failed" if outcome.refusal else "stopped" if self._wish == "stop" else "done", outcome.refusal
                )
            elif (
                self._wish != "stop"
                and self._allowed
                and self._allowance
                and (self._allowance[0] == "steps" or self._epoch() >= self._allowance[1])
            ):
                self._allowance, self._wish = None, "pause"

    def lost_worker(self, why: str = "the worker stopped once") -> None:
        """No worker holds it any more; begin again from the last snapshot or anew, or fail with a sentence."""
        with self._lock:
            self._busy, self._worker = False, None
            self._hush()
            self.watch.pause()
            self._rescues = self._rescues + 1 if self.snapshot is self._rescued else 1
            self._rescued = self.snapshot
            if self._wish == "stop":
                self.end("stopped")
            elif self._rescues > _RESCUES:
                kept = "; what it had reached is kept" if self.snapshot is not None else ""
                self.end(
                    "failed",
                    f"the worker that computed this stopped {self._rescues} times at the same place{kept}; start it "
                    "again with something smaller",
                )
            elif self.snapshot is None:
                if self._records:
                    self._records, self._lost = {}, f"{why}; the job began anew"
                    self.note = f"{why}; the job begins anew as soon as a worker is free"
            else:
                options = {**self._opening.options, "resume": self.snapshot}
                self._opening = Opening(self._opening.function, self._opening.arguments, options)
                self._records = {number: one for number, one in self._records.items() if number <= self._kept_at}
                self._lost = f"{why}; the job went on from its last snapshot"
                self.note = f"{why}; the job goes on from its last snapshot as soon as a worker is free"
            self._count = max(self._records, default=-1) + 1

    def end(self, state: str, error: str | None = None) -> None:
        """Close the book."""
        with self._lock:
            if not self.ended:
                self.state, self.error = state, error or ""
            self._ended.set()

    def _want(self, wish: str) -> None:
        with self._lock:
            if self.ended:
                return
            if self._wish != "stop":  # nothing comes after it; of two quick clicks the first may arrive last
                self._wish = wish
        self._engine.look_after(self)

    def _epoch(self) -> int:
        return getattr(self.latest, "epoch", 0) or 0
