"""The first page of a cold server beside a bare Streamlit app: ``python -m benchmarks.first_page``.

Both are started in turn, several times; what counts is the time from the first visitor's request until the script has
run through, and the CPU seconds that the server spends on it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

from benchmarks.classroom import ROOT, Visitor

BARE = 'import streamlit as st\n\nst.title("Bare")\nst.write("One line.")\n'


def started(script: Path) -> tuple[subprocess.Popen, str]:
    """A server, ready but unvisited, and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [sys.executable, "-m", "streamlit", "run", script.name, "--server.port", address.split(":")[1]]
    options = ["--server.address", "127.0.0.1", "--server.headless", "true", "--server.fileWatcherType", "none"]
    server = subprocess.Popen([*command, *options], cwd=script.parent, env=dict(os.environ), stdout=subprocess.DEVNULL)
    while True:
        try:
            urllib.request.urlopen(f"http://{address}/_stcore/health", timeout=1)
            return server, address
        except OSError:
            time.sleep(0.1)


async def first_page(address: str, page: str) -> float:
    """Seconds until the first visitor's script has run through."""
    async with Visitor(address) as visitor:
        return await visitor.rerun(page)


def measured(script: Path, page: str = "") -> tuple[float, float, float]:
    """Seconds of the first page, CPU seconds of the server for it, and CPU seconds until the server was ready."""
    server, address = started(script)
    try:
        process = psutil.Process(server.pid)
        before = sum(process.cpu_times()[:2])
        seconds = asyncio.run(first_page(address, page))
        return seconds, sum(process.cpu_times()[:2]) - before, before
    finally:
        server.terminate()
        server.wait(30)


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        rows: dict[str, list] = {}
        for _ in range(asked.times):
            rows.setdefault("bare", []).append(measured(bare))
            rows.setdefault("Start", []).append(measured(ROOT / "app.py"))
            rows.setdefault("Convolution", []).append(measured(ROOT / "app.py", "convolution"))
    print(f"{'':12}{'first page':>12}{'CPU of it':>12}{'CPU before':>12}  seconds, medians of {asked.times}")
    for name, found in rows.items():
        print(f"{name:12}" + "".join(f"{statistics.median(column):12.2f}" for column in zip(*found, strict=True)))


if __name__ == "__main__":
    main()
