"""Decode one photo of one face into a square RGB array, whatever the file is.

Imports neither torch nor the rest of the package, so that worker processes start fast.
"""

import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import numpy as np
from einops import repeat
from PIL import Image, ImageOps, UnidentifiedImageError

from agegen.faces.colours import mode_of, profile_of, to_srgb

MAX_PIXELS = 100_000_000  # a 100-megapixel file takes 300 MB as RGB; face crops are far smaller
MAX_PHOTO_PIXELS = 250_000_000  # of photos that are no crops: phones take up to 200 megapixels
Image.MAX_IMAGE_PIXELS = MAX_PHOTO_PIXELS  # Pillow refuses twice as many before we can say it
MAX_ENLARGEMENT = 4
MAX_ASPECT = 2.0
# Formats of photos. Pillow's others are left out: PostScript, for one, would be run to be drawn.
FORMATS = (
    "JPEG", "MPO", "PNG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "PPM", "AVIF", "JPEG2000", "HEIF",
)  # fmt: skip
HEIC_BRANDS = (b"hei", b"hev", b"mif1", b"msf1")
GREY_MODES = ("1", "L", "LA", "La", "I", "F")
NO_HEIC = (
    "a HEIC photo, which needs the extra photos: pip install 'agegen[photos]', "
    "or convert it to JPEG"
)


class BadImageError(Exception):
    """The file is not a usable face photo; the message says why in words."""


def decode_face(path: Path, size: int) -> np.ndarray:
    """Decode, turn upright, convert to RGB, crop to the centred square, resize with antialiasing.

    Args:
        path: an image file of any of `FORMATS`, in any mode, whatever its name ends in.
        size: side of the result in pixels.

    Returns:
        uint8 (size, size, 3), RGB.

    Raises:
        BadImageError: with the reason, for every way in which a file can be unusable.
    """
    with opened(path) as image:
        check_size(image, size)
        # JPEGs decode at 1/2, 1/4 or 1/8 directly; twice the target leaves antialiasing to us.
        image.draft(None, (2 * size, 2 * size))
        image.load()
        rgb, profile = to_rgb(upright(image))
        pixels = np.asarray(to_srgb(square(rgb, size), profile))
    if np.all(pixels == pixels[0, 0]):
        raise BadImageError("blank: every pixel has the same value")
    return pixels


@contextmanager
def opened(path: Path, limit: int = MAX_PHOTO_PIXELS) -> Iterator[Image.Image]:
    """Open an image file; what goes wrong while it is used becomes a `BadImageError`.

    That names the `limit` of pixels where Pillow refuses far more.
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # opening one can wait for ever
            raise BadImageError("not a regular file but a pipe, a socket or a device")
        with (
            warnings.catch_warnings(action="ignore"),  # of odd metadata, many pixels
            Image.open(path, formats=readable_formats()) as image,
        ):
            yield image
    except BadImageError:
        raise
    except UnidentifiedImageError:
        raise BadImageError(unidentified_reason(path)) from None
    except Image.DecompressionBombError:
        raise BadImageError(too_large(limit)) from None
    except Exception as error:
        raise BadImageError(reason_of(error)) from None


@cache
def readable_formats() -> tuple[str, ...]:
    """Return those of `FORMATS` that Pillow reads here: HEIF by the extra ``photos``."""
    Image.init()
    with suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def check_size(image: Image.Image, size: int) -> None:
    """Refuse pictures that are too small, too large or too elongated to be a face crop."""
    check_pixels(image, MAX_PIXELS)
    width, height = image.size
    shape = f"{width} × {height} pixels"
    if min(width, height) * MAX_ENLARGEMENT < size:
        raise BadImageError(f"{shape}: too small to become {size} × {size}")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise BadImageError(f"{shape}: too elongated for a face crop")


def check_pixels(image: Image.Image, limit: int) -> None:
    """Refuse pictures that take too much memory."""
    width, height = image.size
    if width * height > limit:
        raise BadImageError(f"{width} × {height} pixels: {too_large(limit)}")


def too_large(limit: int) -> str:
    """Say that a picture has more pixels than it may."""
    return f"over the limit of {limit // 10**6} megapixels"


def upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF orientation; damaged EXIF data does not cost the picture."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        return image


def to_rgb(image: Image.Image) -> tuple[Image.Image, bytes]:
    """Convert any Pillow mode to RGB; transparent parts become white, 16 bits become 8.

    RGB stays in its own colour space, with its profile; what becomes RGB by it is sRGB, with none.
    """
    profile = profile_of(image)
    mode = mode_of(profile)
    if mode == "CMYK" == image.mode:
        return to_srgb(image, profile), b""
    rgb = without_profile(image)
    if mode == "L" and image.mode.split(";")[0] in GREY_MODES:
        grey = to_srgb(rgb.convert("L"), profile)
        return grey.convert("L").convert("RGB"), b""  # rounding must not give it a tinge
    return rgb, profile if mode == "RGB" and image.mode != "CMYK" else b""


def without_profile(image: Image.Image) -> Image.Image:
    """Convert any Pillow mode to RGB, whatever its numbers mean."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return grey_to_rgb(np.asarray(image, dtype=np.float32))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def grey_to_rgb(grey: np.ndarray) -> Image.Image:
    """Map grey values of more than 8 bits to 8: by 1, 255 or 65,535, whichever holds the range."""
    grey = np.nan_to_num(grey, posinf=0, neginf=0)
    full = next((limit for limit in (1.0, 255.0, 65535.0) if grey.max() <= limit), grey.max())
    bytes_ = np.clip(grey / full * 255 + 0.5, 0, 255).astype(np.uint8)
    return Image.fromarray(repeat(bytes_, "h w -> h w c", c=3))


def square(image: Image.Image, size: int) -> Image.Image:
    """Crop to the centred square and resize, antialiased (bicubic over the source's support)."""
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    return image.resize((size, size), Image.Resampling.BICUBIC, box=box)


def unidentified_reason(path: Path) -> str:
    """Say what a file is that Pillow cannot open."""
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        return "empty file"
    if not head.strip(b"\0"):
        return "damaged: the file begins with zeros only"
    heic = head[4:8] == b"ftyp" and any(brand in head[8:64] for brand in HEIC_BRANDS)
    if heic and "HEIF" not in readable_formats():
        return NO_HEIC
    text = head.decode("utf-8", errors="ignore")  # a character may be cut at the end
    is_text = len(head) - len(text.encode()) < 4 and all(c in "\t\n\r" or c >= " " for c in text)
    return "a text file, not an image" if is_text else "not an image, or damaged"


def reason_of(error: Exception) -> str:
    """Put a decoding error into words."""
    if isinstance(error, PermissionError):
        return "no permission to read the file"
    if isinstance(error, FileNotFoundError):
        return "the file has disappeared"
    if isinstance(error, IsADirectoryError):
        return "a folder, not a file"
    if isinstance(error, MemoryError):
        return "too large to decode in this machine's memory"
    if "truncated" in str(error).lower() or isinstance(error, EOFError):
        return "truncated: the file ends before the picture does"
    return f"damaged: {' '.join(str(error).split()) or type(error).__name__}"
