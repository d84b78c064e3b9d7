"""Blocks of data for the components in the browser are numbered, so that an old one cannot come last."""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from pages.shared import components

HERE = Path(__file__).resolve().parent


def test_new_data_has_a_larger_number_and_the_same_data_the_same():
    first = components.numbered("one", b"a")
    assert components.numbered("one", b"a") == first
    assert first[8:] == b"a"
    second, third = components.numbered("one", b"b"), components.numbered("one", b"a")
    numbers = [struct.unpack_from("<d", block)[0] for block in (first, second, third)]
    assert numbers[0] < numbers[1] < numbers[2]


def test_a_number_grows_though_the_clock_goes_back(monkeypatch):
    before = components.numbered("two", {"a": 1})["number"]
    monkeypatch.setattr(components.time, "time_ns", lambda: 0)
    after = components.numbered("two", {"a": 2})
    assert after == {"number": before + 1, "data": {"a": 2}}


def test_a_server_that_comes_after_another_counts_on(monkeypatch):
    before = components.numbered("three", b"a")
    monkeypatch.setattr(components.st, "session_state", {})
    after = components.numbered("three", b"b")
    assert struct.unpack_from("<d", after) > struct.unpack_from("<d", before)


def test_few_components_are_remembered():
    for place in range(200):
        components.numbered(f"many {place}", b"a")
    assert len(components.st.session_state[components._SENT]) == components._MOST
    assert "many 199" in components.st.session_state[components._SENT]


def test_a_script_without_its_one_function_is_refused():
    with pytest.raises(ValueError, match="no function as its one default export"):
        components.declared("spot", "export function other() {}")


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_an_old_block_is_not_shown_after_a_newer_one():
    done = subprocess.run(
        ["node", "--test", str(HERE / "components.test.mjs")], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
