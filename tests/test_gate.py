"""The gate before the server: connections and files' bytes are bounded, for one visitor and for all."""

import asyncio
import tempfile
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from starlette.requests import Request
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from pages.shared import gate, messages


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


def sent(**fields) -> BackMsg:
    """A message with these fields of its own, and, of a run, `widgets` as (kind of value, value)."""
    message, widgets = BackMsg(), fields.pop("widgets", ())
    for name, value in fields.items():
        setattr(message, name, value)
    for index, (kind, value) in enumerate(widgets):
        state = message.rerun_script.widget_states.widgets.add(id=f"{index}")
        if kind.endswith("array_value"):
            getattr(state, kind).data.extend(value)
        else:
            setattr(state, kind, value)
    return message


def parts(message) -> int:
    """By definition: fields, entries of lists, and what is in them."""
    found = 0
    for field, value in message.ListFields():
        for one in value if field.is_repeated else [value]:
            found += 1 + (parts(one) if hasattr(one, "ListFields") else 0)
    return found


VALUES = some.one_of(
    some.tuples(some.just("string_value"), some.text(max_size=300)),
    some.tuples(some.just("double_value"), some.floats()),
    some.tuples(some.just("int_value"), some.integers(-(2**62), 2**62)),
    some.tuples(some.just("bool_value"), some.booleans()),
    some.tuples(some.just("bytes_value"), some.binary(max_size=300)),
    some.tuples(some.just("string_array_value"), some.lists(some.text(max_size=3), min_size=1)),
)


@settings(max_examples=30, deadline=None)
@given(some.lists(VALUES, max_size=10))
def test_the_parts_of_a_message_are_counted_without_building_it(values):
    message = sent(widgets=values)
    data = message.SerializeToString()
    assert 10**6 - messages._count(data, 0, len(data), message.DESCRIPTOR, 10**6, 0) == parts(message)


def test_what_pages_send_comes_through():
    widgets = [
        ("string_value", "9 " * 400_000),
        ("string_array_value", ["a"] * 9999),
        ("double_array_value", [0.5] * 99),
    ]
    asked = BackMsg()
    asked.file_urls_request.file_names.extend(["a.png"] * 300)
    for message in (sent(widgets=widgets * 9), sent(stop_script=True), sent(app_heartbeat=True), asked):
        assert messages.is_ours(message.SerializeToString())


def packed(field: int, data: bytes) -> bytes:
    length = len(data)
    digits = []
    while length > 127:
        digits.append(length & 127 | 128)
        length >>= 7
    return bytes([field << 3 | 2, *digits, length]) + data


RUN, STATES, WIDGET = 11, 2, 1  # numbers of the fields in Streamlit's messages
HOSTILE_MESSAGES = {
    "text": None,
    "nothing": b"",
    "noise": bytes(range(255, 0, -1)) * 40,
    "noise of a megabyte": bytes(range(255, 0, -1)) * 4000,
    "cut off": sent(widgets=[("string_value", "a" * 500)]).SerializeToString()[:-100],
    "cut off, long": sent(widgets=[("string_value", "a" * 500_000)]).SerializeToString()[:-100],
    "longer than any": sent(widgets=[("bytes_value", bytes(messages.LONGEST))]).SerializeToString(),
    "millions of widgets": packed(RUN, packed(STATES, packed(WIDGET, b"") * 7_000_000)),
    "millions of numbers": packed(RUN, packed(STATES, packed(WIDGET, packed(6, packed(1, bytes(14_000_000)))))),
    "a thousand levels": packed(RUN, packed(STATES, packed(WIDGET, b""))) + b"\x0b" * 300_000,
    "everybody's caches": sent(clear_cache=True).SerializeToString(),
    "git": sent(load_git_info=True).SerializeToString(),
    "run on save": sent(set_run_on_save=True).SerializeToString(),
    "the server's end": sent(debug_shutdown_runtime=True).SerializeToString(),
}


@pytest.mark.parametrize("name", HOSTILE_MESSAGES)
def test_no_other_message_comes_through_and_none_costs_much(name):
    data = HOSTILE_MESSAGES[name]
    began = time.process_time()
    assert not messages.is_ours(data)
    assert time.process_time() - began < 1

    async def lesson():
        kept = [{"type": "websocket.connect"}, {"type": "websocket.receive", "bytes": data, "text": "x"}]
        kept += [{"type": "websocket.receive", "bytes": sent(stop_script=True).SerializeToString()}]
        came = []

        async def receive():
            return kept.pop(0)

        async def app(scope, receive, send):
            came.extend([await receive(), await receive()])

        await gate.Gate(app)({"type": "websocket"}, receive, None)
        assert [one["type"] for one in came] == ["websocket.connect", "websocket.receive"]
        assert came[1]["bytes"] == sent(stop_script=True).SerializeToString()

    asyncio.run(lesson())


def test_a_thousand_files_are_asked_for_at_once_and_no_more():
    message = BackMsg()
    message.file_urls_request.file_names.extend(["a"] * 1000)
    assert messages.is_ours(message.SerializeToString())
    message.file_urls_request.file_names.append("a")
    assert not messages.is_ours(message.SerializeToString())


def test_every_kind_of_message_that_streamlit_knows_was_judged():
    refused = {
        "clear_cache",
        "set_run_on_save",
        "load_git_info",
        "debug_disconnect_websocket",
        "debug_shutdown_runtime",
    }
    known = {field.name for field in BackMsg.DESCRIPTOR.oneofs_by_name["type"].fields}
    assert known == refused | set(messages._KNOWN)
