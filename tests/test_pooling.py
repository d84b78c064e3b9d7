"""Pooling against Keras and its definition."""

import keras
import numpy as np
import pytest

from convviz import ConvvizError, pooling

LAYERS = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}


@pytest.mark.parametrize("mode", pooling.MODES)
def test_pooling_is_keras_for_random_shapes_and_strides(mode):
    rng = np.random.default_rng(0)
    for turn in range(60):
        size, window = rng.integers(1, 20, 2), rng.integers(1, 6, 2)
        stride = None if turn % 3 == 0 else tuple(int(n) for n in rng.integers(1, 7, 2))
        padding = ("valid", "same")[turn % 2]
        if padding == "valid" and (size < window).any():
            continue
        image = rng.normal(0, 100, (*size, rng.integers(1, 5))).astype(np.float32)
        layer = LAYERS[mode](tuple(int(n) for n in window), stride, padding)
        mine = pooling.pool(image, tuple(int(n) for n in window), stride=stride, padding=padding, mode=mode)
        assert mine.dtype == np.float32
        np.testing.assert_allclose(mine, layer(image[None]).numpy()[0], rtol=1e-5, atol=1e-4)


def test_pooling_by_definition_whatever_the_type():
    for dtype in (bool, np.uint8, np.int16, np.float16, np.float64):
        image = np.array([[0, 1, 0, 0], [1, 1, 0, 0]]).astype(dtype)
        assert pooling.pool(image).tolist() == [[1, 0]]
        assert pooling.pool(image, mode="average").tolist() == [[0.75, 0]]


def test_negative_values_win_over_the_outside():
    image = np.full((3, 3), -5)
    assert (pooling.pool(image, 2, padding="same") == -5).all()
    assert (pooling.pool(image, 2, padding="same", mode="average") == -5).all()


def test_nan_reaches_the_windows_that_hold_it_and_no_other():
    image = np.zeros((6, 6))
    image[2, 3] = np.nan
    for mode in pooling.MODES:
        spoilt = np.isnan(pooling.pool(image, 2, mode=mode))
        assert spoilt.tolist() == [[False] * 3, [False, True, False], [False] * 3]


def test_what_comes_out_is_ones_own():
    image = np.ones((4, 4), np.float32)
    pooling.pool(image, 1)[...] = 7
    assert (image == 1).all()


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"size": 5}, "does not fit"),
        ({"size": 0}, "at least 1"),
        ({"stride": 0}, "at least 1"),
        ({"padding": "full"}, "no padding 'full'"),
        ({"mode": "median"}, "no pooling mode 'median'"),
    ],
)
def test_what_cannot_be_is_refused(choices, said):
    with pytest.raises(ConvvizError, match=said):
        pooling.pool(np.ones((4, 4)), **choices)
    with pytest.raises(ConvvizError, match="cannot be pooled"):
        pooling.pool(np.ones(4))
