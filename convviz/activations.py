"""What each layer makes of a picture: its feature maps, as numbers and as mosaics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

from convviz import ConvvizError, images, lazy, rendering, tracing, zoo

keras = lazy.load("keras")
tf = lazy.load("tensorflow")

AT_ONCE = 256 * 2**20  # bytes of feature maps up to which one traced call computes those of every layer
ORDERS = ("number", "response")
BLANKS = ("shown", "crossed", "hidden")
_SETS_KEPT = 8  # traced calls for sets of layers that are kept of a network with more
_LARGEST_PIXEL = 8  # screen pixels to a cell, at most, in a mosaic that is enlarged


@dataclass(frozen=True)
class Mosaic:
    """Every channel of one layer as one picture.

    Attributes:
        png: the picture's file.
        shape: (H, W, C) of the maps.
        tile: (height, width) in pixels that one map takes in the picture.
        columns: maps in a row.
        minimum: lowest finite value in the layer, 0 if none is.
        maximum: highest finite value in the layer, 0 if none is.
        blank: channels with one value everywhere; for most, a filter that this picture does not excite.
        order: the channel of each tile.
        means: the mean of each tile's values, as a magnitude.
        table: colours of the values: ``"grey"``, ``"viridis"`` from zero up, ``"signed"`` around zero.
        limit: value of the last colour where all channels share it; None where each has its own, and for grey.
        broken: channels with values that are NaN or infinite, which are crossed twice.
    """

    png: bytes
    shape: tuple[int, int, int]
    tile: tuple[int, int]
    columns: int
    minimum: float
    maximum: float
    blank: tuple[int, ...]
    order: tuple[int, ...] = ()
    means: tuple[float, ...] = ()
    table: str = "grey"
    limit: float | None = None
    broken: tuple[int, ...] = ()

    def at(self, row: int, col: int) -> tuple[int, int, int] | None:
        """The channel and its cell at a point of the picture: (channel, y, x), or None on a gap."""
        order = self.order or tuple(range(self.shape[2]))
        found = rendering.channel_at(row, col, shape=(*self.tile, len(order)), columns=self.columns)
        if found is None:
            return None
        place, y, x = found
        return order[place], y * self.shape[0] // self.tile[0], x * self.shape[1] // self.tile[1]


def feature_maps(network: Any, picture: np.ndarray, layers: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """The outputs of layers for one picture, as Keras computes them.

    Args:
        network: ``zoo.Network`` or a Keras model of any kind.
        picture: uint8 (H, W, 3), or a ready float batch (1, H, W, C).
        layers: paths such as ``"conv2d"`` or ``"vgg16/block3_conv1"``; None for every layer with a 2-D output.

    Returns:
        path -> float32 (H', W', C), in the order of ``layers``; a dense layer that is asked for by name gives (N,).
        The output of a layer that is used twice is that of its last use.

    Raises:
        ConvvizError: there is no such layer, or not exactly one picture.

    Example:
        >>> maps = feature_maps(zoo.mnist_convnet(), images.sample("digit_7"))
        >>> [one.shape for one in maps.values()]
        [(26, 26, 32), (13, 13, 32), (11, 11, 64), (5, 5, 64), (3, 3, 64)]
    """
    return {name: maps.copy() for name, maps in _maps(zoo.as_network(network), picture, layers).items()}


def _maps(network: Any, picture: np.ndarray, layers: Sequence[str] | None) -> dict[str, np.ndarray]:
    """The same as TensorFlow's own memory, only to be read."""
    chosen = _known(network.card, layers)
    batch = _single(network, picture)
    names = tuple(entry.name for entry in network.card.map_layers())
    if not set(chosen) <= set(names) or _cost(network.card) > AT_ONCE:
        names = tuple(dict.fromkeys(chosen))
        _forget(network)
    function = tracing.traced(
        network,
        ("maps", names, batch.shape),
        partial(_outputs, network, frozenset(names)),
        tf.TensorSpec(batch.shape, tf.float32),
    )
    outputs = function(tf.constant(batch))
    missing = [name for name in chosen if name not in outputs]
    if missing:
        raise ConvvizError(f"the network never calls its layer {missing[0]!r}; choose another")
    return {name: np.asarray(outputs[name])[0] for name in chosen}


def first_kernels(network: Any) -> tuple[str, np.ndarray]:
    """The kernels of a network's first convolution, as a grey picture sees them.

    Args:
        network: ``zoo.Network`` or a Keras model of any kind.

    Returns:
        the layer's path, and float32 (kh, kw, F): each filter's kernels for red, green and blue added up, since they
        meet the same values in a grey picture.

    Raises:
        ConvvizError: no layer is a convolution over rows and columns.
    """
    network = zoo.as_network(network)
    for path, layer in tracing.leaves(network.model).items():
        if type(layer).__name__ == "Conv2D":
            return path, np.asarray(keras.ops.convert_to_numpy(layer.kernel), np.float32).sum(axis=2)
    raise ConvvizError(f"{network.card.title} has no two-dimensional convolution; choose another network")


def _outputs(network: Any, wanted: frozenset[str], batch: Any) -> dict[str, Any]:
    """Outputs of the wanted layers. Traced."""
    found: dict[str, Any] = {}

    def keep(path: str, _: Any, output: Any) -> None:
        if path in wanted and hasattr(output, "shape"):
            found[path] = tf.cast(output, tf.float32)

    with tracing.listening(network.model, keep, fold=True):
        network.raw_answer(batch)
    return found


def _known(card: Any, layers: Sequence[str] | None) -> list[str]:
    """Paths of the layers asked for; by default every one with a 2-D output."""
    if layers is None:
        return [entry.name for entry in card.map_layers()]
    names = {entry.name for entry in card.layers}
    for layer in layers:
        if layer not in names:
            few = ", ".join(entry.name for entry in card.map_layers()[:3])
            raise ConvvizError(f"{card.title} has no layer {layer!r}; choose another, such as {few}")
    return list(layers)


def _single(network: Any, picture: np.ndarray) -> np.ndarray:
    """One picture as a float batch (1, H, W, C)."""
    batch = network.prepare(picture)
    if len(batch) != 1:
        raise ConvvizError(f"feature maps are shown of one picture, not of {len(batch)}; give one")
    return batch


def taken(network: Any, picture: np.ndarray) -> np.ndarray:
    """A picture as the network takes it, before its first layer.

    Args:
        network: as for ``feature_maps``.
        picture: as for ``feature_maps``.

    Returns:
        float32 (H, W, C), in the network's size, order of channels and value range.

    Raises:
        ConvvizError: several pictures were given.

    Example:
        >>> taken(zoo.load("mnist"), images.sample("digit_3")).shape
        (28, 28, 1)
    """
    return _single(zoo.as_network(network), picture)[0]


def _cost(card: Any) -> int:
    """Bytes of all layers' feature maps for one picture."""
    return 4 * sum(prod(entry.output_shape) for entry in card.map_layers())


def _forget(network: Any) -> None:
    """Drop the oldest traced calls for sets of layers, so that they do not pile up."""
    with network.lock:
        kept = [key for key in network.compiled if key[0] == "maps"]
        for key in kept[: 1 - _SETS_KEPT]:
            del network.compiled[key]


def channel(network: Any, picture: np.ndarray, layer: str, channel: int) -> np.ndarray:
    """One feature map.

    Args:
        network: as for ``feature_maps``.
        picture: as for ``feature_maps``.
        layer: path of a layer with a 2-D output.
        channel: which of its channels, from 0.

    Returns:
        float32 (H', W').

    Raises:
        ConvvizError: there is no such layer or channel.
    """
    maps = feature_maps(network, picture, [layer])[layer]
    if maps.ndim != 3 or not 0 <= channel < maps.shape[-1]:
        count = maps.shape[-1] if maps.ndim == 3 else 0
        raise ConvvizError(f"{layer} has {count} feature maps, counted from 0, and no number {channel}; choose another")
    return np.ascontiguousarray(maps[..., channel])


def strongest(network: Any, picture: np.ndarray, layer: str) -> int:
    """The channel of a layer that varies most over the picture, of those that are numbers: a good one to look at first.

    Args:
        network: as for ``feature_maps``.
        picture: as for ``feature_maps``.
        layer: as for ``feature_maps``.

    Returns:
        Channel index.

    Raises:
        ConvvizError: as for ``feature_maps``.
    """
    with np.errstate(invalid="ignore"):  # a channel that is not all numbers varies by none
        varies = feature_maps(network, picture, [layer])[layer].std(axis=(0, 1))
    return int(np.nan_to_num(varies, nan=-1.0, posinf=-1.0).argmax())


def mosaics(
    network: Any,
    picture: np.ndarray,
    layers: Sequence[str] | None = None,
    *,
    columns: int = 16,
    scale: str = "channel",
    widest: int | None = None,
    order: str = "number",
    blank: str = "shown",
    coloured: bool = False,
    level: int = 1,
) -> dict[str, Mosaic]:
    """Every channel of layers as pictures, ready to be shown.

    Args:
        network: as for ``feature_maps``.
        picture: as for ``feature_maps``.
        layers: paths of layers with a 2-D output; None for all of them.
        columns: maps in a row.
        scale: brightness, as for ``rendering.mosaic``; or ``"network"``, one scale for all layers with feature maps.
        widest: pixels that a mosaic should be wide. Large maps are averaged down to it; small ones are enlarged by
            whole pixels, up to eightfold. None for one pixel to a cell.
        order: one of ``ORDERS``: the channels as they are numbered, or by response, the mean magnitude, the strongest
            first.
        blank: one of ``BLANKS``: what is done with channels that have one value everywhere.
        coloured: zero has one colour: magnitudes in viridis from zero up, and, in a layer with negative numbers, from
            blue to red around zero. Not with the scale ``"lecture"``, which knows no zero.
        level: of the PNG's compression, as for ``rendering.png``.

    Returns:
        path -> mosaic.

    Raises:
        ConvvizError: there is no such layer, or it has no feature maps.
    """
    network = zoo.as_network(network)
    found = _maps(network, picture, layers)
    for name, maps in found.items():
        if maps.ndim != 3:
            raise ConvvizError(f"{name} has no feature maps but {maps.shape[-1]} numbers; choose a layer before it")
    ends = limits(network, picture) if scale == "network" else None
    looks = _Looks(columns, "layer" if ends else scale, widest, order, blank, coloured and scale != "lecture", level)
    return {name: _mosaic(maps, looks, ends) for name, maps in found.items()}


class _Looks(NamedTuple):
    """How mosaics are drawn."""

    columns: int = 16
    scale: str = "channel"
    widest: int | None = None
    order: str = "number"
    blank: str = "shown"
    coloured: bool = False
    level: int = 1


def _mosaic(maps: np.ndarray, looks: _Looks, ends: tuple[float, float] | None = None) -> Mosaic:
    """One layer's maps (H, W, C) as a picture."""
    low, high = maps.min(axis=(0, 1)), maps.max(axis=(0, 1))
    broken = ~np.isfinite(low + high)
    if broken.any():
        maps, broken = _mended(maps)
        low, high = maps.min(axis=(0, 1)), maps.max(axis=(0, 1))
    flat, shape = (low == high) & ~broken, maps.shape
    lowest, highest = float(low.min()), float(high.max())
    blank = tuple(int(channel) for channel in np.flatnonzero(flat))
    order, means = np.arange(maps.shape[-1]), None
    if looks.order == "response":
        means = np.abs(maps).mean(axis=(0, 1))
        order = np.argsort(-np.nan_to_num(means), kind="stable")
    if looks.blank == "hidden" and not flat.all():
        order = order[~flat[order]]
    if means is not None or len(order) < maps.shape[-1]:
        maps, low, high, flat = maps[..., order], low[order], high[order], flat[order]
    columns = max(1, min(looks.columns, len(order)))
    limit, table = None, "grey"
    if looks.coloured:
        signed = (ends[0] if ends else lowest) < 0
        table = "signed" if signed else "viridis"
        largest = np.maximum(np.abs(low), np.abs(high))
        if looks.scale != "channel":
            limit = float(max(map(abs, ends)) if ends else np.nan_to_num(largest).max())
        levels = rendering.toned(maps, largest if limit is None else np.full_like(largest, limit), signed=signed)
    else:
        levels = rendering.levels(maps, looks.scale, limits=ends)
    tiles = fitted(levels, columns, looks.widest)
    if looks.blank == "crossed":
        tiles = _crossed(tiles, flat)
    if broken.any():
        tiles = _crossed(_crossed(tiles, broken[order])[:, ::-1], broken[order])[:, ::-1]
    drawn = rendering.tiled(tiles, columns=columns, ground=128 if table == "signed" else 0)
    return Mosaic(
        png=rendering.png(drawn, level=looks.level, flat=True, table=None if table == "grey" else table),
        shape=shape,
        tile=tiles.shape[:2],
        columns=columns,
        minimum=lowest,
        maximum=highest,
        blank=blank,
        order=tuple(int(channel) for channel in order),
        means=() if means is None else tuple(float(one) for one in means[order]),
        table=table,
        limit=limit,
        broken=tuple(int(channel) for channel in np.flatnonzero(broken)),
    )


def _mended(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Maps (H, W, C) with a channel's finite mean, or 0, in place of what is not finite; which channels had such."""
    finite = np.isfinite(maps)
    broken = ~finite.all(axis=(0, 1))
    counts = np.maximum(finite.sum(axis=(0, 1)), 1)
    means = np.where(finite, maps, 0).sum(axis=(0, 1), dtype=np.float64) / counts
    return np.where(finite, maps, means.astype(np.float32)), broken


def _crossed(tiles: np.ndarray, blank: np.ndarray) -> np.ndarray:
    """A line from the lower left to the upper right through the tiles (H, W, C) of blank channels."""
    tiles = np.array(tiles)
    height, width = tiles.shape[:2]
    steps = np.linspace(0, 1, 2 * max(height, width))
    rows, cols = np.rint((1 - steps) * (height - 1)).astype(int), np.rint(steps * (width - 1)).astype(int)
    for channel in np.flatnonzero(blank):
        tiles[rows, cols, channel] = np.where(tiles[rows, cols, channel] < 100, 170, 60)
    return tiles


def limits(network: Any, picture: np.ndarray) -> tuple[float, float]:
    """Lowest and highest value in all layers with feature maps.

    Args:
        network: as for ``feature_maps``.
        picture: as for ``feature_maps``.

    Returns:
        The two values, finite; infinities and NaN do not count.
    """
    network = zoo.as_network(network)
    batch = _single(network, picture)
    names = frozenset(entry.name for entry in network.card.map_layers())
    function = tracing.traced(
        network, ("limits", batch.shape), partial(_ends, network, names), tf.TensorSpec(batch.shape, tf.float32)
    )
    low, high = (float(one) for one in function(tf.constant(batch)))
    return low, high


def _ends(network: Any, names: frozenset[str], batch: Any) -> tuple[Any, Any]:
    """Lowest and highest finite value of the wanted layers. Traced."""
    lows, highs = [], []

    def keep(path: str, _: Any, output: Any) -> None:
        if path in names and hasattr(output, "shape"):
            values = tf.cast(output, tf.float32)
            values = tf.where(tf.math.is_finite(values), values, 0.0)
            lows.append(tf.reduce_min(values))
            highs.append(tf.reduce_max(values))

    with tracing.listening(network.model, keep, fold=True):
        network.raw_answer(batch)
    return tf.reduce_min(tf.stack(lows)), tf.reduce_max(tf.stack(highs))


def fitted(levels: np.ndarray, columns: int, widest: int | None) -> np.ndarray:
    """Brightness at the size at which the tiles of a row fill a width.

    Args:
        levels: uint8 (H, W, C).
        columns: tiles in a row.
        widest: pixels; None for one pixel to a cell.

    Returns:
        uint8 (H', W', C), averaged down, or enlarged by whole pixels, up to eightfold.
    """
    if widest is None:
        return levels
    height, width = levels.shape[:2]
    room = max(1, (widest + rendering.GAP) // columns - rendering.GAP)
    if room < width:
        return images.resize(levels, (max(1, round(height * room / width)), room))
    return rendering.enlarge(levels, min(room // width, _LARGEST_PIXEL))


def sparsity(network: Any, picture: np.ndarray) -> dict[str, float]:
    """How much of each rectified layer is silent: the share of its values that a ReLU (or its kin) has cut to zero.

    Args:
        network: as for ``feature_maps``.
        picture: as for ``feature_maps``.

    Returns:
        path -> share from 0 to 1, for the layers with feature maps that end in a rectifier, in the network's order.

    Source:
        Chollet, Deep Learning with Python, 2018, section 5.4.1: sparsity grows with depth.
    """
    network = zoo.as_network(network)
    batch = _single(network, picture)
    function = tracing.traced(
        network, ("sparsity", batch.shape), partial(_silent, network), tf.TensorSpec(batch.shape, tf.float32)
    )
    shares = function(tf.constant(batch))
    return {entry.name: float(shares[entry.name]) for entry in network.card.map_layers() if entry.name in shares}


def _silent(network: Any, batch: Any) -> dict[str, Any]:
    """Share of zeros in every output that comes straight from a ReLU. Traced."""
    found: dict[str, Any] = {}

    def count(path: str, _: Any, output: Any) -> None:
        if hasattr(output, "op") and tracing.cuts_to_zero(output):
            found[path] = tf.reduce_mean(tf.cast(tf.equal(output, 0), tf.float32))

    with tracing.listening(network.model, count, fold=True):
        network.raw_answer(batch)
    return found
