"""The explorer: what the browser gets, and that it says what the package computes."""

import json
import os
import shutil
import struct
import subprocess
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from convviz import ConvvizError, convolution, images, kernels, pooling
from convviz.convolution import geometry
from pages.shared import explorer

ROOT = Path(__file__).resolve().parents[1]
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="no node is installed, which runs the explorer's arithmetic")


def unpacked(block: bytes) -> tuple[dict, dict[str, np.ndarray]]:
    """Header and arrays of a block."""
    (length,) = struct.unpack_from("<I", block)
    header = json.loads(block[4 : 4 + length])
    arrays = {}
    for kept in header["arrays"]:
        count = int(np.prod(kept["shape"]))
        flat = np.frombuffer(block, "<f4" if kept["type"] == "f4" else "u1", count, 4 + length + kept["offset"])
        arrays[kept["name"]] = flat.reshape(kept["shape"])
    return header, arrays


def chosen(rng, shape):
    """Some of the cells of an output, its corners among them."""
    corners = set(product((0, shape[0] - 1), (0, shape[1] - 1)))
    return sorted(corners | {(int(rng.integers(shape[0])), int(rng.integers(shape[1]))) for _ in range(4)})


def picture(rng, depth):
    shape = (int(rng.integers(1, 10)), int(rng.integers(1, 10)), *depth)
    if rng.random() < 0.5:
        return rng.integers(0, 256, shape).astype(np.uint8)
    return (rng.normal(size=shape) * 3).astype(np.float32)


def traced_convolution(rng):
    """A convolution with any choices, and its cells by `convolution.trace`."""
    depth = [(), (3,), (3,), (2,)][rng.integers(4)]
    source = picture(rng, depth)
    filter_depth = depth if rng.random() < 0.6 else ()
    weights = rng.normal(size=(*rng.integers(1, 5, 2), *filter_depth)).astype(np.float32)
    settings = {
        "stride": tuple(map(int, rng.integers(1, 4, 2))),
        "dilation": tuple(map(int, rng.integers(1, 3, 2))),
        "padding": ["valid", "same", 2, tuple(tuple(map(int, pair)) for pair in rng.integers(0, 12, (2, 2)))][
            rng.integers(4)
        ],
        "padding_mode": convolution.PADDING_MODES[rng.integers(4)],
        "flip": bool(rng.random() < 0.3),
    }
    result = convolution.convolve(source, weights, **settings)
    cells = []
    for row, col in chosen(rng, result.shape):
        trace = convolution.trace(source, weights, row, col, **settings)
        top, left, bottom, right = trace.window
        products = trace.products.reshape(*weights.shape[:2], -1)
        cells.append({
            "row": row, "col": col,
            "rows": list(range(top, bottom, settings["dilation"][0])),
            "cols": list(range(left, right, settings["dilation"][1])),
            "parts": np.moveaxis(products, -1, 0).ravel().tolist(), "sums": np.ravel(trace.total).tolist(),
        })  # fmt: skip
    return explorer.pack("convolution", source, weights, result, settings=settings), cells


def traced_pooling(rng):
    """A pool with any choices, and its cells by definition."""
    source = picture(rng, [(), (3,)][rng.integers(2)])
    size, stride = (tuple(map(int, rng.integers(1, 4, 2))) for _ in range(2))
    settings = {
        "size": size, "stride": stride, "padding": ["valid", "same"][rng.integers(2)],
        "mode": pooling.MODES[rng.integers(2)],
    }  # fmt: skip
    result = pooling.pool(source, **settings)
    pads = [
        convolution.padding_amounts(side, window, step, settings["padding"])[0]
        for side, window, step in zip(source.shape, size, stride, strict=False)
    ]
    cells = []
    for row, col in chosen(rng, result.shape):
        rows, cols = (
            [at * step - before + tap for tap in range(taps)]
            for at, step, before, taps in zip((row, col), stride, pads, size, strict=True)
        )
        parts, sums = [], []
        for plane in np.moveaxis(source.reshape(*source.shape[:2], -1), -1, 0):
            window = [
                float(plane[y, x]) if 0 <= y < plane.shape[0] and 0 <= x < plane.shape[1] else None
                for y, x in product(rows, cols)
            ]
            there = [value for value in window if value is not None]
            sums.append(max(there) if settings["mode"] == "max" else sum(there) / len(there))
            parts += window
        cells.append({"row": row, "col": col, "rows": rows, "cols": cols, "parts": parts, "sums": sums})
    return explorer.pack("pooling", source, None, result, settings=settings), cells


def traced_transposed(rng):
    """A transposed convolution, and its cells by laying down the kernel pixel by pixel."""
    depth = [(), (3,)][rng.integers(2)]
    source = picture(rng, depth)
    weights = rng.normal(size=(*rng.integers(1, 5, 2), *(depth if rng.random() < 0.5 else ()))).astype(np.float32)
    down, across = map(int, rng.integers(1, 4, 2))
    padding = ["valid", "same"][rng.integers(2)]
    result = convolution.transpose(source, weights, stride=(down, across), padding=padding)
    kh, kw = weights.shape[:2]
    cut = [max(k - s, 0) // 2 if padding == "same" else 0 for k, s in ((kh, down), (kw, across))]
    planes = np.moveaxis(source.reshape(*source.shape[:2], -1), -1, 0).astype(float)
    stack = np.broadcast_to(weights.reshape(kh, kw, -1), (kh, kw, len(planes))).astype(float)
    cells = []
    for row, col in chosen(rng, result.shape):
        parts = np.full((len(planes), kh, kw), None, object)
        rows = [y for y in range(source.shape[0]) if 0 <= row + cut[0] - y * down < kh]
        cols = [x for x in range(source.shape[1]) if 0 <= col + cut[1] - x * across < kw]
        for channel, y, x in product(range(len(planes)), rows, cols):
            i, j = row + cut[0] - y * down, col + cut[1] - x * across
            parts[channel, i, j] = planes[channel, y, x] * stack[i, j, channel]
        sums = [sum(part for part in panel.ravel() if part is not None) for panel in parts]
        sums = sums if result.ndim == 3 else [sum(sums)]
        cells.append({
            "row": row, "col": col, "rows": rows, "cols": cols, "parts": parts.ravel().tolist(),
            "sums": [float(number) for number in sums],
        })  # fmt: skip
    return explorer.pack(
        "transposed", source, weights, result, settings={"stride": (down, across), "padding": padding}
    ), cells


def traced_padding(rng):
    """A padded picture, and its cells by `np.pad`."""
    source = picture(rng, ())
    pads = tuple(tuple(map(int, pair)) for pair in rng.integers(0, 12, (2, 2)))
    mode = convolution.PADDING_MODES[rng.integers(4)]
    names = {"zero": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    padded, rows, cols = (
        np.pad(values, pads, names[mode], **({"constant_values": outside} if mode == "zero" else {}))
        for values, outside in ((source, 0), (np.indices(source.shape)[0], -1), (np.indices(source.shape)[1], -1))
    )
    cells = []
    for row, col in chosen(rng, padded.shape):
        outside = rows[row, col] < 0
        cells.append({
            "row": row, "col": col, "rows": [] if outside else [int(rows[row, col])],
            "cols": [] if outside else [int(cols[row, col])], "parts": None, "sums": [float(padded[row, col])],
        })  # fmt: skip
    return explorer.pack("padding", source, settings={"padding": pads, "padding_mode": mode}), cells


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """A folder with blocks as the browser gets them, and what the package says of some of their cells."""
    folder, rng, listed = tmp_path_factory.mktemp("cases"), np.random.default_rng(7), []
    for make in (traced_convolution, traced_convolution, traced_pooling, traced_transposed, traced_padding):
        made = 0
        while made < 40:
            try:
                block, cells = make(rng)
            except ConvvizError:  # a kernel that does not fit
                continue
            file = f"{len(listed)}-{make.__name__}.bin"
            (folder / file).write_bytes(block)
            listed.append({"file": file, "cells": cells})
            made += 1
    (folder / "cases.json").write_text(json.dumps(listed))
    return folder


@needs_node
def test_the_arithmetic_in_the_browser_is_the_packages(cases):
    done = subprocess.run(
        [NODE, "--test", "tests/explorer.test.mjs"],
        capture_output=True, text=True, cwd=ROOT, timeout=120, env={**os.environ, "EXPLORER_CASES": str(cases)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "# skipped 0" in done.stdout or "ℹ skipped 0" in done.stdout


@needs_node
def test_the_scripts_are_one_module_when_joined(tmp_path):
    joined = tmp_path / "joined.mjs"
    joined.write_text(explorer.SCRIPT)
    done = subprocess.run([NODE, "--check", str(joined)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert explorer.SCRIPT.count("\nexport ") == 1
    assert "\nimport " not in explorer.SCRIPT


def test_a_small_picture_is_sent_whole_with_its_real_padding():
    source = np.arange(12, dtype=np.uint8).reshape(3, 4)
    settings = {"padding": ((1, 2), (0, 1)), "padding_mode": "circular"}
    header, arrays = unpacked(explorer.pack("convolution", source, np.ones((2, 2)), settings=settings))
    assert header["source"]["origin"] == [-1, 0]
    assert np.array_equal(arrays["source"][..., 0], np.pad(source, ((1, 2), (0, 1)), "wrap"))
    assert arrays["source"].dtype == np.uint8
    assert np.array_equal(arrays["result"][..., 0], convolution.convolve(source, np.ones((2, 2)), **settings))


@pytest.mark.parametrize(
    "place", [None, [0, 0], [10**9, -5], [700, 900], ["1", 2], [True, False], [1], "no", {}, [1.5, 2]]
)
def test_of_a_large_picture_a_crop_is_sent_that_holds_all_it_needs(place):
    source = np.random.default_rng(0).integers(0, 256, (768, 1024, 3)).astype(np.uint8)
    settings = {"stride": (2, 3), "padding": "same", "dilation": 2, "padding_mode": "reflect"}
    weights = np.ones((5, 5), np.float32)
    result = convolution.convolve(source, weights, **settings)
    block = explorer.pack("convolution", source, weights, result, settings=settings, place=place)
    header, arrays = unpacked(block)
    assert len(block) < 700_000
    (y, x), (tall, wide, _) = header["source"]["origin"], arrays["source"].shape
    assert max(tall, wide) <= explorer.SENT
    (r, c), (rows, cols, _) = header["result"]["origin"], arrays["result"].shape
    assert np.array_equal(arrays["result"], result[r : r + rows, c : c + cols])
    inner = arrays["source"][max(0, -y) :, max(0, -x) :]
    assert np.array_equal(
        inner[:200, :200],
        source[max(y, 0) : max(y, 0) + 200, max(x, 0) : max(x, 0) + 200][: len(inner), : inner.shape[1]],
    )
    for start, count, axis, first, side in zip((r, c), (rows, cols), header["axes"], (y, x), (tall, wide), strict=True):
        touched = [
            out for out in range(axis["outs"])
            if any(first <= out * axis["stride"] - axis["before"] + 2 * tap < first + side for tap in range(5))
        ]  # fmt: skip
        assert (start, start + count) == (touched[0], touched[-1] + 1)


def test_the_cell_asked_for_is_in_the_crop():
    source = np.zeros((900, 900), np.uint8)
    header, arrays = unpacked(explorer.pack("convolution", source, np.ones((3, 3)), at=(890, 3)))
    (r, c), (rows, cols, _) = header["result"]["origin"], arrays["result"].shape
    assert r <= 890 < r + rows
    assert c <= 3 < c + cols


def test_what_is_sent_for_a_picture_is_mostly_its_numbers():
    grey = images.grey(images.sample("cat"))
    block = explorer.pack("convolution", grey, kernels.KERNELS["sobel_x"].weights)
    _, arrays = unpacked(block)
    numbers = arrays["source"].nbytes + arrays["result"].nbytes
    assert numbers == 256 * 256 + 258 * 258 * 4, "and of outputs those that the crop feeds"
    assert len(block) - numbers < 24_000


def test_nan_and_infinity_cross_over():
    source = np.array([[np.nan, 1], [np.inf, -np.inf]], np.float32)
    header, arrays = unpacked(explorer.pack("convolution", source, np.ones((1, 1))))
    assert np.array_equal(arrays["source"][..., 0], source, equal_nan=True)
    assert all(np.isfinite(header["source"]["limits"]))


def test_a_flipped_kernel_is_sent_as_it_lies_on_the_picture_and_says_so():
    weights = np.arange(6, dtype=np.float32).reshape(2, 3)
    header, arrays = unpacked(explorer.pack("convolution", np.ones((4, 4)), weights, settings={"flip": True}))
    assert np.array_equal(arrays["weights"][..., 0], weights[::-1, ::-1])
    assert header["labels"]["weights"] == "Kernel, turned round"


def test_pooling_and_padding_keep_the_colours_of_the_source():
    grey = np.full((4, 4), 7, np.uint8)
    for kind, settings in (("pooling", {"size": 2}), ("padding", {"padding": 1})):
        header, _ = unpacked(explorer.pack(kind, grey, settings=settings))
        assert header["result"]["limits"] == header["source"]["limits"] == [0, 255]


def test_a_bias_is_in_the_result_that_is_computed_here():
    _, arrays = unpacked(explorer.pack("convolution", np.ones((2, 2)), np.ones((2, 2)), bias=0.5))
    assert arrays["result"].ravel().tolist() == [4.5]


def test_a_result_of_other_settings_is_refused():
    with pytest.raises(ValueError, match="shape"):
        explorer.pack("convolution", np.ones((5, 5)), np.ones((3, 3)), np.ones((5, 5)))
    with pytest.raises(ValueError, match="kind"):
        explorer.pack("correlation", np.ones((5, 5)), np.ones((3, 3)))


def test_a_kernel_that_does_not_fit_is_explained():
    with pytest.raises(ConvvizError, match="does not fit"):
        explorer.pack("convolution", np.ones((2, 2)), np.ones((3, 3)))


def test_the_padded_picture_is_the_packages():
    source = np.arange(6.0).reshape(2, 3)
    _, arrays = unpacked(explorer.pack("padding", source, settings={"padding": 3, "padding_mode": "reflect"}))
    assert np.array_equal(arrays["result"][..., 0], geometry.pad(source, ((3, 3), (3, 3)), "reflect"))
