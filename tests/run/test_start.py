"""Trainings that start from the weights of another run: what they take over, record and refuse."""

import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from photos import REPOSITORY
from small_cyclegans import assert_same_end, small_config

from agegen.classifier import train as classifier_train
from agegen.classifier.config import TrainConfig
from agegen.classifier.model import ModelConfig
from agegen.classifier.train import train as train_classifier
from agegen.cyclegan import train as cyclegan_train
from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.model import DiscriminatorConfig, GeneratorConfig
from agegen.cyclegan.train import train as train_cyclegan
from agegen.faces.store import FaceStore
from agegen.faces.views import AugmentConfig
from agegen.run.errors import UserError
from agegen.run.files import read_json, sha256, write_json
from agegen.run.folder import Run
from agegen.run.pretrained import PRETRAINED
from agegen.run.start import Origin, adopted
from agegen.run.tensor_files import Tensors, in_half, load_tensors, save_tensors

NETWORKS = {"generator": GeneratorConfig(), "discriminator": DiscriminatorConfig(), "size": 0}


@pytest.fixture
def classifier(drawn_store: FaceStore, trained_run: Path, tmp_path: Path) -> TrainConfig:
    """A short training that starts from `trained_run`."""
    return TrainConfig(
        drawn_store.folder, tmp_path / "new" / "run", start_from=trained_run,
        augment=AugmentConfig(crop=40), epochs=2, batch_size=50, precision="float32", threads=1,
        checkpoint_every=2,
    )  # fmt: skip


@pytest.fixture
def cyclegan(drawn_store: FaceStore, cyclegan_run: Path, tmp_path: Path) -> CycleGANConfig:
    """A short training that starts from `cyclegan_run`."""
    out = tmp_path / "new" / "run"
    return small_config(drawn_store, out, start_from=cyclegan_run, keep_checkpoints=9, **NETWORKS)


def first_checkpoint(run: Path, name: str) -> Tensors:
    return load_tensors(run / "checkpoints" / "step_000000000" / f"{name}.safetensors")


def same(a: Tensors, b: Tensors) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def averaged(run: Path) -> Tensors:
    kept = first_checkpoint(run, "averaged")
    return {k.removeprefix("module."): v for k, v in kept.items() if k != "n_averaged"}


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def stop_after(monkeypatch: pytest.MonkeyPatch, module: object, steps: int) -> None:
    left = iter(range(1000))

    def stop(*_: object) -> None:
        if next(left) == steps:
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "seed_step", stop)


def test_a_classifier_starts_from_the_best_weights_and_says_which(
    classifier: TrainConfig, trained_run: Path, capsys: pytest.CaptureFixture
) -> None:
    before = content(trained_run)
    train_classifier(classifier)
    assert f"starts from the best weights of {trained_run}" in capsys.readouterr().out
    best = load_tensors(trained_run / "best.safetensors")
    assert same(first_weights(classifier), best)
    saved = read_json(classifier.out / "config.json")
    assert saved["config"]["model"]["widths"] == [8, 16]
    assert saved["config"]["start_from"] == str(trained_run)
    digest = sha256(trained_run / "best.safetensors")
    assert saved["start"] == {"SHA-256 of best.safetensors": digest}
    assert content(trained_run) == before


def first_weights(config: TrainConfig) -> Tensors:
    """Weights before the first step: a training of none, of which they are the whole result."""
    out = config.out.with_name("none")
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, classifier_train, 0)
        with pytest.raises(KeyboardInterrupt):
            train_classifier(replace(config, out=out))
    model = first_checkpoint(out, "model")
    assert same(model, averaged(out))
    return model


def test_half_precision_is_read_as_float32(classifier: TrainConfig, tmp_path: Path) -> None:
    packed = tmp_path / "packed"
    packed.mkdir()
    for name in ("config.json", "best.json"):
        shutil.copy(classifier.start_from / name, packed)
    half = in_half(load_tensors(classifier.start_from / "best.safetensors"))
    save_tensors(packed / "best.safetensors", half)
    found = first_weights(replace(classifier, start_from=packed))
    assert {t.dtype for t in found.values()} == {torch.float32, torch.int64}
    assert same(found, {k: v.float() if v.is_floating_point() else v for k, v in half.items()})


@pytest.mark.parametrize("again", [True, False])
def test_a_stopped_classifier_goes_on_without_the_run_it_started_from(
    classifier: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    whole = replace(classifier, out=tmp_path / "whole")
    train_classifier(whole)
    moved = shutil.copytree(classifier.start_from, tmp_path / "start")
    stopped = replace(classifier, start_from=moved)
    for steps in (0, 3):  # before the first step, and after a checkpoint of its own
        with monkeypatch.context() as patch:
            stop_after(patch, classifier_train, steps)
            with pytest.raises(KeyboardInterrupt):
                train_classifier(replace(stopped, resume=True))
        shutil.rmtree(moved, ignore_errors=True)
    train_classifier(replace(stopped, resume=True, start_from=moved if again else None))
    ends = [Run(run).latest_checkpoint() for run in (whole.out, stopped.out)]
    for name in ("model", "averaged", "optimizer"):
        assert same(*(end.tensors[name] for end in ends))


def test_a_run_that_was_begun_otherwise_is_not_resumed(classifier: TrainConfig) -> None:
    plain = replace(classifier, start_from=None, model=ModelConfig(widths=(8, 16)), epochs=1)
    train_classifier(plain)
    with pytest.raises(UserError, match=r"begun with another start, start_from \(None then, "):
        train_classifier(replace(plain, start_from=classifier.start_from, resume=True))


def test_generators_start_with_the_discriminators_of_the_run(
    cyclegan: CycleGANConfig, cyclegan_run: Path, capsys: pytest.CaptureFixture
) -> None:
    before = content(cyclegan_run)
    train_cyclegan(cyclegan)
    generators = load_tensors(cyclegan_run / "generators.safetensors")
    assert same(first_checkpoint(cyclegan.out, "generators"), generators)
    assert same(averaged(cyclegan.out), generators)
    last = Run(cyclegan_run).latest_checkpoint().tensors["discriminators"]
    assert same(first_checkpoint(cyclegan.out, "discriminators"), last)
    assert "and from its discriminators" in capsys.readouterr().out
    saved = read_json(cyclegan.out / "config.json")
    assert saved["config"]["size"] == 44
    assert saved["config"]["generator"]["width"] == saved["config"]["discriminator"]["width"] == 8
    assert set(saved["start"]) == {
        "SHA-256 of generators.safetensors", "SHA-256 of discriminators.safetensors",
    }  # fmt: skip
    assert content(cyclegan_run) == before


def test_without_discriminators_new_ones_begin_and_it_is_said(
    cyclegan: CycleGANConfig, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    start, lacking = cyclegan.start_from, tmp_path / "lacking"
    shutil.copytree(start, lacking, ignore=shutil.ignore_patterns("checkpoints"))
    train_cyclegan(replace(cyclegan, start_from=lacking, size=32))
    assert "which has none: discriminators begin by chance" in capsys.readouterr().out
    other = DiscriminatorConfig(width=5, receptive_field=16)
    out = tmp_path / "other"
    train_cyclegan(replace(cyclegan, out=out, discriminator=other, size=32))
    assert "which has others: discriminators begin by chance" in capsys.readouterr().out
    for run in (cyclegan.out, out):
        assert same(
            first_checkpoint(run, "generators"), load_tensors(start / "generators.safetensors")
        )
        assert read_json(run / "config.json")["config"]["size"] == 32


def test_in_a_head_start_only_discriminators_learn(
    cyclegan: CycleGANConfig, capsys: pytest.CaptureFixture
) -> None:
    train_cyclegan(replace(cyclegan, head_start=16, checkpoint_every=16, size=32))
    begun, ends, later = Run(cyclegan.out).checkpoints()[:3]
    moved = {
        kind: [
            not same(*(load_tensors(at / f"{kind}.safetensors") for at in pair))
            for pair in ((begun, ends), (ends, later))
        ]
        for kind in ("generators", "discriminators")
    }
    assert moved["generators"] == [False, True]
    assert moved["discriminators"] == [True, True]
    assert "--head-start" not in capsys.readouterr().out
    generators = load_tensors(ends / "generators.safetensors")
    kept = load_tensors(ends / "averaged.safetensors")
    assert all(torch.equal(tensor, kept[f"module.{name}"]) for name, tensor in generators.items())


def test_a_stopped_cyclegan_goes_on_without_the_run_it_started_from(
    cyclegan: CycleGANConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"checkpoint_every": 16, "size": 32}
    whole = replace(cyclegan, out=tmp_path / "whole", **options)
    train_cyclegan(whole)
    moved = shutil.copytree(cyclegan.start_from, tmp_path / "start")
    stopped = replace(cyclegan, start_from=moved, **options)
    with monkeypatch.context() as patch:
        stop_after(patch, cyclegan_train, 7)
        with pytest.raises(KeyboardInterrupt):
            train_cyclegan(stopped)
    shutil.rmtree(moved)
    train_cyclegan(replace(stopped, start_from=None, resume=True))
    assert_same_end(whole.out, stopped.out)


def test_pretrained_weights_fit_without_any_flag_about_generators(
    classifier: TrainConfig, cyclegan: CycleGANConfig, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    package = REPOSITORY / "agegen" / "pretrained"
    before = content(package)
    train_classifier(replace(classifier, start_from=PRETRAINED, epochs=1, batch_size=150))
    train_cyclegan(
        replace(
            cyclegan,
            out=tmp_path / "g",
            start_from=PRETRAINED,
            discriminator=DiscriminatorConfig(width=8),  # its own need AlexNet
            constant_pairs=1,
            decay_pairs=0,
            batch_size=1,
        )
    )
    for out in (classifier.out, tmp_path / "g"):
        assert read_json(out / "config.json")["config"]["start_from"] == "pretrained"
    saved = read_json(tmp_path / "g" / "config.json")["config"]
    assert saved["size"] == 128
    assert (saved["generator"]["name"], saved["generator"]["width"]) == ("delta", 48)
    assert "which has none: discriminators begin by chance" in capsys.readouterr().out
    assert content(package) == before


def other_kind(kind: str, start: Path, other: Path, rng: random.Random) -> dict:
    return {"start_from": other}


def missing(kind: str, start: Path, other: Path, rng: random.Random) -> dict:
    return {"start_from": start.with_name("".join(rng.choices("abcdef", k=9)))}


def into_itself(kind: str, start: Path, other: Path, rng: random.Random) -> dict:
    return {
        "out": rng.choice([start, start / "further", start / "a" / "b", start / ".." / start.name])
    }


def other_network(kind: str, start: Path, other: Path, rng: random.Random) -> dict:
    if kind == "classifier":
        widths = tuple(rng.randint(1, 40) for _ in range(rng.choice([1, 3, 4])))
        more = {"name": rng.choice(["residual", "plain"]), "blocks": rng.randint(1, 3)}
        return {"model": ModelConfig(widths=widths, squeeze=rng.choice([0, 4, 8]), **more)}
    more = {"upsampling": rng.choice(["shuffle", "transposed"]), "residual": rng.random() < 0.5}
    return {
        "generator": GeneratorConfig(width=rng.randint(1, 64), blocks=rng.randint(0, 9), **more)
    }


def damaged_weights(kind: str, start: Path, other: Path, rng: random.Random) -> dict:
    file = start / ("best.safetensors" if kind == "classifier" else "generators.safetensors")
    whole = file.read_bytes()
    match rng.randrange(4):
        case 0:
            file.write_bytes(whole[: rng.randrange(len(whole))])
        case 1:
            file.unlink()
        case 2:
            file.write_bytes(rng.randbytes(2000))
        case 3:
            tensors = load_tensors(file)
            tensors.pop(rng.choice(list(tensors)))
            save_tensors(file, tensors)
    return {}


def damaged_config(kind: str, start: Path, other: Path, rng: random.Random) -> dict:
    file = start / "config.json"
    match rng.randrange(4):
        case 0:
            file.unlink()
        case 1:
            file.write_text(file.read_text()[: rng.randrange(400)])
        case 2:
            write_json(file, rng.choice([{}, [], {"config": {}}, {"config": []}, 3]))
        case 3:
            saved = read_json(file)
            saved["config"]["batch_size"] = rng.choice(["many", -1, None])
            write_json(file, saved)
    return {}


MISTAKES = [other_kind, missing, into_itself, other_network, damaged_weights, damaged_config]


@pytest.mark.parametrize("kind", ["classifier", "cyclegan"])
def test_every_mistake_is_one_sentence_and_leaves_no_run(
    classifier: TrainConfig, cyclegan: CycleGANConfig, kind: str, tmp_path: Path
) -> None:
    rng = random.Random(kind)
    configs = {"classifier": classifier, "cyclegan": cyclegan}
    trains: dict[str, Callable] = {"classifier": train_classifier, "cyclegan": train_cyclegan}
    config, other = configs.pop(kind), next(iter(configs.values())).start_from
    whole = config.start_from
    for number in range(90):
        start = tmp_path / f"start{number}"
        shutil.copytree(whole, start, ignore=shutil.ignore_patterns("watch", "analysis"))
        change = MISTAKES[number % len(MISTAKES)](kind, start, other, rng)
        before = content(start)
        with pytest.raises(UserError) as caught:
            trains[kind](replace(config, **{"start_from": start, **change}))
        assert "\n" not in str(caught.value)
        assert content(start) == before
        assert not config.out.exists()
        shutil.rmtree(start)


def test_the_settings_of_the_start_are_named_as_flags_that_can_be_given() -> None:
    origin = Origin(Path("a"), Path("a"), False)
    asked, found = GeneratorConfig(width=16, residual=True), GeneratorConfig(width=8)
    with pytest.raises(UserError, match=r"--generator\.width 8, --generator\.no-residual: give"):
        adopted(asked, GeneratorConfig(), found, "generator", origin)
