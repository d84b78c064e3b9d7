"""Programs for the Fourier page: the convolution theorem, strides as folding, and what both ways cost."""

from __future__ import annotations

import math

import numpy as np

from convviz.recipes.openings import opening
from convviz.recipes.tables import COLOURED, SIGNED
from convviz.recipes.writing import literal, script

_GREY = """
import cv2
import numpy as np

image = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)  # 0.299 red + 0.587 green + 0.114 blue
"""

_RINGS = """
import numpy as np

# Rings that grow finer from the middle outwards: every wave stands somewhere.
away = np.arange({size}) - ({size} - 1) / 2
image = np.uint8(np.rint(127.5 + 127.5 * np.cos(np.pi / {size} * (away[:, None] ** 2 + away**2))))
"""

_KERNEL = """
kernel = np.array({cells}, dtype=np.float32)
(height, width), (kernel_height, kernel_width) = image.shape, kernel.shape
"""

_THEOREM = """
# The kernel on a field as large as the picture, its middle at the corner; turned round, since networks do not flip.
field = np.zeros((height, width))
for row in range(kernel_height):
    for column in range(kernel_width):
        place = (row - kernel_height // 2) % height, (column - kernel_width // 2) % width
        field[place] += kernel[kernel_height - 1 - row, kernel_width - 1 - column]

# A product, wave by wave, and back.
waves, response = np.fft.fft2(image.astype(float)), np.fft.fft2(field)
result = np.fft.ifft2(waves * response).real.astype(np.float32)

# The convolution itself, on a picture that goes on at its other side.
direct = np.zeros((height, width))
for row in range(kernel_height):
    for column in range(kernel_width):
        shift = (kernel_height - 1) // 2 - row, (kernel_width - 1) // 2 - column
        direct += kernel[row, column] * np.roll(image.astype(float), shift, axis=(0, 1))
print("largest difference:", np.abs(result - direct).max(), "on values up to", np.abs(direct).max())
"""

_SAVE_THEOREM = """
from PIL import Image

spectra = {{
    "spectrum": np.log1p(np.abs(waves)),
    "response": np.abs(response),
    "product": np.log1p(np.abs(waves * response)),
}}
for name, values in spectra.items():
    values = np.fft.fftshift(values)  # the mean in the middle
    Image.fromarray(coloured(values, 0, values.max(), cv2.COLORMAP_VIRIDIS)).save(f"{{name}}.png")
Image.fromarray({drawn}).save("feature_map.png")
"""

_FOLD = """
stride = {stride}
rows, columns = (np.arange(max(stride, side // stride * stride)) % side for side in image.shape)
whole = image[np.ix_(rows, columns)].astype(float)  # a whole number of strides
row = np.array({row}) / {total}  # of Pascal's triangle
blurred = np.zeros_like(whole)
for down in range({taps}):
    for across in range({taps}):
        shift = ({taps} - 1) // 2 - down, ({taps} - 1) // 2 - across
        blurred += row[down] * row[across] * np.roll(whole, shift, axis=(0, 1))
"""

_FOLDED = '''
def folded(values):
    """The spectrum of every stride-th pixel: the tiles of the whole spectrum laid upon each other."""
    height, width = values.shape
    tiles = np.fft.fft2(values).reshape(stride, height // stride, stride, width // stride)
    return np.fft.fftshift(np.log1p(np.abs(tiles.mean(axis=(0, 2)))))
'''

_BEYOND = '''
def beyond(values):
    """The part of the power, without the mean's, in waves that the stride cannot hold."""
    power = np.abs(np.fft.fft2(values - values.mean())) ** 2
    power[0, 0] = 0
    down, across = (np.abs(np.fft.fftfreq(side)) > 0.5 / stride + 1e-12 for side in values.shape)
    return power[down[:, None] | across].sum() / power.sum()
'''

_SAVE_FOLD = """
from PIL import Image

spectrum = np.fft.fftshift(np.log1p(np.abs(np.fft.fft2(whole))))
result = {"spectrum": spectrum, "folded": folded(whole), "folded_after_blur": folded(blurred)}
print("power beyond the stride:", beyond(whole), "and after the blur:", beyond(blurred))
kept = whole[::stride, ::stride]
seen = np.fft.fftshift(np.log1p(np.abs(np.fft.fft2(kept))))
print("the folded spectrum is that of the kept pixels, to within", np.abs(seen - result["folded"]).max())
for name, values in result.items():
    Image.fromarray(coloured(values, 0, spectrum.max(), cv2.COLORMAP_VIRIDIS)).save(f"{name}.png")
for name, values in {"kept": kept, "kept_after_blur": blurred[::stride, ::stride]}.items():
    Image.fromarray(np.uint8(np.clip(np.rint(values), 0, 255))).save(f"{name}.png")
"""

_SMALL = """
longest = {side}
height, width = image.shape
if max(height, width) > longest:
    scale = longest / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
image = image.astype(np.float32)
"""

_DIRECT = '''
def direct(kernel):
    """The sum of products; OpenCV gives large kernels to a Fourier transform, so they are cut into blocks."""
    size, (height, width) = len(kernel), image.shape
    padded = np.pad(image, ((size - 1) // 2, size // 2), mode="wrap")
    total = np.zeros_like(image)
    for top in range(0, size, 11):
        for left in range(0, size, 11):
            block = np.ascontiguousarray(kernel[top : top + 11, left : left + 11])
            under = padded[top : top + height + len(block) - 1, left : left + width + block.shape[1] - 1]
            part = cv2.filter2D(under, -1, block, anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
            total += part[:height, :width]
    return total
'''

_BY_WAVES = '''
def by_waves(kernel):
    """The product of the spectra."""
    size, (height, width) = len(kernel), image.shape
    places = [(np.arange(size) - size // 2) % side for side in (height, width)]
    field = np.zeros((height, width))
    np.add.at(field, np.ix_(*places), kernel[::-1, ::-1])
    product = np.fft.rfft2(image.astype(float)) * np.fft.rfft2(field)
    return np.fft.irfft2(product, s=(height, width)).astype(np.float32)
'''

_TIMED = """
rng, result = np.random.default_rng(0), []
for size in {sides}:
    kernel = rng.standard_normal((size, size)).astype(np.float32)
    assert np.allclose(direct(kernel), by_waves(kernel), atol=0.1)
    seconds = [min(timeit.repeat(lambda: way(kernel), number=1, repeat=10)) for way in (direct, by_waves)]
    result.append((size, *seconds))
    print(f"{{size}} x {{size}}: direct {{1e3 * seconds[0]:.3f}} ms, Fourier {{1e3 * seconds[1]:.3f}} ms")
"""


def theorem(name: str, weights: np.ndarray, *, limit: float | None = None) -> str:
    """A convolution by its definition and as a product of spectra.

    Args:
        name: of the picture, for ``opening``.
        weights: (kh, kw).
        limit: the value of full red in the picture; None for grey levels from 0 to 255.

    Returns:
        A program that leaves ``result``, float32, as ``fourier.convolve`` gives it, and writes ``spectrum.png``,
        ``response.png``, ``product.png`` and ``feature_map.png``.
    """
    drawn = "np.uint8(np.clip(np.rint(result), 0, 255))" if limit is None else f"signed(result, {limit!r})"
    return script(
        opening(name), _GREY, _KERNEL.format(cells=literal(weights)), COLOURED, "" if limit is None else SIGNED,
        _THEOREM, _SAVE_THEOREM.format(drawn=drawn),
        about="A convolution in the picture is a product in its waves.",
    )  # fmt: skip


def folding(name: str | None, *, stride: int, taps: int, size: int = 256) -> str:
    """What a stride does to a picture's spectrum, with and without a blur before it.

    Args:
        name: of the picture, for ``opening``; None for the rings.
        stride: pixels.
        taps: of the blur.
        size: of the rings, pixels.

    Returns:
        A program that leaves ``result``, a dictionary of three spectra, and writes them and both smaller pictures.
    """
    row = [math.comb(taps - 1, place) for place in range(taps)]
    begin = (_RINGS.format(size=size),) if name is None else (opening(name), _GREY)
    return script(
        *begin, _FOLD.format(stride=stride, row=row, total=sum(row), taps=taps), COLOURED, _FOLDED, _BEYOND, _SAVE_FOLD,
        about="A stride folds a picture's spectrum; a blur first takes away what would fold.",
    )  # fmt: skip


def cost(name: str, *, side: int, sides: tuple[int, ...]) -> str:
    """Both ways to convolve, timed on the machine that runs the program.

    Args:
        name: of the picture, for ``opening``.
        side: longer side of the picture that is timed, pixels.
        sides: of the kernels.

    Returns:
        A program that leaves ``result``, a list of (kernel's side, seconds directly, seconds by Fourier).
    """
    return script(
        opening(name), _GREY, "import timeit", _SMALL.format(side=side), _DIRECT, _BY_WAVES,
        _TIMED.format(sides=tuple(sides)),
        about="What a convolution costs, directly and by the Fourier transform, on this machine.",
    )  # fmt: skip
