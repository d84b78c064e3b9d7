"""The program of the page Filter patterns against what the page draws."""

import numpy as np
import pytest
from PIL import Image

from convviz import patterns, recipes, sketches, zoo
from tests.test_recipes import ran
from tests.test_recipes_networks import folder  # noqa: F401 -- a fixture

CHOSEN = [("mnist", "conv2d_1", (0, 5), 32), ("shapes", "block1_conv1", (3,), 96)]


@pytest.mark.parametrize(("network", "layer", "filters", "size"), CHOSEN)
def test_the_patterns_program_draws_the_pages_patterns(network, layer, filters, size, folder):  # noqa: F811
    text = recipes.patterns.drawn(
        zoo.reference(network), zoo.card(network), layer=layer, filters=filters, size=size, seed=4
    )
    result = ran(text, folder)["result"]
    for recipe, ours in result.items():
        expected = patterns.generate(
            zoo.load(network), layer, filters, recipe=recipe, size=size, rng=np.random.default_rng(4), revive=True
        )
        assert ours.shape == expected.shape
        apart = np.abs(ours.astype(int) - expected)
        assert np.percentile(apart, 99) <= 2, (recipe, apart.max())
        saved = np.asarray(Image.open(folder / f"patterns_{recipe}.png"))
        assert np.array_equal(saved, sketches.sheet(ours))


def test_another_seed_draws_other_pictures(folder):  # noqa: F811
    reference, card = zoo.reference("mnist"), zoo.card("mnist")
    first, other = (
        ran(recipes.patterns.drawn(reference, card, layer="conv2d", filters=(1,), size=32, seed=seed), folder)
        for seed in (0, 1)
    )
    assert not np.array_equal(first["result"]["lecture"], other["result"]["lecture"])
