import importlib.util
import os
import socket
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from photos import picture, save
from PIL import Image, ImageOps

from agegen.faces.decode import NO_HEIC, BadImageError, decode_face

SIZE = 32
DAMAGED_HEIC = "damaged" if importlib.util.find_spec("pillow_heif") else NO_HEIC


def reason(path, size=SIZE):
    with pytest.raises(BadImageError) as caught:
        decode_face(path, size)
    return str(caught.value)


def difference(a, b):
    return np.abs(a.astype(int) - b.astype(int)).mean()


@pytest.mark.parametrize(
    "suffix", ["png", "bmp", "tiff", "ppm", "webp", "jpg", "gif", "jp2", "avif"]
)
def test_formats_agree(tmp_path, suffix):
    image = Image.fromarray(picture(0))
    try:
        image.save(
            tmp_path / f"x.{suffix}", **({"quality": 95} if suffix in ("jpg", "webp") else {})
        )
    except (KeyError, OSError):
        pytest.skip(f"this Pillow writes no {suffix}")
    expected = np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BICUBIC))
    pixels = decode_face(tmp_path / f"x.{suffix}", SIZE)
    assert pixels.shape == (SIZE, SIZE, 3)
    assert pixels.dtype == np.uint8
    assert difference(pixels, expected) < (8 if suffix in ("gif", "avif") else 3)


def grey_of(seed=0):
    return np.asarray(Image.fromarray(picture(seed)).convert("L"))


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("grey.png", lambda g: Image.fromarray(g)),
        ("16 bit.png", lambda g: Image.fromarray(g.astype(np.uint16) * 257)),
        ("16 bit.tif", lambda g: Image.fromarray(g.astype(np.uint16) * 257)),
        ("32 bit.tif", lambda g: Image.fromarray(g.astype(np.int32) * 257)),
        ("unit float.tif", lambda g: Image.fromarray(g.astype(np.float32) / 255)),
        ("byte float.tif", lambda g: Image.fromarray(g.astype(np.float32))),
    ],
)
def test_grey_of_any_depth(tmp_path, name, image):
    grey = grey_of()
    image(grey).save(tmp_path / name)
    pixels = decode_face(tmp_path / name, SIZE)
    assert np.all(pixels[..., 0] == pixels[..., 1])
    expected = np.asarray(Image.fromarray(grey).resize((SIZE, SIZE), Image.Resampling.BICUBIC))
    assert difference(pixels[..., 0], expected) < 2


def test_a_few_undefined_values_do_not_cost_the_picture(tmp_path):
    values = grey_of().astype(np.float32) / 255
    values[3, 3], values[4, 4] = np.nan, np.inf
    Image.fromarray(values).save(tmp_path / "x.tif")
    expected = Image.fromarray(grey_of()).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    assert difference(decode_face(tmp_path / "x.tif", SIZE)[..., 0], np.asarray(expected)) < 3


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_become_white(tmp_path, mode):
    image = Image.fromarray(picture(0))
    alpha = Image.new("L", image.size, 255)
    alpha.paste(0, (0, 0, 64, 32))
    if mode == "P":
        image = image.quantize(200)
        image.putpalette(image.getpalette()[:600] + [0] * 168)
        image.paste(255, (0, 0, 64, 32))
        image.save(tmp_path / "x.png", transparency=255)
    else:
        image = image.convert("L" if mode == "LA" else "RGB")
        image.putalpha(alpha)
        image.save(tmp_path / "x.png")
    pixels = decode_face(tmp_path / "x.png", SIZE)
    assert np.all(pixels[:14] == 255)
    assert pixels[18:].min() < 200


def test_cmyk_has_the_colours_of_rgb(tmp_path):
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, :32] = (200, 30, 30)
    pixels[:, 32:] = (30, 30, 200)
    Image.fromarray(pixels).convert("CMYK").save(tmp_path / "x.jpg", quality=95)
    decoded = decode_face(tmp_path / "x.jpg", SIZE)
    assert decoded[:, :12, 0].min() > 150
    assert decoded[:, 20:, 2].min() > 150


TURNS = {
    1: lambda x: x,
    2: lambda x: x.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    3: lambda x: x.transpose(Image.Transpose.ROTATE_180),
    4: lambda x: x.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    5: lambda x: x.transpose(Image.Transpose.TRANSPOSE),
    6: lambda x: x.transpose(Image.Transpose.ROTATE_90),
    7: lambda x: x.transpose(Image.Transpose.TRANSVERSE),
    8: lambda x: x.transpose(Image.Transpose.ROTATE_270),
}


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", TURNS)
def test_pixels_are_upright(tmp_path, suffix, orientation):
    upright = Image.fromarray(picture(0, 256)).crop((0, 0, 256, 200))
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = TURNS[orientation](upright)
    turned.save(tmp_path / f"x.{suffix}", exif=exif, **({} if suffix == "tif" else {"quality": 95}))
    expected = ImageOps.fit(upright, (SIZE, SIZE), Image.Resampling.BICUBIC)
    assert difference(decode_face(tmp_path / f"x.{suffix}", SIZE), np.asarray(expected)) < 4


@pytest.mark.filterwarnings("error")
def test_damaged_exif_does_not_cost_the_picture(tmp_path):
    save(tmp_path / "x.jpg", 0, exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\x99" * 60)
    expected = decode_face(save(tmp_path / "y.jpg", 0), SIZE)
    np.testing.assert_array_equal(decode_face(tmp_path / "x.jpg", SIZE), expected)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_animations_show_their_first_frame(tmp_path, suffix):
    frames = [Image.fromarray(picture(seed)) for seed in range(3)]
    frames[0].save(tmp_path / f"x.{suffix}", save_all=True, append_images=frames[1:])
    expected = frames[0].resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    assert difference(decode_face(tmp_path / f"x.{suffix}", SIZE), np.asarray(expected)) < 8


def test_the_centre_is_cropped(tmp_path):
    pixels = np.zeros((60, 100, 3), np.uint8)
    pixels[:, 20:80] = picture(0, 60)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    np.testing.assert_array_equal(decode_face(tmp_path / "x.png", 60), picture(0, 60))


def test_resizing_is_antialiased(tmp_path):
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 255
    stripes[:8] = 0
    Image.fromarray(stripes).save(tmp_path / "x.png")
    assert np.ptp(decode_face(tmp_path / "x.png", 100)[10:, 2:-2].astype(int)) < 12


def png_header(width, height):
    """Return a PNG of the given size, of which only the header is there."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000))


BYTES = {
    "empty.jpg": (b"", "empty file"),
    "zeros.jpg": (bytes(5000), "begins with zeros"),
    "text.jpg": (b"not a photo\n" * 20, "a text file"),
    "accents.jpg": ("<html>déjà vu — ".encode() * 60, "a text file"),
    "page.png": (b"<!DOCTYPE html><html></html>", "a text file"),
    "postscript.jpg": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n", "a text file"),
    "zip.jpg": (b"PK\x03\x04" + bytes(range(256)) * 4, "not an image, or damaged"),
    "phone.jpg": (b"\0\0\0\x18ftypheic" + bytes(range(256)), DAMAGED_HEIC),
    "bomb.png": (png_header(20000, 20000), "over the limit of 100 megapixels"),
    "large.png": (png_header(11000, 10000), "11000 × 10000 pixels: over the limit of 100"),
    "header.png": (png_header(64, 64), "truncated"),
}


@pytest.mark.parametrize("name", BYTES)
@pytest.mark.filterwarnings("error")
def test_bytes_that_are_no_photo(tmp_path, name):
    content, fragment = BYTES[name]
    (tmp_path / name).write_bytes(content)
    assert fragment in reason(tmp_path / name)


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "tiff", "ppm", "webp", "gif"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_truncated_files_of_every_format(tmp_path, suffix, share):
    whole = save(tmp_path / f"x.{suffix}", 0).read_bytes()
    (tmp_path / f"x.{suffix}").write_bytes(whole[: int(len(whole) * share)])
    assert any(word in reason(tmp_path / f"x.{suffix}") for word in ("truncated", "damaged"))


@pytest.mark.parametrize(
    ("width", "height", "fragment"),
    [
        (1, 1, "1 × 1 pixels: too small to become 32 × 32"),
        (7, 9, "too small"),
        (2, 2000, "too small"),
        (60, 130, "60 × 130 pixels: too elongated"),
        (130, 60, "too elongated"),
    ],
)
def test_shapes_that_are_no_face_crop(tmp_path, width, height, fragment):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    assert fragment in reason(tmp_path / "x.png")


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 30, 90)])
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_one_colour_is_blank(tmp_path, colour, suffix):
    Image.new("RGB", (64, 64), colour).save(tmp_path / f"x.{suffix}")
    assert reason(tmp_path / f"x.{suffix}").startswith("blank")


def test_pipes_and_sockets_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "x.jpg")
    assert "not a regular file" in reason(tmp_path / "x.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "s.jpg"))
        assert "not a regular file" in reason(tmp_path / "s.jpg")
    assert "not a regular file" in reason(Path("/dev/zero"))


def test_folders_and_missing_files(tmp_path):
    assert reason(tmp_path) == "a folder, not a file"
    assert reason(tmp_path / "gone.jpg") == "the file has disappeared"


@pytest.mark.parametrize(
    ("error", "fragment"),
    [
        (PermissionError(13, "Permission denied"), "no permission to read the file"),
        (MemoryError(), "too large to decode"),
        (ValueError("odd"), "damaged: odd"),
    ],
)
def test_errors_on_opening_are_put_into_words(tmp_path, monkeypatch, error, fragment):
    path = save(tmp_path / "x.png", 0)

    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(Image, "open", refuse)
    assert fragment in reason(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_read_permission(tmp_path):
    path = save(tmp_path / "x.png", 0)
    path.chmod(0)
    assert reason(path) == "no permission to read the file"
