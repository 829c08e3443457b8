"""Any photo → the same photo with every face in it at the other age.

>>> translator = load_photo_translator(Path("runs/cyclegan"), "old")
>>> result = translator.translate(decode_photo(Path("party.jpg")))
>>> Image.fromarray(result.photo).save("party_old.jpg")

`agegen.photos.translate_files` does that for files and folders.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from einops import rearrange
from PIL import Image
from torch import Tensor

from agegen.cyclegan.translate import Translator, load_translator, require_class
from agegen.faces import landmarks
from agegen.faces.alignment import Similarity, similarity
from agegen.faces.geometry import Geometry, geometry_of, read_geometry, write_geometry
from agegen.faces.pixels import GREY_LEVELS, LUMINANCE
from agegen.faces.store import FaceStore
from agegen.faces.views import to_float
from agegen.photos.crop import CroppedFace, crop_faces
from agegen.photos.paste import Change, add_changes, add_everywhere
from agegen.run.errors import UserError
from agegen.run.hub import as_typed
from agegen.run.pretrained import find_run

SMALLEST_INPUT = 32  # pixels that the networks take


class TranslatedPhoto(NamedTuple):
    """A photo with its faces at another age.

    Attributes:
        photo: uint8 (h, w, 3), of the source's size and in its colour space.
        faces: where they are, the largest first; None where the whole picture was translated.
    """

    photo: np.ndarray
    faces: list[CroppedFace] | None


class PhotoTranslator(NamedTuple):
    """All that translates photos.

    Attributes:
        translator: both generators.
        to: "young" or "old".
        geometry: of the faces that they were trained on; None takes a whole photo as one face.
        search_pixels: see `agegen.faces.landmarks.find_faces`.
    """

    translator: Translator
    to: str
    geometry: Geometry | None
    search_pixels: int = landmarks.SEARCH_PIXELS

    def translate(self, photo: np.ndarray, own: np.ndarray | None = None) -> TranslatedPhoto:
        """Translate every face of a photo; a grey photo stays grey.

        Args:
            photo: uint8 (h, w, 3), sRGB, of any size.
            own: the same photo in a colour space of its own, to which the change is then added:
                what does not change keeps its bytes.
        """
        own = photo if own is None else own
        if self.geometry is None:
            return TranslatedPhoto(self.translate_whole(photo, own), None)
        faces = crop_faces(photo, self.geometry, self.search_pixels)
        changes = self.changes(faces, is_grey(own)) if faces else []
        return TranslatedPhoto(add_changes(own, changes), faces)

    def changes(self, faces: Sequence[CroppedFace], grey: bool) -> list[Change]:
        """What the generator changes in faces, each where it belongs in their photo."""
        before, places = self.frame(faces)
        return changes_between(before, self.translator.translate(before, self.to), places, grey)

    def frame(self, faces: Sequence[CroppedFace]) -> tuple[Tensor, list[Similarity]]:
        """Faces as the generators see them, float (n, 3, size, size), and from photo to there."""
        before = self.translator.views(np.stack([face.image for face in faces]))
        # from the pixels of a face as the store keeps it to those of `Translator.views`
        config, crop = self.translator.config, self.translator.config.augment.crop
        first = (self.translator.store_size - crop) // 2
        to_view = similarity(config.size / crop, 0, (first, first), (0, 0))
        return before, [face.to_face.then(to_view) for face in faces]

    def translate_whole(self, photo: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Translate a picture that is cropped to one face already, edges included.

        It is shown to the generator so that its shorter side is that of a whole training face.
        """
        config = self.translator.config
        shown_side = self.translator.store_size * config.size / config.augment.crop
        scale = max(shown_side, SMALLEST_INPUT) / min(photo.shape[:2])
        width, height = (max(round(scale * side), SMALLEST_INPUT) for side in photo.shape[1::-1])
        shown = Image.fromarray(photo).resize((width, height), Image.Resampling.BICUBIC)
        before = to_float(torch.from_numpy(np.array(shown)[None])).to(self.translator.device)
        change = self.translator.translate(before, self.to) - before
        return add_everywhere(own, in_levels(change, is_grey(own))[0])


def changes_between(
    before: Tensor, after: Tensor, places: Sequence[Similarity], grey: bool
) -> list[Change]:
    """What changes from faces to others, both float (n, 3, h, w) in [−1, 1], in their photo."""
    return [Change(*pair) for pair in zip(in_levels(after - before, grey), places, strict=True)]


def is_grey(photo: np.ndarray) -> bool:
    """True if a photo (h, w, 3) has no colour at all."""
    return bool((photo[..., :2] == photo[..., 1:]).all())


def in_levels(change: Tensor, grey: bool) -> np.ndarray:
    """Differences of images in [−1, 1], n c h w → 8-bit levels, float32 n h w c."""
    levels = rearrange(change.float().cpu().numpy() * GREY_LEVELS, "n c h w -> n h w c")
    if not grey:
        return levels
    brightness = levels @ np.array(LUMINANCE, np.float32)
    return np.repeat(brightness[..., None], 3, axis=-1)


def load_photo_translator(
    run: Path,
    to: str,
    faces: Path | None = None,
    centred: bool = False,
    search_pixels: int = landmarks.SEARCH_PIXELS,
    weights: str | None = None,
    strength: float | None = None,
) -> PhotoTranslator:
    """Load a run for photos.

    The data set's geometry is read from the run; where it is not known yet, it is estimated from
    the store.

    Args:
        run: folder of a CycleGAN's training.
        to: "young" or "old".
        faces: folder of its FaceStore, whose geometry is taken instead of the one kept in the run.
        centred: take every photo as one face, without looking for any.
        search_pixels: see `agegen.faces.landmarks.find_faces`.
        weights: see `load_translator`.
        strength: see there.

    Raises:
        UserError: the run, or the store where it is needed, is missing or damaged, the run was
            handed on and `faces` is given, or the extra ``photos`` is not installed and `centred`
            is not set.
    """
    require_class(to)
    folder = find_run(run, "cyclegan")
    if faces and folder != run:  # what is measured would be kept in the package, or the Hub's cache
        raise UserError(f"--run {as_typed(run)} knows all that photos need: leave out --faces")
    translator = load_translator(run, weights, strength=strength)
    if centred:
        return PhotoTranslator(translator, to, None, search_pixels)
    kept = None if faces else read_geometry(folder, translator.store_checksum)
    if kept:
        return PhotoTranslator(translator, to, kept, search_pixels)
    if folder != run:
        raise UserError(
            f"{as_typed(run)} has not kept how its faces are cropped: it has to be packed again, "
            "--centred looks for no faces"
        )
    store = FaceStore.open(faces or translator.config.faces)
    if store.size != translator.store_size:
        raise UserError(
            f"the faces of {store.folder} have {store.size} pixels, {run} was trained on "
            f"{translator.store_size}: --faces names another data set"
        )
    geometry = geometry_of(store)
    with suppress(UserError):  # a run that may not be written keeps none
        write_geometry(run, geometry)
    return PhotoTranslator(translator, to, geometry, search_pixels)
