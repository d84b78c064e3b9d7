"""Compare runs through the app: what is chosen, what is found, and what the page concludes from it."""

from types import SimpleNamespace

import pytest

from convviz import comparison, training
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


def test_the_same_settings_are_said_before_the_start_and_in_the_conclusion():
    app = opened(PAGE, versus="learning_rate", versus_learning_rate_b="0.001", **QUICK)
    assert "A and B are the same" in app.warning[0].value
    start = next(button for button in app.button if button.label == "Start")
    assert not start.disabled, "the spread of the seeds is worth seeing"
    start.click().run()
    app.session_state[f"_job_{contests.SLOT}"].result(timeout=120)
    app.run()
    assert "A and B had the same settings" in texts(app)
    assert "runs of each would be needed" not in texts(app)
    assert "is better here" not in texts(app)
    app.selectbox(key="versus_learning_rate_b").set_value(0.01).run()
    assert not app.warning
    assert "A and B had the same settings" in texts(app), "the shown runs are still those"


@pytest.mark.parametrize(
    ("low", "told"),
    [(0.001, "5 in 100 such comparisons do by chance"), (-0.05, "as 95 in 100 such comparisons do")],
)
def test_of_the_same_settings_neither_is_better_whatever_the_interval(low, told, monkeypatch):
    found = comparison.Difference((3, 3), (0.8, 0.82), (0.01, 0.02), 0.02, low, 0.05, 3.0)
    job = SimpleNamespace(latest=SimpleNamespace(difference=found, validation_count=100))
    monkeypatch.setattr(contests.st, "session_state", {contests._WANTED: (("A: x", "B: x"), ("same", "same"), None, 3)})
    said = " ".join(contests.noticed(job))
    assert told in said
    assert "better" not in said


def test_a_setting_that_this_server_does_not_train_is_refused_before_the_start(monkeypatch):
    monkeypatch.setattr(training, "limits", lambda: training.Limits(parameters=60_000))
    app = opened(PAGE, versus="network", versus_network="dense", versus_network_b="lecture")
    assert not app.exception
    assert next(one for one in app.button if one.label == "Start").disabled
    assert app.error[0].value.startswith("B\\: this network has 93,322 trainable parameters and this server trains at")
    assert not [one for one in app.info if one.value.startswith("Ready")]
