"""The program of Knock-out, run as it is handed out, against the room."""

from pathlib import Path

import numpy as np
import pytest

from convviz import images, recipes, surgery, zoo

ROOT = Path(__file__).resolve().parents[1]
CASES = [
    ("mnist", "digit_3", "mute=conv2d_1:5; scale=conv2d_1:7:-2.5; copy=conv2d:1:4; set=dense:3:0.7", "conv2d_2", 9),
    ("mnist", "digit_7", "set=conv2d:0,2,0,5:1.5; scale=conv2d:0,2,0,5:2; mute=dense_1:5,3", "dense", 4),
    ("mnist", "digit_7", "set=conv2d_1:b5:0.75; mute=conv2d:b3; scale=dense_1:b2:4; scale=conv2d_1:5:2", "conv2d_1", 5),
    ("shapes", "shapes", "set=block2_norm1:b1:0.5; mute=classes:b0", "block2_relu1", 1),
    ("cats_and_dogs", "cat", "scale=conv2d_3:5:3; scale=conv2d:1,1,2,3:-4", "conv2d_3", 5),
]


@pytest.mark.parametrize(("name", "picture", "edits", "view", "channel"), CASES)
def test_the_program_gives_the_answers_and_the_maps_of_the_page(
    name, picture, edits, view, channel, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    network = zoo.load(name)
    made = surgery.read(network, edits).edits
    assert len(made) == len(edits.split(";"))
    text = recipes.surgery.knock_out(picture, zoo.reference(name), network.card, edits=made, view=view, channel=channel)
    assert "convviz" not in text
    names: dict = {}
    exec(compile(text, "program.py", "exec"), names)
    result = names["result"]
    outcome = surgery.operate(network, images.sample(picture), made, view=view, channel=channel)
    for title, chances in (("before", outcome.before), ("after", outcome.after)):
        np.testing.assert_allclose(result[title], chances[-len(result[title]) :], atol=1e-5)
        np.testing.assert_allclose(
            np.atleast_1d(result[f"map_{title}"]), getattr(outcome, f"map_{title}"), rtol=1e-3, atol=1e-4
        )
    assert (tmp_path / "map_difference.png").is_file() == network.card.layer(view).has_maps
