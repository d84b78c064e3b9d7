"""A sheet to draw on by hand. What is drawn stays in the browser until the visitor takes it, as a PNG file."""

from __future__ import annotations

import base64
import binascii

from convviz import ConvvizError
from pages.shared import components, ui

TITLE = "Drawing made here"
_START = "data:image/png;base64,"
_LONGEST = 2_000_000  # letters of a drawing that are taken; the sheet's are a hundredth of it

_component = components.declared("draw")


def sheet(key: str) -> bytes | None:
    """Draw the sheet; in the run in which the visitor takes the drawing, its file.

    Args:
        key: names the sheet.

    Returns:
        a PNG file as it came from the browser, not yet looked at, or None.
    """
    taken = _component(key=key, on_taken_change=_nothing).taken
    try:
        return None if taken is None else decoded(taken)
    except ConvvizError as refusal:
        ui.error(str(refusal))
        return None


def _nothing() -> None:
    """A drawing taken needs no more than the run that it causes."""


def decoded(text: object) -> bytes:
    """The file in a canvas's answer.

    Args:
        text: a data address as ``canvas.toDataURL`` makes it.

    Returns:
        the file's bytes.

    Raises:
        ConvvizError: it is none, or too long.
    """
    try:
        if not isinstance(text, str) or not text.startswith(_START) or len(text) > _LONGEST:
            raise ConvvizError("the drawing did not arrive; draw it again")
        return base64.b64decode(text[len(_START) :], validate=True)
    except binascii.Error as error:
        raise ConvvizError("the drawing arrived damaged; take it again") from error
