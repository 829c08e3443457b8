"""Find the image files below a folder, and list every other file with the reason in words."""

import os
from collections.abc import Iterator
from pathlib import Path

from agegen.faces.records import Rejected

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".bmp", ".dib", ".gif"}
    | {".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".avif", ".avifs"}
    | {".jp2", ".j2k", ".jpc", ".jpf", ".jpx", ".j2c", ".heic", ".heif", ".hif", ".heics", ".heifs"}
)
METADATA_SUFFIXES = frozenset({".csv", ".mat"})


def walk(folder: Path) -> Iterator[Path]:
    """Yield every file below `folder`, hidden ones aside, each real folder once.

    Links are followed; a folder met before under another name, or one that may not be read, is
    yielded as a path itself (it is no file) so that the caller can list it.
    """
    seen = {folder.resolve()}
    unreadable: list[OSError] = []
    for current, folders, files in os.walk(folder, onerror=unreadable.append, followlinks=True):
        paths = [Path(current, name) for name in sorted(folders) if not name.startswith(".")]
        folders.clear()
        for path in paths:
            real = path.resolve()
            if real in seen:
                yield path
            else:
                folders.append(path.name)
            seen.add(real)
        for name in sorted(files):
            if not name.startswith(".") and name not in ("Thumbs.db", "desktop.ini"):
                yield Path(current, name)
    yield from (Path(error.filename) for error in unreadable)


def is_file(path: Path) -> bool:
    """True for a file or a link to one; False where its name or its folder's rights forbid it."""
    try:
        return path.is_file()
    except OSError:
        return False


def may_be_looked_at(path: Path) -> bool:
    """False in a folder that may be listed but not entered."""
    try:
        path.lstat()
    except OSError:
        return False
    return True


def image_files(folder: Path) -> Iterator[Path | Rejected]:
    """Yield the image files below `folder` by suffix, and every other file as rejected."""
    for path in walk(folder):
        suffix = path.suffix.lower()
        if not may_be_looked_at(path):
            yield Rejected(path, "cannot be read: no permission for its folder")
        elif path.is_symlink() and path.is_dir():
            yield Rejected(path, "a symbolic link to a folder that is read already")
        elif path.is_dir():
            yield Rejected(path, "a folder that cannot be read, or that is read already")
        elif path.is_symlink() and not path.exists():
            yield Rejected(path, "a symbolic link that leads nowhere")
        elif suffix in IMAGE_SUFFIXES:
            yield path
        elif suffix not in METADATA_SUFFIXES:
            yield Rejected(path, why_no_image(suffix))


def why_no_image(suffix: str) -> str:
    """Say what is wrong with a file's name, whose suffix is in lower case."""
    if not suffix:
        return "taken for no image, as its name has no suffix such as .jpg"
    return f"not an image: its name ends in “{suffix}”"
