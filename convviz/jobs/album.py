"""What a job leaves behind on its way: some bytes for each of many steps, in one file that has no name.

The file is the system's temporary one; it takes no memory of the app and is gone with it. When it is full, every second
step is dropped, but never the first and the last.
"""

from __future__ import annotations

import tempfile
import threading
import weakref
from typing import IO

MOST_BYTES = 120_000_000  # of one job
MOST_STEPS = 60
MOST_IN_ALL = 4_000_000_000  # bytes of disk, of the jobs of all visitors

_albums: weakref.WeakSet[Album] = weakref.WeakSet()
_all = threading.Lock()


class Album:
    """Bytes by step.

    Args:
        most_bytes: kept in all; two steps are kept in any case.
        most_steps: kept at most.
    """

    def __init__(self, most_bytes: int = MOST_BYTES, most_steps: int = MOST_STEPS) -> None:
        self._most_bytes, self._most_steps = most_bytes, most_steps
        self._file: IO[bytes] | None = None
        self._places: dict[int, tuple[int, int]] = {}  # step -> (offset, length)
        self._free: list[tuple[int, int]] = []
        self._end = 0
        self._closed = False
        self._lock = threading.Lock()
        with _all:
            _albums.add(self)

    @property
    def steps(self) -> list[int]:
        """The steps that are kept, in order."""
        with self._lock:
            return sorted(self._places)

    def add(self, step: int, data: bytes) -> bool:
        """Keep these bytes; those of the same step, if there are any, are replaced.

        Returns:
            False where the disk has no room for them, or those of all jobs have taken theirs: the others stay.
        """
        with self._lock:
            if self._closed:
                return True
            self._drop(step)
            while self._places and self._is_full(len(data)):
                kept = sorted(self._places)
                for one in kept[1::2] if len(kept) > 2 else kept[1:]:
                    self._drop(one)
                if len(kept) <= 2:
                    break
            if (offset := self._place(len(data))) is None:
                return False
            try:
                self._write(offset, data)
            except OSError:
                self._free.append((offset, len(data)))
                return False
            self._places[step] = (offset, len(data))
            return True

    def _write(self, offset: int, data: bytes) -> None:
        """Without a buffer: what a full disk does not take must not be tried again at each later step."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 -- it lives as long as the album
            weakref.finalize(self, self._file.close)
        self._file.seek(offset)
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]

    def read(self, step: int) -> bytes:
        """The bytes of a step; KeyError if it is not kept."""
        with self._lock:
            offset, length = self._places[step]
            assert self._file is not None
            self._file.seek(offset)
            return self._file.read(length)

    def close(self) -> None:
        """Keep nothing any more, nor what still comes."""
        with self._lock:
            if self._file is not None:
                self._file.close()
            self._file, self._places, self._free, self._end, self._closed = None, {}, [], 0, True

    def _is_full(self, more: int) -> bool:
        held = sum(length for _, length in self._places.values())
        return held + more > self._most_bytes or len(self._places) >= self._most_steps

    def _drop(self, step: int) -> None:
        if step in self._places:
            self._free.append(self._places.pop(step))

    def _place(self, length: int) -> int | None:
        """Where there is room: what was dropped is written over; the bytes of a run are nearly all of one length."""
        for index, (offset, room) in enumerate(self._free):
            if room >= length:
                del self._free[index]
                return offset
        with _all:
            if sum(one._end for one in _albums) + length > MOST_IN_ALL:
                return None
            offset, self._end = self._end, self._end + length
        return offset
