"""Knock-out in a real browser: edits are made, travel to Kernels and back by the link, and are undone."""

import re

from playwright.sync_api import expect

from tests.browser.test_pages import heading, no_complaint, settled

expect.set_options(timeout=60_000)


def test_edits_are_made_on_two_pages_travel_and_are_undone(server, page):
    page.goto(f"{server.address}/knock_out?network=mnist&picture=digit_3&op_way=scale&op_factor=3")
    expect(heading(page, "Knock-out")).to_be_visible()
    expect(page.get_by_text("An example. Undo it")).to_be_visible()
    settled(page)
    page.get_by_role("button", name="Add this edit").dblclick()  # makes one
    expect(page).to_have_url(re.compile("edits=scale%3Dconv2d_2"))
    expect(page.get_by_role("button", name="Undo", exact=True)).to_have_count(1)
    settled(page)
    page.get_by_role("link", name="Kernels").click()
    expect(heading(page, "With the edits")).to_be_visible()
    expect(page).to_have_url(re.compile("edits=scale%3Dconv2d_2"))
    settled(page)
    page.get_by_role("button", name="Add this edit").click()
    expect(page.get_by_role("button", name="Undo", exact=True)).to_have_count(2)
    settled(page)
    page.get_by_role("button", name="Take these edits to Knock-out").click()
    expect(heading(page, "Knock-out")).to_be_visible()
    expect(page.get_by_role("button", name="Undo", exact=True)).to_have_count(2)
    settled(page)
    page.get_by_role("button", name="Undo all").click()
    expect(page.get_by_text("No edits: the network is as it was trained")).to_be_visible()
    expect(page).to_have_url(re.compile("edits=none"))
    page.reload()
    expect(page.get_by_text("before and after are the same")).to_be_visible()
    no_complaint(page)


def test_a_click_on_a_map_or_in_the_grids_chooses_the_cell(server, page):
    page.goto(f"{server.address}/microscope?network=shapes&picture=shapes&cell_layer=block1_conv2")
    expect(page.get_by_text(re.compile("The arithmetic ends in"))).to_be_visible()
    settled(page)
    field = page.locator(".spot .field")
    field.click(position={"x": 3, "y": 3})
    expect(page.get_by_text(re.compile("at row 0, column 0 is"))).to_be_visible()
    settled(page)
    field.focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_text(re.compile("at row 1, column 0 is"))).to_be_visible()
    settled(page)
    grid = page.locator("figure.result canvas").first
    grid.click(position={"x": 60, "y": 60})
    expect(page.get_by_text(re.compile("at row 1, column 0 is"))).to_have_count(0)
    expect(page.get_by_text(re.compile("The arithmetic ends in"))).to_be_visible()
    no_complaint(page)
