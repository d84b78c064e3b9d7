"""The moving picture of a scan: the window where the arithmetic has it, the output exactly as far as it has come."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from convviz import convolution, images, kernels, rendering, scanning


def test_a_small_scan_has_a_frame_for_each_place_and_then_the_whole():
    before, after = np.zeros((5, 6), np.uint8), np.full((3, 4), 9, np.uint8)
    made = scanning.frames(before, after, window=(3, 3))
    assert len(made) == 13
    assert len({frame.shape for frame in made}) == 1


def test_the_output_is_filled_up_to_its_place_and_no_further():
    before = np.zeros((4, 4), np.uint8)
    after = np.array([[10, 20], [30, 40]], np.uint8)
    made = scanning.frames(before, after, window=(3, 3), side=80)
    right = made[0].shape[1] - scanning.GAP - 80  # where the output's panel begins
    centres = [(scanning.GAP + 20 + 40 * row, right + 20 + 40 * column) for row in (0, 1) for column in (0, 1)]
    for number, frame in enumerate(made[:4], 1):
        seen = [frame[place][0] for place in centres]
        assert seen == [10, 20, 30, 40][:number] + [214] * (4 - number)


def test_the_window_stands_over_the_pixels_it_sums_and_padding_is_paler():
    before = np.zeros((4, 4), np.uint8)
    after = np.zeros((2, 2), np.uint8)
    made = scanning.frames(before, after, window=(3, 3), stride=(2, 2), padding="same", side=50)
    mark = (made[1] == (213, 94, 0)).all(axis=-1)[:, : scanning.GAP + 50]
    rows, columns = (np.flatnonzero(mark.any(axis=axis)) - scanning.GAP for axis in (1, 0))
    # five pixels of ten each: "same" pads 0 before and 1 after, and the second place begins two pixels further right
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (0, 30, 19, 49)
    last = made[-1][scanning.GAP :, scanning.GAP :]
    assert last[5, 5, 0] == 0
    assert last[45, 45, 0] == 119


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 80))
def test_blocks_are_in_reading_order_end_at_the_last_place_and_keep_to_the_bound(height, width, most):
    blocks = scanning._blocks((height, width), most)
    assert 1 <= len(blocks) <= max(most, 1)
    assert blocks[-1][1] == (height - 1, width - 1)
    ends = [place for _, place in blocks]
    assert ends == sorted(ends)
    assert len(set(ends)) == len(ends)


def test_the_gif_of_a_photograph_is_small_and_moves():
    picture = images.grey(images.sample("cat"))
    after = rendering.signed(convolution.convolve(picture, kernels.KERNELS["sobel_x"].weights))
    data = scanning.gif(picture, after, window=(3, 3), seconds=6)
    assert len(data) < 2_000_000
    with Image.open(io.BytesIO(data)) as file:
        assert 40 <= file.n_frames <= scanning.MOST + 1
        assert file.info["loop"] == 0
        total = 0
        for index in range(file.n_frames):
            file.seek(index)
            total += file.info["duration"]
    assert 5000 <= total <= 7000


def test_a_gif_keeps_few_colours_exactly_and_bounds_its_frames():
    frames = [np.full((6, 8, 3), (index % 5 * 50, 10, 200), np.uint8) for index in range(450)]
    with Image.open(io.BytesIO(rendering.gif(frames, seconds=9))) as file:
        assert file.n_frames <= rendering.MOST_FRAMES
        assert np.asarray(file.convert("RGB"))[0, 0].tolist() == [0, 10, 200]
        file.seek(file.n_frames - 1)
        assert np.asarray(file.convert("RGB"))[0, 0].tolist() == [449 % 5 * 50, 10, 200]


@pytest.mark.parametrize("frames", [[], [np.zeros((2, 2), np.uint8), np.zeros((3, 2), np.uint8)]])
def test_frames_that_make_no_moving_picture_are_refused(frames):
    with pytest.raises(ValueError, match="one shape"):
        rendering.gif(frames, seconds=1)
