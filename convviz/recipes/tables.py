"""Paragraphs that turn numbers into colours, the same as on the page."""

from __future__ import annotations

SIGNED = '''
import numpy as np


def signed(values, limit):
    """Blue below zero, near-white at zero, red above: ColorBrewer's RdBu, which the colour-blind can read."""
    anchors = "053061 2166ac 4393c3 92c5de d1e5f0 f7f7f7 fddbc7 f4a582 d6604d b2182b 67001f"
    colours = np.array([list(bytes.fromhex(anchor)) for anchor in anchors.split()], float)
    places = np.append(np.linspace(0, 128, 6), np.linspace(128, 255, 6)[1:])
    channels = [np.interp(np.arange(256), places, colours[:, channel]) for channel in range(3)]
    table = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
    scaled = np.clip(values / limit if limit > 0 else 0 * values, -1, 1)
    return table[np.rint(128 + scaled * np.where(scaled < 0, 128, 127)).astype(np.uint8)]
'''  # leaves signed(values, limit) -> uint8 (H, W, 3), as `rendering.signed`

COLOURED = '''
import cv2
import numpy as np


def coloured(values, low, high, colours):
    """Values from low to high in one of OpenCV's colour maps, such as cv2.COLORMAP_VIRIDIS."""
    places = (np.float32(values) - low) * (255 / (high - low if high > low else 1))
    levels = np.rint(np.clip(places, 0, 255)).astype(np.uint8)
    return cv2.cvtColor(cv2.applyColorMap(levels, colours), cv2.COLOR_BGR2RGB)
'''  # leaves coloured(values, low, high, colours) -> uint8 (H, W, 3), as `rendering.magnitude` and `rendering.heat`
