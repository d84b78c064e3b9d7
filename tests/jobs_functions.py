"""What the tests let workers do; workers import it by name."""

import errno
import itertools
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from types import SimpleNamespace

from convviz import ConvvizError


def add(one, other):
    return one + other


def die():
    os._exit(3)


def sleep(seconds):
    time.sleep(seconds)


def refuse():
    raise ConvvizError("a kernel of 0 rows cannot slide; give it at least one")


def fail():
    return 1 / 0


def environment():
    return dict(os.environ)


def process():
    return os.getpid()


def loaded_frameworks():
    return sorted({"tensorflow", "keras"} & set(sys.modules))


def tensorflow_threads():
    import tensorflow as tf

    return (
        tf.config.threading.get_intra_op_parallelism_threads(),
        tf.config.threading.get_inter_op_parallelism_threads(),
    )


def count(until, pause=0.05):
    """Yield 0, 1, 2, ...; a message is yielded back."""
    for number in range(until):
        time.sleep(pause)
        message = yield number
        if message:
            yield message
    return until


@dataclass(frozen=True)
class Remembered:
    moments: tuple


@dataclass(frozen=True)
class Kept:
    number: int
    snapshot: bytes | None = None


def count_with_snapshots(until, *, resume=None):
    for number in range(int(resume or b"0"), until):
        time.sleep(0.05)
        yield Kept(number, str(number + 1).encode())


def die_at(number, *, resume=None):
    yield Kept(0)
    os._exit(3)


def refuse_later():
    yield 1
    raise ConvvizError("the training diverged; choose a smaller learning rate")


def name_of(network):
    return network.card.name


def parameters_of(network):
    return network.model.count_params()


def later(path, seconds):
    """Sleep, and count in a file how often this was begun."""
    with open(path, "a") as file:
        file.write("x")
    time.sleep(seconds)
    return os.getpid()


class Stubborn(Exception):  # noqa: N818 -- what a library might raise
    """Cannot be unpickled: it wants two arguments and remembers one."""

    def __init__(self, one, other):
        super().__init__(one)


def fail_stubbornly():
    raise Stubborn("one", "other")


def unpicklable():
    return (number for number in range(3))


def zeros(count):
    import numpy as np

    return np.zeros(count, np.uint8)


def hang(until, *, resume=None):
    """Yield one record, then nothing any more."""
    yield 0
    time.sleep(until)
    yield 1


def settings_and_death(*, resume=None):
    """Yield each message with a snapshot; the first worker dies on request."""
    message = yield Kept(0, b"1")
    for number in range(1, 200):
        time.sleep(0.05)
        message = yield Kept((number, resume, message), b"1")


def fill_disk():
    raise OSError(errno.ENOSPC, "No space left on device")


def fill_disk_later():
    yield 1
    fill_disk()


fill_disk.needs_no_tensorflow = fill_disk_later.needs_no_tensorflow = True


def landlock_is_here():
    """Whether this system can keep a process from writing, tried in another one."""
    program = "from convviz.jobs import bounds; import tempfile; print(bounds.write_only_to([tempfile.gettempdir()]))"
    return "True" in subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout


def written_outside():
    """Try to write beside the code, into the home folder of the app and into the worker's own places."""
    import tempfile
    from pathlib import Path

    told = {}
    for name, folder in {
        "code": Path(__file__).parent,
        "temporary": Path("/tmp"),
        "own": Path(tempfile.gettempdir()),
        "home": Path.home(),
        "downloads": Path(os.environ["KERAS_HOME"]),
    }.items():
        try:
            (folder / "canary").write_text("a test of ConvViz")
            (folder / "canary").unlink()
            told[name] = "written"
        except OSError as failure:
            told[name] = type(failure).__name__
    return told


def limits():
    import resource

    mask = os.umask(0o077)
    data, core, file = (
        resource.getrlimit(one)[0] for one in (resource.RLIMIT_DATA, resource.RLIMIT_CORE, resource.RLIMIT_FSIZE)
    )
    return data, core, file, mask, os.environ["TMPDIR"]


def temporary():
    """The folder of temporary files, if it is settled before anything has looked for one that can be written."""
    import tempfile

    return tempfile.tempdir


temporary.needs_no_tensorflow = True


def fill_memory():
    held = []
    while True:
        held.append(bytearray(os.urandom(1) * 50_000_000))


def run_out_of_memory():
    yield 1
    zeros(10**12)


for _light in (
    add,
    die,
    sleep,
    refuse,
    fail,
    environment,
    process,
    count,
    count_with_snapshots,
    die_at,
    refuse_later,
    later,
    fail_stubbornly,
    unpicklable,
    zeros,
    hang,
    settings_and_death,
    written_outside,
    limits,
    fill_memory,
    run_out_of_memory,
):
    _light.needs_no_tensorflow = True


def epochs_of(length):
    """Records of steps and of the epochs that they complete, a hundred a second, without an end."""
    for step in itertools.count(1):
        time.sleep(0.01)
        yield SimpleNamespace(step=step, epoch=step // length)
