"""Any system judged by its pictures: real older faces age, a filter does not."""

import json
from pathlib import Path

import numpy as np
import pytest
from known_people import Means
from photos import recipe_here
from PIL import Image, ImageFilter

from agegen.cyclegan.evaluate import EvaluateConfig, evaluate_run
from agegen.evaluation.real_pairs import People
from agegen.evaluation.text import describe
from agegen.evaluation.verdicts import compare_with_controls
from agegen.faces import landmarks
from agegen.faces.store import FaceStore
from agegen.photos.evaluate_pairs import EvaluatePairsConfig, evaluate_pairs
from agegen.report.evaluation.page import make_page
from agegen.run.errors import UserError

QUICK = {
    "age_estimator": False, "identity": False, "lpips": False, "features": "classifier",
    "agreement": False,
}  # fmt: skip
needs_photos = pytest.mark.skipif(
    not landmarks.available(), reason="the extra photos is not installed"
)


@pytest.fixture
def before(drawn_store: FaceStore, tmp_path: Path) -> Path:
    """Young faces as crops."""
    folder = tmp_path / "before"
    folder.mkdir()
    young = np.flatnonzero(drawn_store.labels == 0)[:24]
    for number, face in enumerate(drawn_store.images[young]):
        Image.fromarray(face).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def older(drawn_store: FaceStore, before: Path) -> Path:
    """Old faces in their place."""
    folder = before.with_name("older")
    folder.mkdir()
    old = np.flatnonzero(drawn_store.labels == 1)[:23]
    for number, face in enumerate(drawn_store.images[old]):
        Image.fromarray(face).resize((96, 96)).save(folder / f"{number}.jpg", quality=95)
    return folder


def test_real_old_faces_have_moved_by_about_the_gap(
    drawn_store: FaceStore, trained_run: Path, before: Path, older: Path
) -> None:
    config = EvaluatePairsConfig(
        before, older, "old", judge=trained_run, faces=drawn_store.folder, **QUICK
    )
    found = evaluate_pairs(config)
    assert found["n"] == {"young": 23}
    assert set(found["directions"]) == {"old"}
    score = found["directions"]["old"]["judges"]["classifier"]["log_odds"]
    assert 0.3 < score["share_of_gap"]["value"] < 1.7  # of few faces, by a hasty judge
    assert score["share_of_gap"]["low"] < score["share_of_gap"]["value"]
    assert found["left_out"] == [[str(before / "23.png"), f"has no partner in {older}"]]
    page = make_page(config.figures)
    assert "Judged were 23 pairs of" in page
    assert "in no pair: 1 of the files" in page
    assert "recipes/evaluate_pairs.py" in page


@pytest.mark.parametrize("with_gap", [True, False])
def test_a_plain_filter_is_no_evidence_of_ageing(
    drawn_store: FaceStore, trained_run: Path, before: Path, with_gap: bool
) -> None:
    blurred = before.with_name("blurred")
    blurred.mkdir()
    for path in before.iterdir():
        Image.open(path).filter(ImageFilter.GaussianBlur(0.7)).save(blurred / path.name)
    faces = drawn_store.folder if with_gap else None
    config = EvaluatePairsConfig(before, blurred, "old", judge=trained_run, faces=faces, **QUICK)
    found = evaluate_pairs(config)
    (verdict,) = compare_with_controls(found)
    assert not verdict.beyond
    score = found["directions"]["old"]["judges"]["classifier"]["log_odds"]
    assert ("share_of_gap" in score) == ("reached" in score) == with_gap
    assert ("share of the gap" in found["notes"]) == (not with_gap)
    assert with_gap or "undefined" not in "\n".join(describe(found))
    page = make_page(config.figures)
    assert "beyond every control according to" not in page
    assert with_gap or "undefined" not in page
    assert ("No real faces were named" in page) == (not with_gap)


def test_without_a_gap_shifts_are_turned_to_the_age_aimed_at(
    trained_run: Path, before: Path, older: Path
) -> None:
    shares = {}
    for to, pair in (("old", (before, older)), ("young", (older, before))):
        out = before.with_name(f"{to}.json")
        found = evaluate_pairs(EvaluatePairsConfig(*pair, to, judge=trained_run, out=out, **QUICK))
        (verdict,) = compare_with_controls(found)
        shares[to] = verdict.share
    assert shares["young"]["value"] == pytest.approx(shares["old"]["value"], rel=0.1)
    assert shares["young"]["low"] < shares["young"]["value"] < shares["young"]["high"]


def test_the_command_lists_what_is_left_out(trained_run: Path, before: Path, older: Path) -> None:
    out = before.with_name("figures.json")
    result = recipe_here(
        "evaluate_pairs", "--before", before, "--after", older, "--to", "old", "--judge",
        trained_run, "--no-age-estimator", "--no-identity", "--no-lpips", "--no-controls",
        "--features", "classifier", "--no-agreement", "--out", out,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert f"{before / '23.png'}: has no partner in {older}" in result.stdout
    assert json.loads(out.read_text())["n"] == {"young": 23}
    assert out.with_suffix(".html").exists()
    assert out.with_name("figures_faces.png").exists()


def test_out_must_be_json(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"must end in \.json"):
        EvaluatePairsConfig(tmp_path, tmp_path, "old", out=tmp_path / "x.html")


def people_of(store: FaceStore, rng: np.random.Generator) -> People:
    """Eight people at both ages, of the store's faces, three photos each."""
    chosen = [
        (int(i), age, f"{who:03d}")
        for who in range(8)
        for label, ages in ((0, (18, 31)), (1, (40, 71)))
        for i, age in zip(
            rng.choice(np.flatnonzero(store.labels == label), 3, replace=False),
            rng.integers(*ages, 3),
            strict=True,
        )
    ]
    numbers, ages, persons = zip(*chosen, strict=True)
    images = store.images[np.array(numbers)]
    return People(images, np.array(ages), np.array(persons), rng.normal(0, 0.1, 48), [])


def no_matcher(shown: float) -> None:
    raise UserError("not installed")


@needs_photos
def test_pairs_and_generators_are_held_beside_the_people(
    drawn_store: FaceStore, trained_run: Path, cyclegan_run: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    people = people_of(drawn_store, np.random.default_rng(0))
    monkeypatch.setattr("agegen.photos.evaluate_pairs.read_people", lambda *_: people)
    monkeypatch.setattr("agegen.evaluation.panel.IdentityMatcher", lambda _: Means())
    asked = QUICK | {"identity": True, "controls": False}
    before, after = tmp_path / "before", tmp_path / "after"
    for folder in (before, after):
        folder.mkdir()
    for number in people.at("young"):
        name = f"{people.persons[number]}A{people.ages[number]}{'abc'[number % 3]}.png"
        Image.fromarray(people.images[number]).save(before / name)
        Image.fromarray(people.images[number]).save(after / name)
    config = EvaluatePairsConfig(
        before, after, "old", judge=trained_run, faces=drawn_store.folder, pairs=tmp_path, **asked
    )
    found = evaluate_pairs(config)["real_pairs"]
    of = found["directions"]["old"]
    assert (of["pairs"], of["people"]) == (8 * 3 * 3, 8)
    assert of["matchers"]["means"]["gain"]["value"] == 0  # they are the same pictures
    assert "nearer to nor farther from the person" in make_page(config.figures)
    for file in before.iterdir():
        file.rename(before / f"x{file.stem}.png")
        (after / file.name).rename(after / f"x{file.stem}.png")
    with monkeypatch.context() as patched:
        patched.setattr("agegen.photos.evaluate_pairs.judge_made", pytest.fail)  # before judging
        with pytest.raises(UserError, match="no name of a picture in"):
            evaluate_pairs(config)
        children = people._replace(ages=np.full_like(people.ages, 12))
        patched.setattr("agegen.cyclegan.evaluate.judge_made", pytest.fail)
        config = EvaluateConfig(run=cyclegan_run, judge=trained_run, pairs=tmp_path, **asked)
        with pytest.raises(UserError, match="two people or more"):
            evaluate_run(config, lambda *_: children)
        patched.setattr("agegen.evaluation.panel.IdentityMatcher", no_matcher)
        with pytest.raises(UserError, match="identity matcher"):
            evaluate_run(config, pytest.fail)

    config = EvaluateConfig(
        run=cyclegan_run, judge=trained_run, pairs=tmp_path, most=8, trade_off=True,
        out=tmp_path / "evaluation.json", **asked,
    )  # fmt: skip
    figures = evaluate_run(config, lambda *_: people).figures
    assert set(figures["real_pairs"]["directions"]) == {"young", "old"}
    assert len(figures["trade_off"]["old"]) == 5
    page = make_page(config.figures)
    assert "What does more ageing cost?" in page
    assert "Does it come nearer to what the person became?" in page


def test_pairs_are_not_passed_over_without_a_reader(tmp_path: Path) -> None:
    config = EvaluateConfig(run=tmp_path, judge=tmp_path, pairs=tmp_path / "people")
    with pytest.raises(UserError, match=r"people cannot be read without find_people: give"):
        evaluate_run(config)
