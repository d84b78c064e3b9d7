"""Pictures: the samples that are always at hand, their size and their channels.

A picture here is ``uint8 (H, W, 3)`` RGB, row first. The samples come from scikit-image's and scikit-learn's installed
files, or are drawn; their files are read without importing either package, and nothing is ever fetched.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from convviz import ConvvizError

WHITE = 255

_GROUND, _CIRCLE, _STAR = (96, 96, 96), (70, 130, 220), (240, 200, 60)  # colours of the drawn shapes


@dataclass(frozen=True)
class Sample:
    """Where one sample picture comes from: a file of scikit-image's, or None when it is drawn or a digit."""

    title: str
    source: str
    file: str | None = None


_SKIMAGE = "with scikit-image"
SAMPLES: dict[str, Sample] = {
    "cat": Sample("Chelsea the cat", f"Stefan van der Walt, CC0, {_SKIMAGE}", "chelsea.png"),
    "astronaut": Sample("Astronaut Eileen Collins", f"NASA, public domain, {_SKIMAGE}", "astronaut.png"),
    "coffee": Sample("A cup of coffee", f"Rachel Michetti, CC0, {_SKIMAGE}", "coffee.png"),
    "photographer": Sample("A photographer (grey)", f"Lav Varshney, CC0, {_SKIMAGE}", "camera.png"),
    "motorcycle": Sample(
        "A motorcycle", f"Scharstein et al. 2014, Middlebury stereo, {_SKIMAGE}", "motorcycle_left.png"
    ),
    "rocket": Sample("A rocket on its pad", f"SpaceX, public domain, {_SKIMAGE}", "rocket.jpg"),
    "horse": Sample("A horse's outline", f"Andreas Preuss, CC0, {_SKIMAGE}", "horse.png"),
    "bricks": Sample("A brick wall (grey)", f"CC0Textures Bricks25, CC0, {_SKIMAGE}", "brick.png"),
    "grass": Sample("Grass (grey)", f"CC0Textures, CC0, {_SKIMAGE}", "grass.png"),
    "coins": Sample("Greek coins (grey)", f"Brooklyn Museum, no known restrictions, {_SKIMAGE}", "coins.png"),
    "moon": Sample("The surface of the moon (grey)", f"NASA, {_SKIMAGE}", "moon.png"),
    "galaxies": Sample("Hubble's deep field", f"NASA, public domain, {_SKIMAGE}", "hubble_deep_field.jpg"),
    "retina": Sample("The back of an eye", f"Mikael Häggström 2014, CC0, {_SKIMAGE}", "retina.jpg"),
    "page": Sample("A printed page (grey)", f"scikit-image's own, {_SKIMAGE}", "page.png"),
    "chessboard": Sample("A chessboard", f"drawn, {_SKIMAGE}", "chessboard_GRAY.png"),
    "color_wheel": Sample("A colour wheel", f"scikit-image's own, {_SKIMAGE}", "color.png"),
    "drawing": Sample("A line drawing of a mouse", "drawn by ConvViz"),
    "shapes": Sample("A circle and a star", "drawn by ConvViz"),
    **{
        f"digit_{digit}": Sample(
            f"A handwritten {digit}", "Alpaydin & Kaynak 1998, UCI optical digits, CC BY 4.0, with scikit-learn"
        )
        for digit in range(10)
    },
}


@cache
def sample_names() -> tuple[str, ...]:
    """Names of the sample pictures that are here without a network, photographs first.

    Returns:
        Names for ``sample``; a picture whose file this installation lacks is left out.

    Example:
        >>> sample_names()[0]
        'cat'
    """
    return tuple(name for name, entry in SAMPLES.items() if entry.file is None or _skimage_file(entry.file).is_file())


def sample(name: str) -> np.ndarray:
    """One sample picture.

    Args:
        name: one of ``sample_names()``.

    Returns:
        uint8 (H, W, 3) RGB; grey pictures have three equal channels. It is the caller's own copy.

    Raises:
        ConvvizError: there is no such sample.

    Example:
        >>> sample("cat").shape
        (300, 451, 3)
    """
    if name not in sample_names():
        raise ConvvizError(f"there is no sample picture {name[:80]!r}; choose one of {', '.join(sample_names())}")
    return _sample(name).copy()


def sample_title(name: str) -> str:
    """What a sample shows, for captions and for readers who cannot see it.

    Args:
        name: one of ``sample_names()``.

    Returns:
        A few words, such as ``"Chelsea the cat"``.
    """
    return SAMPLES[name].title


def sample_boxes(name: str) -> dict[str, tuple[int, int, int, int]]:
    """Where things stand in a sample that is drawn, so that it is known to the pixel.

    Args:
        name: one of ``sample_names()``.

    Returns:
        Thing -> (top, left, bottom, right) in pixels, ends exclusive, of the pixels that it covers by more than half;
        empty for photographs.

    Example:
        >>> sample_boxes("shapes")
        {'circle': (42, 14, 86, 58), 'star': (39, 68, 85, 116)}
    """
    if name != "shapes":
        return {}
    picture = sample(name).astype(int)
    ground, circle, star = (np.abs(picture - colour).sum(axis=-1) for colour in (_GROUND, _CIRCLE, _STAR))
    boxes = {}
    for thing, covered in (("circle", circle < ground), ("star", star < ground)):
        rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
        boxes[thing] = (int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    return boxes


def sample_source(name: str) -> str:
    """Who made a sample, under which licence, and through which package it comes.

    Args:
        name: one of ``sample_names()``.

    Returns:
        One line.
    """
    return SAMPLES[name].source


@cache
def _sample(name: str) -> np.ndarray:
    """The picture itself, read or drawn once."""
    file = SAMPLES[name].file
    if file is not None:
        return _read(_skimage_file(file))
    if name == "drawing":
        return _mouse()
    if name == "shapes":
        return _circle_and_star()
    return with_channels(enlarge_digits(_digit(int(name[-1]))[None])[0], 3)


def _skimage_file(file: str) -> Path:
    """Path of a picture inside the installed scikit-image, which is not imported for it."""
    return _package_folder("skimage") / "data" / file


@cache
def _package_folder(package: str) -> Path:
    """Where a package is installed; a folder that does not exist where it is not."""
    spec = find_spec(package)
    return Path(spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else "/nowhere")


def _read(path: Path) -> np.ndarray:
    """A trusted picture file as RGB, see-through parts on white."""
    with Image.open(path) as picture:
        on_white = Image.new("RGBA", picture.size, "white")
        on_white.alpha_composite(picture.convert("RGBA"))
        return np.asarray(on_white.convert("RGB"))


@cache
def _digit(digit: int) -> np.ndarray:
    """A clear digit of scikit-learn's, (8, 8), ink from 0 to 16: of 40 typical ones the one with the finest line."""
    table = _digits()
    alike = table[table[:, -1] == digit, :-1]
    typical = alike[np.argsort(np.linalg.norm(alike - alike.mean(axis=0), axis=1), kind="stable")[:40]]
    return typical[np.argmin(typical.sum(axis=1))].reshape(8, 8)


@cache
def _digits() -> np.ndarray:
    """Scikit-learn's table of digits, (1797, 65): ink of 64 pixels, and which digit it is; slow to read."""
    with gzip.open(_package_folder("sklearn") / "datasets" / "data" / "digits.csv.gz", "rt") as lines:
        return np.loadtxt(lines, delimiter=",").astype(np.int64)


def enlarge_digits(digits: np.ndarray) -> np.ndarray:
    """Scikit-learn's small digits in the frame of MNIST's: 20x20 pixels of ink in the middle of 28x28.

    Args:
        digits: (N, 8, 8), ink from 0 to 16, as ``sklearn.datasets.load_digits().images`` has them.

    Returns:
        uint8 (N, 28, 28), white on black.

    Source:
        LeCun, Cortes & Burges, the MNIST database: "size normalized to fit in a 20x20 pixel box" in a 28x28 field.
    """
    framed = np.zeros((len(digits), 28, 28), np.uint8)
    for frame, digit in zip(framed, digits, strict=True):
        large = cv2.resize(np.asarray(digit, np.float32) * (WHITE / 16), (20, 20), interpolation=cv2.INTER_CUBIC)
        frame[4:24, 4:24] = np.clip(np.rint(large), 0, WHITE)
    return framed


def _mouse() -> np.ndarray:
    """A mouse in white lines on black, 128x128; its back bends as the lecture's curve detector does."""
    canvas = np.zeros((128, 128, 3), np.uint8)
    ink = (WHITE, WHITE, WHITE)
    cv2.ellipse(canvas, (62, 78), (40, 30), 0, 180, 360, ink, 2)  # back
    cv2.line(canvas, (22, 78), (30, 102), ink, 2)
    cv2.line(canvas, (30, 102), (104, 102), ink, 2)  # belly
    cv2.line(canvas, (102, 78), (120, 94), ink, 2)  # brow, nose, chin
    cv2.line(canvas, (120, 94), (104, 102), ink, 2)
    cv2.circle(canvas, (92, 46), 13, ink, 2)  # ear
    cv2.circle(canvas, (104, 88), 2, ink, -1)  # eye
    cv2.ellipse(canvas, (13, 90), (12, 22), 0, 0, 150, ink, 2)  # tail
    for slope in (-5, 0, 5):
        cv2.line(canvas, (112, 94), (125, 96 + slope), ink, 1)  # whiskers
    return canvas


def _circle_and_star() -> np.ndarray:
    """A blue circle on the left and a yellow star on the right of a grey ground, 128x128, edges smooth."""
    fine = 8
    canvas = np.full((128 * fine, 128 * fine, 3), _GROUND, np.uint8)
    cv2.circle(canvas, (36 * fine, 64 * fine), 22 * fine, _CIRCLE, -1)
    turns = -np.pi / 2 + np.arange(10) * np.pi / 5
    reach = np.where(np.arange(10) % 2 == 0, 26, 10.4) * fine
    corners = np.stack([92 * fine + reach * np.cos(turns), 64 * fine + reach * np.sin(turns)], axis=-1)
    cv2.fillPoly(canvas, [np.rint(corners).astype(np.int32)], _STAR)
    return cv2.resize(canvas, (128, 128), interpolation=cv2.INTER_AREA)


def resize(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture at another size: averaged over areas where it shrinks, linear between pixels where it grows.

    Args:
        picture: (H, W) or (H, W, C), any number of channels, any real dtype.
        size: (height, width) to reach, pixels.

    Returns:
        (height, width) or (height, width, C), the dtype that came in.

    Example:
        >>> resize(sample("cat"), (64, 48)).shape
        (64, 48, 3)
    """
    height, width = size
    shrunk = _resample(picture, (min(height, picture.shape[0]), min(width, picture.shape[1])), cv2.INTER_AREA)
    return _resample(shrunk, (height, width), cv2.INTER_LINEAR)


def _resample(picture: np.ndarray, size: tuple[int, int], interpolation: int) -> np.ndarray:
    """``cv2.resize`` for every dtype and any number of channels."""
    if picture.shape[:2] == tuple(size):
        return picture.copy()
    height, width = size
    native = picture.dtype in (np.uint8, np.uint16, np.int16, np.float32, np.float64)
    source = np.ascontiguousarray(picture if native else picture.astype(np.float64))
    channels = source.reshape(*source.shape[:2], -1)
    out = np.empty((height, width, channels.shape[-1]), source.dtype)
    for first in range(0, channels.shape[-1], 4):  # OpenCV takes any number of channels for some dtypes only
        part = np.ascontiguousarray(channels[..., first : first + 4])
        out[..., first : first + 4] = cv2.resize(part, (width, height), interpolation=interpolation).reshape(
            height, width, -1
        )
    if not native and not np.issubdtype(picture.dtype, np.floating):
        out = np.rint(out)
    return out.reshape(height, width, *picture.shape[2:]).astype(picture.dtype)


def limit(picture: np.ndarray, longest: int) -> np.ndarray:
    """A picture shrunk, in proportion, so that its longer side fits; a small one comes back as it is.

    Args:
        picture: (H, W) or (H, W, C).
        longest: largest side allowed, pixels, at least 1.

    Returns:
        (H', W') or (H', W', C), sides at most ``longest`` and at least 1.

    Example:
        >>> limit(sample("cat"), 200).shape
        (133, 200, 3)
    """
    height, width = picture.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return picture
    return resize(picture, (max(1, round(height * scale)), max(1, round(width * scale))))


def grey(picture: np.ndarray) -> np.ndarray:
    """Luminance: 0.299 red + 0.587 green + 0.114 blue.

    Args:
        picture: (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4), whose alpha is left out.

    Returns:
        (H, W), the dtype that came in; whole numbers are rounded.

    Raises:
        ConvvizError: another number of channels.

    Source:
        ITU-R Recommendation BT.601-7, section 2.5.1.
    """
    if picture.ndim == 2:
        return picture
    if picture.shape[-1] == 1:
        return picture[..., 0]
    if picture.ndim != 3 or picture.shape[-1] not in (3, 4):
        raise ConvvizError(f"a picture has 1, 3 or 4 channels, this one has shape {picture.shape}; give one of those")
    color = np.ascontiguousarray(picture[..., :3])
    if color.dtype in (np.uint8, np.uint16, np.float32):
        return cv2.cvtColor(color, cv2.COLOR_RGB2GRAY)
    luminance = color @ np.array([0.299, 0.587, 0.114])
    return (luminance if np.issubdtype(picture.dtype, np.floating) else np.rint(luminance)).astype(picture.dtype)


def only(picture: np.ndarray, channel: int) -> np.ndarray:
    """A colour picture with the light of one channel, the others dark.

    Args:
        picture: (H, W, C).
        channel: 0 for red, 1 for green, 2 for blue.

    Returns:
        (H, W, C), the dtype that came in; the three together sum to the picture.

    Example:
        >>> only(np.array([[[1, 2, 3]]]), 1).tolist()
        [[[0, 2, 0]]]
    """
    alone = np.zeros_like(picture)
    alone[..., channel] = picture[..., channel]
    return alone


def with_channels(picture: np.ndarray, channels: int) -> np.ndarray:
    """A picture with as many channels as a network takes.

    Args:
        picture: (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGB and alpha.
        channels: 1 for luminance, 3 for RGB, 4 for RGB and an opaque alpha (255, or 1.0 in float pictures).

    Returns:
        (H, W, channels), the dtype that came in.

    Raises:
        ConvvizError: another number of channels is asked for or came in.

    Example:
        >>> with_channels(sample("cat"), 1).shape
        (300, 451, 1)
    """
    if channels not in (1, 3, 4):
        raise ConvvizError(f"a picture can be given 1, 3 or 4 channels, not {channels}; choose one of those")
    if picture.ndim == 3 and picture.shape[-1] == channels:
        return picture
    if channels == 1:
        return grey(picture)[..., None]
    color = picture[..., :3] if picture.ndim == 3 and picture.shape[-1] == 4 else None
    if color is None:
        color = picture if picture.ndim == 3 and picture.shape[-1] == 3 else np.repeat(grey(picture)[..., None], 3, -1)
    if channels == 3:
        return np.ascontiguousarray(color)
    opaque = 1.0 if np.issubdtype(picture.dtype, np.floating) else np.iinfo(picture.dtype).max
    return np.concatenate([color, np.full_like(color[..., :1], opaque)], axis=-1)
