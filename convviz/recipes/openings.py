"""The first paragraph of a program: how it gets its picture, the same pixels as the page has."""

from __future__ import annotations

OWN = "own"  # the visitor's own picture, which the program reads from the file that the page saves
OWN_FILE = "picture.png"

_FUNCTIONS = {  # sample -> function of skimage.data
    "cat": "chelsea",
    "astronaut": "astronaut",
    "coffee": "coffee",
    "photographer": "camera",
    "rocket": "rocket",
    "bricks": "brick",
    "grass": "grass",
    "coins": "coins",
    "moon": "moon",
    "galaxies": "hubble_deep_field",
    "retina": "retina",
    "page": "page",
    "chessboard": "checkerboard",
    "color_wheel": "colorwheel",
}
_GREY = ("photographer", "bricks", "grass", "coins", "moon", "page", "chessboard")
_DIGITS = (1029, 1613, 1547, 279, 367, 330, 672, 299, 1383, 1360)  # places of the sample digits in scikit-learn's

_MOUSE = """
import cv2
import numpy as np

# A mouse in white lines on black.
picture = np.zeros((128, 128, 3), np.uint8)
ink = (255, 255, 255)
cv2.ellipse(picture, (62, 78), (40, 30), 0, 180, 360, ink, 2)  # back
cv2.line(picture, (22, 78), (30, 102), ink, 2)
cv2.line(picture, (30, 102), (104, 102), ink, 2)  # belly
cv2.line(picture, (102, 78), (120, 94), ink, 2)  # brow, nose, chin
cv2.line(picture, (120, 94), (104, 102), ink, 2)
cv2.circle(picture, (92, 46), 13, ink, 2)  # ear
cv2.circle(picture, (104, 88), 2, ink, -1)  # eye
cv2.ellipse(picture, (13, 90), (12, 22), 0, 0, 150, ink, 2)  # tail
for slope in (-5, 0, 5):
    cv2.line(picture, (112, 94), (125, 96 + slope), ink, 1)  # whiskers
"""

_CIRCLE_AND_STAR = """
import cv2
import numpy as np

# A blue circle and a yellow star on grey, drawn eight times larger and averaged down, so that edges are smooth.
picture = np.full((1024, 1024, 3), 96, np.uint8)
cv2.circle(picture, (288, 512), 176, (70, 130, 220), -1)
turns = -np.pi / 2 + np.arange(10) * np.pi / 5
reach = np.where(np.arange(10) % 2 == 0, 26, 10.4) * 8
corners = np.stack([736 + reach * np.cos(turns), 512 + reach * np.sin(turns)], axis=-1)
cv2.fillPoly(picture, [np.rint(corners).astype(np.int32)], (240, 200, 60))
picture = cv2.resize(picture, (128, 128), interpolation=cv2.INTER_AREA)
"""

_DIGIT = """
import cv2
import numpy as np
from sklearn.datasets import load_digits

# A digit of 8 x 8 in the frame of MNIST's: 20 x 20 pixels of ink in the middle of 28 x 28, white on black.
ink = load_digits().images[{place}].astype(np.float32) * (255 / 16)
picture = np.zeros((28, 28, 3), np.uint8)
enlarged = cv2.resize(ink, (20, 20), interpolation=cv2.INTER_CUBIC)
picture[4:24, 4:24] = np.clip(np.rint(enlarged), 0, 255)[..., None]
"""

_HORSE = """
from pathlib import Path

import numpy as np
import skimage
from PIL import Image

outline = Image.open(Path(skimage.__file__).parent / "data" / "horse.png").convert("RGBA")
on_white = Image.new("RGBA", outline.size, "white")
on_white.alpha_composite(outline)
picture = np.asarray(on_white.convert("RGB"))
"""

_OWN = f"""
import numpy as np
from PIL import Image

picture = np.asarray(Image.open("{OWN_FILE}").convert("RGB"))  # the page's Save has this file
"""


def opening(name: str) -> str:
    """The lines that get a picture.

    Args:
        name: one of ``images.sample_names()``, or ``OWN`` for the visitor's, read from ``picture.png``.

    Returns:
        Python text that leaves ``picture``, uint8 (H, W, 3), identical to ``images.sample(name)``.

    Example:
        >>> print(opening("cat"))
        from skimage import data
        <BLANKLINE>
        picture = data.chelsea()
        <BLANKLINE>
    """
    if name in _FUNCTIONS:
        return _from_skimage(name)
    if name == "motorcycle":
        return "from skimage import data\n\npicture, _, _ = data.stereo_motorcycle()  # the left eye's\n"
    if name.startswith("digit_"):
        return _DIGIT.format(place=_DIGITS[int(name[-1])]).lstrip()
    return {"drawing": _MOUSE, "shapes": _CIRCLE_AND_STAR, "horse": _HORSE, OWN: _OWN}[name].lstrip()


def _from_skimage(name: str) -> str:
    """A picture that scikit-image gives as it is, or grey."""
    function = _FUNCTIONS[name]
    if name not in _GREY:
        return f"from skimage import data\n\npicture = data.{function}()\n"
    return (
        "import numpy as np\nfrom skimage import data\n\n"
        f"picture = np.stack([data.{function}()] * 3, axis=-1)  # grey, as three equal channels\n"
    )
