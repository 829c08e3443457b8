"""Networks of one's own with frozen parts: what is frozen never moves, and all else learns."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from small_cyclegans import assert_same_end, small_config
from torch import Tensor, nn

from agegen.cyclegan.model import DiscriminatorConfig, GeneratorConfig, build_discriminator
from agegen.cyclegan.train import train
from agegen.cyclegan.translate import load_translator
from agegen.faces.store import FaceStore
from agegen.run.errors import UserError
from agegen.run.folder import Run
from agegen.run.tensor_files import Tensors, load_tensors

PLAN = SimpleNamespace(seed=0)  # of the networks that are built next


class Trunk(nn.Sequential):
    """Convolutions with batch norms whose statistics are not those of a new layer."""

    def __init__(self, width: int) -> None:
        rng = torch.Generator().manual_seed(5)
        norms = [nn.BatchNorm2d(width) for _ in range(2)]
        super().__init__(
            nn.Conv2d(3, width, 3, 2, 1), norms[0], nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(width, width, 3, 2, 1), norms[1], nn.LeakyReLU(0.2, inplace=True),
        )  # fmt: skip
        for norm in norms:
            norm.running_mean = torch.rand(width, generator=rng)
            norm.running_var = 0.5 + torch.rand(width, generator=rng)


class BuiltAsleep(nn.Module):
    """A frozen trunk, put into evaluation mode where it is made."""

    def __init__(self, width: int, receptive_field: int) -> None:
        super().__init__()
        self.trunk = Trunk(width).requires_grad_(False).eval()
        self.head = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.trunk(x))


class KeptAsleep(nn.Module):
    """The same, kept there by train()."""

    def __init__(self, width: int, receptive_field: int) -> None:
        super().__init__()
        self.trunk = Trunk(width).requires_grad_(False)
        self.head = nn.Conv2d(width, 1, 3, padding=1)

    def train(self, mode: bool = True) -> "KeptAsleep":
        super().train(mode)
        self.trunk.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.trunk(x))


class FrozenAwake(BuiltAsleep):
    """Frozen weights, but statistics that would move."""

    def __init__(self, width: int, receptive_field: int) -> None:
        super().__init__(width, receptive_field)
        self.trunk.train()


def freeze_some(network: nn.Module) -> None:
    """Freeze random parameters, never all of them."""
    rng = torch.Generator().manual_seed(PLAN.seed)
    weights = list(network.parameters())
    spared = int(torch.randint(len(weights), (1,), generator=rng))
    for number, weight in enumerate(weights):
        learns = number == spared or torch.rand(1, generator=rng) < 0.5
        weight.requires_grad_(bool(learns))


def random_layers(width: int) -> list[nn.Module]:
    """One to three convolutions, some of them with a norm."""
    rng = torch.Generator().manual_seed(PLAN.seed)
    layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1)]
    for kind in torch.randint(3, (3,), generator=rng).tolist():
        more = [nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width).eval(), nn.Tanh()]
        layers += more[: kind + 1]
    return layers


class RandomDiscriminator(nn.Sequential):
    """Of random depth, random parameters of it frozen."""

    def __init__(self, width: int, receptive_field: int) -> None:
        super().__init__(*random_layers(width), nn.Conv2d(width, 1, 3, padding=1))
        freeze_some(self)


class RandomGenerator(nn.Sequential):
    """The same as a generator."""

    def __init__(self, width: int, blocks: int, upsampling: str) -> None:
        last = nn.Conv2d(width, 3, 3, padding=1)
        super().__init__(*random_layers(width), last, nn.Tanh())
        freeze_some(self)


def own(name: str) -> DiscriminatorConfig:
    return DiscriminatorConfig(f"{__name__}:{name}", width=4)


def weights_of(run: Path) -> list[Tensors]:
    """Networks, their averages too, in the first and in the last checkpoint."""
    first, *_, last = Run(run).checkpoints()
    return [
        {
            f"{kind}.{name}": tensor
            for kind in ("generators", "discriminators", "averaged")
            for name, tensor in load_tensors(at / f"{kind}.safetensors").items()
        }
        for at in (first, last)
    ]


def moved(run: Path) -> set[str]:
    before, after = weights_of(run)
    return {name for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize("name", ["BuiltAsleep", "KeptAsleep"])
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_frozen_trunk_keeps_its_bits_and_the_generators_learn_from_it(
    drawn_store: FaceStore, tmp_path: Path, name: str, precision: str
) -> None:
    options = {"discriminator": own(name), "cycle_weight": 0.0, "identity_weight": 0.0}
    options |= {"keep_checkpoints": 9, "precision": precision, "accumulate": 2}
    train(small_config(drawn_store, tmp_path / "run", **options))
    found = moved(tmp_path / "run")
    assert not any(".trunk." in name for name in found)
    for domain in ("old", "young"):
        assert f"discriminators.{domain}.head.weight" in found
        # only the discriminators say anything to the generators here
        assert f"generators.to_{domain}.0.weight" in found
    trunk = build_discriminator(own(name)).trunk.state_dict()
    after = weights_of(tmp_path / "run")[1]
    for key in ("1.running_mean", "4.running_var", "1.num_batches_tracked"):
        assert torch.equal(after[f"discriminators.old.trunk.{key}"], trunk[key])


def test_a_frozen_trunk_resumes_to_the_same_bits(drawn_store: FaceStore, tmp_path: Path) -> None:
    options = {"discriminator": own("KeptAsleep"), "checkpoint_every": 16, "keep_checkpoints": 9}
    whole = small_config(drawn_store, tmp_path / "whole", **options)
    train(whole)
    stopped = small_config(drawn_store, tmp_path / "stopped", **options)
    train(stopped)
    for later in Run(stopped.out).checkpoints()[2:]:
        for file in later.iterdir():
            file.unlink()
        later.rmdir()
    assert len(Run(stopped.out).checkpoints()) == 2
    train(small_config(drawn_store, stopped.out, **options, resume=True))
    assert_same_end(whole.out, stopped.out)


def test_batch_norm_that_would_move_is_refused_with_what_to_do(
    drawn_store: FaceStore, tmp_path: Path
) -> None:
    config = small_config(drawn_store, tmp_path / "run", discriminator=own("FrozenAwake"))
    with pytest.raises(
        UserError, match=r"FrozenAwake.trunk.1 is a batch norm .*\(\.eval\(\) in its class\)"
    ):
        train(config)


@pytest.mark.parametrize("seed", range(10))
def test_frozen_parameters_never_move_and_all_others_do(
    drawn_store: FaceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(PLAN, "seed", seed)
    options = {
        "discriminator": own("RandomDiscriminator"),
        "generator": GeneratorConfig(f"{__name__}:RandomGenerator", width=4),
        "keep_checkpoints": 9, "constant_pairs": 12, "decay_pairs": 0, "diff_augment": seed % 2 > 0,
    }  # fmt: skip
    train(small_config(drawn_store, tmp_path / "run", **options))
    networks = {
        "discriminators.old": RandomDiscriminator(4, 70),
        "discriminators.young": RandomDiscriminator(4, 70),
        "generators.to_old": RandomGenerator(4, 1, "nearest"),
        "generators.to_young": RandomGenerator(4, 1, "nearest"),
    }
    learning = {
        f"{at}.{name}"
        for at, network in networks.items()
        for name, weight in network.named_parameters()
        if weight.requires_grad
    }
    assert {name for name in moved(tmp_path / "run") if not name.startswith("averaged")} == learning
    assert not any(
        p.requires_grad for p in load_translator(tmp_path / "run").generators.parameters()
    )
