"""Age or rejuvenate every face in photos by trained generators; writes photos, a table and a page.

    python recipes/translate_photos.py --run runs/cyclegan --to old party.jpg
    python recipes/translate_photos.py --run runs/cyclegan --to young holidays/ portrait.png --out x
    python recipes/translate_photos.py --run runs/cyclegan --to old --centred crops/

Finding faces needs the extra photos (pip install 'agegen[photos]'); without it, or with --centred,
each photo is translated as one face that is cropped like the training faces. The photos themselves
are never written to. Nothing leaves this machine.
"""

from pathlib import Path

from agegen.photos.translate_files import TranslatePhotosConfig, translate_photos
from agegen.report.photos.translated import make_page
from agegen.run.cli import run_recipe
from agegen.run.files import write_text


def write_page(out: Path) -> None:
    """Write the page of a folder of results."""
    write_text(out / "index.html", make_page(out))


def main(config: TranslatePhotosConfig) -> None:
    """Translate, save, print a line a photo."""
    translate_photos(config, write_page)


if __name__ == "__main__":
    run_recipe(TranslatePhotosConfig, main, __doc__)
