"""Calls: short questions that a worker answers while a page waits."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from convviz import ConvvizError
from convviz.jobs import worker
from convviz.jobs.belongings import Reference, References

if TYPE_CHECKING:
    from convviz.jobs.engine import Engine

log = logging.getLogger(__name__)

START_SECONDS = 60.0  # what starting a worker may take
STOPPED = "the worker that computed this stopped; try again, a new one is starting"
_DEAF_SECONDS = 5.0  # what the event loop may be late by; one that has stopped never answers
_AGAIN = object()  # the answer to a call that must be asked once more
_MOST_LOST = 1  # how often a question is put again that the scheduler let fall, or whose worker died before it began


class StoppedError(ConvvizError):
    """The worker stopped through no fault of the question; asking again helps."""


class LostError(Exception):
    """A question got no answer through no fault of its own."""


class Calls:
    """The calls under way of one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._begun: dict[str, float | None] = {}  # call -> when a worker began it
        self._spared: set[str] = set()  # calls that a restart for another call's sake ended

    def heard(self, key: str | None) -> None:
        """A worker has begun a call."""
        if key in self._begun:
            self._begun[key] = time.monotonic()

    def call(self, function: Callable, arguments: tuple, options: Mapping, owner: str | None, seconds: float) -> Any:
        """Ask until there is an answer; bytes of networks and data sets are handed over where a worker lacks them."""
        data: dict[Reference, bytes] = {}
        lost = 0
        for _ in range(2 + _MOST_LOST + sum(isinstance(argument, References) for argument in arguments)):
            client = self._engine.ready_client()
            try:
                answer = self._called(client, function, arguments, options, data, seconds)
            except LostError:
                lost += 1
                if lost > _MOST_LOST:
                    raise StoppedError(STOPPED) from None
                continue
            if answer is _AGAIN:
                continue
            if isinstance(answer, worker.Refusal):
                raise ConvvizError(answer.sentence)
            if not isinstance(answer, worker.Missing):
                return answer
            data[answer.reference] = self._engine.data(answer.reference, owner)
        raise ConvvizError("the worker could not load the network or the pictures; choose them again")

    def _called(
        self, client: Any, function: Callable, arguments: tuple, options: Mapping, data: Mapping, seconds: float
    ) -> Any:
        """Submit one call and wait for its answer, or for its deadline once it has begun."""
        key = f"call-{uuid.uuid4().hex}"
        self._begun[key] = None
        asked, future = time.monotonic(), None
        try:
            future = client.submit(
                worker.call, function, arguments, options, data, key,
                key=key, pure=False, resources={"call": 1}, priority=10,
            )  # fmt: skip
            while not is_done(future, min(0.5, seconds)):
                self._check_patience(client, future, asked, seconds)
            return answer_of(future)
        except ConvvizError:
            raise
        except Exception as failure:
            if key in self._spared:
                return _AGAIN
            if is_death(failure) and (isinstance(failure, LostError) or self._begun[key] is None):
                raise LostError(str(failure)) from None
            if is_death(failure) or client is not self._engine.client:
                log.warning("a worker died during %s", getattr(function, "__qualname__", function))
                raise StoppedError(STOPPED) from None
            raise
        finally:
            self._begun.pop(key, None)
            self._spared.discard(key)
            let_go(future)

    def _check_patience(self, client: Any, future: Any, asked: float, seconds: float) -> None:
        """Raise when a call has taken too long, or can never be answered."""
        if client is not self._engine.client:
            raise StoppedError(STOPPED)
        began = self._begun.get(future.key)
        if began is not None and time.monotonic() - began > seconds:
            holders = [address for address, keys in client.processing().items() if future.key in keys]
            future.cancel()  # or the new worker would be asked again
            for address in holders:
                self.restart(client, address)
            raise ConvvizError(
                f"computing took longer than {seconds:g} seconds and was ended; choose something smaller"
            )
        if began is None and time.monotonic() - asked > seconds + START_SECONDS:
            future.cancel()
            raise StoppedError("no worker was free for this within two minutes; try again later")

    def restart(self, client: Any, address: str) -> None:
        """Restart a worker: nothing else ends a computation. Other calls that it held are asked again."""
        try:
            self._spared |= {other for other in client.processing().get(address, ()) if other in self._begun}
            client.restart_workers([address], timeout=30, raise_for_error=False)
        except Exception:  # it may be gone already
            log.warning("restarting %s failed", address, exc_info=True)


def is_done(future: Any, seconds: float) -> bool:
    """Whether there is an answer within this time.

    To ask for the answer itself and to give up after a while would not do: Dask fetches the answers of all who ask at
    the same time together, and who gives up takes that away from the others.
    """
    from distributed import wait
    from distributed.client import FuturesCancelledError

    async def waited() -> None:
        await wait([future], timeout=seconds)

    try:
        with future.client.as_current():
            future.client.sync(waited, callback_timeout=seconds + _DEAF_SECONDS)
    except (TimeoutError, UnboundLocalError):  # the latter is how distributed.utils.sync says that it was cancelled
        return future.done()
    except FuturesCancelledError as failure:
        raise LostError(str(failure)) from None
    return True


def answer_of(future: Any, seconds: float | None = None) -> Any:
    """What a future holds; where Dask's own question was cancelled it is put again.

    Raises:
        LostError: the future itself was cancelled, or the question again and again.
    """
    from distributed.client import FutureCancelledError

    for _ in range(3):
        try:
            return future.result(seconds)
        except UnboundLocalError as failure:  # how distributed.utils.sync says that it was cancelled
            if failure.name != "result" and "'result'" not in str(failure):
                raise
        except FutureCancelledError as failure:
            raise LostError(str(failure)) from None
    raise LostError("the question was cancelled three times")


def discard(client: Any, own: Any) -> None:
    """End a client that may not answer any more, and its cluster if it is ours, without waiting for it."""
    if client is not None:
        from convviz.jobs import cluster

        threading.Thread(target=cluster.end, args=(client, own), daemon=True, name="discard engine").start()


def let_go(future: Any) -> None:
    """Want a future's result no longer.

    Left to the garbage collection, the worker would keep the result until then, and compute it again after a death.
    """
    try:
        if future is not None:
            future.release()
    except Exception:  # its client is closed
        log.debug("a future could not be released", exc_info=True)


def is_death(failure: BaseException) -> bool:
    """Whether a failure means that the worker is gone, or what it did, or the way to it."""
    from distributed import KilledWorker
    from distributed.client import ClosedClientError
    from distributed.comm import CommClosedError

    no_loop = isinstance(failure, RuntimeError) and "IOLoop is closed" in str(failure)  # how distributed.utils says so
    return no_loop or isinstance(failure, (KilledWorker, LostError, CommClosedError, ClosedClientError))
