"""Kinds of convolution against Keras' layers and their own parameter counts, and the published checkerboard."""

import keras
import numpy as np
import pytest

from convviz import ConvvizError, checking, kernels, kinds
from convviz.convolution import convolve, transpose

layers = keras.layers


def keras_layer(kind, filters, kernel, *, groups=1, stride=1, padding="same", dilation=1, bias=True):
    same = {"padding": padding, "use_bias": bias}
    return {
        "standard": lambda: layers.Conv2D(filters, kernel, stride, **same),
        "dilated": lambda: layers.Conv2D(filters, kernel, 1, dilation_rate=dilation, **same),
        "transposed": lambda: layers.Conv2DTranspose(filters, kernel, stride, **same),
        "grouped": lambda: layers.Conv2D(filters, kernel, stride, groups=groups, **same),
        "depthwise": lambda: layers.DepthwiseConv2D(kernel, stride, **same),
        "pointwise": lambda: layers.Conv2D(filters, 1, stride, **same),
        "separable": lambda: layers.SeparableConv2D(filters, kernel, stride, **same),
    }[kind]()


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_parameters_and_sizes_are_those_of_keras(kind):
    rng = np.random.default_rng(0)
    for _ in range(12):
        groups = int(rng.integers(1, 4))
        shape = (int(rng.integers(9, 20)), int(rng.integers(9, 20)), groups * int(rng.integers(1, 4)))
        filters, bias = groups * int(rng.integers(1, 5)), bool(rng.integers(2))
        kernel, padding = tuple(int(n) for n in rng.integers(1, 5, 2)), ("valid", "same")[rng.integers(2)]
        stride, dilation = (int(rng.integers(1, 4)), 1) if kind != "dilated" else (1, int(rng.integers(1, 3)))
        choices = {"groups": groups, "stride": stride, "padding": padding, "dilation": dilation, "bias": bias}
        layer = keras_layer(kind, filters, kernel, **choices)
        layer.build((1, *shape))
        told = kinds.count(kind, shape, filters=filters, kernel=kernel, **choices)
        assert told.parameters == layer.count_params()
        assert told.output == tuple(layer.compute_output_shape((1, *shape))[1:])


def test_multiply_adds_are_the_products_that_a_loop_makes():
    image, weights, made = np.ones((6, 5, 2)), np.ones((3, 2, 2, 4)), 0
    for _row in range(6 - 3 + 1):
        for _col in range(5 - 2 + 1):
            made += weights.size
    told = kinds.count("standard", image.shape, filters=4, kernel=(3, 2), padding="valid")
    assert told.multiply_adds == made == 4 * 4 * 48
    assert told.multiply_adds_told == "4·4·3·2·2·4 = 768"
    grouped = kinds.count("grouped", (6, 5, 4), filters=8, kernel=3, groups=2, padding="valid")
    assert grouped.multiply_adds == 4 * 3 * 3 * 3 * 2 * 8


def test_published_savings_of_a_separable_layer():
    """MobileNets, section 3.1: the cost falls to 1 / N + 1 / D²."""
    full, apart = (
        kinds.count(kind, (14, 14, 512), filters=512, bias=False).multiply_adds for kind in ("standard", "separable")
    )
    assert apart / full == pytest.approx(1 / 512 + 1 / 9)


def test_grouped_and_separable_layers_compute_what_keras_computes():
    rng = np.random.default_rng(1)
    image = rng.normal(size=(9, 8, 6)).astype(np.float32)
    for groups, stride, padding in [(1, 1, "valid"), (2, 2, "same"), (3, 1, "same"), (6, 3, "valid")]:
        layer = keras_layer("grouped", 12, (3, 2), groups=groups, stride=stride, padding=padding, bias=False)
        theirs = layer(image[None]).numpy()[0]
        ours = kinds.grouped(image, layer.kernel.numpy(), groups=groups, stride=stride, padding=padding)
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    layer = keras_layer("separable", 5, 3, stride=2, bias=False)
    theirs = layer(image[None]).numpy()[0]
    depth, mix = layer.depthwise_kernel.numpy()[..., 0], layer.pointwise_kernel.numpy()[0, 0]
    np.testing.assert_allclose(kinds.separable(image, depth, mix, stride=2, padding="same"), theirs, atol=1e-5)
    whole = convolve(image, kinds.joined(depth, mix), stride=2, padding="same")
    np.testing.assert_allclose(whole, theirs, atol=1e-5)


def test_a_group_sees_its_own_channels_only():
    rng = np.random.default_rng(2)
    image, weights = rng.normal(size=(6, 6, 6)), rng.normal(size=(3, 3, 2, 9))
    before = kinds.grouped(image, weights, groups=3)
    for channel in range(6):
        silenced = image.copy()
        silenced[..., channel] = 0
        changed = np.abs(kinds.grouped(silenced, weights, groups=3) - before).max(axis=(0, 1)) > 1e-6
        np.testing.assert_array_equal(changed, kinds.connections(6, 9, 3)[:, channel])


def test_wrong_groups_and_names_are_refused_with_their_values():
    with pytest.raises(ConvvizError, match="4 groups do not divide 6 channels in and 8 channels out"):
        kinds.count("grouped", (9, 9, 6), filters=8, groups=4)
    with pytest.raises(ConvvizError, match="no kind of convolution 'other'"):
        kinds.count("other", (9, 9, 6), filters=8)
    with pytest.raises(ConvvizError, match="make the shapes fit"):
        kinds.grouped(np.ones((5, 5, 4)), np.ones((3, 3, 4, 4)), groups=2)
    with pytest.raises(ConvvizError, match="no kernel 'round'"):
        kinds.stamp("round", 3)
    with pytest.raises(ConvvizError, match="no enlargement 'cubic'"):
        kinds.enlarge_then_convolve(np.ones((3, 3)), np.ones((3, 3)), factor=2, interpolation="cubic")


def test_known_kernels_are_separable_by_axes_or_not():
    image = np.random.default_rng(3).normal(size=(12, 12))
    ranks = {name: kinds.by_axes(kernels.KERNELS[name].weights).rank for name in kernels.KERNELS}
    assert ranks["sobel_x"] == ranks["gaussian_blur"] == ranks["box_blur"] == 1
    assert ranks["laplacian"] == ranks["sharpen"] == 2
    for name in ("sobel_x", "sobel_y", "gaussian_blur", "prewitt_y"):
        parts = kinds.by_axes(kernels.KERNELS[name].weights)
        twice = convolve(convolve(image, parts.column), parts.row)
        np.testing.assert_allclose(twice, convolve(image, kernels.KERNELS[name].weights), atol=1e-5)
        assert parts.missing == 0
    assert kinds.by_axes(kernels.KERNELS["laplacian"].weights).missing > 0.1
    assert kinds.by_axes(np.zeros((3, 3))).rank == 0


@pytest.mark.parametrize("name", kinds.STAMPS)
def test_an_even_area_becomes_the_phase_sums_and_keeps_its_brightness(name):
    for size, stride in [(3, 2), (4, 2), (5, 3), (2, 3), (6, 3)]:
        weights = kinds.stamp(name, size, stride=stride, seed=4)
        made = transpose(np.ones((7, 7)), weights, stride=stride)
        middle = made[2 * stride : 5 * stride, 2 * stride : 5 * stride]
        np.testing.assert_allclose(middle, np.tile(kinds.phase_sums(weights, stride), (3, 3)), rtol=1e-5)
        assert middle.mean() == pytest.approx(1, rel=1e-5)


def test_only_a_stride_that_divides_the_kernel_lays_it_down_evenly():
    for size in range(1, 8):
        for stride in range(1, 5):
            counts = kinds.phase_sums(np.ones((size, size)), stride)
            assert (np.ptp(counts) == 0) == (size % stride == 0)
            middle = kinds.overlaps((20, 20), size, stride)[7 * stride : -7 * stride, 7 * stride : -7 * stride]
            assert set(np.unique(middle)) == set(np.unique(counts))


def test_enlarging_first_cures_the_checkerboard():
    picture = np.random.default_rng(5).uniform(50, 200, (40, 40)).astype(np.float32)
    bad = transpose(picture, kinds.stamp("flat", 3, stride=2), stride=2, padding="same")
    cured = kinds.enlarge_then_convolve(picture, kinds.stamp("flat", 3), factor=2)
    assert cured.shape == bad.shape
    assert kinds.checkerboard(bad, 2, margin=4) == pytest.approx(4 / 2.25 - 1 / 2.25, rel=0.05)
    assert kinds.checkerboard(cured, 2, margin=4) < 0.02
    even = transpose(picture, kinds.stamp("flat", 4, stride=2), stride=2, padding="same")
    assert kinds.checkerboard(even, 2, margin=4) < 0.02
    assert kinds.checkerboard(picture[:1, :1], 2) == 0


def test_bilinear_enlargement_is_keras():
    picture = np.random.default_rng(6).normal(size=(5, 7)).astype(np.float32)
    theirs = layers.UpSampling2D(3, interpolation="bilinear")(picture[None, ..., None]).numpy()[0, ..., 0]
    ours = kinds.enlarge_then_convolve(picture, np.ones((1, 1)), factor=3, interpolation="bilinear")
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_mix_is_read_row_by_row_and_bad_ones_are_explained():
    np.testing.assert_array_equal(kinds.parse_mix("1 0 0; 0 0.5 2")[:, 1], np.float32([0, 0.5, 2]))
    for text, said in [("1 2; 3 4", "2 rows of 2"), ("1 x 0", "not a number"), ("", "empty"), ("1 0 0;" * 7, "7 rows")]:
        with pytest.raises(ConvvizError, match=said):
            kinds.parse_mix(text)
    opponent = np.array(kinds.MIXES["opponent"].rows)
    np.testing.assert_allclose(opponent @ opponent.T, np.eye(3), atol=1e-4)


def test_twelve_channels_are_ordered_by_colour():
    picture = np.random.default_rng(7).integers(0, 256, (6, 5, 3), np.uint8)
    maps = kinds.twelve_channels(picture)
    assert maps.shape == (6, 5, 12)
    np.testing.assert_allclose(maps[..., [0, 4, 8]], picture / 255, atol=1e-6)
    picture[..., 0] = 0
    changed = np.abs(kinds.twelve_channels(picture) - maps).max(axis=(0, 1)) > 0
    np.testing.assert_array_equal(changed, [True] * 4 + [False] * 8)


def test_random_weights_have_the_spread_of_he_and_their_seed():
    weights = kinds.random_weights((3, 3, 40, 50), seed=1)
    assert weights.std() == pytest.approx(np.sqrt(2 / 360), rel=0.02)
    np.testing.assert_array_equal(weights, kinds.random_weights((3, 3, 40, 50), seed=1))


def test_check_agrees_for_every_kind_and_is_large_where_something_is_broken(monkeypatch):
    rng = np.random.default_rng(8)
    image = rng.normal(size=(8, 7, 6)).astype(np.float32)
    own = {
        "grouped": [(3, 3, 3, 4)],
        "depthwise": [(3, 2, 6)],
        "pointwise": [(6, 2)],
        "separable": [(3, 3, 6), (6, 5)],
    }
    for chosen, shapes in own.items():
        weights = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
        check = checking.kind(chosen, image, *weights, groups=2)
        assert check.difference < 1e-5
        assert check.largest > 1
    monkeypatch.setattr(kinds, "separable", lambda image, *_, **__: np.zeros((8, 7, 5), np.float32))
    assert checking.kind("separable", image, *weights).difference > 1
