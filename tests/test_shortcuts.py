"""The shortcut lab against what is known of its pictures: where the mark is, who bears it, and what it must do."""

from dataclasses import replace

import numpy as np
import pytest

from convviz import ConvvizError, recipes, shortcuts
from tests.test_recipes import ran

keras = pytest.importorskip("keras")

DIGITS = shortcuts.Setup("digits", 3, 8, size=6, epochs=8)


@pytest.fixture(scope="module")
def runs() -> dict[str, list[shortcuts.Stand]]:
    """Both trainings on digits."""
    return {way: list(shortcuts.learn(DIGITS, way)) for way in ("cheat", "spread")}


def test_a_servers_limits_hold_here_too(monkeypatch):
    monkeypatch.setenv("CONVVIZ_LIMITS", "epochs=1")
    *_, last = shortcuts.learn(DIGITS, "cheat")
    assert last.progress.epoch == 1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("place", shortcuts.PLACES)
def test_the_mark_is_where_its_mask_says_and_changes_nothing_else(channels, place):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 255, (40, 20, 24, channels)).astype(np.uint8)
    bears = rng.random(40) < 0.5
    before = images.copy()
    drawn, masks = shortcuts.put(images, bears, size=5, place=place, rng=np.random.default_rng(2))
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(drawn[~masks], images[~masks])
    np.testing.assert_array_equal(masks.sum(axis=(1, 2)), np.where(bears, 25, 0))
    if channels == 3:
        assert (drawn[masks] == shortcuts.MAGENTA).all()
    else:
        assert set(np.unique(drawn[masks])) == {0, shortcuts.GREY}
    corners = [tuple(np.argwhere(mask)[0]) for mask in masks[bears]]
    assert (set(corners) == {(1, 1)}) == (place == "corner")


def test_each_way_gives_the_mark_to_whom_it_says():
    def share(way, **changes):
        data = shortcuts.marked(replace(DIGITS, **changes), way)
        clean = shortcuts.marked(replace(DIGITS, share=0.0), "cheat")
        bears = (data.train_images != clean.train_images).any(axis=(1, 2, 3))
        return [bears[data.train_labels == label].mean() for label in (0, 1)]

    assert share("cheat") == [0, 1]
    assert share("removed") == [0, 0]
    assert share("spread") == pytest.approx([0.5, 0.5], abs=0.15)
    assert share("cheat", share=0.7) == [0, pytest.approx(0.7, abs=0.12)]


def test_the_examined_pictures_are_those_of_the_test_part_and_of_both_classes():
    from convviz import datasets

    whole = datasets.load("digits")
    plain, labels, masks = shortcuts.examined(DIGITS, on="none")
    np.testing.assert_array_equal(plain, whole.test_images[np.isin(whole.test_labels, (3, 8))])
    assert labels.sum() == (whole.test_labels == 3).sum()
    assert not masks.any()
    assert shortcuts.examined(DIGITS, on="all")[2].any(axis=(1, 2)).all()


def test_the_network_takes_the_shortcut_and_grad_cam_gives_it_away(runs):
    found = runs["cheat"][-1].verdict
    assert found.cheating > 0.95
    assert found.clean < found.guessing + 0.1
    assert found.turned > 0.9 > 0.2 > found.turned_clean
    assert found.on_mark > 4 * found.area
    assert found.area == pytest.approx(36 / 28**2)


def test_the_mended_network_looks_at_the_digit(runs):
    before, after = (runs[way][-1].verdict for way in ("cheat", "spread"))
    assert after.clean > 0.9
    assert after.clean - before.clean > shortcuts.chance(before, after)
    assert after.turned - after.turned_clean < 0.1
    assert after.on_mark < before.on_mark / 3


def test_the_curves_are_told_at_the_end_of_each_epoch_and_the_verdict_at_the_end(runs):
    ends = [one for one in runs["cheat"] if one.cheating is not None]
    assert [one.epoch for one in ends] == list(range(1, 9))
    assert [one.verdict is None for one in runs["cheat"]] == [True] * (len(runs["cheat"]) - 1) + [False]
    assert ends[-1].cheating > 0.95
    assert runs["cheat"][-1].snapshot
    assert runs["cheat"][-1].light().snapshot is None


def test_a_stop_examines_what_there_is():
    run = shortcuts.learn(replace(DIGITS, epochs=50))
    next(run)
    last = run.send({"stop": True, "steps": 1})
    assert last.verdict.pictures == 61
    with pytest.raises(StopIteration):
        next(run)


def test_the_heat_in_a_mask_is_a_share_by_definition():
    map_, mask = np.array([[1.0, 3.0], [0.0, 4.0]]), np.array([[False, True], [True, False]])
    assert shortcuts._share([map_, np.zeros((2, 2))], [mask, mask]) == pytest.approx(0.5 * 3 / 8)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({"other": 3}, "two different classes"), ({"marked": 12}, "two different classes"), ({"size": 11}, "11 pixels")],
)
def test_what_cannot_be_told_apart_is_refused(changes, sentence):
    with pytest.raises(ConvvizError, match=sentence):
        next(shortcuts.learn(replace(DIGITS, **changes)))


def test_the_program_finds_what_the_page_finds(runs, tmp_path):
    result = ran(recipes.shortcut.lab(DIGITS, "spread"), tmp_path)["result"]
    for name, way in (("before", "cheat"), ("after", "spread")):
        found = runs[way][-1].verdict
        for what in ("cheating", "clean", "turned"):
            assert result[name][what] == pytest.approx(getattr(found, what), abs=0.1), (name, what)
        assert result[name]["on_mark"] == pytest.approx(found.on_mark, abs=0.08)


def test_the_program_draws_the_pages_shapes(tmp_path):
    text = recipes.shortcut.drawn_shapes().replace("(3000, 500, 500)", "(12, 3, 3)")
    drawn = ran(recipes.script(text), tmp_path)
    from convviz import datasets

    rng = np.random.default_rng(20261123)
    first = datasets.draw_shapes(12, rng=rng)
    np.testing.assert_array_equal(drawn["train_labels"], first.labels[:, 0])
    np.testing.assert_array_equal(drawn["train_images"], np.stack([shortcuts._halved(one) for one in first.images]))
