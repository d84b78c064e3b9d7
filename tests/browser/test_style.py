"""What the stylesheet makes of the pages in a real browser."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_pages import settled

READABLE = r"""(text) => {
  const channels = (colour) => {
    const [red, green, blue, alpha] = colour.match(/[\d.]+/g).map(Number);
    const most = colour.startsWith('color(') ? 255 : 1;
    return [red * most, green * most, blue * most, alpha ?? 1];
  };
  const linear = (one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4;
  const luminance = ([red, green, blue]) =>
    0.2126 * linear(red / 255) + 0.7152 * linear(green / 255) + 0.0722 * linear(blue / 255);
  const over = (top, ground) => ground.map((one, place) => top[3] * top[place] + (1 - top[3]) * one);
  const behind = [];
  for (let one = text; one; one = one.parentElement) behind.unshift(channels(getComputedStyle(one).backgroundColor));
  const ground = behind.reduce((below, one) => over(one, below), [255, 255, 255]);
  const ink = channels(getComputedStyle(text).color);
  for (let one = text; one; one = one.parentElement) ink[3] *= Number(getComputedStyle(one).opacity);
  const both = [over(ink, ground), ground].map(luminance);
  const [dark, light] = both.sort((one, other) => one - other);
  return (light + 0.05) / (dark + 0.05);
}"""


PLACES = (
    '[data-testid="stButtonGroup"] button[aria-checked="true"] p',  # the chosen segment
    '[data-testid="stButtonGroup"] button[aria-checked="false"] p',
    '[data-testid="stCaptionContainer"] p',
    '[data-testid="stImageCaption"] p',
    ".question",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_smallest_texts_can_be_read(scheme, server, browser):
    page = browser.new_page(color_scheme=scheme)
    page.set_default_timeout(60_000)
    page.goto(f"{server.address}/training")
    expect(page.get_by_test_id("stImageCaption").first).to_be_visible(timeout=60_000)
    settled(page)
    for place in PLACES:
        contrast = page.locator(place).first.evaluate(READABLE)
        assert 4.5 <= contrast <= 21, (place, contrast)
    page.close()


def test_why_a_typed_number_is_impossible_stands_under_it(server, page):
    page.goto(f"{server.address}/convolution")
    stride = page.get_by_label("Stride down (pixels)")
    stride.fill("0")
    stride.press("Enter")
    reason = page.get_by_test_id("stNumberInput").get_by_role("alert")
    expect(reason).to_contain_text("between 1 and 16")
    box, field = reason.bounding_box(), stride.bounding_box()
    assert box["height"] > 12
    assert box["width"] > 60
    assert box["y"] >= field["y"] + field["height"] - 1


def test_the_caption_of_a_mosaic_that_scrolls_on_a_phone_stays_in_the_window(server, browser):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_default_timeout(60_000)
    page.goto(f"{server.address}/kernels?network=mnist")
    mosaic = page.locator(".st-key-mosaic_board")
    caption = mosaic.get_by_test_id("stImageCaption")
    expect(caption).to_be_visible()
    settled(page)
    for scrolled in (0, 200, 1000):
        reached = mosaic.evaluate("(box, left) => { box.scrollLeft = left; return box.scrollLeft; }", scrolled)
        assert (reached > 0) is (scrolled > 0), "the picture is wider than the window"
        box = caption.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    page.close()
