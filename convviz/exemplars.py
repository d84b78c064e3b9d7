"""Exemplars: the pictures of a data set that a channel answers to most, and the part of each that it looked at."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import prod
from typing import Any

import numpy as np

from convviz import ConvvizError, datasets, images, lazy, receptive_field, tracing, zoo

tf = lazy.load("tensorflow")

SAMPLES = "samples"  # stands where a data set's name would: the sample pictures
NAMES = (SAMPLES, *datasets.NAMES)
SHOWN = 128  # pixels of the longer side of the pictures that are sent, at most
_ROOM = 64 * 2**20  # bytes that the maps of one batch may take, up to the layer
_BATCH = 32  # pictures at once, at most
_KEPT_BYTES = 48_000_000  # a larger part of a data set is read anew for each search

Window = tuple[int, int, int, int]

_kept: dict[tuple[str, str], _Shelf] = {}  # the part that was searched last
_kept_lock = threading.Lock()


@dataclass(frozen=True)
class Exemplar:
    """A picture that a channel answers to.

    Attributes:
        index: of the picture, in what was searched.
        label: its class, or a sample's title.
        value: the channel's largest value on it.
        cell: (row, column) of that value in the map, the first one if it is reached twice.
        picture: uint8 (h, w, 3), reduced to ``SHOWN``.
        window: (top, left, bottom, right) in `picture`: what the cell can see, cut to the picture.
        crop: uint8 (h', w', 3), the picture within the window, reduced to ``SHOWN``.
    """

    index: int
    label: str
    value: float
    cell: tuple[int, int]
    picture: np.ndarray
    window: Window
    crop: np.ndarray


@dataclass(frozen=True)
class Search:
    """What a search has found so far.

    Attributes:
        layer: path.
        best: channel -> its exemplars, the strongest first. A picture that leaves the channel at zero is none.
        means: channel -> mean over the pictures of the channel's largest value.
        silent: channel -> on how many pictures it never rises above zero; not counted where no value is finite.
        done: pictures looked at.
        total: pictures that will be looked at.
        whole: pictures that there are.
        broken: channel -> on how many pictures it has values that are NaN or infinite, which do not count.
    """

    layer: str
    best: Mapping[int, tuple[Exemplar, ...]]
    means: Mapping[int, float]
    silent: Mapping[int, int]
    done: int
    total: int
    whole: int
    broken: Mapping[int, int] = field(default_factory=dict)

    def light(self) -> Search:
        """The same without the pictures."""
        return replace(self, best={})


def search(
    network: Any,
    dataset: datasets.Dataset | str,
    layer: str,
    channels: Sequence[int],
    *,
    part: str = "test",
    most: int = 8,
    count: int = 500,
) -> Iterator[Search]:
    """Look through a data set for the pictures on which channels reach their largest values.

    Args:
        network: ``zoo.Network`` or a Keras model of any kind.
        dataset: or the name of one, or ``SAMPLES``.
        layer: path of a layer with a 2-D output.
        channels: which of its channels.
        part: of the data set, one of ``datasets.PARTS``.
        most: exemplars of each channel, at most.
        count: pictures to look at, at most; of more, so many are taken evenly.

    Yields:
        A `Search` after every batch, the last one final; a message ``{"stop": True}`` ends it.

    Raises:
        ConvvizError: there is no such layer, channel, part or data set.

    Source:
        Zeiler & Fergus 2014, Visualizing and understanding convolutional networks, arXiv:1311.2901, figure 2.
    """
    network = zoo.as_network(network)
    channels = _known(network.card, layer, channels)
    shelf = _shelf(dataset, part)
    chosen = np.unique(np.linspace(0, len(shelf) - 1, max(1, min(count, len(shelf)))).round().astype(int))
    window = _field(network, layer)
    values = np.full((len(chosen), len(channels)), -np.inf, np.float32)
    cells = np.zeros((len(chosen), len(channels), 2), int)
    lost = np.zeros((len(chosen), len(channels)), bool)
    shown: dict[tuple[int, int], Exemplar] = {}
    step = _batch_size(network.card, layer)
    finite = all(np.isfinite(one).all() for one in network.model.get_weights())
    for start in range(0, len(chosen), step):
        part_ = slice(start, min(start + step, len(chosen)))
        values[part_], cells[part_], lost[part_] = _peaks(
            network, layer, channels, [shelf.picture(n) for n in chosen[part_]], finite=finite
        )
        best = {}
        for place, channel in enumerate(channels):
            found = []
            for row in np.argsort(-values[: part_.stop, place], kind="stable")[:most]:
                if np.isfinite(values[row, place]) and values[row, place] != 0:
                    key = (place, int(row))
                    if key not in shown:
                        at = tuple(int(one) for one in cells[row, place])
                        shown[key] = _exemplar(network, shelf, int(chosen[row]), float(values[row, place]), at, window)
                    found.append(shown[key])
            best[channel] = tuple(found)
        seen = values[: part_.stop]
        message = yield Search(
            layer,
            best,
            dict(zip(channels, np.where(np.isfinite(seen), seen, 0).mean(axis=0).tolist(), strict=True)),
            dict(zip(channels, ((seen <= 0) & np.isfinite(seen)).sum(axis=0).tolist(), strict=True)),
            part_.stop,
            len(chosen),
            len(shelf),
            dict(zip(channels, lost[: part_.stop].sum(axis=0).tolist(), strict=True)),
        )
        if message and message.get("stop"):
            return


# --- the pictures -------------------------------------------------------------------------------------------------


class _Shelf:
    """Pictures to look through."""

    def __init__(self, pictures: np.ndarray | Sequence[str], labels: Sequence[str]) -> None:
        self.pictures, self.labels = pictures, labels

    def __len__(self) -> int:
        return len(self.pictures)

    def picture(self, index: int) -> np.ndarray:
        """uint8 (H, W, C)."""
        one = self.pictures[index]
        return images.sample(one) if isinstance(one, str) else one


def _shelf(dataset: datasets.Dataset | str, part: str) -> _Shelf:
    if dataset == SAMPLES:
        names = images.sample_names()
        return _Shelf(names, [images.sample_title(name) for name in names])
    if part not in datasets.PARTS:
        raise ConvvizError(f"there is no part {part!r}; choose one of {', '.join(datasets.PARTS)}")
    with _kept_lock:
        if isinstance(dataset, str) and (dataset, part) in _kept:
            return _kept[dataset, part]
        data = datasets.load(dataset) if isinstance(dataset, str) else dataset
        labels = [data.class_names[label] for label in getattr(data, f"{part}_labels")]
        shelf = _Shelf(getattr(data, f"{part}_images"), labels)
        if isinstance(dataset, str) and shelf.pictures.nbytes <= _KEPT_BYTES:
            _kept.clear()
            _kept[dataset, part] = _Shelf(shelf.pictures.copy(), labels)  # the other parts are let go
        return shelf


def _exemplar(network: Any, shelf: _Shelf, index: int, value: float, cell: tuple[int, int], field: Any) -> Exemplar:
    """One picture with its window and crop, small enough to be sent."""
    picture = images.with_channels(shelf.picture(index), 3)
    window = _window(field, cell, network.card.input_shape[:2], picture.shape[:2])
    top, left, bottom, right = window
    crop = images.limit(picture[top:bottom, left:right], SHOWN)
    small = images.limit(picture, SHOWN)
    scales = [small.shape[axis] / picture.shape[axis] for axis in (0, 1)] * 2
    shown = tuple(round(side * scale) for side, scale in zip(window, scales, strict=True))
    shown = (*shown[:2], max(shown[2], shown[0] + 1), max(shown[3], shown[1] + 1))
    return Exemplar(index, shelf.labels[index], value, cell, small, shown, crop)


def _field(network: Any, layer: str) -> Any:
    """The layer's receptive field; None where it cannot be told."""
    try:
        return receptive_field.receptive_field(network, layer, input_size=network.card.input_shape[:2])
    except ConvvizError:
        return None


def _window(field: Any, cell: tuple[int, int], taken: tuple[int, int], size: tuple[int, int]) -> Window:
    """What a cell sees, in pixels of the picture before it was brought to the network's size."""
    if field is None:
        return 0, 0, *size
    sides = []
    for axis, (first, last) in enumerate(zip(*(field.window(*cell)[n : n + 2] for n in (0, 2)), strict=True)):
        scale = size[axis] / taken[axis]
        low = min(max(int(np.floor(first * scale)), 0), size[axis] - 1)
        sides.append((low, min(max(int(np.ceil(last * scale)), low + 1), size[axis])))
    return sides[0][0], sides[1][0], sides[0][1], sides[1][1]


# --- the network --------------------------------------------------------------------------------------------------


def _known(card: Any, layer: str, channels: Sequence[int]) -> tuple[int, ...]:
    shapes = {entry.name: entry.output_shape for entry in card.map_layers()}
    if layer not in shapes:
        raise ConvvizError(f"{card.title} has no layer {layer[:80]!r} with feature maps; choose another")
    count = shapes[layer][-1]
    for channel in channels:
        if not 0 <= channel < count:
            raise ConvvizError(f"{layer} has {count} channels, counted from 0, and no number {channel}; choose another")
    return tuple(dict.fromkeys(int(channel) for channel in channels))


def _batch_size(card: Any, layer: str) -> int:
    """As many pictures as fit, with their maps up to the layer."""
    names = [entry.name for entry in card.layers]
    before = card.layers[: names.index(layer) + 1]
    return int(np.clip(_ROOM // (4 * sum(prod(entry.output_shape) for entry in before)), 1, _BATCH))


def _peaks(
    network: Any, layer: str, channels: tuple[int, ...], pictures: Sequence[np.ndarray], *, finite: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Largest values (N, K) of channels on pictures, their cells (N, K, 2), and which had NaN or infinity.

    Where not all weights are finite, it goes operation by operation: a convolution that is fused with its ReLU gives 0
    for NaN.
    """
    batch = np.concatenate([network.prepare(one) for one in pictures])
    given = tf.constant(batch), tf.constant(channels, tf.int32)
    if finite:
        function = tracing.traced(
            network, ("exemplars", layer, batch.shape[1:]), partial(_largest, network, layer),
            tf.TensorSpec((None, *batch.shape[1:]), tf.float32), tf.TensorSpec((None,), tf.int32),
        )  # fmt: skip
        values, places, lost, width = function(*given)
    else:
        with network.lock:
            values, places, lost, width = _largest(network, layer, *given)
    rows, cols = np.divmod(places.numpy(), int(width))
    return values.numpy(), np.stack([rows, cols], axis=-1), lost.numpy()


def _largest(network: Any, layer: str, batch: Any, channels: Any) -> tuple[Any, Any, Any, Any]:
    """Largest finite value of channels and its place, row by row, and whether others were not. Traced."""
    maps = tf.cast(tracing.until(network.model, layer, lambda: network.raw_answer(batch)), tf.float32)
    width = tf.shape(maps)[2]
    cells = tf.gather(tf.reshape(maps, (tf.shape(maps)[0], -1, maps.shape[-1])), channels, axis=-1)
    finite = tf.math.is_finite(cells)
    cells = tf.where(finite, cells, -np.inf)
    return tf.reduce_max(cells, axis=1), tf.argmax(cells, axis=1), ~tf.reduce_all(finite, axis=1), width
