"""Pictures and kernels as sums of waves: spectra, and convolution as their product."""

from __future__ import annotations

import numpy as np

from convviz import ConvvizError


def spectrum(image: np.ndarray) -> np.ndarray:
    """How strong each wave is in a picture: log(1 + magnitude), the mean value in the middle.

    Args:
        image: (H, W) or (H, W, C), any real dtype; channels one by one.

    Returns:
        float32, the picture's shape, at least 0. Row H // 2 and column W // 2 are frequency 0; the next ones are one
        period over the height or the width of the picture more.

    Raises:
        ConvvizError: this is no picture.

    Source:
        Gonzalez & Woods, Digital Image Processing, 4th ed., section 4.6.

    Example:
        >>> [f"{value:.2f}" for value in spectrum(np.ones((4, 4)))[2]]
        ['0.00', '0.00', '2.83', '0.00']
    """
    image = _real(image, (2, 3))
    waves = np.fft.fft2(image.astype(np.float64), axes=(0, 1))
    return np.fft.fftshift(np.log1p(np.abs(waves)), axes=(0, 1)).astype(np.float32)


def convolve(image: np.ndarray, kernel: np.ndarray, *, flip: bool = False) -> np.ndarray:
    """Convolution by the convolution theorem: the spectra are multiplied, wave by wave.

    The picture goes on at its other side. The result is that of ``convolution.convolve`` with padding "same" and
    padding mode "circular", also for kernels larger than the picture, where this wraps them round it.

    Args:
        image: (H, W) or (H, W, C), any real dtype; channels one by one.
        kernel: (kh, kw).
        flip: turn the kernel round first, the mathematician's convolution; without it the spectrum of the picture is
            multiplied with the complex conjugate of the kernel's.

    Returns:
        float32, the picture's shape. Computed in float64.

    Raises:
        ConvvizError: this is no picture, or no kernel.

    Source:
        Gonzalez & Woods, Digital Image Processing, 4th ed., section 4.6, the 2-D convolution theorem.
    """
    image, kernel = _real(image, (2, 3)), _real(kernel, (2,))
    height, width = image.shape[:2]
    if not flip:
        kernel = kernel[::-1, ::-1]
    waves = np.fft.rfft2(image.astype(np.float64), axes=(0, 1))
    response = np.fft.rfft2(_wrap(kernel, (height, width)))
    product = waves * response.reshape(response.shape + (1,) * (image.ndim - 2))
    return np.fft.irfft2(product, s=(height, width), axes=(0, 1)).astype(np.float32)


def product(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The picture's waves, each multiplied with the kernel's: log(1 + magnitude), the mean value in the middle.

    Args:
        image: (H, W), any real dtype.
        kernel: (kh, kw), not turned round.

    Returns:
        float32 (H, W), laid out as ``spectrum`` is; by the convolution theorem it is the spectrum of the convolution.

    Raises:
        ConvvizError: this is no picture, or no kernel.

    Source:
        Gonzalez & Woods, Digital Image Processing, 4th ed., section 4.6, the 2-D convolution theorem.
    """
    image, kernel = _real(image, (2,)), _real(kernel, (2,))
    waves = np.fft.fft2(image.astype(np.float64)) * np.fft.fft2(_wrap(kernel[::-1, ::-1], image.shape))
    return np.fft.fftshift(np.log1p(np.abs(waves))).astype(np.float32)


def frequency_response(kernel: np.ndarray, size: int | tuple[int, int]) -> np.ndarray:
    """By how much a kernel strengthens or weakens each wave: the magnitude of its spectrum, frequency 0 in the middle.

    Args:
        kernel: (kh, kw), any real dtype.
        size: of the result, pixels: one number or (height, width).

    Returns:
        float32 (height, width), at least 0, laid out as ``spectrum`` is; 1 leaves a wave as it is.

    Raises:
        ConvvizError: this is no kernel, or the size is too small.

    Source:
        Gonzalez & Woods, Digital Image Processing, 4th ed., section 4.7.

    Example:
        >>> frequency_response([[1, 1, 1]], (1, 3)).tolist()
        [[0.0, 3.0, 0.0]]
    """
    kernel = _real(kernel, (2,))
    height, width = (size, size) if np.ndim(size) == 0 else size
    if min(height, width) < 1:
        raise ConvvizError(f"a frequency response of {height}x{width} pixels cannot be drawn; make both at least 1")
    return np.fft.fftshift(np.abs(np.fft.fft2(_wrap(kernel, (height, width))))).astype(np.float32)


def rings(size: int) -> np.ndarray:
    """A picture in which every wave stands somewhere: rings that grow finer from the middle outwards.

    Args:
        size: pixels of a side, at least 2.

    Returns:
        uint8 (size, size); along the middle row and the middle column the waves become two pixels long, as short as
        they can be, at the border.

    Source:
        The zone plate: Gonzalez & Woods, Digital Image Processing, 4th ed., section 3.7.

    Example:
        >>> rings(64)[32, 28:36].tolist()
        [232, 249, 254, 255, 255, 254, 249, 232]
    """
    away = np.arange(size) - (size - 1) / 2
    phase = np.pi / size * (away[:, None] ** 2 + away**2)
    return np.rint(127.5 + 127.5 * np.cos(phase)).astype(np.uint8)


def fold(image: np.ndarray, stride: int) -> np.ndarray:
    """The spectrum of a picture of which every s-th pixel is kept, found by folding the whole picture's spectrum.

    Cut into stride x stride tiles, the spectrum's tiles are laid upon each other and averaged: waves too fine for the
    smaller picture come back as coarse ones, which is aliasing.

    Args:
        image: (H, W), any real dtype; H and W whole multiples of the stride.
        stride: step between the pixels that are kept, at least 1.

    Returns:
        float32 (H / stride, W / stride), laid out as ``spectrum`` is and equal to it for ``image[::s, ::s]``.

    Raises:
        ConvvizError: this is no picture, or the stride does not divide its sides.

    Source:
        Oppenheim & Schafer, Discrete-time signal processing, 3rd ed., section 4.6.1.

    Example:
        >>> fold(np.ones((4, 4)), 2).tolist() == spectrum(np.ones((2, 2))).tolist()
        True
    """
    image = _real(image, (2,))
    (height, width), stride = image.shape, int(stride)
    if stride < 1 or height % stride or width % stride:
        raise ConvvizError(
            f"a stride of {stride} does not divide a picture of {height} × {width} pixels; cut it to whole strides"
        )
    tiles = np.fft.fft2(image.astype(np.float64)).reshape(stride, height // stride, stride, width // stride)
    return np.fft.fftshift(np.log1p(np.abs(tiles.mean(axis=(0, 2))))).astype(np.float32)


def share_beyond(image: np.ndarray, stride: int) -> float:
    """How much of a picture's contrast is in waves too fine for a stride, which will fold.

    Args:
        image: (H, W), any real dtype.
        stride: at least 1.

    Returns:
        0 to 1: the part of the power, without the mean value's, in waves shorter than 2 * stride pixels down or
        across; 0 for an even picture.

    Raises:
        ConvvizError: this is no picture.

    Source:
        Shannon 1949, Communication in the presence of noise, theorem 1.

    Example:
        >>> share_beyond([[0, 1, 0, 1]], 2)
        1.0
    """
    image = _real(image, (2,)).astype(np.float64)
    power = np.abs(np.fft.fft2(image - image.mean())) ** 2
    power[0, 0] = 0
    down, across = (np.abs(np.fft.fftfreq(side)) > 0.5 / stride + 1e-12 for side in image.shape)
    total = power.sum()
    return float(power[down[:, None] | across].sum() / total) if total > 1e-18 * image.size else 0.0


def _wrap(kernel: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A turned kernel laid on a field that goes on at its other side, so that its middle tap stands at the corner."""
    kh, kw = kernel.shape
    rows = (np.arange(kh) - kh // 2) % size[0]
    columns = (np.arange(kw) - kw // 2) % size[1]
    field = np.zeros(size)
    np.add.at(field, np.ix_(rows, columns), kernel)
    return field


def _real(values: np.ndarray, dimensions: tuple[int, ...]) -> np.ndarray:
    """An array of real numbers with so many dimensions, none of them empty."""
    values = np.asarray(values)
    if values.ndim not in dimensions or values.size == 0 or values.dtype.kind not in "buif":
        shapes = {(2,): "(kh, kw)", (2, 3): "(H, W) or (H, W, C)"}[dimensions]
        raise ConvvizError(
            f"an array of shape {values.shape} and type {values.dtype} will not do; give {shapes} numbers"
        )
    return values
