"""A picture as a sum of waves with decorrelated colours: which way is up in these coordinates.

If the pixels are a linear function of other numbers, pixels = J @ numbers, then a step along the gradient of the
numbers moves the pixels along J @ J.T @ gradient. So the coordinates need not be kept: they weigh the gradient. Here J
scales each wave by one over the root of its frequency and mixes the colours as photographs do.

What stands here needs NumPy alone and is part of the programs that the page hands out.
"""

from __future__ import annotations

import numpy as np

# Root of the covariance of red, green and blue in ImageNet's photographs (lucid, optvis/param/color.py), the first
# direction, there 0.26, 0.27, 0.27, taken as grey: what sees no colour shall get none.
COLOURS = np.array([[0.27, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], np.float32)


def smoothed(gradients: np.ndarray) -> np.ndarray:
    """Gradients as the waves see them: long waves count more, and colours go together as in photographs.

    Args:
        gradients: float32 (N, H, W, C).

    Returns:
        float32 (N, H, W, C).
    """
    height, width, channels = gradients.shape[1:]
    frequencies = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    weights = 1 / np.maximum(frequencies, 1 / max(height, width))
    waves = np.fft.rfft2(gradients, axes=(1, 2)) * weights[..., None]
    found = np.fft.irfft2(waves, s=(height, width), axes=(1, 2)).astype(np.float32)
    return found @ (COLOURS @ COLOURS.T) if channels == 3 else found


def smooth_noise(pixels: np.ndarray) -> np.ndarray:
    """Noise around 128 with the spectrum and the colours of `smoothed`, each canvas's spread as before."""
    centred = pixels - pixels.mean(axis=(1, 2, 3), keepdims=True)
    smooth = smoothed(centred)
    spread = centred.std(axis=(1, 2, 3), keepdims=True) / smooth.std(axis=(1, 2, 3), keepdims=True)
    return pixels.mean(axis=(1, 2, 3), keepdims=True) + smooth * spread
