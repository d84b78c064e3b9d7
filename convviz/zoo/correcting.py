"""What the owner of a network knows better than ``wrap`` can guess, as text that fits into a reference."""

from __future__ import annotations

import json
from typing import Any

CORRECTIONS = (  # options of ``wrap`` that are plain values
    "class_names", "colours", "ending", "input_range", "input_shape", "output", "picture_input", "title",
)  # fmt: skip


def corrections(**options: Any) -> str:
    """Corrections as text, the same for the same corrections.

    Args:
        options: any of ``CORRECTIONS`` with the values that ``wrap`` takes; None is left out.

    Returns:
        JSON, empty where nothing is corrected.

    Raises:
        TypeError: another option.

    Example:
        >>> corrections(input_range=(0, 255), colours=None)
        '{"input_range":[0,255]}'
    """
    unknown = set(options) - set(CORRECTIONS)
    if unknown:
        raise TypeError(f"these cannot be corrected: {', '.join(sorted(unknown))}")
    told = {name: value for name, value in sorted(options.items()) if value is not None}
    return json.dumps(told, separators=(",", ":")) if told else ""


def corrected(text: str) -> dict[str, Any]:
    """The options for ``wrap`` that ``corrections`` wrote.

    Args:
        text: JSON, or nothing.

    Returns:
        name -> value; lists as tuples.
    """
    told = json.loads(text) if text else {}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
