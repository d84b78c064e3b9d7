"""The catalogue of hand-picked kernels, and kernels typed by hand."""

import cv2
import numpy as np
import pytest

from convviz import ConvvizError, kernels

LECTURE = {
    "sobel_x": [[1, 0, -1], [2, 0, -2], [1, 0, -1]],
    "sobel_y": [[1, 2, 1], [0, 0, 0], [-1, -2, -1]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "curve": [
        [0, 0, 0, 0, 0, 30, 0],
        [0, 0, 0, 0, 30, 0, 0],
        [0, 0, 0, 30, 0, 0, 0],
        [0, 0, 0, 30, 0, 0, 0],
        [0, 0, 0, 30, 0, 0, 0],
        [0, 0, 0, 30, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
    ],
}


@pytest.mark.parametrize("name", LECTURE)
def test_the_lectures_kernels_are_the_lectures(name):
    assert kernels.KERNELS[name].weights.tolist() == LECTURE[name]


def test_all_kernels_that_were_promised_are_there():
    promised = (
        "identity sobel_x sobel_y sharpen curve box_blur gaussian_blur laplacian emboss outline prewitt_x prewitt_y"
    )
    assert set(f"{promised} scharr_x scharr_y".split()) <= set(kernels.KERNELS)


@pytest.mark.parametrize("kernel", kernels.KERNELS.values(), ids=kernels.KERNELS)
def test_every_kernel_says_what_it_is_and_cannot_be_changed(kernel):
    assert kernel.weights.dtype == np.float32
    assert kernel.weights.ndim == 2
    assert kernel.title
    assert kernel.responds_to.endswith(".")
    assert len(kernel.source) > 20
    with pytest.raises(ValueError, match="read-only"):
        kernel.weights[0, 0] = 1


def test_titles_are_all_different():
    assert len({kernel.title for kernel in kernels.KERNELS.values()}) == len(kernels.KERNELS)


@pytest.mark.parametrize("axis", ["x", "y"])
def test_edge_kernels_are_opencvs_turned_round(axis):
    wanted = {"sobel": 3, "scharr": cv2.FILTER_SCHARR}
    for name, size in wanted.items():
        down, across = cv2.getDerivKernels(int(axis == "x"), int(axis == "y"), size)
        theirs = across @ down.T
        np.testing.assert_array_equal(kernels.KERNELS[f"{name}_{axis}"].weights, theirs[::-1, ::-1])


def test_blurs_are_opencvs_and_keep_the_mean():
    column = cv2.getGaussianKernel(3, 0)
    np.testing.assert_allclose(kernels.KERNELS["gaussian_blur"].weights, column @ column.T)
    for name in ("gaussian_blur", "box_blur", "identity", "sharpen"):
        assert kernels.KERNELS[name].weights.sum() == pytest.approx(1)


def test_kernels_that_find_change_say_nothing_on_an_even_picture():
    for name in ("sobel_x", "sobel_y", "prewitt_x", "prewitt_y", "scharr_x", "scharr_y", "laplacian", "outline"):
        assert kernels.KERNELS[name].weights.sum() == 0


def test_a_kernel_in_words_comes_back_as_it_was():
    for kernel in kernels.KERNELS.values():
        np.testing.assert_allclose(kernels.parse(kernels.text(kernel.weights)), kernel.weights, rtol=1e-5)
    assert kernels.parse("1, 2\n3,4").tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("text", ["", "1 2; 3", "1 x", "1e9", "nan", ";".join(["1"] * 12)])
def test_cells_that_make_no_kernel_are_refused(text):
    with pytest.raises(ConvvizError, match="; "):
        kernels.parse(text)


def test_a_kernel_grows_with_zeros_and_shrinks_from_below():
    assert kernels.resized(np.ones((2, 2)), 3, 1).tolist() == [[1], [1], [0]]


def test_binomial_blurs_are_opencvs_and_the_presets():
    assert (kernels.binomial(3) == kernels.KERNELS["gaussian_blur"].weights).all()
    for taps in (3, 5):
        column = cv2.getGaussianKernel(taps, -1)
        np.testing.assert_allclose(kernels.binomial(taps), column @ column.T, atol=1e-6)
    assert (64 * kernels.binomial(7)[0]).tolist() == [one / 64 for one in (1, 6, 15, 20, 15, 6, 1)]
    assert (kernels.binomial(2) == 0.25).all()
    with pytest.raises(ConvvizError, match="cannot be made"):
        kernels.binomial(12)


def test_a_kernel_as_text_keeps_every_digit():
    for kernel in kernels.KERNELS.values():
        assert np.array_equal(kernels.parse(kernels.text(kernel.weights)), kernel.weights)
    assert kernels.text(np.array([[-0.0, 1 / 9]])) == "0 0.11111111"


def test_a_kernel_is_put_in_the_middle_of_a_larger_one():
    assert kernels.centred(np.ones((1, 1)), 3, 4).tolist() == [[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
