"""Every page with every one of its choices set to nonsense in the address: no traceback, no hang, a page that works."""

import logging
import warnings
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(path for path in (ROOT / "pages").glob("*/*.py") if path.parent.name != "shared")
NONSENSE = (
    "letters",
    "1e999",
    "nan",
    "-1",
    "9" * 300,
    "x" * 10_000,
    "½ Ⅻ ٣ 猫 🐈 \u202e\u0000\ud7ff",
    "",
    "3.7",
    "<script>alert(1)</script> ${7*7} {{7*7}} [a](javascript:alert(1))",
    "1 2; 3 inf; nan 0",
    "0",
)


@pytest.fixture(scope="module", autouse=True)
def _engine():
    from pages.shared import engine

    yield
    engine.close()
    engine._engine.cache_clear()


def opened(page: Path, query: dict[str, str]) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    for name, value in query.items():
        app.query_params[name] = value
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        app.switch_page(f"pages/{page.parent.name}/{page.name}").run()
    return app


def keys(app: AppTest) -> list[str]:
    """The names of all choices on the page and in the side bar."""
    kinds = ("selectbox", "number_input", "slider", "toggle", "checkbox", "text_input", "text_area", "radio",
             "multiselect", "select_slider", "color_picker", "button_group")  # fmt: skip
    found = {widget.key for kind in kinds for widget in app.get(kind) if getattr(widget, "key", None)}
    return sorted(key for key in found if not key.startswith("_"))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_nonsense_in_the_address_breaks_no_page(page, caplog):
    choices = keys(opened(page, {}))
    assert {"picture", "network"} <= set(choices)
    for turn in range(0, len(NONSENSE), 6):
        query = {key: NONSENSE[(turn + place) % len(NONSENSE)] for place, key in enumerate(choices)}
        with caplog.at_level(logging.ERROR):
            app = opened(page, query)
        assert not app.exception, (query, app.exception)
        assert not any("our side" in error.value for error in app.error), (query, caplog.text)
        assert len(app.title) == 1, query
    assert not [record for record in caplog.records if record.exc_info], caplog.text
