"""Age or rejuvenate every face in photos by trained generators; writes photos, strips, a table.

    python recipes/translate_photos.py --run runs/cyclegan --to old party.jpg
    python recipes/translate_photos.py --run runs/cyclegan --to young holidays/ portrait.png --out x
    python recipes/translate_photos.py --run runs/cyclegan --to old --centred crops/

Finding faces needs the extra photos (pip install 'agegen[photos]'); without it, or with --centred,
each photo is translated as one face that is cropped like the training faces. The photos themselves
are never written to. Nothing leaves this machine.
"""

from agegen.photos.translate_files import TranslatePhotosConfig, translate_photos
from agegen.run.cli import run_recipe

if __name__ == "__main__":
    run_recipe(TranslatePhotosConfig, translate_photos, __doc__)
