"""Data sets by reference: folders, archives, what is done to the pictures, and whose they are."""

from collections import OrderedDict

import numpy as np
import pytest
from PIL import Image

from convviz import ConvvizError, datasets, rendering, zoo
from convviz.jobs import worker
from convviz.jobs.belongings import Belongings
from pages.shared import collecting, data_sets, engine

RED = np.full((30, 40, 3), (200, 0, 0), np.uint8)
BLUE = np.full((40, 30, 3), (0, 0, 200), np.uint8)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Ten red and twenty blue pictures in two folders, and things that are no pictures."""
    for name, picture, count in (("red", RED, 10), ("blue", BLUE, 20)):
        (tmp_path / "colours" / name).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(picture).save(tmp_path / "colours" / name / f"{number}.png")
    (tmp_path / "colours" / "red" / "note.txt").write_text("no picture")
    (tmp_path / "colours" / "red" / "broken.jpg").write_bytes(b"no picture either")
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("CONVVIZ_DATA", str(tmp_path))
    return tmp_path


def test_a_folder_of_pictures_by_class_is_a_data_set(folder):
    assert datasets.folder_names() == ("colours",)
    found = datasets.resolve(datasets.Reference("colours", "folder", side=20))
    assert found.class_names == ("blue", "red")
    assert found.train_images.shape[1:] == (20, 20, 3)
    parts = [np.bincount(getattr(found, f"{part}_labels"), minlength=2).tolist() for part in datasets.PARTS]
    assert np.sum(parts, axis=0).tolist() == [20, 10]
    assert parts[1] == parts[2] == [3, 2] or parts[1] == [3, 1]
    assert found.source.endswith("; 1 picture could not be opened")
    for part in datasets.PARTS:
        images, labels = getattr(found, f"{part}_images"), getattr(found, f"{part}_labels")
        assert (images[labels == 1, :, :, 0] == 200).all()
        assert (images[labels == 0, :, :, 2] == 200).all()


@pytest.mark.parametrize(
    ("part", "count", "told"),
    [
        ("", 20, ""),
        ("", 2, "“blue” has 1 to learn from, 1 to choose by and none to report on; give every class at least 3"),
        ("train", 20, ""),
        ("train", 1, "“blue” has 1 to learn from, none to choose by and none to report on"),
    ],
)
def test_a_folder_is_shared_out_or_refused_before_a_start(part, count, told, tmp_path, monkeypatch):
    for name, picture in (("red", RED), ("blue", BLUE)):
        (tmp_path / "colours" / part / name).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(picture[:9, :9]).save(tmp_path / "colours" / part / name / f"{number}.png")
    monkeypatch.setenv("CONVVIZ_DATA", str(tmp_path))
    monkeypatch.setattr(engine, "compute", lambda function, *given, timeout=None, **more: function(*given, **more))
    monkeypatch.setattr(datasets.references, "_kept", OrderedDict())
    said = data_sets.lack(datasets.Reference("colours", "folder", side=8))
    assert told in said
    assert bool(told) == bool(said)


def test_a_folder_outside_is_not_reached(folder):
    for name in ("..", "../..", "empty", "/etc", "colours/red"):
        with pytest.raises(ConvvizError, match="there is no folder"):
            datasets.resolve(datasets.Reference(name, "folder"))


def test_fewer_and_smaller_pictures_are_the_same_ones():
    whole = datasets.load("digits")
    found = datasets.resolve(datasets.Reference("digits", per_class=5, side=14))
    assert np.bincount(found.train_labels).tolist() == [5] * 10
    assert found.train_images.shape == (50, 14, 14, 1)
    assert len(found.test_images) == len(whole.test_images)
    first = whole.train_images[np.flatnonzero(whole.train_labels == 3)[0]]
    mine = found.train_images[np.flatnonzero(found.train_labels == 3)[0]]
    assert abs(float(first.mean()) - float(mine.mean())) < 1
    assert datasets.known_outline(datasets.Reference("digits", side=14)) == found.outline


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_what_is_known_beforehand_is_so(name):
    if not datasets.is_here(name):
        pytest.skip(f"{name} is not on this machine")
    assert datasets.known_outline(datasets.Reference(name)) == datasets.load(name).outline


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"per_class": 0}, "too few"), ({"side": 4}, "choose 8 to 512")],
)
def test_impossible_options_are_refused(options, sentence):
    with pytest.raises(ConvvizError, match=sentence):
        datasets.resolve(datasets.Reference("digits", **options))


def test_what_is_downloaded_is_told_before(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("CONVVIZ_TEMP", str(tmp_path))
    monkeypatch.delenv("CONVVIZ_DATA", raising=False)
    sizes = {name: datasets.download_size(name) for name in datasets.NAMES}
    assert sizes == {"digits": 0, "shapes": 0, "mnist": 11, "fashion_mnist": 31, "cifar10": 170, "cats_and_dogs": 0}
    assert list(datasets.download("digits")) == []


# --- collected and uploaded ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def archive() -> bytes:
    made = {"cup": RED, "my phone": BLUE}
    return collecting.packed({name: [rendering.png(picture)] * 8 for name, picture in made.items()})


def test_collected_pictures_come_to_a_worker_as_a_data_set(archive):
    wanted = datasets.Reference("0" * 64, "upload", per_class=4, side=16)
    with pytest.raises(datasets.NotHere):
        worker._resolved((wanted,), {})
    (found,) = worker._resolved((wanted,), {wanted: archive})
    assert found.class_names == ("cup", "my phone")
    assert np.bincount(found.train_labels).tolist() == [4, 4]
    assert found.train_images.shape[1:] == (16, 16, 3)
    assert min(len(found.validation_images), len(found.test_images)) >= 2


def test_pictures_belong_to_their_owner_alone(archive):
    kept = Belongings(lambda owner: None)
    wanted = datasets.Reference("0" * 64, "upload", side=16)
    kept.keep(wanted, archive, "me")
    assert kept.among((wanted, "more", zoo.Reference("bundled", "mnist")), "me") == {wanted: archive}
    assert kept.among((wanted,), "you") == {}
    with pytest.raises(ConvvizError, match="collect or upload it again"):
        kept.data(wanted, "you")


@pytest.mark.parametrize("name", ["", " ", "a/b", "..", "train", "Validation", "x" * 31, "CUP", "a\u202eb"])
def test_class_names_that_would_be_misread_are_refused(name):
    with pytest.raises(ConvvizError):
        collecting.checked_name(name, ["cup"])


def test_plain_class_names_are_taken():
    assert collecting.checked_name("  my   phone ", ["cup"]) == "my phone"
