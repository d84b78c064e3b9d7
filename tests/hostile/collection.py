"""A file of the collection: how it is made, and what the door makes of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CANARY = Path(tempfile.gettempdir(), "convviz-canary")  # the only thing that any of these files would ever touch


@dataclass(frozen=True)
class File:
    """One file.

    Attributes:
        make: makes its bytes; the same ones every time.
        refusal: a pattern of the sentence that keeps it out; None where it must come in.
        shows: what must come of it where it comes in: an array, or a function of what the test gives it.
        about: how far a lossy file's numbers may lie from that.
    """

    make: Callable[[], bytes]
    refusal: str | None = None
    shows: Any = None
    about: float = 0.0
