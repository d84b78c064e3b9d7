"""Modules that are loaded when they are first used.

The usual tool, ``lazy_loader``, puts a stand-in into ``sys.modules`` at once. Streamlit looks there after every run of
a script and, finding ``keras``, clears its session, which loads Keras and TensorFlow into the app's process. Nothing
is registered here.
"""

from __future__ import annotations

import importlib
from typing import Any


class LazyModule:
    """Stands for a module until one of its names is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):  # what looks through all modules, such as pickle, must not load this one
            raise AttributeError(attribute)
        return getattr(importlib.import_module(self._name), attribute)


def load(name: str) -> Any:
    """A stand-in for a module, which is imported at its first use.

    Args:
        name: dotted name of an installed module.

    Returns:
        an object with the module's attributes.

    Example:
        >>> load("math").sqrt(9.0)
        3.0
    """
    return LazyModule(name)
