"""The drawing sheet: what the browser sends is looked at before it is believed, and its arithmetic runs in node."""

import base64
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from convviz import ConvvizError, rendering, uploads
from pages.shared import drawing

HERE = Path(__file__).resolve().parent


def test_a_drawing_comes_through_the_door_like_any_file():
    drawn = np.random.default_rng(0).integers(0, 256, (28, 28, 3), np.uint8)
    sent = "data:image/png;base64," + base64.b64encode(rendering.png(drawn)).decode()
    assert np.array_equal(uploads.open_picture(drawing.decoded(sent)), drawn)


@pytest.mark.parametrize(
    "sent",
    [
        7,
        {"a": 1},
        "",
        "data:image/svg+xml;base64,AAAA",
        "data:image/png;base64,A",
        "data:image/png;base64,@@@@",
        "data:image/png;base64," + "A" * 3_000_000,
    ],
)
def test_anything_else_is_refused_in_one_sentence(sent):
    with pytest.raises(ConvvizError, match="again"):
        drawing.decoded(sent)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_sheets_arithmetic():
    done = subprocess.run(["node", "--test", str(HERE / "draw.test.mjs")], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-4000:]
