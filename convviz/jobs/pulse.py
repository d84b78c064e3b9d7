"""Whether the engine still lives: asked once a second, so that a page hears of a loss even if nobody computes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

SECOND = 1.0
_MOST_MISSED = 15  # beats that the event loop may leave unanswered, as on a busy machine
_MOST_UNANSWERED = 5  # questions that a scheduler elsewhere may leave unanswered, five seconds each


class Pulse:
    """A thread that watches a client and its scheduler.

    It counts beats, not seconds: an app that was stopped and continued has missed none.

    Args:
        client: a Dask client.
        cluster: our own cluster, or None where the scheduler is elsewhere.
        beat: called about once a second.
        lost: called once, with the client, when the scheduler is gone for good or the event loop is dead.

    Attributes:
        workers: addresses that the scheduler has, for a cluster elsewhere.
    """

    def __init__(self, client: Any, cluster: Any, beat: Callable[[], None], lost: Callable[[Any], None]) -> None:
        self.workers: frozenset[str] = frozenset()
        self._client, self._cluster, self._beat, self._lost = client, cluster, beat, lost
        self._missed = self._unanswered = 0
        self._counted = False  # whether a scheduler elsewhere has told of its workers
        self._stopped = threading.Event()
        threading.Thread(target=self._run, daemon=True, name="pulse").start()

    @property
    def has_workers(self) -> bool:
        """Whether any worker lives; a scheduler elsewhere that was not asked yet is taken to have some."""
        if self._cluster is not None:
            return bool(self._cluster.scheduler.workers)
        return bool(self.workers) or not self._counted

    def lives(self, address: str | None) -> bool:
        """Whether the scheduler has a worker of that address now.

        A task that prefers a dead worker while there is no other waits for ever, even where others are allowed: what
        comes later is compared with the address alone.
        """
        if address is None:
            return False
        if self._cluster is not None:
            return address in self._cluster.scheduler.workers
        return address in self.workers or not self.workers  # not counted yet

    def stop(self) -> None:
        """Watch no more."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(SECOND):
            try:
                if self._is_dead():
                    self._lost(self._client)
                    return
                self._beat()
            except Exception:  # the watch must go on
                log.exception("a beat of the engine failed")

    def _is_dead(self) -> bool:
        from distributed import Status

        if self._client.status == "closed":
            return True
        if self._cluster is not None and self._cluster.scheduler.status in (Status.closed, Status.failed):
            return True
        self._missed += 1
        try:
            self._client.loop.add_callback(self._answered)
        except RuntimeError:  # the loop is closed
            return True
        if self._cluster is None:
            self._count_workers()
        return self._missed > _MOST_MISSED or self._unanswered >= _MOST_UNANSWERED

    def _answered(self) -> None:
        self._missed = 0

    def _count_workers(self) -> None:
        """Ask a scheduler elsewhere; a page never waits for this answer."""
        try:
            known = self._client.sync(self._client.scheduler.identity, n_workers=-1, callback_timeout=5)
            self.workers, self._unanswered, self._counted = frozenset(known["workers"]), 0, True
        except Exception:  # no answer is the answer
            self._unanswered += 1
