"""Programs for the page Grad-CAM: heat maps by any method, from loading the network on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convviz import attribution
from convviz.recipes import methods, networks
from convviz.recipes.openings import opening
from convviz.recipes.tables import COLOURED, SIGNED
from convviz.recipes.writing import quoted, remark, script

ARCHIVE = "pictures.zip"  # under which a page saves several pictures

_ARCHIVE = f"""
import zipfile

import numpy as np
from PIL import Image

with zipfile.ZipFile("{ARCHIVE}") as archive:  # the page's Save has this file
    pictures = [np.asarray(Image.open(archive.open(name)).convert("RGB")) for name in sorted(archive.namelist())]
"""

_SIZED = '''
import cv2
import numpy as np


def sized(picture, target):
    """The map as it counts, {counts}, at the picture's size."""
    raw = explain(picture, target)
    raw = np.asarray({counted}, np.float32)
    height, width = picture.shape[:2]
    shrinks = height < raw.shape[0] and width < raw.shape[1]
    return cv2.resize(raw, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def largest(heat):
    """The value that becomes 1."""
    return {limit}


def scaled(heat, limit):
    """The heat map, {range}."""
    return np.clip(heat / limit, -1, 1) if limit > 0 else heat
'''

_SAVE = '''
from PIL import Image


def save(heat, picture, name, over):
    """The heat map in colours, and over the greyed picture."""
    colours = {colours}
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    Image.fromarray(colours).save(name)
    Image.fromarray(cv2.addWeighted(grey, {rest}, colours, {alpha}, 0)).save(over)
'''

_ONE = """
heat = sized(picture, {target})  # {told}
result = scaled(heat, largest(heat))
save(result, picture, "heat_map.png", {over})
"""

_TWO = """
first = sized(picture, {target})  # {told}
second = sized(picture, {other})  # {also}
limits = largest(first), largest(second)
{scale}result = [scaled(heat, limit) for heat, limit in zip((first, second), limits)]
save(result[0], picture, "heat_map_1.png", "over_1.png")
save(result[1], picture, "heat_map_2.png", "over_2.png")
"""

_MANY = """
targets = {targets}  # what is explained in each picture
result = []
for number, (picture, target) in enumerate(zip(pictures, targets), 1):
    heat = sized(picture, target)
    result.append(scaled(heat, largest(heat)))
    save(result[-1], picture, f"heat_map_{{number}}.png", f"over_{{number}}.png")
"""


def heatmap(
    name: str | None,
    reference: Any,
    card: Any,
    *,
    targets: Sequence[int],
    layer: str | None,
    method: str = "grad_cam",
    signed: bool = False,
    alpha: float = 0.4,
    colormap: str = "turbo",
    one_scale: bool = False,
) -> str:
    """Heat maps by one method: of a class, of two classes on one picture, or of several pictures.

    Args:
        name: of the picture, for ``opening``; None for the pictures in the file ``pictures.zip``, in their order.
        reference: the network's ``zoo.Reference``; it tells which of several outputs is explained.
        card: its ``zoo.Card``, of that output.
        targets: class indices: one, two for two classes, or one for each of the pictures; of a single sigmoid 1 and 0
            are the two sides.
        layer: path of the layer, for the methods that look at one.
        method: key in ``attribution.METHODS``.
        signed: keep the evidence against the class.
        alpha: strength over the picture.
        colormap: one of ``rendering.COLORMAPS`` that OpenCV has; a signed map is blue and red.
        one_scale: whether the larger of two maps gives the scale of both.

    Returns:
        A program that leaves ``result``: float32 (H, W), the heat map of ``attribution`` to within rounding, or a list
        of them; and writes each as a picture, alone and over the picture.
    """
    absolute = method in methods.ABSOLUTE
    counted = "raw" if signed else "np.abs(raw)" if absolute else "np.maximum(raw, 0)"
    pixels = method in methods.PIXELS
    about = attribution.ABOUT[method]
    return script(
        _ARCHIVE if name is None else opening(name),
        networks.loading(reference),
        networks.preparing(reference, card),
        *methods.paragraphs(reference, card, method, layer=layer, signed=signed),
        _SIZED.format(
            counts="with both signs" if signed else "its size" if absolute else "where it is positive",
            counted=counted,
            limit="np.percentile(np.abs(heat), 99) or np.abs(heat).max()" if pixels else "np.abs(heat).max()",
            range="from -1, against, to 1, for" if signed else "from 0 to 1",
        ),
        SIGNED if signed else COLOURED,
        _SAVE.format(
            colours="signed(heat, 1)" if signed else f"coloured(heat, 0, 1, cv2.COLORMAP_{colormap.upper()})",
            alpha=alpha,
            rest=round(1 - alpha, 6),
        ),
        _asked(name, card, targets, method, one_scale),
        about=f"{about.title}: which places of a picture spoke for a class. {about.source}.",
    )


def _asked(name: str | None, card: Any, targets: Sequence[int], method: str, one_scale: bool) -> str:
    """The paragraph that asks for the maps."""
    if name is None:
        return _MANY.format(targets=list(targets))
    told = [remark(card.class_names[one]) if card.class_names else f"output {one}" for one in targets]
    if len(targets) == 1:
        return _ONE.format(target=targets[0], told=told[0], over=quoted(f"{method}.png"))
    scale = "limits = max(limits), max(limits)  # one scale for both\n" if one_scale else ""
    return _TWO.format(target=targets[0], told=told[0], other=targets[1], also=told[1], scale=scale)
