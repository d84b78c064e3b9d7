"""Whose turn it is: by definition, without a worker."""

import itertools
import math
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from convviz.downloads import Fetched
from convviz.evaluation import Examined
from convviz.jobs.line import Line
from convviz.jobs.pace import Kinds, Watch, share_done
from convviz.sketches import Band
from convviz.trust import Cascade
from pages.shared import downloading, engine

KINDS = map(str, itertools.count())


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(eq=False)
class Standing:
    """A job in line, of a kind of its own where none is given."""

    owner: str | None
    kind: str = field(default_factory=lambda: next(KINDS))
    watch: Watch = field(default_factory=lambda: Watch(Clock()))
    state: str = "running"


@dataclass
class Record:
    seconds_left: float


def joined(*owners):
    line = Line()
    jobs = [Standing(owner) for owner in owners]
    for job in jobs:
        line.join(job)
    return line, jobs


def test_who_came_first_comes_first():
    line, jobs = joined("a", "b", "c")
    assert [line.next() for _ in jobs] == jobs


def test_an_owner_with_many_jobs_does_not_hold_up_an_owner_with_one():
    line, jobs = joined("a", "a", "a", "a", "b")
    assert [line.place(job) for job in jobs] == [1, 3, 4, 5, 2]
    assert line.next() is jobs[0]
    assert line.next() is jobs[4]


def test_who_has_a_job_at_work_waits_behind_who_has_none():
    line, _ = joined("a", "b")
    line.next()
    late = Standing("a")
    other = Standing("c")
    line.join(late)
    line.join(other)
    assert [line.place(late), line.place(other)] == [3, 2]


def test_the_wait_is_what_those_at_work_need_as_often_as_they_take_turns():
    line, jobs = joined("a", "b", "c", "d", "e")
    first, second = line.next(), line.next()
    first.watch.saw(Record(30.0))
    assert line.wait(jobs[2], 2) is None, "the second does not say what it needs"
    second.watch.saw(Record(10.0))
    assert [line.wait(job, 2) for job in jobs] == [None, None, 20.0, 60.0, None]
    line.leave(second)
    assert line.wait(jobs[2], 2) == 30.0


def at_work(watch: Watch, clock: Clock, *records: tuple[float, object]) -> Watch:
    """A worker begins, and so many seconds later each record comes."""
    watch.begin()
    for seconds, record in records:
        clock.now += seconds
        watch.saw(record)
    return watch


def test_a_job_that_tells_how_far_it_is_needs_as_long_as_its_pace_says():
    clock = Clock()
    watch = at_work(Watch(clock), clock, (40.0, Examined(0, 100, 0)))
    assert math.isinf(watch.left), "the first record tells how long the beginning takes, and no pace"
    at_work(watch, clock, (5.0, Examined(25, 100, 9)))
    assert watch.left == pytest.approx(15.0)  # 75 at 5 in a second, whatever the 40 seconds were for
    watch.pause()
    clock.now += 1000
    assert watch.worked == 45.0, "others had their turn"
    assert watch.left == pytest.approx(15.0)
    at_work(watch, clock, (5.0, Record(7.0)))
    assert watch.left == 7.0, "its own word is better"


def test_of_a_job_that_says_nothing_yet_its_kind_tells():
    clock, kinds = Clock(), Kinds()
    job = Standing("a", "training", at_work(Watch(clock), clock))
    assert math.isinf(kinds.left(job))
    for seconds in (8.0, 20.0, 40.0):
        kinds.took("training", seconds)
    kinds.took("search", 3.0)
    assert kinds.left(job) == 20.0
    clock.now = 10.0
    assert kinds.left(job) == 20.0, "one that lasts 10 s already is one of those that took 20 and 40"
    clock.now = 50.0
    assert math.isinf(kinds.left(job)), "longer than any other: nobody knows"
    other = Standing("b", "training", at_work(Watch(clock), clock, (10.0, Record(90.0))))
    assert kinds.left(Standing("c", "training"), [other]) == 30.0  # the median of 8, 20, 40 and 10 + 90


def test_who_stands_behind_others_in_line_waits_for_them_too():
    line, jobs = joined("a", "b", "c", "d", "e")
    for job in jobs:
        job.kind = "training"
    line.next().watch.saw(Record(30.0))
    line.next().watch.saw(Record(10.0))  # both share one worker: free in 60 and in 20 seconds, c's 20 last 40
    assert [line.wait(job, 2) for job in jobs[2:]] == [20.0, 60.0, 60.0]
    line.leave(jobs[0])
    assert [line.wait(job, 2) for job in jobs[2:]] == [10.0, 20.0, 30.0]


@pytest.mark.parametrize(("state", "wait"), [("done", 12.0), ("stopped", None), ("failed", None)])
def test_what_a_job_took_tells_of_its_kind_once_it_is_done(state, wait):
    line, (first, second, third) = joined("a", "b", "c")
    first.kind = second.kind = "search"
    clock = Clock()
    first.watch = at_work(Watch(clock), clock, (12.0, None))
    line.next()
    line.next()
    assert line.wait(third, 1) is None
    first.state = state
    line.leave(first)
    assert line.wait(third, 1) == wait


@pytest.mark.parametrize(
    ("record", "share"),
    [
        (None, None),
        (Fetched(30, 120), 0.25),
        (Fetched(30, None), None),
        (Examined(30, 120, 0), 0.25),
        (Cascade((), 0.25), 0.25),
        (Band((0, 1), 0.5, 0.25, (9, 9)), 0.25),
    ],
)
def test_how_much_of_a_job_is_done_stands_in_its_records(record, share):
    assert share_done(record) == share


def test_those_who_lost_their_turn_are_the_next():
    line, jobs = joined("a", "b", "c")
    line.next()
    line.next()
    line.send_back()
    assert line.turns == []
    assert line.order() == jobs


@given(some.lists(some.sampled_from("abcd"), max_size=12), some.integers(0, 5))
def test_places_are_a_permutation_and_nobody_is_two_jobs_ahead_of_a_waiting_owner(owners, begun):
    line, jobs = joined(*owners)
    for _ in range(min(begun, len(jobs))):
        line.next()
    order = line.order()
    assert sorted(map(id, order)) == sorted(map(id, line.waiting))
    assert [line.place(job) for job in order] == list(range(1, len(order) + 1))
    while line.waiting:
        counts = {owner: sum(job.owner == owner for job in line.turns) for owner in "abcd"}
        waiting = {job.owner for job in line.waiting}
        assert counts[line.next().owner] == min(counts[owner] for owner in waiting)


@pytest.mark.parametrize(
    ("place", "wait", "told"),
    [
        (0, None, ""),
        (2, None, "Waiting in line, place 2; how long is not known yet."),
        (1, 4.2, "Waiting in line, place 1, a few seconds."),
        (3, 41.6, "Waiting in line, place 3, about 40 s."),
        (1, 300, "Waiting in line, place 1, about 5 min."),
    ],
)
def test_who_waits_is_told_the_place_and_for_how_long(place, wait, told):
    assert engine.line(SimpleNamespace(place_in_line=place, expected_wait=wait)) == told


def test_a_first_record_is_waited_for_a_moment_and_no_longer():
    class Slow:
        ended, asked = False, 0

        @property
        def latest(self):
            self.asked += 1
            return "first" if self.asked > 3 else None

    assert engine.soon(Slow(), 5) == "first"
    assert engine.soon(SimpleNamespace(latest=None, ended=False), 0.05) is None
    assert engine.soon(SimpleNamespace(latest=None, ended=True), 60) is None


def test_a_download_that_waits_says_so(monkeypatch):
    told = []
    monkeypatch.setattr(downloading.st, "progress", lambda share, text: told.append(text))
    monkeypatch.setattr(downloading.st, "button", lambda *arguments, **options: None)
    job = SimpleNamespace(
        state="waiting", ended=False, latest=None, place_in_line=2, expected_wait=100.0, stop=lambda: None
    )
    downloading._state(job)
    assert told == ["Waiting in line, place 2, about 2 min."]
