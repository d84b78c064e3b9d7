"""Histograms and channel figures against NumPy and OpenCV."""

import cv2
import numpy as np
import pytest

from convviz import ConvvizError, histograms, images


@pytest.mark.parametrize("name", ["cat", "horse", "digit_3"])
def test_histograms_are_opencvs(name):
    picture = images.sample(name)
    counts = histograms.histogram(picture)
    for channel in range(3):
        theirs = cv2.calcHist([picture], [channel], None, [256], [0, 256]).ravel()
        assert counts[channel].tolist() == theirs.tolist()
    assert counts.sum(axis=1).tolist() == [picture[..., 0].size] * 3


def test_the_figures_are_numpys():
    picture = np.random.default_rng(0).integers(3, 250, (31, 17, 3)).astype(np.uint8)
    for channel, one in enumerate(histograms.summary(picture)):
        plane = picture[..., channel]
        assert (one.minimum, one.maximum, one.levels) == (plane.min(), plane.max(), len(np.unique(plane)))
        assert one.mean == pytest.approx(plane.mean(), rel=1e-12)
        assert one.deviation == pytest.approx(plane.std(), rel=1e-12)
    assert [one.name for one in histograms.summary(picture)] == ["red", "green", "blue"]
    assert [one.name for one in histograms.summary(picture[..., 0])] == ["grey"]


def test_one_pixel_is_its_own_mean_and_does_not_deviate():
    (grey,) = histograms.summary(np.array([[7]], np.uint8))
    assert (grey.minimum, grey.maximum, grey.mean, grey.deviation, grey.levels) == (7, 7, 7, 0, 1)


def test_what_is_no_picture_of_bytes_is_refused():
    for wrong in (np.zeros((3, 3)), np.zeros(4, np.uint8), np.zeros((0, 3, 3), np.uint8)):
        with pytest.raises(ConvvizError, match="will not do; give"):
            histograms.histogram(wrong)
    with pytest.raises(ConvvizError, match="2 channels; give"):
        histograms.summary(np.zeros((3, 3, 2), np.uint8))
