"""Confusion matrices and mistakes, against scikit-learn and against networks whose answers are known."""

import keras
import numpy as np
import pytest
from sklearn import metrics

from convviz import ConvvizError, datasets, evaluation, zoo


def brightness_data(count=60):
    """Pictures of one grey level each; the class says whether it is below 85, below 170, or above."""
    levels = np.random.default_rng(0).integers(0, 256, count).astype(np.uint8)
    pictures = np.broadcast_to(levels[:, None, None, None], (count, 4, 4, 1)).copy()
    labels = (levels.astype(int) // 85).clip(0, 2)
    return datasets.Dataset(*(pictures, labels) * 3, ("dark", "middle", "bright"), "drawn here")


def middle_blind():
    """Says dark below 128 and bright above, the surer the farther; never middle."""
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")]
    )
    model.layers[-1].set_weights([np.array([[-8.0, 0, 8]], np.float32), np.array([4.0, -50, -4], np.float32)])
    return zoo.wrap(model, ["dark", "middle", "bright"], input_range=(0, 1))


def test_the_matrix_is_scikit_learns():
    data = brightness_data()
    report = evaluation.evaluate(middle_blind(), data)
    guessed = np.where(data.test_images[:, 0, 0, 0] / 255 > 0.5, 2, 0)
    assert np.array_equal(report.matrix, metrics.confusion_matrix(data.test_labels, guessed, labels=[0, 1, 2]))
    assert report.accuracy == pytest.approx(metrics.accuracy_score(data.test_labels, guessed))
    np.testing.assert_allclose(report.recall, metrics.recall_score(data.test_labels, guessed, average=None))
    assert report.count == 60


def test_the_surest_mistake_is_the_one_farthest_from_the_middle():
    data = brightness_data()
    report = evaluation.evaluate(middle_blind(), data, most=5)
    middles = np.flatnonzero(data.test_labels == 1)
    farthest = max(middles, key=lambda one: abs(float(data.test_images[one, 0, 0, 0]) - 127.5))
    first = report.mistakes[0]
    assert data.test_images[first.index, 0, 0, 0] == data.test_images[farthest, 0, 0, 0]
    assert first.true == 1
    assert first.probability == pytest.approx(middle_blind().predict(first.picture)[first.guessed], abs=1e-6)
    chances = [one.probability for one in report.mistakes]
    assert chances == sorted(chances, reverse=True)
    assert len(report.mistakes) == 5


def test_every_cell_lists_pictures_that_are_counted_there():
    data = brightness_data()
    network = middle_blind()
    report = evaluation.evaluate(network, data, per_cell=3)
    assert set(report.cells) == {tuple(cell) for cell in np.argwhere(report.matrix).tolist()}
    for (true, guessed), indices in report.cells.items():
        assert len(indices) == min(3, report.matrix[true, guessed])
        for index, picture in zip(indices, evaluation.pictures(data, indices), strict=True):
            assert data.test_labels[index] == true
            assert network.predict(picture).argmax() == guessed


def test_answers_in_batches_are_those_one_by_one():
    network, data = zoo.load("mnist"), datasets.load("digits")
    found = np.concatenate(list(evaluation.answers(network, data.test_images[:260])))
    assert found.shape == (260, 10)
    for place in (0, 249, 250, 259):
        np.testing.assert_allclose(found[place], network.predict(data.test_images[place]), atol=1e-6)


@pytest.mark.parametrize(("side", "most"), [(150, 22), (28, 500)])
def test_a_batchs_largest_maps_take_64_mb_at_most(side, most, monkeypatch):
    model = keras.Sequential(
        [keras.Input((side, side, 1)), keras.layers.Conv2D(32, 3, padding="same"), keras.layers.GlobalMaxPooling2D(),
         keras.layers.Dense(2, activation="softmax")]
    )  # fmt: skip
    network, pictures = zoo.wrap(model), np.zeros((501 if side < 50 else 50, side, side, 1), np.uint8)
    sizes = [len(some) for some in evaluation.answers(network, pictures)]
    assert sizes[0] == most
    assert sum(sizes) == len(pictures)
    assert most == 500 or most * side * side * 32 * 4 <= 64_000_000 < (most + 1) * side * side * 32 * 4


def test_it_tells_how_far_it_is_and_ends_with_the_report(monkeypatch):
    data, network = brightness_data(), middle_blind()
    monkeypatch.setattr(evaluation, "_MOST", 25)
    monkeypatch.setattr(evaluation, "_TOLD", -1.0)
    records = list(evaluation.examine(network, data))
    assert [(one.done, one.total) for one in records] == [(25, 60), (50, 60), (60, 60)]
    guessed = np.where(data.test_images[:, 0, 0, 0] / 255 > 0.5, 2, 0)
    assert [one.right for one in records] == [int((guessed == data.test_labels)[:n].sum()) for n in (25, 50, 60)]
    assert [one.report is None for one in records] == [True, True, False]
    monkeypatch.setattr(evaluation, "_MOST", 500)
    at_once = evaluation.evaluate(network, data)
    assert np.array_equal(records[-1].report.matrix, at_once.matrix)
    assert records[-1].report.cells == at_once.cells


def test_a_single_sigmoid_has_two_classes():
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(1, activation="sigmoid")]
    )
    model.layers[-1].set_weights([np.array([[8.0]], np.float32), np.array([-4.0], np.float32)])
    pictures = np.stack([np.full((4, 4, 1), level, np.uint8) for level in (10, 240, 200)])
    data = datasets.Dataset(*(pictures, np.array([0, 1, 0])) * 3, ("dark", "bright"), "drawn here")
    report = evaluation.evaluate(zoo.wrap(model, ["dark", "bright"], input_range=(0, 1)), data)
    assert report.matrix.tolist() == [[1, 1], [0, 1]]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ConvvizError, match="tells 3 classes apart and the data has 10"):
        evaluation.evaluate(middle_blind(), "digits")
    with pytest.raises(ConvvizError, match="no part 'rest'"):
        evaluation.evaluate(middle_blind(), brightness_data(), part="rest")
