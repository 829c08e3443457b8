"""Folders of empty files for the catalog, which decodes nothing, and what it lists of them."""

from pathlib import Path

from agegen.faces.catalog import Catalog
from agegen.faces.records import Face


def touch(folder: Path, *names: str) -> Path:
    """Make empty files below a folder."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


def by_name(catalog: Catalog) -> dict[str, Face]:
    """Return the faces by file name."""
    return {face.path.name: face for face in catalog.faces}


def reasons(catalog: Catalog) -> dict[str, str]:
    """Return why each rejected file is none, by file name; each is listed once."""
    assert len({item.path for item in catalog.rejected}) == len(catalog.rejected)
    return {item.path.name: item.reason for item in catalog.rejected}
