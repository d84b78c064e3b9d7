"""Every page in a real browser, as a visitor uses it."""

import itertools
import re

import pytest
from playwright.sync_api import Page, expect

expect.set_options(timeout=45_000)  # a worker starts in a few seconds; a busy machine takes longer

PAGES = {
    "": "ConvViz",
    "pixels": "Pixels",
    "convolution": "Convolution",
    "pooling": "Pooling and strides",
    "fourier": "Fourier",
    "receptive_field": "Receptive field",
    "tuning": "Tuning",
    "kinds": "Kinds of convolution",
    "data": "Data and augmentation",
    "training": "Training",
    "transfer": "Transfer",
    "compare": "Compare runs",
    "shortcut": "Shortcut lab",
    "network": "Network",
    "feature_maps": "Feature maps",
    "kernels": "Kernels",
    "microscope": "Microscope",
    "knock_out": "Knock-out",
    "filter_patterns": "Filter patterns",
    "grad_cam": "Grad-CAM",
    "trust": "Trust",
}
PHONE = 390  # pixels of its width


def heading(page: Page, title: str):
    return page.get_by_role("heading", name=title, exact=True)


def settled(page: Page) -> None:
    """Wait until the script has run through, and the page's own script has come."""
    page.wait_for_function(
        "window.convvizFrame && document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'"
    )


def fits(page: Page) -> None:
    """Wait until nothing is wider than a phone; a grid needs a moment to find its width."""
    page.wait_for_function(f"document.querySelector('[data-testid=stMain]').scrollWidth <= {PHONE}", timeout=20_000)


def no_complaint(page: Page) -> None:
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def nothing_is_cut(page: Page) -> None:
    boxes = page.get_by_role("combobox").all()
    cut = [box.input_value() for box in boxes if box.evaluate("one => one.scrollWidth > one.clientWidth + 1")]
    assert not cut, cut


def headings_are_in_order(page: Page) -> None:
    levels = page.get_by_test_id("stMain").evaluate(
        "main => [...main.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(one => Number(one.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), levels


@pytest.mark.parametrize(("path", "title"), PAGES.items())
def test_a_page_opens_with_its_result_and_is_well_made(server, page, path, title):
    page.goto(f"{server.address}/{path}")
    expect(heading(page, title)).to_be_visible()
    expect(page.get_by_role("heading", name="What to notice", level=2)).to_be_visible()
    settled(page)
    no_complaint(page)
    for picture in page.get_by_test_id("stImage").locator("img").all():
        assert picture.get_attribute("alt")
    headings_are_in_order(page)
    nothing_is_cut(page)
    page.set_viewport_size({"width": PHONE, "height": 844})
    fits(page)


def test_the_first_visitor_of_a_fresh_server_gets_the_deep_link_with_the_frame(fresh_server, page):
    page.goto(f"{fresh_server.address}/convolution?kernel=sharpen&stride_y=2")
    expect(heading(page, "Convolution")).to_be_visible()
    expect(page.get_by_test_id("stSidebarNav")).to_be_visible()
    expect(page.get_by_text("Page not found")).to_have_count(0)
    expect(page.get_by_label("Stride down (pixels)")).to_have_value("2")
    settled(page)
    assert "kernel=sharpen" in page.url


def test_choices_are_in_the_address_and_survive_page_switches_and_back(server, page):
    page.goto(f"{server.address}/convolution")
    stride = page.get_by_label("Stride down (pixels)")
    stride.fill("3")
    stride.press("Enter")
    expect(page).to_have_url(re.compile("stride_y=3"))
    settled(page)
    page.get_by_role("link", name="Training").click()
    expect(heading(page, "Training")).to_be_visible()
    settled(page)
    page.get_by_role("link", name="Convolution", exact=True).click()
    expect(page.get_by_label("Stride down (pixels)")).to_have_value("3")
    expect(page).to_have_url(re.compile("stride_y=3"))
    page.reload()
    expect(page.get_by_label("Stride down (pixels)")).to_have_value("3")


def test_back_returns_to_a_page_with_its_last_settings(server, page):
    page.goto(f"{server.address}/convolution")
    stride = page.get_by_label("Stride down (pixels)")
    stride.fill("4")
    stride.press("Enter")
    expect(page).to_have_url(re.compile("stride_y=4"))
    settled(page)
    page.get_by_role("link", name="Training").click()
    expect(heading(page, "Training")).to_be_visible()
    settled(page)
    page.go_back()
    expect(heading(page, "Convolution")).to_be_visible()
    expect(page.get_by_label("Stride down (pixels)")).to_have_value("4")


def test_a_training_runs_from_start_to_stop_and_leaves_a_network(server, page):
    page.goto(f"{server.address}/training?epochs=100")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text(re.compile(r"Step \d+ of"))).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text(re.compile("Paused"))).to_be_visible()
    page.get_by_role("link", name="Convolution", exact=True).click()
    expect(heading(page, "Convolution")).to_be_visible()
    page.get_by_role("link", name="Training").click()
    expect(page.get_by_text(re.compile("Paused"))).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text(re.compile("s left"))).to_be_visible()
    page.get_by_role("button", name="Stop training").click()
    expect(page.get_by_text(re.compile("Stopped"))).to_be_visible()
    expect(page.get_by_role("button", name="Download as .keras")).to_be_visible()
    page.get_by_role("button", name="See its feature maps").click()
    expect(heading(page, "Feature maps")).to_be_visible()
    chosen = page.get_by_test_id("stMain").get_by_role("combobox", name="Network")
    expect(chosen).to_have_value(re.compile("Trained here, "))
    expect(page.get_by_text("What to notice")).to_be_visible()
    no_complaint(page)


def test_two_visitors_do_not_see_each_others_runs(server, browser):
    first, second = browser.new_context().new_page(), browser.new_context().new_page()
    for one in (first, second):
        one.set_default_timeout(60_000)
    first.goto(f"{server.address}/training?epochs=100")
    first.get_by_role("button", name="Start").click()
    expect(first.get_by_text(re.compile(r"Step \d+ of"))).to_be_visible()
    second.goto(f"{server.address}/training")
    expect(second.get_by_text(re.compile("Ready: the network"))).to_be_visible()
    first.get_by_role("button", name="Stop training").click()
    expect(first.get_by_text(re.compile("Stopped"))).to_be_visible()
    for one in (first, second):
        one.context.close()


def test_a_tab_closed_in_the_middle_frees_the_worker(server, browser):
    context = browser.new_context()
    leaver = context.new_page()
    leaver.set_default_timeout(60_000)
    leaver.goto(f"{server.address}/training?epochs=100")
    leaver.get_by_role("button", name="Start").click()
    expect(leaver.get_by_text(re.compile(r"Step \d+ of"))).to_be_visible()
    context.close()
    stayer = browser.new_context().new_page()
    stayer.goto(f"{server.address}/training")
    expect(stayer.get_by_text(re.compile("free"))).to_be_visible(timeout=60_000)
    stayer.context.close()


def test_the_issues_deep_link_on_a_fresh_server_explains_with_mobilenetv2(fresh_server, page, data):
    page.goto(f"{fresh_server.address}/grad_cam?network=mobilenetv2")
    expect(heading(page, "Grad-CAM")).to_be_visible()
    expect(page.get_by_test_id("stSidebarNav")).to_be_visible()
    expect(page.get_by_text("Page not found")).to_have_count(0)
    expect(page.get_by_text(re.compile(r"Explained: .* cat|Explained: .*"))).to_be_visible()
    expect(page.get_by_test_id("stMain").get_by_role("combobox", name="Network")).to_have_value(
        re.compile("MobileNetV2")
    )
    assert "network=mobilenetv2" in page.url
    no_complaint(page)


def upload(page: Page, name: str, data: bytes) -> None:
    page.get_by_role("button", name="Your own picture").click()
    page.locator("input[type=file]").first.set_input_files({"name": name, "mimeType": "image/png", "buffer": data})


def test_an_own_picture_is_shown_and_travels_to_the_other_pages(server, page):
    import cv2
    import numpy as np

    picture = np.zeros((60, 90, 3), np.uint8)
    picture[:, 30:60] = 255
    page.goto(f"{server.address}/convolution")
    upload(page, "stripes <b>*one*</b>.png", cv2.imencode(".png", picture)[1].tobytes())
    expect(page.get_by_text("stripes <b>*one*</b>.png, 60 × 90").first).to_be_visible()
    expect(page).to_have_url(re.compile("picture=own"))
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Knock-out").click()
    expect(page.get_by_text("stripes <b>*one*</b>.png, 60 × 90 × 3").first).to_be_visible()
    no_complaint(page)


def test_a_foreign_file_is_refused_in_one_sentence_and_the_old_picture_stays(server, page):
    page.goto(f"{server.address}/convolution")
    upload(page, "drawing.png", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    complaint = page.get_by_test_id("stAlertContentError")
    expect(complaint).to_have_count(1)
    expect(complaint).to_contain_text("SVG")
    expect(page.get_by_text(re.compile("Chelsea the cat, 300 × 451"))).to_be_visible()


def test_patterns_are_drawn_as_they_go_and_can_be_stopped(server, page):
    page.goto(f"{server.address}/filter_patterns?pattern_layer=conv2d_3&filters_shown=16&pattern_size=160")
    expect(page.get_by_text("Fast: ever shorter steps").first).to_be_visible()
    expect(page.get_by_text(re.compile("The lecture's: 40 equal steps, step [1-9]"))).to_be_visible()
    page.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text(re.compile("Stopped"))).to_be_visible()
    no_complaint(page)


def test_a_page_that_is_opened_on_a_phone_has_no_sideways_scroll(server, browser):
    context = browser.new_context(viewport={"width": PHONE, "height": 844}, is_mobile=True)
    page = context.new_page()
    for path in ("convolution", "network", "training", "grad_cam"):  # all others are made as narrow when they are open
        page.goto(f"{server.address}/{path}")
        expect(heading(page, PAGES[path])).to_be_visible()
        settled(page)
        fits(page)
    context.close()
