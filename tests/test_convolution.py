"""Convolution against its definition, TensorFlow, Keras, OpenCV and the lecture's numbers."""

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import signal

from convviz import ConvvizError, convolution, kernels
from convviz.convolution import bands, sliding

NUMPY_MODES = {"zero": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def by_hand(image, weights, stride, dilation, pads, mode="zero"):
    """Two loops over the places, float64; weights (kh, kw, C, F)."""
    padded = np.pad(image.astype(np.float64), (*pads, (0, 0)), mode=NUMPY_MODES[mode])
    (down, across), (apart_down, apart_across) = stride, dilation
    tall, wide = ((n - 1) * d + 1 for n, d in zip(weights.shape[:2], dilation, strict=True))
    height, width = (padded.shape[0] - tall) // down + 1, (padded.shape[1] - wide) // across + 1
    out = np.empty((height, width, weights.shape[3]))
    with np.errstate(invalid="ignore"):
        for row in range(height):
            for col in range(width):
                top, left = row * down, col * across
                patch = padded[top : top + tall : apart_down, left : left + wide : apart_across]
                out[row, col] = (patch[..., None] * weights).sum(axis=(0, 1, 2))
    return out


def draw(rng, turn):
    """A random problem that fits: picture, weights, and the choices."""
    while True:
        size, kernel = rng.integers(1, 22, 2), rng.integers(1, (4, 8, 16)[turn % 3], 2)
        stride, dilation = rng.integers(1, 6, 2), rng.integers(1, 4, 2)
        around = tuple((int(a), int(b)) for a, b in rng.integers(0, 30, (2, 2)))
        padding = ("valid", "same", int(rng.integers(0, 12)), around)[rng.integers(4)]
        channels, filters = rng.integers(1, 4), rng.integers(1, (3, 12)[turn % 2])
        choices = {"stride": tuple(map(int, stride)), "padding": padding, "dilation": tuple(map(int, dilation))}
        try:
            convolution.output_shape((*size, channels), (*kernel, channels, filters), **choices)
        except ConvvizError:
            continue
        image = rng.normal(0, 100, (*size, channels)).astype((np.float32, np.float64)[turn % 2])
        if turn % 4 == 0:
            image = rng.integers(0, 256, image.shape).astype(np.uint8)
        weights = rng.standard_normal((*kernel, channels, filters))
        if turn % 5 == 0:
            weights[rng.random(weights.shape) < 0.6] = 0
        if turn % 7 == 0:
            weights[...] = weights[..., :1, :1]
        return image, weights, choices


def pads_of(image, weights, choices):
    padding = choices["padding"]
    return tuple(
        convolution.padding_amounts(
            image.shape[axis],
            weights.shape[axis],
            choices["stride"][axis],
            padding if isinstance(padding, str | int) else padding[axis],
            choices["dilation"][axis],
        )
        for axis in (0, 1)
    )


def assert_near(mine, exact, image, weights):
    """Within rounding of float32 of the largest sum there could be, and the same NaN and infinities."""
    assert mine.dtype == np.float32
    assert mine.shape == exact.shape
    np.testing.assert_array_equal(np.isnan(mine), np.isnan(exact))
    infinite = np.isinf(exact)
    np.testing.assert_array_equal(mine[infinite], exact[infinite])
    finite = np.isfinite(image)
    largest = (np.abs(image[finite].astype(np.float64)).max() if finite.any() else 0) * np.abs(weights).sum((0, 1, 2))
    sums = np.isfinite(exact)
    np.testing.assert_allclose(mine[sums], exact[sums], rtol=0, atol=3e-6 * largest.max())


def test_convolution_is_its_definition_for_hundreds_of_random_shapes_and_choices():
    rng = np.random.default_rng(1)
    for turn in range(500):
        image, weights, choices = draw(rng, turn)
        mode = convolution.PADDING_MODES[turn % 4]
        mine = convolution.convolve(image, weights, padding_mode=mode, **choices)
        pads = pads_of(image, weights, choices)
        assert_near(mine, by_hand(image, weights, choices["stride"], choices["dilation"], pads, mode), image, weights)


def test_nan_and_infinity_spread_as_the_definition_says():
    rng = np.random.default_rng(2)
    for turn in range(300):
        image, weights, choices = draw(rng, turn)
        image = image.astype((np.float32, np.float64)[turn % 2])
        for value in (np.nan, np.inf, -np.inf):
            image[rng.random(image.shape) < (0, 0.01, 0.1)[turn % 3]] = value
        if turn % 11 == 0:
            weights[tuple(rng.integers(0, weights.shape))] = (np.nan, np.inf)[turn % 2]
        mode = convolution.PADDING_MODES[turn % 4]
        mine = convolution.convolve(image, weights, padding_mode=mode, **choices)
        exact = by_hand(image, weights, choices["stride"], choices["dilation"], pads_of(image, weights, choices), mode)
        assert_near(mine, exact, image, np.where(np.isfinite(weights), weights, 0))


def test_convolution_is_tensorflows_for_hundreds_of_random_shapes_and_choices():
    rng = np.random.default_rng(3)
    for turn in range(400):
        image, weights, choices = draw(rng, turn)
        if max(choices["stride"]) > 1:
            choices["dilation"] = (1, 1)  # TensorFlow does either or
        mine = convolution.convolve(image, weights, **choices)
        padding = choices["padding"]
        theirs = tf.nn.conv2d(
            image.astype(np.float32)[None],
            weights.astype(np.float32),
            choices["stride"],
            padding.upper() if isinstance(padding, str) else [[0, 0], *pads_of(image, weights, choices), [0, 0]],
            dilations=choices["dilation"],
        )
        assert_near(mine, theirs.numpy()[0].astype(np.float64), image, weights)


@pytest.mark.parametrize("side", [3, 9, 12, 13, 31])
@pytest.mark.parametrize("padding", ["valid", "same", 40])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_large_pictures_and_kernels_take_other_routes_to_the_same_numbers(side, padding, stride):
    rng = np.random.default_rng(side)
    image = rng.integers(0, 256, (421, 203)).astype(np.float32)
    kernel = rng.standard_normal((side, side))
    pads = [convolution.padding_amounts(size, side, stride, padding) for size in image.shape]
    exact = signal.correlate(np.pad(image.astype(np.float64), pads), kernel, "valid", "fft")[::stride, ::stride]
    mine = convolution.convolve(image, kernel, stride=stride, padding=padding)
    np.testing.assert_allclose(mine, exact, rtol=0, atol=5e-7 * 255 * np.abs(kernel).sum())


def test_the_fourier_route_and_the_blocks_agree_at_the_border_of_every_tile():
    rng = np.random.default_rng(7)
    image = rng.standard_normal((700, 530)).astype(np.float32)
    taps = rng.standard_normal((17, 14)).astype(np.float32)
    way = convolution.geometry.walk(image.shape, taps.shape, padding=((20, 3), (0, 33)))
    blocks = sliding._by_blocks(convolution.geometry.pad(image, way.pads, "zero"), taps, *way.shape)
    np.testing.assert_allclose(sliding._by_fourier(image, taps, way.pads, way.shape, way.mode), blocks, atol=2e-4)


@pytest.mark.parametrize("threads", [1, 3])
def test_bands_of_rows_on_several_cores_are_the_definition_too(threads, monkeypatch):
    """Bands of one row and more, some of them nothing but padding."""
    monkeypatch.setattr(bands, "PIXELS", 1)
    monkeypatch.setattr(sliding, "PIXELS", 1)
    monkeypatch.setattr(cv2, "getNumThreads", lambda: threads)
    done = []
    submit = bands._threads(threads).submit
    monkeypatch.setattr(bands._threads(threads), "submit", lambda *work: done.append(work) or submit(*work))
    rng = np.random.default_rng(11)
    for turn in range(150):
        image, kernel = rng.standard_normal(rng.integers(4, 12, 2)), rng.standard_normal(rng.integers(1, 6, 2))
        stride = tuple(int(step) for step in rng.integers(1, 5, 2))
        pads = ((7, 0), (0, 2)) if turn % 3 == 0 else ((4, 5), (5, 4))
        if turn % 4 == 0:
            image[tuple(rng.integers(0, image.shape))], kernel[0, 0] = np.nan, 0
        mine = convolution.convolve(image.astype(np.float32), kernel, stride=stride, padding=pads)
        exact = by_hand(image[..., None], kernel[..., None, None], stride, (1, 1), pads)[..., 0]
        np.testing.assert_allclose(mine, exact, rtol=0, atol=1e-5)
    assert bool(done) == (threads > 1)


@pytest.mark.parametrize("side", [3, 10, 31])
@pytest.mark.parametrize("corner", [0, 1])  # a tap of 0, or none: 0 times NaN is NaN as well
def test_one_nan_reaches_exactly_the_places_that_see_it(side, corner):
    image = np.random.default_rng(0).random((1030, 600), np.float32)
    image[700, 50] = np.nan
    kernel = np.random.default_rng(1).random((side, side))
    kernel[0, 0] *= corner
    spoilt = np.isnan(convolution.convolve(image, kernel))
    expected = np.zeros_like(spoilt)
    expected[701 - side : 701, 51 - side : 51] = True
    np.testing.assert_array_equal(spoilt, expected)


def test_a_nan_is_found_wherever_it_lies():
    rng = np.random.default_rng(13)
    for turn in range(300):
        size, kernel = rng.integers(1, 14, 2), rng.integers(1, 6, 2)
        image, weights = rng.random(size), rng.uniform(1, 2, kernel)
        weights[:, 1:-1] *= rng.random((kernel[0], max(kernel[1] - 2, 0))) < 0.5  # silent taps, as in Sobel's kernels
        image[tuple(rng.integers(0, size))] = (np.nan, np.inf)[turn % 2]
        padding = ("same", 1, 5)[turn % 3]
        mode = convolution.PADDING_MODES[turn % 4]
        if (size + 2 * (5, 1, 5)[turn % 3] < kernel).any():
            continue
        mine = convolution.convolve(image, weights, padding=padding, padding_mode=mode)
        pads = pads_of(image, weights, {"padding": padding, "stride": (1, 1), "dilation": (1, 1)})
        exact = by_hand(image[..., None], weights[..., None, None], (1, 1), (1, 1), pads, mode)[..., 0]
        np.testing.assert_allclose(mine, exact, rtol=1e-5)


def test_huge_numbers_do_not_overflow_on_the_way():
    image = np.full((20, 20), 3e38, np.float32)
    kernel = np.zeros((3, 3))
    kernel[0] = [1, 1, -1.5]
    np.testing.assert_allclose(convolution.convolve(image, kernel), 1.5e38, rtol=1e-6)
    assert np.isinf(convolution.convolve(np.full((4, 4), 1e300), np.ones((2, 2)))).all()
    np.testing.assert_array_equal(convolution.convolve(np.full((4, 4), 1e300), np.zeros((2, 2))), 0)


def test_the_lectures_sharpened_corner_is_320():
    seen = convolution.trace(kernels.SHARPEN_EXAMPLE, kernels.KERNELS["sharpen"].weights, 0, 0, padding="same")
    assert seen.total == 320 == 105 * 5 - 102 - 103
    assert seen.products[1, 1] == 525
    assert seen.products[1, 2] == -102
    assert seen.products[2, 1] == -103
    assert seen.window == (-1, -1, 2, 2)
    sharpened = convolution.convolve(kernels.SHARPEN_EXAMPLE, kernels.KERNELS["sharpen"].weights, padding="same")
    assert sharpened[0, 0] == 320
    assert sharpened.shape == (5, 5)


def test_the_lectures_curve_answers_6600_to_its_patch_and_0_to_another():
    curve = kernels.KERNELS["curve"].weights
    seen = convolution.trace(kernels.CURVE_PATCH, curve, 0, 0)
    assert sorted(seen.products[seen.products != 0]) == [20 * 30, *[50 * 30] * 4]
    assert seen.total == 6600
    assert convolution.convolve(kernels.CURVE_PATCH, curve).tolist() == [[6600]]
    assert convolution.convolve(kernels.OTHER_PATCH, curve).tolist() == [[0]]


def test_the_lectures_sizes():
    assert convolution.output_size(5, 3, padding="same") ** 2 == 25  # patches of 3x3 on a padded 5x5
    assert convolution.output_size(5, 3, padding=1) ** 2 == 25
    assert convolution.output_size(7, 3) == 5
    assert convolution.output_size(7, 3, stride=2) == 3
    assert convolution.output_size(28, 3) == 26


def test_the_number_of_places_is_the_number_of_windows_that_fit():
    rng = np.random.default_rng(4)
    for _ in range(300):
        size, kernel, stride, dilation, before, after = (int(n) for n in rng.integers((1, 1, 1, 1, 0, 0), 12))
        places = len(range(0, size + before + after - (kernel - 1) * dilation, stride))
        if places:
            found = convolution.output_size(size, kernel, stride=stride, padding=(before, after), dilation=dilation)
            assert found == places
        else:
            with pytest.raises(ConvvizError):
                convolution.output_size(size, kernel, stride=stride, padding=(before, after), dilation=dilation)
        assert convolution.output_size(size, kernel, stride=stride, padding="same") == -(-size // stride)


def test_shapes_are_told_before_anything_is_computed():
    rng = np.random.default_rng(5)
    for image, weights in [((9, 8), (3, 2)), ((9, 8, 3), (3, 2)), ((9, 8, 3), (3, 2, 3)), ((9, 8, 3), (3, 2, 3, 5))]:
        response = convolution.convolve(rng.random(image), rng.random(weights), stride=(2, 1), padding="same")
        told = convolution.output_shape(image, weights, stride=(2, 1), padding="same")
        assert response.shape == told


def test_a_kernel_is_not_flipped_unless_asked():
    image = np.zeros((5, 5))
    image[2, 2] = 1
    kernel = np.arange(9.0).reshape(3, 3)
    np.testing.assert_array_equal(convolution.convolve(image, kernel, padding="same")[1:4, 1:4], kernel[::-1, ::-1])
    np.testing.assert_array_equal(convolution.convolve(image, kernel, padding="same", flip=True)[1:4, 1:4], kernel)


def test_one_kernel_treats_every_channel_alike_and_a_filter_sums_over_them():
    rng = np.random.default_rng(6)
    for channels in (1, 3, 4, 7):
        image, kernel = rng.random((12, 9, channels)), rng.random((3, 3))
        alike = convolution.convolve(image, kernel, stride=2)
        each = [convolution.convolve(image[..., c], kernel, stride=2) for c in range(channels)]
        np.testing.assert_allclose(alike, np.stack(each, axis=-1), rtol=1e-5)
        filtered = convolution.convolve(image, np.repeat(kernel[..., None], channels, axis=-1), stride=2)
        np.testing.assert_allclose(filtered, alike.sum(axis=-1), rtol=1e-5)


def test_what_is_given_is_not_changed():
    image, kernel = np.full((8, 8), np.nan, np.float32), np.ones((3, 3), np.float32)
    for array in (image, kernel):
        array.setflags(write=False)
    convolution.convolve(image, kernel, padding="same", stride=2)
    response = convolution.convolve(np.ones((4, 4), np.float32), np.ones((1, 1), np.float32))
    response[...] = 5  # one's own copy
    assert np.isnan(image).all()


def test_every_kind_of_number_is_taken():
    kernel = np.ones((2, 2))
    for dtype in (bool, np.int8, np.uint16, np.int64, np.float16, np.float32, np.float64, np.longdouble):
        assert convolution.convolve(np.ones((3, 3), dtype), kernel.astype(dtype)).tolist() == [[4, 4], [4, 4]]
    with pytest.raises(ConvvizError, match="real numbers"):
        convolution.convolve(np.ones((3, 3), complex), kernel)


def test_a_traced_cell_is_the_cell_of_the_feature_map():
    rng = np.random.default_rng(8)
    for turn in range(60):
        image, weights, choices = draw(rng, turn)
        if turn % 3 == 0:
            weights = weights[..., 0, 0]
        elif turn % 3 == 1:
            weights = weights[..., 0]
        choices |= {"padding_mode": convolution.PADDING_MODES[turn % 4], "flip": turn % 2 == 0}
        feature_map = convolution.convolve(image, weights, **choices)
        row, col = (int(rng.integers(n)) for n in feature_map.shape[:2])
        seen = convolution.trace(image, weights, row, col, **choices)
        np.testing.assert_allclose(seen.total, feature_map[row, col], rtol=1e-4, atol=0.05)
        assert seen.patch.shape[:2] == weights.shape[:2] == seen.products.shape[:2]
        top, left, bottom, right = seen.window
        assert bottom - top == (weights.shape[0] - 1) * choices["dilation"][0] + 1
        assert right - left == (weights.shape[1] - 1) * choices["dilation"][1] + 1
        inside = top >= 0 and left >= 0 and bottom <= image.shape[0] and right <= image.shape[1]
        if inside and choices["dilation"] == (1, 1):
            np.testing.assert_array_equal(seen.patch, image[top:bottom, left:right])


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_transposed_convolution_is_keras(padding):
    rng = np.random.default_rng(9)
    for kernel, stride in [((3, 3), (2, 2)), ((4, 2), (2, 3)), ((2, 5), (1, 2)), ((1, 1), (3, 2)), ((5, 4), (3, 1))]:
        layer = keras.layers.Conv2DTranspose(4, kernel, stride, padding, use_bias=False)
        layer.build((None, 6, 5, 3))
        image = rng.standard_normal((6, 5, 3)).astype(np.float32)
        weights = rng.standard_normal((*kernel, 4, 3)).astype(np.float32)
        layer.set_weights([weights])
        mine = convolution.transpose(image, weights, stride=stride, padding=padding)
        np.testing.assert_allclose(mine, layer(image[None]).numpy()[0], atol=1e-5)
        one = convolution.transpose(image[..., 0], weights[..., 0, 0], stride=stride, padding=padding)
        assert one.shape == mine.shape[:2]


def test_transposed_convolution_is_the_transpose_of_convolution():
    rng = np.random.default_rng(10)
    small, large, kernel = rng.random((4, 6)), rng.random((9, 13)), rng.random((3, 3))
    there = (convolution.convolve(large, kernel, stride=2) * small).sum()
    back = (convolution.transpose(small, kernel, stride=2) * large).sum()
    assert there == pytest.approx(back, rel=1e-5)


def test_depthwise_and_pointwise_are_keras_and_together_separable():
    rng = np.random.default_rng(11)
    image = rng.standard_normal((9, 8, 3)).astype(np.float32)
    deep, point = rng.standard_normal((3, 2, 3)), rng.standard_normal((3, 5))
    layer = keras.layers.SeparableConv2D(5, (3, 2), 2, "same", use_bias=False)
    layer.build((None, 9, 8, 3))
    layer.set_weights([deep[..., None], point[None, None]])
    mine = convolution.pointwise(convolution.depthwise(image, deep, stride=2, padding="same"), point)
    np.testing.assert_allclose(mine, layer(image[None]).numpy()[0], atol=1e-5)
    alone = keras.layers.DepthwiseConv2D((3, 2), dilation_rate=2, use_bias=False)
    alone.build((None, 9, 8, 3))
    alone.set_weights([deep[..., None]])
    np.testing.assert_allclose(convolution.depthwise(image, deep, dilation=2), alone(image[None]).numpy()[0], atol=1e-5)


def test_the_gradient_is_opencvs_sobel_and_points_to_the_light():
    image = np.random.default_rng(12).integers(0, 256, (20, 30)).astype(np.uint8)
    across, down = (cv2.Sobel(image, cv2.CV_64F, x, 1 - x, borderType=cv2.BORDER_REPLICATE) for x in (1, 0))
    magnitude, direction = convolution.gradient(image)
    np.testing.assert_allclose(magnitude, np.hypot(across, down), rtol=1e-5)
    np.testing.assert_allclose(direction, np.arctan2(down, across), atol=1e-5)
    ramp = np.tile(np.arange(8.0)[:, None], (1, 8))  # brighter below
    magnitude, direction = convolution.gradient(ramp)
    assert magnitude[4, 4] == 8
    assert direction[4, 4] == pytest.approx(np.pi / 2)
    np.testing.assert_allclose(
        convolution.gradient(np.repeat(image[..., None], 3, -1))[0][1], np.hypot(across, down)[1], rtol=1e-4
    )


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: convolution.convolve(np.ones((5, 5)), np.ones((9, 9))), "a 9-pixel kernel does not fit a 5-pixel"),
        (lambda: convolution.convolve(np.ones((5, 5)), np.ones((3, 3)), stride=0), "stride is 0; make it at least 1"),
        (lambda: convolution.convolve(np.ones((5, 5)), np.ones((3, 3)), padding=-1), "padding is -1"),
        (lambda: convolution.convolve(np.ones((5, 5)), np.ones((3, 3)), padding="full"), "there is no padding 'full'"),
        (lambda: convolution.convolve(np.ones((5, 5)), np.ones((3, 3)), padding_mode="wrap"), "padding mode 'wrap'"),
        (lambda: convolution.convolve(np.ones((5, 5)), np.ones((3, 3)), dilation=3), "3 taps, dilation 3"),
        (lambda: convolution.convolve(np.ones((5, 5)), np.ones((3, 3)), padding=(1, 1)), r"padding \(1, 1\)"),
        (lambda: convolution.convolve(np.ones((5, 5, 3)), np.ones((3, 3, 4))), "for 4 channels and the picture has 3"),
        (lambda: convolution.convolve(np.ones(5), np.ones((3, 3))), r"shape \(5,\) cannot be convolved"),
        (lambda: convolution.convolve(np.ones((5, 5)), np.ones(3)), "are no kernel"),
        (lambda: convolution.convolve(np.ones((5, 5)), np.ones((3, 3)), stride=(1, 2, 3)), "has 3 numbers"),
        (lambda: convolution.trace(np.ones((5, 5)), np.ones((3, 3)), 3, 0), r"no cell \(3, 0\)"),
        (lambda: convolution.transpose(np.ones((5, 5)), np.ones((3, 3)), padding="full"), "no padding 'full'"),
        (lambda: convolution.transpose(np.ones((5, 5)), np.ones((3, 3)), stride=0), "stride is 0"),
        (lambda: convolution.depthwise(np.ones((5, 5)), np.ones((3, 3))), "one kernel for each channel"),
        (lambda: convolution.pointwise(np.ones((5, 5, 3)), np.ones((2, 4))), "as many rows of weights"),
        (lambda: convolution.gradient(np.ones((5, 5, 2))), "grey or an RGB picture"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(call, said):
    with pytest.raises(ConvvizError, match=said) as refusal:
        call()
    assert "; " in str(refusal.value)
