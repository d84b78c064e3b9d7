"""What is trained, and on what, however it is named."""

from __future__ import annotations

from typing import Any

from convviz import datasets, lazy, zoo

keras = lazy.load("keras")


def network_of(network: Any, seed: int) -> zoo.Network:
    """A network to train, built anew where an architecture is named."""
    if isinstance(network, str):
        keras.utils.set_random_seed(seed)
        return zoo.wrap(zoo.ARCHITECTURES[network]())
    return network if isinstance(network, zoo.Network) else zoo.wrap(network)


def dataset_of(dataset: datasets.Dataset | str) -> datasets.Dataset:
    """Pictures to train on, loaded where a data set is named."""
    return datasets.load(dataset) if isinstance(dataset, str) else dataset
