"""Photos and folders of photos translated to another age, and what is written about them.

The files in the output folder: for each photo with a face the translated photo and a strip that
shows it beside its source, and ``translations.csv`` with a row per face.
"""

from collections.abc import Generator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import tyro
from PIL import Image

from agegen.cyclegan.translate import require_strength
from agegen.faces import landmarks
from agegen.faces.decode import BadImageError
from agegen.faces.records import Rejected
from agegen.photos.crop import Photo, read_photo
from agegen.photos.journal import PhotoResult
from agegen.photos.sets import Work, explain_no_face, must_be_centred, one_line, work_through
from agegen.photos.strips import make_strip
from agegen.photos.translate import PhotoTranslator, load_photo_translator
from agegen.run.errors import UserError
from agegen.run.files import write_rows, written_whole
from agegen.run.pretrained import results_of
from agegen.run.tensor_files import checksum

TABLE = "translations.csv"
COLUMNS = ("photo", "translated", "face", "left", "top", "right", "bottom", "to", "problem")
JPEG = {"format": "JPEG", "quality": 95, "subsampling": 0}


@dataclass(frozen=True)
class TranslatePhotosConfig:
    """Which photos to translate, by which run, to which age."""

    goes_on: ClassVar[str] = "the same command goes on"
    photos: tyro.conf.Positional[tuple[Path, ...]]
    """Photos, and folders of photos."""
    run: Path
    """Folder of the CycleGAN's training; pretrained means the generators that come with agegen,
    hf://user/name those on the Hugging Face Hub."""
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
    strength: float | None = None
    """Of the change, 0 to 1.5; what choose_strength has chosen for the run, else 1."""

    def __post_init__(self) -> None:
        require_strength(self.strength)
        if not 0.1 <= self.search_megapixels <= 100:
            raise UserError("--search-megapixels must be between 0.1 and 100")


def translate_photos(config: TranslatePhotosConfig) -> None:
    """Translate, save, print a line a photo.

    Raises:
        UserError: there is no photo at all, the output folder holds the photos or may not be
            written, or the run or its store is missing or damaged.
    """
    centred = must_be_centred(config.centred, "each photo is translated as one face")
    search_pixels = round(config.search_megapixels * 1e6)
    translator = load_photo_translator(
        config.run, config.to, config.faces, centred, search_pixels, config.weights, config.strength
    )
    if translator.geometry and translator.geometry.landmarks is None:
        print(f"note: {translator.geometry.describe()}")
    out = config.out or results_of(config.run) / f"photos_{config.to}"
    pictures = ""
    with closing(translate_files(translator, config.photos, out)) as results:
        for result in results:
            print(result.line, flush=True)
            pictures = "translated photos, strips, " if result.files else pictures
    print(f"saved to {out}: {pictures}{TABLE}")


def translate_files(
    translator: PhotoTranslator, paths: tuple[Path, ...], out: Path
) -> Generator[PhotoResult]:
    """Translate photos and those below folders; yield what became of each.

    Raises:
        UserError: see `agegen.photos.sets.work_through`.
    """
    to = translator.to

    def refuse(entry: Rejected) -> PhotoResult:
        return without_faces(entry.path, to, entry.reason)

    def translate(path: Path, name: str) -> PhotoResult:
        return translate_file(translator, path, out, name)

    def write(results: list[PhotoResult]) -> None:
        write_rows(out / TABLE, COLUMNS, [tuple(row) for result in results for row in result.rows])

    request = {
        "weights": checksum(translator.translator.generators.state_dict()),
        "to": to,
        "geometry": asdict(translator.geometry) if translator.geometry else None,
        "search_pixels": translator.search_pixels,
    }
    work = Work(("translate", "translating"), TABLE, request, translate, refuse, write)
    yield from work_through(work, paths, out)


def translate_file(translator: PhotoTranslator, path: Path, out: Path, name: str) -> PhotoResult:
    """Translate one photo and write its pictures, whose names begin with `name`."""
    to = translator.to
    try:
        photo = read_photo(path)
    except BadImageError as error:
        return without_faces(path, to, str(error))
    shown = photo.in_srgb()
    result = translator.translate(shown, photo.pixels)
    if result.faces == []:
        return without_faces(path, to, explain_no_face(shown, translator.search_pixels))
    options = saving_options(photo)
    written = f"{name}_{to}.{'jpg' if options['format'] == 'JPEG' else 'png'}"
    with written_whole(out / written) as temporary:
        Image.fromarray(result.photo).save(temporary, **options)
    translated = photo._replace(pixels=result.photo).in_srgb()
    strip = make_strip(shown, translated, result.faces, to)
    with written_whole(out / f"{name}_{to}_strip.png") as temporary:
        strip.save(temporary, "PNG")
    height, width = result.photo.shape[:2]
    whole = np.array([0.0, 0.0, width, height])
    boxes = [whole] if result.faces is None else [face.box for face in result.faces]
    count = f"{len(boxes)} face{'s' if len(boxes) > 1 else ''}"
    line = f"{one_line(path)}: {count} translated to {to}: {one_line(written)}"
    rows = [
        [str(path.absolute()), written, number, *box.round(1).tolist(), to, ""]
        for number, box in enumerate(boxes, start=1)
    ]
    return PhotoResult(line, rows, [written, f"{name}_{to}_strip.png"], {})


def without_faces(path: Path, to: str, problem: str) -> PhotoResult:
    """The result of what has no face to translate."""
    row = [str(path.absolute()), *[""] * 6, to, problem]
    return PhotoResult(f"{one_line(path)}: {problem}", [row], [], {})


def saving_options(photo: Photo) -> dict:
    """How to save what became of a photo: JPEG for JPEG and HEIC, else PNG, with its profile."""
    options = dict(JPEG) if photo.format in ("JPEG", "MPO", "HEIF") else {"format": "PNG"}
    return options | ({"icc_profile": photo.profile} if photo.profile else {})
