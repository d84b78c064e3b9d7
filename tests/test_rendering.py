"""Pictures of arrays against their definitions: loops, OpenCV, Pillow."""

import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from convviz import rendering


def lecture_grid(maps, columns):
    """Chollet's loop (listing 5.27), with the gaps and the blank channels that ours has."""
    height, width, channels = maps.shape
    columns = min(columns, channels)
    rows = -(-channels // columns)
    grid = np.zeros((rows * (height + 1) - 1, columns * (width + 1) - 1))
    for channel in range(channels):
        tile = maps[..., channel].astype(np.float64)
        if tile.std() > 0:
            tile = (tile - tile.mean()) / tile.std() * 64 + 128
            tile = np.clip(tile, 0, 255)
        elif tile.any():
            tile = np.full_like(tile, 128)
        top, left = channel // columns * (height + 1), channel % columns * (width + 1)
        grid[top : top + height, left : left + width] = tile
    return grid


@pytest.fixture
def maps():
    rng = np.random.default_rng(0)
    maps = rng.normal(3, 5, (5, 7, 11)).astype(np.float32)
    maps[..., 2] = 0
    maps[..., 4] = -1.5
    return maps


@pytest.mark.parametrize("columns", [1, 4, 16])
def test_the_lecture_mosaic_is_the_books_loop(maps, columns):
    difference = rendering.mosaic(maps, columns=columns, scale="lecture") - lecture_grid(maps, columns)
    assert np.abs(difference).max() <= 0.51


def test_channel_scale_runs_over_each_channel_and_layer_scale_over_all(maps):
    for scale in ("channel", "layer"):
        mosaic = rendering.mosaic(maps, columns=4, scale=scale)
        for channel in (0, 1, 3, 10):
            top, left, bottom, right = rendering.tile_of(channel, shape=maps.shape, columns=4)
            tile = maps[..., channel]
            low, high = (tile.min(), tile.max()) if scale == "channel" else (maps.min(), maps.max())
            np.testing.assert_allclose(mosaic[top:bottom, left:right], (tile - low) / (high - low) * 255, atol=0.51)


def test_a_constant_channel_is_black_at_zero_and_grey_elsewhere(maps):
    for scale in ("channel", "lecture"):
        mosaic = rendering.mosaic(maps, scale=scale)
        for channel, level in ((2, 0), (4, 128)):
            top, left, bottom, right = rendering.tile_of(channel, shape=maps.shape)
            assert (mosaic[top:bottom, left:right] == level).all()


def test_nan_and_infinity_spoil_only_their_own_cells():
    maps = np.arange(12, dtype=np.float32).reshape(3, 4, 1)
    maps[0, 0, 0], maps[0, 1, 0], maps[0, 2, 0] = np.nan, np.inf, -np.inf
    mosaic = rendering.mosaic(maps)
    assert mosaic[0, 0] == 0
    assert mosaic[0, 1] == 255
    assert mosaic[0, 2] == 0
    assert mosaic[2, 3] == 255
    assert mosaic[0, 3] == 0
    assert rendering.mosaic(np.full((2, 2, 1), np.nan)).tolist() == [[0, 0], [0, 0]]


def test_an_unknown_scale_or_colour_map_is_refused(maps):
    with pytest.raises(ValueError, match="scale must be one of"):
        rendering.mosaic(maps, scale="loud")
    with pytest.raises(ValueError, match="colormap must be one of"):
        rendering.heat(maps[..., 0], "loud")


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 40), st.integers(1, 20), st.data())
def test_every_point_of_a_mosaic_finds_its_channel(height, width, channels, columns, data):
    shape = (height, width, channels)
    channel = data.draw(st.integers(0, channels - 1))
    y, x = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    top, left, bottom, right = rendering.tile_of(channel, shape=shape, columns=columns)
    assert rendering.channel_at(top + y, left + x, shape=shape, columns=columns) == (channel, y, x)
    assert rendering.channel_at(bottom, left, shape=shape, columns=columns) is None
    assert rendering.channel_at(top, right, shape=shape, columns=columns) is None
    maps = np.zeros(shape, np.float32)
    maps[y, x, channel] = 1
    mosaic = rendering.mosaic(maps, columns=columns, scale="layer")
    assert np.argwhere(mosaic == mosaic.max()).tolist() == [[top + y, left + x]]


def test_points_outside_a_mosaic_belong_to_no_channel():
    assert rendering.channel_at(-1, 0, shape=(4, 4, 2)) is None
    assert rendering.channel_at(0, -1, shape=(4, 4, 2)) is None
    assert rendering.channel_at(0, 10, shape=(4, 4, 2)) is None
    assert rendering.channel_at(5, 5, shape=(4, 4, 3), columns=2) is None


def test_signed_is_blue_below_zero_red_above_and_near_white_at_zero():
    blue, white, red = rendering.signed(np.array([[-2.0, 0.0, 2.0]]))[0].astype(int)
    assert blue[2] > blue[0] + 50
    assert red[0] > red[2] + 50
    assert white.min() == white.max() == 247


def test_signed_limits_are_symmetric_and_mirror_each_other():
    np.testing.assert_array_equal(rendering.signed(np.array([[1.0, -4.0]]))[0, 0], rendering.SIGNED[128 + 32])
    wide = rendering.signed(np.array([[1.0, -1.0, 9.0]]), limit=2.0)[0]
    np.testing.assert_array_equal(wide, rendering.SIGNED[[192, 64, 255]])
    assert (rendering.signed(np.array([[np.nan, 0.0]])) == 247).all()
    np.testing.assert_array_equal(rendering.signed(np.array([[np.inf, -1.0]]))[0, 0], rendering.SIGNED[255])


def test_perceptual_colour_maps_grow_lighter_steadily():
    for name in ("viridis", "magma", "inferno", "cividis", "grey"):
        lightness = cv2.cvtColor(rendering.TABLES[name][None].astype(np.float32) / 255, cv2.COLOR_RGB2Lab)[0, :, 0]
        assert (np.diff(lightness) > -0.5).all(), name
    diverging = cv2.cvtColor(rendering.SIGNED[None].astype(np.float32) / 255, cv2.COLOR_RGB2Lab)[0, :, 0]
    assert diverging.argmax() == 128
    assert (np.diff(diverging[:129]) > -0.5).all()
    assert (np.diff(diverging[128:]) < 0.5).all()


def test_every_table_is_256_colours_and_every_colour_map_paints():
    for name in rendering.COLORMAPS:
        assert rendering.TABLES[name].shape == (256, 3)
        assert rendering.TABLES[name].dtype == np.uint8
        assert rendering.heat(np.eye(3), name).shape == (3, 3, 3)


def test_heat_agrees_with_opencv():
    heatmap = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    levels = np.rint(heatmap * 255).astype(np.uint8)
    expected = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB)
    np.testing.assert_array_equal(rendering.heat(heatmap), expected)


def test_magnitude_starts_at_zero_and_clips_at_the_limit():
    picture = rendering.magnitude(np.array([[0.0, 1.0, 5.0]]), limit=2.0)[0]
    np.testing.assert_array_equal(picture, rendering.MAGNITUDE[[0, 128, 255]])


def test_direction_is_a_wheel_of_hues_dimmed_by_strength():
    angle = np.array([[0.0, 2 * np.pi / 3, -2 * np.pi / 3, 2 * np.pi]])
    wheel = rendering.direction(angle)[0].astype(int)
    np.testing.assert_allclose(wheel, [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 0, 0]], atol=8)
    assert rendering.direction(angle, np.array([[0, 0, 0, 1.0]]))[0, :3].max() == 0


def test_overlay_mixes_the_grey_picture_with_the_colours():
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (6, 8, 3), np.uint8)
    heatmap = rng.random((6, 8)).astype(np.float32)
    grey = np.asarray(Image.fromarray(picture).convert("L"), np.float32)[..., None]
    expected = 0.6 * grey + 0.4 * rendering.heat(heatmap)
    np.testing.assert_allclose(rendering.overlay(picture, heatmap), expected, atol=1.1)
    np.testing.assert_allclose(rendering.overlay(picture, heatmap, alpha=0)[..., 0], grey[..., 0], atol=1)
    np.testing.assert_array_equal(rendering.overlay(picture, heatmap, alpha=1), rendering.heat(heatmap))


def test_overlay_takes_grey_pictures_and_small_heat_maps():
    flat = np.full((6, 8), 200, np.uint8)
    expected = rendering.overlay(flat, np.ones((6, 8)))
    np.testing.assert_array_equal(rendering.overlay(flat[..., None], np.ones((2, 2))), expected)


def test_signed_heat_maps_lie_over_the_picture_too():
    picture = np.zeros((2, 2, 3), np.uint8)
    blended = rendering.overlay(picture, np.array([[-1, 0], [0, 1.0]]), alpha=1, colormap="signed")
    np.testing.assert_array_equal(blended[0, 0], rendering.SIGNED[0])
    np.testing.assert_array_equal(blended[1, 1], rendering.SIGNED[255])


def test_enlarging_repeats_pixels():
    picture = np.array([[1, 2]], np.uint8)
    assert rendering.enlarge(picture, 2).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2]]
    assert rendering.enlarge(np.zeros((28, 28, 3), np.uint8), at_least=300).shape == (308, 308, 3)
    assert rendering.enlarge(np.zeros((500, 400), np.uint8), at_least=300).shape == (500, 400)


def test_a_colour_bar_runs_from_low_to_high():
    bar = rendering.colour_bar("viridis", length=256, thickness=3)
    np.testing.assert_array_equal(bar[1], rendering.MAGNITUDE)
    upright = rendering.colour_bar("viridis", length=256, thickness=3, upright=True)
    np.testing.assert_array_equal(upright[::-1, 1], rendering.MAGNITUDE)


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (5, 7, 4), (5, 7, 1)])
def test_png_keeps_every_pixel_as_another_library_reads_it(shape):
    array = np.random.default_rng(2).integers(0, 256, shape, np.uint8)
    for level in (0, 1, 9):
        with Image.open(io.BytesIO(rendering.png(array, level=level))) as picture:
            np.testing.assert_array_equal(np.asarray(picture).reshape(shape), array)


def test_png_refuses_floats():
    with pytest.raises(TypeError, match="float64"):
        rendering.png(np.zeros((2, 2)))
