"""What stands before the server: so many connections and bytes of visitors' files, and no message but the pages' own.

Streamlit bounds one file and keeps every file of a visitor until the visit ends.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import streamlit as st
from starlette.formparsers import MultiPartParser

from pages.shared import messages

MOST_CONNECTIONS = 400  # browser tabs at once
MOST_OF_ONE = 260_000_000  # bytes of one visitor's files: the largest model, the largest picture; then the oldest go
MOST_IN_ALL = 800_000_000  # of all visitors' files
_FILE = re.compile(r".*/_stcore/upload_file/([^/]+)/[^/]+")
_TRY_LATER = 1013  # of RFC 6455's registry of closing codes

MultiPartParser.spool_max_size = MOST_OF_ONE  # files come in memory, which is counted: no disk has them, or is full

_Message = MutableMapping[str, Any]


class Gate:
    """Lets requests through to the app, or refuses them.

    Args:
        app: the ASGI app behind it.
        files: Streamlit's keeper of uploaded files; by default the running server's.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], files: Any = None) -> None:
        self._app, self._files = app, files
        self._connections = self._coming = 0

    async def __call__(self, scope: _Message, receive: Callable, send: Callable) -> None:
        """One connection or request."""
        if scope["type"] == "websocket":
            await self._connect(scope, receive, send)
        elif scope["type"] == "http" and scope["method"] == "PUT" and (found := _FILE.fullmatch(scope["path"])):
            await self._take(found[1], scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _connect(self, scope: _Message, receive: Callable, send: Callable) -> None:
        if self._connections >= MOST_CONNECTIONS:
            await send({"type": "websocket.close", "code": _TRY_LATER})
            return

        async def heard() -> _Message:
            """The next message that a page of ours could have sent; others are passed over, the visit goes on."""
            while True:
                message = await receive()
                if message["type"] != "websocket.receive" or messages.is_ours(message.get("bytes")):
                    return message

        self._connections += 1
        try:
            await self._app(scope, heard, send)
        finally:
            self._connections -= 1

    async def _take(self, visitor: str, scope: _Message, receive: Callable, send: Callable) -> None:
        told = dict(scope["headers"]).get(b"content-length", b"")
        if not told.isdigit():
            await _answer(send, 411, "say how long the file is")
            return
        length, files = int(told), self._files or st.runtime.get_instance().uploaded_file_mgr
        own = files.file_storage.get(visitor, {})
        for file in list(own):  # the oldest first; pages have long taken what they need of it
            if length + sum(len(one.data) for one in own.values()) <= MOST_OF_ONE:
                break
            files.remove_file(visitor, file)
        held = sum(len(one.data) for kept in list(files.file_storage.values()) for one in list(kept.values()))
        if length > MOST_OF_ONE or held + self._coming + length > MOST_IN_ALL:
            await _answer(send, 413, "the files of all visitors take too much memory; try again later")
            return
        self._coming += length
        try:
            await self._app(scope, receive, send)
        finally:
            self._coming -= length


async def _answer(send: Callable, status: int, sentence: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": sentence.encode()})
