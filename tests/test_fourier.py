"""Fourier's side: the convolution theorem, spectra of known waves, responses of known kernels."""

import numpy as np
import pytest
from scipy import ndimage

from convviz import ConvvizError, convolution, fourier, kernels


def test_convolving_is_multiplying_spectra():
    rng = np.random.default_rng(0)
    for _ in range(150):
        image, kernel = rng.random(rng.integers(1, 14, 2)), rng.standard_normal(rng.integers(1, 17, 2))
        for flip in (False, True):
            slid = convolution.convolve(image, kernel, padding="same", padding_mode="circular", flip=flip)
            np.testing.assert_allclose(fourier.convolve(image, kernel, flip=flip), slid, atol=1e-4)


def test_channels_go_one_by_one_and_scipy_agrees():
    rng = np.random.default_rng(1)
    image, kernel = rng.integers(0, 256, (20, 15, 3)).astype(np.uint8), rng.random((5, 3))
    theirs = np.stack([ndimage.correlate(image[..., c].astype(float), kernel, mode="wrap") for c in range(3)], -1)
    np.testing.assert_allclose(fourier.convolve(image, kernel), theirs, rtol=1e-5)


def test_the_product_of_picture_and_response_is_the_spectrum_of_the_outcome():
    image = np.random.default_rng(2).random((16, 24))
    kernel = kernels.KERNELS["sobel_x"].weights
    before, after = (np.expm1(fourier.spectrum(one)) for one in (image, fourier.convolve(image, kernel)))
    np.testing.assert_allclose(after, before * fourier.frequency_response(kernel, (16, 24)), atol=2e-4)


def test_the_product_is_the_spectrum_of_the_convolution_found_without_waves():
    rng = np.random.default_rng(5)
    for shape in ((16, 24), (7, 9), (5, 30)):
        image, kernel = rng.random(shape), rng.standard_normal(rng.integers(1, 6, 2))
        slid = ndimage.correlate(image, kernel, mode="wrap", origin=[-(1 - side % 2) for side in kernel.shape])
        np.testing.assert_allclose(fourier.product(image, kernel), fourier.spectrum(slid), atol=1e-6)


def test_a_wave_is_two_points_and_its_mean_the_middle():
    waves = 1 + np.cos(2 * np.pi * 3 * np.arange(32) / 32)[:, None] * np.ones((1, 20))
    strong = np.argwhere(fourier.spectrum(waves) > 1)
    assert strong.tolist() == [[13, 10], [16, 10], [19, 10]]
    assert fourier.spectrum(waves)[16, 10] == pytest.approx(np.log1p(32 * 20), rel=1e-6)


def test_a_blur_keeps_the_mean_and_stops_the_finest_wave():
    response = fourier.frequency_response(kernels.KERNELS["gaussian_blur"].weights, 8)
    assert response[4, 4] == pytest.approx(1)
    assert response[0, 4] == pytest.approx(0, abs=1e-7)
    assert (fourier.frequency_response(kernels.KERNELS["identity"].weights, (5, 6)) == 1).all()


def test_the_folded_spectrum_is_that_of_the_pixels_a_stride_keeps():
    rng = np.random.default_rng(3)
    for stride in (1, 2, 3, 5):
        image = rng.random((stride * rng.integers(1, 9), stride * rng.integers(1, 9)))
        kept = fourier.spectrum(image[::stride, ::stride])
        np.testing.assert_allclose(fourier.fold(image, stride), kept, atol=1e-6)
    with pytest.raises(ConvvizError, match="does not divide"):
        fourier.fold(np.ones((4, 6)), 4)


def test_only_waves_shorter_than_two_strides_are_beyond_a_stride():
    for waves, stride, share in ((4, 2, 0), (8, 2, 0), (9, 2, 1), (3, 4, 0), (5, 4, 1), (16, 1, 0)):
        wave = 7 + np.cos(2 * np.pi * waves * np.arange(32) / 32)[:, None] * np.ones((1, 6))
        assert fourier.share_beyond(wave, stride) == pytest.approx(share, abs=1e-9)
        assert fourier.share_beyond(wave.T, stride) == pytest.approx(share, abs=1e-9)
    assert fourier.share_beyond(np.full((5, 5), 9), 2) == 0
    noise = np.random.default_rng(4).random((64, 64))
    assert fourier.share_beyond(noise, 2) == pytest.approx(3 / 4, abs=0.03), "three quarters of all waves"


def test_what_is_no_picture_is_refused():
    for call in (lambda: fourier.spectrum(np.ones(3)), lambda: fourier.convolve(np.ones((3, 3)), np.ones(3))):
        with pytest.raises(ConvvizError, match="will not do; give"):
            call()
    with pytest.raises(ConvvizError, match="at least 1"):
        fourier.frequency_response(np.ones((3, 3)), 0)
