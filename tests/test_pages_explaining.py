"""The pages Grad-CAM and Trust through app.py, with a real engine: what they say is what the functions find."""

import ast
import hashlib
import json
import shutil
import time

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from convviz import attribution, datasets, images, localization, trust, zoo
from tests.test_foot import code
from tests.test_pages import _engine, opened, texts  # noqa: F401 -- the engine is closed with this file, too
from tests.test_recipes import ran

PAGE = "explaining/grad_cam"


def test_grad_cam_opens_on_the_cat_with_both_sides_and_says_how_sure_the_network_is():
    app = opened(PAGE)
    cat = zoo.load("cats_and_dogs").predict(images.sample("cat"))[0]
    said = texts(app)
    assert f"not sure about this picture: cat {cat:.0%} and dog {1 - cat:.0%}" in said
    assert f"**cat**, probability {cat:.0%} and **dog**" in said
    assert "is the last convolution; its 15 × 15 maps still" in said
    assert "The evidence for dog is strongest" in said
    app.button(key="clearer").click().run()
    assert (app.selectbox(key="picture").value, app.selectbox(key="network").value) == ("shapes", "shapes")
    assert "**star**, probability 99.6% and **circle**" in texts(app)
    assert "The two maps go apart" in texts(app)
    assert "not sure" not in texts(app)


def test_the_bars_tell_a_probability_as_the_headings_do():
    app = opened(PAGE, picture="digit_3", network="mnist", cam_view="two")
    first, second = sorted(zoo.load("mnist").predict(images.sample("digit_3")), reverse=True)[:2]
    assert first > 0.9995
    assert second < 0.0005
    (bars,) = app.get("plotly_chart")
    figure = json.loads(bars.proto.spec)["data"][0]
    assert figure["text"][::-1][:2] == ["more than 99.9%", "less than 0.1%"]
    assert "Probabilities: 3 more than 99.9%, " in bars.proto.alt
    headings = [one.value for one in app.header]
    assert "3, probability more than 99.9%" in headings, headings


def test_one_class_is_shown_with_its_box_and_the_true_box():
    app = opened(PAGE, picture="shapes", network="shapes", cam_view="one", cam_threshold="0.7")
    found = attribution.grad_cam(zoo.load("shapes"), images.sample("shapes"), target=3)
    box = localization.box(found.heatmap, threshold=0.7)
    share = localization.intersection_over_union(box, images.sample_boxes("shapes")["star"])
    assert share > 0.4
    assert f"true box of the star share {share:.2f}" in texts(app)
    assert "The map has only 8 × 8 cells" in texts(app)


def test_the_strongest_place_of_pixels_is_that_of_the_raw_map_and_the_box_says_of_what():
    found = attribution.gradient(zoo.load("shapes"), images.sample("shapes"), target=3)
    place = []
    for values in (found.raw, found.heatmap):
        row, column = np.unravel_index(np.argmax(values), values.shape)
        place.append((3 * row // values.shape[0], 3 * column // values.shape[1]))
    assert place == [(1, 2), (0, 2)]
    app = opened(PAGE, network="shapes", picture="shapes", cam_view="one", method="gradient")
    assert "The evidence for star is strongest at the middle right" in texts(app)
    captions = [one.proto.imgs[0].caption for one in app.get("image")]
    assert any("largest connected piece of what reaches 50% of the 99th percentile" in one for one in captions)
    app.selectbox(key="method").set_value("grad_cam").run()
    captions = [one.proto.imgs[0].caption for one in app.get("image")]
    assert any("largest connected piece of what reaches 50% of the largest value" in one for one in captions)


def test_evidence_against_a_class_is_told():
    said = texts(opened(PAGE, network="shapes", picture="shapes", cam_view="one", signed="true"))
    assert "The evidence for star is strongest" in said
    assert "the evidence against star is strongest" in said


def test_the_formula_is_that_of_what_is_shown_with_and_without_evidence_against():
    inside = r"\textstyle\sum_k w_k A^k_{ij}"
    app = opened(PAGE, network="shapes", picture="shapes", cam_view="one")
    assert rf"$\mathrm{{ReLU}}\big({inside}\big)" in texts(app)
    app.toggle(key="signed").set_value(True).run()
    assert f"${inside},\\ w_k" in texts(app)
    app.selectbox(key="method").set_value("gradient").run()
    assert r"$\textstyle\sum_c g_{ijc}$" in texts(app)
    assert not app.exception


def test_a_blank_map_has_no_outline_and_its_note_names_the_control():
    against = next(
        (name, target)
        for name in ("digit_1", "digit_0", "digit_7", "digit_4")
        for target in range(10)
        if attribution.hires_cam(zoo.load("mnist"), images.sample(name), target=target).note == attribution.ONLY_AGAINST
    )
    query = {"picture": against[0], "network": "mnist", "method": "hires_cam", "class": str(against[1])}
    app = opened(PAGE, cam_view="one", **query)
    said = texts(app) + " ".join(one.value for one in app.warning)
    assert "only evidence against this class here; with “Evidence against it, too” it is seen." in said
    assert app.toggle(key="signed").label == "Evidence against it, too"
    assert "cells; its outline" not in said
    assert "It shows what counted" not in said


def test_several_pictures_offer_no_picture_of_which_they_make_no_use():
    app = opened(PAGE, network="shapes", picture="shapes", cam_view="many", cam_count="3")
    assert "grad_cam_draw" not in {one.key for one in app.button}
    app.selectbox(key="cam_view").set_value("one").run()
    assert "grad_cam_draw" in {one.key for one in app.button}
    assert "The evidence for star is strongest" in texts(app)
    assert not app.exception


def test_several_drawn_pictures_state_how_well_their_boxes_agree():
    app = opened(PAGE, network="shapes", picture="shapes", cam_view="many", cam_count="4", cam_seed="5")
    drawn = datasets.draw_shapes(4, side=64, shapes_per_picture=2, rng=np.random.default_rng(5))
    overlaps = []
    for picture, label, box in zip(drawn.images, drawn.labels[:, 0], drawn.boxes[:, 0], strict=True):
        heatmap = attribution.grad_cam(zoo.load("shapes"), picture, target=int(label)).heatmap
        overlaps.append(localization.intersection_over_union(localization.box(heatmap), tuple(map(int, box))))
    assert f"agree with the true ones by {np.mean(overlaps):.2f} (IoU)" in texts(app)
    assert f"targets = {[int(one) for one in drawn.labels[:, 0]]}" in code(app)
    assert "pictures.zip" in {one.label for one in app.get("download_button")}


def test_a_slow_method_is_a_job_that_leaves_the_result_before_until_there_is_more():
    app = opened(PAGE, network="cats_and_dogs", picture="cat")
    app.selectbox(key="method").set_value("rise").run()
    job = app.session_state["_job_explanation"]
    assert "Still the result before: Grad-CAM for cat" in texts(app)
    assert "belongs to the question before" in texts(app)
    app.selectbox(key="method").set_value("occlusion").run()
    job = app.session_state["_job_explanation"]
    job.result(timeout=90)
    app.run()
    said = texts(app)
    assert "Still the result before" not in said
    assert "**Occlusion**" in said
    expected = attribution.occlusion(zoo.load("cats_and_dogs"), images.sample("cat"), target=0)
    assert len(job.latest.answers) == 2
    np.testing.assert_allclose(job.latest.answers[0].heatmap, expected.heatmap, atol=1e-4)
    assert not app.exception


def test_a_slow_methods_maps_are_shown_as_they_grow_and_what_there_was_stays_when_it_is_stopped():
    app = opened(
        PAGE, network="cats_and_dogs", method="rise", cam_view="many", cam_from="samples", class_of_all="1",
        cam_samples=",".join(images.sample_names()[:12]),
    )  # fmt: skip
    job = app.session_state["_job_explanation"]
    while not job.ended and (job.latest is None or not 0.1 < job.latest.done < 0.9):
        time.sleep(0.05)
    app.run()
    assert "The map so far, from " in texts(app)
    assert "The map is seen to grow" in texts(app)
    assert [one.proto.imgs[0].caption for one in app.get("image") if "dog, probability" in str(one.proto)]
    app.button(key="stop_explanation").click().run()
    assert job.result(timeout=60).answers
    assert job.state == "stopped"
    app.run()
    now, said = job.latest, texts(app)
    assert f"RISE was stopped at {now.done:.0%}. What it had found by then is shown." in said
    assert f"{len(now.answers) - 1} of 12 pictures are explained to the end, and one in part" in said
    pictures = [images.limit(images.sample(name), 450) for name in images.sample_names()[:2]]
    whole = attribution.rise(zoo.load("cats_and_dogs"), pictures[0], target=1)
    kept = attribution.sized(now.answers[0], pictures[0].shape[:2])
    np.testing.assert_allclose(kept.heatmap, whole.heatmap, atol=1e-3)
    assert "over_1.png" in {one.label for one in app.get("download_button")}
    app.button(key="explain_again").click().run()
    assert app.session_state["_job_explanation"] is not job
    assert not app.error
    assert not app.exception


def test_of_two_classes_the_one_whose_turn_has_not_come_is_told():
    def page():
        import streamlit as st

        from convviz import attribution, images, zoo
        from pages.shared import explanations, heat_maps

        network, picture = zoo.reference("shapes"), images.sample("shapes")
        asked = explanations.Asked(
            network, (picture,) * 2, "occlusion", (3, 0), None, False, {0: "circle", 3: "star"}, ("",) * 2,
            (None,) * 2, "two",
        )  # fmt: skip
        told = attribution.explain(zoo.load("shapes"), [picture] * 2, "occlusion", targets=(3, 0), every=0)
        now = next(told)
        answers = tuple(attribution.sized(one, picture.shape[:2]) for one in now.answers)
        shown = explanations.Shown(asked, answers, done=now.done)
        looks = heat_maps.Looks(0.4, "turbo", 0.5, one_scale=True)
        heat_maps.draw(shown, zoo.card("shapes"), looks)
        st.markdown("\n".join(heat_maps.noticed(shown, zoo.card("shapes"), looks)))

    app = AppTest.from_function(page, default_timeout=60).run()
    assert not app.exception
    said = texts(app)
    assert "Circle has not been reached yet." in said
    assert "The evidence for star is strongest" in said
    assert "Occlusion was stopped at" in said


@pytest.mark.parametrize("method", ["integrated_gradients", "eigen_cam"])
def test_the_program_is_that_of_the_method_and_integrated_gradients_say_what_they_add_up_to(method):
    app = opened(PAGE, network="mnist", picture="digit_3", method=method, cam_view="one")
    if method in attribution.SLOW:
        app.session_state["_job_explanation"].result(timeout=60)
        app.run()
        found = attribution.integrated_gradients(zoo.load("mnist"), images.sample("digit_3"), target=3, signed=True)
        total, whole = found.raw.sum(), found.adds_up[1]
        assert f"adds up to {total:.3g} of {whole:.3g}, {abs(total - whole) / whole:.1%} off" in texts(app)
    assert attribution.ABOUT[method].title in code(app)
    ast.parse(code(app))
    assert f"{method}.png" in {one.label for one in app.get("download_button")}


@pytest.fixture(scope="module")
def two_outputs(tmp_path_factory):
    """A visitor's network with two outputs: its file, and what it is."""
    import keras

    keras.utils.set_random_seed(7)
    layers = keras.layers
    photo = keras.Input((24, 24, 3), name="photo")
    maps = layers.Conv2D(6, 3, activation="relu", name="maps")(photo)
    first = layers.Dense(3, activation="softmax", name="kind")(layers.GlobalAveragePooling2D()(maps))
    other = layers.Dense(4, activation="softmax", name="colour")(layers.Flatten()(maps))
    path = tmp_path_factory.mktemp("two") / "network.keras"
    keras.Model(photo, [first, other], name="two").save(path)
    return path, keras.saving.load_model(path)


def brought(page, path, *, wrong="", **query):
    """A page with a network that a visitor has brought; what is said to be wrong with it, in part."""
    app = opened(f"explaining/{page}", picture="cat", **query)
    data = path.read_bytes()
    name = f"model_{hashlib.sha256(data).hexdigest()[:8]}.keras"  # as in the address: AppTest knows no titles
    app.file_uploader(key=f"{page}_model").set_value((name, data, "application/octet-stream")).run()
    app.session_state["_own_model_asked"] = None  # its description is closed
    app.run()
    assert [wrong in one.value for one in app.error] == [True] * bool(wrong)
    assert not app.exception
    return app


@pytest.fixture(scope="module")
def of_nan(tmp_path_factory):
    """The file of a visitor's network with one weight that is NaN."""
    import keras

    keras.utils.set_random_seed(7)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((24, 24, 3)),
            layers.Conv2D(4, 3, activation="relu", name="first"),
            layers.Conv2D(4, 3, activation="relu", name="second"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="softmax", name="head"),
        ]
    )
    kernel, bias = model.get_layer("second").get_weights()
    kernel[0, 0, 0, 0] = np.nan
    model.get_layer("second").set_weights([kernel, bias])
    path = tmp_path_factory.mktemp("nan") / "network.keras"
    model.save(path)
    return path


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("grad_cam", {"cam_view": "two"}),
        ("grad_cam", {"cam_view": "one", "method": "occlusion"}),
        ("grad_cam", {"cam_view": "many", "cam_from": "samples", "cam_samples": "cat,coffee"}),
        ("trust", {"test": "places"}),
        ("trust", {"test": "weights"}),
    ],
)
def test_a_network_that_answers_nan_is_told_in_one_sentence_with_the_layer_and_nothing_false(page, query, of_nan):
    app = brought(page, of_nan, wrong="weights of second are NaN or infinite", **query)
    said = texts(app).replace(app.error[0].value, "")
    for false in ("nan", "not sure", "Every value is 0", "zero everywhere", "No place of", "overflow", "marks costs"):
        assert false not in said, false
    assert not app.get("plotly_chart")
    captions = " ".join(one.proto.imgs[0].caption for one in app.get("image"))
    assert not any(word in captions for word in ("deletion", "likeness", "speaks for", "Over the picture", "nan"))


def test_trust_tests_the_chosen_output_and_its_program_runs(two_outputs, tmp_path):
    path, model = two_outputs
    app = brought("trust", path, trust_methods="grad_cam,gradient")
    app.selectbox(key="trust_output").set_value(1).run()
    job = app.session_state["_job_trust"]
    job.result(timeout=90)
    app.run()
    cat, network = images.sample("cat"), zoo.wrap(model, output=1)
    target = int(np.argmax(network.predict(cat)))
    *_, expected = trust.compare(network, cat, ["grad_cam", "gradient"], target=target)
    assert len(app.selectbox(key="trust_class").options) == 5
    for one, other in zip(job.latest.trials, expected.trials, strict=True):
        np.testing.assert_allclose(one.curves.deletion, other.curves.deletion, atol=1e-4)
    shutil.copy(path, tmp_path)
    found = ran(code(app), tmp_path)["result"]
    np.testing.assert_allclose(found["grad_cam"][0], expected.trials[0].curves.deletion, atol=0.02)
    assert not app.error
    assert not app.exception


@pytest.mark.parametrize("ending", ["sigmoid", None])
def test_a_second_output_of_one_number_is_told_by_its_sides_and_its_program_runs(ending, tmp_path):
    import keras

    keras.utils.set_random_seed(7)
    layers = keras.layers
    photo = keras.Input((24, 24, 3), name="photo")
    maps = layers.GlobalAveragePooling2D()(layers.Conv2D(6, 3, activation="relu", name="maps")(photo))
    first = layers.Dense(3, activation="softmax", name="kind")(maps)
    model = keras.Model(photo, [first, layers.Dense(1, activation=ending, name="smiles")(maps)])
    model.save(tmp_path / "network.keras")
    app = brought("grad_cam", tmp_path / "network.keras", cam_view="two", method="grad_cam")
    app.selectbox(key="cam_output").set_value(1).run()
    shown = texts(app)
    assert "**class 0**" in shown
    assert "**class 1**" in shown
    assert "output 0" not in shown
    cat = images.sample("cat")
    found = ran(code(app), tmp_path)["result"]
    chance = float(zoo.wrap(model, output=1).predict(cat)[1])
    sides = (1, 0) if chance > 0.5 else (0, 1)  # the more likely one first
    for heat, side in zip(found, sides, strict=True):
        expected = attribution.grad_cam(zoo.wrap(model, output=1), cat, target=side).heatmap
        np.testing.assert_allclose(heat, expected, atol=1e-5)
    assert not np.allclose(*found)


def test_nonsense_in_the_address_breaks_nothing():
    app = opened(
        PAGE, method="<b>", cam_view="all", class2="-4", cam_threshold="nan", cam_layer="none", cam_from="drawn",
        network="cats_and_dogs", one_scale="maybe",
    )  # fmt: skip
    assert not app.error
    assert not app.exception
    assert "**cat**, probability" in texts(app)


def test_a_picture_of_one_pixel_is_explained_too():
    from pages.shared import pickers

    app = opened(PAGE, network="cats_and_dogs", cam_view="one")
    app.session_state["_own_picture"] = pickers.Picture("own", np.full((1, 1, 3), 90, np.uint8), "dot", "dot")
    app.session_state["_pending_choices"] = {"picture": "own"}
    app.run()
    assert not app.exception
    assert not app.error


def test_the_curves_end_in_a_verdict_with_their_areas_and_a_program():
    app = opened("explaining/trust", network="shapes", picture="shapes", trust_methods="grad_cam,gradient")
    job = app.session_state["_job_trust"]
    job.result(timeout=90)
    app.run()
    trials = {one.method: one.curves for one in job.latest.trials}
    best = min((one for one in trials if one != "random"), key=lambda one: trials[one].deletion_area)
    said = texts(app)
    assert (
        f"what {attribution.ABOUT[best].title} marks costs the class most: area {trials[best].deletion_area:.2f}"
        in said
    )
    assert f"by chance {trials['random'].deletion_area:.2f}" in said
    by_chance = [one.insertion_area for one in job.latest.trials[-1].chances]
    assert f"({min(by_chance):.2f} to {max(by_chance):.2f} over 5 random maps)" in said
    least = min(one.deletion_area for one in job.latest.trials[-1].chances)
    beyond = [
        attribution.ABOUT[one].title for one in ("grad_cam", "gradient")
        if trials[one].deletion_area < least and trials[one].insertion_area > max(by_chance)
    ]  # fmt: skip
    assert "Grad-CAM" in beyond
    assert f"{len(beyond)} of 2 maps find what matters better than random maps do" in said
    assert f"by deletion and by insertion: {', '.join(beyond)}." in said
    assert "Petsiuk" in code(app)
    assert "grad_cam.png" in {one.label for one in app.get("download_button")}
    figures = [json.loads(one.proto.spec)["layout"] for one in app.get("plotly_chart")]
    assert [one["yaxis"]["title"]["text"] for one in figures] == ["probability of the class"] * 2
    assert figures[0]["yaxis"]["range"] == figures[1]["yaxis"]["range"]
    assert not app.error


def test_curves_that_cannot_be_read_are_told_with_the_reason_and_no_map_is_called_better():
    network, cat = zoo.load("cats_and_dogs"), images.sample("cat")
    batch = network.prepare(cat)
    whole, painted = (
        network.predict(one)[0] for one in (batch, np.broadcast_to(batch.mean((1, 2), keepdims=True), batch.shape))
    )
    assert painted > whole
    app = opened("explaining/trust", network="cats_and_dogs", picture="cat", trust_methods="grad_cam,gradient")
    app.session_state["_job_trust"].result(timeout=90)
    app.run()
    said = texts(app)
    assert f"Deletion cannot be read here: the picture wholly painted over has a probability of {painted:.1%}" in said
    assert f"the picture itself {whole:.0%}" in said
    assert "Insertion cannot be read here: the picture wholly blurred" in said
    assert "maps find what matters better" not in said
    assert "costs the class most" not in said
