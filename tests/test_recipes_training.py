"""The program of the page Training beside a run of the page's own."""

import importlib
from dataclasses import replace

import numpy as np
import pytest

from convviz import architectures, augmentation, datasets, downloads, recipes, training, zoo
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
    ends = list({one.step: one for one in records if one.whole and one.measured == 1}.values())
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


SMALL = architectures.Architecture(
    (28, 28, 1), architectures.parse("conv 4 5/2 tanh; average 2; batch_norm; flatten"), 10
)
PLANTED = replace(SMALL, transplant=architectures.Transplant.parse("1 0 -1; 2 0 -2; 1 0 -1"))


@pytest.mark.parametrize(
    ("network", "data", "changes"),
    [
        (PLANTED, datasets.Reference("digits", per_class=30), augmentation.LECTURE),
        (replace(PLANTED, input_shape=(16, 16, 1)), datasets.Reference("digits", per_class=20, side=16), None),
    ],
)
def test_own_layers_on_chosen_pictures_learn_as_on_the_page(network, data, changes, tmp_path):
    settings = training.Settings(epochs=1, batch_size=200, learning_rate=0.003, augmentation=changes, seed=2)
    text = recipes.training.training(network, data, settings)
    result = ran(text, tmp_path, **{recipes.architectures.PICTURES: datasets.packed(data)})["result"]
    *_, last = training.train(network, data, settings)
    assert result["val_loss"][0] == pytest.approx(last.validation_loss, rel=1e-3)
    if network.transplant is not None:
        import keras

        kernel = keras.saving.load_model(tmp_path / "trained.keras", compile=False).layers[0].kernel.numpy()
        np.testing.assert_array_equal(kernel[1:4, 1:4, 0, 0], network.transplant.kernel)


def test_a_head_on_a_bundled_base_learns_as_on_the_page(tmp_path):
    network = architectures.Transfer("mnist", architectures.parse("global_average"), (28, 28, 1), 10)
    data = datasets.Reference("digits", per_class=20)
    settings = training.Settings(epochs=1, batch_size=200, learning_rate=0.01, seed=2)
    text = recipes.training.training(network, data, settings)
    files = {
        recipes.architectures.PICTURES: datasets.packed(data),
        recipes.architectures.BASE: zoo.to_bytes(zoo.load("mnist")),
    }
    found = ran(text, tmp_path, **files)
    *_, last = training.train(network, data, settings)
    assert len(found["model"].trainable_weights) == 2
    assert found["result"]["val_loss"][0] == pytest.approx(last.validation_loss, rel=0.2), "not the same first weights"


def test_a_frozen_kernel_stays_in_the_program_of_a_network_that_goes_on(tmp_path):
    data, settings = datasets.Reference("digits", per_class=20), training.Settings(epochs=1, batch_size=100, seed=2)
    begun = zoo.wrap(PLANTED.build(), input_range=(0.0, 1.0))
    reference, file = zoo.Reference("run", "1", "a"), zoo.to_bytes(begun)
    text = recipes.training.training(reference, data, settings, card=begun.card, frozen=True)
    files = {recipes.architectures.PICTURES: datasets.packed(data), recipes.networks.OWN_FILE: file}
    found = ran(text, tmp_path, **files)
    kernel, bias = found["model"].layers[0].get_weights()
    np.testing.assert_array_equal(kernel[1:4, 1:4, 0, 0], PLANTED.transplant.kernel)
    assert bias[0] == 0
    assert np.abs(bias[1:]).min() > 0
    *_, last = training.train(zoo.from_bytes(file), data, settings, transplant=PLANTED.transplant)
    assert found["result"]["val_loss"][0] == pytest.approx(last.validation_loss, rel=1e-3)


def test_a_program_goes_on_with_a_part_of_the_base_as_the_page_does(tmp_path):
    data = datasets.Reference("digits", per_class=20)
    head = architectures.parse("global_average")
    begun = zoo.wrap(architectures.Transfer("mnist", head, (28, 28, 1), 10).build(), input_range=(0.0, 255.0))
    inner = next(layer for layer in begun.model.layers if hasattr(layer, "layers"))
    settings = training.Settings(epochs=1, batch_size=50, seed=2, train_from=f"{inner.name}/conv2d_2")
    reference, file = zoo.Reference("run", "1", "a"), zoo.to_bytes(begun)
    text = recipes.training.training(reference, data, settings, card=begun.card)
    files = {recipes.architectures.PICTURES: datasets.packed(data), recipes.networks.OWN_FILE: file}
    found = ran(text, tmp_path, **files)
    assert len(found["model"].trainable_weights) == 4
    *_, last = training.train(zoo.from_bytes(file), data, settings)
    assert found["result"]["val_loss"][0] == pytest.approx(last.validation_loss, rel=1e-3)


def test_a_trained_network_goes_on_and_ends_early_as_on_the_page(tmp_path):
    data = datasets.Reference("digits", per_class=20)
    settings = training.Settings(epochs=30, batch_size=200, learning_rate=0.3, optimizer="sgd", seed=2, patience=1)
    begun = zoo.wrap(SMALL.build(), input_range=(0.0, 1.0))
    reference, file = zoo.Reference("run", "1", "a"), zoo.to_bytes(begun)
    text = recipes.training.training(reference, data, settings, card=begun.card)
    files = {recipes.architectures.PICTURES: datasets.packed(data), recipes.networks.OWN_FILE: file}
    result = ran(text, tmp_path, **files)["result"]
    *_, last = training.train(zoo.from_bytes(file), data, settings)
    assert last.epoch < 30
    assert len(result["val_loss"]) == last.epoch
    assert result["val_loss"][0] > 0
    assert result["val_loss"][-1] == pytest.approx(last.validation_loss, rel=1e-2)


def _program_of_the_base(base: str, side: int) -> str:
    """The lines that leave ``base``, before anything is made of it."""
    head = architectures.parse("global_average")
    network = architectures.Transfer(base, head, (64, 64, 3), 2, side=side)
    text = recipes.architectures.transferred(network, 0)
    return text[: text.index("\nlearns = ")]


@pytest.mark.parametrize("side", [64, 96, 128, 160, 192, 224])
@pytest.mark.parametrize("base", zoo.imagenet.HEADLESS)
def test_the_program_asks_for_the_weights_that_the_page_downloads(base, side, monkeypatch):
    import keras

    asked = []

    def get_file(file, origin, *_, cache_subdir="datasets", **__):
        asked.append((origin, cache_subdir, file))
        raise InterruptedError

    monkeypatch.setattr(importlib.import_module("keras.src.utils.file_utils"), "get_file", get_file)
    monkeypatch.setattr(keras.utils, "get_file", get_file)
    with pytest.raises(InterruptedError):
        exec(_program_of_the_base(base, side), {})
    fetched = []
    monkeypatch.setattr(downloads, "find", lambda *_: None)
    monkeypatch.setattr(downloads, "fetch", lambda *what, digest: fetched.append(what) or ())
    list(architectures.download_base(base))
    assert asked == fetched


@pytest.mark.parametrize("side", [64, 96, 128, 160, 192, 224])
@pytest.mark.parametrize("base", ["mobilenetv2", "mobilenet"])
def test_the_programs_base_has_the_pages_weights(base, side):
    if downloads.find("models", zoo.imagenet.HEADLESS[base].file) is None:
        pytest.skip(f"the weights of {base} without its classes are not on this machine")
    page = architectures.Transfer(base, architectures.parse("global_average"), (side, side, 3), 2).build()
    theirs = next(layer for layer in page.layers if hasattr(layer, "layers"))
    found = {}
    exec(_program_of_the_base(base, side), found)
    assert found["base"].input_shape == (None, side, side, 3)
    for one, other in zip(found["base"].get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
