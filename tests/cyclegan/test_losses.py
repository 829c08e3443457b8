"""Each loss by hand and against torch's own."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from agegen.cyclegan.losses import GAN_LOSSES, GanLoss, cycle_loss, find_gan_loss, identity_loss
from agegen.run.errors import UserError

REAL, FAKE = torch.tensor([1.0, 3.0]), torch.tensor([-2.0, 0.5])

OWN = GanLoss(lambda fake: -fake.mean(), lambda real, fake: fake.mean() - real.mean())
NO_LOSS = 5


@pytest.mark.parametrize(
    ("name", "generator", "discriminator"),
    [
        # (9 + ¼) / 2;  ½ · (0 + 4) / 2 + ½ · (4 + ¼) / 2
        ("least_squares", 4.625, 2.0625),
        # −mean log σ(fake) = (2.126928 + 0.474077) / 2;
        # ½ · (0.313262 + 0.048587) / 2 + ½ · (0.126928 + 0.974077) / 2
        ("vanilla", 1.3005025, 0.3657135),
        # −(−1.5) / 2;  ½ · 0 + ½ · (0 + 1.5) / 2
        ("hinge", 0.75, 0.375),
    ],
)
def test_by_hand(name: str, generator: float, discriminator: float) -> None:
    loss = GAN_LOSSES[name]
    assert float(loss.generator(FAKE)) == pytest.approx(generator, abs=1e-6)
    assert float(loss.discriminator(REAL, FAKE)) == pytest.approx(discriminator, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "criterion"),
    [("least_squares", F.mse_loss), ("vanilla", F.binary_cross_entropy_with_logits)],
)
def test_against_torchs_own(name: str, criterion: Callable[[Tensor, Tensor], Tensor]) -> None:
    real, fake = 3 * torch.randn(2, 4, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    ones, zeros = torch.ones_like(real), torch.zeros_like(real)
    loss = GAN_LOSSES[name]
    torch.testing.assert_close(loss.generator(fake), criterion(fake, ones))
    expected = (criterion(real, ones) + criterion(fake, zeros)) / 2
    torch.testing.assert_close(loss.discriminator(real, fake), expected)


def test_hinge_against_torchs_margin_loss() -> None:
    """max(0, 1 ∓ x) is torch's hinge embedding loss of the distance ±x to a negative pair."""
    real, fake = 3 * torch.randn(2, 100, generator=torch.Generator().manual_seed(0))
    negative = -torch.ones(100)
    expected = (
        F.hinge_embedding_loss(real, negative) + F.hinge_embedding_loss(-fake, negative)
    ) / 2
    torch.testing.assert_close(GAN_LOSSES["hinge"].discriminator(real, fake), expected)


@pytest.mark.parametrize("name", GAN_LOSSES)
def test_each_side_pulls_where_it_should(name: str) -> None:
    """From the middle on: generators raise the logits of fakes, discriminators lower them."""
    loss = GAN_LOSSES[name]
    middle = torch.full((3,), loss.middle)
    real, fake = middle.clone().requires_grad_(), middle.clone().requires_grad_()
    (pull,) = torch.autograd.grad(loss.generator(fake), fake)
    assert (pull < 0).all()
    to_real, to_fake = torch.autograd.grad(loss.discriminator(real, fake), (real, fake))
    assert (to_real < 0).all()
    torch.testing.assert_close(to_fake, -to_real)


def test_vanilla_stays_finite_where_a_sigmoid_would_not() -> None:
    far = torch.tensor([-200.0, 200.0])
    loss = GAN_LOSSES["vanilla"]
    assert float(loss.generator(far)) == pytest.approx(100)
    assert float(loss.discriminator(far, far)) == pytest.approx(100)


@pytest.mark.parametrize("loss", [cycle_loss, identity_loss])
def test_the_others_are_means_of_absolute_differences(
    loss: Callable[[Tensor, Tensor], Tensor],
) -> None:
    real, back = torch.tensor([[0.5, -1.0]]), torch.tensor([[0.0, 1.0]])
    assert float(loss(real, back)) == 1.25


def test_a_loss_by_its_name_or_the_users_own() -> None:
    assert find_gan_loss("hinge") is GAN_LOSSES["hinge"]
    assert find_gan_loss(f"{__name__}:OWN") is OWN
    assert OWN.middle == 0


@pytest.mark.parametrize("name", ["lsgan", "no.such.module:LOSS", f"{__name__}:MISSING", ""])
def test_a_wrong_name_gets_one_sentence(name: str) -> None:
    expected = r"--gan-loss .*is not one of least_squares, vanilla, hinge, nor an importable"
    with pytest.raises(UserError, match=expected) as caught:
        find_gan_loss(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "kind"), [("NO_LOSS", "int"), ("GanLoss", "type")])
def test_what_is_no_gan_loss_is_refused(name: str, kind: str) -> None:
    with pytest.raises(UserError, match=f"{name} is a {kind}, not a GanLoss"):
        find_gan_loss(f"{__name__}:{name}")
