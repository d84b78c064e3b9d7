"""A school's cluster on this machine, started by the very commands that CONTRIBUTING prints; TLS; who listens where."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import dask
import psutil
import pytest

from convviz import attribution, images, training, zoo
from convviz.jobs import Engine, cluster
from tests import jobs_functions as functions

ROOT = Path(__file__).resolve().parents[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def printed(port: int) -> tuple[str, str]:
    """What CONTRIBUTING says to type for the scheduler and for a worker, for this machine and a port of its own."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    block = re.search(r"## A school's cluster.*?```sh\n(.*?)```", text, re.DOTALL)[1].replace("\\\n", " ")
    lines = [line.replace("10.0.0.5", "127.0.0.1").replace("8786", str(port)) for line in block.splitlines()]
    lines = [line.replace(".venv/bin/python ", f"{shlex.quote(sys.executable)} ", 1) for line in lines if line.strip()]
    scheduler, worker, app = lines
    assert f"CONVVIZ_SCHEDULER=tcp://127.0.0.1:{port}" in app
    return scheduler, f"{worker} --host 127.0.0.1"


def encrypted(folder: Path) -> dict[str, str]:
    """The variables that CONTRIBUTING sets for TLS, with the certificate that it makes, in a folder."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    block = re.search(r"For TLS make.*?```sh\n(.*?)```", text, re.DOTALL)[1]
    done = subprocess.run(f"set -e\n{block}\nenv", shell=True, cwd=folder, capture_output=True, text=True, check=True)
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if line.startswith("DASK_DISTRIBUTED__COMM__"))


class Cluster:
    """A scheduler and workers as processes of their own, each the leader of a group, that speak TLS."""

    def __init__(self, folder: Path, tls: dict[str, str], workers: int = 2) -> None:
        self.port, self.folder, self.tls = free_port(), folder, tls
        self.address = f"tls://127.0.0.1:{self.port}"
        commands = (command.replace("tcp://", "tls://") for command in printed(self.port))
        self.scheduler_command, self.worker_command = commands
        self.log = (folder / "cluster.log").open("w")
        self.scheduler = self.begin(f"{self.scheduler_command} --no-dashboard")
        self.workers = [self.begin(f"{self.worker_command} --no-dashboard") for _ in range(workers)]

    def begin(self, command: str) -> subprocess.Popen:
        environment = {
            **os.environ, **self.tls, "CONVVIZ_COLD": "1", "SCHOOL_SECRET": "hidden",
            "DASK_TEMPORARY_DIRECTORY": str(self.folder),
            "HOME": str(self.folder / "home"), "KERAS_HOME": os.environ.get("KERAS_HOME", str(Path.home() / ".keras")),
        }  # fmt: skip
        return subprocess.Popen(
            command, shell=True, cwd=ROOT, env=environment, stdout=self.log, stderr=self.log, start_new_session=True
        )

    @staticmethod
    def signal(process: subprocess.Popen, number: int) -> None:
        os.killpg(process.pid, number)

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            if process.poll() is None:
                family = psutil.Process(process.pid).children(recursive=True)
                self.signal(process, signal.SIGCONT)
                self.signal(process, signal.SIGKILL)
                for one in family:
                    if one.is_running():
                        one.kill()
                process.wait(20)
        self.log.close()


def wait_until(condition, seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def check_bounds(engine: Engine, folder: Path) -> None:
    """The workers that a school starts are bounded as the app's own."""
    assert "SCHOOL_SECRET" not in engine.call(functions.environment)
    mask, own = engine.call(functions.limits)[-2:]
    assert mask == 0o077
    assert folder in Path(own).parents
    assert Path(own).stat().st_mode & 0o777 == 0o700
    if functions.landlock_is_here():
        told = engine.call(functions.written_outside)
        del told["downloads"]
        assert told == {"code": "PermissionError", "temporary": "PermissionError", "own": "written",
                        "home": "PermissionError"}  # fmt: skip


@pytest.fixture
def tls(tmp_path):
    """What CONTRIBUTING says of TLS, for processes, and for this one."""
    found = encrypted(tmp_path)
    with dask.config.set({name.removeprefix("DASK_").lower().replace("__", "."): one for name, one in found.items()}):
        yield found


def test_one_trains_and_explains_through_two_workers_of_which_one_is_killed(tmp_path, tls):
    (tmp_path / "home").mkdir()
    school = Cluster(tmp_path, tls)
    engine = Engine(school.address)
    try:
        engine.call(functions.add, 1, 1)
        wait_until(lambda: engine._pulse is not None and len(engine._pulse.workers) == 2)
        check_bounds(engine, tmp_path)
        job = engine.start(training.train, "mnist", "digits", training.Settings(epochs=60, snapshot_every=1))
        wait_until(lambda: job.snapshot is not None and len(job.history) > 3)
        cat = images.sample("cat")
        explained = engine.call(attribution.grad_cam, zoo.Reference("bundled", "cats_and_dogs"), cat, timeout=120)
        holder = psutil.Process(int(engine.client.run(os.getpid, workers=[job.heard_from])[job.heard_from]))
        family = {one.pid for one in (holder, *holder.parents())}
        lost = next(process for process in school.workers if process.pid in family)
        school.signal(lost, signal.SIGKILL)
        holder.kill()
        before = len(job.history)
        again = engine.call(attribution.grad_cam, zoo.Reference("bundled", "cats_and_dogs"), cat, timeout=120)
        assert again.target == explained.target
        assert abs(again.heatmap - explained.heatmap).max() < 1e-3
        wait_until(lambda: len(job.history) > before + 3)
        assert "went on from its last snapshot" in job.note
        job.stop()
        wait_until(lambda: job.ended)
        assert [one.step for one in job.history] == sorted(one.step for one in job.history) or job.note
        assert school.scheduler.poll() is None
    finally:
        engine.close()
        school.close()


def test_our_own_cluster_listens_on_loopback_only():
    engine = Engine()
    try:
        engine.call(functions.add, 1, 1)
        ours = [psutil.Process(), *psutil.Process().children(recursive=True)]
        heard = {one.laddr.ip for process in ours for one in process.net_connections("inet")
                 if one.status == psutil.CONN_LISTEN}  # fmt: skip
        assert heard == {"127.0.0.1"}
    finally:
        engine.close()


@pytest.mark.parametrize(
    ("address", "warned"), [("tcp://10.0.0.5:1", 1), ("tls://10.0.0.5:1", 0), ("tcp://127.0.0.1:1", 0)]
)
def test_of_a_scheduler_that_is_open_to_a_network_the_log_warns(monkeypatch, caplog, address, warned):
    monkeypatch.setattr(cluster, "Client", lambda *arguments, **options: None)
    cluster.join_cluster(address)
    assert sum("no TLS" in record.message for record in caplog.records) == warned
