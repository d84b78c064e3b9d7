"""What a visitor sees when something breaks under a running app: the rows of the table in CONTRIBUTING.md."""

import os
import re
import signal
import time

import psutil
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Server
from tests.browser.test_pages import heading, no_complaint, settled

expect.set_options(timeout=90_000)


def worker_of(server) -> psutil.Process:
    """The process that computes: the nanny's child with the most memory."""
    family = psutil.Process(server.process.pid).children(recursive=True)
    return max(family, key=lambda one: one.memory_info().rss)


def warm(server, page) -> None:
    """Wait until the worker stands and has computed something."""
    page.goto(f"{server.address}/grad_cam?network=shapes")
    expect(page.get_by_text(re.compile("Explained: "))).to_be_visible()
    settled(page)


@pytest.fixture
def own_server(tmp_path):
    """A server that a test may break."""
    server = Server(tmp_path / "server.log")
    yield server
    server.stop()


def test_a_worker_that_is_killed_while_idle_is_not_missed(own_server, page):
    warm(own_server, page)
    worker_of(own_server).kill()
    page.goto(f"{own_server.address}/grad_cam?network=mnist&picture=digit_3")
    expect(page.get_by_text(re.compile("Explained: "))).to_be_visible()
    no_complaint(page)


def test_a_worker_that_is_killed_during_a_call_costs_one_sentence(own_server, page):
    warm(own_server, page)
    os.kill(worker_of(own_server).pid, signal.SIGSTOP)  # so that the call is certainly under way
    page.goto(f"{own_server.address}/grad_cam?network=cats_and_dogs")
    expect(heading(page, "Grad-CAM")).to_be_visible()
    time.sleep(3)
    worker_of(own_server).kill()
    complaint = page.get_by_test_id("stAlertContentError")
    expect(complaint).to_have_count(1)
    expect(complaint).to_contain_text("try again")
    page.reload()
    expect(page.get_by_text(re.compile("Explained: "))).to_be_visible()
    no_complaint(page)


def test_a_training_whose_worker_is_killed_goes_on_and_says_so(own_server, page):
    page.goto(f"{own_server.address}/training?epochs=40")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text(re.compile(r"Step \d+ of \d+, epoch [1-9]"))).to_be_visible()
    worker_of(own_server).kill()
    expect(page.get_by_text(re.compile("went on from its last snapshot"))).to_be_visible()
    before = page.get_by_text(re.compile(r"Step \d+ of")).inner_text()
    expect(page.get_by_text(before)).to_have_count(0)
    page.get_by_role("button", name="Stop training").click()
    expect(page.get_by_text(re.compile("Stopped"))).to_be_visible()
    no_complaint(page)


def test_a_browser_finds_its_page_again_after_the_server_was_restarted(tmp_path, page):
    first = Server(tmp_path / "first.log")
    page.goto(f"{first.address}/convolution?kernel=sharpen&stride_y=2")
    expect(page.get_by_label("Stride down (pixels)")).to_have_value("2")
    settled(page)
    first.process.kill()
    first.process.wait(30)
    second = Server(tmp_path / "second.log", port=int(first.address.rpartition(":")[2]))
    try:
        settled(page)
        page.get_by_label("Stride down (pixels)").fill("3")
        page.get_by_label("Stride down (pixels)").press("Enter")
        expect(page).to_have_url(re.compile("kernel=sharpen.*stride_y=3|stride_y=3.*kernel=sharpen"))
        expect(heading(page, "Convolution")).to_be_visible()
        no_complaint(page)
    finally:
        second.stop()


def test_what_one_visitor_sends_no_other_visitor_sees(server, page, browser):
    import cv2
    import numpy as np

    page.goto(f"{server.address}/convolution")
    page.get_by_role("button", name="Your own picture").click()
    data = cv2.imencode(".png", np.zeros((20, 30, 3), np.uint8))[1].tobytes()
    page.locator("input[type=file]").first.set_input_files(
        {"name": "mine.png", "mimeType": "image/png", "buffer": data}
    )
    expect(page.get_by_text(re.compile("mine.png")).first).to_be_visible()
    context = browser.new_context()
    other = context.new_page()
    other.goto(f"{server.address}/convolution?picture=own")
    expect(other.get_by_text(re.compile("belongs to another visit"))).to_be_visible()
    expect(other.get_by_text("mine.png")).to_have_count(0)
    context.close()
