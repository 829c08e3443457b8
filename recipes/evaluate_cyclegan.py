"""Judge the generators of a run on held-out faces: age shift, identity, change, symptoms.

    python recipes/evaluate_cyclegan.py --run runs/cyclegan --judge runs/utkface
    python recipes/evaluate_cyclegan.py --run runs/cyclegan --judge runs/a --second-judge runs/b
    python recipes/evaluate_cyclegan.py --run runs/cyclegan --judge runs/drawn --truth 300
    python recipes/evaluate_cyclegan.py --run runs/cyclegan --judge runs/utkface --pairs data/fgnet

The judge is a trained classifier, frozen. An age estimator and an identity matcher from outside
join it where pip install 'agegen[judges]' was done. Changes that age nobody are judged too
(--no-controls leaves them out): a shift within their range is no evidence. --truth N compares with
the true counterparts of N newly drawn people: for generators that were trained on drawn faces.
--pairs compares with photos of the same people at the age aimed at.

A page of the figures is written beside them. It shows faces of the split: photos of people may be
under a licence that forbids publishing them.
"""

from accelerate import PartialState

from agegen.cyclegan.evaluate import EvaluateConfig, evaluate_run
from agegen.evaluation.text import describe
from agegen.photos.people import read_people
from agegen.report.evaluation.page import make_page
from agegen.run.cli import run_recipe
from agegen.run.files import write_text


def main(config: EvaluateConfig) -> None:
    """Evaluate, save and print; of several processes, the first one prints."""
    found = evaluate_run(config, read_people)
    if PartialState().is_main_process:
        print("\n".join(describe(found.figures)))
        page = config.figures.with_suffix(".html")
        write_text(page, make_page(config.figures))
        print(f"figures in {config.figures}, page in {page}")


if __name__ == "__main__":
    run_recipe(EvaluateConfig, main, __doc__)
