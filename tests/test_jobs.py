"""The engine with a real worker: calls, jobs, deaths, and whose is what."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from convviz import ConvvizError, zoo
from convviz.jobs import Engine
from tests import jobs_functions as functions

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def engine():
    one = Engine()
    yield one
    one.close()


def wait_until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def test_a_call_returns_what_the_function_returns(engine):
    assert engine.call(functions.add, 2, 3) == 5


def test_the_status_names_what_computes(engine):
    engine.call(functions.add, 1, 1)
    wait_until(lambda: engine.status.phase == "ready")
    assert "CPU core" in engine.status.device or engine.status.device


def test_this_process_has_no_tensorflow_and_the_worker_has_its_threads_bounded():
    program = (
        "import sys; from convviz.jobs import Engine; from tests import jobs_functions as f\n"
        "e = Engine(); print(e.call(f.tensorflow_threads), e.call(f.loaded_frameworks)); e.close()\n"
        "print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=120)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert done.stdout.splitlines()[-2:] == [f"({cores}, {cores}) ['keras', 'tensorflow']", "set()"], done.stderr


def test_a_refusal_arrives_as_it_was_said(engine):
    with pytest.raises(ConvvizError, match="a kernel of 0 rows cannot slide"):
        engine.call(functions.refuse)


def test_a_bug_arrives_as_the_error_it_is(engine):
    with pytest.raises(ZeroDivisionError):
        engine.call(functions.fail)


def test_workers_see_no_secrets(engine, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hush")
    assert "SECRET_TOKEN" not in engine.call(functions.environment)


def test_a_call_whose_worker_dies_says_so_and_the_next_call_works(engine):
    with pytest.raises(ConvvizError, match="worker that computed this stopped"):
        engine.call(functions.die)
    assert engine.call(functions.add, 1, 2) == 3


def test_a_call_past_its_deadline_costs_its_worker_and_the_next_call_works(engine):
    before = engine.call(functions.process)
    with pytest.raises(ConvvizError, match="longer than 1 seconds"):
        engine.call(functions.sleep, 60, timeout=1)
    assert engine.call(functions.process) != before


def test_a_job_yields_its_records_in_order_and_returns(engine):
    job = engine.start(functions.count, 30)
    assert job.result(30) == 30
    assert job.history == list(range(30))
    assert job.state == "done"


def test_a_paused_job_holds_no_worker_and_goes_on_where_it_was(engine):
    job = engine.start(functions.count, 200)
    wait_until(lambda: len(job.history) > 5)
    job.pause()
    wait_until(lambda: job.state == "paused")
    reached = len(job.history)
    other = engine.start(functions.count, 5)
    assert other.result(20) == 5
    assert len(job.history) == reached
    job.resume()
    wait_until(lambda: len(job.history) > reached + 3)
    job.stop()
    wait_until(lambda: job.ended)
    assert job.state == "stopped"
    assert job.history[:reached] == list(range(reached))


def test_one_step_is_one_record(engine):
    job = engine.start(functions.count, 200)
    wait_until(lambda: job.history)
    job.pause()
    wait_until(lambda: job.state == "paused")
    reached = len(job.history)
    job.advance(steps=7)
    wait_until(lambda: job.state == "paused" and len(job.history) > reached)
    assert len(job.history) == reached + 1
    assert job.latest == {"steps": 7}
    job.stop()


def test_a_change_reaches_the_generator(engine):
    job = engine.start(functions.count, 100)
    wait_until(lambda: job.history)
    job.change(learning_rate=0.5)
    wait_until(lambda: {"learning_rate": 0.5} in job.history)
    job.stop()


def test_visitors_take_turns_and_the_others_wait_in_line(engine):
    jobs = [engine.start(functions.count, 60, owner=str(visitor)) for visitor in range(4)]
    wait_until(lambda: sum(len(job.history) > 3 for job in jobs) == 2)
    assert [job.place_in_line for job in jobs] == [0, 0, 1, 2]
    assert (engine.status.running, engine.status.waiting) == (2, 2)
    jobs[0].stop()
    wait_until(lambda: jobs[2].state == "running")
    for job in jobs:
        job.stop()
    wait_until(lambda: all(job.ended for job in jobs))
    wait_until(lambda: (engine.status.running, engine.status.waiting) == (0, 0))


def test_a_job_that_lost_its_worker_goes_on_from_its_last_snapshot(engine):
    job = engine.start(functions.count_with_snapshots, 60)
    wait_until(lambda: len(job.history) > 10)
    with pytest.raises(ConvvizError):
        engine.call(functions.die)
    job.result(60)
    numbers = [record.number for record in job.history]
    assert numbers[-1] == 59
    assert set(numbers) == set(range(60))
    assert "went on from its last snapshot" in job.note


def test_a_job_that_kills_its_worker_ends_with_a_sentence_and_keeps_its_records(engine):
    job = engine.start(functions.die_at, 1)
    with pytest.raises(ConvvizError, match="worker that computed this stopped"):
        job.result(60)
    assert engine.call(functions.add, 1, 2) == 3


def test_a_job_can_refuse(engine):
    job = engine.start(functions.refuse_later)
    with pytest.raises(ConvvizError, match="diverged"):
        job.result(20)
    assert job.history == [1]


def test_a_reference_arrives_as_its_network(engine):
    assert engine.call(functions.name_of, zoo.Reference("bundled", "mnist")) == "mnist"


def test_only_the_owner_gets_a_kept_network(engine):
    data = (ROOT / "assets" / "models" / "mnist.keras").read_bytes()
    reference = zoo.Reference("run", "1", "abc")
    engine.keep(reference, data, owner="one")
    assert engine.call(functions.parameters_of, reference, owner="one") == 93_322
    with pytest.raises(ConvvizError, match="not here any more"):
        engine.data(reference, "other")


def test_what_belongs_to_a_visitor_is_gone_after_the_visitor_left(engine):
    reference = zoo.Reference("run", "2", "abc")
    engine.keep(reference, b"bytes", owner="leaver")
    job = engine.start(functions.count, 1000, owner="leaver")
    wait_until(lambda: job.history)
    engine.release("leaver", after=0.3)
    engine.claim("leaver")
    time.sleep(0.5)
    assert not job.ended, "a visitor who came back in time loses nothing"
    engine.release("leaver", after=0.1)
    wait_until(lambda: job.ended)
    assert engine.jobs("leaver") == []
    with pytest.raises(ConvvizError):
        engine.data(reference, "leaver")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)])
def test_workers_never_outlive_the_app(number):
    program = (
        "import time; from convviz.jobs import Engine; from tests import jobs_functions as f\n"
        "e = Engine(); e.call(f.add, 1, 1); print('ready', flush=True); time.sleep(60)"
    )
    app = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert app.stdout.readline().strip() == "ready"
    children = psutil.Process(app.pid).children(recursive=True)
    assert len(children) >= 2
    app.send_signal(number)
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    app.wait(10)
    app.stdout.close()


def test_a_cluster_that_runs_already_is_used_and_outlives_the_engine(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    where = tmp_path / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment, "cwd": tmp_path}
    scheduler = subprocess.Popen(
        [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", where], **quiet
    )
    wait_until(where.exists)
    address = json.loads(where.read_text())["address"]
    options = ["--nthreads", "3", "--resources", "job=1 call=2", "--preload", "convviz.jobs.worker", "--no-dashboard"]
    worker = subprocess.Popen([*dask, "worker", address, "--host", "127.0.0.1", *options], **quiet)
    engine = Engine(address)
    try:
        assert engine.call(functions.add, 2, 3) == 5
        assert engine.start(functions.count, 5).result(30) == 5
        assert engine.call(functions.name_of, zoo.Reference("bundled", "mnist")) == "mnist"
        engine.close()
        assert scheduler.poll() is None
    finally:
        engine.close()
        for process in (worker, scheduler):
            process.terminate()
            process.wait(20)
