"""The map that is pointed at: its arithmetic runs in node, and what it is sent can be read back."""

import json
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from pages.shared import spot, ui

HERE = Path(__file__).parent


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_arithmetic_in_the_browser():
    done = subprocess.run(["node", "--test", str(HERE / "spot.test.mjs")], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-4000:]


def test_a_message_holds_its_head_the_values_and_the_picture():
    values = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)[:, ::2]
    message = spot.packed(values, (3, 1), "</script>ä")
    (size,) = struct.unpack("<I", message[:4])
    assert size % 4 == 0
    assert json.loads(message[4 : 4 + size]) == {"height": 5, "width": 4, "row": 3, "col": 1, "alt": "</script>ä"}
    np.testing.assert_array_equal(np.frombuffer(message, "<f4", 20, 4 + size).reshape(5, 4), values)
    assert message[4 + size + 80 :] == ui.map_picture(values).tobytes()
