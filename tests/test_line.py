"""Whose turn it is: by definition, without a worker."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from convviz.jobs.line import Line
from pages.shared import engine


@dataclass(eq=False)
class Standing:
    owner: str | None
    latest: object = None


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
    first.latest = Record(30.0)
    assert line.wait(jobs[2], 2) is None, "the second does not say what it needs"
    second.latest = Record(10.0)
    assert [line.wait(job, 2) for job in jobs] == [None, None, 20.0, 60.0, None]
    line.leave(second)
    assert line.wait(jobs[2], 2) == 30.0


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
        (2, None, "Waiting in line, place 2."),
        (3, 41.6, "Waiting in line, place 3, about 42 s."),
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
