"""The section on input optimisation says what was measured, whichever way it points."""

from pathlib import Path

import numpy as np
import pytest
from analyses import undrawn, words_of  # noqa: F401 - a fixture
from PIL import Image

from agegen.analysis.inputs.transfer import SETTINGS
from agegen.report.classifier import optimize_input
from agegen.report.classifier.transfer_pictures import picture_kept, write_curve
from agegen.report.parts.section import Section
from agegen.run.files import read_json, write_json

CONFIG = {
    "steps": 64, "learning_rate": 0.02, "l2": 5.0, "total_variation": 10.0, "blur": 0.5,
    "blur_every": 4, "shift": 4.0, "rotation": 5.0, "scale": 0.05,
}  # fmt: skip


def figure(value: float | None, reach: float = 0.1) -> dict:
    if value is None:
        return {"value": None, "low": None, "high": None}
    return {"value": value, "low": value - reach, "high": value + reach}


def judged(
    shift: float | None, kept: float | None = None, gain: float | None = 0.0, drift: float = 0.3
) -> dict:
    taken = {"n": 16, "count": 8.0, "share": figure(0.5)}
    found = {"shift": figure(shift), "drift": figure(drift, 0.05)}
    found |= {"before": taken, "after": taken, "flipped": taken}
    return found | {
        "kept": {"shift": figure(0.123), "pattern": figure(kept)},
        "gain": {"shift": figure(0.0), "pattern": figure(gain)},
    }


def write_chapter(folder: Path, kept: dict[str, float | None], gains: dict[str, float]) -> Path:
    """Every setting moves the first network by 2 gaps; the second by a share of that."""
    kinds = {}
    for name in SETTINGS:
        share = kept.get(name, 0.2)
        of = {"n": 16, "first": judged(2.0)}
        of |= {"same kind": judged(2 * (share or 0), share, gains.get(name, 0.0))}
        of |= {"other kind": judged(0.2, 0.1 - 0.001)}
        kinds[name] = {"noise": of, "other": of}
    score = {"n": 627, "roc_auc": figure(0.9, 0.02)}
    second = {"network": "residual", "widths": [4, 8], "n_train": 941, "val": score}
    second |= {"unseen": {"n": 4699, "roc_auc": figure(0.876, 0.01)}}
    chapter = {
        "picture": "transfer_grid.png", "n": 48, "noises": 8, "faces_a_class": 8, "n_val": 627,
        "resamples": 1000, "settings": kinds,
        "configs": {"all together": CONFIG, "L2": CONFIG | {"l2": 77.0}},
        "classifiers": {"first": {"val": score}, "same kind": second, "other kind": second},
        "real_faces": {"same kind": figure(0.61), "other kind": figure(0.55)},
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "transfer.json", chapter)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / "transfer_grid.png")
    return folder


def answer(
    folder: Path, kept: dict[str, float | None] | None = None, gains: dict | None = None
) -> Section:
    return optimize_input.answer(write_chapter(folder, kept or {}, gains or {}), {})


def test_the_section_holds_the_figures_and_the_grid(tmp_path: Path) -> None:
    section = answer(tmp_path / "run" / "analysis", {"none": 0.07})
    words = words_of(section)
    assert "the second keeps 0.07 [-0.03, 0.17]" in words
    assert "the share of the logit kept is 0.12 [0.02, 0.22]" in words
    assert "AUC 0.876 [0.866, 0.886] on 4,699 of the training faces" in words
    assert "0.61 [0.51, 0.71] (slope over 627 validation faces)" in words
    assert "by at most 0.30 gaps towards old (from noise, none: +0.30 [0.25, 0.35])" in words
    assert "None" not in words
    assert "{" not in words
    assert "L2 (weight 5)" in words
    assert "weight of 77 alone" in words
    assert [len(table.rows) for table in section.tables] == [len(SETTINGS)] * 2
    assert [p.wide for p in section.pictures] == [False, False, True]
    assert section.pictures[2].src.startswith("data:image/png")
    assert section.pictures[0].src.startswith("data:image/svg")
    assert f"recipes/optimize_input.py --run {tmp_path / 'run'}" in section.command


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.1, 0.1, "adversarial"),
        (-0.7, -0.4, "adversarial"),
        (0.1, 0.4, "mostly adversarial"),
        (0.3, 0.7, "partly meaningful"),
        (0.6, 1.1, "mostly meaningful"),
        (-0.2, 1.1, "too uncertain to tell"),
        (None, None, "undefined"),
    ],
)
def test_the_verdict_follows_the_interval(low, high, verdict: str) -> None:
    kept = {"value": None if low is None else (low + high) / 2, "low": low, "high": high}
    assert optimize_input.judge_interval(kept) == verdict
    assert optimize_input.judge_share(kept, kept).endswith(f": {verdict} for both.")


@pytest.mark.usefixtures("undrawn")
def test_two_judges_who_disagree_are_both_named(tmp_path: Path) -> None:
    sentences = answer(tmp_path, {"all together": 0.9, "none": 0.02}).answer
    assert "keeps 0.02" in sentences[0]
    assert "0.90" in sentences[0]
    together = [s for s in sentences if "with all regularisers together" in s]
    assert len(together) == 2
    for sentence in together:
        assert "mostly meaningful for the second, adversarial for the other kind" in sentence
    assert sum("adversarial for both" in s for s in sentences if "without any" in s) == 2


@pytest.mark.parametrize(
    ("drift", "words"),
    [
        (figure(-0.4), "0.40 gaps towards young"),
        (figure(0.05), "+0.05 [-0.05, 0.15], which may be chance"),
        (figure(None), "undefined, as there is no gap"),
    ],
)
def test_where_random_changes_lead_is_said(drift: dict, words: str) -> None:
    chapter = {"settings": {"none": {"noise": {"same kind": {"drift": drift}}}}}
    said = optimize_input.describe_controls(chapter, ["noise"])
    assert words in said.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.usefixtures("undrawn")
def test_what_helps_is_named_only_if_it_clearly_does(tmp_path: Path) -> None:
    nothing = answer(tmp_path, gains={"blur": 0.05}).answer
    assert any("none of the 7 settings clearly changes what is kept" in s for s in nothing)
    gains = {"blur": 0.3, "Fourier": 0.2, "L2": -0.3}
    (found, _) = [s for s in answer(tmp_path, gains=gains).answer if s.startswith("Against")]
    raised, lowered, rest = found.split("; ")
    assert "blur (+0.30" in raised
    assert "Fourier (+0.20" in raised
    assert lowered.startswith("less is kept with L2 (-0.30")
    assert rest == "no clear change with 4 of 7."


def test_an_undefined_share_leaves_a_gap_in_the_figure(tmp_path: Path) -> None:
    folder = write_chapter(tmp_path, dict.fromkeys(SETTINGS), {})
    drawn = picture_kept(read_json(folder / "transfer.json"), ["noise", "other"], "pattern")
    assert "none: from noise undefined" in drawn.alt


def test_the_curve_is_written_for_one_image_and_for_several(tmp_path: Path) -> None:
    image = {"history": [0.1, 0.5, 0.9]}
    for images in ([image], [image, {"history": [0.2, 0.3, 0.4]}]):
        write_curve(tmp_path / "curve.svg", {"target": "old", "images": images})
        assert "<svg" in (tmp_path / "curve.svg").read_text()
