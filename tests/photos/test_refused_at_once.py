"""What names and paths tell is refused before a network is loaded, or anything is judged."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from known_people import Means
from photos import save

from agegen.cyclegan.evaluate import EvaluateConfig, evaluate_run
from agegen.cyclegan.strength import ChooseStrengthConfig, choose_strength
from agegen.evaluation.panel import PanelConfig, call_panel
from agegen.photos.evaluate_pairs import EvaluatePairsConfig, evaluate_pairs
from agegen.run.errors import UserError

ALONE = {"age_estimator": False, "lpips": False, "features": "classifier", "agreement": False}
THERE = {  # settings that name a run or file, and what is said of one that is not there
    "judge": "is not a run folder", "second_judge": "is not a run folder",
    "age_judge": "is not a run folder", "alexnet": "does not exist",
    "onnx_judge": "does not exist", "onnx_embedder": "does not exist", "pairs": "does not exist",
}  # fmt: skip


def loaded(*_: object, **__: object) -> None:
    pytest.fail("something was loaded, or judged, before the mistake was told")


def name_other(after: Path, rng: np.random.Generator) -> None:
    """No name is as before."""
    for file in list(after.iterdir()):
        file.rename(after / f"{rng.integers(100)}x{file.name}")


def empty(after: Path, rng: np.random.Generator) -> None:
    for file in after.iterdir():
        file.unlink()


def remove(after: Path, rng: np.random.Generator) -> None:
    empty(after, rng)
    after.rmdir()


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Pictures before and after, a few, of the same names."""
    for number in range(3):
        for folder in ("before", "after"):
            save(tmp_path / folder / f"{number}.png", number, 40)
    return tmp_path / "before", tmp_path / "after"


@pytest.fixture
def nothing_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("load_classifier", "needs_of", "call_panel"):
        monkeypatch.setattr(f"agegen.photos.evaluate_pairs.{name}", loaded)
    monkeypatch.setattr("agegen.cyclegan.evaluate.load_translator", loaded)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("spoil", "said"),
    [(remove, "is no folder of pictures"), (empty, "no pair"), (name_other, "no pair")],
)
def test_folders_without_a_pair(
    folders: tuple[Path, Path], nothing_loads: None, spoil: Callable, said: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    spoilt = folders[rng.integers(2)]
    spoil(spoilt, rng)
    with pytest.raises(UserError, match=said):
        evaluate_pairs(EvaluatePairsConfig(*folders, "old"))


@pytest.mark.parametrize("name", [*THERE, "faces"])
def test_pairs_with_what_is_not_there(
    folders: tuple[Path, Path], nothing_loads: None, name: str
) -> None:
    config = EvaluatePairsConfig(*folders, "old", **{name: folders[0] / "none"})
    with pytest.raises(UserError, match=f"none {THERE.get(name)}|no FaceStore at .*none"):
        evaluate_pairs(config)


@pytest.mark.parametrize("name", THERE)
def test_a_run_with_what_is_not_there(
    trained_run: Path, tmp_path: Path, nothing_loads: None, name: str
) -> None:
    named = {"judge": trained_run} | {name: tmp_path / "none"}
    with pytest.raises(UserError, match=f"none {THERE[name]}"):
        evaluate_run(EvaluateConfig(run=tmp_path, **named), loaded)


def test_names_that_say_of_nobody_who_it_is(
    folders: tuple[Path, Path], nothing_loads: None
) -> None:
    config = EvaluatePairsConfig(*folders, "old", pairs=folders[0])
    with pytest.raises(UserError, match=r"no name of a picture in .* the first is 0\.png"):
        evaluate_pairs(config)


@pytest.mark.parametrize(("out", "said"), [("", "is in the way"), ("x.json", "cannot write")])
def test_results_that_may_not_be_written(
    folders: tuple[Path, Path], cyclegan_run: Path, trained_run: Path,
    monkeypatch: pytest.MonkeyPatch, out: str, said: str,
) -> None:  # fmt: skip
    mine = folders[0] / "mine.json"
    mine.write_text("mine")
    monkeypatch.setattr("agegen.photos.evaluate_pairs.open_judge", loaded)
    monkeypatch.setattr("agegen.cyclegan.evaluate.call_panel", loaded)
    with pytest.raises(UserError, match=said):
        evaluate_pairs(EvaluatePairsConfig(*folders, "old", out=mine / out))
    with pytest.raises(UserError, match=said):
        evaluate_run(EvaluateConfig(run=cyclegan_run, judge=trained_run, out=mine / out))
    assert mine.read_text() == "mine"


def test_a_mistyped_run_is_not_made(tmp_path: Path, trained_run: Path) -> None:
    run = tmp_path / "typo"
    for refused in (
        lambda: evaluate_run(EvaluateConfig(run=run, judge=trained_run)),
        lambda: choose_strength(ChooseStrengthConfig(run)),
    ):
        with pytest.raises(UserError, match="typo is not a run folder"):
            refused()
    assert not run.exists()


def test_judges_files_come_before_what_is_downloaded(
    trained_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("IdentityMatcher", "load_perceptual", "find_features"):
        monkeypatch.setattr(f"agegen.evaluation.panel.{name}", loaded)
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(b"no network")
    (tmp_path / "twins.py").write_text("class Twin:\n    name = 'twin'\n    def scores(self, x): 0")
    monkeypatch.syspath_prepend(tmp_path)
    for asked, said in (
        ({"onnx_judge": damaged}, "damaged.onnx is no ONNX file"),
        ({"onnx_embedder": damaged}, "damaged.onnx is no ONNX file"),
        ({"own_judges": ("twins:Twin", "twins:Twin")}, "two judges have the same name"),
    ):
        with pytest.raises(UserError, match=said):
            call_panel(PanelConfig(**asked), trained_run, 0.96, torch.device("cpu"))
    with pytest.raises(UserError, match="--features alexnet needs --lpips"):
        PanelConfig(features="alexnet", lpips=False)


def test_one_person_is_refused_before_faces_are_translated(
    folders: tuple[Path, Path], cyclegan_run: Path, trained_run: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("agegen.evaluation.panel.IdentityMatcher", lambda _: Means())
    for name in ("cyclegan.evaluate.translate_all", "photos.evaluate_pairs.judge_beside_controls"):
        monkeypatch.setattr(f"agegen.{name}", loaded)
    one = {"judge": trained_run, "out": tmp_path / "x.json", **ALONE}
    with pytest.raises(UserError, match="two people or more"):
        evaluate_run(EvaluateConfig(run=cyclegan_run, most=1, **one))
    for number in (1, 2):
        (folders[0] / f"{number}.png").unlink()
    with pytest.raises(UserError, match="two people or more"):
        evaluate_pairs(EvaluatePairsConfig(*folders, "old", **one))
