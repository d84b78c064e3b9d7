"""Folders of pictures by class on this machine, below the folder that ``CONVVIZ_DATA`` names."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from convviz import ConvvizError, images
from convviz.datasets.records import Dataset

SIDE = 150  # pixels, the lecture's cats and dogs
_PARTS = {"train": "train", "validation": "validation", "valid": "validation", "val": "validation", "test": "test"}
_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif")
_SEED, _SHARE = 20261123, 0.15
_MOST = 20_000  # pictures

Files = dict[str, list[tuple[str, Path]]]  # part -> (class, file)


def names() -> tuple[str, ...]:
    """Folders below ``CONVVIZ_DATA`` that hold pictures by class, in the order of the alphabet."""
    top = os.environ.get("CONVVIZ_DATA")
    if not top or not Path(top).is_dir():
        return ()
    return tuple(sorted(one.name for one in Path(top).iterdir() if one.is_dir() and _holds_classes(one)))


def load(name: str, *, side: int | None = None) -> Dataset:
    """A folder of pictures by class as a data set.

    The folder has one folder for each class, or folders ``train``, ``validation`` and ``test`` with these. A part that
    is missing is drawn from the training pictures: 15 % of each class, the same ones every time.

    Args:
        name: one of ``names()``.
        side: height and width that pictures are brought to, pixels; None means 150.

    Returns:
        The data set, images uint8 (N, side, side, 3).

    Raises:
        ConvvizError: there is no such folder, or too much or too little in it.
    """
    if name not in names():
        raise ConvvizError(f"there is no folder {name[:80]!r} of pictures by class; choose one of {', '.join(names())}")
    files, drawn = shared(_listed(Path(os.environ["CONVVIZ_DATA"]) / name))
    if sum(map(len, files.values())) > _MOST:
        raise ConvvizError(f"the folder {name[:80]!r} holds more than {_MOST:,} pictures; take fewer")
    classes = tuple(sorted({kind for kind, _ in files["train"]}))
    if len(classes) < 2:
        raise ConvvizError(f"the folder {name[:80]!r} has pictures of fewer than two classes; add a folder for another")
    side = side or SIDE
    flat, broken = [], 0
    for part in ("train", "validation", "test"):
        pictures, labels = [], []
        for kind, path in files[part]:
            picture = _opened(path, side) if kind in classes else None
            broken += picture is None
            if picture is not None:
                pictures.append(picture)
                labels.append(classes.index(kind))
        flat += [np.array(pictures, np.uint8).reshape(-1, side, side, 3), np.array(labels, np.int64)]
    source = f"the folder {name}, brought to {side} × {side}"
    source += f"; 15 % each for {' and '.join(drawn)} drawn at random" if drawn else ""
    source += f"; {broken:,} picture{'s' * (broken > 1)} could not be opened" if broken else ""
    return Dataset(*flat, classes, source, left_out=broken)


def _holds_classes(folder: Path) -> bool:
    """Whether at least two folders with pictures lie in it, or in its folder ``train``."""
    inside = folder / "train" if (folder / "train").is_dir() else folder
    kinds = [one for one in inside.iterdir() if one.is_dir() and not one.name.startswith(".")]
    return sum(any(file.suffix.lower() in _ENDINGS for file in kind.iterdir()) for kind in kinds[:200]) >= 2


def _listed(folder: Path) -> Files:
    """Every picture with its part and class."""
    found: Files = {"train": [], "validation": [], "test": []}
    kinds = [one for one in sorted(folder.iterdir()) if one.is_dir() and not one.name.startswith(".")]
    in_parts = {one.name.lower() for one in kinds} <= set(_PARTS)
    places = [(_PARTS[one.name.lower()], kind) for one in kinds for kind in sorted(one.iterdir())] if in_parts else []
    for part, kind in places or [("train", kind) for kind in kinds]:
        if kind.is_dir():
            found[part] += [(kind.name, file) for file in sorted(kind.iterdir()) if file.suffix.lower() in _ENDINGS]
    return found


def shared(files: Files) -> tuple[Files, list[str]]:
    """The same with every part filled, and which parts were drawn: 15 % of each class, the same ones every time."""
    drawn = [part for part in ("validation", "test") if not files[part]]
    rng = np.random.default_rng(_SEED)
    rest = []
    for kind in sorted({kind for kind, _ in files["train"]}):
        alike = [one for one in files["train"] if one[0] == kind]
        alike = [alike[row] for row in rng.permutation(len(alike))]
        for part in drawn:
            count = min(max(1, round(_SHARE * len(alike))), max(0, len(alike) - 1))
            files[part] += alike[:count]
            alike = alike[count:]
        rest += alike
    return files | {"train": rest}, drawn


def _opened(path: Path, side: int) -> np.ndarray | None:
    """A picture in its size, or None if it cannot be opened."""
    try:
        with Image.open(path) as picture:
            return images.resize(np.asarray(picture.convert("RGB")), (side, side))
    except (OSError, UnidentifiedImageError, ValueError, Image.DecompressionBombError):
        return None
