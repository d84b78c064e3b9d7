"""The edited network on one picture, beside the network as it is: answers, every layer's change, one map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import numpy as np

from convviz import ConvvizError, lazy, tracing, zoo
from convviz.surgery import edits as notes
from convviz.surgery.edits import Edit
from convviz.zoo.network import as_scores, probabilities

keras = lazy.load("keras")
tf = lazy.load("tensorflow")

AT_ONCE = 128 * 2**20  # bytes of outputs up to which those of every layer are compared
_TELLING = ("Conv", "Dense", "Add", "Concatenate", "Multiply")  # kinds that are compared where all are too many
_KEPT = 6  # traced calls for sets of edited layers that are kept of a network
_SHOWN = 12  # channels of the looked-at layer that are ranked


@dataclass(frozen=True)
class Outcome:
    """What edits do on one picture.

    Attributes:
        before: float32 (K,), probabilities of the network as it is; empty if it does not end in classes.
        after: of the edited one.
        logits: float32 (2, N), the numbers before softmax or sigmoid, before and after; empty without classes.
        changes: (layer, change) for every layer with channels that was compared, in the network's order: the root mean
            square of the difference as a share of the larger of both outputs' own, 0 where nothing differs, and NaN
            where numbers become NaN or infinite or such become numbers.
        view: path of the looked-at layer.
        channel: of it.
        ranked: its channels that changed most with their change in the same measure, at most twelve, the most first,
            and before all those whose change is NaN; those that did not change are left out.
        map_before: float32 (H, W), the channel's map; (1,) for a layer without maps.
        map_after: of the edited network.
    """

    before: np.ndarray
    after: np.ndarray
    logits: np.ndarray
    changes: tuple[tuple[str, float], ...]
    view: str
    channel: int
    ranked: tuple[tuple[int, float], ...]
    map_before: np.ndarray
    map_after: np.ndarray


class Operation:
    """The numbers of some edits, brought into the form that a traced call takes.

    Args:
        network: ``zoo.Network``.
        edits: in order; each works on what those before it have left.

    Raises:
        ConvvizError: the network has no such place.
    """

    def __init__(self, network: Any, edits: Sequence[Edit]) -> None:
        for edit in edits:
            notes.check(network, edit)
        self.network = network
        self.channels = tuple(sorted({one.layer for one in edits if not one.of_a_weight}))
        self.weights = tuple(sorted({(one.layer, one.bias) for one in edits if one.of_a_weight}))
        self._fields = {path: self._field(path, edits) for path in self.channels}
        self._values = {whose: self._weights(*whose, edits) for whose in self.weights}

    def _field(self, path: str, edits: Sequence[Edit]) -> list[np.ndarray]:
        """Of each channel: which one it shows, times what, or which number instead."""
        count = self.network.card.layer(path).output_shape[-1]
        source, factor = np.arange(count, dtype=np.int32), np.ones(count, np.float32)
        fixed, number = np.zeros(count, bool), np.zeros(count, np.float32)
        for edit in edits:
            if edit.layer != path or edit.of_a_weight:
                continue
            channel = edit.place[0]
            if edit.what == "copy":
                other = int(edit.value)
                for field in (source, factor, fixed, number):
                    field[channel] = field[other]
            elif edit.what == "scale":
                factor[channel] *= edit.value
                number[channel] *= edit.value
            else:
                fixed[channel], number[channel] = True, edit.value or 0.0
        return [source, factor, fixed, number]

    def _weights(self, path: str, bias: bool, edits: Sequence[Edit]) -> list[np.ndarray]:
        """Places of changed weights in the layer's variable, what stands there, and what shall."""
        layer = tracing.leaves(self.network.model)[path]
        found: dict[tuple[int, ...], float] = {}
        before: dict[tuple[int, ...], float] = {}
        for edit in edits:
            if edit.layer == path and edit.of_a_weight and edit.bias == bias:
                index = notes.index_of(layer, edit.place)
                if index not in before:
                    before[index] = found[index] = notes.weight(self.network, path, edit.place)
                found[index] = notes.changed(edit, found[index])
        shape = (len(found), len(next(iter(found))))
        places = np.array(list(found), np.int32).reshape(shape)
        return [places, np.array(list(before.values()), np.float32), np.array(list(found.values()), np.float32)]

    def tensors(self, *, edited: bool) -> list[Any]:
        """What the traced call takes after the batch; without edits, what leaves every number as it is."""
        given: list[Any] = []
        for source, factor, fixed, number in self._fields.values():
            if edited:
                given += [source, factor[None], fixed[None], number[None]]
            else:
                given += [np.arange(len(source), dtype=np.int32), np.ones_like(factor)[None],
                          np.zeros_like(fixed)[None], number[None]]  # fmt: skip
        for places, before, after in self._values.values():
            given += [places, after if edited else before]
        return [tf.constant(one) for one in given]

    def muting(self, path: str, first: int, last: int) -> list[Any]:
        """What the traced call takes to mute one channel of a layer in each of a row of pictures."""
        count = self.network.card.layer(path).output_shape[-1]
        fixed = np.arange(count)[None] == np.arange(first, last)[:, None]
        nought = np.zeros(fixed.shape, np.float32)
        return [tf.constant(one) for one in (np.arange(count, dtype=np.int32), nought + 1, fixed, nought)]

    def call(self, shape: Sequence[int], keep: Sequence[str] = ()) -> Any:
        """The traced call of the edited network, for batches of pictures (H, W, C), any number at once.

        It gives {"logits": (N, K)} (without classes, nothing) and the outputs of the layers to keep by their paths.
        """
        signature = [tf.TensorSpec((None, *shape), tf.float32)]
        for path in self.channels:
            count = self.network.card.layer(path).output_shape[-1]
            signature.append(tf.TensorSpec((count,), tf.int32))
            signature += [tf.TensorSpec((None, count), kind) for kind in (tf.float32, tf.bool, tf.float32)]
        leaves = tracing.leaves(self.network.model)
        for path, bias in self.weights:
            rank = len(notes.variable_of(leaves[path], path, bias=bias).shape)
            signature += [tf.TensorSpec((None, rank), tf.int32), tf.TensorSpec((None,), tf.float32)]
        key = ("surgery", self.channels, self.weights, tuple(keep), tuple(shape))
        if key not in self.network.compiled:
            _forget(self.network)
        body = partial(_edited, self.network, self.channels, self.weights, frozenset(keep))
        return tracing.traced(self.network, key, body, *signature)


def _edited(
    network: Any,
    channels: Sequence[str],
    weights: Sequence[tuple[str, bool]],
    keep: frozenset[str],
    batch: Any,
    *given: Any,
) -> dict[str, Any]:
    """The edited network's answer, and what some layers give. Traced."""
    fields = {path: given[4 * place : 4 * place + 4] for place, path in enumerate(channels)}
    values = {whose: given[4 * len(channels) + 2 * place :][:2] for place, whose in enumerate(weights)}
    leaves, found, met, answers = tracing.leaves(network.model), {}, set(), {}

    def change(path: str, _: Any, output: Any) -> Any:
        met.add(path)
        if path in fields:
            if not hasattr(output, "shape") or output.shape.rank not in (2, 4):
                raise ConvvizError(f"{path} does not give one stack of channels when it is called; choose another")
            closing = tracing.before_activation(output)[1] if output.shape.rank == 2 else "logits"
            output = _changed(output, *fields[path])
            if closing != "logits":
                answers[output.op.name] = path
        if path in keep and hasattr(output, "dtype"):
            found[path] = tf.cast(output, tf.float32)
        return output if path in fields else None

    mapping = []
    for (path, bias), (places, numbers) in values.items():
        variable = notes.variable_of(leaves[path], path, bias=bias)
        whole = tf.convert_to_tensor(variable.value)
        mapping.append((variable, tf.tensor_scatter_nd_update(whole, places, tf.cast(numbers, whole.dtype))))
    # a stateless scope gives the changed weights to whoever reads them inside it and leaves the variables alone
    with tracing.listening(network.model, change), keras.StatelessScope(state_mapping=mapping):
        raw = network.raw_answer(batch)
        if network.card.class_names:
            _refuse_probabilities(raw, answers)
            logits = tracing.before_activation(raw)[0]
            scores = as_scores(logits)
            found["logits"] = logits if scores is None else scores
    for path in (*channels, *(path for path, _ in weights)):
        if path not in met:
            raise ConvvizError(f"the network never calls its layer {path!r}; choose another")
    return found


def _refuse_probabilities(raw: Any, answers: dict[str, str]) -> None:
    """Probabilities that are changed themselves have no logits and no sum of one."""
    tensor = raw
    while tensor.op.type in ("Identity", "Cast", "Reshape", "Squeeze", "ExpandDims"):
        tensor = tensor.op.inputs[0]
    if tensor.op.name in answers:
        path = answers[tensor.op.name]
        raise ConvvizError(f"{path} gives the probabilities themselves; edit one of its weights, or a layer before it")


def _changed(output: Any, source: Any, factor: Any, fixed: Any, number: Any) -> Any:
    """A layer's output with its channels changed; the numbers are alike for all pictures, or one row for each."""
    middle = [1] * (output.shape.rank - 2)
    factor, fixed, number = (
        tf.reshape(one, [tf.shape(one)[0], *middle, output.shape[-1]]) for one in (factor, fixed, number)
    )
    gathered = tf.gather(output, source, axis=-1) * tf.cast(factor, output.dtype)
    return tf.where(fixed, tf.cast(number, output.dtype), gathered)


def operate(
    network: Any, picture: np.ndarray, edits: Sequence[Edit], *, view: str | None = None, channel: int | None = None
) -> Outcome:
    """One picture put to a network as it is and to the edited one.

    Args:
        network: ``zoo.Network`` or a Keras model of any kind; it is left as it was.
        picture: uint8 (H, W, 3), or a float batch (1, H, W, C).
        edits: in order.
        view: path of the layer that is looked at; the first edited one if None.
        channel: of that layer; the one that changed most if None, the strongest if none did.

    Returns:
        The outcome.

    Raises:
        ConvvizError: the network has no such place, layer or channel.

    Example:
        >>> from convviz import images
        >>> outcome = operate(zoo.mnist_convnet(), images.sample("digit_7"), [Edit("mute", "conv2d", (3,))])
        >>> outcome.view, float(outcome.map_after.max())
        ('conv2d', 0.0)
    """
    network = zoo.as_network(network)
    batch = network.prepare(picture)
    if len(batch) != 1:
        raise ConvvizError(f"edits are tried on one picture, not on {len(batch)}; give one")
    operation = Operation(network, edits)
    with_channels = [entry.name for entry in network.card.layers if len(entry.output_shape) in (1, 3)]
    view = view or (edits[0].layer if edits else network.card.explained_layer or with_channels[0])
    if view not in with_channels:
        raise ConvvizError(f"{network.card.title} has no layer {view[:80]!r} with channels; choose another")
    keep = _kept(network.card, with_channels, view)
    run = operation.call(batch.shape[1:], keep)
    before, after = (
        {name: one.numpy() for name, one in run(tf.constant(batch), *operation.tensors(edited=edited)).items()}
        for edited in (False, True)
    )
    if view not in before:
        raise ConvvizError(f"the network never calls its layer {view!r}; choose another")
    changes = tuple((name, _change(before[name], after[name])) for name in keep if name in before)
    shown = before[view][0], after[view][0]
    shares = [_change(shown[0][..., one], shown[1][..., one]) for one in range(shown[0].shape[-1])]
    sizes = np.nan_to_num(shares, nan=np.inf)
    order = [one for one in np.argsort(-sizes, kind="stable")[:_SHOWN].tolist() if sizes[one] > 0]
    if channel is None:
        strongest = np.where(np.isfinite(shown[0]), shown[0], 0).reshape(-1, len(shares)).max(axis=0).argmax()
        channel = order[0] if order else int(strongest)
    if not 0 <= channel < len(shares):
        raise ConvvizError(f"{view} has {len(shares)} channels, counted from 0, and no number {channel}")
    classes = bool(network.card.class_names)
    logits = np.stack([one["logits"][0] for one in (before, after)]) if classes else np.zeros((2, 0), np.float32)
    chances = [probabilities(row, network.card.output) if classes else np.zeros(0, np.float32) for row in logits]
    maps = [np.ascontiguousarray(np.atleast_1d(one[..., channel])) for one in shown]
    ranked = tuple((one, shares[one]) for one in order)
    return Outcome(chances[0], chances[1], logits, changes, view, channel, ranked, maps[0], maps[1])


def _change(before: np.ndarray, after: np.ndarray) -> float:
    """How far two outputs are apart, as a share of the larger one; NaN where one has a number and the other none."""
    finite = np.isfinite(before) & np.isfinite(after)
    if not finite.all():
        if not np.array_equal(before[~finite], after[~finite], equal_nan=True):
            return float("nan")
        before, after = before[finite], after[finite]
    size = max(np.linalg.norm(before), np.linalg.norm(after))
    return float(np.linalg.norm(after - before) / size) if size else 0.0


def _kept(card: Any, names: list[str], view: str) -> list[str]:
    """The layers whose outputs are compared: all, or those that tell most, or the looked-at one alone."""
    telling = [name for name in names if name == view or any(kind in card.layer(name).kind for kind in _TELLING)]
    for some in (names, telling):
        if 4 * sum(prod(card.layer(name).output_shape) for name in some) <= AT_ONCE:
            return some
    return [view]


def _forget(network: Any) -> None:
    """Drop the oldest traced calls for sets of edited layers, so that they do not pile up."""
    with network.lock:
        kept = [key for key in network.compiled if key[0] == "surgery"]
        for key in kept[: 1 - _KEPT]:
            del network.compiled[key]
