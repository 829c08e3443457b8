"""Measure a classifier beside baselines: linear ones on others' features, an age estimator.

    python recipes/compare_baselines.py --run runs/utkface --photos photos_with_ages/
    python recipes/compare_baselines.py --run pretrained --faces data/utkface

On its held-out test faces and, with --photos, on photos in the wild, whose ages are read as
prepare_faces.py reads them. Needs the extras photos and judges.
"""

from agegen.photos.baselines import BaselineConfig, compare_baselines, describe_baselines
from agegen.run.cli import run_recipe


def main(config: BaselineConfig) -> None:
    """Measure, save, print."""
    print(describe_baselines(compare_baselines(config)))
    print(f"saved to {config.out}")


if __name__ == "__main__":
    run_recipe(BaselineConfig, main, __doc__)
