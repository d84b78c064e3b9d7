"""An ascent as a page shows it."""

import cv2
import numpy as np
import pytest

from convviz import sketches, zoo


@pytest.fixture(scope="module")
def drawn() -> list[sketches.Sketch]:
    return list(sketches.draw(zoo.load("mnist"), "conv2d_1", (3, 5, 9), size=32, seed=1, columns=2))


def test_the_preview_comes_before_the_lectures_forty_steps(drawn):
    recipes = [one.recipe for one in drawn]
    assert recipes == sorted(recipes)
    lecture = [one for one in drawn if one.recipe == "lecture"]
    assert [one.step for one in lecture] == list(range(41))
    assert all(one.steps == 40 for one in lecture)
    assert len(drawn) - len(lecture) < 40


def test_both_recipes_raise_the_activation_of_every_filter_that_lives(drawn):
    for recipe in ("fast", "lecture"):
        part = [one for one in drawn if one.recipe == recipe]
        for index, name in enumerate(part[0].filters):
            if name not in part[0].dead:
                assert part[-1].activations[index] > part[0].activations[index]


def test_the_last_sketch_holds_a_sheet_of_both_recipes_and_a_light_one_holds_none(drawn):
    last = drawn[-1]
    assert set(last.pictures) == {"fast", "lecture"}
    sheet = cv2.imdecode(np.frombuffer(last.pictures["lecture"], np.uint8), cv2.IMREAD_COLOR)
    assert sheet.shape == (2 * 32 + sketches.GAP, 2 * 32 + sketches.GAP, 3)
    assert last.light().pictures == {}
    assert last.light().activations == last.activations


def test_a_stop_ends_the_drawing():
    drawing = sketches.draw(zoo.load("mnist"), "conv2d", (0,), size=32)
    next(drawing)
    with pytest.raises(StopIteration):
        drawing.send({"stop": True})


def test_a_sheet_holds_each_picture_at_its_place():
    pictures = np.stack([np.full((4, 6, 3), value, np.uint8) for value in (10, 20, 30)])
    sheet = sketches.sheet(pictures, columns=2)
    assert (sheet[:4, :6] == 10).all()
    assert (sheet[:4, 6 + sketches.GAP :] == 20).all()
    assert (sheet[4 + sketches.GAP :, :6] == 30).all()
    assert (sheet[4 + sketches.GAP :, 6:] == 255).all()
