"""Samples are at hand offline, and sizes and channels change by their definitions."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from convviz import ConvvizError, images


@pytest.mark.parametrize("name", images.sample_names())
def test_every_sample_is_a_colour_picture_with_title_and_source(name):
    picture = images.sample(name)
    assert picture.dtype == np.uint8
    assert picture.ndim == 3
    assert picture.shape[-1] == 3
    assert min(picture.shape[:2]) >= 28
    assert picture.std() > 5
    assert images.sample_title(name)
    assert images.sample_source(name)


def test_the_cat_comes_first_and_ships_with_scikit_image():
    from skimage import data

    assert images.sample_names()[0] == "cat"
    assert np.array_equal(images.sample("cat"), data.chelsea())
    assert np.array_equal(images.sample("photographer")[..., 1], data.camera())


def test_a_see_through_sample_stands_on_white(tmp_path):
    Image.new("RGBA", (2, 2), (9, 9, 9, 0)).save(tmp_path / "clear.png")
    assert (images._read(tmp_path / "clear.png") == 255).all()
    assert (images.sample("horse")[0, 0] == 255).all()


def test_samples_load_neither_scikit_image_nor_scikit_learn_nor_tensorflow():
    program = (
        "import sys; from convviz import images; [images.sample(name) for name in images.sample_names()];"
        "print([name for name in ('skimage', 'sklearn', 'tensorflow', 'keras', 'pooch') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip() == "[]"


def test_a_sample_may_be_painted_on_without_harm_to_the_next():
    images.sample("shapes")[:] = 0
    assert images.sample("shapes").any()


def test_an_unknown_sample_is_named_and_the_known_ones_told():
    with pytest.raises(ConvvizError, match="no sample picture 'dog'; choose one of cat,"):
        images.sample("dog")


def test_a_file_that_is_missing_is_not_offered(monkeypatch, tmp_path):
    monkeypatch.setattr(images, "_package_folder", lambda package: tmp_path)
    monkeypatch.setattr(images, "sample_names", images.sample_names.__wrapped__)  # which else looks once
    assert "cat" not in images.sample_names()
    assert "shapes" in images.sample_names()


def test_a_sample_digit_is_one_of_scikit_learns():
    from sklearn.datasets import load_digits

    digits = load_digits()
    for digit in range(10):
        assert (digits.images[digits.target == digit] == images._digit(digit)).all(axis=(1, 2)).any()


def test_enlarged_digits_keep_mnists_margin_and_full_range():
    framed = images.enlarge_digits(np.full((2, 8, 8), 16))
    assert framed.shape == (2, 28, 28)
    assert framed.dtype == np.uint8
    assert (framed[:, 4:24, 4:24] == 255).all()
    assert framed[0].sum() == 255 * 400


def test_the_drawing_excites_the_lectures_curve_detector_on_the_mouses_back():
    detector = np.zeros((7, 7))
    detector[[0, 1, 2, 3, 4, 5], [5, 4, 3, 3, 3, 3]] = 30
    response = cv2.filter2D(images.grey(images.sample("drawing")).astype(float), -1, detector, borderType=0)
    excited = response > 0.9 * 255 * detector.sum()
    assert excited[45:85, 15:60].any()
    assert excited.mean() < 0.01


def test_the_shapes_are_a_circle_left_and_a_star_right():
    picture = images.sample("shapes")
    for half, area in ((picture[:, :64], np.pi * 22**2), (picture[:, 64:], 5 * 26 * 10.4 * np.sin(np.pi / 5))):
        drawn = np.abs(half.astype(int) - 96).sum(axis=-1) / np.abs(half.astype(int) - 96).sum(axis=-1).max()
        assert drawn.sum() == pytest.approx(area, rel=0.03)


def test_resize_shrinks_by_the_mean_of_areas():
    picture = np.random.default_rng(0).random((4, 12))
    assert np.allclose(images.resize(picture, (2, 4)), picture.reshape(2, 2, 4, 3).mean(axis=(1, 3)))


def test_resize_grows_linearly():
    assert np.allclose(images.resize(np.array([[0.0, 4.0]]), (1, 4)), [[0, 1, 3, 4]])


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 130)),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    dtype=st.sampled_from(
        [np.uint8, np.uint16, np.int16, np.int32, np.int64, np.float16, np.float32, np.float64, bool]
    ),
)
def test_resize_keeps_dtype_channels_and_a_constant(shape, size, dtype):
    out = images.resize(np.ones(shape, dtype), size)
    assert out.shape == (*size, shape[-1])
    assert out.dtype == dtype
    assert np.allclose(out, 1, atol=1e-6)
    assert images.resize(np.ones(shape[:2], dtype), size).shape == size


def test_resize_treats_the_axes_one_by_one():
    picture = np.tile(np.array([[0.0], [8.0]]), (2, 1))
    assert np.allclose(images.resize(picture, (2, 5)), 4)


def test_limit_shrinks_only_what_is_too_large():
    picture = np.zeros((30, 400, 3), np.uint8)
    assert images.limit(picture, 400) is picture
    assert images.limit(picture, 100).shape == (8, 100, 3)
    assert images.limit(np.zeros((1, 400)), 10).shape == (1, 10)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64, np.float32, np.float64])
def test_grey_is_the_luminance_of_bt_601(dtype):
    color = np.random.default_rng(0).integers(0, 256, (5, 6, 3)).astype(dtype)
    tolerance = 1e-3 if np.issubdtype(dtype, np.floating) else 0.501
    grey = images.grey(color)
    assert grey.dtype == dtype
    assert np.allclose(grey.astype(float), color.astype(float) @ [0.299, 0.587, 0.114], atol=tolerance)


def test_channels_are_added_and_taken_away():
    color = images.sample("coffee")
    assert np.array_equal(images.with_channels(color, 1)[..., 0], images.grey(color))
    assert images.with_channels(color, 3) is color
    assert np.array_equal(images.with_channels(color, 4)[..., :3], color)
    assert (images.with_channels(color, 4)[..., 3] == 255).all()
    assert (images.with_channels(color / 255, 4)[..., 3] == 1).all()
    assert np.array_equal(images.with_channels(images.with_channels(color, 4), 3), color)
    line = color[..., 0]
    assert all(np.array_equal(images.with_channels(line, 3)[..., k], line) for k in range(3))
    assert np.array_equal(images.with_channels(line[..., None], 3), images.with_channels(line, 3))


def test_channels_that_make_no_sense_are_refused():
    with pytest.raises(ConvvizError, match="not 2"):
        images.with_channels(images.sample("cat"), 2)
    with pytest.raises(ConvvizError, match="this one has shape"):
        images.grey(np.zeros((4, 4, 2)))
