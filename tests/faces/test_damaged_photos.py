"""Whatever has happened to a photo's file, it gives a picture or one sentence."""

import io

import numpy as np
import pytest
from photos import picture
from PIL import Image

from agegen.faces.colours import space_of
from agegen.faces.decode import BadImageError, decode_face, readable_formats
from agegen.photos.crop import read_photo

KINDS = {
    "jpg": ("JPEG", {"quality": 90}),
    "mpo": ("MPO", {"save_all": True}),
    "png": ("PNG", {}),
    "webp": ("WEBP", {}),
    "tif": ("TIFF", {"compression": "tiff_lzw"}),
    "gif": ("GIF", {}),
    "bmp": ("BMP", {}),
    "jp2": ("JPEG2000", {}),
    "avif": ("AVIF", {}),
    "heic": ("HEIF", {}),
}


def whole_file(kind):
    """The bytes of a photo with EXIF data and a second frame where the format has any."""
    name, options = KINDS[kind]
    if name != "MPO" and name not in readable_formats():  # a kind of JPEG
        pytest.skip(f"{name} cannot be read here")
    image, exif = Image.fromarray(picture(1, 64)[:48]), Image.Exif()
    exif[0x0112] = 6
    more = {"append_images": [image]} if name in ("MPO", "GIF") else {}
    buffer = io.BytesIO()
    image.save(buffer, name, exif=exif.tobytes(), **options, **more)
    return buffer.getvalue()


def damage(content, rng):
    """Do one of many things to a file's bytes."""
    data = bytearray(content)
    first = int(rng.integers(len(data)))
    length = int(rng.integers(1, max(len(data) // 4, 2)))
    match rng.integers(6):
        case 0:  # truncated
            del data[first:]
        case 1:  # a few bytes anywhere
            for i in rng.integers(len(data), size=rng.integers(1, 9)):
                data[i] = rng.integers(256)
        case 2:  # a few bits in the header: sizes, offsets, EXIF data
            for i in rng.integers(min(len(data), 200), size=rng.integers(1, 4)):
                data[i] ^= 1 << int(rng.integers(8))
        case 3:  # a part of zeros
            data[first : first + length] = bytes(len(data[first : first + length]))
        case 4:  # noise
            noise = rng.integers(256, size=len(data[first : first + length]), dtype=np.uint8)
            data[first : first + length] = noise.tobytes()
        case 5:  # a part is missing
            del data[first : first + length]
    return bytes(data)


def outcome(function, *arguments):
    """Its sentence, or an empty one."""
    try:
        function(*arguments)
    except BadImageError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_a_picture_or_one_sentence(tmp_path, kind):
    rng, content = np.random.default_rng(len(kind)), whole_file(kind)
    path = tmp_path / f"x.{kind}"
    path.write_bytes(content)
    assert read_photo(path).pixels.shape[2] == 3
    sentences = []
    for _ in range(40):
        wrong = tmp_path / f"x.{rng.choice(list(KINDS))}"  # its ending may say anything
        wrong.write_bytes(damage(content, rng))
        for said in (outcome(read_photo, wrong), outcome(decode_face, wrong, 32)):
            assert len(said.splitlines()) <= 1
            assert len(said) < 250
            sentences.append(said)
    assert any(sentences)


def test_a_damaged_profile_does_not_cost_the_picture(tmp_path, wide_gamut):
    rng, image = np.random.default_rng(0), Image.fromarray(picture(2, 48))
    used = 0
    for number in range(200):
        profile = damage(wide_gamut, rng) or b"x"
        image.save(tmp_path / f"{number}.png", icc_profile=profile)
        photo = read_photo(tmp_path / f"{number}.png")
        np.testing.assert_array_equal(photo.pixels, picture(2, 48))
        assert photo.in_srgb().shape == (48, 48, 3)
        used += space_of(profile) is not None
    assert 0 < used < 200  # some are still of use
