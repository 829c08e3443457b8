"""Discriminators on frozen features: what is frozen, what is seen, which logits mean what."""

from pathlib import Path

import pytest
import torch
from alexnets import write_trunk
from torch import Tensor

from agegen.classifier.config import TrainConfig
from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.features import FeatureDiscriminator, load_trunk
from agegen.cyclegan.model import DiscriminatorConfig, PatchDiscriminator
from agegen.cyclegan.objective import (
    Discriminators,
    Logits,
    Objective,
    SharedDiscriminators,
    build_discriminators,
)
from agegen.run.errors import UserError


def faces(n: int = 3, side: int = 64, seed: int = 0) -> Tensor:
    return torch.rand(n, 3, side, side, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.fixture(scope="module")
def alexnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_trunk(tmp_path_factory.mktemp("trunk") / "alexnet.safetensors")


@pytest.fixture
def network(alexnet: Path) -> FeatureDiscriminator:
    torch.manual_seed(0)
    return FeatureDiscriminator(load_trunk(alexnet), 8)


def test_the_trunk_is_frozen_and_passes_gradients_on(network: FeatureDiscriminator) -> None:
    x = faces().requires_grad_()
    network.train()(x).square().sum().backward()
    assert x.grad.abs().sum() > 0
    for name, weight in network.named_parameters():
        assert weight.requires_grad == (not name.startswith("trunk."))
        assert (weight.grad is not None) == weight.requires_grad


def test_the_trunks_outputs_are_of_one_scale(network: FeatureDiscriminator) -> None:
    for seen in network.trunk(faces(4, 128) * 0.4):
        assert 0.05 < float(seen.square().mean()) < 20


@pytest.mark.parametrize("side", [32, 57, 64, 100, 128])
def test_every_head_weighs_the_same(network: FeatureDiscriminator, side: int) -> None:
    logits = network(faces(2, side))
    assert logits.shape[:3] == (2, 2, 8)  # the pixels, four of the whole, three of a part
    x = faces(2, side)
    whole = [h(s) for h, s in zip(network.heads, network.trunk(x), strict=True)]
    assert logits.shape[3] >= max(m.shape[-1] for m in whole)
    torch.testing.assert_close(logits[:, :, 4].mean(), whole[3].mean(), rtol=0.2, atol=0.02)


def test_the_part_is_where_it_was_aimed_at(network: FeatureDiscriminator) -> None:
    x = torch.zeros(1, 3, 64, 64)
    x[:, :, :32, 32:] = 1.0  # up, right
    for corner, mean in (
        ((0.0, 1.0), 1.0),
        ((1.0, 0.0), 0.0),
        ((0.0, 0.0), 0.0),
        ((0.5, 0.5), 0.25),
    ):
        network.aim(torch.tensor(corner))
        part = network.part_of(x)
        assert part.shape[-2:] == (64, 64)
        assert float(part.mean()) == pytest.approx(mean, abs=0.01)


def test_one_pass_gives_both_classes_and_the_other_age(network: FeatureDiscriminator) -> None:
    shared = SharedDiscriminators(network)
    batches = [faces(n, seed=n) for n in (2, 3, 4, 1)]
    said = shared(*batches, others=True)
    real_old, fake_old, real_young, fake_young = batches
    for found, judged, name in (
        (said.real_old, real_old, "old"), (said.fake_old, fake_old, "old"),
        (said.real_young, real_young, "young"), (said.fake_young, fake_young, "young"),
        (said.other_old, real_young, "old"), (said.other_young, real_old, "young"),
    ):  # fmt: skip
        torch.testing.assert_close(found, shared.judge(judged, name), rtol=1e-4, atol=1e-5)
    assert shared(*batches).other_old is None


def test_two_networks_judge_the_other_age_too() -> None:
    torch.manual_seed(0)
    two = Discriminators(PatchDiscriminator(4, 16), PatchDiscriminator(4, 16))
    batches = [faces(n, 32, seed=n) for n in (2, 3, 4, 1)]
    said = two(*batches, others=True)
    torch.testing.assert_close(said.other_old, two.judge(batches[2], "old"), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        said.other_young, two.judge(batches[0], "young"), rtol=1e-4, atol=1e-5
    )
    assert two(*batches)[4:] == (None, None)


@pytest.mark.parametrize("loss", ["least_squares", "vanilla", "hinge"])
def test_the_other_age_is_a_share_of_what_is_refused(loss: str) -> None:
    """Real faces keep half of the loss; generated ones and the other age divide the other half."""
    config = CycleGANConfig(Path("faces"), Path("out"), gan_loss=loss, other_age=0.3)
    draw = torch.Generator().manual_seed(3)
    logits = [torch.randn(2, 1, 4, 4, generator=draw) for _ in range(6)]
    objective = Objective(config)
    gan = objective.gan_loss.discriminator
    of_old, of_young = (
        0.7 * gan(real, fake) + 0.3 * gan(real, other)
        for real, fake, other in (
            (logits[0], logits[1], logits[4]),
            (logits[2], logits[3], logits[5]),
        )
    )
    losses = objective.compare(Logits(*logits))
    torch.testing.assert_close(losses.total, of_old + of_young)
    without = objective.compare(Logits(*logits[:4]))
    torch.testing.assert_close(without.terms["old"], gan(logits[0], logits[1]))


def test_a_trained_classifiers_features_are_a_trunk(trained_run: Path) -> None:
    from agegen.classifier.predict import load_classifier

    trunk = load_trunk(trained_run)
    classifier = load_classifier(trained_run, "cpu")
    config: TrainConfig = classifier.config
    side = config.augment.crop
    x = faces(2, side)
    seen = trunk.train()(x)
    assert [s.shape[1] for s in seen] == list(config.model.widths)
    last = seen[-1] / trunk.scale[-1]
    features = torch.relu(classifier.model.norm(last)).mean(dim=(2, 3))
    torch.testing.assert_close(features, classifier.model.features(x), rtol=1e-3, atol=1e-4)


def test_what_is_no_trunk_is_refused_in_a_sentence(tmp_path: Path) -> None:
    missing = DiscriminatorConfig("features", trunk=tmp_path / "none.safetensors")
    with pytest.raises(UserError, match=r"none.safetensors"):
        build_discriminators(
            CycleGANConfig(Path("faces"), Path("out"), discriminator=missing, size=32)
        )
    with pytest.raises(UserError, match=str(tmp_path)):
        load_trunk(tmp_path)


def test_a_classifiers_trunk_has_the_names_of_kept_checkpoints_and_sees_what_it_saw(
    trained_run: Path, aged_run: Path
) -> None:
    faces = torch.rand(2, 3, 48, 48) - 0.5
    for run, same in ((trained_run, False), (aged_run, True)):  # the second standardises
        trunk = load_trunk(run)
        assert {"stages.0.0.weight", "stages.0.1.0.conv1.weight"} <= trunk.state_dict().keys()
        seen, brighter = trunk(faces)[-1], trunk(faces + 0.2)[-1]
        assert torch.allclose(seen, brighter, atol=1e-3) == same
