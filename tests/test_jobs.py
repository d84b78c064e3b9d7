"""The engine with a real worker: calls, jobs, deaths, and whose is what."""

import contextlib
import gc
import itertools
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from convviz import ConvvizError, zoo
from convviz.jobs import Engine, Job, StoppedError, bounds, worker
from convviz.jobs.belongings import Belongings
from convviz.jobs.job import MOST_RECORDS
from tests import jobs_functions as functions

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module", autouse=True)
def _cold():
    """Load TensorFlow only where it is needed; most of these tests are about processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONVVIZ_COLD", "1")
        yield


@pytest.fixture(scope="module")
def engine(_cold):
    one = Engine()
    yield one
    one.close()


def wait_until(condition, seconds=60.0):
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
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=300)
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


def test_while_no_worker_lives_the_engine_says_that_one_is_starting(engine):
    engine.begin()
    wait_until(lambda: engine.status.phase == "ready")
    with pytest.raises(StoppedError):
        engine.call(functions.die)
    wait_until(lambda: engine.status.phase == "restarting")
    wait_until(lambda: engine.status.phase == "ready")
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


def test_one_epoch_ends_with_its_last_step_however_many_fit_into_a_slice(engine):
    job = engine.start(functions.epochs_of, 5)
    wait_until(lambda: job.history)
    job.pause()
    wait_until(lambda: job.state == "paused")
    for _ in range(3):
        now = job.latest
        job.advance(epochs=1)
        wait_until(lambda now=now: job.state == "paused" and job.latest.step > now.step)
        assert (job.latest.step, job.latest.epoch) == (5 * (now.step // 5 + 1), now.epoch + 1)
    job.stop()


def test_a_job_that_shall_stop_stops_whatever_is_wished_after_or_before(engine):
    for before, after in ((None, "resume"), ("advance", None), ("advance", "resume")):
        job = engine.start(functions.count, 1000)
        wait_until(lambda job=job: len(job.history) > 1)
        if before:
            job.advance(steps=1)  # the slice that is under way for it lands when it has made its step
        job.stop()
        if after:  # a click that was made before, and arrives later
            job.resume()
        wait_until(lambda job=job: job.ended)
        assert job.state == "stopped", (before, after)


def test_one_more_step_of_a_running_job_is_one_that_knows_of_it_and_the_last(engine):
    job = engine.start(functions.count, 500)
    wait_until(lambda: len(job.history) > 3)
    job.change(whole=True)
    job.advance(steps=1)
    wait_until(lambda: job.state == "paused")
    assert job.latest == {"whole": True, "steps": 1}
    assert job.history.count(job.latest) == 1
    job.stop()


def test_a_change_reaches_the_generator(engine):
    job = engine.start(functions.count, 100)
    wait_until(lambda: job.history)
    job.change(learning_rate=0.5)
    wait_until(lambda: {"learning_rate": 0.5} in job.history)
    job.stop()


def test_visitors_take_turns_and_the_others_wait_in_line(engine):
    engine.start(functions.count, 60).result(60)  # what one of them takes, alone
    jobs = [engine.start(functions.count, 60, owner=str(visitor)) for visitor in range(4)]
    wait_until(lambda: sum(len(job.history) > 3 for job in jobs) == 2)
    assert [job.place_in_line for job in jobs] == [0, 0, 1, 2]
    waits = [job.expected_wait for job in jobs]
    assert waits[:2] == [None, None]
    assert all(0 < wait < 30 for wait in waits[2:]), waits
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
    assert numbers == list(range(60))
    assert "went on from its last snapshot" in job.note


def test_what_came_after_the_last_snapshot_is_forgotten_with_the_worker_and_told_as_it_is():
    job = Job(SimpleNamespace(), "1", None, worker.Opening(functions.count, (10,), {}))
    for number in range(9):
        job.take(number, SimpleNamespace(number=number, snapshot=b"state" if number in (0, 5) else None))
    job.lost_worker()
    assert [record.number for record in job.history] == [0, 1, 2, 3, 4, 5]
    assert "goes on from its last snapshot as soon as a worker is free" in job.note
    job.take(6, SimpleNamespace(number=6, snapshot=None))
    assert "went on from its last snapshot" in job.note
    assert [record.number for record in job.history] == [0, 1, 2, 3, 4, 5, 6]


def test_a_job_that_kills_its_worker_ends_with_a_sentence_and_keeps_its_records(engine):
    job = engine.start(functions.die_at, 1)
    with pytest.raises(ConvvizError, match="worker that computed this stopped"):
        job.result(60)
    assert engine.call(functions.add, 1, 2) == 3


@pytest.mark.parametrize(("snapshot", "kept"), [(b"state", True), (None, False)])
def test_a_job_whose_workers_stop_again_and_again_says_what_is_kept(snapshot, kept):
    job = Job(SimpleNamespace(), "1", None, worker.Opening(functions.count, (10,), {}))
    if snapshot:
        job.take(0, SimpleNamespace(snapshot=snapshot))
    for lost in range(3):
        assert not job.ended, lost
        job.lost_worker()
    assert job.state == "failed"
    assert job.error.startswith("the worker that computed this stopped 3 times at the same place")
    assert ("what it had reached is kept" in job.error) == kept
    assert job.snapshot == snapshot


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
        "import signal, time; from convviz.jobs import Engine; from tests import jobs_functions as f\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # what runs in a shell's background ignores it
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


# --- what breaks, and what holds ------------------------------------------------------------------------------------


def children():
    return {one.pid for one in psutil.Process().children(recursive=True)}


@pytest.fixture
def begun(engine):
    """A file that workers may write to."""
    engine.call(functions.add, 1, 1)
    file = Path(engine.call(functions.environment)["TMPDIR"]) / "begun"
    yield file
    file.unlink(missing_ok=True)


def test_a_restart_for_one_calls_sake_costs_nobody_else_anything(engine, begun):
    with ThreadPoolExecutor() as pool:
        innocent = pool.submit(engine.call, functions.later, str(begun), 4)
        wait_until(begun.exists)
        with pytest.raises(ConvvizError, match="longer than 1 seconds"):
            engine.call(functions.sleep, 60, timeout=1)
        assert innocent.result(60)
    assert begun.read_text() == "xx"


def test_a_call_that_was_ended_is_not_begun_again(engine, begun):
    with pytest.raises(ConvvizError, match="longer than 1 seconds"):
        engine.call(functions.later, str(begun), 60, timeout=1)
    engine.call(functions.add, 1, 1)
    time.sleep(0.5)
    assert begun.read_text() == "x"


def test_a_call_or_a_slice_that_the_scheduler_lets_fall_is_asked_again(engine, begun):
    """As when the client's connection to its scheduler breaks for a moment under load."""

    def let_fall(prefix):
        client = engine._client
        keys = [key for key in client.futures if str(key).startswith(prefix)]
        client.loop.add_callback(client._handle_cancelled_keys, keys, reason="scheduler-connection-lost")
        return keys

    with ThreadPoolExecutor() as pool:
        answer = pool.submit(engine.call, functions.later, str(begun), 0.5)
        wait_until(begun.exists)
        assert let_fall("call-")
        assert answer.result(30)
    job = engine.start(functions.count_with_snapshots, 60)
    wait_until(lambda: len(job.history) > 5)
    assert let_fall("slice-")
    job.result(30)
    assert {record.number for record in job.history} == set(range(60))


def test_an_error_that_cannot_be_unpickled_arrives_as_an_error(engine):
    with pytest.raises(Exception, match="one"):
        engine.call(functions.fail_stubbornly)
    assert engine.call(functions.add, 1, 2) == 3


def test_a_result_that_cannot_be_pickled_is_an_error_and_costs_no_worker(engine):
    before = engine.call(functions.process)
    with pytest.raises(Exception, match="generator"):
        engine.call(functions.unpicklable)
    assert engine.call(functions.process) == before


def test_nothing_is_remembered_of_calls_that_are_over(engine):
    for number in range(100):
        assert engine.call(functions.add, number, 1) == number + 1
    time.sleep(0.2)
    assert (engine._calls._begun, engine._calls._spared) == ({}, set())
    wait_until(lambda: not engine._cluster.scheduler.tasks)  # or their results would stay, and be computed anew


def test_this_process_does_not_grow_by_the_calls_it_made(engine):
    given = np.zeros(50_000, np.uint8)

    def grown(calls):
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(calls):
            engine.call(functions.add, given, given)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before

    tracemalloc.start()
    try:
        grown(30)  # a few messages are kept for a look at what went wrong
        assert grown(100) < 2_000_000
    finally:
        tracemalloc.stop()
    assert sum(type(one).__name__ == "Span" for one in gc.get_objects()) < 5


def test_a_job_whose_worker_died_while_it_was_paused_goes_on_from_its_snapshot(engine):
    job = engine.start(functions.count_with_snapshots, 60)
    wait_until(lambda: len(job.history) > 5)
    job.pause()
    wait_until(lambda: job.state == "paused")
    os.kill(engine.call(functions.process), signal.SIGKILL)
    time.sleep(0.5)
    assert job.state == "paused"
    job.resume()
    job.result(60)
    assert {record.number for record in job.history} == set(range(60))


def test_what_was_changed_stays_changed_when_the_worker_dies(engine):
    job = engine.start(functions.settings_and_death)
    wait_until(lambda: job.history)
    job.change(learning_rate=0.5)
    wait_until(lambda: len(job.history) > 5)
    os.kill(engine.call(functions.process), signal.SIGKILL)
    wait_until(lambda: any(r.number == (1, b"1", {"learning_rate": 0.5}) for r in job.history), 60)
    job.stop()


def test_a_job_whose_worker_dies_before_it_kept_anything_begins_anew(engine):
    job = engine.start(functions.count, 60)
    wait_until(lambda: len(job.history) > 5)
    os.kill(engine.call(functions.process), signal.SIGKILL)
    assert job.result(90) == 60
    assert list(job.history) == list(range(60))
    assert job.note == "the worker stopped once; the job began anew"


@pytest.mark.parametrize(("silent", "alive", "done"), [
    (31, False, ["lost", "drop", "look"]), (31, True, []), (20, False, []), (121, False, ["lost", "drop", "look"]),
])  # fmt: skip
def test_a_worker_that_died_as_a_slice_ended_is_missed(silent, alive, done):
    made, one = [], Engine()
    one.lives, one.look_after = lambda _: alive, lambda _: made.append("look")
    job = SimpleNamespace(
        silent=silent, heard_from="tcp://127.0.0.1:1", drop_slice=lambda: made.append("drop"),
        lost_worker=lambda: made.append("lost"), end=lambda *_: made.append("end"),
    )  # fmt: skip
    one._line.turns.append(job)
    one._beat()
    assert made == done


def test_a_job_that_hangs_ends_and_the_next_one_runs(engine, monkeypatch):
    engine.call(functions.add, 1, 1)
    monkeypatch.setattr("convviz.jobs.engine.SILENT_SECONDS", 2)
    job = engine.start(functions.hang, 600)
    with pytest.raises(ConvvizError, match="a step took longer than 2 seconds"):
        job.result(30)
    monkeypatch.undo()
    assert engine.start(functions.count, 5).result(60) == 5


def test_a_nanny_that_is_killed_is_replaced(engine):
    engine.call(functions.add, 1, 1)
    before = children()
    os.kill(engine._cluster.workers[0].process.pid, signal.SIGKILL)
    wait_until(lambda: not before & children())
    assert engine.call(functions.add, 1, 2) == 3


@pytest.mark.parametrize("loss", ["the scheduler closes", "the event loop stops"])
def test_an_engine_that_lost_everything_starts_again_and_its_jobs_go_on(engine, monkeypatch, loss):
    monkeypatch.setattr("convviz.jobs.pulse._MOST_MISSED", 2)
    engine.call(functions.add, 1, 1)
    job = engine.start(functions.count_with_snapshots, 200)
    wait_until(lambda: len(job.history) > 5)
    before, old = children(), engine._cluster
    if loss == "the scheduler closes":
        old.sync(old.scheduler.close)
    else:
        asked = ThreadPoolExecutor(1).submit(engine.call, functions.sleep, 3)
        time.sleep(0.5)
        old.loop.add_callback(old.loop.stop)
        time.sleep(0.2)
        with contextlib.suppress(ConvvizError):  # an answer, or a sentence
            engine.call(functions.add, 1, 2)
        with pytest.raises(ConvvizError, match="try again"):
            asked.result(20)
    wait_until(lambda: engine._client is not None and engine._cluster is not old, 40)
    assert engine.call(functions.add, 1, 2) == 3
    wait_until(lambda: len(job.history) > 60, 60)
    assert "went on from its last snapshot" in job.note
    job.stop()
    wait_until(lambda: not before & children(), 30)


def test_a_start_that_failed_is_tried_again(monkeypatch):
    from convviz.jobs import cluster

    def refused(_):
        raise OSError("no process could be started")

    opens = cluster.open_cluster
    monkeypatch.setattr(cluster, "open_cluster", refused)
    one = Engine()
    try:
        job = one.start(functions.count, 3)
        with pytest.raises(ConvvizError, match="could not start"):
            one.call(functions.add, 1, 2)
        with pytest.raises(ConvvizError, match="could not start"):
            job.result(5)
        assert one.status.phase == "failed"
        monkeypatch.setattr(cluster, "open_cluster", opens)
        monkeypatch.setattr("convviz.jobs.engine.AGAIN_SECONDS", 0)
        assert one.call(functions.add, 1, 2) == 3
    finally:
        one.close()


def test_a_start_that_was_lost_does_not_end_the_next_one(monkeypatch):
    from convviz.jobs import cluster

    clients = [SimpleNamespace(subscribe_topic=lambda *_: None, close=lambda timeout: None) for _ in range(2)]
    kept, asked, lost = list(clients), threading.Event(), threading.Event()

    def ask(engine, client):
        if client is clients[0]:  # its answer comes when the engine has been lost and started again
            asked.set()
            assert lost.wait(20)
            raise OSError("the scheduler is gone")
        return "2 CPU cores"

    monkeypatch.setattr(cluster, "open_cluster", lambda workers: (kept.pop(0), None))
    monkeypatch.setattr(Engine, "_ask_device", ask)
    monkeypatch.setattr("convviz.jobs.engine.Pulse", lambda *_: SimpleNamespace(stop=lambda: None, has_workers=True))
    one = Engine()
    try:
        one.begin()
        assert asked.wait(20)
        one._lost(clients[0])
        wait_until(lambda: one.status.phase == "ready")
        lost.set()
        wait_until(lambda: "open engine" not in {thread.name for thread in threading.enumerate()})
        assert (one.status.phase, one.client) == ("ready", clients[1])
    finally:
        one.close()


def test_what_a_scheduler_says_of_a_client_that_is_being_closed_is_no_fault(caplog):
    from convviz.jobs import cluster

    scheduler = logging.getLogger("distributed.scheduler")

    def close(timeout):
        scheduler.critical("closed comm while trying to write")

    client = SimpleNamespace(close=close)
    cluster.end(client, SimpleNamespace(close=close, workers={}))
    assert not caplog.records
    cluster.end(client, None)  # of a cluster that is not ours we hear everything
    assert [record.message for record in caplog.records] == ["closed comm while trying to write"]


@pytest.mark.parametrize("after", [0.0, 0.3, 1.5])
def test_an_engine_that_is_closed_while_it_starts_leaves_nothing_behind(after):
    before = children()
    one = Engine()
    one.begin()
    time.sleep(after)
    one.close()
    wait_until(lambda: one._opened.is_set() and "open engine" not in {t.name for t in threading.enumerate()})
    assert children() <= before


@pytest.mark.parametrize("after", [0.2, 1.0, 2.5])
def test_workers_of_an_app_that_is_killed_while_they_start_do_not_stay(after):
    program = (
        "import time; from convviz.jobs import Engine; e = Engine(); e.begin(); print(1, flush=True); time.sleep(60)"
    )
    app = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
    )
    app.stdout.readline()
    wait_until(lambda: psutil.Process(app.pid).children(), 30)
    time.sleep(after)
    family = psutil.Process(app.pid).children(recursive=True)
    app.kill()
    app.wait(10)
    app.stdout.close()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive


def test_an_owner_has_a_few_jobs_at_once(engine):
    jobs = [engine.start(functions.count, 100, owner="busy") for _ in range(6)]
    with pytest.raises(ConvvizError, match="6 of your jobs have not ended"):
        engine.start(functions.count, 1, owner="busy")
    other = engine.start(functions.count, 3, owner="other")
    assert other.result(30) == 3, "one with many jobs does not hold up another"
    engine.release("busy")
    wait_until(lambda: all(job.ended for job in jobs))


def test_who_has_left_can_leave_nothing_behind_any_more(engine):
    engine.release("gone")
    wait_until(lambda: "gone" in engine.belongings._gone)
    reference = zoo.Reference("run", "3", "abc")
    with pytest.raises(ConvvizError, match="this visit has ended"):
        engine.start(functions.count, 3, owner="gone")
    with pytest.raises(ConvvizError, match="this visit has ended"):
        engine.keep(reference, b"bytes", owner="gone")
    engine.claim("gone")
    engine.keep(reference, b"bytes", owner="gone")
    engine.release("gone")


def test_what_is_kept_is_bounded_for_one_and_for_all(monkeypatch):
    monkeypatch.setattr("convviz.jobs.belongings.MOST_BYTES", 100)
    monkeypatch.setattr("convviz.jobs.belongings.MOST_IN_ALL", 150)
    kept = Belongings(forget=lambda _: None)
    first, second = (zoo.Reference("run", name) for name in "ab")
    kept.keep(first, bytes(90), "one")
    kept.keep(first, bytes(100), "one")
    with pytest.raises(ConvvizError, match="your networks"):
        kept.keep(second, bytes(1), "one")
    with pytest.raises(ConvvizError, match="the networks and pictures of all visitors"):
        kept.keep(first, bytes(51), "two")
    kept.keep(first, bytes(50), "two")
    kept.drop(first, "one")
    kept.keep(second, bytes(100), "one")


def test_a_long_jobs_records_are_thinned_out_and_their_order_stays():
    job = Job(None, "1", None, None)
    for number in range(50_000):
        job.take(number, number)
    history = job.history
    assert len(history) <= MOST_RECORDS
    assert history == sorted(history)
    assert (history[0], history[-1]) == (0, 49_999)
    assert max(b - a for a, b in itertools.pairwise(history)) <= 2 * 50_000 / (MOST_RECORDS / 2)


def test_a_job_whose_steps_find_no_room_on_the_disk_goes_on_and_says_so():
    job = Job(None, "1", None, None)
    job.album.add = lambda step, data: False
    job.take(0, functions.Remembered(((0, b"weights"),)))
    assert not job.ended
    assert "no room left on its disk" in job.note
    assert job.latest.moments == ()


def test_a_worker_holds_the_state_of_a_few_jobs_only(monkeypatch):
    told = []
    here = SimpleNamespace(address="tcp://here", log_event=lambda _, message: told.append(message))
    monkeypatch.setattr(worker, "_here", lambda: here)
    monkeypatch.setattr(worker, "prepare_tensorflow", lambda: "")
    monkeypatch.setattr(worker, "_states", {})
    opening = worker.Opening(functions.count, (5, 0), {})
    for number in range(20):
        assert not worker.advance(worker.Order(str(number), opening, records=1)).finished
    assert list(worker._states) == [str(number) for number in range(12, 20)]
    assert worker.advance(worker.Order("3", count=1)).lost
    worker.interrupt("3")
    assert worker._interrupted == set()


def test_two_engines_in_one_process_do_not_meddle(engine):
    other = Engine()
    try:
        assert other.call(functions.process) != engine.call(functions.process)
        job = other.start(functions.count, 5)
        assert job.result(30) == 5
        assert engine.jobs(None) != other.jobs(None)
    finally:
        other.close()
    assert engine.call(functions.add, 1, 2) == 3


# --- what a worker may do -------------------------------------------------------------------------------------------

linux = pytest.mark.skipif(sys.platform != "linux", reason="the system's own bounds are Linux's")


@linux
def test_a_worker_writes_only_to_its_own_folder_and_to_where_downloads_are_kept(engine):
    if not functions.landlock_is_here():
        pytest.skip("this Linux has no Landlock")
    told = engine.call(functions.written_outside)
    assert told.pop("downloads") in {"written", "OSError", "PermissionError"}  # as the folder's own rights are
    assert told == {"code": "PermissionError", "temporary": "PermissionError", "own": "written", "home": "written"}


@linux
def test_a_worker_is_bounded_by_the_system_and_its_folder_goes_with_it(engine):
    data, core, file, mask, folder = engine.call(functions.limits)
    assert 4_000_000_000 < data < 4_400_000_000 + 41_000_000 * os.cpu_count()
    assert (core, file, mask) == (0, bounds.LARGEST_FILE, 0o077)
    assert Path(folder).stat().st_mode & 0o777 == 0o700
    other = Engine()
    found = other.call(functions.temporary)
    folder = Path(other.call(functions.limits)[-1])
    assert found == str(folder), "to look for one on a full disk would fail"
    assert folder.is_dir()
    other.close()
    assert not folder.exists()


@linux
def test_an_array_that_would_fill_the_machine_is_refused_and_costs_no_worker(engine):
    before = engine.call(functions.process)
    with pytest.raises(ConvvizError, match="more memory than a worker may use"):
        engine.call(functions.zeros, 10**12)
    job = engine.start(functions.run_out_of_memory)
    with pytest.raises(ConvvizError, match="more memory than a worker may use"):
        job.result(30)
    assert job.history == [1]
    assert engine.call(functions.process) == before


def test_a_full_disk_is_said_and_costs_no_worker_and_no_records(engine):
    with pytest.raises(ConvvizError, match="no room left on its disk"):
        engine.call(functions.fill_disk)
    job = engine.start(functions.fill_disk_later)
    with pytest.raises(ConvvizError, match="no room left on its disk"):
        job.result(30)
    assert job.history == [1]


def test_a_worker_that_really_uses_too_much_is_ended_and_the_next_call_works(engine):
    with pytest.raises(ConvvizError, match=r"worker that computed this stopped|more memory than a worker"):
        engine.call(functions.fill_memory)
    assert engine.call(functions.add, 1, 2) == 3


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
    options = ["--nthreads", "4", "--resources", "job=1 call=2", "--preload", "convviz.jobs.worker", "--no-dashboard"]
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
