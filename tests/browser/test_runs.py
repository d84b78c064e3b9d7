"""A run in a real browser: its pace, impatient clicks, Back in the middle of it, two tabs."""

import itertools
import re
import statistics

from playwright.sync_api import Page, expect

from tests.browser.test_pages import heading, no_complaint, settled

expect.set_options(timeout=90_000)
STEP = re.compile(r"Step \d+ of")


def started(page: Page, server, query: str = "epochs=30&batch_size=8") -> None:
    page.goto(f"{server.address}/training?{query}")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text(STEP)).to_be_visible(timeout=150_000)  # the first one waits for a worker


def stopped(page: Page) -> None:
    page.get_by_role("button", name="Stop training").click()
    expect(page.get_by_text(re.compile("Stopped"))).to_be_visible()


def test_the_numbers_move_about_twice_a_second(server, page):
    started(page, server)
    page.evaluate("""() => {
        window.moments = [];
        let last = '';
        const look = () => {
            const now = document.body.innerText.match(/Step \\d+ of/)?.[0] ?? '';
            if (now && now !== last) { window.moments.push(performance.now()); last = now; }
        };
        new MutationObserver(look).observe(document.body, {childList: true, subtree: true, characterData: true});
    }""")
    page.wait_for_function("window.moments.length > 12")
    moments = page.evaluate("window.moments")
    gaps = [after - before for before, after in itertools.pairwise(moments[1:])]
    print(f"gaps between updates, ms: median {statistics.median(gaps):.0f}, all {[round(gap) for gap in sorted(gaps)]}")
    assert statistics.median(gaps) < 2000, "a busy machine is slower; one at rest shows two a second"
    stopped(page)


# Where the left edge of Stop training was in each frame that the browser drew.
PLACES = """() => {
  window.places = new Set();
  const look = () => {
    const button = document.querySelector(".st-key-stop_run button");
    if (button) window.places.add(Math.round(button.getBoundingClientRect().x));
    requestAnimationFrame(look);
  };
  look();
}"""


def test_impatient_clicks_do_no_harm(server, page):
    page.goto(f"{server.address}/training?epochs=30&batch_size=8")
    page.get_by_role("button", name="Start").dblclick()
    expect(page.get_by_text(STEP)).to_be_visible()
    page.evaluate(PLACES)
    page.get_by_role("button", name="Pause").dblclick()
    expect(page.get_by_text(re.compile("Paused"))).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text(re.compile("about .* left", re.IGNORECASE))).to_be_visible()
    page.get_by_role("button", name="Stop training").dblclick()
    expect(page.get_by_text(re.compile("Stopped"))).to_be_visible()
    assert page.evaluate("window.places.size") == 1, "a click meant for it would have met another button"
    expect(page.get_by_role("button", name="Download as .keras")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Faint points: \d+ of the validation pictures"))).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as .keras").dblclick()
    assert download.value.suggested_filename == "convviz-trained.keras"
    no_complaint(page)


def test_back_in_the_middle_of_a_run_and_forward_again_finds_it_running(server, page):
    page.goto(f"{server.address}/convolution")
    expect(page.get_by_text("What to notice")).to_be_visible()
    page.get_by_role("link", name="Training").click()
    expect(heading(page, "Training")).to_be_visible()
    settled(page)
    page.get_by_test_id("stMain").get_by_role("slider", name=re.compile("Epochs")).press("End")
    expect(page).to_have_url(re.compile("epochs=100"))
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text(STEP)).to_be_visible()
    page.go_back()
    expect(heading(page, "Convolution")).to_be_visible()
    settled(page)
    no_complaint(page)
    page.go_forward()
    expect(heading(page, "Training")).to_be_visible()
    expect(page.get_by_text(STEP)).to_be_visible()
    stopped(page)
    no_complaint(page)


def test_two_tabs_of_one_browser_have_runs_of_their_own(server, browser):
    context = browser.new_context()
    first, second = context.new_page(), context.new_page()
    for tab in (first, second):
        tab.set_default_timeout(90_000)
        started(tab, server)
    stopped(first)
    expect(second.get_by_text(re.compile("Stopped"))).to_have_count(0)
    expect(second.get_by_role("button", name="Stop training")).to_be_enabled()
    stopped(second)
    for tab in (first, second):
        no_complaint(tab)
    second.goto(f"{server.address}/feature_maps?network=run")
    expect(second.get_by_text(re.compile("The network of this link belongs to another visit"))).to_be_visible()
    context.close()
