"""The training loop: what a step does, what ends it, and what it refuses to begin."""

import dataclasses
import importlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from small_cyclegans import assert_same_end, on_features, small_config, steps_of

from agegen.cyclegan import train as train_module
from agegen.cyclegan.model import DiscriminatorConfig, GeneratorConfig
from agegen.cyclegan.train import learning_rate, train
from agegen.cyclegan.training import fitted_to, require_possible
from agegen.cyclegan.translate import load_translator
from agegen.faces.store import FaceStore
from agegen.faces.views import AugmentConfig
from agegen.run.errors import UserError
from agegen.run.folder import Run
from agegen.run.tensor_files import load_tensors

ON_PRETRAINED = DiscriminatorConfig("features", width=1, trunk=Path("pretrained"))


def gradients_of_one_step(run: Path) -> dict[str, torch.Tensor]:
    """Adam's first moments after a step from nothing: (1 − β₁) times the gradients."""
    checkpoint = Run(run).latest_checkpoint()
    assert checkpoint.step == 1
    return {
        f"{name} {key}": tensor
        for name in ("generator_optimizer", "discriminator_optimizer")
        for key, tensor in checkpoint.tensors[name].items()
        if key.endswith("exp_avg")
    }


def test_it_learns(drawn_store: FaceStore, tmp_path: Path) -> None:
    options = {"constant_pairs": 240, "decay_pairs": 0, "learning_rate": 2e-3}
    train(small_config(drawn_store, tmp_path / "run", **options))
    rows = steps_of(tmp_path / "run")
    cycles = [row["generator_cycle_young"] + row["generator_cycle_old"] for row in rows]
    judged = [row["discriminator_total"] for row in rows]
    assert sum(cycles[-10:]) < 0.9 * sum(cycles[:10])
    assert sum(judged[-10:]) < 0.85 * sum(judged[:10])


@pytest.mark.parametrize(("diff_augment", "shown"), [(False, 0), (True, 0), (True, 12)])
def test_parts_of_a_batch_add_up_to_it(
    drawn_store: FaceStore, tmp_path: Path, diff_augment: bool, shown: int
) -> None:
    options = {"constant_pairs": 4, "decay_pairs": 0, "diff_augment": diff_augment}
    options["discriminator_batch"] = shown
    for accumulate in (1, 2, 4):
        out = tmp_path / str(accumulate)
        train(small_config(drawn_store, out, accumulate=accumulate, **options))
    whole = gradients_of_one_step(tmp_path / "1")
    assert len(whole) > 20
    for parts in ("2", "4"):
        for key, gradient in gradients_of_one_step(tmp_path / parts).items():
            scale = float(whole[key].abs().max())
            assert torch.allclose(gradient, whole[key], rtol=1e-3, atol=1e-3 * scale + 1e-8), key
        assert steps_of(tmp_path / parts)[0] == pytest.approx(
            steps_of(tmp_path / "1")[0], rel=1e-4, abs=1e-5
        )


def test_discriminators_may_see_more_faces_than_are_translated(
    drawn_store: FaceStore, tmp_path: Path
) -> None:
    """The generators' first step is the same; the discriminators' is another, of all faces."""
    short = {"constant_pairs": 4, "decay_pairs": 0}
    train(small_config(drawn_store, tmp_path / "few", **short))
    train(small_config(drawn_store, tmp_path / "many", **short, discriminator_batch=12))
    few, many = (steps_of(tmp_path / name)[0] for name in ("few", "many"))
    assert many["pairs"] == few["pairs"] == 4
    for name in few:
        if name.startswith("generator_"):
            assert many[name] == pytest.approx(few[name], rel=1e-5), name
    assert many["discriminator_old"] != few["discriminator_old"]
    assert len(Run(tmp_path / "many").latest_checkpoint().tensors["pool_old"]["faces"]) == 4


def test_identity_losses_now_and_then_weigh_as_much(drawn_store: FaceStore, tmp_path: Path) -> None:
    for every in (1, 2):
        train(small_config(drawn_store, tmp_path / str(every), identity_every=every))
    for every in (1, 2):
        for row in steps_of(tmp_path / str(every)):
            g = {k.removeprefix("generator_"): v for k, v in row.items()}
            identity, due = g["identity_old"] + g["identity_young"], (row["step"] - 1) % every == 0
            assert (identity > 0) == due
            rest = g["gan_old"] + g["gan_young"] + 10 * (g["cycle_old"] + g["cycle_young"])
            assert g["total"] - rest == pytest.approx(5 * every * identity, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("batch_size", [2, 4])
def test_the_rate_is_constant_and_falls_to_nothing(
    drawn_store: FaceStore, tmp_path: Path, batch_size: int
) -> None:
    config = small_config(drawn_store, tmp_path / "run", batch_size=batch_size)
    train(config)
    rates = [row["learning_rate"] for row in steps_of(config.out)]
    pairs = [row["pairs"] - batch_size for row in steps_of(config.out)]  # seen before the step
    assert rates == pytest.approx([2e-4 * min(1, 1 - (p - 24) / 24) for p in pairs])
    assert rates[-1] == pytest.approx(2e-4 * batch_size / 24)
    assert learning_rate(config, config.total_steps) == 0


def test_convolutions_are_tuned_while_it_trains_and_not_longer(
    drawn_store: FaceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned = []

    def stop(*_: object) -> None:
        tuned.append(torch.backends.cudnn.benchmark)
        raise KeyboardInterrupt

    monkeypatch.setattr(train_module, "seed_step", stop)
    for before in (False, True):
        monkeypatch.setattr(torch.backends.cudnn, "benchmark", before)
        with pytest.raises(KeyboardInterrupt):
            train(small_config(drawn_store, tmp_path / str(before)))
        assert torch.backends.cudnn.benchmark is before
    assert tuned == [True, True]


def poison_views(when: Callable[[int], bool]) -> Callable:
    """`make_views`, not finite in some steps."""
    real = train_module.make_views

    def poisoned(pairs: object, config: object, step: int, rows: object) -> object:
        young, old = real(pairs, config, step, rows)
        return (young * float("nan"), old) if when(step) else (young, old)

    return poisoned


def once(bad_step: int) -> Callable[[int], bool]:
    left = [bad_step]
    return lambda step: step in left and not left.clear()


def test_it_goes_back_once_at_half_the_rate(
    drawn_store: FaceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"checkpoint_every": 16, "watch_every": 24, "decay_pairs": 0, "constant_pairs": 48}
    for bad_step in (8, 10):  # between the checkpoints after 8 and 12 steps
        with monkeypatch.context() as patch:
            patch.setattr(train_module, "make_views", poison_views(once(bad_step)))
            train(small_config(drawn_store, tmp_path / str(bad_step), **options))
    rows = steps_of(tmp_path / "8")
    assert [row["step"] for row in rows] == list(range(1, 13))
    assert [row["learning_rate"] for row in rows] == [2e-4] * 8 + [1e-4] * 4
    assert torch.tensor([list(r.values())[1:] for r in rows]).isfinite().all()
    # nothing of the failure is left: it does not matter which step failed
    assert rows == steps_of(tmp_path / "10")
    assert_same_end(tmp_path / "8", tmp_path / "10")
    looks = [r["step"] for r in Run(tmp_path / "8").metrics() if r["kind"] == "watch"]
    assert looks == [6, 12]


def test_metrics_written_before_the_failure_showed_are_cut(
    drawn_store: FaceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_module, "make_views", poison_views(once(11)))
    out = tmp_path / "run"
    train(small_config(drawn_store, out, watch_every=16))  # written at the looks, 4, 8 and 12
    rows = steps_of(out)
    assert [row["step"] for row in rows] == list(range(1, 13))
    assert rows[0]["learning_rate"] == 1e-4
    assert sum(r["kind"] == "watch" for r in Run(out).metrics()) == 3


def test_the_second_failure_ends_it_with_a_sentence(
    drawn_store: FaceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_module, "make_views", poison_views(lambda step: step == 9))
    out = tmp_path / "run"
    with pytest.raises(UserError, match=r"not finite .* half the rate"):
        train(small_config(drawn_store, out, checkpoint_every=16))
    last = Run(out).latest_checkpoint()
    assert last.step == 8
    assert all(t.isfinite().all() for t in last.tensors["generators"].values())
    Run(out).claim()  # the folder is free again


def test_weights_that_are_not_finite_are_never_saved(
    drawn_store: FaceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update may spoil the weights while the losses before it were finite."""
    real, is_bad = train_module.discriminator_phase, once(7)

    def spoiled(training: object, config: object, faces: object, step: int, rows: object) -> object:
        losses = real(training, config, faces, step, rows)
        if is_bad(step):
            next(training.generators.parameters()).data[0] = float("inf")
        return losses

    monkeypatch.setattr(train_module, "discriminator_phase", spoiled)
    out = tmp_path / "run"
    train(small_config(drawn_store, out, checkpoint_every=16, decay_pairs=0, constant_pairs=48))
    assert [row["learning_rate"] for row in steps_of(out)] == [2e-4] * 4 + [1e-4] * 8
    last = Run(out).latest_checkpoint()
    assert all(t.isfinite().all() for t in last.tensors["averaged"].values())


def test_a_dry_run_writes_nothing(
    drawn_store: FaceStore, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    train(small_config(drawn_store, tmp_path / "run", dry_run=True))
    printed = capsys.readouterr().out
    assert "ResnetGenerator" in printed
    assert "PatchDiscriminator" in printed
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"augment": AugmentConfig(crop=60)}, "larger than the faces"),
        ({"generator": GeneratorConfig("small_cyclegans:BatchNormGenerator")}, "batch norm"),
        (
            {"discriminator": DiscriminatorConfig(width=4, receptive_field=142)},
            "does not take faces",
        ),
        ({"gan_loss": "wasserstein"}, "least_squares"),
        ({"judge": Path("nowhere")}, "not a run folder"),
        ({"grid_jitter": 44}, "--grid-jitter must be below the faces' 32 pixels"),
        ({"balance": ("nowhere.csv",)}, "--balance nowhere.csv is not gender"),
        (
            {"discriminator": ON_PRETRAINED, "judge": Path("pretrained")},
            "trained on the features of pretrained: it is no witness",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_written(
    drawn_store: FaceStore, tmp_path: Path, options: dict, sentence: str
) -> None:
    config = small_config(drawn_store, tmp_path / "run", **options)
    with pytest.raises(UserError, match=sentence):
        train(config)
    assert not any(tmp_path.iterdir())


def test_a_store_of_one_class_is_refused(drawn_store: FaceStore, tmp_path: Path) -> None:
    config = fitted_to(small_config(drawn_store, tmp_path / "run"), drawn_store)
    young = dataclasses.replace(drawn_store, labels=0 * drawn_store.labels)
    with pytest.raises(UserError, match="no old training faces"):
        require_possible(young, config, 1)


def test_a_batch_is_divided_evenly_among_processes_and_parts(
    drawn_store: FaceStore, tmp_path: Path
) -> None:
    config = small_config(drawn_store, tmp_path / "run", batch_size=4, accumulate=2)
    config = fitted_to(config, drawn_store)
    require_possible(drawn_store, config, 2)
    with pytest.raises(UserError, match="--batch-size 4 cannot be divided"):
        require_possible(drawn_store, config, 4)
    config = dataclasses.replace(config, discriminator_batch=6)
    with pytest.raises(UserError, match="--discriminator-batch 6 cannot be divided"):
        require_possible(drawn_store, config, 2)


def test_a_run_is_resumed_as_it_was_begun(drawn_store: FaceStore, tmp_path: Path) -> None:
    config = small_config(drawn_store, tmp_path / "run", constant_pairs=4, decay_pairs=4)
    train(config)
    with pytest.raises(UserError, match="already holds a run"):
        train(config)
    with pytest.raises(UserError, match="cycle_weight"):
        train(dataclasses.replace(config, resume=True, cycle_weight=5.0))
    before = (config.out / "metrics.jsonl").read_bytes()
    train(dataclasses.replace(config, resume=True))  # it is complete: nothing is left to do
    assert (config.out / "metrics.jsonl").read_bytes() == before


OWN_FILE = """
from torch import nn


class Own(nn.Sequential):
    def __init__(self, width, blocks, upsampling):
        super().__init__(nn.Conv2d(3, 3, {kernel}, padding={padding}), nn.Tanh())
"""


def write_own(folder: Path, kernel: int, padding: int = 0, more: str = "") -> None:
    text = OWN_FILE.format(kernel=kernel, padding=padding) + more
    (folder / "my_changed.py").write_text(text)
    for module in [name for name in sys.modules if name == "my_changed"]:
        del sys.modules[module]
    importlib.invalidate_caches()


def test_a_file_of_ones_own_that_changed_is_said_and_other_layers_are_refused(
    drawn_store: FaceStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    own = GeneratorConfig("my_changed:Own")
    config = small_config(drawn_store, tmp_path / "run", generator=own, constant_pairs=4)
    config = dataclasses.replace(config, decay_pairs=0)
    write_own(tmp_path, 1)
    train(config)
    resumed = dataclasses.replace(config, resume=True)
    train(resumed)
    assert "note" not in capsys.readouterr().out
    write_own(tmp_path, 1, more="# only a comment\n")
    train(resumed)
    assert "note: SHA-256 of the file of my_changed:Own was " in capsys.readouterr().out
    write_own(tmp_path, 3, padding=1)
    for load in (lambda: train(resumed), lambda: load_translator(config.out)):
        with pytest.raises(
            UserError, match=r"does not fit .* has my_changed:Own changed"
        ) as caught:
            load()
        assert "\n" not in str(caught.value)


def test_before_frozen_features_it_resumes_to_the_same_bits(
    drawn_store: FaceStore, delta_run: Path, tmp_path: Path
) -> None:
    """The pairing, the part that is enlarged and all jitter are functions of the step."""
    options = on_features(drawn_store, delta_run.parent)
    out = Path(shutil.copytree(delta_run, tmp_path / "run"))
    shutil.rmtree(out / "checkpoints" / "step_000000004")
    assert Run(out).latest_checkpoint().step == 3
    train(small_config(drawn_store, out, resume=True, **options))
    assert_same_end(delta_run, out)
    frozen = load_tensors(out / "checkpoints" / "frozen.safetensors")
    assert {name.split(".")[2] for name in frozen} == {"trunk"}
    kept = Run(out).latest_checkpoint().tensors["discriminators"]
    assert not kept.keys() & {name.partition(".")[2] for name in frozen}


def test_lazy_cycles_weigh_as_much(drawn_store: FaceStore, tmp_path: Path) -> None:
    options = {"cycle_every": 2, "identity_weight": 0.0, "change_weight": 0.0}
    train(small_config(drawn_store, tmp_path / "run", **options))
    for row in steps_of(tmp_path / "run"):
        g = {k.removeprefix("generator_"): v for k, v in row.items()}
        cycle, due = g["cycle_old"] + g["cycle_young"], (row["step"] - 1) % 2 == 0
        assert (cycle > 0) == due
        rest = g["total"] - g["gan_old"] - g["gan_young"]
        assert rest == pytest.approx(20 * cycle, rel=1e-4, abs=1e-4)


def test_fine_changes_are_free_where_only_coarse_ones_cost(
    drawn_store: FaceStore, tmp_path: Path
) -> None:
    options = {"constant_pairs": 4, "decay_pairs": 0, "identity_weight": 0.0}
    for weight in (0.0, 2.0):
        train(
            small_config(
                drawn_store, tmp_path / str(weight), coarse_change_weight=weight, **options
            )
        )
    none, some = (steps_of(tmp_path / str(weight))[0]["generator_total"] for weight in (0.0, 2.0))
    changes = steps_of(tmp_path / "0.0")[0]
    whole = changes["generator_change_old"] + changes["generator_change_young"]
    assert 0 < some - none < 2 * whole  # means over 8×8 pixels are smaller than pixels
