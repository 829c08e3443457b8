"""Photos and folders of photos translated to another age, and what is written about them.

The files in the output folder: for each photo with a face the translated photo and a strip that
shows it beside its source, and ``translations.csv`` with a row per face.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import tyro
from PIL import Image

from agegen.cyclegan.photo_strips import make_strip
from agegen.cyclegan.photo_translator import (
    PhotoTranslator,
    TranslatedPhoto,
    load_photo_translator,
)
from agegen.errors import UserError
from agegen.faces import landmarks
from agegen.faces.alignment import outline
from agegen.faces.decode import BadImageError
from agegen.faces.photo_sets import explain_no_face, one_line, photos_for, result_name
from agegen.faces.photos import Photo, read_photo
from agegen.files import write_rows, written_whole
from agegen.progress import Progress

TABLE = "translations.csv"
COLUMNS = ("photo", "translated", "face", "left", "top", "right", "bottom", "to", "problem")
JPEG = {"format": "JPEG", "quality": 95, "subsampling": 0}


@dataclass(frozen=True)
class TranslatePhotosConfig:
    """Which photos to translate, by which run, to which age."""

    photos: tyro.conf.Positional[tuple[Path, ...]]
    """Photos, and folders of photos."""
    run: Path
    """Folder of the CycleGAN's training; pretrained means the generators that come with agegen."""
    to: Literal["young", "old"]
    """The age that faces are translated to."""
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

    def __post_init__(self) -> None:
        if not 0.1 <= self.search_megapixels <= 100:
            raise UserError("--search-megapixels must be between 0.1 and 100")


class PhotoResult(NamedTuple):
    """What became of one photo.

    Attributes:
        path: of the source.
        written: name of the translated photo in the output folder; empty where there is none.
        boxes: float64 (left, top, right, bottom) of each face in the photo's pixels.
        problem: why there is none.
    """

    path: Path
    written: str
    boxes: list[np.ndarray]
    problem: str = ""


def translate_photos(config: TranslatePhotosConfig) -> None:
    """Translate, save, print a line a photo.

    Raises:
        UserError: there is no photo at all, the output folder holds the photos or may not be
            written, or the run or its store is missing or damaged.
    """
    centred = config.centred
    if not centred and not landmarks.available():
        print(
            "note: faces are not looked for, as the extra photos is not installed "
            "(pip install 'agegen[photos]'): each photo is translated as one face"
        )
        centred = True
    search_pixels = round(config.search_megapixels * 1e6)
    translator = load_photo_translator(
        config.run, config.to, config.faces, centred, search_pixels, config.weights
    )
    if translator.geometry and translator.geometry.landmarks is None:
        print(f"note: {translator.geometry.describe()}")
    out = config.out or config.run / f"photos_{config.to}"
    results = []
    for result in translate_files(translator, config.photos, out):
        results.append(result)
        print(describe(result, config.to), flush=True)
    write_rows(out / TABLE, COLUMNS, [row for r in results for row in table_rows(r, config.to)])
    pictures = "translated photos, strips, " if any(r.written for r in results) else ""
    print(f"saved to {out}: {pictures}{TABLE}")


def translate_files(
    translator: PhotoTranslator, paths: tuple[Path, ...], out: Path
) -> Iterator[PhotoResult]:
    """Translate photos and those below folders; yield what became of each."""
    photos, rejected = photos_for("translate", paths, out)
    for entry in rejected:
        yield PhotoResult(entry.path, "", [], entry.reason)
    with Progress(len(photos), "translating photos", "photos") as progress:
        for number, path in enumerate(photos, start=1):
            result = translate_file(translator, path, out, result_name(number, path))
            progress.update()
            yield result


def translate_file(translator: PhotoTranslator, path: Path, out: Path, name: str) -> PhotoResult:
    """Translate one photo and write its pictures, whose names begin with `name`."""
    try:
        photo = read_photo(path)
    except BadImageError as error:
        return PhotoResult(path, "", [], str(error))
    shown = photo.in_srgb()
    result = translator.translate(shown, photo.pixels)
    if result.faces == []:
        return PhotoResult(path, "", [], explain_no_face(shown, translator.search_pixels))
    options = saving_options(photo)
    written = f"{name}_{translator.to}.{'jpg' if options['format'] == 'JPEG' else 'png'}"
    with written_whole(out / written) as temporary:
        Image.fromarray(result.photo).save(temporary, **options)
    translated = photo._replace(pixels=result.photo).in_srgb()
    strip = make_strip(shown, translated, result.faces, translator.to)
    with written_whole(out / f"{name}_{translator.to}_strip.png") as temporary:
        strip.save(temporary, "PNG")
    return PhotoResult(path, written, boxes_of(result))


def saving_options(photo: Photo) -> dict:
    """How to save what became of a photo: JPEG for JPEG and HEIC, else PNG, with its profile."""
    options = dict(JPEG) if photo.format in ("JPEG", "MPO", "HEIF") else {"format": "PNG"}
    return options | ({"icc_profile": photo.profile} if photo.profile else {})


def boxes_of(result: TranslatedPhoto) -> list[np.ndarray]:
    """The faces' squares as boxes in the photo; the whole photo if it was one face."""
    if result.faces is None:
        height, width = result.photo.shape[:2]
        return [np.array([0.0, 0.0, width, height])]
    corners = [outline(face.to_face, len(face.image)) for face in result.faces]
    return [np.concatenate([c.min(axis=0), c.max(axis=0)]) for c in corners]


def table_rows(result: PhotoResult, to: str) -> list[tuple]:
    """A photo's rows of the table: one a face, or one that says why there is none."""
    photo = result.path.absolute()
    if result.problem:
        return [(photo, "", "", "", "", "", "", to, result.problem)]
    return [
        (photo, result.written, number, *box.round(1), to, "")
        for number, box in enumerate(result.boxes, start=1)
    ]


def describe(result: PhotoResult, to: str) -> str:
    """One line on a photo."""
    path, n = one_line(result.path), len(result.boxes)
    if result.problem:
        return f"{path}: {result.problem}"
    return f"{path}: {n} face{'s' if n > 1 else ''} translated to {to}: {one_line(result.written)}"
