"""An ascent as a page shows it."""

import cv2
import numpy as np
import pytest

from convviz import images, patterns, sketches, zoo


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
    shares = [one.share for one in drawn]
    assert shares == sorted(shares)
    assert (shares[0], lecture[0].share, shares[-1]) == (0.0, 0.5, 1.0)


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


def test_a_stop_ends_the_drawing_with_a_last_sketch_of_where_it_is():
    drawing = sketches.draw(zoo.load("mnist"), "conv2d", (0,), size=32)
    next(drawing)
    next(drawing)
    last = drawing.send({"stop": True})
    assert (last.recipe, last.step, len(last.shown)) == ("fast", 1, 1)
    with pytest.raises(StopIteration):
        next(drawing)


def test_the_strip_holds_six_steps_from_the_first_to_the_last_of_each_recipe(drawn):
    for recipe in ("fast", "lecture"):
        kept = [one for one in (each.light() for each in drawn) if one.recipe == recipe and one.small]
        assert len(kept) == sketches.STRIP
        assert kept[0].step == 0
        assert kept[-1].step == kept[-1].steps
        assert [bool(one.shown) for one in kept] == [False] * 5 + [True]


def test_one_picture_is_cut_out_of_its_sheet(drawn):
    last = drawn[-1]
    expected = patterns.generate(
        zoo.load("mnist"), "conv2d_1", (3, 5, 9), recipe="lecture", size=32, rng=np.random.default_rng(1), revive=True
    )
    for place, picture in enumerate(expected):
        np.testing.assert_array_equal(sketches.cut(last.pictures["lecture"], place, last.size, last.columns), picture)


def test_a_layer_is_filled_in_bands_that_go_on_where_they_were_left():
    network = zoo.load("mnist")
    whole = [one for one in sketches.fill(network, "conv2d_1", range(20), size=32) if one.png]
    assert [one.filters for one in whole] == [tuple(range(16)), tuple(range(16, 20))]
    assert [one.share for one in whole] == [16 / 20, 1.0]
    later = [one for one in sketches.fill(network, "conv2d_1", range(16, 20), size=32) if one.png]
    assert later[0].png == whole[1].png
    assert len(whole[0].shown) == len(whole[0].activations) == 16
    page = cv2.imdecode(np.frombuffer(sketches.joined([one.png for one in whole]), np.uint8), cv2.IMREAD_COLOR)
    step = 32 + sketches.GAP
    assert page.shape == (3 * step - sketches.GAP, sketches.ROW * step - sketches.GAP, 3)


def test_a_direction_goes_towards_the_picture_that_is_given():
    network, picture = zoo.load("mnist"), images.sample("digit_4")
    *_, last = sketches.draw(
        network, "conv2d_1", objective="direction", like=picture, recipes=("fast",), size=32, steps=4
    )
    direction = patterns.towards(network, "conv2d_1", picture, size=32)
    expected = patterns.generate(
        network, "conv2d_1", objective="direction", direction=direction, size=32, steps=4, revive=True
    )
    np.testing.assert_array_equal(sketches.cut(last.pictures["fast"], 0, last.size, 1), expected[0])


def test_a_sheet_holds_each_picture_at_its_place():
    pictures = np.stack([np.full((4, 6, 3), value, np.uint8) for value in (10, 20, 30)])
    sheet = sketches.sheet(pictures, columns=2)
    assert (sheet[:4, :6] == 10).all()
    assert (sheet[:4, 6 + sketches.GAP :] == 20).all()
    assert (sheet[4 + sketches.GAP :, :6] == 30).all()
    assert (sheet[4 + sketches.GAP :, 6:] == 255).all()
