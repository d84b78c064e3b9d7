"""TIFF's directories of tags: those of TIFF pictures, and of the EXIF block that cameras put into other formats."""

from __future__ import annotations

import struct
from collections.abc import Callable

from convviz import ConvvizError
from convviz.uploads.frames import MOST_PIECES, BrokenError, Frame, check_size

_UNITS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}  # bytes of each type
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIPS, _SAMPLES, _ROWS, _PLANAR, _TILE_WIDTH, _TILE_HEIGHT, _TILES = 273, 277, 278, 284, 322, 323, 324
_PIXEL_TAGS = (
    frozenset({_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _STRIPS, _SAMPLES, _ROWS, _PLANAR})
    | frozenset({_TILE_WIDTH, _TILE_HEIGHT, _TILES})
    | frozenset({266, 279, 292, 293, 317, 320, 325, 332, 338, 339, 347, 529, 530})
)
_COMPRESSIONS = frozenset({1, 2, 3, 4, 5, 7, 8, 32773, 32946, 50000})  # not LZMA: it may ask for gigabytes


def _order(data: bytes) -> str:
    """The byte order of a block of TIFF, as ``struct`` writes it."""
    try:
        return {b"II*\x00": "<", b"MM\x00*": ">"}[data[:4]]
    except KeyError:
        raise BrokenError from None


def _directory(data: bytes) -> tuple[bytes, dict[int, tuple[int, int, bytes]]]:
    """The first directory: its entries as bytes, those of the pixels only, and all as tag -> (type, count, value)."""
    order = _order(data)
    (start,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, start)
    if count > 1000:
        raise BrokenError
    entries: dict[int, tuple[int, int, bytes]] = {}
    kept = []
    for position in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, number, value = struct.unpack_from(order + "HHI4s", data, position)
        if tag in entries:
            continue
        entries[tag] = (kind, number, value)
        if tag in _PIXEL_TAGS:
            length = number * _UNITS.get(kind, 0)
            if length > 4 and struct.unpack(order + "I", value)[0] + length > len(data):
                raise BrokenError
            kept.append(data[position : position + 12])
    return b"".join(kept), entries


def _number(order: str, kind: int, value: bytes) -> int:
    """A whole number that stands in a directory's entry itself."""
    if kind not in (1, 3, 4):
        raise BrokenError
    return struct.unpack_from(order + {1: "B", 3: "H", 4: "I"}[kind], value)[0]


def vet_tiff(data: bytes) -> Frame:
    """A TIFF's first picture: its directory written anew with the tags that decoding needs."""
    order = _order(data)
    kept, entries = _directory(data)

    def number(tag: int, default: int | None = None) -> int:
        if tag not in entries and default is not None:
            return default
        if tag not in entries:
            raise BrokenError
        return _number(order, entries[tag][0], entries[tag][2])

    size = (number(_WIDTH), number(_HEIGHT))
    check_size(*size)
    if number(_COMPRESSION, 1) not in _COMPRESSIONS:
        raise ConvvizError(f"this TIFF is packed in a rare way ({number(_COMPRESSION)}); save it as PNG")
    _check_pieces(data, entries, number, size)
    bits = entries.get(_BITS, (3, 1, b""))
    depth = _number(order, bits[0], bits[2]) if bits[1] == 1 and bits[2] else 16
    end = len(data) + len(data) % 2
    directory = struct.pack(order + "H", len(kept) // 12) + kept + bytes(4)
    alone = data[:4] + struct.pack(order + "I", end) + data[8:] + b"\x00" * (end - len(data)) + directory
    turn = number(274, 1)
    return Frame(
        "TIFF",
        alone,
        size,
        orientation=turn if turn in range(1, 9) else 1,
        depth=depth,
        inverted=number(_PHOTOMETRIC, 0) == 0,
    )


def _check_pieces(data: bytes, entries: dict, number: Callable[..., int], size: tuple[int, int]) -> None:
    """A TIFF has the strips or tiles it needs, no more: superfluous ones would be decoded one over the other."""
    width, height = size
    planes = number(_SAMPLES, 1) if number(_PLANAR, 1) == 2 else 1
    if _TILES in entries:
        tile = (number(_TILE_WIDTH), number(_TILE_HEIGHT))
        check_size(*tile)
        needed = -(-width // tile[0]) * -(-height // tile[1]) * planes
    else:
        needed = -(-height // max(1, number(_ROWS, height))) * planes
    count = entries.get(_TILES, entries.get(_STRIPS, (0, 0)))[1]
    if {_TILES, _STRIPS} <= set(entries) or not 0 < count <= min(needed, MOST_PIECES):
        raise BrokenError
    if number(_COMPRESSION, 1) == 7 and data.count(b"\xff\xda") > 4 * count + 16:
        raise ConvvizError("this TIFF holds JPEGs of very many passes, which would take too long to open; save as PNG")


def orientation(block: bytes) -> int:
    """The orientation in a block of EXIF, 1 where there is none that makes sense."""
    try:
        _, entries = _directory(block)
        kind, count, value = entries[274]
        number = _number(_order(block), kind, value)
    except (BrokenError, KeyError, struct.error):
        return 1
    return number if count == 1 and number in range(1, 9) else 1
