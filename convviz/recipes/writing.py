"""Parts of a program put together: the imports of all on top, one blank line between the rest."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import numpy as np

_STANDARD = ("contextlib", "csv", "functools", "pathlib", "timeit")


def script(*parts: str, about: str = "") -> str:
    """One program out of paragraphs.

    Args:
        parts: Python text, indented as it likes; its imports stand at the beginning of lines. Empty parts are left out.
        about: one line that says what the program does.

    Returns:
        The program: what it does, all imports once and sorted, the paragraphs.

    Example:
        >>> print(script("import numpy as np", "one = np.ones(1)", "import numpy as np"))
        import numpy as np
        <BLANKLINE>
        one = np.ones(1)
        <BLANKLINE>
    """
    imports, rest = set(), []
    for part in parts:
        lines = textwrap.dedent(part).strip("\n").splitlines()
        imports |= {line for line in lines if line.startswith(("import ", "from "))}
        body = "\n".join(line for line in lines if not line.startswith(("import ", "from "))).strip("\n")
        rest += [body] if body else []
    head = [f'"""{about}"""'] if about else []
    standard = sorted(line for line in imports if line.split()[1] in _STANDARD)
    others = sorted(imports - set(standard), key=lambda line: (line.startswith("from "), line))
    blocks = [*head, *("\n".join(block) for block in (standard, others) if block)]
    return "\n\n".join(blocks) + "\n" + "".join(_spaced(body) for body in rest)


def _spaced(body: str) -> str:
    """A paragraph with what stands above it: two blank lines around a function, one elsewhere."""
    return f"\n\n{body}\n\n" if body.startswith(("def ", "class ", "@")) else f"\n{body}\n"


def literal(values: Any) -> str:
    r"""Numbers as Python writes them, every digit that matters and no more; a matrix has one row a line.

    Args:
        values: a number, or an array of one to three axes.

    Returns:
        Python text that gives the same float32 (or whole) numbers.

    Example:
        >>> literal(np.array([[1, 0.1], [2, 3]], np.float32))
        '[\n    [1, 0.1],\n    [2, 3],\n]'
    """
    array = np.asarray(values)
    if array.ndim == 0:
        return _number(array[()])
    if array.ndim == 1:
        return f"[{', '.join(_number(one) for one in array)}]"
    return "[\n" + "".join(textwrap.indent(literal(row), "    ") + ",\n" for row in array) + "]"


def quoted(name: str) -> str:
    r"""A name from outside as Python text, whatever stands in it.

    Args:
        name: such as a layer's.

    Returns:
        Python text that gives the same name.

    Example:
        >>> print(quoted('a"b'))
        "a\"b"
    """
    return json.dumps(name)


def remark(name: str) -> str:
    """A name from outside as part of a comment: one line, and printable.

    Args:
        name: such as a class's.

    Returns:
        At most 80 letters.
    """
    return "".join(letter for letter in " ".join(name.split()) if letter.isprintable())[:80]


def _number(value: Any) -> str:
    """One number, whole where it is; the shortest text that reads back as the same."""
    if np.isfinite(value) and float(value) == int(value) and abs(value) < 1e9:
        return str(int(value))
    return (
        np.format_float_positional(value, trim="-")
        if np.isfinite(value) and 1e-4 < abs(value) < 1e9
        else (f'float("{value}")' if not np.isfinite(value) else np.format_float_scientific(value, trim="-"))
    )
