"""Photos and folders of photos translated to another age, and what is written about them.

The files in the output folder: for each photo with a face the translated photo and a strip that
shows it beside its source, ``translations.csv`` with a row per face, and ``translations.json`` and
the folder ``page`` with all that the page shows.
"""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import tyro
from PIL import Image

from agegen.cyclegan.translate import require_strength
from agegen.faces import landmarks
from agegen.faces.decode import BadImageError
from agegen.faces.records import Rejected
from agegen.photos.age_judge import AgeJudge, find_age_judge
from agegen.photos.classify import Age
from agegen.photos.crop import Photo, read_photo
from agegen.photos.journal import PhotoResult
from agegen.photos.sets import (
    Work,
    explain_no_face,
    must_be_centred,
    one_line,
    require_search_megapixels,
    settings_of,
    work_through,
)
from agegen.photos.strips import make_strip, show, write_shown
from agegen.photos.translate import PhotoTranslator, load_photo_translator
from agegen.run.files import write_json, write_rows, written_whole
from agegen.run.hub import as_typed
from agegen.run.pretrained import PRETRAINED, results_of
from agegen.run.tensor_files import checksum

TABLE = "translations.csv"
COLUMNS = ("photo", "translated", "face", "left", "top", "right", "bottom", "to", "problem")
AGE_COLUMNS = ("years_before", "years_after")  # after those, where a judge reads ages
JPEG = {"format": "JPEG", "quality": 95, "subsampling": 0}


@dataclass(frozen=True)
class TranslatePhotosConfig:
    """Which photos to translate, by which run, to which age."""

    goes_on: ClassVar[str] = "the same command goes on"
    photos: tyro.conf.Positional[tuple[Path, ...]]
    """Photos, and folders of photos."""
    to: Literal["young", "old"]
    """The age that faces are translated to."""
    run: Path = PRETRAINED
    """Folder of the CycleGAN's training; pretrained means the generators that come with agegen,
    hf://user/name those on the Hugging Face Hub."""
    out: Path | None = None
    """Folder for the results; by default photos_young or photos_old in the run."""
    faces: Path | None = None
    """Folder of the FaceStore that the run was trained on; only needed if the run does not know yet
    how its faces were cropped, and the store was moved."""
    centred: bool = False
    """Look for no faces: each photo is cropped to one already, and translated as a whole."""
    search_megapixels: float = landmarks.SEARCH_PIXELS / 1e6
    """Larger photos are shrunk to so many megapixels to be searched; more finds smaller faces and
    takes proportionally longer."""
    weights: Literal["best", "generators"] | None = None
    """best (chosen by a judge) or generators (the last ones); by default the best if there are."""
    strength: float | None = None
    """Of the change, 0 to 1.5; what choose_strength has chosen for the run, else 1."""
    age_judge: Path | None = None
    """Folder of the classifier that reads each face's years before and after; by default the one
    that comes with agegen."""

    def __post_init__(self) -> None:
        require_strength(self.strength)
        require_search_megapixels(self.search_megapixels)


def translate_photos(
    config: TranslatePhotosConfig, write_page: Callable[[Path], None] | None = None
) -> None:
    """Translate, save, print a line a photo.

    Args:
        config: which photos, by which run.
        write_page: called with the folder of the results whenever the tables have been written.

    Raises:
        UserError: there is no photo at all or none with a face, the output folder holds the photos
            or may not be written, or the run, its store or the named judge is missing or damaged.
    """
    centred = must_be_centred(config.centred, "each photo is translated as one face")
    search_pixels = round(config.search_megapixels * 1e6)
    translator = load_photo_translator(
        config.run, config.to, config.faces, centred, search_pixels, config.weights, config.strength
    )
    if translator.geometry and translator.geometry.landmarks is None:
        print(f"note: {translator.geometry.describe()}")
    judge, why_not = find_age_judge(config.age_judge, centred)
    if why_not:
        print(f"note: years before and after are left out: {why_not}")
    read_by = {"run": as_typed(config.age_judge or PRETRAINED), "why_not": why_not}
    about = {"run": as_typed(config.run), "age_judge": read_by}
    out = config.out or results_of(config.run) / f"photos_{config.to}"
    written = partial(write_page, out) if write_page else None
    pictures, page = "", "index.html, " if write_page else ""
    with closing(translate_files(translator, config.photos, out, judge, about, written)) as results:
        for result in results:
            print(result.line, flush=True)
            pictures = "translated photos, strips, " if result.files else pictures
    print(f"saved to {out}: {page}{pictures}{TABLE}")


def translate_files(
    translator: PhotoTranslator,
    paths: tuple[Path, ...],
    out: Path,
    judge: AgeJudge | None,
    about: dict,
    write_page: Callable[[], None] | None = None,
) -> Generator[PhotoResult]:
    """Translate photos and those below folders; yield what became of each.

    Args:
        translator: see `load_photo_translator`.
        paths: files and folders.
        out: folder for the files; see `agegen.photos.sets.work_through`.
        judge: reads years before and after.
        about: further entries for translations.json: "run", and "age_judge" with its "run".
        write_page: called whenever the tables have been written.

    Raises:
        UserError: see `agegen.photos.sets.work_through`.
    """
    to = translator.to

    def refuse(entry: Rejected) -> PhotoResult:
        return without_faces(entry.path, to, entry.reason)

    def translate(path: Path, name: str) -> PhotoResult:
        return translate_file(translator, path, out, name, judge)

    def write(results: list[PhotoResult]) -> None:
        write_tables(out, results, about | describe_method(translator), judge is not None)
        if write_page:
            write_page()

    request = {
        "weights": checksum(translator.translator.generators.state_dict()),
        "to": to,
        "strength": translator.translator.strength[to],
        "geometry": asdict(translator.geometry) if translator.geometry else None,
        "search_pixels": translator.search_pixels,
        "age_judge": checksum(judge.classifier.model.state_dict()) if judge else None,
    }
    settings = settings_of(about["run"], translator.geometry, translator.search_pixels) | {
        "--weights": translator.translator.weights,
        "--to": to,
        "--strength": f"{translator.translator.strength[to]:g}",
        "--age-judge": about["age_judge"]["run"] if judge else "none",
    }
    work = Work(("translate", "translating"), TABLE, request, settings, translate, refuse, write)
    yield from work_through(work, paths, out)


def describe_method(translator: PhotoTranslator) -> dict:
    """How the photos were translated, for translations.json."""
    return {
        "to": translator.to,
        "strength": translator.translator.strength[translator.to],
        "weights": translator.translator.weights,
        "cropping": translator.geometry.describe() if translator.geometry else "",
    }


def write_tables(out: Path, results: list[PhotoResult], about: dict, with_ages: bool) -> None:
    """Write translations.csv and translations.json."""
    columns = COLUMNS + (AGE_COLUMNS if with_ages else ())
    rows = [tuple(row) for result in results for row in result.rows]
    write_rows(out / TABLE, columns, [row + ("",) * (len(columns) - len(row)) for row in rows])
    photos = [result.content for result in results]
    write_json(out / "translations.json", {**about, "photos": photos})


def translate_file(
    translator: PhotoTranslator, path: Path, out: Path, name: str, judge: AgeJudge | None = None
) -> PhotoResult:
    """Translate one photo and write its pictures, whose names begin with `name`."""
    to = translator.to
    try:
        photo = read_photo(path)
    except BadImageError as error:
        return without_faces(path, to, str(error))
    source = photo.in_srgb()
    result = translator.translate(source, photo.pixels)
    if result.faces == []:
        return without_faces(path, to, explain_no_face(source, translator.search_pixels))
    options = saving_options(photo)
    written = f"{name}_{to}.{'jpg' if options['format'] == 'JPEG' else 'png'}"
    with written_whole(out / written) as temporary:
        Image.fromarray(result.photo).save(temporary, **options)
    translated = photo._replace(pixels=result.photo).in_srgb()
    shown = show(source, translated, result.faces)
    strip = f"{name}_{to}_strip.png"
    with written_whole(out / strip) as temporary:
        make_strip(shown, to).save(temporary, "PNG")
    pictures = write_shown(out, f"{name}_{to}", shown)
    ages = judge.read(source, translated, result.faces) if judge else []
    height, width = result.photo.shape[:2]
    whole = np.array([0.0, 0.0, width, height])
    boxes = [whole] if result.faces is None else [face.box for face in result.faces]
    count = f"{len(boxes)} face{'s' if len(boxes) > 1 else ''}"
    line = f"{one_line(path)}: {count} translated to {to}: {one_line(written)}"
    years = in_cells(ages) or [[]] * len(boxes)
    rows = [
        [str(path.absolute()), written, number, *box.round(1).tolist(), to, "", *of_face]
        for number, (box, of_face) in enumerate(zip(boxes, years, strict=True), start=1)
    ]
    content = describe_photo(path, shown.before.size, pictures, len(boxes), ages)
    return PhotoResult(line, rows, [written, strip, *pictures], content)


def in_cells(ages: list[tuple[Age, Age]]) -> list[list[str]]:
    """The years before and after of each face, for the table."""
    return [[f"{age.years:.1f}" for age in pair] for pair in ages]


def describe_photo(
    path: Path, size: tuple[int, int], pictures: list[str], count: int, ages: list[tuple[Age, Age]]
) -> dict:
    """A photo's entry in translations.json.

    Args:
        path: of the photo.
        size: width and height of its pictures.
        pictures: see `write_shown`.
        count: of its faces.
        ages: of each before and after; empty where nobody read them.
    """
    before, after, *tiles = pictures
    faces = [
        {
            "number": number,
            "image": image,
            "ages": [age._asdict() | {"words": age.words} for age in pair or ()],
        }
        for number, image, pair in zip_longest(range(1, count + 1), tiles, ages)
    ]
    return {
        "path": str(path), "width": size[0], "height": size[1], "before": before, "after": after,
        "problem": "", "faces": faces,
    }  # fmt: skip


def without_faces(path: Path, to: str, problem: str) -> PhotoResult:
    """The result of what has no face to translate."""
    row = [str(path.absolute()), *[""] * 6, to, problem]
    content = {"path": str(path), "problem": problem, "faces": []}
    return PhotoResult(f"{one_line(path)}: {problem}", [row], [], content)


def saving_options(photo: Photo) -> dict:
    """How to save what became of a photo: JPEG for JPEG and HEIC, else PNG, with its profile."""
    options = dict(JPEG) if photo.format in ("JPEG", "MPO", "HEIF") else {"format": "PNG"}
    return options | ({"icc_profile": photo.profile} if photo.profile else {})
