"""What stands under the pages: programs that belong to what is shown, links that hold it, files."""

import ast
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from convviz import rendering
from tests.test_pages import _engine, opened, texts  # noqa: F401 -- the engine is closed with this file, too

PAGES = {
    "inside/feature_maps": {"conv2d.png", "cats_and_dogs.keras"},
    "inside/filter_patterns": {"shapes.keras"},
    "explaining/grad_cam": {"over_1.png", "over_2.png", "cats_and_dogs.keras"},
    "learning/training": set(),
}


def code(app) -> str:
    """The program, and not the link."""
    return next(one.value for one in app.get("code") if one.language == "python")


def link(app) -> str:
    return next(one.value for one in app.get("code") if one.language != "python")


@pytest.mark.parametrize(("page", "files"), PAGES.items())
def test_a_page_hands_out_a_whole_program_and_its_files(page, files):
    app = opened(page)
    tree = ast.parse(code(app))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    imported = {name.name.split(".")[0] for node in imports for name in node.names}
    assert imported <= {"csv", "cv2", "keras", "numpy", "skimage", "tensorflow"}
    assert any(isinstance(node, ast.Name) and node.id == "result" for node in ast.walk(tree))
    labels = {one.label for one in app.get("download_button")}
    assert files | {f"Download {page.rpartition('/')[2]}.py"} <= labels


def test_the_program_is_that_of_the_choices():
    app = opened(
        "explaining/grad_cam", picture="coffee", network="cats_and_dogs", cam_layer="conv2d_1", signed="true",
        cam_view="one", **{"class": "0"},
    )  # fmt: skip
    text = code(app)
    for line in (
        "data.coffee()",
        "/cats_and_dogs.keras",
        'outputs["conv2d_1"]',
        "answers[:, 0] * (2 * target - 1)",
        "sized(picture, 0)  # cat",
        "signed(heat",
    ):
        assert line in text


def test_the_link_holds_every_choice_of_the_page():
    app = opened("inside/filter_patterns", network="mnist", pattern_layer="conv2d_2", filters_shown="3")
    address = urlsplit(link(app))
    assert address.path.endswith("/filter_patterns")
    asked = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert asked.items() >= {"network": "mnist", "pattern_layer": "conv2d_2", "filters_shown": "3"}.items()


def test_a_choice_made_now_is_in_the_link_and_in_the_program_at_once():
    app = opened("learning/training")
    app.slider(key="epochs").set_value(9).run()
    assert "epochs=9" in link(app)
    assert "range(9)" in code(app)


def test_an_own_picture_is_read_from_a_file_that_save_offers_and_the_link_says_so():
    app = opened("inside/feature_maps", network="mnist")
    from pages.shared import pickers

    app.session_state["_own_picture"] = pickers.Picture(
        "own", np.zeros((20, 30, 3), np.uint8), "mine", "mine, 30 by 20 pixels"
    )
    app.session_state["_pending_choices"] = {"picture": "own"}
    app.run()
    assert not app.exception
    assert 'Image.open("picture.png")' in code(app)
    assert "picture.png" in {one.label for one in app.get("download_button")}
    assert "Your own picture is not in the link" in texts(app)


FILES = {  # page, what is chosen -> files that a visitor can save
    ("inside/network", ""): {"network.svg", "network.png"},
    ("inside/feature_maps", "one"): {"channel.png", "over_the_picture.png"},
    ("inside/feature_maps", "place"): {"ranked.png"},
    ("inside/feature_maps", "two"): {"first.png", "second.png", "difference.png"},
    ("inside/feature_maps", "depth"): {"depth.csv", "depth_silent.png", "depth_edges.png", "depth_left.png"},
    ("inside/kernels", ""): {"kernels.png"},
    ("inside/microscope", ""): {"map.png", "field.png", "gradient.png", "crop.png"},
    ("inside/knock_out", ""): {"map_before.png", "map_after.png", "map_difference.png", "changes.png"},
    ("pictures/tuning", ""): {"stimulus.png", "feature_map.png", "curve.csv", "curve.png"},
}


@pytest.mark.parametrize("page", FILES, ids=lambda page: "-".join(page).rstrip("-"))
def test_what_looks_inside_can_be_saved_as_pictures(page):
    app = opened(page[0], **({"maps_view": page[1]} if page[1] else {}))
    buttons = {one.label: one for one in app.get("download_button")}
    assert FILES[page] <= set(buttons)
    assert not app.error


def test_check_says_how_far_keras_is_from_what_is_shown():
    app = opened("inside/feature_maps", network="mnist", picture="digit_3")
    app.button(key="feature_maps_check").click().run()
    assert not app.exception
    assert "Keras computes " in texts(app)
    assert " numbers" in texts(app)


def test_files_are_made_when_they_are_asked_for():
    from pages.shared import foot

    (make,) = foot.pngs({"a": np.zeros((2, 3), np.uint8)}).values()
    assert make() == rendering.png(np.zeros((2, 3), np.uint8))


WRITTEN = {  # a program -> what is said of the files a.png, b_1.png, c.png
    "result = 1": "; it writes none of the pictures and tables under Save",
    'save("a.png"); save(f"b_{n}.png")': "; it writes the pictures and tables under Save, but not c\\.png",
    'for name in ("a", "b_1", "c"): save(name + ".png")': "; it writes the pictures and tables under Save",
}


@pytest.mark.parametrize("program", WRITTEN)
def test_the_code_says_which_of_the_files_its_program_writes(program, monkeypatch):
    from pages.shared import foot

    said = []
    monkeypatch.setattr(foot.st, "caption", said.append)
    for name in ("code", "download_button"):
        monkeypatch.setattr(foot.st, name, lambda *_, **__: None)
    foot._code("page", program, ["a.png", "b_1.png", "c.png"])
    told = f"leaves what is shown here in its variable `result`{WRITTEN[program]}."
    assert said == [f"It runs without ConvViz and {told}"]
