"""The programs of Network, Kernels and Microscope, run as they are handed out."""

from pathlib import Path

import numpy as np
import pytest

from convviz import filters, images, microscope, recipes, zoo

ROOT = Path(__file__).resolve().parents[1]


def run(text, folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "assets").symlink_to(ROOT / "assets")
    assert "convviz" not in text
    names: dict = {}
    exec(compile(text, "program.py", "exec"), names)
    return names["result"]


def test_every_layer_is_counted(tmp_path, monkeypatch):
    result = run(recipes.layers.network(zoo.reference("shapes")), tmp_path, monkeypatch)
    assert result == {layer.name: layer.parameters for layer in zoo.card("shapes").layers}


def test_a_kernel_is_the_one_that_the_page_shows(tmp_path, monkeypatch):
    card = zoo.card("mnist")
    text = recipes.layers.kernels(zoo.reference("mnist"), card, layer="conv2d_1", channel=5, index=9)
    result = run(text, tmp_path, monkeypatch)
    shown = filters.one(zoo.load("mnist"), "conv2d_1", 9).kernels
    np.testing.assert_array_equal(result["filter"], shown)
    np.testing.assert_array_equal(result["kernel"], shown[..., 5])
    assert (tmp_path / "kernel.png").is_file()


@pytest.mark.parametrize(("layer", "place"), [("block2_relu1", (4, 7)), ("classes", ())])
def test_a_cell_is_the_networks_own_number(layer, place, tmp_path, monkeypatch):
    row, col = place or (None, None)
    text = recipes.layers.cell(
        "shapes", zoo.reference("shapes"), zoo.card("shapes"), layer=layer, channel=1, row=row, col=col
    )
    result = run(text, tmp_path, monkeypatch)
    found = microscope.look(zoo.load("shapes"), images.sample("shapes"), layer, 1, row, col)
    assert result["value"] == pytest.approx(found.value, rel=1e-4, abs=1e-6)
    np.testing.assert_allclose(result["gradient"], found.gradient, rtol=1e-3, atol=1e-6)
