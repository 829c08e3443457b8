"""Find out what costs a classifier its accuracy on photos in the wild, by changing it.

    python recipes/study_domain_shift.py --run runs/utkface --photos photos_with_ages/

Sharpness, colours, compression, crop and threshold are changed, one at a time. Needs the extra
photos.
"""

from agegen.photos.domain_shift import (
    DomainShiftConfig,
    describe_domain_shift,
    study_domain_shift,
)
from agegen.run.cli import run_recipe


def main(config: DomainShiftConfig) -> None:
    """Measure, save, print."""
    print(describe_domain_shift(study_domain_shift(config)))
    print(f"saved to {config.out}")


if __name__ == "__main__":
    run_recipe(DomainShiftConfig, main, __doc__)
