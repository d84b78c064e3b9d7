"""The microscope in a real browser: any cell, its arithmetic, and what holds when something else is chosen."""

import re

from playwright.sync_api import expect

from tests.browser.test_pages import heading, no_complaint, settled

expect.set_options(timeout=60_000)


def test_a_cell_of_an_activation_is_taken_apart_down_to_the_convolution(server, page):
    page.goto(f"{server.address}/microscope?network=shapes&picture=shapes&cell_layer=block2_relu1")
    expect(heading(page, "Microscope")).to_be_visible()
    expect(page.get_by_text(re.compile("The arithmetic ends in .* they differ by"))).to_be_visible()
    for step in ("sum", "batch normalization", "activation"):
        expect(page.get_by_role("cell", name=step, exact=True)).to_be_visible()
    settled(page)
    row = page.get_by_label(re.compile(r"^Row \("))
    row.fill("0")
    row.press("Enter")
    expect(page.get_by_text(re.compile("at row 0, column"))).to_be_visible()
    expect(page).to_have_url(re.compile("cell_row=0"))
    no_complaint(page)


def test_hostile_and_impossible_places_in_the_address_give_way(server, page):
    page.goto(f"{server.address}/microscope?network=mnist&cell_layer=../x&cell_channel=99999&cell_row=-4&cell_col=nan")
    expect(page.get_by_text(re.compile("The arithmetic ends in"))).to_be_visible()
    expect(page.get_by_text(re.compile("Channel 63 of")).first).to_be_visible()
    no_complaint(page)
