"""Programs for the Tuning page: stimuli drawn one by one, and what a filter answers to each."""

from __future__ import annotations

from typing import Any

import numpy as np

from convviz.recipes import networks, reaching
from convviz.recipes.tables import SIGNED
from convviz.recipes.writing import literal, script

_TURNED = """
import numpy as np

size = {size}  # pixels of a stimulus' side


def turned(angle):
    '''Every pixel's distance from the middle across a direction, and along it; 90 degrees is upright.'''
    turn, places = np.deg2rad(angle), np.arange(size) - (size - 1) / 2
    right, up = places[None], -places[:, None]
    return right * np.sin(turn) - up * np.cos(turn), right * np.cos(turn) + up * np.sin(turn)


def grey(values):
    return np.repeat(np.rint(values).astype(np.uint8)[..., None], 3, axis=-1)
"""

_DRAWN = {
    "grating": """
def draw(angle, frequency, phase):
    across, _ = turned(angle)
    return grey(127.5 + 127.5 * np.sin(2 * np.pi * frequency * across + np.deg2rad(phase)))
""",
    "bar": """
def draw(angle, width, shift):
    across, _ = turned(angle)
    return grey(255 * np.clip(width / 2 + 0.5 - np.abs(across - shift), 0, 1))
""",
    "curve": """
def draw(angle, curvature, width):
    radius = 1 / max(curvature, 1e-6)
    across, along = turned(angle)
    distance = np.abs(np.hypot(along - radius, across) - radius)
    return grey(255 * np.clip(width / 2 + 0.5 - distance, 0, 1) * np.clip(0.5 + radius - along, 0, 1))
""",
    "colour": """
import cv2

def draw(hue, saturation, angle, width):
    across, _ = turned(angle)
    inside = np.clip(width / 2 + 0.5 - np.abs(across), 0, 1)[..., None]
    paint = cv2.cvtColor(np.float32([[[hue % 360, saturation, 1]]]), cv2.COLOR_HSV2RGB)[0, 0] * 255
    return np.rint(128 + inside * (paint - 128)).astype(np.uint8)
""",
}

_ASKED = """
import keras

# One filter over red, green and blue: the kernel, times what it looks at of each.
kernel = np.array({cells}, np.float32)
weights = (kernel[:, :, None].astype(np.float64) * {shares}).astype(np.float32)

values = {values}
pictures = np.stack([draw({call}) for value in values{views}])
maps = np.array(keras.ops.conv(pictures.astype(np.float32), weights[..., None], padding="valid"))[..., 0]
responses = {measure}
{mean}best = int(np.argmax(responses))
print("the largest answer,", responses[best], "comes at {axis}", values[best])
result = {{"values": values, "responses": responses, "feature_map": maps[best{times}]}}
"""

_VIEWS = """views = responses.reshape(-1, 8)  # a grating is shown in eight phases
responses = np.sign(views.mean(axis=1)) * np.sqrt((views**2).mean(axis=1))
"""

_SAVE = """
from PIL import Image

Image.fromarray(pictures[best{times}]).save("stimulus.png")
Image.fromarray(signed(result["feature_map"], np.abs(result["feature_map"]).max())).save("feature_map.png")
"""

_CHANNELS = """
import cv2
import numpy as np
import tensorflow as tf

inner = tf.function(lambda values: asked(values)[1], input_signature=[ANY_SIZE], autograph=False)

# Every channel is shown the same; its answer is read in the middle half of its map, away from the padding.
{pixels}
maps = np.concatenate([inner(({values})[n : n + 32]) for n in range(0, len(pixels), 32)])
height, width = maps.shape[1:3]
maps = maps[:, height // 4 : height - height // 4, width // 4 : width - width // 4]
channels = {measure}
by_view = channels.reshape(len(values), {views}, -1)
channels = np.sign(by_view.mean(axis=1)) * np.sqrt((by_view**2).mean(axis=1))
mine, theirs = responses - responses.mean(), channels - channels.mean(axis=0)
size = np.sqrt((mine**2).sum() * (theirs**2).sum(axis=0))
likeness = np.where(size > 0, mine @ theirs / np.where(size > 0, size, 1), np.nan)
print("most like the kernel: channel", int(np.nanargmax(likeness)))
result.update(channels=channels, likeness=likeness)
"""

_MEASURES = {
    "largest": "maps.max(axis=(1, 2))",
    "mean of positive": "np.maximum(maps, 0).mean(axis=(1, 2))",
    "root mean square": "np.sqrt((maps**2).mean(axis=(1, 2)))",
}


def curve(
    kind: str,
    axis: str,
    values: np.ndarray,
    kernel: np.ndarray,
    shares: tuple[float, float, float],
    *,
    size: int,
    measure: str,
    fixed: dict[str, float],
    beside: tuple[Any, Any, str] | None = None,
) -> str:
    """The tuning curve of one kernel, perhaps with those of all channels of a layer beside it.

    Args:
        kind: of the stimuli, a name of ``stimuli.KINDS``.
        axis: the property that is changed.
        values: its values, evenly apart.
        kernel: (kh, kw).
        shares: of red, green and blue that the filter looks at.
        size: pixels of a stimulus' side.
        measure: one of ``tuning.MEASURES``.
        fixed: the other properties' values.
        beside: a network's ``zoo.Reference``, its ``zoo.Card`` and the path of the layer.

    Returns:
        A program that leaves ``result``: "values", "responses" and the "feature_map" of the best stimulus, and writes
        ``stimulus.png`` and ``feature_map.png``; with a layer beside it also "channels", the answers (S, C), and
        "likeness", their correlation with the kernel's (C,).
    """
    step, low, count = float(values[1] - values[0]), float(values[0]), len(values)
    drifts = kind == "grating" and axis != "phase"
    if drifts:
        fixed = {name: one for name, one in fixed.items() if name != "phase"} | {"phase": fixed["phase"]}
    call = ", ".join([f"{axis}=float(value)", *(f"{name}={value!r}" for name, value in fixed.items())])
    call += " + 45 * view" if drifts else ""
    times = " * 8" if drifts else ""
    asked = _ASKED.format(
        cells=literal(kernel),
        shares=tuple(shares),
        values=f"np.linspace({low!r}, {low + step * (count - 1)!r}, {count})",
        call=call,
        measure=_MEASURES[measure],
        axis=axis,
        views=" for view in range(8)" if drifts else "",
        mean=_VIEWS if drifts else "",
        times=times,
    )
    about = f"What a kernel answers to {kind} stimuli along their {axis}."
    more = _beside(*beside, views=8 if drifts else 1, measure=measure) if beside else []
    saved = _SAVE.format(times=times)
    return script(_TURNED.format(size=size), _DRAWN[kind], SIGNED, asked, saved, *more, about=about)


def _beside(reference: Any, card: Any, layer: str, *, views: int, measure: str) -> list[str]:
    """What asks every channel of a layer the same."""
    grey = "cv2.cvtColor(one, cv2.COLOR_RGB2GRAY)[..., None]" if card.input_shape[-1] == 1 else "one"
    pixels = f"pixels = np.stack([{grey} for one in pictures.astype(np.float32)])"
    ask = _CHANNELS.format(
        pixels=pixels, values=networks.values(reference, card, "pixels"), views=views,
        measure=_MEASURES[measure],
    )  # fmt: skip
    return [networks.loading(reference), networks.feeding(card), *reaching.layer(card, layer), ask]
