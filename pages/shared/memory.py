"""Results that are remembered for all visitors: the last used ones, as many as fit into a bounded number of bytes."""

from __future__ import annotations

import functools
import hashlib
import pickle
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import zict

MOST_BYTES = {"worker": 20_000_000, "page": 12_000_000}  # what a worker answered is dearer than what a page computed

_results = {
    origin: zict.LRU(most, {}, weight=lambda _, kept: kept.size) for origin, most in MOST_BYTES.items()
}  # fmt: skip
_working: weakref.WeakValueDictionary[str, threading.Lock] = weakref.WeakValueDictionary()
_guard = threading.Lock()


@dataclass(frozen=True)
class _Kept:
    """A result: its arrays' bytes, which all who ask share, and the rest, of which everybody gets a copy."""

    rest: bytes
    arrays: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.rest) + sum(map(len, self.arrays))

    @classmethod
    def of(cls, result: Any) -> _Kept:
        buffers: list[pickle.PickleBuffer] = []
        rest = pickle.dumps(result, protocol=5, buffer_callback=buffers.append)
        return cls(rest, tuple(buffer.raw().tobytes() for buffer in buffers))

    def copy(self) -> Any:
        return pickle.loads(self.rest, buffers=self.arrays)


def remembered(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, which computes what it was asked before only once.

    The arrays of a result are shared by all who ask, and nobody can write to them; of the rest everybody gets a copy.
    Who asks while it is being computed waits for it; an error is not remembered.

    Args:
        function: of picklable arguments, which alone determine the picklable result.
    """

    @functools.wraps(function)
    def asked(*arguments: Any, **options: Any) -> Any:
        what = (_name(function), arguments, options)
        return recalled(lambda: function(*arguments, **options), *what, origin="page")

    return asked


def recalled(compute: Callable[[], Any], *what: Any, origin: str = "worker") -> Any:
    """What was computed before under the same words, or what is computed now.

    Args:
        compute: makes the result.
        what: picklable; tells one result from every other.
        origin: who computes it, one of ``MOST_BYTES``; the results of one do not push out those of the other.
    """
    key = digest(what)
    with _guard:
        lock = _working.setdefault(key, threading.Lock())
    results = _results[origin]
    with lock:
        kept = results.get(key)
        if kept is None:
            results[key] = kept = _Kept.of(compute())
    return kept.copy()


def kept(*what: Any) -> Any:
    """What is remembered under these words, as for ``recalled``; None if nothing is."""
    found = _results["worker"].get(digest(what))
    return None if found is None else found.copy()


def _name(function: Callable[..., Any]) -> str:
    code = getattr(function, "__code__", None)
    return f"{code.co_filename if code else function.__module__}:{function.__qualname__}"


def digest(what: Any) -> str:
    """What tells these things from others; arrays are not copied for it."""
    buffers: list[pickle.PickleBuffer] = []
    digest = hashlib.blake2b(pickle.dumps(what, protocol=5, buffer_callback=buffers.append), digest_size=16)
    for buffer in buffers:
        digest.update(buffer.raw())
    return digest.hexdigest()
