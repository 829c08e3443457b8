"""What counts as an alarm while a CycleGAN trains: known to the training and to its report."""

LIMITS = {
    "diversity": 0.5,
    "luminance_correlation": -0.2,
    "checkerboard": 4.0,
    "change": 0.02,
    "copies": 0.1,
    "discriminator_accuracy": 0.98,
}
"""From where on a symptom (see `agegen.evaluation.alarms`) is an alarm: chosen so that real faces
of the other domain, related to the sources or not, sharp or blurred, are on the safe side
(tests/evaluation/test_alarms.py)."""

LOW_IS_BAD = frozenset({"diversity", "luminance_correlation", "change"})
"""Symptoms that alarm below their limit; the others do above it."""

FIRST_ALARM = 0.1
"""Share of the training before which a generator may be unfinished, and no alarm is raised."""

WATCHED = 64
"""Held-out faces of each class, at most, that the symptoms are measured on."""


def is_alarming(name: str, value: float) -> bool:
    """True if a symptom is beyond its limit; NaN is not."""
    return value < LIMITS[name] if name in LOW_IS_BAD else value > LIMITS[name]
