"""Tests of heat maps, against networks whose truth is known: one pixel decides, or nothing does."""

import keras
import numpy as np
import pytest
from scipy import stats

from convviz import ConvvizError, attribution, images, trust, zoo


def corner_network():
    """Says "bright" if the top left 2 x 2 pixels of an 8 x 8 picture are bright, whatever stands elsewhere."""
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")]
    )
    weights = np.zeros((8, 8, 3, 2), np.float32)
    weights[:2, :2, :, 1] = 2.0
    model.layers[-1].set_weights([weights.reshape(-1, 2), np.array([6.0, 0.0], np.float32)])
    return zoo.wrap(model, ["dark", "bright"], input_range=(0, 1))


def corner_map(inside: float, outside: float) -> np.ndarray:
    heatmap = np.full((8, 8), outside, np.float32)
    heatmap[:2, :2] = inside
    return heatmap


@pytest.fixture(scope="module")
def corner():
    picture = np.full((8, 8, 3), 40, np.uint8)
    picture[:2, :2] = 255
    return corner_network(), picture


def test_deleting_what_decides_costs_the_class_at_once_and_deleting_the_rest_costs_nothing(corner):
    network, picture = corner
    right = trust.curves(network, picture, corner_map(1, 0), target=1, steps=16)
    wrong = trust.curves(network, picture, corner_map(0, 1), target=1, steps=16)
    assert right.shares.tolist() == np.linspace(0, 1, 17).tolist()
    # one step is four pixels: the whole corner
    empty = np.broadcast_to(network.prepare(picture)[0].mean(axis=(0, 1)), (8, 8, 3))
    gone = network.prepare(picture)[0].copy()
    gone[:2, :2] = empty[:2, :2]
    assert right.deletion[1] == pytest.approx(float(network.predict(gone[None])[1]), abs=1e-6)
    np.testing.assert_allclose(wrong.deletion[:16], network.predict(picture)[1], atol=1e-6)
    assert right.deletion_area < wrong.deletion_area
    assert right.insertion_area > wrong.insertion_area


def test_both_curves_begin_and_end_where_the_whole_and_the_empty_picture_are(corner):
    network, picture = corner
    found = trust.curves(network, picture, np.random.default_rng(0).random((5, 5)), target=1, steps=5)
    whole = float(network.predict(picture)[1])
    assert found.deletion[0] == pytest.approx(whole) == found.insertion[-1]
    assert found.deletion[-1] < found.deletion[0]
    assert found.insertion[0] < whole


def test_the_areas_are_those_of_the_trapezoidal_rule():
    shares, heights = np.array([0, 0.5, 1.0]), np.array([1.0, 0.5, 0.0])
    found = trust.Curves(shares, heights, 1 - heights)
    assert (found.deletion_area, found.insertion_area) == (0.5, 0.5)


def test_a_comparison_tells_of_every_method_and_then_of_chance(corner):
    network = zoo.load("shapes")
    told = list(trust.compare(network, images.sample("shapes"), ["grad_cam", "occlusion"], target=3, steps=8))
    trials = told[-1].trials
    assert [one.method for one in trials] == ["grad_cam", "occlusion", trust.RANDOM]
    shares = [one.done for one in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert sum(one.doing == "occlusion" for one in told) > 2, "a slow method is told of in parts"
    assert told[0].light().trials == ()
    assert trials[0].curves.deletion_area < trials[-1].curves.deletion_area
    heatmap = attribution.grad_cam(network, images.sample("shapes"), target=3).heatmap
    again = trust.curves(network, images.sample("shapes"), heatmap, target=3, steps=8)
    np.testing.assert_array_equal(trials[0].curves.deletion, again.deletion)


def test_the_rank_correlation_is_scipys():
    rng = np.random.default_rng(3)
    one, other = rng.integers(0, 5, (6, 7)).astype(float), rng.integers(0, 5, (6, 7)).astype(float)
    assert trust.rank_correlation(one, other) == pytest.approx(stats.spearmanr(one.ravel(), other.ravel()).statistic)
    assert np.isnan(trust.rank_correlation(one, np.ones((6, 7))))


def test_shuffling_touches_a_copy_only_and_keeps_the_values_of_every_tensor():
    network = zoo.load("shapes")
    before = [weight.copy() for weight in network.model.get_weights()]
    copied = trust.copied(network)
    rng = np.random.default_rng(0)
    for layer in copied.model.layers:
        trust._shuffle(layer, rng)
    changed = 0
    for was, now, kept in zip(before, copied.model.get_weights(), network.model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, was)
        np.testing.assert_array_equal(np.sort(now.ravel()), np.sort(was.ravel()))
        changed += not np.array_equal(now, was)
    assert changed > len(before) / 2


def test_guided_backpropagation_keeps_its_map_under_shuffled_weights_and_grad_cam_does_not():
    network = zoo.load("shapes")
    likeness = {}
    for method in ("grad_cam", "guided_backpropagation"):
        *_, last = trust.shuffle_cascade(network, images.sample("shapes"), method, target=3, stages=3)
        stages = last.stages
        assert (stages[0].layer, stages[0].shuffled) == ("", 0)
        assert stages[0].similarity == pytest.approx(1)
        assert stages[-1].shuffled == sum(bool(layer.weights) for layer in network.model.layers)
        assert stages[0].score > 0.9 > stages[-1].score
        likeness[method] = stages[1].similarity
    assert likeness["guided_backpropagation"] > 0.5 > likeness["grad_cam"]


def test_the_league_counts_what_its_own_parts_say():
    network = zoo.load("shapes")
    tables = list(trust.league(network, ["grad_cam"], pictures=4, seed=5))
    assert [one.pictures for one in tables] == [1, 2, 3, 4]
    last = {one.method: one for one in tables[-1].standings}
    assert set(last) == {"grad_cam", trust.CENTRE, trust.RANDOM}
    assert last["grad_cam"].overlap == pytest.approx(np.mean([one.overlap for one in tables]))
    assert last["grad_cam"].hits > last[trust.RANDOM].hits
    assert tables[0].light().example == b""
    assert tables[0].example.startswith(b"\x89PNG")


def test_the_league_points_with_the_largest_value_and_not_with_the_first_of_those_that_are_clipped():
    network, methods, count = zoo.load("shapes"), ["gradient", "guided_backpropagation"], 12
    *_, last = trust.league(network, methods, pictures=count, seed=0)
    drawn = trust.drawings(count, side=64, shapes_per_picture=2, seed=0)
    for row in last.standings[:2]:
        explain, hits, first = attribution.METHODS[row.method], 0, 0
        for picture, label, mask in zip(drawn.images, drawn.labels[:, 0], drawn.masks[:, 0], strict=True):
            found = explain(network, picture, target=int(label))
            assert found.raw.shape == mask.shape
            assert (found.heatmap == 1).sum() > 30
            hits += mask.flat[np.argmax(found.raw)]
            first += mask.flat[np.argmax(found.heatmap)]
        assert row.hits == hits != first


def test_a_map_of_pixels_is_tested_in_the_order_of_what_is_not_clipped(corner):
    network, picture = zoo.load("shapes"), images.sample("shapes")
    *_, last = trust.compare(network, picture, ["gradient"], target=3, randoms=1)
    found = attribution.gradient(network, picture, target=3)
    expected = trust.curves(network, picture, attribution.evidence(found), target=3)
    np.testing.assert_allclose(last.trials[0].curves.deletion, expected.deletion, atol=1e-5)
    shown = np.clip(attribution.evidence(found) / found.limit, 0, 1)
    np.testing.assert_allclose(shown, found.heatmap, atol=1e-6)
    assert attribution.evidence(found).max() > 1.2 * found.limit


def test_every_test_can_be_stopped_between_the_parts_of_a_slow_method():
    network, picture = zoo.load("shapes"), images.sample("shapes")
    for test in (
        trust.compare(network, picture, ["rise", "grad_cam"], target=3),
        trust.shuffle_cascade(network, picture, "rise", target=3),
        trust.league(network, ["rise"], pictures=3),
    ):
        assert 0 < next(test).done < 0.5
        with pytest.raises(StopIteration):
            test.send({"stop": True})


def test_what_cannot_be_tested_is_refused_with_the_way_out(corner):
    with pytest.raises(ConvvizError, match="no method 'nonsense'; choose from grad_cam"):
        next(trust.compare(corner[0], corner[1], ["nonsense"]))
    with pytest.raises(ConvvizError, match="choose shapes"):
        next(trust.league(corner[0], ["gradient"]))


def test_a_network_whose_answer_is_no_number_is_not_tested_and_the_layer_is_named(corner):
    network, picture = corner_network(), corner[1]
    kernel, bias = network.model.layers[-1].get_weights()
    network.model.layers[-1].set_weights([kernel, bias * np.nan])
    name = network.model.layers[-1].name
    for test in (
        trust.compare(network, picture, ["gradient"], target=1),
        trust.shuffle_cascade(network, picture, "gradient"),
    ):
        with pytest.raises(ConvvizError, match=f"weights of {name} are NaN or infinite"):
            next(test)


def test_a_network_that_cannot_be_copied_is_refused():
    class Own(keras.Model):
        def __init__(self, mystery):
            super().__init__()
            self.dense = keras.layers.Dense(2)

        def call(self, inputs):
            return self.dense(keras.ops.mean(inputs, axis=(1, 2)))

    model = Own(object())
    model(np.zeros((1, 8, 8, 3), np.float32))
    network = zoo.wrap(model, ["a", "b"], input_range=(0, 1))
    with pytest.raises(ConvvizError, match="cannot be copied"):
        trust.copied(network)
