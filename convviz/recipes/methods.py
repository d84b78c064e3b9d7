"""Paragraphs that make the map of each attribution method, from a network on: what is asked of it, then the formula."""

from __future__ import annotations

from typing import Any

from convviz import zoo
from convviz.recipes import networks
from convviz.recipes.writing import quoted

_CAMS = (
    "grad_cam", "grad_cam_plus_plus", "hires_cam", "layer_cam", "xgrad_cam", "score_cam", "ablation_cam", "eigen_cam",
)  # fmt: skip
_SLOPES_OF_MAPS = ("grad_cam", "grad_cam_plus_plus", "hires_cam", "layer_cam", "xgrad_cam")
ABSOLUTE = ("gradient", "smooth_gradient", "guided_backpropagation")  # without a sign their size counts
PIXELS = (*ABSOLUTE, "gradient_times_input", "integrated_gradients")  # few extreme pixels would darken all others

LINEAR = """
# What is explained is the number before the softmax or sigmoid: a saturated probability hardly changes.
model.layers[-1].activation = keras.activations.linear
"""

LINEAR_ANYWHERE = """
# What is explained is the number before the softmax or sigmoid: a saturated probability hardly changes.
last = model.get_layer(model.output_names[{output}]) if len(getattr(model, "outputs", None) or ()) > 1 else model
while hasattr(last, "layers"):
    last = last.layers[-1]
if isinstance(last, keras.layers.Softmax):
    last.call = lambda logits, **options: logits
elif hasattr(last, "activation"):
    last.activation = keras.activations.linear
"""

_ANSWER = '''
import tensorflow as tf


def logits(batch):
    """The numbers before the softmax or sigmoid, (N, classes)."""
    return model(batch, training=False)
'''

_ANSWER_ANYWHERE = '''
import tensorflow as tf


def logits(batch):
    """The numbers before the softmax or sigmoid, (N, classes)."""
    answers = model({batch}, training=False)
    answers = list(answers.values()) if isinstance(answers, dict) else answers
    return answers[{output}] if isinstance(answers, (list, tuple)) else answers
'''

_CHOSEN = '''
def chosen(answers, target):
    """The number that is explained, of each picture of a batch."""
    return answers[:, target]
'''

_CHOSEN_SIDE = '''
def chosen(answers, target):
    """The number that is explained, of each picture of a batch: one sigmoid's number speaks for 1 and against 0."""
    return answers[:, 0] * (2 * target - 1)
'''

_INPUT = '''
import numpy as np


def entered(picture):
    """The picture as a batch of one, (1, H, W, C)."""
    return prepare(picture).reshape(1, {height}, {width}, {channels})
'''

_LOOK = '''
inner = keras.Model(inputs, [outputs[{layer}], answer])


def look(batch):
    """The layer's feature maps and the numbers before the softmax or sigmoid."""
    return inner(batch, training=False)
'''

_LOOK_ANYWHERE = '''
heard = {{}}
listen(model, {layer}, heard)


def look(batch):
    """The layer's feature maps and the numbers before the softmax or sigmoid."""
    answers = logits(batch)
    return heard[{layer}], answers
'''

_MAP_SLOPES = '''
def slopes(picture, target):
    """The layer's feature maps (h, w, K) and the explained number's gradient with respect to them."""
    with tf.GradientTape() as tape:
        batch = tf.constant(entered(picture))
        tape.watch(batch)
        maps, answers = look(batch)
        number = chosen(answers, target)
    return maps.numpy()[0], tape.gradient(number, maps).numpy()[0]
'''

_PIXEL_SLOPES = '''
def pixel_slopes(batch, target):
    """The explained number's gradient with respect to every pixel, (N, H, W, C)."""
    with tf.GradientTape() as tape:
        batch = tf.constant(batch)
        tape.watch(batch)
        number = chosen(logits(batch), target)
    return tape.gradient(number, batch).numpy()
'''

_BODIES = {
    "grad_cam": """
    maps, gradients = slopes(picture, target)
    weights = gradients.mean(axis=(0, 1))  # how much the number rises with each feature map, on average over its places
    return maps @ weights
""",
    "grad_cam_plus_plus": """
    maps, gradients = slopes(picture, target)
    below = 2 * gradients**2 + maps.sum(axis=(0, 1)) * gradients**3
    alpha = np.divide(gradients**2, below, out=np.zeros_like(below), where=below != 0)
    return maps @ (alpha * np.maximum(gradients, 0)).sum(axis=(0, 1))
""",
    "hires_cam": """
    maps, gradients = slopes(picture, target)
    return (maps * gradients).sum(axis=-1)  # place by place
""",
    "layer_cam": """
    maps, gradients = slopes(picture, target)
    return (maps * np.maximum(gradients, 0)).sum(axis=-1)
""",
    "xgrad_cam": """
    maps, gradients = slopes(picture, target)
    totals = maps.sum(axis=(0, 1))
    weights = np.divide((maps * gradients).sum(axis=(0, 1)), totals, out=np.zeros_like(totals), where=totals != 0)
    return maps @ weights
""",
    "eigen_cam": """
    maps = look(entered(picture))[0].numpy()[0]
    flat = maps.reshape(-1, maps.shape[-1])
    component = flat @ np.linalg.svd(flat, full_matrices=False)[2][0]
    return (component * (np.sign(component.sum()) or 1)).reshape(maps.shape[:2])
""",
    "score_cam": """
    one = entered(picture)[0]
    maps = look(one[None])[0].numpy()[0]
    maps = maps[..., np.ptp(maps, axis=(0, 1)) > 0]  # a constant map hides nothing
    found = []
    for start in range(0, maps.shape[-1], 32):
        masks = [cv2.resize(one_map, one.shape[1::-1]) for one_map in np.moveaxis(maps[..., start : start + 32], -1, 0)]
        masks = np.stack([(mask - mask.min()) / max(mask.max() - mask.min(), 1e-12) for mask in masks])
        found.append(chosen(logits(one * masks[..., None]), target).numpy())
    powers = np.exp(np.concatenate(found) - np.max(np.concatenate(found)))
    return maps @ (powers / powers.sum())
""",
    "ablation_cam": """
    batch = entered(picture)
    maps = look(batch)[0].numpy()[0]
    whole = behind(batch, maps[None], target)[0]
    weights = np.zeros(maps.shape[-1], np.float32)
    for k in range(maps.shape[-1]):
        kept = maps * (np.arange(maps.shape[-1]) != k)
        weights[k] = whole - behind(batch, kept[None], target)[0]  # what the number loses without this feature map
    return maps @ weights
""",
    "gradient": """
    gradients = pixel_slopes(entered(picture), target)[0]
    return {pooled}
""",
    "smooth_gradient": """
    batch = entered(picture)
    grain = np.random.default_rng(0).standard_normal((25, *batch.shape[1:]), dtype=np.float32)
    gradients = pixel_slopes(batch + np.float32(0.15 * np.ptp(batch)) * grain, target).mean(axis=0)
    return {pooled}
""",
    "gradient_times_input": """
    batch = entered(picture)
    return (pixel_slopes(batch, target) * batch)[0].sum(axis=-1)
""",
    "integrated_gradients": """
    batch, black = entered(picture), entered(np.zeros_like(picture))
    places = ((np.arange(32, dtype=np.float32) + 0.5) / 32)[:, None, None, None]  # on the way from black to the picture
    gradients = pixel_slopes(black + places * (batch - black), target).mean(axis=0)
    return (gradients * (batch - black)[0]).sum(axis=-1)
""",
    "guided_backpropagation": """
    gradients = guided(tf.constant(entered(picture)), target).numpy()[0]
    return {pooled}
""",
    "occlusion": """
    one = entered(picture)[0]
    height, width = one.shape[:2]
    patch = max(1, min(height, width) // 6)
    step = max(1, patch // 2)
    tops, lefts = (sorted({*range(0, side - patch, step), side - patch}) for side in (height, width))
    corners = [(top, left) for top in tops for left in lefts]
    hidden = np.repeat(one[None], len(corners), axis=0)
    for place, (top, left) in enumerate(corners):
        hidden[place, top : top + patch, left : left + patch] = one.mean(axis=(0, 1))
    parts = [one[None], *np.split(hidden, range(32, len(hidden), 32))]
    whole, *without = np.concatenate([chosen(logits(part), target).numpy() for part in parts])
    lost, covered = np.zeros((2, height, width), np.float32)
    for number, (top, left) in zip(without, corners):
        lost[top : top + patch, left : left + patch] += whole - number
        covered[top : top + patch, left : left + patch] += 1
    return lost / covered
""",
    "rise": """
    one, black = entered(picture)[0], entered(np.zeros_like(picture))[0]
    cells, kept, rng = 7, 0.5, np.random.default_rng(0)
    cell = [-(-side // cells) for side in one.shape[:2]]
    masks, scores = [], []
    for number in range(1, 501):
        coarse = (rng.random((cells + 1, cells + 1)) < kept).astype(np.float32)
        large = cv2.resize(coarse, ((cells + 1) * cell[1], (cells + 1) * cell[0]))
        top, left = rng.integers(cell[0]), rng.integers(cell[1])
        masks.append(large[top : top + one.shape[0], left : left + one.shape[1]])
        if number % 25 == 0:
            part = np.stack(masks[-25:])[..., None]
            scores.append(probability(logits(one * part + black * (1 - part)), target).numpy())
    masks, scores = np.stack(masks), np.concatenate(scores).astype(float)
    return np.einsum("n,nhw->hw", scores - scores.mean(), masks) / (len(masks) * kept)
""",
}

_BEHIND = '''
def behind(batch, maps, target):
    """The explained number when these feature maps stand in place of the layer's."""
    layer = model
    for name in {layer}.split("/"):
        layer = layer.get_layer(name)
    call = layer.call
    layer.call = lambda *inputs, **options: {maps}
    try:
        return chosen(logits(batch), target).numpy()
    finally:
        layer.call = call
'''

_PROBABILITY = '''
def probability(answers, target):
    """The class's probability on each picture of a batch."""
    return {probability}
'''

_GUIDED = '''
import uuid

rules = {}
for kind in ("Relu", "LeakyRelu", "Relu6"):  # every ReLU passes back only what is positive, where it was open itself
    rules[kind] = f"Guided{kind}{uuid.uuid4().hex}"
    most = 6 if kind == "Relu6" else np.inf
    tf.RegisterGradient(rules[kind])(
        lambda op, slope, most=most: tf.where(
            (op.inputs[0] > 0) & (op.inputs[0] < most), tf.maximum(slope, 0), tf.zeros_like(slope)
        )
    )


@tf.function(autograph=False)
def guided(batch, target):
    """The gradient with respect to every pixel by these rules, (N, H, W, C)."""
    with tf.compat.v1.get_default_graph().gradient_override_map(rules):
        number = chosen(logits(batch), target)
    return tf.gradients(number, batch)[0]
'''


def paragraphs(reference: Any, card: Any, method: str, *, layer: str | None, signed: bool) -> list[str]:
    """The program's part between a prepared picture and the map as the formula gives it.

    Args:
        reference: the network's ``zoo.Reference``.
        card: its ``zoo.Card``.
        method: key in ``attribution.METHODS``.
        layer: path of the layer, for the methods that look at one.
        signed: whether the evidence against the class is kept.

    Returns:
        Paragraphs that take ``model`` and ``prepare`` and leave ``explain(picture, target)``, which returns the float
        map (h, w) with both signs.
    """
    anywhere = networks.listens(reference)
    height, width, channels = card.input_shape
    single = card.output == "sigmoid" and len(card.class_names) == 2
    flat = anywhere and channels == 1
    entered = f"tf.reshape(batch, (-1, {height}, {width}, 1)[: {networks.axes(card)}])" if flat else "batch"
    place = zoo.corrected(reference.version).get("output", 0) if anywhere else 0
    on_layer = method in _CAMS
    listening = on_layer and anywhere
    parts = [
        networks.listening(card, [layer])
        if listening
        else networks.opened(reference)
        if on_layer and not anywhere
        else "",
        LINEAR_ANYWHERE.format(output=place) if anywhere else LINEAR,
        _ANSWER_ANYWHERE.format(batch=entered, output=place) if anywhere else _ANSWER,
        _CHOSEN_SIDE if single else _CHOSEN,
        _INPUT.format(height=height, width=width, channels=channels),
    ]
    if on_layer:
        parts.append((_LOOK_ANYWHERE if anywhere else _LOOK).format(layer=quoted(layer or "")))
    if method in _SLOPES_OF_MAPS:
        parts.append(_MAP_SLOPES)
    elif method in PIXELS and method != "guided_backpropagation":
        parts.append(_PIXEL_SLOPES)
    parts += [_behind(card, layer or "")] if method == "ablation_cam" else []
    parts += [_GUIDED] if method == "guided_backpropagation" else []
    parts += [probability(card)] if method == "rise" else []
    pooled = "gradients.sum(axis=-1)" if signed else "np.abs(gradients).max(axis=-1)"
    body = _BODIES[method].replace("{pooled}", pooled)
    head = 'def explain(picture, target):\n    """The map at its own size; positive where the picture speaks for it."""'
    return [*parts, f"import cv2\nimport numpy as np\n\n\n{head}{body}"]


def _behind(card: Any, layer: str) -> str:
    """The function that puts other feature maps in place of a layer's."""
    first = card.layer(layer).channels_first
    return _BEHIND.format(
        layer=quoted(layer), maps="tf.transpose(maps, (0, 3, 1, 2))" if first else "tf.constant(maps)"
    )


def probability(card: Any) -> str:
    """The function that makes a probability of the numbers before softmax or sigmoid.

    Args:
        card: the network's ``zoo.Card``.

    Returns:
        Paragraph that leaves ``probability(answers, target)``.
    """
    if card.output == "sigmoid" and len(card.class_names) == 2:
        return _PROBABILITY.format(probability="tf.sigmoid(chosen(answers, target))")
    way = "sigmoid" if card.output == "sigmoid" else "nn.softmax"
    return _PROBABILITY.format(probability=f"tf.{way}(answers)[:, target]")
