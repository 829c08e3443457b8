"""Judge any face-ageing system by pictures before and after: age shift, identity, change, realism.

    python recipes/evaluate_pairs.py --before photos --after theirs --to old --faces data/utkface
    python recipes/evaluate_pairs.py --before crops --after aged --to young --judge runs/utkface
    python recipes/evaluate_pairs.py --before photos --after runs/cyclegan/photos_old --to old

Pictures are paired by their names; aligned crops or whole photos, of any format and size. The same
judges, controls and page as for agegen's own generators. What has no partner, no face or another
shape is listed, a line each.
"""

from agegen.evaluation.text import describe
from agegen.photos.evaluate_pairs import EvaluatePairsConfig, evaluate_pairs
from agegen.report.evaluation.page import make_page
from agegen.run.cli import run_recipe
from agegen.run.files import write_text


def main(config: EvaluatePairsConfig) -> None:
    """Evaluate, save and print."""
    figures = evaluate_pairs(config)
    for path, reason in figures["left_out"]:
        print(f"{path}: {reason}")
    print("\n".join(describe(figures)))
    page = config.figures.with_suffix(".html")
    write_text(page, make_page(config.figures))
    print(f"figures in {config.figures}, page in {page}")


if __name__ == "__main__":
    run_recipe(EvaluatePairsConfig, main, __doc__)
