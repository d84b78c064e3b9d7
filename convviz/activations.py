"""What each layer makes of a picture: its feature maps, as numbers and as mosaics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import numpy as np

from convviz import ConvvizError, images, lazy, rendering, tracing, zoo

keras = lazy.load("keras")
tf = lazy.load("tensorflow")

AT_ONCE = 256 * 2**20  # bytes of feature maps up to which one traced call computes those of every layer
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
        minimum: lowest value in the layer.
        maximum: highest value in the layer.
        blank: channels with one value everywhere; for most, a filter that this picture does not excite.
    """

    png: bytes
    shape: tuple[int, int, int]
    tile: tuple[int, int]
    columns: int
    minimum: float
    maximum: float
    blank: tuple[int, ...]

    def at(self, row: int, col: int) -> tuple[int, int, int] | None:
        """The channel and its cell at a point of the picture: (channel, y, x), or None on a gap."""
        found = rendering.channel_at(row, col, shape=(*self.tile, self.shape[2]), columns=self.columns)
        if found is None:
            return None
        channel, y, x = found
        return channel, y * self.shape[0] // self.tile[0], x * self.shape[1] // self.tile[1]


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
    network = zoo.as_network(network)
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
    return {name: outputs[name].numpy()[0] for name in chosen}


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
    """The channel of a layer that varies most over the picture: a good one to look at first.

    Args:
        network: as for ``feature_maps``.
        picture: as for ``feature_maps``.
        layer: as for ``feature_maps``.

    Returns:
        Channel index.

    Raises:
        ConvvizError: as for ``feature_maps``.
    """
    return int(feature_maps(network, picture, [layer])[layer].std(axis=(0, 1)).argmax())


def mosaics(
    network: Any,
    picture: np.ndarray,
    layers: Sequence[str] | None = None,
    *,
    columns: int = 16,
    scale: str = "channel",
    widest: int | None = None,
) -> dict[str, Mosaic]:
    """Every channel of layers as pictures, ready to be shown.

    Args:
        network: as for ``feature_maps``.
        picture: as for ``feature_maps``.
        layers: paths of layers with a 2-D output; None for all of them.
        columns: maps in a row.
        scale: brightness, as for ``rendering.mosaic``.
        widest: pixels that a mosaic should be wide. Large maps are averaged down to it; small ones are enlarged by
            whole pixels, up to eightfold. None for one pixel to a cell.

    Returns:
        path -> mosaic.

    Raises:
        ConvvizError: there is no such layer, or it has no feature maps.
    """
    found = feature_maps(network, picture, layers)
    for name, maps in found.items():
        if maps.ndim != 3:
            raise ConvvizError(f"{name} has no feature maps but {maps.shape[-1]} numbers; choose a layer before it")
    return {name: _mosaic(maps, columns, scale, widest) for name, maps in found.items()}


def _mosaic(maps: np.ndarray, columns: int, scale: str, widest: int | None) -> Mosaic:
    """One layer's maps (H, W, C) as a picture."""
    columns = max(1, min(columns, maps.shape[-1]))
    low, high = maps.min(axis=(0, 1)), maps.max(axis=(0, 1))
    tiles = _sized(rendering.levels(maps, scale), columns, widest)
    return Mosaic(
        png=rendering.png(rendering.tiled(tiles, columns=columns)),
        shape=maps.shape,
        tile=tiles.shape[:2],
        columns=columns,
        minimum=float(low.min()),
        maximum=float(high.max()),
        blank=tuple(int(channel) for channel in np.flatnonzero(low == high)),
    )


def _sized(levels: np.ndarray, columns: int, widest: int | None) -> np.ndarray:
    """Brightness (H, W, C) at the size at which the tiles fill a width."""
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
    """Share of zeros in every output that comes straight from a rectifier. Traced."""
    found: dict[str, Any] = {}

    def count(path: str, _: Any, output: Any) -> None:
        if getattr(output, "shape", None) is not None and tracing.before_rectifier(output) is not output:
            found[path] = tf.reduce_mean(tf.cast(tf.equal(output, 0), tf.float32))

    with tracing.listening(network.model, count, fold=True):
        network.raw_answer(batch)
    return found
