"""Programs that pages hand out, run as a reader would run them, against what the pages compute."""

import os
import subprocess
import sys

import numpy as np
import pytest

from convviz import convolution, images, kernels, recipes, rendering


def ran(text, folder, **files):
    """The variables of a program that ran in a folder with some files."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    assert "import convviz" not in text
    assert "from convviz" not in text
    before = os.getcwd()
    os.chdir(folder)
    try:
        found = {"__name__": "__main__"}
        exec(compile(text, "recipe.py", "exec"), found)
    finally:
        os.chdir(before)
    return found


@pytest.mark.parametrize("name", images.sample_names())
def test_an_opening_gets_the_same_pixels_as_the_page(name, tmp_path):
    picture = ran(recipes.opening(name), tmp_path)["picture"]
    assert picture.dtype == np.uint8
    assert np.array_equal(picture, images.sample(name))


def test_an_own_picture_is_read_from_the_file_that_save_gives(tmp_path):
    own = np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8)
    found = ran(recipes.opening(recipes.OWN), tmp_path, **{"picture.png": rendering.png(own)})
    assert np.array_equal(found["picture"], own)


def test_a_program_runs_in_a_process_of_its_own(tmp_path):
    (tmp_path / "program.py").write_text(f"{recipes.opening('cat')}\nprint(picture.shape)\n")
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "(300, 451, 3)"


def test_imports_come_first_once_and_sorted():
    text = recipes.script("from skimage import data\nimport numpy as np\n\none = 1", "import numpy as np\n\ntwo = 2")
    assert text == "import numpy as np\nfrom skimage import data\n\none = 1\n\ntwo = 2\n"


@pytest.mark.parametrize("value", [0, -1, 0.1, 1 / 3, 1e-7, 1e12, 255, float("inf")])
def test_a_number_reads_back_as_the_same_float32(value):
    assert np.float32(eval(recipes.literal(np.float32(value)))) == np.float32(value)


SETTINGS = [
    {},
    {"stride": (2, 3), "padding": "same"},
    {"stride": (2, 2), "dilation": (2, 3), "padding": "same", "padding_mode": "reflect"},
    {"padding": ((3, 0), (1, 2)), "padding_mode": "replicate", "flip": True},
    {"padding": 2, "padding_mode": "circular", "dilation": (3, 1)},
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("kind", ["grey", "colour", "filter"])
def test_the_convolution_program_gives_the_pages_feature_map_and_its_picture(kind, settings, tmp_path):
    from PIL import Image

    rng = np.random.default_rng(3)
    weights = kernels.KERNELS["emboss"].weights if kind != "filter" else rng.normal(size=(2, 3, 3)).astype(np.float32)
    picture = images.sample("digit_4")
    text = recipes.convolution.feature_map(
        "digit_4", weights, shape=picture.shape[:2], colour=kind == "colour", **settings
    )
    found = ran(text, tmp_path)
    image = images.grey(picture) if kind == "grey" else picture
    expected = convolution.convolve(image, weights, **settings)
    np.testing.assert_allclose(found["result"], expected, atol=2e-4)
    np.testing.assert_allclose(found["by_keras"], expected, atol=2e-3)
    shown = np.clip(expected, 0, 255).astype(np.uint8) if kind == "colour" else rendering.signed(expected)
    saved = np.asarray(Image.open(tmp_path / "feature_map.png")).astype(int)
    assert np.abs(saved - shown).max() <= 2  # a last bit may fall to the other side of a level
    assert (saved != shown).mean() < 0.01


def test_the_program_for_a_matrix_gives_the_lectures_320(tmp_path):
    weights = kernels.KERNELS["sharpen"].weights
    text = recipes.convolution.feature_map("", weights, padding="same", matrix=kernels.SHARPEN_EXAMPLE, shape=(5, 5))
    found = ran(text, tmp_path)
    assert found["result"][0, 0] == found["by_keras"][0, 0] == 320
    np.testing.assert_array_equal(
        found["result"], convolution.convolve(kernels.SHARPEN_EXAMPLE, weights, padding="same")
    )
