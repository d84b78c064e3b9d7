"""The cluster that the app starts for itself: a scheduler in this process and worker processes on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import dask
from distributed import Client, Scheduler, Status, gc
from distributed.deploy.spec import ProcessInterface, SpecCluster
from distributed.scheduler import DEFAULT_EXTENSIONS

from convviz import downloads
from convviz.jobs import bounds

log = logging.getLogger(__name__)

MEMORY_LIMIT = "2200MB"  # of one worker; the smallest public hosts give 2.7 GB to all processes together
THREADS = 4  # one for a slice of a job, two for calls, one for messages between slices
RESOURCES = {"job": 1, "call": 2}

_ROOT = Path(__file__).resolve().parents[2]
_PRELOAD = "convviz.jobs.worker"
CONFIG = {
    "distributed.scheduler.allowed-failures": 0,  # what killed a worker once is not tried again
    "distributed.scheduler.work-stealing": False,  # a job's slices stay with its state
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.admin.low-level-log-length": 16,  # records of progress carry pictures; keep few
    "distributed.admin.tick.limit": "60s",
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
    "distributed.comm.timeouts.connect": "10s",
}


class _NoSpans:
    """Instead of Dask's extension of that name, which remembers the task group of every call that was ever made."""

    def __init__(self, scheduler: Scheduler) -> None:
        pass

    def observe_tasks(self, *tasks: Any, **more: Any) -> dict:
        """Nothing to note for any task."""
        return {}

    def heartbeat(self, worker: Any, data: Any) -> None:
        """What workers measure of their tasks is not kept."""


_LOOPBACK = {
    **{"host": "127.0.0.1", "port": 0, "dashboard": False, "dashboard_address": "127.0.0.1:0"},
    "extensions": {name: made for name, made in DEFAULT_EXTENSIONS.items() if name != "stealing"} | {"spans": _NoSpans},
}


class WorkerProcess(ProcessInterface):
    """A Dask nanny with its worker in a process of its own, started on any system.

    `distributed.deploy.subprocess.SubprocessWorker` would do, but refuses to run on Windows and hands the whole
    environment on.
    """

    def __init__(self, scheduler: str, *, name: Any = None, options: dict | None = None) -> None:
        super().__init__(scheduler, name)
        self.name = name
        self.scheduler_address = scheduler
        self.options = options or {}
        self.process: subprocess.Popen | None = None
        self._watch: asyncio.Task | None = None
        self._folder = tempfile.mkdtemp(prefix="convviz-")  # all that it may write to

    async def start(self) -> None:
        """Start the process; it registers with the scheduler by itself."""
        specification = json.dumps({"cls": "distributed.Nanny", "opts": self._options()})
        command = [sys.executable, "-m", "dask", "spec", self.scheduler_address, "--spec", specification]
        self.process = subprocess.Popen(command, env=_environment(self._folder), cwd=_ROOT, stdin=subprocess.DEVNULL)
        await super().start()
        self._watch = asyncio.create_task(self._start_again())

    def _options(self) -> dict:
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        return {**self.options, "name": str(self.name), "local_directory": self._folder}

    async def _start_again(self) -> None:
        """The nanny restarts a worker that died; here the nanny itself is replaced when it died."""
        began = time.monotonic()
        while self.process is not None and self.process.poll() is None:
            await asyncio.sleep(0.5)
        if self.process is not None:
            if time.monotonic() - began < 30:  # dies at once; do not start processes without end
                await asyncio.sleep(5)
            await self.start()

    async def close(self) -> None:
        """End the process and its children."""
        if self._watch is not None:
            self._watch.cancel()
        if self.process is not None:
            end_process(self.process)  # here, not in a thread: at the end of the app none can be started any more
        shutil.rmtree(self._folder, ignore_errors=True)
        await super().close()


def end_process(process: subprocess.Popen) -> None:
    """Kill a process and its children and wait until they are gone."""
    import psutil

    try:
        family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    except psutil.NoSuchProcess:
        family = []
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    process.wait(timeout=10)


def _environment(folder: str) -> dict[str, str]:
    """The workers' environment: what they need and nothing else."""
    home, _ = homes = downloads.folders()
    for one in homes:
        with contextlib.suppress(OSError):  # where it cannot be made, nothing can be kept
            one.mkdir(parents=True, exist_ok=True)
    kept = {name: os.environ[name] for name in bounds.KEPT if name in os.environ}
    settings = {f"DASK_{name.upper().replace('.', '__').replace('-', '_')}": str(CONFIG[name]) for name in CONFIG}
    cards = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg")
    if sys.platform == "linux" and not any(os.path.exists(card) for card in cards):
        kept["CUDA_VISIBLE_DEVICES"] = "-1"  # nothing to look for; TensorFlow would log that it failed
    return (
        kept
        | settings
        | {
            "PYTHONPATH": str(_ROOT),
            **dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP", bounds.FOLDER), folder),
            "KERAS_HOME": str(home),
            "CONVVIZ_TEMP": tempfile.gettempdir(),
            bounds.PARENT: str(os.getpid()),
            "MALLOC_ARENA_MAX": "2",
            "TF_CPP_MIN_LOG_LEVEL": "2",
            "DASK_LOGGING__DISTRIBUTED": "warning",
            "TF_ENABLE_ONEDNN_OPTS": "1",
        }
    )


def open_cluster(workers: int = 1) -> tuple[Client, SpecCluster]:
    """Start a scheduler in this process and workers beside it, all on loopback.

    Args:
        workers: number of worker processes.

    Returns:
        the client and the cluster; close both, the client first.
    """
    options = {
        "host": "127.0.0.1",
        "nthreads": THREADS,
        "resources": RESOURCES,
        "memory_limit": os.environ.get("CONVVIZ_WORKER_MEMORY", MEMORY_LIMIT),
        "death_timeout": 120,  # a busy machine is slow to start one; when the app is gone, `bounds` ends it sooner
        "preload": [_PRELOAD],
        "preload_nanny": [_PRELOAD],
        "dashboard": False,
        "dashboard_address": "127.0.0.1:0",
        "silence_logs": 40,
    }
    worker = {"cls": WorkerProcess, "options": {"options": options}}
    dask.config.set(CONFIG)  # for good: what is read when a worker registers, or comes again, counts as well
    cluster = SpecCluster(
        scheduler={"cls": Scheduler, "options": _LOOPBACK},
        workers=dict.fromkeys(range(workers), worker),
        worker=worker,
        name="ConvViz",
        silence_logs=40,
    )
    gc.disable_gc_diagnosis(force=True)  # it measures this process at each of Streamlit's collections
    return Client(cluster, set_as_default=False), cluster


def end(client: Client, cluster: SpecCluster | None) -> None:
    """Close a client and, if it is ours, its cluster; its processes are gone even if nothing answers any more."""
    processes = [one.process for one in cluster.workers.values()] if cluster is not None else []
    scheduler = logging.getLogger("distributed.scheduler")
    scheduler.disabled = cluster is not None  # that a worker's record comes after its reader has gone is no fault now
    for resource, closed in ((client, "closed"), (cluster, Status.closed)):
        try:
            if resource is not None:
                resource.close(timeout=5)
        except Exception:  # closing must go on to the next
            log.warning("closing %s failed", type(resource).__name__, exc_info=True)
        if resource is not None:
            resource.status = closed  # where its event loop has stopped it would try again when it is collected
    for process in processes:
        if process is not None and process.poll() is None:
            end_process(process)
    scheduler.disabled = False


def join_cluster(address: str) -> Client:
    """Connect to a cluster that runs already, such as ``tcp://host:8786`` or ``tls://host:8786``."""
    if not address.startswith(("tls://", "tcp://127.", "tcp://localhost")):
        log.warning("no TLS to the scheduler at %s: whoever reaches it can run code on its workers", address)
    return Client(address, set_as_default=False, timeout=20)
