"""An opened analysis of the small trained run, views of no classifier, and a section's words."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from agegen.analysis.analysis import Analysis, open_analysis
from agegen.analysis.multi_crop import SCHEMES, SplitViews
from agegen.report.parts import style
from agegen.report.parts.section import Section


@pytest.fixture(name="analysis")
def opened_analysis(trained_run: Path, tmp_path: Path) -> Analysis:
    """Of a copy, whose files a test may change."""
    return open_analysis(shutil.copytree(trained_run, tmp_path / "run"), seed=3)


def draw_views(labels: np.ndarray, centre: float, others: float, seed: int = 0) -> SplitViews:
    """Views whose log-odds lie around the label by one skill for the centre, one for the others."""
    views = 1 + max(max(columns) for columns in SCHEMES.values())
    noise = np.random.default_rng(seed).normal(size=(views, len(labels)))
    skill = np.where(np.arange(views) == 0, centre, others)[:, None]
    return SplitViews(np.arange(len(labels)), labels, skill * (2 * labels - 1) + noise)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave a section's drawings out, which take most of its time."""
    monkeypatch.setattr(style, "as_svg", lambda *_: "data:image/svg+xml,")


def rewrite(path: Path, content: object) -> None:
    """Change a file that may lie outside a run, as a user would."""
    path.write_text(json.dumps(content), encoding="utf-8")


def words_of(section: Section) -> str:
    """All that can be read in a section, in one line."""
    parts = [*section.answer, *section.details]
    parts += [cell for table in section.tables for row in table.rows for cell in row]
    parts += [f"{p.name} {p.alt} {p.caption}" for p in section.pictures]
    parts += [f"{g.name} {what} {text}" for g in section.galleries for _, what, text in g.faces]
    return " ".join(parts).replace("\N{NO-BREAK SPACE}", " ")
