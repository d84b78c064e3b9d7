"""What the pages on pooling and on kinds say to notice, also of pictures in which there is nothing to compare."""

import numpy as np
import pytest

from convviz import convolution, downsampling, kernels
from pages.shared import kind_views, shrinking


def noticed(picture: np.ndarray, *, stride: int = 2, padding: str = "same") -> list[str]:
    """The sentences on a picture, as the page on pooling has them with no convolution before."""
    choices = {"weights": kernels.KERNELS["identity"].weights, "size": 2, "stride": stride, "taps": 3, "relu": False}
    before = shrinking.before(picture, choices["weights"], relu=False, padding=padding)
    smaller = {way: downsampling.downsample(picture, way, padding=padding, **choices) for way in downsampling.WAYS}
    changes = {
        way: downsampling.shift_changes(picture, way, (0, 1), compared="in place", **choices)
        for way in downsampling.WAYS
    }
    return shrinking.noticed(before, smaller, changes, stride, "in place")


@pytest.mark.parametrize("side", [1, 3, 40])
def test_an_even_picture_is_said_to_have_nothing_to_lose(side):
    text = " ".join(noticed(np.full((side, side), 196, np.uint8)))
    assert "0 above" not in text
    assert "brings that to 0% and 0%" not in text
    assert "nothing" in text


def test_a_picture_with_contrast_is_compared():
    text = " ".join(noticed(np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)))
    assert "its mean is " in text
    assert " above that of the map before" in text
    assert "A blur before the stride brings that to" in text


@pytest.mark.parametrize(
    ("size", "kernel", "dilation", "beyond"),
    [
        ((3, 3), (3, 3), 4, 8), ((3, 9), (3, 3), 4, 6), ((9, 9), (3, 3), 4, 0), ((4, 4), (7, 7), 2, 40),
        ((3, 3), (2, 2), 5, 3),
    ],
)  # fmt: skip
def test_cells_that_never_lie_on_the_picture_are_counted(size, kernel, dilation, beyond):
    seeing = 0
    for place in np.ndindex(*kernel):
        weights = np.zeros(kernel, np.float32)
        weights[place] = 1
        seeing += bool(convolution.convolve(np.ones(size), weights, padding="same", dilation=dilation).any())
    told = kind_views._beyond(size, kernel, dilation)
    assert kernel[0] * kernel[1] - seeing == beyond
    assert told == [] if beyond == 0 else f"{beyond} of the {kernel[0] * kernel[1]} cells lie in the padding" in told[0]
