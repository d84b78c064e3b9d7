"""The components of our own: each one's files under ``assets/``, and blocks of data that are shown in order."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import time
from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.shared import ui

_SENT = "_sent_blocks"  # place -> digest and number of the last block
_MOST = 64  # components whose last block is remembered
_EXPORT = "export default function ("
_UNSENT = re.compile(r"^ *//.*\n|^ */\*\*(.|\n)*?\*/\n|^ +", re.MULTILINE)  # what only people read


def declared(name: str, script: str | None = None) -> Callable[..., Any]:
    """A component made of ``assets/<name>.html``, ``.css`` and ``.js``.

    Args:
        name: of the files, and with ``convviz_`` before it of the component.
        script: in place of the ``.js`` file; one function is its default export.

    Returns:
        The function that puts it on a page: ``key``, ``data`` (bytes, or a dict for JSON) and Streamlit's callbacks.

    Source: https://docs.streamlit.io/develop/api-reference/custom-components/st.components.v2.component
    """
    kinds = {kind: (ui.ASSETS / f"{name}.{kind}").read_text() for kind in ("html", "css")}
    script = (ui.ASSETS / f"{name}.js").read_text() if script is None else script
    if script.count(_EXPORT) != 1:
        raise ValueError(f"the script of {name} has no function as its one default export")
    whole = script.replace(_EXPORT, "function own(") + "\n" + (ui.ASSETS / "in_order.js").read_text()
    mount = st.components.v2.component(f"convviz_{name}", **kinds, js=_UNSENT.sub("", whole))  # in every message

    def mounted(*, key: str, data: bytes | dict[str, Any] | None = None, **heard: Callable[[], None]) -> Any:
        return mount(key=key, data=None if data is None else numbered(key, data), **heard)

    return mounted


def numbered(key: str, data: bytes | dict[str, Any]) -> bytes | dict[str, Any]:
    """Data with the number of its block: larger than those of all other blocks before it, the same for the same data.

    Args:
        key: of the component.
        data: what it gets.

    Returns:
        Bytes: the number, float64 (little-endian), and the data; a dict: {"number", "data"}.
    """
    content = data if isinstance(data, bytes) else json.dumps(data).encode()
    digest = hashlib.blake2b(content, digest_size=16).digest()
    sent = st.session_state.setdefault(_SENT, {})
    before, number = sent.pop(key, (b"", 0))
    if digest != before:
        number = max(number + 1, time.time_ns() // 1000)  # a page outlives a server, whose successor counts on
    sent[key] = (digest, number)
    for old in list(sent)[:-_MOST]:
        del sent[old]
    return struct.pack("<d", number) + data if isinstance(data, bytes) else {"number": number, "data": data}
