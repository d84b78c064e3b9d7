"""A visitor's model as a network, and the names of its classes."""

from __future__ import annotations

import codecs
import csv
import json
from typing import Any

from convviz import ConvvizError, zoo
from convviz.uploads.models import MOST_MEMBERS, ZIP, open_model
from convviz.uploads.zips import Archive

LARGEST_NAMES = 1_000_000  # bytes
MOST_NAMES = 25_000
LONGEST_NAME = 200  # letters
_FARTHEST = 1e6  # value that a network may take
_BETWEEN = ",;\t"  # signs between names, or between a number and a name
_GAP = "the numbers of these classes do not run from 0 without a gap; number them so"
_NO_TEXT = "this is not a text file in UTF-8 or UTF-16; save it as UTF-8, with one class name a line"


def open_network(data: bytes, **corrections: Any) -> zoo.Network:
    """A visitor's model file as a network.

    Args:
        data: as for ``open_model``.
        corrections: options of ``zoo.wrap``, as ``zoo.corrected`` gives them.

    Returns:
        The network.

    Raises:
        ConvvizError: as ``open_model`` and ``zoo.wrap``.
    """
    return zoo.wrap(open_model(data), **corrections)


def open_note(data: bytes) -> dict[str, Any]:
    """What ConvViz wrote beside a network that it saved: the names of its classes, and the values that it takes.

    Args:
        data: a model file, as for ``open_model``.

    Returns:
        Options of ``zoo.wrap``; empty for other programs' files, and what is no such note is passed over.

    Raises:
        ConvvizError: the archive is damaged.
    """
    if not data.startswith(ZIP):
        return {}
    archive = Archive(bytes(data), most_members=MOST_MEMBERS)
    note = next((member for member in archive.members if member.filename == zoo.NOTE), None)
    if note is None:
        return {}
    try:
        told = json.loads(archive.read(note, most_bytes=LARGEST_NAMES))
        found = {"class_names": _noted_names(told["class_names"]), "input_range": _noted_range(told["input_range"])}
    except (ConvvizError, ValueError, TypeError, KeyError, RecursionError):
        return {}
    return {name: value for name, value in found.items() if value is not None}


def _noted_names(told: Any) -> tuple[str, ...] | None:
    return open_names(json.dumps(list(told))) if told else None


def _noted_range(told: Any) -> tuple[float, float] | None:
    if told is None:
        return None
    low, high = map(float, told)
    if not -_FARTHEST <= low < high <= _FARTHEST:
        raise ValueError(f"no range of values: {low} to {high}")
    return low, high


def open_names(data: bytes | str) -> tuple[str, ...]:
    r"""Names of classes from a file or a text field.

    Args:
        data: text, or a text file in UTF-8 or, with its mark, UTF-16. One name a line; or, on a single line, names
            between commas, semicolons or tabs; or, as spreadsheets write them, rows of number and name or name and
            number, also below a header; or JSON: a list of names, or an object from numbers to names, also as Keras
            writes ImageNet's (``{"0": ["n01440764", "tench"], ...}``), or from names to numbers (``class_indices``).

    Returns:
        The names in order, without blank ones at the end and without signs that cannot be seen.

    Raises:
        ConvvizError: no names are in it, or what is there is not understood.

    Example:
        >>> open_names("cat, dog")
        ('cat', 'dog')
        >>> open_names("1;dog\n0;cat")
        ('cat', 'dog')
    """
    text = _text(data)
    if text.lstrip()[:1] in ("{", "["):
        names = _from_json(text)
    else:
        names = _from_lines([line for line in text.splitlines() if line.strip()])
    if not names:
        raise ConvvizError("there are no class names in this; give one name a line")
    names = ["".join(letter for letter in name if letter.isprintable()).strip() for name in names]
    if len(names) > MOST_NAMES or any(not name or len(name) > LONGEST_NAME for name in names):
        raise ConvvizError(
            f"class names have 1 to {LONGEST_NAME} letters, and at most {MOST_NAMES:,} are taken; give one a line"
        )
    return tuple(names)


def _from_lines(lines: list[str]) -> list[str]:
    """Names out of plain text, blank lines left out."""
    if len(lines) == 1:
        return _on_a_line(lines[0].strip())
    return (_numbered(lines) if lines else None) or [line.strip() for line in lines]


def _on_a_line(line: str) -> list[str]:
    """Names on a single line."""
    try:
        parted = [_cells(line, sign) for sign in _BETWEEN]
    except csv.Error as error:  # a name of more than 131,072 letters, or a nought among them
        raise ConvvizError("this line cannot be read as class names; give one name a line") from error
    return next((cells for cells in parted if len(cells) > 1), parted[0])


def _cells(line: str, sign: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([line], delimiter=sign))]


def _numbered(lines: list[str]) -> list[str] | None:
    """Names by number out of rows of number and name, in either order, below a header or not; None for other lines."""
    for sign in _BETWEEN:
        if len(lines) > MOST_NAMES + 1 or not all(sign in line for line in lines):
            continue
        try:
            rows = [next(csv.reader([line], delimiter=sign)) for line in lines]
        except csv.Error:
            continue
        for row in rows:
            while len(row) > 2 and not row[-1].strip():
                row.pop()
        if min(map(len, rows)) < 2:
            continue
        firsts = [(row[0], sign.join(row[1:])) for row in rows]
        lasts = [(row[-1], sign.join(row[:-1])) for row in rows]
        if names := _by_number(firsts, first=True) or _by_number(lasts, first=False):
            return names
    return None


def _by_number(rows: list[tuple[str, str]], *, first: bool) -> list[str] | None:
    """The names of rows (number, name) in order; None where these are no numbers of classes.

    Numbers from 1 are taken where they come first: behind a name they may belong to it.
    """
    told = rows if _is_number(rows[0][0]) else rows[1:]
    if len(told) < 2 or not all(_is_number(number) for number, _ in told):
        return None
    named = sorted((int(number), name.strip()) for number, name in told)
    numbers, names = [number for number, _ in named], [name for _, name in named]
    unlike = len(set(names))
    if unlike < len(names) if all(map(_is_number, names)) else unlike * 2 <= len(names):
        return None  # "0,5" and "1,5", or "level, 0" and "level, 1"
    if any(numbers == list(range(begin, begin + len(names))) for begin in ((0, 1) if first else (0,))):
        return names
    if first and numbers[0] == 0:
        raise ConvvizError(_GAP)
    return None


def _is_number(cell: str) -> bool:
    return cell.strip().isdecimal() and cell.isascii() and len(cell) < 10


def _text(data: bytes | str) -> str:
    """What was given, as text of a sensible size."""
    if len(data) > LARGEST_NAMES:
        raise ConvvizError(f"this has {len(data) / 1e6:.1f} MB, too much for class names; give one name a line")
    if isinstance(data, str):
        return data
    data = bytes(data)
    try:
        text = data.decode("utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConvvizError(_NO_TEXT) from error
    if "\0" in text:
        raise ConvvizError(_NO_TEXT)
    return text


def _from_json(text: str) -> list[str]:
    """Names out of JSON of the usual forms."""
    try:
        told = json.loads(text)
        if isinstance(told, dict) and all(isinstance(value, int) for value in told.values()):
            told = {value: name for name, value in told.items()}
        if isinstance(told, dict):
            numbers = sorted(told, key=int)
            if [int(number) for number in numbers] != list(range(len(numbers))):
                raise ConvvizError(_GAP)
            told = [told[number] for number in numbers]
        names = [entry[-1] if isinstance(entry, list) and entry else entry for entry in told]
    except (ValueError, TypeError, RecursionError) as error:
        raise ConvvizError("these class names are no JSON list or object of names; give one name a line") from error
    if not all(isinstance(name, str) for name in names):
        raise ConvvizError("these class names are not all texts; give one name a line")
    return [name.strip() for name in names]
