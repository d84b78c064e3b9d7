"""Ways to make a map smaller against Keras, and shifts against their definition."""

import keras
import numpy as np
import pytest
from scipy import ndimage

from convviz import ConvvizError, downsampling, images, kernels
from convviz.downsampling import WAYS

SOBEL = kernels.KERNELS["sobel_x"].weights
ONE = np.ones((1, 1), np.float32)


def keras_way(way, image, weights, size, stride, padding):
    """Convolution, ReLU and pooling as Keras layers."""
    x = keras.ops.conv(image[None, ..., None], weights[..., None, None], stride if way == "stride" else 1, padding)
    x = keras.ops.relu(x)
    if way == "max":
        x = keras.ops.max_pool(x, size, stride, padding)
    elif way == "average":
        x = keras.ops.average_pool(x, size, stride, padding)
    return keras.ops.convert_to_numpy(x)[0, ..., 0]


@pytest.mark.parametrize("way", ["stride", "max", "average"])
def test_the_ways_without_a_blur_are_keras(way):
    rng = np.random.default_rng(0)
    for turn in range(20):
        image = rng.normal(0, 9, rng.integers(9, 25, 2)).astype(np.float32)
        size, stride = (int(n) for n in rng.integers(1, 5, 2))
        padding = ("valid", "same")[turn % 2]
        mine = downsampling.downsample(image, way, weights=SOBEL, size=size, stride=stride, relu=True, padding=padding)
        theirs = keras_way(way, image, SOBEL, size, stride, padding)
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("taps", downsampling.BLURS)
def test_a_blurred_way_is_its_first_half_then_scipys_blur_then_every_sth_cell(taps):
    rng, blur = np.random.default_rng(1), kernels.binomial(taps).astype(float)
    image = rng.random((24, 20)).astype(np.float32)
    for stride in (2, 3):
        for way, first in (("blurred_stride", image), ("blurred_max", keras_way("max", image, ONE, 3, 1, "valid"))):
            whole = ndimage.correlate(first.astype(float), blur, mode="mirror", origin=-(1 - taps % 2))
            valid = downsampling.downsample(image, way, weights=ONE, size=3, stride=stride, taps=taps)
            inside = slice((taps - 1) // 2, (taps - 1) // 2 + (valid.shape[0] - 1) * stride + 1, stride)
            across = slice((taps - 1) // 2, (taps - 1) // 2 + (valid.shape[1] - 1) * stride + 1, stride)
            np.testing.assert_allclose(valid, whole[inside, across], atol=1e-5)
        whole = ndimage.correlate(image.astype(float), blur, mode="mirror", origin=-(1 - taps % 2))
        mirrored = downsampling.downsample(
            image, "blurred_stride", weights=ONE, stride=stride, taps=taps, padding="same"
        )
        np.testing.assert_allclose(mirrored, whole[::stride, ::stride], atol=1e-5)


def test_with_same_padding_every_way_gives_maps_of_one_size():
    image = images.grey(images.sample("digit_3"))
    for stride in (1, 2, 3, 5):
        for taps in downsampling.BLURS:
            shapes = {
                downsampling.downsample(
                    image, way, weights=SOBEL, size=3, stride=stride, taps=taps, padding="same"
                ).shape
                for way in WAYS
            }
            assert shapes == {(-(-28 // stride),) * 2}


@pytest.mark.parametrize("way", WAYS)
def test_a_change_is_what_the_definition_says(way):
    """The picture is moved itself, filtered, folded and blurred by SciPy on a ring, and compared cell by cell."""
    rng, size, stride, taps = np.random.default_rng(2), 2, 3, 3
    image = rng.normal(0, 1, (12, 15)).astype(np.float32)

    def small(picture):
        dense = np.maximum(ndimage.correlate(picture.astype(float), SOBEL.astype(float), mode="wrap"), 0)
        window = {"size": size, "mode": "wrap", "origin": -1}
        if WAYS[way].fold == "max":
            dense = ndimage.maximum_filter(dense, **window)
        elif WAYS[way].fold == "average":
            dense = ndimage.uniform_filter(dense, **window)
        if WAYS[way].blur:
            dense = ndimage.correlate(dense, kernels.binomial(taps).astype(float), mode="wrap")
        return dense[::stride, ::stride]

    before = small(image)
    choices = {"weights": SOBEL, "size": size, "stride": stride, "taps": taps, "relu": True}
    mine = downsampling.shift_changes(image, way, range(8), compared="in place", **choices)
    for shift in range(8):
        after = small(np.roll(image, shift, axis=1))
        expected = np.linalg.norm(after - before) / np.linalg.norm(before - before.mean())
        assert mine[shift] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_a_shift_by_whole_strides_only_moves_the_map(way):
    image = images.grey(images.sample("shapes"))
    changes = downsampling.shift_changes(image, way, range(9), weights=SOBEL, stride=4)
    assert changes[[0, 4, 8]] == pytest.approx(0, abs=1e-6)
    assert (changes[[1, 2, 3, 5, 6, 7]] > 0.01).all()


def test_a_wave_that_the_stride_can_hold_is_only_moved_and_one_it_cannot_is_not():
    across = np.arange(32)
    coarse, fine = (np.tile(np.cos(2 * np.pi * waves * across / 32), (8, 1)) for waves in (3, 13))
    coarse_change, fine_change = (
        downsampling.shift_changes(wave, "stride", [1], weights=ONE, stride=2)[0] for wave in (coarse, fine)
    )
    assert coarse_change == pytest.approx(0, abs=1e-6)
    assert fine_change == pytest.approx(2, abs=1e-5), "it comes back as a wave that moves the other way"


def test_blurring_before_the_stride_mends_every_photograph():
    for name in ("cat", "bricks", "page"):
        image = images.limit(images.grey(images.sample(name)), 200)
        change = {way: downsampling.shift_changes(image, way, [1], weights=ONE)[0] for way in WAYS}
        assert change["blurred_stride"] < change["average"] < change["stride"]
        assert change["blurred_max"] < change["max"]


def test_an_even_or_tiny_picture_changes_by_nothing_and_breaks_nothing():
    for image in (np.full((8, 8), 5.0), np.ones((1, 1)), np.ones((1, 7))):
        for way in WAYS:
            for compared in downsampling.COMPARISONS:
                changes = downsampling.shift_changes(
                    image, way, range(5), weights=SOBEL, size=3, stride=4, compared=compared
                )
                assert changes.tolist() == [0] * 5


def test_what_cannot_be_is_refused():
    for choices, said in (({"way": "median"}, "no way"), ({"taps": 4}, "no blur"), ({"compared": "x"}, "comparison")):
        way = choices.pop("way", "blurred_max")
        with pytest.raises(ConvvizError, match=said):
            downsampling.shift_changes(np.ones((4, 4)), way, [1], weights=ONE, **choices)
