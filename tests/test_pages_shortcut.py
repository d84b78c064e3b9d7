"""The Shortcut lab through the app: both trainings, and what the page says of them."""

import time

from convviz import shortcuts
from tests.test_pages import _engine, opened, texts

__all__ = ["_engine"]
PAGE = "learning/shortcut"


def pressed(app, label):
    next(button for button in app.button if button.label == label).click().run()


def over(app, slot):
    """Run the page again until its training is over."""
    job = app.session_state[f"_job_{slot}"]
    job.result(timeout=120)
    for _ in range(20):
        app.run()
        if job.latest.verdict is not None:
            return job.latest.verdict
        time.sleep(0.2)
    raise AssertionError("no verdict")


def test_the_lab_catches_the_cheat_and_mends_it():
    app = opened(PAGE, shortcut_data="digits", shortcut_epochs="8")
    assert not app.error
    assert "it alone tells “3” from “8”" in texts(app)
    assert next(one for one in app.button if one.label == "Mend and retrain").disabled
    pressed(app, "Train")
    before = over(app, "shortcut_cheat")
    assert not app.exception
    assert not app.error
    assert "It has learned the mark: put on an “8”, it makes a “3” of" in texts(app)
    assert f"{before.clean:.1%}" in [one.value for one in app.metric]
    pressed(app, "Mend and retrain")
    after = over(app, "shortcut_mended")
    said = texts(app)
    assert f"from {before.clean:.0%} to " in said
    assert "the shortcut is closed" in said
    assert after.clean > before.clean
    assert not app.info
    app.slider(key="shortcut_size").set_value(4).run()
    assert "the choices before" in app.info[0].value


def test_without_the_cheat_the_page_promises_nothing():
    app = opened(PAGE, shortcut_on="false")
    assert "The cheat is switched off" in texts(app)
    assert "no picture bears a mark" in texts(app)


def test_hostile_addresses_open_the_page():
    app = opened(
        PAGE, shortcut_data="x" * 999, shortcut_class="star", shortcut_other="star", shortcut_size="1e999",
        shortcut_epochs="-3", shortcut_mend="<b>", shortcut_seed="nan",
    )  # fmt: skip
    assert not app.exception
    assert not app.error
    assert app.slider(key="shortcut_epochs").value == 1
    assert app.selectbox(key="shortcut_other").value in shortcuts.class_names("shapes")
    assert app.selectbox(key="shortcut_other").value != "star"
