"""Data sets by reference: named ones, folders on this machine and visitors' own, with what is to be done to them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from convviz import ConvvizError, images
from convviz.datasets import folders, reading
from convviz.datasets.records import Dataset, Outline

MOST_KEPT_BYTES = 300_000_000  # of pictures that a worker keeps at hand
SIDES = (8, 512)  # pixels that pictures may be brought to

OPENERS: dict[str, Callable[..., Dataset]] = {}  # kind -> how its bytes become a data set

_kept: OrderedDict[Reference, Dataset] = OrderedDict()
_kept_lock = threading.Lock()


@dataclass(frozen=True)
class Reference:
    """Which labelled pictures, and what is done to them before a network sees them.

    Attributes:
        name: one of ``NAMES``, a folder's name, or the SHA-256 of a visitor's archive.
        kind: ``"named"``, ``"folder"`` (below ``CONVVIZ_DATA``) or ``"upload"``.
        per_class: training pictures of each class, at most; None for all.
        side: height and width that all pictures are brought to, pixels; None leaves them.
    """

    name: str
    kind: str = "named"
    per_class: int | None = None
    side: int | None = None

    @property
    def file(self) -> Reference:
        """What the bytes belong to, whatever is done to them afterwards."""
        return Reference(self.name, self.kind)


class NotHere(LookupError):  # noqa: N818 -- a message to the engine, not a fault
    """A data set cannot be opened here without its bytes.

    Attributes:
        reference: of the data set.
    """

    def __init__(self, reference: Reference) -> None:
        super().__init__(f"the bytes of {reference.kind} {reference.name} are needed")
        self.reference = reference


def resolve(reference: Reference, data: bytes | None = None) -> Dataset:
    """The data set of a reference; the last ones are kept at hand.

    Args:
        reference: of any kind.
        data: the bytes of an ``"upload"``, if the caller has them.

    Returns:
        The data set with its options applied; nobody may write to it.

    Raises:
        NotHere: its bytes are needed and were not given.
        ConvvizError: there is no such data set, or an option is out of range.
    """
    with _kept_lock:
        if reference in _kept:
            _kept.move_to_end(reference)
            return _kept[reference]
        whole = _kept.get(_read(reference))
    whole = whole or _opened(reference, data)
    found = _with_options(whole, reference)
    with _kept_lock:
        for key, one in ((_read(reference), whole), (reference, found)):
            _kept[key] = one
            _kept.move_to_end(key)
        while len(_kept) > 1 and sum({id(one): size(one) for one in _kept.values()}.values()) > MOST_KEPT_BYTES:
            _kept.popitem(last=False)
        if size(found) > MOST_KEPT_BYTES:
            _kept.clear()
    return found


def known_outline(reference: Reference) -> Outline | None:
    """Shape and classes of a data set that need not be read for it; None for folders and uploads.

    Example:
        >>> known_outline(Reference("shapes", side=32)).shape
        (32, 32, 3)
    """
    if reference.kind != "named":
        return None
    found = reading.outline_of(reference.name)
    return replace(found, shape=(reference.side, reference.side, found.shape[2])) if reference.side else found


def size(dataset: Dataset) -> int:
    """Bytes that its pictures take."""
    return sum(getattr(dataset, f"{part}_images").nbytes for part in ("train", "validation", "test"))


def _read(reference: Reference) -> Reference:
    """The same before anything is done to the pictures; files are opened in their size at once."""
    return Reference(reference.name, reference.kind, side=None if reference.kind == "named" else reference.side)


def _opened(reference: Reference, data: bytes | None) -> Dataset:
    if reference.kind == "named":
        return reading.load(reference.name)
    if reference.kind == "folder":
        return folders.load(reference.name, side=_checked(reference.side))
    if data is None or reference.kind not in OPENERS:
        raise NotHere(reference)
    side = _checked(reference.side)
    return OPENERS[reference.kind](data, size=(side, side) if side else None)


def _with_options(dataset: Dataset, reference: Reference) -> Dataset:
    if reference.per_class is not None:
        dataset = _thinned(dataset, reference.per_class)
    if reference.side is not None:
        dataset = _sized(dataset, reference.side)
    return dataset


def _thinned(dataset: Dataset, per_class: int) -> Dataset:
    """The first training pictures of each class, in the order in which they stood."""
    if per_class < 1:
        raise ConvvizError(f"{per_class} pictures of each class are too few; take at least 1")
    labels = dataset.train_labels
    rows = [np.flatnonzero(labels == label)[:per_class] for label in range(len(dataset.class_names))]
    chosen = np.sort(np.concatenate(rows))
    source = f"{dataset.source}; at most {per_class} training pictures of each class"
    return replace(
        dataset, train_images=dataset.train_images[chosen], train_labels=dataset.train_labels[chosen], source=source
    )


def _sized(dataset: Dataset, side: int) -> Dataset:
    """All pictures brought to a square; masks and boxes, which are pixels, are left out."""
    _checked(side)
    if dataset.train_images.shape[1:3] == (side, side):
        return dataset
    parts = {}
    for part in ("train", "validation", "test"):
        pictures = getattr(dataset, f"{part}_images")
        sized = np.empty((len(pictures), side, side, pictures.shape[3]), np.uint8)
        for row, picture in enumerate(pictures):
            sized[row] = images.resize(picture, (side, side)).reshape(sized.shape[1:])
        parts[f"{part}_images"] = sized
    return replace(dataset, **parts, boxes=None, masks=None, source=f"{dataset.source}; brought to {side} × {side}")


def _checked(side: int | None) -> int | None:
    low, high = SIDES
    if side is not None and not low <= side <= high:
        raise ConvvizError(f"pictures of {side} × {side} pixels cannot be had; choose {low} to {high}")
    return side
