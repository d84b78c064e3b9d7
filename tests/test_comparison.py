"""Comparing two settings: the runs are those of `training.train`, and the interval is Welch's."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from convviz import ConvvizError, architectures, comparison, datasets, recipes, training
from tests.test_recipes import ran

pytest.importorskip("keras")

DIGITS = datasets.Reference("digits", per_class=12)
LAYERS = architectures.parse("conv 4 5; max 4; flatten")
NETWORK = architectures.Architecture((28, 28, 1), LAYERS, 10)
ONE = comparison.Contender(NETWORK, training.Settings(epochs=2, batch_size=16, learning_rate=0.003, seed=3))
OTHER = replace(ONE, settings=replace(ONE.settings, learning_rate=0.02))


@pytest.fixture(scope="module")
def pictures() -> datasets.Dataset:
    return datasets.resolve(DIGITS)


@pytest.fixture(scope="module")
def standings(pictures) -> list[comparison.Standing]:
    """A whole comparison of two runs each."""
    return list(comparison.compare(ONE, OTHER, pictures, seeds=2))


def test_settings_take_turns_and_no_two_runs_share_a_seed(standings):
    runs = standings[-1].runs
    assert [run.which for run in runs] == [0, 1, 0, 1]
    assert [run.seed for run in runs] == [3, 5003, 4, 5004]
    assert all(run.complete and run.epochs == (1, 2) for run in runs)
    assert (standings[-1].done, standings[-1].total, standings[-1].share) == (4, 4, 1)
    shares = [one.share for one in standings]
    assert shares == sorted(shares)


def test_a_run_is_the_training_with_its_seed(standings, pictures):
    *_, last = training.train(NETWORK, pictures, replace(OTHER.settings, seed=5004))
    run = standings[-1].runs[3]
    assert run.validation_accuracy[-1] == pytest.approx(last.validation_accuracy, abs=0.01)
    assert run.validation_loss[-1] == pytest.approx(last.validation_loss, rel=1e-3)
    told = {one.validation_count for one in standings if any(row.epochs for row in one.runs)}
    assert told == {len(pictures.validation_images)}, "a glance in between is not counted"


def test_the_interval_is_scipys_welch():
    rng = np.random.default_rng(0)
    one, other = rng.normal(0.9, 0.02, 4), rng.normal(0.93, 0.005, 7)
    found = comparison.difference(one, other)
    theirs = stats.ttest_ind(other, one, equal_var=False)
    interval = theirs.confidence_interval(comparison.LEVEL)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.degrees == pytest.approx(theirs.df)
    assert found.difference == pytest.approx(other.mean() - one.mean())
    assert found.spreads == pytest.approx((one.std(ddof=1), other.std(ddof=1)))
    assert found.is_clear == (theirs.pvalue < 0.05)


def test_the_interval_covers_no_difference_as_often_as_it_says():
    rng = np.random.default_rng(1)
    clear = [comparison.difference(*rng.normal(0.9, 0.01, (2, 3))).is_clear for _ in range(2000)]
    assert np.mean(clear) < 0.06


def test_one_run_of_a_setting_tells_nothing_and_equal_runs_have_no_spread():
    assert comparison.difference([0.9], [0.8, 0.7]) is None
    found = comparison.difference([0.9, 0.9], [0.9, 0.9])
    assert (found.low, found.high, found.is_clear, found.runs_needed) == (0, 0, False, None)
    near = comparison.difference([0.90, 0.92], [0.91, 0.93])
    assert near.runs_needed == np.ceil(1.96**2 * 4e-4 / 1e-4)


def test_the_difference_is_that_of_the_finished_runs(standings):
    runs = standings[-1].runs
    ends = [comparison.finals(runs, which) for which in (0, 1)]
    assert ends[0] == [runs[0].validation_accuracy[-1], runs[2].validation_accuracy[-1]]
    assert standings[-1].difference == comparison.difference(*ends)
    assert [one.difference is None for one in standings if one.done < 4] == [True] * sum(
        one.done < 4 for one in standings
    )


def test_it_goes_on_from_a_snapshot_without_training_finished_runs_again(standings, pictures):
    halfway = next(one for one in standings if one.done == 3)
    rest = list(comparison.compare(ONE, OTHER, pictures, seeds=2, resume=halfway.snapshot))
    assert rest[0].runs[:3] == halfway.runs[:3]
    assert rest[0].done == 3
    assert rest[-1].done == 4
    assert halfway.light().snapshot is None
    assert halfway.light().runs == ()


def test_a_stop_keeps_what_there_is(pictures):
    course = comparison.compare(ONE, OTHER, pictures, seeds=2)
    while not (now := next(course)).done:
        pass
    with pytest.raises(StopIteration):
        course.send({"stop": True})
    assert now.runs[0].complete


def test_a_run_that_diverges_is_told_and_the_others_go_on(pictures):
    deep = replace(NETWORK, layers=architectures.parse("flatten; dense 32 linear; dense 32 linear; dense 32 linear"))
    wild = comparison.Contender(deep, replace(ONE.settings, learning_rate=10.0, optimizer="sgd"))
    *_, last = comparison.compare(ONE, wild, pictures, seeds=2)
    assert last.done == 4
    assert all("diverged" in run.fault for run in last.runs if run.which == 1)
    assert all(run.complete for run in last.runs if run.which == 0)
    assert last.difference is None


def test_what_does_not_fit_is_refused(pictures):
    with pytest.raises(ConvvizError, match="1 runs of each"):
        next(comparison.compare(ONE, OTHER, pictures, seeds=1))
    with pytest.raises(ConvvizError, match="28 × 28"):
        next(comparison.compare(replace(ONE, network="shapes"), OTHER, pictures))


def test_the_drawn_band_is_mean_and_spread_of_the_finished_runs(standings):
    drawn = comparison.curves(standings[-1].runs, ("A", "B"))
    thick = [one for one in drawn if one.name]
    assert [one.name for one in thick] == ["A (2 runs)", "B (2 runs)"]
    assert len(drawn) == 6
    rows = np.array([run.validation_accuracy for run in standings[-1].runs if run.which == 1])
    np.testing.assert_allclose(thick[1].y, rows.mean(axis=0))
    np.testing.assert_allclose(thick[1].high, rows.mean(axis=0) + rows.std(axis=0, ddof=1))
    assert thick[0].dash != thick[1].dash


def test_the_program_comes_to_the_same_accuracies(standings, tmp_path):
    text = recipes.comparison.comparison(ONE, OTHER, DIGITS, seeds=2, level=comparison.LEVEL, second=comparison.SECOND)
    found = ran(text, tmp_path)
    for name, which in (("A", 0), ("B", 1)):
        ours = [run.validation_accuracy for run in standings[-1].runs if run.which == which]
        np.testing.assert_allclose(found["result"][name], ours, atol=0.04)
    assert found["interval"].low < found["interval"].high
    assert (tmp_path / "comparison.csv").read_text().count("\n") == 9


def test_the_program_knows_augmentation_of_both_settings(tmp_path):
    gentle = replace(ONE.settings, epochs=1, augmentation={"rotation": 10, "zoom": 0.1})
    strong = replace(gentle, augmentation={"rotation": 40, "horizontal_flip": True})
    one, other = replace(ONE, settings=gentle), replace(ONE, settings=strong)
    text = recipes.comparison.comparison(one, other, DIGITS, seeds=2, level=0.95, second=5000)
    found = ran(text, tmp_path)
    *_, last = training.train(NETWORK, datasets.resolve(DIGITS), replace(strong, seed=5003))
    assert found["result"]["B"][0][0] == pytest.approx(last.validation_accuracy, abs=0.05)


def test_the_expected_time_is_not_that_of_the_first_records_tracing(pictures, monkeypatch):
    clock, openings = [0.0], iter((7.0, 1.0, 1.0, 1.0))

    def train(*_, **__):
        for step in range(1, 11):
            clock[0] += next(openings) if step == 1 else 0.1
            yield SimpleNamespace(step=step, steps=10, whole=step == 10, epoch=2, validation_count=5,
                                  validation_accuracy=0.5, validation_loss=1.0)  # fmt: skip

    monkeypatch.setattr(comparison.training, "train", train)
    monkeypatch.setattr(comparison.time, "monotonic", lambda: clock[0])
    told = [(one.seconds_left, clock[0], one.share) for one in comparison.compare(ONE, OTHER, pictures, seeds=2)]
    end = clock[0]
    assert told[0][0] == float("inf"), "nothing is known but how long it takes to begin"
    assert told[1][0] == pytest.approx((1 - told[1][2]) * 4 + 3 * 7), "4 s for all steps; each run may begin as slowly"
    for left, now, share in told:
        if share > 0.3:  # the second run has begun: from here on it is known
            assert left == pytest.approx(end - now, abs=0.35)
    assert told[-1][0] == 0
