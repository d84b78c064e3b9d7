"""One picture, many ways: random turns, shifts, shears, zooms and flips, as the lecture trains with.

Every transform is one affine map about the picture's centre, drawn and composed as Keras' ``ImageDataGenerator`` does
it (degrees, fractions of the side, two independent zoom factors), and applied in one interpolation.
"""

from __future__ import annotations

import cv2
import numpy as np

from convviz import ConvvizError

FILL_MODES = {
    "nearest": cv2.BORDER_REPLICATE,
    "reflect": cv2.BORDER_REFLECT,
    "wrap": cv2.BORDER_WRAP,
    "constant": cv2.BORDER_CONSTANT,
}

LECTURE = {
    "rotation": 40,
    "width_shift": 0.2,
    "height_shift": 0.2,
    "shear": 0.2,
    "zoom": 0.2,
    "horizontal_flip": True,
    "fill_mode": "nearest",
}


def augment(
    images: np.ndarray,
    *,
    rotation: float = 0,
    width_shift: float = 0,
    height_shift: float = 0,
    shear: float = 0,
    zoom: float = 0,
    horizontal_flip: bool = False,
    fill_mode: str = "nearest",
    rng: np.random.Generator,
) -> np.ndarray:
    """Each picture of a batch under its own random transform.

    Args:
        images: (N, H, W, C), uint8 or float.
        rotation: largest turn to either side, degrees.
        width_shift: largest shift left or right, as a fraction of the width.
        height_shift: largest shift up or down, as a fraction of the height.
        shear: largest shear angle, degrees.
        zoom: each axis is scaled by its own factor from [1 - zoom, 1 + zoom], below 1.
        horizontal_flip: whether half of the pictures are mirrored left to right.
        fill_mode: what stands where the picture does not reach: one of ``FILL_MODES`` (``"constant"`` is black).
        rng: source of the randomness; the same state gives the same pictures.

    Returns:
        (N, H, W, C), the dtype that came in.

    Raises:
        ConvvizError: unknown fill mode, or a zoom of 1 or more.

    Source:
        Chollet, Deep Learning with Python, listing 5.11; Keras' ``ImageDataGenerator`` for the meaning of each number.

    Example:
        >>> pictures = np.arange(12.0).reshape(1, 2, 6, 1)
        >>> bool((augment(pictures, rng=np.random.default_rng(0)) == pictures).all())
        True
    """
    images = np.asarray(images)
    _check(images, zoom, fill_mode)
    height, width = images.shape[1:3]
    result = np.empty_like(images)
    for index, image in enumerate(images):
        affine = matrix(
            (height, width),
            rotation=rng.uniform(-rotation, rotation),
            down=rng.uniform(-height_shift, height_shift) * height,
            right=rng.uniform(-width_shift, width_shift) * width,
            shear=rng.uniform(-shear, shear),
            scale=tuple(rng.uniform(1 - zoom, 1 + zoom, size=2)),
            mirror=bool(rng.random() < 0.5) and horizontal_flip,
        )
        result[index] = warp(image, affine, fill_mode=fill_mode)
    return result


def matrix(
    size: tuple[int, int],
    *,
    rotation: float = 0.0,
    down: float = 0.0,
    right: float = 0.0,
    shear: float = 0.0,
    scale: tuple[float, float] = (1.0, 1.0),
    mirror: bool = False,
) -> np.ndarray:
    """The affine map from a pixel of the result to the place in the picture where it is read.

    Args:
        size: (H, W) in pixels.
        rotation: degrees.
        down: vertical shift of the reading place, pixels.
        right: horizontal shift of the reading place, pixels.
        shear: degrees.
        scale: vertical and horizontal factor; above 1 more of the picture is seen, so it looks smaller.
        mirror: whether the result is flipped left to right afterwards.

    Returns:
        float64 (2, 3) acting on (x, y, 1), x to the right and y down.

    Source:
        Keras' ``apply_affine_transform``: rotation · shift · shear · zoom about ((H - 1) / 2, (W - 1) / 2).
    """
    theta, slant = np.deg2rad([rotation, shear])
    turn = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
    slanted = np.array([[1.0, -np.sin(slant)], [0.0, np.cos(slant)]])
    linear = turn @ slanted @ np.diag(scale[::-1])
    centre = (np.array(size[::-1], float) - 1.0) / 2.0
    affine = np.column_stack([linear, centre - linear @ centre + turn @ np.array([right, down])])
    flip = np.array([[-1.0, 0.0, size[1] - 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    return affine @ flip if mirror else affine


def warp(image: np.ndarray, affine: np.ndarray, *, fill_mode: str = "nearest") -> np.ndarray:
    """One picture read through an affine map, bilinear.

    Args:
        image: (H, W, C), uint8 or float, at most four channels.
        affine: (2, 3), as ``matrix`` returns it.
        fill_mode: one of ``FILL_MODES``.

    Returns:
        (H, W, C), the dtype that came in.
    """
    height, width = image.shape[:2]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(image, affine, (width, height), flags=flags, borderMode=FILL_MODES[fill_mode])
    return warped.reshape(image.shape)


def _check(images: np.ndarray, zoom: float, fill_mode: str) -> None:
    if images.ndim != 4:
        raise ValueError(f"images must have shape (N, H, W, C), but came with {images.shape}")
    if fill_mode not in FILL_MODES:
        raise ConvvizError(f"there is no fill mode {fill_mode!r}; choose one of {', '.join(FILL_MODES)}")
    if not 0 <= zoom < 1:
        raise ConvvizError(f"a zoom of {zoom} would shrink the picture to nothing; choose one from 0 to below 1")
