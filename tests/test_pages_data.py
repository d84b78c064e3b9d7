"""The Data page: what it takes at its door, what it says about it, and what stands under each of its views."""

import pytest

from convviz import datasets, uploads
from tests.hostile import archives as files
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
