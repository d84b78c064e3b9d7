"""Kinds of models times what the pages that look inside compute: each works, agrees with Keras, and leaves no trace."""

import gc

import keras
import numpy as np
import pytest
from keras import layers

from convviz import ConvvizError, activations, filters, graph, images, microscope, surgery, uploads, zoo
from convviz.surgery import Edit
from tests.test_surgery import CAT, MODELS, SHAPE, everything, head, of_a_class, seeded, wrapped


def with_preparation():
    parts = [
        layers.Resizing(16, 16), layers.Rescaling(1 / 127.5, -1),
        layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0]), layers.RandomFlip(),
        layers.Conv2D(4, 3, name="c"), layers.LayerNormalization(), layers.PReLU(), layers.UpSampling2D(2),
        layers.Cropping2D(1), *head(),
    ]  # fmt: skip
    return keras.Sequential([keras.Input((None, None, 3)), *parts])


def without_input():
    model = keras.Sequential([layers.Conv2D(4, 3, name="c"), layers.ReLU(), *head()])
    model(np.zeros((1, *SHAPE), np.float32))
    return model


def squeezed():
    pictures = keras.Input((16, 16, 4), name="rgba")
    maps = layers.SeparableConv2D(6, 3, padding="same", name="c")(pictures)
    gate = layers.Dense(6, activation="sigmoid", name="gate")(layers.GlobalAveragePooling2D(keepdims=True)(maps))
    parts = [layers.Multiply(name="gated")([maps, gate]), layers.Conv2DTranspose(3, 2, strides=2, name="up")(maps)]
    pooled = [layers.GlobalMaxPooling2D()(one) for one in parts]
    return keras.Model(pictures, {"class": layers.Dense(3)(layers.Concatenate()(pooled)), "map": parts[1]})


KINDS = {
    **MODELS, "preparation inside": with_preparation, "without an input": without_input, "gates, RGBA, named": squeezed,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_page_looks_into_every_kind_and_leaves_it_as_it_was(kind):
    network = wrapped(KINDS[kind])
    before = everything(network.model)
    shown = [entry for entry in network.card.layers if len(entry.output_shape) in (1, 3)]
    found = graph.layer_graph(network)
    assert {entry.name for entry in network.card.layers} <= {node.layer for node in found.nodes}
    maps = activations.feature_maps(network, CAT, [entry.name for entry in shown])
    precise = 2e-2 if kind == "half precision" else 1e-4
    for entry in shown:
        cell = microscope.look(network, CAT, entry.name)
        place = (cell.channel,) if cell.row is None else (cell.row, cell.col, cell.channel)
        assert cell.value == pytest.approx(float(maps[entry.name][place]), rel=precise, abs=precise)
        assert cell.computed is not None or cell.note
        if cell.computed is not None and kind != "shared layer":
            assert cell.difference <= precise * max(1, abs(cell.value)), (entry.name, cell.steps)
    for entry in [one for one in network.card.layers if one.kind in filters.KINDS]:
        board = filters.board(network, entry.name)
        assert filters.statistics(network, entry.name).count == np.prod(board.shape)
        weight = surgery.weight(network, entry.name, (0, 0, 0, 1))
        assert weight == filters.one(network, entry.name, 1).kernels[0, 0, 0]
    ranking = list(surgery.search(network, CAT, next(one.name for one in shown if one.has_maps), 0))[-1]
    assert np.isfinite(ranking.drops).all()
    assert everything(network.model) == before


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_an_uploaded_model_is_operated_on(ending, tmp_path):
    model = seeded(MODELS["nested"])
    model.save(path := tmp_path / f"model{ending}")
    network = uploads.open_network(path.read_bytes())
    outcome = surgery.operate(network, CAT, [Edit("mute", "base/conv1", (one,)) for one in range(4)])
    assert outcome.view == "base/conv1"
    assert not outcome.map_after.any()
    np.testing.assert_allclose(outcome.before, zoo.wrap(model).predict(CAT), atol=1e-5)


def test_a_model_that_breaks_in_the_middle_is_left_as_it_was_by_each_look(monkeypatch):
    network = wrapped(MODELS["branches and two outputs"])
    before = everything(network.model)

    def broken(*_, **__):
        raise RuntimeError("in the middle")

    looks = [
        lambda: microscope.look(network, CAT, "join"),
        lambda: microscope.stage(network, CAT, "join", 0),
        lambda: graph.layer_graph(network),
        lambda: list(surgery.search(network, CAT, "deep", 0)),
        lambda: surgery.operate(network, CAT, [Edit("set", "c", (0, 0, 0, 0), 1)]),
        lambda: activations.feature_maps(network, CAT),
    ]
    join = network.model.get_layer("join")
    for look in looks:
        with monkeypatch.context() as patch:
            patch.setitem(vars(join), "call", broken)
            with pytest.raises(RuntimeError, match="in the middle"):
                look()
        assert everything(network.model) == before
    with pytest.raises(ConvvizError):
        microscope.look(network, CAT, "join", 0, 99, 99)
    assert everything(network.model) == before


def test_a_hundred_looks_do_not_grow():
    network = wrapped(MODELS["sequential"])
    pictures = [np.roll(CAT, step, axis=1) for step in range(5)]

    def looks():
        for number in range(100):
            picture, channel = pictures[number % 5], number % 4
            microscope.look(network, picture, "c", channel, number % 10, 3)
            surgery.operate(network, picture, [Edit("scale", "c", (channel,), number)])

    looks()
    gc.collect()
    kept, objects = len(network.compiled), len(gc.get_objects())
    looks()
    gc.collect()
    assert len(network.compiled) == kept
    assert len(gc.get_objects()) < objects + 500


def test_a_class_of_ones_own_is_a_notebooks_and_a_picture_of_one_pixel_is_enough():
    network = zoo.wrap(seeded(of_a_class), input_shape=SHAPE)
    outcome = surgery.operate(network, np.zeros((1, 1, 3), np.uint8), [Edit("mute", "c", (0,))])
    assert outcome.map_after.shape == (14, 14)
    assert images.sample("cat").shape == CAT.shape
