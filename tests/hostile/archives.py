"""Zip archives that lie about their members."""

import io
import struct
import zipfile

import numpy as np

from tests.hostile.pictures import save

KINDS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
RED, BLUE = np.full((6, 8, 3), (200, 0, 0), np.uint8), np.full((6, 8, 3), (0, 0, 200), np.uint8)


def pack(files: dict[str, bytes], *, method: int = zipfile.ZIP_STORED) -> bytes:
    """An honest archive."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, contents in files.items():
            archive.writestr(name, contents)
    return packed.getvalue()


def folders(count: int = 4, *, before: str = "", kind: str = "PNG") -> dict[str, bytes]:
    """A folder of red and a folder of blue pictures, the n-th with n + 1 in its first number."""
    files = {}
    for name, color in (("red", RED), ("blue", BLUE)):
        for number in range(count):
            picture = color.copy()
            picture[..., 1] = number + 1
            files[f"{before}{name}/{number}.{kind.lower()}"] = save(picture, kind)
    return files


def twice(files: dict[str, bytes], name: str, contents: bytes) -> bytes:
    """An archive with one name twice."""
    packed = io.BytesIO(pack(files))
    with zipfile.ZipFile(packed, "a") as archive:
        info = zipfile.ZipInfo("x" * len(name))
        archive.writestr(info, contents)
    return packed.getvalue().replace(b"x" * len(name), name.encode())


def overlapping(count: int, contents: bytes, name: str = "red/{}.png") -> bytes:
    """Members that all share the first one's packed bytes: small outside, huge inside."""
    data = pack({name.format("0"): contents}, method=zipfile.ZIP_DEFLATED)
    start = data.index(b"PK\x01\x02")
    local, entry = data[:start], data[start : data.rindex(b"PK\x05\x06")]
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, len(entry) * count, len(local), 0)
    return local + entry * count + end


def nested_overlap(contents: bytes) -> bytes:
    """Two members of different names, the second's header inside the first's stored bytes."""
    inner = pack({"blue/1.png": contents})
    inner_local = inner[: inner.index(b"PK\x01\x02")]
    outer = pack({"red/0.png": inner_local})
    start = outer.index(b"PK\x01\x02", 30 + len(inner_local))
    entry = outer[start : outer.rindex(b"PK\x05\x06")]
    second = bytearray(inner[inner.index(b"PK\x01\x02") : inner.rindex(b"PK\x05\x06")])
    second[42:46] = struct.pack("<I", outer.index(b"PK\x03\x04", 4))
    contents_size = len(entry) + len(second)
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 2, 2, contents_size, start, 0)
    return outer[:start] + entry + bytes(second) + end


def patched(data: bytes, offset: int, value: bytes) -> bytes:
    """The first entry of the table of contents changed at an offset."""
    changed = bytearray(data)
    start = data.index(b"PK\x01\x02") + offset
    changed[start : start + len(value)] = value
    return bytes(changed)


def linked(files: dict[str, bytes], name: str, target: bytes) -> bytes:
    """An archive with a symbolic link."""
    packed = io.BytesIO(pack(files))
    with zipfile.ZipFile(packed, "a") as archive:
        info = zipfile.ZipInfo(name)
        info.create_system, info.external_attr = 3, 0o120777 << 16
        archive.writestr(info, target)
    return packed.getvalue()
