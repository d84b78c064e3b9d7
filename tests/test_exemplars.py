"""Exemplars against a search by hand: every picture through Keras' own layers, one by one."""

import keras
import numpy as np
import pytest

from convviz import ConvvizError, datasets, exemplars, images, zoo


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input((12, 16, 3)),
            keras.layers.Conv2D(4, 3, name="linear"),
            keras.layers.ReLU(name="cut"),
            keras.layers.Conv2D(5, 3, strides=2, activation="relu", name="second"),
            keras.layers.Flatten(),
            keras.layers.Dense(2, name="end"),
        ]
    )
    model.get_layer("second").bias.assign([0, 0, 0, 0, -99])
    return model


@pytest.fixture(scope="module")
def network(model):
    return zoo.wrap(model, input_range=(0, 1))


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    pictures = np.repeat(np.repeat(rng.integers(0, 256, (23, 6, 8, 3), np.uint8), 4, axis=1), 4, axis=2)  # 24 x 32
    labels = np.arange(23) % 2
    return datasets.Dataset(pictures, labels, pictures[:3], labels[:3], pictures, labels, ("even", "odd"), "made here")


def by_hand(model, network, data, channel):
    inner = keras.Model(model.inputs[0], model.get_layer("second").output)
    maps = [np.asarray(inner(network.prepare(one)))[0, ..., channel] for one in data.test_images]
    return np.array([one.max() for one in maps]), [np.unravel_index(one.argmax(), one.shape) for one in maps]


def last(steps):
    return list(steps)[-1]


def test_the_strongest_pictures_and_cells_are_those_of_a_search_by_hand(model, network, data, monkeypatch):
    monkeypatch.setattr(exemplars, "_BATCH", 5)
    found = list(exemplars.search(network, data, "second", [2, 0], most=4))
    assert [one.done for one in found] == [5, 10, 15, 20, 23]
    assert (found[-1].total, found[-1].whole) == (23, 23)
    for channel in (2, 0):
        peaks, cells = by_hand(model, network, data, channel)
        best = found[-1].best[channel]
        assert [one.index for one in best] == np.argsort(-peaks, kind="stable")[:4].tolist()
        np.testing.assert_allclose([one.value for one in best], np.sort(peaks)[::-1][:4], rtol=1e-5)
        for one in best:
            assert one.cell == tuple(cells[one.index])
            assert one.label == data.class_names[data.test_labels[one.index]]
        assert found[-1].means[channel] == pytest.approx(peaks.mean(), rel=1e-5)
        assert found[-1].silent[channel] == (peaks == 0).sum()
    assert found[-1].light().best == {}


def test_the_window_is_what_can_change_the_cell_and_the_crop_is_the_picture_within(model, network, data):
    inner = keras.Model(model.inputs[0], model.get_layer("second").output)
    one = last(exemplars.search(network, data, "second", [1], most=1)).best[1][0]
    top, left, bottom, right = one.window
    np.testing.assert_array_equal(one.crop, data.test_images[one.index][top:bottom, left:right])
    outside = data.test_images[one.index].copy()
    kept = outside[top:bottom, left:right].copy()
    outside[:] = 255 - outside
    outside[top:bottom, left:right] = kept
    value = np.asarray(inner(network.prepare(outside)))[0, *one.cell, 1]
    assert value == pytest.approx(one.value, rel=1e-5)
    assert (bottom - top, right - left) == (10, 10), "5 pixels of 12 by 16, twice as many of 24 by 32"


def test_a_silent_channel_has_no_exemplars(network, data):
    found = last(exemplars.search(network, data, "second", [4]))
    assert found.best[4] == ()
    assert found.silent[4] == 23
    assert found.means[4] == 0


def test_some_pictures_are_taken_evenly_and_a_stop_ends_the_search(network, data):
    assert last(exemplars.search(network, data, "cut", [0], count=3, most=9)).total == 3
    steps = exemplars.search(network, data, "cut", [0])
    next(steps)
    with pytest.raises(StopIteration):
        steps.send({"stop": True})


def test_sample_pictures_of_any_size_can_be_searched(network):
    found = last(exemplars.search(network, exemplars.SAMPLES, "linear", [0], most=3))
    assert found.whole == len(images.sample_names())
    assert all(max(one.picture.shape[:2]) <= exemplars.SHOWN for one in found.best[0])


def test_a_hundred_searches_trace_once(model, data):
    fresh = zoo.wrap(model, input_range=(0, 1))
    for number in range(100):
        next(exemplars.search(fresh, data, "second", [number % 5], count=2))
    assert len([key for key in fresh.compiled if key[0] == "exemplars"]) == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"layer": "end"}, "has no layer 'end' with feature maps"),
        ({"channels": [5]}, "second has 5 channels, counted from 0, and no number 5"),
        ({"part": "x"}, "there is no part 'x'"),
        ({"dataset": "x"}, "there is no data set 'x'"),
    ],
)
def test_what_is_not_there_is_refused(network, data, change, sentence):
    asked = {"dataset": data, "layer": "second", "channels": [0], **change}
    with pytest.raises(ConvvizError, match=sentence):
        next(exemplars.search(network, **asked))


def test_pictures_on_which_a_channel_has_nan_are_counted_and_called_neither_loud_nor_silent(model, data):
    broken = keras.models.clone_model(model)
    broken.set_weights(model.get_weights())
    kernel, bias = broken.get_layer("second").get_weights()
    kernel[1, 1, 0, 2] = np.nan
    broken.get_layer("second").set_weights([kernel, bias])
    found = last(exemplars.search(zoo.wrap(broken, input_range=(0, 1)), data, "second", [0, 2]))
    assert found.broken == {0: 0, 2: 23}
    assert found.silent[2] == 0
    assert found.best[2] == ()
