"""The pages Training and Time machine after a run: what they state is what the network does."""

import json
import re
import time
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from convviz import ConvvizError, architectures, datasets, filters, training, zoo
from pages.shared import engine, runs, steering
from tests.test_pages import _engine, opened, texts  # noqa: F401 -- the engine is closed at the end


def press(app, label: str) -> None:
    next(button for button in app.button if button.label == label).click().run()


def asked(app):
    """The network has been asked about the pictures, and the page shows what it said."""
    app.session_state["_job_report"].result(timeout=120)
    app.run()


@pytest.fixture(scope="module")
def trained(_engine):  # noqa: F811
    """The page after a short run on few digits."""
    app = opened("learning/training", epochs="3", net="tiny", seed="2", data_per_class="40")
    press(app, "Start")
    app.session_state["_job_training"].result(timeout=120)
    app.run()
    return app


def test_the_run_leaves_a_network_its_curves_and_its_weights_by_step(trained):
    job = trained.session_state["_job_training"]
    assert not trained.exception
    assert not trained.error
    line = 'model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])'
    assert f"to go on by `fit` in Keras, `{line}` first" in texts(trained)
    assert "epoch 3 complete. Done" in trained.get("progress")[0].proto.text
    steps = job.album.steps
    assert steps[0] == 0
    assert steps[-1] == job.latest.step == 3 * 7
    assert "run" in trained.session_state["_trained_networks"]
    assert job.latest.display is not None


def test_what_a_run_learns_and_what_it_leaves_is_said(trained):
    assert "network “One layer of eight kernels”, pictures “Digits" in texts(trained)
    assert "Closing or reloading the tab" not in texts(trained), "it is over"
    assert "can now be chosen: “Trained here, step 21”." in trained.success[0].value
    parts = [one["name"] for one in json.loads(trained.get("plotly_chart")[0].proto.spec)["data"]]
    assert parts == ["training", "validation", "validation, a part"]


def _in_line(slot: str, *_, **__):
    """In place of `engine.start`: a job behind two others' work."""
    job = SimpleNamespace(state="waiting", ended=False, number="1", latest=None, history=[], error="", note="",
                          place_in_line=2, expected_wait=None)  # fmt: skip
    st.session_state[f"_job_{slot}"] = job


@pytest.mark.parametrize(
    ("page", "query", "label"),
    [
        ("training", {}, "Start"),
        ("compare", {}, "Start"),
        ("transfer", {"transfer_data": "digits", "base": "mnist"}, "Start"),
        ("shortcut", {"shortcut_data": "digits"}, "Train"),
    ],
)
def test_what_the_click_begins_is_drawn_by_the_clicks_own_run(page, query, label, monkeypatch):
    def drawn():
        bars = "".join(one.proto.text for one in app.get("progress"))
        assert "Waiting in line, place 2" in texts(app) + bars
        assert "The worker" not in bars
        assert "Ready: " not in texts(app)
        assert "Stop training" in [one.label for one in app.button]
        assert page in ("compare", "shortcut") or "Closing or reloading the tab ends it; a connection" in texts(app)

    app = opened(f"learning/{page}", **query)
    assert ("Ready: " in texts(app)) == (page in ("training", "compare"))
    monkeypatch.setattr(engine, "start", _in_line)
    with monkeypatch.context() as patch:
        patch.setattr(st, "rerun", st.stop)  # what it asks for afterwards comes later
        press(app, label)
    drawn()
    app.run()
    drawn()
    assert next(one for one in app.button if one.label == label).disabled


def _pausing():
    from types import SimpleNamespace

    import streamlit as st

    from pages.shared import runs

    job = st.session_state.setdefault("job", SimpleNamespace(state="running", number="1", asked=[]))
    job.ended, job.latest, job.place_in_line = job.state == "done", SimpleNamespace(whole=False), 0
    job.change = job.advance = lambda **told: job.asked.append(told)
    job.pause = job.resume = job.stop = print
    runs.controls(job)


def _steered():
    from types import SimpleNamespace

    import streamlit as st

    from pages.shared import steering

    job = st.session_state.setdefault("job", SimpleNamespace(state="running", number="1"))
    job.ended, job.pause, job.resume, job.stop = job.state == "done", print, print, print
    steering.buttons(job, "any")


def _steering(net: str, rate: float):
    from types import SimpleNamespace

    import streamlit as st

    from convviz import architectures, datasets, training
    from pages.shared import runs

    def network(name):
        return architectures.Architecture((150, 150, 3), architectures.PRESETS[name].layers, 2, name=name)

    state, settings = st.session_state, training.Settings(learning_rate=rate)
    if "asked" not in state:
        usual = runs.usual(network("small"))
        state["asked"], state["_training_changes"] = [], []
        job = SimpleNamespace(ended=False, latest=None, change=lambda **new: state["asked"].append(new))
        state["_job_training"] = job
        state["_training_what"] = network("small"), datasets.Reference("digits"), training.Settings()
        assert usual.learning_rate == 0.001
    state["usual"] = runs.usual(network(net))
    runs.steer(settings, "training")


def test_a_running_training_is_not_steered_by_another_choice_of_network_or_by_the_page_that_opens():
    app = AppTest.from_function(_steering, kwargs={"net": "small", "rate": 0.003}).run()
    assert app.session_state["asked"] == [], "begun elsewhere with other settings than this page shows"
    app = AppTest.from_function(_steering, kwargs={"net": "cats_and_dogs", "rate": 0.001}).run()
    assert not app.exception
    assert app.session_state["usual"].learning_rate == 0.001
    app.session_state["_job_training"].ended = True
    assert app.run().session_state["usual"].learning_rate == 0.0001


def test_training_accuracy_is_that_of_the_last_epoch_and_not_of_the_last_batch():
    def record(step, epoch, accuracy, measured=1.0):
        return training.Progress(step, 30, epoch, 1.0, accuracy, 1.0, 0.5, 100, 1.0, 0.0, measured=measured)

    first = [record(4, 0, 0.1), record(10, 1, 0.2)]
    second = [record(16, 1, 0.5), record(19, 1, 0.8), record(20, 1, 1.0, 0.5), record(20, 2, 1.0)]
    assert runs.lately(first) == pytest.approx((4 * 0.1 + 6 * 0.2) / 10)
    assert runs.lately(first + second) == pytest.approx((6 * 0.5 + 3 * 0.8 + 1.0) / 10)
    assert runs.lately([record(20, 2, 0.7)]) == 0.7


@pytest.mark.parametrize(("epoch", "since"), [(0, "Since the first step"), (1, "Over the last epoch")])
def test_training_accuracy_is_called_that_of_an_epoch_only_where_one_is_complete(epoch, since):
    history = [
        training.Progress(step, 30, epoch * (step == 10), 1.0, accuracy, 1.0, 0.5, 100, 1.0, 0.0, whole=step == 10)
        for step, accuracy in ((4, 0.1), (10, 0.4))
    ]
    job = SimpleNamespace(ended=True, history=history, latest=history[-1])
    said = next(one for one in runs.noticed(job, 10) if "percentage points" in one)
    assert said.startswith(f"{since} training accuracy is 22.0 percentage points below validation accuracy")
    assert ("by heart" in said, "no epoch is complete" in said) == (epoch == 1, epoch == 0)


def test_pausing_is_told_until_it_stands():
    app = AppTest.from_function(_pausing).run()
    job = app.session_state["job"]
    button = app.button(key="pause_run")
    assert (button.label, button.disabled) == ("Pause", False)
    button.click().run()
    assert job.asked == [{"whole": True}, {"steps": 1}]
    for _ in range(2):
        assert (app.button(key="pause_run").label, app.button(key="pause_run").disabled) == ("Pausing", True)
        app.run()
    job.state = "paused"
    assert "Continue" in [one.label for one in app.run().button]
    job.state = "running"
    assert app.run().button(key="pause_run").label == "Pause"
    app.button(key="pause_run").click().run()
    press(app, "One epoch")
    assert app.button(key="pause_run").label == "Pause", "it goes on for an epoch"


@pytest.mark.parametrize("script", [_pausing, _steered])
def test_stopping_is_told_until_it_stands(script):
    app = AppTest.from_function(script).run()
    job = app.session_state["job"]
    press(app, "Stop training")
    for _ in range(2):
        buttons = {one.label: one.disabled for one in app.button}
        assert buttons["Stopping"]
        assert "Stop training" not in buttons
        assert buttons["Pause"], "nothing comes after it"
        app.run()
    job.state = "done"
    assert "Stopping" not in [one.label for one in app.run().button]


def test_the_confusion_matrix_is_the_networks_and_its_cells_open_their_pictures(trained):
    job = trained.session_state["_job_training"]
    trained.segmented_control(key="run_view").set_value("after").run()
    asked(trained)
    assert not trained.exception
    frame = trained.dataframe[0].value
    assert frame.to_numpy().sum() == len(datasets.load("digits").test_images)
    accuracy = np.trace(frame.to_numpy()) / frame.to_numpy().sum()
    assert accuracy == pytest.approx(job.latest.test_accuracy)
    assert f"{int(np.trace(frame.to_numpy()))} of 300 test pictures are right" in texts(trained)
    trained.selectbox(key="true").set_value(3).run()
    trained.selectbox(key="guessed").set_value(3).run()
    count = int(frame.to_numpy()[3, 3])
    said = [caption for image in trained.get("image") for caption in image.captions]
    assert any(one.startswith(f"3 taken for 3: {count}") for one in said), said
    assert list(trained.query_params["true"]) == ["3"]
    trained.segmented_control(key="run_view").set_value("curves").run()


def _asking(state: str, place: int):
    from types import SimpleNamespace

    from convviz.evaluation import Examined
    from pages.shared import outcomes

    now = Examined(250, 1000, 205)
    job = SimpleNamespace(
        state=state, ended=state == "stopped", latest=now, place_in_line=place, expected_wait=None, stop=print
    )
    outcomes._asking(job, "test pictures")


@pytest.mark.parametrize(
    ("state", "place", "ahead", "button"),
    [
        ("running", 0, "", "Stop"),
        ("waiting", 2, "Waiting in line, place 2; how long is not known yet. ", "Stop"),
        ("stopped", 0, "Stopped. ", "Ask"),
    ],
)
def test_while_a_network_is_asked_the_page_says_how_far_that_is(state, place, ahead, button):
    app = AppTest.from_function(_asking, kwargs={"state": state, "place": place}).run()
    assert not app.exception
    bar = app.get("progress")[0].proto
    assert (bar.text, bar.value) == (f"{ahead}250 of 1,000 test pictures, 82% of them right", 25)
    assert [one.label for one in app.button] == [button]


def test_a_frozen_kernel_stays_in_a_network_that_goes_on_and_that_is_said():
    app = opened("learning/training", net="tiny", own_kernel="1 0 -1; 2 0 -2; 1 0 -1", epochs="1", data_per_class="20")
    for _ in range(3):
        press(app, "Start")
        app.session_state["_job_training"].result(timeout=120)
        app.run()
        if app.selectbox(key="begin_with").value == "new":
            app.selectbox(key="begin_with").set_value("run").run()
        assert "is your kernel of 3 × 3 cells and stays as it is." in texts(app)
        reference = app.session_state["_trained_networks"]["run"][1]
        first = engine._engine().call(filters.one, reference, "conv2d", 0, owner=app.session_state["_owner"])
        np.testing.assert_array_equal(np.squeeze(first.kernels)[1:4, 1:4], [[1, 0, -1], [2, 0, -2], [1, 0, -1]])
        assert first.bias == 0
    assert not app.exception


def test_of_a_run_that_broke_early_the_truth_is_said_and_its_steps_are_offered():
    app = opened(
        "learning/training", net="custom", layers="conv 32 3 linear; conv 64 3 linear; flatten; dense 64 linear",
        learning_rate="0.1", optimizer="sgd", batch_size="8", run_view="after",
    )  # fmt: skip
    press(app, "Start")
    job = app.session_state["_job_training"]
    with pytest.raises(ConvvizError, match="diverged"):
        job.result(timeout=120)
    app.run()
    assert job.snapshot is None
    steps = len(job.album.steps)
    assert steps > 1
    said = " ".join(one.value for one in app.info)
    assert "when the training is over" not in said
    assert "ended before its network was kept" in said
    assert "The training diverged" in said
    assert f"Time machine shows it after {steps} steps" in said
    app.segmented_control(key="run_view").set_value("curves").run()
    assert "no accuracy to report" in texts(app)
    assert "is the one to report" not in texts(app)
    press(app, "Go back in time")
    assert app.title[0].value == "Time machine"
    assert not app.exception


FULL = "the server has no room left on its disk for this; try again later, or tell who runs it"


def _offered(app) -> set[str]:
    """What can be saved, and that code and link are there."""
    assert len(app.get("code")) == 2
    assert not app.exception
    return {one.label for one in app.get("download_button")}


@pytest.mark.parametrize("view", ["curves", "after"])
def test_where_the_network_cannot_be_kept_the_curves_code_and_link_are_there_all_the_same(trained, view, monkeypatch):
    call = engine._engine().call

    def full(function, *arguments, **options):
        if function is training.trained:
            raise ConvvizError(FULL)
        return call(function, *arguments, **options)

    trained.session_state["_harvested"] = ""
    monkeypatch.setattr(engine._engine(), "call", full)
    trained.segmented_control(key="run_view").set_value(view).run()
    assert [one.value.startswith("The server has no room left") for one in trained.error] == [True]
    assert {"curves.csv", "curves.png"} <= _offered(trained)
    assert not {"trained.keras", "trained.h5"} & _offered(trained)
    assert "Go back in time" in [one.label for one in trained.button]
    told = [one.value for one in trained.info if one.value.startswith("The network of this run could not be kept")]
    assert len(told) == (view == "after")
    assert "stopped early" not in texts(trained), "it was not"
    monkeypatch.undo()
    trained.segmented_control(key="run_view").set_value("curves").run()
    assert {"curves.csv", "trained.keras", "trained.h5"} <= _offered(trained), "there is room again"
    assert not trained.error


def test_where_the_network_is_gone_or_cannot_be_asked_the_foot_is_there_all_the_same(trained, monkeypatch):
    owner, reference = trained.session_state["_owner"], trained.session_state["_trained_networks"]["run"][1]
    kept = engine._engine().belongings.data(reference, owner)
    engine._engine().drop(reference, owner=owner)
    trained.run()
    assert ["not here any more" in one.value for one in trained.error] == [True]
    assert "curves.csv" in _offered(trained)
    engine._engine().keep(reference, kept, owner=owner)

    def full(*_, **__):
        raise ConvvizError(FULL)

    monkeypatch.setattr("pages.shared.outcomes.report", full)
    trained.segmented_control(key="run_view").set_value("after").run()
    assert ["no room left" in one.value for one in trained.error] == [True]
    assert {"curves.csv", "trained.keras", "Download as .keras"} <= _offered(trained)
    monkeypatch.undo()
    trained.segmented_control(key="run_view").set_value("curves").run()


def _stopped_twice():
    from convviz.jobs import StoppedError
    from pages.shared import engine

    for _ in range(2):
        with engine.door(again=True):
            raise StoppedError("a worker stopped")


def test_trying_again_is_offered_once():
    app = AppTest.from_function(_stopped_twice).run()
    assert not app.exception
    assert len(app.error) == 2
    assert [one.label for one in app.button] == ["Try again"]


def _diverged(number: int):
    import io
    from types import SimpleNamespace

    import numpy as np
    import streamlit as st

    from pages.shared import outcomes, pickers, runs

    np.savez(kept := io.BytesIO(), where=[38, 1, 0, 8, 9])
    st.session_state["_training_what"], st.session_state["_training_number"] = (None, None, None), number
    job = SimpleNamespace(number="7", ended=True, snapshot=kept.getvalue(), latest=SimpleNamespace(step=41))
    job.error = "the training diverged"
    runs.harvest(job)
    st.caption(pickers.network_title("run"))
    st.info(outcomes._earlier(job))
    job.latest.step = 38
    st.caption(f"[{outcomes._earlier(job)}]")


@pytest.mark.parametrize(("number", "named"), [(1, "Trained here, step 38"), (2, "Trained here, run 2, step 38")])
def test_of_a_run_that_went_on_after_its_last_snapshot_the_network_is_named_by_its_own_step(number, named, monkeypatch):
    monkeypatch.setattr(runs, "_kept", lambda *_: zoo.Reference("bundled", "mnist"))
    app = AppTest.from_function(_diverged, kwargs={"number": number}).run()
    assert not app.exception
    assert [one.value for one in app.caption] == [named, "[]"]
    assert app.info[0].value == (
        "Asked is the network after step 38, the last that was kept; the run ended after step 41. The training "
        r"diverged\."
    )


def _left_nothing():
    from types import SimpleNamespace

    from pages.shared import outcomes

    album = SimpleNamespace(steps=[])
    job = SimpleNamespace(ended=True, error="the data has no test pictures", album=album, snapshot=None)
    outcomes.afterwards(None, job, None, "")


def test_of_a_run_that_did_not_begin_the_reason_is_said():
    said = AppTest.from_function(_left_nothing).run().info[0].value
    assert "The data has no test pictures" in said
    assert "Time machine" not in said


def test_the_time_machine_shows_each_step_as_it_was(trained):
    job = trained.session_state["_job_training"]
    trained.switch_page("pages/learning/time_machine.py").run()
    assert not trained.exception
    assert not trained.error
    seen = {}
    for step in (0, 21):
        trained.select_slider(key="step").set_value(step).run()
        seen[step] = trained.dataframe[0].value.to_numpy()
    assert seen[0].sum() == seen[21].sum() == len(datasets.load("digits").validation_images)
    last = job.latest
    assert np.trace(seen[21]) / seen[21].sum() == pytest.approx(last.validation_accuracy)
    assert np.trace(seen[0]) < np.trace(seen[21])
    trained.switch_page("pages/learning/training.py").run()


def test_a_trained_network_goes_on_learning_and_stays_as_it_is(trained):
    before = trained.session_state["_job_training"].latest.validation_accuracy
    named = trained.session_state["_trained_networks"]["run"][0]
    trained.selectbox(key="begin_with").set_value("run").run()
    press(trained, "Start")
    job = trained.session_state["_job_training"]
    job.result(timeout=120)
    assert job.latest.validation_accuracy > before - 0.1
    first = next(one for one in job.history if one.validation_count)
    assert first.loss < 2.2, "it begins where the other ended"
    trained.run()
    assert not trained.exception
    assert not trained.error
    title, reference = trained.session_state["_trained_networks"]["run"]
    assert re.fullmatch(r"Trained here, run \d+, step 21", title)
    assert title != named, "as many steps, and another network"
    assert engine.engine().call(zoo.describe, reference, owner=trained.session_state["_owner"]).title == title
    assert f"network “{named}, going on”" in texts(trained)


def test_a_network_that_goes_on_is_the_one_that_is_told_of_and_checked(trained):
    trained.selectbox(key="begin_with").set_value("run").run()
    trained.selectbox(key="net").set_value("custom").run()
    trained.text_area(key="layers").set_value("conv 8 5; max 4").run()  # does not fit, and is not what is trained
    count = 8 * 26 + 10 * (6 * 6 * 8 + 1)
    assert f"{count:,} parameters of “Trained here" in texts(trained)
    assert "Network, last layer and first kernel count only where it begins with new random weights" in texts(trained)
    assert not trained.error
    assert not next(one for one in trained.button if one.label == "Start").disabled
    assert f"The network: {count:,} parameters" in [one.value for one in trained.header]
    trained.number_input(key="data_side").set_value(20).run()
    assert next(one for one in trained.button if one.label == "Start").disabled
    assert any("takes pictures of 28 × 28 × 1 and these are 20 × 20 × 1" in one.value for one in trained.caption)
    for key, value in (("data_side", 0), ("net", "tiny"), ("begin_with", "new")):
        (trained.number_input if key == "data_side" else trained.selectbox)(key=key).set_value(value).run()


def test_a_network_that_was_brought_is_said_to_go_on_before_the_first_run():
    app = opened("learning/training")
    app.session_state["_trained_networks"] = {"run-0": ("Mine", zoo.Reference("bundled", "mnist"))}
    app.run()
    app.selectbox(key="begin_with").set_value("run-0").run()
    assert app.info[0].value == "Ready: “Mine” goes on learning. Start when you like."


def test_a_batch_that_does_not_fit_is_not_handed_to_a_running_training(trained, monkeypatch):
    trained.slider(key="epochs").set_value(100).run()
    press(trained, "Start")
    job = trained.session_state["_job_training"]
    room = architectures.fitting((28, 28, 1), 10, "tiny").memory(100) / 1e6
    monkeypatch.setattr("convviz.training.limits", lambda: training.Limits(memory=room))
    trained.selectbox(key="batch_size").set_value(128).run()
    assert r"The batch size stays 64\: this training takes about" in trained.error[0].value
    assert job._changed.get("batch_size") is None
    trained.selectbox(key="batch_size").set_value(64).run()
    assert not trained.error
    job.stop()
    job.result(timeout=60)
    trained.run()


def _at_the_wheel():
    from types import SimpleNamespace

    import streamlit as st

    from convviz import datasets, training
    from pages.shared import runs

    told = st.session_state.setdefault("told", [])
    job = SimpleNamespace(ended=False, latest=None, change=lambda **new: told.append(new))
    begun = training.Settings(epochs=7, learning_rate=0.00001)
    st.session_state["_job_training"] = job
    st.session_state.setdefault("_training_changes", [])
    st.session_state.setdefault("_training_what", ("mnist", datasets.Reference("digits"), begun))
    page, epochs = st.session_state["choices"]
    runs.steer(training.Settings(epochs=epochs), page)


def test_what_another_page_says_changes_no_run_until_it_is_changed_there():
    app, seen = AppTest.from_function(_at_the_wheel), []
    for choices in (("transfer", 7), ("training", 5), ("training", 5), ("training", 6), ("transfer", 7)):
        app.session_state["choices"] = choices
        app.run()
        assert not app.exception
        seen.append(list(app.session_state["told"]))
    assert seen == [[], [], [], [{"epochs": 6}], [{"epochs": 6}]]


def test_what_is_changed_while_it_runs_reaches_the_run(trained):
    trained.selectbox(key="begin_with").set_value("new").run()
    trained.slider(key="epochs").set_value(100).run()
    press(trained, "Start")
    job = trained.session_state["_job_training"]
    while job.latest is None:
        time.sleep(0.1)
    trained.selectbox(key="learning_rate").set_value(0.0001).run()
    end = time.monotonic() + 30
    while job.latest.learning_rate != 0.0001 and not job.ended and time.monotonic() < end:
        time.sleep(0.1)
    assert job.latest.learning_rate == 0.0001
    trained.segmented_control(key="run_view").set_value("inside").run()
    while job.latest.display is None and time.monotonic() < end + 30:
        time.sleep(0.2)
        trained.run()
    trained.run()
    said = [caption for image in trained.get("image") for caption in image.captions]
    assert any("test pictures and what they are taken for" in one for one in said), said
    assert any(one.startswith("8 kernels of 5 × 5") for one in said), said
    trained.segmented_control(key="run_view").set_value("curves").run()
    press(trained, "Stop training")
    job.result(timeout=60)
    trained.run()
    assert any("Learning rate 0.0001 from about step" in one.value for one in trained.caption)
    assert not trained.error


def test_the_files_of_earlier_runs_do_not_heap_up(trained):
    from pages.shared import engine

    def files():
        owner = trained.session_state["_owner"]
        return [one for one in engine.engine().belongings.references(owner) if one.kind == "run"]

    before = None
    for _ in range(3):
        press(trained, "Start")
        trained.session_state["_job_training"].result(timeout=120)
        trained.run()
        assert not trained.exception
        before = before or files()
        assert len(files()) == len(before)
    assert zoo.Reference("run", trained.session_state["_job_training"].number) in [
        zoo.Reference(one.kind, one.name) for one in files()
    ]


def test_the_network_of_any_step_can_be_used_on_every_page(trained):
    trained.switch_page("pages/learning/time_machine.py").run()
    trained.select_slider(key="step").set_value(0).run()
    press(trained, "Use this network on every page")
    number = trained.session_state["_training_number"]
    name, run = (f"run{number}-0", f"run {number}, ") if number > 1 else ("run-0", "")
    assert trained.selectbox(key="network").value == name
    title, reference = trained.session_state["_trained_networks"][name]
    assert title == f"Trained here, {run}step 0"
    owner = trained.session_state["_owner"]
    found = engine._engine().call(filters.one, reference, "conv2d", 0, owner=owner)
    assert found.bias == 0.0, "before the first step, as Keras begins it"
    last = engine._engine().call(
        filters.one, trained.session_state["_trained_networks"]["run"][1], "conv2d", 0, owner=owner
    )
    assert last.bias != 0.0


def test_the_time_machine_without_a_run_says_what_to_do():
    app = opened("learning/time_machine")
    assert not app.exception
    assert "There is none yet" in app.info[0].value
    press(app, "Train the lecture's network on digits")
    app.session_state["_job_training"].result(timeout=200)
    app.run()
    assert not app.exception
    assert not app.error
    assert app.select_slider(key="step").value == 4 * 19


def _then(drawn: bool):
    from types import SimpleNamespace

    import numpy as np

    from convviz import rendering
    from pages.shared import outcomes

    overlay = rendering.png(np.zeros((8, 8, 3), np.uint8)) if drawn else None
    then = SimpleNamespace(
        target=0, overlay=overlay, where=np.eye(4), note="there is none", chances=np.array([0.7, 0.3])
    )
    outcomes.then_over(then, ("cat", "dog"))


@pytest.mark.parametrize("drawn", [True, False])
def test_what_the_colours_of_the_time_machines_map_mean_stands_below_it(drawn):
    app = AppTest.from_function(_then, kwargs={"drawn": drawn}).run()
    assert not app.exception
    said = [caption for image in app.get("image") for caption in image.captions]
    assert [one for one in said if "most" in one] == ["little · · · most"] * drawn


def test_nonsense_in_the_address_breaks_neither_page():
    app = opened("learning/training", run_view="x", begin_with="../x", patience="-4", epochs="999", true="99")
    assert not app.exception
    assert app.slider(key="epochs").value == training.limits().epochs
    app = opened("learning/time_machine", step="banana", watch_picture="77")
    assert not app.exception


def test_the_second_half_of_a_double_click_on_pause_is_no_continue(monkeypatch):
    now, resumed = [100.0], []
    monkeypatch.setattr(steering, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(steering.st, "session_state", {})
    job = SimpleNamespace(number=1, resume=lambda: resumed.append(now[0]))
    steering.asked_to_pause(job)
    steering._go_on(job)
    assert not resumed
    now[0] += 1.0
    steering._go_on(job)
    assert resumed == [101.0]


def test_a_change_holds_from_the_last_step_that_was_made_without_it():
    def record(step, rate):
        return training.Progress(step, 30, 0, 1.0, 0.5, 1.0, 0.5, 100, 1.0, 0.0, learning_rate=rate)

    history = [record(3, 0.001), record(6, 0.001), record(9, 0.001), record(12, 0.01), record(15, 0.01)]
    assert runs._took_effect(history, 6, "learning_rate", 0.01) == 9, "those on their way were made as they were"
    assert runs._took_effect(history[:3], 6, "learning_rate", 0.01) == 6, "none is known yet"
    assert runs._took_effect(history, 12, "learning_rate", 0.01) == 12


def _kept_nothing(error: str):
    from types import SimpleNamespace

    from pages.shared import runs

    runs.none_kept(SimpleNamespace(error=error))


def test_a_run_that_kept_no_step_says_why_and_offers_another(monkeypatch):
    monkeypatch.setattr(runs.st, "page_link", lambda *_, **__: None)  # there are no pages here
    app = AppTest.from_function(_kept_nothing, kwargs={"error": "the folder has no pictures"}).run()
    assert not app.exception
    assert "the folder has no pictures" in app.error[0].value.lower()
    assert app.info[0].value == "No steps of this run were kept."
    assert app.button[0].label == "Train the lecture's network on digits"
    assert not AppTest.from_function(_kept_nothing, kwargs={"error": ""}).run().error
