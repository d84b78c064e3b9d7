"""The gate before the server: connections and files' bytes are bounded, for one visitor and for all."""

import asyncio
import tempfile

import pytest
from starlette.requests import Request
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from pages.shared import gate


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(gate, "MOST_CONNECTIONS", 3)
    monkeypatch.setattr(gate, "MOST_OF_ONE", 100)
    monkeypatch.setattr(gate, "MOST_IN_ALL", 250)


class Server:
    """An app that keeps files as Streamlit does, behind the gate."""

    def __init__(self):
        self.files = MemoryUploadedFileManager("/_stcore/upload_file")
        self.gate = gate.Gate(self.app, self.files)
        self.waiting = asyncio.Event()

    async def app(self, scope, _receive, send):
        if scope["type"] == "websocket":
            await self.waiting.wait()
            return
        if scope["method"] == "PUT":
            _, visitor, file = scope["path"].rsplit("/", 2)
            size = int(dict(scope["headers"])[b"content-length"])
            self.files.add_file(visitor, UploadedFileRec(file, "name", "type", bytes(size)))
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def put(self, visitor, file, size, method="PUT"):
        told = []

        async def send(message):
            told.append(message)

        headers = [] if size is None else [(b"content-length", str(size).encode())]
        path = f"/some/base/_stcore/upload_file/{visitor}/{file}"
        await self.gate({"type": "http", "method": method, "path": path, "headers": headers}, None, send)
        return told[0]["status"]

    def kept(self, visitor):
        return {name: len(one.data) for name, one in self.files.file_storage.get(visitor, {}).items()}


def test_a_visitors_oldest_files_give_way_to_the_newest():
    async def lesson():
        server = Server()
        assert [await server.put("a", name, 40) for name in "xyz"] == [204] * 3
        assert server.kept("a") == {"y": 40, "z": 40}
        assert await server.put("a", "w", 100) == 204
        assert server.kept("a") == {"w": 100}
        assert await server.put("a", "v", 101) == 413

    asyncio.run(lesson())


def test_all_visitors_files_together_are_bounded_and_room_comes_back():
    async def lesson():
        server = Server()
        assert [await server.put(visitor, "x", 100) for visitor in "ab"] == [204] * 2
        assert await server.put("c", "x", 60) == 413
        assert await server.put("c", "x", 50) == 204
        server.files.remove_session_files("a")
        assert await server.put("d", "x", 100) == 204

    asyncio.run(lesson())


def test_a_file_that_does_not_say_how_long_it_is_stays_out_and_other_requests_pass():
    async def lesson():
        server = Server()
        assert await server.put("a", "x", None) == 411
        assert await server.put("a", "x", "1e9") == 411
        assert await server.put("a", "x", None, method="DELETE") == 204

    asyncio.run(lesson())


def test_connections_are_bounded_and_room_comes_back():
    async def lesson():
        server, told = Server(), []

        async def send(message):
            told.append(message["code"])

        def connect():
            return asyncio.create_task(server.gate({"type": "websocket", "path": "/_stcore/stream"}, None, send))

        open_ = [connect() for _ in range(3)]
        await asyncio.sleep(0)
        await connect()
        assert told == [1013]
        server.waiting.set()
        await asyncio.gather(*open_)
        await connect()
        assert told == [1013]

    asyncio.run(lesson())


def test_a_file_of_many_megabytes_comes_without_a_disk(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/not/here")
    content = bytes(range(256)) * 20_000
    parts = [b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n', content, b"\r\n--b--\r\n"]
    headers = [(b"content-type", b"multipart/form-data; boundary=b")]

    async def lesson():
        messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        messages.append({"type": "http.request", "body": b"", "more_body": False})

        async def receive():
            return messages.pop(0)

        form = await Request({"type": "http", "method": "PUT", "headers": headers}, receive).form()
        assert await form["f"].read() == content
        await form.close()

    asyncio.run(lesson())
