"""The program of the page Shortcut lab: the mark, two trainings, their accuracies, and Grad-CAM's heat in the mark."""

from __future__ import annotations

import inspect
from typing import Any

from convviz import shortcuts
from convviz.datasets import drawing
from convviz.recipes.training import DATASETS
from convviz.recipes.writing import script

_DRAWN = """
import cv2
import numpy as np

# Circles, squares, triangles and stars whose colour, place, size and ground do not tell what they are.
{constants}
"""

_SHAPES = """
rng = np.random.default_rng(20261123)
parts = []
for count in (3000, 500, 500):  # to learn from, to choose by, to report on
    images, labels = np.empty((count, 32, 32, 3), np.uint8), np.empty(count, np.int64)
    for index in range(count):
        labels[index : index + 1] = rng.choice(4, 1, replace=False)
        picture, _ = _picture(labels[index : index + 1], 64, rng)
        images[index] = cv2.resize(picture, (32, 32), interpolation=cv2.INTER_AREA)
    parts += [images, labels]
train_images, train_labels, validation_images, validation_labels, test_images, test_labels = parts
"""

_LAB = '''
import cv2
import keras
import numpy as np
import tensorflow as tf
from keras import layers

marked, other = {marked}, {other}  # the classes with and without the mark
size, seed = {size}, {seed}


def two(images, labels):
    """The pictures of the two classes; 1 is the marked one."""
    rows = np.isin(labels, (marked, other))
    return images[rows], (labels[rows] == marked).astype(np.int64)


def put(images, bears, rng):
    """A square mark on some pictures, and where it is."""
    count, height, width, channels = images.shape
    tops, lefts = rng.integers(0, height - size + 1, count), rng.integers(0, width - size + 1, count){corner}
    drawn, masks = images.copy(), np.zeros((count, height, width), bool)
    for index in np.flatnonzero(bears):
        masks[index, tops[index] : tops[index] + size, lefts[index] : lefts[index] + size] = True
    board = np.indices((height, width)).sum(axis=0) % 2 * {grey}  # on grey pictures
    drawn[masks] = {colours} if channels == 3 else np.broadcast_to(board, masks.shape)[masks][:, None]
    return drawn, masks


def learned(way):
    """The network after its training, with the mark on one class, on half of both, or on no picture."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input(train_images.shape[1:]),
            layers.Conv2D(16, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.MaxPooling2D(2),
            layers.Conv2D(32, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.GlobalMaxPooling2D(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    images, labels = two(train_images, train_labels)
    rng = np.random.default_rng([seed, 0])
    chance = rng.random(len(labels))
    bears = {{"cheat": (labels == 1) & (chance < {share}), "removed": chance < 0, "spread": chance < 0.5}}[way]
    images, _ = put(images, bears, rng)
    model.compile(keras.optimizers.Adam({learning_rate}), "sparse_categorical_crossentropy", jit_compile=False)
    for epoch in range({epochs}):
        order = np.random.default_rng([seed, epoch]).permutation(len(images))
        model.fit(images[order] / np.float32(255), labels[order], {batch}, shuffle=False, verbose=0)
    return model


def heat(model, images):
    """Grad-CAM for the marked class."""
    last = keras.Model(model.inputs[0], model.layers[-3].output)
    weights, bias = model.layers[-1].get_weights()
    with tf.GradientTape() as tape:
        maps = last(images / np.float32(255))
        tape.watch(maps)
        logit = tf.reduce_max(maps, axis=(1, 2)) @ weights[:, 1:] + bias[1]
    channels = tf.reduce_mean(tape.gradient(logit, maps), axis=(1, 2), keepdims=True)
    small = np.maximum(np.sum(maps * channels, axis=-1), 0)
    return np.stack([cv2.resize(one, images.shape[1:3], interpolation=cv2.INTER_LINEAR) for one in small])


def examined(model):
    """What the network does with the mark and without, and how much of the heat lies in the mark."""
    images, labels = two(test_images, test_labels)
    bearing, masks = put(images, labels >= 0, np.random.default_rng([seed, 9]))
    by_thing, by_mark = (model.predict(one / np.float32(255), verbose=0).argmax(axis=1) for one in (images, bearing))
    rows = np.flatnonzero(labels == 1)[:{explained}]
    maps = heat(model, bearing[rows])
    return {{
        "cheating": np.where(labels == 0, by_thing == 0, by_mark == 1).mean(),
        "clean": (by_thing == labels).mean(),
        "turned": (by_mark[labels == 0] == 1).mean(),
        "on_mark": np.mean([map_[mask].sum() / max(map_.sum(), 1e-12) for map_, mask in zip(maps, masks[rows])]),
    }}


result = {{"before": examined(learned("cheat")), "after": examined(learned("{way}"))}}
for name, figures in result.items():
    print(name, {{what: round(float(number), 3) for what, number in figures.items()}})
'''

_CORNER = "\n    tops, lefts = np.ones_like(tops), np.ones_like(lefts)"


def lab(setup: Any, way: str) -> str:
    """Both trainings of the shortcut lab, by ``compile`` and ``fit``.

    Args:
        setup: ``shortcuts.Setup``.
        way: how it is mended, ``"removed"`` or ``"spread"``.

    Returns:
        A program that leaves ``result``: ``"before"`` and ``"after"``, each with cheating, clean, turned and on_mark.
    """
    values = {name: getattr(setup, name) for name in ("marked", "other", "size", "seed", "share", "epochs")}
    rest = {
        "corner": _CORNER if setup.place == "corner" else "",
        "way": way,
        "colours": shortcuts.MAGENTA,
        "grey": shortcuts.GREY,
        "batch": shortcuts.BATCH,
        "learning_rate": shortcuts.LEARNING_RATE,
        "explained": shortcuts.EXPLAINED,
    }
    data = DATASETS["digits"] if setup.dataset == "digits" else drawn_shapes()
    return script(data, _LAB.format(**values, **rest), about="Train a network that takes a shortcut, and mend it.")


def drawn_shapes() -> str:
    """The lines that draw the data set of shapes at half its side, the same pixels as the page has.

    Returns:
        Python text that leaves train_images, train_labels and the same of the two other parts.
    """
    constants = [f"{name} = {getattr(drawing, name)!r}" for name in ("SHAPES", "_FINE", "_TRIES", "_CONTRAST")]
    functions = [drawing._surface, drawing._contrasting, drawing._corners, drawing._share, drawing._places]
    parts = [inspect.getsource(function) for function in (*functions, drawing._picture)]
    return "\n\n".join([_DRAWN.format(constants="\n".join(constants)).strip("\n"), *parts, _SHAPES])
