"""Compare runs through the app: what is chosen, what is found, and what the page concludes from it."""

import pytest

from pages.shared import contests
from tests.test_pages import _engine, opened, texts

__all__ = ["_engine"]
PAGE = "learning/compare"
QUICK = {"versus_runs": "2", "versus_epochs": "1", "versus_per_class": "10", "versus_network": "tiny"}


def test_a_comparison_ends_in_a_sentence_with_its_interval():
    app = opened(PAGE, versus="learning_rate", versus_learning_rate_b="0.01", **QUICK)
    assert not app.error
    assert "Ready: 4 runs, 2 with learning rate 0.001 (A) and 2 with 0.01 (B)" in app.info[0].value
    start = next(button for button in app.button if button.label == "Start")
    start.click().run()
    job = app.session_state[f"_job_{contests.SLOT}"]
    job.result(timeout=120)
    app.run()
    assert not app.exception
    assert not app.error
    found = job.latest.difference
    said = texts(app)
    assert f"A ends at {found.means[0]:.1%} on average over 2 runs, B at {found.means[1]:.1%} over 2" in said
    assert ("leaves out zero" in said) == found.is_clear
    assert "Few runs: the spread is estimated from 2 of each" in said
    assert app.table[0].value["Runs"].tolist() == ["2", "2"]
    app.slider(key="versus_runs").set_value(3).run()
    assert "the choices before" in app.info[0].value


@pytest.mark.parametrize("differs", contests.FIELDS)
def test_whatever_differs_the_page_is_ready(differs):
    app = opened(PAGE, versus=differs)
    assert not app.error
    assert not app.exception
    field = contests.FIELDS[differs]
    assert f"{field.title(field.first)} (A)" in app.info[0].value
    assert f"{field.title(field.second)} (B)" in app.info[0].value


def test_hostile_addresses_open_the_page():
    app = opened(
        PAGE, versus="x" * 999, versus_learning_rate="nan", versus_runs="-5", versus_per_class="1e999",
        versus_seed="<b>", versus_data="../../etc/passwd",
    )  # fmt: skip
    assert not app.exception
    assert not app.error
    assert app.slider(key="versus_runs").value == 2


def test_a_network_that_does_not_fit_is_refused_in_a_sentence():
    outline = type("Outline", (), {"shape": (6, 6, 1), "class_names": ("a", "b")})
    values = {name: one.first for name, one in contests.FIELDS.items()}
    with pytest.raises(Exception, match="window of 3"):
        contests.contender(values, outline, 0)
