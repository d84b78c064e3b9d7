"""The collection of odd and hostile files at the three doors: what comes in is read right, what stays out costs little.

A refusal takes under a second where no worker is needed and under five where one is, uses under 500 MB more, changes
nothing in the process, says what to do, and no file has ever an effect: the canary that many of them would touch is
not there.
"""

import os
import re
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from convviz import ConvvizError, uploads
from convviz.jobs import Engine
from tests.hostile import archive_files, collection, model_files, picture_files, state

MOST_MEMORY = 500_000_000


@pytest.fixture(autouse=True)
def _canary():
    collection.CANARY.unlink(missing_ok=True)
    yield
    assert not collection.CANARY.exists()


class Costs:
    """What opening files costs a process, from outside: the most memory at once, where Linux tells it."""

    def __init__(self, process: int) -> None:
        self.process = psutil.Process(process)
        self.status = Path(f"/proc/{process}/status")

    def begin(self) -> None:
        if self.status.exists():
            Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")  # the highest mark is where it stands now
        self.before = self.process.memory_info().rss

    def most(self) -> int:
        if not self.status.exists():
            return 0
        return 1024 * int(re.search(r"VmHWM:\s+(\d+)", self.status.read_text())[1]) - self.before


@pytest.fixture
def costs():
    return Costs(psutil.Process().pid)


def says_what_to_do(sentence: str) -> None:
    assert "; " in sentence
    assert not set(sentence) & set("<>[]`*$|\\\n")
    assert len(sentence) < 400


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    """Temporary files lie where no other process leaves and removes its own, or these would pass for changes."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def refused(opened, file: collection.File, costs: Costs) -> None:
    data, before = file.make(), state.of_process()
    costs.begin()
    began = time.process_time()  # a busy machine is not the file's fault
    with pytest.raises(ConvvizError, match=file.refusal) as caught:
        opened(data)
    assert time.process_time() - began < 1
    assert costs.most() < MOST_MEMORY
    assert state.changed(before, state.of_process()) == {}
    says_what_to_do(str(caught.value))


def came_in(opened, file: collection.File, costs: Costs):
    data, before = file.make(), state.of_process()
    costs.begin()
    found = opened(data)
    assert costs.most() < MOST_MEMORY
    assert state.changed(before, state.of_process()) == {}
    return found


def test_the_collection_is_as_large_as_it_is_said_to_be_and_always_the_same():
    for files, least in ((picture_files, 60), (archive_files, 30), (model_files, 50)):
        hostile = {**files.HOSTILE, **getattr(files, "BOMBS", {})}
        assert len(files.ODD) >= least / 2
        assert len(hostile) + len(files.ODD) >= least
        assert all(file.refusal is None for file in files.ODD.values())
        assert all(file.refusal for file in hostile.values())
    for files in (picture_files, archive_files):
        for file in files.ODD.values():
            assert (first := file.make()) == file.make()
            assert len(first) < 5_000_000


@pytest.mark.parametrize("name", picture_files.ODD)
def test_an_odd_picture_is_read_right(name, costs):
    file = picture_files.ODD[name]
    found, shows = came_in(uploads.open_picture, file, costs), np.asarray(file.shows)
    assert found.shape == shows.shape
    assert np.abs(found.astype(int) - shows).max() <= file.about


@pytest.mark.parametrize("name", picture_files.HOSTILE)
def test_a_hostile_picture_is_refused(name, costs):
    refused(uploads.open_picture, picture_files.HOSTILE[name], costs)


@pytest.mark.parametrize("name", archive_files.ODD)
def test_an_odd_archive_is_read_right(name, costs):
    file = archive_files.ODD[name]
    found = came_in(lambda data: uploads.open_dataset(data, size=(8, 8)), file, costs)
    counts = sum(map(len, (found.train_labels, found.validation_labels, found.test_labels)))
    assert (found.class_names, counts) == file.shows


@pytest.mark.parametrize("name", archive_files.HOSTILE)
def test_a_hostile_archive_is_refused(name, costs):
    refused(lambda data: uploads.open_dataset(data, size=(8, 8)), archive_files.HOSTILE[name], costs)


@pytest.mark.parametrize("name", model_files.HOSTILE)
def test_a_hostile_model_is_refused_without_a_worker(name, costs):
    refused(uploads.open_model, model_files.HOSTILE[name], costs)


# What needs a worker -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def engine():
    one = Engine()
    one.call(state.asked, model_files.ODD["Rescaling"].make(), model_files.QUESTION, timeout=120)  # it has begun
    yield one
    one.close()


@pytest.fixture(scope="module")
def worker_costs(engine):
    return Costs(engine.call(os.getpid))


def test_odd_models_answer_right_and_models_that_no_machine_could_run_are_refused(engine, worker_costs, subtests):
    for name, file in (model_files.ODD | model_files.BOMBS).items():
        with subtests.test(name):
            data = file.make()
            worker_costs.begin()
            told, seconds, changed = engine.call(state.asked, data, model_files.QUESTION)
            assert worker_costs.most() < MOST_MEMORY
            assert changed == {}
            if file.refusal is None:
                assert not isinstance(told, str), told
                assert told.shape == file.shows.shape
                assert np.abs(told - file.shows).max() <= max(file.about, 1e-5)
            else:
                assert re.search(file.refusal, told)
                assert seconds < 5
                says_what_to_do(told)
    assert engine.call(os.getpid) == worker_costs.process.pid, "no file cost a worker"
