"""The page Training as a visitor sets it up: which pictures, which network, what is wrong with it."""

import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from convviz import architectures, rendering, training
from pages.shared import data_sets, insides, layer_editor, runs
from tests.test_pages import _engine, opened, texts  # noqa: F401 -- the engine is closed at the end


def test_the_networks_size_is_told_for_the_chosen_pictures():
    assert "93,322 parameters" in texts(opened("learning/training"))
    assert "3,453,121 parameters" not in texts(opened("learning/training"))
    planted = opened("learning/training", own_kernel="0 1 0; 1 -4 1; 0 1 0", own_kernel_frozen="false")
    assert "kernel of 3 × 3 cells and learns like the others" in texts(planted)


@pytest.mark.parametrize(("limit", "first"), [(32, 32), (4, 4), (128, 64)])
def test_the_batch_size_begins_as_large_as_the_server_allows(limit, first, monkeypatch):
    monkeypatch.setattr(training, "limits", lambda: training.Limits(batch_size=limit))
    assert opened("learning/training").selectbox(key="batch_size").value == first


def test_the_lectures_network_for_cats_and_dogs_is_trained_as_in_the_lecture_unless_chosen_otherwise():
    def shown(app):
        return app.selectbox(key="learning_rate").value, app.selectbox(key="batch_size").value

    app = opened("learning/training", net="cats_and_dogs")
    assert shown(app) == (0.0001, 20), "listings 5.6 and 5.7"
    assert not {"learning_rate", "batch_size"} & {*app.query_params}
    app.selectbox(key="net").set_value("mnist").run()
    assert shown(app) == (0.001, 64)
    app.selectbox(key="learning_rate").set_value(0.003).run()
    app.selectbox(key="net").set_value("cats_and_dogs").run()
    assert shown(app) == (0.003, 20)
    assert shown(opened("learning/training", net="cats_and_dogs", batch_size="64")) == (0.0001, 64)


def test_layers_of_ones_own_on_pictures_of_the_lectures_size_are_trained_as_its_network():
    layers = architectures.parse("conv 8 3; flatten")
    known = {(150, 150, 3): (0.0001, 20), (28, 28, 1): (0.001, 64), (150, 150, 1): (0.001, 64)}
    for shape, first in known.items():
        usual = layer_editor.usual(architectures.Architecture(shape, layers, 2))
        assert (usual.learning_rate, usual.batch_size) == first


def test_what_does_not_fit_is_said_and_cannot_be_started():
    app = opened("learning/training", net="custom", layers="conv 8 5; max 4; dense 10")
    assert "maps of 6 × 6 × 8 come in" in app.error[0].value
    assert next(one for one in app.button if one.label == "Start").disabled
    app.text_area(key="layers").set_value("conv 8 5; max 4; flatten; dense 10").run()
    assert not app.error
    assert f"{8 * 26 + 10 * (288 + 1) + 110:,} parameters" in texts(app)
    assert app.query_params["layers"] == "conv 8 5; max 4; flatten; dense 10"


@pytest.mark.parametrize(
    ("layers", "told"),
    [
        ("conv 0 3; flatten", "has 0 as its number of filters; choose 1 to 512"),
        ("conv 8 0; flatten", "has 0 as its size; choose 1 to 15"),
        ("max 0; flatten", "has 0 as its size; choose 1 to 15"),
        ("flatten; dense 0", "has 0 as its number of units; choose 1 to 4096"),
        ("conv 8 3/0; flatten", "has 0 as its stride; choose 1 to 8"),
        ("max 2/0; flatten", "has 0 as its stride; choose 1 to 8"),
    ],
)
def test_a_zero_is_said_in_place_and_what_was_typed_stays(layers, told):
    app = opened("learning/training", net="custom", layers=layers)
    assert told in app.error[0].value
    assert app.text_area(key="layers").value == layers == app.query_params["layers"]
    if "/0" not in layers:  # a stride is written or not; what cannot be read leaves the network before
        assert next(one for one in app.button if one.label == "Start").disabled


def test_a_network_that_was_never_read_is_not_called_the_last_one():
    app = opened("learning/training", net="custom", layers="conv -1")
    shown = "No network has been read yet; shown is “One layer of eight kernels”."
    assert shown in [one.value for one in app.warning]
    app.text_area(key="layers").set_value("conv 4 3; flatten").run()
    assert not app.warning
    app.text_area(key="layers").set_value("conv -1").run()
    assert "Still the last network that could be read." in [one.value for one in app.warning]


def test_a_network_that_is_too_large_for_the_server_is_told_before_the_start():
    app = opened("learning/training", net="custom", layers="flatten; dense 4096; dense 1024")
    count = 785 * 4096 + 4097 * 1024 + 1025 * 10
    assert f"This network has {count:,} trainable parameters and this server trains at most 6,000,000" in texts(app)
    assert start(app).disabled


def start(app):
    return next(one for one in app.button if one.label == "Start")


WIDE = "conv 512 3 same; conv 512 3 same; global_average"


def test_a_training_that_no_worker_can_hold_is_refused_before_the_start():
    app = opened(
        "learning/training", data="shapes", data_per_class="5", data_side="224", batch_size="128", net="custom",
        layers=WIDE,
    )  # fmt: skip
    assert start(app).disabled
    assert not any("Ready" in one.value for one in app.info)
    said = next(one.value for one in app.error if "MB" in one.value)
    least = 4 * 5 * 2 * 224 * 224 * 512 * 4 / 1e6  # the maps of the 20 pictures that there are
    told = int(re.search(r"about ([\d,]+) MB", said)[1].replace(",", ""))
    assert least < told < 3 * least
    assert f"{training.limits().memory:,.0f} MB" in said
    assert "smaller batch" in said
    app.number_input(key="data_side").set_value(16).run()
    assert not start(app).disabled
    assert not app.error


@pytest.mark.parametrize("page", ["training", "compare"])
def test_pictures_that_do_not_suffice_are_refused_before_the_start(page, monkeypatch):
    monkeypatch.setattr(data_sets, "lack", lambda _: "“blue” has none to report on; give every class at least 3")
    app = opened(f"learning/{page}")
    assert start(app).disabled
    assert [one.value for one in app.error] == [r"“blue” has none to report on; give every class at least 3\."]
    assert not any("Ready" in one.value for one in app.info)


@pytest.mark.parametrize("preset", ["mnist", "small", "tiny"])
@pytest.mark.parametrize("data", ["digits", "shapes"])
def test_known_networks_are_not_refused(data, preset):
    app = opened("learning/training", data=data, net=preset, batch_size="128")
    assert not start(app).disabled


def test_a_wrong_layer_is_said_once_beside_the_layers_and_beside_start():
    app = opened("learning/training", net="custom", layers="conv 8 3")
    assert start(app).disabled
    assert not any("Ready" in one.value for one in app.info)
    assert ["needs a row of numbers" in one.value for one in app.error] == [True]
    layers = next(one for one in app.expander if one.label == "The network of the next run")
    assert [one.value for one in layers.error] == [one.value for one in app.error]
    assert sum("needs a row of numbers" in one.value for one in app.caption) == 1, "a reason, small, beside Start"


@pytest.mark.parametrize("kernel", ["1e38", "1 2 3;4"])
def test_a_kernel_that_cannot_be_read_is_refused_where_it_is_seen(kernel):
    app = opened("learning/training", net="tiny", own_kernel=kernel)
    assert len(app.error) == 1
    assert "kernel" in app.error[0].value
    assert not [one for folded in app.expander if folded.label.startswith("Last layer") for one in folded.error]
    assert "made without the kernel" in texts(app)


def test_a_layer_is_added_and_moved_by_buttons():
    app = opened("learning/training", net="custom", layers="conv 8 5; flatten")
    app.selectbox(key="_net_place").set_value(2).run()
    next(one for one in app.button if one.label == "Up").click().run()
    assert app.query_params["layers"] == "flatten; conv 8 5"
    assert "needs maps" in app.error[0].value
    next(one for one in app.button if one.label == "Down").click().run()
    assert app.query_params["layers"] == "conv 8 5; flatten", "the moved layer stays chosen"
    for _ in range(2):
        next(one for one in app.button if one.label == "Remove").click().run()
    assert "needs a row of numbers" in app.error[0].value
    next(one for one in app.button if one.label == "Add").click().run()
    assert app.query_params["layers"] == "conv 32 3 same"


@pytest.mark.parametrize(("optimizer", "kept"), [("sgd", False), ("rmsprop", True), ("adam", True)])
def test_what_an_optimizer_keeps_is_named_only_where_it_keeps_something(optimizer, kept):
    said = texts(opened("learning/training", optimizer=optimizer))
    assert (f"{optimizer}'s own numbers" in said) is kept
    assert ("weights, gradients and the maps of 64 pictures" in said) is not kept


@pytest.mark.parametrize(
    ("layers", "grown"),
    [
        ("conv 8 5; flatten", "conv 8 5; conv 32 3 same; flatten"),
        ("max 2; global_average; dropout 0.5", "max 2; conv 32 3 same; global_average; dropout 0.5"),
        ("flatten; dense 8", "flatten; dense 64; dense 8"),
    ],
)
def test_a_new_layer_is_put_where_it_fits(layers, grown):
    app = opened("learning/training", net="custom", layers=layers)
    next(one for one in app.button if one.label == "Add").click().run()
    assert app.query_params["layers"] == grown
    assert not app.error
    app.selectbox(key="_net_place").set_value(len(grown.split(";"))).run()
    next(one for one in app.button if one.label == "Add").click().run()
    assert app.query_params["layers"] == f"{grown}; dense 64", "after a row of numbers a dense layer fits"
    assert not app.error


def test_nonsense_in_the_address_breaks_nothing():
    app = opened(
        "learning/training", data="set_12345678", net="resnet", layers="conv -1", own_kernel="a b", data_side="7",
        data_per_class="-3", ending="tanh",
    )  # fmt: skip
    assert not app.exception
    assert "kernel's cell 'a' is not a number" in app.error[0].value


def test_pictures_that_were_collected_are_shown_and_can_be_trained_on():
    rng = np.random.default_rng(0)
    made = {name: [rendering.png(rng.integers(0, 256, (20, 20, 3), np.uint8)) for _ in range(8)] for name in "ab"}
    app = opened("learning/data", view="own")
    app.session_state["_collected"] = made
    app.run()
    assert "So far 16 pictures in 2 classes were collected here." in texts(app)
    next(one for one in app.button if one.label == "Take these pictures").click().run()
    assert not app.exception
    assert "The classes are balanced: 6 training pictures each." in texts(app)
    next(one for one in app.button if one.label == "Train on this").click().run()
    assert app.title[0].value == "Training"
    assert "There are 2 classes" in texts(app)
    assert "Your own pictures are not in the link" in texts(app)


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({}, "full colour at ±0.142"),
        ({0: 2.0}, "full colour at ±0.142, of kernel 0, which is much larger, at ±2"),
        ({0: 2.0, 3: 1.5}, "full colour at ±0.142, of kernels 0 and 3, which are much larger, at ±2 and ±1.5"),
        (dict.fromkeys(range(5), 2.0), "at ±0.142, of 5 much larger kernels at their own largest weight"),
    ],
)
def test_whose_colours_are_its_own_is_said_and_which_kernel_is_the_visitors(own, told, monkeypatch):
    def page(own):
        import numpy as np

        from convviz import filters, rendering
        from pages.shared import insides

        png = rendering.png(np.zeros((4, 4, 3), np.uint8))
        insides.kernels(filters.Board(png, (3, 3, 1, 32), 8, 0.142, np.ones(32), own))

    planted = architectures.fitting((28, 28, 1), 10, transplant=architectures.Transplant.parse("1 0 -1; 2 0 -2"))
    monkeypatch.setattr(runs, "planned", lambda: planted)
    app = AppTest.from_function(page, args=(own,), default_timeout=60).run()
    assert not app.exception
    assert app.get("image")[0].captions[0].endswith(told)
    assert "Filter 0 of the first convolution, at the top left, begins as your kernel" in app.caption[0].value


@pytest.mark.parametrize(("right", "told"), [(0, "0 are right"), (1, "1 is right"), (3, "3 are right")])
def test_how_many_of_the_strip_are_right_is_said_in_the_right_number(right, told):
    guesses = [training.Guess(guess=0, label=int(place >= right), probability=0.5) for place in range(3)]
    assert insides._right(guesses) == told


def test_a_kernel_goes_from_the_page_convolution_into_the_first_layer():
    app = opened("pictures/convolution", kernel="curve")
    next(one for one in app.button if one.label == "Use this kernel in a network").click().run()
    assert app.title[0].value == "Training"
    assert "kernel of 7 × 7 cells and stays as it is" in texts(app)
    assert app.query_params["own_kernel"].startswith("0 0 0 0 0 1 0; 0 0 0 0 1 0 0;"), "30 is divided by 30"
    assert not app.error


def test_a_kernel_that_is_handed_over_is_told_of_beside_an_earlier_run_and_in_its_own():
    app = opened("learning/training", net="tiny", epochs="1", data_per_class="20")

    def run():
        next(one for one in app.button if one.label == "Start").click().run()
        app.session_state["_job_training"].result(timeout=120)
        app.run()
        assert not app.exception

    def this_run():
        return next(one.value for one in app.caption if one.value.startswith("This run"))

    own = "ilter 0 of the first convolution begins as your kernel of 3 × 3 cells and stays as it is."
    run()
    assert "kernel of" not in this_run()
    app.selectbox(key="begin_with").set_value("run").run()
    app.switch_page("pages/pictures/convolution.py").run()
    next(one for one in app.button if one.label == "Use this kernel in a network").click().run()
    assert [one.value for one in app.info] == [f"In the next run f{own}"]
    assert app.selectbox(key="begin_with").value == "new", "another network would not take the kernel"
    assert "kernel of" not in this_run()
    app.switch_page("pages/learning/training.py").run()
    run()
    assert f"F{own}" in this_run()
    assert not app.info, "this run has it"
