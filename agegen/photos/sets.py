"""Photos to be worked through: which ones, what their results are called, why one has no face."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from agegen.faces import landmarks
from agegen.faces.geometry import Geometry
from agegen.faces.records import Rejected
from agegen.photos.crop import list_photos
from agegen.photos.journal import Entry, Journal, PhotoResult, stamp_of
from agegen.run.errors import UserError
from agegen.run.files import explained_write_errors, lock
from agegen.run.progress import Progress

SHARE_WRITING = 0.1  # of the time goes into tables and pages that grow with the work
NAME_BYTES = 120  # of a photo's name in the names of its pictures: file systems allow 255


class Work(NamedTuple):
    """What is done with photos."""

    purpose: tuple[str, str]  # a verb, and its form for progress ("classify", "classifying")
    table: str  # name of the table of the results
    request: dict  # all that decides the results beside the photos, plain JSON
    settings: dict[str, str]  # what the user knows of it, by flag
    work: Callable[[Path, str], PhotoResult]  # pictures' names begin with the name given
    refuse: Callable[[Rejected], PhotoResult]  # makes the result of what cannot be a photo
    write: Callable[[list[PhotoResult]], None]  # tables and pages, from all results so far


def work_through(work: Work, paths: Iterable[Path], out: Path) -> Iterator[PhotoResult]:
    """Work on photos and those below folders; yield what became of each.

    What an earlier call has done in the same folder is not done again, and stays in the table.
    However this one ends, the tables hold what it has done; only a kill leaves them behind the
    journal, by a tenth of the time that it worked.

    Raises:
        UserError: see `photos_for` and `Journal`; after the last result, no photo had a face.
    """
    photos, rejected = photos_for(work.purpose[0], paths, out)
    held = lock(out, f"another command is at work in {out}")
    try:
        yield from work_on_all(work, photos, rejected, out)
    finally:
        if held:
            held.close()


def work_on_all(
    work: Work, photos: list[Path], rejected: list[Rejected], out: Path
) -> Iterator[PhotoResult]:
    """The same in a folder that no other command works in."""
    journal = Journal(out, work.request, work.settings, work.table)
    done = {path: entry for path in photos if (entry := journal.done(path))}
    if done:
        print(f"going on: {len(done):,} of these photos are done already")
    label, growing, useful = f"{work.purpose[1]} photos", Growing(work, journal), False
    try:
        for other in rejected:
            result = work.refuse(other)
            journal.add(Entry(str(other.path.absolute()), [], 0, result))
            yield result
        with Progress(len(photos), label, "photos", initial=len(done)) as progress:
            for path in photos:
                result = done[path].result if path in done else work_on(work, journal, path)
                useful = useful or bool(result.files)
                yield result
                progress.update(path not in done)
                if time.monotonic() >= growing.due:
                    growing.write()
        if not useful:
            nothing = f"nothing to {work.purpose[0]} in any of these photos"
            raise UserError(f"{nothing}: {out / work.table} says why of each")
    finally:
        growing.write()


def work_on(work: Work, journal: Journal, path: Path) -> PhotoResult:
    """Work on one photo and write it down."""
    stamp, number = stamp_of(path), journal.number_for(path)
    try:
        result = work.work(path, result_name(number, path))
    except MemoryError:
        result = work.refuse(Rejected(path, "too large for this machine's memory"))
    journal.add(Entry(str(path.absolute()), stamp, number, result))
    return result


class Growing:
    """Tables and pages that are written again while the work goes on."""

    def __init__(self, work: Work, journal: Journal) -> None:
        self.work, self.journal, self.due = work, journal, 0.0

    def write(self) -> None:
        """Write them, and say when it is time again."""
        begun = time.monotonic()
        self.work.write(self.journal.results())
        ended = time.monotonic()
        self.due = ended + (ended - begun) / SHARE_WRITING


def photos_for(purpose: str, paths: Iterable[Path], out: Path) -> tuple[list[Path], list[Rejected]]:
    """List photos and what cannot be one, and make the folder for their results.

    Where a folder of photos holds that, what is in it is left out.

    Raises:
        UserError: there is no photo at all, `out` is a folder of photos, or may not be written.
    """
    paths = list(paths)
    photos, rejected = list_photos(paths, apart=out)
    holding = {path.resolve() for path in paths} | {photo.resolve().parent for photo in photos}
    if out.resolve() in holding:
        raise UserError(f"{out} holds the photos themselves: choose another folder for the results")
    if not photos:
        reasons = "; ".join(f"{entry.path} {entry.reason}" for entry in rejected[:3])
        raise UserError(f"no photo to {purpose}: {reasons or 'none was named'}")
    with explained_write_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    return photos, rejected


def result_name(number: int, path: Path) -> str:
    """What the results of a photo are called: its number and its name, without an ending."""
    return f"{number:03d}_{short_name(path)}"


def short_name(path: Path) -> str:
    """The photo's name without its ending, cut to `NAME_BYTES`; bytes that are no UTF-8 go."""
    return path.stem.encode(errors="ignore")[:NAME_BYTES].decode(errors="ignore")


def one_line(path: Path | str) -> str:
    """A path as a line of output: a name may have several lines."""
    return " ".join(str(path).splitlines())


def must_be_centred(centred: bool, instead: str) -> bool:
    """Whether no faces are looked for: as asked, or for want of the extra, which is said."""
    if centred or landmarks.available():
        return centred
    why = "as the extra photos is not installed (pip install 'agegen[photos]')"
    print(f"note: faces are not looked for, {why}: {instead}")
    return True


def require_search_megapixels(megapixels: float) -> None:
    """Refuse a ``--search-megapixels`` that no photo can be searched at in reasonable time."""
    if not 0.1 <= megapixels <= 100:
        raise UserError("--search-megapixels must be between 0.1 and 100")


def settings_of(run: str, geometry: Geometry | None, search_pixels: int) -> dict[str, str]:
    """Settings that photos are worked through with, as they are typed."""
    return {
        "--run": run,
        "--centred": "no" if geometry else "yes",
        "--search-megapixels": f"{search_pixels / 1e6:g}",
    }


def explain_no_face(photo: np.ndarray, search_pixels: int) -> str:
    """Say that none was found in a photo that was searched, uint8 (h, w, 3), and which are not."""
    scale = landmarks.search_scale(photo, search_pixels)
    smallest = round(landmarks.SMALLEST_FACE / scale)
    larger = scale < landmarks.MOST_ENLARGEMENT
    finer = "; a larger --search-megapixels finds smaller ones" if larger else ""
    return (
        "no face found (nor in the photo turned by 90, 180, 270°): faces that are mostly covered "
        f"and those narrower than about {smallest} pixels are not found{finer}"
    )
