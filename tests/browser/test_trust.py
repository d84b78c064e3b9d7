"""The Trust page in a real browser: each of its tests runs to its verdict."""

import pytest
from playwright.sync_api import expect


@pytest.mark.parametrize(
    ("address", "verdict"),
    [
        ("trust?network=shapes&picture=shapes", "maps find what matters better than random maps"),
        (
            "trust?network=shapes&picture=shapes&test=weights&trust_method=guided_backpropagation",
            "Guided backpropagation hardly changes",
        ),
        ("trust?test=truth&trust_pictures=10&trust_methods=grad_cam", "points at the explained shape in"),
    ],
)
def test_a_test_of_heat_maps_ends_in_a_verdict(server, page, address, verdict):
    page.goto(f"{server.address}/{address}")
    page.get_by_text(verdict).wait_for(timeout=120_000)
    assert page.get_by_text("went wrong").count() == 0


READABLE = r"""() => {
  const channels = (colour) => {
    const [red, green, blue, alpha] = colour.match(/[\d.]+/g).map(Number);
    const most = colour.startsWith('color(') ? 255 : 1;
    return [red * most, green * most, blue * most, alpha ?? 1];
  };
  const linear = (one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4;
  const luminance = ([red, green, blue]) =>
    0.2126 * linear(red / 255) + 0.7152 * linear(green / 255) + 0.0722 * linear(blue / 255);
  const over = (top, ground) => ground.map((one, place) => top[3] * top[place] + (1 - top[3]) * one);
  const text = document.querySelector('[data-testid="stBaseButton-segmented_controlActive"] p');
  const behind = [];
  for (let one = text; one; one = one.parentElement) behind.unshift(channels(getComputedStyle(one).backgroundColor));
  const ground = behind.reduce((below, one) => over(one, below), [255, 255, 255]);
  const both = [over(channels(getComputedStyle(text).color), ground), ground].map(luminance);
  const [dark, light] = both.sort((one, other) => one - other);
  return (light + 0.05) / (dark + 0.05);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_chosen_segment_can_be_read(scheme, server, browser):
    page = browser.new_page(color_scheme=scheme)
    page.goto(f"{server.address}/trust")
    expect(page.get_by_test_id("stBaseButton-segmented_controlActive").first).to_be_visible(timeout=120_000)
    contrast = page.evaluate(READABLE)
    assert 4.5 <= contrast <= 21, contrast
    page.close()
