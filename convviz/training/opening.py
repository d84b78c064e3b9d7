"""What is trained, and on what, however it is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from convviz import ConvvizError, architectures, datasets, lazy, seeding, zoo

keras = lazy.load("keras")

Data = datasets.Dataset | datasets.Reference | str
_RECORDS = (architectures.Architecture, architectures.Transfer)


def network_of(network: Any, seed: int) -> zoo.Network:
    """A network to train, built anew where an architecture is named or described."""
    if isinstance(network, (str, *_RECORDS)):
        highest = 255.0 if isinstance(network, architectures.Transfer) else 1.0
        with seeding.seeded(seed):
            model = zoo.ARCHITECTURES[network]() if isinstance(network, str) else network.build()
        return zoo.wrap(model, input_range=None if isinstance(network, str) else (0.0, highest))
    return network if isinstance(network, zoo.Network) else zoo.wrap(network)


def thaw(model: Any, path: str, *, nested: bool = False) -> None:
    """Let a layer of a model and all behind it learn, and none before it.

    Args:
        model: it is changed in place.
        path: of the layer, such as ``"vgg16/block5_conv1"``.
        nested: whether the model is a part of another, as a base is: its batch normalizations stay as they are.

    Raises:
        ConvvizError: there is no such layer.
    """
    name, _, rest = path.partition("/")
    names = [layer.name for layer in model.layers]
    if name not in names:
        raise ConvvizError(f"{model.name[:60]} has no layer {path[:80]!r} to learn from; choose one of its own")
    for place, layer in enumerate(model.layers):
        stays = nested and isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = place >= names.index(name) and not stays
    if rest:
        thaw(model.get_layer(name), rest, nested=True)


def demand(network: zoo.Network, train_from: str = "") -> architectures.Demand:
    """What a training takes memory for, of a network that goes on learning.

    Args:
        network: it stays as it is.
        train_from: as in `Settings`.

    Raises:
        ConvvizError: there is no such layer.
    """
    if train_from:
        network = copied(network)
        thaw(network.model, train_from)
    return architectures.demand(network)


def copied(network: zoo.Network) -> zoo.Network:
    """The same network with the same weights, to be changed without changing the first.

    Raises:
        ConvvizError: it cannot be saved, so it cannot be copied.
    """
    with network.lock:
        data = zoo.to_bytes(network)
    return zoo.from_bytes(data)


def masks_of(
    network: Any, begun: zoo.Network, transplant: architectures.Transplant | None = None
) -> Mapping[str, np.ndarray]:
    """What of a network stays frozen in part: variable's path -> 1 where it may change and 0 where it may not."""
    if isinstance(network, _RECORDS):
        return network.masks(begun.model)
    return transplant.masks(begun.model) if transplant is not None else {}


def dataset_of(dataset: Data) -> datasets.Dataset:
    """Pictures to train on, loaded where a data set is named, or at hand from the last time."""
    if isinstance(dataset, str):
        return datasets.resolve(datasets.Reference(dataset))
    return datasets.resolve(dataset) if isinstance(dataset, datasets.Reference) else dataset
