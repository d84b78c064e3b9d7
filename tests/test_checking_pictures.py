"""The Check of the pages on pixels, pooling and Fourier: small where we are right, large where something is broken."""

import numpy as np
import pytest

from convviz import checking, downsampling, fourier, histograms, images, kernels

SOBEL = kernels.KERNELS["sobel_x"].weights
CAT = images.grey(images.sample("cat"))


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("relu", [True, False])
def test_every_way_to_a_smaller_map_agrees_with_keras(padding, relu):
    for size, stride, taps in ((2, 2, 3), (3, 2, 5), (1, 5, 2), (8, 1, 7)):
        choices = {"size": size, "stride": stride, "taps": taps, "relu": relu, "padding": padding}
        check = checking.smaller(CAT, weights=SOBEL, **choices)
        assert check.difference < 1e-5 * check.largest
        assert check.numbers == sum(
            downsampling.downsample(CAT, way, weights=SOBEL, **choices).size for way in downsampling.WAYS
        )


def test_a_wrong_blur_is_found(monkeypatch):
    right = downsampling.downsample
    monkeypatch.setattr(downsampling, "downsample", lambda *a, **k: right(*a, **{**k, "relu": True}))
    assert checking.smaller(CAT, weights=SOBEL).difference > 10


def test_the_way_through_the_waves_agrees_with_keras(monkeypatch):
    for weights in (SOBEL, np.float32([[0.3, -0.7]]), np.ones((11, 4), np.float32)):
        check = checking.by_waves(CAT, weights)
        assert check.numbers == CAT.size
        assert check.difference < 1e-5 * check.largest
    right = fourier.convolve
    monkeypatch.setattr(fourier, "convolve", lambda image, kernel: right(image, kernel, flip=True))
    assert checking.by_waves(CAT, SOBEL).difference > 10


def test_the_folded_spectrum_agrees_with_keras(monkeypatch):
    whole = downsampling.whole_strides(CAT, 4)
    assert checking.folded(whole, 4).difference < 0.01
    right = fourier.fold
    monkeypatch.setattr(fourier, "fold", lambda image, stride: right(image[::-1] + image, stride))
    assert checking.folded(whole, 4).difference > 1


def test_counts_means_and_deviations_agree_with_keras(monkeypatch):
    check = checking.figures(images.sample("cat"))
    assert check.numbers == 3 * 4 + 3 * 256
    assert check.difference < 1e-9
    right = histograms.histogram
    monkeypatch.setattr(histograms, "histogram", lambda picture: right(picture // 2))
    assert checking.figures(images.sample("cat")).difference > 10
