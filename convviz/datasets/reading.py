"""Data sets by name: from the folder that ``CONVVIZ_DATA`` names, from Keras' folder, or from its download."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from convviz import ConvvizError, downloads, images, lazy
from convviz.datasets import folders
from convviz.datasets.drawing import SHAPES, draw_shapes
from convviz.datasets.records import Dataset, Outline

keras = lazy.load("keras")

_SEED = 20261123
_SERVER = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_MNIST_DIGEST = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
_FASHION = tuple(f"{part}-{what}-ubyte.gz" for part in ("train", "t10k") for what in ("images-idx3", "labels-idx1"))
_CIFAR_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
_CIFAR_DIGEST = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
_CIFAR_ARCHIVE = "cifar-10-batches-py-target_archive"  # the name under which Keras keeps it
_CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_FASHION_CLASSES = (
    "T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip
_DIGITS = tuple("0123456789")
_PETS, _KINDS = ("cat", "dog"), ("cats", "dogs")  # and their folders
_PETS_SIDE = 150

_Part = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class _Entry:
    read: Callable[[], Dataset]
    here: Callable[[], bool]
    outline: Outline
    megabytes: int = 0  # of the download
    download: Callable[[], Iterator[downloads.Fetched]] | None = None


def load(name: str) -> Dataset:
    """A data set, read or drawn, downloaded first where that is possible and needed.

    Args:
        name: one of ``NAMES``: ``"digits"`` and ``"shapes"`` are always here.

    Returns:
        The data set; the same split every time.

    Raises:
        ConvvizError: there is no such data set, or it cannot be had.

    Example:
        >>> load("digits").train_images.shape
        (1200, 28, 28, 1)
    """
    return _entry(name).read()


def is_here(name: str) -> bool:
    """Whether a data set can be loaded without a download.

    Args:
        name: one of ``NAMES``.

    Returns:
        True if its files are on this machine, or if it needs none.
    """
    return _entry(name).here()


def outline_of(name: str) -> Outline:
    """What is known of a data set before it is read.

    Args:
        name: one of ``NAMES``.

    Returns:
        The shape of its pictures and its classes.
    """
    return _entry(name).outline


def download_size(name: str) -> int:
    """How much ``load`` would download.

    Args:
        name: one of ``NAMES``.

    Returns:
        Megabytes as its makers state them; 0 if it is here, or cannot be downloaded.
    """
    return 0 if is_here(name) else _entry(name).megabytes


def download(name: str) -> Iterator[downloads.Fetched]:
    """Fetch what ``load`` would fetch, telling how far it is.

    Args:
        name: one of ``NAMES``.

    Yields:
        downloads.Fetched: bytes so far and in all, of one file after the other; nothing if the data set is here.

    Raises:
        ConvvizError: the server cannot be reached, or a file came wrong.
    """
    entry = _entry(name)
    if not entry.here() and entry.download is not None:
        yield from entry.download()


download.needs_no_tensorflow = True  # a worker fetches while TensorFlow is still loading


def _entry(name: str) -> _Entry:
    if name not in _ENTRIES:
        raise ConvvizError(f"there is no data set {name[:80]!r}; choose one of {', '.join(NAMES)}")
    return _ENTRIES[name]


# --- always here --------------------------------------------------------------------------------------------------


def _digits() -> Dataset:
    from sklearn.datasets import load_digits  # loaded by those alone who ask for it

    raw = load_digits()
    pictures, labels = images.enlarge_digits(raw.images)[..., None], raw.target
    order = np.random.default_rng(_SEED).permutation(len(pictures))
    parts = [(pictures[rows], labels[rows]) for rows in np.split(order, (1200, 1497))]
    source = (
        "Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits, UCI, CC BY 4.0, with scikit-learn; 8 x 8 "
        "enlarged to 28 x 28; 1,200 to learn from, 297 to choose by, 300 to report on, drawn at random"
    )
    return _dataset(*parts, _DIGITS, source)


def _shapes() -> Dataset:
    rng = np.random.default_rng(_SEED)
    drawings = [draw_shapes(count, rng=rng) for count in (3000, 500, 500)]
    parts = [(drawing.images, drawing.labels[:, 0]) for drawing in drawings]
    source = "drawn by ConvViz, one shape in each picture, classes equally likely; boxes and masks of the test pictures"
    last = drawings[-1]
    return _dataset(*parts, SHAPES, source, boxes=last.boxes[:, 0], masks=last.masks[:, 0])


# --- from files ---------------------------------------------------------------------------------------------------


def _mnist() -> Dataset:
    path = _own("mnist.npz") or downloads.need(f"{_SERVER}mnist.npz", "datasets", "mnist.npz", digest=_MNIST_DIGEST)
    source = "LeCun, Cortes & Burges 1998, MNIST, CC BY-SA 3.0; 5,000 of its 60,000 training digits to choose by"
    return _from_npz(path, _DIGITS, source)


def _fashion() -> Dataset:
    source = "Xiao, Rasul & Vollgraf 2017, Fashion-MNIST, MIT; 5,000 of its 60,000 training pictures to choose by"
    if own := _own("fashion_mnist.npz"):
        return _from_npz(own, _FASHION_CLASSES, source)
    folder = os.path.join("datasets", "fashion-mnist")
    paths = [downloads.need(f"{_SERVER}{file}", folder, file) for file in _FASHION]
    train, test = (_from_idx(*paths[first : first + 2]) for first in (0, 2))
    return _dataset(*_split(train), test, _FASHION_CLASSES, source)


def _cifar10() -> Dataset:
    source = "Krizhevsky 2009, CIFAR-10; a tenth of its training pictures, at most 5,000, to choose by"
    if own := _own("cifar10.npz"):
        return _from_npz(own, _CIFAR_CLASSES, source)
    if own := _own("cifar10"):
        return _from_sheets(own, source)
    downloads.need(_CIFAR_URL, "datasets", _CIFAR_ARCHIVE, digest=_CIFAR_DIGEST)
    train, test = keras.datasets.cifar10.load_data()
    return _dataset(*_split(train), test, _CIFAR_CLASSES, source)


def _cats_and_dogs() -> Dataset:
    if not _pets_are_here():
        raise ConvvizError(
            "the pictures of cats and dogs are not on this machine and may not be passed on; get them from Kaggle's "
            "Dogs vs. Cats, put .jpg files into cats_and_dogs/train/cats and cats_and_dogs/train/dogs, and name the "
            "folder above them in CONVVIZ_DATA"
        )
    files, drawn = {part: list(_pets(part)) for part in ("train", "validation", "test")}, []
    if not all(files.values()):
        files, drawn = folders.shared(files)
    parts = [_from_files(files[part], _KINDS) for part in files]
    source = "Kaggle, Dogs vs. Cats 2013, the textbook's 2,000 + 1,000 + 500 pictures, brought to 150 x 150"
    source += f"; 15 % each for {' and '.join(drawn)} drawn at random" if drawn else ""
    return _dataset(*parts, _PETS, source)


def _pets(part: str) -> Iterator[tuple[str, Path]]:
    """Every picture of one part with its folder's name; none where there is no such part."""
    for kind in _KINDS:
        yield from ((kind, path) for path in sorted((_own("cats_and_dogs") / part / kind).glob("*.jpg")))


def _pets_are_here() -> bool:
    """Whether there is something of both to learn from."""
    folder = _own("cats_and_dogs")
    return folder is not None and all(any((folder / "train" / kind).glob("*.jpg")) for kind in _KINDS)


def _from_npz(path: Path, class_names: tuple[str, ...], source: str) -> Dataset:
    """An archive with Keras' keys, no pickles."""
    with np.load(path, allow_pickle=False) as arrays:
        train, test = ((arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test"))
    return _dataset(*_split(train), test, class_names, source)


def _from_idx(pictures: Path, labels: Path) -> _Part:
    """Yann LeCun's format: 16 bytes of head before the pictures, 8 before the labels."""
    with gzip.open(pictures) as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)
    with gzip.open(labels) as file:
        return pixels, np.frombuffer(file.read(), np.uint8, offset=8)


def _from_sheets(folder: Path, source: str) -> Dataset:
    """Lossless sheets of 25 rows of 40 pictures, ``train_*.webp`` and ``test_*.webp``, and ``labels_*.npy``."""

    def part(name: str) -> _Part:
        sheets = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(folder.glob(f"{name}_*.webp"))]
        pictures = [sheet.reshape(25, 32, 40, 32, 3).swapaxes(1, 2).reshape(-1, 32, 32, 3) for sheet in sheets]
        labels = np.load(next(iter(sorted(folder.glob(f"labels_{name}*.npy")))), allow_pickle=False)
        joined = np.concatenate(pictures)
        return joined, labels[: len(joined)]

    told = f"{source}; only the first pictures of each part"
    return _dataset(*_split(part("train")), part("test"), _CIFAR_CLASSES, told)


def _from_files(files: list[tuple[str, Path]], kinds: tuple[str, ...]) -> _Part:
    """Pictures by class, in the order in which they stand."""
    pictures = np.empty((len(files), _PETS_SIDE, _PETS_SIDE, 3), np.uint8)
    for row, (_, path) in enumerate(files):
        with Image.open(path) as picture:
            pictures[row] = images.resize(np.asarray(picture.convert("RGB")), (_PETS_SIDE, _PETS_SIDE))
    return pictures, np.array([kinds.index(kind) for kind, _ in files], np.int64)


def _split(part: _Part) -> tuple[_Part, _Part]:
    """A training part without the pictures to choose by, and these: a tenth, at most 5,000, drawn at random."""
    pictures, labels = part
    order = np.random.default_rng(_SEED).permutation(len(pictures))
    count = min(5000, len(pictures) // 10)
    chosen, rest = np.sort(order[:count]), np.sort(order[count:])
    return (pictures[rest], labels[rest]), (pictures[chosen], labels[chosen])


def _dataset(
    train: _Part,
    validation: _Part,
    test: _Part,
    class_names: tuple[str, ...],
    source: str,
    *,
    boxes: np.ndarray | None = None,
    masks: np.ndarray | None = None,
) -> Dataset:
    """The record, grey pictures with their channel axis, labels as a flat row."""
    flat = []
    for pictures, labels in (train, validation, test):
        flat.append(pictures[..., None] if pictures.ndim == 3 else pictures)
        flat.append(np.asarray(labels, np.int64).reshape(-1))
    return Dataset(*flat, class_names, source, boxes=boxes, masks=masks)


def _own(file: str) -> Path | None:
    """A file or folder in the folder that ``CONVVIZ_DATA`` names."""
    folder = os.environ.get("CONVVIZ_DATA")
    path = Path(folder) / file if folder else None
    return path if path is not None and path.exists() else None


def _fashion_is_here() -> bool:
    folder = os.path.join("datasets", "fashion-mnist")
    return _own("fashion_mnist.npz") is not None or all(downloads.find(folder, file) for file in _FASHION)


def _cifar10_is_here() -> bool:
    return any((_own("cifar10.npz"), _own("cifar10"), downloads.find("datasets", _CIFAR_ARCHIVE)))


def _fetch_mnist() -> Iterator[downloads.Fetched]:
    return downloads.fetch(f"{_SERVER}mnist.npz", "datasets", "mnist.npz", digest=_MNIST_DIGEST)


def _fetch_fashion() -> Iterator[downloads.Fetched]:
    folder = os.path.join("datasets", "fashion-mnist")
    for file in _FASHION:
        if downloads.find(folder, file) is None:
            yield from downloads.fetch(f"{_SERVER}{file}", folder, file)


def _fetch_cifar10() -> Iterator[downloads.Fetched]:
    return downloads.fetch(_CIFAR_URL, "datasets", _CIFAR_ARCHIVE, digest=_CIFAR_DIGEST)


_ENTRIES = {
    "digits": _Entry(_digits, lambda: True, Outline((28, 28, 1), _DIGITS)),
    "shapes": _Entry(_shapes, lambda: True, Outline((64, 64, 3), SHAPES)),
    "mnist": _Entry(
        _mnist, lambda: any((_own("mnist.npz"), downloads.find("datasets", "mnist.npz"))),
        Outline((28, 28, 1), _DIGITS), 11, _fetch_mnist,
    ),
    "fashion_mnist": _Entry(
        _fashion, _fashion_is_here, Outline((28, 28, 1), _FASHION_CLASSES), 31, _fetch_fashion
    ),
    "cifar10": _Entry(_cifar10, _cifar10_is_here, Outline((32, 32, 3), _CIFAR_CLASSES), 170, _fetch_cifar10),
    "cats_and_dogs": _Entry(
        _cats_and_dogs, _pets_are_here, Outline((_PETS_SIDE, _PETS_SIDE, 3), _PETS)
    ),
}  # fmt: skip

NAMES = tuple(_ENTRIES)
CLASSES = {name: entry.outline.class_names for name, entry in _ENTRIES.items()}  # known before anything is read
