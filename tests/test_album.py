"""What a job keeps by step: read back as it was, within its bounds, gone when it is closed."""

import errno
import io
import os
import tempfile

import pytest

from convviz.jobs import album as album_module
from convviz.jobs.album import Album


def test_what_was_kept_is_read_back_and_the_same_step_is_replaced():
    album = Album()
    for step in (3, 1, 2):
        album.add(step, bytes([step]) * (10 + step))
    album.add(2, b"new")
    assert album.steps == [1, 2, 3]
    assert album.read(1) == b"\1" * 11
    assert album.read(2) == b"new"
    with pytest.raises(KeyError):
        album.read(4)


@pytest.mark.parametrize(("most_bytes", "most_steps"), [(50_000, 10**6), (10**9, 50)])
def test_a_long_run_stays_within_its_bounds_and_keeps_the_first_and_the_last(most_bytes, most_steps):
    album = Album(most_bytes, most_steps)
    for step in range(1000):
        album.add(step, step.to_bytes(4, "big") * 250)
        kept = album.steps
        assert len(kept) <= 50
        assert (kept[0], kept[-1]) == (0, step)
    assert len(kept) > 20
    for step in kept:
        assert album.read(step) == step.to_bytes(4, "big") * 250
    assert album._end <= 51_000, "what was dropped is written over"


def test_what_is_larger_than_the_bound_leaves_the_first_and_the_last():
    album = Album(most_bytes=10)
    for step in range(4):
        album.add(step, bytes(8))
    assert album.steps == [0, 3]


def test_a_closed_album_is_empty_and_takes_nothing():
    album = Album()
    album.add(0, b"x")
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    album.close()
    if before is not None:
        assert len(os.listdir("/proc/self/fd")) == before - 1
    album.add(1, b"y")
    assert album.steps == []


class Disk(io.BytesIO):
    """A file on a disk with room for so many bytes."""

    room = 10

    def write(self, data):
        fits = bytes(data[: max(0, self.room - self.tell())])
        if len(data) and not fits:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(fits)


def test_what_a_full_disk_does_not_take_is_left_out_and_the_rest_stays(monkeypatch):
    disk = Disk()
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **options: disk)
    album = Album()
    assert album.add(0, b"first ")
    assert not album.add(1, b"second")
    assert (album.steps, album.read(0)) == ([0], b"first ")
    disk.room = 99
    assert album.add(2, b"third ")
    assert album.read(2) == b"third "
    album.close()


def test_where_no_file_can_be_made_nothing_is_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not here"))
    album = Album()
    assert not album.add(0, b"first")
    assert album.steps == []
    album.close()


def test_the_jobs_of_all_visitors_together_keep_no_more_than_a_bound(monkeypatch):
    held = sum(one._end for one in album_module._albums)
    monkeypatch.setattr(album_module, "MOST_IN_ALL", held + 20)
    first, second = Album(), Album()
    assert [first.add(step, bytes(8)) for step in range(3)] == [True, True, False]
    assert not second.add(0, bytes(8))
    first.close()
    assert second.add(0, bytes(8))
    second.close()
