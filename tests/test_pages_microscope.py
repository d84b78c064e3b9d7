"""The microscope through app.py: what is said is the room's, for each kind of layer, and clicks become choices."""

import hashlib
import re

import pytest

from convviz import images, microscope, zoo
from pages.shared import cells
from tests.test_pages import _engine, opened, texts  # noqa: F401 -- the engine's fixture is for this module, too


@pytest.fixture(scope="module")
def network():
    return zoo.load("shapes")


@pytest.mark.parametrize("layer", [one.name for one in zoo.card("shapes").layers if len(one.output_shape) in (1, 3)])
def test_every_layer_is_looked_into(layer, network):
    app = opened("inside/microscope", network="shapes", picture="shapes", cell_layer=layer, cell_channel="2")
    assert not app.error
    assert not app.exception
    cell = microscope.look(network, images.sample("shapes"), layer, 2)
    said = f"Channel 2 of **{layer}**".replace("_", "\\_")
    assert said in texts(app)
    value = re.search(r"is \*\*(−?[\d.e−+]+)\*\*\.", texts(app))[1].replace("−", "-")
    assert float(value) == pytest.approx(cell.value, rel=1e-4)  # another process may add in another order
    assert "The arithmetic ends in" in texts(app), "every layer of this network is of a kind that is taken apart"


def test_a_cell_that_was_pinned_in_the_grids_is_looked_at_once(network):
    app = opened("inside/microscope", network="shapes", picture="shapes", cell_layer="block1_conv2", cell_channel="3")
    app.session_state[cells.grids_key("block1_conv2", 3)] = {"pinned": [4, 9]}
    app.run()
    app.run()
    assert "at row 4, column 9 is" in texts(app)
    assert app.number_input(key="cell_col").value == 9
    app.number_input(key="cell_row").set_value(7).run()
    assert "at row 7, column 9 is" in texts(app)


def test_a_visitors_network_is_told_by_what_it_answers_and_of_a_shared_layer_the_last_call_is_shown(tmp_path):
    import keras

    layers, picture = keras.layers, keras.Input((12, 12, 3))
    shared = layers.Conv2D(3, 3, padding="same", name="shared")
    maps = layers.Conv2D(2, 3, name="behind")(shared(layers.Activation("tanh", name="bent")(shared(picture))))
    answer = layers.Dense(4, activation="sigmoid", name="four")(layers.GlobalAveragePooling2D()(maps))
    keras.Model(picture, answer).save(tmp_path / "own.keras")
    data = (tmp_path / "own.keras").read_bytes()
    name = f"model_{hashlib.sha256(data).hexdigest()[:8]}.keras"
    app = opened("inside/microscope", picture="cat")
    app.file_uploader(key="microscope_model").set_value((name, data, "application/octet-stream")).run()
    told = texts(app)
    assert r"four, 4: 4 probabilities, each for itself \(sigmoid\)." in told
    assert "have feature maps, from **shared** to **behind**" in told
    app.session_state["_own_model_asked"] = None
    app.run()
    app.selectbox(key="cell_layer").set_value("shared").run()
    assert "in the last of its 2 calls." in texts(app)
    app.selectbox(key="cell_layer").set_value("behind").run()
    assert "calls." not in texts(app).split("The arithmetic")[0]
