"""Looking at one cell: one traced call gives what went in, what came out and the gradient; the rest is arithmetic."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from convviz import ConvvizError, lazy, receptive_field, tracing, zoo
from convviz.microscope import kinds
from convviz.microscope.records import Cell, Stage, Step

keras = lazy.load("keras")
tf = lazy.load("tensorflow")

_LONGEST = 6  # layers that are followed back from an activation to the sum it came from


def look(
    network: Any,
    picture: np.ndarray,
    layer: str,
    channel: int | None = None,
    row: int | None = None,
    col: int | None = None,
) -> Cell:
    """One number of a network, with everything that made it.

    A layer that works cell by cell, such as an activation or a batch normalization, is followed back to the
    convolution, pooling or dense layer before it, so that the arithmetic begins with what that one read.

    Args:
        network: ``zoo.Network`` or a built Keras model.
        picture: uint8 (H, W, 3), or a float batch (1, H, W, C).
        layer: path.
        channel: from 0; the one with the largest value if None.
        row: of the cell in its map, from 0; the strongest cell's if None. Not for layers without maps.
        col: as the row.

    Returns:
        The cell.

    Raises:
        ConvvizError: there is no such layer, channel or cell.

    Example:
        >>> from convviz import images
        >>> look(zoo.mnist_convnet(), images.sample("digit_7"), "conv2d", 0, 3, 4).taps.values.shape
        (3, 3, 1)
    """
    network = zoo.as_network(network)
    batch = network.prepare(picture)
    seen, outputs = _asked(network, layer, batch.shape)
    found = seen(tf.constant(batch), tf.zeros(3, tf.int32))
    maps = found["output"].numpy()[0]
    place = _place(layer, maps, channel, row, col)
    if place != (0, 0, 0):
        found = seen(tf.constant(batch), tf.constant([0 if one is None else one for one in place], tf.int32))
    given = {path: [one.numpy()[0] for one in found["inputs"][path]] for path in outputs}
    # layers are called by themselves, which must not meet a trace; infinity times zero is NaN
    with network.lock, np.errstate(invalid="ignore"):
        computed, steps, taps, note = _arithmetic(network, outputs, given, place)
    value = float(maps[place[2]] if place[0] is None else maps[place])
    row, col, channel = place
    slope = found["gradient"].numpy()[0]
    if np.isfinite(value) and not np.isfinite(slope).all():
        slope = _without_broken_weights(network, layer, batch, found["output"].numpy()[0], place, slope)
    gradient = np.abs(slope).sum(axis=-1)
    calls = network.compiled[("microscope calls", layer)]
    field, unseen = _field(network, layer, place)
    return Cell(layer, channel, row, col, value, computed, tuple(steps), taps, field, gradient, note, calls, unseen)


def _without_broken_weights(
    network: Any, layer: str, batch: np.ndarray, maps: np.ndarray, place: tuple, slope: np.ndarray
) -> np.ndarray:
    """The gradient (H, W, C) of a cell that is a number, with zero in place of weights that are NaN or infinite.

    Such a weight gives a cell that is a number nothing, but on the way back zero times it is NaN. Where the cell is
    another one without them, the gradient stays as it came.
    """
    seen, _ = _asked(network, layer, batch.shape, finite=True)
    at = tuple(0 if one is None else one for one in place)
    found = seen(tf.constant(batch), tf.constant(at, tf.int32))
    where = at[2] if maps.ndim == 1 else at
    same = np.isclose(found["output"].numpy()[0][where], maps[where], rtol=1e-4, atol=1e-6)
    return found["gradient"].numpy()[0] if same else slope


def stage(network: Any, picture: np.ndarray, layer: str, channel: int, source: int | None = None) -> Stage | None:
    """Where a layer's arithmetic begins: one channel that was read, whole, and the kernel that went over it.

    Args:
        network: as for ``look``.
        picture: as for ``look``.
        layer: path; one that works cell by cell stands for the windowed layer before it.
        channel: of the layer, from 0.
        source: channel of what was read; the first that counts if None.

    Returns:
        The stage, or None where no window goes over rows and columns.

    Raises:
        ConvvizError: there is no such layer or channel.
    """
    network = zoo.as_network(network)
    batch = network.prepare(picture)
    seen, chain = _asked(network, layer, batch.shape)
    found = tracing.leaves(network.model)[chain[0]]
    if not kinds.has_window(found):
        return None
    maps = seen(tf.constant(batch), tf.zeros(3, tf.int32))["inputs"][chain[0]][0].numpy()[0]
    count = network.card.layer(layer).output_shape[-1]
    if not 0 <= channel < count:
        raise ConvvizError(f"{layer} has {count} channels, counted from 0, and no number {channel}; choose another")
    return kinds.staged(chain[0], found, maps, channel, source)


def _asked(network: Any, layer: str, shape: tuple[int, ...], *, finite: bool = False) -> tuple[Any, tuple[str, ...]]:
    """The traced call for a layer, and the layers that it is followed back through, the first one first."""
    if layer not in {entry.name for entry in network.card.layers}:
        raise ConvvizError(f"{network.card.title} has no layer {layer[:80]!r}; choose another")
    seen = tracing.traced(
        network, ("microscope", layer, shape, *["finite"] * finite), partial(_traced, network, layer, finite),
        tf.TensorSpec(shape, tf.float32), tf.TensorSpec((3,), tf.int32),
    )  # fmt: skip
    return seen, network.compiled[("microscope chain", layer)]


def _traced(network: Any, layer: str, finite: bool, batch: Any, place: Any) -> dict[str, Any]:
    """What goes into the layers of the chain, what comes out of the last, and the cell's gradient. Traced."""
    leaves = tracing.leaves(network.model)
    given: dict[str, list[Any]] = {}
    made: dict[tuple[str, int], str] = {}
    outputs: dict[str, Any] = {}
    called: list[str] = []

    def note(path: str, inputs: Any, output: Any) -> Any:
        if not hasattr(output, "op"):
            return None
        called.append(path)
        if _key(output) in made:
            output = tf.identity(output)
        given[path] = [one for one in keras.tree.flatten(inputs) if hasattr(one, "op")]
        made[_key(output)], outputs[path] = path, output
        return output

    weights = _finite_weights(network.model) if finite else []
    # a stateless scope gives these weights to whoever reads them inside it and leaves the variables alone
    with tracing.listening(network.model, note), keras.StatelessScope(state_mapping=weights):
        network.raw_answer(batch)
    if layer not in outputs:
        raise ConvvizError(f"the network never calls its layer {layer!r}; choose another")
    output = outputs[layer]
    if output.shape.rank not in (2, 4):
        raise ConvvizError(f"{layer} makes numbers of shape {tuple(output.shape[1:])}, not maps; choose another layer")
    chain = _chain(layer, leaves, given, made)
    network.compiled[("microscope chain", layer)] = chain
    network.compiled[("microscope calls", layer)] = called.count(layer)
    cell = output[0, place[2]] if output.shape.rank == 2 else output[0, place[0], place[1], place[2]]
    gradient = tf.gradients(cell, batch)[0]
    return {
        "inputs": {path: [tf.cast(one, tf.float32) for one in given[path]] for path in chain},
        "output": tf.cast(output, tf.float32),
        "gradient": tf.zeros_like(batch) if gradient is None else gradient,
    }


def _finite_weights(model: Any) -> list[tuple[Any, Any]]:
    """Every weight tensor, and the same with zero in place of NaN and infinity. Traced."""
    found = []
    for weight in model.weights:
        values = tf.convert_to_tensor(weight.value)
        if values.dtype.is_floating:
            found.append((weight, tf.where(tf.math.is_finite(values), values, tf.zeros_like(values))))
    return found


def _chain(layer: str, leaves: dict[str, Any], given: dict[str, list], made: dict) -> tuple[str, ...]:
    """The layer, and those before it that it follows cell by cell, the first one first."""
    chain = [layer]
    while type(leaves[chain[0]]).__name__ in kinds.CELLWISE and len(chain) < _LONGEST:
        tensor = given[chain[0]][0]
        while _key(tensor) not in made and tensor.op.type in ("Identity", "Cast"):
            tensor = tensor.op.inputs[0]
        before = made.get(_key(tensor))
        if before is None or type(leaves[before]).__name__ not in {**kinds.CELLWISE, **kinds.SOURCES}:
            break
        chain.insert(0, before)
    return tuple(chain)


def _key(tensor: Any) -> tuple[str, int]:
    return tensor.op.name, tensor.value_index


def _place(
    layer: str, maps: np.ndarray, channel: int | None, row: int | None, col: int | None
) -> tuple[int | None, int | None, int]:
    """The wanted cell, or the strongest where none is wanted; refused where there is none."""
    channels = maps.shape[-1]
    if channel is None:
        channel = int(np.nan_to_num(maps).reshape(-1, channels).max(axis=0).argmax())
    if not 0 <= channel < channels:
        raise ConvvizError(f"{layer} has {channels} channels, counted from 0, and no number {channel}; choose another")
    if maps.ndim == 1:
        return None, None, channel
    height, width = maps.shape[:2]
    if row is None or col is None:
        strongest = divmod(int(np.nan_to_num(maps[..., channel]).argmax()), width)
        row, col = (strongest[0] if row is None else row), (strongest[1] if col is None else col)
    if not (0 <= row < height and 0 <= col < width):
        raise ConvvizError(
            f"the maps of {layer} have {height} x {width} cells, and none at ({row}, {col}); choose another"
        )
    return row, col, channel


def _arithmetic(
    network: Any, chain: tuple[str, ...], given: dict[str, list[np.ndarray]], place: tuple
) -> tuple[float | None, list[Step], Any, str]:
    """The steps from what the chain's first layer read to the cell."""
    leaves = tracing.leaves(network.model)
    first = leaves[chain[0]]
    kind = type(first).__name__
    orders = {order for layer in leaves.values() if (order := getattr(layer, "data_format", None))}
    if any(_works_along_another_axis(leaves[path], given[path][0].ndim, orders) for path in chain):
        return None, [], None, "this layer works along another axis than the channels, which is not taken apart here"
    steps: list[Step] = []
    taps = None
    if kind in kinds.SOURCES:
        value, steps, taps = kinds.SOURCES[kind](chain[0], first, given[chain[0]], place)
        rest = chain[1:]
    elif kind in kinds.CELLWISE:
        cell = given[chain[0]][0]
        value, rest = float(cell[place[2]] if place[0] is None else cell[place]), chain
        steps.append(Step(chain[0], "input", "the same cell of the layer before", value))
    else:
        return None, [], None, f"what a {kind} layer does is not taken apart here"
    row, col, channel = place
    for path in rest:
        cell = given[path][0]
        vector = cell if row is None else cell[row, col]
        steps += kinds.CELLWISE[type(leaves[path]).__name__](path, leaves[path], value, vector, channel)
        value = steps[-1].value
    return value, steps, taps, ""


def _works_along_another_axis(layer: Any, sides: int, orders: set[str]) -> bool:
    """Whether a layer's axis is not that of the channels, as the network orders them."""
    if type(layer).__name__ not in ("BatchNormalization", "Concatenate", "Softmax"):
        return False
    channels = {-1, 1} if sides == 1 else {-1, 3} if orders != {"channels_first"} else set()
    if sides == 3 and "channels_first" in orders and type(layer).__name__ != "Softmax":
        channels |= {1, -3}
    return not set(np.atleast_1d(layer.axis).tolist()) <= channels


def _field(network: Any, layer: str, place: tuple) -> tuple[tuple[int, int, int, int] | None, str]:
    """The theoretical receptive field, cut to the picture; or None, and why it is not known."""
    height, width, _ = network.card.input_shape
    if any(len(shape) == 3 for _, shape in zoo.inputs(network.model)):
        return None, "pictures go into this network as rows and columns alone, and how it makes maps of them is its own"
    try:
        field = receptive_field.receptive_field(network, layer, input_size=(height, width))
    except ConvvizError as reason:
        return None, str(reason).partition("; ")[0]
    top, left, bottom, right = field.window(place[0] or 0, place[1] or 0)
    return (max(top, 0), max(left, 0), min(bottom, height), min(right, width)), ""
