"""How much one training may take of a server that many share."""

from __future__ import annotations

import logging
import math
import os
import re
from dataclasses import dataclass, fields, replace
from typing import Any

from convviz import ConvvizError, architectures, datasets, zoo
from convviz.training.records import Settings

log = logging.getLogger(__name__)

VARIABLE = "CONVVIZ_LIMITS"  # the environment's, such as "epochs=300 seconds=14400"
WORKER_MEMORY = "CONVVIZ_WORKER_MEMORY"  # what a worker may take, such as "4GB"
_HELD = 1000  # MB of a worker that no step can have: 900 before the first one, and what is left free to the very end
_UNITS = {"B": 1e-6, "KB": 1e-3, "MB": 1.0, "GB": 1e3, "KIB": 2**10 / 1e6, "MIB": 2**20 / 1e6, "GIB": 2**30 / 1e6}
_CARDS = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg")  # with one of these the maps of a batch are in its memory


@dataclass(frozen=True)
class Limits:
    """What one training may take.

    Attributes:
        epochs: at most; more are cut to it.
        batch_size: at most; more are cut to it.
        parameters: that may be trained at once.
        side: pixels of a picture's longer side.
        seconds: of computing, pauses not counted; then the run ends and keeps what it has.
        memory: MB by the estimate of `architectures.memory`, which is rather high: what is let in can be done. By
            default what `CONVVIZ_WORKER_MEMORY` leaves; infinite where a card does the work.
    """

    epochs: int = 100
    batch_size: int = 256
    parameters: int = 6_000_000
    side: int = 224
    seconds: int = 3600
    memory: float = 1200

    def cut(self, settings: Settings) -> Settings:
        """The settings within these limits."""
        return replace(
            settings,
            epochs=min(settings.epochs, self.epochs),
            batch_size=min(settings.batch_size, self.batch_size),
        )

    def fault(self, parameters: int, size: int) -> str:
        """Why a training is too large for this server, one sentence, or empty.

        Args:
            parameters: that are trained.
            size: bytes that it takes, by `architectures.memory`.

        Example:
            >>> Limits(parameters=10).fault(12, 0)[:37]
            'this network has 12 trainable paramet'
        """
        if parameters > self.parameters:
            return (
                f"this network has {parameters:,} trainable parameters and this server trains at most "
                f"{self.parameters:,} at once; choose a smaller network, or freeze a part of it"
            )
        if size > 1e6 * self.memory:
            return (
                f"this training takes about {size / 1e6:,.0f} MB and a worker of this server has {self.memory:,.0f} MB "
                "for one; choose a smaller batch, fewer filters or smaller pictures"
            )
        return ""

    def check(self, network: zoo.Network, dataset: datasets.Dataset, settings: Settings) -> None:
        """Refuse what is too large to be trained here.

        Raises:
            ConvvizError: too many trainable parameters, too much memory, or pictures too large.
        """
        found, batch = architectures.demand(network), min(settings.batch_size, len(dataset.train_images))
        if fault := self.fault(
            found.trainable, found.memory(batch, settings.optimizer, remembered=not settings.augmentation)
        ):
            raise ConvvizError(fault)
        side = max(dataset.train_images.shape[1:3])
        if side > self.side:
            raise ConvvizError(
                f"the pictures are {side} pixels long and this server trains on at most {self.side}; choose smaller "
                "ones"
            )


def limits(text: str | None = None) -> Limits:
    """The limits of this process.

    Args:
        text: names and whole numbers such as ``"epochs=300 parameters=20000000"``; by default what the environment has
            in ``CONVVIZ_LIMITS``. What is not named keeps its default; what cannot be read is passed over, and logged.

    Returns:
        The limits.

    Example:
        >>> limits("epochs=300, seconds=14400").epochs
        300
    """
    text = os.environ.get(VARIABLE, "") if text is None else text
    known, found = {one.name for one in fields(Limits)}, {}
    for part in filter(None, re.split(r"[\s,;]+", text)):
        name, _, number = part.partition("=")
        if name in known and number.isdigit() and int(number) > 0:
            found[name] = int(number)
        else:
            log.warning(
                "%s: %r is passed over; write a name of %s, =, and a whole number", VARIABLE, part, sorted(known)
            )
    return Limits(**({"memory": _room()} | found))


def _room() -> float:
    """MB that a worker has for one training; infinite where that cannot be told, or where a card does the work."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") != "-1" and any(os.path.exists(one) for one in _CARDS):
        return math.inf
    written = os.environ.get(WORKER_MEMORY, "")
    told = re.fullmatch(r"\s*(\d+\.?\d*)\s*(B|[KMG]I?B)\s*", written.upper())
    if not written:
        return Limits.memory
    return max(1.0, float(told[1]) * _UNITS[told[2]] - _HELD) if told else math.inf


def cut_words(wanted: Any, given: Any) -> str:
    """What was cut, one sentence without a full stop, or nothing."""
    said = [
        f"{name} {getattr(given, field)} and not {getattr(wanted, field)}"
        for field, name in (("epochs", "epochs:"), ("batch_size", "batch size:"))
        if getattr(given, field) != getattr(wanted, field)
    ]
    return f"cut to what this server allows: {', '.join(said)}" if said else ""
