import cv2
import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from convviz import ConvvizError, augmentation


def smooth(height=40, width=40, seed=0):
    noise = np.random.default_rng(seed).random((height, width, 3))
    return (scipy.ndimage.gaussian_filter(noise, (3, 3, 0)) * 10).astype(np.float32)


def batch(count=4, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 20, 30, 3), dtype=np.uint8)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_without_options_the_pictures_stay_as_they_are(dtype):
    images = batch().astype(dtype)
    result = augmentation.augment(images, rng=np.random.default_rng(0))
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, images)


@given(
    theta=st.floats(-60, 60),
    down=st.floats(-8, 8),
    right=st.floats(-8, 8),
    shear=st.floats(-25, 25),
    vertical=st.floats(0.7, 1.3),
    horizontal=st.floats(0.7, 1.3),
)
@settings(max_examples=25, deadline=None)
def test_a_transform_reads_where_keras_image_data_generator_reads(theta, down, right, shear, vertical, horizontal):
    from keras.src.legacy.preprocessing.image import transform_matrix_offset_center

    image = smooth()
    turn, slant = np.deg2rad([theta, shear])
    composed = (  # ImageDataGenerator's four factors, in its order, for (x, y, 1)
        np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
        @ np.array([[1, 0, right], [0, 1, down], [0, 0, 1]])
        @ np.array([[1, -np.sin(slant), 0], [0, np.cos(slant), 0], [0, 0, 1]])
        @ np.diag([horizontal, vertical, 1])
    )
    centred = transform_matrix_offset_center(composed, 40, 40)
    rows_first = centred[[1, 0, 2]][:, [1, 0, 2]]
    expected = np.stack(
        [
            scipy.ndimage.affine_transform(plane, rows_first[:2, :2], rows_first[:2, 2], order=1, mode="nearest")
            for plane in np.moveaxis(image, -1, 0)
        ],
        axis=-1,
    )
    affine = augmentation.matrix(
        (40, 40), rotation=theta, down=down, right=right, shear=shear, scale=(vertical, horizontal)
    )
    np.testing.assert_allclose(augmentation.warp(image, affine), expected, atol=2e-5)


@pytest.mark.parametrize("angle", [-40.0, 15.0, 90.0])
def test_a_rotation_is_opencvs_about_the_middle_of_an_oblong_picture(angle):
    image = smooth(30, 50)
    forward = cv2.getRotationMatrix2D((24.5, 14.5), angle, 1.0)
    expected = cv2.warpAffine(image, forward, (50, 30), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    result = augmentation.warp(image, augmentation.matrix((30, 50), rotation=angle))
    np.testing.assert_allclose(result, expected, atol=1e-3)


def test_turning_there_and_back_gives_the_picture_again():
    image = smooth(60, 60)
    there = augmentation.warp(image, augmentation.matrix((60, 60), rotation=25))
    back = augmentation.warp(there, augmentation.matrix((60, 60), rotation=-25))
    np.testing.assert_allclose(back[20:40, 20:40], image[20:40, 20:40], atol=0.05)


def test_whole_shifts_move_pixels_and_fill_with_the_nearest():
    image = batch(1)[0]
    result = augmentation.warp(image, augmentation.matrix((20, 30), down=3, right=-2))
    np.testing.assert_array_equal(result[:17, 2:], image[3:, :28])
    np.testing.assert_array_equal(result[17:, 2:], np.repeat(image[19:, :28], 3, axis=0))


def test_zooming_by_two_shows_twice_as_much():
    image = smooth()
    result = augmentation.warp(image, augmentation.matrix((40, 40), scale=(2.0, 1.0)))
    rows = 2 * np.arange(40) - 19.5
    inside = (rows >= 0) & (rows <= 39)
    expected = [(image[int(np.floor(row))] + image[int(np.floor(row)) + 1]) / 2 for row in rows[inside]]
    np.testing.assert_allclose(result[inside], expected, atol=1e-4)


def test_a_mirrored_transform_is_the_transform_mirrored():
    image = smooth(30, 50)
    options = {"rotation": 20, "down": 2.5, "right": 1.0, "shear": 10, "scale": (0.9, 1.1)}
    plain = augmentation.warp(image, augmentation.matrix((30, 50), **options))
    mirrored = augmentation.warp(image, augmentation.matrix((30, 50), **options, mirror=True))
    np.testing.assert_allclose(mirrored, plain[:, ::-1], atol=1e-4)


def test_a_horizontal_flip_mirrors_about_half_of_the_pictures_exactly():
    images = batch(200)
    result = augmentation.augment(images, horizontal_flip=True, rng=np.random.default_rng(0))
    same = (result == images).all(axis=(1, 2, 3))
    flipped = (result == images[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (same ^ flipped).all()
    assert 70 < flipped.sum() < 130


def test_shifts_stay_within_their_share_of_the_side():
    images = np.zeros((100, 40, 60, 1), np.float32)
    images[:, 20, 30] = 1
    result = augmentation.augment(images, width_shift=0.2, height_shift=0.1, rng=np.random.default_rng(0))
    rows, columns = np.mgrid[:40, :60]
    total = result.sum(axis=(1, 2, 3))
    down = (result[..., 0] * rows).sum(axis=(1, 2)) / total - 20
    right = (result[..., 0] * columns).sum(axis=(1, 2)) / total - 30
    assert 3.5 < np.abs(down).max() <= 4.01
    assert 11 < np.abs(right).max() <= 12.01
    assert down.min() < -3 < 3 < down.max()


def test_the_same_state_gives_the_same_pictures_and_each_picture_its_own_transform():
    images = np.repeat(batch(1), 3, axis=0)
    first, second = (augmentation.augment(images, **augmentation.LECTURE, rng=np.random.default_rng(5)) for _ in "12")
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first[0], first[1])


def test_the_pictures_that_came_in_are_left_alone_and_grey_ones_keep_their_channel():
    images = batch()[..., :1].copy()
    before = images.copy()
    assert augmentation.augment(images, **augmentation.LECTURE, rng=np.random.default_rng(0)).shape == images.shape
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize(
    ("mode", "outside"), [("constant", [0, 0]), ("nearest", [1, 1]), ("reflect", [2, 1]), ("wrap", [4, 5])]
)
def test_fill_modes_continue_a_row_as_their_names_say(mode, outside):
    row = np.array([1, 2, 3, 4, 5], np.float32).reshape(1, 5, 1)
    result = augmentation.warp(row, augmentation.matrix((1, 5), right=-2), fill_mode=mode)
    assert result[0, :, 0].tolist() == [*outside, 1, 2, 3]


def test_refusals_say_what_to_choose():
    images, rng = batch(), np.random.default_rng(0)
    with pytest.raises(ConvvizError, match="no fill mode 'mirror'; choose one of nearest"):
        augmentation.augment(images, fill_mode="mirror", rng=rng)
    with pytest.raises(ConvvizError, match=r"zoom of 1\.5"):
        augmentation.augment(images, zoom=1.5, rng=rng)
    with pytest.raises(ValueError, match=r"\(N, H, W, C\)"):
        augmentation.augment(images[0], rng=rng)
