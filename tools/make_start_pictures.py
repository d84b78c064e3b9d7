"""Make the pictures of the Start page with the package itself: ``python tools/make_start_pictures.py``.

Each shows what its page computes, on a sample picture and a bundled network.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from convviz import (  # noqa: E402
    activations,
    attribution,
    convolution,
    images,
    kernels,
    patterns,
    rendering,
    sketches,
    training,
    zoo,
)

SIZE = (300, 480)  # height and width of every picture, pixels


def fitted(picture: np.ndarray) -> np.ndarray:
    """A picture enlarged or reduced to fill the size, its middle kept."""
    height, width = SIZE
    scale = max(height / picture.shape[0], width / picture.shape[1])
    sized = images.resize(picture, (round(picture.shape[0] * scale + 0.4), round(picture.shape[1] * scale + 0.4)))
    top, left = (sized.shape[0] - height) // 2, (sized.shape[1] - width) // 2
    return sized[top : top + height, left : left + width]


def convolution_picture() -> np.ndarray:
    """The cat, and from the middle on its feature map under Sobel."""
    cat = fitted(images.with_channels(images.sample("cat"), 3))
    grey = images.grey(cat)
    edges = convolution.convolve(grey, kernels.KERNELS["sobel_x"].weights, padding="same", padding_mode="replicate")
    picture = np.repeat(grey[..., None], 3, axis=-1).astype(np.uint8)
    half = SIZE[1] // 2
    picture[:, half:] = rendering.signed(edges, 220)[:, half:]
    return picture


def training_picture() -> np.ndarray:
    """Loss of a real run on the digits, for training and validation."""
    history = list(training.train("mnist", "digits", training.Settings(epochs=6, seed=0)))
    height, width = (side * 2 for side in SIZE)
    picture = np.full((height, width, 3), 252, np.uint8)
    steps = np.array([one.step for one in history], float)
    for name, colour in (("loss", (0, 114, 178)), ("validation_loss", (213, 94, 0))):
        values = np.array([getattr(one, name) for one in history])
        x = 60 + (width - 120) * steps / steps[-1]
        y = height - 60 - (height - 120) * values / 2.4
        points = np.stack([x, y], axis=-1).round().astype(np.int32)
        cv2.polylines(picture, [points], False, colour, 6, cv2.LINE_AA)
    cv2.line(picture, (60, height - 60), (width - 60, height - 60), (120, 120, 120), 2)
    cv2.line(picture, (60, height - 60), (60, 60), (120, 120, 120), 2)
    return images.resize(picture, SIZE)


def feature_maps_picture(network: zoo.Network) -> np.ndarray:
    """The strongest channels of the first layer."""
    maps = activations.feature_maps(network, images.sample("cat"), ["conv2d"])["conv2d"]
    strongest = np.argsort(-maps.std(axis=(0, 1)))[:15]
    mosaic = rendering.mosaic(np.ascontiguousarray(maps[..., np.sort(strongest)]), columns=5, scale="lecture")
    return fitted(np.repeat(mosaic[..., None], 3, axis=-1))


def patterns_picture(network: zoo.Network) -> np.ndarray:
    """The clearest patterns of the second layer."""
    *_, last = patterns.ascend(network, "conv2d_1", range(32), size=96, revive=True)
    clearest = np.argsort(-last.activations)[:15]
    return fitted(sketches.sheet(last.pictures[np.sort(clearest)], columns=5))


def grad_cam_picture(network: zoo.Network) -> np.ndarray:
    """A circle and a star, and what spoke for the star."""
    picture = images.sample("shapes")
    explained = attribution.grad_cam(network, picture, target=network.card.class_names.index("star"))
    return fitted(rendering.overlay(picture, explained.heatmap, alpha=0.5))


def main() -> None:
    """Write all five."""
    network = zoo.load("cats_and_dogs")
    made = {
        "convolution": convolution_picture(),
        "training": training_picture(),
        "feature_maps": feature_maps_picture(network),
        "filter_patterns": patterns_picture(network),
        "grad_cam": grad_cam_picture(zoo.load("shapes")),
    }
    folder = ROOT / "assets" / "start"
    folder.mkdir(exist_ok=True)
    for name, picture in made.items():
        (folder / f"{name}.png").write_bytes(rendering.png(np.ascontiguousarray(picture), level=9))


if __name__ == "__main__":
    main()
