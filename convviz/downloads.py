"""Files that Keras offers for download: whether they are here, and how they come here.

They lie where Keras itself keeps them, so neither fetches what the other has. A file appears under its name only when
it is whole and has the right digest.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from convviz import ConvvizError

PATIENCE = 6.0  # seconds until a silent server is given up
_PIECE = 1 << 18  # bytes read at a time


@dataclass(frozen=True)
class Fetched:
    """How far a download is.

    Attributes:
        received: bytes here so far.
        total: bytes in all, or None if the server does not say.
    """

    received: int
    total: int | None


def folders() -> tuple[Path, ...]:
    """Where Keras keeps files: its home, and the place it takes when its home is read-only.

    Returns:
        ``KERAS_HOME`` or ``~/.keras`` first.
    """
    home = os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")
    temporary = os.environ.get("CONVVIZ_TEMP") or tempfile.gettempdir()  # a worker's own is not everybody's
    return Path(home), Path(temporary) / ".keras"


def find(subfolder: str, file: str) -> Path | None:
    """A file that is already here.

    Args:
        subfolder: ``"models"`` or ``"datasets"``, or deeper.
        file: its name.

    Returns:
        Its path, or None.
    """
    for folder in folders():
        path = folder / subfolder / file
        if path.is_file():
            return path
    return None


def fetch(url: str, subfolder: str, file: str, *, digest: str | None = None) -> Iterator[Fetched]:
    """Download a file into Keras' folder, piece by piece.

    Args:
        url: where it is offered, https.
        subfolder: ``"models"`` or ``"datasets"``, or deeper.
        file: the name it gets.
        digest: MD5 or SHA-256 in hexadecimal digits, or None if its maker states none.

    Yields:
        Fetched: after every piece, about a quarter of a megabyte.

    Raises:
        ConvvizError: the server cannot be reached or is silent for six seconds, or the file is not the right one.
    """
    answer = _opened(url)
    folder = _writable() / subfolder
    folder.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=f"{file}.", suffix=".part", dir=folder)
    try:
        with answer, os.fdopen(handle, "wb") as target:
            yield from _copied(answer, target, url, digest)
        os.replace(part, folder / file)
    finally:
        Path(part).unlink(missing_ok=True)


def need(url: str, subfolder: str, file: str, *, digest: str | None = None) -> Path:
    """A file's path, after fetching it if it is not here.

    Args:
        url: where it is offered, https.
        subfolder: ``"models"`` or ``"datasets"``, or deeper.
        file: its name.
        digest: as for ``fetch``.

    Returns:
        Its path.

    Raises:
        ConvvizError: it is not here and cannot be fetched.
    """
    here = find(subfolder, file)
    if here is None:
        for _ in fetch(url, subfolder, file, digest=digest):
            pass
        here = find(subfolder, file)
    assert here is not None
    return here


def _copied(answer: Any, target: Any, url: str, digest: str | None) -> Iterator[Fetched]:
    """Write what comes, counting and checking it."""
    sums = hashlib.sha256() if digest and len(digest) == 64 else hashlib.md5(usedforsecurity=False)
    length = answer.headers.get("Content-Length")
    total, received = int(length) if length else None, 0
    while True:
        try:
            piece = answer.read(_PIECE)
        except OSError as reason:
            raise _unreachable(url) from reason
        if not piece:
            break
        target.write(piece)
        sums.update(piece)
        received += len(piece)
        yield Fetched(received, total)
    if (total is not None and received < total) or (digest and sums.hexdigest() != digest):
        raise ConvvizError(f"the download from {urlsplit(url).netloc} came incomplete or changed; try again")


def _opened(url: str) -> Any:
    """The server's answer; looking up a name can block for long, so it is waited for from outside."""
    found: list[Any] = []

    def ask() -> None:
        try:
            found.append(urllib.request.urlopen(url, timeout=PATIENCE))
        except (OSError, ValueError) as reason:  # URLError is an OSError
            found.append(reason)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE)
    if not found or isinstance(found[0], Exception):
        raise _unreachable(url) from (found[0] if found else None)
    return found[0]


def _unreachable(url: str) -> ConvvizError:
    server = urlsplit(url).netloc
    return ConvvizError(
        f"the server {server} cannot be reached from this machine; "
        "connect it to the internet, or choose something that is here"
    )


def _writable() -> Path:
    """Keras' folder, or the one it takes instead."""
    home, instead = folders()
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError:
        return instead
    return home if os.access(home, os.W_OK) else instead
