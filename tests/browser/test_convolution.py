"""The Convolution page in a real browser: scenes, an edited cell, a pinned cell, a phone."""

import re

from playwright.sync_api import Page, expect

from tests.browser.test_pages import fits, heading, no_complaint, settled

expect.set_options(timeout=45_000)


def arrived(page: Page, address: str) -> None:
    page.goto(address)
    expect(heading(page, "Convolution")).to_be_visible()
    expect(page.get_by_text("What to notice")).to_be_visible()
    settled(page)


def output_shows(page: Page, said: str) -> None:
    """What the grids say of the cell in the middle of attention."""
    expect(page.locator(".explorer .sum .title")).to_have_text(re.compile(said))


def test_a_scene_is_one_click_and_the_grids_show_its_number(server, page):
    arrived(page, f"{server.address}/convolution")
    page.get_by_role("button", name="Sharpen: 320").click()
    expect(page.get_by_text("105·5 − 102 − 103 = 320")).to_be_visible()
    output_shows(page, "row 0, column 0: 320")
    expect(page).to_have_url(re.compile("kernel=sharpen"))
    page.get_by_role("button", name="Curve: 6600").click()
    expect(page.get_by_text("50·30 + 20·30 + 50·30 + 50·30 + 50·30 = 6600")).to_be_visible()
    output_shows(page, "row 0, column 0: 6600")
    page.get_by_role("button", name="Find the curve").click()
    expect(page.get_by_alt_text("A line drawing of a mouse")).to_have_count(2)  # in the side bar, and framed
    output_shows(page, "row 35, column 79: 45900")
    settled(page)
    no_complaint(page)
    page.reload()
    expect(page.get_by_text("The largest value, 45900, is at row 35, column 79")).to_be_visible()


def middle_cell_clicked(page: Page) -> None:
    """In the grid of the kernel's cells, 3 x 3."""
    grid = page.get_by_test_id("data-grid-canvas").first
    expect(grid).to_be_visible()
    grid.scroll_into_view_if_needed()
    box = grid.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.625)  # the middle cell
    page.wait_for_timeout(500)


def test_a_cell_edited_in_the_grid_makes_the_kernel_custom(server, page):
    arrived(page, f"{server.address}/convolution?input=matrix&kernel=sharpen&padding=same&output_row=0&output_column=0")
    middle_cell_clicked(page)
    page.keyboard.press("7")
    page.wait_for_timeout(500)  # the cell opens for writing
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("kernel=custom"))
    expect(page.get_by_text("105·7 − 102 − 103 = 530")).to_be_visible()
    no_complaint(page)


def test_letters_typed_over_a_cell_are_refused_in_a_sentence_and_stay(server, page):
    arrived(page, f"{server.address}/convolution?input=matrix&kernel=sharpen&padding=same")
    middle_cell_clicked(page)
    page.keyboard.type("abc", delay=150)
    page.keyboard.press("Enter")
    expect(page.get_by_text("The kernel's cell 'abc' is not a number")).to_be_visible()
    expect(page.get_by_text("Still the last kernel that could be read")).to_be_visible()
    assert "cells=" not in page.url


def test_a_cell_clicked_in_the_grids_is_written_out(server, page):
    arrived(page, f"{server.address}/convolution?input=matrix&kernel=sharpen&padding=same&output_row=0&output_column=0")
    output = page.locator(".explorer .result canvas")
    box = output.bounding_box()
    output.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    expect(page.get_by_label("Output row (from 0)")).to_have_value("2")
    expect(page.get_by_text("−103 − 98 + 104·5 − 102 − 106 = 111")).to_be_visible()


def test_a_cell_clicked_in_a_scene_stays_pinned_though_the_scenes_sentence_goes(server, page):
    arrived(page, f"{server.address}/convolution?input=matrix&kernel=sharpen&padding=same&output_row=0&output_column=0")
    expect(page.get_by_text("Look at the first output")).to_be_visible()
    output = page.locator(".explorer .result canvas")
    box = output.bounding_box()
    output.click(position={"x": box["width"] * 0.9, "y": box["height"] * 0.9})
    expect(page.get_by_label("Output row (from 0)")).to_have_value("4")
    expect(page.get_by_text("Look at the first output")).to_have_count(0)
    settled(page)
    page.wait_for_timeout(1000)
    output_shows(page, "row 4, column 4")


def test_a_pasted_matrix_with_lines_is_taken_and_nonsense_stays_with_its_reason(server, page):
    arrived(page, f"{server.address}/convolution?input=matrix&kernel=identity")
    cells = page.get_by_role("textbox", name=re.compile("Cells, apart by spaces"))
    cells.fill("1 2 3\n4 5 6\n7 8 9.5")
    cells.press("Control+Enter")
    expect(page.get_by_text("5 = 5")).to_be_visible()
    cells.fill("1 2 3\n4 x")
    cells.press("Control+Enter")
    expect(page.get_by_test_id("stAlertContentError")).to_have_text(re.compile("rows have|not a number"))
    expect(cells).to_have_value("1 2 3\n4 x")


def test_the_page_fits_a_phone_and_folds_its_choices(server, browser):
    context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page = context.new_page()
    page.set_default_timeout(60_000)
    arrived(page, f"{server.address}/convolution?input=matrix&kernel=sharpen&padding=same")
    fits(page)
    expect(page.get_by_text("Choices", exact=True)).to_be_visible()
    context.close()
