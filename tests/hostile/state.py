"""What a file could change in the process that opens it, beyond the answer."""

from __future__ import annotations

import os
import random
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFile

from convviz import ConvvizError, uploads


def of_process() -> dict[str, Any]:
    """All settings that a file might want to change, as far as they can be compared."""
    found = {
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "path": list(sys.path),
        "modules": "pickle" in sys.modules,
        "recursion": sys.getrecursionlimit(),
        "warnings": list(warnings.filters),
        "threads": sorted(thread.name for thread in threading.enumerate() if not thread.daemon),
        "temporary": sorted(path.name for path in Path(tempfile.gettempdir()).glob("*convviz*")),
        "numpy": np.geterr(),
        "Pillow": (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, len(Image.OPEN), len(Image.EXTENSION)),
        "frameworks": {"tensorflow", "keras", "matplotlib"} & set(sys.modules),
    }
    if "keras" not in sys.modules:
        found["random"] = random.getstate(), np.random.get_state()[1].tolist()
        found["files"] = sorted(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else []
    else:  # it draws its layers' seeds from there; who wants repeatable numbers sets a seed of his own
        import keras

        found["Keras"] = (
            keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format(),
            keras.config.dtype_policy().name, sorted(keras.saving.get_custom_objects()),
            keras.layers.Layer.add_weight.__qualname__, keras.layers.Layer.add_weight.__module__,
        )  # fmt: skip
    return found


def changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What is another."""
    return {name: (before[name], after[name]) for name in before if before[name] != after.get(name)}


def asked(data: bytes, question: np.ndarray) -> tuple[Any, float, dict[str, Any]]:
    """In a worker: open a model file and ask it.

    Returns:
        (its answer, or the sentence of the refusal), seconds that opening took, and what of the process has changed.
    """
    before, began = of_process(), time.monotonic()
    try:
        model = uploads.open_model(data)
        seconds = time.monotonic() - began
        told = np.asarray(model(question, training=False))
        del model
    except ConvvizError as refusal:
        seconds, told = time.monotonic() - began, str(refusal)
    return told, seconds, changed(before, of_process())
