"""Find every face in photos and tell young from old; writes pictures, a table and a page.

    python recipes/classify_photos.py --run pretrained --out runs/found party.jpg
    python recipes/classify_photos.py --run runs/utkface party.jpg
    python recipes/classify_photos.py --run runs/utkface holidays/ portrait.png --out runs/found
    python recipes/classify_photos.py --run runs/utkface --centred crops/

Finding faces needs the extra photos (pip install 'agegen[photos]'); without it, or with --centred,
each photo's centred square is taken as a face that is cropped like the training faces. No
photo leaves this machine.
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import tyro

from agegen.faces import landmarks
from agegen.photos.classify import load_photo_classifier
from agegen.photos.classify_files import classify_photos
from agegen.photos.sets import must_be_centred, require_search_megapixels
from agegen.report.photos.page import make_page
from agegen.run.cli import run_recipe
from agegen.run.files import write_text
from agegen.run.hub import as_typed
from agegen.run.pretrained import PRETRAINED, results_of


@dataclass(frozen=True)
class PhotosConfig:
    """Which photos to classify, by which run."""

    goes_on: ClassVar[str] = "the same command goes on"
    photos: tyro.conf.Positional[tuple[Path, ...]]
    """Photos, and folders of photos."""
    run: Path = PRETRAINED
    """Folder of the trained classifier; pretrained means the one that comes with agegen,
    hf://user/name one on the Hugging Face Hub."""
    out: Path | None = None
    """Folder for the results; by default photos in the run."""
    faces: Path | None = None
    """Folder of the FaceStore that the classifier was trained on; only needed if it was moved and
    the run has not kept yet what photos need of it."""
    centred: bool = False
    """Look for no faces: each photo is cropped to one already."""
    search_megapixels: float = landmarks.SEARCH_PIXELS / 1e6
    """Larger photos are shrunk to so many megapixels to be searched; more finds smaller faces and
    takes proportionally longer."""

    def __post_init__(self) -> None:
        require_search_megapixels(self.search_megapixels)


def main(config: PhotosConfig) -> None:
    """Classify, save, print a line a photo."""
    centred = must_be_centred(config.centred, "each photo's centred square is taken as a face")
    search_pixels = round(config.search_megapixels * 1e6)
    loaded = load_photo_classifier(config.run, config.faces, centred, search_pixels)
    if loaded.geometry and loaded.geometry.landmarks is None:
        print(f"note: {loaded.geometry.describe()}")
    out = config.out or results_of(config.run) / "photos"

    def write_page() -> None:
        write_text(out / "index.html", make_page(out))

    about = {"run": as_typed(config.run)}
    with closing(classify_photos(loaded, config.photos, out, about, write_page)) as results:
        for result in results:
            print(result.line, flush=True)
    print(f"saved to {out}: index.html, photos.csv, annotated pictures")


if __name__ == "__main__":
    run_recipe(PhotosConfig, main, __doc__)
