"""Keras' random beginnings from a seed alone, whatever other threads of the process draw meanwhile.

Keras takes the seed of every layer from Python's ``random``, which all threads share: what one of them draws while
another builds a network gives that network another beginning.
"""

from __future__ import annotations

import importlib
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from convviz import lazy

keras = lazy.load("keras")

_SEEDS = "keras.src.random.seed_generator"  # where Keras draws, from what it imports as python_random
_own = threading.local()


class _Draws:
    """Stands where Keras looks for Python's ``random``: inside `seeded` a thread has numbers of its own."""

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(_own, "numbers", random), name)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """While the block runs, what this thread builds begins as in a program after ``keras.utils.set_random_seed``.

    Args:
        seed: at least 0.

    Example:
        >>> with seeded(3):
        ...     kernel = keras.layers.Dense(2).kernel_initializer((4, 2))
    """
    keras.utils.set_random_seed(seed)
    where = importlib.import_module(_SEEDS)
    if getattr(where, "python_random", None) is random:
        where.python_random = _Draws()
    before = getattr(_own, "numbers", random)
    _own.numbers = random.Random(seed)
    try:
        yield
    finally:
        _own.numbers = before
