"""Arrays as pictures: every scale and every colour decision, in one place.

Signed numbers go from blue over near-white to red with zero in the middle, magnitudes take viridis, weights go from
brown to teal, heat maps take turbo. Every function returns uint8, grey (H, W) or RGB (H, W, 3).
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from PIL import Image

SCALES = ("channel", "layer", "lecture")  # what a mosaic's brightness is relative to
GAP = 1  # pixels between the tiles of a mosaic
_RUNS = 3  # zlib's name for compressing runs of equal bytes only
_BLOCK = 2**16  # numbers that are scaled at once
MOST_FRAMES = 200  # of a moving picture
LARGEST_FRAME = 1200  # pixels of a frame's longer side

# ColorBrewer's eleven-class RdBu, from blue to red, and BrBG; both are marked colour-blind safe (colorbrewer2.org).
_BLUE_TO_RED = "053061 2166ac 4393c3 92c5de d1e5f0 f7f7f7 fddbc7 f4a582 d6604d b2182b 67001f"
_BROWN_TO_TEAL = "543005 8c510a bf812d dfc27d f6e8c3 f5f5f5 c7eae5 80cdc1 35978f 01665e 003c30"


def _between(anchors: str) -> np.ndarray:
    """A (256, 3) uint8 table that runs linearly through hexadecimal colours, the middle one at place 128."""
    colours = np.array([list(bytes.fromhex(anchor)) for anchor in anchors.split()], float)
    middle = len(colours) // 2
    places = np.append(np.linspace(0, 128, middle + 1), np.linspace(128, 255, middle + 1)[1:])
    channels = [np.interp(np.arange(256), places, colours[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


def _from_opencv(number: int) -> np.ndarray:
    """One of OpenCV's colour maps as a (256, 3) uint8 RGB table."""
    return np.ascontiguousarray(cv2.applyColorMap(np.arange(256, dtype=np.uint8)[None], number)[0, :, ::-1])


SIGNED = _between(_BLUE_TO_RED)
WEIGHTS = _between(_BROWN_TO_TEAL)
MAGNITUDE = _from_opencv(cv2.COLORMAP_VIRIDIS)
HEAT = _from_opencv(cv2.COLORMAP_TURBO)
GREY = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)

TABLES: Mapping[str, np.ndarray] = {
    "turbo": HEAT,
    "inferno": _from_opencv(cv2.COLORMAP_INFERNO),
    "magma": _from_opencv(cv2.COLORMAP_MAGMA),
    "viridis": MAGNITUDE,
    "cividis": _from_opencv(cv2.COLORMAP_CIVIDIS),
    "jet": _from_opencv(cv2.COLORMAP_JET),
    "grey": GREY,
    "signed": SIGNED,
    "weights": WEIGHTS,
}
COLORMAPS = tuple(TABLES)
DIVERGING = ("signed", "weights")  # these take values from -1 to 1, the others from 0 to 1


def mosaic(maps: np.ndarray, *, columns: int = 16, scale: str = "channel") -> np.ndarray:
    """Every channel of a layer as one grey picture, tile by tile in rows, with one black pixel between tiles.

    A channel that is zero everywhere is black, and one with a single other value is mid-grey.

    Args:
        maps: (H, W, C) float activations; infinity is drawn at the scale's ends, NaN black.
        columns: tiles in a row, at least 1; a layer with fewer channels takes as many as it has.
        scale: ``"channel"`` runs from each channel's lowest to its highest value; ``"layer"`` from the layer's lowest
            to its highest, so tiles can be compared; ``"lecture"`` standardizes each channel, multiplies by 64 and
            adds 128.

    Returns:
        uint8 (rows * (H + 1) - 1, columns * (W + 1) - 1).

    Source:
        F. Chollet, Deep Learning with Python, 2018, listing 5.27 (the scale "lecture").

    Example:
        >>> mosaic(np.arange(8.0).reshape(2, 2, 2)).tolist()
        [[0, 85, 0, 0, 85], [170, 255, 0, 170, 255]]
    """
    return tiled(levels(np.asarray(maps), scale), columns=columns)


def tiled(levels: np.ndarray, *, columns: int = 16, ground: int = 0) -> np.ndarray:
    """Brightness of every channel, uint8 (H, W, C), as one picture: the layout of ``mosaic``.

    Args:
        levels: as ``levels`` gives them, resized at will.
        columns: tiles in a row, at least 1.
        ground: the level between the tiles and after the last.

    Returns:
        uint8 (rows * (H + 1) - 1, columns * (W + 1) - 1).
    """
    height, width, channels = levels.shape
    columns = max(1, min(columns, channels))
    rows = -(-channels // columns)
    tiles = np.full((height, width, rows * columns), ground, np.uint8)
    tiles[..., :channels] = levels
    grid = np.full((rows, height + GAP, columns, width + GAP), ground, np.uint8)
    grid[:, :height, :, :width] = tiles.reshape(height, width, rows, columns).transpose(2, 0, 3, 1)
    return grid.reshape(rows * (height + GAP), columns * (width + GAP))[:-GAP, :-GAP]


def levels(maps: np.ndarray, scale: str = "channel", *, limits: tuple[float, float] | None = None) -> np.ndarray:
    """Maps as brightness, the way ``mosaic`` draws them.

    Args:
        maps: (H, W, C) float.
        scale: one of ``SCALES``.
        limits: with ``"layer"``, the values of black and white in place of the layer's own lowest and highest.

    Returns:
        uint8 (H, W, C).
    """
    flat = np.ascontiguousarray(maps, np.float32).reshape(-1, maps.shape[-1])
    low, high = flat.min(axis=0), flat.max(axis=0)
    if not np.isfinite(low.sum(dtype=np.float64) + high.sum(dtype=np.float64)):
        flat = _within_finite(flat)
        low, high = flat.min(axis=0), flat.max(axis=0)
    if scale == "lecture":
        centre = flat.mean(axis=0, dtype=np.float64).astype(np.float32)
        slope = 64 / _spread(flat, centre)
        offset = 128 - centre * slope
        constant = high <= low
    elif scale in ("channel", "layer"):
        if scale == "layer":
            ends = limits or (low.min(), high.max())
            low, high = np.full_like(low, ends[0]), np.full_like(high, ends[1])
        slope = 255 / np.where(high > low, high - low, 1)
        offset = -low * slope
        constant = high <= low
    else:
        raise ValueError(f"scale must be one of {SCALES}, not {scale!r}")
    slope, offset = np.where(constant, 0, slope), np.where(constant, np.where(low == 0, 0, 128), offset)
    return _scaled(flat, slope.astype(np.float32), offset.astype(np.float32)).reshape(maps.shape)


def _scaled(flat: np.ndarray, slope: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """(n, C) times slope plus offset, rounded into uint8; block by block, so that the numbers stay in the cache."""
    out = np.empty(flat.shape, np.uint8)
    rows = max(1, _BLOCK // flat.shape[1])
    scratch = np.empty((min(rows, len(flat)), flat.shape[1]), np.float32)
    for start in range(0, len(flat), rows):
        block = flat[start : start + rows]
        scaled = np.multiply(block, slope, out=scratch[: len(block)])
        scaled += offset
        cv2.convertScaleAbs(np.clip(scaled, 0, 255, out=scaled), dst=out[start : start + rows])
    return out


def toned(maps: np.ndarray, limits: np.ndarray, *, signed: bool) -> np.ndarray:
    """Maps as places in a colour table: magnitudes from zero up, or signed numbers around zero.

    Args:
        maps: (H, W, C) float; NaN counts as zero.
        limits: (C,), each channel's value of the last colour; where it is 0 the channel has the colour of zero.
        signed: whether the table has zero in its middle (``SIGNED``) and not at its beginning (``MAGNITUDE``).

    Returns:
        uint8 (H, W, C).
    """
    flat = np.ascontiguousarray(maps, np.float32).reshape(-1, maps.shape[-1])
    if not np.isfinite(flat.sum(dtype=np.float64)):
        flat = np.nan_to_num(flat, nan=0.0)
    limits = np.broadcast_to(np.asarray(limits, np.float32), flat.shape[1:])
    slope = np.where(limits > 0, (127 if signed else 255) / np.where(limits > 0, limits, 1), 0).astype(np.float32)
    return _scaled(flat, slope, np.full_like(slope, 128 if signed else 0)).reshape(maps.shape)


def _within_finite(flat: np.ndarray) -> np.ndarray:
    """The same numbers with infinity at the ends of the finite ones and NaN at the lowest."""
    finite = flat[np.isfinite(flat)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    return np.nan_to_num(flat, nan=low, posinf=high, neginf=low)


def _spread(flat: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Standard deviation of each column of (n, C), 1 where it is zero."""
    deviation = flat - centre
    spread = np.sqrt(np.einsum("nc,nc->c", deviation, deviation) / len(flat))
    return np.where(spread > 0, spread, 1)


def channel_at(row: int, col: int, *, shape: tuple[int, int, int], columns: int = 16) -> tuple[int, int, int] | None:
    """Which channel, and which cell of it, a point of a mosaic shows.

    Args:
        row: of the mosaic, pixels from the top.
        col: of the mosaic, pixels from the left.
        shape: (H, W, C) of the maps the mosaic was made of.
        columns: as given to ``mosaic``.

    Returns:
        (channel, y, x), or None on a gap or outside every tile.

    Example:
        >>> channel_at(0, 3, shape=(2, 2, 2))
        (1, 0, 0)
    """
    height, width, channels = shape
    columns = max(1, min(columns, channels))
    tile_row, y = divmod(row, height + GAP)
    tile_col, x = divmod(col, width + GAP)
    channel = tile_row * columns + tile_col
    inside = row >= 0 and 0 <= tile_col < columns and y < height and x < width and channel < channels
    return (channel, y, x) if inside else None


def tile_of(channel: int, *, shape: tuple[int, int, int], columns: int = 16) -> tuple[int, int, int, int]:
    """Where a channel stands in a mosaic: (top, left, bottom, right) in pixels, the last two exclusive.

    Example:
        >>> tile_of(1, shape=(2, 2, 2))
        (0, 3, 2, 5)
    """
    height, width, channels = shape
    tile_row, tile_col = divmod(channel, max(1, min(columns, channels)))
    top, left = tile_row * (height + GAP), tile_col * (width + GAP)
    return top, left, top + height, left + width


def colour(levels: np.ndarray, colormap: str) -> np.ndarray:
    """Grey levels through a colour table: uint8 (H, W) to uint8 (H, W, 3); colormap is one of ``COLORMAPS``."""
    return _table(colormap)[levels]


def _table(colormap: str) -> np.ndarray:
    """The table of that name."""
    if colormap not in TABLES:
        raise ValueError(f"colormap must be one of {COLORMAPS}, not {colormap!r}")
    return TABLES[colormap]


def _as_levels(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Values as table places 0 to 255, clipped to the limits; NaN falls on the lowest."""
    span = high - low if high > low else 1.0
    places = (np.asarray(values, np.float32) - low) * (255.0 / span)
    return np.rint(np.nan_to_num(np.clip(places, 0, 255))).astype(np.uint8)


def signed(values: np.ndarray, limit: float | None = None) -> np.ndarray:
    """Signed numbers in colour: blue below zero, near-white at zero, red above.

    Args:
        values: (H, W) float.
        limit: the value of full red; its negative is full blue. By default the largest finite absolute value. NaN is
            drawn as zero.

    Returns:
        uint8 (H, W, 3).

    Source:
        Colours: ColorBrewer RdBu, colour-blind safe (Harrower and Brewer 2003).
    """
    values = np.nan_to_num(np.asarray(values, np.float32), nan=0.0, posinf=np.inf, neginf=-np.inf)
    return SIGNED[_around_zero(values, _largest(values) if limit is None else limit)]


def _around_zero(values: np.ndarray, limit: float) -> np.ndarray:
    """Places 0 to 255 of values from -limit to limit, zero on 128."""
    scaled = np.clip(values / limit if limit > 0 else np.zeros_like(values), -1, 1)
    return np.rint(128 + scaled * np.where(scaled < 0, 128, 127)).astype(np.uint8)


def _largest(values: np.ndarray) -> float:
    """The largest finite absolute value, 0 if there is none."""
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max()) if finite.size else 0.0


def magnitude(values: np.ndarray, limit: float | None = None) -> np.ndarray:
    """Numbers from zero up in viridis, uint8 (H, W, 3); the limit is by default the largest finite value."""
    values = np.asarray(values, np.float32)
    return MAGNITUDE[_as_levels(values, 0.0, _largest(values) if limit is None else limit)]


def direction(angle: np.ndarray, strength: np.ndarray | None = None) -> np.ndarray:
    """Directions as hue: red points right (angle 0), and the hue runs once round the wheel in a full turn.

    Args:
        angle: (H, W) radians, any branch.
        strength: (H, W) at least 0, the brightness, relative to its largest value; None for full brightness.

    Returns:
        uint8 (H, W, 3).
    """
    angle = np.asarray(angle, np.float32)
    hue = np.rint(np.mod(angle, 2 * np.pi) * (255 / (2 * np.pi))).astype(np.uint8)
    bright = np.full(angle.shape, 255, np.uint8) if strength is None else _as_levels(strength, 0, _largest(strength))
    full = np.full(angle.shape, 255, np.uint8)
    return cv2.cvtColor(np.stack([hue, full, bright], axis=-1), cv2.COLOR_HSV2RGB_FULL)


def heat(heatmap: np.ndarray, colormap: str = "turbo") -> np.ndarray:
    """A heat map in colour.

    Args:
        heatmap: (H, W) float from 0 to 1, or from -1 to 1 for the colour maps in ``DIVERGING``; beyond is clipped.
        colormap: one of ``COLORMAPS``; ``"inferno"``, ``"magma"``, ``"viridis"`` and ``"cividis"`` are perceptually
            even, ``"jet"`` is the lecture's.

    Returns:
        uint8 (H, W, 3).
    """
    heatmap = np.nan_to_num(np.asarray(heatmap, np.float32))
    if colormap in DIVERGING:
        return _table(colormap)[_around_zero(heatmap, 1.0)]
    return _table(colormap)[_as_levels(heatmap, 0.0, 1.0)]


def overlay(picture: np.ndarray, heatmap: np.ndarray, *, alpha: float = 0.4, colormap: str = "turbo") -> np.ndarray:
    """A heat map over the greyed picture, so that colour always means heat.

    Args:
        picture: uint8 (H, W, 3), (H, W, 1) or (H, W).
        heatmap: (h, w) float as for ``heat``; another size than the picture's is brought to it bilinearly.
        alpha: share of the heat map's colour, 0 to 1.
        colormap: one of ``COLORMAPS``; for signed heat maps ``"signed"``.

    Returns:
        uint8 (H, W, 3): (1 - alpha) * grey + alpha * colour.
    """
    picture = np.asarray(picture, np.uint8)
    in_colour = picture.shape[2:] == (3,)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) if in_colour else picture.reshape(picture.shape[:2])
    heatmap = np.asarray(heatmap, np.float32)
    if heatmap.shape != grey.shape:
        heatmap = cv2.resize(heatmap, grey.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.addWeighted(GREY[grey], 1.0 - alpha, heat(heatmap, colormap), alpha, 0.0)


def marked(picture: np.ndarray, values: np.ndarray) -> np.ndarray:
    """A picture of numbers with those that are NaN or infinite in black, which no colour map here has.

    Args:
        picture: uint8 (H, W, 3).
        values: (H, W) float, what the picture shows, cell by cell.

    Returns:
        uint8 (H, W, 3); the picture itself where all are finite.

    Example:
        >>> marked(heat(np.array([[np.nan, 0.0]]), "weights"), np.array([[np.nan, 0.0]])).tolist()
        [[[0, 0, 0], [245, 245, 245]]]
    """
    finite = np.isfinite(values)
    return picture if finite.all() else np.where(finite[..., None], picture, np.uint8(0))


def enlarge(picture: np.ndarray, factor: int | None = None, *, at_least: int | None = None) -> np.ndarray:
    """A picture with every pixel as a square, so that nothing is smoothed on the screen.

    Args:
        picture: (H, W) or (H, W, C).
        factor: whole number of times, at least 1.
        at_least: instead of a factor: the smallest that brings the longer side to this many pixels.

    Returns:
        (H * factor, W * factor[, C]) of the same dtype.
    """
    if factor is None:
        factor = -(-(at_least or 1) // max(picture.shape[:2]))
    factor = max(1, int(factor))
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def framed(picture: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """A picture with a white frame drawn around a part of it, on the part's outermost pixels.

    Args:
        picture: uint8 (H, W, 3).
        box: (top, left, bottom, right), pixels, the last two exclusive.

    Returns:
        uint8 (H, W, 3), a copy.
    """
    top, left, bottom, right = box
    drawn = picture.copy()
    width = max(1, max(picture.shape[:2]) // 200)
    cv2.rectangle(drawn, (left, top), (right - 1, bottom - 1), (255, 255, 255), width)
    return drawn


def colour_bar(colormap: str = "turbo", *, length: int = 256, thickness: int = 16, upright: bool = False) -> np.ndarray:
    """A colour map from its lowest (left, or bottom) to its highest value as a picture.

    Returns:
        uint8 (thickness, length, 3), or (length, thickness, 3) when upright.
    """
    line = _table(colormap)[np.rint(np.linspace(0, 255, length)).astype(np.uint8)]
    bar = np.repeat(line[None], thickness, axis=0)
    return np.ascontiguousarray(bar.transpose(1, 0, 2)[::-1]) if upright else bar


def png(array: np.ndarray, *, level: int = 1, table: str | None = None, flat: bool = False) -> bytes:
    """A picture as a PNG file, every pixel kept.

    Args:
        array: uint8 (H, W), (H, W, 3) RGB or (H, W, 4) RGBA.
        level: 0 (large, nothing is compressed) to 9 (slow, small). At 1 only runs of equal bytes are compressed:
            on feature maps that is more than twice as quick as the usual search, and the files are smaller.
        table: the colour table, one of ``COLORMAPS``, that places (H, W) stand for; the file holds both.
        flat: pixels are not compared with their neighbours before they are compressed: on mosaics a quarter quicker,
            with files a few percent larger; on photographs the files are much larger.

    Returns:
        The file's bytes.
    """
    if array.dtype != np.uint8:
        raise TypeError(f"a PNG is made of uint8, not of {array.dtype}")
    if table is not None:
        picture, file = Image.fromarray(array, "L"), io.BytesIO()
        picture.putpalette(_table(table).tobytes())
        picture.save(file, "PNG", compress_level=level, compress_type=_RUNS)
        return file.getvalue()
    orders = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    order = orders.get(array.shape[2]) if array.ndim == 3 else None
    pixels = np.ascontiguousarray(array) if order is None else cv2.cvtColor(array, order)
    choices = [cv2.IMWRITE_PNG_COMPRESSION, level]  # must come first, since it sets the others
    if level == 1:
        choices += [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    if flat or level == 1:
        choices += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE if flat else cv2.IMWRITE_PNG_FAST_FILTERS]
    return cv2.imencode(".png", pixels, choices)[1].tobytes()


def gif(frames: Sequence[np.ndarray], *, seconds: float) -> bytes:
    """Pictures one after the other as a GIF file that repeats; all of them share one palette of 256 colours.

    Args:
        frames: uint8 (H, W) or (H, W, 3), all of one shape. Of more than ``MOST_FRAMES`` every second, third, ... is
            taken and the last; frames larger than ``LARGEST_FRAME`` are averaged down to it.
        seconds: for the whole; a GIF counts hundredths of a second, at least two to a frame.

    Returns:
        The file's bytes.

    Raises:
        ValueError: there is no frame, or they differ in shape.

    Source:
        CompuServe, Graphics Interchange Format, version 89a, section 23 (delay time).
    """
    if not frames or len({frame.shape for frame in frames}) > 1:
        raise ValueError("a moving picture needs frames, all of one shape")
    step = -(-len(frames) // MOST_FRAMES)
    pictures = [_frame(frame) for frame in [*frames[:-1:step], frames[-1]]]
    seen = np.concatenate([np.asarray(pictures[index]) for index in {0, len(pictures) // 2, len(pictures) - 1}])
    palette = Image.fromarray(seen).quantize(256, dither=Image.Dither.NONE)
    first, *rest = (picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures)
    delay = max(20, 10 * round(100 * seconds / len(pictures)))
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=rest, duration=delay, loop=0, optimize=False, disposal=1)
    return file.getvalue()


def _frame(array: np.ndarray) -> Image.Image:
    """One frame as Pillow's, in colour, not too large."""
    if array.dtype != np.uint8:
        raise TypeError(f"a GIF is made of uint8, not of {array.dtype}")
    picture = Image.fromarray(array).convert("RGB")
    picture.thumbnail((LARGEST_FRAME, LARGEST_FRAME), Image.Resampling.BOX)
    return picture
