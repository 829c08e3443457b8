"""Write the report of a trained and evaluated classifier: one static page, from saved files only.

    python recipes/report_classifier.py --run runs/utkface
    python recipes/report_classifier.py --run runs/utkface --out page.html --faces data/utkface
    python recipes/report_classifier.py --run runs/utkface --examples 0      # no face is shown

The page needs no network, no script and no other file; `evaluate_classifier.py` comes before it.
Photos of people may be under a licence that forbids publishing them: then use --examples 0.
"""

from dataclasses import dataclass
from pathlib import Path

from agegen.report.classifier.page import make_page
from agegen.report.parts.examples import MOST_EXAMPLES
from agegen.run.cli import run_recipe
from agegen.run.errors import UserError
from agegen.run.files import write_text


@dataclass(frozen=True)
class ReportConfig:
    """Of which run, and where to."""

    run: Path
    """Folder of the trained classifier."""
    out: Path | None = None
    """The page; by default report/index.html in the run."""
    faces: Path | None = None
    """Folder of the FaceStore that was evaluated, if it is no longer where it was then."""
    examples: int = 12
    """Faces in each gallery of examples, at most 12; 0 leaves the galleries out."""

    def __post_init__(self) -> None:
        if not 0 <= self.examples <= MOST_EXAMPLES:
            raise UserError(f"--examples must be between 0 and {MOST_EXAMPLES}")


def main(config: ReportConfig) -> None:
    """Make the page and save it."""
    out = config.out or config.run / "report" / "index.html"
    page = make_page(config.run, config.faces, config.examples)
    write_text(out, page)
    print(f"saved to {out} ({len(page.encode()) / 1e6:.1f} MB)")


if __name__ == "__main__":
    run_recipe(ReportConfig, main, __doc__)
