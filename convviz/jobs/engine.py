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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from convviz import ConvvizError, zoo
from convviz.jobs import worker
from convviz.jobs.belongings import Belongings
from convviz.jobs.job import Job, sliceable

log = logging.getLogger(__name__)

CALL_SECONDS = 60.0  # what a call may take once a worker has begun it
START_SECONDS = 60.0  # what starting a worker may take
INTERLEAVED = 2  # jobs of each worker that take turns; further ones wait in line
MOST_WAITING = 60  # jobs in line

STOPPED = "the worker that computed this stopped; try again, a new one is starting"


@dataclass(frozen=True)
class Status:
    """How the engine stands.

    Attributes:
        phase: ``"idle"`` (not begun), ``"starting"``, ``"ready"``, ``"failed"`` or ``"closed"``.
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
    their arguments must be picklable; a `zoo.Reference` among the arguments arrives as a `zoo.Network`.

    Args:
        scheduler: address of a running Dask scheduler; by default the environment's ``CONVVIZ_SCHEDULER``, or a cluster
            of our own where that is not set.
        workers: worker processes of our own cluster.

    Source:
        Dask distributed, https://distributed.dask.org.
    """

    def __init__(self, scheduler: str | None = None, *, workers: int = 1) -> None:
        self._address = scheduler or os.environ.get("CONVVIZ_SCHEDULER")
        self._workers = workers
        self._phase, self._error, self._device = "idle", "", ""
        self._client: Any = None
        self._cluster: Any = None
        self._opened = threading.Event()
        self._lock = threading.RLock()
        self._jobs: dict[str, Job] = {}
        self._line: list[Job] = []  # waiting, in order
        self._turns: list[Job] = []  # taking turns
        self.belongings = Belongings(self._forget_owner)
        self._begun: dict[str, float] = {}  # call -> when a worker began it
        self._hurry = threading.Event()  # somebody waits: start now
        self._numbers = itertools.count(1)
        atexit.register(self.close)

    # --- life --------------------------------------------------------------------------------------------------

    def begin(self, after: float = 0.0) -> None:
        """Start the cluster in the background, `after` seconds from now; once is enough."""
        with self._lock:
            if self._phase != "idle":
                return
            self._phase = "starting"
        threading.Thread(target=self._open, args=(after,), daemon=True, name="open engine").start()

    def _open(self, after: float = 0.0) -> None:
        self._hurry.wait(after)
        try:
            from convviz.jobs import cluster

            if self._address:
                client, own = cluster.join_cluster(self._address), None
            else:
                client, own = cluster.open_cluster(self._workers)
            client.subscribe_topic(worker.TOPIC, self._heard)
            with self._lock:
                self._client, self._cluster = client, own
            self._opened.set()
            device = self._ask_device(client)
            with self._lock:
                self._device, self._phase = device, "ready" if self._phase == "starting" else self._phase
        except Exception as failure:  # whatever went wrong, the pages must be able to say so
            log.exception("the engine could not start")
            with self._lock:
                self._phase, self._error = "failed", f"the compute engine could not start ({type(failure).__name__})"
            self._opened.set()

    def _ask_device(self, client: Any) -> str:
        """What the workers compute on; asked again if the one that was asked died."""
        for attempt in itertools.count():
            future = client.submit(worker.compute_device, pure=False, resources={"call": 1}, priority=30)
            try:
                return future.result(START_SECONDS)
            except Exception as failure:
                if attempt == 3 or not _is_death(failure):
                    raise
        raise AssertionError("not reached")

    def close(self) -> None:
        """End all jobs and the cluster, if it is ours; safe to call twice."""
        with self._lock:
            if self._phase == "closed":
                return
            self._phase = "closed"
            client, cluster, self._client, self._cluster = self._client, self._cluster, None, None
            jobs = list(self._jobs.values())
        for job in jobs:
            if not job.ended:
                job.end("stopped")
        for resource in (client, cluster):
            if resource is not None:
                try:
                    resource.close(timeout=5)
                except Exception:  # closing must go on to the next
                    log.warning("closing %s failed", type(resource).__name__, exc_info=True)

    @property
    def status(self) -> Status:
        """How it stands now; answers at once."""
        with self._lock:
            return Status(self._phase, self._device, len(self._turns), len(self._line), self._error)

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
        client = self._ready_client()
        data: dict[zoo.Reference, bytes] = {}
        for _ in range(2 + sum(isinstance(argument, zoo.Reference) for argument in arguments)):
            answer = self._called(client, function, arguments, options, data, timeout or CALL_SECONDS)
            if isinstance(answer, worker.Refusal):
                raise ConvvizError(answer.sentence)
            if not isinstance(answer, worker.Missing):
                return answer
            data[answer.reference] = self.data(answer.reference, owner)
        raise ConvvizError("the worker could not load the network; choose it again")

    def _called(
        self, client: Any, function: Callable, arguments: tuple, options: Mapping, data: Mapping, seconds: float
    ) -> Any:
        """Submit one call and wait for its answer, or for its deadline once it has begun."""
        key = f"call-{uuid.uuid4().hex}"
        future = client.submit(
            worker.call,
            function,
            arguments,
            options,
            data,
            key,
            key=key,
            pure=False,
            resources={"call": 1},
            priority=10,
        )
        asked = time.monotonic()
        try:
            while True:
                try:
                    return future.result(timeout=0.5 if seconds > 0.5 else seconds)
                except TimeoutError:
                    if future.done():  # just now, or the function itself timed out: either way it answers at once
                        return future.result()
                    began = self._begun.get(key)
                    if began is not None and time.monotonic() - began > seconds:
                        self._restart_worker_of(client, key)
                        raise ConvvizError(
                            f"computing took longer than {seconds:g} seconds and was ended; choose something smaller"
                        ) from None
                    if began is None and time.monotonic() - asked > seconds + START_SECONDS:
                        future.cancel()
                        raise ConvvizError("no worker was free for this within two minutes; try again later") from None
        except ConvvizError:
            raise
        except Exception as failure:
            if _is_death(failure):
                log.warning("a worker died during %s", getattr(function, "__qualname__", function))
                raise ConvvizError(STOPPED) from None
            raise
        finally:
            self._begun.pop(key, None)

    def _restart_worker_of(self, client: Any, key: str) -> None:
        """Restart the worker that holds a call: nothing else ends a computation."""
        holders = [address for address, keys in client.processing().items() if key in keys]
        if holders:
            client.restart_workers(holders, timeout=30, raise_for_error=False)

    def _ready_client(self) -> Any:
        """The client; waits for the start if it must."""
        self._hurry.set()
        self.begin()
        if not self._opened.wait(START_SECONDS):
            raise ConvvizError("the compute engine is still starting; try again in a moment")
        with self._lock:
            if self._client is None:
                raise ConvvizError(self._error or "the compute engine is closed; reload the page")
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
            ConvvizError: too many jobs wait already.
        """
        with self._lock:
            if len(self._line) >= MOST_WAITING:
                raise ConvvizError(f"{len(self._line)} jobs wait already; try again when some of them have ended")
            job = Job(
                self, f"{next(self._numbers)}-{uuid.uuid4().hex[:8]}", owner, sliceable(function, arguments, options)
            )
            self._jobs[job.number] = job
            self._line.append(job)
        threading.Thread(target=self._first_turn, args=(job,), daemon=True, name="first turn").start()
        return job

    def jobs(self, owner: str | None) -> list[Job]:
        """An owner's jobs, oldest first."""
        with self._lock:
            return [job for job in self._jobs.values() if job.owner == owner]

    def forget(self, job: Job) -> None:
        """Stop a job and drop what is kept of it."""
        job.stop()
        with self._lock:
            self._jobs.pop(job.number, None)

    def place_in_line(self, job: Job) -> int:
        """How many jobs must make room before this one runs."""
        with self._lock:
            return self._line.index(job) + 1 if job in self._line else 0

    def _first_turn(self, job: Job) -> None:
        try:
            self._ready_client()
        except ConvvizError as refusal:
            job.end("failed", str(refusal))
        self.look_after(job)

    def look_after(self, job: Job) -> None:
        """Bring a job to where its wishes say: in line, at work, paused or ended; then fill the free places."""
        with self._lock:
            if job.ended:
                self._leave(job)
            elif job._wish == "stop" and job._worker is None and not job._busy:
                job.end("stopped")
                self._leave(job)
            elif job._wish == "pause" and not job._busy:
                job.state = "paused"
                self._leave(job)
            elif job._wish == "pause" or (job._wish == "stop" and job._busy):
                self._interrupt(job)
            elif job._wish == "stop":
                self._submit(job)
            elif job not in self._turns and job not in self._line:
                job.state = "waiting"
                self._line.append(job)
            elif job in self._turns and not job._busy:
                self._submit(job)
            self._fill()

    def _leave(self, job: Job) -> None:
        for places in (self._line, self._turns):
            if job in places:
                places.remove(job)

    def _fill(self) -> None:
        """Let waiting jobs take the free places."""
        while self._client is not None and self._line and len(self._turns) < INTERLEAVED * self._worker_count():
            job = self._line.pop(0)
            self._turns.append(job)
            self._submit(job)

    def _worker_count(self) -> int:
        return self._workers if self._cluster is not None else max(1, len(self._client.scheduler_info()["workers"]))

    def _submit(self, job: Job) -> None:
        """Send the next slice; it goes where the job's state is, if that worker still lives."""
        job._busy = True
        job.state = "running"
        where = {"workers": [job._worker], "allow_other_workers": True} if job._worker else {}
        future = self._client.submit(
            worker.advance, job.order(), key=f"slice-{uuid.uuid4().hex}", pure=False, resources={"job": 1}, **where
        )
        future.add_done_callback(lambda done: self._landed(job, done))

    def _landed(self, job: Job, future: Any) -> None:
        try:
            outcome = future.result()
            if outcome.missing is not None:
                self.data(outcome.missing, job.owner)  # raises where it is gone
            job.landed(outcome)
        except ConvvizError as refusal:
            job._busy = False
            job.end("failed", str(refusal))
        except BaseException as failure:  # the slice's own error, whatever it is, ends the job and not the app
            if self._phase == "closed":
                return
            if _is_death(failure):
                job.lost_worker()
            else:
                log.error("a job failed", exc_info=failure)
                job._busy = False
                job.end("failed", f"the job ended with an error ({type(failure).__name__}); the server's log has more")
        self.look_after(job)

    def _interrupt(self, job: Job) -> None:
        """Let the running slice end after its next record instead of at its time."""
        if job._worker and self._client is not None:
            self._client.submit(
                worker.interrupt, job.number, workers=[job._worker], allow_other_workers=True,
                key=f"interrupt-{uuid.uuid4().hex}", pure=False, priority=20,
            )  # fmt: skip

    def _heard(self, event: tuple[float, Any]) -> None:
        """A worker's message: a call has begun, or a job has a record."""
        message = event[1]
        if not isinstance(message, dict):
            return
        if "call" in message:
            self._begun[message["call"]] = time.monotonic()
        elif message.get("job") in self._jobs:
            self._jobs[message["job"]].take(*pickle.loads(message["record"]))

    # --- whose is what -----------------------------------------------------------------------------------------

    def keep(self, reference: zoo.Reference, data: bytes, *, owner: str | None = None) -> None:
        """Keep a network's bytes for its owner, outside the workers, as long as the owner is here.

        Raises:
            ConvvizError: the owner's networks would take too much memory.
        """
        self.belongings.keep(reference, data, owner)

    def drop(self, reference: zoo.Reference, *, owner: str | None = None) -> None:
        """Keep a network's bytes no longer."""
        self.belongings.drop(reference, owner)

    def data(self, reference: zoo.Reference, owner: str | None = None) -> bytes:
        """A kept network's bytes; only its owner gets them.

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


def _is_death(failure: BaseException) -> bool:
    """Whether a failure means that the worker is gone."""
    from distributed import KilledWorker
    from distributed.client import FutureCancelledError

    return isinstance(failure, (KilledWorker, FutureCancelledError))
