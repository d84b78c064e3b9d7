"""Archives of pictures: folders become classes; whatever lies, hides or leads outside is refused at once."""

import struct
import time
import zipfile

import numpy as np
import pytest
from PIL import Image

from convviz import ConvvizError, images
from convviz.uploads import archives, open_dataset, open_picture, zips
from tests.hostile import archives as files
from tests.hostile import pictures


def refused(data: bytes, sentence: str) -> None:
    """The archive is refused within a second, in one sentence."""
    begin = time.process_time()  # a busy machine is not the file's fault
    with pytest.raises(ConvvizError, match=sentence) as caught:
        open_dataset(data, size=(8, 8))
    assert time.process_time() - begin < 1
    assert "; " in str(caught.value)
    assert not str(caught.value).endswith(".")


def sizes(dataset) -> list[int]:
    """How many pictures each part has."""
    return [len(labels) for labels in (dataset.train_labels, dataset.validation_labels, dataset.test_labels)]


# What comes in comes out right ---------------------------------------------------------------------------------------


def test_each_folder_is_a_class_and_every_picture_appears_once():
    dataset = open_dataset(files.pack(files.folders(20)), size=(8, 10))
    assert dataset.class_names == ("blue", "red")
    parts = [
        (dataset.train_images, dataset.train_labels),
        (dataset.validation_images, dataset.validation_labels),
        (dataset.test_images, dataset.test_labels),
    ]
    assert [len(labels) for _, labels in parts] == [28, 6, 6]
    seen = []
    for pictures_, labels in parts:
        assert pictures_.dtype == np.uint8
        assert pictures_.shape[1:] == (8, 10, 3)
        assert labels.dtype == np.int64
        assert np.array_equal(pictures_[:, 0, 0, 2] > 0, labels == 0)
        assert np.array_equal(pictures_[:, 0, 0, 0] > 0, labels == 1)
        seen += [(label, picture[0, 0, 1]) for picture, label in zip(pictures_, labels, strict=True)]
    assert sorted(seen) == [(label, number) for label in (0, 1) for number in range(1, 21)]
    assert "15 % each for validation and test drawn at random" in dataset.source


def test_the_same_archive_is_split_the_same_way_every_time():
    data = files.pack(files.folders(10))
    first, second = open_dataset(data, size=(8, 8)), open_dataset(data, size=(8, 8))
    assert np.array_equal(first.test_images, second.test_images)


@pytest.mark.parametrize("outer", ["", "my pictures/", "a/b/c/", "./x/"])
def test_outer_folders_are_seen_through(outer):
    dataset = open_dataset(files.pack(files.folders(before=outer.removeprefix("./"))), size=(8, 8))
    assert dataset.class_names == ("blue", "red")


@pytest.mark.parametrize("outer", ["", "pets/"])
@pytest.mark.parametrize("names", ["train validation test", "Train val Test", "training valid testing"])
def test_folders_of_parts_are_kept_as_they_are(outer, names):
    packed = {}
    for name, count in zip(names.split(), (5, 3, 2), strict=True):
        packed |= files.folders(count, before=f"{outer}{name}/")
    dataset = open_dataset(files.pack(packed), size=(8, 8))
    assert sizes(dataset) == [
        10,
        6,
        4,
    ]
    assert np.array_equal(np.sort(dataset.test_images[:, 0, 0, 1]), [1, 1, 2, 2])
    assert "drawn" not in dataset.source


def test_a_part_that_is_missing_is_drawn_from_the_pictures_to_learn_from():
    packed = files.folders(10, before="train/") | files.folders(4, before="test/")
    dataset = open_dataset(files.pack(packed), size=(8, 8))
    assert sizes(dataset) == [
        16,
        4,
        8,
    ]
    assert "15 % each for validation drawn" in dataset.source


def test_classes_named_train_are_classes():
    packed = {"train/1.png": pictures.save(files.RED, "PNG"), "car/1.png": pictures.save(files.BLUE, "PNG")}
    assert open_dataset(files.pack(packed), size=(8, 8)).class_names == ("car", "train")


def test_one_picture_a_class_stays_to_learn_from():
    dataset = open_dataset(files.pack(files.folders(1)), size=(8, 8))
    assert len(dataset.train_images) == 2
    assert len(dataset.test_images) == 0
    assert dataset.test_images.shape == (0, 8, 8, 3)


def test_pictures_are_resized_as_images_resize_them():
    picture = images.sample("cat")
    packed = {"cat/1.png": pictures.save(picture, "PNG"), "red/1.png": pictures.save(files.RED, "PNG")}
    dataset = open_dataset(files.pack(packed), size=(60, 90))
    assert np.array_equal(dataset.train_images[dataset.train_labels == 0][0], images.resize(picture, (60, 90)))


def test_large_jpegs_are_decoded_small_and_look_the_same():
    picture = images.resize(images.sample("cat"), (1200, 1800))
    packed = {"cat/1.jpg": pictures.save(picture, "JPEG"), "red/1.png": pictures.save(files.RED, "PNG")}
    dataset = open_dataset(files.pack(packed), size=(40, 60))
    expected = images.resize(picture, (40, 60)).astype(int)
    assert np.abs(dataset.train_images[dataset.train_labels == 0][0] - expected).mean() < 1
    assert open_picture(packed["cat/1.jpg"], longest=300).shape == (200, 300, 3)


def test_grey_pictures_give_a_grey_data_set():
    packed = {f"{name}/{number}.png": pictures.save(np.full((8, 8), number, np.uint8), "PNG")
              for name in "ab" for number in range(3)}  # fmt: skip
    assert open_dataset(files.pack(packed), size=(8, 8)).train_images.shape == (2, 8, 8, 1)


def test_the_size_is_the_lectures_unless_another_is_asked_for():
    assert open_dataset(files.pack(files.folders(2))).train_images.shape[1:] == (150, 150, 3)
    with pytest.raises(ConvvizError, match="choose between 8 and 512"):
        open_dataset(files.pack(files.folders(2)), size=(4, 900))


def test_what_is_no_picture_is_passed_over_and_what_is_broken_is_counted():
    packed = files.folders(3) | {
        "__MACOSX/red/._0.png": b"notes", "__MACOSX/red/1.png": b"x",
        "red/.DS_Store": b"x", "red/Thumbs.db": b"x", "red/.hidden.png": b"x",
        "readme.txt": b"hello", "red/inner.zip": files.pack({"a": b"b"}), "cover.png": pictures.save(files.RED, "PNG"),
        "red/broken.png": pictures.save(files.RED, "PNG")[:40], "blue/drawing.png": b"<svg/>", "red/model.pkl": b"\x80",
    }  # fmt: skip
    dataset = open_dataset(files.pack(packed), size=(8, 8))
    assert dataset.class_names == ("blue", "red")
    assert len(dataset.train_labels) + len(dataset.validation_labels) + len(dataset.test_labels) == 6
    assert "2 pictures could not be opened" in dataset.source


def test_windows_slashes_and_unmarked_utf8_names_are_read():
    data = files.pack(
        {name.replace("/", "\\").replace("red", "Apfel"): contents for name, contents in files.folders().items()}
    )
    assert open_dataset(data, size=(8, 8)).class_names == ("Apfel", "blue")
    unmarked = data.replace(b"Apfel", "Äpfe".encode())
    assert open_dataset(unmarked, size=(8, 8)).class_names == ("blue", "Äpfe")


def test_empty_folders_and_deflated_members_are_fine():
    data = files.pack({"empty/": b"", **files.folders()}, method=zipfile.ZIP_DEFLATED)
    assert open_dataset(data, size=(8, 8)).class_names == ("blue", "red")


def test_a_small_plain_drawing_may_pack_very_well():
    plain = {f"{name}/1.bmp": pictures.save(np.zeros((150, 150, 3), np.uint8), "BMP") for name in "ab"}
    assert open_dataset(files.pack(plain, method=zipfile.ZIP_DEFLATED), size=(8, 8)).class_names == ("a", "b")


def test_an_archive_with_a_comment_at_its_end_opens():
    data = bytearray(files.pack(files.folders()))
    data[-2:] = struct.pack("<H", 11)
    assert open_dataset(bytes(data) + b"made by Ada", size=(8, 8)).class_names == ("blue", "red")


# What is hostile stays out -------------------------------------------------------------------------------------------


def test_what_is_no_archive_is_refused():
    refused(b"", "no zip archive")
    refused(pictures.save(files.RED, "PNG"), "no zip archive")
    refused(b"PK\x03\x04" + bytes(100), "cut off or damaged")
    refused(files.pack({}), "no pictures in this archive")
    empty = bytearray(files.pack(files.folders()))
    empty[-10:-6] = bytes(4)  # a table of contents of no bytes
    refused(bytes(empty), "no pictures in this archive|cut off or damaged")
    nameless = files.pack(files.folders()).replace(b"red/0.png", b"\x00ed/0.png")
    refused(nameless, "cut off or damaged|leads outside")
    whole = files.pack(files.folders())
    for part in (0.1, 0.5, 0.99):
        refused(whole[: int(len(whole) * part)], "cut off or damaged")


def test_an_archive_of_more_than_200_mb_is_refused():
    refused(bytes(200_000_001), "more than 200 MB")


def test_members_that_share_bytes_are_refused():
    contents = pictures.save(np.zeros((900, 900, 3), np.uint8), "BMP")
    refused(files.overlapping(2, contents), "two files of the same name")
    refused(files.nested_overlap(pictures.save(files.BLUE, "PNG")), "overlap")


@pytest.mark.parametrize(
    "name",
    ["../red.png", "red/../../1.png", "/red/1.png", "C:/red/1.png", "c:1.png",
     "\\\\server\\red\\1.png", "red/a\x07.png",
     "red/\u202egnp.exe.png", "red/\u200b1.png", "red/" + "x" * 1000 + ".png", "d/" * 20 + "1.png"],
)  # fmt: skip
def test_names_that_lead_outside_or_cannot_be_shown_are_refused(name):
    refused(files.pack(files.folders() | {name: b"x"}), "a name that leads outside")


def test_links_are_refused():
    refused(files.linked(files.folders(), "red/link.png", b"/etc/passwd"), "links instead of files")


def test_locked_and_rarely_packed_archives_are_refused():
    data = files.pack(files.folders())
    refused(files.patched(data, 8, b"\x01\x00"), "locked with a password")
    refused(files.pack(files.folders(), method=zipfile.ZIP_BZIP2), "packed in a rare way")
    refused(files.pack(files.folders(), method=zipfile.ZIP_LZMA), "packed in a rare way")


def test_one_name_twice_is_refused():
    refused(files.twice(files.folders(), "red/0.png", b"other"), "two files of the same name")


def test_members_that_unpack_to_very_much_are_refused():
    bomb = {**files.folders(), "red/bomb.png": bytes(2_000_000)}
    refused(files.pack(bomb, method=zipfile.ZIP_DEFLATED), "unpacks from")
    refused(files.patched(files.pack(files.folders()), 24, struct.pack("<I", 2**31)), "unpacks from")


def test_an_archive_that_unpacks_to_more_than_a_gigabyte_is_refused(monkeypatch):
    monkeypatch.setattr(archives, "LARGEST_SUM", 100)
    refused(files.pack(files.folders()), "more than 1 GB")


def test_too_many_members_are_refused_before_they_are_listed(monkeypatch):
    many = {f"red/{number}.txt": b"" for number in range(60)}
    refused(files.pack(many | {"blue/1.png": b""}), "has 1 class")
    monkeypatch.setattr(archives, "MOST_MEMBERS", 50)
    refused(files.pack(many), "has 60 files; pack at most 50")
    packed = files.pack({f"red/{number}.txt": b"" for number in range(40)})
    monkeypatch.setattr(zips.zipfile, "ZipFile", None)
    monkeypatch.setattr(archives, "MOST_MEMBERS", 1)
    refused(packed, "more than 1 files")


def test_a_lie_about_the_table_of_contents_is_found():
    data = files.pack(files.folders())
    end = data.rindex(b"PK\x05\x06")
    lie = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 8, 8, 2**40, 0)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
    refused(data[:end] + lie + locator + data[end:], "more than 10,000 files")
    refused(data[:end] + bytes(56) + locator + data[end:], "damaged")


def test_too_few_and_too_many_classes_are_refused():
    refused(files.pack({"red/1.png": pictures.save(files.RED, "PNG")}), "has 1 class, not 2 to 200")
    refused(files.pack({f"{number}/1.png": b"x" for number in range(201)}), "has 201 classes")
    refused(files.pack({"1.png": b"x", "2.png": b"x"}), "no pictures in this archive|has 0 class")
    refused(files.pack({"notes.txt": b"x"}), "no pictures in this archive")
    refused(files.pack({"red/1.png": b"x", "blue/1.png": b"x"}), "no picture of one of the classes")


def test_a_class_without_pictures_to_learn_from_is_refused():
    packed = files.folders(2, before="train/") | {"test/green/1.png": pictures.save(files.RED, "PNG")}
    refused(files.pack(packed), "no pictures in the folder train")


def test_too_many_pixels_in_all_are_refused_by_the_pictures_headers(monkeypatch):
    monkeypatch.setattr(Image, "open", None)
    row = {f"{name}/{number}.png": pictures.png(8000, 8000) for name in "ab" for number in range(32)}
    refused(files.pack(row), "more than 4 gigapixels")


def test_too_large_a_result_is_refused():
    with pytest.raises(ConvvizError, match="pictures of 512 x 512 pixels are too many"):
        open_dataset(
            files.pack({f"{name}/{number}.png": b"" for name in "ab" for number in range(500)}), size=(512, 512)
        )


def test_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    open_dataset(files.pack(files.folders()), size=(8, 8))
    assert not list(tmp_path.iterdir())


def test_a_single_picture_that_could_not_be_opened_is_told_in_the_singular():
    dataset = open_dataset(files.pack(files.folders(4) | {"red/broken.png": b"no picture"}))
    assert dataset.source.endswith("; 1 picture could not be opened")
