"""The frame around every page in a real browser: address and Back, folding choices, pictures' edges."""

import re

import pytest
from playwright.sync_api import Page, expect

from pages.shared.ui import ASSETS
from tests.browser.test_pages import heading, no_complaint, nothing_is_cut, settled

expect.set_options(timeout=45_000)


def entries(page: Page) -> int:
    return page.evaluate("history.length")


def test_one_page_switch_is_one_entry_and_back_keeps_what_was_chosen(server, page):
    page.goto(f"{server.address}/grad_cam?network=cats_and_dogs")
    expect(page.get_by_text(re.compile("Explained: cat|Explained: dog"))).to_be_visible()
    settled(page)
    before = entries(page)
    page.get_by_test_id("stMain").get_by_role("combobox", name="Class", exact=True).click()
    page.get_by_role("option", name="cat", exact=True).click()
    expect(page).to_have_url(re.compile("class=0"))
    settled(page)
    assert entries(page) == before, "a choice changes the address in place"
    page.get_by_role("link", name="Convolution", exact=True).click()
    expect(heading(page, "Convolution")).to_be_visible()
    page.get_by_role("link", name="Feature maps").click()
    expect(heading(page, "Feature maps")).to_be_visible()
    settled(page)
    assert entries(page) == before + 2
    page.go_back()
    expect(heading(page, "Convolution")).to_be_visible()
    settled(page)
    page.go_back()
    expect(heading(page, "Grad-CAM")).to_be_visible()
    expect(page.get_by_text(re.compile("Explained: cat"))).to_be_visible()
    settled(page)
    expect(page).to_have_url(re.compile("class=0"))
    expect(page.get_by_test_id("stMain").get_by_role("combobox", name="Network")).to_have_value("Cats and dogs")
    page.go_forward()
    expect(heading(page, "Convolution")).to_be_visible()
    settled(page)
    assert entries(page) == before + 2
    no_complaint(page)


def test_a_carried_network_adds_no_second_entry(server, page):
    page.goto(f"{server.address}/feature_maps?network=mnist")
    expect(page.get_by_text("What to notice")).to_be_visible()
    settled(page)
    before = entries(page)
    page.get_by_role("link", name="Filter patterns").click()
    expect(heading(page, "Filter patterns")).to_be_visible()
    expect(page).to_have_url(re.compile("network=mnist"))
    assert entries(page) == before + 1
    page.go_back()
    expect(heading(page, "Feature maps")).to_be_visible()
    expect(page).to_have_url(re.compile("feature_maps.network=mnist"))


def test_a_click_that_comes_before_the_page_s_own_script_is_one_entry(server, page):
    page.goto(f"{server.address}/_stcore/health")
    page.mouse.click(5, 5)
    before = entries(page)
    page.add_script_tag(content=(ASSETS / "frame.js").read_text())
    page.evaluate("history.pushState({}, '', '/filter_patterns')")
    page.evaluate("history.pushState({}, '', '/filter_patterns?network=mnist')")
    assert entries(page) == before + 1


def test_only_enlarged_pictures_keep_square_pixels(server, page):
    page.goto(f"{server.address}/feature_maps?maps_view=one")
    expect(page.get_by_text("What to notice")).to_be_visible()
    settled(page)
    page.wait_for_function(
        """() => {
            const found = [...document.querySelectorAll('[data-testid=stImage] img')];
            return found.length > 4 && found.every(one => one.complete && one.naturalWidth) &&
                document.querySelector('[data-testid=stImage] img.enlarged');
        }"""
    )
    settled(page)
    found = page.evaluate(
        """[...document.querySelectorAll('[data-testid=stImage] img')].map(one => [
            one.clientWidth * devicePixelRatio > one.naturalWidth, getComputedStyle(one).imageRendering])"""
    )
    assert {larger for larger, _ in found} == {True, False}
    assert all((rendering == "pixelated") == larger for larger, rendering in found), found


@pytest.mark.parametrize("path", ["feature_maps?network=mnist&picture=moon", "grad_cam?picture=astronaut"])
def test_no_long_name_is_cut_on_a_laptop(server, page, path):
    page.goto(f"{server.address}/{path}")
    expect(page.get_by_text("What to notice")).to_be_visible()
    settled(page)
    nothing_is_cut(page)


def phone(browser) -> Page:
    one = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True).new_page()
    one.set_default_timeout(60_000)
    return one


def test_choices_fold_on_a_phone_after_the_first_choice_and_open_by_the_keyboard(server, browser):
    page = phone(browser)
    page.goto(f"{server.address}/grad_cam")
    expect(page.get_by_text("What to notice")).to_be_visible()
    settled(page)
    main = page.get_by_test_id("stMain")
    network = main.get_by_role("combobox", name="Network")
    expect(network).to_be_visible()
    main.get_by_text("Evidence against it, too").click()
    expect(page).to_have_url(re.compile("signed=true"))
    expect(network).to_be_hidden()
    summary = page.locator(".st-key-choices summary").first
    summary.focus()
    page.keyboard.press("Enter")
    expect(network).to_be_visible()
    settled(page)
    expect(network).to_be_visible()
    page.context.close()


def test_choices_stay_open_on_a_laptop(server, page):
    page.goto(f"{server.address}/grad_cam")
    expect(page.get_by_text("What to notice")).to_be_visible()
    settled(page)
    page.get_by_test_id("stMain").get_by_text("Evidence against it, too").click()
    expect(page).to_have_url(re.compile("signed=true"))
    settled(page)
    expect(page.get_by_test_id("stMain").get_by_role("combobox", name="Network")).to_be_visible()
    expect(page.locator(".st-key-choices summary").first).to_be_hidden()


def test_an_unknown_network_is_said_once_and_the_address_is_put_right(server, page):
    page.goto(f"{server.address}/feature_maps?network=zzz&from_layer=900")
    expect(page.get_by_text(re.compile("network “zzz” .shown: Cats and dogs"))).to_have_count(1)
    settled(page)
    assert "zzz" not in page.url
    no_complaint(page)


def test_the_networks_card_is_at_hand(server, page):
    page.goto(f"{server.address}/feature_maps?network=shapes")
    page.get_by_role("button", name="About this network").click()
    expect(page.get_by_text("16,000 pictures of one shape each")).to_be_visible()
    expect(page.get_by_text("Accuracy, test part: 100.00% of 2,000 pictures")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("16,000 pictures of one shape each")).to_be_hidden()


LINES = """root => [...document.querySelectorAll(root + " [data-testid=stPageLink]")].map(link => {
    const cell = link.closest("[data-testid=stVerticalBlock]");
    const sentence = [...cell.querySelectorAll("p")].find(one => !link.contains(one));
    return [link.querySelector("p"), sentence].flatMap(one => {
        const range = document.createRange();
        range.selectNodeContents(one);
        const box = range.getBoundingClientRect();
        return [box.left, box.top, box.bottom];
    });
})"""


@pytest.mark.parametrize("width", [390, 1200, 1440])
def test_on_start_a_sentence_belongs_to_its_title_and_the_cards_leave_no_hole(server, page, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(server.address)
    expect(page.get_by_text("What to notice")).to_be_visible()
    expect(page.get_by_test_id("stMain").get_by_test_id("stPageLink")).to_have_count(21)
    settled(page)
    for root, count in ((".st-key-jobs", 5), (".st-key-further", 16)):
        found = page.evaluate(LINES, root)
        assert len(found) == count
        assert all(abs(title - sentence) < 1 for title, _, _, sentence, _, _ in found), (root, found)
    for left, _, title_end, _, begin, end in found:
        below = [one[1] for one in found if one[0] == left and one[1] > end]
        assert not below or begin - title_end < min(below) - end, found
    edges = page.locator(".st-key-jobs [data-testid=stColumn]").evaluate_all(
        "all => all.map(one => [one.getBoundingClientRect().top, one.getBoundingClientRect().right])"
    )
    rows = {round(top): max(right for other, right in edges if abs(other - top) < 1) for top, _ in edges}
    assert max(rows.values()) - min(rows.values()) < 1, edges


ICONS = """(() => {
    window.icons = [];
    const look = () => {
        const now = document.querySelector("link[rel='shortcut icon']")?.href;
        if (now && now !== window.icons.at(-1)) window.icons.push(now);
    };
    new MutationObserver(look).observe(document, {subtree: true, childList: true, attributes: true});
})()"""


def test_nothing_is_asked_of_another_address(server, page):
    asked: list[str] = []
    icons: list[str] = []  # what the tab shall show; a browser without a window does not fetch it
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda one: asked.append(one.url.replace("ws://", "http://")))
    page.add_init_script(ICONS)
    for path, then in (("", "Convolution"), ("grad_cam", "Feature maps"), ("filter_patterns", "Training")):
        page.goto(f"{server.address}/{path}")
        expect(page.get_by_text("What to notice")).to_be_visible()
        settled(page)
        page.get_by_test_id("stSidebarNav").get_by_role("link", name=then, exact=True).click()
        expect(heading(page, then)).to_be_visible()
        expect(page.get_by_text("What to notice")).to_be_visible()
        settled(page)
        icons += page.evaluate("window.icons")
    assert any(url.startswith(f"{server.address}/_stcore/stream") for url in asked)
    assert any("/media/" in icon for icon in icons), icons
    own = (f"{server.address}/", "data:", f"blob:{server.address}/")
    assert not [url for url in asked + icons if not url.startswith(own)]
