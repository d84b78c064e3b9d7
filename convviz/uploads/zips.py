"""Zip archives from outside: their table of contents, checked before anything is unpacked, and capped reading."""

from __future__ import annotations

import io
import struct
import zipfile

from convviz import ConvvizError

_END, _END_64, _LOCATOR_64, _LOCAL = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x03\x04"
_BYTES_PER_MEMBER = 1_500  # of a table of contents: a long name and a few notes
_DAMAGED = "this zip archive is cut off or damaged; pack or download it again"


class Archive:
    """A zip archive whose members neither overlap nor hide; nothing is ever written to a disk.

    Args:
        data: the whole archive.
        most_members: how many files and folders it may have.

    Attributes:
        members: its files, in the archive's order; folders are left out.

    Raises:
        ConvvizError: damaged, encrypted, packed in a rare way, too many members, or members that share bytes.
    """

    def __init__(self, data: bytes, *, most_members: int) -> None:
        if _contents_size(data) > most_members * _BYTES_PER_MEMBER:
            raise ConvvizError(f"this zip archive has more than {most_members:,} files; pack fewer")
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            members = self._zip.infolist()
        except (zipfile.BadZipFile, struct.error, ValueError, EOFError, OSError, NotImplementedError) as error:
            raise ConvvizError(_DAMAGED) from error
        if len(members) > most_members:
            raise ConvvizError(f"this zip archive has {len(members):,} files; pack at most {most_members:,}")
        _check_members(members)
        _check_overlaps(data, members, self._zip.start_dir)
        self.members = [member for member in members if not member.is_dir()]

    def read(self, member: zipfile.ZipInfo, *, most_bytes: int) -> bytes:
        """A member's contents.

        Raises:
            ConvvizError: it is larger than allowed, or damaged.
        """
        if member.file_size > most_bytes:
            raise ConvvizError(
                f"a file in this archive unpacks to {member.file_size / 1e6:,.0f} MB, more than "
                f"{most_bytes / 1e6:,.0f} MB; make it smaller"
            )
        try:
            with self._zip.open(member) as file:
                contents = file.read(most_bytes + 1)
        except Exception as error:  # zlib, zipfile and struct each have errors of their own
            raise ConvvizError(_DAMAGED) from error
        if len(contents) != member.file_size:
            raise ConvvizError(_DAMAGED)
        return contents


def _contents_size(data: bytes) -> int:
    """Bytes of the table of contents, read from the archive's end; ``zipfile`` would parse any size."""
    end = len(data) - 22
    if end < 0 or data[end : end + 4] != _END or data[-2:] != b"\x00\x00":
        end = data.rfind(_END, max(0, len(data) - 22 - 65_535))
    if end < 0 or end + 22 > len(data):
        raise ConvvizError(_DAMAGED)
    (size,) = struct.unpack_from("<I", data, end + 12)
    if data[max(0, end - 20) : max(0, end - 20) + 4] == _LOCATOR_64:
        if data[max(0, end - 76) : max(0, end - 76) + 4] != _END_64:
            raise ConvvizError(_DAMAGED)
        (size,) = struct.unpack_from("<Q", data, end - 76 + 40)
    return size


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    """Only plain files, stored or deflated, each name once."""
    names = set()
    for member in members:
        if not member.filename:
            raise ConvvizError(_DAMAGED)
        if member.flag_bits & 0x41:
            raise ConvvizError("this zip archive is locked with a password; pack it without one")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ConvvizError("this zip archive is packed in a rare way; pack it as an ordinary zip")
        if member.orig_filename in names or member.filename in names:
            raise ConvvizError("this zip archive has two files of the same name; pack it again")
        names |= {member.orig_filename, member.filename}


def _check_overlaps(data: bytes, members: list[zipfile.ZipInfo], contents_start: int) -> None:
    """Each member's packed bytes end before the next one's begin; before Python 3.11.8 ``zipfile`` does not look."""
    ordered = sorted(members, key=lambda member: member.header_offset)
    ends = [member.header_offset for member in ordered[1:]] + [contents_start]
    for member, end in zip(ordered, ends, strict=False):  # an empty archive has a table of contents all the same
        start = member.header_offset
        if start < 0 or data[start : start + 4] != _LOCAL or len(data) < start + 30:
            raise ConvvizError(_DAMAGED)
        name, extra = struct.unpack_from("<HH", data, start + 26)
        if start + 30 + name + extra + member.compress_size > end:
            raise ConvvizError("this zip archive's files overlap; pack it again")
