"""Messages that no browser of ours would send, on the websocket of a real server: values past every widget's bounds."""

import asyncio
import json
import math
import re
from pathlib import Path

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState

from benchmarks.classroom import Visitor
from tests.browser.conftest import Server

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*/*.py") if path.parent.name != "shared")
TEXT = "<script>alert(1)</script> ½ 猫 \u202e\x00 1e999; nan 1/0 " * 3
LONG = "9 " * 400_000


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    one = Server(tmp_path_factory.mktemp("websocket") / "server.log")
    yield one
    one.stop()


def address(server: Server) -> str:
    return server.address.removeprefix("http://")


def past_bounds(elements: list, turn: int) -> tuple[WidgetState, ...]:
    """For each widget a value that it would never send: out of range, no number, of another kind, or very long."""
    found = []
    for element in elements:
        kind = element.WhichOneof("type")
        identity = getattr(getattr(element, kind), "id", "")
        if not identity or kind in ("button", "download_button"):
            continue
        state, wrong = WidgetState(id=identity), turn == 3
        if kind == "slider" and not wrong:
            state.double_array_value.data.extend(([1e300], [-math.inf], [math.nan])[turn])
        elif kind == "number_input" and not wrong:
            if element.number_input.data_type == element.number_input.INT:
                state.int_value = (2**62, -(2**62), 10**9)[turn]
            else:
                state.double_value = (1e300, -math.inf, math.nan)[turn]
        elif kind in ("selectbox", "text_input", "text_area", "date_input") and not wrong:
            state.string_value = (TEXT, LONG, "")[turn]
        elif kind in ("button_group", "multiselect") and not wrong:
            state.string_array_value.data.extend(([TEXT], [LONG], ["a"] * 9999)[turn])
        elif kind in ("bidi_component", "component_instance", "dataframe", "plotly_chart") and not wrong:
            told = ({"picked": [10**9, -5], "row": "x", "moved": TEXT}, {"picked": LONG}, [[]])[turn]
            field = "json_value" if kind.endswith(("component", "instance")) else "string_value"
            setattr(state, field, json.dumps(told))
        elif kind == "checkbox" and not wrong:
            state.bool_value = turn % 2 == 0
        elif kind == "file_uploader":
            info = state.file_uploader_state_value.uploaded_file_info.add()
            info.file_id, info.name, info.size = "../../etc/passwd", TEXT, 2**40
        else:
            state.int_value = 10**12
        found.append(state)
    return tuple(found)


def complaints(visitor: Visitor) -> list[str]:
    """What the page says is wrong."""
    alerts = [one.alert for one in visitor.elements if one.WhichOneof("type") == "alert"]
    return [one.body for one in alerts if one.format == one.ERROR]


@pytest.mark.parametrize("page", PAGES)
def test_values_past_every_bound_break_no_page_and_no_other_visitor(server, page):
    async def lesson():
        name = "" if page == "start" else page
        async with Visitor(address(server)) as hostile, Visitor(address(server)) as other:
            for turn in range(4):
                await hostile.rerun(name)
                await hostile.rerun(name, values=past_bounds(hostile.elements, turn))
                kinds = {one.WhichOneof("type") for one in hostile.elements}
                assert "exception" not in kinds, (turn, hostile.elements)
                said = complaints(hostile)
                print(page, turn, said)
                assert all("Traceback" not in one and ".py" not in one for one in said)
            await other.rerun(name)
            assert not complaints(other)
            await hostile.rerun(name)
            return hostile

    asyncio.run(lesson())


def test_the_gate_stands_before_the_real_server(server):
    async def lesson():
        async with Visitor(address(server)) as visitor:
            await visitor.rerun("pixels")
            body = b'--b\r\nContent-Disposition: form-data; name="f"; filename="../x"\r\n\r\nabc\r\n--b--\r\n'

            async def put(body: bytes, *headers: str) -> int:
                """The status that answers a file; in one piece, for the gate may answer and close before the body."""
                host, port = address(server).split(":")
                reader, writer = await asyncio.open_connection(host, int(port))
                form = f"Host: {host}", "Content-Type: multipart/form-data; boundary=b"
                lines = f"PUT /_stcore/upload_file/{visitor.session}/1 HTTP/1.1", *form, *headers, "", ""
                writer.write("\r\n".join(lines).encode() + body)
                status = await asyncio.wait_for(reader.readline(), 20)
                writer.close()
                return int(status.split()[1])

            assert await put(body, f"Content-Length: {len(body)}") == 403  # only our own pages may send files
            pieces = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
            assert await put(pieces, "Transfer-Encoding: chunked") == 411  # in pieces, without a length
            assert await put(b"", "Content-Length: 900000000") == 413
            await visitor.rerun("pixels")
            assert not complaints(visitor)

    asyncio.run(lesson())


def test_messages_of_no_page_end_no_visit_and_fill_no_log(server):
    async def lesson():
        async with Visitor(address(server)) as hostile, Visitor(address(server)) as other:
            await hostile.rerun("pixels")
            await other.rerun("pixels")
            before, session = server.log.stat().st_size, hostile.session
            for message in (b"", b"\xff" * 99, "text", b"\x5a\x01", bytes(20_000_000)) + (b"\x00garbage",) * 1000:
                await hostile.socket.send(message)
            await other.rerun("pixels")
            assert not complaints(other)
            await hostile.rerun("pixels")
            assert not complaints(hostile)
            assert hostile.session == session
            assert server.log.stat().st_size - before < 1000

    asyncio.run(lesson())


def test_a_training_keeps_within_bounds_whatever_the_message_says(server):
    async def lesson():
        async with Visitor(address(server)) as visitor:
            await visitor.rerun("training")
            numbers = [one for one in visitor.elements if one.WhichOneof("type") in ("slider", "number_input")]
            assert numbers
            await visitor.rerun("training", values=past_bounds(numbers, 0), press=visitor.widgets["Start"])
            for _ in range(40):
                await visitor.rerun("training")
                told = " ".join(one.markdown.body for one in visitor.elements if one.WhichOneof("type") == "markdown")
                if found := re.search(r"(\d+) epochs?, batches of (\d+)", told.replace("\\", "")):
                    assert 1 <= int(found[1]) <= 100
                    assert 1 <= int(found[2]) <= 256
                    break
                assert not complaints(visitor)
                await asyncio.sleep(0.5)
            else:
                raise AssertionError(told)

    asyncio.run(lesson())
