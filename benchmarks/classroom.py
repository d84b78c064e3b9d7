"""A class at work: simulated visitors on a real server over its websocket, on this machine only and bounded in time.

``python -m benchmarks.classroom --visitors 30 --seconds 40`` starts the app, opens that many sessions, lets one of them
train while all use the pages, and prints how long page actions took and what memory the processes hold. With ``--every
60 --seconds 1800`` it is a soak: a line a minute shows whether latency and memory stay flat.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import socket
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import psutil
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

ROOT = Path(__file__).resolve().parents[1]
KERNELS = ("sobel_x", "sobel_y", "sharpen", "laplacian", "emboss", "box_blur")
ACTIONS = (  # what a visitor does: name, page, query; all that a page needs a network for is marked so
    ("open Start", "", ""),
    ("change the kernel", "convolution", "kernel={kernel}&stride_y={small}"),
    ("open Training", "training", ""),
    ("feature maps", "feature_maps", "network=mnist&channel={small}"),
    ("Grad-CAM", "grad_cam", "network={network}&picture={picture}"),
)


ARRIVE = 10.0  # seconds within which the class opens the app


class Visitor:
    """One browser tab, without the browser."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.widgets: dict[str, str] = {}  # label of a button -> its identity
        self.polls: dict[str, float] = {}  # fragment -> interval
        self.elements: list = []  # all that the last run has drawn
        self.session = ""

    async def __aenter__(self) -> Visitor:
        self.socket = await websockets.connect(
            f"ws://{self.address}/_stcore/stream",
            max_size=None,
            subprotocols=["streamlit"],
            open_timeout=60,
            ping_timeout=None,
            max_queue=None,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()

    async def rerun(
        self, page: str = "", query: str = "", *, press: str | None = None, fragment: str = "", values: tuple = ()
    ) -> float:
        """Ask for a run of the script and wait until it is over; seconds.

        Args:
            page: its name in the address.
            query: the rest of the address.
            press: identity of a button that was pressed.
            fragment: identity of a part of the page that asks to be drawn anew.
            values: Streamlit's messages with values of widgets, whether these allow them or not.
        """
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_name, state.fragment_id = query, page, fragment
        state.is_auto_rerun = bool(fragment)
        state.widget_states.widgets.extend(values)
        if press:
            widget = state.widget_states.widgets.add()
            widget.id, widget.trigger_value = press, True
        began = time.monotonic()
        await self.socket.send(message.SerializeToString())
        await self._until_finished()
        return time.monotonic() - began

    async def _until_finished(self) -> None:
        while True:
            answer = ForwardMsg.FromString(await asyncio.wait_for(self.socket.recv(), 90))
            kind = answer.WhichOneof("type")
            if kind == "auto_rerun":
                self.polls[answer.auto_rerun.fragment_id] = answer.auto_rerun.interval
            elif kind == "new_session":
                self.polls.clear()
                self.elements.clear()
                self.session = answer.new_session.initialize.session_id or self.session
            elif kind == "delta" and answer.delta.WhichOneof("type") == "new_element":
                element = answer.delta.new_element
                self.elements.append(element)
                if element.WhichOneof("type") == "button":
                    self.widgets[element.button.label] = element.button.id
            elif kind == "script_finished":
                return


async def visit(address: str, number: int, until: float, times: dict, *, trains: bool) -> None:
    """One visitor's lesson: an action every few seconds, polls as the page asks."""
    rng, before = random.Random(number), None  # a page heeds the address when somebody arrives from another one
    await asyncio.sleep(rng.uniform(0, ARRIVE))
    try:
        async with Visitor(address) as visitor:
            times["first page"].append(await visitor.rerun())
            if trains:
                await visitor.rerun("training", "epochs=30")
            await asyncio.sleep(rng.uniform(2, 5))
            while time.monotonic() < until:
                if trains:
                    await _train(visitor, times)
                else:
                    name, page, query = before = rng.choice([one for one in ACTIONS if one != before])
                    filled = query.format(
                        kernel=rng.choice(KERNELS),
                        small=rng.randint(1, 4),
                        network=rng.choice(("cats_and_dogs", "shapes")),
                        picture=rng.choice(("cat", "astronaut", "coffee", "rocket")),
                    )
                    times[name].append(await visitor.rerun(page, filled))
                pause = rng.uniform(2, 5)
                while pause > 0 and time.monotonic() < until:
                    interval = min(visitor.polls.values(), default=pause)
                    await asyncio.sleep(min(interval, pause))
                    pause -= interval
                    for fragment in list(visitor.polls):
                        times["poll"].append(await visitor.rerun(fragment=fragment))
    except Exception as failure:
        times["errors"].append(repr(failure))


async def _train(visitor: Visitor, times: dict) -> None:
    """Look at the training, and start the next when it is over."""
    times["watch a training"].append(await visitor.rerun("training", "epochs=30"))
    buttons = [one.button for one in visitor.elements if one.WhichOneof("type") == "button"]
    if any(one.label == "Start" and not one.disabled for one in buttons):
        times["start a training"].append(await visitor.rerun("training", "epochs=30", press=visitor.widgets["Start"]))


def memory(process: psutil.Process) -> list[tuple[str, float]]:
    """PSS of the server and its children, in MB."""
    rows = []
    for one in [process, *process.children(recursive=True)]:
        try:
            rows.append((" ".join(one.cmdline())[-60:], one.memory_full_info().pss / 1e6))
        except (psutil.NoSuchProcess, AttributeError):
            continue
    return rows


@contextlib.contextmanager
def served(**environment: str) -> Iterator[tuple[str, subprocess.Popen]]:
    """The app on a free port of this machine: its address and its process, which ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = start(port, **environment)
    try:
        yield f"127.0.0.1:{port}", server
    finally:
        server.terminate()
        server.wait(30)


def start(port: int, **environment: str) -> subprocess.Popen:
    """Start the app on a port and wait until it answers."""
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    server = subprocess.Popen(
        [*command, "--server.address", "127.0.0.1"], cwd=ROOT, env=os.environ | environment, stdout=subprocess.DEVNULL
    )
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1)
            return server
        except OSError:
            time.sleep(0.2)


def main() -> None:
    """Start the app, run the class, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=30)
    parser.add_argument("--trainers", type=int, default=1, help="visitors who train and watch; two take turns")
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--every", type=float, default=0, help="seconds between two lines of a soak; 0 for none")
    asked = parser.parse_args()
    with served() as (address, server):
        times: dict[str, list] = defaultdict(list)
        process = psutil.Process(server.pid)
        before = process.cpu_times()
        asyncio.run(_class(address, asked, times, process))
        after, actions = process.cpu_times(), sum(map(len, times.values()))
        spent = after.user + after.system - before.user - before.system
        _print(times, memory(process))
        print(f"the server's own process: {1000 * spent / max(1, actions):.0f} ms of CPU for each of {actions} runs")


async def _class(address: str, asked: argparse.Namespace, times: dict, process: psutil.Process) -> None:
    async with Visitor(address) as early:  # the engine is up before the lesson begins
        times["very first page"].append(await early.rerun())
        times["first Grad-CAM"].append(await early.rerun("grad_cam"))
    until = time.monotonic() + asked.seconds
    lesson = [visit(address, number, until, times, trains=number < asked.trainers) for number in range(asked.visitors)]
    lines = [_soak(times, process, asked.every, until)] if asked.every else []
    await asyncio.gather(*lesson, *lines)


async def _soak(times: dict, process: psutil.Process, every: float, until: float) -> None:
    """A line now and then: the actions and polls since the last one, errors so far, memory."""
    began, seen = time.monotonic(), dict.fromkeys(times, 0)
    while time.monotonic() + every < until:
        await asyncio.sleep(every)
        fresh = {kind: [] for kind in ("actions", "polls")}
        for name, seconds in times.items():
            if name != "errors":
                fresh["polls" if name == "poll" else "actions"] += seconds[seen.get(name, 0) :]
                seen[name] = len(seconds)
        told = "  ".join(
            f"{kind} {len(one)}: p50 {_mark(one, 0.5):.0f} p95 {_mark(one, 0.95):.0f} ms"
            for kind, one in fresh.items()
            if one
        )
        held = sorted((size for _, size in memory(process)), reverse=True)
        sizes = " ".join(f"{size:.0f}" for size in held)
        print(f"{time.monotonic() - began:6.0f} s  {told}  errors {len(times['errors'])}  PSS {sizes} MB", flush=True)


def _mark(seconds: list[float], share: float) -> float:
    """The time that this share of the actions did not exceed, in milliseconds."""
    ordered = sorted(seconds)
    return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _print(times: dict, held: list) -> None:
    print(f"{'action':24}{'n':>6}{'p50':>8}{'p95':>8}{'p99':>8}{'max':>8}  milliseconds")
    for name, seconds in times.items():
        if name != "errors" and seconds:
            marks = [_mark(seconds, share) for share in (0.5, 0.95, 0.99, 1)]
            print(f"{name:24}{len(seconds):6}" + "".join(f"{mark:8.0f}" for mark in marks))
    print(f"errors: {len(times['errors'])} {times['errors'][:3]}")
    for name, size in held:
        print(f"{size:8.0f} MB PSS  …{name}")


if __name__ == "__main__":
    main()
