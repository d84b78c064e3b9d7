"""The explorer in a real browser: pointer, keys and scan, answered without a word to the server."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from convviz import convolution, images, kernels, rendering
from tests.browser.conftest import Server

expect.set_options(timeout=45_000)  # the first page of a fresh server, on a busy machine

SOBEL = kernels.KERNELS["sobel_x"].weights
NUMBERS = np.random.default_rng(0).integers(0, 256, (7, 9)).astype(np.uint8)
SMALL = convolution.convolve(NUMBERS, SOBEL, padding=1, padding_mode="reflect")


@pytest.fixture(scope="module")
def grids(tmp_path_factory):
    """A server with the page beside this file."""
    one = Server(tmp_path_factory.mktemp("explorer") / "server.log", "tests/browser/explorer_page.py")
    yield one
    one.stop()
    assert "Traceback" not in one.log.read_text()


def opened(page: Page, server: Server, kind: str, **query: object) -> list[str]:
    """Go there; the list grows by every frame on the page's websocket from then on."""
    frames: list[str] = []

    def listen(socket):
        socket.on("framesent", lambda _: frames.append("sent"))
        socket.on("framereceived", lambda _: frames.append("received"))

    page.on("websocket", listen)
    more = "".join(f"&{name}={value}" for name, value in query.items())
    page.goto(f"{server.address}/?kind={kind}{more}")
    expect(page.locator(".explorer .title").first).not_to_be_empty()
    page.wait_for_function("document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'")
    page.wait_for_load_state("networkidle")
    assert "received" in frames
    return frames


def grid(page: Page, name: str):
    return page.locator(f"figure.{name} canvas").first


def title(page: Page):
    return page.locator(".explorer .title").first


def point(page: Page, name: str, row: int, col: int, shape: tuple[int, int]) -> None:
    """Put the pointer on a cell of a grid that shows so many rows and columns."""
    box = grid(page, name).bounding_box()
    page.mouse.move(box["x"] + (col + 0.5) * box["width"] / shape[1], box["y"] + (row + 0.5) * box["height"] / shape[0])


def said(number: float) -> str:
    return f"{number:g}".replace("-", "−")


def test_the_pointer_reads_every_output_cell_with_its_real_number(grids, page):
    opened(page, grids, "small")
    for row, col in ((0, 0), (3, 4), (6, 8), (2, 7)):
        point(page, "result", row, col, (7, 9))
        expect(title(page)).to_have_text(f"Output row {row}, column {col}: {said(SMALL[row, col])}")
    trace = convolution.trace(NUMBERS, SOBEL, 2, 7, padding=1, padding_mode="reflect")
    first = " + ".join(f"{said(v)} × {said(w)}" for v, w in zip(trace.patch[0], SOBEL[0], strict=True))
    expect(page.locator(".blocks")).to_contain_text(first)
    expect(page.locator(".blocks")).to_contain_text(f"= {said(trace.products[0].sum())}")


def test_input_and_kernel_cells_say_what_they_feed_and_multiply(grids, page):
    opened(page, grids, "small")
    point(page, "source", 4, 5, (9, 11))
    expect(title(page)).to_have_text(f"Input row 3, column 4: {NUMBERS[3, 4]}")
    expect(page.locator(".blocks")).to_contain_text("feeds 9 output cells: rows 2 to 4, columns 3 to 5")
    point(page, "source", 0, 0, (9, 11))
    expect(title(page)).to_have_text(f"Input row −1, column −1 (padding): {NUMBERS[1, 1]}")
    point(page, "weights", 0, 0, (3, 3))
    expect(title(page)).to_have_text("Weight row 0, column 0: 1")
    expect(page.locator(".blocks")).to_contain_text("multiplies 63 input cells: rows −1 to 5, columns −1 to 7")


def test_pointing_scanning_and_scrubbing_send_nothing(grids, page):
    frames = opened(page, grids, "square", cells=32)
    before = len(frames)
    box = grid(page, "result").bounding_box()
    for n in range(300):
        page.mouse.move(box["x"] + (n * 7.3) % box["width"], box["y"] + (n * 3.1) % box["height"])
    expect(title(page)).to_have_text(re.compile("Output row"))
    page.get_by_label("Cells a second").select_option("60")
    page.get_by_role("button", name="Play").click()
    place = page.get_by_label("Cell of the scan")
    start = int(place.input_value())
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.wait_for_timeout(1500)
    page.get_by_role("button", name="Pause").click()
    assert int(place.input_value()) > start
    place.fill("100")
    expect(title(page)).to_have_text(re.compile("Output row"))
    page.get_by_role("button", name="Step one cell").click()
    assert place.input_value() == "101"
    assert len(frames) == before


def test_a_scan_goes_over_the_whole_output_and_the_view_goes_with_it(grids, page):
    frames = opened(page, grids, "square", cells=12)
    before = len(frames)
    place = page.get_by_label("Cell of the scan")
    assert place.get_attribute("max") == str(126 * 126 - 1)
    place.fill(str(126 * 126 - 1))
    expect(title(page)).to_have_text(re.compile("^Output row 125, column 125:"))
    expect(page.locator(".overview")).to_have_attribute("aria-label", re.compile("rows 116 to 127, columns 116 to 127"))
    page.get_by_role("button", name="Play").click()
    expect(title(page)).to_have_text(re.compile(r"^Output row 0, column \d:"))
    page.get_by_role("button", name="Pause").click()
    for index, (row, column) in {125: (0, 125), 126: (1, 0), 5000: (39, 86)}.items():
        place.fill(str(index))
        expect(title(page)).to_have_text(re.compile(f"^Output row {row}, column {column}:"))
    page.get_by_role("button", name="Step one cell").click()
    expect(title(page)).to_have_text(re.compile("^Output row 39, column 87:"))
    page.get_by_role("button", name="Back one cell").click()
    expect(title(page)).to_have_text(re.compile("^Output row 39, column 86:"))
    assert len(frames) == before


def test_the_scan_finds_the_curve_on_the_ear(grids, page):
    opened(page, grids, "curve")
    expect(title(page)).to_have_text("Output row 35, column 79: 45900")
    page.get_by_label("Cell of the scan").fill(str(35 * 122 + 60))
    page.get_by_label("Cells a second").select_option("60")
    page.locator(".explorer").evaluate(
        """root => {
            window.found = [];
            const title = root.querySelector(".title");
            new MutationObserver(() => window.found.push(title.textContent)).observe(title, {childList: true});
        }"""
    )
    page.get_by_role("button", name="Play").click()
    expect(title(page)).to_have_text(re.compile("^Output row 36,"))
    page.get_by_role("button", name="Pause").click()
    found = page.evaluate("window.found")
    assert [f"Output row 35, column {n}:" for n in range(60, 122)] == [
        one.rpartition(" ")[0] for one in found if "row 35" in one
    ]
    assert "Output row 35, column 79: 45900" in found
    assert max(int(one.rpartition(" ")[2].replace("−", "-")) for one in found) == 45900


def test_the_scan_of_a_large_picture_stays_with_what_was_sent(grids, page):
    frames = opened(page, grids, "cat")
    before = len(frames)
    place = page.get_by_label("Cell of the scan")
    for index in (0, int(place.get_attribute("max"))):
        place.fill(str(index))
        expect(title(page)).to_have_text(re.compile(r"^Output row \d+, column \d+: [−\d]+$"))
        page.wait_for_timeout(400)  # longer than a crop is asked for after
    assert len(frames) == before


def test_the_keyboard_moves_pins_and_frees_and_a_live_region_speaks(grids, page):
    opened(page, grids, "small")
    spoken = page.locator(".said")
    expect(spoken).to_have_attribute("aria-live", "polite")
    canvas = page.get_by_role("application", name=re.compile("^Output, 7 × 9"))
    canvas.focus()
    canvas.press("Home")
    for key in ("ArrowUp",) * 9 + ("ArrowRight", "ArrowRight", "ArrowDown"):
        canvas.press(key)
    expect(title(page)).to_have_text(f"Output row 1, column 2: {said(SMALL[1, 2])}")
    expect(spoken).to_have_text(f"Output row 1, column 2: {said(SMALL[1, 2])}, the sum of 9 products")
    canvas.press("Enter")
    expect(title(page)).to_contain_text("(pinned)")
    canvas.press("Escape")
    expect(title(page)).not_to_contain_text("(pinned)")
    page.get_by_role("application", name=re.compile("^Kernel, 3 × 3")).press("ArrowLeft")
    expect(title(page)).to_have_text(re.compile("^Weight row"))
    page.get_by_role("application", name=re.compile("padding 1")).press("ArrowLeft")
    expect(title(page)).to_have_text(re.compile("^Input row"))


def test_a_click_pins_until_the_same_cell_or_escape(grids, page):
    opened(page, grids, "small")
    point(page, "result", 2, 3, (7, 9))
    page.mouse.down()
    page.mouse.up()
    expect(title(page)).to_contain_text("row 2, column 3")
    expect(title(page)).to_contain_text("(pinned)")
    point(page, "result", 5, 5, (7, 9))
    expect(title(page)).to_contain_text("row 2, column 3")
    point(page, "result", 2, 3, (7, 9))
    page.mouse.down()
    page.mouse.up()
    expect(title(page)).not_to_contain_text("(pinned)")


def test_new_numbers_keep_the_explorer_alive_and_a_pin_that_is_gone_is_freed(grids, page):
    opened(page, grids, "small")
    point(page, "result", 6, 8, (7, 9))
    page.mouse.down()
    page.mouse.up()
    expect(title(page)).to_contain_text("(pinned)")
    for stride in (2, 3, 1, 2):
        box = page.get_by_label("Stride")
        box.fill(str(stride))
        box.press("Enter")
        result = convolution.convolve(NUMBERS, SOBEL, padding=1, padding_mode="reflect", stride=stride)
        size = " × ".join(map(str, result.shape))
        expect(page.locator("figure.result figcaption")).to_contain_text(size)
        point(page, "result", 1, 1, result.shape)
        expect(title(page)).to_have_text(f"Output row 1, column 1: {said(result[1, 1])}")


def test_nothing_from_outside_becomes_markup(grids, page):
    opened(page, grids, "small")
    expect(page.locator("figure.source figcaption")).to_contain_text("<img src=x onerror=alert(1)> & <b>picture</b>")
    expect(page.locator("figure.source img")).to_have_count(0)


def test_a_large_picture_is_panned_by_its_overview_and_the_numbers_follow(grids, page):
    opened(page, grids, "cat")
    cat = images.grey(images.sample("cat"))
    result = convolution.convolve(cat, SOBEL, padding="same")
    overview = page.locator(".overview")
    box = overview.bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.down()
    page.mouse.up()
    expect(page.locator("figure.source figcaption")).to_contain_text("in view")
    grid(page, "result").focus()
    for key in ["Home"] + ["ArrowUp"] * 20:
        page.keyboard.press(key)
    expect(title(page)).to_have_text(f"Output row 0, column 0: {said(result[0, 0])}")
    page.keyboard.press("End")
    expect(title(page)).to_have_text(f"Output row 0, column 450: {said(result[0, 450])}")


def test_two_explorers_on_a_page_do_not_share_anything(grids, page):
    opened(page, grids, "two")
    second = page.locator(".explorer .title").nth(1)
    before = second.inner_text()
    point(page, "result", 0, 0, (5, 7))
    expect(title(page)).to_have_text(re.compile("Output row 0, column 0"))
    assert second.inner_text() == before


def test_a_pinned_cell_is_told_to_the_page_that_asks(grids, page):
    opened(page, grids, "pins")
    expect(title(page)).to_have_text(re.compile("Output row 1, column 2"))
    expect(page.get_by_text("Pinned: None")).to_be_visible()
    point(page, "result", 4, 6, (5, 7))
    page.mouse.down()
    page.mouse.up()
    expect(page.get_by_text("Pinned: (4, 6)")).to_be_visible()
    point(page, "result", 0, 1, (5, 7))
    page.keyboard.press("Escape")
    expect(page.get_by_text("Pinned: None")).to_be_visible()
    expect(title(page)).to_have_text(re.compile(r"^Output row 4, column 6: [−\d]+$"))  # which the page still says
    point(page, "result", 3, 3, (5, 7))
    expect(title(page)).to_have_text(re.compile("^Output row 3, column 3"))
    page.mouse.move(2, 2)
    expect(title(page)).to_have_text(re.compile("^Output row 4, column 6"))


@pytest.mark.parametrize("how", ["Step one cell", "Back one cell", "Play"])
def test_a_scan_frees_the_pinned_cell_and_the_page_hears_of_it(grids, page, how):
    opened(page, grids, "pins")
    point(page, "result", 4, 5, (5, 7))
    page.mouse.down()
    page.mouse.up()
    expect(page.get_by_text("Pinned: (4, 5)")).to_be_visible()
    page.get_by_role("button", name=how).click()
    expect(page.get_by_text("Pinned: None")).to_be_visible()
    expect(title(page)).not_to_contain_text("(pinned)")


def test_a_page_that_follows_the_pinned_cell_keeps_it_pinned(grids, page):
    opened(page, grids, "follows")
    point(page, "result", 4, 6, (5, 7))
    page.mouse.down()
    page.mouse.up()
    expect(page.get_by_text("Written out: (4, 6)")).to_be_visible()
    page.wait_for_load_state("networkidle")
    page.mouse.move(2, 2)
    expect(title(page)).to_have_text(re.compile(r"^Output row 4, column 6: .*\(pinned\)$"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_cells_of_the_output_keep_the_colours_of_their_bar(grids, browser, scheme):
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    opened(page, grids, "small")
    expect(title(page)).to_have_text(re.compile("^Output"))
    seen = """canvas => Array.from({length: ROWS}, (_, row) => Array.from({length: COLS}, (_, col) => {
        const [w, h] = [canvas.width / COLS, canvas.height / ROWS];
        const at = [Math.round((col + 0.5) * w), Math.round((row + 0.12) * h)]; // above the number
        return [...canvas.getContext("2d").getImageData(...at, 1, 1).data].slice(0, 3);
    }))"""
    found = grid(page, "result").evaluate(seen.replace("ROWS", "7").replace("COLS", "9"))
    wanted = rendering.signed(SMALL, np.abs(SMALL).max())
    assert np.abs(np.array(found)[0] - wanted[0].astype(int)).max() <= 2
    below = page.locator(".explorer").evaluate("root => root.explorer.behind")
    grey = np.array(grid(page, "source").evaluate(seen.replace("ROWS", "9").replace("COLS", "11")))[1, 1:-1, 0]
    assert np.abs(grey - (0.85 * NUMBERS[0] + 0.15 * below[0])).max() <= 3, "what does not belong steps back a little"
    context.close()


@pytest.mark.parametrize("kind", ["transposed", "small", "filter", "deep"])
def test_no_line_of_a_sum_is_cut(grids, page, kind):
    opened(page, grids, kind)
    canvas, cut = grid(page, "result"), "sum => sum.scrollHeight - sum.clientHeight"
    canvas.press("Home")
    for key in ["ArrowUp"] * 8 + ["ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown", "ArrowRight"]:
        assert page.locator(".sum").evaluate(cut) <= 0
        canvas.press(key)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("filter", "bias 0.5"),
        ("pooling", "the largest of"),
        ("transposed", "input row"),
        ("padding", "a pixel of the picture itself"),
        ("odd", ""),
    ],
)
def test_every_kind_opens_with_a_cell_explained(grids, page, kind, words):
    opened(page, grids, kind)
    expect(title(page)).to_have_text(re.compile("row .*, column"))
    expect(page.locator(".blocks").first).to_contain_text(words)
    for explorer in page.locator(".explorer").all():
        explorer.locator("figure.result canvas").press("ArrowLeft")
        explorer.get_by_role("button", name="Zoom in").click(force=True)
        explorer.get_by_role("button", name="Step one cell").click()


def test_who_wants_less_motion_gets_steps_and_no_play(grids, browser):
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    opened(page, grids, "small")
    expect(page.get_by_role("button", name="Play")).to_be_hidden()
    before = title(page).inner_text()
    page.get_by_role("button", name="Step one cell").click()
    expect(title(page)).not_to_have_text(before)
    context.close()


def test_on_a_phone_everything_fits_and_a_tap_explains(grids, browser):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    opened(page, grids, "filter")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    for name in ("source", "weights", "parts", "result"):
        box = grid(page, name).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    grid(page, "result").tap(position={"x": 5, "y": 5})
    expect(title(page)).to_contain_text("(pinned)")
    context.close()
