"""Objectives of one's own: those of docs/extending.md, word for word, at work."""

import importlib
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from small_cyclegans import assert_same_end, small_config, steps_of
from torch import Tensor, nn

from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.model import DiscriminatorConfig, GeneratorConfig
from agegen.cyclegan.objective import (
    DiscriminatorStep,
    GeneratorStep,
    Logits,
    Losses,
    Objective,
    Sides,
    Translations,
)
from agegen.cyclegan.train import train
from agegen.faces.store import FaceStore
from agegen.run.errors import UserError
from agegen.run.folder import Run
from agegen.run.tensor_files import load_tensors

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
FILES = dict(re.findall(r"```python\n# (my_\w+)\.py\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))
OBJECTIVES = {
    "my_r1:R1": "discriminator_r1",
    "my_wgan:WassersteinGP": "discriminator_gradient_penalty",
    "my_rpgan:Relativistic": "discriminator_old",
    "my_lecam:LeCam": "discriminator_lecam",
    "my_person:SamePerson": "generator_person",
}
FACES = Sides(*torch.rand(4, 3, 3, 4, 4, generator=torch.Generator().manual_seed(1)).unbind())


@pytest.fixture(autouse=True, scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("own")
    for name, code in FILES.items():
        (folder / f"{name}.py").write_text(code)
    sys.path.append(str(folder))
    yield
    sys.path.remove(str(folder))


def make(name: str) -> Objective:
    module, _, own = name.partition(":")
    return getattr(importlib.import_module(module), own)(CycleGANConfig(Path(), Path()))


def linear(*faces: Tensor) -> Sides:
    """Logits of slope 2 in every value, one a face."""
    return Logits(*(2 * x.sum(dim=(1, 2, 3), keepdim=True) for x in faces))


def discriminator_losses(name: str, number: int = 0) -> Losses:
    return make(name).discriminator_losses(DiscriminatorStep(number, FACES, linear))


@pytest.mark.parametrize("name", FILES)
def test_each_is_a_short_file(name: str) -> None:
    assert len(FILES[name].splitlines()) + 1 < 40


def test_r1_is_the_squared_slope_at_real_faces_when_it_is_due() -> None:
    slope = 4 * FACES.real_old[0].numel()
    due, not_due = discriminator_losses("my_r1:R1"), discriminator_losses("my_r1:R1", 3)
    assert float(due.terms["r1"]) == pytest.approx(2 * slope)
    difference = float((due.total - not_due.total).detach())
    assert difference == pytest.approx(0.5 * 16 * 0.01 * 2 * slope, rel=1e-4)
    assert float(not_due.terms["r1"]) == 0


def test_wgan_gp_pulls_slopes_between_real_and_generated_faces_to_1() -> None:
    losses = discriminator_losses("my_wgan:WassersteinGP")
    norm = 2 * FACES.real_old[0].numel() ** 0.5
    assert float(losses.terms["gradient_penalty"]) == pytest.approx(2 * (norm - 1) ** 2, rel=1e-5)
    said = linear(*FACES)
    assert float(losses.terms["old"].detach()) == pytest.approx(
        float(said.fake_old.mean() - said.real_old.mean()), rel=1e-5
    )


def test_a_relativistic_loss_sees_differences_alone() -> None:
    objective = make("my_rpgan:Relativistic")
    made = Translations(FACES.fake_old, FACES.fake_young, *FACES[:2], None, None)

    def losses(shift: float) -> list[Losses]:
        step = GeneratorStep(0, FACES.real_young, FACES.real_old, made, lambda x, _: x + shift)
        judged = DiscriminatorStep(0, FACES, lambda *x: Logits(*(y + shift for y in x)))
        return [objective.generator_losses(step), objective.discriminator_losses(judged)]

    for one, other in zip(losses(0.0), losses(5.0), strict=True):
        torch.testing.assert_close(one.total, other.total)
    softplus = nn.functional.softplus(FACES.fake_old - FACES.real_old).mean()
    torch.testing.assert_close(losses(0.0)[1].terms["old"], softplus)


def test_lecam_keeps_running_means_of_either_side() -> None:
    objective = make("my_lecam:LeCam")
    step = DiscriminatorStep(0, FACES, linear)
    said = linear(*FACES)
    first = objective.discriminator_losses(step)
    expected = sum(x.square().mean() for x in said[:4])  # the means are 0 still
    torch.testing.assert_close(first.terms["lecam"], expected)
    means = 0.01 * torch.stack([x.mean() for x in said[:4]])
    torch.testing.assert_close(objective.means.flatten(), means)
    other = means.view(2, 2).flip(1).flatten()
    expected = sum((x - m).square().mean() for x, m in zip(said[:4], other, strict=True))
    second = objective.discriminator_losses(step)
    torch.testing.assert_close(second.terms["lecam"], expected)


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_each_trains_and_resumes_to_the_same_bits(
    drawn_store: FaceStore, tmp_path: Path, name: str, precision: str
) -> None:
    options = {"objective": name, "checkpoint_every": 20, "keep_checkpoints": 9}
    options |= {"precision": precision, "accumulate": 2}
    whole, stopped = (small_config(drawn_store, tmp_path / n, **options) for n in ("a", "b"))
    train(whole)
    logged = [row[OBJECTIVES[name]] for row in steps_of(whole.out)]
    assert len(logged) == 12
    assert any(logged)
    shutil.copytree(whole.out, stopped.out)
    for later in Run(stopped.out).checkpoints()[2:]:
        shutil.rmtree(later)
    train(replace(stopped, resume=True))
    assert_same_end(whole.out, stopped.out)
    state = Run(whole.out).latest_checkpoint().tensors.get("objective", {})
    assert bool(state) == (name == "my_lecam:LeCam")
    assert all(buffer.any() for buffer in state.values())


def test_frozen_features_are_kept_once_and_in_no_optimiser(
    drawn_store: FaceStore, tmp_path: Path
) -> None:
    own = DiscriminatorConfig("my_discriminator:OnFrozenTrunk", width=8)
    config = small_config(drawn_store, tmp_path / "run", discriminator=own, checkpoint_every=20)
    train(config)
    kept = load_tensors(config.out / "checkpoints" / "frozen.safetensors")
    assert kept
    assert all(".trunk." in name for name in kept)
    last = Run(config.out).latest_checkpoint().tensors
    learnt = {name for name in last["discriminators"] if ".trunk." not in name}
    assert learnt
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    assert all(n.endswith(statistics) for n in set(last["discriminators"]) - learnt)
    assert len({n.split(".")[0] for n in last["discriminator_optimizer"]}) == len(learnt)
    before = {name: t.clone() for name, t in kept.items()}
    other = small_config(
        drawn_store, tmp_path / "other", discriminator=own, start_from=config.out, seed=3
    )
    train(other)
    begun = load_tensors(other.out / "checkpoints" / "frozen.safetensors")
    assert begun.keys() == before.keys()
    assert all(torch.equal(t, before[name]) for name, t in begun.items())


class Unused(nn.Conv2d):
    """A discriminator with a parameter that nothing depends on."""

    def __init__(self, width: int, receptive_field: int) -> None:
        super().__init__(3, 1, 3)
        self.scale = nn.Parameter(torch.ones(1))


class UnusedGenerator(nn.Conv2d):
    def __init__(self, width: int, blocks: int, upsampling: str) -> None:
        super().__init__(3, 3, 3, padding=1)
        self.left = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).tanh()


class Forgetful(Objective):
    def generator_losses(self, step: GeneratorStep) -> Losses:
        losses = super().generator_losses(step)
        return losses.plus("more", losses.total, 1.0) if step.number else losses


class Broken(Objective):
    def discriminator_losses(self, step: DiscriminatorStep) -> Losses:
        return self.compare(step.judge(*step.faces[:3]))


class Poor(Objective):
    def generator_losses(self, step: GeneratorStep) -> Losses:
        total = step.judge(step.made.fake_old, "old").mean()
        return Losses(total, {"gan_old": total})


class Infinite(Objective):
    def generator_losses(self, step: GeneratorStep) -> Losses:
        return super().generator_losses(step).plus("big", torch.tensor(float("inf")), 1.0)


class Learning(Objective):
    def __init__(self, config: CycleGANConfig) -> None:
        super().__init__(config)
        self.head = nn.Linear(2, 2)


NOT_ONE = SimpleNamespace()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"discriminator": DiscriminatorConfig(f"{__name__}:Unused")}, "no gradient reaches scale"),
        ({"generator": GeneratorConfig(f"{__name__}:UnusedGenerator")}, "reaches left.weight"),
        ({"objective": f"{__name__}:Forgetful"}, "other terms in its second step"),
        ({"objective": f"{__name__}:Broken"}, "discriminator_losses cannot be computed"),
        ({"objective": f"{__name__}:Poor"}, "has no term 'gan_young'"),
        ({"objective": f"{__name__}:Infinite"}, "'big' is not finite"),
        ({"objective": f"{__name__}:Learning"}, r"can learn \(head.weight\)"),
        ({"objective": f"{__name__}:NOT_ONE"}, "is no subclass of"),
        ({"objective": "wgan"}, "is not cyclegan, nor an importable"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence_and_no_folder(
    drawn_store: FaceStore, tmp_path: Path, options: dict, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence) as caught:
        train(small_config(drawn_store, tmp_path / "run", **options))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()
