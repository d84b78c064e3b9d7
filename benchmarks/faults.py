"""What breaks, under a real app: what a visitor sees, what is kept, and how long it takes until all works again.

``python -m benchmarks.faults`` plays the faults that are too long for the tests and prints a line for each. Linux only;
a few minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable

import psutil

from benchmarks.classroom import ROOT, Visitor, served, start

PICTURES = ("astronaut", "coffee", "rocket", "photographer", "motorcycle")
PATIENCE = 240.0  # seconds that service may take to come back


def _said(visitor: Visitor) -> str:
    """Errors and notes on the page, short."""
    alerts = [one.alert.body for one in visitor.elements if one.WhichOneof("type") == "alert"]
    return " | ".join(re.sub(r"\\", "", one)[:110] for one in alerts) or "nothing unusual"


def _errors(visitor: Visitor) -> list[str]:
    alerts = [one.alert for one in visitor.elements if one.WhichOneof("type") == "alert"]
    return [one.body for one in alerts if one.format == one.ERROR]


async def _explained(visitor: Visitor, picture: str) -> bool:
    """Whether Grad-CAM of a picture comes without an error."""
    await visitor.rerun("pixels")  # a page heeds the address when somebody arrives
    await visitor.rerun("grad_cam", f"network=cats_and_dogs&picture={picture}")
    return not _errors(visitor)


async def _served_again(visitor: Visitor, turn: int) -> float:
    """Seconds until a Grad-CAM that nobody has asked for before comes."""
    began = time.monotonic()
    while not await _explained(visitor, f"{PICTURES[turn % len(PICTURES)]}"):
        assert time.monotonic() - began < PATIENCE, "no service"
        await asyncio.sleep(0.5)
    return time.monotonic() - began


def _worker(server: subprocess.Popen) -> psutil.Process:
    """The worker's process: of the app's family the one with the most memory."""
    family = psutil.Process(server.pid).children(recursive=True)
    return max(family, key=lambda one: one.memory_info().rss)


async def _training(visitor: Visitor) -> None:
    await visitor.rerun("training", "epochs=30&batch_size=8")
    await visitor.rerun("training", "epochs=30&batch_size=8", press=visitor.widgets["Start"])
    await _reaches(visitor, 30)


async def _reaches(visitor: Visitor, step: int) -> None:
    """Wait until the training has come so far."""
    began = time.monotonic()
    while _step(visitor) < step:
        assert time.monotonic() - began < PATIENCE, f"the training stands at {_step(visitor)}: {_said(visitor)}"
        await asyncio.sleep(0.5)
        await visitor.rerun("training", "epochs=30&batch_size=8")


def _step(visitor: Visitor) -> int:
    told = [one.progress.text for one in visitor.elements if one.WhichOneof("type") == "progress"]
    found = re.search(r"Step (\d+)", " ".join(told))
    return int(found[1]) if found else 0


async def idle_worker(address: str, server: subprocess.Popen) -> str:
    """A worker is killed while idle."""
    async with Visitor(address) as one:
        await _served_again(one, 0)
        _worker(server).kill()
        await asyncio.sleep(1)
        return f"{1 + await _served_again(one, 1):.1f} s; the page says: {_said(one)}"


async def worker_in_a_call(address: str, server: subprocess.Popen) -> str:
    """A worker is killed during Grad-CAM."""
    async with Visitor(address) as one:
        await _served_again(one, 0)
        asked = asyncio.create_task(_explained(one, PICTURES[2]))
        await asyncio.sleep(0.15)
        _worker(server).kill()
        began = time.monotonic()
        await asked
        said = _said(one)
        await _served_again(one, 3)
        return f"{time.monotonic() - began:.1f} s; the page said: {said}"


async def worker_in_a_training(address: str, server: subprocess.Popen) -> str:
    """A worker is killed during a training."""
    async with Visitor(address) as one:
        await _training(one)
        await asyncio.sleep(12)  # a snapshot is at most about ten seconds old
        await one.rerun("training", "epochs=30&batch_size=8")
        reached = _step(one)
        _worker(server).kill()
        began = time.monotonic()
        await _reaches(one, reached + 1)
        return f"{time.monotonic() - began:.1f} s until it is beyond step {reached}; the page says: {_said(one)}"


async def many_tabs(address: str, server: subprocess.Popen) -> str:
    """200 tabs are opened and closed."""
    process = psutil.Process(server.pid)

    def held() -> float:
        return process.memory_full_info().pss / 1e6

    async def opened_and_closed(turns: int) -> None:
        for _ in range(turns):
            tabs = [Visitor(address) for _ in range(25)]
            await asyncio.gather(*(tab.__aenter__() for tab in tabs))
            await asyncio.gather(*(tab.rerun("convolution") for tab in tabs))
            await asyncio.gather(*(tab.__aexit__() for tab in tabs))

    async with Visitor(address) as stays:
        await _served_again(stays, 0)
        await opened_and_closed(1)
        await asyncio.sleep(100)  # a page outlives its connection by half a minute; memory is given back each minute
        before = held()
        await opened_and_closed(8)
        open_ = held()
        await asyncio.sleep(100)
        seconds = await stays.rerun("convolution")
        return (
            f"memory {before:.0f} MB before, {open_:.0f} at the end of it, {held():.0f} two minutes later; a page then "
            f"takes {1000 * seconds:.0f} ms"
        )


async def restarted_server(address: str, server: subprocess.Popen) -> str:
    """The server is restarted under a connected browser."""
    from playwright.async_api import async_playwright

    chromium = next(path for path in ("/usr/bin/chromium", "/usr/bin/google-chrome") if os.path.exists(path))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page()
        await page.goto(f"http://{address}/convolution?kernel=sharpen&stride_y=3")
        await page.get_by_text("What to notice").wait_for(timeout=120_000)
        stride = page.get_by_label("Stride down (pixels)")
        await stride.wait_for(timeout=60_000)
        server.terminate()
        server.wait(30)
        await page.wait_for_timeout(5_000)
        again = await asyncio.to_thread(start, int(address.rpartition(":")[2]))
        began = time.monotonic()
        try:
            while "stride_y=2" not in page.url and time.monotonic() - began < PATIENCE:
                if await stride.count():
                    await stride.fill("2", timeout=5_000)
                    await stride.press("Enter")
                await page.wait_for_timeout(1_000)
            seconds = time.monotonic() - began
            kept = "kernel=sharpen" in page.url and "stride_y=2" in page.url
            return f"{seconds:.1f} s until a choice is answered; the choices of the address are kept: {kept}"
        finally:
            await browser.close()
            again.terminate()
            again.wait(30)


def play(fault: Callable[[str, subprocess.Popen], Awaitable[str]], **environment: str) -> None:
    """One fault on an app of its own."""
    with served(**environment) as (address, server):
        told = asyncio.run(fault(address, server))
    print(f"{fault.__doc__.rstrip('.'):55} {told}", flush=True)


class Cluster:
    """The commands that CONTRIBUTING prints for a school, on this machine."""

    def __init__(self, port: int = 28786) -> None:
        text = (ROOT / "CONTRIBUTING.md").read_text()
        block = re.search(r"## A school's cluster.*?```sh\n(.*?)```", text, re.DOTALL)[1].replace("\\\n", " ")
        block = block.replace("10.0.0.5", "127.0.0.1").replace("8786", str(port))
        lines = [line.replace(".venv/bin/python ", f"{shlex.quote(sys.executable)} ", 1) for line in block.splitlines()]
        self.address = f"tcp://127.0.0.1:{port}"
        self.scheduler_command, self.worker_command = lines[0], f"{lines[1]} --host 127.0.0.1"
        self.folder = tempfile.TemporaryDirectory()
        self.scheduler = self.begin(self.scheduler_command)
        self.workers = [self.begin(self.worker_command) for _ in range(2)]

    def begin(self, command: str) -> subprocess.Popen:
        """Start one of its processes."""
        environment = os.environ | {"DASK_TEMPORARY_DIRECTORY": self.folder.name}
        return subprocess.Popen(
            f"{command} --no-dashboard", shell=True, cwd=ROOT, env=environment, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    @staticmethod
    def tell(process: subprocess.Popen, number: int) -> None:
        """A signal to a process and all that it started."""
        for one in [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]:
            one.send_signal(number)

    def close(self) -> None:
        """End all of it."""
        for process in (*self.workers, self.scheduler):
            if process.poll() is None:
                self.tell(process, signal.SIGKILL)
                process.wait(20)
        self.folder.cleanup()


def on_a_cluster() -> None:
    """The app on a cluster of two: a worker is killed, one falls silent, the scheduler is killed and started anew."""
    cluster = Cluster()
    try:
        with served(CONVVIZ_SCHEDULER=cluster.address) as (address, _):
            asyncio.run(_cluster_faults(address, cluster))
    finally:
        cluster.close()


async def _cluster_faults(address: str, cluster: Cluster) -> None:
    async with Visitor(address) as one, Visitor(address) as other:
        await _training(one)
        await _served_again(other, 0)
        print(f"{'The app trains and explains on a cluster of two':55} yes", flush=True)
        for name, number in (("killed", signal.SIGKILL), ("silent, as without a network", signal.SIGSTOP)):
            await asyncio.sleep(12)
            await one.rerun("training", "epochs=30&batch_size=8")
            reached, began = _step(one), time.monotonic()
            lost = max(cluster.workers, key=_used)
            cluster.tell(lost, number)
            call = await _served_again(other, 1 if number == signal.SIGKILL else 2)
            await _reaches(one, reached + 1)
            print(
                f"{f'A worker of the cluster is {name}':55} calls {call:.1f} s, training "
                f"{time.monotonic() - began:.1f} s; the page says: {_said(one)}",
                flush=True,
            )
            cluster.tell(lost, signal.SIGKILL) if number == signal.SIGSTOP else None
            cluster.workers.remove(lost)
            cluster.workers.append(cluster.begin(cluster.worker_command))
            await asyncio.sleep(15)
        cluster.tell(cluster.scheduler, signal.SIGKILL)
        await asyncio.sleep(2)
        await _explained(other, PICTURES[3])
        said, began = _said(other), time.monotonic()
        cluster.scheduler = cluster.begin(cluster.scheduler_command)
        await asyncio.sleep(3)
        cluster.workers += [cluster.begin(cluster.worker_command)]
        await _served_again(other, 4)
        print(
            f"{'The scheduler of the cluster is killed, and started':55} {time.monotonic() - began:.1f} s after it was "
            f"started again; before, the page said: {said}",
            flush=True,
        )


def _used(process: subprocess.Popen) -> float:
    """CPU seconds of a process and all that it started: who trains has used the most."""
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    return sum(one.cpu_times().user for one in family)


FAULTS: dict[str, Callable[[], None]] = {
    "idle": lambda: play(idle_worker),
    "call": lambda: play(worker_in_a_call),
    "training": lambda: play(worker_in_a_training),
    "tabs": lambda: play(many_tabs),
    "restart": lambda: play(restarted_server),
    "cluster": on_a_cluster,
}


def main() -> None:
    """Play the faults that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faults", nargs="*", metavar="fault", help=f"of {', '.join(FAULTS)}; all by default")
    for name in parser.parse_args().faults or FAULTS:
        FAULTS[name]()


if __name__ == "__main__":
    main()
