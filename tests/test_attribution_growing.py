"""The maps of slow methods while they grow: each part of the work is the map of what was asked by then."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from convviz import attribution, zoo

CHANNELS = 70  # more than fit into one part


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(2)
    pixels = keras.Input((12, 12, 3))
    maps = keras.layers.Conv2D(CHANNELS, 3, activation="relu", name="late")(pixels)
    classes = keras.layers.Dense(3, activation="softmax", name="classes")(keras.layers.Flatten()(maps))
    return zoo.wrap(keras.Model(pixels, classes), input_range=(0, 1))


@pytest.fixture(scope="module")
def batch():
    return np.random.default_rng(5).random((2, 12, 12, 3), np.float32)


def parts(method, network, batch, **choices):
    """(share done, the answer by then) after each part, and the answer."""
    steps, found = attribution.METHODS[method].steps(network, batch, **choices), []
    while True:
        try:
            part = next(steps)
        except StopIteration as end:
            return found, end.value
        found.append((part.done, part.so_far()))


LONG = {
    "score_cam": {},
    "ablation_cam": {},
    "smooth_gradient": {"samples": 70},
    "integrated_gradients": {"steps": 70},
    "occlusion": {"patch": 2, "stride": 1},
    "rise": {"masks": 70},
}


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("method", attribution.SLOW)
def test_the_last_part_is_the_answer_and_the_ones_before_come_near_it(method, signed, network, batch):
    assert set(LONG) == set(attribution.SLOW)
    found, answer = parts(method, network, batch[:1], target=1, signed=signed, **LONG[method])
    assert len(found) >= 3
    np.testing.assert_allclose(found[-1][1].raw, answer.raw, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found[-1][1].heatmap, answer.heatmap, rtol=1e-4, atol=1e-5)
    away = [np.abs(one.raw - answer.raw).mean() for _, one in found]
    assert away[0] > away[-1]
    assert np.corrcoef(found[0][1].raw.ravel(), answer.raw.ravel())[0, 1] > 0.3
    assert (found[0][1].target, found[0][1].layer, found[0][1].method) == (1, answer.layer, method)


def test_fewer_channels_masks_or_samples_are_what_the_part_shows(network, batch):
    for method, choice in (("score_cam", "channels"), ("rise", "masks"), ("smooth_gradient", "samples")):
        found, _ = parts(method, network, batch[:1], target=2, **LONG[method])
        for done, so_far in found[:-1]:
            alone = attribution.METHODS[method](network, batch[:1], target=2, **{choice: done})
            np.testing.assert_allclose(so_far.raw, alone.raw, rtol=1e-4, atol=1e-6)


def test_ablation_so_far_is_what_the_liveliest_channels_bring(network, batch):
    model = network.model
    found, answer = parts("ablation_cam", network, batch[:1], target=0, signed=True)
    maps = keras.Model(model.input, model.get_layer("late").output)(batch[:1]).numpy()[0]
    kernel = model.get_layer("classes").kernel.numpy()[:, 0].reshape(maps.shape)
    brings = (maps * kernel).sum(axis=(0, 1))  # what the logit loses without each channel, since what follows is linear
    order = np.argsort(-maps.std(axis=(0, 1)), kind="stable")
    for done, so_far in found:
        expected = maps[..., order[:done]] @ brings[order[:done]]
        np.testing.assert_allclose(so_far.raw, expected, rtol=1e-3, atol=1e-4)
    assert [done for done, _ in found] == [32, 64, CHANNELS]
    np.testing.assert_allclose(answer.raw, maps @ brings, rtol=1e-3, atol=1e-4)


def test_occlusion_looks_at_the_whole_picture_first_and_then_more_closely(network, batch):
    found, _ = parts("occlusion", network, batch[:1], target=0, signed=True, patch=4, stride=1)
    assert [done for done, _ in found] == [32, 64, 81]
    answer = tf.function(network.answer)
    whole, loss = answer(batch[:1]).numpy()[0, 0], np.zeros((12, 12, 2))
    corners = [(row, col) for row in range(0, 9, 2) for col in range(0, 9, 2)]
    corners += [(row, col) for row in range(0, 9, 2) for col in range(1, 9, 2)]
    for row, col in corners[:32]:
        hidden = batch[0].copy()
        hidden[row : row + 4, col : col + 4] = batch[0].mean(axis=(0, 1))
        loss[row : row + 4, col : col + 4] += [whole - answer(hidden[None]).numpy()[0, 0], 1]
    assert loss[..., 1].all(), "every pixel has been under a patch by then"
    np.testing.assert_allclose(found[0][1].raw, loss[..., 0] / loss[..., 1], rtol=1e-3, atol=1e-5)


def test_each_part_of_integrated_gradients_goes_all_the_way(network, batch):
    network.model.get_layer("late").bias.assign(np.linspace(-0.5, 0.5, CHANNELS))  # the slope changes on the way
    found, every = parts("integrated_gradients", network, batch[:1], target=0, signed=True, steps=70)
    answer = tf.function(network.answer)
    whole, black = map(float, answer(np.stack([batch[0], np.zeros((12, 12, 3), np.float32)])).numpy()[:, 0])
    network.model.get_layer("late").bias.assign(np.zeros(CHANNELS))
    sums = [float(so_far.raw.sum()) for _, so_far in found]
    assert sums == pytest.approx([whole - black] * 3, abs=0.02 * float(np.abs(every.raw).sum()))


@pytest.mark.parametrize("method", attribution.SLOW)
def test_of_several_pictures_the_finished_ones_stay_as_they_are(method, network, batch):
    found, answers = parts(method, network, batch, target=1, signed=True, **LONG[method])
    counts = [len(one) if isinstance(one, list) else 1 for _, one in found]
    assert counts == sorted(counts)
    assert set(counts) == {1, 2}
    for (_, one), count in zip(found, counts, strict=True):
        if count == 2:
            np.testing.assert_allclose(one[0].raw, answers[0].raw, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found[-1][1][1].raw, answers[1].raw, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("method", ["score_cam", "integrated_gradients"])
@pytest.mark.parametrize("size", [(40, 30), (6, 5)])
def test_an_answer_without_its_heat_map_gets_it_back(method, size, network):
    picture = np.random.default_rng(6).integers(0, 256, (*size, 3), np.uint8)
    answer = attribution.METHODS[method](network, picture, target=1, signed=True)
    light = answer.light()
    assert not light.heatmap.size
    np.testing.assert_array_equal(attribution.sized(light, size).heatmap, answer.heatmap)


def test_a_visitor_is_told_of_a_growing_map_without_a_cause_for_what_is_still_blank(network, batch):
    blind = zoo.wrap(keras.Sequential([keras.Input((12, 12, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]))
    blind.model.set_weights([np.zeros_like(one) for one in blind.model.get_weights()])
    told = list(attribution.explain(blind, [batch[:1]], "occlusion", targets=[0], every=0))
    assert told[0].answers[0].note == ""
    assert "does not change the class" in told[-1].answers[0].note
    rarely = list(attribution.explain(network, [batch[:1]], "rise", targets=[0], every=1000))
    assert len(rarely) == 2, "the first part, and the answer"
