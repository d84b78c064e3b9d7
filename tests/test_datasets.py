import gzip
from functools import cache

import cv2
import numpy as np
import pytest
from PIL import Image

from convviz import ConvvizError, datasets, downloads, images

MNIST_TRAINING_DIGITS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]  # LeCun's table


@pytest.fixture
def no_network(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("CONVVIZ_DATA", raising=False)
    monkeypatch.setattr(downloads.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))

    def refuse(url, timeout):
        raise OSError("no network")

    monkeypatch.setattr(downloads.urllib.request, "urlopen", refuse)
    return tmp_path


@pytest.fixture(scope="module")
def drawn():
    return datasets.draw_shapes(400, rng=np.random.default_rng(1))


loaded = cache(datasets.load)


def parts(data):
    yield data.train_images, data.train_labels
    yield data.validation_images, data.validation_labels
    yield data.test_images, data.test_labels


def keys(pictures):
    return {picture.tobytes() for picture in pictures}


@pytest.mark.parametrize("name", ["digits", "shapes"])
def test_what_is_always_here_has_three_parts_without_a_common_picture(name):
    data = loaded(name)
    assert datasets.is_here(name)
    seen = [keys(pictures) for pictures, _ in parts(data)]
    assert not seen[0] & seen[1]
    assert not seen[0] & seen[2]
    assert not seen[1] & seen[2]
    for pictures, labels in parts(data):
        assert pictures.dtype == np.uint8
        assert pictures.ndim == 4
        assert labels.dtype == np.int64
        assert labels.shape == (len(pictures),)
        assert set(labels) == set(range(len(data.class_names)))
    assert data.source


def test_digits_are_all_of_scikit_learns_enlarged():
    from sklearn.datasets import load_digits

    data = datasets.load("digits")
    assert sum(len(pictures) for pictures, _ in parts(data)) == 1797
    labels = np.concatenate([labels for _, labels in parts(data)])
    assert np.bincount(labels).tolist() == np.bincount(load_digits().target).tolist()
    expected = keys(images.enlarge_digits(load_digits().images)[..., None])
    assert set().union(*(keys(pictures) for pictures, _ in parts(data))) == expected


def test_a_data_set_is_the_same_every_time():
    first, second = datasets.load("digits"), datasets.load("digits")
    np.testing.assert_array_equal(first.train_images, second.train_images)
    np.testing.assert_array_equal(first.validation_labels, second.validation_labels)


def test_mnist_keeps_its_test_digits_and_splits_its_training_digits(data):
    mnist = datasets.load("mnist")
    assert mnist.train_images.shape == (55_000, 28, 28, 1)
    assert mnist.validation_images.shape == (5_000, 28, 28, 1)
    assert mnist.test_labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    together = np.concatenate([mnist.train_labels, mnist.validation_labels])
    assert np.bincount(together).tolist() == MNIST_TRAINING_DIGITS
    with np.load(data / "mnist.npz") as arrays:
        np.testing.assert_array_equal(mnist.test_images[..., 0], arrays["x_test"])
        parts_sum = sum(part.sum(dtype=np.int64) for part in (mnist.train_images, mnist.validation_images))
        assert parts_sum == arrays["x_train"].sum(dtype=np.int64)


def test_a_part_of_cifar10_is_read_from_its_sheets(data):
    cifar = datasets.load("cifar10")
    assert cifar.train_images.shape == (9_000, 32, 32, 3)
    assert cifar.test_images.shape == (1_000, 32, 32, 3)
    assert [cifar.class_names[label] for label in cifar.test_labels[:4]] == ["cat", "ship", "ship", "airplane"]
    sheet = np.asarray(Image.open(data / "cifar10" / "test_first1000.webp").convert("RGB"))
    np.testing.assert_array_equal(cifar.test_images[41], sheet[32:64, 32:64])


def test_pictures_of_cats_and_dogs_are_read_from_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("CONVVIZ_DATA", str(tmp_path))
    rng = np.random.default_rng(0)
    for part in ("train", "validation", "test"):
        for kind in ("cats", "dogs"):
            folder = tmp_path / "cats_and_dogs" / part / kind
            folder.mkdir(parents=True)
            picture = Image.fromarray(rng.integers(0, 256, (120, 200, 3), dtype=np.uint8))
            picture.save(folder / f"{kind[:-1]}.1.jpg")
    data = datasets.load("cats_and_dogs")
    assert data.train_images.shape == (2, 150, 150, 3)
    assert data.class_names == ("cat", "dog")
    assert data.train_labels.tolist() == [0, 1]
    decoded = np.asarray(Image.open(tmp_path / "cats_and_dogs" / "test" / "dogs" / "dog.1.jpg"))
    np.testing.assert_array_equal(data.test_images[1], images.resize(decoded, (150, 150)))


@pytest.mark.parametrize(
    ("given", "shares"), [(("train",), [[7, 7], [2, 2], [1, 1]]), (("train", "validation"), [[8, 8], [10, 10], [2, 2]])]
)
def test_a_part_of_cats_and_dogs_that_is_missing_is_drawn_from_those_to_learn_from(
    given, shares, tmp_path, monkeypatch
):
    monkeypatch.setenv("CONVVIZ_DATA", str(tmp_path))
    for part in given:
        for kind in ("cats", "dogs"):
            (tmp_path / "cats_and_dogs" / part / kind).mkdir(parents=True)
    assert not datasets.is_here("cats_and_dogs"), "folders without a picture"
    with pytest.raises(ConvvizError, match="cats_and_dogs/train/dogs"):
        datasets.load("cats_and_dogs")
    for number, path in enumerate(sorted((tmp_path / "cats_and_dogs").glob("*/*"))):
        for shade in range(10):
            Image.new("L", (8, 8), 60 * number + 5 * shade).save(path / f"{shade}.jpg")
    assert datasets.is_here("cats_and_dogs")
    found = datasets.load("cats_and_dogs")
    assert [np.bincount(getattr(found, f"{part}_labels")).tolist() for part in datasets.PARTS] == shares
    shades = [getattr(found, f"{part}_images")[:, 0, 0, 0].tolist() for part in datasets.PARTS]
    assert len({*shades[0], *shades[1], *shades[2]}) == 20 * len(given), "no picture stands in two parts"
    assert "test drawn at random" in found.source


def test_fashion_mnist_is_read_from_the_files_that_keras_keeps(no_network):
    folder = no_network / "keras" / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    written = {}
    for part, count in (("train", 40), ("t10k", 7)):
        written[part] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8), np.arange(count, dtype=np.uint8) % 10
        for what, head, values in (("images-idx3", 16, written[part][0]), ("labels-idx1", 8, written[part][1])):
            with gzip.open(folder / f"{part}-{what}-ubyte.gz", "wb") as file:
                file.write(bytes(head) + values.tobytes())
    assert datasets.is_here("fashion_mnist")
    data = datasets.load("fashion_mnist")
    assert (len(data.train_images), len(data.validation_images)) == (36, 4)
    np.testing.assert_array_equal(data.test_images[..., 0], written["t10k"][0])
    assert data.test_labels.tolist() == written["t10k"][1].tolist()


def test_an_archive_with_pickles_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.setenv("CONVVIZ_DATA", str(tmp_path))
    pictures = np.zeros((20, 28, 28), np.uint8)
    np.savez(tmp_path / "mnist.npz", x_train=np.array([{}]), y_train=np.zeros(20), x_test=pictures, y_test=np.zeros(20))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        datasets.load("mnist")


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_without_data_and_network_one_sentence_says_so(name, no_network):
    assert not datasets.is_here(name)
    with pytest.raises(ConvvizError, match="cannot be reached from this machine; connect it to the internet"):
        datasets.load(name)


def test_cats_and_dogs_say_where_they_can_be_had(no_network):
    with pytest.raises(ConvvizError, match="Kaggle"):
        datasets.load("cats_and_dogs")


def test_an_unknown_name_is_answered_with_those_there_are():
    with pytest.raises(ConvvizError, match=r"no data set 'birds'; choose one of digits, shapes, mnist"):
        datasets.load("birds")


# --- drawn shapes ---------------------------------------------------------------------------------------------------


def outline(mask):
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return max(contours, key=cv2.contourArea)


def test_masks_have_the_form_that_the_label_says():
    drawing = datasets.draw_shapes(60, side=160, rng=np.random.default_rng(0))
    for label, mask in zip(drawing.labels[:, 0], drawing.masks[:, 0], strict=True):
        line = outline(mask)
        area = cv2.contourArea(line)
        (_, _), radius = cv2.minEnclosingCircle(line)
        (_, _), (width, height), _ = cv2.minAreaRect(line)
        triangle, _ = cv2.minEnclosingTriangle(line)
        shares = {
            "circle": area / (np.pi * radius**2),
            "square": area / (width * height),
            "triangle": area / triangle,
        }
        form = datasets.SHAPES[label]
        if form == "star":
            assert area / cv2.contourArea(cv2.convexHull(line)) < 0.8
        else:
            assert shares[form] == max(shares.values()) > 0.9


def test_boxes_are_the_tightest_around_the_masks(drawn):
    for box, mask in zip(drawn.boxes[:, 0], drawn.masks[:, 0], strict=True):
        x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
        assert box.tolist() == [y, x, y + height, x + width]


def test_the_picture_differs_from_its_ground_where_the_mask_is(drawn):
    kernel = np.ones((5, 5), np.uint8)
    for picture, mask in zip(drawn.images, drawn.masks[:, 0], strict=True):
        around = (cv2.dilate(mask.astype(np.uint8), kernel) > 0) & ~(
            cv2.dilate(mask.astype(np.uint8), kernel[:3, :3]) > 0
        )
        inside = cv2.erode(mask.astype(np.uint8), kernel[:3, :3]) > 0
        distance = np.linalg.norm(picture[inside].mean(axis=0) - picture[around].mean(axis=0))
        assert distance > 25


def test_neither_colour_nor_place_tells_the_class():
    from sklearn.linear_model import LogisticRegression

    drawing = datasets.draw_shapes(1000, rng=np.random.default_rng(3))
    labels = drawing.labels[:, 0]
    masks = drawing.masks[:, 0, ..., None]
    color = (drawing.images * masks).sum(axis=(1, 2)) / masks.sum(axis=(1, 2))
    ground = drawing.images.mean(axis=(1, 2))
    centre = (drawing.boxes[:, 0, :2] + drawing.boxes[:, 0, 2:]) / 2
    known = np.concatenate([color, ground, centre], axis=1) / 255
    guess = LogisticRegression(max_iter=500).fit(known[:700], labels[:700])
    assert guess.score(known[700:], labels[700:]) < 0.34


@pytest.mark.parametrize("count", [2, 3, 4])
def test_several_shapes_in_a_picture_are_of_different_classes_and_do_not_touch(count):
    drawing = datasets.draw_shapes(40, shapes_per_picture=count, rng=np.random.default_rng(0))
    assert drawing.masks.shape == (40, count, 64, 64)
    assert all(len(set(row)) == count for row in drawing.labels.tolist())
    grown = np.array(
        [[cv2.dilate(m.astype(np.uint8), np.ones((3, 3), np.uint8)) for m in row] for row in drawing.masks]
    )
    assert grown.sum(axis=1).max() == 1
    assert drawing.masks.sum(axis=(2, 3)).min() > 30


def test_the_same_state_draws_the_same_pictures():
    first, second = (datasets.draw_shapes(3, shapes_per_picture=2, rng=np.random.default_rng(9)) for _ in "12")
    np.testing.assert_array_equal(first.images, second.images)
    np.testing.assert_array_equal(first.masks, second.masks)


def test_boxes_and_masks_of_the_data_set_are_those_of_its_test_pictures():
    data = loaded("shapes")
    assert data.masks.shape == data.test_images.shape[:3]
    assert [datasets.box_of(mask) for mask in data.masks[:50]] == [tuple(box) for box in data.boxes[:50].tolist()]


def test_too_many_or_too_small_shapes_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ConvvizError, match="5 shapes do not fit a picture; choose 1 to 4"):
        datasets.draw_shapes(1, shapes_per_picture=5, rng=rng)
    with pytest.raises(ConvvizError, match="cannot be told apart at 16 pixels"):
        datasets.draw_shapes(1, side=16, rng=rng)
