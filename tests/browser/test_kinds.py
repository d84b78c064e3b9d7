"""Kinds of convolution, receptive fields and tuning in a real browser."""

import re

from playwright.sync_api import expect

WAIT = 60_000


def test_the_checkerboard_goes_when_the_kernel_is_made_larger(server, page):
    page.goto(f"{server.address}/kinds?kind=transposed")
    expect(page.get_by_text(re.compile("a pixel gets 1 to 4 copies"))).to_be_visible(timeout=WAIT)
    page.get_by_role("slider", name="Kernel size").press("ArrowRight")
    expect(page.get_by_text(re.compile("every pixel gets 4 copies"))).to_be_visible(timeout=WAIT)
    page.wait_for_url(re.compile("kinds_size=4"))
    page.reload()
    expect(page.get_by_text(re.compile("every pixel gets 4 copies"))).to_be_visible(timeout=WAIT)


def test_a_layer_is_removed_and_the_address_holds_the_rest(server, page):
    page.goto(f"{server.address}/receptive_field?stack=two")
    expect(page.get_by_text(re.compile("sees 5 × 5 pixels"))).to_be_visible(timeout=WAIT)
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text(re.compile("sees 3 × 3 pixels"))).to_be_visible(timeout=WAIT)
    page.wait_for_url(re.compile("stack=custom"))
    page.reload()
    expect(page.get_by_text(re.compile("sees 3 × 3 pixels"))).to_be_visible(timeout=WAIT)


def test_the_peak_of_another_kernel_stands_in_its_link(server, page):
    page.goto(f"{server.address}/tuning?tuning_kernel=sobel_y")
    expect(page.get_by_text(re.compile("at 0°, and smallest"))).to_be_visible(timeout=WAIT)
    expect(page.get_by_role("button", name="Check")).to_be_visible(timeout=WAIT)
