"""What visitors bring and train is told apart from all else that a select offers."""

import io
import zipfile

import numpy as np
import pytest

from convviz import rendering, zoo
from tests.test_pages import _engine, opened  # noqa: F401 -- the engine's fixture is for this module, too


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two networks' files, with three and four classes."""
    import keras

    keras.utils.set_random_seed(3)
    found = []
    for count in (3, 4):
        layers = [
            keras.Input((16, 16, 3)),
            keras.layers.Conv2D(2, 3),
            keras.layers.Flatten(),
            keras.layers.Dense(count),
        ]
        path = tmp_path_factory.mktemp("own") / "model.keras"
        keras.Sequential(layers).save(path)
        found.append(path.read_bytes())
    return found


def brought(app, name, data, page="network"):
    """The page after the visitor has brought a file and closed its description."""
    app.file_uploader(key=f"{page}_model").set_value((name, data, "application/octet-stream")).run()
    app.session_state["_own_model_asked"] = None
    app.run()
    assert not app.exception
    return app


def network_options(app):
    return list(app.selectbox(key="network").options)


def test_a_model_that_is_called_as_one_of_the_apps_is_named_apart(files):
    app = brought(opened("inside/network", network="shapes"), "InceptionV3.keras", files[0])
    titles = network_options(app)
    assert titles.count("InceptionV3") == 1
    assert titles[0] == "InceptionV3 (uploaded)"
    app.selectbox(key="network").select("InceptionV3 (uploaded)").run()
    assert not app.error
    assert app.session_state["network"].startswith("model_")
    assert any("InceptionV3 \\(uploaded\\)" in one.value for one in app.markdown)


def test_two_models_of_one_file_name_can_both_be_chosen(files):
    app = opened("inside/network", network="shapes")
    for data in files:
        brought(app, "model.keras", data)
    assert network_options(app)[:2] == ["model", "model (2)"]
    chosen = []
    for title in ("model", "model (2)"):
        app.selectbox(key="network").select(title).run()
        chosen.append(app.session_state["network"])
    assert len(set(chosen)) == 2


def test_networks_trained_here_to_the_same_step_have_titles_of_their_own():
    from pages.shared import pickers

    app = opened("inside/network", network="shapes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pickers.st, "session_state", app.session_state)
        app.session_state["_trained_networks"], app.session_state["_own_models"] = {}, {}
        for name in ("run", "run-50", "run"):
            pickers.offer_trained(name, "Trained here, step 50", pickers.zoo.reference("shapes"))
        assert [pickers.network_title(one) for one in ("run", "run-50")] == [
            "Trained here, step 50", "Trained here, step 50 (2)",
        ]  # fmt: skip


def test_two_archives_of_one_file_name_can_both_be_chosen():
    app = opened("learning/data", view="own")
    for seed in range(2):
        rng, packed = np.random.default_rng(seed), io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name in "ab":
                for number in range(8):
                    archive.writestr(f"{name}/{number}.png", rendering.png(rng.integers(0, 256, (20, 20, 3), np.uint8)))
        app.file_uploader(key="bring_archive").set_value(("MNIST.zip", packed.getvalue(), "application/zip")).run()
        assert not app.exception
        app.segmented_control(key="view").set_value("own").run() if seed == 0 else None
    titles = list(app.selectbox(key="browse").options)
    assert titles.count("MNIST") == 1
    assert titles[:2] == ["MNIST (uploaded)", "MNIST (uploaded) (2)"]


def test_what_was_saved_here_comes_back_with_the_names_of_its_classes():
    app = brought(
        opened("explaining/grad_cam", network="mnist", picture="shapes"),
        "mine.keras",
        zoo.to_bytes(zoo.load("shapes")),
        "grad_cam",
    )
    assert not app.error
    assert app.session_state["network"].startswith("model_")
    assert any("star" in option for option in next(one for one in app.selectbox if "Class" in one.label).options)
