"""The Data page's program, run as a reader would run it."""

import numpy as np
import pytest

from convviz import augmentation, images, recipes
from tests.test_recipes import ran


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cat", augmentation.LECTURE),
        ("shapes", {**augmentation.LECTURE, "fill_mode": "wrap", "horizontal_flip": False, "rotation": 170}),
        ("digit_3", {**augmentation.LECTURE, "fill_mode": "constant", "shear": 20.0, "zoom": 0.5}),
    ],
)
def test_the_program_makes_the_pages_copies(name, options, tmp_path):
    found = ran(recipes.augmentation.ways(name, 8, 3, **options), tmp_path)["result"]
    square = images.resize(images.sample(name), (150, 150))
    stack = np.repeat(square[None], 8, axis=0)
    assert np.array_equal(found, augmentation.augment(stack, rng=np.random.default_rng(3), **options))
    assert (tmp_path / "augmented.png").exists()
