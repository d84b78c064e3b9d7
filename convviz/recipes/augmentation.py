"""Programs for the Data page: one picture, many ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convviz.recipes.openings import opening
from convviz.recipes.writing import script

_WAYS = '''
import cv2
import numpy as np
from PIL import Image

side = 150
rng = np.random.default_rng({seed})
rotation, width_shift, height_shift = {rotation}, {width_shift}, {height_shift}  # degrees, shares of the side
shear, zoom, horizontal_flip = {shear}, {zoom}, {horizontal_flip}  # degrees, share, half of them mirrored
border = cv2.{border}  # what stands where the picture does not reach


def resized(picture, height, width):
    """Averaged over areas where it shrinks, linear between pixels where it grows."""
    small = (min(width, picture.shape[1]), min(height, picture.shape[0]))
    shrunk = cv2.resize(picture, small, interpolation=cv2.INTER_AREA) if small != picture.shape[1::-1] else picture
    return cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_LINEAR)


def one_way(picture):
    """The picture under a random turn, shift, shear and zoom about its centre, in one interpolation."""
    height, width = picture.shape[:2]
    theta = np.deg2rad(rng.uniform(-rotation, rotation))
    down = rng.uniform(-height_shift, height_shift) * height
    right = rng.uniform(-width_shift, width_shift) * width
    slant = np.deg2rad(rng.uniform(-shear, shear))
    scale = rng.uniform(1 - zoom, 1 + zoom, size=2)
    mirror = rng.random() < 0.5 and horizontal_flip
    turn = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
    slanted = np.array([[1.0, -np.sin(slant)], [0.0, np.cos(slant)]])
    linear = turn @ slanted @ np.diag(scale[::-1])
    centre = (np.array([width, height]) - 1.0) / 2.0
    affine = np.column_stack([linear, centre - linear @ centre + turn @ np.array([right, down])])
    if mirror:
        affine = affine @ np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(picture, affine, (width, height), flags=flags, borderMode=border)


square = resized(picture, side, side)
result = np.stack([one_way(square) for _ in range({count})])
rows = [np.concatenate(list(result[start : start + 4]), axis=1) for start in range(0, len(result), 4)]
Image.fromarray(np.concatenate(rows)).save("augmented.png")
'''

_ONE_WAY = f"""
import cv2
import numpy as np

rotation, width_shift, height_shift = {{rotation}}, {{width_shift}}, {{height_shift}}  # degrees, shares of the side
shear, zoom, horizontal_flip = {{shear}}, {{zoom}}, {{horizontal_flip}}  # degrees, share, half of them mirrored
border = cv2.{{border}}  # what stands where the picture does not reach


{_WAYS[_WAYS.index("def one_way") : _WAYS.index("square = ")]}
"""

_ANEW = '''
def anew(order, epoch):
    """The training pictures in that order, each one changed at random, batch by batch as the page does it."""
    {scope} rng
    changed = []
    for start in range(0, len(order), {batch_size}):
        rows = order[start : start + {batch_size}]
        rng = np.random.default_rng([seed, epoch, int(rows[0])])
        changed += [one_way(picture).reshape(picture.shape) for picture in train_images[rows]]
    return np.stack(changed)
'''

_OFF = {"rotation": 0, "width_shift": 0, "height_shift": 0, "shear": 0, "zoom": 0, "horizontal_flip": False}

_BORDERS = {
    "nearest": "BORDER_REPLICATE",
    "reflect": "BORDER_REFLECT",
    "wrap": "BORDER_WRAP",
    "constant": "BORDER_CONSTANT",
}


def ways(
    name: str,
    count: int,
    seed: int,
    *,
    rotation: float,
    width_shift: float,
    height_shift: float,
    shear: float,
    zoom: float,
    horizontal_flip: bool,
    fill_mode: str,
) -> str:
    """One picture under several random transforms.

    Args:
        name: of the picture, for ``opening``.
        count: how many, a multiple of 4.
        seed: of the transforms.
        rotation: as for ``augmentation.augment``, like all that follow.
        width_shift: share of the width.
        height_shift: share of the height.
        shear: degrees.
        zoom: share of the size.
        horizontal_flip: whether half of them are mirrored.
        fill_mode: key of ``augmentation.FILL_MODES``.

    Returns:
        A program that leaves ``result``, uint8 (count, 150, 150, 3), and writes ``augmented.png``.
    """
    body = _WAYS.format(
        seed=seed,
        count=count,
        rotation=rotation,
        width_shift=width_shift,
        height_shift=height_shift,
        shear=shear,
        zoom=zoom,
        horizontal_flip=horizontal_flip,
        border=_BORDERS[fill_mode],
    )
    return script(opening(name), body, about="One picture, many ways: the lecture's augmentation.")


def resizing() -> str:
    """The lines that define ``resized(picture, height, width)``."""
    return "import cv2\n\n" + _WAYS[_WAYS.index("def resized") : _WAYS.index("def one_way")]


def one_way(options: Mapping[str, Any]) -> str:
    """The function that changes one picture at random, without a picture and without a random source.

    Args:
        options: of ``augmentation.augment``.

    Returns:
        Lines that define ``one_way(picture)``, which draws from ``rng``.
    """
    border = _BORDERS[options.get("fill_mode", "nearest")]
    return _ONE_WAY.format(
        **{**_OFF, **{key: value for key, value in options.items() if key != "fill_mode"}}, border=border
    )


def anew(options: Mapping[str, Any] | None, batch_size: int, *, inside: bool = False) -> tuple[list[str], str]:
    """The training pictures of an epoch, changed at random where that is asked for.

    Args:
        options: of ``augmentation.augment``, or None.
        batch_size: pictures that are changed by one random source.
        inside: whether the lines stand in a function.

    Returns:
        Paragraphs to put before, and what stands for the pictures in the ``order`` of an ``epoch``.
    """
    if not options:
        return [], "train_images[order]"
    changed = _ANEW.format(batch_size=batch_size, scope="nonlocal" if inside else "global")
    return [*(["rng = None"] if inside else []), one_way(options), changed], "anew(order, epoch)"
