"""How long full trainings would take at the measured speeds."""

from typing import NamedTuple

from agegen.classifier.config import TrainConfig
from agegen.cyclegan.config import CycleGANConfig

CACD_FACES = 40_000  # training faces of the lab course's selection from CACD


class Estimate(NamedTuple):
    """A training, and the seconds that its steps take."""

    what: str
    seconds: float


def estimate(
    rates: tuple[float, float], faces: int, classifier: TrainConfig, cyclegan: CycleGANConfig
) -> list[Estimate]:
    """Seconds of the steps alone; validation, looks and checkpoints come on top.

    Args:
        rates: images per second of the classifier and of the CycleGAN.
        faces: training faces of the store that was measured on.
        classifier: its epochs count.
        cyclegan: its pairs count, two images each; they do not depend on the number of faces.
    """
    found = [
        Estimate(
            f"classifier, {classifier.epochs} epochs of {name} {n:,} training faces",
            classifier.epochs * n / rates[0],
        )
        for name, n in (("this store's", faces), ("the lab course's", CACD_FACES))
    ]
    pairs = cyclegan.constant_pairs + cyclegan.decay_pairs
    what = f"CycleGAN as shipped, {pairs:,} pairs, of any number of faces"
    return [*found, Estimate(what, 2 * pairs / rates[1])]
