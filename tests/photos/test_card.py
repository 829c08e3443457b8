"""The model card that packing writes: its head for the Hub, its figures from the run's own."""

import shutil
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from hypothesis import given
from hypothesis import strategies as st
from made_photos import keep_made_geometry
from photos import recipe, recipe_here
from written_cyclegans import write_cyclegan_run
from written_runs import write_run

from agegen.cyclegan.evaluate import EvaluateConfig, evaluate_run
from agegen.cyclegan.translate import read_strength, write_strength
from agegen.evaluation.text import show
from agegen.photos.card import make_card, measured, read_evaluation
from agegen.run.errors import UserError
from agegen.run.files import read_json, sha256, write_json
from agegen.run.hub import require_packed


def figure(value: float) -> dict:
    return {"value": value, "low": value / 2, "high": (1 + value) / 2}


def test_a_classifiers_figures_are_those_of_its_evaluation(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    card = ModelCard(make_card(run, "mine", "cc-by-nc-4.0", ("ann/faces",)))
    found, data = read_json(run / "evaluation.json"), card.data
    assert (data.license, data.library_name) == ("cc-by-nc-4.0", "agegen")
    assert data.pipeline_tag == "image-classification"
    assert data.datasets == ["ann/faces"]
    assert [result.metric_type for result in data.eval_results] == data.metrics
    for result in data.eval_results:
        of = found[result.metric_type]
        assert result.metric_value == round(of["value"], 4)
        said = f"n = {found['n']}, 95 % interval {of['low']:.3f} to {of['high']:.3f}"
        assert result.metric_name.endswith(said)
    assert "On 50 young, 30 old faces of ann/faces; 12 steps of 20, " in card.text
    assert f"roc auc                      {found['roc_auc']['value']:.4f} [" in card.text
    assert "agegen classify --run hf://USER/NAME" in card.text
    assert str(tmp_path) not in str(card)


def test_what_was_not_measured_is_not_claimed(tmp_path: Path) -> None:
    run = write_cyclegan_run(tmp_path)
    card = ModelCard(make_card(run, "mine", "other"))
    assert card.data.pipeline_tag == "image-to-image"
    assert card.data.eval_results is None
    assert "It was not evaluated." in card.text
    assert "faces; " in card.text  # of a data set that was not named
    assert "0 minutes" not in card.text
    evaluated = write_run(tmp_path / "narrow", intervals=False)
    assert ModelCard(make_card(evaluated, "mine", "mit")).data.eval_results is None


def test_generators_are_shown_as_their_evaluation_prints_them(
    cyclegan_run, trained_run, tmp_path: Path
) -> None:
    run = shutil.copytree(cyclegan_run, tmp_path / "run")
    nobody_else = dict.fromkeys(
        ("age_estimator", "identity", "lpips", "controls", "agreement"), False
    )
    evaluate_run(EvaluateConfig(run, trained_run, features="classifier", **nobody_else))
    card = ModelCard(make_card(run, "mine", "other", weights="generators")).text
    found = read_json(run / "evaluation.json")
    assert found["generators"] == sha256(run / "generators.safetensors")
    for to, of in found["directions"].items():
        shift = of["judges"]["classifier"]["p_old"]["shift"]
        assert f"to {to}, n = " in card
        assert show(shift) in card
    assert "not measured" not in card
    assert "not asked for" not in card
    assert str(tmp_path) not in card


def test_figures_of_other_weights_are_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    best = read_json(run / "best.json")
    write_json(run / "best.json", best | {"temperature": best["temperature"] + 0.1})
    with pytest.raises(UserError, match=r"evaluation.json is of other weights than those"):
        make_card(run, "mine", "mit")
    generators = write_cyclegan_run(tmp_path / "g")
    write_json(generators / "evaluation.json", {"weights": "best"})
    with pytest.raises(UserError, match=r"evaluation.json is of other weights than those"):
        make_card(generators, "mine", "mit")


def test_generators_figures_are_of_what_is_handed_on(cyclegan_run, tmp_path: Path) -> None:
    run = shutil.copytree(cyclegan_run, tmp_path / "run")
    path, data = run / "evaluation.json", read_json(run / "config.json")["data"]
    right = {
        "weights": "generators", "checksum": data["checksum"], "strength": read_strength(run),
        "generators": sha256(run / "generators.safetensors"),
    }  # fmt: skip
    write_json(path, right)
    assert read_evaluation(run, "cyclegan", None) == right
    for entries, differs in (
        ({"checksum": "0" * 12}, "other faces than those of the run"),
        ({"strength": {"young": 1.0, "old": 1.5}}, "other strengths than those handed on"),
        ({"generators": "0" * 64}, "other weights than those handed on"),
    ):
        write_json(path, right | entries)
        with pytest.raises(UserError, match=f"evaluation.json is of {differs}: evaluate these$"):
            make_card(run, "mine", "mit", weights="generators")
    del right["generators"]  # as earlier versions wrote it
    write_json(path, right)
    assert read_evaluation(run, "cyclegan", None) == right
    write_strength(run, "generators", {to: {"strength": 0.5} for to in ("young", "old")})
    with pytest.raises(UserError, match="other strengths"):
        read_evaluation(run, "cyclegan", None)
    (run / "generators.safetensors").unlink()
    with pytest.raises(UserError, match=r"has no generators.safetensors: train it first"):
        read_evaluation(run, "cyclegan", None)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"temperature": 0.8, "split": 3}'])
def test_a_damaged_evaluation_is_a_sentence(tmp_path: Path, content: str) -> None:
    run = write_run(tmp_path)
    (run / "evaluation.json").write_text(content)
    with pytest.raises(UserError, match=r"evaluation.json is damaged"):
        make_card(run, "mine", "mit")


@given(
    values=st.lists(st.floats(0, 1), min_size=3, max_size=3),
    n=st.integers(1, 10**7),
    sets=st.lists(st.text("ab/-", min_size=1), max_size=3),
)
def test_any_figures_are_read_back_from_the_head(values, n, sets) -> None:
    names = ("accuracy", "balanced_accuracy", "roc_auc")
    found = {"split": "test", "n": n} | dict(zip(names, map(figure, values), strict=True))
    results = measured(found, tuple(sets))
    assert [result.metric_value for result in results] == [round(value, 4) for value in values]
    assert all(f"n = {n:,}" in result.metric_name for result in results)


def test_pack_run_writes_a_card_where_there_is_none(trained_run, drawn_store, tmp_path) -> None:
    keep_made_geometry(drawn_store, shutil.copytree(drawn_store.folder, tmp_path / "faces"))
    run, out = shutil.copytree(trained_run, tmp_path / "run"), tmp_path / "packed"
    flags = ("--run", run, "--out", out, "--faces", tmp_path / "faces")
    (run / "evaluation.json").write_text("{")
    done = recipe_here("pack_run", *flags, "--card", "--license", "mit")
    assert (done.returncode, out.exists()) == (2, False)
    assert "evaluation.json is damaged" in done.stderr
    (run / "evaluation.json").unlink()
    done = recipe("pack_run", *flags, "--card", "--license", "mit", "--datasets", "drawn")
    assert done.returncode == 0, done.stderr
    card = ModelCard.load(out / "README.md")
    assert (card.data.license, card.data.datasets) == ("mit", ["drawn"])
    assert str(tmp_path) not in str(card)
    require_packed(out, "out")
    (out / "config.json").unlink()
    done = recipe_here("pack_run", *flags, "--card", "--license", "mit")
    assert done.returncode == 2
    assert "README.md is there already: leave --card out, or move it" in done.stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--card",), "--card needs --license: there is no licence to guess"),
        (("--license", "mit"), "are for the model card: add --card"),
        (("--datasets", "x"), "are for the model card: add --card"),
    ],
)
def test_a_licence_is_never_guessed(tmp_path: Path, flags, message: str) -> None:
    done = recipe_here("pack_run", "--run", tmp_path, "--out", tmp_path / "out", *flags)
    assert done.returncode == 2
    assert message in done.stderr
