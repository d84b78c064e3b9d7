"""Pictures from outside: every kind comes out as a viewer shows it; what is hostile or foreign is refused at once."""

import contextlib
import struct
import time
import tracemalloc

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from convviz import ConvvizError
from convviz.uploads import formats, frames, open_picture
from tests.hostile import pictures as files

RGB = np.random.default_rng(5).integers(0, 256, (13, 17, 3)).astype(np.uint8)
SMOOTH = cv2.resize(np.random.default_rng(2).integers(0, 256, (3, 4, 3)).astype(np.uint8), (40, 30))


def grey(numbers) -> np.ndarray:
    """Grey numbers as the picture that shows them."""
    return np.repeat(np.asarray(numbers, np.uint8)[..., None], 3, -1)


# What comes in comes out right ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_pixels_of_lossless_files_come_out_as_they_are(kind):
    choices = {"lossless": True} if kind == "WEBP" else {}
    opened = open_picture(files.save(RGB, kind, **choices))
    assert np.array_equal(opened, RGB)
    assert opened.dtype == np.uint8
    assert opened.flags.c_contiguous


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "jpeg"])
def test_tiffs_come_out_right_however_they_are_packed(compression):
    opened = open_picture(files.save(SMOOTH, "TIFF", compression=compression))
    assert np.abs(opened.astype(int) - SMOOTH).max() <= (30 if compression == "jpeg" else 0)


@pytest.mark.parametrize(
    "choices", [{}, {"progressive": True}, {"optimize": True}, {"subsampling": 0}, {"dpi": (9, 9)}]
)
def test_jpegs_come_out_as_opencv_decodes_them(choices):
    data = files.save(SMOOTH, "JPEG", **choices)
    expected = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert np.abs(open_picture(data).astype(int) - expected).max() <= 3


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied_in_every_format_that_has_it(kind, orientation):
    tags = Image.Exif()
    tags[274] = orientation
    if kind == "TIFF":
        data = files.save(SMOOTH, kind, tiffinfo={274: orientation})
        plain = SMOOTH
    else:
        choices = {"lossless": True} if kind == "WEBP" else {}
        data = files.save(SMOOTH, kind, exif=tags, **choices)
        plain = open_picture(files.save(SMOOTH, kind, **choices))
    turned = Image.fromarray(plain)
    turned.getexif()[274] = orientation
    assert np.array_equal(open_picture(data), np.asarray(ImageOps.exif_transpose(turned)))


@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_six_turns_the_left_column_into_the_top_row(order):
    assert np.array_equal(
        open_picture(files.jpeg_with(b"Exif\x00\x00" + files.exif(6, order), SMOOTH)),
        np.rot90(open_picture(files.save(SMOOTH, "JPEG", quality=95, subsampling=0)), -1),
    )


@pytest.mark.parametrize(
    "block",
    [b"", b"II", b"XX*\x00" + bytes(20), files.exif(6)[:12], files.exif(6, kind=7), files.exif(99), b"\xff" * 60],
)
def test_broken_exif_turns_nothing(block):
    plain = open_picture(files.save(SMOOTH, "JPEG", quality=95, subsampling=0))
    assert np.array_equal(open_picture(files.jpeg_with(b"Exif\x00\x00" + block, SMOOTH)), plain)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_keep_the_upper_eight(kind):
    numbers = np.array([[0, 255, 256, 65535], [32768, 513, 40000, 1]], np.uint16)
    assert np.array_equal(open_picture(files.save(numbers, kind)), grey(numbers >> 8))


def test_sixteen_bit_colour_keeps_the_upper_eight():
    samples = np.random.default_rng(0).integers(0, 65536, (3, 4, 3)).astype(">u2")
    rows = b"".join(b"\x00" + row.tobytes() for row in samples)
    assert np.array_equal(open_picture(files.png(4, 3, 16, 2, rows)), samples >> 8)


def test_big_endian_sixteen_bit_tiff():
    numbers = np.array([[0, 258, 65535]], ">u2")
    data = files.grey_tiff(3, 1, numbers.tobytes(), ">", t258=(3, 1, 16))
    assert np.array_equal(open_picture(data), grey(numbers >> 8))


def test_twelve_bit_tiff_is_not_black():
    packed = bytes([0xFF, 0xF0, 0x00, 0x80, 0x04, 0x00])  # 4095, 0, 2048, 1024
    assert np.array_equal(open_picture(files.grey_tiff(4, 1, packed, t258=(3, 1, 12))), grey([[255, 0, 128, 64]]))


@pytest.mark.parametrize(("bits", "numbers"), [(8, [[0, 55, 255]]), (16, [[0, 55 * 257, 65535]])])
def test_a_tiff_where_white_is_nought_is_turned_round(bits, numbers):
    contents = np.array(numbers, f"<u{bits // 8}").tobytes()
    assert np.array_equal(
        open_picture(files.grey_tiff(3, 1, contents, t258=(3, 1, bits), t262=(3, 1, 0))), grey([[255, 200, 0]])
    )


def test_floats_within_nought_and_one_span_black_to_white():
    assert np.array_equal(open_picture(files.save(np.array([[0.25, 0.5]], np.float32), "TIFF")), grey([[64, 128]]))


def test_other_numbers_run_from_their_smallest_to_their_largest():
    floats = np.array([[-3, 7, 17, np.nan, np.inf, -np.inf]], np.float32)
    assert np.array_equal(open_picture(files.save(floats, "TIFF")), grey([[0, 128, 255, 0, 255, 0]]))
    whole = np.array([[1000, 2000, 101000]], np.int32)
    assert np.array_equal(open_picture(files.save(whole, "TIFF")), grey([[0, 3, 255]]))
    assert np.array_equal(open_picture(files.save(np.full((2, 2), 9, np.int32), "TIFF")), grey(np.zeros((2, 2))))
    assert np.array_equal(open_picture(files.save(np.full((2, 2), np.nan, np.float32), "TIFF")), grey(np.zeros((2, 2))))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "GIF"])
def test_grey_and_one_bit_pictures_have_three_equal_channels(kind):
    assert np.array_equal(open_picture(files.save(RGB[..., 0], kind)), grey(RGB[..., 0]))
    bits = RGB[..., 1] > 127
    assert np.array_equal(open_picture(files.save(Image.fromarray(bits), kind)), grey(bits * 255))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "GIF"])
def test_palettes_come_out_in_their_colours(kind):
    indexed = Image.fromarray(RGB).quantize(11)
    assert np.array_equal(open_picture(files.save(indexed, kind)), np.asarray(indexed.convert("RGB")))


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_palettes_transparent_entry_is_white(kind):
    indexed = Image.new("P", (2, 1))
    indexed.putpalette([10, 20, 30, 40, 50, 60])
    indexed.putdata([0, 1])
    assert np.array_equal(open_picture(files.save(indexed, kind, transparency=1))[0], [[10, 20, 30], [255, 255, 255]])


def test_a_palette_may_be_half_transparent():
    indexed = Image.new("P", (2, 1))
    indexed.putpalette([0, 0, 0, 40, 50, 60])
    indexed.putdata([0, 1])
    assert np.array_equal(
        open_picture(files.save(indexed, "PNG", transparency=bytes([102, 255])))[0], [[153] * 3, [40, 50, 60]]
    )


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_alpha_stands_on_white(kind):
    rgba = np.random.default_rng(1).integers(0, 256, (9, 8, 4)).astype(np.uint8)
    opened = open_picture(files.save(rgba, kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {})))
    alpha = rgba[..., 3:] / 255
    assert np.array_equal(opened, np.rint(rgba[..., :3] * alpha + 255 * (1 - alpha)))


def test_grey_with_alpha_stands_on_white():
    pair = np.array([[[0, 0], [0, 255], [100, 51]]], np.uint8)
    assert np.array_equal(open_picture(files.save(Image.fromarray(pair, "LA"), "PNG")), grey([[255, 0, 224]]))


def test_premultiplied_alpha_stands_on_white():
    contents = bytes([50, 50, 50, 127, 0, 0, 0, 0, 9, 8, 7, 255]) + struct.pack("<4H", 8, 8, 8, 8)
    data = files.grey_tiff(3, 1, contents, t258=(3, 4, 20), t262=(3, 1, 2), t277=(3, 1, 4), t338=(3, 1, 1))
    assert np.abs(open_picture(data)[0].astype(int) - [[178] * 3, [255] * 3, [9, 8, 7]]).max() <= 1


@pytest.mark.parametrize(("depth", "samples", "key"), [(1, 0b01000000, 1), (2, 0b00011011, 2), (4, 0x0A, 10)])
def test_a_transparent_grey_counts_in_the_files_own_bits(depth, samples, key):
    levels = [samples >> (8 - depth * (place + 1)) & 2**depth - 1 for place in range(min(4, 8 // depth))]
    expected = [255 if level == key else level * 255 // (2**depth - 1) for level in levels]
    data = files.png(len(levels), 1, depth, 0, bytes([0, samples]), files.chunk(b"tRNS", struct.pack(">H", key)))
    assert np.array_equal(open_picture(data), grey([expected]))


def test_a_transparent_colour_of_sixteen_bits_is_white():
    row = b"\x00" + struct.pack(">6H", 0x1234, 0x5678, 0x9ABC, 0x0100, 0x0200, 0x0300)
    data = files.png(2, 1, 16, 2, row, files.chunk(b"tRNS", struct.pack(">3H", 0x1234, 0x5678, 0x9ABC)))
    assert np.array_equal(open_picture(data)[0], [[255] * 3, [1, 2, 3]])
    lone = files.png(2, 1, 16, 0, b"\x00" + struct.pack(">2H", 0x1234, 0x1235), files.chunk(b"tRNS", b"\x12\x34"))
    assert np.array_equal(open_picture(lone), grey([[255, 0x12]]))


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_ink_on_white(kind):
    ink = np.full((8, 8, 4), (0, 51, 255, 102), np.uint8)
    data = files.save(Image.fromarray(ink, "CMYK"), kind)
    expected = [255 * 0.6, 255 * 0.8 * 0.6, 0]
    assert np.abs(open_picture(data).astype(float) - expected).max() <= 3


def test_cmyk_of_sixteen_bits():
    contents = struct.pack("<4H", 0, 51 * 257, 65535, 102 * 257) + struct.pack("<4H", 16, 16, 16, 16)
    data = files.grey_tiff(1, 1, contents, t258=(3, 4, 16), t262=(3, 1, 5), t277=(3, 1, 4))
    assert np.abs(open_picture(data)[0, 0] - np.array([153, 122.4, 0])).max() <= 2


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_of_an_animation_is_taken(kind):
    first, second = Image.new("RGB", (6, 5), (0, 0, 255)), Image.new("RGB", (6, 5), (255, 0, 0))
    choices = {"lossless": True} if kind == "WEBP" else {}
    opened = open_picture(files.save(first, kind, save_all=True, append_images=[second], **choices))
    assert np.array_equal(opened, np.full((5, 6, 3), (0, 0, 255)))


def test_a_gif_frame_lies_on_its_canvas_and_the_rest_is_white():
    data = bytearray(files.save(grey(np.zeros((2, 2))), "GIF"))
    data[6:10] = struct.pack("<HH", 5, 4)
    place = data.index(b"\x2c\x00\x00\x00\x00\x02")
    data[place + 1 : place + 5] = struct.pack("<HH", 2, 1)
    opened = open_picture(bytes(data))
    assert opened.shape == (4, 5, 3)
    assert (opened[1:3, 2:4] == 0).all()
    assert opened.sum() == 255 * 3 * (20 - 4)


def test_interlaced_gif_and_tiled_and_planar_tiff_come_out_right():
    indexed = Image.fromarray(RGB[..., 0])
    assert np.array_equal(open_picture(files.save(indexed, "GIF", interlace=1)), grey(RGB[..., 0]))
    planes = np.arange(12, dtype=np.uint8).tobytes()
    data = files.grey_tiff(2, 2, planes + struct.pack("<3I3I3H", 8, 12, 16, 4, 4, 4, 8, 8, 8),
        t258=(3, 3, 44), t262=(3, 1, 2), t273=(4, 3, 20), t277=(3, 1, 3), t279=(4, 3, 32), t284=(3, 1, 2))  # fmt: skip
    assert np.array_equal(open_picture(data), np.arange(12).reshape(3, 2, 2).transpose(1, 2, 0))
    tile = np.arange(256, dtype=np.uint8).reshape(16, 16)
    data = files.grey_tiff(10, 12, tile.tobytes(), t322=(3, 1, 16), t323=(3, 1, 16), t324=(4, 1, 8), t325=(4, 1, 256))
    assert np.array_equal(open_picture(data), grey(tile[:12, :10]))


def test_a_bmp_without_any_alpha_is_opaque_and_one_with_alpha_is_not():
    def with_alpha(*alphas: int) -> bytes:
        pixels = b"".join(bytes([30, 20, 10, alpha]) for alpha in alphas)
        masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
        head = struct.pack("<IiiHHIIiiII", 108, len(alphas), 1, 1, 32, 3, len(pixels), 0, 0, 0, 0) + masks + bytes(52)
        return b"BM" + struct.pack("<IHHI", 0, 0, 0, 122) + head + pixels

    assert np.array_equal(open_picture(with_alpha(0, 0))[0], [[10, 20, 30]] * 2)
    assert np.array_equal(open_picture(with_alpha(255, 0))[0], [[10, 20, 30], [255] * 3])


def test_a_bmp_may_stand_on_its_head_and_be_run_length_packed():
    top_down = files.bmp(1, -2, 24, 0, bytes([1, 2, 3, 0, 4, 5, 6, 0]))
    assert np.array_equal(open_picture(top_down)[:, 0], [[3, 2, 1], [6, 5, 4]])
    assert open_picture(files.bmp_of_lines(3, 2)).shape == (2, 3, 3)


def test_what_hides_in_a_picture_is_left_out():
    for kind, where in (("JPEG", "icc_profile"), ("JPEG", "xmp"), ("WEBP", "icc_profile"), ("WEBP", "xmp")):
        data = files.save(SMOOTH, kind, **{where: b"secret words" * 9})
        assert b"secret" in data
        if kind == "WEBP":
            assert formats.vet(data).data[20] & 0b00101100 == 0
        assert b"secret" not in formats.vet(data).data
    words = files.png(1, 1, 8, 0, b"\x00\x00", files.chunk(b"tEXt", b"Title\x00secret"))
    assert b"secret" not in formats.vet(words).data
    assert b"secret" not in formats.vet(files.jpeg_with(b"secret", SMOOTH, marker=0xFE)).data
    assert b"secret" not in formats.vet(files.save(SMOOTH, "JPEG") + b"PK\x03\x04 secret").data


def test_a_phones_jpeg_with_a_second_picture_behind_opens():
    first, second = Image.new("RGB", (16, 16), (200, 0, 0)), Image.new("RGB", (8, 8))
    opened = open_picture(files.save(first, "MPO", save_all=True, append_images=[second]))
    assert np.abs(opened.astype(int) - (200, 0, 0)).max() <= 3


def test_junk_between_a_jpegs_segments_is_passed_over():
    data = files.save(SMOOTH, "JPEG")
    place = data.index(b"\xff\xdb")
    assert np.array_equal(open_picture(data[:place] + b"\x00\x00\xff\xff" + data[place:]), open_picture(data))


def test_a_24_megapixel_photo_opens_whole():
    data = files.save(Image.new("RGB", (6000, 4000), (9, 99, 200)), "JPEG")
    opened = open_picture(data)
    assert opened.shape == (4000, 6000, 3)
    assert np.abs(opened[::500, ::500].astype(int) - (9, 99, 200)).max() <= 3


@pytest.mark.parametrize("rows", [1, 2, 3, 999])
def test_a_picture_converted_in_bands_is_the_same(rows, monkeypatch):
    monkeypatch.setattr("convviz.uploads.pictures._BAND", rows * 17)
    assert np.array_equal(open_picture(files.save(RGB, "PNG")), RGB)
    floats = RGB[..., 0].astype(np.float32) - 100
    low, high = floats.min(), floats.max()
    expected = np.rint((floats - low) / (high - low) * 255)
    assert np.array_equal(open_picture(files.save(floats, "TIFF")), grey(expected))


def test_bytearrays_and_memoryviews_open_too():
    data = files.save(RGB, "PNG")
    assert np.array_equal(open_picture(bytearray(data)), open_picture(memoryview(data)))


# What is hostile or foreign stays out --------------------------------------------------------------------------------


def refused(data: bytes, sentence: str) -> None:
    """The file is refused within a second, in one sentence."""
    begin = time.process_time()  # a busy machine is not the file's fault
    with pytest.raises(ConvvizError, match=sentence) as caught:
        open_picture(data)
    assert time.process_time() - begin < 1
    message = str(caught.value)
    assert "; " in message
    assert "\n" not in message
    assert not message.endswith(".")


@pytest.fixture
def no_decoder(monkeypatch):
    """Whatever reaches Pillow in this test counts as damaged."""

    def opened(*_args, **_choices):
        raise AssertionError("Pillow was asked")

    monkeypatch.setattr(Image, "open", opened)


@pytest.mark.parametrize("name", files.FOREIGN)
def test_foreign_files_are_named(name, no_decoder):
    refused(files.FOREIGN[name], name)


@pytest.mark.parametrize("size", [(8001, 8000), (13000, 13000), (16385, 2), (2, 16385)])
@pytest.mark.parametrize(
    "make", [files.png, files.webp_canvas, files.gif_canvas, files.gif_frame, files.bmp, files.jpeg_size]
)
def test_too_large_a_picture_is_refused_by_its_header(make, size, no_decoder):
    refused(make(*size), "too large to open here")


@pytest.mark.parametrize("size", [(8001, 8000), (100000, 100000), (2**32 - 1, 1)])
def test_too_large_a_tiff_is_refused_by_its_header(size, no_decoder):
    refused(files.grey_tiff(*size, b"\x00"), "too large to open here")


def test_a_bmp_of_negative_width_and_a_png_of_no_pixels_are_refused():
    refused(files.bmp(-5, 5), "claims to be -5 x 5 pixels")
    refused(files.png(0, 5), "claims to be 0 x 5 pixels")
    refused(files.jpeg_size(8, 0), "claims to be 8 x 0 pixels")


def test_a_simple_webp_is_measured_too():
    data = bytearray(files.save(Image.new("RGB", (16, 16)), "WEBP", lossless=True))
    place = data.index(b"VP8L") + 9
    data[place : place + 4] = ((16383) | (16383 << 14)).to_bytes(4, "little")
    refused(bytes(data), "16,384 x 16,384 pixels, 268 megapixels")
    data = bytearray(files.save(Image.new("RGB", (16, 16)), "WEBP"))
    place = data.index(b"VP8 ") + 14
    data[place : place + 4] = struct.pack("<HH", 16383, 16383)
    refused(bytes(data), "16,383 x 16,383")


def test_a_file_of_more_than_50_mb_is_refused():
    refused(files.save(RGB, "PNG") + bytes(50_000_000), "more than 50 MB")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.95])
def test_a_file_that_is_cut_off_is_refused(kind, part):
    data = files.save(np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8), kind)
    refused(data[: int(len(data) * part)], "cut off or damaged|no picture that is known")


def test_a_damaged_png_is_refused():
    data = bytearray(files.save(RGB, "PNG"))
    data[len(data) // 2] ^= 255
    refused(bytes(data), "this PNG picture is cut off or damaged")


def test_a_jpeg_of_very_many_passes_is_refused():
    refused(files.jpeg_of_scans((64, 64), 101), "drawn in 101 passes")
    refused(files.jpeg_of_scans((5000, 4000), 80), "drawn in 80 passes")
    assert open_picture(files.jpeg_of_scans((64, 64), 100)).shape == (64, 64, 3)


def test_rare_kinds_of_jpeg_are_refused():
    data = files.save(SMOOTH, "JPEG")
    refused(data.replace(b"\xff\xc0", b"\xff\xc9", 1), "rare kind")
    refused(data.replace(b"\xff\xc0", b"\xff\xc3", 1), "rare kind")


def test_a_second_size_inside_a_file_is_refused():
    refused(files.png_of_two_sizes(2, 300), "damaged")
    data = files.save(SMOOTH, "JPEG")
    frame = data[data.index(b"\xff\xc0") : data.index(b"\xff\xc4")]
    refused(data.replace(frame, frame + frame), "damaged")


def test_swarms_of_small_pieces_are_refused():
    refused(files.png_swarm(frames.MOST_PIECES), "damaged")
    refused(files.gif_of_small_blocks(frames.MOST_PIECES), "damaged")
    refused(b"\xff\xd8" + b"\xff\xe0\x00\x02" * (frames.MOST_PIECES + 5), "damaged")


def test_comments_beyond_reason_cost_nothing():
    assert open_picture(files.gif_of_small_blocks(150_000)).shape == (2, 2, 3)


def test_exif_of_many_long_entries_costs_nothing():
    block = files.exif(3, entries=900, length=40_000)
    data = files.jpeg_with(b"Exif\x00\x00" + block, SMOOTH)
    open_picture(data)
    tracemalloc.start()
    open_picture(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


def test_run_length_bmps_that_unpack_slowly_are_refused():
    refused(files.bmp_of_lines(4096, 15000), "run-length packed BMP is too large")
    refused(files.bmp(64, 64, 8, 1, b"\x00\x04" * 1_100_000), "run-length packed BMP is too large")


def test_tiffs_with_more_pieces_than_the_picture_needs_are_refused():
    refused(files.grey_tiff(4, 4, bytes(4000), t273=(4, 900, 8), t278=(4, 1, 3)), "damaged")
    refused(files.grey_tiff(4, 4, bytes(4000), t322=(3, 1, 16), t323=(3, 1, 16), t324=(4, 500, 8)), "damaged")
    refused(files.grey_tiff(8000, 8000, bytes(4), t322=(3, 1, 1), t323=(3, 1, 1), t324=(4, 64_000_000, 8)), "damaged")
    both = {"t273": (4, 1, 8), "t322": (3, 1, 16), "t323": (3, 1, 16), "t324": (4, 1, 8)}
    refused(files.grey_tiff(4, 4, bytes(4000), **both), "damaged")


def test_a_tiffs_tile_is_measured_like_the_picture():
    tile = {"t322": (4, 1, 13000), "t323": (4, 1, 13000), "t324": (4, 1, 8), "t325": (4, 1, 4)}
    refused(files.grey_tiff(4, 4, bytes(4), t259=(3, 1, 8), **tile), "13,000 x 13,000")


def test_rare_packings_of_tiff_are_refused():
    for compression in (6, 34925, 50001, 9999):
        refused(files.grey_tiff(4, 4, bytes(16), t259=(3, 1, compression)), "packed in a rare way")
    refused(files.grey_tiff(4, 4, b"\xff\xda" * 50, t259=(3, 1, 7)), "very many passes")


def test_tiff_tags_that_claim_more_than_the_file_are_refused():
    refused(files.grey_tiff(4, 4, bytes(16), t279=(4, 2_000_000_000, 8)), "damaged")
    refused(files.grey_tiff(4, 4, bytes(16), t256=(12, 1, 8)), "damaged")


def test_a_tiff_in_lab_colours_says_so():
    refused(files.save(Image.new("LAB", (4, 4)), "TIFF"), "Lab colours; save it as RGB")


def test_a_directory_that_points_at_itself_ends():
    data = bytearray(files.grey_tiff(2, 1, bytes([7, 9])))
    data[-4:] = data[4:8]
    assert np.array_equal(open_picture(bytes(data)), grey([[7, 9]]))


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"]),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_a_file_with_changed_bytes_opens_or_is_refused_in_a_sentence(kind, changes):
    data = bytearray(files.save(SMOOTH, kind))
    for place, value in changes:
        data[place % len(data)] = value
    with contextlib.suppress(ConvvizError):
        assert open_picture(bytes(data)).dtype == np.uint8
