"""Whose is what: visitors' networks and data sets, kept outside the workers while the visitor is here."""

from __future__ import annotations

import threading
from collections.abc import Callable

from convviz import ConvvizError, datasets, zoo

References = (zoo.Reference, datasets.Reference)
Reference = zoo.Reference | datasets.Reference

MOST_BYTES = 200_000_000  # kept for one owner
MOST_IN_ALL = 600_000_000  # kept for all
_PICTURES_GONE = "data set is not here any more; collect"
_REMEMBERED = 1000  # owners of whom it is known that they have left


class Belongings:
    """Bytes of networks and data sets by owner, and the owners who are about to leave.

    Args:
        forget: called with an owner who has left for good.
    """

    def __init__(self, forget: Callable[[str], None]) -> None:
        self._forget = forget
        self._kept: dict[str | None, dict[Reference, bytes]] = {}
        self._leaving: dict[str, threading.Timer] = {}
        self._gone: dict[str, None] = {}  # the last owners that left for good, in order
        self._lock = threading.RLock()

    def keep(self, reference: Reference, data: bytes, owner: str | None) -> None:
        """Keep bytes; ConvvizError if the owner has left or there would be too much."""
        with self._lock:
            self.check_here(owner)
            own, reference = self._kept.get(owner, {}), reference.file
            total = sum(len(kept) for other, kept in own.items() if other != reference) + len(data)
            if total > MOST_BYTES:
                raise ConvvizError(
                    f"your networks and pictures would take {total / 1e6:.0f} MB and at most "
                    f"{MOST_BYTES / 1e6:.0f} MB are kept; reload the page to begin anew"
                )
            in_all = sum(len(one) for kept in self._kept.values() for one in kept.values()) - len(
                own.get(reference, b"")
            )
            if in_all + len(data) > MOST_IN_ALL:
                raise ConvvizError(
                    f"the networks and pictures of all visitors would take {(in_all + len(data)) / 1e6:.0f} MB "
                    f"and at most {MOST_IN_ALL / 1e6:.0f} MB are kept; try again when others have left"
                )
            self._kept.setdefault(owner, {})[reference] = data

    def check_here(self, owner: str | None) -> None:
        """Raise ConvvizError if the owner has left for good: nothing would ever be cleared away."""
        if owner in self._gone:
            raise ConvvizError("this visit has ended; reload the page")

    def drop(self, reference: Reference, owner: str | None) -> None:
        """Keep bytes no longer."""
        with self._lock:
            self._kept.get(owner, {}).pop(reference.file, None)

    def references(self, owner: str | None) -> tuple[Reference, ...]:
        """Of all that is kept for an owner, the oldest first."""
        with self._lock:
            return tuple(self._kept.get(owner, ()))

    def data(self, reference: Reference, owner: str | None) -> bytes:
        """Kept bytes, for its owner alone; ConvvizError if there are none."""
        with self._lock:
            try:
                return self._kept[owner][reference.file]
            except KeyError:
                what = "network is not here any more; train" if isinstance(reference, zoo.Reference) else _PICTURES_GONE
                raise ConvvizError(f"this {what} or upload it again") from None

    def among(self, arguments: tuple, owner: str | None) -> dict[Reference, bytes]:
        """The kept bytes of all references among a call's arguments."""
        with self._lock:
            own = self._kept.get(owner, {})
            return {one: own[one.file] for one in arguments if isinstance(one, References) and one.file in own}

    def leave(self, owner: str, after: float) -> None:
        """The owner has left; all is dropped unless `claim` is called within `after` seconds."""
        with self._lock:
            self.claim(owner)
            timer = threading.Timer(after, self._drop, (owner,))
            timer.daemon = True
            self._leaving[owner] = timer
            timer.start()

    def claim(self, owner: str) -> None:
        """The owner is here."""
        with self._lock:
            self._gone.pop(owner, None)
            timer = self._leaving.pop(owner, None)
        if timer is not None:
            timer.cancel()

    def _drop(self, owner: str) -> None:
        with self._lock:
            if self._leaving.get(owner) is not threading.current_thread():
                return  # came back at the last moment
            del self._leaving[owner]
            self._kept.pop(owner, None)
            self._gone[owner] = None
            while len(self._gone) > _REMEMBERED:
                del self._gone[next(iter(self._gone))]
        self._forget(owner)
