"""What runs inside a worker: calls, slices of jobs, and the worker's own start.

Dask loads this module into every worker and into the nanny that watches over it (``preload``); `dask_setup` is its
hook.
"""

from __future__ import annotations

import errno
import gc
import logging
import os
import pickle
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from convviz import ConvvizError, datasets, uploads, zoo
from convviz.jobs import bounds

log = logging.getLogger(__name__)

LIGHT = "needs_no_tensorflow"  # a function's attribute: it need not wait until TensorFlow is loaded
COLD = "CONVVIZ_COLD"  # the environment's: load nothing ahead
TOPIC = "convviz"  # the Dask topic on which workers tell how far they are
_IDLE = 3600.0  # seconds after which a slice's state that nobody asked for again is dropped
_MOST_STATES = 8  # jobs whose state is held here; the one that rested longest goes on from its snapshot

zoo.OPENERS["upload"] = uploads.open_network  # a worker opens visitors' models through the door, and only so
datasets.OPENERS["upload"] = uploads.open_dataset

_TOO_MUCH = "this takes more memory than a worker may use; choose something smaller"
_NO_ROOM = "the server has no room left on its disk for this; try again later, or tell who runs it"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # how a full disk, and one's full share of it, are told

Reference = zoo.Reference | datasets.Reference
NOT_HERE = (zoo.NotHere, datasets.NotHere)

_states: dict[str, _State] = {}
_interrupted: set[str] = set()
_tensorflow_lock = threading.Lock()


@dataclass(frozen=True)
class Missing:
    """A call's answer when the worker needs the bytes of a network or a data set first."""

    reference: Reference


@dataclass(frozen=True)
class Refusal:
    """A call's answer when the person at the screen must mend something; not an error of the worker's."""

    sentence: str


@dataclass(frozen=True)
class Opening:
    """How a job begins: the generator function with its arguments, and a snapshot to go on from."""

    function: Callable[..., Generator]
    arguments: tuple
    options: Mapping[str, Any]
    resume: bytes | None = None


@dataclass(frozen=True)
class Order:
    """One slice of a job.

    Attributes:
        job: the job's number.
        opening: how to begin if the worker does not hold the job; None if it should.
        count: records that the job has yielded so far.
        seconds: after which the slice ends.
        records: after how many records it ends in any case, or None.
        epochs: it ends with the record of that many whole epochs in any case, or None.
        changes: sent into the generator first.
        data: bytes of networks and data sets that the opening refers to.
        close: end the generator instead of advancing it.
        light: it needs no TensorFlow.
    """

    job: str
    opening: Opening | None = None
    count: int = 0
    seconds: float = 1.0
    records: int | None = None
    epochs: int | None = None
    changes: Mapping[str, Any] | None = None
    data: Mapping[Reference, bytes] = field(default_factory=dict)
    close: bool = False
    light: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of a slice.

    Attributes:
        worker: address of the worker that did it and holds the job's state.
        lost: the worker did not hold the job and was not told how to begin.
        missing: the bytes of this network or data set are needed first.
        finished: the generator has ended; `value` is what it returned.
        count: records that the job has yielded so far.
        records: (number, record) pairs that were not told as events.
        refusal: the sentence for the person at the screen, if the job ended with one.
    """

    worker: str
    count: int = 0
    lost: bool = False
    missing: Reference | None = None
    finished: bool = False
    value: Any = None
    records: tuple = ()
    refusal: str | None = None


@dataclass
class _State:
    generator: Generator
    touched: float
    fresh: bool = True  # a generator takes no message before its first record


def call(function: Callable, arguments: tuple, options: Mapping[str, Any], data: Mapping, key: str) -> Any:
    """Run a function in this worker, references replaced by what they name; `Missing` if one's bytes are not here."""
    if not getattr(function, LIGHT, False):
        prepare_tensorflow()
    tell({"call": key})  # from now on its time counts; loading TensorFlow on a busy machine is not its fault
    try:
        return function(*_resolved(arguments, data), **dict(options))
    except NOT_HERE as absent:
        return Missing(absent.reference)
    except ConvvizError as refusal:
        return Refusal(str(refusal))
    except Exception as failure:
        if sentence := _lack(failure):
            return Refusal(sentence)
        raise


def advance(order: Order) -> Outcome:
    """Advance a job by one slice, or close it."""
    address = _here().address
    _drop_idle()
    if order.close:
        return _farewell(order, address)
    if not order.light:
        prepare_tensorflow()
    tell({"job": order.job, "worker": address})
    if order.opening is not None:
        _close(order.job)  # of a slice whose answer was lost; who asks goes by its last snapshot
    state = _states.get(order.job)
    if state is None:
        if order.opening is None:
            return Outcome(address, lost=True)
        try:
            state = _states[order.job] = _State(_opened(order.opening, order.data), time.monotonic())
            _drop_oldest()
        except NOT_HERE as absent:
            return Outcome(address, missing=absent.reference)
        except ConvvizError as refusal:
            return Outcome(address, finished=True, refusal=str(refusal))
    return _sliced(order, state, address)


def _farewell(order: Order, address: str) -> Outcome:
    """End a job early; one that was under way may yield a last record."""
    state = _states.get(order.job)
    records: tuple = ()
    try:
        if state is not None and not state.fresh:
            records = ((order.count, state.generator.send({"stop": True, "steps": 1})),)
    except (StopIteration, ConvvizError):
        records = ()
    finally:
        _close(order.job)
    return Outcome(address, count=order.count + len(records), finished=True, records=records)


def _sliced(order: Order, state: _State, address: str) -> Outcome:
    """Take records from the generator until the slice's time is over; tell all but the last at once."""
    _interrupted.discard(order.job)
    began, number, message = time.monotonic(), order.count, order.changes
    held: tuple = ()
    try:
        while True:
            if state.fresh:
                record, state.fresh = next(state.generator), False
            else:
                record, message = state.generator.send(message), None
            if held:
                tell({"job": order.job, "record": pickle.dumps(held)})
            held = (number, record)
            number += 1
            over = time.monotonic() - began >= order.seconds or order.job in _interrupted
            enough = order.epochs is not None and getattr(record, "epoch", 0) >= order.epochs
            if message is None and (over or enough or number - order.count == order.records):
                break
    except StopIteration as end:
        _close(order.job)
        return Outcome(address, number, finished=True, value=end.value, records=(held,) if held else ())
    except NOT_HERE as absent:
        _close(order.job)
        return Outcome(address, number, missing=absent.reference)
    except ConvvizError as refusal:
        _close(order.job)
        return Outcome(address, number, finished=True, records=(held,) if held else (), refusal=str(refusal))
    except BaseException as failure:
        _close(order.job)
        if sentence := _lack(failure):
            return Outcome(address, number, finished=True, records=(held,) if held else (), refusal=sentence)
        raise
    state.touched = time.monotonic()
    return Outcome(address, number, records=(held,))


def _lack(failure: BaseException) -> str:
    """In a sentence, what the machine has too little of, if that is why something failed."""
    if isinstance(failure, MemoryError) or type(failure).__name__ == "ResourceExhaustedError":  # TensorFlow's own
        return _TOO_MUCH
    return _NO_ROOM if isinstance(failure, OSError) and failure.errno in _FULL else ""


def interrupt(job: str) -> None:
    """Let the slice that is running end after its next record."""
    if job in _states:
        _interrupted.add(job)


def tell(message: dict) -> None:
    """Send a message to the engine."""
    _here().log_event(TOPIC, message)


def _opened(opening: Opening, data: Mapping) -> Generator:
    options = dict(opening.options)
    if opening.resume is not None:
        options["resume"] = opening.resume
    return opening.function(*_resolved(opening.arguments, data), **options)


def _resolved(arguments: tuple, data: Mapping) -> list:
    """The arguments with every reference replaced by its network or data set."""
    rooms = {zoo.Reference: zoo, datasets.Reference: datasets}
    return [rooms[type(a)].resolve(a, data.get(a)) if type(a) in rooms else a for a in arguments]


def _close(job: str) -> None:
    _interrupted.discard(job)
    state = _states.pop(job, None)
    if state is not None:
        state.generator.close()
        gc.collect()  # a network's graph is a circle of references


def _drop_idle() -> None:
    """Forget jobs whose app is gone without a word."""
    now = time.monotonic()
    for job in [job for job, state in _states.items() if now - state.touched > _IDLE]:
        _close(job)


def _drop_oldest() -> None:
    """Hold no more than `_MOST_STATES` jobs."""
    for job in sorted(_states, key=lambda one: _states[one].touched)[:-_MOST_STATES]:
        _close(job)


def _here() -> Any:
    from distributed import get_worker

    return get_worker()


# --- the worker's own start ---------------------------------------------------------------------------------------


def compute_device() -> str:
    """In words, what this worker computes on: the GPU's name as TensorFlow reports it, or the number of CPU cores."""
    return _cores() if os.environ.get(COLD) else prepare_tensorflow()


def prepare_tensorflow() -> str:
    """Load TensorFlow, once, with its threads bounded to the machine and GPU memory taken as needed.

    Returns:
        what it computes on, in words.
    """
    with _tensorflow_lock:
        return _prepared()


@cache
def _prepared() -> str:
    import keras  # noqa: F401  (loading Keras takes a second; do it now, not within the first call)
    import tensorflow as tf

    cores = available_cores()
    tf.config.threading.set_intra_op_parallelism_threads(cores)
    tf.config.threading.set_inter_op_parallelism_threads(cores)
    names = []
    for device in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(device, True)
        names.append(tf.config.experimental.get_device_details(device).get("device_name", "GPU"))
    gc.collect()
    gc.freeze()  # TensorFlow's half a million objects never go away; do not walk through them again
    return ", ".join(names) if names else _cores()


def _cores() -> str:
    cores = available_cores()
    return f"{cores} CPU core{'s' if cores > 1 else ''}"


def available_cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def dask_setup(server: Any) -> None:
    """Dask's hook at the start of a worker and of its nanny: stay within bounds, and load TensorFlow ahead."""
    bounds.leave_with_parent()
    tempfile.tempdir = os.environ.get(bounds.FOLDER)  # or Python tries it by writing, and on a full disk finds none
    memory = server.memory_manager.memory_limit
    bounds.bound_process(memory, gpu=os.environ.get("CUDA_VISIBLE_DEVICES") != "-1")
    if type(server).__name__ == "Nanny":  # the worker that it starts cannot do more than it
        if bounds.FOLDER not in os.environ:
            bounds.settle(server.local_directory)
        server._original_local_dir = os.environ[bounds.FOLDER]  # what it tells its worker
        if not bounds.write_as_worker():
            log.warning("this system cannot keep a worker from writing outside its folder")
        return
    if bounds.FOLDER not in os.environ:
        log.warning("a worker without the bounds of its nanny; start it with --preload-nanny %s", __name__)
    if not os.environ.get(COLD):
        threading.Thread(target=_warm, daemon=True, name="load TensorFlow").start()


def _warm() -> None:
    """Load TensorFlow and the bundled networks ahead, so that no visitor waits for them."""
    prepare_tensorflow()
    for name in zoo.list_networks():
        reference = zoo.reference(name)
        if reference.kind == "bundled":
            zoo.resolve(reference)
