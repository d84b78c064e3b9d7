"""A visitor's own data set: a zip archive with one folder of pictures for each class."""

from __future__ import annotations

import contextlib
import re
import zipfile
from collections.abc import Iterator

import numpy as np

from convviz import ConvvizError, images
from convviz.datasets import Dataset
from convviz.uploads.formats import vet
from convviz.uploads.pictures import read
from convviz.uploads.zips import Archive

LARGEST_ARCHIVE = 200_000_000  # bytes
MOST_MEMBERS = 10_000
MOST_CLASSES = 200
LARGEST_MEMBER = 50_000_000  # bytes, unpacked
LARGEST_SUM = 1_000_000_000  # bytes, unpacked
LARGEST_RATIO = 200  # unpacked to packed, of larger files than the next
SMALL_MEMBER = 1_000_000  # bytes, unpacked: a plain drawing may pack very well
MOST_PIXELS = 4_000_000_000  # of all pictures together
LARGEST_SIDE = 512  # of the pictures that come out
LARGEST_RESULT = 700_000_000  # bytes that come out
LONGEST_NAME, MOST_LEVELS = 1_000, 20
SIDE = 150  # pixels, the lecture's cats and dogs

_PARTS = {
    "train": "train", "training": "train",
    "validation": "validation", "valid": "validation", "val": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")  # control, bidi, no width
_SEED, _SHARE = 20261123, 0.15
_LAYOUT = "put the pictures of each class into a folder of its own, named like the class, and pack these folders"

_Place = tuple[str, str, zipfile.ZipInfo]  # part, class, file


def open_dataset(data: bytes, *, size: tuple[int, int] | None = None) -> Dataset:
    """Labelled pictures from a zip archive of folders.

    The archive holds one folder for each class; an outer folder round them, or folders ``train``, ``validation`` and
    ``test`` above them, are seen through. Where a part is missing it is drawn at random from the pictures to learn
    from, the same ones every time: 15 % of them to choose by, 15 % to report on. Nothing is written to a disk, and no
    name in the archive is used as a path. Files that are no pictures are passed over; pictures that cannot be opened
    are left out, and ``left_out`` says how many.

    Args:
        data: the archive, at most 200 MB with at most 10,000 files, which unpack to at most 1 GB.
        size: (height, width) that every picture is brought to, pixels, at most 512; None means 150 x 150. Pictures are
            grey if all of them are.

    Returns:
        The data set, images uint8 (N, height, width, 3), or (N, height, width, 1) if all are grey.

    Raises:
        ConvvizError: no zip archive, damaged, hostile, fewer than 2 or more than 200 classes, or too much of anything.
    """
    height, width = size or (SIDE, SIDE)
    if not (8 <= height <= LARGEST_SIDE and 8 <= width <= LARGEST_SIDE):
        raise ConvvizError(f"pictures of {height} x {width} pixels; choose between 8 and {LARGEST_SIDE}")
    archive = _archive(bytes(data))
    places = list(_places(archive))
    class_names = _class_names(places)
    if len(places) * height * width * 3 > LARGEST_RESULT:
        raise ConvvizError(f"{len(places):,} pictures of {height} x {width} pixels are too many; choose a smaller size")
    _check_pixels(archive, places)
    shares, drawn = _share(places)
    parts, broken, grey = _read(archive, shares, class_names, (height, width))
    if set(parts["train"][1].tolist()) != set(range(len(class_names))):
        raise ConvvizError("no picture of one of the classes could be opened; give every class some that can be")
    source = f"a visitor's archive, brought to {height} x {width}"
    source += f"; 15 % each for {' and '.join(drawn)} drawn at random" if drawn else ""
    source += f"; {broken:,} picture{'s' * (broken > 1)} could not be opened" if broken else ""
    flat = []
    for found, labels in parts.values():
        flat += [np.ascontiguousarray(found[..., :1]) if grey else found, labels]
    return Dataset(*flat, class_names, source, left_out=broken)


def _archive(data: bytes) -> Archive:
    """The archive, its names and sizes vetted."""
    if len(data) > LARGEST_ARCHIVE:
        raise ConvvizError(
            f"this archive has {len(data) / 1e6:.0f} MB, more than {LARGEST_ARCHIVE // 1_000_000} MB; pack fewer or "
            "smaller pictures"
        )
    if not data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        raise ConvvizError(f"this file is no zip archive; {_LAYOUT} into a zip")
    archive = Archive(data, most_members=MOST_MEMBERS)
    for member in archive.members:
        _check_member(member)
    if sum(member.file_size for member in archive.members) > LARGEST_SUM:
        raise ConvvizError("this archive unpacks to more than 1 GB; pack fewer or smaller pictures")
    return archive


def _check_member(member: zipfile.ZipInfo) -> None:
    """One file's name, kind and size."""
    name = _name(member)
    steps = name.split("/")
    if (
        name.startswith("/")
        or re.match("[A-Za-z]:", name)
        or ".." in steps
        or _UNSEEN.search(name)
        or len(name) > LONGEST_NAME
        or len(steps) > MOST_LEVELS
    ):
        raise ConvvizError(
            "a file in this archive has a name that leads outside, or that cannot be shown; pack it again"
        )
    kind = member.external_attr >> 28 if member.create_system == 3 else 0
    if kind not in (0, 0o10):  # unix: nothing said, or a plain file; not a link or a device
        raise ConvvizError("this archive holds links instead of files; pack the pictures themselves")
    dense = member.file_size > max(LARGEST_RATIO * member.compress_size, SMALL_MEMBER)
    if dense or member.file_size > LARGEST_MEMBER:
        raise ConvvizError(
            f"a file in this archive unpacks from {member.compress_size:,} to {member.file_size:,} bytes, more than a "
            "picture does; pack the pictures themselves"
        )


def _name(member: zipfile.ZipInfo) -> str:
    """A file's name with forward slashes; macOS writes UTF-8 and does not say so."""
    name = member.orig_filename
    if not member.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


def _places(archive: Archive) -> Iterator[_Place]:
    """Which part and class every picture belongs to, by the folders it lies in."""
    found = []
    for member in archive.members:
        *folders, name = _name(member).split("/")
        hidden = any(step.startswith(".") or step == "__MACOSX" for step in (*folders, name))
        if name.lower().endswith(_PICTURES) and not hidden:
            found.append((folders, member))
    while len(heads := {folders[0] for folders, _ in found if folders}) == 1 and not _are_parts(heads):
        if not any(len(folders) > 1 for folders, _ in found):
            break
        found = [(folders[1:], member) for folders, member in found if folders]
    in_parts = _are_parts(heads)
    for folders, member in found:
        kinds = folders[1:] if in_parts else folders
        if kinds:  # a picture beside the folders belongs to no class
            yield _PARTS[folders[0].lower()] if in_parts else "train", kinds[0], member


def _are_parts(names: set[str]) -> bool:
    """Whether folders are named like the parts of a data set."""
    return bool(names) and {name.lower() for name in names} <= set(_PARTS)


def _class_names(places: list[_Place]) -> tuple[str, ...]:
    """The classes in the order of the alphabet."""
    names = tuple(sorted({name for _, name, _ in places}))
    if not places:
        raise ConvvizError(f"there are no pictures in this archive; {_LAYOUT}")
    if not 2 <= len(names) <= MOST_CLASSES:
        raise ConvvizError(
            f"this archive has {len(names)} class{'es' * (len(names) > 1)}, not 2 to {MOST_CLASSES}; {_LAYOUT}"
        )
    if {name for part, name, _ in places if part == "train"} != set(names):
        raise ConvvizError("a class of this archive has no pictures in the folder train; give every class some")
    return names


def _check_pixels(archive: Archive, places: list[_Place]) -> None:
    """All pictures' sizes, from their first bytes, before any is decoded."""
    pixels = 0
    for _, _, member in places:
        try:
            frame = vet(archive.read(member, most_bytes=LARGEST_MEMBER))
        except ConvvizError:
            continue  # it is counted when it is opened
        width, height = frame.canvas or frame.size
        pixels += width * height
        if pixels > MOST_PIXELS:
            raise ConvvizError(
                f"the pictures in this archive have more than {MOST_PIXELS // 1_000_000_000} gigapixels together; "
                "shrink them before packing"
            )


def _share(places: list[_Place]) -> tuple[dict[str, list[_Place]], list[str]]:
    """The pictures of each part, and which parts were drawn: 15 % of every class, where one can be spared."""
    shares = {name: [place for place in places if place[0] == name] for name in ("train", "validation", "test")}
    drawn = [name for name in ("validation", "test") if not shares[name]]
    rng = np.random.default_rng(_SEED)
    rest = []
    for kind in sorted({kind for _, kind, _ in shares["train"]}):
        alike = [place for place in shares["train"] if place[1] == kind]
        alike = [alike[row] for row in rng.permutation(len(alike))]
        for name in drawn:
            count = min(max(1, round(_SHARE * len(alike))), max(0, len(alike) - 1))
            shares[name] += alike[:count]
            alike = alike[count:]
        rest += alike
    return shares | {"train": rest}, drawn


def _read(
    archive: Archive, shares: dict[str, list[_Place]], class_names: tuple[str, ...], size: tuple[int, int]
) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], int, bool]:
    """Every part's pictures and labels, how many pictures could not be opened, and whether all are grey."""
    parts, broken, grey = {}, 0, True
    for name, share in shares.items():
        found, labels = np.empty((len(share), *size, 3), np.uint8), []
        for _, kind, member in share:
            try:
                data = archive.read(member, most_bytes=LARGEST_MEMBER)
                picture = images.resize(read(data, enough=2 * max(size)), size)
            except ConvvizError:
                broken += 1
                continue
            found[len(labels)] = picture
            labels.append(class_names.index(kind))
            grey = grey and bool((picture[..., :1] == picture).all())
        parts[name] = (found[: len(labels)], np.array(labels, np.int64))
    return parts, broken, grey
