"""Visitors' networks that are out of the ordinary, on the pages of Looking inside: what is said of them is so."""

import math
import re

import numpy as np
import pytest

from convviz import activations, attribution, filters, images, microscope, patterns, surgery, zoo
from pages.shared import ascents, words
from tests.test_pages import _engine, opened, texts  # noqa: F401 -- the engine's fixture is for this module, too


def augmented(layers, keras):
    """It turns, mirrors and resizes before it looks."""
    return keras.Sequential(
        [
            keras.Input((48, 48, 3)), layers.RandomFlip(), layers.RandomRotation(0.1), layers.Resizing(32, 32),
            layers.Rescaling(1 / 255), layers.Conv2D(4, 3, activation="relu", name="conv1"), layers.MaxPooling2D(),
            layers.Flatten(), layers.Dense(3, activation="softmax"),
        ]
    )  # fmt: skip


def centred(layers, keras):
    """It looks at the middle of the picture alone."""
    return keras.Sequential(
        [
            keras.Input((48, 48, 3)), layers.CenterCrop(32, 32), layers.Conv2D(4, 3, activation="relu", name="conv1"),
            layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax"),
        ]
    )  # fmt: skip


def reshaped(layers, keras):
    """Its pictures have no axis for channels."""
    return keras.Sequential(
        [
            keras.Input((28, 28)), layers.Reshape((28, 28, 1)), layers.Conv2D(4, 3, padding="same", name="conv1"),
            layers.Flatten(), layers.Dense(3, activation="softmax"),
        ]
    )  # fmt: skip


def joined(layers, keras):
    """It takes two pictures."""
    first, second = (keras.Input((32, 32, 3), name=name) for name in ("first", "second"))
    left = layers.Conv2D(4, 3, activation="relu", name="left")(first)
    right = layers.Conv2D(4, 3, activation="relu", name="right")(second)
    both = layers.Conv2D(4, 3, activation="relu", name="conv1")(layers.Concatenate(name="join")([left, right]))
    return keras.Model([first, second], layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(both)))


def broken(layers, keras):
    """One of its weights is NaN."""
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)), layers.Conv2D(4, 3, activation="relu", name="conv1"),
            layers.MaxPooling2D(name="pool"), layers.Conv2D(4, 3, activation="relu", name="conv2"), layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )  # fmt: skip
    weights = model.get_layer("conv1").get_weights()
    weights[0][1, 1, 0, 0] = np.nan
    model.get_layer("conv1").set_weights(weights)
    return model


def spoiled(value, filters=2):
    """One weight of filter 2, or of others, of its second convolution is NaN or infinite."""

    def made(layers, keras):
        model = keras.Sequential(
            [
                keras.Input((32, 32, 3)), layers.Conv2D(6, 3, activation="relu", name="c1"),
                layers.MaxPooling2D(name="pool"), layers.Conv2D(8, 3, activation="relu", name="c2"), layers.Flatten(),
                layers.Dense(3, activation="softmax", name="end"),
            ]
        )  # fmt: skip
        weights = model.get_layer("c2").get_weights()
        weights[0][1, 1, 0, filters] = value
        model.get_layer("c2").set_weights(weights)
        return model

    return made


def segmenting(layers, keras):
    """Its answer is a class for each pixel."""
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)), layers.Conv2D(8, 3, padding="same", activation="relu", name="conv1"),
            layers.Conv2D(3, 1, activation="softmax", name="seg"),
        ]
    )  # fmt: skip


def deep_input(channels):
    """Its input has that many channels."""

    def made(layers, keras):
        parts = [layers.Conv2D(4, 3, name="conv1"), layers.GlobalAveragePooling2D(), layers.Dense(3)]
        return keras.Sequential([keras.Input((24, 24, channels)), *parts])

    return made


def built(kind):
    """The network, the same every time."""
    import keras

    keras.backend.clear_session()  # or the layers are numbered on
    keras.utils.set_random_seed(3)
    return kind(keras.layers, keras)


def brought(page, kind, tmp_path, *, complains=False, **query):
    """A page with one of these networks, whose description is closed; without an error unless it may complain."""
    path = tmp_path / "own.keras"
    built(kind).save(path)
    section = "explaining" if page in ("grad_cam", "trust") else "inside"
    app = opened(f"{section}/{page}", network="shapes", picture="cat")
    app.file_uploader(key=f"{page}_model").set_value(("own.keras", path.read_bytes(), "application/octet-stream"))
    app.run()
    app.session_state["_own_model_asked"] = None
    for key, value in query.items():
        app.session_state[key] = value
    app.run()
    assert not app.exception
    assert complains or not app.error, app.error[0].value
    return app


def captions(app):
    """What stands under all pictures."""
    return "\n".join(caption for one in app.get("image") for caption in one.captions)


@pytest.mark.parametrize("kind", [centred, reshaped, joined])
def test_a_window_that_is_not_known_is_said_to_be_so_and_none_is_drawn(kind, tmp_path):
    cell = microscope.look(zoo.wrap(built(kind)), images.sample("cat"), "conv1", 0)
    assert cell.field is None
    assert cell.unseen
    app = brought("microscope", kind, tmp_path, cell_layer="conv1")
    assert words.safe(f"which window the cell can see is not known: {cell.unseen}"[1:], 300) in texts(app)
    assert "no frame, for the window is not known" in captions(app)
    assert "framed: what" not in captions(app)
    assert "The crop it saw" not in captions(app)
    assert "How much each pixel moves the cell" in captions(app)


def test_the_window_behind_a_resizing_is_known_and_framed(tmp_path):
    network = zoo.wrap(built(augmented))
    assert microscope.look(network, images.sample("cat"), "conv1", 0, row=24, col=27).field == (36, 40, 41, 45)
    app = brought("microscope", augmented, tmp_path, cell_layer="conv1")
    assert "framed: what the cell can see" in captions(app)


def test_a_tiny_share_of_the_picture_is_not_called_none_of_it():
    first = next(one.name for one in zoo.card("cats_and_dogs").layers if one.kind == "Conv2D")
    app = opened("inside/microscope", network="cats_and_dogs", picture="cat", cell_layer=first)
    assert "can see less than 1% of the picture" in texts(app)


def test_the_microscope_says_of_a_nan_that_it_is_one_and_where_it_is_from(tmp_path):
    app = brought("microscope", broken, tmp_path, cell_layer="conv1")
    app.number_input(key="cell_channel").set_value(0).run()
    assert not app.exception
    assert "is **NaN**" in texts(app)
    told = [one.value for one in app.warning]
    assert len([one for one in told if "Weights of conv1 are NaN or infinite" in one]) == 1
    assert not re.search(r"\bnan\b", texts(app) + captions(app))
    assert "of those pixels move it" not in texts(app)


def test_the_diagnosis_guesses_at_no_other_cause_where_weights_are_nan():
    first, *others = zoo.diagnose(built(broken)).odd
    assert first.startswith("weights of conv1 are NaN or infinite")
    assert not [one for one in others if "saturated" in one or "the same for" in one]


def test_a_layer_of_another_inputs_branch_is_said_to_be_unreached_and_not_dead():
    found = zoo.diagnose(built(joined))
    assert found.card.unreached == ("right",)
    (told,) = found.odd
    assert told.startswith("the picture does not reach right, for zeros go into the other inputs")
    assert zoo.diagnose(zoo.wrap(built(joined), picture_input="second")).card.unreached == ("left",)
    assert zoo.wrap(built(broken)).card.unreached == ()


def test_filter_patterns_offers_no_layer_that_the_picture_does_not_reach(tmp_path):
    app = brought("filter_patterns", joined, tmp_path)
    assert list(app.selectbox(key="pattern_layer").options) == ["left", "conv1"]
    assert "Left out, because the picture does not reach it: right." in texts(app)


def test_patterns_of_a_network_with_one_size_are_drawn_at_that():
    network = zoo.wrap(built(reshaped))
    assert len(patterns.liveliest(network, "conv1", 2)) == 2
    *_, last = patterns.ascend(network, "conv1", [0, 1], size=96, steps=2)
    assert last.pictures.shape == (2, 28, 28, 3)
    *_, free = patterns.ascend(zoo.wrap(built(augmented)), "conv1", [0], size=64, steps=2)
    assert free.pictures.shape[1:3] == (64, 64)


def test_filter_patterns_opens_without_an_error_on_a_network_of_one_size(tmp_path):
    app = brought("filter_patterns", reshaped, tmp_path)
    app.session_state["_job_patterns"].result(timeout=90)
    app.run()
    assert not app.error
    assert "28 × 28 each" in captions(app)


def test_a_network_that_answers_with_a_map_is_told_to_be_one_and_asked_for_no_classes(tmp_path):
    found = zoo.diagnose(built(segmenting))
    assert found.explained_layer == "conv1"  # not the answer itself, to which no path leads from it
    assert "the answer of this network is a map: one of its channels is explained" in found.layer_reason
    assert "Output" not in found.guessed
    app = brought("network", segmenting, tmp_path)
    app.button(key="network_diagnosis").click().run()
    assert not app.exception
    assert "a map, 32 × 32 × 3, and no class" in texts(app)
    assert not [one.label for one in app.text_area if "classes" in one.label]
    assert "Logits are read as" not in [one.label for one in app.selectbox]


def test_of_an_answer_that_is_a_map_the_mean_of_a_channel_is_explained(tmp_path):
    network = zoo.wrap(built(segmenting))
    before_softmax = built(segmenting)
    before_softmax.layers[-1].activation = None
    means = np.mean(before_softmax(network.prepare(images.sample("cat"))), axis=(0, 1, 2))
    top = attribution.top_classes(network, images.sample("cat"))
    assert [one.probability for one in top] == pytest.approx(sorted(means, reverse=True), abs=1e-5)
    app = brought("grad_cam", segmenting, tmp_path)
    assert not app.exception
    assert f"Explained: **output {means.argmax()}, averaged over 32 × 32 places**" in texts(app)


def aided(layers, keras):
    """Beside the picture it takes a few numbers."""
    picture, numbers = keras.Input((24, 24, 3), name="picture"), keras.Input((5,), name="numbers")
    maps = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, name="conv1")(picture))
    return keras.Model([picture, numbers], layers.Dense(2)(layers.Concatenate()([maps, numbers])))


def test_an_input_that_takes_no_picture_is_not_offered_for_it(tmp_path):
    app = brought("network", aided, tmp_path)
    app.button(key="network_diagnosis").click().run()
    assert not app.exception
    assert "Input that takes the picture" not in [one.label for one in app.selectbox]
    app = brought("network", joined, tmp_path)
    app.button(key="network_diagnosis").click().run()
    offered = next(one for one in app.selectbox if one.label == "Input that takes the picture")
    assert offered.options == ["1: first", "2: second"]


def dense(layers, keras):
    """It has no maps at all."""
    return keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(3, activation="softmax")])


@pytest.mark.parametrize("test", ["places", "weights"])
def test_trust_of_a_network_without_maps_asks_the_methods_that_need_none(test, tmp_path):
    app = brought("trust", dense, tmp_path, test=test)
    app.session_state["_job_trust"].result(timeout=90)
    app.run()
    assert not app.exception
    assert not app.error
    if test == "places":
        assert any("this network has none that lead to its answer: Grad-CAM" in one.value for one in app.caption)
    else:
        assert "Grad-CAM" not in app.selectbox(key="trust_method").options


def test_grad_cam_of_a_network_without_maps_says_which_method_needs_none(tmp_path):
    app = brought("grad_cam", dense, tmp_path, complains=True)
    assert any("choose one that looks at the input, such as the gradient" in one.value for one in app.error)
    app.selectbox(key="method").set_value("gradient").run()
    assert not app.error


def test_the_kernels_page_marks_a_nan_and_counts_the_rest(tmp_path):
    app = brought("kernels", broken, tmp_path)
    app.number_input(key="kernel_filter").set_value(0).run()
    assert not app.exception
    said = texts(app) + captions(app)
    assert "1 of 9 is NaN or infinite, drawn black" in captions(app)
    assert "Filter 0 has weights that are NaN or infinite" in texts(app)
    assert not re.search(r"\bnan\b", said)
    kernels, _ = filters.weights(built(broken), "conv1")
    norms = np.linalg.norm(kernels.reshape(-1, 4), axis=0)
    assert filters.longest(norms) == int(np.nanargmax(norms)) != 0
    tile = filters.tiled(kernels[:, :, 0, :1], 1.0, 1)
    pixel = tile.shape[0] // 3
    black = (tile == 0).all(axis=-1)
    assert black.sum() == pixel**2
    assert black[pixel : 2 * pixel, pixel : 2 * pixel].all()


def test_a_channel_of_nan_is_crossed_and_the_rest_keeps_its_range():
    network = zoo.wrap(built(broken))
    maps = activations.feature_maps(network, images.sample("cat"), ["conv1"])["conv1"]
    found = activations.mosaics(network, images.sample("cat"), ["conv1"], scale="layer")["conv1"]
    assert found.broken == (0,)
    assert 0 not in found.blank
    assert (found.minimum, found.maximum) == (0, pytest.approx(np.nanmax(maps[..., 1:])))


@pytest.mark.parametrize(
    ("channels", "said"),
    [
        (4, "Channel 0 red, 1 green, 2 blue, 3 alpha, every pixel opaque; values"),
        (5, "Channel 0 red, 1 green, 2 blue, 3 red, 4 green; values"),
        (20, "14 blue, 15 red, and 4 more; values"),
    ],
)
def test_an_input_of_other_channels_is_shown_channel_by_channel(channels, said, tmp_path):
    app = brought("feature_maps", deep_input(channels), tmp_path)
    assert not app.exception
    assert f"What the network takes · 24 × 24 × {channels}" in [one.value for one in app.header]
    assert said in captions(app)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_that_a_network_takes_as_it_is_is_not_shown_again(channels, tmp_path):
    app = brought("feature_maps", deep_input(channels), tmp_path)
    assert not any("What the network takes" in one.value for one in app.header)


def test_what_a_network_takes_is_the_picture_resized_with_its_colours_in_turn():
    picture = images.sample("cat")
    found = activations.taken(zoo.wrap(built(deep_input(5))), picture)
    sized = images.resize(picture, (24, 24)) / 255
    np.testing.assert_allclose(found, sized[..., [0, 1, 2, 0, 1]], atol=1e-6)


def test_feature_maps_say_which_channel_is_not_a_number_and_why(tmp_path):
    app = brought("feature_maps", broken, tmp_path)
    assert texts(app).count("eights of conv1 are NaN or infinite") == 1
    app.segmented_control(key="maps_view").set_value("one").run()
    app.number_input(key="channel").set_value(0).run()
    assert not app.exception
    assert not re.search(r"\bnan\b", texts(app) + captions(app))
    assert "values are NaN or infinite, drawn black" in captions(app)


def test_filters_whose_answer_is_not_a_number_are_not_called_dead(tmp_path):
    app = brought("filter_patterns", broken, tmp_path, pattern_layer="conv2")
    app.session_state["_job_patterns"].result(timeout=90)
    app.run()
    told = " ".join(one.value for one in app.warning)
    assert "the gradient is NaN or infinite" in told
    assert "eights of conv1 are NaN or infinite" in told
    assert "dead" not in told


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_place_and_two_pictures_name_a_channel_that_is_no_number_and_do_not_rank_it(value, tmp_path):
    app = brought("feature_maps", spoiled(value), tmp_path, maps_view="place", maps_layer="c2")
    network = zoo.wrap(built(spoiled(value)))
    maps = activations.feature_maps(network, images.sample("cat"), ["c2"])["c2"]
    row, col = (int(one) for one in np.argwhere(~np.isfinite(maps[..., 2]))[0])
    app.number_input(key="place_row").set_value(row).run()
    app.number_input(key="place_col").set_value(col).run()
    assert not app.exception
    assert "Channel 2 is NaN or infinite at this place and not ranked. Weights of c2 are NaN" in texts(app)
    assert "2" not in app.table[0].value["Channel"].tolist()
    app.segmented_control(key="maps_view").set_value("two").run()
    app.number_input(key="channel").set_value(2).run()
    assert not app.exception
    said = texts(app) + captions(app)
    assert "Channel 2 is NaN or infinite on one of the pictures and not ranked. Weights of c2 are NaN" in texts(app)
    assert not re.search(r"\b(nan|inf)\b", said)
    assert "values are NaN or infinite, drawn black" in captions(app) or "are NaN or infinite" in captions(app)
    assert not re.search("Channel 2 differs most", said)


def waited(app, slot):
    """The page after one of its jobs has ended."""
    app.session_state[f"_job_{slot}"].result(timeout=90)
    return app.run()


def test_top_pictures_say_that_a_channel_is_no_number(tmp_path):
    app = brought("feature_maps", spoiled(np.nan), tmp_path, maps_view="top", maps_layer="c2", channel=2)
    waited(app, "exemplars")
    assert not app.exception
    assert "channel 2 of c2 has values that are NaN or infinite, which do not count. Weights of c2 are" in texts(app)
    assert "rises above zero" not in texts(app)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_knock_out_says_what_was_no_number_and_what_is_one_now(value, tmp_path):
    app = brought("knock_out", spoiled(value), tmp_path, edits="mute=c2:2", op_view="c2")
    assert not app.exception
    said = texts(app)
    network = zoo.wrap(built(spoiled(value)))
    after = surgery.operate(network, images.sample("cat"), surgery.read(network, "mute=c2:2").edits).after
    top = network.card.class_names[int(after.argmax())]
    assert f"is NaN or infinite before the edits; after them it is {top}, with {after.max():.0%}" in said
    assert "The outputs of 3 of the 5 layers compared differ" in said
    assert "In c2 channel 2 changes most, between numbers and NaN or infinity" in said
    assert len([one for one in app.warning if "Weights of c2 are NaN or infinite" in one.value]) == 1
    app.toggle(key="op_search").set_value(True).run()
    waited(app, "surgery_search")
    assert not app.exception
    assert "so no channel can be said to lower or raise it" in texts(app)
    tables = " ".join(one.value.to_string() for one in [*app.table, *app.dataframe])
    assert not re.search(r"\b(nan|inf)\b", texts(app) + captions(app) + tables)
    app.text_area(key="edits").set_value("mute=c2:0").run()
    assert "The answer is NaN or infinite, before the edits and after them." in texts(app)


def test_sparsity_says_which_channels_it_leaves_out(tmp_path):
    app = brought("feature_maps", spoiled(np.nan), tmp_path, maps_view="depth")
    assert not app.exception
    told = "Left out, with values that are NaN or infinite: 1 of 8 channels of c2. Weights of c2 are NaN or infinite"
    assert told in texts(app)
    assert "“Edges first”" in texts(app)
    app = brought("feature_maps", spoiled(np.nan, slice(None)), tmp_path, maps_view="depth")
    assert "Depth cannot be judged here: no channel of c2 is a number." in texts(app)


def test_filter_patterns_tell_no_figures_of_what_is_no_number(tmp_path):
    app = brought("filter_patterns", spoiled(np.nan, slice(None)), tmp_path, pattern_layer="c2")
    waited(app, "patterns")
    assert not app.exception
    said = texts(app) + captions(app)
    assert "Nothing was climbed, for each gradient is NaN or infinite." in said
    assert not re.search("has (not )?(changed|fallen|grown)|the pictures reach|[Mm]ean activation 0", said)
    assert not re.search("(fallen|grown|from|to|reach|reaches|has|give) NaN", said)


def test_what_is_lost_does_not_count_in_the_mean_of_what_is_climbed():
    assert ascents._mean((1.0, math.nan, 3.0, 9.0), (3,)) == 2
    assert math.isnan(ascents._mean((1.0, math.nan), (0,)))
