"""The window of numbers: its arithmetic runs in node, and what it is sent can be read back."""

import json
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from pages.shared import magnifier

HERE = Path(__file__).parent


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_magnifiers_arithmetic():
    command = ["node", "--test", str(HERE / "magnifier.test.mjs")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-4000:]


def test_a_message_holds_its_head_and_every_byte_of_the_picture():
    picture = np.random.default_rng(0).integers(0, 256, (5, 8, 3)).astype(np.uint8)[:, ::2]
    message = magnifier._packed({"alt": "</script>ä"}, picture)
    (size,) = struct.unpack("<I", message[:4])
    assert json.loads(message[4 : 4 + size]) == {"alt": "</script>ä"}
    assert message[4 + size :] == picture.tobytes()
