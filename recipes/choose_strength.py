"""Choose how strongly a run's generators age: the largest shift that keeps enough people.

    python recipes/choose_strength.py --run runs/cyclegan
    python recipes/choose_strength.py --run runs/cyclegan --verified 0.97 0.9

Validation faces are translated at strengths from 0.5 to 1.3, before the age estimator and the
identity matcher. The choice of each direction is kept in the run (strength.json), where evaluation,
photos, packing and export find it; --strength there overrides it. strength.png shows faces at all
strengths. Needs the extras photos and judges.
"""

from agegen.cyclegan.strength import ChooseStrengthConfig, choose_strength, describe_choice
from agegen.run.cli import run_recipe


def main(config: ChooseStrengthConfig) -> None:
    """Choose, save and print."""
    print("\n".join(describe_choice(choose_strength(config))))
    print(f"kept in {config.run}/strength.json; faces at all strengths in strength.png")


if __name__ == "__main__":
    run_recipe(ChooseStrengthConfig, main, __doc__)
