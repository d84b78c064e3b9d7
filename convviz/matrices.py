"""Small matrices as text: read with care, written so that they come back as they were."""

from __future__ import annotations

import re

import numpy as np

from convviz import ConvvizError

LARGEST = 16  # rows or columns of a matrix that is looked at as a picture
LARGEST_NUMBER = 1e6  # in magnitude, of one cell
_COMMA = ", and write 1.5 where you mean one and a half: a comma parts two cells"
_DECIMAL_COMMA = r"\d,\d"
_AROUND_A_STROKE = re.compile(r"[ \t]*/[ \t]*")
_EXAMPLE = "0 1 0; 1 -4 1; 0 1 0"


def parse(text: str, *, what: str = "matrix", largest: int = LARGEST) -> np.ndarray:
    """A matrix from its cells as text.

    Args:
        text: numbers, or fractions such as 1/9, apart by spaces, tabs or commas, rows apart by semicolons, line ends
            or brackets, such as ``"0 1; -1 0"`` or ``"[[0, 1], [-1, 0]]"``. A comma is no decimal point.
        what: the word for it in a refusal.
        largest: rows or columns at most.

    Returns:
        float64 (rows, columns), 1 to ``largest`` each.

    Raises:
        ConvvizError: there is no cell, one is not a number or too large or divides by zero, or the rows do not have
            the same length.

    Example:
        >>> parse("[[1, 0, -1], [2, 0, -2]]").shape
        (2, 3)
    """
    plain = text.replace("\n", ";").replace("]", ";").replace("[", " ").replace(",", " ").replace("−", "-")
    plain = _AROUND_A_STROKE.sub("/", plain)
    rows = [row.split() for row in plain.split(";") if row.strip()]
    lengths = {len(row) for row in rows}
    if not rows:
        raise ConvvizError(f"the {what} is empty; type its cells, such as {_EXAMPLE}")
    if len(lengths) > 1:
        raise ConvvizError(
            f"the {what}'s rows have {' and '.join(str(one) for one in sorted(lengths))} cells; "
            f"give every row the same number{_COMMA if re.search(_DECIMAL_COMMA, text) else ''}"
        )
    if any(_parted_twice(row) for row in re.split(r"[;\n\]]", text)):
        raise ConvvizError(f"the {what}'s cells stand apart by commas and by spaces; use one of them{_COMMA}")
    if len(rows) > largest or len(rows[0]) > largest:
        raise ConvvizError(
            f"a {what} of {len(rows)} × {len(rows[0])} cells is too large; make it at most {largest} × {largest}"
        )
    return np.array([[_cell(cell, what) for cell in row] for row in rows])


def _parted_twice(row: str) -> bool:
    """Whether commas without a space stand in a row beside spaces without a comma, as in ``1,5 2,5``."""
    return bool(re.search(_DECIMAL_COMMA, row) and re.search(r"[\d.]\s+[-+−.\d]", row))


def _cell(text: str, what: str) -> float:
    """One number, or one divided by another."""
    above, stroke, below = text.partition("/")
    try:
        number, divisor = float(above), float(below) if stroke else 1.0
    except ValueError:
        raise ConvvizError(
            f"the {what}'s cell {text[:20]!r} is not a number; type one such as 0, -1, 0.25 or 1/9"
        ) from None
    if np.isnan(number) or np.isnan(divisor):
        raise ConvvizError(f"the {what}'s cell {text[:20]} is NaN, which is no number; type one such as 0, -1 or 1/9")
    if divisor == 0:
        raise ConvvizError(f"the {what}'s cell {text[:20]} divides by zero; type another number below the stroke")
    number = number / divisor if np.isfinite(divisor) else np.nan
    if not np.isfinite(number) or abs(number) > LARGEST_NUMBER:
        raise ConvvizError(f"the {what}'s cell {text[:20]} is out of range; type a number from -1000000 to 1000000")
    return number + 0.0  # no minus before a zero


def text(matrix: np.ndarray) -> str:
    """A matrix's cells as text that ``parse`` reads: as many digits as its dtype holds, and no more.

    Args:
        matrix: (rows, columns), any real dtype.

    Returns:
        rows apart by semicolons.

    Example:
        >>> text(np.array([[1, 0.1], [-0.0, 2]], np.float32))
        '1 0.1; 0 2'
    """
    return "; ".join(" ".join(_digits(cell) for cell in row) for row in np.asarray(matrix))


def _digits(cell: np.number) -> str:
    """One number, the shortest text that reads back as the same."""
    cell = cell if isinstance(cell, np.floating) else np.float64(cell)
    if cell == 0:
        return "0"
    small = abs(cell) < 1e-4
    return np.format_float_scientific(cell, trim="-") if small else np.format_float_positional(cell, trim="-")
