"""Names of layers, classes and files, and parts of the address, that would run, load or look like more than words."""

import re
from urllib.parse import quote

from playwright.sync_api import Page, expect

from tests.browser.test_own_models import bring
from tests.browser.test_pages import heading, no_complaint, settled
from tests.hostile import archives, names, pictures
from tests.hostile.picture_files import SMOOTH

expect.set_options(timeout=60_000)

PAGES = {
    "feature_maps": "Feature maps", "network": "Network", "kernels": "Kernels", "microscope": "Microscope",
    "knock_out": "Knock-out", "filter_patterns": "Filter patterns", "pixels": "Pixels", "trust": "Trust",
    "grad_cam": "Grad-CAM",
}  # fmt: skip
RUNNING = """() => {
    const found = [];
    for (const one of document.querySelectorAll('*')) {
        const said = one.textContent.slice(0, 80);
        for (const {name, value} of one.attributes) {
            if (/^on/.test(name)) found.push(`${one.tagName} ${name}=${value}`);
            if (/^(href|src|action|xlink:href|srcdoc)$/.test(name) && /javascript:|evil/.test(value))
                found.push(`${one.tagName} ${name}=${value}`);
        }
        if (/^(B|STRONG|EM|I|CODE|DEL|S|SUB|SUP)$/.test(one.tagName) && /^evil(bold|code|math|gone|red)/.test(said))
            found.push(`${one.tagName} ${said}`);
        if (one.tagName === 'SCRIPT' && /alert/.test(one.textContent)) found.push(`SCRIPT ${said}`);
        if (/^H[1-6]$/.test(one.tagName) && /^evil6/.test(said)) found.push(`${one.tagName} ${said}`);
        if (one.matches('.katex') && /evil/.test(said)) found.push(`formula ${said}`);
        if (one.tagName === 'IMG' && /(^|\\/)x$/.test(one.getAttribute('src') ?? '')) found.push('a picture of a name');
        if (/^bug_report icon$/.test(one.getAttribute('aria-label') ?? '')) found.push(`icon ${said}`);
        if (/evil9\\s*[→—]|[→—]\\s*evil9|<evil9|🐱|🐈/u.test(said)) found.push(`other signs ${said}`);
        if (one.tagName === 'SPAN' && /^evilred$/.test(said)) found.push(`colour ${said}`);
    }
    return found;
}"""


def test_no_name_is_more_than_words_on_any_page(server, page: Page):
    ran: list[str] = []
    page.on("dialog", lambda dialog: (ran.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: ran.append(request.url) if "evil" in request.url.partition("?")[0] else None)

    def look(where: str) -> None:
        settled(page)
        assert (where, page.evaluate(RUNNING), ran) == (where, [], [])

    nonsense = quote(names.NAMES[0] + names.NAMES[1])
    page.goto(f"{server.address}/feature_maps?picture={nonsense}&network={nonsense}&channel={nonsense}&evil={nonsense}")
    expect(page.get_by_text(re.compile("This link asks for what cannot be had here"))).to_be_visible()
    look("the address")
    bring(page, names.FILE, names.network())
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("a Sequential Keras model")).to_be_visible()
    look("the diagnosis")
    dialog.get_by_label(re.compile("Names of the .* classes")).fill("\n".join(names.NAMES))
    dialog.get_by_role("button", name="Apply").click()
    expect(dialog.get_by_text("numbered 0 to")).to_have_count(0)
    settled(page)
    dialog.press("Escape")  # with the focus in the dialog, which loses it for a moment when the form is drawn anew
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Your own picture").click()
    field = page.get_by_test_id("stPopoverBody").locator("input[type=file]")
    field.set_input_files({"name": names.PICTURE, "mimeType": "image/png", "buffer": pictures.save(SMOOTH, "PNG")})
    expect(page).to_have_url(re.compile("picture=own"))
    for path, title in PAGES.items():
        page.get_by_role("link", name=title, exact=True).click()
        expect(heading(page, title)).to_be_visible()
        expect(page.get_by_text("What to notice")).to_be_visible()
        settled(page)
        no_complaint(page)
        look(path)
        shown = page.get_by_test_id("stMain").inner_text() + "".join(
            box.input_value() for box in page.get_by_role("combobox").all()
        )
        assert "evil" in shown, f"{path} shows no name at all"
    main = page.get_by_test_id("stMain")  # Grad-CAM's, the last one
    for name in ("About this network", "Code", "Link", "Save"):
        main.get_by_role("button", name=name, exact=True).click()
        look(name)
        page.keyboard.press("Escape")
    page.goto(f"{server.address}/data?view=own")
    archive = {"name": names.ARCHIVE, "mimeType": "application/zip", "buffer": archives.pack(archives.folders(4))}
    page.get_by_test_id("stMain").locator("input[type=file]").last.set_input_files(archive)
    expect(page.get_by_text(re.compile("evil10.*2 classes, pictures of"))).to_be_visible()
    look("the data")
