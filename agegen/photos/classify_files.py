"""Photos and folders of photos classified, and what is written about them.

The files in the output folder: ``photos.csv`` (a row per face), ``photos.json`` (the same with all
that the page says), and for each photo with a face an annotated picture and the faces as the
network saw them.
"""

from collections.abc import Callable, Generator, Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

from agegen.faces.records import CLASS_NAMES, Rejected
from agegen.photos.annotate import Mark, annotate
from agegen.photos.classify import PhotoClassifier, PhotoVerdict, Verdict
from agegen.photos.familiarity import QUANTILE
from agegen.photos.journal import PhotoResult
from agegen.photos.sets import Work, one_line, settings_of, work_through
from agegen.run.files import write_json, write_rows, written_whole
from agegen.run.tensor_files import checksum

TABLE = "photos.csv"
COLOURS = {0: "#0072B2", 1: "#D55E00", None: "#767676"}
MOST_SPELLED_OUT = 6  # faces in a photo
COLUMNS = (
    "photo", "width", "height", "face", "left", "top", "right", "bottom", "p_old", "verdict",
    "unlikeness", "tilt", "eye_distance", "remarks",
)  # fmt: skip
AGE_COLUMNS = ("years", "years_low", "years_high")  # after those, where the network says ages


def classify_photos(
    photo_classifier: PhotoClassifier,
    paths: Iterable[Path],
    out: Path,
    about: dict,
    write_page: Callable[[], None] = lambda: None,
) -> Generator[PhotoResult]:
    """Classify photos and the photos below folders; yield what became of each.

    Args:
        photo_classifier: see `load_photo_classifier`.
        paths: files and folders.
        out: folder for the files; made if missing. Where a folder of photos holds it, what is in
            it is left out. What an earlier call has done there is kept, and not done again.
        about: further entries for photos.json.
        write_page: called whenever the tables have been written.

    Raises:
        UserError: there is no photo at all, `out` is a folder of photos, has results of another
            network or other settings, or may not be written; after the last result, no photo had
            a face.
    """
    method = describe_method(photo_classifier)

    def classify(path: Path, name: str) -> PhotoResult:
        verdict, photo = photo_classifier.classify_file(path)
        if photo is not None and verdict.verdicts:
            write_pictures(out, name, photo, verdict.verdicts)
        return result_of(verdict, name)

    def refuse(entry: Rejected) -> PhotoResult:
        return result_of(PhotoVerdict(entry.path, 0, 0, [], entry.reason), "")

    def write(results: list[PhotoResult]) -> None:
        write_tables(out, results, about | method)
        write_page()

    request = {"weights": checksum(photo_classifier.classifier.model.state_dict()), **method}
    settings = settings_of(
        about.get("run", ""), photo_classifier.geometry, photo_classifier.search_pixels
    )
    work = Work(("classify", "classifying"), TABLE, request, settings, classify, refuse, write)
    yield from work_through(work, paths, out)


def result_of(verdict: PhotoVerdict, name: str) -> PhotoResult:
    """What is kept of a verdict on a photo, whose pictures' names begin with `name`."""
    photo = describe_photo(verdict, name)
    pictures = [photo["picture"]] if photo["picture"] else []
    files = pictures + [face["image"] for face in photo["faces"]]
    return PhotoResult(describe_verdict(verdict), table_rows(verdict), files, photo)


def write_pictures(out: Path, name: str, photo: np.ndarray, verdicts: list[Verdict]) -> None:
    """Write the annotated photo, and each face as the network saw it."""
    few = len(verdicts) <= MOST_SPELLED_OUT
    marks = [Mark(v.face.corners, mark_text(v, few), COLOURS[v.label]) for v in verdicts]
    with written_whole(out / f"{name}.jpg") as temporary:
        annotate(photo, marks[::-1]).save(temporary, "JPEG", quality=88)
    for v in verdicts:
        with written_whole(out / "faces" / f"{name}_{v.number}.png") as temporary:
            Image.fromarray(v.face.image).save(temporary, "PNG")


def mark_text(verdict: Verdict, few: bool) -> str:
    """What stands beside a face: number, words, doubt, and the probability if there are few."""
    p = f", p(old) {verdict.p_old:.2f}" if few else ""
    age = f", {verdict.age.words}" if few and verdict.age else ""
    said = f"{verdict.number}: {verdict.words}{p}{age}{' ?' if verdict.remarks else ''}"
    return said.replace("–", "-")  # which the font of annotated photos does not have


def describe_method(photo_classifier: PhotoClassifier) -> dict:
    """How the photos were classified, for photos.json."""
    classifier, geometry, familiarity, ages, search_pixels = photo_classifier
    return {
        "ages": ages,
        "views": classifier.views,
        "temperature": classifier.temperature,
        "age_margin": classifier.age_margin,
        "size": classifier.size,
        "geometry": asdict(geometry) if geometry else None,
        "cropping": geometry.describe() if geometry else "",
        "search_pixels": search_pixels,
        "familiarity": {
            "quantile": QUANTILE,
            "training": familiarity.training,
            "validation": familiarity.validation,
        },
    }


def write_tables(out: Path, results: list[PhotoResult], about: dict) -> None:
    """Write photos.csv and photos.json."""
    columns = COLUMNS + (() if about.get("age_margin") is None else AGE_COLUMNS)
    rows = [tuple(row) for result in results for row in result.rows]
    write_rows(out / TABLE, columns, [row + ("",) * (len(columns) - len(row)) for row in rows])
    write_json(out / "photos.json", {**about, "photos": [result.content for result in results]})


def table_rows(result: PhotoVerdict) -> list[list]:
    """A photo's rows of photos.csv: one a face, or one that says why there is none.

    Lengths in pixels of a picture of this width and height, the tilt in degrees.
    """
    photo = (str(result.path.absolute()), result.width or "", result.height or "")
    if not result.verdicts:
        return [[*photo, *[""] * (len(COLUMNS) - 4), result.problem]]
    rows = []
    for v in result.verdicts:
        eyes = f"{v.face.found.eye_distance:.1f}" if v.face.found else ""
        rows.append([
            *photo, v.number, *v.face.box.round(1).tolist(), f"{v.p_old:.4f}", v.words,
            f"{v.unlikeness:.3f}", f"{-v.face.to_face.degrees:.1f}", eyes, "; ".join(v.remarks),
            *(f"{years:.1f}" for years in v.age or ()),
        ])  # fmt: skip
    return rows


def describe_photo(result: PhotoVerdict, name: str) -> dict:
    """A photo's entry in photos.json."""
    faces = [
        {
            "number": v.number,
            "image": f"faces/{name}_{v.number}.png",
            "to_face": v.face.to_face.matrix.tolist(),
            "p_old": float(v.p_old),
            "verdict": v.words,
            "age": v.age._asdict() | {"words": v.age.words} if v.age else None,
            "unlikeness": float(v.unlikeness),
            "remarks": v.remarks,
        }
        for v in result.verdicts
    ]
    return {
        "path": str(result.path),
        "width": result.width,
        "height": result.height,
        "picture": f"{name}.jpg" if faces else None,
        "problem": result.problem,
        "faces": faces,
    }


def describe_verdict(result: PhotoVerdict) -> str:
    """One line on a photo; more than a few faces are counted only."""
    path = one_line(result.path)
    if not result.verdicts:
        return f"{path}: {result.problem}"
    n = len(result.verdicts)
    head = f"{path}: {n} face{'s' if n > 1 else ''}"
    if n > MOST_SPELLED_OUT:
        counted = [v.words.removeprefix("probably ") for v in result.verdicts]
        counts = [f"{counted.count(w)} {w}" for w in (*CLASS_NAMES, "undecided") if w in counted]
        return f"{head}: {', '.join(counts)}"
    said = []
    for v in result.verdicts:
        doubts = "".join(f", {remark}" for remark in v.remarks)
        age = f", {v.age.words}" if v.age else ""
        said.append(f"{v.number} {v.words}{age} (p(old) {v.p_old:.2f}{doubts})")
    return f"{head}: {'; '.join(said)}"
