"""How far a heat map can be trusted: three tests that it can fail.

Deletion and insertion ask whether the marked places matter to the network. The cascade of shuffled weights asks
whether the map depends on what the network has learnt. The league asks, on drawn shapes whose place is known, whether
the map lies on what it is said to explain.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from convviz import ConvvizError, attribution, datasets, images, lazy, localization, rendering, tracing, zoo

keras = lazy.load("keras")

RANDOM = "random"  # stands where a method's name would: a map that knows nothing
CENTRE = "centre"  # a blob in the middle of the picture, which also knows nothing
SHOWN = 450  # pixels of the longer side of the pictures that are sent


@dataclass(frozen=True)
class Curves:
    """What a network's answer does when the places that a map marks are taken away, or given back.

    Attributes:
        shares: float64 (S,), part of the pixels that were changed, 0 to 1.
        deletion: float64 (S,), probability of the class while pixels are painted over, the most important first.
        insertion: float64 (S,), the same while they are brought back into a blurred picture.
    """

    shares: np.ndarray
    deletion: np.ndarray
    insertion: np.ndarray

    @property
    def deletion_area(self) -> float:
        """Area under the deletion curve, 0 to 1; a small one is good."""
        return float(np.trapezoid(self.deletion, self.shares))

    @property
    def insertion_area(self) -> float:
        """Area under the insertion curve, 0 to 1; a large one is good."""
        return float(np.trapezoid(self.insertion, self.shares))


@dataclass(frozen=True)
class Comparison:
    """The trials so far.

    Attributes:
        trials: one for each method that has been tested, and the last for chance.
        doing: key of the method at work, or ``RANDOM``.
        done: share of the whole work, 0 to 1.
    """

    trials: tuple[Trial, ...]
    doing: str
    done: float

    def light(self) -> Comparison:
        """The same without the trials."""
        return replace(self, trials=())


@dataclass(frozen=True)
class Trial:
    """One method's map of one picture, and its curves.

    Attributes:
        method: key in ``attribution.METHODS``, or ``RANDOM``.
        picture: the map over the picture, as a PNG file; empty for ``RANDOM``.
        curves: for ``RANDOM`` the mean over several maps.
        note: why the map is blank, empty if it is not.
        chances: for ``RANDOM`` the curves of each random map, whose spread is what chance can do.
    """

    method: str
    picture: bytes
    curves: Curves
    note: str
    chances: tuple[Curves, ...] = ()


@dataclass(frozen=True)
class Stage:
    """A map after the weights of the last layers were shuffled.

    Attributes:
        layer: path of the lowest layer whose weights are shuffled, "" before any is.
        shuffled: layers whose weights are shuffled.
        similarity: Spearman's rank correlation with the first map, -1 to 1; NaN where one of both is flat.
        score: probability of the class.
        picture: the map over the picture, as a PNG file.
        note: why the map is blank, empty if it is not.
    """

    layer: str
    shuffled: int
    similarity: float
    score: float
    picture: bytes
    note: str


@dataclass(frozen=True)
class Cascade:
    """The stages so far.

    Attributes:
        stages: the trained network's first.
        done: share of the whole work, 0 to 1.
    """

    stages: tuple[Stage, ...]
    done: float

    def light(self) -> Cascade:
        """The same without the stages."""
        return replace(self, stages=())


@dataclass(frozen=True)
class Standing:
    """One row of the league.

    Attributes:
        method: key in ``attribution.METHODS``, ``RANDOM`` or ``CENTRE``.
        pictures: how many were explained.
        hits: on how many the largest value of the unclipped map lay on the shape.
        overlap: mean intersection over union of the map's box with the shape's, 0 to 1.
        spread: standard deviation of the same over the pictures.
    """

    method: str
    pictures: int
    hits: int
    overlap: float
    spread: float


@dataclass(frozen=True)
class League:
    """The standings after some pictures, and the last picture with its truth.

    Attributes:
        standings: one for each method, then the blob in the middle and the random map; empty before the first picture.
        pictures: how many were explained.
        total: how many there will be.
        example: the last picture under the first method's heat map as a PNG file, the shape's true box with thin lines,
            the box around the largest connected piece that the map marks with thick ones.
        shape: what was explained in it.
        overlap: of the two boxes, 0 to 1.
        done: share of the whole work, 0 to 1.
    """

    standings: tuple[Standing, ...]
    pictures: int
    total: int
    example: bytes
    shape: str
    overlap: float
    done: float

    def light(self) -> League:
        """The same without the picture."""
        return replace(self, example=b"")


# --- deletion and insertion ---------------------------------------------------------------------------------------


def curves(
    network: Any, picture: np.ndarray, heatmap: np.ndarray, *, target: int, steps: int = 24, seed: int = 0
) -> Curves:
    """Deletion and insertion: the class's probability while pixels go, or come, in the order of a heat map.

    Deleted pixels take the picture's mean colour; insertion begins with the picture blurred until nothing can be
    recognized. Pixels of equal value go in a random order.

    Args:
        network: ``zoo.Network`` or a Keras model.
        picture: uint8 (H, W, 3), or a ready float batch (1, H, W, C).
        heatmap: float (H, W), of any size; the largest values are changed first, so give it unclipped, as
            ``attribution.evidence`` does.
        target: class index.
        steps: changes from none to all.
        seed: of the order among equals.

    Returns:
        Probabilities at ``steps + 1`` shares.

    Source:
        Petsiuk et al. 2018, RISE, arXiv:1806.07421, section 4.2.
    """
    network = zoo.as_network(network)
    batch = network.prepare(picture)
    height, width = batch.shape[1:3]
    values = images.resize(np.nan_to_num(np.asarray(heatmap, np.float32)), (height, width)).ravel()
    order = np.lexsort((np.random.default_rng(seed).random(values.size), -values))
    rank = np.empty(values.size, np.int64)
    rank[order] = np.arange(values.size)
    rank = rank.reshape(height, width, 1)
    shares = np.linspace(0, 1, steps + 1)
    whole = batch[0]
    empty = np.broadcast_to(whole.mean(axis=(0, 1)), whole.shape)
    blurred = cv2.GaussianBlur(whole, (0, 0), max(height, width) / 12).reshape(whole.shape)
    first = [rank < round(share * values.size) for share in shares]
    return Curves(
        shares,
        _probabilities(network, [np.where(changed, empty, whole) for changed in first], target),
        _probabilities(network, [np.where(changed, whole, blurred) for changed in first], target),
    )


def _probabilities(network: Any, inputs: Sequence[np.ndarray], target: int) -> np.ndarray:
    return np.array([network.predict(one[None])[target] for one in inputs], np.float64)


def random_map(shape: tuple[int, int], *, rng: np.random.Generator) -> np.ndarray:
    """A map that knows nothing, as coarse as a real one.

    Args:
        shape: (h, w) of the map that it is compared with, before enlarging.
        rng: source of the values.

    Returns:
        float32 (h, w) from 0 to 1.
    """
    return rng.random(shape, np.float32)


def compare(
    network: Any,
    picture: np.ndarray,
    methods: Sequence[str],
    *,
    target: int | None = None,
    steps: int = 24,
    randoms: int = 5,
    seed: int = 0,
) -> Iterator[Trial]:
    """Several methods explain the same picture, and each map is put to the test; a random map comes last.

    Args:
        network: ``zoo.Network`` or a Keras model.
        picture: uint8 (H, W, 3).
        methods: keys in ``attribution.METHODS``.
        target: class index; None for the top class.
        steps: of the curves.
        randoms: random maps that the last trial averages, as coarse as the first method's.
        seed: of the random maps.

    Yields:
        a ``Comparison`` after each trial, of which the last is chance, and between the parts of a slow method; a
        message ``{"stop": True}`` ends it.

    Raises:
        ConvvizError: there is no such method or class, the network does not end in classes, or its answer is no number.
    """
    network = zoo.as_network(network)
    attribution.check(*methods)
    target = _class(network, picture, target)
    coarse: tuple[int, int] = (8, 8)
    trials: list[Trial] = []
    for place, method in enumerate(methods):

        def told(done: float, place: int = place, method: str = method) -> Comparison:
            return Comparison(tuple(trials), method, (place + done) / (len(methods) + 1))

        found = yield from _answered(method, network, picture, told, target=target)
        if found is None:
            return
        coarse = coarse if trials else found.raw.shape
        tested = curves(network, picture, attribution.evidence(found), target=target, steps=steps, seed=seed)
        trials.append(Trial(method, _png(picture, found.heatmap), tested, found.note))
        if _stops((yield told(1.0))):
            return
    rng, tried = np.random.default_rng(seed), []
    for number in range(randoms):
        drawn = random_map(coarse, rng=rng)
        tried.append(curves(network, picture, drawn, target=target, steps=steps, seed=seed + number))
        if _stops((yield Comparison(tuple(trials), RANDOM, (len(methods) + number / randoms) / (len(methods) + 1)))):
            return
    mean = Curves(
        *(np.mean([getattr(one, part) for one in tried], axis=0) for part in ("shares", "deletion", "insertion"))
    )
    yield Comparison((*trials, Trial(RANDOM, b"", mean, "", tuple(tried))), RANDOM, 1.0)


def _class(network: Any, picture: np.ndarray, target: int | None) -> int:
    """The class that is asked about, the top one without one; refused where the answer is no number."""
    chances = network.predict(picture)
    if not np.isfinite(chances).all():
        raise ConvvizError(zoo.no_number(network))
    return int(np.argmax(chances)) if target is None else target


def _answered(
    method: str, network: Any, picture: np.ndarray, told: Callable[[float], Any], **choices: Any
) -> Generator[Any, Any, attribution.Attribution | None]:
    """A method's answer; between the parts of a slow one, what ``told`` makes of the share that is done is yielded.

    Returns None when it was stopped.
    """
    steps = attribution.METHODS[method].steps(network, picture, **choices)
    while True:
        try:
            part = next(steps)
        except StopIteration as end:
            return end.value
        if method in attribution.SLOW and _stops((yield told(min(0.99, part.done / part.total)))):
            return None


def _stops(message: Any) -> bool:
    """Whether what was sent into a test ends it."""
    return bool(message and message.get("stop"))


# --- the cascade of shuffled weights ------------------------------------------------------------------------------


def shuffle_cascade(
    network: Any,
    picture: np.ndarray,
    method: str,
    *,
    target: int | None = None,
    layer: str | None = None,
    stages: int = 6,
    seed: int = 0,
) -> Iterator[Stage]:
    """Shuffle the weights from the last layer downwards, on a copy, and explain the picture after each stage.

    A map that stays the same shows the picture, not the network. Shuffling keeps each weight tensor's values and only
    changes their places.

    Args:
        network: ``zoo.Network`` or a Keras model; it is not changed.
        picture: uint8 (H, W, 3).
        method: key in ``attribution.METHODS``.
        target: class index; None for the top class of the trained network.
        layer: as for the method.
        stages: at most this many, after the first, evenly over the layers with weights.
        seed: of the shuffling.

    Yields:
        a ``Cascade`` after each stage, of which the first is the trained network's, and between the parts of a slow
        method; a message ``{"stop": True}`` ends it.

    Raises:
        ConvvizError: there is no such method, the network cannot be copied, or its answer is no number.

    Source:
        Adebayo et al. 2018, Sanity checks for saliency maps, arXiv:1810.03292, section 3, with shuffled in place of
        newly drawn weights.
    """
    network = zoo.as_network(network)
    attribution.check(method)
    target = _class(network, picture, target)
    subject = copied(network)
    layers = tracing.leaves(subject.model)
    order = [path for path, one in layers.items() if one.weights][::-1]
    cuts = sorted({round(part) for part in np.linspace(0, len(order), min(stages, len(order)) + 1)})
    rng = np.random.default_rng(seed)
    found: list[Stage] = []
    first: np.ndarray | None = None
    for place, cut in enumerate(cuts):
        for path in order[cuts[place - 1] if place else 0 : cut]:
            _shuffle(layers[path], rng)

        def told(done: float, place: int = place) -> Cascade:
            return Cascade(tuple(found), (place + done) / len(cuts))

        answer = yield from _answered(method, subject, picture, told, target=target, layer=layer)
        if answer is None:
            return
        first = answer.raw if first is None else first
        found.append(
            Stage(
                layer=order[cut - 1] if cut else "",
                shuffled=cut,
                similarity=rank_correlation(first, answer.raw),
                score=answer.score,
                picture=_png(picture, answer.heatmap),
                note=answer.note,
            )
        )
        if _stops((yield told(1.0))):
            return


def copied(network: Any) -> Any:
    """A network with a model of its own, the same architecture and the same weights.

    Args:
        network: ``zoo.Network``.

    Returns:
        ``zoo.Network``.

    Raises:
        ConvvizError: the model's class does not say how to build another one.
    """
    try:
        model = keras.models.clone_model(network.model)
        model.set_weights(network.model.get_weights())
    except (TypeError, ValueError, NotImplementedError) as error:
        raise ConvvizError(
            f"{network.card.title} cannot be copied, so its weights cannot be shuffled; give its classes a get_config"
        ) from error
    other = copy.copy(network)
    other.model, other.compiled, other.lock = model, {}, threading.RLock()
    return other


def _shuffle(layer: Any, rng: np.random.Generator) -> None:
    """Each of a layer's weight tensors keeps its values and loses their places."""
    for variable in layer.weights:
        values = np.asarray(variable)
        if np.issubdtype(values.dtype, np.floating):
            variable.assign(rng.permutation(values.ravel()).reshape(values.shape))


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's rank correlation of two maps of one shape; NaN where one of both is flat.

    Args:
        one: float, any shape.
        other: the same shape.

    Returns:
        -1 to 1.

    Example:
        >>> rank_correlation(np.array([1.0, 2, 3]), np.array([1.0, 10, 100]))
        1.0
    """
    from scipy.stats import rankdata

    if not (np.ptp(one) > 0 and np.ptp(other) > 0):
        return float("nan")
    ranks = [rankdata(values.ravel()) for values in (one, other)]
    return float(np.clip(np.corrcoef(ranks[0], ranks[1])[0, 1], -1, 1))


# --- the league on drawn shapes -----------------------------------------------------------------------------------


def league(
    network: Any,
    methods: Sequence[str],
    *,
    pictures: int = 50,
    shapes_per_picture: int = 2,
    threshold: float = 0.5,
    seed: int = 0,
) -> Iterator[League]:
    """Methods against the truth: on drawn shapes, does the map lie on the shape that it is said to explain?

    In each picture stand shapes of different classes, and one of them is explained. A random map and a blob in the
    middle compete too, as what any method must beat.

    Args:
        network: a network whose classes are ``datasets.SHAPES``.
        methods: keys in ``attribution.METHODS``.
        pictures: how many are drawn.
        shapes_per_picture: 1 to 4.
        threshold: of the box, as for ``localization.box``.
        seed: of the pictures.

    Yields:
        a ``League`` after each picture, and between the parts of a slow method; a message ``{"stop": True}`` ends it.

    Raises:
        ConvvizError: there is no such method, or the network does not know the shapes.
    """
    network = zoo.as_network(network)
    attribution.check(*methods)
    if tuple(network.card.class_names) != datasets.SHAPES:
        raise ConvvizError(f"{network.card.title} does not tell {', '.join(datasets.SHAPES)} apart; choose shapes")
    drawn = drawings(pictures, side=network.card.input_shape[0], shapes_per_picture=shapes_per_picture, seed=seed)
    rng = np.random.default_rng([seed, 1])
    results: dict[str, list[tuple[bool, float]]] = {name: [] for name in (*methods, CENTRE, RANDOM)}
    now = League((), 0, pictures, b"", "", 0.0, 0.0)
    for number in range(pictures):
        picture, target, mask = drawn.images[number], int(drawn.labels[number, 0]), drawn.masks[number, 0]
        truth = tuple(int(edge) for edge in drawn.boxes[number, 0])
        maps: dict[str, np.ndarray] = {}
        unclipped: dict[str, np.ndarray] = {}
        coarse: tuple[int, int] = (8, 8)
        for method in methods:

            def told(done: float, now: League = now, part: int = len(maps), number: int = number) -> League:
                return replace(now, done=(number + (part + done) / len(methods)) / pictures)

            answer = yield from _answered(method, network, picture, told, target=target)
            if answer is None:
                return
            coarse = coarse if maps else answer.raw.shape
            maps[method] = answer.heatmap
            unclipped[method] = attribution.evidence(answer)
        maps[CENTRE] = centre_map(picture.shape[:2])
        maps[RANDOM] = images.resize(random_map(coarse, rng=rng), picture.shape[:2])
        boxes = {name: localization.box(heatmap, threshold=threshold) for name, heatmap in maps.items()}
        for name, heatmap in maps.items():
            overlap = localization.intersection_over_union(boxes[name], truth)
            results[name].append((localization.hits(unclipped.get(name, heatmap), mask), overlap))
        first = next(iter(maps))
        under = rendering.overlay(picture, maps[first])
        now = League(
            standings=tuple(_standing(name, found) for name, found in results.items()),
            pictures=number + 1,
            total=pictures,
            example=rendering.png(localization.drawn(under, boxes[first], truth, at_least=SHOWN)),
            shape=datasets.SHAPES[target],
            overlap=results[first][-1][1],
            done=(number + 1) / pictures,
        )
        if _stops((yield now)):
            return


def drawings(pictures: int, *, side: int, shapes_per_picture: int, seed: int) -> datasets.Drawing:
    """The pictures of the league, with their truth; the first shape of each is explained.

    Args:
        pictures: how many.
        side: height and width, pixels.
        shapes_per_picture: 1 to 4, of different classes.
        seed: of the drawing.

    Returns:
        As ``datasets.draw_shapes``.
    """
    rng = np.random.default_rng(seed)
    return datasets.draw_shapes(pictures, side=side, shapes_per_picture=shapes_per_picture, rng=rng)


def _standing(method: str, results: Sequence[tuple[bool, float]]) -> Standing:
    overlaps = [overlap for _, overlap in results]
    return Standing(
        method, len(results), sum(hit for hit, _ in results), float(np.mean(overlaps)), float(np.std(overlaps))
    )


def centre_map(shape: tuple[int, int]) -> np.ndarray:
    """A map that falls from the middle of the picture to its edges, and knows nothing.

    Args:
        shape: (H, W).

    Returns:
        float32 (H, W), 1 in the middle.
    """
    rows, columns = (np.linspace(-1, 1, side, dtype=np.float32) for side in shape)
    return np.exp(-2 * (rows[:, None] ** 2 + columns[None] ** 2))


def _png(picture: np.ndarray, heatmap: np.ndarray) -> bytes:
    return rendering.png(rendering.overlay(images.limit(picture, SHOWN), images.limit(heatmap, SHOWN)))
