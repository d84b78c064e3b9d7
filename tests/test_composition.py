"""Two kernels as one, against SciPy; and the patches that a kernel sees, against NumPy and Keras."""

import keras
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from scipy import signal

from convviz import ConvvizError, convolution, kernels


def test_the_single_kernel_is_scipys_full_convolution():
    rng = np.random.default_rng(0)
    for _ in range(60):
        first, second = (rng.standard_normal(rng.integers(1, 12, 2)) for _ in range(2))
        np.testing.assert_allclose(
            convolution.compose(first, second), signal.convolve2d(first, second), rtol=1e-5, atol=1e-5
        )


def test_two_box_blurs_make_a_tent():
    box = kernels.KERNELS["box_blur"].weights
    assert (81 * convolution.compose(box, box)).round(4).tolist()[2] == [3, 6, 9, 6, 3]


def test_two_steps_are_one_step_away_from_the_edge_for_hundreds_of_choices():
    rng = np.random.default_rng(1)
    edges = 0
    for turn in range(300):
        image = rng.normal(0, 100, (*rng.integers(14, 30, 2), 3)[: 2 + turn % 2])
        first, second = (rng.standard_normal(rng.integers(1, 5, 2)) for _ in range(2))
        if turn % 4 == 1:
            first = rng.standard_normal((*first.shape, 3))
        around = tuple((int(a), int(b)) for a, b in rng.integers(0, 6, (2, 2)))
        choices = {
            "stride": tuple(map(int, rng.integers(1, 4, 2))),
            "dilation": tuple(map(int, rng.integers(1, 3, 2))),
            "padding": ("valid", "same", 2, around)[turn % 4],
            "padding_mode": convolution.PADDING_MODES[turn // 4 % 4],
            "flip": turn % 5 == 0,
        }
        try:
            both = convolution.in_two_steps(image, first, second, **choices)
        except ConvvizError:
            continue
        halfway = convolution.convolve(image, first, **choices)
        again = {name: choices[name] for name in ("padding", "padding_mode", "flip")}
        np.testing.assert_array_equal(both.twice, convolution.convolve(halfway, second, **again))
        assert both.once.shape == both.twice.shape
        assert both.edge.shape == both.twice.shape[:2]
        assert both.difference(edge=False) < 1e-5 * 100 * np.abs(both.kernel).sum()
        edges += both.difference(edge=True) > 1
    assert edges > 100, "the edge differs in most cases, or the test would not see it"


def test_without_padding_no_place_is_an_edge_and_around_a_ring_there_is_none():
    image, blur = np.random.default_rng(2).random((9, 8)), kernels.KERNELS["gaussian_blur"].weights
    assert not convolution.in_two_steps(image, blur, blur).edge.any()
    ring = convolution.in_two_steps(image, blur, blur, padding="same", padding_mode="circular")
    assert ring.edge.sum() == 9 * 8 - 7 * 6
    assert ring.difference(edge=True) < 1e-6, "a ring has no border"
    cut = convolution.in_two_steps(image, blur, blur, padding="same")
    assert cut.difference(edge=True) > 1e-3


@pytest.mark.parametrize("shapes", [((3,), (3, 3)), ((3, 3), (3, 3, 3)), ((0, 3), (3, 3))])
def test_what_is_no_kernel_cannot_be_composed(shapes):
    with pytest.raises(ConvvizError, match="cannot follow each other"):
        convolution.compose(*map(np.ones, shapes))


def test_a_step_of_zero_is_refused():
    with pytest.raises(ConvvizError, match="make both at least 1"):
        convolution.compose(np.ones((2, 2)), np.ones((2, 2)), stride=0)


def test_the_lectures_padded_matrix_has_25_patches():
    seen = convolution.patches(kernels.SHARPEN_EXAMPLE, (3, 3), padding="same")
    assert seen.shape == (5, 5, 3, 3)
    assert seen[0, 0].tolist() == [[0, 0, 0], [0, 105, 102], [0, 103, 99]]
    inner = sliding_window_view(kernels.SHARPEN_EXAMPLE, (3, 3))
    np.testing.assert_array_equal(convolution.patches(kernels.SHARPEN_EXAMPLE, (3, 3)), inner)


def test_patches_times_the_kernel_are_the_feature_map_and_keras_cuts_the_same():
    rng = np.random.default_rng(3)
    for turn in range(40):
        image, weights = rng.random((12, 11, 3)).astype(np.float32), rng.standard_normal((2, 3, 3))
        choices = {"stride": (1 + turn % 3, 1 + turn % 2), "padding": ("valid", "same", 2)[turn % 3]}
        choices["dilation"] = (1, 1) if turn % 2 else (2, 1)
        seen = convolution.patches(image, (2, 3), **choices, padding_mode=convolution.PADDING_MODES[turn % 4])
        sums = np.einsum("yxijc,ijc->yx", seen, weights)
        expected = convolution.convolve(image, weights, **choices, padding_mode=convolution.PADDING_MODES[turn % 4])
        np.testing.assert_allclose(sums, expected, atol=1e-4)
    theirs = keras.ops.image.extract_patches(image[None], (2, 3), strides=2, padding="same")
    mine = convolution.patches(image, (2, 3), stride=2, padding="same")
    np.testing.assert_array_equal(np.asarray(theirs)[0].reshape(mine.shape), mine)
