"""The program of the Receptive field page gives the table and the gradient that the page shows."""

import numpy as np
import pytest

from convviz import effective, recipes, stacks
from tests.test_recipes import ran


@pytest.mark.parametrize(
    ("text", "side", "weights", "relu"),
    [
        (stacks.PRESETS["lenet5"].text, 32, "random", True),
        (stacks.PRESETS["resnet"].text, 40, "random", True),
        ("conv 3/2 same d2; max 3/2 same; conv 5 p1", 33, "random", False),
        ("conv 3; average 2 p1; max 3/2 same; conv 3", 24, "random", True),
        ("conv 3 same; conv 3 same", 15, "equal", True),
    ],
)
def test_the_program_gives_the_pages_table_and_gradient(text, side, weights, relu, tmp_path):
    stack = stacks.parse(text)
    row = col = stacks.sides(stack, side)[-1] // 2
    program = recipes.receptive_field.measured(
        stack, side, row, col, weights=weights, relu=relu, runs=3, seed=2,
        channels=1 if weights == "equal" else effective.CHANNELS,
    )  # fmt: skip
    found = ran(program, tmp_path)["result"]
    fields = stacks.fields(stack, side)
    assert found["table"].tolist() == [[one.size[0], one.stride[0], one.offset[0]] for one in fields]
    *_, last = effective.measure(text, side, len(stack) - 1, row, col, weights=weights, relu=relu, runs=3, seed=2)
    np.testing.assert_allclose(found["gradient"], last.gradient, atol=1e-4)
    assert (tmp_path / "gradient.png").exists()
