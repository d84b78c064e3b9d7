"""Paragraphs that ask a network's layers as far as one of them, whatever kind of model it is and at any size."""

from __future__ import annotations

from typing import Any

from convviz.recipes.writing import quoted

_ASKED = '''
import tensorflow as tf


class Reached(BaseException):
    """The layer was asked; those behind it need not be."""


def asked(values):
    """What goes into the layer and what comes out of it; the layers behind it are not asked."""
    seen, call = [], layer.call

    def listening(inputs, *more, **options):
        seen.extend({seen})
        raise Reached

    layer.call = listening
    try:
        model(values, training=False)
    except Reached:
        pass
    finally:
        layer.call = call
    return seen
'''

_LAYER = """
import tensorflow as tf

layer = model
for name in {path}.split("/"):
    layer = layer.get_layer(name)

# Keras checks the size of arrays, and that of a traced function's input only where it is known.
ANY_SIZE = tf.TensorSpec((None, None, None, {channels}), tf.float32)
"""


def layer(card: Any, path: str) -> list[str]:
    """The lines that ask a layer.

    Args:
        card: the network's ``zoo.Card``.
        path: of the layer.

    Returns:
        Paragraphs for `script` that take ``model`` and leave ``layer``, ``asked(values)``, which is called within a
        traced function, and that function's ``ANY_SIZE``, the form of its values (N, H, W, C).
    """
    both = "[inputs, call(inputs, *more, **options)]"
    if card.layer(path).channels_first:
        both = f"tf.transpose(maps, (0, 2, 3, 1)) for maps in {both}"
    return [_LAYER.format(path=quoted(path), channels=card.input_shape[-1]), _ASKED.format(seen=both)]
