"""Programs for the page Trust: the three tests of a heat map, from loading the network on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convviz.recipes import methods as bodies
from convviz.recipes import networks
from convviz.recipes.openings import opening
from convviz.recipes.tables import COLOURED
from convviz.recipes.writing import remark, script

DRAWN = "drawn.npz"  # under which the page saves the drawn pictures and their truth

_SIZED = '''
import cv2
import numpy as np


def sized(raw, picture, size):
    """A map as it counts, brought to the picture's size."""
    raw = np.asarray(np.abs(raw) if size else np.maximum(raw, 0), np.float32)
    height, width = picture.shape[:2]
    shrinks = height < raw.shape[0] and width < raw.shape[1]
    return cv2.resize(raw, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def scaled(heat, pixels):
    """The heat map: its largest value is 1; of a method that looks at single pixels it is their 99th percentile."""
    limit = np.percentile(heat, 99) or heat.max() if pixels else heat.max()
    return np.clip(heat / limit, 0, 1) if limit > 0 else heat
'''

_OVER = '''
import cv2
import numpy as np
from PIL import Image


def over(heat, picture, name):
    """A file of the heat map over the greyed picture, 450 pixels long at most."""
    share = min(1, 450 / max(picture.shape[:2]))
    size = [max(1, round(side * share)) for side in picture.shape[:2]]
    heat, picture = resize(np.float32(heat), *size), resize(picture, *size)
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    Image.fromarray(cv2.addWeighted(grey, 0.6, coloured(heat, 0, 1, cv2.COLORMAP_TURBO), 0.4, 0)).save(name)
'''

_METHODS = """
# method -> (its function, whether the size counts and not the sign, whether it looks at single pixels)
methods = {{
{lines}
}}
"""

_CURVES = '''
def measured(inputs, target):
    """The class's probability on many inputs, 25 at a time."""
    parts = [np.stack(inputs[start : start + 25]) for start in range(0, len(inputs), 25)]
    return np.concatenate([probability(logits(part), target).numpy() for part in parts])


def curves(heat, target, seed):
    """The probability while pixels are painted over, the most important first, and while they are brought back."""
    one = entered(picture)[0]
    values = resize(np.float32(heat), *one.shape[:2]).ravel()
    order = np.lexsort((np.random.default_rng(seed).random(values.size), -values))  # equal ones in a random order
    rank = np.empty(values.size, int)
    rank[order] = np.arange(values.size)
    rank = rank.reshape(*one.shape[:2], 1)
    blurred = cv2.GaussianBlur(one, (0, 0), max(one.shape[:2]) / 12).reshape(one.shape)
    first = [rank < round(share * values.size) for share in shares]
    deletion = measured([np.where(changed, one.mean(axis=(0, 1)), one) for changed in first], target)
    insertion = measured([np.where(changed, one, blurred) for changed in first], target)
    return deletion, insertion


target, seed = {target}, {seed}  # {told}
shares = np.linspace(0, 1, 25)
result, coarse = {{}}, None
for name, (explain, size, pixels) in methods.items():
    raw = explain(picture, target)
    coarse = coarse or raw.shape
    heat = sized(raw, picture, size)
    result[name] = curves(heat, target, seed)
    over(scaled(heat, pixels), picture, f"{{name}}.png")
rng = np.random.default_rng(seed)
by_chance = [curves(rng.random(coarse, np.float32), target, seed + number) for number in range(5)]
result["random"] = np.mean(by_chance, axis=0)
for name, (deletion, insertion) in result.items():
    print(f"{{name}}: area of deletion {{np.trapezoid(deletion, shares):.3f}}, of insertion", end=" ")
    print(f"{{np.trapezoid(insertion, shares):.3f}}")
for kind, several in zip(("deletion", "insertion"), zip(*by_chance)):  # better than chance is only what lies outside
    areas = np.trapezoid(several, shares)
    print(f"random maps: area of {{kind}} from {{areas.min():.3f}} to {{areas.max():.3f}}")
'''

_CASCADE = '''
from scipy.stats import rankdata


def innermost(model):
    """Every layer; models inside the model are opened."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from innermost(layer)
        else:
            yield layer


target, rng = {target}, np.random.default_rng({seed})  # {told}
layers = [layer for layer in innermost(model) if layer.weights][::-1]  # from the last one down
cuts = sorted({{round(part) for part in np.linspace(0, len(layers), min(6, len(layers)) + 1)}})
result, first = [], None
for before, cut in zip([0, *cuts], cuts):
    for layer in layers[before:cut]:
        for variable in layer.weights:  # each keeps its values and loses their places
            values = np.asarray(variable)
            if np.issubdtype(values.dtype, np.floating):
                variable.assign(rng.permutation(values.ravel()).reshape(values.shape))
    raw = explain(picture, target)
    over(scaled(sized(raw, picture, {size}), {pixels}), picture, f"shuffled_{{cut}}.png")
    raw = {counted}
    first = raw if first is None else first
    flat = np.ptp(first) == 0 or np.ptp(raw) == 0
    likeness = np.nan if flat else np.corrcoef(rankdata(first.ravel()), rankdata(raw.ravel()))[0, 1]
    result.append(likeness)
    print(f"{{cut}} layers shuffled: likeness to the first map {{likeness:.2f}}")
'''

_LEAGUE = '''
def strongest(heat):
    """The row and column of the largest value; where several places share it, the middle of them."""
    return tuple(np.floor(np.argwhere(heat >= heat.max() * (1 - 1e-6)).mean(axis=0) + 0.5).astype(int))


def box_of(heat, threshold):
    """The box around the largest connected piece of what reaches a share of the maximum: top, left, bottom, right."""
    if not heat.max() > 0:
        return None
    _, _, pieces, _ = cv2.connectedComponentsWithStats(np.uint8(heat >= threshold * heat.max()), connectivity=8)
    left, top, width, height, _ = pieces[1 + np.argmax(pieces[1:, cv2.CC_STAT_AREA])]
    return top, left, top + height, left + width


def overlap(one, other):
    """Intersection over union of two boxes."""
    if one is None:
        return 0.0
    height = max(0, min(one[2], other[2]) - max(one[0], other[0]))
    width = max(0, min(one[3], other[3]) - max(one[1], other[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return height * width / (sum(areas) - height * width)


drawn = np.load("drawn.npz")  # the page's Save has this file
rng, threshold = np.random.default_rng([{seed}, 1]), {threshold}
found = {{name: [] for name in (*methods, "centre", "random")}}
for picture, target, box, mask in zip(drawn["images"], drawn["labels"], drawn["boxes"], drawn["masks"]):
    heats, evidence, coarse = {{}}, {{}}, None
    for name, (explain, size, pixels) in methods.items():
        raw = explain(picture, int(target))
        coarse = coarse or raw.shape
        evidence[name] = sized(raw, picture, size)
        heats[name] = scaled(evidence[name], pixels)
    rows, columns = (np.linspace(-1, 1, side, dtype=np.float32) for side in picture.shape[:2])
    heats["centre"] = np.exp(-2 * (rows[:, None] ** 2 + columns[None] ** 2))  # knows nothing
    heats["random"] = resize(rng.random(coarse, np.float32), *picture.shape[:2])  # neither
    for name, heat in heats.items():
        unclipped = evidence.get(name, heat)  # of single pixels many share the heat map's largest value
        hit = unclipped.max() > 0 and mask[strongest(unclipped)]
        found[name].append((hit, overlap(box_of(heat, threshold), box)))
result = {{name: (sum(hit for hit, _ in rows), np.mean([share for _, share in rows])) for name, rows in found.items()}}
for name, (hits, share) in result.items():
    print(f"{{name}}: points at the shape {{hits}} of {{len(drawn['labels'])}} times, mean overlap {{share:.2f}}")
'''


def places(name: str, reference: Any, card: Any, *, methods: Sequence[str], target: int, seed: int = 0) -> str:
    """Deletion and insertion curves of several methods on one picture, beside those of random maps.

    Args:
        name: of the picture, for ``opening``.
        reference: the network's ``zoo.Reference``.
        card: its ``zoo.Card``.
        methods: keys in ``attribution.METHODS``.
        target: class index.
        seed: of the random maps, and of the order among equals.

    Returns:
        A program that leaves ``result``: method -> (deletion, insertion), 25 probabilities each, and ``"random"``;
        it writes each map over the picture.
    """
    return script(
        opening(name),
        *_network(reference, card),
        *dict.fromkeys([*_explaining(reference, card, methods), bodies.probability(card)]),
        _SIZED,
        COLOURED,
        _OVER,
        _listed(methods),
        _CURVES.format(target=target, seed=seed, told=remark(card.class_names[target])),
        about="Do the marked places matter? Petsiuk et al. 2018, RISE, arXiv:1806.07421, section 4.2.",
    )


def weights(name: str, reference: Any, card: Any, *, method: str, target: int, seed: int = 0) -> str:
    """The cascade of shuffled weights.

    Args:
        name: of the picture, for ``opening``.
        reference: the network's ``zoo.Reference``.
        card: its ``zoo.Card``.
        method: key in ``attribution.METHODS``.
        target: class index.
        seed: of the shuffling.

    Returns:
        A program that leaves ``result``: the likeness of each stage's map to the first; it writes each map over the
        picture.
    """
    return script(
        opening(name),
        *_network(reference, card),
        *bodies.paragraphs(reference, card, method, layer=card.explained_layer, signed=False),
        _SIZED,
        COLOURED,
        _OVER,
        _CASCADE.format(
            target=target,
            seed=seed,
            told=remark(card.class_names[target]),
            size=method in bodies.ABSOLUTE,
            pixels=method in bodies.PIXELS,
            counted="np.abs(raw)" if method in bodies.ABSOLUTE else "np.maximum(raw, 0)",
        ),
        about="Does the map depend on what was learnt? Adebayo et al. 2018, arXiv:1810.03292, section 3.",
    )


def truth(reference: Any, card: Any, *, methods: Sequence[str], threshold: float, seed: int = 0) -> str:
    """The league of methods on drawn shapes, whose place is known.

    Args:
        reference: the network's ``zoo.Reference``.
        card: its ``zoo.Card``.
        methods: keys in ``attribution.METHODS``.
        threshold: of the box, a share of the maximum.
        seed: of the random maps.

    Returns:
        A program that reads ``drawn.npz`` and leaves ``result``: method -> (hits, mean overlap), also for ``"centre"``
        and ``"random"``.
    """
    return script(
        *_network(reference, card),
        *_explaining(reference, card, methods),
        _SIZED,
        _listed(methods),
        _LEAGUE.format(seed=seed, threshold=threshold),
        about="Does the map point at the right place? Zhang et al. 2016, arXiv:1608.00507, section 4.2.",
    )


def _network(reference: Any, card: Any) -> tuple[str, str]:
    return networks.loading(reference), networks.preparing(reference, card)


def _explaining(reference: Any, card: Any, methods: Sequence[str]) -> list[str]:
    """What the methods need, each paragraph once; each method's function has its name."""
    parts: dict[str, None] = {}
    for method in methods:
        found = bodies.paragraphs(reference, card, method, layer=card.explained_layer, signed=False)
        parts |= dict.fromkeys([*found[:-1], found[-1].replace("def explain(", f"def {method}(")])
    return list(parts)


def _listed(methods: Sequence[str]) -> str:
    """The table of methods."""
    lines = [
        f'    "{method}": ({method}, {method in bodies.ABSOLUTE}, {method in bodies.PIXELS}),' for method in methods
    ]
    return _METHODS.format(lines="\n".join(lines))
