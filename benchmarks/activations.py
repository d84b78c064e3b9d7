"""Every channel of every layer of VGG16 as PNG, CPU time: against the textbook's grids drawn by matplotlib.

Matplotlib is not among our requirements; without it the textbook's grids alone are measured. Random weights.
"""

from __future__ import annotations

import importlib.util
import io
import time
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from benchmarks import Row, compare
from convviz import activations, images, zoo

COLUMNS = 16


def rows() -> Iterator[Row]:
    keras.utils.set_random_seed(0)
    model = keras.applications.VGG16(weights=None)
    network = zoo.wrap(model)
    picture = images.sample("cat")
    names = [layer.name for layer in model.layers if len(layer.output.shape) == 4 and "input" not in layer.name]
    submodel = keras.Model(model.input, [model.get_layer(name).output for name in names])
    batch = network.prepare(picture)
    sizes = [network.card.layer(name).output_shape[1] for name in names]

    def ours() -> Any:
        return activations.mosaics(network, picture, names, columns=COLUMNS, scale="lecture")

    def grids() -> list[np.ndarray]:
        return [_grid(maps) for maps in submodel.predict(batch, verbose=0)]

    yield compare(
        "VGG16, every channel, PNG, CPU time",
        ours,
        against="the textbook's grids, not even drawn",
        theirs=grids,
        clock=time.process_time,
    )
    if importlib.util.find_spec("matplotlib"):
        yield compare(
            "VGG16, every channel, PNG, CPU time",
            ours,
            against="the textbook's grids by matplotlib",
            theirs=lambda: [_drawn(grid, size) for grid, size in zip(grids(), sizes, strict=True)],
            reach=1 / 25,
            clock=time.process_time,
        )


def _grid(maps: np.ndarray) -> np.ndarray:
    """Deep Learning with Python, listing 5.27."""
    height, width, channels = maps.shape[1:]
    rows = channels // COLUMNS
    grid = np.zeros((height * rows, COLUMNS * width))
    for column in range(rows):
        for row in range(COLUMNS):
            channel = maps[0, :, :, column * COLUMNS + row]
            channel = channel - channel.mean()
            channel /= channel.std() or 1
            channel = np.clip(channel * 64 + 128, 0, 255).astype("uint8")
            grid[column * height : (column + 1) * height, row * width : (row + 1) * width] = channel
    return grid


def _drawn(grid: np.ndarray, size: int) -> bytes:
    """The figure that the listing shows, saved as a notebook does it: IPython crops it, which draws it twice."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(grid.shape[1] / size, grid.shape[0] / size))
    plt.grid(False)
    plt.axis("off")
    plt.imshow(grid, aspect="auto", cmap="viridis")
    file = io.BytesIO()
    figure.savefig(file, format="png", bbox_inches="tight")
    plt.close(figure)
    return file.getvalue()
