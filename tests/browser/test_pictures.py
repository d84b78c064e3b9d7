"""The pages on pixels, pooling and Fourier in a real browser."""

import contextlib
import re

import pytest
from playwright.sync_api import Page, TimeoutError, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from convviz import images
from tests.browser.test_pages import fits, heading, no_complaint, settled

expect.set_options(timeout=45_000)

CAT = images.sample("cat")


def numbers(page: Page, channel: str) -> list[list[int]]:
    """The numbers of one of the three tables."""
    table = page.get_by_role("table", name=channel)
    return [[int(cell) for cell in row.locator("td").all_inner_texts()] for row in table.locator("tr").all()]


def test_the_window_of_numbers_follows_the_pointer_without_asking_the_server(server, page):
    asked: list[BackMsg] = []

    def listen(frame):
        message = BackMsg.FromString(frame)
        if message.HasField("rerun_script") and not message.rerun_script.is_auto_rerun:  # the state line asks by itself
            asked.append(message)

    page.on("websocket", lambda socket: socket.on("framesent", listen))
    page.goto(f"{server.address}/pixels?window=6&pixel_row=10&pixel_column=20")
    expect(heading(page, "Pixels")).to_be_visible()
    settled(page)
    expect(page.get_by_role("table", name="Green")).to_be_visible()
    page.wait_for_timeout(2000)  # the numbers come after the table
    assert numbers(page, "Green") == CAT[10:16, 20:26, 1].tolist()
    field = page.get_by_role("group", name=re.compile("Arrow keys move the window"))
    field.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)
    box = field.bounding_box()
    before = len(asked)
    assert before > 0
    for place in range(100):
        page.mouse.move(box["x"] + 20 + 2 * place, box["y"] + 20 + place)
    said = page.get_by_text(re.compile("^Rows .* Mean: red")).first.inner_text()
    top, left = (int(one) for one in re.search(r"Rows (\d+) to \d+, columns (\d+)", said).groups())
    assert (top, left) != (10, 20)
    for channel, name in enumerate(("red", "Green", "Blue")):
        assert numbers(page, name) == CAT[top : top + 6, left : left + 6, channel].tolist()
    assert len(asked) == before, "the pointer made the page ask the server"
    page.mouse.move(2, 2)
    assert numbers(page, "Blue") == CAT[10:16, 20:26, 2].tolist(), "the pointer is gone, the kept place is back"


def test_a_click_keeps_a_window_in_the_number_inputs_and_the_address_and_keys_move_it(server, page):
    page.goto(f"{server.address}/pixels")
    settled(page)
    field = page.get_by_role("group", name=re.compile("Arrow keys move the window"))
    box = field.bounding_box()
    field.click(position={"x": box["width"] / 4, "y": box["height"] / 2})
    expect(page).to_have_url(re.compile(r"pixel_column=1\d\d"))
    settled(page)
    row, column = (page.get_by_label(re.compile(f"First {name}")) for name in ("row", "column"))
    value = int(column.input_value())
    assert abs(value - (451 / 4 - 4)) <= 2
    field.press("ArrowRight")
    field.press("Shift+ArrowRight")
    expect(column).to_have_value(str(value + 11))
    expect(page.get_by_role("status").filter(has_text=f"columns {value + 11} to")).to_have_count(1)
    height = int(row.input_value())
    for _ in range(3):
        field.press("Shift+ArrowUp")
    expect(row).to_have_value(str(height - 30))
    column.fill("0")
    column.press("Enter")
    expect(page.get_by_text(re.compile("columns 0 to 7")).first).to_be_visible()
    no_complaint(page)


def test_check_on_each_page_tells_what_keras_computes(server, page):
    for name in ("pixels", "pooling", "fourier", "fourier?fourier_part=Strides"):
        page.goto(f"{server.address}/{name}")
        settled(page)
        page.get_by_role("button", name="Check").click()
        expect(page.get_by_text(re.compile("Keras computes (exactly )?the same"))).to_be_visible()
        no_complaint(page)


def test_the_cost_is_measured_and_can_be_stopped(server, page):
    page.goto(f"{server.address}/fourier?fourier_part=Cost&fourier_side=512&picture=retina")
    stop, again = (page.get_by_test_id("stMain").get_by_role("button", name=name) for name in ("Stop", "Measure again"))
    ended = page.get_by_text(re.compile(r"\d+ of 16 kernels timed .*(Stopped|Done)"))
    for _ in range(10):  # an idle machine may be done before the button is reached
        with contextlib.suppress(TimeoutError):
            stop.click(timeout=5_000)
        expect(ended).to_be_visible(timeout=120_000)
        if "Stopped" in ended.inner_text():
            break
        again.click()
    expect(ended).to_have_text(re.compile("Stopped"))
    again.click()
    expect(page.get_by_text(re.compile("16 of 16 kernels timed .*Done"))).to_be_visible()
    expect(page.get_by_text(re.compile("the two ways"))).to_be_visible()
    expect(page.get_by_test_id("stPlotlyChart")).to_be_visible()
    no_complaint(page)


@pytest.mark.parametrize("name", ["pixels", "pooling", "fourier", "fourier?fourier_part=Strides"])
def test_on_a_phone_nothing_hangs_over_the_edge(server, page, name):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server.address}/{name}")
    settled(page)
    expect(page.get_by_text("What to notice")).to_be_attached()
    fits(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(
    "address",
    [
        "pixels?picture=../../x&window=1e9&pixel_row=nan&channel_look=%3Cscript%3E",
        "pooling?pool_size=-3&pool_stride=0&pool_blur=4&pool_padding=full&pool_kernel=custom&pool_cells=1;2%203",
        "fourier?fourier_part=Nonsense&fourier_kernel=custom&fourier_cells=a",
        "fourier?fourier_part=Strides&fourier_stride=99&fourier_blur=-1&picture=digit_1",
    ],
)
def test_a_hostile_address_shows_the_page_and_at_most_one_sentence(server, page, address):
    page.goto(f"{server.address}/{address}")
    settled(page)
    expect(page.get_by_text("What to notice")).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
    assert page.get_by_test_id("stAlertContentError").count() <= 1


def test_a_photograph_is_taken_and_every_page_uses_it(server, browser):
    context = browser.new_context(viewport={"width": 1440, "height": 900}, permissions=["camera"])
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{server.address}/convolution")
    settled(page)
    page.get_by_role("button", name="Your own picture").click()
    page.get_by_text("Use the camera").click()
    shoot = page.get_by_role("button", name="Take Photo")
    expect(shoot).to_be_enabled()
    page.wait_for_function("document.querySelector('[data-testid=stCameraInput] video')?.videoWidth > 0")
    for _ in range(8):  # the camera takes none before its first frame, which nothing tells
        if shoot.is_visible():
            shoot.click()
        page.wait_for_timeout(1500)
    taken = page.get_by_role("img", name=re.compile(r"Photograph taken here, \d+ by \d+ pixels")).first
    expect(taken).to_be_visible()
    page.wait_for_function("one => one.naturalWidth > 100", arg=taken.element_handle())
    page.keyboard.press("Escape")
    settled(page)
    page.get_by_role("link", name="Grad-CAM", exact=True).click()
    expect(page.get_by_role("img", name=re.compile("Photograph taken here")).first).to_be_visible()
    settled(page)
    no_complaint(page)
    context.close()
