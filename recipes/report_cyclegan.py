"""Write the report of a CycleGAN's training: one static page, from saved files only.

    python recipes/report_cyclegan.py --run runs/cyclegan
    python recipes/report_cyclegan.py --run runs/cyclegan --out page.html

If the run was evaluated, the page begins with the main figures of that.

It may be called while the training is still at work. The page needs no network, no script and no
other file. It shows faces of the validation split: photos of people may be under a licence that
forbids publishing them.
"""

from dataclasses import dataclass
from pathlib import Path

from agegen.report.cyclegan.page import make_page
from agegen.run.cli import run_recipe
from agegen.run.files import write_text


@dataclass(frozen=True)
class ReportConfig:
    """Of which run, and where to."""

    run: Path
    """Folder of the training."""
    out: Path | None = None
    """The page; by default report/index.html in the run."""


def main(config: ReportConfig) -> None:
    """Make the page and save it."""
    out = config.out or config.run / "report" / "index.html"
    page = make_page(config.run)
    write_text(out, page)
    print(f"saved to {out} ({len(page.encode()) / 1e6:.1f} MB)")


if __name__ == "__main__":
    run_recipe(ReportConfig, main, __doc__)
