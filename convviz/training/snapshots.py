"""A run's numbers as bytes, and back into a model. What no training changes is left out: the network has it already."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from convviz import architectures, lazy, tracing

keras = lazy.load("keras")


def changing(network: Any, model: Any) -> tuple[int, ...]:
    """Places among a model's variables of those that a snapshot must hold.

    Left out are the weights of frozen layers, such as a base's, where they are the same whenever the network is built.

    Args:
        network: what was asked to be trained, as for `training.train`.
        model: the same, built.
    """
    if isinstance(network, architectures.Transfer) and not network.trained:
        return tuple(range(len(model.variables)))  # a frozen base with random weights is another one each time
    fixed = {
        id(weight)
        for layer in tracing.leaves(model).values()
        if not layer.trainable and not isinstance(layer, keras.layers.Wrapper)  # which may write to what it wraps
        for weight in layer.weights  # without the states of random numbers
    }
    return tuple(index for index, one in enumerate(model.variables) if id(one) not in fixed)


def numbers(model: Any, places: Sequence[int]) -> dict[str, np.ndarray]:
    """The numbers of a model's variables at some places, by name."""
    variables = model.variables
    return {f"model_{place}": variables[place].numpy() for place in places}


def assign(model: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Give a model the weights of a snapshot; what the snapshot leaves out stays as it is."""
    for index, variable in enumerate(model.variables):
        if f"model_{index}" in arrays:
            variable.assign(arrays[f"model_{index}"])


def packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays by name as one file, without pickles."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def step_of(snapshot: bytes) -> int:
    """After which step a snapshot was taken.

    Args:
        snapshot: a record's `snapshot`; `moments` come with their steps.
    """
    with np.load(io.BytesIO(snapshot), allow_pickle=False) as arrays:
        return int(arrays["where"][0])
