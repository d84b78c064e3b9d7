"""Paragraphs that load a network and bring a picture to it; how a layer's output is got hold of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convviz.recipes.writing import literal, quoted
from convviz.zoo import imagenet

OWN_FILE = "network.keras"  # under which a page saves a network that was trained or brought here
OLD_FILE = "network.h5"  # the same for one that was brought in Keras' older format

RESIZE = '''
import cv2


def resize(picture, height, width):
    """Averaged over areas where it shrinks, linear between pixels where it grows."""
    smaller = (min(width, picture.shape[1]), min(height, picture.shape[0]))
    picture = cv2.resize(picture, smaller, interpolation=cv2.INTER_AREA)
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
'''

_BUNDLED = """
from pathlib import Path

import keras

folder = "." if Path("{name}.keras").exists() else "assets/models"  # Save has it, and so has ConvViz
model = keras.saving.load_model(f"{{folder}}/{name}.keras", compile=False)
"""

_IMAGENET = """
import keras

model = keras.applications.{title}()  # Keras fetches its weights, {megabytes} MB, once
"""

_PRIVATE = f"""
import keras

model = keras.saving.load_model("{OWN_FILE}", compile=False)  # the page's Save has this file
"""

_UPLOADED = f"""
from pathlib import Path

import keras

path = "{OLD_FILE}" if Path("{OLD_FILE}").exists() else "{OWN_FILE}"  # the page's Save has this file
model = keras.saving.load_model(path, compile=False)
"""

_PREPARE = '''
import numpy as np


def prepare(picture):
    """A picture as the network takes it: {told}."""
{steps}
'''

_CHAIN = """
import keras

# The layers one after the other, with an eye on what comes out of each.
inputs = answer = keras.Input(model.input_shape[1:])
outputs = {}
for layer in model.layers:
    answer = outputs[layer.name] = layer(answer)
"""

_GRAPH = """
inputs, answer = model.inputs[0], model.outputs[0]
outputs = {layer.name: layer.output for layer in model.layers}
"""

_FED = '''
import tensorflow as tf


class Fed:
    """A network of several inputs, of which one takes the pictures; the others get zeros."""

    def __init__(self, model):
        self.model = model

    def __getattr__(self, name):
        return getattr(self.model, name)

    def __call__(self, pictures, **options):
        given = []
        for place, one in enumerate(keras.tree.flatten(self.model.input)):
            sides = [side or 1 for side in one.shape[1:]]
            if len(sides) == 3 and None in one.shape[1:3]:
                sides[:2] = pictures.shape[1:3]
            zeros = tf.zeros((tf.shape(pictures)[0], *sides), one.dtype)
            given.append({pictures} if place == {entered} else zeros)
        return self.model(keras.tree.pack_sequence_as(self.model.input, given), **options)


model = Fed(model)
'''

_TURNED = '''
import tensorflow as tf


class Turned:
    """A network that takes (N, C, H, W), called with pictures (N, H, W, C)."""

    def __init__(self, model):
        self.model = model

    def __getattr__(self, name):
        return getattr(self.model, name)

    def __call__(self, pictures, **options):
        return self.model(tf.transpose(pictures, (0, 3, 1, 2)), **options)


model = Turned(model)
'''

_COMPILED = '''
import tensorflow as tf


def compiled(call):
    """A layer's call, compiled anew each time, for what it does may have been changed meanwhile."""
    return lambda *inputs, **options: tf.function(call, autograph=False, jit_compile=True)(*inputs, **options)


def compile_layers(model):
    """Layers that work channels first are compiled: a CPU cannot compute them otherwise."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            compile_layers(layer)
        elif getattr(layer, "data_format", None) == "channels_first":
            layer.call = compiled(layer.call)


compile_layers(model)
'''

LISTEN = '''
def listen(model, path, heard):
    """Keep the output of a layer, also of one inside a nested model, whenever the model is called."""
    layer = model
    for name in path.split("/"):
        layer = layer.get_layer(name)
    call = layer.call

    def listening(*inputs, **options):
        heard[path] = call(*inputs, **options)
        return heard[path]

    layer.call = listening
'''

_LISTEN_TURNED = '''
def listen(model, path, heard):
    """Keep the output of a layer whenever the model is called, with the channels last also where they come first."""
    layer = model
    for name in path.split("/"):
        layer = layer.get_layer(name)
    call = layer.call

    def listening(*inputs, **options):
        heard[path] = call(*inputs, **options)
        if path not in {turned}:
            return heard[path]
        heard[path] = tf.transpose(heard[path], (0, 2, 3, 1))
        return tf.transpose(heard[path], (0, 3, 1, 2))

    layer.call = listening
'''


def loading(reference: Any) -> str:
    """The lines that load a network.

    Args:
        reference: a ``zoo.Reference``.

    Returns:
        Python text that leaves ``model``.
    """
    if reference.kind == "bundled":
        return _BUNDLED.format(name=reference.name)
    if reference.kind == "imagenet":
        entry = imagenet.APPLICATIONS[reference.name]
        return _IMAGENET.format(title=entry.title, megabytes=entry.megabytes)
    return _UPLOADED if reference.kind == "upload" else _PRIVATE


def opened(reference: Any) -> str:
    """The lines that give every layer's output a name, for a network of which no program must listen.

    Args:
        reference: a ``zoo.Reference``; the bundled networks and those trained here are one row of layers.

    Returns:
        Python text that leaves ``inputs``, ``outputs`` (layer -> symbolic tensor) and ``answer``.
    """
    return _GRAPH if reference.kind == "imagenet" else _CHAIN


def preparing(reference: Any, card: Any, *, fed: bool = False) -> str:
    """The function that makes a picture the network's input.

    Args:
        reference: a ``zoo.Reference``.
        card: its ``zoo.Card``.
        fed: whether the lines of ``feeding`` are there already.

    Returns:
        Python text that leaves ``resize`` and ``prepare(picture)``, which returns float32 (1, H, W, C); where the
        network has several inputs, ``model`` takes the picture alone from here on.
    """
    height, width, channels = card.input_shape
    entry = application(reference, card)
    steps = []
    if channels == 1:
        steps.append("picture = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)")
    elif channels == 4:
        steps.append("picture = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])")
    steps.append(f"sized = resize(picture, {height}, {width}).astype(np.float32)")
    if card.colours == "bgr" and channels in (3, 4):
        steps.append("sized[..., :3] = sized[..., 2::-1]  # blue, green, red")
    if channels not in (1, 3, 4):
        steps.append(f"sized = sized[..., np.arange({channels}) % 3]  # the colours over and over")
    low, high = card.value_range
    if entry is not None:
        steps.append(f"return keras.applications.{entry.module}.preprocess_input(sized[None])")
    else:
        steps.append(f"return ({_scaled('sized', low, high)}).reshape({_batch_shape(reference, card)})")
    told = f"{height} x {width}, {'grey' if channels == 1 else f'{channels} channels'}, "
    told += "as Keras prepares it" if entry is not None else f"values from {low:g} to {high:g}"
    steps = "\n".join(f"    {step}" for step in steps)
    return ("" if fed else feeding(card)) + RESIZE + "\n" + _PREPARE.format(told=told, steps=steps).lstrip()


def feeding(card: Any) -> str:
    """The lines that let a network of several inputs, or of one channels first, be called with pictures alone.

    Args:
        card: its ``zoo.Card``.

    Returns:
        Python text; none for a network that takes pictures as they are. Of several inputs it leaves ``Fed``, which
        other networks with the same inputs can be called through, too.
    """
    compiled = _COMPILED if any(layer.channels_first for layer in card.layers) else ""
    if card.entered is None:
        return compiled + (_TURNED if card.channels_first else "")
    pictures = "tf.transpose(pictures, (0, 3, 1, 2))" if card.channels_first else "tf.convert_to_tensor(pictures)"
    return compiled + _FED.format(entered=card.entered, pictures=pictures)


def listening(card: Any, paths: Sequence[str]) -> str:
    """The function that keeps what layers give.

    Args:
        card: the network's ``zoo.Card``.
        paths: of the layers that will be listened to.

    Returns:
        Python text that leaves ``listen(model, path, heard)``; maps are kept channels last.
    """
    turned = [path for path in paths if card.layer(path).channels_first]
    return _LISTEN_TURNED.format(turned=f"[{', '.join(map(quoted, turned))}]") if turned else LISTEN


def axes(card: Any) -> str:
    """How many axes a batch has that the network takes, as an expression.

    Args:
        card: its ``zoo.Card``.

    Returns:
        Python text.
    """
    one = "model.input" if card.entered is None else f"keras.tree.flatten(model.input)[{card.entered}]"
    return "len(model.input_shape)" if card.entered is None else f"len({one}.shape)"


def _batch_shape(reference: Any, card: Any) -> str:
    """The batch's shape; an own network may take (N, H, W)."""
    shape = ", ".join(map(str, (1, *card.input_shape)))
    if reference.kind == "upload" and card.input_shape[-1] == 1:
        return f"({shape})[: {axes(card)}]"
    return shape


def _scaled(name: str, low: float, high: float) -> str:
    """Values from 0 to 255 brought to a range, as an expression; whatever holds them is float32."""
    span = high - low
    scaled = name if span == 255 else f"{name} / 255" if span == 1 else f"{name} * {literal(span / 255)}"
    return scaled if low == 0 else f"{scaled} {'-' if low < 0 else '+'} {literal(abs(low))}"


def values(reference: Any, card: Any, name: str) -> str:
    """Pixels from 0 to 255 as the network takes them, as an expression that TensorFlow can differentiate.

    Args:
        reference: a ``zoo.Reference``.
        card: its ``zoo.Card``.
        name: of the variable that holds the pixels, (N, H, W, C).

    Returns:
        Python text.
    """
    entry = application(reference, card)
    if card.colours == "bgr" and card.input_shape[-1] == 3:
        name = f"{name}[..., ::-1]"
    if entry is not None:
        return f"keras.applications.{entry.module}.preprocess_input({name})"
    return _scaled(name, *card.value_range)


def application(reference: Any, card: Any) -> Any:
    """Which of ``keras.applications`` a network is, so that Keras' own preparation is used; None for another.

    Args:
        reference: a ``zoo.Reference``.
        card: its ``zoo.Card``.

    Returns:
        Entry of ``zoo.imagenet.APPLICATIONS``, or None.
    """
    if reference.kind == "imagenet":
        return imagenet.APPLICATIONS[reference.name]
    if not card.about.get("Preparation", "").startswith("recognized"):
        return None
    family = card.about["Preparation"].removeprefix("recognized as Keras' ").split(",")[0]
    family = family.split("_1.00_")[0].split("_0.")[0]
    return next((one for one in imagenet.APPLICATIONS.values() if one.model_name.split("_1.00_")[0] == family), None)


def listens(reference: Any) -> bool:
    """Whether a program must listen on the layers: a visitor's model may be nested or written in plain Python."""
    return reference.kind == "upload"
