"""What any picture must be to come in, whatever its format, and the sentences for what stays out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from convviz import ConvvizError

LARGEST_FILE = 50_000_000  # bytes
LARGEST_SIDE = 16_384  # pixels
LARGEST_AREA = 64_000_000  # pixels
MOST_PIECES = 200_000  # chunks, segments, blocks or strips of one file
CHOOSE = "choose a JPEG, PNG, WebP, GIF, BMP or TIFF picture"


@dataclass(frozen=True)
class Frame:
    """One vetted frame.

    Attributes:
        format: Pillow's name of the format.
        data: a file with this frame alone.
        size: its (width, height), pixels.
        canvas: (width, height) of the whole picture, where the frame covers only a part of it.
        corner: (left, top) of the frame on the canvas.
        orientation: how a viewer turns it, as EXIF counts: 1 to 8.
        depth: bits of a sample, where Pillow keeps more than 8 of them.
        inverted: whether the smallest number of a grey picture is white.
    """

    format: str
    data: bytes
    size: tuple[int, int]
    canvas: tuple[int, int] | None = None
    corner: tuple[int, int] = (0, 0)
    orientation: int = 1
    depth: int = 16
    inverted: bool = False


class BrokenError(Exception):
    """The bytes end too early or contradict themselves."""


def broken(kind: str) -> ConvvizError:
    """The sentence for a file that a decoder cannot read to its end."""
    return ConvvizError(f"this {kind} picture is cut off or damaged; save or download it again, or {CHOOSE}")


def check_size(width: int, height: int) -> None:
    """Refuse what is too large to decode, or has no pixels at all."""
    if width < 1 or height < 1:
        raise ConvvizError(f"this picture claims to be {width} x {height} pixels; {CHOOSE} with pixels in it")
    if max(width, height) > LARGEST_SIDE or width * height > LARGEST_AREA:
        raise ConvvizError(
            f"this picture is {width:,} x {height:,} pixels, {width * height / 1e6:,.0f} megapixels, too large to open "
            f"here; shrink it to at most {LARGEST_SIDE:,} pixels a side and {LARGEST_AREA // 1_000_000} megapixels"
        )


_FOREIGN = {  # what else people choose by mistake -> what they can do
    rb"%PDF": ("a PDF document", "save the page you want as PNG"),
    rb"%!PS|\xc5\xd0\xd3\xc6": ("a PostScript drawing", "save it as PNG"),
    rb".{4}ftyp(hei|hev|mif1|msf1)": (
        "a HEIC photo",
        "save it as JPEG",
    ),
    rb".{4}ftypavi[fs]": ("an AVIF picture", "save it as PNG or JPEG"),
    rb".{4}ftyp|\x1aE\xdf\xa3|RIFF.{4}AVI ": ("a video", "save one frame of it as PNG or JPEG"),
    rb"\x00\x00[\x01\x02]\x00(?!\x00\x00)": ("a Windows icon", "save it as PNG"),
    rb"\x00\x00[\x02\x03\x0a\x0b]\x00{5}": ("a TGA picture", "save it as PNG"),
    rb"8BPS": ("a Photoshop document", "save it as PNG or JPEG"),
    rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51": ("a JPEG 2000 picture", "save it as PNG or JPEG"),
    rb"\x00\x00\x00\x0cJXL |\xff\x0a": ("a JPEG XL picture", "save it as PNG or JPEG"),
    rb"II\+\x00|MM\x00\+": ("a BigTIFF picture", "save it as PNG or as a plain TIFF"),
    rb"PK\x03\x04": ("a zip archive", "unpack it and choose one picture"),
    rb"\x1f\x8b|BZh|7z\xbc\xaf|Rar!|\xfd7zXZ": ("a packed archive", "unpack it and choose one picture"),
    rb"\x89HDF": ("an HDF5 file", "open a Keras model on the page for models"),
    rb"SIMPLE  =": ("a FITS picture", "save it as PNG or TIFF"),
    rb"\s*(<\?xml.{0,4000}?|<!--.{0,4000}?|<!DOCTYPE svg.{0,4000}?)?<svg[\s>:]": ("an SVG drawing", "save it as PNG"),
    rb"(?i)\s*<(!doctype html|html|head|body|\?xml)": ("a web page or XML text", "save the picture itself"),
}


def foreign(data: bytes) -> str:
    """The sentence that names what a file is instead of a picture."""
    if not data:
        return f"this file is empty; {CHOOSE}"
    start = data[:8192].removeprefix(b"\xef\xbb\xbf")
    for pattern, (name, remedy) in _FOREIGN.items():
        if re.match(pattern, start, re.DOTALL):
            return f"this file is {name}, which is not opened here; {remedy}"
    printable = sum(byte >= 32 or byte in b"\t\n\r" for byte in start)
    if b"\x00" not in start and printable > 0.95 * len(start):
        return f"this file is text, not a picture; {CHOOSE}"
    return f"this file is no picture that is known here; {CHOOSE}"
