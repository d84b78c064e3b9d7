"""Stimuli are what they say, and kernels answer to them as their frequency response and their cells demand."""

import numpy as np
import pytest
from skimage.color import rgb2hsv

from convviz import ConvvizError, kernels, recipes, stimuli, tuning
from convviz.convolution import convolve
from tests.test_recipes import ran

SOBEL = tuning.over_colours(kernels.KERNELS["sobel_x"].weights)


def asked(weights, measure="root mean square"):
    return lambda pictures: tuning.kernel_responses(pictures, weights, measure=measure)


def test_a_grating_is_the_wave_that_it_says():
    picture = stimuli.grating(64, angle=90, frequency=0.125)
    assert picture.shape == (64, 64, 3)
    assert (picture == picture[:1]).all(), "upright: every row alike"
    spectrum = np.abs(np.fft.rfft(picture[0, :, 0] - 127.5))
    assert int(np.argmax(spectrum)) == 8
    level = stimuli.grating(64, angle=0, frequency=0.125)
    assert (level == level[:, :1]).all()
    opposite = stimuli.grating(64, phase=180).astype(int)
    assert np.abs(stimuli.grating(64).astype(int) + opposite - 255).max() <= 1


def test_angles_count_against_the_clock():
    rising = stimuli.bar(33, angle=45, width=1)[..., 0]
    assert rising[6, 26] > 200, "45 degrees rises to the right"
    assert rising[6, 6] == 0
    assert stimuli.bar(33, angle=90, shift=5, width=1)[..., 0].sum(axis=0).argmax() == 16 + 5


@pytest.mark.parametrize("width", [1, 3, 6])
def test_a_bar_has_its_width(width):
    assert stimuli.bar(33, width=width)[16, :, 0].sum() / 255 == pytest.approx(width, abs=0.02)


@pytest.mark.parametrize("curvature", [0.05, 0.1, 0.25])
def test_a_curve_lies_on_its_circle_and_opens_where_it_says(curvature):
    drawn = stimuli.curve(64, angle=0, curvature=curvature, width=1)[..., 0]
    rows, columns = np.nonzero(drawn > 128)
    away = np.hypot(columns - 31.5 - 1 / curvature, rows - 31.5)
    assert np.abs(away - 1 / curvature).max() < 1
    assert columns.min() == 31 or columns.min() == 32
    upwards = stimuli.curve(64, angle=90, curvature=curvature)[..., 0]
    assert upwards[:32].sum() > upwards[32:].sum()
    line = stimuli.curve(64, angle=0, curvature=0)[..., 0]
    assert (line == line[:1]).all()


def test_a_coloured_bar_has_its_hue():
    for hue in (0, 60, 120, 240, 300):
        paint = stimuli.coloured_bar(32, hue=hue)[16, 16]
        assert rgb2hsv(paint[None, None] / 255.0)[0, 0, 0] * 360 == pytest.approx(hue, abs=1)
    assert (stimuli.coloured_bar(32)[0, 0] == stimuli.GROUND).all()


@pytest.mark.parametrize("name", ["sobel_x", "laplacian", "gaussian_blur", "emboss"])
def test_answers_to_gratings_are_the_kernels_frequency_response(name):
    cells = kernels.KERNELS[name].weights
    weights = tuning.over_colours(cells)
    for angle, frequency in [(90, 0.125), (0, 0.25), (45, 0.1), (120, 0.2)]:
        sweep = stimuli.sweep("grating", "phase", steps=24, size=96, angle=angle, frequency=frequency)
        maps = [convolve(picture, weights) for picture in sweep.pictures]
        swing = (max(one.max() for one in maps) - min(one.min() for one in maps)) / 2
        turn = np.deg2rad(angle)
        rows, columns = np.mgrid[: cells.shape[0], : cells.shape[1]]
        wave = np.exp(2j * np.pi * frequency * (columns * np.sin(turn) + rows * np.cos(turn)))
        assert swing == pytest.approx(127.5 * abs((cells * wave).sum()), rel=0.03, abs=3)


def test_sobel_prefers_upright_stripes_and_its_known_frequency():
    upright = tuning.curve(asked(SOBEL), stimuli.sweep("grating", "angle", steps=36))
    assert upright.peak == 90
    assert 0.2 < upright.selectivity < 1
    assert upright.width == pytest.approx(120, abs=25)
    level = tuning.over_colours(kernels.KERNELS["sobel_y"].weights)
    assert tuning.curve(asked(level), stimuli.sweep("grating", "angle", steps=36)).peak == 0
    frequency = tuning.curve(asked(SOBEL), stimuli.sweep("grating", "frequency", steps=50))
    assert frequency.peak == pytest.approx(0.25, abs=0.011), "a difference two pixels apart"
    laplacian = tuning.over_colours(kernels.KERNELS["laplacian"].weights)
    assert tuning.curve(asked(laplacian), stimuli.sweep("grating", "frequency", steps=50)).peak == 0.5


def test_the_lectures_curve_detector_prefers_its_curve():
    detector = tuning.over_colours(kernels.KERNELS["curve"].weights)
    opens = tuning.curve(asked(detector, "largest"), stimuli.sweep("curve", "angle", steps=36, curvature=0.15))
    turned = tuning.curve(
        asked(detector[:, ::-1], "largest"), stimuli.sweep("curve", "angle", steps=36, curvature=0.15)
    )
    assert opens.selectivity > 0.02
    mirrored = [int(np.argmin(np.abs(opens.values - (180 - value) % 360))) for value in opens.values]
    np.testing.assert_allclose(turned.responses, opens.responses[mirrored], rtol=1e-4)  # the mirror's curve


def test_colours_are_answered_by_what_the_filter_sees():
    cells = kernels.KERNELS["gaussian_blur"].weights
    for seen, hue in [("red against green", 330), ("blue against yellow", 240), ("green", 60)]:
        curve = tuning.curve(asked(tuning.over_colours(cells, seen)), stimuli.sweep("colour", "hue", steps=36))
        near = np.abs((curve.values[curve.responses >= curve.responses.max() - 1] - hue + 180) % 360 - 180)
        assert near.min() <= 60


def test_anything_that_takes_pictures_can_be_asked_and_is_asked_once():
    calls = []

    def respond(pictures):
        calls.append(pictures.shape)
        return pictures[:, 8, 8, 0]

    sweep = stimuli.sweep("bar", "shift", steps=5, size=16)
    curve = tuning.curve(respond, sweep)
    assert calls == [(5, 16, 16, 3)]
    assert curve.selectivity is None
    with pytest.raises(ValueError, match="got answers of shape"):
        tuning.curve(lambda pictures: np.zeros(3), sweep)


def test_the_half_width_of_a_known_curve():
    sweep = stimuli.sweep("bar", "shift", steps=25)
    triangle = tuning.curve(lambda _: np.maximum(0, 10 - 2 * np.abs(sweep.values - 1)), sweep)
    assert (triangle.peak, triangle.width) == (1, pytest.approx(5))
    assert tuning.curve(lambda _: np.ones(25), sweep).width is None
    assert tuning.curve(lambda _: -np.ones(25), sweep).width is None
    around = stimuli.sweep("grating", "angle", steps=36)
    bump = np.cos(np.deg2rad(around.values) * 2) + 1  # the peak is where the axis ends and begins
    assert tuning.curve(lambda _: bump.repeat(8), around).width == pytest.approx(90, abs=1)
    assert tuning.curve(lambda _: bump.repeat(8), around).selectivity == pytest.approx(0.5)
    assert tuning.curve(lambda _: np.ones(36 * 8), around).selectivity == pytest.approx(0, abs=1e-9)


def test_what_does_not_exist_is_refused():
    for bad, said in [
        (lambda: stimuli.sweep("spiral", "angle"), "no stimuli 'spiral'"),
        (lambda: stimuli.sweep("bar", "hue"), "no property 'hue'"),
        (lambda: stimuli.sweep("bar", "angle", hue=3), "no property 'hue'"),
        (lambda: stimuli.sweep("bar", "angle", steps=1), "1 stimuli of 64"),
        (lambda: stimuli.sweep("bar", "angle", size=9999), "of 9999 pixels"),
        (lambda: tuning.over_colours(np.ones((3, 3)), "infrared"), "'infrared'"),
        (lambda: tuning.kernel_responses(np.zeros((1, 9, 9, 3)), SOBEL, measure="median"), "'median'"),
    ]:
        with pytest.raises(ConvvizError, match=said):
            bad()


@pytest.mark.parametrize(("kind", "axis"), [(name, axis) for name, kind in stimuli.KINDS.items() for axis in kind.axes])
def test_every_property_changes_the_picture_and_the_program_gives_the_same_curve(kind, axis, tmp_path):
    sweep = stimuli.sweep(kind, axis, steps=5, size=24)
    assert len({one.tobytes() for one in sweep.pictures[:: sweep.views]}) == 5
    fixed = {name: float(one.default) for name, one in stimuli.KINDS[kind].axes.items() if name != axis}
    measure, seen = tuning.MEASURES[len(axis) % 3], list(tuning.SEEN)[len(kind) % 6]
    cells = kernels.KERNELS["emboss"].weights
    text = recipes.tuning.curve(
        kind, axis, sweep.values, cells, tuning.SEEN[seen], size=24, measure=measure, fixed=fixed
    )
    found = ran(text, tmp_path)
    np.testing.assert_array_equal(found["pictures"], sweep.pictures)
    weights = tuning.over_colours(cells, seen)
    expected = tuning.curve(asked(weights, measure), sweep).responses
    np.testing.assert_allclose(found["result"]["responses"], expected, rtol=1e-4, atol=1e-3)
