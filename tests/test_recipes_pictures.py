"""Programs of the pages on pixels, pooling and Fourier, run as a reader would run them."""

import numpy as np
import pytest
from PIL import Image

from convviz import costs, downsampling, fourier, histograms, images, kernels, recipes, rendering
from tests.test_recipes import ran

SOBEL = kernels.KERNELS["sobel_x"].weights


def drawn(folder, name):
    return np.asarray(Image.open(folder / name))


@pytest.mark.parametrize("tinted", [True, False])
def test_the_pixels_program_gives_the_pages_numbers_and_channels(tinted, tmp_path):
    result = ran(recipes.pixels.numbers("cat", 20, 30, 8, tinted=tinted), tmp_path)["result"]
    picture = images.sample("cat")
    assert np.array_equal(result["window"], picture[20:28, 30:38])
    assert np.array_equal(result["histogram"], histograms.histogram(picture))
    for channel, one in enumerate(histograms.summary(picture)):
        assert result["minimum"][channel] == one.minimum
        assert result["maximum"][channel] == one.maximum
        assert result["mean"][channel] == pytest.approx(one.mean, rel=1e-9)
        assert result["deviation"][channel] == pytest.approx(one.deviation, rel=1e-9)
        alone = images.only(picture, channel) if tinted else picture[..., channel]
        assert np.array_equal(drawn(tmp_path, f"{one.name}.png"), alone)


CHOICES = [
    {"size": 2, "stride": 2, "taps": 3, "relu": False, "padding": "valid", "compared": "moved along"},
    {"size": 3, "stride": 2, "taps": 5, "relu": True, "padding": "same", "compared": "in place"},
    {"size": 1, "stride": 5, "taps": 2, "relu": True, "padding": "same", "compared": "moved along"},
    {"size": 8, "stride": 1, "taps": 7, "relu": False, "padding": "valid", "compared": "in place"},
]


@pytest.mark.parametrize("choices", CHOICES)
@pytest.mark.parametrize("weights", [np.ones((1, 1), np.float32), SOBEL, np.float32([[1, -0.3, 0.2, 7]])])
def test_the_pooling_program_gives_the_pages_maps_curves_and_pictures(choices, weights, tmp_path):
    limit = None if weights.size == 1 else 300.0
    result = ran(recipes.pooling.smaller("digit_4", weights, **choices, shifts=5, limit=limit), tmp_path)["result"]
    array = images.grey(images.sample("digit_4"))
    settings = {"weights": weights} | {name: choices[name] for name in ("size", "stride", "taps", "relu")}
    for way in downsampling.WAYS:
        mine = downsampling.downsample(array, way, padding=choices["padding"], **settings)
        np.testing.assert_allclose(result["maps"][way], mine, atol=1e-3)
        changes = downsampling.shift_changes(array, way, range(5), compared=choices["compared"], **settings)
        np.testing.assert_allclose(result["changes"][way], changes, atol=1e-5)
        if limit is None:
            shown = np.clip(np.rint(mine), 0, 255).astype(np.uint8)
        else:
            shown = rendering.signed(mine, limit) if mine.min() < 0 else rendering.magnitude(mine, limit)
        saved = drawn(tmp_path, f"{way}.png").astype(int)
        assert (np.abs(saved - shown) > 3).mean() < 0.01


@pytest.mark.parametrize("weights", [SOBEL, np.float32([[0.25, 0.5]]), np.ones((11, 2), np.float32) / 22])
def test_the_theorems_program_gives_the_pages_product_and_spectra(weights, tmp_path):
    array = images.grey(images.sample("digit_4"))
    limit = 200.0 if weights is SOBEL else None
    found = ran(recipes.fourier.theorem("digit_4", weights, limit=limit), tmp_path)
    mine = fourier.convolve(array, weights)
    np.testing.assert_allclose(found["result"], mine, atol=1e-3)
    np.testing.assert_allclose(found["direct"], mine, atol=1e-3)
    for name, values in {
        "spectrum": fourier.spectrum(array),
        "response": fourier.frequency_response(weights, array.shape),
        "product": fourier.product(array, weights),
    }.items():
        apart = np.abs(drawn(tmp_path, f"{name}.png").astype(int) - rendering.magnitude(values))
        assert (apart > 3).mean() < 0.01
    shown = rendering.signed(mine, limit) if limit else np.clip(np.rint(mine), 0, 255).astype(np.uint8)
    assert (drawn(tmp_path, "feature_map.png") != shown).mean() < 0.01


@pytest.mark.parametrize(("name", "stride", "taps"), [("digit_4", 3, 5), (None, 4, 7), ("digit_4", 8, 2)])
def test_the_folding_program_gives_the_pages_spectra(name, stride, taps, tmp_path):
    found = ran(recipes.fourier.folding(name, stride=stride, taps=taps, size=64), tmp_path)
    array = fourier.rings(64) if name is None else images.grey(images.sample(name))
    whole = downsampling.whole_strides(array, stride)
    blurred = fourier.convolve(whole, kernels.binomial(taps))
    np.testing.assert_allclose(found["result"]["spectrum"], fourier.spectrum(whole), atol=1e-4)
    np.testing.assert_allclose(found["result"]["folded"], fourier.fold(whole, stride), atol=1e-4)
    np.testing.assert_allclose(found["result"]["folded_after_blur"], fourier.fold(blurred, stride), atol=1e-3)
    assert found["beyond"](found["whole"]) == pytest.approx(fourier.share_beyond(whole, stride), rel=1e-6)
    assert drawn(tmp_path, "kept.png").shape == fourier.fold(whole, stride).shape


def test_the_program_on_cost_times_both_ways_and_they_agree(tmp_path):
    found = ran(recipes.fourier.cost("cat", side=64, sides=(3, 15)), tmp_path)
    assert [size for size, *_ in found["result"]] == [3, 15]
    assert all(seconds > 0 for _, *both in found["result"] for seconds in both)
    kernel = np.random.default_rng(1).random((13, 13)).astype(np.float32)
    array = images.limit(images.grey(images.sample("cat")), 64).astype(np.float32)
    np.testing.assert_allclose(found["direct"](kernel), costs.direct(array, kernel), rtol=1e-4)
    np.testing.assert_allclose(found["by_waves"](kernel), fourier.convolve(array, kernel), rtol=1e-4)
