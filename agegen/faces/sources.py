"""The five kinds of source: class folders, CACD, UTKFace, IMDB-WIKI, and any table.

Each is one function from a folder to `Item`s (see `SOURCES`), in which each file is once; nothing
is decoded.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from agegen.faces.find_images import all_files, walk
from agegen.faces.folders import read_folders
from agegen.faces.photo_names import parse_cacd_name, parse_imdb_wiki_name, parse_utkface_name
from agegen.faces.records import UNLABELLED, AgeRanges, Face, Item, Rejected, SourceKind
from agegen.faces.repeats import settle
from agegen.faces.tables import read_table
from agegen.run.errors import UserError


def faces_by_name(
    folder: Path, ranges: AgeRanges, parse: Callable[[Path], Face | Rejected]
) -> Iterator[Item]:
    """Yield a face for each image whose name `parse` understands and whose age is in a class."""
    files = all_files(folder)
    yield from settle((parse(f) if isinstance(f, Path) else f for f in files), ranges)


def read_utkface(source: Path, ranges: AgeRanges) -> Iterator[Item]:
    """UTKFace (Zhang, Song and Qi, CVPR 2017): age and gender in the name, no identities."""
    yield from faces_by_name(source, ranges, parse_utkface_name)


def read_imdb_wiki(source: Path, ranges: AgeRanges) -> Iterator[Item]:
    """IMDB-WIKI (Rothe, Timofte and Van Gool, IJCV 2018): person and dates in the name."""
    yield from faces_by_name(source, ranges, parse_imdb_wiki_name)


def read_cacd(source: Path, ranges: AgeRanges) -> Iterator[Item]:
    """CACD (Chen, Chen and Hsu, ECCV 2014): age and identity in the name or in its .mat file."""
    table = next((p for p in walk(source) if p.name == "celebrity2000_meta.mat"), None)
    known = read_cacd_meta(table) if table else {}

    def parse(path: Path) -> Face | Rejected:
        face = parse_cacd_name(path)
        if path.name not in known:
            return face
        age, identity = known[path.name]
        named = face.identity if isinstance(face, Face) else identity
        return Face(path, UNLABELLED, age=age, identity=named)

    yield from faces_by_name(source, ranges, parse)


def read_cacd_meta(path: Path) -> dict[str, tuple[int, str]]:
    """Read ``celebrityImageData`` of celebrity2000_meta.mat: file name → (age, identity number).

    Raises:
        UserError: the file is not what it should be.
    """
    from scipy.io import loadmat  # only here: half a second that other sources need not wait

    try:
        data = loadmat(path, simplify_cells=True)["celebrityImageData"]
        return {
            str(name): (int(age), str(int(identity)))
            for name, age, identity in zip(data["name"], data["age"], data["identity"], strict=True)
        }
    except Exception as error:
        raise UserError(f"{path} is not CACD's celebrity2000_meta.mat ({error})") from None


SOURCES: dict[SourceKind, Callable[[Path, AgeRanges], Iterator[Item]]] = {
    "folders": read_folders,
    "cacd": read_cacd,
    "utkface": read_utkface,
    "imdb-wiki": read_imdb_wiki,
    "table": read_table,
}
