"""The stylesheet: its colours are those of the themes, and text on them can be read."""

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


def test_the_colours_are_those_of_the_themes_and_can_be_told_from_their_ground():
    for name, key, least in (("ink", "textColor", 7), ("line", "linkColor", 4.5)):
        light, dark = re.search(rf"--{name}: light-dark\((#\w+), (#\w+)\)", STYLE).groups()
        assert (light, dark) == (THEMES["light"][key], THEMES["dark"][key])
        for colour, theme in ((light, "light"), (dark, "dark")):
            for ground in ("backgroundColor", "secondaryBackgroundColor"):
                assert contrast(colour, THEMES[theme][ground]) >= least


def test_every_colour_that_is_named_is_there():
    named = set(re.findall(r"var\((--[\w-]+)", STYLE))
    assert named <= set(re.findall(r"(--[\w-]+):", STYLE)), "Streamlit names its colours in components only"
