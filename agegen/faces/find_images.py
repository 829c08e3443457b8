"""Find the image files below a folder, and list every other visible file: why not, or as beside."""

import os
from collections.abc import Iterator
from pathlib import Path

from agegen.faces.records import Beside, Rejected

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".bmp", ".dib", ".gif"}
    | {".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".avif", ".avifs"}
    | {".jp2", ".j2k", ".jpc", ".jpf", ".jpx", ".j2c", ".heic", ".heif", ".hif", ".heics", ".heifs"}
)
METADATA_SUFFIXES = frozenset({".csv", ".tsv", ".mat"})
LEFT_BY_SYSTEMS = frozenset({"thumbs.db", "desktop.ini", "__macosx", "@eadir"})


def is_hidden(name: str) -> bool:
    """True for what begins with a dot, and for what Windows, macOS and Synology leave behind."""
    return name.startswith(".") or name.lower() in LEFT_BY_SYSTEMS


def walk(folder: Path) -> Iterator[Path]:
    """Yield every visible file below `folder`, each real folder once.

    Links are followed; a folder that was met before under another name, or may not be read, is
    yielded as a path itself (it is no file) so that the caller can list it. What is hidden is
    passed over, folders whole.
    """
    seen = {folder.resolve()}
    unreadable: list[OSError] = []
    for current, folders, files in os.walk(folder, onerror=unreadable.append, followlinks=True):
        paths = [Path(current, name) for name in sorted(folders) if not is_hidden(name)]
        folders.clear()
        for path in paths:
            real = path.resolve()
            if real in seen:
                yield path
            else:
                folders.append(path.name)
            seen.add(real)
        yield from (Path(current, name) for name in sorted(files) if not is_hidden(name))
    yield from (Path(error.filename) for error in unreadable)


def entries(folder: Path) -> list[Path]:
    """Return what lies directly in a folder, by name; nothing if it may not be read."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


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
    """Yield the image files below `folder` by suffix, and every other visible file as rejected.

    Metadata (``.csv``, ``.tsv``, ``.mat``) is passed over.
    """
    yield from (item for item in all_files(folder) if not isinstance(item, Beside))


def all_files(folder: Path) -> Iterator[Path | Rejected | Beside]:
    """Yield the image files below `folder` by suffix; other visible ones as rejected or beside."""
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
        elif suffix in METADATA_SUFFIXES:
            yield Beside(path)
        else:
            lacks = "taken for no image, as its name has no suffix such as .jpg"
            yield Rejected(path, f"not an image: its name ends in “{suffix}”" if suffix else lacks)
