"""The layer graph in a real browser: chosen by a click, opened by keys, zoomed, and carried to the other pages."""

import re

from playwright.sync_api import Page, expect

from tests.browser.test_pages import heading, no_complaint, settled

expect.set_options(timeout=60_000)


def box(page: Page, name: str):
    return page.get_by_test_id("stMain").get_by_role("button", name=re.compile(rf"^{re.escape(name)}, "))


def test_a_click_chooses_a_layer_and_its_maps_are_one_click_away(server, page):
    page.goto(f"{server.address}/network?network=shapes")
    expect(heading(page, "Network")).to_be_visible()
    expect(box(page, "block1")).to_be_visible()
    box(page, "block1").click()
    expect(page).to_have_url(re.compile("opened=block1"))
    box(page, "block1_conv2").click()
    expect(page).to_have_url(re.compile("node=block1_conv2"))
    expect(page.get_by_text("Parameters: 3·3·16·16 = 2,304")).to_be_visible()
    settled(page)
    page.get_by_role("button", name="Feature maps", exact=True).click()
    expect(heading(page, "Feature maps")).to_be_visible()
    expect(page.get_by_test_id("stMain").get_by_role("combobox", name="Layer")).to_have_value("block1_conv2")
    no_complaint(page)


def test_keys_walk_the_graph_and_open_and_close_its_parts(server, page):
    page.goto(f"{server.address}/network?network=shapes")
    box(page, "block1").focus()
    page.keyboard.press("Enter")
    expect(box(page, "block1_conv1")).to_be_visible()
    settled(page)
    box(page, "block1_conv1").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("node=block1_norm1"))
    page.get_by_role("button", name="Close the part block1").focus()
    page.keyboard.press("Enter")
    expect(box(page, "block1_conv1")).to_have_count(0)
    expect(box(page, "block1")).to_be_visible()


def test_zooming_changes_the_drawing_and_nothing_else(server, page):
    page.goto(f"{server.address}/network?network=mnist")
    expect(box(page, "conv2d")).to_be_visible()
    settled(page)
    before = box(page, "conv2d").bounding_box()["width"]
    page.get_by_role("button", name="Zoom in").click()
    assert box(page, "conv2d").bounding_box()["width"] > 1.2 * before
    page.get_by_role("button", name="Show all").click()
    assert box(page, "output").bounding_box() is not None
    expect(box(page, "output")).to_be_in_viewport()
