"""Tiles that can be chosen: their arithmetic runs in node."""

import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_arithmetic_of_tiles():
    command = ["node", "--test", str(Path(__file__).parent / "tiles.test.mjs")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-4000:]
