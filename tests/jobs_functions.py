"""What the tests let workers do; workers import it by name."""

import os
import sys
import time
from dataclasses import dataclass

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
