"""Two visitors in two browsers: what one brings and trains is not the other's, and is gone after the tab is closed."""

import re

from playwright.sync_api import Browser, expect

from tests.browser.test_own_models import bring
from tests.browser.test_pages import heading, no_complaint, settled
from tests.browser.test_runs import started
from tests.hostile import names, pictures
from tests.hostile.picture_files import SMOOTH

expect.set_options(timeout=60_000)


def test_what_one_visitor_brings_is_never_the_others_and_goes_with_the_tab(server, browser: Browser):
    contexts = [browser.new_context(), browser.new_context()]
    mine, other = (context.new_page() for context in contexts)
    for page in (mine, other):
        page.set_default_timeout(60_000)
        page.goto(f"{server.address}/feature_maps")
        expect(heading(page, "Feature maps")).to_be_visible()
        settled(page)
    bring(mine, "secret.keras", names.network())
    expect(mine.get_by_role("dialog").get_by_text("a Sequential Keras model")).to_be_visible()
    mine.keyboard.press("Escape")
    mine.get_by_role("button", name="Your own picture").click()
    field = mine.get_by_test_id("stPopoverBody").locator("input[type=file]")
    field.set_input_files({"name": "secret.png", "mimeType": "image/png", "buffer": pictures.save(SMOOTH, "PNG")})
    expect(mine).to_have_url(re.compile("picture=own.*network=model_|network=model_.*picture=own"))
    settled(mine)
    link = mine.url
    started(mine, server, "epochs=30&batch_size=8")
    # the other has the link, and a session of his own
    other.goto(link)
    expect(other.get_by_text(re.compile("network of this link belongs to another visit"))).to_be_visible()
    expect(other.get_by_text(re.compile("picture of this link belongs to another visit"))).to_be_visible()
    settled(other)
    other.get_by_test_id("stMain").get_by_role("combobox", name="Network", exact=True).click()
    offered = [one.inner_text() for one in other.get_by_role("option").all()]
    assert offered
    assert not any("secret" in one or "Trained here" in one for one in offered)
    other.keyboard.press("Escape")
    assert "secret" not in other.content()
    no_complaint(other)
    other.goto(f"{server.address}/training")
    expect(other.get_by_role("button", name="Start")).to_be_enabled()
    expect(other.get_by_text(re.compile(r"Step \d+ of"))).to_have_count(0)
    expect(other.get_by_test_id("stSidebar").get_by_text(re.compile("1 running"))).to_be_visible()
    contexts[0].close()
    expect(other.get_by_test_id("stSidebar").get_by_text(re.compile(", free"))).to_be_visible(timeout=60_000)
    contexts[1].close()
