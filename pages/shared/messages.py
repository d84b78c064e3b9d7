"""What a browser may send over the websocket: messages of the app's own pages, of a size that costs nobody anything.

Streamlit takes up to 25 MB, of which empty parts of two bytes each would hold the server for a quarter of a minute and
take a gigabyte; and among the messages is one that empties the caches of all visitors, and one that starts git.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.message import DecodeError
from streamlit.proto.BackMsg_pb2 import BackMsg

LONGEST = 15_000_000  # bytes
MOST_PARTS = 100_000  # fields and entries of lists, at all depths
_SHORT = 2 * MOST_PARTS  # bytes in which there cannot be more
_DEEPEST = 20  # levels of messages in messages
_KNOWN = ("rerun_script", "stop_script", "app_heartbeat", "file_urls_request", "backend_operation_request")
_MOST_FILES = 1000  # whose addresses are asked for at once


def is_ours(data: bytes | None) -> bool:
    """Whether a message is one that the app's own pages could send.

    Args:
        data: its bytes; None for one that came as text.
    """
    if data is None or len(data) > LONGEST:
        return False
    message = BackMsg()
    try:
        if len(data) > _SHORT:
            _count(data, 0, len(data), message.DESCRIPTOR, MOST_PARTS, 0)
        message.ParseFromString(data)
    except (ValueError, IndexError, DecodeError):
        return False
    return message.WhichOneof("type") in _KNOWN and len(message.file_urls_request.file_names) <= _MOST_FILES


def _count(data: bytes, at: int, end: int, kind: Any, left: int, depth: int) -> int:
    """How many parts a message may still have after those from `at` to `end`; nothing is built of them.

    Raises:
        ValueError: it has more, or is no message in Protocol Buffers' encoding; so does IndexError say.

    Source:
        https://protobuf.dev/programming-guides/encoding/.
    """
    fields = kind.fields_by_number
    while at < end:
        tag, at = (data[at], at + 1) if data[at] < 128 else _number(data, at)
        wire, left = tag & 7, left - 1
        if wire == 2:
            length, at = (data[at], at + 1) if data[at] < 128 else _number(data, at)
            field = fields.get(tag >> 3)
            if field is not None and field.message_type is not None and depth < _DEEPEST:
                left = _count(data, at, min(at + length, end), field.message_type, left, depth + 1)
            elif field is not None and field.type not in (field.TYPE_STRING, field.TYPE_BYTES):
                left -= length // 8  # numbers without anything between them
            at += length
        elif wire == 0:
            _, at = _number(data, at)
        else:
            at += {1: 8, 5: 4}.get(wire, end)  # no other is in use
        if left < 0:
            raise ValueError
    if at != end:
        raise ValueError
    return left


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A whole number in seven bits a byte, and where what follows begins."""
    found = 0
    for place in range(10):
        found |= (data[at + place] & 127) << 7 * place
        if data[at + place] < 128:
            return found, at + place + 1
    raise ValueError
