"""Programs for the page Grad-CAM: the heat map from loading the network on."""

from __future__ import annotations

from typing import Any

from convviz.recipes import networks
from convviz.recipes.openings import opening
from convviz.recipes.tables import COLOURED, SIGNED
from convviz.recipes.writing import quoted, remark, script

LINEAR = """
# What is explained is the number before the softmax or sigmoid: a saturated probability hardly changes.
model.layers[-1].activation = keras.activations.linear
"""

LINEAR_ANYWHERE = """
# What is explained is the number before the softmax or sigmoid: a saturated probability hardly changes.
last = model
while isinstance(last, keras.Model):
    last = last.layers[-1]
if isinstance(last, keras.layers.Softmax):
    last.call = lambda logits, **options: logits
elif hasattr(last, "activation"):
    last.activation = keras.activations.linear
"""

_TAPE = """
import tensorflow as tf

inner = keras.Model(inputs, [outputs[{layer}], answer])
with tf.GradientTape() as tape:
    maps, logits = inner(prepare(picture), training=False)
    chosen = {chosen}  # {told}
gradients = tape.gradient(chosen, maps).numpy()[0]
maps = maps.numpy()[0]
"""

_TAPE_ANYWHERE = """
import tensorflow as tf

heard = {{}}
listen(model, {layer}, heard)
with tf.GradientTape() as tape:
    batch = tf.constant(prepare(picture))
    tape.watch(batch)
    logits = model(batch, training=False)
    logits = logits[0] if isinstance(logits, (list, tuple)) else logits
    maps = heard[{layer}]
    chosen = {chosen}  # {told}
gradients = tape.gradient(chosen, maps).numpy()[0]
maps = maps.numpy()[0]
"""

_MAP = """
import cv2
import numpy as np

# Grad-CAM: every feature map counts as much as the class rises with it, on average over its places.
weights = gradients.mean(axis=(0, 1))
raw = {raw}
height, width = picture.shape[:2]
result = cv2.resize(raw, (width, height), interpolation=cv2.{interpolation})
largest = np.abs(result).max()
result = result / largest if largest > 0 else result  # the heat map, {range}
"""

_SAVE = """
from PIL import Image

colours = {colours}
grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
Image.fromarray(colours).save("heat_map.png")
Image.fromarray(cv2.addWeighted(grey, {rest}, colours, {alpha}, 0)).save("grad_cam.png")
"""


def heatmap(
    name: str,
    reference: Any,
    card: Any,
    *,
    target: int,
    layer: str,
    shape: tuple[int, int],
    signed: bool = False,
    alpha: float = 0.4,
    colormap: str = "turbo",
) -> str:
    """Grad-CAM of one class at one layer.

    Args:
        name: of the picture, for ``opening``.
        reference: the network's ``zoo.Reference``.
        card: its ``zoo.Card``.
        target: class index; of a single sigmoid 1 and 0 are the two sides.
        layer: path of the layer.
        shape: (H, W) of the picture, pixels.
        signed: keep the evidence against the class.
        alpha: strength over the picture.
        colormap: one of ``rendering.COLORMAPS`` that OpenCV has; a signed map is blue and red.

    Returns:
        A program that leaves ``result``, float32 (H, W), the heat map of ``attribution.grad_cam`` to within 1e-5, and
        writes ``heat_map.png`` and ``grad_cam.png``.
    """
    single = card.output == "sigmoid" and len(card.class_names) == 2
    chosen = ("logits[0, 0]" if target else "-logits[0, 0]") if single else f"logits[0, {target}]"
    cells = card.layer(layer).output_shape[:2]
    shrinks = shape[0] < cells[0] and shape[1] < cells[1]
    listens = networks.listens(reference)
    told = remark(card.class_names[target])
    return script(
        opening(name),
        networks.loading(reference),
        networks.preparing(reference, card),
        networks.LISTEN if listens else networks.opened(reference),
        LINEAR_ANYWHERE if listens else LINEAR,
        (_TAPE_ANYWHERE if listens else _TAPE).format(layer=quoted(layer), chosen=chosen, told=told),
        _MAP.format(
            raw="maps @ weights" if signed else "np.maximum(maps @ weights, 0)",
            interpolation="INTER_AREA" if shrinks else "INTER_LINEAR",
            range="from -1, against, to 1, for" if signed else "from 0 to 1",
        ),
        SIGNED if signed else COLOURED,
        _SAVE.format(
            colours="signed(result, 1)" if signed else f"coloured(result, 0, 1, cv2.COLORMAP_{colormap.upper()})",
            alpha=alpha,
            rest=round(1 - alpha, 6),
        ),
        about="Grad-CAM: which places of a picture spoke for a class.",
    )
