"""Small pictures of pictures, whatever their shape."""

import numpy as np
import pytest

from convviz import images
from pages.shared import pickers


@pytest.mark.parametrize("shape", [(300, 451), (1, 1024), (1024, 1), (1, 1), (5, 1000)])
def test_a_thumbnail_is_small_and_never_a_line(shape):
    small = pickers._small(np.zeros((*shape, 3), np.uint8))
    assert max(small.shape[:2]) <= 144
    assert max(small.shape[:2]) <= 4 * min(small.shape[:2]) + 3


@pytest.mark.parametrize(
    ("network", "picture"), [("shapes", "shapes"), ("mnist", "digit_3"), ("run", "digit_3"), ("mobilenetv2", "cat")]
)
def test_a_network_without_a_picture_gets_one_of_its_kind(network, picture):
    assert pickers._fitting(network) == picture
    assert picture in images.sample_names()
