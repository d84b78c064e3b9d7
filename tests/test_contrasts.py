"""Channels at a place and on two pictures, and what depth does, against sums written out and Keras' own outputs."""

import io

import keras
import numpy as np
import pytest
from PIL import Image

from convviz import (
    ConvvizError,
    activations,
    contrasts,
    convolution,
    depth,
    exemplars,
    images,
    likeness,
    rendering,
    stimuli,
    tracing,
    zoo,
)
from tests import test_zoo_any_model as any_model

CAT, OTHER = images.sample("cat"), images.sample("astronaut")


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(4)
    return keras.Sequential(
        [
            keras.Input((24, 20, 3)),
            keras.layers.Conv2D(6, 3, activation="relu", name="a"),
            keras.layers.Conv2D(7, 3, name="linear"),
            keras.layers.ReLU(name="b"),
            keras.layers.Flatten(),
            keras.layers.Dense(2, name="end"),
        ]
    )


@pytest.fixture(scope="module")
def network(model):
    return zoo.wrap(model, input_range=(0, 1))


def own(model, network, layer, picture):
    inner = keras.Model(model.inputs[0], model.get_layer(layer).output)
    return np.asarray(inner(network.prepare(picture)))[0]


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def spoiled(value):
    """One weight of filter 2 of its second layer is no number."""
    keras.utils.set_random_seed(4)
    first = keras.layers.Conv2D(6, 3, activation="relu", name="a")
    second = keras.layers.Conv2D(8, 3, activation="relu", name="b")
    model = keras.Sequential([keras.Input((24, 20, 3)), first, second, keras.layers.Flatten(), keras.layers.Dense(2)])
    kernel, bias = second.get_weights()
    kernel[1, 1, 0, 2] = value
    second.set_weights([kernel, bias])
    return model


# --- a place -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", contrasts.RANKINGS)
def test_channels_are_ranked_at_a_place_as_keras_numbers_say(model, network, by):
    maps = own(model, network, "linear", CAT)
    found = contrasts.place(network, CAT, "linear", 5, 9, by=by, most=4)
    means, spread = maps.mean(axis=(0, 1)), maps.std(axis=(0, 1))
    key = maps[5, 9] if by == "value" else (maps[5, 9] - means) / spread
    assert list(found.order) == np.argsort(-key)[:4].tolist()
    np.testing.assert_allclose(found.values, maps[5, 9, list(found.order)], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.surprises, ((maps[5, 9] - means) / spread)[list(found.order)], rtol=1e-3)
    assert found.above_zero == (maps[5, 9] > 0).sum()
    width = found.columns * (found.tile[1] + 1) - 1
    assert pixels(found.png).shape[1] == width


def test_a_place_beyond_the_map_and_a_layer_without_maps_are_refused(network):
    with pytest.raises(ConvvizError, match="20 x 16 cells, and none at"):
        contrasts.place(network, CAT, "linear", 20, 0)
    with pytest.raises(ConvvizError, match="no feature maps but 2 numbers"):
        contrasts.place(network, CAT, "end", 0, 0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_channels_that_are_no_numbers_have_no_rank_and_are_named(value):
    model = spoiled(value)
    network = zoo.wrap(model, input_range=(0, 1))
    one, two = (own(model, network, "b", picture) for picture in (CAT, OTHER))
    others = [0, 1, 3, 4, 5, 6, 7]
    row, col = np.argwhere(~np.isfinite(one[..., 2]))[0]
    found = contrasts.place(network, CAT, "b", row, col)
    assert found.broken == (2,)
    assert sorted(found.order) == others
    np.testing.assert_allclose(found.values, np.sort(one[row, col, others])[::-1], rtol=1e-5)
    assert found.above_zero == (one[row, col, others] > 0).sum()
    both = contrasts.difference(network, CAT, OTHER, "b")
    assert both.broken == (2,)
    assert sorted(both.order) == others
    apart = np.abs(two[..., others] - one[..., others]).mean(axis=(0, 1))
    np.testing.assert_allclose(both.apart, np.sort(apart)[::-1], rtol=1e-5)
    assert both.limit == pytest.approx(max(one[..., others].max(), two[..., others].max()))
    likeness_ = np.corrcoef(one[..., others].ravel(), two[..., others].ravel())[0, 1]
    assert both.similarity == pytest.approx(likeness_, rel=1e-4)
    varies = one[..., others].std(axis=(0, 1))
    assert activations.strongest(network, CAT, "b") == others[int(varies.argmax())]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_the_profile_measures_the_channels_that_are_numbers_alone(value):
    found = {one.name: one for one in depth.profile(zoo.wrap(spoiled(value), input_range=(0, 1)), CAT)}
    assert (found["a"].broken, found["b"].broken) == ((), (2,))
    whole = spoiled(0.0)  # the same, but with a number there; its other channels are taken alone
    kernel, bias = whole.get_layer("b").get_weights()
    others = [0, 1, 3, 4, 5, 6, 7]
    alone = keras.layers.Conv2D(7, 3, activation="relu", name="b")
    rest = [keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((24, 20, 3)), whole.get_layer("a"), alone, *rest])
    alone.set_weights([kernel[..., others], bias[others]])
    expected = {one.name: one for one in depth.profile(zoo.wrap(model, input_range=(0, 1)), CAT)}["b"]
    assert found["b"].shape[-1] == 8
    assert found["b"].blank == expected.blank
    assert found["b"].edges == pytest.approx(expected.edges, abs=1e-4)
    assert found["b"].readable == pytest.approx(expected.readable, abs=1e-4)


def test_where_no_channel_is_a_number_nothing_is_ranked():
    model = spoiled(1)
    model.get_layer("b").set_weights([one * np.nan for one in model.get_layer("b").get_weights()])
    network = zoo.wrap(model, input_range=(0, 1))
    found = contrasts.place(network, CAT, "b", 2, 3)
    assert (found.order, found.broken, found.png, found.above_zero) == ((), tuple(range(8)), b"", 0)
    assert contrasts.difference(network, CAT, OTHER, "b").broken == tuple(range(8))
    last = depth.profile(network, CAT)[-1]
    assert last.broken == tuple(range(8))
    assert np.isnan([last.edges, last.readable]).all()


# --- two pictures --------------------------------------------------------------------------------------------------


def test_the_channels_that_differ_most_come_first_on_one_scale(model, network):
    one, two = (own(model, network, "b", picture) for picture in (CAT, OTHER))
    found = contrasts.difference(network, CAT, OTHER, "b", most=5, columns=3)
    apart = np.abs(one - two).mean(axis=(0, 1))
    order = np.argsort(-apart)[:5]
    assert list(found.order) == order.tolist()
    np.testing.assert_allclose(found.apart, apart[order], rtol=1e-4)
    np.testing.assert_allclose(found.first, one.mean(axis=(0, 1))[order], rtol=1e-4)
    assert found.similarity == pytest.approx(np.corrcoef(one.ravel(), two.ravel())[0, 1], abs=1e-4)
    assert found.limit == pytest.approx(max(one[..., order].max(), two[..., order].max()), rel=1e-5)
    shown = pixels(found.pngs[2])[: found.tile[0], : found.tile[1]]
    expected = rendering.signed((two - one)[..., order[0]], found.limit)
    factor = found.tile[0] // one.shape[0]
    assert np.abs(shown[::factor, ::factor].astype(int) - expected).max() <= 6, "one step of the table"


def test_a_picture_does_not_differ_from_itself(network):
    found = contrasts.difference(network, CAT, CAT, "b")
    assert not found.apart.any()
    assert found.similarity == pytest.approx(1)


# --- depth ---------------------------------------------------------------------------------------------------------


def test_the_profile_counts_zeros_and_blanks_of_rectified_layers(model, network):
    found = depth.profile(network, CAT)
    assert [one.name for one in found] == ["a", "b"]
    for one in found:
        maps = own(model, network, one.name, CAT)
        assert one.silent == pytest.approx((maps == 0).mean(), abs=1e-6)
        assert one.blank == (np.ptp(maps, axis=(0, 1)) == 0).sum()


def identity(*kernels):
    """A network whose maps are known: kernels over brightness, no activation."""
    layer = keras.layers.Conv2D(len(kernels), 3, padding="same", name="c", use_bias=False)
    model = keras.Sequential([keras.Input((64, 64, 1)), layer, keras.layers.Flatten(), keras.layers.Dense(1)])
    layer.set_weights([np.stack(kernels, axis=-1)[:, :, None].astype(np.float32)])
    return zoo.wrap(model, input_range=(0, 255))


def test_all_brightness_is_read_off_a_copy_and_none_off_nothing():
    copy, nothing = np.zeros((3, 3)), np.zeros((3, 3))
    copy[1, 1] = -2
    (one,) = depth.profile(identity(copy, nothing), CAT)
    assert one.readable == pytest.approx(1, abs=1e-3)
    assert (one.blank, one.silent) == (1, None)
    (one,) = depth.profile(identity(nothing, nothing), CAT)
    assert one.readable == 0
    assert np.isnan(one.edges)


def test_brightness_is_read_by_least_squares_over_the_enlarged_cells(model, network):
    maps = own(model, network, "a", CAT)
    fine = images.resize(images.grey(CAT).astype(np.float32), (64, 64)).astype(np.float64)
    rows, cols = np.arange(64) * maps.shape[0] // 64, np.arange(64) * maps.shape[1] // 64
    given = np.column_stack([maps[rows[:, None], cols].reshape(64 * 64, -1), np.ones(64 * 64)])
    left = np.linalg.lstsq(given, fine.ravel(), rcond=None)[0]
    expected = 1 - ((fine.ravel() - given @ left) ** 2).sum() / ((fine - fine.mean()) ** 2).sum()
    assert depth.profile(network, CAT)[0].readable == pytest.approx(expected, abs=1e-4)


def test_a_map_that_is_the_edges_has_a_likeness_of_one():
    brightness = images.grey(CAT).astype(np.float32)
    edges = images.resize(convolution.gradient(brightness)[0], (30, 40))
    cells = np.stack([-3 * edges + 1, np.zeros_like(edges)], axis=-1).reshape(-1, 2).astype(np.float64)
    assert depth._edges(cells, brightness, (30, 40)) == pytest.approx(1)


def test_an_even_picture_has_no_depth_to_measure(network):
    for one in depth.profile(network, np.full((9, 9, 3), 90, np.uint8)):
        assert np.isnan(one.readable)


# --- mosaics -------------------------------------------------------------------------------------------------------


def test_the_networks_limits_are_those_of_all_its_maps(network):
    maps = activations.feature_maps(network, CAT)
    low, high = activations.limits(network, CAT)
    assert low == pytest.approx(min(one.min() for one in maps.values()), rel=1e-5)
    assert high == pytest.approx(max(one.max() for one in maps.values()), rel=1e-5)


@pytest.mark.parametrize("scale", ["channel", "layer", "network"])
def test_signed_maps_are_signed_and_magnitudes_begin_at_zero(network, scale):
    maps = activations.feature_maps(network, CAT)
    found = activations.mosaics(network, CAT, columns=1, scale=scale, coloured=True)
    whole = max(map(abs, activations.limits(network, CAT)))
    for name, one in found.items():
        values = maps[name][..., 0]
        signed = maps[name].min() < 0 or scale == "network"
        assert one.table == ("signed" if signed else "viridis")
        limit = {"channel": np.abs(values).max(), "layer": np.abs(maps[name]).max(), "network": whole}[scale]
        assert one.limit is None if scale == "channel" else one.limit == pytest.approx(limit, rel=1e-5)
        draw = rendering.signed if signed else rendering.magnitude
        shown = pixels(one.png)[: values.shape[0]].astype(int)
        assert np.abs(shown - draw(values, limit)).max() <= 6, "one step of the table"


def test_channels_come_by_response_and_blank_ones_are_left_out_or_crossed():
    layer = keras.layers.Conv2D(4, 1, activation="relu", name="c")
    model = keras.Sequential([keras.Input((6, 6, 1)), layer])
    layer.set_weights([np.float32([1, -1, 0, 2]).reshape(1, 1, 1, 4), np.zeros(4, np.float32)])
    batch = np.random.default_rng(0).random((1, 6, 6, 1), np.float32) + 0.1
    network = zoo.wrap(model)
    plain = activations.mosaics(network, batch, columns=4)["c"]
    ordered = activations.mosaics(network, batch, columns=4, order="response")["c"]
    assert ordered.order == (3, 0, 1, 2)
    assert ordered.means[0] == pytest.approx(2 * batch.mean(), rel=1e-5)
    few = activations.mosaics(network, batch, columns=4, order="response", blank="hidden")["c"]
    assert (few.order, few.blank, few.shape) == ((3, 0), (1, 2), (6, 6, 4))
    assert few.at(0, 7) == (0, 0, 0)
    crossed = pixels(activations.mosaics(network, batch, columns=4, blank="crossed")["c"].png)[..., 0]
    before = pixels(plain.png)[..., 0]
    for channel in range(4):
        tile = np.s_[:, channel * 7 : channel * 7 + 6]
        changed = (crossed[tile] != before[tile]).sum()
        assert changed == (6 if channel in (1, 2) else 0)


def test_a_hundred_looks_do_not_grow(model):
    psutil = pytest.importorskip("psutil")
    network = zoo.wrap(model, input_range=(0, 1))
    process = psutil.Process()

    def look(number):
        layer = ("a", "linear", "b")[number % 3]
        scale = ("channel", "layer", "network", "lecture")[number % 4]
        activations.mosaics(network, CAT, [layer], scale=scale, coloured=True, order="response")
        contrasts.place(network, CAT, layer, number % 16, number % 14)
        contrasts.difference(network, CAT, OTHER, layer)
        activations.channel(network, CAT, layer, number % 6)

    for number in range(12):
        look(number)
    kept, before = set(network.compiled), process.memory_info().rss
    for number in range(100):
        look(number)
    assert set(network.compiled) == kept
    assert process.memory_info().rss - before < 30e6
    assert not [layer for layer in model.layers if "call" in vars(layer)]


# --- kinds of models -----------------------------------------------------------------------------------------------

KINDS = [
    *any_model.ODD_INPUTS,
    lambda: any_model.of_channels(1),
    lambda: any_model.of_channels(7),
    any_model.transferred,
]


@pytest.mark.parametrize("build", KINDS)
def test_every_kind_of_model_is_looked_at_in_every_way_and_nothing_is_left_on_it(build):
    model = any_model.seeded(build)
    before = [weight.copy() for weight in model.get_weights()]
    network = zoo.wrap(model)
    layer = network.card.explained_layer
    maps = activations.feature_maps(network, CAT, [layer])[layer]
    one = activations.mosaics(network, CAT, [layer], scale="network", coloured=True, order="response")[layer]
    assert sorted(one.order) == list(range(maps.shape[-1]))
    ranked = contrasts.place(network, CAT, layer, 1, 2)
    np.testing.assert_allclose(ranked.values, np.sort(maps[1, 2])[::-1][:12], rtol=1e-4, atol=1e-6)
    assert contrasts.difference(network, CAT, OTHER, layer).apart.any()
    assert all(0 <= one.readable <= 1 for one in depth.profile(network, CAT))
    *_, found = exemplars.search(network, exemplars.SAMPLES, layer, [0], count=4, most=1)
    assert found.done == 4
    sweep = stimuli.sweep("bar", "width", steps=3, size=16)
    if build is not any_model.of_two_pictures_by_name:  # its other input has no size that could go with any picture's
        assert likeness.answers(network, layer, sweep).responses.shape == (3, maps.shape[-1])
    assert not [one.name for one in tracing.leaves(model).values() if "call" in vars(one)]
    assert all((one == two).all() for one, two in zip(before, model.get_weights(), strict=True))
