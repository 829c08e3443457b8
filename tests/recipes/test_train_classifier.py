"""The training and evaluation recipes as real commands: kills, processes, flags."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
from photos import command, kill_when, recipe_here, run_to_its_end

from agegen.faces.store import FaceStore
from agegen.report.parts.saved_run import read_run, read_scores
from agegen.run.folder import Run
from agegen.run.tensor_files import load_tensors

ROOT = Path(__file__).parents[2]
SMALL = [
    *("--model.widths", "8", "16", "--augment.crop", "40", "--batch-size", "25"),
    *("--precision", "float32", "--seed", "3", "--threads", "1"),
]

LAUNCH = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")


def train(store: FaceStore, out: Path, *more: object) -> list[str]:
    return command("train_classifier", "--faces", store.folder, "--out", out, *SMALL, *more)


def assert_same_end(one: Path, other: Path) -> None:
    a, b = Run(one).latest_checkpoint(), Run(other).latest_checkpoint()
    assert a.step == b.step
    for name in ("model", "averaged", "optimizer"):
        assert all(torch.equal(t, b.tensors[name][k]) for k, t in a.tensors[name].items())
    best, other_best = (load_tensors(run / "best.safetensors") for run in (one, other))
    assert all(torch.equal(t, other_best[k]) for k, t in best.items())


@pytest.fixture(scope="module")
def whole_run(drawn_store: FaceStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    run_to_its_end(*train(drawn_store, out, "--epochs", 8, "--checkpoint-every", 3))
    return out


@pytest.mark.slow
def test_killed_anywhere_it_ends_in_the_same_bits(
    drawn_store: FaceStore, whole_run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    arguments = train(drawn_store, out, "--epochs", 8, "--checkpoint-every", 3, "--resume")
    for steps in (5, 31, 58):  # in the middle of epochs, between checkpoints
        done = out / "checkpoints" / f"step_{steps // 3 * 3:09d}"
        kill_when(arguments, done.exists)
        assert (Run(out).latest_checkpoint()).step < 72
    run_to_its_end(*arguments)
    assert_same_end(whole_run, out)


def test_killed_while_a_checkpoint_is_written_it_ends_in_the_same_bits(
    drawn_store: FaceStore, whole_run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    arguments = train(drawn_store, out, "--epochs", 8, "--checkpoint-every", 3, "--resume")

    def half_written() -> bool:
        return any((out / "checkpoints").glob(".step_*/*"))

    for _ in range(20):  # the file may be renamed between the look and the kill
        kill_when(arguments, half_written)
        if half_written():
            break
    assert half_written(), "never caught in the act"
    run_to_its_end(*arguments)
    assert not half_written()
    assert_same_end(whole_run, out)


@pytest.mark.slow
def test_two_processes_compute_what_one_does(drawn_store: FaceStore, tmp_path: Path) -> None:
    # A small rate: AdamW's first steps turn rounding errors of gradients near 0 into whole steps.
    more = ("--epochs", 2, "--learning-rate", 1e-4)
    one, two = tmp_path / "one", tmp_path / "two"
    run_to_its_end(*train(drawn_store, one, *more))
    result = run_to_its_end(*LAUNCH, *train(drawn_store, two, *more)[1:], ACCELERATE_USE_CPU="1")
    assert "2 process(es)" in result.stdout
    a, b = Run(one).metrics(), Run(two).metrics()
    assert [r["step"] for r in a] == [r["step"] for r in b]
    for mine, theirs in zip(a, b, strict=True):
        for key in mine.keys() & {"loss", "auc", "nll", "balanced_accuracy"}:
            assert theirs[key] == pytest.approx(mine[key], rel=2e-4)


@pytest.mark.slow
def test_two_processes_resume(drawn_store: FaceStore, tmp_path: Path) -> None:
    environment = {"ACCELERATE_USE_CPU": "1"}
    whole, out = tmp_path / "whole", tmp_path / "out"
    more = ("--epochs", 2, "--checkpoint-every", 2)
    run_to_its_end(*LAUNCH, *train(drawn_store, whole, *more)[1:], **environment)
    run_to_its_end(*LAUNCH, *train(drawn_store, out, *more)[1:], **environment)
    last = Run(out).checkpoints()[-1]
    for path in sorted(last.iterdir()):  # as if killed before the last checkpoint
        path.unlink()
    last.rmdir()
    arguments = train(drawn_store, out, *more, "--resume")[1:]
    assert "going on with" in run_to_its_end(*LAUNCH, *arguments, **environment).stdout
    assert_same_end(whole, out)


def test_evaluation_is_written_with_n_and_intervals(whole_run: Path) -> None:
    result = run_to_its_end(*command("evaluate_classifier", "--run", whole_run))
    evaluation = json.loads((whole_run / "evaluation.json").read_text())
    assert evaluation["held_out"]
    assert evaluation["n"] == sum(evaluation["n_by_class"].values()) > 0
    assert set(evaluation["balanced_accuracy"]) == {"value", "low", "high"}
    rows = (whole_run / "predictions.csv").read_text().splitlines()
    assert len(rows) == evaluation["n"] + 1
    assert f"{evaluation['n']:,} faces" in result.stdout
    read_scores(read_run(whole_run), None)  # the report accepts it
    shown = (whole_run / "evaluation.json").read_bytes()
    told = run_to_its_end(
        *command("evaluate_classifier", "--run", whole_run, "--split", "val")
    ).stdout
    assert f"saved to {whole_run / 'evaluation_val.json'}" in told
    assert (whole_run / "evaluation.json").read_bytes() == shown
    again = whole_run / "seen.json"
    store = shutil.copytree(evaluation["faces"], whole_run / "copy")  # known by its content
    more = ("--faces", store, "--split", "train", "--out", again)
    result = run_to_its_end(*command("evaluate_classifier", "--run", whole_run, *more))
    assert "trained or selected on" in result.stdout
    assert not json.loads(again.read_text())["held_out"]
    assert rows == (whole_run / "predictions.csv").read_text().splitlines()
    seen = (whole_run / "seen_predictions.csv").read_text().splitlines()
    assert len(seen) == json.loads(again.read_text())["n"] + 1


def test_accelerate_launch_starts_it(drawn_store: FaceStore, tmp_path: Path) -> None:
    accelerate = Path(sys.executable).with_name("accelerate")
    arguments = train(drawn_store, tmp_path / "run", "--epochs", 1)[1:]
    assert "best epoch 1" in run_to_its_end(accelerate, "launch", *arguments).stdout


def test_dry_run_prints_and_stops(drawn_store: FaceStore, tmp_path: Path) -> None:
    result = run_to_its_end(*train(drawn_store, tmp_path / "run", "--dry-run"))
    assert "parameters" in result.stdout
    assert not (tmp_path / "run").exists()


def test_a_preset_states_only_what_differs_and_flags_win(
    drawn_store: FaceStore, tmp_path: Path
) -> None:
    preset = tmp_path / "preset.json"
    preset.write_text('{"epochs": 7, "class_balance": false, "augment": {"flip": false}}')
    arguments = train(drawn_store, tmp_path / "run", "--config", preset, "--epochs", 9, "--dry-run")
    printed = run_to_its_end(*arguments).stdout
    assert "epochs: 9" in printed
    assert "class_balance: False" in printed
    assert "'flip': False" in printed


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--augment.crop", 200], "larger than the faces"),
        (["--epochs", 0], "--epochs must be above 0"),
        (["--model.name", "alexnet"], "not residual or plain"),
        (["--config", "missing.json"], "missing.json does not exist"),
        (["--epoch", 3], "nrecognized"),
    ],
)
def test_mistakes_get_a_sentence_and_status_2(
    drawn_store: FaceStore, tmp_path: Path, more: list, sentence: str
) -> None:
    arguments = train(drawn_store, tmp_path / "run", *more)[2:]
    result = recipe_here("train_classifier", *arguments)
    assert result.returncode == 2
    assert sentence in result.stdout + result.stderr


@pytest.mark.parametrize("name", sorted(file.stem for file in (ROOT / "recipes").glob("*.py")))
def test_help_reads_like_a_manual(name: str) -> None:
    result = recipe_here(name, "--help")
    assert result.returncode == 0
    assert "python recipes/" in result.stdout or "accelerate launch" in result.stdout
