"""What a filter looks for: gradient ascent draws the picture that it answers to most."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np

from convviz import ConvvizError, zoo
from convviz.patterns import canvas
from convviz.patterns.catalogue import DIVERSITY, OBJECTIVES, PARAMETERS, REGULARIZERS, TRANSFORMATIONS, About
from convviz.patterns.catalogue import RECIPES as ABOUT_RECIPES
from convviz.patterns.climbing import Ascent, Course, Manner
from convviz.patterns.goals import FILTER_LAYERS, SHARES, Goal, goal, width
from convviz.patterns.slope import Slope
from convviz.patterns.stages import LECTURE_STEPS, RECIPES, Stage, walk

OCTAVES = 3  # sizes at which a given picture is climbed

__all__ = [
    "ABOUT_RECIPES", "DIVERSITY", "FILTER_LAYERS", "LECTURE_STEPS", "OBJECTIVES", "OCTAVES", "PARAMETERS", "RECIPES",
    "REGULARIZERS", "SHARES", "TRANSFORMATIONS", "About", "Ascent", "Goal", "Stage", "ascend", "generate", "goal",
    "liveliest", "plan",
    "towards",
]  # fmt: skip


def ascend(
    network: Any,
    layer: str,
    filters: Sequence[int] | int = (),
    *,
    recipe: str = "fast",
    size: int = 128,
    steps: int | None = None,
    rng: np.random.Generator | None = None,
    revive: bool | None = None,
    objective: str = "channel",
    before: bool = False,
    unit: tuple[int, int] | None = None,
    shares: Sequence[float] = SHARES,
    direction: np.ndarray | None = None,
    start: np.ndarray | None = None,
    octaves: int = OCTAVES,
    parameters: str = "pixels",
    jitter: int = 0,
    scale: float = 0.0,
    rotate: float = 0.0,
    total_variation: float = 0.0,
    l2: float = 0.0,
    blur: float = 0.0,
    diversity: float = 0.0,
) -> Generator[Ascent, Any, None]:
    """Gradient ascent in the input, from grey noise, for what filters answer to; every step is shown.

    ``"lecture"`` makes 40 steps of equal length: the gradient divided by its root mean square, one level of 255 each.
    (The lecture adds 1e-5 to the divisor against a division by zero; networks with small gradients would stand still
    by it, so a filter without a slope is marked dead instead.) ``"fast"`` walks as far in fewer, ever shorter steps
    with some momentum. Where the layer is fine enough it walks most of the way on a quarter of the area: a tile without
    edges, which the layers look round, so that it has no seams when it is repeated to the full size and climbed on. Its
    first steps are a preview. What each objective and each further choice does, and where it is from, is told in
    ``OBJECTIVES``, ``PARAMETERS``, ``TRANSFORMATIONS``, ``REGULARIZERS`` and ``DIVERSITY``.

    Args:
        network: ``zoo.Network`` or a Keras model of any kind.
        layer: path of a layer with feature maps, or of a dense one, whose units take the place of filters; that is
            climbed before a softmax. Of no meaning for the objective ``"class"``.
        filters: channels of the layer, from 0; one that is named several times gets several pictures, each from noise
            of its own. For ``"mixed"`` two; for ``"class"`` indices of classes; for ``"direction"`` and ``"dream"``
            none.
        recipe: ``"fast"`` or ``"lecture"``.
        size: height and width of the pictures, pixels, or the longer side of a given picture; it need not be the
            network's own, except for a dense layer and for classes, which are climbed at that.
        steps: instead of the recipe's number.
        rng: source of the noise; the same noise every time without one. A filter gets the same noise whatever others
            are asked for with it.
        revive: climb the numbers before the layer's ReLU for as long as the ReLU leaves a filter without a slope.
            None for yes with ``"fast"`` and no with ``"lecture"``, which does not know it.
        objective: one of ``OBJECTIVES``.
        before: climb the numbers before the layer's ReLU from the first to the last step.
        unit: (row, column) of the cell for ``"unit"``, or None for the middle.
        shares: of the second filter in each picture of ``"mixed"``.
        direction: float (F,), how much each channel counts for ``"direction"``; its length does not matter.
        start: uint8 (H, W, 3), a picture to begin with instead of noise, as deep dream does.
        octaves: how many sizes a given picture is climbed at by ``"fast"``, from small to large.
        parameters: one of ``PARAMETERS``.
        jitter: farthest random shift before each look, pixels.
        scale: farthest random factor, 0.1 for 0.9 to 1.1.
        rotate: farthest random turn, degrees.
        total_variation: strength; at 1 it weighs about as much as the objective.
        l2: strength; at 1 it weighs as much as the objective where a picture is 64 levels from grey.
        blur: standard deviation in pixels of the blur after the first step; it falls to none at the last.
        diversity: strength with which several pictures of one filter are pushed apart; at 1 as strong as the
            objective.

    Yields:
        Ascent: at step 0, the noise, and after every step. A message that is sent into it, such as
        ``{"stop": True}``, ends it with a last record of where it is.

    Raises:
        ConvvizError: no such layer, filter, recipe or objective, or the canvas is too small for the layer.

    Source:
        Erhan et al. 2009, Visualizing higher-layer features of a deep network; Chollet 2018, Deep Learning with Python,
        listings 5.32 to 5.36; Olah, Mordvintsev & Schubert 2017, Feature visualization.
    """
    network = zoo.as_network(network)
    aim = goal(network.card, layer, filters, objective, before=before, unit=unit, shares=shares, direction=direction)
    manner = Manner(parameters, jitter, scale, rotate, total_variation, l2, blur, diversity)
    where = None if objective == "class" else layer

    def slope(rounded: bool = False, rescue: bool = False) -> Slope:
        return Slope(network, where, aim, before=rescue, rounded=rounded)

    own = slope().size
    sides = own or ((size, size) if start is None else _sides(start, size))
    shortcuts = _shortcuts(objective, start is not None, octaves) | ({"tiles": False} if own else {})
    walked = walk(network.card, layer, recipe, sides, steps, **shortcuts)
    rescued = (recipe == "fast" if revive is None else revive) and objective in ("channel", "unit", "mixed")
    rng = np.random.default_rng(0) if rng is None else rng
    return Course(network, slope, rescued and not aim.before, aim, walked, manner, start, rng).climb()


def generate(network: Any, layer: str, filters: Sequence[int] | int = (), **choices: Any) -> np.ndarray:
    """The pictures at the end of ``ascend``.

    Args:
        network: as for ``ascend``.
        layer: as for ``ascend``.
        filters: as for ``ascend``.
        choices: as for ``ascend``.

    Returns:
        uint8 (N, size, size, 3); plain grey for a dead filter.

    Raises:
        ConvvizError: as for ``ascend``.
    """
    *_, last = ascend(network, layer, filters, **choices)
    return last.pictures


def liveliest(network: Any, layer: str, count: int, *, size: int = 128, seed: int = 0) -> tuple[int, ...]:
    """Filters that answer most to the grey noise that an ascent begins with; where the ReLU is silent none can climb.

    Args:
        network: as for ``ascend``.
        layer: as for ``ascend``.
        count: how many at most.
        size: height and width of the noise, pixels, where the layer does not ask for the network's own.
        seed: of the noise.

    Returns:
        Indices, in their order in the layer.

    Raises:
        ConvvizError: as for ``ascend``.
    """
    network = zoo.as_network(network)
    slope = _whole(network, layer)
    answers = np.nan_to_num(slope.means(_noise(network, slope, size, seed))[0], nan=-np.inf)
    return tuple(sorted(np.argsort(-answers, kind="stable")[:count].tolist()))


def towards(network: Any, layer: str, picture: np.ndarray, *, size: int = 128, seed: int = 0) -> np.ndarray:
    """The direction of a picture in a layer: by how much more each channel answers to it than to grey noise.

    Args:
        network: as for ``ascend``.
        layer: as for ``ascend``.
        picture: uint8 (H, W, 3).
        size: height and width of the noise, pixels, where the layer does not ask for the network's own.
        seed: of the noise.

    Returns:
        float32 (F,), the mean activations on the picture, brought to the network's own size, less those on the noise.

    Raises:
        ConvvizError: as for ``ascend``.
    """
    network = zoo.as_network(network)
    slope = _whole(network, layer)
    seen = canvas.of_picture(network, picture, network.card.input_shape[:2])
    return slope.means(seen)[0] - slope.means(_noise(network, slope, size, seed))[0]


def plan(
    card: Any,
    layer: str,
    *,
    recipe: str = "fast",
    size: int | tuple[int, int] = 128,
    steps: int | None = None,
    objective: str = "channel",
    start: bool = False,
    octaves: int = OCTAVES,
) -> list[Stage]:
    """The steps that ``ascend`` makes.

    Args:
        card: the network's ``zoo.Card``.
        layer: as for ``ascend``.
        recipe: as for ``ascend``.
        size: side of a square canvas, or its (height, width), pixels.
        steps: as for ``ascend``.
        objective: as for ``ascend``.
        start: whether it begins with a picture.
        octaves: as for ``ascend``.

    Returns:
        One stage after the other.

    Raises:
        ConvvizError: no such recipe, or less than one step or pixel.
    """
    sides = (size, size) if isinstance(size, int) else size
    return walk(card, layer, recipe, sides, steps, **_shortcuts(objective, start, octaves))


def _shortcuts(objective: str, start: bool, octaves: int) -> dict[str, Any]:
    """Where a tile may stand for the whole, and at how many sizes a picture is climbed."""
    if start and octaves < 1:
        raise ConvvizError(f"a picture cannot be climbed at {octaves} sizes; choose at least 1")
    return {"tiles": not start and objective not in ("unit", "class"), "octaves": octaves if start else 0}


def _sides(picture: np.ndarray, size: int) -> tuple[int, int]:
    """A picture's (height, width) when its longer side has so many pixels."""
    longest = max(picture.shape[:2])
    return tuple(max(1, round(side * size / longest)) for side in picture.shape[:2])


def _whole(network: Any, layer: str) -> Slope:
    """What a whole layer gives."""
    width(network.card, layer)
    return Slope(network, layer, goal(network.card, layer, 0))


def _noise(network: Any, slope: Slope, size: int, seed: int) -> np.ndarray:
    """The grey noise that the ascent of filter 0 begins with."""
    shape = (*(slope.size or (size, size)), network.card.input_shape[-1])
    return canvas.noise([0], shape, np.random.default_rng(seed))
