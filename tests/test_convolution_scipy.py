"""Convolution against SciPy, where SciPy has the same thing: the flip, and what stands outside the picture."""

import numpy as np
from scipy import ndimage, signal

from convviz import convolution

MODES = {"zero": "constant", "reflect": "mirror", "replicate": "nearest", "circular": "wrap"}  # SciPy's words


def drawn(rng, turn):
    """A picture, at least as large as the kernel now and then smaller, uint8 or float, and a kernel of any shape."""
    image = rng.integers(0, 256, rng.integers(1, 20, 2)).astype((np.uint8, np.float32, np.float64)[turn % 3])
    return image, rng.standard_normal(rng.integers(1, 7, 2) if turn % 4 else (1, int(rng.integers(1, 8))))


def test_the_flip_is_scipys_convolution_with_even_and_flat_kernels_and_strides_beyond_them():
    rng = np.random.default_rng(20)
    for turn in range(300):
        image, kernel = drawn(rng, turn)
        stride = tuple(int(step) for step in rng.integers(1, 9, 2))
        around = tuple((side - 1, side - 1) for side in kernel.shape)  # SciPy's "full"
        mine = convolution.convolve(image, kernel, padding=around, stride=stride, flip=True)
        theirs = signal.convolve2d(image.astype(np.float64), kernel)[:: stride[0], :: stride[1]]
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=5e-6 * 255 * np.abs(kernel).sum())


def test_what_stands_outside_is_scipys_even_far_beyond_the_picture():
    rng = np.random.default_rng(21)
    for turn in range(300):
        image, kernel = drawn(rng, turn)
        kernel = rng.standard_normal(
            2 * rng.integers(0, (3, 12)[turn % 2], 2) + 1
        )  # odd, often larger than the picture
        mode = convolution.PADDING_MODES[turn % 4]
        mine = convolution.convolve(image, kernel, padding="same", padding_mode=mode)
        theirs = ndimage.correlate(image.astype(np.float64), kernel, mode=MODES[mode])
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=5e-6 * 255 * np.abs(kernel).sum())
