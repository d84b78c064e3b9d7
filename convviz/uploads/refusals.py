"""What Keras and TensorFlow refuse while they build a visitor's network, in sentences that say what to do."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable

from convviz.uploads.configs import plain

_END, _LONGEST = 100_000, 5_000  # characters of an error in whose end the innermost is looked for, and of that one
_INNER = re.compile(r"Exception encountered(?: when calling [^\n]{0,300})?[:.\n]")
_NAME = "(.{1,300}?)"  # of a layer, with any signs
_SHAPE = r"(\([\d, ]*\))"
_AGAIN = "; the file is not whole or was changed: save the model again with the program that made it"
_RENAME = "; give the layer a name of letters a to z, digits and _, and save the model again"
NO_MEMORY = "there is not enough memory for this network; open a smaller one"
_READING = frozenset({"load_weights_from_hdf5_group", "_raise_loading_failure"})  # of Keras, when weights are at fault
_FITTING = re.compile(r"shape|n?dim\b|dimension|total size|divisible|axis", re.IGNORECASE)


def sentence(error: Exception) -> str:
    """What is wrong with a model that Keras does not build, load or run, and what to do.

    Args:
        error: what Keras or TensorFlow raised.

    Returns:
        One sentence, in which names of the visitor's stand with few signs.

    Example:
        >>> sentence(ValueError("Name 'a' is already the name of a layer"))
        'two layers of this model have the name “a”; give one of them another name and save the model again'
    """
    told = _told(error)
    if type(error).__name__ == "ResourceExhaustedError":
        return NO_MEMORY
    for pattern, say in _KNOWN:
        if found := pattern.search(told):
            return say(*found.groups())
    if {frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__)} & _READING:
        return f"weights of this model are missing in its file ({gist(error)}){_AGAIN}"
    if told.startswith("Unrecognized keyword arguments"):
        return f"Keras cannot build this network ({gist(error)}); save it again with a current Keras"
    if isinstance(error, ValueError) and _FITTING.search(gist(error)):
        return f"the layers of this model do not fit together ({gist(error)}){_AGAIN}"
    return f"Keras cannot build this network ({gist(error)}){_AGAIN}"


def gist(error: Exception) -> str:
    """An error's innermost first line, without paths and signs that a page could take for markup."""
    lines = [line for line in _told(error).splitlines() if line.strip()]
    words = re.sub(r"\S*[/\\]\S*", "", lines[0] if lines else type(error).__name__)
    return re.sub(r"\s+", " ", re.sub(r"[^\w .,:;=()+-]", " ", words)).strip()[:200]


def _told(error: Exception) -> str:
    """The innermost part of what an error tells, without colours."""
    return re.sub(r"\x1b\[\d*m", "", _INNER.split(str(error)[-_END:])[-1]).strip()[:_LONGEST]


def _signs(whose: str) -> Callable[[str], str]:
    def say(name: str) -> str:
        told = plain(name)
        named = f"the layer name “{told}” has" if told else "the name of a layer has nothing but"
        return f"{named} signs that {whose} does not take{_RENAME}"

    return say


def _twice(name: str) -> str:
    called = f"two layers of this model have the name “{plain(name)}”"
    return f"{called}; give one of them another name and save the model again"


def _layer_count(needed: str, found: str) -> str:
    layers = "1 layer" if needed == "1" else f"{needed} layers"
    return f"this model has {layers} with weights, and this file has those of {found}{_AGAIN}"


def _count(name: str, needed: str, found: str, arrays: str = "") -> str:
    names = ", ".join(re.findall(r"\w+", arrays))
    listed = f" ({names})" if names else ""
    many = "array" if needed == "1" else "arrays"
    return (
        f"the layer “{plain(name)}” needs {needed} {many} of weights{listed}, and this file has {found} for it{_AGAIN}"
    )


def _shape(name: str, needed: str, found: str) -> str:
    return f"the layer “{plain(name)}” takes weights of shape {needed}, and this file has {found} for it{_AGAIN}"


def _window(numbers: str, kind: str, sides: str, dilation: str | None = None) -> str:
    """A window too large: Keras names the shape of the kernel, with its channels, or the sides of what is pooled."""
    window = re.findall(r"\d+", sides)[: -2 if kind == "kernel shape" else None]
    apart = re.findall(r"\d+", dilation or "")
    spread = f", {_by(apart)} apart," if set(apart) - {"1"} else ""
    return (
        f"a window of {_by(window)} cells{spread} does not fit into the {_by(re.findall(r'[0-9]+', numbers))} numbers "
        f"that come to it{_AGAIN}"
    )


def _by(sides: list[str]) -> str:
    return " × ".join(sides)


_KNOWN = [  # what Keras 3 tells at its beginning -> our sentence
    (re.compile(pattern, re.DOTALL), say)
    for pattern, say in (
        (rf"^'{_NAME}' is not a valid (?:root )?scope name", _signs("TensorFlow")),
        (rf"^Argument `name` must be a string and cannot contain character `/`\. Received: name={_NAME} "
         r"\(of type <class 'str'>\)", _signs("Keras")),
        (rf"\bName '{_NAME}' is already the name of a layer", _twice),
        (rf"^The name \"{_NAME}\" is used \d+ times in the model", _twice),
        (rf"\bLayer '{_NAME}' expected (\d+) variables, but received (\d+) variables during loading\. "
         r"Expected: \[(.{1,300}?)\]", _count),
        (rf"^A total of .{{1,99}}<\w{{1,99}} name={_NAME}, built=.{{1,200}}variable\.shape={_SHAPE}, "
         rf"Received: value\.shape={_SHAPE}", _shape),
        (r"^Layer count mismatch .{1,99} expected (\d+) layers, found (\d+) saved", _layer_count),
        (rf"^Weight count mismatch for layer #\d+ \(named {_NAME}(?: in the current model.{{1,300}}?)?\)\. "
         r"Layer expects (\d+) weight\(s\)\. Received (\d+)", _count),
        (rf"^Shape mismatch in layer #\d+ \(named {_NAME}\) ?for weight .{{1,300}}? expects shape {_SHAPE}\. "
         rf"Received saved weight with shape {_SHAPE}", _shape),
        (r"^Computed output size would be [a-z ]{0,20}negative\. Received:? `inputs[ .]shape=([^`]{1,99})`, "
         r"`(kernel shape|pool_size)=([^`]{1,99})`(?:, `dilation_rate=([^`]{1,99})`)?", _window),
    )
]  # fmt: skip
