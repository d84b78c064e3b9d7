"""Picture files: those that people really have, however odd, and those that claim, hide or cost too much."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from PIL import Image

from tests.hostile import archives
from tests.hostile import pictures as make
from tests.hostile.collection import File

RGB = np.random.default_rng(5).integers(0, 256, (13, 17, 3)).astype(np.uint8)
SMOOTH = np.stack(np.broadcast_arrays(np.arange(0, 160, 4), np.arange(0, 150, 5)[:, None], 90), -1).astype(np.uint8)
GREY = RGB[..., 0]
INDEXED = Image.fromarray(RGB).quantize(11)
INK = Image.new("CMYK", (8, 8), (0, 51, 255, 102))
BLUE, RED = (Image.new("RGB", (6, 5), color) for color in ((0, 0, 255), (255, 0, 0)))
PLAIN = make.save(RGB, "PNG")


def grey(numbers) -> np.ndarray:
    """Grey numbers as the picture that shows them."""
    return np.repeat(np.asarray(numbers, np.uint8)[..., None], 3, -1)


def _rgba() -> np.ndarray:
    return np.dstack([RGB, np.random.default_rng(1).integers(0, 256, RGB.shape[:2]).astype(np.uint8)])


def _on_white() -> np.ndarray:
    alpha = _rgba()[..., 3:] / 255
    return np.rint(RGB * alpha + 255 * (1 - alpha)).astype(np.uint8)


def _rows(samples: np.ndarray) -> bytes:
    """Rows of a PNG, none of them filtered."""
    return b"".join(b"\x00" + row.tobytes() for row in samples)


def _framed(left: int, top: int) -> bytes:
    """A GIF with a black frame of 2 x 2 on a screen of 5 x 4."""
    data = bytearray(make.save(grey(np.zeros((2, 2))), "GIF"))
    data[6:10] = struct.pack("<HH", 5, 4)
    place = data.index(b"\x2c\x00\x00\x00\x00\x02")
    data[place + 1 : place + 5] = struct.pack("<HH", left, top)
    return bytes(data)


def _on_canvas() -> np.ndarray:
    canvas = np.full((4, 5, 3), 255, np.uint8)
    canvas[1:3, 2:4] = 0
    return canvas


def _os2(width: int, height: int, pixels: bytes) -> bytes:
    """A BMP with the oldest head."""
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 26) + struct.pack("<IHHHH", 12, width, height, 1, 24) + pixels


def _after(data: bytes, chunk: bytes) -> bytes:
    """A PNG with one more chunk behind its head."""
    return data[:33] + chunk + data[33:]


def _turned(kind: str, **choices) -> bytes:
    tags = Image.Exif()
    tags[274] = 6
    return make.save(SMOOTH, kind, exif=tags, **choices)


def _lying_riff() -> bytes:
    data = bytearray(make.save(RGB, "WEBP", lossless=True))
    data[4:8] = struct.pack("<I", len(data) + 999)
    return bytes(data)


def _cut(kind: str, part: float) -> bytes:
    data = make.save(np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8), kind)
    return data[: int(len(data) * part)]


def _flipped() -> bytes:
    data = bytearray(PLAIN)
    data[len(data) // 2] ^= 255
    return bytes(data)


def _twice_sized_jpeg() -> bytes:
    data = make.save(SMOOTH, "JPEG")
    frame = data[data.index(b"\xff\xc0") : data.index(b"\xff\xc4")]
    return data.replace(frame, frame + frame)


_16 = np.array([[0, 255, 256, 65535], [32768, 513, 40000, 1]], np.uint16)
_FLOATS = np.array([[-3, 7, 17, np.nan, np.inf, -np.inf]], np.float32)
_BOMB = zlib.compress(bytes(100_000_000), 9)
_TILE = np.arange(256, dtype=np.uint8).reshape(16, 16)
_PLANES = np.arange(12, dtype=np.uint8).tobytes() + struct.pack("<3I3I3H", 8, 12, 16, 4, 4, 4, 8, 8, 8)

ODD = {  # pictures that people really have
    "PNG": File(lambda: PLAIN, shows=RGB),
    "PNG of grey": File(lambda: make.save(GREY, "PNG"), shows=grey(GREY)),
    "PNG of one bit": File(lambda: make.save(Image.fromarray(GREY > 127), "PNG"), shows=grey((GREY > 127) * 255)),
    "PNG of two bits": File(lambda: make.png(4, 1, 2, 0, b"\x00\x1b"), shows=grey([[0, 85, 170, 255]])),
    "PNG with a palette": File(lambda: make.save(INDEXED, "PNG"), shows=np.asarray(INDEXED.convert("RGB"))),
    "PNG with alpha": File(lambda: make.save(_rgba(), "PNG"), shows=_on_white()),
    "PNG of grey with alpha": File(
        lambda: make.save(Image.fromarray(np.array([[[0, 0], [0, 255], [100, 51]]], np.uint8), "LA"), "PNG"),
        shows=grey([[255, 0, 224]]),
    ),
    "PNG of 16 bits": File(lambda: make.save(_16, "PNG"), shows=grey(_16 >> 8)),
    "PNG of 16-bit colours": File(
        lambda: make.png(4, 1, 16, 2, _rows((np.arange(12) * 5000).astype(">u2").reshape(1, 12))),
        shows=(np.arange(12).reshape(1, 4, 3) * 5000 >> 8).astype(np.uint8),
    ),
    "PNG with a see-through colour": File(
        lambda: make.png(2, 1, 8, 2, b"\x00\x01\x02\x03\x09\x08\x07", make.chunk(b"tRNS", b"\0\x01\0\x02\0\x03")),
        shows=np.array([[[255] * 3, [9, 8, 7]]], np.uint8),
    ),
    "PNG of one pixel": File(lambda: make.png(1, 1, 8, 0, b"\x00\x4d"), shows=grey([[77]])),
    "PNG of one long line": File(lambda: make.png(16_000, 1, 8, 0, bytes(16_001)), shows=grey(np.zeros((1, 16_000)))),
    "PNG that is turned": File(lambda: _turned("PNG"), shows=np.rot90(SMOOTH, -1)),
    "PNG of an animation": File(lambda: make.save(BLUE, "PNG", save_all=True, append_images=[RED]), shows=BLUE),
    "PNG with a script in its title": File(
        lambda: _after(PLAIN, make.chunk(b"tEXt", b"Title\0<script>alert(1)</script>")), shows=RGB
    ),
    "PNG with a bomb in its notes": File(
        lambda: _after(PLAIN, make.chunk(b"zTXt", b"Comment\0\0" + _BOMB)), shows=RGB
    ),
    "PNG with a bomb as its profile": File(lambda: _after(PLAIN, make.chunk(b"iCCP", b"icc\0\0" + _BOMB)), shows=RGB),
    "PNG with far more rows than it has": File(lambda: make.png(2, 1, 8, 0, b"\x00\x07\x09" + bytes(30_000_000)),
                                               shows=grey([[7, 9]])),
    "PNG that is an archive as well": File(lambda: PLAIN + archives.pack({"../evil": b"x"}), shows=RGB),
    "JPEG": File(lambda: make.save(SMOOTH, "JPEG", quality=95), shows=SMOOTH, about=12),
    "JPEG in passes": File(lambda: make.save(SMOOTH, "JPEG", quality=95, progressive=True), shows=SMOOTH, about=12),
    "JPEG in a hundred passes": File(
        lambda: make.jpeg_of_scans((64, 64), 100), shows=Image.new("RGB", (64, 64), (10, 200, 30)), about=3
    ),
    "JPEG of grey": File(lambda: make.save(SMOOTH[..., 0], "JPEG", quality=95), shows=grey(SMOOTH[..., 0]), about=4),
    "JPEG of ink": File(lambda: make.save(INK, "JPEG"), shows=np.full((8, 8, 3), (153, 122, 0), np.uint8), about=3),
    "JPEG that is turned": File(lambda: _turned("JPEG", quality=95), shows=np.rot90(SMOOTH, -1), about=12),
    "JPEG with broken EXIF": File(
        lambda: make.jpeg_with(b"Exif\x00\x00" + b"\xff" * 60, SMOOTH), shows=SMOOTH, about=12
    ),
    "JPEG with EXIF of many long entries": File(
        lambda: make.jpeg_with(b"Exif\x00\x00" + make.exif(1, entries=900, length=40_000), SMOOTH),
        shows=SMOOTH, about=12,
    ),
    "JPEG of a phone with a second picture": File(
        lambda: make.save(BLUE, "MPO", save_all=True, append_images=[RED]), shows=BLUE, about=3
    ),
    "JPEG that is a web page as well": File(
        lambda: make.save(SMOOTH, "JPEG", quality=95) + b"<script>alert(1)</script>", shows=SMOOTH, about=12
    ),
    "WebP": File(lambda: make.save(RGB, "WEBP", lossless=True), shows=RGB),
    "WebP with alpha": File(lambda: make.save(_rgba(), "WEBP", lossless=True, exact=True), shows=_on_white()),
    "WebP of an animation": File(
        lambda: make.save(BLUE, "WEBP", lossless=True, save_all=True, append_images=[RED]), shows=BLUE
    ),
    "GIF": File(lambda: make.save(GREY, "GIF"), shows=grey(GREY)),
    "GIF in stripes": File(lambda: make.save(GREY, "GIF", interlace=1), shows=grey(GREY)),
    "GIF with a frame aside": File(lambda: _framed(2, 1), shows=_on_canvas()),
    "GIF with a comment of 150,000 blocks": File(
        lambda: make.gif_of_small_blocks(150_000), shows=grey(np.zeros((2, 2)))
    ),
    "BMP": File(lambda: make.save(RGB, "BMP"), shows=RGB),
    "BMP on its head": File(
        lambda: make.bmp(1, -2, 24, 0, bytes([1, 2, 3, 0, 4, 5, 6, 0])),
        shows=np.array([[[3, 2, 1]], [[6, 5, 4]]], np.uint8),
    ),
    "BMP of OS/2": File(
        lambda: _os2(1, 2, bytes([1, 2, 3, 0, 4, 5, 6, 0])), shows=np.array([[[6, 5, 4]], [[3, 2, 1]]], np.uint8)
    ),
    "TIFF by LZW": File(lambda: make.save(RGB, "TIFF", compression="tiff_lzw"), shows=RGB),
    "TIFF of 16 bits, large end first": File(
        lambda: make.grey_tiff(3, 1, np.array([[0, 258, 65535]], ">u2").tobytes(), ">", t258=(3, 1, 16)),
        shows=grey([[0, 1, 255]]),
    ),
    "TIFF of floats, some no numbers": File(lambda: make.save(_FLOATS, "TIFF"), shows=grey([[0, 128, 255, 0, 255, 0]])),
    "TIFF where white is nought": File(
        lambda: make.grey_tiff(3, 1, bytes([0, 55, 255]), t262=(3, 1, 0)), shows=grey([[255, 200, 0]])
    ),
    "TIFF of tiles": File(
        lambda: make.grey_tiff(
            10, 12, _TILE.tobytes(), t322=(3, 1, 16), t323=(3, 1, 16), t324=(4, 1, 8), t325=(4, 1, 256)
        ),
        shows=grey(_TILE[:12, :10]),
    ),
    "TIFF of planes": File(
        lambda: make.grey_tiff(
            2, 2, _PLANES, t258=(3, 3, 44), t262=(3, 1, 2), t273=(4, 3, 20), t277=(3, 1, 3), t279=(4, 3, 32),
            t284=(3, 1, 2),
        ),
        shows=np.arange(12, dtype=np.uint8).reshape(3, 2, 2).transpose(1, 2, 0),
    ),
    "TIFF whose directory points at itself": File(
        lambda: (lambda data: data[:-4] + data[4:8])(make.grey_tiff(2, 1, bytes([7, 9]))), shows=grey([[7, 9]])
    ),
}  # fmt: skip

_DAMAGED, _LARGE = "cut off or damaged", "too large to open here"

HOSTILE = {
    **{f"foreign: {name}": File(lambda name=name: make.FOREIGN[name], name) for name in make.FOREIGN},
    **{
        f"{builder.__name__} of {width} x {height}": File(lambda b=builder, s=(width, height): b(*s), _LARGE)
        for builder in (make.png, make.webp_canvas, make.gif_canvas, make.gif_frame, make.bmp, make.jpeg_size)
        for width, height in ((13_000, 13_000), (16_385, 2))
    },
    "TIFF of 100,000 x 100,000": File(lambda: make.grey_tiff(100_000, 100_000, b"\x00"), _LARGE),
    "BMP of negative width": File(lambda: make.bmp(-5, 5), "claims to be -5 x 5"),
    "PNG of no pixels": File(lambda: make.png(0, 5), "claims to be 0 x 5"),
    "PNG of two sizes": File(lambda: make.png_of_two_sizes(2, 300), _DAMAGED),
    "PNG in 200,000 pieces": File(lambda: make.png_swarm(200_000), _DAMAGED),
    "PNG with a byte changed": File(_flipped, _DAMAGED),
    "PNG whose piece claims gigabytes": File(lambda: _after(PLAIN, b"\xff\xff\xff\xf0tEXtx"), _DAMAGED),
    "JPEG in 101 passes": File(lambda: make.jpeg_of_scans((64, 64), 101), "drawn in 101 passes"),
    "JPEG of 20 megapixels in 80 passes": File(lambda: make.jpeg_of_scans((5000, 4000), 80), "drawn in 80 passes"),
    "JPEG by arithmetic coding": File(
        lambda: make.save(SMOOTH, "JPEG").replace(b"\xff\xc0", b"\xff\xc9", 1), "rare kind"
    ),
    "JPEG of two sizes": File(_twice_sized_jpeg, _DAMAGED),
    "JPEG of 200,000 segments": File(lambda: b"\xff\xd8" + b"\xff\xe0\x00\x02" * 200_005, _DAMAGED),
    "WebP longer than its file": File(_lying_riff, _DAMAGED),
    "GIF with a comment without end": File(lambda: make.gif_of_small_blocks(200_000), _DAMAGED),
    "BMP that fills up lines": File(lambda: make.bmp_of_lines(4096, 15_000), "run-length packed BMP"),
    "TIFF with 900 strips of one picture": File(
        lambda: make.grey_tiff(4, 4, bytes(4000), t273=(4, 900, 8), t278=(4, 1, 3)), _DAMAGED
    ),
    "TIFF with a tile of 169 megapixels": File(
        lambda: make.grey_tiff(
            4, 4, bytes(4), t259=(3, 1, 8), t322=(4, 1, 13_000), t323=(4, 1, 13_000), t324=(4, 1, 8), t325=(4, 1, 4)
        ),
        "13,000 x 13,000",
    ),
    "TIFF by LZMA": File(lambda: make.grey_tiff(4, 4, bytes(16), t259=(3, 1, 34_925)), "packed in a rare way"),
    "TIFF with a tag of two gigabytes": File(
        lambda: make.grey_tiff(4, 4, bytes(16), t279=(4, 2_000_000_000, 8)), _DAMAGED
    ),
    "TIFF of JPEGs in very many passes": File(
        lambda: make.grey_tiff(4, 4, b"\xff\xda" * 50, t259=(3, 1, 7)), "very many passes"
    ),
    "TIFF of Lab colours": File(lambda: make.save(Image.new("LAB", (4, 4)), "TIFF"), "Lab colours"),
    **{f"{kind} cut off": File(lambda kind=kind: _cut(kind, 0.6), _DAMAGED)
       for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")},
    "more than 50 MB": File(lambda: PLAIN + bytes(50_000_000), "more than 50 MB"),
}  # fmt: skip
