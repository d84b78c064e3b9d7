"""Every page through app.py, with a real engine; each is asked for a value that can be wrong."""

import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from convviz import images, kernels
from pages.shared import ui

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(path for path in (ROOT / "pages").glob("*/*.py") if path.parent.name != "shared")


@pytest.fixture(scope="module", autouse=True)
def _engine():
    from pages.shared import engine

    yield
    engine.close()
    engine._engine.cache_clear()


def opened(page: str = "", **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=90)
    for name, value in query.items():
        app.query_params[name] = value
    app.run() if not page else app.switch_page(f"pages/{page}.py").run()
    return app


def texts(app: AppTest) -> str:
    return "\n".join(
        str(element.value) for kind in ("title", "markdown", "caption", "info", "error") for element in app.get(kind)
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_opens_with_a_title_and_without_a_complaint(page):
    app = opened(f"{page.parent.name}/{page.stem}")
    assert not app.exception
    assert not app.error, app.error[0].value
    assert len(app.title) == 1


@pytest.mark.parametrize("page", [path for path in PAGES if path.parent.name == "pictures"], ids=lambda path: path.stem)
def test_the_choices_of_a_page_fold_on_a_phone(page):
    app = opened(f"{page.parent.name}/{page.stem}")
    assert [one.label for one in app.expander].count("Choices") == 1
    assert list(next(one for one in app.expander if one.label == "Choices").selectbox)


def test_no_page_loads_tensorflow_into_the_apps_process():
    program = f"""
import sys
from streamlit.testing.v1 import AppTest
from pages.shared import engine
app = AppTest.from_file("app.py", default_timeout=120).run()
for page in {[f"pages/{path.parent.name}/{path.name}" for path in PAGES]}:
    app.switch_page(page).run()
    assert not app.exception and not app.error, page
engine.close()
print({{"tensorflow", "keras"}} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.stdout.strip().endswith("set()"), done.stderr[-2000:]


def test_the_convolution_page_states_the_size_with_its_numbers():
    app = opened("pictures/convolution", stride_y="2", padding="same")
    height = images.sample("cat").shape[0]
    assert height == 300
    assert "⌊(300 + 0 + 1 − 3) / 2⌋ + 1 = **150**" in texts(app)


def test_an_edited_cell_makes_the_kernel_custom_and_bad_cells_are_explained():
    app = opened("pictures/convolution", kernel="custom", cells="0 0 0; 0 2 0; 0 0 0")
    assert "even area of value v becomes 2 · v" in texts(app)
    app.text_area(key="cells").set_value("1 x; 2 3").run()
    assert len(app.error) == 1
    assert "x" in app.error[0].value
    assert app.text_area(key="cells").value == "1 x; 2 3", "what was typed stays"
    assert "even area of value v becomes 2 · v" in texts(app), "the last good kernel stays"


def test_each_kernel_says_what_it_answers_to():
    for name in ("sharpen", "curve"):
        assert kernels.KERNELS[name].responds_to in texts(opened("pictures/convolution", kernel=name))


def test_unknown_values_in_the_address_give_way_to_the_defaults():
    app = opened("pictures/convolution", kernel="../../etc/passwd", stride_y="99999", picture="own")
    assert not app.exception
    assert app.selectbox(key="kernel").value == "sobel_x"
    assert app.selectbox(key="picture").value == "cat"
    said = [info.value for info in app.info]
    assert said == [
        "The picture of this link belongs to another visit; Chelsea the cat is shown.",
        "This link asks for what cannot be had here: kernel “\\.\\./\\.\\./etc/passwd” (shown: Sobel, left to right), "
        "stride down “99999” (shown: 16).",
    ]
    assert not app.query_params.get("kernel")
    app.number_input(key="stride_x").set_value(2).run()
    assert [info.value for info in app.info] == said, "it stays until that thing is chosen anew"
    app.number_input(key="stride_y").set_value(3).run()
    assert "stride" not in app.info[1].value
    app.selectbox(key="kernel").set_value("laplacian").run()
    app.selectbox(key="picture").set_value("coffee").run()
    assert not app.info


def test_a_name_in_the_address_may_be_written_in_other_letters():
    app = opened("pictures/convolution", kernel="Sobel_X", network="MNIST")
    assert app.selectbox(key="kernel").value == "sobel_x"
    assert app.selectbox(key="network").value == "mnist"
    assert not app.info


def test_two_clicks_on_start_are_one_run_and_its_curve_tells_glances_apart():
    app = opened("learning/training", epochs="30")
    start = next(button for button in app.button if button.label == "Start")
    start.click().run()
    first = app.session_state["_job_training"]
    late = next(button for button in app.button if button.label == "Start")
    assert late.disabled
    late.proto.disabled = False  # the browser has not heard of it when the second click comes
    late.click().run()
    assert app.session_state["_job_training"] is first
    first.stop()
    first.result(timeout=60)
    assert first.latest is None or first.latest.whole
    app.run()
    assert not app.error
    assert not app.exception


def test_what_nobody_chose_follows_the_page_and_what_somebody_chose_travels():
    app = opened("inside/filter_patterns")
    assert (app.selectbox(key="picture").value, app.selectbox(key="network").value) == ("cat", "shapes")
    app.switch_page("pages/inside/feature_maps.py").run()
    assert (app.selectbox(key="picture").value, app.selectbox(key="network").value) == ("cat", "cats_and_dogs")
    app.selectbox(key="_feature_maps_network").set_value("mnist").run()
    app.switch_page("pages/explaining/grad_cam.py").run()
    assert (app.selectbox(key="picture").value, app.selectbox(key="network").value) == ("digit_3", "mnist")


def test_a_choice_of_a_link_that_is_another_pages_default_travels_too():
    app = opened("explaining/grad_cam", picture="cat")
    app.switch_page("pages/pictures/convolution.py").run()
    app.switch_page("pages/explaining/grad_cam.py").run()
    assert app.selectbox(key="picture").value == "cat"


def test_a_lesson_hides_controls_and_they_keep_the_values_of_the_link():
    app = opened("pictures/convolution", hide="kernel,stride_y,picture,<b>", kernel="laplacian", stride_y="2")
    assert not app.error
    keys = {one.key for kind in ("selectbox", "number_input") for one in app.get(kind)}
    assert "stride_x" in keys
    assert not {"kernel", "stride_y", "picture", "_convolution_picture"} & keys
    assert kernels.KERNELS["laplacian"].responds_to in texts(app)
    app.number_input(key="stride_x").set_value(3).run()
    assert "⌊(300 + 0 + 0 − 3) / 2⌋ + 1 = **149**" in texts(app), "still stride 2"
    assert app.query_params["kernel"] == "laplacian"
    assert app.query_params["hide"] == "kernel,stride_y,picture,b"
    app.switch_page("pages/explaining/grad_cam.py").run()
    assert "_grad_cam_picture" not in {one.key for one in app.selectbox}, "a lesson is more than one page"
    app.switch_page("pages/pictures/convolution.py").run()
    assert "⌊(300 + 0 + 0 − 3) / 2⌋ + 1 = **149**" in texts(app)


def test_a_page_says_what_is_wrong_in_one_sentence_and_shows_no_traceback(monkeypatch):
    from convviz import ConvvizError, convolution

    def refused(*_, **__):
        raise ConvvizError("a 9-pixel kernel does not fit a 5-pixel input; use a smaller kernel")

    monkeypatch.setattr(convolution, "output_size", refused)
    monkeypatch.setattr(convolution, "padding_amounts", refused)
    app = opened("pictures/convolution")
    assert [error.value.replace("\\", "") for error in app.error] == [
        "A 9-pixel kernel does not fit a 5-pixel input; use a smaller kernel."
    ]
    assert not app.exception


def test_after_a_workers_death_one_click_asks_again(monkeypatch):
    from convviz.jobs import Engine, StoppedError

    def stopped(*_, **__):
        raise StoppedError("the worker that computed this stopped; try again, a new one is starting")

    with monkeypatch.context() as patch:
        patch.setattr(Engine, "call", stopped)
        app = opened("inside/kernels", network="mnist", kernels_layer="conv2d_2")
        assert [error.value.replace("\\", "") for error in app.error] == [
            "The worker that computed this stopped; try again, a new one is starting."
        ]
    app.button(key="try_again").click().run()
    assert not app.error
    assert "Try again" not in {one.label for one in app.button}


def test_custom_padding_is_counted_in_the_size():
    app = opened("pictures/convolution", padding="custom", pad_top="2", pad_left="0", pad_right="0")
    assert not app.error
    assert "⌊(300 + 2 + 1 − 3) / 1⌋ + 1 = **301**" in texts(app)


def test_a_class_does_not_outlive_its_network():
    app = opened("explaining/grad_cam", network="cats_and_dogs", cam_view="one", **{"class": "1"})
    assert "Explained: **dog**" in texts(app)
    app.selectbox(key="network").set_value("shapes").run()
    assert app.selectbox(key="class").value == "top"
    assert not app.error


def test_the_pixels_page_states_how_many_numbers_a_picture_is_and_their_mean():
    app = opened("pictures/pixels")
    picture = images.sample("cat")
    assert f"300 × 451 × 3 = {picture.size:,} numbers" in texts(app)
    assert f"On average red is the strongest channel ({picture[..., 0].mean():.0f})" in texts(app)
    assert "this picture is grey" in texts(opened("pictures/pixels", picture="coins"))


def test_a_window_of_numbers_stays_inside_the_picture():
    app = opened("pictures/pixels", picture="digit_3", pixel_row="999", pixel_column="-5", window="12")
    assert not app.error
    assert app.number_input(key="pixel_row").value == 28 - 12
    assert app.number_input(key="pixel_column").value == 0


def test_the_pooling_page_says_what_a_shift_does_and_what_the_blur_mends():
    from convviz import downsampling

    app = opened("pictures/pooling", picture="page")
    array = images.grey(images.sample("page"))
    one = {way: downsampling.shift_changes(array, way, [1], weights=np.ones((1, 1)))[0] for way in downsampling.WAYS}
    said = texts(app)
    assert f"changes the strided convolution by {one['stride']:.0%}, max pooling by {one['max']:.0%}" in said
    assert f"brings that to {one['blurred_stride']:.1%}" in said or f"{one['blurred_stride']:.0%}" in said
    assert not opened("pictures/pooling", picture="digit_3", pool_size="8", pool_stride="8", pool_blur="7").error


def test_the_fourier_page_states_the_largest_difference_of_both_ways():
    app = opened("pictures/fourier", fourier_kernel="custom", fourier_cells="0.1 0.7; -0.3 1e-3")
    stated = next(info.value for info in app.info if "Largest difference" in info.value)
    difference = float(re.search(r"\*\*([0-9.e-]+)\*\*", stated)[1])
    assert 0 < difference < 1e-3
    scaled = re.search(r"the direct convolution, to within (\S+) on this scale\.", texts(app))
    assert 0 < float(scaled[1]) < 1e-2
    same = texts(opened("pictures/fourier", fourier_kernel="custom", fourier_cells="1"))
    assert "The product is the spectrum of the direct convolution, the same in numbers of 32 bits." in same
    folded = texts(opened("pictures/fourier", fourier_part="Strides", fourier_stride="2"))
    assert "2.2% of the picture's power, without its mean, lies in waves shorter than 4 pixels" in folded


@pytest.mark.parametrize(
    ("query", "caption", "limit"),
    [
        ({"fourier_kernel": "sobel_x"}, f"∗ {kernels.KERNELS['sobel_x'].title}, 3 × 3, values −2 to 2", 2),
        ({"fourier_kernel": "custom", "fourier_cells": "0.5 0.25"}, "∗ Custom, 1 × 2, values 0.25 to 0.5", 0.5),
        ({"fourier_from": "a network", "network": "shapes"}, "∗ Filter 0 of ", None),
    ],
    ids=["preset", "custom", "learned"],
)
def test_the_fourier_page_draws_a_kernel_as_the_other_pages_do(query, caption, limit, monkeypatch):
    bars, drawn = [], ui.colour_bar
    monkeypatch.setattr(
        ui, "colour_bar", lambda scale, most, **more: (bars.append((scale, most)), drawn(scale, most, **more))
    )
    app = opened("pictures/fourier", **query)
    captions = [one.captions[0].replace("\\", "") for one in app.get("image")]
    assert [one for one in captions if one.startswith(caption)], captions
    ((_, most),) = [one for one in bars if one[0] == "weights"]
    assert limit is None or most == limit


def test_the_fourier_page_takes_a_kernel_that_a_network_has_learned():
    app = opened("pictures/fourier", fourier_from="a network", fourier_filter="2", network="shapes")
    assert not app.error
    assert "Filter 2 of " in texts(app)
    assert any("Largest difference" in info.value for info in app.info)


def test_the_fourier_page_measures_what_both_ways_cost_and_states_where_they_cross():
    app = opened("pictures/fourier", fourier_part="Cost", fourier_side="64")
    for _ in range(100):
        if any("the two ways" in one.value for one in app.markdown):
            break
        time.sleep(0.3)
        app.run()
    said = texts(app)
    assert "the two ways" in said
    assert "At 63 × 63 the direct sum takes" in said


@pytest.mark.parametrize("shape", [(1, 1024), (1024, 1), (1, 1)], ids=str)
def test_every_page_opens_with_a_picture_of_hardly_any_pixels(shape):
    from pages.shared import pickers

    array = np.full((*shape, 3), (200, 40, 90), np.uint8)
    for page in PAGES:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=90)
        app.session_state[pickers._OWN_PICTURE] = pickers.Picture(pickers.OWN, array, "line.png", "a line")
        app.query_params["picture"] = pickers.OWN
        app.switch_page(f"pages/{page.parent.name}/{page.name}").run()
        assert not app.exception
        assert len(app.title) == 1, page.stem
        assert "went wrong" not in texts(app), page.stem
