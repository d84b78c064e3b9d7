"""What is seen inside a network while it learns: kernels, feature maps, guesses, sizes of weights and gradients.

All of it is drawn where the network is, and only while somebody watches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from convviz import ConvvizError, activations, datasets, filters, images, lazy, rendering, sketches, tracing

tf = lazy.load("tensorflow")

GUESSES = 12  # test pictures in the strip
_TILE = 96  # pixels of one of them at least
_LINE = 40  # pixels of the line of answers
_RIGHT, _WRONG = (1, 102, 94), (140, 81, 10)  # teal and brown, told apart by the colour-blind; the words tell, too
COLUMNS = 8  # kernels or maps in a row
_WIDEST = 640  # pixels of a mosaic
_MOST_LAYERS = 16  # whose sizes are told


@dataclass(frozen=True)
class Watch:
    """What somebody wants to see.

    Attributes:
        picture: whose feature maps are drawn, uint8 (H, W, 3) or (H, W, 1); or the place in the strip of test pictures.
        layer: path of the layer that draws them; empty for the first convolution.
        seconds: how long, unless the wish is repeated.
    """

    picture: np.ndarray | int = 0
    layer: str = ""
    seconds: float = 6.0


@dataclass(frozen=True)
class Guess:
    """A network's answer to one test picture.

    Attributes:
        label: the class it has.
        guess: the class it is taken for.
        probability: that the network gives to the guess, 0 to 1.
    """

    label: int
    guess: int
    probability: float


@dataclass(frozen=True)
class Size:
    """How large the numbers of one layer are, as the root of their mean square.

    Attributes:
        layer: its path.
        weights: of its trainable weights.
        gradient: of the loss by these weights, in the last step; None before the first.
    """

    layer: str
    weights: float
    gradient: float | None


@dataclass(frozen=True)
class Display:
    """The inside of a network at one step.

    Attributes:
        step: after which it was drawn.
        kernels: the first convolution's kernels as a PNG file; None where there is none.
        maps: the feature maps of the watched picture; None where the layer has none.
        strip: some test pictures side by side as a PNG file, the same at every step.
        answers: what the network takes these for, as a line of the same width below it, a PNG file.
        guesses: the same in numbers.
        sizes: of the trainable layers, the first ones and the last where there are many.
    """

    step: int
    kernels: filters.Board | None
    maps: activations.Mosaic | None
    strip: bytes = field(repr=False)
    answers: bytes = field(repr=False)
    guesses: tuple[Guess, ...]
    sizes: tuple[Size, ...]


class Drawer:
    """Draws the inside of one network, again and again.

    Args:
        network: a ``zoo.Network``.
        dataset: what it learns from.
    """

    def __init__(self, network: Any, dataset: datasets.Dataset) -> None:
        self._network = network
        leaves = tracing.leaves(network.model)
        self._layers = {path: one.trainable_variables for path, one in leaves.items() if one.trainable_variables}
        self._first = next((path for path, one in leaves.items() if type(one).__name__ in filters.KINDS), None)
        self._maps = {one.name for one in network.card.map_layers()}
        self._pictures, self._labels = strip_pictures(dataset)
        self._prepared = np.concatenate([network.prepare(one) for one in self._pictures])
        drawn = strip(self._pictures)
        self._strip, self._wide = rendering.png(drawn), drawn.shape[1]
        self._names = dataset.class_names

    @property
    def first(self) -> str | None:
        """Path of the first convolution."""
        return self._first

    def draw(self, watch: Watch, step: int, gradients: Mapping[int, float]) -> Display:
        """The inside as it is now.

        Args:
            watch: what is wanted.
            step: of the run.
            gradients: id of a variable -> sum of the squares of its gradient.
        """
        kernels = filters.board(self._network, self._first, columns=COLUMNS, widest=_WIDEST) if self._first else None
        guesses = self._guessed()
        line = rendering.png(answers(guesses, self._names, self._wide))
        return Display(step, kernels, self._drawn_maps(watch), self._strip, line, guesses, self._sized(gradients))

    def _drawn_maps(self, watch: Watch) -> activations.Mosaic | None:
        layer = watch.layer if watch.layer in self._maps else self._first
        if layer not in self._maps:
            return None
        picture = watch.picture
        if isinstance(picture, int):
            picture = self._pictures[min(picture, len(self._pictures) - 1)]
        try:
            return activations.mosaics(self._network, picture, [layer], columns=COLUMNS, widest=_WIDEST)[layer]
        except ConvvizError:  # a layer that this network never calls
            return None

    def _guessed(self) -> tuple[Guess, ...]:
        chances = answered(self._network, self._prepared)
        best = chances.argmax(axis=1)
        found = zip(self._labels.tolist(), best.tolist(), chances.max(axis=1).tolist(), strict=True)
        return tuple(Guess(*one) for one in found)

    def _sized(self, gradients: Mapping[int, float]) -> tuple[Size, ...]:
        paths = list(self._layers)
        if len(paths) > _MOST_LAYERS:
            paths = [*paths[: _MOST_LAYERS // 2], *paths[-_MOST_LAYERS // 2 :]]
        sizes = []
        for path in paths:
            variables = self._layers[path]
            count = sum(int(np.prod(one.shape)) for one in variables)
            weights = sum(float(np.square(one.numpy(), dtype=np.float64).sum()) for one in variables)
            known = [gradients[id(one)] for one in variables if id(one) in gradients]
            gradient = float(np.sqrt(sum(known) / count)) if known else None
            sizes.append(Size(path, float(np.sqrt(weights / count)), gradient))
        return tuple(sizes)


def strip_pictures(dataset: datasets.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """The test pictures of the strip, spread over all of them, and their classes."""
    count = len(dataset.test_images)
    rows = np.linspace(0, count - 1, min(GUESSES, count)).astype(int)
    return dataset.test_images[rows], dataset.test_labels[rows]


def answered(network: Any, batch: np.ndarray) -> np.ndarray:
    """Probabilities for a prepared batch, float32 (N, K), as ``Network.predict`` gives them one by one."""
    from convviz.zoo.network import probabilities

    spec = tf.TensorSpec((None, *batch.shape[1:]), tf.float32)
    function = tracing.traced(network, ("answers", batch.shape[1:]), network.answer, spec)
    logits = function(tf.constant(batch)).numpy()
    return np.stack([probabilities(row, network.card.output) for row in logits])


def strip(pictures: np.ndarray) -> np.ndarray:
    """Pictures side by side in one row, small ones enlarged by whole pixels, large ones reduced: uint8 RGB."""
    coloured = [images.with_channels(images.limit(one, _TILE), 3) for one in pictures]
    return sketches.sheet(np.stack([rendering.enlarge(one, at_least=_TILE) for one in coloured]), columns=len(pictures))


def answers(guesses: Sequence[Guess], names: Sequence[str], width: int) -> np.ndarray:
    """A field for each guess, side by side over the width: teal and the name, or brown and both names: uint8 RGB."""
    line = Image.new("RGB", (width, _LINE), "white")
    draw, font = ImageDraw.Draw(line), ImageFont.load_default(24)
    each = (width + sketches.GAP) / max(1, len(guesses))
    for place, one in enumerate(guesses):
        left, right = round(place * each), round((place + 1) * each) - sketches.GAP
        wrong = one.guess != one.label
        told = f"{names[one.guess]}, is {names[one.label]}" if wrong else names[one.guess]
        while len(told) > 1 and draw.textlength(told, font) > right - left - 4:
            told = told[:-1]
        draw.rectangle((left, 0, right - 1, _LINE), fill=_WRONG if wrong else _RIGHT)
        draw.text(((left + right) / 2, _LINE / 2), told, fill="white", font=font, anchor="mm")
    return np.asarray(line)
