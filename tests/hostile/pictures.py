"""Picture files that claim, hide or repeat too much."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def save(picture: Image.Image | np.ndarray, kind: str, **choices) -> bytes:
    """A picture as an honest file."""
    file = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(file, kind, **choices)
    return file.getvalue()


def chunk(kind: bytes, contents: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(contents)) + kind + contents + struct.pack(">I", zlib.crc32(kind + contents))


def png(width: int, height: int, depth: int = 8, color_type: int = 0, rows: bytes = b"", *between: bytes) -> bytes:
    """A PNG of any size whose rows are given as they are, filter bytes and all."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + b"".join([header, *between, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")])


def png_of_two_sizes(small: int, large: int) -> bytes:
    """A PNG whose second header is larger than its first."""
    second = chunk(b"IHDR", struct.pack(">IIBBBBB", large, large, 8, 0, 0, 0, 0))
    return png(small, small, 8, 0, bytes(large * (large + 1)), second)


def png_swarm(chunks: int) -> bytes:
    """A PNG whose pixels come in a great many empty chunks."""
    return png(1, 1, 8, 0, b"\x00\x00", chunk(b"IDAT", b"") * chunks)


def webp_canvas(width: int, height: int) -> bytes:
    """A tiny animated WebP on a canvas of any size."""
    frames = [Image.new("RGB", (16, 16), color) for color in ("red", "blue")]
    data = bytearray(save(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True))
    place = data.index(b"VP8X") + 12
    data[place : place + 6] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes(data)


def gif_canvas(width: int, height: int) -> bytes:
    """A tiny GIF on a screen of any size."""
    data = bytearray(save(np.zeros((2, 2), np.uint8), "GIF"))
    data[6:10] = struct.pack("<HH", width, height)
    return bytes(data)


def gif_frame(width: int, height: int) -> bytes:
    """A GIF whose frame claims any size, on a small screen."""
    data = bytearray(save(np.zeros((2, 2), np.uint8), "GIF"))
    place = data.index(b"\x2c\x00\x00\x00\x00\x02")
    data[place + 5 : place + 9] = struct.pack("<HH", width, height)
    return bytes(data)


def gif_of_small_blocks(blocks: int) -> bytes:
    """A GIF with a comment in a great many blocks of one byte."""
    data = save(np.zeros((2, 2), np.uint8), "GIF")
    place = data.index(b"\x2c\x00\x00\x00\x00\x02")
    return data[:place] + b"!\xfe" + b"\x01x" * blocks + b"\x00" + data[place:]


def bmp(width: int, height: int, bits: int = 24, compression: int = 0, contents: bytes = b"") -> bytes:
    """A BMP that claims any size."""
    palette = bytes(range(256)) * 4 if bits == 8 else b""
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(contents), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 54 + len(palette)) + head + palette + contents


def bmp_of_lines(width: int, height: int) -> bytes:
    """A run-length BMP with one pixel a line, the rest to be filled up."""
    return bmp(width, height, 8, 1, b"\x01\x05\x00\x00" * height)


def jpeg_size(width: int, height: int) -> bytes:
    """A tiny JPEG that claims any size."""
    data = bytearray(save(np.zeros((8, 8, 3), np.uint8), "JPEG"))
    place = data.index(b"\xff\xc0") + 5
    data[place : place + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def jpeg_of_scans(size: tuple[int, int], scans: int) -> bytes:
    """A progressive JPEG whose last pass over the pixels is repeated."""
    data = save(Image.new("RGB", size, (10, 200, 30)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * (scans - data.count(b"\xff\xda") + 1) + data[-2:]


def exif(orientation: int, order: str = "<", kind: int = 3, entries: int = 1, length: int = 0) -> bytes:
    """A block of EXIF; more entries all claim the same long value."""
    mark = b"II*\x00" if order == "<" else b"MM\x00*"
    value = struct.pack(order + "H", orientation) + b"\x00\x00"
    first = struct.pack(order + "HHI", 274, kind, 1) + value
    more = [struct.pack(order + "HHII", 300 + number, 7, length, 8) for number in range(entries - 1)]
    return mark + struct.pack(order + "IH", 8, entries) + first + b"".join(more) + bytes(4) + bytes(length)


def jpeg_with(segment: bytes, picture: np.ndarray, marker: int = 0xE1) -> bytes:
    """A JPEG with one more application segment."""
    data = save(picture, "JPEG", quality=95, subsampling=0)
    return data[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(segment) + 2) + segment + data[2:]


def tiff(tags: dict[int, tuple[int, int, int]], contents: bytes = b"", order: str = "<") -> bytes:
    """A TIFF from tag -> (type, count, value or offset); the contents start at byte 8."""
    contents += b"\x00" * (len(contents) % 2)
    mark = (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(order + "I", 8 + len(contents))
    entries = b""
    for tag, (kind, count, value) in sorted(tags.items()):
        packed = struct.pack(order + "HH", value, 0) if kind == 3 and count == 1 else struct.pack(order + "I", value)
        entries += struct.pack(order + "HHI", tag, kind, count) + packed
    return mark + contents + struct.pack(order + "H", len(tags)) + entries + bytes(4)


def grey_tiff(width: int, height: int, contents: bytes, order: str = "<", **more: tuple[int, int, int]) -> bytes:
    """An unpacked grey TIFF in one strip, further tags by ``t<number>``; with tiles the strip is left out."""
    tags = {
        256: (4, 1, width),
        257: (4, 1, height),
        258: (3, 1, 8),
        259: (3, 1, 1),
        262: (3, 1, 1),
        273: (4, 1, 8),
        277: (3, 1, 1),
        278: (4, 1, height),
        279: (4, 1, len(contents)),
    }
    if "t324" in more:
        tags = {tag: entry for tag, entry in tags.items() if tag not in (273, 278, 279)}
    tags |= {int(name[1:]): entry for name, entry in more.items()}
    return tiff(tags, contents, order)


FOREIGN = {  # what the sentence must name -> the start of such a file
    "an SVG drawing": b'<?xml version="1.0"?>\n<!-- made by hand -->\n<svg xmlns="http://www.w3.org/2000/svg"></svg>',
    "a web page": b"<!DOCTYPE html><html></html>",
    "a PDF document": b"%PDF-1.7\n",
    "a PostScript drawing": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "a HEIC photo": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
    "an AVIF picture": b"\x00\x00\x00\x20ftypavif\x00\x00\x00\x00",
    "a video": b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00",
    "a Windows icon": b"\x00\x00\x01\x00\x01\x00\x10\x10",
    "a TGA picture": b"\x00\x00\x02" + bytes(9) + b"\x10\x00\x10\x00\x18\x00",
    "a Photoshop document": b"8BPS\x00\x01",
    "a JPEG 2000 picture": b"\x00\x00\x00\x0cjP  \r\n\x87\n",
    "a JPEG XL picture": b"\xff\x0a\xfa\x7f",
    "a BigTIFF picture": b"II+\x00\x08\x00\x00\x00",
    "a zip archive": b"PK\x03\x04\x14\x00",
    "a packed archive": b"\x1f\x8b\x08\x00",
    "an HDF5 file": b"\x89HDF\r\n\x1a\n",
    "a FITS picture": b"SIMPLE  =                    T",
    "is text": b"name,age\nAda,36\n",
    "is empty": b"",
    "is no picture that is known": bytes(range(256)),
}
