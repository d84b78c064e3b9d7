"""Take the README's picture of the app: ``python tools/take_screenshot.py``; needs the tests' Chromium."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.browser import conftest  # noqa: E402


def main() -> None:
    """Start the app, open the Convolution page, and keep what a laptop shows."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        server = conftest.Server(Path(folder) / "server.log")
        try:
            browser = play.chromium.launch(executable_path=conftest.CHROMIUM, args=conftest.FLAGS)
            page = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="light")
            page.goto(f"{server.address}/convolution")
            page.get_by_text(re.compile("(CPU core|GPU).*free")).wait_for(timeout=120_000)  # compute has started
            page.get_by_role("heading", name="What to notice").wait_for()
            page.wait_for_selector('[data-test-script-state="notRunning"]')
            page.wait_for_timeout(2000)  # the pictures are drawn
            page.screenshot(path=str(ROOT / "assets" / "screenshot.png"))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
