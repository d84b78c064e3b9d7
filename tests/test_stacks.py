"""Stacks as text, their sizes against Keras, and published receptive fields."""

import keras
import numpy as np
import pytest

from convviz import ConvvizError, checking, effective, stacks
from convviz.receptive_field import from_windows
from convviz.stacks import Layer, parse

PUBLISHED = {"vgg16": 44, "alexnet": 195, "lenet5": 32, "resnet": 43, "two": 5, "dilated": 31}


def any_stack(rng):
    made = []
    for _ in range(rng.integers(1, 6)):
        kind = stacks.KINDS[rng.integers(3)]
        padding = ("valid", "same", int(rng.integers(0, 4)))[rng.integers(3)]
        dilation = int(rng.integers(1, 4)) if kind == "conv" else 1
        made.append(Layer(kind, int(rng.integers(1, 6)), int(rng.integers(1, 4)), padding, dilation))
    return tuple(made)


def test_a_stack_survives_its_text():
    rng = np.random.default_rng(0)
    for _ in range(200):
        stack = any_stack(rng)
        read = parse(stacks.text(stack))
        assert stacks.text(read) == stacks.text(stack)
        assert [one.window for one in read] == [
            one.window if one.padding != "valid" else one.window._replace(padding="valid") for one in stack
        ]


@pytest.mark.parametrize("name", stacks.PRESETS)
def test_presets_have_their_published_fields(name):
    preset = stacks.PRESETS[name]
    assert stacks.text(parse(preset.text)) == preset.text
    assert stacks.fields(parse(preset.text), preset.side)[-1].size == (PUBLISHED[name],) * 2
    assert preset.source
    assert len(preset.text) <= 400  # of an address


def test_lenets_maps_have_the_published_sizes():
    assert stacks.sides(parse(stacks.PRESETS["lenet5"].text), 32) == (32, 28, 14, 10, 5, 1)
    assert stacks.sides(parse(stacks.PRESETS["alexnet"].text), 227)[1:] == (55, 27, 27, 13, 13, 13, 13, 6)


def test_the_smallest_picture_fits_and_one_pixel_less_does_not():
    rng = np.random.default_rng(1)
    for _ in range(200):
        stack = any_stack(rng)
        side = stacks.smallest_side(stack)
        assert stacks.sides(stack, side)[-1] >= 1
        if side > 1:
            with pytest.raises(ConvvizError, match="does not fit"):
                stacks.sides(stack, side - 1)


def test_layers_can_be_moved_taken_out_and_put_in():
    stack = parse("conv 5; max 2/2; conv 3")
    assert stacks.text(stacks.moved(stack, 2, -1)) == "conv 5; conv 3; max 2/2"
    assert stacks.moved(stack, 0, -1) == stack
    assert stacks.text(stacks.without(stack, 1)) == "conv 5; conv 3"
    assert stacks.without(stack[:1], 0) == stack[:1]
    assert stacks.text(stacks.with_after(stack, 0, Layer("conv", 1))) == "conv 5; conv 1; max 2/2; conv 3"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        (" ; ;", "empty"),
        ("conv", "'conv' is not understood"),
        ("conv x", "not understood"),
        ("pool 2", "kind 'pool'"),
        ("conv 0", "size 0"),
        ("conv 99", "size 99"),
        ("conv 3/0", "stride 0"),
        ("conv 3 p99", "padding 99"),
        ("max 2 d2", "dilation 2"),
        ("conv 3 <b>", "not understood"),
        ("conv 3; " * 25, "25 layers"),
        ("conv 15 d8; conv 15 d8; conv 15 d8", "at least 337 pixels"),
        ("conv 99999999999999999999", "not understood"),
    ],
)
def test_bad_stacks_are_explained(text, said):
    with pytest.raises(ConvvizError, match=said):
        parse(text)


def last(text, side, layer, row, col, **choices):
    found = list(effective.measure(text, side, layer, row, col, **choices))
    assert [one.done for one in found] == list(range(1, len(found) + 1))
    return found[-1]


def test_the_model_has_the_maps_of_the_stack():
    rng = np.random.default_rng(2)
    for _ in range(10):
        stack = any_stack(rng)
        side = min(stacks.smallest_side(stack) + 7, 60)
        if stacks.smallest_side(stack) > side:
            continue
        model = effective._model(stack, side, True, 2)
        assert model.output_shape[1] == stacks.sides(stack, side)[-1]
        keras.backend.clear_session()


def test_the_gradient_is_nowhere_outside_the_theoretical_window():
    rng = np.random.default_rng(3)
    for _ in range(6):
        stack = any_stack(rng)[:3]
        side = stacks.smallest_side(stack) + 9
        maps = stacks.sides(stack, side)
        row, col = maps[-1] // 2, 0
        whole = stacks.fields(stack, side)[-1].window(row, col)
        one = last(stacks.text(stack), side, len(stack) - 1, row, col, runs=2)
        assert one.window == (max(whole[0], 0), max(whole[1], 0), min(whole[2], side), min(whole[3], side))
        model = effective._model(stack, side, True, 8)
        slope = effective._slope(model, row, col)(np.random.default_rng(0).normal(size=(1, side, side, 3)))
        outside = np.abs(np.asarray(slope)[0]).sum(axis=-1)
        outside[one.window[0] : one.window[2], one.window[1] : one.window[3]] = 0
        assert outside.max() == 0


def test_equal_weights_give_the_binomial_window():
    """n convolutions of 3 cells alike: the gradient is a row of trinomial numbers, times a column of the same."""
    one = last("; ".join(["conv 3 same"] * 5), 41, 4, 20, 20, weights="equal", relu=False, runs=1)
    line = np.ones(1)
    for _ in range(5):
        line = np.convolve(line, np.ones(3))
    expected = np.outer(line, line)
    np.testing.assert_allclose(one.gradient, expected / expected.max(), rtol=1e-4)
    assert one.even == pytest.approx((5 / 11) ** 2)
    assert one.middle == pytest.approx(expected[3:8, 3:8].sum() / expected.sum(), rel=1e-4)
    assert one.side == pytest.approx(np.sqrt((expected > effective.TOLD * expected.max()).sum()))


def test_a_single_convolution_is_even_and_a_deep_stack_is_not():
    shallow = last("conv 9", 21, 0, 6, 6, runs=40)
    assert shallow.middle == pytest.approx(shallow.even, abs=0.03)
    deep = last("; ".join(["conv 3"] * 8), 21, 7, 2, 2, runs=10)
    assert deep.middle > 1.5 * deep.even
    assert deep.side < 17


def test_measuring_is_repeatable_can_be_stopped_and_refuses_units_that_are_not_there():
    first, again = (last("conv 3; max 2/2", 12, 1, 1, 1, runs=2, seed=7) for _ in range(2))
    np.testing.assert_array_equal(first.gradient, again.gradient)
    running = effective.measure("conv 3", 9, 0, 0, 0)
    next(running)
    with pytest.raises(StopIteration):
        running.send({"stop": True})
    with pytest.raises(ConvvizError, match="no unit at row 9"):
        next(effective.measure("conv 3", 9, 0, 9, 0))
    with pytest.raises(ConvvizError, match="no weights 'other'"):
        next(effective.measure("conv 3", 9, 0, 0, 0, weights="other"))


@pytest.mark.parametrize("name", ["lenet5", "resnet", "dilated", "two"])
def test_check_finds_the_windows_by_gradients(name, monkeypatch):
    preset = stacks.PRESETS[name]
    check = checking.receptive_fields(preset.text, preset.side)
    assert check.difference == 0
    assert check.numbers >= 4
    monkeypatch.setattr(stacks, "fields", lambda *_: from_windows([(2,)] * len(parse(preset.text))))
    assert checking.receptive_fields(preset.text, preset.side).difference > 0
    monkeypatch.undo()
    with pytest.raises(ConvvizError, match="no layer's middle window"):
        checking.receptive_fields("conv 7 same", 3)
