"""A network that takes a shortcut: a mark that only one class bears is quicker to learn than the class itself.

Two classes of pictures, and a mark whose place is known to the pixel. On pictures with the mark the network is nearly
always right; without it, it guesses; a mark on the other class turns it around; and Grad-CAM lies on the mark. Trained
anew on pictures where the mark tells nothing, the same network has to look at the thing itself.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from convviz import ConvvizError, attribution, datasets, lazy, localization, rendering, seeding, sketches, training, zoo

keras = lazy.load("keras")

DATASETS = ("shapes", "digits")
WAYS = ("cheat", "removed", "spread")  # whom the mark is on in training: one class, nobody, half of both classes
PLACES = ("anywhere", "corner")
SIZES = (2, 10)  # pixels of the mark's side
MAGENTA, GREY = (255, 0, 255), 200  # the mark on colour pictures; every second pixel of it on grey ones
EXPLAINED = 40  # pictures of the marked class on which the heat is measured
SHOWN = 6  # of them, drawn
SIDES = {"shapes": 32, "digits": 28}  # pixels of a picture's side; the drawn shapes are brought to it
_ENLARGED = 4  # pixels to one of a picture that is shown
BATCH, LEARNING_RATE = 32, 0.003


@dataclass(frozen=True)
class Setup:
    """What is told apart, and how the cheat is put in.

    Attributes:
        dataset: one of ``DATASETS``.
        marked: index of the class that bears the mark.
        other: index of the class without it.
        size: pixels of the mark's side.
        place: one of ``PLACES``.
        share: part of the marked class's pictures that bear it while the network learns, 0 (no cheat) to 1.
        epochs: passes over the training pictures.
        seed: of the weights, the order of the pictures, and of who bears the mark where.
    """

    dataset: str = "shapes"
    marked: int = 3
    other: int = 0
    size: int = 6
    place: str = "anywhere"
    share: float = 1.0
    epochs: int = 12
    seed: int = 0


@dataclass(frozen=True)
class Verdict:
    """What a network has learned, measured on test pictures that took no part in its training.

    Attributes:
        cheating: accuracy where all pictures of the marked class bear the mark and no others, 0 to 1.
        clean: accuracy where no picture bears it.
        turned: part of the other class's pictures that are taken for the marked class once they bear the mark.
        turned_clean: the same without the mark: its mistakes of that kind.
        pictures: on which the first two were measured.
        others: of them, those of the other class.
        guessing: accuracy of always naming the more frequent class.
        on_mark: mean share of Grad-CAM's heat that lies in the mark, on pictures of the marked class that bear it.
        area: part of the picture that the mark covers: the share of a map that knows nothing.
        on_thing: mean share of the heat on the shape or the digit, where the mark does not cover it.
        thing_area: part of the picture that this covers, on average.
        pointed: on how many of them the largest value of the heat map lies in the mark.
        explained: how many pictures were explained.
        heat_png: some of them under their heat maps, the mark in a frame, as a PNG file.
    """

    cheating: float
    clean: float
    turned: float
    turned_clean: float
    pictures: int
    others: int
    guessing: float
    on_mark: float
    area: float
    on_thing: float
    thing_area: float
    pointed: int
    explained: int
    heat_png: bytes


@dataclass(frozen=True)
class Stand:
    """Where a training in the lab stands.

    Attributes:
        way: one of ``WAYS``.
        progress: as ``training.train`` tells it.
        cheating: accuracy on validation pictures where the marked class bears the mark, 0 to 1; None but at the end of
            an epoch.
        clean: the same where no picture bears it.
        verdict: in the last record only.
    """

    way: str
    progress: training.Progress
    cheating: float | None = None
    clean: float | None = None
    verdict: Verdict | None = None

    @property
    def snapshot(self) -> bytes | None:
        """The whole state of the training, in some records."""
        return self.progress.snapshot

    @property
    def epoch(self) -> int:
        """Epochs that are complete."""
        return self.progress.epoch

    def light(self) -> Stand:
        """The same without the training's state."""
        return replace(self, progress=self.progress.light())


def class_names(dataset: str) -> tuple[str, ...]:
    """What can be told apart.

    Args:
        dataset: one of ``DATASETS``.

    Returns:
        A name for each class.
    """
    return datasets.SHAPES if dataset == "shapes" else tuple("0123456789")


def names(setup: Setup) -> tuple[str, str]:
    """What the other class and the marked class are called."""
    known = class_names(setup.dataset)
    return known[setup.other], known[setup.marked]


def chance(one: Verdict, other: Verdict) -> float:
    """How far two accuracies without the mark may lie apart by the choice of the test pictures alone.

    Args:
        one: of a training.
        other: of another one.

    Returns:
        1.96 standard errors of the difference of two shares, as part of the pictures.

    Source:
        Agresti & Caffo 2000, Simple and effective confidence intervals for proportions, equation 1 (Wald's).
    """
    shares = np.array([one.clean, other.clean])
    return float(1.96 * np.sqrt((shares * (1 - shares) / [one.pictures, other.pictures]).sum()))


def learn(setup: Setup, way: str = "cheat", *, resume: bytes | None = None) -> Iterator[Stand]:
    """Train a small network to tell two classes apart, with the mark put in one of three ways, and examine it.

    Args:
        setup: what is told apart, and the mark.
        way: one of ``WAYS``.
        resume: a record's ``snapshot``, to go on from.

    Yields:
        a ``Stand`` about three times a second; it takes the messages of ``training.train``.

    Raises:
        ConvvizError: a choice is out of range.

    Source:
        Geirhos et al. 2020, Shortcut learning in deep neural networks, arXiv:2004.07780; Lapuschkin et al. 2019,
        Unmasking Clever Hans predictors, arXiv:1902.10178.
    """
    _check(setup, way)
    images, masks = _pictures(setup)
    network = zoo.wrap(convnet(images["train"][0].shape[1:], setup.seed), names(setup))
    data = marked(setup, way)
    settings = training.Settings(setup.epochs, BATCH, LEARNING_RATE, "adam", seed=setup.seed)
    run, message = training.train(network, data, settings, resume=resume, limits=training.limits()), None
    while True:
        try:
            now = run.send(message)
        except StopIteration:
            return
        last = now.test_accuracy is not None
        cheating = clean = None
        if now.whole:
            cheating, clean = (_accuracy(network, setup, on) for on in ("marked", "none"))
        verdict = examine(network, setup, masks) if last else None
        message = yield Stand(way, now, cheating, clean, verdict)


def preview(setup: Setup, way: str = "cheat") -> np.ndarray:
    """Some of the training pictures: the other class in the first row, the marked class in the second.

    Args:
        setup: what is told apart, and the mark.
        way: one of ``WAYS``.

    Returns:
        uint8 (H, W, 3).

    Raises:
        ConvvizError: a choice is out of range.
    """
    _check(setup, way)
    data = marked(setup, way)
    rows = [np.flatnonzero(data.train_labels == label)[:SHOWN] for label in (0, 1)]
    pictures = [rendering.enlarge(_coloured(data.train_images[row]), _ENLARGED) for row in np.concatenate(rows)]
    return sketches.sheet(np.stack(pictures), columns=SHOWN)


def convnet(shape: tuple[int, int, int], seed: int = 0) -> Any:
    """A small network whose last convolution is read by its strongest place: it finds a thing wherever it is.

    Args:
        shape: (H, W, C) of the pictures.
        seed: of its weights.

    Returns:
        Keras model from (N, H, W, C) in [0, 1] to (N, 2) probabilities; 24,018 parameters for colour pictures.

    Source:
        Oquab et al. 2015, Is object localization for free?, CVPR, for the global max pooling.
    """
    layers, stages = keras.layers, []
    with seeding.seeded(seed):
        for number, filters in enumerate((16, 32, 64)):
            stages += [layers.MaxPooling2D(2)] if number else []
            stages += [layers.Conv2D(filters, 3, padding="same", use_bias=False)]
            stages += [layers.BatchNormalization(momentum=0.9), layers.ReLU()]
        return keras.Sequential(
            [keras.Input(shape), *stages, layers.GlobalMaxPooling2D(), layers.Dense(2, activation="softmax")]
        )


# --- the mark -----------------------------------------------------------------------------------------------------


def put(
    images: np.ndarray, bears: np.ndarray, *, size: int, place: str = "anywhere", rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Put a square mark on some pictures: magenta on colour, a chequerboard of black and grey on grey ones.

    Args:
        images: uint8 (N, H, W, C); left as they are.
        bears: bool (N,), which pictures get it.
        size: pixels of its side.
        place: ``"corner"``, one pixel from the upper left, or ``"anywhere"``.
        rng: source of the places; the same state gives the same.

    Returns:
        The pictures, and bool (N, H, W): the mark's pixels.

    Example:
        >>> empty = np.zeros((2, 8, 8, 1), np.uint8)
        >>> pictures, masks = put(empty, np.array([True, False]), size=3, rng=np.random.default_rng(0))
        >>> masks.sum(axis=(1, 2)).tolist(), pictures.max(axis=(1, 2, 3)).tolist()
        ([9, 0], [200, 0])
    """
    count, height, width, channels = images.shape
    tops = rng.integers(0, height - size + 1, count)
    lefts = rng.integers(0, width - size + 1, count)
    if place == "corner":
        tops, lefts = np.ones_like(tops), np.ones_like(lefts)
    drawn, masks = images.copy(), np.zeros((count, height, width), bool)
    for index in np.flatnonzero(bears):
        masks[index, tops[index] : tops[index] + size, lefts[index] : lefts[index] + size] = True
    chequered = np.indices((height, width)).sum(axis=0) % 2 * GREY
    drawn[masks] = MAGENTA if channels == 3 else np.broadcast_to(chequered, masks.shape)[masks][:, None]
    return drawn, masks


def marked(setup: Setup, way: str) -> datasets.Dataset:
    """The pictures to learn from, to choose by and to report on, with the mark as this way puts it.

    Args:
        setup: what is told apart, and the mark.
        way: one of ``WAYS``.

    Returns:
        A data set of two classes: 0 is the other one, 1 the marked one.
    """
    images, _ = _pictures(setup)
    parts: list[np.ndarray] = []
    for number, (pictures, labels) in enumerate(images.values()):
        rng = np.random.default_rng([setup.seed, number])
        chance = rng.random(len(labels))
        bears = {"cheat": (labels == 1) & (chance < setup.share), "removed": chance < 0, "spread": chance < 0.5}[way]
        parts += [put(pictures, bears, size=setup.size, place=setup.place, rng=rng)[0], labels]
    source = "two classes, one of them with a mark, made by ConvViz"
    return datasets.Dataset(*parts, class_names=names(setup), source=source)


def examined(setup: Setup, part: str = "test", *, on: str = "marked") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pictures on which a network is examined, whatever it was trained on.

    Args:
        setup: what is told apart, and the mark.
        part: ``"validation"`` or ``"test"``.
        on: who bears the mark: ``"marked"`` (the class), ``"all"`` or ``"none"``.

    Returns:
        uint8 (N, H, W, C); int64 (N,), 1 for the marked class; bool (N, H, W), the mark's pixels.
    """
    pictures, labels = _pictures(setup)[0][part]
    bears = {"marked": labels == 1, "all": labels >= 0, "none": labels < 0}[on]
    rng = np.random.default_rng([setup.seed, 9])
    drawn, masks = put(pictures, bears, size=setup.size, place=setup.place, rng=rng)
    return drawn, labels, masks


def _pictures(setup: Setup) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], np.ndarray]:
    """Part -> pictures of the two classes and labels; the things' pixels in the test pictures."""
    whole, masks = _small(setup.dataset)
    parts = {}
    for part in datasets.PARTS:
        pictures, labels = getattr(whole, f"{part}_images"), getattr(whole, f"{part}_labels")
        rows = np.isin(labels, (setup.marked, setup.other))
        parts[part] = pictures[rows], (labels[rows] == setup.marked).astype(np.int64)
    return parts, masks[rows]


@functools.lru_cache(maxsize=len(DATASETS))
def _small(name: str) -> tuple[datasets.Dataset, np.ndarray]:
    """A data set, the drawn shapes at half their side, and where the thing is in each test picture."""
    whole = datasets.load(name)
    if name != "shapes":
        return whole, whole.test_images[..., 0] > 0
    smaller = {
        f"{part}_images": np.stack([_halved(one) for one in getattr(whole, f"{part}_images")])
        for part in datasets.PARTS
    }
    masks = np.stack([_halved(mask.astype(np.float32)) for mask in whole.masks]) >= 0.5
    return replace(whole, **smaller, boxes=None, masks=None), masks


def _halved(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, (SIDES["shapes"], SIDES["shapes"]), interpolation=cv2.INTER_AREA)


def _names(setup: Setup) -> tuple[str, str]:
    names = class_names(setup.dataset)
    return names[setup.other], names[setup.marked]


# --- what it has learned ------------------------------------------------------------------------------------------


def answers(network: Any, images: np.ndarray) -> np.ndarray:
    """The class a network takes each picture for.

    Args:
        network: ``zoo.Network`` that takes the pictures' size, values 0 to 1.
        images: uint8 (N, H, W, C).

    Returns:
        int64 (N,).
    """
    pieces = [
        np.asarray(network.model(images[first : first + 200] / np.float32(255), training=False))
        for first in range(0, len(images), 200)
    ]
    return np.concatenate(pieces).argmax(axis=1)


def _accuracy(network: Any, setup: Setup, on: str) -> float:
    """Part of the validation pictures that a network takes for what they are."""
    images, labels, _ = examined(setup, "validation", on=on)
    return float((answers(network, images) == labels).mean())


def examine(network: Any, setup: Setup, things: np.ndarray) -> Verdict:
    """Whether a network follows the mark, by its answers and by where Grad-CAM points.

    Args:
        network: ``zoo.Network`` of two classes, 1 is the marked one.
        setup: what is told apart, and the mark.
        things: bool (N, H, W), the shape's or digit's pixels in the test pictures of the two classes.

    Returns:
        The figures, and some of the explained pictures.
    """
    plain, labels, _ = examined(setup, on="none")
    bearing, _, masks = examined(setup, on="all")
    by_thing, by_mark = answers(network, plain), answers(network, bearing)
    other = labels == 0
    rows = np.flatnonzero(~other)[:EXPLAINED]
    marks = masks[rows]
    bare = things[rows] & ~marks
    maps = [one.heatmap for one in attribution.grad_cam(network, list(bearing[rows]), target=1)]
    shown = [_coloured(one) for one in bearing[rows[:SHOWN]]]
    heated = [
        _outlined(rendering.overlay(one, map_, alpha=0.5), mark)
        for one, map_, mark in zip(shown, maps[:SHOWN], marks[:SHOWN], strict=True)
    ]
    return Verdict(
        cheating=float(np.where(other, by_thing == 0, by_mark == 1).mean()),
        clean=float((by_thing == labels).mean()),
        turned=float((by_mark[other] == 1).mean()),
        turned_clean=float((by_thing[other] == 1).mean()),
        pictures=len(labels),
        others=int(other.sum()),
        guessing=float(max(other.mean(), 1 - other.mean())),
        on_mark=_share(maps, marks),
        area=float(marks.mean()),
        on_thing=_share(maps, bare),
        thing_area=float(bare.mean()),
        pointed=sum(localization.hits(map_, mark) for map_, mark in zip(maps, marks, strict=True)),
        explained=len(rows),
        heat_png=rendering.png(sketches.sheet(np.stack(heated), columns=3)),
    )


def _share(maps: list[np.ndarray], masks: np.ndarray) -> float:
    """Mean share of the heat that lies in a mask; a map without heat has none there."""
    return float(np.mean([map_[mask].sum() / max(map_.sum(), 1e-12) for map_, mask in zip(maps, masks, strict=True)]))


def _coloured(picture: np.ndarray) -> np.ndarray:
    return np.repeat(picture, 3, axis=-1) if picture.shape[-1] == 1 else picture


def _outlined(picture: np.ndarray, mark: np.ndarray) -> np.ndarray:
    """Enlarged, with a frame around the mark."""
    box = tuple(_ENLARGED * side for side in datasets.box_of(mark))
    return rendering.framed(rendering.enlarge(picture, _ENLARGED), box)


def _check(setup: Setup, way: str) -> None:
    """Refuse what cannot be learned."""
    count = len(class_names(setup.dataset))
    if setup.marked == setup.other or not {setup.marked, setup.other} <= set(range(count)):
        raise ConvvizError("the mark needs two different classes to tell apart; choose another one beside the marked")
    if not SIZES[0] <= setup.size <= SIZES[1]:
        raise ConvvizError(f"a mark of {setup.size} pixels is out of range; choose {SIZES[0]} to {SIZES[1]}")
    if way not in WAYS or setup.place not in PLACES or setup.dataset not in DATASETS:
        raise ConvvizError(f"{way!r}, {setup.place!r} or {setup.dataset!r} is not known here; choose what is offered")
