"""What stands under a page, in a real browser: code, link, files and check; and the sheet to draw on."""

import csv
import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from convviz import images
from tests.browser.test_pages import heading, no_complaint, settled

PATIENCE = 120_000  # the first page of a busy machine waits for its worker


def opened(page: Page, address: str, title: str) -> None:
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    expect(heading(page, title)).to_be_visible()
    expect(page.get_by_text("What to notice")).to_be_visible(timeout=PATIENCE)
    settled(page)


def button(page: Page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def unfolded(page: Page, name: str, inside: str) -> None:
    """Open one of the popovers; it stays where it opened, so once more if the page has grown under it meanwhile."""
    for patience in (10_000, 10_000, PATIENCE):
        button(page, name).click()
        try:
            expect(button(page, inside)).to_be_in_viewport(timeout=patience)
            return
        except AssertionError:
            page.keyboard.press("Escape")
            settled(page)
    raise AssertionError(f"{inside} is out of sight")


def saved(page: Page, name: str) -> bytes:
    """What a button that downloads gives."""
    with page.expect_download() as coming:
        button(page, name).click()
    assert coming.value.suggested_filename == name.removeprefix("Download ")
    with open(coming.value.path(), "rb") as file:
        return file.read()


def test_grad_cam_hands_out_its_program_its_files_and_a_check(server, page):
    opened(page, f"{server.address}/grad_cam?picture=coffee&network=shapes&class=1&cam_view=one", "Grad-CAM")
    unfolded(page, "Code", "Download grad_cam.py")
    program = saved(page, "Download grad_cam.py").decode()
    assert "picture = data.coffee()" in program
    compile(program, "grad_cam.py", "exec")
    page.keyboard.press("Escape")
    button(page, "Save").click()
    over = np.asarray(Image.open(io.BytesIO(saved(page, "grad_cam.png"))))
    assert over.shape == images.sample("coffee").shape
    assert len(saved(page, "shapes.keras")) > 100_000
    page.keyboard.press("Escape")
    button(page, "Check").click()
    expect(page.get_by_text(re.compile(r"Keras computes (exactly )?the same 240,000 numbers"))).to_be_visible()
    no_complaint(page)


def test_a_copied_link_shows_the_same_thing_to_somebody_else(server, page, browser):
    opened(page, f"{server.address}/grad_cam?picture=coffee&alpha=0.7&cam_view=one", "Grad-CAM")
    button(page, "Link").click()
    link = page.get_by_test_id("stPopoverBody").get_by_text(re.compile(r"/grad_cam\?")).first.inner_text().strip()
    assert link.startswith(f"{server.address}/grad_cam?")
    other = browser.new_context().new_page()
    opened(other, link, "Grad-CAM")
    expect(other.get_by_text(re.compile("A cup of coffee, 400 × 600"))).to_be_visible()
    expect(other.get_by_text("Over the picture, strength 70%")).to_be_visible()
    other.context.close()


def test_the_curves_of_a_training_can_be_saved_while_it_runs_and_the_network_afterwards(server, page):
    opened(page, f"{server.address}/training?epochs=2", "Training")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("button", name="Download as .keras")).to_be_visible(timeout=120_000)
    settled(page)
    button(page, "Save").click()
    rows = list(csv.DictReader(io.StringIO(saved(page, "curves.csv").decode())))
    assert int(rows[-1]["step"]) == 38
    assert 0 <= float(rows[-1]["accuracy"]) <= 1
    assert len(saved(page, "trained.keras")) > 300_000
    page.keyboard.press("Escape")
    button(page, "Link").click()
    expect(page.get_by_text(re.compile("The run itself is not in the link"))).to_be_visible()


def sheet(page: Page):
    """Open the sheet on the page that is shown."""
    page.get_by_role("button", name="Draw by hand").click()
    canvas = page.get_by_role("application", name="Sheet to draw on")
    expect(canvas).to_be_visible()
    return canvas


def taken(page: Page) -> None:
    page.get_by_role("button", name="Use this drawing").click()
    expect(page.get_by_text(re.compile("Drawing made here, 280 × 280")).first).to_be_visible()
    expect(page).to_have_url(re.compile("picture=own"))
    no_complaint(page)


def own_picture(page: Page) -> np.ndarray:
    page.keyboard.press("Escape")
    button(page, "Save").click()
    return np.asarray(Image.open(io.BytesIO(saved(page, "picture.png"))))


def test_a_drawing_becomes_the_picture_of_every_page(server, page):
    opened(page, f"{server.address}/feature_maps?network=mnist", "Feature maps")
    canvas = sheet(page)
    expect(page.get_by_role("button", name="Use this drawing")).to_be_disabled()
    box = canvas.bounding_box()
    x, y, side = box["x"], box["y"], box["width"]
    page.mouse.move(x + 0.2 * side, y + 0.5 * side)
    page.mouse.down()
    page.mouse.move(x + 0.8 * side, y + 0.5 * side, steps=8)
    page.mouse.up()
    page.mouse.click(x + 0.5 * side, y + 0.1 * side)
    page.get_by_role("button", name="Undo").click()
    taken(page)
    drawn = own_picture(page)[..., 0]
    assert drawn.shape == (280, 280)
    assert drawn[140, 140] == 255, "the line is there"
    assert drawn[28, 140] == 0, "the point was taken back"
    assert set(np.unique(drawn[:, 140])) <= set(range(256))
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Convolution", exact=True).click()
    expect(heading(page, "Convolution")).to_be_visible()
    expect(page.get_by_test_id("stMain").get_by_role("combobox", name="Picture")).to_have_value(
        re.compile("Drawing made here")
    )
    no_complaint(page)


def test_the_sheet_is_drawn_on_by_keys_and_keeps_its_drawing_when_it_is_closed(server, page):
    opened(page, f"{server.address}/feature_maps?network=mnist", "Feature maps")
    canvas = sheet(page)
    canvas.focus()
    page.keyboard.press("Space")
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    expect(page.get_by_role("status").filter(has_text="Pen down, 182 across, 140 down")).to_be_visible()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Swap black and white").click()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(canvas).to_have_count(0)
    sheet(page)
    expect(page.get_by_role("button", name="Use this drawing")).to_be_enabled()
    taken(page)
    drawn = own_picture(page)[..., 0]
    assert drawn[140, 160] == 0
    assert drawn[10, 10] == 255


@pytest.mark.parametrize("dark", [False, True])
def test_a_finger_draws_on_a_phone(server, browser, dark):
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True,
        color_scheme="dark" if dark else "light",
    )  # fmt: skip
    page = context.new_page()
    page.set_default_timeout(60_000)
    opened(page, f"{server.address}/feature_maps?network=mnist", "Feature maps")
    canvas = sheet(page)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    touch = context.new_cdp_session(page)
    middle = box["y"] + box["height"] / 2

    def finger(kind: str, *places: float) -> None:
        points = [{"x": place, "y": middle} for place in places]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    finger("touchStart", box["x"] + 0.25 * box["width"])
    for step in range(5):
        finger("touchMove", box["x"] + (0.3 + 0.1 * step) * box["width"])
    finger("touchEnd")
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
    page.get_by_role("button", name="Use this drawing").click()
    expect(page.get_by_text(re.compile("Drawing made here")).first).to_be_attached()
    expect(page).to_have_url(re.compile("picture=own"))
    no_complaint(page)
    context.close()
