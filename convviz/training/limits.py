"""How much one training may take of a server that many share."""

from __future__ import annotations

import logging
import math
import os
import re
from dataclasses import dataclass, fields, replace
from typing import Any

from convviz import ConvvizError, datasets, zoo
from convviz.training.records import Settings

log = logging.getLogger(__name__)

VARIABLE = "CONVVIZ_LIMITS"  # the environment's, such as "epochs=300 seconds=14400"


@dataclass(frozen=True)
class Limits:
    """What one training may take.

    Attributes:
        epochs: at most; more are cut to it.
        batch_size: at most; more are cut to it.
        parameters: that may be trained at once.
        side: pixels of a picture's longer side.
        seconds: of computing, pauses not counted; then the run ends and keeps what it has.
    """

    epochs: int = 100
    batch_size: int = 256
    parameters: int = 6_000_000
    side: int = 224
    seconds: int = 3600

    def cut(self, settings: Settings) -> Settings:
        """The settings within these limits."""
        return replace(
            settings,
            epochs=min(settings.epochs, self.epochs),
            batch_size=min(settings.batch_size, self.batch_size),
        )

    def check(self, network: zoo.Network, dataset: datasets.Dataset) -> None:
        """Refuse what is too large to be trained here.

        Raises:
            ConvvizError: too many trainable parameters, or pictures too large.
        """
        count = sum(math.prod(one.shape) for one in network.model.trainable_variables)
        if count > self.parameters:
            raise ConvvizError(
                f"this network has {count:,} trainable parameters and this server trains at most {self.parameters:,} "
                "at once; choose a smaller network, or freeze a part of it"
            )
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
    return Limits(**found)


def cut_words(wanted: Any, given: Any) -> str:
    """What was cut, one sentence without a full stop, or nothing."""
    said = [
        f"{name} {getattr(given, field)} and not {getattr(wanted, field)}"
        for field, name in (("epochs", "epochs:"), ("batch_size", "batch size:"))
        if getattr(given, field) != getattr(wanted, field)
    ]
    return f"cut to what this server allows: {', '.join(said)}" if said else ""
