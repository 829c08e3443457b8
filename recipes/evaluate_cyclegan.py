"""Judge the generators of a run on held-out faces: age shift, identity, change, symptoms.

    python recipes/evaluate_cyclegan.py --run runs/cyclegan --judge runs/utkface
    python recipes/evaluate_cyclegan.py --run runs/cyclegan --judge runs/utkface --controls
    python recipes/evaluate_cyclegan.py --run runs/cyclegan --judge runs/drawn --truth 300

The judge is a trained classifier, frozen. An age estimator and an identity matcher from outside
join it where pip install 'agegen[judges]' was done. --controls judges also changes that age nobody:
a shift within their range is no evidence. --truth N compares with the true counterparts of N newly
drawn people: for generators that were trained on drawn faces.
"""

from agegen.cli import run_recipe
from agegen.cyclegan.evaluate_run import EvaluateConfig, evaluate_run
from agegen.cyclegan.evaluation_text import describe


def main(config: EvaluateConfig) -> None:
    """Evaluate, save and print."""
    print("\n".join(describe(evaluate_run(config).figures)))
    print(f"figures in {config.out or config.run / 'evaluation.json'}")


if __name__ == "__main__":
    run_recipe(EvaluateConfig, main, __doc__)
