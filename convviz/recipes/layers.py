"""Programs for the pages Network, Kernels and Microscope: a network's layers, a layer's weights, one cell."""

from __future__ import annotations

from typing import Any

from convviz.recipes import networks
from convviz.recipes.openings import opening
from convviz.recipes.writing import script

_LAYERS = '''
def innermost(model, path=""):
    """Every layer with its path; models inside the model are opened."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from innermost(layer, f"{path}{layer.name}/")
        else:
            yield path + layer.name, layer
'''

_COUNTED = """
model.summary(expand_nested=True)
result = {path: layer.count_params() for path, layer in innermost(model)}
"""

_FOUND = """
layer = model
for name in {path!r}.split("/"):
    layer = layer.get_layer(name)
"""

_KERNELS = {
    "Conv2D": "weights = layer.kernel.numpy()  # (kh, kw, input channels, filters)",
    "Conv2DTranspose": "weights = layer.kernel.numpy().transpose(0, 1, 3, 2)",
    "DepthwiseConv2D": "weights = layer.kernel.numpy()\nweights = weights.reshape(*weights.shape[:2], 1, -1)",
    "SeparableConv2D": "weights = layer.depthwise_kernel.numpy()\nweights = weights.reshape(*weights.shape[:2], 1, -1)",
}

_KERNEL = """
import cv2
import numpy as np

result = {{"kernel": weights[:, :, {channel}, {index}], "filter": weights[..., {index}]}}
limit = np.abs(weights).max()
grey = np.rint(127.5 + 127.5 * result["kernel"] / limit).astype(np.uint8)  # zero is grey
cv2.imwrite("kernel.png", cv2.resize(grey, None, fx=32, fy=32, interpolation=cv2.INTER_NEAREST))
"""

_CELL = """
import numpy as np
import tensorflow as tf

heard = {{}}
listen(model, {path!r}, heard)
batch = tf.constant(prepare(picture))
with tf.GradientTape() as tape:
    tape.watch(batch)
    model(batch, training=False)
    number = heard[{path!r}][0, {place}]
gradient = np.abs(tape.gradient(number, batch).numpy()[0]).sum(axis=-1)
result = {{"value": float(number), "gradient": gradient}}
"""

_CELL_PICTURE = """
import cv2

shown = np.rint(255 * gradient / max(gradient.max(), 1e-12)).astype(np.uint8)
cv2.imwrite("gradient_alone.png", shown)  # bright where a pixel moves the number
"""


def network(reference: Any) -> str:
    """A program that lists a network's layers and counts their parameters.

    Args:
        reference: a ``zoo.Reference``.

    Returns:
        Python text; ``result`` is path -> parameters.
    """
    return script(networks.loading(reference), _LAYERS, _COUNTED, about="Every layer of a network.")


def kernels(reference: Any, card: Any, *, layer: str, channel: int, index: int) -> str:
    """A program that reads one kernel and its filter out of a network.

    Args:
        reference: a ``zoo.Reference``.
        card: its ``zoo.Card``.
        layer: path of a convolution.
        channel: of the layer's input.
        index: of the filter.

    Returns:
        Python text; ``result`` has ``"kernel"`` (kh, kw) and ``"filter"`` (kh, kw, input channels).
    """
    return script(
        networks.loading(reference),
        _FOUND.format(path=layer),
        _KERNELS[card.layer(layer).kind],
        _KERNEL.format(channel=channel, index=index),
        about="One kernel of a network, and the filter that it belongs to.",
    )


def cell(
    name: str, reference: Any, card: Any, *, layer: str, channel: int, row: int | None = None, col: int | None = None
) -> str:
    """A program that asks a network for one of its numbers and for its gradient.

    Args:
        name: of the picture.
        reference: a ``zoo.Reference``.
        card: its ``zoo.Card``.
        layer: path.
        channel: of the cell.
        row: of the cell; None where the layer has no maps.
        col: as the row.

    Returns:
        Python text; ``result`` has ``"value"`` and ``"gradient"`` (H, W), absolute and summed over the colours.
    """
    place = str(channel) if row is None else f"{row}, {col}, {channel}"
    return script(
        opening(name),
        networks.loading(reference),
        networks.preparing(reference, card),
        networks.listening(card, [layer]),
        _CELL.format(path=layer, place=place),
        _CELL_PICTURE,
        about="One number of a network, and how much each pixel moves it.",
    )
