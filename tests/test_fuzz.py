"""The doors under changed files and typed text, for a bounded time: each is taken, or refused in a sentence.

Longer, once in a while: ``CONVVIZ_FUZZ_SECONDS=1800 python -m pytest tests/test_fuzz.py``.
"""

import itertools
import os
import subprocess
import sys
import time
import zlib
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some

from convviz import ConvvizError, kinds, matrices, stacks, uploads
from convviz.uploads import models
from tests.hostile import archive_files, model_files, picture_files

SECONDS = float(os.environ.get("CONVVIZ_FUZZ_SECONDS", "12")) / 4  # for each of the four doors
FIRST = int(os.environ.get("CONVVIZ_FUZZ_FIRST", "0"))  # another number, other files
LONGEST = 3.0  # CPU seconds that one file may take, however it was changed
pytestmark = pytest.mark.timeout(SECONDS + 120)
NUMBERS = (0, 1, 127, 255, 65_535, 10**6, 2**31 - 1, 2**31, 2**32 - 1)
CHANGES = some.lists(
    some.tuples(some.integers(0, 9), some.integers(0, 10**6), some.integers(0, 255), some.integers(0, 10**6)),
    min_size=1, max_size=6,
)  # fmt: skip


def seeds(files) -> list[bytes]:
    """The collection's files of a small size, odd and hostile."""
    made = [file.make() for file in (*files.ODD.values(), *files.HOSTILE.values())]
    return [data for data in made if 0 < len(data) < 30_000]


def changed(data: bytes, others: list[bytes], changes: list[tuple[int, int, int, int]]) -> bytes:
    """A file with bits, bytes and numbers changed, cut, repeated, or with a piece of another in it."""
    found = bytearray(data)
    for kind, where, value, more in changes:
        place = where % max(1, len(found))
        if kind <= 3:
            found[place : place + 1] = bytes([value])
        elif kind == 4:
            width = 2 << value % 3
            number = (NUMBERS[more % len(NUMBERS)] % 256**width).to_bytes(width, ("little", "big")[where % 2])
            found[place : place + width] = number
        elif kind == 5:
            del found[place : place + 1 + more % 64]
        elif kind == 6:
            found[place:place] = found[place : place + 1 + more % 256] * (1 + value % 40)
        elif kind == 7:
            other = others[value % len(others)]
            start = more % len(other)
            found[place : place + more % 64] = other[start : start + more % 512]
        elif kind == 8:
            del found[place:]
        else:
            found[place : place + 1] = bytes([found[place] ^ (1 << value % 8)]) if found else b""
    return bytes(found)


def mended(data: bytes) -> bytes:
    """A PNG whose checksums are right again, so that what was changed is looked at."""
    if not data.startswith(b"\x89PNG"):
        return data
    found, place = bytearray(data[:8]), 8
    while place + 12 <= len(data):
        length = min(int.from_bytes(data[place : place + 4], "big"), len(data) - place - 12)
        body = data[place + 4 : place + 8 + length]
        found += length.to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
        place += 12 + length
    return bytes(found + data[place:])


def judged(opened, given_) -> None:
    """What a door makes of something, within bounds."""
    began = time.process_time()
    try:
        opened(given_)
    except ConvvizError as refusal:
        sentence = str(refusal)
        assert "; " in sentence
        assert len(sentence) < 500
    assert time.process_time() - began < LONGEST


def for_a_while(**strategies):
    """Run a test on ever new examples until its time is over; the same ones every time."""

    def decorate(test):
        def runs():
            end = time.monotonic() + SECONDS
            for turn in itertools.count(FIRST):
                if time.monotonic() > end:
                    break
                once = settings(
                    max_examples=60, deadline=None, database=None, phases=(Phase.generate, Phase.shrink),
                    suppress_health_check=list(HealthCheck),
                )(given(**strategies)(test))  # fmt: skip
                hypothesis.seed(turn)(once)()
            print(f"{turn - FIRST} times 60 examples")

        runs.__name__ = test.__name__
        return runs

    return decorate


PICTURES, ARCHIVES, MODELS = ([], [], [])  # filled when a test runs


def filled(files: list[bytes], source) -> list[bytes]:
    files[:] = files or seeds(source)
    return files


@for_a_while(number=some.integers(0, 10**6), changes=CHANGES)
def test_changed_pictures(number, changes):
    files = filled(PICTURES, picture_files)
    judged(uploads.open_picture, mended(changed(files[number % len(files)], files, changes)))


@for_a_while(number=some.integers(0, 10**6), changes=CHANGES)
def test_changed_archives(number, changes):
    files = filled(ARCHIVES, archive_files)
    data = changed(files[number % len(files)], files, changes)
    judged(lambda one: uploads.open_dataset(one, size=(8, 8)), data)


LETTERS = some.text(some.sampled_from("0123456789.-+/;,[]{}()\"': \t\nexE−naifconvmaxspd½٣²🐈\x00"), max_size=80)
PIECES = some.lists(some.sampled_from((
    "1", "-1", "1/9", "1e5", "1e999", "nan", "inf", ";", "\n", ",", "[", "]", "conv 3", "max 2/2", "same", "d2", "p1",
    "conv 7/2 p3", "9" * 5000, '{"0": "a"}', '["a", "b"]', "cat", "=1+1", "\u202e", "½", "٣", "1_000", "0x10", " ",
)), max_size=40)  # fmt: skip


@for_a_while(
    letters=LETTERS, pieces=PIECES, apart=some.sampled_from(("", " ", ";", "\n")), times=some.integers(1, 3000)
)
def test_typed_text(letters, pieces, apart, times):
    for text in (letters, apart.join(pieces), (apart.join(pieces[:3]) + apart) * times):
        for opened in (matrices.parse, stacks.parse, kinds.parse_mix, uploads.open_names):
            judged(opened, text)


def fuzz_models() -> None:
    """Model files up to the point where Keras would get them: what leaves the door is clean, or a sentence."""

    @for_a_while(number=some.integers(0, 10**6), changes=CHANGES)
    def run(number, changes):
        files = filled(MODELS, model_files)
        judged(uploads.open_model, changed(files[number % len(files)], files, changes))

    models._build = lambda name, clean: None
    run()
    assert not {"keras", "tensorflow"} & set(sys.modules)


def test_changed_models():
    """In a process of its own: HDF5 is a library in C, and what it does to a process must be seen."""
    program = "from tests.test_fuzz import fuzz_models; fuzz_models()"
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", program], capture_output=True, text=True, cwd=root
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
