"""Programs for the Data page: examples of each class, one batch, the way from a file to a batch."""

from __future__ import annotations

from typing import Any

from convviz.recipes import architectures, augmentation
from convviz.recipes.openings import opening
from convviz.recipes.training import DATASETS
from convviz.recipes.writing import script

_SHEET = """
def sheet(pictures, columns):
    \"\"\"Pictures side by side in rows, (N, H, W, C); black where there is none.\"\"\"
    missing = -len(pictures) % columns
    padded = np.concatenate([pictures, np.zeros((missing, *pictures.shape[1:]), np.uint8)])
    rows = [np.concatenate(list(padded[start : start + columns]), axis=1) for start in range(0, len(padded), columns)]
    whole = np.concatenate(rows)
    return Image.fromarray(whole[..., 0] if whole.shape[-1] == 1 else whole)
"""

_EXAMPLES = """
import numpy as np
from PIL import Image

classes, each = {classes}, {each}  # how many, and pictures of each
rng = np.random.default_rng({seed})
result = np.zeros((classes, each, *train_images.shape[1:]), np.uint8)
for label in range(classes):
    rows = rng.permutation(np.flatnonzero(train_labels == label))[:each]
    result[label, : len(rows)] = train_images[rows]
for part, labels in (("train", train_labels), ("validation", validation_labels), ("test", test_labels)):
    print(part, np.bincount(labels, minlength=classes), "pictures of each class")
sheet(result.reshape(-1, *result.shape[2:]), each).save("examples.png")
"""

_BATCH = """
import numpy as np
from PIL import Image

number, batch_size = {number}, {batch_size}
steps = -(-len(train_images) // batch_size)  # the last batch of an epoch may be smaller
epoch, step = divmod(number, steps)
order = np.random.default_rng(({seed}, epoch)).permutation(len(train_images))  # another one in each epoch
rows = order[step * batch_size : (step + 1) * batch_size]
result, labels = train_images[rows], train_labels[rows]
print("epoch", epoch + 1, "step", step + 1, "of", steps, "labels", labels)
sheet(result, {columns}).save("batch.png")
"""

_READING = """
import numpy as np
from PIL import Image

side = {side}
small = resized(picture, side, side)  # uint8
result = (small.astype(np.float32) / np.float32(255))[None]  # a batch of one
print(result.shape, result.dtype, "from", result.min(), "to", result.max())
Image.fromarray(small).save("resized.png")
"""


def examples(data: Any, classes: int, *, per_class: int, seed: int) -> str:
    """Some training pictures of each class, and how many there are.

    Args:
        data: ``datasets.Reference``; what a program cannot get is read from a file.
        classes: how many.
        per_class: pictures of each.
        seed: of the choice.

    Returns:
        A program that leaves ``result``, uint8 (classes, per_class, H, W, C), and writes ``examples.png``.
    """
    body = _EXAMPLES.format(classes=classes, each=per_class, seed=seed)
    return script(_pictures(data), _SHEET, body, about="Examples of each class.")


def batch(data: Any, number: int, *, batch_size: int, seed: int, columns: int = 8) -> str:
    """One batch of the generator that never ends.

    Args:
        data: as for ``examples``.
        number: which batch, from 0.
        batch_size: pictures in it.
        seed: of the orders.
        columns: pictures in a row.

    Returns:
        A program that leaves ``result``, uint8 (N, H, W, C), with ``labels``, and writes ``batch.png``.
    """
    body = _BATCH.format(number=number, batch_size=batch_size, seed=seed, columns=columns)
    return script(_pictures(data), _SHEET, body, about="One batch of the training pictures.")


def reading(name: str, side: int) -> str:
    """A picture on its way into a network.

    Args:
        name: of the picture, for ``opening``.
        side: that the network takes, pixels.

    Returns:
        A program that leaves ``result``, float32 (1, side, side, 3) from 0 to 1, and writes ``resized.png``.
    """
    return script(
        opening(name), augmentation.resizing(), _READING.format(side=side), about="From a file to what a network takes."
    )


def _pictures(data: Any) -> str:
    """The lines that get the labelled pictures."""
    known = architectures.is_plain(data) and data.name in DATASETS
    return DATASETS[data.name] if known else architectures.pictures()
