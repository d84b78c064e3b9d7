"""Pictures of circles, squares, triangles and stars whose truth is known: what stands where, to the pixel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from convviz import ConvvizError

SHAPES = ("circle", "square", "triangle", "star")

_FINE = 8  # drawn this many times larger and averaged down, so that edges are smooth
_MOST = 4  # shapes in one picture
_TRIES = 200  # places tried for a shape before the picture is begun anew
_CONTRAST = 60.0  # least distance between a shape's colour and the ground's, of 441


@dataclass(frozen=True)
class Drawing:
    """Drawn pictures and their truth; N pictures with S shapes each.

    Attributes:
        images: uint8 (N, H, W, 3).
        labels: int64 (N, S), index into ``SHAPES``.
        boxes: int64 (N, S, 4), (top, left, bottom, right) of each shape's pixels, ends exclusive.
        masks: bool (N, S, H, W), each shape's pixels: those that it covers by half or more.
    """

    images: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    masks: np.ndarray


def draw_shapes(
    count: int,
    *,
    side: int = 64,
    shapes_per_picture: int = 1,
    distinct: bool = True,
    rng: np.random.Generator,
) -> Drawing:
    """Pictures of shapes at random places, sizes, angles and colours, on plain or textured ground, with noise.

    Colour, size, place and ground are drawn without looking at the class, so none of them tells it.

    Args:
        count: how many pictures.
        side: height and width, pixels, at least 32.
        shapes_per_picture: 1 to 4; their boxes do not touch.
        distinct: whether the shapes of one picture are of different classes.
        rng: source of the randomness; the same state gives the same pictures.

    Returns:
        The pictures with labels, boxes and masks.

    Raises:
        ConvvizError: too many shapes, or too small a picture.

    Example:
        >>> draw_shapes(2, shapes_per_picture=3, rng=np.random.default_rng(0)).masks.shape
        (2, 3, 64, 64)
    """
    if not 1 <= shapes_per_picture <= _MOST:
        raise ConvvizError(f"{shapes_per_picture} shapes do not fit a picture; choose 1 to {_MOST}")
    if side < 32:
        raise ConvvizError(f"shapes cannot be told apart at {side} pixels; choose 32 or more")
    images = np.empty((count, side, side, 3), np.uint8)
    masks = np.empty((count, shapes_per_picture, side, side), bool)
    labels = np.empty((count, shapes_per_picture), np.int64)
    for index in range(count):
        labels[index] = rng.choice(len(SHAPES), shapes_per_picture, replace=not distinct)
        images[index], masks[index] = _picture(labels[index], side, rng)
    boxes = np.array([[box_of(mask) for mask in row] for row in masks], np.int64)
    return Drawing(images, labels, boxes.reshape(count, shapes_per_picture, 4), masks)


def box_of(mask: np.ndarray) -> tuple[int, int, int, int]:
    """The smallest box around a mask.

    Args:
        mask: bool (H, W), at least one pixel true.

    Returns:
        (top, left, bottom, right), ends exclusive.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def _picture(labels: np.ndarray, side: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One picture and the mask of each of its shapes."""
    ground = _surface(side, rng)
    picture = ground.copy()
    masks = np.empty((len(labels), side, side), bool)
    for row, (label, (x, y, radius)) in enumerate(zip(labels, _places(len(labels), side, rng), strict=True)):
        share = _share(SHAPES[label], side, x, y, radius, rng.uniform(0, 2 * np.pi))
        masks[row] = share >= 0.5
        paint = _contrasting(ground[masks[row]].mean(axis=0), side, rng)
        picture += share[..., None] * (paint - picture)
    picture += rng.normal(0, rng.uniform(0, 12), picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8), masks


def _places(count: int, side: int, rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """(x, y, radius) of circles that lie in the picture and do not meet."""
    largest = (0.38, 0.24, 0.2, 0.18)[count - 1]
    while True:
        found: list[tuple[float, float, float]] = []
        for _ in range(_TRIES):
            radius = rng.uniform(0.12, largest) * side
            x, y = rng.uniform(radius + 1, side - radius - 1, size=2)
            if all(max(abs(x - a), abs(y - b)) > radius + r + 1 for a, b, r in found):
                found.append((x, y, radius))
            if len(found) == count:
                return found


def _share(shape: str, side: int, x: float, y: float, radius: float, angle: float) -> np.ndarray:
    """How much of each pixel the shape covers, float64 (side, side) in [0, 1]."""
    left, top = int(x - radius) - 1, int(y - radius) - 1  # drawn on the piece of the picture that it needs
    piece = int(2 * radius) + 4
    canvas = np.zeros((piece * _FINE, piece * _FINE), np.uint8)
    centre = (np.array([x, y]) - (left, top)) * _FINE
    if shape == "circle":  # as large as the square, whose corners touch the outer circle
        cv2.circle(canvas, tuple(np.rint(centre).astype(int).tolist()), round(radius * _FINE * 0.85), 255, -1)
    else:
        corners = centre + _corners(shape, angle) * radius * _FINE
        cv2.fillPoly(canvas, [np.rint(corners).astype(np.int32)], 255)
    covered = cv2.resize(canvas, (piece, piece), interpolation=cv2.INTER_AREA) / 255.0
    share = np.zeros((side + 2 * piece, side + 2 * piece))
    share[top + piece : top + 2 * piece, left + piece : left + 2 * piece] = covered
    return share[piece : piece + side, piece : piece + side]


def _corners(shape: str, angle: float) -> np.ndarray:
    """Corners (M, 2) of a shape in the unit circle."""
    count = {"square": 4, "triangle": 3, "star": 10}[shape]
    turns = angle + np.arange(count) * 2 * np.pi / count
    reach = np.where(np.arange(count) % 2 == 0, 1.0, 0.42) if shape == "star" else np.ones(count)
    return np.stack([reach * np.cos(turns), reach * np.sin(turns)], axis=-1)


def _contrasting(ground: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """A surface whose mean colour is far enough from the ground's."""
    while True:
        surface = _surface(side, rng)
        if np.linalg.norm(surface.mean(axis=(0, 1)) - ground) > _CONTRAST:
            return surface


def _surface(side: int, rng: np.random.Generator) -> np.ndarray:
    """A plain, shaded, striped or cloudy surface, float64 (side, side, 3) around a random colour."""
    color = rng.uniform(20, 235, size=3)
    kind = rng.choice(4, p=(0.4, 0.2, 0.2, 0.2))
    strength = rng.uniform(10, 30)
    if kind == 0:
        pattern = np.zeros((side, side))
    elif kind == 3:
        coarse = rng.normal(size=(rng.integers(4, 17),) * 2)
        pattern = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC) / 2
    else:
        angle, waves = rng.uniform(0, 2 * np.pi), 0.5 if kind == 1 else rng.uniform(3, 10)
        rows, columns = np.mgrid[:side, :side] / side
        along = rows * np.sin(angle) + columns * np.cos(angle)
        pattern = np.sin(2 * np.pi * waves * along + rng.uniform(0, 2 * np.pi))
    return color + strength * pattern[..., None] * rng.uniform(0.5, 1.0, size=3)
