"""The stylesheet and the themes: text can be read, and every colour that is named is there."""

import re
import tomllib

from pages.shared import ui
from tests.test_house_rules import ROOT

STYLE = (ui.ASSETS / "style.css").read_text()
THEMES = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]


def luminance(colour):
    """Relative luminance of a colour such as #20262b (WCAG 2.2)."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return sum(part * share for part, share in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_that_of_the_definition():
    assert round(contrast("#000000", "#ffffff"), 6) == 21
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48


def test_the_texts_of_both_themes_can_be_read_on_their_grounds():
    for theme in ("light", "dark"):
        for ground in ("backgroundColor", "secondaryBackgroundColor"):
            assert contrast(THEMES[theme]["textColor"], THEMES[theme][ground]) >= 7
            assert contrast(THEMES[theme]["linkColor"], THEMES[theme][ground]) >= 4.5


def test_every_colour_that_is_named_is_there():
    named = set(re.findall(r"var\((--[\w-]+)", STYLE))
    set_by_script = set(re.findall(r'setProperty\("(--[\w-]+)"', (ui.ASSETS / "frame.js").read_text()))
    assert named <= set_by_script | set(re.findall(r"(--[\w-]+):", STYLE)), (
        "Streamlit names its colours in components only"
    )
