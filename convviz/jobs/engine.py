"""The engine: hands calls and jobs to workers, keeps what belongs to whom, and says how it stands."""

from __future__ import annotations

import atexit
import itertools
import logging
import os
import pickle
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from convviz import ConvvizError
from convviz.jobs import worker
from convviz.jobs.belongings import Belongings, Reference
from convviz.jobs.calls import START_SECONDS, Calls, answer_of, discard, is_death, let_go
from convviz.jobs.job import DEAD_SECONDS, Job
from convviz.jobs.line import Line
from convviz.jobs.pulse import Pulse

log = logging.getLogger(__name__)

CALL_SECONDS = 60.0  # what a call may take once a worker has begun it
SILENT_SECONDS = 120.0  # what a job may take for one record
AGAIN_SECONDS = 10.0  # after a start that failed, before the next
INTERLEAVED = 2  # jobs of each worker that take turns; further ones wait in line
MOST_WAITING = 60  # jobs in line
MOST_OWN = 6  # jobs of one owner that have not ended


@dataclass(frozen=True)
class Status:
    """How the engine stands.

    Attributes:
        phase: ``"idle"`` (not begun), ``"starting"``, ``"ready"``, ``"restarting"`` (no worker lives, a new one is on
            its way), ``"failed"`` or ``"closed"``.
        device: what computes, in words, such as ``"2 CPU cores"``; empty until known.
        running: jobs that take turns now.
        waiting: jobs in line.
        error: why it failed, one sentence.
    """

    phase: str
    device: str = ""
    running: int = 0
    waiting: int = 0
    error: str = ""


class Engine:
    """Runs functions of `convviz` in worker processes.

    By default it starts a cluster of its own on loopback, at the first call or when `begin` says so. Functions and
    their arguments must be picklable; a `zoo.Reference` among the arguments arrives as a `zoo.Network`, a
    `datasets.Reference` as a `datasets.Dataset`.

    Args:
        scheduler: address of a running Dask scheduler; by default the environment's ``CONVVIZ_SCHEDULER``, or a cluster
            of our own where that is not set.
        workers: worker processes of our own cluster.

    Source:
        Dask distributed, https://distributed.dask.org.
    """

    def __init__(self, scheduler: str | None = None, *, workers: int = 1) -> None:
        self._address, self._workers = scheduler or os.environ.get("CONVVIZ_SCHEDULER"), workers
        self._phase, self._error, self._device = "idle", "", ""
        self._client: Any = None
        self._cluster: Any = None
        self._pulse: Pulse | None = None
        self._failed = -AGAIN_SECONDS  # when a start failed
        self._opened = threading.Event()  # the start has come to an end, good or bad
        self._lock = threading.RLock()
        self._jobs: dict[str, Job] = {}
        self._line = Line()
        self.belongings = Belongings(self._forget_owner)
        self._calls = Calls(self)
        self._hurry, self._numbers = threading.Event(), itertools.count(1)  # set: somebody waits, start now
        atexit.register(self.close)

    # --- life --------------------------------------------------------------------------------------------------

    def begin(self, after: float = 0.0) -> None:
        """Start the cluster in the background, `after` seconds from now; once is enough.

        Does nothing where it stands, starts, or failed to start a moment ago.
        """
        with self._lock:
            again = self._phase == "failed" and time.monotonic() - self._failed > AGAIN_SECONDS
            if self._phase != "idle" and not again:
                return
            self._phase, self._error = "starting", ""
            self._opened.clear()
        threading.Thread(target=self._open, args=(after,), daemon=True, name="open engine").start()

    def _open(self, after: float = 0.0) -> None:
        self._hurry.wait(after)
        client = None
        try:
            from convviz.jobs import cluster

            joined = (cluster.join_cluster(self._address), None) if self._address else None
            client, own = joined or cluster.open_cluster(self._workers)
            client.subscribe_topic(worker.TOPIC, self._heard)
            with self._lock:
                unwanted = self._phase == "closed"
                if not unwanted:
                    self._client, self._cluster = client, own
                    self._pulse = Pulse(client, own, self._beat, self._lost)
            if unwanted:  # closed while it was starting
                cluster.end(client, own)
                return
            self._opened.set()
            with self._lock:
                self._fill()
            device = self._ask_device(client)
            with self._lock:
                self._device, self._phase = device, "ready" if self._phase == "starting" else self._phase
        except Exception as failure:  # whatever went wrong, the pages must be able to say so
            if self._phase == "closed" or client is not self._client:  # lost already, and another start is under way
                return
            log.exception("the engine could not start")
            self._give_up(f"the compute engine could not start ({type(failure).__name__}); it is tried again")

    def _give_up(self, sentence: str) -> None:
        """The start failed: who waits for it hears so."""
        with self._lock:
            self._phase, self._error, self._failed = "failed", sentence, time.monotonic()
            client, own, waiting = self._client, self._cluster, list(self._line.waiting)
            self._client = self._cluster = None
            self._stop_pulse()
        for job in waiting:
            job.end("failed", sentence)
            self.look_after(job)
        self._opened.set()
        discard(client, own)

    def _ask_device(self, client: Any) -> str:
        """What the workers compute on; asked again if the one that was asked died."""
        for attempt in itertools.count():
            future = client.submit(worker.compute_device, pure=False, resources={"call": 1}, priority=30)
            try:
                return answer_of(future, START_SECONDS)
            except Exception:  # a busy machine, a worker that died: the next one may answer
                if attempt == 3:
                    raise
            finally:
                let_go(future)
        raise AssertionError("not reached")

    def close(self) -> None:
        """End all jobs and the cluster, if it is ours; safe to call twice."""
        with self._lock:
            if self._phase == "closed":
                return
            self._phase = "closed"
            client, own, self._client, self._cluster = self._client, self._cluster, None, None
            self._stop_pulse()
            jobs = list(self._jobs.values())
        self._hurry.set()
        for job in jobs:
            if not job.ended:
                job.end("stopped")
        self._opened.set()
        atexit.unregister(self.close)
        if client is not None:
            from convviz.jobs import cluster

            cluster.end(client, own)

    def _lost(self, client: Any) -> None:
        """The connection to the scheduler is gone for good: what was at work waits, and a new start is made."""
        with self._lock:
            if client is not self._client:
                return
            log.warning("the compute engine was lost and is started again")
            own, self._client, self._cluster = self._cluster, None, None
            self._stop_pulse()
            self._phase, self._device = "idle", ""
            self._opened.clear()
            self._line.send_back()
            jobs = list(self._jobs.values())
        for job in jobs:
            if job.touched and not job.ended:
                job.lost_worker()
            self.look_after(job)
        discard(client, own)
        self.begin()

    def _stop_pulse(self) -> None:
        if self._pulse is not None:
            self._pulse.stop()
        self._pulse = None

    def _beat(self) -> None:
        """About once a second: a job that has been silent for too long ends, and costs its worker, if that lives."""
        with self._lock:
            client = self._client
            turns = [(job, self.lives(job.heard_from)) for job in self._line.turns]
        for job, alive in turns:
            if job.silent < (SILENT_SECONDS if alive else DEAD_SECONDS):
                continue
            if alive:
                why = f"a step took longer than {SILENT_SECONDS:g} seconds and was ended; choose less at once"
                job.end("failed", why)
                threading.Thread(target=self._calls.restart, args=(client, job.heard_from), daemon=True).start()
            else:  # it died as a slice ended, and nobody told
                job.lost_worker()
            job.drop_slice()
            self.look_after(job)

    @property
    def client(self) -> Any:
        """The Dask client in use, or None; another one after a loss."""
        return self._client

    @property
    def status(self) -> Status:
        """How it stands now; answers at once."""
        with self._lock:
            gone = self._phase == "ready" and self._pulse is not None and not self._pulse.has_workers
            phase, running, waiting = "restarting" if gone else self._phase, self._line.turns, self._line.waiting
            return Status(phase, self._device, len(running), len(waiting), self._error)

    # --- calls -------------------------------------------------------------------------------------------------

    def call(
        self,
        function: Callable,
        *arguments: Any,
        owner: str | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> Any:
        """Run a function in a worker and wait for what it returns.

        Args:
            function: importable in the worker; gets the arguments, references replaced by networks.
            arguments: picklable; never a Keras model.
            owner: whose networks the references may name.
            timeout: seconds it may take once begun; past them its worker is restarted. `CALL_SECONDS` by default.
            options: keyword arguments of the function.

        Raises:
            ConvvizError: the function refused; the worker died; it took too long; a network is gone.
        """
        return self._calls.call(function, arguments, options, owner, timeout or CALL_SECONDS)

    def ready_client(self) -> Any:
        """The client; waits for the start if it must."""
        self._hurry.set()
        self.begin()
        if not self._opened.wait(START_SECONDS):
            raise ConvvizError("the compute engine is still starting; try again in a moment")
        with self._lock:
            if self._client is None:
                raise ConvvizError(self._error or "the compute engine is closed; start the app again")
            return self._client

    # --- jobs --------------------------------------------------------------------------------------------------

    def start(self, function: Callable, *arguments: Any, owner: str | None = None, **options: Any) -> Job:
        """Start a generator function as a job; it takes its turn with the others.

        Args:
            function: a generator function that yields picklable records. It gets references as networks; it may take
                messages (`generator.send`) with changed settings, and, if it has a parameter `resume`, begin from the
                bytes that a record carried in its attribute `snapshot`.
            arguments: picklable; never a Keras model.
            owner: whose it is.
            options: keyword arguments of the function.

        Raises:
            ConvvizError: too many jobs wait already, in all or of this owner, or the owner has left.
        """
        with self._lock:  # `_forget_owner` comes before or after all of this
            self.belongings.check_here(owner)
            waiting = len(self._line.waiting)
            if waiting >= MOST_WAITING:
                raise ConvvizError(f"{waiting} jobs wait already; try again when some of them have ended")
            own = sum(not job.ended for job in self.jobs(owner))
            if owner is not None and own >= MOST_OWN:
                raise ConvvizError(f"{own} of your jobs have not ended; stop one of them first")
            opening = worker.Opening(function, arguments, dict(options))
            job = Job(self, f"{next(self._numbers)}-{uuid.uuid4().hex[:8]}", owner, opening)
            self._jobs[job.number] = job
            self._line.join(job)
        threading.Thread(target=self._first_turn, args=(job,), daemon=True, name="first turn").start()
        return job

    def jobs(self, owner: str | None) -> list[Job]:
        """An owner's jobs, oldest first."""
        with self._lock:
            return [job for job in self._jobs.values() if job.owner == owner]

    def forget(self, job: Job) -> None:
        """Stop a job and drop what is kept of it."""
        job.discard()
        with self._lock:
            self._jobs.pop(job.number, None)

    def in_line(self, job: Job) -> tuple[int, float | None]:
        """How many jobs must make room before this one runs, and about how many seconds that takes, if it is known."""
        with self._lock:
            return self._line.place(job), self._line.wait(job, INTERLEAVED)

    def _first_turn(self, job: Job) -> None:
        try:
            self.ready_client()
        except ConvvizError as refusal:
            job.end("failed", str(refusal))
        self.look_after(job)

    def look_after(self, job: Job) -> None:
        """Bring a job to where its wishes say: in line, at work, paused or ended; then fill the free places."""
        with self._lock:
            if job.ended:
                self._line.leave(job)
            elif job._wish == "stop" and job._worker is None and not job._busy:
                job.end("stopped")
                self._line.leave(job)
            elif job._wish == "pause" and not job._busy:
                job.state = "paused"
                self._line.leave(job)
            elif job._wish == "pause" or (job._wish == "stop" and job._busy):
                job.interrupt(self._client)
            elif job._wish == "stop":
                self._submit(job)
            elif job not in self._line.turns and job not in self._line.waiting:
                job.state = "waiting"
                self._line.join(job)
            elif job in self._line.turns and not job._busy:
                self._submit(job)
            self._fill()

    def _fill(self) -> None:
        """Let waiting jobs take the free places."""
        while self._client is not None and self._line.waiting and len(self._line.turns) < self._places():
            self._submit(self._line.next())

    def _places(self) -> int:
        """How many jobs may take turns."""
        return INTERLEAVED * (self._workers if self._cluster is not None else max(1, len(self._pulse.workers)))

    def lives(self, address: str | None) -> bool:
        """Whether the scheduler has a worker of that address now."""
        return (pulse := self._pulse) is not None and pulse.lives(address)

    def _submit(self, job: Job) -> None:
        """Send the next slice."""
        if (client := self._client) is None:  # lost just now; who is in line then goes on after the new start
            return
        try:
            job.send(client).add_done_callback(lambda done: self._landed(client, job, done))
        except Exception:  # the client is closing; `_lost` sends the job back into the line
            log.warning("a slice could not be sent", exc_info=True)

    def _landed(self, client: Any, job: Job, future: Any) -> None:
        if client is not self._client:
            return  # of an engine that was lost or closed; the job has been told
        try:
            outcome = answer_of(future)
            if outcome.missing is not None:
                self.data(outcome.missing, job.owner)  # raises where it is gone
            job.landed(outcome)
        except ConvvizError as refusal:
            job._busy = False
            job.end("failed", str(refusal))
        except BaseException as failure:  # the slice's own error, whatever it is, ends the job and not the app
            if client is not self._client:
                return
            if is_death(failure):
                job.lost_worker()
            else:
                log.error("a job failed", exc_info=failure)
                job._busy = False
                job.end("failed", f"the job ended with an error ({type(failure).__name__}); the server's log has more")
        finally:
            let_go(future)
        self.look_after(job)

    def _heard(self, event: tuple[float, Any]) -> None:
        """A worker's message: a call or a slice has begun, or a job has a record."""
        message = event[1]
        if not isinstance(message, dict):
            return
        self._calls.heard(message.get("call"))
        if (job := self._jobs.get(message.get("job"))) is not None:
            if "record" in message:
                job.take(*pickle.loads(message["record"]))
            job.heard(message.get("worker"))

    # --- whose is what -----------------------------------------------------------------------------------------

    def keep(self, reference: Reference, data: bytes, *, owner: str | None = None) -> None:
        """Keep the bytes of a network or a data set for its owner, outside the workers, as long as the owner is here.

        Raises:
            ConvvizError: the owner's networks, or all together, would take too much memory; the owner has left.
        """
        self.belongings.keep(reference, data, owner)

    def drop(self, reference: Reference, *, owner: str | None = None) -> None:
        """Keep the bytes of a network or a data set no longer."""
        self.belongings.drop(reference, owner)

    def data(self, reference: Reference, owner: str | None = None) -> bytes:
        """Kept bytes; only its owner gets them.

        Raises:
            ConvvizError: nothing is kept under this reference for this owner.
        """
        return self.belongings.data(reference, owner)

    def release(self, owner: str, *, after: float = 0.0) -> None:
        """The owner has left: drop all that is the owner's, unless `claim` is called within `after` seconds."""
        self.belongings.leave(owner, after)

    def claim(self, owner: str) -> None:
        """The owner is here."""
        self.belongings.claim(owner)

    def _forget_owner(self, owner: str) -> None:
        for job in self.jobs(owner):
            self.forget(job)
