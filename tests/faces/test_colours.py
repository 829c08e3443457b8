"""Photos with colour profiles: networks see sRGB, and what is the user's stays as it is."""

from io import BytesIO

import numpy as np
import pytest
from photos import picture
from PIL import Image, ImageCms

from agegen.faces.colours import space_of
from agegen.faces.decode import decode_face
from agegen.photos.crop import decode_photo, read_photo
from agegen.photos.translate import TranslatedPhoto
from agegen.photos.translate_files import translate_file

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
TO_SRGB = np.array([[1.2249, -0.2247, 0], [-0.0420, 1.0419, 0], [-0.0197, -0.0786, 1.0979]])


def by_profile(image, profile):
    """What ImageCms makes of a picture, int (h, w, 3)."""
    source = ImageCms.ImageCmsProfile(BytesIO(profile))
    converted = ImageCms.profileToProfile(
        image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    return np.asarray(converted).astype(int)


def mosaic(seed, channels, cells=20):
    """Hundreds of colours at random, in squares of 8 pixels; uint8 (h, w, channels)."""
    colours = np.random.default_rng(seed).integers(0, 256, (cells, cells, channels), np.uint8)
    return colours.repeat(8, axis=0).repeat(8, axis=1)


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk_becomes_what_its_profile_says(tmp_path, press, suffix):
    path = tmp_path / f"x.{suffix}"
    Image.fromarray(mosaic(0, 4), "CMYK").save(path, quality=98, icc_profile=press)
    with Image.open(path) as image:
        expected = by_profile(image, press)
        plain = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(plain - expected).mean() > 10
    np.testing.assert_array_equal(decode_photo(path), expected)
    assert read_photo(path).profile == b""  # it is sRGB now
    Image.fromarray(expected.astype(np.uint8)).save(tmp_path / "expected.png")
    off = decode_face(path, 40).astype(int) - decode_face(tmp_path / "expected.png", 40)
    assert np.abs(off).mean() < 1.5  # a JPEG is decoded at half its size at once


def test_a_wide_gamut_is_seen_as_srgb(tmp_path, wide_gamut):
    """By the formula, without the library: 400 colours, those that sRGB has."""
    colours = mosaic(1, 3)
    Image.fromarray(colours).save(tmp_path / "x.png", icc_profile=wide_gamut)
    linear = (colours / 255) ** 2.2 @ TO_SRGB.T
    inside = ((linear > 0.001) & (linear < 1)).all(axis=-1)
    curve = np.where(
        linear > 0.0031308, 1.055 * np.abs(linear) ** (1 / 2.4) - 0.055, 12.92 * linear
    )
    off = np.abs(decode_photo(tmp_path / "x.png") - 255 * curve)[inside]
    assert inside.mean() > 0.3
    assert np.abs(colours - 255 * curve)[inside].mean() > 5
    assert off.max() < 2.5


def test_faces_at_rest_are_srgb_too(tmp_path, wide_gamut):
    Image.fromarray(picture(3, 64)).save(tmp_path / "x.png", icc_profile=wide_gamut)
    expected = by_profile(Image.fromarray(picture(3, 64)), wide_gamut)
    assert np.abs(decode_face(tmp_path / "x.png", 64) - expected).max() <= 1


def test_a_profile_of_srgb_changes_nothing(tmp_path):
    """So that stores and results made without looking at profiles are the same."""
    Image.fromarray(picture(4, 64)).save(tmp_path / "x.png", icc_profile=SRGB)
    np.testing.assert_array_equal(decode_photo(tmp_path / "x.png"), picture(4, 64))
    np.testing.assert_array_equal(decode_face(tmp_path / "x.png", 64), picture(4, 64))
    assert read_photo(tmp_path / "x.png").profile == SRGB


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK"])
def test_a_profile_of_rgb_is_for_what_can_be_rgb(tmp_path, wide_gamut, mode):
    image = Image.fromarray(picture(5, 64))
    image = image.quantize(64) if mode == "P" else image.convert(mode)
    path = tmp_path / ("x.tif" if mode == "CMYK" else "x.png")
    image.save(path, icc_profile=wide_gamut)
    plain = image.convert("RGB")
    expected = np.asarray(plain) if mode == "CMYK" else by_profile(plain, wide_gamut)
    np.testing.assert_array_equal(decode_photo(path), expected)


def test_grey_by_its_profile_stays_grey(tmp_path, grey_gamma):
    grey = Image.fromarray(picture(6, 64)).convert("L")
    grey.save(tmp_path / "x.png", icc_profile=grey_gamma)
    decoded = decode_photo(tmp_path / "x.png")
    assert (decoded == decoded[..., :1]).all()
    expected = by_profile(grey, grey_gamma)
    assert np.abs(np.asarray(grey)[..., None] - expected).mean() > 5
    assert np.abs(decoded - expected).max() <= 1


class Reddener:
    """A translator that makes the photo's middle redder by 40 levels."""

    to, search_pixels = "old", 1000

    def translate(self, photo, own):
        self.shown = photo
        changed = own.copy()
        changed[20:40, 20:40, 0] = np.minimum(own[20:40, 20:40, 0], 215) + 40
        return TranslatedPhoto(changed, None)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_translated_photo_keeps_its_colour_space_and_its_other_bytes(
    tmp_path, wide_gamut, suffix
):
    path = tmp_path / f"x.{suffix}"
    Image.fromarray(mosaic(7, 3)).save(path, quality=95, icc_profile=wide_gamut)
    translator = Reddener()
    result = translate_file(translator, path, tmp_path / "out", "001_x")
    np.testing.assert_array_equal(translator.shown, decode_photo(path))
    with Image.open(path) as image:
        before = np.asarray(image).astype(int)
    with Image.open(tmp_path / "out" / result.files[0]) as image:
        assert image.info["icc_profile"] == wide_gamut
        off = np.abs(np.asarray(image) - before)
    off[20:40, 20:40] = 0
    assert off[:, 48:].mean() < (0.01 if suffix == "png" else 2)


def test_a_translated_cmyk_photo_is_srgb_without_its_profile(tmp_path, press):
    path = tmp_path / "x.jpg"
    Image.fromarray(mosaic(8, 4), "CMYK").save(path, quality=98, icc_profile=press)
    result = translate_file(Reddener(), path, tmp_path / "out", "001_x")
    with Image.open(tmp_path / "out" / result.files[0]) as image:
        assert (image.mode, image.format) == ("RGB", "JPEG")
        assert "icc_profile" not in image.info
        off = np.abs(np.asarray(image) - decode_photo(path).astype(int))
    assert off[:, 48:].mean() < 3


@pytest.mark.parametrize("content", [b"x", b"\0" * 400, SRGB[:200], b""])
def test_what_is_no_profile_is_none(content):
    assert space_of(content) is None
