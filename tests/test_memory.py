"""Results that are remembered: computed once, handed out as copies, bounded in bytes."""

import threading
import time

import numpy as np
import pytest
import zict

from pages.shared import memory


@pytest.fixture(autouse=True)
def _empty(monkeypatch):
    results = {origin: zict.LRU(1_000_000, {}, weight=lambda _, kept: kept.size) for origin in memory.MOST_BYTES}
    monkeypatch.setattr(memory, "_results", results)


def counted():
    calls = []

    @memory.remembered
    def doubled(array, *, plus=0):
        calls.append(plus)
        return array * 2 + plus

    return calls, doubled


def test_the_same_question_is_computed_once_and_another_one_anew():
    calls, doubled = counted()
    array = np.arange(6.0).reshape(2, 3)
    for _ in range(3):
        assert np.array_equal(doubled(array), array * 2)
    assert np.array_equal(doubled(array, plus=1), array * 2 + 1)
    assert np.array_equal(doubled(array.astype(np.float32)), array * 2)
    assert np.array_equal(doubled(array.reshape(3, 2)), array.reshape(3, 2) * 2)
    changed = array.copy()
    changed[1, 2] += 1e-9
    doubled(changed)
    assert calls == [0, 1, 0, 0, 0]


def test_nobody_can_change_a_result_for_the_others_and_all_share_its_arrays():
    _, doubled = counted()
    array = np.ones((4, 4))
    first, second = doubled(array), doubled(array)
    assert np.shares_memory(first, second)
    with pytest.raises(ValueError, match="read-only"):
        first[:] = 7
    assert (doubled(array) == 2).all()
    lists = [memory.recalled(lambda: [np.zeros(3), {"a": 1}], "lists") for _ in range(2)]
    lists[0][1]["a"] = 2
    assert lists[1][1] == memory.recalled(None, "lists")[1] == {"a": 1}


def test_what_a_page_computes_does_not_push_out_what_a_worker_answered():
    _, doubled = counted()
    memory.recalled(lambda: 5, "question")
    for number in range(4):
        doubled(np.full(50_000, number, np.float64))
    assert memory.recalled(None, "question") == 5


def test_views_and_columns_are_told_apart_by_what_they_hold():
    _, doubled = counted()
    array = np.arange(16.0).reshape(4, 4)
    assert np.array_equal(doubled(array[::2, ::2]), array[::2, ::2] * 2)
    assert np.array_equal(doubled(array.T), array.T * 2)


def test_the_oldest_results_give_way():
    calls, doubled = counted()
    arrays = [np.full(50_000, number, np.float64) for number in range(4)]  # 400,000 bytes each
    for array in arrays:
        doubled(array)
    assert memory._results["page"].total_weight <= 1_000_000
    doubled(arrays[3])
    assert len(calls) == 4
    doubled(arrays[0])
    assert len(calls) == 5


def test_a_result_larger_than_the_memory_is_given_and_not_kept():
    calls, doubled = counted()
    large = np.zeros(500_000)
    assert doubled(large).shape == doubled(large).shape == (500_000,)
    assert len(calls) == 2


def test_an_error_is_not_remembered():
    answers = iter([ValueError("not yet"), 5])

    def compute():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(ValueError, match="not yet"):
        memory.recalled(compute, "question")
    assert memory.recalled(compute, "question") == 5
    assert memory.recalled(compute, "question") == 5


def test_who_asks_meanwhile_waits_for_the_one_computation():
    calls = []

    def slow():
        calls.append(1)
        time.sleep(0.2)
        return "answer"

    found = []
    threads = [threading.Thread(target=lambda: found.append(memory.recalled(slow, "same"))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["answer"] * 5
    assert len(calls) == 1


def test_two_functions_of_one_name_in_two_files_do_not_answer_for_each_other(tmp_path):
    made = []
    for number in (1, 2):
        path = tmp_path / f"page{number}.py"
        path.write_text(f"def asked(x):\n    return {number}\n")
        space = {}
        exec(compile(path.read_text(), str(path), "exec"), space)
        made.append(memory.remembered(space["asked"]))
    assert [one(0) for one in made] == [1, 2]


def test_what_is_remembered_can_be_asked_for_without_computing_it():
    assert memory.kept("nobody", "asked", "this") is None
    memory.recalled(lambda: np.arange(3), "somebody", "asked", "this")
    assert memory.kept("somebody", "asked", "this").tolist() == [0, 1, 2]
