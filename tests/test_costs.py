"""The two ways to convolve that are timed: both right, and honestly compared."""

import numpy as np
import pytest
from scipy import ndimage

from convviz import costs, fourier


@pytest.mark.parametrize("shape", [(3, 3), (11, 11), (12, 23), (31, 1), (63, 63)])
def test_the_direct_sum_is_scipys_for_every_size_of_kernel(shape):
    rng = np.random.default_rng(0)
    image, kernel = rng.random((40, 70)).astype(np.float32), rng.random(shape).astype(np.float32)
    mine = costs.direct(image, kernel)
    origin = [-(1 - side % 2) for side in shape]
    theirs = ndimage.correlate(image.astype(float), kernel.astype(float), mode="wrap", origin=origin)
    np.testing.assert_allclose(mine, theirs, rtol=1e-4)


def test_both_ways_agree_also_where_the_kernel_is_larger_than_the_picture():
    for side in costs.SIDES:
        rng = np.random.default_rng(side)
        image, kernel = rng.random((17, 20)).astype(np.float32), rng.random((side, side)).astype(np.float32)
        np.testing.assert_allclose(costs.direct(image, kernel), fourier.convolve(image, kernel), rtol=2e-4)


def test_every_size_is_measured_in_turn_and_a_message_stops():
    course = costs.measure(np.random.default_rng(1).random((64, 64)), sides=(3, 15), seconds=0)
    first = next(course)
    assert (first.side, first.done, first.total) == (3, 1, 2)
    assert first.direct > 0
    assert first.transform > 0
    assert 0 < first.difference < 1e-3
    assert next(course).side == 15
    stopped = costs.measure(np.ones((8, 8)), sides=(3, 5), seconds=0)
    next(stopped)
    with pytest.raises(StopIteration):
        stopped.send({"stop": True})


def cost(side, direct, transform):
    return costs.Cost(side, direct, transform, 0.0, 1, 1)


def test_the_crossing_is_where_the_lines_between_the_measured_times_cross():
    assert costs.crossing([cost(1, 1, 4), cost(3, 2, 4), cost(7, 6, 4)]) == pytest.approx(5)
    assert costs.crossing([cost(1, 1, 4), cost(3, 2, 4)]) is None
    assert costs.crossing([cost(1, 5, 4), cost(3, 6, 4)]) is None, "the transform is quicker from the start"
    assert costs.crossing([]) is None
    slow_start = [cost(1, 5, 4), cost(3, 3, 4), cost(5, 5, 4)]
    assert costs.crossing(slow_start) == pytest.approx(4), "a single slow measurement does not count"
    slow_end = [cost(1, 1, 4), cost(3, 2, 4), cost(7, 6, 4), cost(9, 8, 9), cost(11, 12, 4), cost(13, 14, 4)]
    assert costs.crossing(slow_end) == pytest.approx(5)
