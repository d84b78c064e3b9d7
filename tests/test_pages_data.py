"""The Data page: what it takes at its door, what it says about it, and what stands under each of its views."""

import ast
import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from convviz import datasets, images, rendering, uploads
from pages.shared import data_sets, readings
from tests.hostile import archives as files
from tests.test_foot import code, link
from tests.test_pages import _engine, opened, texts  # noqa: F401 -- the engine is closed at the end


def brought(packed: dict[str, bytes]):
    """The Data page after somebody has given it an archive of these files."""
    app = opened("learning/data", view="own")
    return app.file_uploader(key="bring_archive").set_value(("mine.zip", files.pack(packed), "application/zip")).run()


@pytest.mark.parametrize(
    ("packed", "told"),
    [
        (files.folders(2), "“blue” has 1 to learn from, 1 to choose by and none to report on"),
        (files.folders(1), "“blue” has 1 to learn from, none to choose by and none to report on"),
        (
            files.folders(1, before="train/") | files.folders(4, before="validation/"),
            "“blue” has 1 to learn from, 4 to choose by and none to report on",
        ),
    ],
)
def test_an_archive_that_leaves_no_test_pictures_is_refused_at_the_door(packed, told):
    app = brought(packed)
    assert told in app.error[0].value
    assert "give every class at least 3" in app.error[0].value
    assert app.session_state["view"] == "own"
    assert not app.session_state["_own_data_sets"] if "_own_data_sets" in app.session_state else True


def test_three_pictures_a_class_are_taken():
    app = brought(files.folders(3))
    assert not app.error
    assert "is watched on 2 others, and is judged on 2 that" in texts(app)
    assert "There is only 1 training picture of “blue”: few to learn from." in texts(app)
    assert "The classes are balanced: 1 training picture each." in texts(app)


def test_pictures_that_could_not_be_opened_are_said_over_the_examples():
    app = brought(files.folders(3) | {"red/a.png": b"no picture", "blue/b.png": b"nor this", "note.txt": b"x"})
    assert [one.value for one in app.warning] == ["2 pictures could not be opened and are left out."]
    found = uploads.open_dataset(files.pack(files.folders(3) | {"red/a.png": b"x"}), size=(8, 8))
    assert (found.left_out, datasets.load("digits").left_out) == (1, 0)


@pytest.mark.parametrize(
    ("choices", "files_", "told"),
    [
        ({"browse_seed": "3"}, {"examples.png"}, "default_rng(3)"),
        ({"browse": "shapes"}, {"examples.png", "pictures.npz"}, f"classes, each = {len(datasets.SHAPES)}, 8"),
        ({"view": "batches", "browse_batch": "7", "browse_size": "16"}, {"batch.png"}, "number, batch_size = 7, 16"),
        ({"view": "reading", "reading_side": "64"}, {"resized.png"}, "side = 64"),
        ({"view": "augmentation", "browse_seed": "3"}, {"augmented.png"}, "default_rng(3)"),
    ],
)
def test_every_view_has_its_program_its_link_and_its_picture(choices, files_, told):
    app = opened("learning/data", **choices)
    assert not app.exception
    ast.parse(code(app))
    assert told in code(app)
    assert all(f"{name}={value}" in link(app) for name, value in choices.items())
    assert {one.label for one in app.get("download_button")} == files_ | {"Download data.py"}


def test_what_was_collected_can_be_saved_and_has_no_program():
    app = opened("learning/data", view="own")
    assert "view=own" in link(app)
    assert "There is nothing to save yet." in texts(app)
    assert not [one for one in app.get("code") if one.language == "python"]
    app.session_state["_collected"] = {"cup": [rendering.png(images.sample("cat")[:20, :20])], "pen": []}
    app.run()
    assert "What is collected here is not in the link; save it and bring it as a zip." in texts(app)
    assert [one.label for one in app.get("download_button")] == ["collected.zip"]


def test_the_saved_sheet_shows_the_pictures_in_rows():
    pictures = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 1), np.uint8)
    with Image.open(io.BytesIO(readings.saved(pictures, 2))) as file:
        drawn = np.asarray(file)
    assert np.array_equal(drawn[-4:, :6], np.repeat(pictures[4], 3, axis=-1))
    assert np.array_equal(drawn[:4, -6:], np.repeat(pictures[1], 3, axis=-1))
    assert readings.saved(pictures[:4].reshape(2, 2, 4, 6, 1), 2) == readings.saved(pictures[:4], 2)


@pytest.mark.parametrize(
    ("chosen", "count", "told"),
    [
        (datasets.Reference("digits"), None, ""),  # a program gets them by itself
        (datasets.Reference("shapes"), None, "pictures.npz holds all pictures of this data set, 64 × 64 × 3 each."),
        (datasets.Reference("shapes", per_class=20), None, ""),
        (
            datasets.Reference("x", "archive"),
            2000,
            "holds up to 25 MB of training pictures",
        ),  # 2,000 times 64 by 64 by 3
        (datasets.Reference("x", "archive", per_class=450), 2000, "holds up to 22 MB of"),  # four classes of 450
        (datasets.Reference("x", "archive"), 100, ""),
    ],
)
def test_a_large_file_of_pictures_is_told_before_it_is_fetched(chosen, count, told, monkeypatch):
    outline = datasets.Outline((64, 64, 3), ("circle", "square", "triangle", "star"), count)
    monkeypatch.setattr(data_sets, "outline", lambda _: outline)
    monkeypatch.setattr(data_sets, "engine", SimpleNamespace(owner=str, engine=lambda: SimpleNamespace(call=print)))
    said = data_sets.large(chosen)
    assert told in said if told else not said
