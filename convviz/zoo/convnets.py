"""The small convolutional networks that come with ConvViz, untrained: two of the lecture's and one of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convviz import lazy

if TYPE_CHECKING:
    import keras as keras_types

keras = lazy.load("keras")


def mnist_convnet() -> keras_types.Model:
    """The lecture's network for handwritten digits: three convolutions, two poolings, two dense layers.

    Returns:
        Keras model from (N, 28, 28, 1) in [0, 1] to (N, 10) probabilities; 93,322 parameters.

    Source:
        Chollet, Deep Learning with Python, listings 5.1 and 5.2.
    """
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu", name="conv2d"),
            layers.MaxPooling2D(2, name="max_pooling2d"),
            layers.Conv2D(64, 3, activation="relu", name="conv2d_1"),
            layers.MaxPooling2D(2, name="max_pooling2d_1"),
            layers.Conv2D(64, 3, activation="relu", name="conv2d_2"),
            layers.Flatten(name="flatten"),
            layers.Dense(64, activation="relu", name="dense"),
            layers.Dense(10, activation="softmax", name="dense_1"),
        ],
        name="mnist",
    )


def cats_and_dogs_convnet(*, dropout: float = 0.5) -> keras_types.Model:
    """The lecture's network for cats and dogs: four convolutions, each with pooling, and a single sigmoid.

    Args:
        dropout: share of the flattened values left out while training; 0 leaves the layer out.

    Returns:
        Keras model from (N, 150, 150, 3) in [0, 1] to (N, 1), the probability of a dog; 3,453,121 parameters.

    Source:
        Chollet, Deep Learning with Python, listings 5.5 and 5.13.
    """
    layers = keras.layers
    stages = []
    for index, filters in enumerate((32, 64, 128, 128)):
        number = f"_{index}" if index else ""
        stages.append(layers.Conv2D(filters, 3, activation="relu", name=f"conv2d{number}"))
        stages.append(layers.MaxPooling2D(2, name=f"max_pooling2d{number}"))
    return keras.Sequential(
        [
            keras.Input((150, 150, 3)),
            *stages,
            layers.Flatten(name="flatten"),
            *([layers.Dropout(dropout, name="dropout")] if dropout else []),
            layers.Dense(512, activation="relu", name="dense"),
            layers.Dense(1, activation="sigmoid", name="dense_1"),
        ],
        name="cats_and_dogs",
    )


def shapes_convnet() -> keras_types.Model:
    """A small network for drawn shapes, made for looking inside: its last convolution still knows where things are.

    Four blocks of two convolutions, each with batch normalization; the maps of the last block, 8 x 8 for a 64 x 64
    picture, are averaged over the picture and read by one dense layer, so a class activation map is exact.

    Returns:
        Keras model from (N, 64, 64, 3) in [0, 1] to (N, 4) probabilities: circle, square, triangle, star.

    Source:
        Ioffe & Szegedy 2015, arXiv:1502.03167, for batch normalization;
        global average pooling as in Lin et al. 2013, arXiv:1312.4400, and Zhou et al. 2015, arXiv:1512.04150.
    """
    layers = keras.layers
    stages = []
    for block, filters in enumerate((16, 32, 64, 96), start=1):
        for part in (1, 2):
            name = f"block{block}_conv{part}"
            stages.append(layers.Conv2D(filters, 3, padding="same", use_bias=False, name=name))
            stages.append(layers.BatchNormalization(momentum=0.9, name=f"block{block}_norm{part}"))
            stages.append(layers.ReLU(name=f"block{block}_relu{part}"))
        if block < 4:
            stages.append(layers.MaxPooling2D(2, name=f"block{block}_pool"))
    return keras.Sequential(
        [
            keras.Input((64, 64, 3)),
            *stages,
            layers.GlobalAveragePooling2D(name="average"),
            layers.Dense(4, activation="softmax", name="classes"),
        ],
        name="shapes",
    )


ARCHITECTURES = {"mnist": mnist_convnet, "cats_and_dogs": cats_and_dogs_convnet, "shapes": shapes_convnet}
