"""The page Transfer: what learns is told before and after the base is frozen."""

from tests.test_pages import _engine, opened, texts  # noqa: F401 -- the engine is closed at the end


def test_freezing_the_base_leaves_the_heads_weights():
    app = opened("learning/transfer", transfer_data="digits", base="mnist", head="lecture")
    assert not app.exception
    assert not app.error
    assert [one.value for one in app.metric][:2] == ["10", "4"]
    assert "4 of 10 weights learn" in texts(app)
    tuned = opened("learning/transfer", transfer_data="digits", base="mnist", tune="true", tune_from="conv2d_1")
    assert [one.value for one in tuned.metric][:2] == ["8", "6"]
    assert "every picture passes all of it in every epoch" in texts(tuned)


def test_nonsense_in_the_address_is_said():
    app = opened("learning/transfer", transfer_data="digits", base="mnist", head="custom", head_layers="dense 5; x")
    assert not app.exception
    assert "'x', is not understood" in app.error[0].value
