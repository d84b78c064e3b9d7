"""A run in a real browser when something breaks under it: the connection for some seconds, the worker for good."""

import re
import signal
import time

import psutil
import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests.browser.test_pages import no_complaint
from tests.browser.test_runs import STEP, started, stopped

expect.set_options(timeout=90_000)
DOWN = 3.0  # seconds without a connection


def step(page: Page) -> int:
    return int(re.search(r"\d+", page.get_by_text(STEP).first.inner_text())[0])


class Wire:
    """What lies between the browser and the server, and can be cut."""

    def __init__(self) -> None:
        self.cut, self.open, self.opened, self.refused = False, [], 0, 0

    def __call__(self, browsers_end: WebSocketRoute) -> None:
        if self.cut:
            self.refused += 1
            browsers_end.close()
            return
        self.opened += 1
        self.open.append((browsers_end, browsers_end.connect_to_server()))

    def fail(self) -> None:
        self.cut = True
        for ends in self.open:
            for end in ends:
                end.close(code=4000, reason="the connection is lost")
        self.open.clear()


def test_a_connection_that_is_lost_for_some_seconds_does_not_lose_the_run(server, browser: Browser):
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page, wire = context.new_page(), Wire()
    page.set_default_timeout(90_000)
    page.route_web_socket(re.compile("_stcore/stream"), wire)
    started(page, server, "epochs=100&batch_size=8")
    before = step(page)
    assert wire.opened == 1
    wire.fail()
    page.wait_for_timeout(1000 * DOWN)  # lets the browser go on, which time.sleep would not
    for _ in range(100):
        if wire.refused:  # the browser has tried in vain
            break
        page.wait_for_timeout(100)
    assert wire.refused
    wire.cut = False
    expect(page.get_by_role("button", name="Stop training")).to_be_enabled()
    page.wait_for_function(f"(document.body.innerText.match(/Step (\\d+) of/) ?? [0, 0])[1] > {before}")
    assert wire.opened == 2
    assert step(page) > before
    stopped(page)
    expect(page.get_by_role("button", name="Download as .keras")).to_be_visible()
    no_complaint(page)
    context.close()


def worker_of(server) -> psutil.Process:
    """The process that computes: of the server's family the one with the most memory."""
    family = psutil.Process(server.process.pid).children(recursive=True)
    return max(family, key=lambda one: one.memory_info().rss)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a process cannot be killed so on Windows")
def test_a_worker_that_is_killed_while_it_trains_costs_some_seconds_and_a_sentence(fresh_server, page):
    started(page, fresh_server, "epochs=100&batch_size=8")
    page.wait_for_function("(document.body.innerText.match(/epoch (\\d+) complete/) ?? [0, 0])[1] >= 1")
    before = step(page)
    killed = worker_of(fresh_server)
    killed.kill()
    killed.wait(30)
    note = page.get_by_text(re.compile("the job went on from its last snapshot"))
    expect(note).to_be_visible(timeout=150_000)
    assert step(page) > 0, "the curve stays"
    page.wait_for_function(
        f"(document.body.innerText.match(/Step (\\d+) of/) ?? [0, 0])[1] > {before}", timeout=150_000
    )
    stopped(page)
    expect(page.get_by_role("button", name="Download as .keras")).to_be_visible()
    no_complaint(page)
    deadline = time.monotonic() + 30
    while killed.is_running() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not killed.is_running()
