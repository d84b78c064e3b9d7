"""The programs of the Kinds of convolution page give the numbers that the page shows."""

import numpy as np
import pytest

from convviz import convolution, images, kernels, kinds, recipes
from tests.test_recipes import ran

KERNEL = kernels.KERNELS["sobel_x"].weights


def small(side):
    return images.limit(images.sample("cat"), side)


def close(found, expected):
    np.testing.assert_allclose(found, expected, atol=2e-6 * np.abs(expected).max() + 1e-5)


def test_the_dilated_program(tmp_path):
    found = ran(recipes.kinds.kind("dilated", "digit_4", kernel=KERNEL, dilation=3), tmp_path)["result"]
    grey = images.grey(images.sample("digit_4"))
    close(found["near"], convolution.convolve(grey, KERNEL, padding="same"))
    close(found["far"], convolution.convolve(grey, KERNEL, padding="same", dilation=3))
    assert (tmp_path / "far.png").stat().st_size > 100


@pytest.mark.parametrize(("name", "side", "stride"), [("flat", 3, 2), ("tent", 4, 3), ("random", 2, 3)])
@pytest.mark.parametrize("interpolation", kinds.ENLARGEMENTS)
def test_the_transposed_program(name, side, stride, interpolation, tmp_path):
    picture, stamp = small(20), kinds.stamp(name, side, stride=stride)
    shape = picture.shape[:2]
    text = recipes.kinds.kind(
        "transposed", "cat", size=shape, shape=shape, stamp=stamp, stride=stride, interpolation=interpolation
    )
    found = ran(text, tmp_path)
    grey = images.grey(picture)
    close(found["result"]["transposed"], convolution.transpose(grey, stamp, stride=stride, padding="same"))
    close(found["by_keras"], found["result"]["transposed"])
    close(found["result"]["overlaps"], kinds.overlaps(shape, side, stride))
    cured = kinds.enlarge_then_convolve(grey, stamp / stride**2, factor=stride, interpolation=interpolation)
    np.testing.assert_allclose(found["result"]["cured"], cured, atol=2e-2)


@pytest.mark.parametrize("groups", [1, 3, 12])
def test_the_grouped_program(groups, tmp_path):
    picture = small(16)
    text = recipes.kinds.kind(
        "grouped", "cat", size=picture.shape[:2], groups=groups, filters=12, seed=5, silent="green"
    )
    found = ran(text, tmp_path)["result"]
    maps = kinds.twelve_channels(picture)
    weights = kinds.random_weights((3, 3, 12 // groups, 12), seed=5)
    close(found["before"], kinds.grouped(maps, weights, groups=groups, padding="same"))
    maps[..., 4:8] = 0
    close(found["after"], kinds.grouped(maps, weights, groups=groups, padding="same"))


def test_the_programs_of_single_channels(tmp_path):
    picture = images.sample("shapes")
    own = [kernels.KERNELS[name].weights for name in ("sobel_x", "sobel_y", "laplacian")]
    found = ran(recipes.kinds.kind("depthwise", "shapes", kernels=own), tmp_path)["result"]
    close(found, convolution.depthwise(picture, np.stack(own, axis=-1), padding="same"))
    mix = kinds.parse_mix("0.299 0.587 0.114; 1 -1 0")
    found = ran(recipes.kinds.kind("pointwise", "shapes", mix=mix), tmp_path)["result"]
    close(found, convolution.pointwise(picture, mix))
    found = ran(recipes.kinds.kind("separable", "shapes", kernel=KERNEL, mix=mix), tmp_path)["result"]
    close(found, kinds.separable(picture, np.stack([KERNEL] * 3, axis=-1), mix, padding="same"))
