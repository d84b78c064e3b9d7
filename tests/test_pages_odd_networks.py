"""Visitors' networks that are out of the ordinary, on the pages of Looking inside: what is said of them is so."""

import numpy as np
import pytest

from convviz import images, microscope, zoo
from pages.shared import words
from tests.test_pages import _engine, opened, texts  # noqa: F401 -- the engine's fixture is for this module, too


def augmented(layers, keras):
    """It turns, mirrors and resizes before it looks."""
    return keras.Sequential(
        [
            keras.Input((48, 48, 3)), layers.RandomFlip(), layers.RandomRotation(0.1), layers.Resizing(32, 32),
            layers.Rescaling(1 / 255), layers.Conv2D(4, 3, activation="relu", name="conv1"), layers.MaxPooling2D(),
            layers.Flatten(), layers.Dense(3, activation="softmax"),
        ]
    )  # fmt: skip


def reshaped(layers, keras):
    """Its pictures have no axis for channels."""
    return keras.Sequential(
        [
            keras.Input((28, 28)), layers.Reshape((28, 28, 1)), layers.Conv2D(4, 3, padding="same", name="conv1"),
            layers.Flatten(), layers.Dense(3, activation="softmax"),
        ]
    )  # fmt: skip


def joined(layers, keras):
    """It takes two pictures."""
    first, second = (keras.Input((32, 32, 3), name=name) for name in ("first", "second"))
    left = layers.Conv2D(4, 3, activation="relu", name="left")(first)
    right = layers.Conv2D(4, 3, activation="relu", name="right")(second)
    both = layers.Conv2D(4, 3, activation="relu", name="conv1")(layers.Concatenate(name="join")([left, right]))
    return keras.Model([first, second], layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(both)))


def broken(layers, keras):
    """One of its weights is NaN."""
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)), layers.Conv2D(4, 3, activation="relu", name="conv1"),
            layers.MaxPooling2D(name="pool"), layers.Conv2D(4, 3, activation="relu", name="conv2"), layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )  # fmt: skip
    weights = model.get_layer("conv1").get_weights()
    weights[0][1, 1, 0, 0] = np.nan
    model.get_layer("conv1").set_weights(weights)
    return model


def built(kind):
    """The network, the same every time."""
    import keras

    keras.utils.set_random_seed(3)
    return kind(keras.layers, keras)


def brought(page, kind, tmp_path, **query):
    """A page with one of these networks, whose description is closed."""
    path = tmp_path / "own.keras"
    built(kind).save(path)
    app = opened(f"inside/{page}", network="shapes", picture="cat")
    app.file_uploader(key=f"{page}_model").set_value(("own.keras", path.read_bytes(), "application/octet-stream"))
    app.run()
    app.session_state["_own_model_asked"] = None
    for key, value in query.items():
        app.session_state[key] = value
    app.run()
    assert not app.exception
    assert not app.error, app.error[0].value
    return app


def captions(app):
    """What stands under all pictures."""
    return "\n".join(caption for one in app.get("image") for caption in one.captions)


@pytest.mark.parametrize("kind", [augmented, reshaped, joined])
def test_a_window_that_is_not_known_is_said_to_be_so_and_none_is_drawn(kind, tmp_path):
    cell = microscope.look(zoo.wrap(built(kind)), images.sample("cat"), "conv1", 0)
    assert cell.field is None
    assert cell.unseen
    app = brought("microscope", kind, tmp_path, cell_layer="conv1")
    assert words.safe(f"which window the cell can see is not known: {cell.unseen}"[1:], 300) in texts(app)
    assert "no frame, for the window is not known" in captions(app)
    assert "framed: what" not in captions(app)
    assert "The crop it saw" not in captions(app)
    assert "How much each pixel moves the cell" in captions(app)


def test_a_tiny_share_of_the_picture_is_not_called_none_of_it():
    app = opened("inside/microscope", network="mobilenetv2" if zoo.is_here("mobilenetv2") else "cats_and_dogs",
                 picture="cat", cell_layer="Conv1")  # fmt: skip
    assert "can see less than 1% of the picture" in texts(app)


def test_the_microscope_says_of_a_nan_that_it_is_one_and_where_it_is_from(tmp_path):
    app = brought("microscope", broken, tmp_path, cell_layer="conv1")
    app.number_input(key="cell_channel").set_value(0).run()
    assert not app.exception
    assert "is **NaN**" in texts(app)
    told = [one.value for one in app.warning]
    assert len([one for one in told if "Weights of conv1 are NaN or infinite" in one]) == 1
    assert "nan" not in (texts(app) + captions(app)).replace("<", "")
    assert "of those pixels move it" not in texts(app)
