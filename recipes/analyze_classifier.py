"""Answer the lab course's questions about a trained classifier, on one page: RUN/report/index.html.

    python recipes/analyze_classifier.py --run runs/utkface
    python recipes/analyze_classifier.py --run runs/utkface --chapters multi_crop errors --again
    python recipes/analyze_classifier.py --run runs/utkface --examples 0      # no photo is shown

Structure, untrained network, learning curves, figures beyond accuracy, effect of training size and
augmentation, multi-crop evaluation, errors, attributions, label noise, input optimisation. Each
chapter is saved in RUN/analysis as it is done; a killed analysis goes on when started again.
recipes/study_hyperparameters.py adds more hyperparameters to the same page.
"""

from dataclasses import dataclass
from pathlib import Path

import torch

from agegen.analysis.analyze import CHAPTERS, analyze_run
from agegen.report.classifier.page import make_page
from agegen.report.parts.examples import MOST_EXAMPLES
from agegen.run.allocator import keep_freed_memory
from agegen.run.cli import run_recipe
from agegen.run.devices import cores_per_process
from agegen.run.errors import UserError
from agegen.run.files import write_text


@dataclass(frozen=True)
class AnalyzeConfig:
    """Of which run, and what."""

    run: Path
    """Folder of the trained classifier."""
    faces: Path | None = None
    """Folder of the FaceStore that it was trained on, if it is no longer where it was then."""
    chapters: tuple[str, ...] = CHAPTERS
    """Which chapters to compute; the page shows all that are there."""
    seed: int = 0
    """Decides everything random in the analysis."""
    again: bool = False
    """Compute chapters again that are already there."""
    examples: int = 12
    """Faces in each gallery, at most 12; 0 leaves out every picture that is made of photos."""

    def __post_init__(self) -> None:
        if not 0 <= self.examples <= MOST_EXAMPLES:
            raise UserError(f"--examples must be between 0 and {MOST_EXAMPLES}")
        if self.seed < 0:
            raise UserError("--seed cannot be negative")


def main(config: AnalyzeConfig) -> None:
    """Compute the chapters, then make the page."""
    keep_freed_memory()
    torch.set_num_threads(cores_per_process())
    analyze_run(config.run, config.faces, config.chapters, config.seed, config.again)
    out = config.run / "report" / "index.html"
    write_text(out, make_page(config.run, config.faces, config.examples))
    print(f"saved to {out} ({out.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    run_recipe(AnalyzeConfig, main, __doc__)
