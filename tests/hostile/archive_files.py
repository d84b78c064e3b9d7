"""Archives: as people and their systems really pack them, and those that lead outside, overlap or unpack to much."""

from __future__ import annotations

import pickle
import struct
import zipfile

import numpy as np

from tests.hostile import archives as make
from tests.hostile.collection import CANARY, File
from tests.hostile.pictures import png, save

FOLDERS = make.folders()
PACKED = make.pack(FOLDERS)


class _Opened:
    """Unpickling it would write the canary."""

    def __reduce__(self):
        return open, (str(CANARY), "w")


def _commented() -> bytes:
    data = bytearray(PACKED)
    data[-2:] = struct.pack("<H", 11)
    return bytes(data) + b"made by Ada"


def _slashes() -> bytes:
    return make.pack({name.replace("/", "\\"): contents for name, contents in FOLDERS.items()})


def _unmarked() -> bytes:
    named = make.pack({name.replace("red", "Apfel"): contents for name, contents in FOLDERS.items()})
    return named.replace(b"Apfel", "Äpfe".encode())


def _mac() -> dict[str, bytes]:
    return FOLDERS | {f"__MACOSX/{name.replace('/', '/._')}": b"notes" for name in FOLDERS}


def _lie_about_contents() -> bytes:
    end = PACKED.rindex(b"PK\x05\x06")
    lie = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 8, 8, 2**40, 0)
    return PACKED[:end] + lie + struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1) + PACKED[end:]


def _parts() -> dict[str, bytes]:
    return {name: one for part, count in (("Train", 5), ("val", 3), ("test", 2))
            for name, one in make.folders(count, before=f"pets/{part}/").items()}  # fmt: skip


TWO, EIGHT = ("blue", "red"), 8
PLAIN_BMP = save(np.zeros((150, 150, 3), np.uint8), "BMP")

ODD = {  # shows: (class names, how many pictures come in)
    "two folders": File(lambda: PACKED, shows=(TWO, EIGHT)),
    "deflated": File(lambda: make.pack(FOLDERS, method=zipfile.ZIP_DEFLATED), shows=(TWO, EIGHT)),
    "three folders around": File(lambda: make.pack(make.folders(before="a/b/c/")), shows=(TWO, EIGHT)),
    "parts": File(lambda: make.pack(_parts()), shows=(TWO, 20)),
    "packed on a Mac": File(lambda: make.pack(_mac()), shows=(TWO, EIGHT)),
    "packed on Windows": File(_slashes, shows=(TWO, EIGHT)),
    "names that do not say that they are UTF-8": File(_unmarked, shows=(("blue", "Äpfe"), EIGHT)),
    "a comment at the end": File(_commented, shows=(TWO, EIGHT)),
    "something in front": File(lambda: make.pack({"cover.png": save(make.RED, "PNG")} | FOLDERS), shows=(TWO, EIGHT)),
    "empty folders": File(lambda: make.pack({"empty/": b"", **FOLDERS}), shows=(TWO, EIGHT)),
    "notes beside the pictures": File(
        lambda: make.pack(FOLDERS | {"readme.md": b"# hi", "red/labels.csv": b"=1+1"}), shows=(TWO, EIGHT)
    ),
    "a pickle beside the pictures": File(
        lambda: make.pack(FOLDERS | {"red/model.pkl": pickle.dumps(_Opened())}), shows=(TWO, EIGHT)
    ),
    "a bomb in an archive inside": File(
        lambda: make.pack(FOLDERS | {"red/inner.zip": make.overlapping(99, bytes(99))}), shows=(TWO, EIGHT)
    ),
    "broken pictures among good ones": File(
        lambda: make.pack(FOLDERS | {"red/x.png": b"\x89PNG", "blue/y.jpg": b"<svg/>"}), shows=(TWO, EIGHT)
    ),
    "a huge picture among good ones": File(
        lambda: make.pack(FOLDERS | {"red/x.png": png(13_000, 13_000)}), shows=(TWO, EIGHT)
    ),
    "plain drawings that pack very well": File(
        lambda: make.pack({f"{name}/1.bmp": PLAIN_BMP for name in "ab"}, method=zipfile.ZIP_DEFLATED),
        shows=(("a", "b"), 2),
    ),
    "classes that would be markup": File(
        lambda: make.pack({name.replace("red", "<b>*r*</b> =1+1"): one for name, one in FOLDERS.items()}),
        shows=(("<b>*r*<", "blue"), EIGHT),
    ),
    "pictures of every kind": File(
        lambda: make.pack(
            {f"{name}/{kind}.{kind.lower()}": save(color, kind) for kind in make.KINDS
             for name, color in (("red", make.RED), ("blue", make.BLUE))}
        ),
        shows=(TWO, 12),
    ),
}  # fmt: skip

_OUTSIDE, _DAMAGED = "a name that leads outside", "cut off or damaged"

HOSTILE = {
    **{
        f"a member {name!r:.40}": File(lambda name=name: make.pack(FOLDERS | {name: b"x"}), _OUTSIDE)
        for name in (
            "../convviz-canary", "red/../../convviz-canary.png", str(CANARY), "C:/red/1.png", "\\\\server\\red\\1.png",
            "red/a\x07.png", "red/\u202egnp.exe.png", "red/\u200b1.png", "red/" + "x" * 1000 + ".png",
            "d/" * 20 + "1.png",
        )
    },
    "no archive": File(lambda: save(make.RED, "PNG"), "no zip archive"),
    "nothing": File(lambda: b"", "no zip archive"),
    "cut off": File(lambda: PACKED[: len(PACKED) // 2], _DAMAGED),
    "more than 200 MB": File(lambda: bytes(200_000_001), "more than 200 MB"),
    "members that share bytes": File(
        lambda: make.overlapping(250, save(np.zeros((900, 900, 3), np.uint8), "BMP")), "two files of the same name"
    ),
    "a member inside another": File(lambda: make.nested_overlap(save(make.BLUE, "PNG")), "overlap"),
    "a link": File(lambda: make.linked(FOLDERS, "red/link.png", b"/etc/passwd"), "links instead of files"),
    "locked": File(lambda: make.patched(PACKED, 8, b"\x01\x00"), "locked with a password"),
    "by bzip2": File(lambda: make.pack({"red/1.png": bytes(99_000_000)} | FOLDERS, method=zipfile.ZIP_BZIP2),
                     "packed in a rare way"),
    "one name twice": File(lambda: make.twice(FOLDERS, "red/0.png", b"other"), "two files of the same name"),
    "a bomb": File(
        lambda: make.pack(FOLDERS | {"red/bomb.png": bytes(49_000_000)}, method=zipfile.ZIP_DEFLATED), "unpacks from"
    ),
    "a member that claims gigabytes": File(lambda: make.patched(PACKED, 24, struct.pack("<I", 2**31)), "unpacks from"),
    "a lie about its contents": File(_lie_about_contents, "more than 10,000 files"),
    "20,000 members": File(lambda: make.pack({f"red/{n}.txt": b"" for n in range(20_000)}), "pack at most 10,000"),
    "one class": File(lambda: make.pack({"red/1.png": save(make.RED, "PNG")}), "has 1 class"),
    "201 classes": File(lambda: make.pack({f"{n}/1.png": b"x" for n in range(201)}), "has 201 classes"),
    "no picture that opens": File(lambda: make.pack({"a/1.png": b"x", "b/1.png": b"x"}), "no picture of one of"),
    "four gigapixels by their headers": File(
        lambda: make.pack({f"{c}/{n}.png": png(8000, 8000) for c in "ab" for n in range(32)}), "more than 4 gigapixels"
    ),
}  # fmt: skip
