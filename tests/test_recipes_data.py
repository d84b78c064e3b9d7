"""The Data page's programs, run as a reader would run them."""

import numpy as np
import pytest
from PIL import Image

from convviz import datasets, images, recipes
from tests.test_recipes import ran

WAYS = [
    datasets.Reference("digits"),
    datasets.Reference("digits", per_class=3),
    datasets.Reference("shapes", side=16),
]


def ran_on(text, data, folder):
    """The program's variables; what it cannot get lies beside it, as the page saves it."""
    plain = recipes.architectures.is_plain(data) and data.name in recipes.training.DATASETS
    return ran(text, folder, **({} if plain else {recipes.architectures.PICTURES: datasets.packed(data)}))


def drawn(path):
    """The numbers of a picture's file."""
    with Image.open(path) as picture:
        return np.asarray(picture)


@pytest.mark.parametrize("data", WAYS, ids=str)
def test_the_program_chooses_the_pages_examples(data, tmp_path):
    shown = datasets.overview(data, seed=4)
    text = recipes.data.examples(data, len(shown.class_names), per_class=shown.examples.shape[1], seed=4)
    found = ran_on(text, data, tmp_path)["result"]
    assert np.array_equal(found, shown.examples)
    height, width = shown.shape[:2]
    sheet = drawn(tmp_path / "examples.png")
    assert sheet.shape[:2] == (len(found) * height, found.shape[1] * width)
    last = sheet.reshape(len(found), height, found.shape[1], width, -1)[-1, :, 2]
    assert np.array_equal(last, shown.examples[-1, 2])


@pytest.mark.parametrize("data", WAYS, ids=str)
@pytest.mark.parametrize("number", [0, 1, 161])
def test_the_program_makes_the_pages_batch(data, number, tmp_path):
    shown = datasets.batch(data, number, batch_size=13, seed=5)
    found = ran_on(recipes.data.batch(data, number, batch_size=13, seed=5), data, tmp_path)
    assert np.array_equal(found["result"], shown.images)
    assert np.array_equal(found["labels"], shown.labels)
    rows = -(-len(shown.images) // 8)
    assert drawn(tmp_path / "batch.png").shape[:2] == (rows * shown.images.shape[1], 8 * shown.images.shape[2])


@pytest.mark.parametrize(("name", "side"), [("cat", 150), ("digit_3", 224)])
def test_the_program_reads_a_picture_as_the_page_does(name, side, tmp_path):
    found = ran(recipes.data.reading(name, side), tmp_path)["result"]
    wanted = images.resize(images.sample(name), (side, side)).astype(np.float32) / np.float32(255)
    assert found.dtype == np.float32
    assert np.array_equal(found, wanted[None])
    assert np.array_equal(drawn(tmp_path / "resized.png"), images.resize(images.sample(name), (side, side)))
