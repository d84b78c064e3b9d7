"""A visitor's picture file as plain pixels."""

from __future__ import annotations

import io
import threading
import warnings

import numpy as np
from PIL import Image

from convviz import ConvvizError, images
from convviz.uploads.formats import vet
from convviz.uploads.frames import BrokenError, Frame, broken

_BAND = 1_000_000  # pixels converted at a time, so that a large picture is never in memory several times over
_one_at_a_time = threading.Lock()  # bounds the memory; Python's warning filters are shared by all threads besides


def open_picture(data: bytes, *, longest: int | None = None) -> np.ndarray:
    """A picture file from outside as RGB pixels, as a viewer would show it.

    The kind of file is known by its first bytes, never by its name; its size is read before it is decoded, and all
    but the pixels of its first frame is left unread. The EXIF orientation is applied. What is see-through stands on
    white. 16-bit samples keep their upper 8 bits. Whole numbers of 32 bits and floats run from black at their smallest
    to white at their largest, floats within [0, 1] from 0 to 1. Colour profiles are ignored.

    Args:
        data: JPEG, PNG, WebP, GIF, BMP or TIFF, at most 50 MB, 64 megapixels and 16,384 pixels a side.
        longest: shrink the picture so that its longer side has at most so many pixels; None leaves it as it is.

    Returns:
        uint8 (H, W, 3) RGB.

    Raises:
        ConvvizError: another kind of file, too large, cut off or damaged.

    Source:
        Exchangeable image file format 2.32 (CIPA DC-008), 4.6.4, Orientation; PNG (W3C, third edition) 11.3.1.1, tRNS.

    Example:
        >>> import cv2
        >>> open_picture(cv2.imencode(".png", np.full((2, 3, 3), 7, np.uint8))[1].tobytes())[0, 0]
        array([7, 7, 7], dtype=uint8)
    """
    pixels = read(data, enough=longest)
    return np.ascontiguousarray(pixels if longest is None else images.limit(pixels, longest))


def picture_size(data: bytes) -> tuple[int, int]:
    """How large a picture file is before anything is shrunk, as a viewer would show it.

    Args:
        data: as for ``open_picture``.

    Returns:
        (height, width) in pixels.

    Raises:
        ConvvizError: another kind of file, too large, or without a head that can be read.
    """
    frame = vet(bytes(data))
    width, height = frame.canvas or frame.size
    return (width, height) if frame.orientation >= 5 else (height, width)


def read(data: bytes, *, enough: int | None = None) -> np.ndarray:
    """``open_picture`` before it shrinks anything, except that a large JPEG may come out smaller, which is quicker.

    Args:
        data: as for ``open_picture``.
        enough: a side, pixels; what is at least twice as long may come out at a half, a quarter or an eighth.

    Returns:
        uint8 (H, W, 3) RGB, possibly a view.

    Raises:
        ConvvizError: as ``open_picture``.
    """
    frame = vet(bytes(data))
    try:
        with _one_at_a_time, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            pixels = _decode(frame, enough)
    except ConvvizError:
        raise
    except MemoryError as error:
        raise ConvvizError("there is not enough memory for this picture; shrink it") from error
    except Exception as error:  # whatever a decoder stumbles over, the file is to blame
        raise broken(frame.format) from error
    return _turned(_on_canvas(pixels, frame), frame.orientation)


def _decode(frame: Frame, enough: int | None) -> np.ndarray:
    """The frame's own pixels, RGB; a JPEG much larger than needed is decoded at a half, a quarter or an eighth."""
    with Image.open(io.BytesIO(frame.data), formats=[frame.format]) as picture:
        if picture.size != frame.size:
            raise BrokenError
        if picture.mode == "LAB":
            raise ConvvizError("this TIFF holds Lab colours; save it as RGB, for instance as PNG")
        size = frame.size
        if enough is not None:
            picture.draft(None, tuple(max(1, side * 2 * enough // max(size)) for side in size))
            size = picture.size
        picture.load()
        if picture.size != size:
            raise BrokenError
        picture.info = {key: value for key, value in picture.info.items() if key == "transparency"}
        return _to_rgb(picture, frame)


def _to_rgb(picture: Image.Image, frame: Frame) -> np.ndarray:
    """A decoded picture of any mode, converted band by band."""
    width, height = picture.size
    rgb = np.empty((height, width, 3), np.uint8)
    numeric = picture.mode[:1] in ("I", "F")
    low, high = _range(picture, frame) if numeric else (0.0, 1.0)
    opaque = frame.format == "BMP" and picture.mode == "RGBA" and picture.getextrema()[3][1] == 0
    rows = max(1, _BAND // width)
    for top in range(0, height, rows):
        band = picture.crop((0, top, width, min(height, top + rows)))
        if numeric:
            rgb[top : top + rows] = _grey_band(band, low, high, frame)[..., None]
        elif opaque:  # a BMP whose alpha is nought everywhere means none
            rgb[top : top + rows] = np.asarray(band)[..., :3]
        else:
            rgb[top : top + rows] = _color_band(band)
    return rgb


def _color_band(band: Image.Image) -> np.ndarray:
    """A band of 8-bit samples, see-through parts on white."""
    if band.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in band.info:
        if band.mode == "La":
            band = band.convert("LA")
        pixels = np.asarray(band.convert("RGBA")).astype(np.uint16)
        alpha = pixels[..., 3:]
        return ((pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return np.asarray(band.convert("RGB"))


def _range(picture: Image.Image, frame: Frame) -> tuple[float, float]:
    """The numbers that become black and white."""
    if picture.mode.startswith("I;16"):
        return 0, 2**frame.depth
    low, high = np.inf, -np.inf
    rows = max(1, _BAND // picture.width)
    for top in range(0, picture.height, rows):
        band = np.asarray(picture.crop((0, top, picture.width, min(picture.height, top + rows))))
        finite = band[np.isfinite(band)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if picture.mode == "F" and low >= 0 and high <= 1:
        return 0, 1
    return low, high


def _grey_band(band: Image.Image, low: float, high: float, frame: Frame) -> np.ndarray:
    """A band of 16-bit, 32-bit or float samples as 8-bit grey; what is no number becomes black."""
    numbers = np.asarray(band)
    if band.mode.startswith("I;16"):
        grey = (numbers >> (frame.depth - 8)).astype(np.uint8)
    else:
        span = high - low if high > low else 1.0
        scaled = np.nan_to_num((numbers.astype(np.float64) - low) / span, nan=0, posinf=1, neginf=0)
        grey = np.rint(np.clip(scaled, 0, 1) * 255).astype(np.uint8)
    if frame.inverted:
        grey = 255 - grey
    if "transparency" in band.info:
        grey = np.where(numbers == band.info["transparency"], np.uint8(255), grey)
    return grey


def _on_canvas(pixels: np.ndarray, frame: Frame) -> np.ndarray:
    """The frame where it lies on its canvas, white around it."""
    if frame.canvas is None or frame.canvas == frame.size:
        return pixels
    canvas = np.full((frame.canvas[1], frame.canvas[0], 3), 255, np.uint8)
    left, top = frame.corner
    canvas[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return canvas


def _turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """The picture as its EXIF orientation says it is to be seen."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


open_picture.needs_no_tensorflow = True  # a worker takes it while TensorFlow is still loading
