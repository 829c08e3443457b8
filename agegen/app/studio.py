"""A photo tried on: looked at once, then made older or younger at any strength.

>>> studio = load_studio(PRETRAINED, PRETRAINED)
>>> looked = studio.look(Path("party.jpg"))
>>> [verdict.words for verdict in looked.verdicts]
>>> name, file = studio.finish(looked, "old", 0.75)

The generators' whole step is computed once a photo: another strength costs a share of it, pasted.
`agegen.app.page` is the page around it.
"""

import re
import tempfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from secrets import token_hex
from threading import Lock
from typing import NamedTuple

import numpy as np
from PIL import Image
from torch import Tensor

from agegen.app.limits import SEARCH_PIXELS, Limits
from agegen.cyclegan.translate import require_class, require_strength
from agegen.evaluation.selection import strengthened
from agegen.evaluation.text import describe
from agegen.faces import landmarks
from agegen.faces.alignment import Similarity, similarity
from agegen.faces.decode import BadImageError, readable_formats
from agegen.faces.landmarks import FoundFace
from agegen.faces.records import CLASS_NAMES
from agegen.photos.classify import PhotoClassifier, Verdict, load_photo_classifier
from agegen.photos.crop import crop_centre, crop_found, read_photo
from agegen.photos.paste import Change, add_changes
from agegen.photos.sets import explain_no_face, short_name
from agegen.photos.translate import PhotoTranslator, changes_between, is_grey, load_photo_translator
from agegen.photos.translate_files import saving_options
from agegen.run.files import explained_damage, read_json
from agegen.run.hub import as_typed
from agegen.run.pretrained import Kind, find_run

PREVIEW = 1280  # pixels of a shown photo's longer side at most


class Looked(NamedTuple):
    """A photo that was looked at: its faces, and all that making them older or younger needs.

    Attributes:
        name: of its file, without ending.
        source: its file.
        preview: uint8 (h, w, 3), sRGB, of at most `PREVIEW` pixels a side.
        shown: the preview as a JPEG.
        key: of that JPEG's file, which nobody can guess.
        to_photo: from the preview's pixels to the photo's.
        verdicts: what is said of each face, the largest first.
        before: the faces as the generators see them, float (n, 3, size, size) in [−1, 1].
        made: by the class aimed at, what these make of them at strength 1.
        places: of each face, from the photo's pixels to those of `before`.
        grey: True if the photo has no colour, and keeps none.
        left_out: how many more faces were found.
    """

    name: str
    source: bytes
    preview: np.ndarray
    shown: bytes
    key: str
    to_photo: Similarity
    verdicts: list[Verdict]
    before: Tensor
    made: dict[str, Tensor]
    places: list[Similarity]
    grey: bool
    left_out: int

    def changes(self, to: str, strength: float) -> list[Change]:
        """What changes in the photo's faces.

        Raises:
            UserError: there is no such class or strength.
        """
        require_class(to)
        require_strength(strength)
        after = strengthened(self.before, self.made[to], strength)
        return changes_between(self.before, after, self.places, self.grey)


class Studio:
    """Looks at photos and ages the faces in them; several threads may share one.

    Args:
        classifier: says young or old, and years.
        translator: of the generators.
        limits: of photos.
    """

    def __init__(
        self, classifier: PhotoClassifier, translator: PhotoTranslator, limits: Limits
    ) -> None:
        whole = dict.fromkeys(CLASS_NAMES, 1.0)
        self.strengths = translator.translator.strength  # by the class aimed at, as chosen
        step = replace(translator.translator, strength=whole)
        self.classifier, self.translator = classifier, translator._replace(translator=step)
        self.limits = limits
        self.lock = Lock()  # while its maps are recorded, nobody else may use the classifier

    def look(self, path: Path) -> Looked:
        """Find, crop and classify the faces of a file, and compute both generators' steps.

        Raises:
            BadImageError: why it is no photo, is over a limit, or has no face.
        """
        source = self.read(path)
        try:
            photo = read_photo(path, round(self.limits.megapixels * 1e6))
            shown = photo.in_srgb()
            found = self.find(shown)
            verdicts, before, places = self.judge(shown, found[: self.limits.faces])
            made = {to: self.translator.translator.translate(before, to) for to in CLASS_NAMES}
            preview, to_photo = shrunk(shown)
            return Looked(
                short_name(path), source, preview, as_jpeg(preview), token_hex(), to_photo,
                verdicts, before, made, places, is_grey(photo.pixels), len(found) - len(verdicts),
            )  # fmt: skip
        except MemoryError:
            raise BadImageError("too large for this machine's memory") from None

    def warm_up(self) -> None:
        """Let libraries load what they load at their first use."""
        readable_formats()
        blank = np.zeros((1000, 1000, 3), np.uint8)
        landmarks.find_faces(blank, self.classifier.search_pixels)
        self.classifier.judge([crop_centre(blank, self.classifier.classifier.size)])
        face = crop_centre(blank, self.translator.translator.store_size)
        for to in CLASS_NAMES:
            self.translator._replace(to=to).changes([face], grey=False)

    def read(self, path: Path) -> bytes:
        """Read a file that is not too large."""
        try:
            size = path.stat().st_size / 2**20
            if size > self.limits.megabytes:
                limit = f"over the limit of {self.limits.megabytes:g} MB"
                raise BadImageError(f"{size:.1f} MB: {limit}")
            return path.read_bytes()
        except OSError as error:
            raise BadImageError(f"cannot be read: {error.strerror}") from None

    def find(self, photo: np.ndarray) -> list[FoundFace]:
        """Find the faces of a photo that has some, the largest first."""
        found = landmarks.find_faces(photo, self.classifier.search_pixels)
        if not found:
            raise BadImageError(explain_no_face(photo, self.classifier.search_pixels))
        return found

    def judge(
        self, photo: np.ndarray, found: list[FoundFace]
    ) -> tuple[list[Verdict], Tensor, list[Similarity]]:
        """Crop and judge faces for both networks, which know them cropped in different ways."""
        seen, aged = self.classifier.geometry, self.translator.geometry
        assert seen is not None  # only loaded to take whole photos as faces it is
        assert aged is not None
        judged, framed = (
            [crop_found(photo, face, geometry) for face in found] for geometry in (seen, aged)
        )
        with self.lock:
            verdicts = self.classifier.judge(judged)
        before, places = self.translator.frame(framed)
        return verdicts, before, places

    def preview(self, looked: Looked, to: str, strength: float) -> np.ndarray:
        """The photo as it is shown, its faces at another age; uint8, of the preview's shape."""
        changes = [
            change._replace(to_square=looked.to_photo.then(change.to_square))
            for change in looked.changes(to, strength)
        ]
        return add_changes(looked.preview, changes)

    def finish(self, looked: Looked, to: str, strength: float) -> tuple[str, bytes]:
        """The photo at its full size, its faces at another age: a file's name, and its content.

        It has the pixels, colour space and format that `translate_photos` gives it.
        """
        changes = looked.changes(to, strength)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "photo")
            path.write_bytes(looked.source)
            photo = read_photo(path)
        options = saving_options(photo)
        file = BytesIO()
        Image.fromarray(add_changes(photo.pixels, changes)).save(file, **options)
        ending = "jpg" if options["format"] == "JPEG" else "png"
        return f"{looked.name}_{to}.{ending}", file.getvalue()


def as_jpeg(picture: np.ndarray) -> bytes:
    """A picture, uint8 (h, w, 3), as the page shows it."""
    file = BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=90)
    return file.getvalue()


def shrunk(photo: np.ndarray) -> tuple[np.ndarray, Similarity]:
    """A photo as it is shown, uint8 (h, w, 3), and from its pixels to the photo's."""
    height, width = photo.shape[:2]
    scale = min(PREVIEW / max(height, width), 1.0)
    if scale == 1.0:
        return photo, similarity(1, 0, (0, 0), (0, 0))
    size = (max(round(scale * width), 1), max(round(scale * height), 1))
    picture = Image.fromarray(photo).resize(size, Image.Resampling.LANCZOS)
    return np.asarray(picture), similarity(1 / scale, 0, (0, 0), (0, 0))


def load_studio(
    run: Path,
    classifier: Path,
    search_pixels: int = SEARCH_PIXELS,
    limits: Limits | None = None,
) -> Studio:
    """Load generators and a classifier, and use each once, so that the first photo is quick.

    Args:
        run: folder of a CycleGAN's training; `agegen.run.pretrained.PRETRAINED` is the one that
            comes with the package.
        classifier: folder of a trained classifier, or the same.
        search_pixels: see `agegen.faces.landmarks.find_faces`.
        limits: of photos.

    Raises:
        UserError: a run is missing or damaged, or the extra ``photos`` is not installed.
    """
    landmarks.load()
    said = load_photo_classifier(classifier, search_pixels=search_pixels)
    studio = Studio(said, load_photo_translator(run, "old"), limits or Limits())
    studio.warm_up()
    return studio


def evidence_of(run: Path, kind: Kind) -> str:
    """What was measured of a run, as Markdown: its model card, else its evaluation's figures.

    Raises:
        UserError: the evaluation is damaged.
    """
    folder = find_run(run, kind)
    if (card := folder / "README.md").is_file():
        return without_head(card.read_text(encoding="utf-8", errors="replace"))
    if kind == "classifier":
        return f"`agegen evaluate-classifier --run {as_typed(run)}` measures it, if nobody has."
    if (file := folder / "evaluation.json").exists():
        with explained_damage(file):
            return "\n".join(f"- {line.strip()}" for line in describe(read_json(file)))
    return f"Nothing yet: `agegen evaluate --run {as_typed(run)}` measures it."


def without_head(card: str) -> str:
    """A model card without the Hub's YAML and its title, as it is shown below a heading."""
    return re.sub(r"\A(\ufeff?---\n.*?^---$)?\s*(# [^\n]*\n\s*)?", "", card, flags=re.M | re.S)
