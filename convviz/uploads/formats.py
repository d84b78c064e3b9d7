"""What kind of picture some bytes are, how large it claims to be, and the same picture without anything else in it.

Decoders read far more than pixels: text, profiles, thumbnails, further frames. All of that is left out here, from the
bytes alone, so that Pillow meets one frame of a known kind and a known size.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator

from convviz import ConvvizError
from convviz.uploads.frames import LARGEST_FILE, MOST_PIECES, BrokenError, Frame, broken, check_size, foreign
from convviz.uploads.tiff import orientation, vet_tiff

MOST_SCANS = 100  # of a JPEG
MOST_SCANNED = 1_500_000_000  # pixels over all scans of a JPEG, each scan touches every pixel again

_MAGIC = {
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "WebP": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
    "GIF": re.compile(rb"GIF8[79]a"),
    "BMP": re.compile(rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\x00\x00\x00", re.DOTALL),
    "TIFF": re.compile(rb"II\*\x00|MM\x00\*"),
}


def vet(data: bytes) -> Frame:
    """The one frame to decode.

    Args:
        data: a whole file.

    Returns:
        The frame, its size within the limits.

    Raises:
        ConvvizError: another kind of file, too large, or broken.
    """
    if len(data) > LARGEST_FILE:
        raise ConvvizError(
            f"this file has {len(data) / 1e6:.1f} MB, more than {LARGEST_FILE // 1_000_000} MB; save a smaller picture"
        )
    kind = next((kind for kind, pattern in _MAGIC.items() if pattern.match(data)), None)
    if kind is None:
        raise ConvvizError(foreign(data))
    try:
        frame = _VETTERS[kind](data)
    except (BrokenError, struct.error, IndexError) as error:
        raise broken(kind) from error
    check_size(*(frame.canvas or frame.size))
    check_size(*frame.size)
    return frame


# JPEG ----------------------------------------------------------------------------------------------------------------

_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # neither a stuffed FF 00 nor a restart inside a scan
_SOI, _EOI, _SOS, _APP0, _APP1, _APP14, _COM = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xEE, 0xFE
_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15
_COMMON_SIZES = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive


def _segments(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """(marker, start, start of its contents, end) of a JPEG's segments; a scan ends where the next marker stands."""
    position = 2
    for _ in range(MOST_PIECES):
        found = _MARKER.search(data, position)
        if not found:
            raise BrokenError
        start, marker = found.start(), data[found.start() + 1]
        if marker in (0x01, _SOI, _EOI):
            position = start + 2
        else:
            position = start + 2 + max(2, int.from_bytes(data[start + 2 : start + 4], "big"))
        if position > len(data):
            raise BrokenError
        if marker == _SOS:
            following = _MARKER.search(data, position)
            position = following.start() if following else len(data)
        yield marker, start, start + 4, position
        if marker == _EOI:
            return
    raise BrokenError


def _jpeg(data: bytes) -> Frame:
    """A JPEG's first picture without comments, profiles, thumbnails and what follows it."""
    kept, size, turn, scans = [data[:2]], None, 1, 0
    for marker, start, contents, end in _segments(data):
        if marker in _SIZES:
            if size is not None:
                raise BrokenError
            if marker not in _COMMON_SIZES:
                raise ConvvizError("this JPEG is of a rare kind (lossless or arithmetic); save it as an ordinary JPEG")
            height, width = struct.unpack_from(">HH", data, contents + 1)
            size = (width, height)
            check_size(*size)
        elif marker == _SOS:
            scans += 1
        elif marker == _APP1 and data[contents : contents + 6] == b"Exif\x00\x00" and turn == 1:
            turn = orientation(data[contents + 6 : end])
        color = (marker == _APP0 and data[contents : contents + 5] == b"JFIF\x00") or (
            marker == _APP14 and data[contents : contents + 5] == b"Adobe"
        )
        if color or not (_APP0 <= marker <= 0xEF or marker in (_COM, _SOI, 0x01)):
            kept.append(data[start:end])
    if size is None or not scans:
        raise BrokenError
    if scans > MOST_SCANS or scans * size[0] * size[1] > MOST_SCANNED:
        raise ConvvizError(
            f"this JPEG is drawn in {scans} passes of {size[0]} x {size[1]} pixels, which would take too long to open; "
            "save it again as an ordinary JPEG"
        )
    return Frame("JPEG", b"".join(kept), size, orientation=turn)


# PNG -----------------------------------------------------------------------------------------------------------------


def _png(data: bytes) -> Frame:
    """A PNG's own picture without text, profiles and animation."""
    kept, header, position, turn = [data[:8]], None, 8, 1
    for _ in range(MOST_PIECES):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data) or (header is None) != (kind == b"IHDR"):
            raise BrokenError
        contents = data[position + 8 : end - 4]
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", contents)
            check_size(*header[:2])
        if kind == b"tRNS":
            kept.append(_chunk(kind, _transparent(contents, header[2], header[3])))
        elif kind in (b"IHDR", b"PLTE", b"IDAT", b"IEND"):
            kept.append(data[position:end])
        elif kind == b"eXIf":
            turn = orientation(contents)
        if kind == b"IEND":
            return Frame("PNG", b"".join(kept), header[:2], orientation=turn)
        position = end
    raise BrokenError


def _transparent(key: bytes, depth: int, color_type: int) -> bytes:
    """The transparent colour in the 8-bit numbers that Pillow makes of the samples; it compares without this step."""
    if color_type == 3 or depth in (1, 8) or (color_type == 0 and depth == 16):
        return key
    numbers = struct.unpack(f">{len(key) // 2}H", key)
    scaled = [number >> 8 if depth == 16 else number * 255 // (2**depth - 1) for number in numbers]
    return struct.pack(f">{len(scaled)}H", *(min(number, 65535) for number in scaled))


def _chunk(kind: bytes, contents: bytes) -> bytes:
    """A PNG chunk with its length and checksum."""
    return struct.pack(">I", len(contents)) + kind + contents + struct.pack(">I", zlib.crc32(kind + contents))


# WebP ----------------------------------------------------------------------------------------------------------------


def _webp(data: bytes) -> Frame:
    """A WebP's first frame, as it lies on the canvas, without profiles and text."""
    end = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    if 8 + int.from_bytes(data[4:8], "little") > len(data):
        raise BrokenError
    kept, size, position, turn = [], None, 12, 1
    for _ in range(MOST_PIECES):
        if position + 8 > end:
            break
        kind, length = struct.unpack_from("<4sI", data, position)
        contents = data[position + 8 : position + 8 + length]
        if len(contents) < length:
            raise BrokenError
        if size is None:
            size = _webp_size(kind, contents)
            check_size(*size)
        if kind == b"VP8X":
            kept.append(_riff(kind, bytes([contents[0] & 0b00010010]) + contents[1:]))  # alpha and animation only
        elif kind == b"EXIF":
            turn = orientation(contents.removeprefix(b"Exif\x00\x00"))
        elif kind in (b"VP8 ", b"VP8L", b"ALPH", b"ANIM") or (kind == b"ANMF" and not any(b[:4] == kind for b in kept)):
            kept.append(_riff(kind, contents))
        position += 8 + length + length % 2
    return Frame("WEBP", _riff(b"RIFF", b"WEBP" + b"".join(kept)), size or (0, 0), orientation=turn)


def _webp_size(kind: bytes, contents: bytes) -> tuple[int, int]:
    """(width, height) from a WebP's first chunk."""
    if kind == b"VP8X":
        return 1 + int.from_bytes(contents[4:7], "little"), 1 + int.from_bytes(contents[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(contents[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", contents, 6)
        return width & 0x3FFF, height & 0x3FFF
    raise BrokenError


def _riff(kind: bytes, contents: bytes) -> bytes:
    """A RIFF chunk, padded to an even length."""
    return kind + struct.pack("<I", len(contents)) + contents + b"\x00" * (len(contents) % 2)


# GIF -----------------------------------------------------------------------------------------------------------------


def _gif(data: bytes) -> Frame:
    """A GIF's first frame, with its place on the canvas, without comments and further frames."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    position = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    table, control = data[13:position], b""
    while data[position] == 0x21:
        end = _blocks_end(data, position + 2)
        if data[position + 1] == 0xF9:
            control = data[position:end]
        position = end
    if data[position] != 0x2C:
        raise BrokenError
    left, top, frame_width, frame_height, frame_flags = struct.unpack_from("<HHHHB", data, position + 1)
    pixels = position + 10 + (3 << (frame_flags & 7) + 1 if frame_flags & 0x80 else 0)
    end = _blocks_end(data, pixels + 1)
    alone = (
        data[:6]
        + struct.pack("<HH", frame_width, frame_height)
        + data[10:13]
        + table
        + control
        + struct.pack("<BHHHH", 0x2C, 0, 0, frame_width, frame_height)
        + data[position + 9 : end]
        + b";"
    )
    canvas = (max(width, left + frame_width), max(height, top + frame_height))
    return Frame("GIF", alone, (frame_width, frame_height), canvas=canvas, corner=(left, top))


def _blocks_end(data: bytes, position: int) -> int:
    """Where a GIF's chain of small blocks ends."""
    for _ in range(MOST_PIECES):
        length = data[position]
        position += 1 + length
        if length == 0:
            return position
    raise BrokenError


# BMP -----------------------------------------------------------------------------------------------------------------


def _bmp(data: bytes) -> Frame:
    """A BMP, as it is: it has nothing but pixels."""
    if data[14] == 12:
        width, height = struct.unpack_from("<HH", data, 18)
        return Frame("BMP", data, (width, height))
    width, height, _, _, compression = struct.unpack_from("<iiHHI", data, 18)
    check_size(width, abs(height))
    if compression in (1, 2) and (len(data) > 2_000_000 or width * abs(height) > 4_000_000):
        raise ConvvizError("this run-length packed BMP is too large to unpack quickly; save it as PNG")
    return Frame("BMP", data, (width, abs(height)))


_VETTERS: dict[str, Callable[[bytes], Frame]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WebP": _webp,
    "GIF": _gif,
    "BMP": _bmp,
    "TIFF": vet_tiff,
}
