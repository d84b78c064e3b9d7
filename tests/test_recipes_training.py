"""The program of the page Training beside a run of the page's own."""

import numpy as np
import pytest

from convviz import datasets, recipes, training, zoo
from tests.test_recipes import ran

PARTS = [f"{part}_{what}" for part in ("train", "validation", "test") for what in ("images", "labels")]


@pytest.mark.parametrize("name", recipes.training.DATASETS)
def test_the_programs_data_is_the_pages(name, tmp_path):
    if not datasets.is_here(name) or name == "fashion_mnist":
        pytest.skip(f"{name} is not in Keras' folder here")
    if name == "mnist":
        pytest.importorskip("keras")
        from convviz import downloads

        if downloads.find("datasets", "mnist.npz") is None:
            pytest.skip("mnist.npz is not in Keras' folder here")
    found, expected = ran(recipes.training.DATASETS[name], tmp_path), datasets.load(name)
    for part in PARTS:
        assert np.array_equal(found[part], getattr(expected, part))


def test_the_program_begins_and_learns_as_the_page_does(tmp_path):
    import keras

    settings = training.Settings(epochs=2, batch_size=64, learning_rate=0.001, optimizer="rmsprop", seed=5)
    text = recipes.training.training("mnist", "digits", settings)
    result = ran(text, tmp_path)["result"]
    records = list(training.train("mnist", "digits", settings))
    ends = [one for one in records if one.validation_count == 297]
    assert len(ends) == len(result["val_loss"]) == 2
    assert result["val_loss"][0] == pytest.approx(ends[0].validation_loss, rel=0.05)
    assert result["val_accuracy"][1] == pytest.approx(ends[1].validation_accuracy, abs=0.02)
    assert result["test_accuracy"] == pytest.approx(records[-1].test_accuracy, abs=0.02)
    trained = keras.saving.load_model(tmp_path / "trained.keras", compile=False)
    ours = zoo.keeping.from_bytes(training.trained("mnist", records[-1].snapshot, seed=5)).model
    apart = [np.abs(one.numpy() - other.numpy()) for one, other in zip(trained.variables, ours.variables, strict=True)]
    moved = [np.abs(one.numpy()).max() for one in ours.variables]
    assert max(float(np.median(one)) for one in apart) < 0.01 * max(moved)
    assert (tmp_path / "curves.csv").read_text().startswith("epoch,accuracy,loss,val_accuracy,val_loss\n1,")


@pytest.mark.parametrize("optimizer", training.OPTIMIZERS)
def test_the_first_steps_are_the_same_numbers(optimizer, tmp_path, monkeypatch):
    settings = training.Settings(epochs=1, batch_size=600, learning_rate=0.0003, optimizer=optimizer, seed=1)
    text = recipes.training.training("mnist", "digits", settings)
    result = ran(text, tmp_path)["result"]
    *_, last = training.train("mnist", "digits", settings)
    assert last.step == 2
    assert result["val_loss"][0] == pytest.approx(last.validation_loss, rel=1e-4)


def test_a_training_with_augmentation_has_no_program():
    with pytest.raises(ValueError, match="augmentation"):
        recipes.training.training("mnist", "digits", training.Settings(augmentation={"zoom": 0.1}))
