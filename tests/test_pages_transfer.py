"""The page Transfer: what learns is told before and after the base is frozen."""

import io
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from convviz import architectures, training, zoo
from pages.shared import captions, data_sets, foot, transferring
from tests.test_pages import _engine, opened, texts  # noqa: F401 -- the engine is closed at the end
from tests.test_pages_runs import press


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


def start(app):
    return next(button for button in app.button if button.label == "Start")


ON_DIGITS = {"transfer_data": "digits", "base": "mnist", "head": "average"}


def test_what_is_too_large_is_told_before_the_start_and_so_is_what_it_takes(monkeypatch):
    app = opened("learning/transfer", **ON_DIGITS)
    told = next(one.value for one in app.caption if "Training takes about" in one.value)
    assert told.startswith(f"{55_744 + 650:,} parameters, 650 learn. Training takes about 4 MB")
    assert "without its classes sees 28 × 28 pixels" in texts(app)
    monkeypatch.setattr(training, "limits", lambda: training.Limits(parameters=649, epochs=3, batch_size=16))
    app = opened("learning/transfer", **ON_DIGITS)
    assert not app.exception
    assert start(app).disabled
    assert "650 trainable parameters and this server trains at most 649 at once" in app.error[0].value
    assert next(one for one in app.slider if one.label.startswith("Epochs")).max == 3
    assert next(one for one in app.selectbox if one.label.startswith("Batch size")).options == ["8", "16"]


def test_a_wrong_head_leaves_the_page_whole():
    app = opened("learning/transfer", **ON_DIGITS | {"head": "custom"}, head_layers="global_average; conv 8 3; x")
    assert not app.exception
    assert len(app.error) == 1
    assert start(app).disabled
    assert not [one for one in app.code if "import keras" in one.value], "it would be of another network"
    assert "told as soon as base, head and pictures fit together" in texts(app)


@pytest.mark.parametrize("layers", ["global_average; conv 8 3; x", "dense 8"])
def test_what_is_wrong_with_a_head_is_said_once_beside_it(layers):
    app = opened("learning/transfer", **ON_DIGITS | {"head": "custom"}, head_layers=layers)
    assert start(app).disabled
    told = "'x', is not understood" if "x" in layers else "dense, needs a row of numbers"
    assert [told in one.value for one in app.error] == [True]
    assert texts(app).count(told) == 1
    drawn = [one for one in next(one for one in app.expander if one.label == "Choices") if hasattr(one, "value")]
    typed = next(at for at, one in enumerate(drawn) if getattr(one, "key", "") == "head_layers")
    assert drawn[typed + 1].value == app.error[0].value
    app.text_input(key="head_layers").set_value("global_average; dense 8").run()
    assert not app.error
    assert not start(app).disabled


HEAD = architectures.parse("global_average; dense 128; dropout 0.5")
ON_BASE = architectures.Transfer("mobilenetv2", HEAD, (150, 150, 3), 2)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "head “Average, 128 units, dropout”, its base sees 150 × 150 pixels and stays as it is"),
        ({"side": 96}, "its base sees 96 × 96 pixels"),
        ({"head": HEAD[:2]}, r"head “global\_average; dense 128”"),
        ({"train_from": "block_16_project"}, r"and learns from “block\_16\_project” on"),
        ({"trained": False}, "its base begins at random, sees 150 × 150 pixels"),
    ],
)
def test_two_runs_on_a_base_are_told_apart(changes, told):
    said = captions.network(replace(ON_BASE, **changes), training.Settings())
    assert said.startswith("“MobileNetV2 with a new head” (")
    assert told in said
    assert not changes or said != captions.network(ON_BASE, training.Settings())


def test_a_trained_head_goes_on_with_a_part_of_its_base_in_a_second_run():
    app = opened("learning/transfer", **ON_DIGITS, transfer_data_per_class="20", transfer_epochs="2")
    press(app, "Start")
    app.session_state["_job_training"].result(timeout=120)
    app.run()
    first = app.session_state["_training_what"]
    assert "is remembered for the later epochs" in texts(app)
    told = "head “Average of each map”, its base sees 28 × 28 pixels and stays as it is"
    assert rf"This run: network “Handwritten digits \(MNIST\) with a new head” ({told}), pictures" in texts(app)
    press(app, "Fine-tune this network")
    begins = next(one for one in app.selectbox if one.label == "Begin with")
    assert begins.value == "run"
    assert "learn. Training takes about" in texts(app)
    press(app, "Start")
    job = app.session_state["_job_training"]
    app.session_state["_job_training"].result(timeout=120)
    app.run()
    assert not app.exception
    assert not app.error
    network, _, settings = app.session_state["_training_what"]
    assert isinstance(network, zoo.Reference)
    assert settings.train_from.endswith("/conv2d_2")
    assert settings.learning_rate == 0.00001
    assert first[2].train_from == ""
    assert job.history[0].beginning.trainable == 3 * 3 * 64 * 64 + 64 + 650
    assert "the 56,394 numbers learn." in texts(app)
    assert re.search(r"This run: network “[^”]+, going on” \(learns from “[^”]+/conv2d\\_2” on\), pictures", texts(app))


@pytest.fixture
def saved(monkeypatch):
    """What the page drawn last hands out: its Code, the files under Save, and what is said of a large one."""
    shown = {}
    monkeypatch.setattr(foot, "foot", lambda page, **given: (shown.clear(), shown.update(given)))
    return shown


def _sides(made) -> tuple:
    """Shape of the pictures and of what the base takes."""
    with np.load(io.BytesIO(made["pictures.npz"]())) as pictures:
        return pictures["train_images"].shape[1:], zoo.from_bytes(made["base.keras"]()).card.input_shape


def test_save_has_what_the_program_beside_it_reads_whatever_is_chosen_next(saved):
    app = opened("learning/transfer", **ON_DIGITS, transfer_data_per_class="20", transfer_epochs="1")
    assert set(saved["files"]) == {"pictures.npz", "base.keras"}
    press(app, "Start")
    app.session_state["_job_training"].result(timeout=120)
    app.run()
    assert set(saved["files"]) == {
        "pictures.npz", "base.keras", "curves.csv", "curves.png", "trained.keras", "trained.h5",
    }  # fmt: skip
    first = saved["files"]["trained.keras"]()
    app.number_input(key="transfer_data_per_class").set_value(0).run()
    app.selectbox(key="transfer_data").set_value("shapes").run()
    app.selectbox(key="base").set_value("shapes").run()
    assert "keras.Input((28, 28, 1))" in saved["code"]
    assert _sides(saved["files"]) == ((28, 28, 1), (28, 28, 1))
    assert saved["large"] == ""
    for page in ("training", "time_machine"):
        app.switch_page(f"pages/learning/{page}.py").run()
        assert not app.exception
        assert _sides(saved["files"]) == ((28, 28, 1), (28, 28, 1))
    app.switch_page("pages/learning/transfer.py").run()
    app.selectbox(key="transfer_data").set_value("digits").run()
    app.number_input(key="transfer_data_per_class").set_value(20).run()
    press(app, "Fine-tune this network")
    press(app, "Start")
    app.session_state["_job_training"].result(timeout=120)
    app.run()
    assert not app.exception
    assert saved["files"]["trained.keras"]() != first
    assert "base.keras" not in saved["files"]
    for page in ("transfer", "training", "time_machine"):
        app.switch_page(f"pages/learning/{page}.py").run()
        assert 'load_model("network.keras"' in saved["code"]
        assert saved["files"]["network.keras"]() == first, "where the run began, and not what it left"


def test_a_run_of_another_page_adds_nothing_to_save(saved):
    app = opened("learning/training", net="tiny", epochs="1", data_per_class="20")
    press(app, "Start")
    app.session_state["_job_training"].result(timeout=120)
    app.run()
    assert "trained.keras" in saved["files"]
    for name, value in (ON_DIGITS | {"transfer_data_per_class": "20"}).items():
        app.query_params[name] = value
    app.switch_page("pages/learning/transfer.py").run()
    assert set(saved["files"]) == {"pictures.npz", "base.keras"}, "the program is of the next run"


def test_a_network_that_goes_on_is_under_save_before_the_run(saved):
    app = opened("learning/training")
    app.session_state["_trained_networks"] = {"run-0": ("Mine", zoo.Reference("bundled", "mnist"))}
    app.run()
    app.selectbox(key="begin_with").set_value("run-0").run()
    assert "mnist.keras" in saved["files"]


def test_a_folder_without_pictures_to_report_on_is_refused_before_the_start(monkeypatch):
    monkeypatch.setattr(data_sets, "lack", lambda _: "“blue” has none to report on; give every class at least 3")
    app = opened("learning/transfer", **ON_DIGITS)
    assert start(app).disabled
    assert "“blue” has none to report on" in app.error[0].value


def test_a_single_epoch_is_said_where_no_more_are_allowed(monkeypatch):
    monkeypatch.setattr(training, "limits", lambda: training.Limits(epochs=1))
    for page in ("transfer", "training"):
        app = opened(f"learning/{page}", **ON_DIGITS)
        assert not app.error
        epochs = next(one for one in app.number_input if one.label.startswith("Epochs"))
        assert (epochs.value, epochs.disabled) == (1, True)


def test_the_size_that_a_bundled_base_sees_is_its_own():
    app = opened("learning/transfer", transfer_data="digits", base="shapes", head="average")
    assert "without its classes sees 64 × 64 pixels" in texts(app)


def test_a_network_without_weights_that_goes_on_has_no_layer_to_learn_from(monkeypatch):
    layers = (SimpleNamespace(name="pool", kind="MaxPooling2D", parameters=0),)
    monkeypatch.setattr(transferring.pickers, "card", lambda _: SimpleNamespace(layers=layers))
    monkeypatch.setattr(transferring.pickers, "reference", lambda name: name)
    monkeypatch.setattr(transferring.choices, "toggle", lambda *_, **__: True)
    assert transferring.going_on("own") == ("own", "")
