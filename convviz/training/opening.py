"""What is trained, and on what, however it is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from convviz import architectures, datasets, lazy, zoo

keras = lazy.load("keras")

Data = datasets.Dataset | datasets.Reference | str
_RECORDS = (architectures.Architecture, architectures.Transfer)


def network_of(network: Any, seed: int) -> zoo.Network:
    """A network to train, built anew where an architecture is named or described."""
    if isinstance(network, (str, *_RECORDS)):
        keras.utils.set_random_seed(seed)
    if isinstance(network, str):
        return zoo.wrap(zoo.ARCHITECTURES[network]())
    if isinstance(network, _RECORDS):
        highest = 255.0 if isinstance(network, architectures.Transfer) else 1.0
        return zoo.wrap(network.build(), input_range=(0.0, highest))
    return network if isinstance(network, zoo.Network) else zoo.wrap(network)


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
