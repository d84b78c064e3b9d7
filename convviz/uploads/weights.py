"""The HDF5 file in which a visitor's network keeps its weights: walked through before Keras opens it."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np

from convviz import ConvvizError, lazy

h5py = lazy.load("h5py")

LARGEST_WEIGHTS = 600_000_000  # bytes as declared
LARGEST_CHUNK = 64_000_000  # bytes that are unpacked at once
LARGEST_NOTES = 20_000_000  # bytes of attributes
LONGEST_NOTE = 20_000  # numbers or words of one attribute
MOST_OBJECTS = 50_000
MOST_DEPTH = 40
_FILTERS = frozenset({1, 2, 3})  # deflate, shuffle, Fletcher's checksum
_DAMAGED = "this model's weights are cut off or damaged; save or download the file again"


def open_file(data: bytes, mode: str = "r") -> Any:
    """An HDF5 file in memory.

    Args:
        data: the whole file.
        mode: ``"r"`` to read, ``"r+"`` to change it in memory.

    Returns:
        An ``h5py.File``.

    Raises:
        ConvvizError: it cannot be opened.
    """
    try:
        return h5py.File(io.BytesIO(data), mode)
    except Exception as error:  # h5py raises what HDF5's own errors suggest
        raise ConvvizError(_DAMAGED) from error


def vet_weights(data: bytes) -> None:
    """Refuse a file that is more than groups of plain numbers: links, cycles, foreign files, sizes beyond reason.

    Args:
        data: the whole HDF5 file.

    Raises:
        ConvvizError: the sentence says what is in it.
    """
    with open_file(data) as file:
        try:
            _Walk().group(file, 1)
        except ConvvizError:
            raise
        except Exception as error:  # whatever h5py stumbles over, the file is to blame
            raise ConvvizError(_DAMAGED) from error


class _Walk:
    """A walk through an HDF5 file that counts what it meets."""

    def __init__(self) -> None:
        self.seen: set[int] = set()
        self.objects = self.numbers = self.notes = 0

    def group(self, group: Any, depth: int) -> None:
        """A group and all below it. The kind of a link is looked at first: to follow it would open what it names."""
        self._meet(group, len(group))
        if depth > MOST_DEPTH:
            raise ConvvizError(f"this model's weights lie more than {MOST_DEPTH} groups deep; save a simpler network")
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ConvvizError("this model's weights link to another place or file; save the model again")
            item = group[name]
            if isinstance(item, h5py.Group):
                self.group(item, depth + 1)
            elif isinstance(item, h5py.Dataset):
                self._dataset(item)
            else:
                raise ConvvizError("this model's weights hold more than numbers; save the model again")

    def _meet(self, item: Any, below: int) -> None:
        """Count an object, once only, and what is noted on it."""
        address = h5py.h5o.get_info(item.id).addr
        if address in self.seen:
            raise ConvvizError("this model's weights stand in one place under several names; save the model again")
        self.seen.add(address)
        self.objects += 1 + len(item.attrs)
        if self.objects + below > MOST_OBJECTS:
            raise ConvvizError(f"this model's weights are in more than {MOST_OBJECTS:,} pieces; save a smaller network")
        listed: list[str] = []
        for name in item.attrs:
            self._note(item.attrs.get_id(name))
            if name.startswith(("weight_names", "layer_names")):
                listed += [word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word)
                           for word in np.atleast_1d(item.attrs[name])]  # fmt: skip
        if len(set(listed)) < len(listed) or any({"", ".", ".."} & set(word.split("/")) for word in listed):
            raise ConvvizError("this model's weights are listed twice or by odd paths; save the model again")

    def _note(self, note: Any) -> None:
        """An attribute: text or plain numbers, of a size that can be read."""
        kind = note.dtype
        if not (kind.kind in "fiubS" or h5py.check_string_dtype(kind)):
            raise ConvvizError(
                "this model's weights carry notes that are neither text nor numbers; save the model again"
            )
        count = math.prod(note.shape or (1,))
        self.notes += count * kind.itemsize
        if self.notes > LARGEST_NOTES or count > LONGEST_NOTE:
            raise ConvvizError(
                f"this model's weights carry more than {LARGEST_NOTES // 1_000_000} MB of notes; save it again"
            )

    def _dataset(self, dataset: Any) -> None:
        """An array: plain numbers, in this file, packed in a known way."""
        self._meet(dataset, 0)
        if dataset.external or dataset.is_virtual:
            raise ConvvizError("this model's weights lie in another file; save the model in one file")
        kind, shape = dataset.dtype, dataset.shape
        brain_float = kind.kind == "V" and kind.itemsize == 2 and kind.names is None
        if shape is None or not (brain_float or (kind.kind in "fiub" and kind.itemsize <= 8)):
            raise ConvvizError("this model's weights hold more than numbers; save the model again")
        packing = dataset.id.get_create_plist()
        if any(packing.get_filter(place)[0] not in _FILTERS for place in range(packing.get_nfilters())):
            raise ConvvizError("this model's weights are packed in a rare way; save the model with Keras itself")
        if math.prod(dataset.chunks or (1,)) * kind.itemsize > LARGEST_CHUNK:
            raise ConvvizError(_DAMAGED)
        self.numbers += math.prod(shape) * kind.itemsize
        if self.numbers > LARGEST_WEIGHTS:
            raise ConvvizError(
                f"this model's weights unpack to more than {LARGEST_WEIGHTS // 1_000_000} MB; save it without the "
                "optimizer, or a smaller network"
            )
