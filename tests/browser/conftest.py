"""A fresh server and a real Chromium for every browser test that asks."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",  # a camera that shows a moving test picture
]


def pytest_collection_modifyitems(items):
    if CHROMIUM is None:
        for item in items:
            if "browser" in Path(item.fspath).parts:
                item.add_marker(pytest.mark.skip(reason="no Chromium is installed; apt-get install chromium"))


class Server:
    """The app, or another script, started as the README starts it, on a free port."""

    def __init__(self, log: Path, script: str = "app.py", *, port: int | None = None) -> None:
        if port is None:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
        self.address, self.log = f"http://127.0.0.1:{port}", log
        command = [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            script,
            "--server.port",
            str(port),
            "--server.address",
            "127.0.0.1",
        ]
        with log.open("w") as output:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env=dict(os.environ)
            )
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                if urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=1).status == 200:
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def stop(self) -> None:
        children = psutil.Process(self.process.pid).children(recursive=True) if self.process.poll() is None else []
        self.process.terminate()
        self.process.wait(30)
        _, alive = psutil.wait_procs(children, timeout=10)
        assert not alive, "workers outlived the server"


@pytest.fixture
def fresh_server(tmp_path):
    """A server that nobody has visited."""
    server = Server(tmp_path / "server.log")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A server that the tests share."""
    one = Server(tmp_path_factory.mktemp("server") / "server.log")
    yield one
    one.stop()
    text = one.log.read_text()
    assert "Traceback" not in text, text[text.index("Traceback") :][:4000]


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser):
    """A visitor with a window of a laptop's size; an error in the page's own script fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    one = context.new_page()
    one.set_default_timeout(60_000)
    failures: list[str] = []
    one.on("pageerror", lambda error: failures.append(str(error)))
    yield one
    context.close()
    assert not failures
