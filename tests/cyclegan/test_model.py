"""The networks against the paper: sizes, parameters, receptive fields, initial weights."""

import pytest
import torch
from torch import Tensor, nn

from agegen.cyclegan.model import (
    BRIGHTEST,
    RECEPTIVE_FIELDS,
    DiscriminatorConfig,
    GeneratorConfig,
    PatchDiscriminator,
    ResnetGenerator,
    add_residual,
    build_discriminator,
    build_generator,
)
from agegen.run.errors import UserError

UPSAMPLINGS = ["transposed", "nearest", "shuffle"]


class OwnGenerator(nn.Module):
    """A generator of the user's own, with initial weights of its own."""

    def __init__(self, width: int, blocks: int, upsampling: str) -> None:
        super().__init__()
        self.arguments = (width, blocks, upsampling)
        self.layer = nn.Conv2d(3, 3, 1)
        nn.init.constant_(self.layer.weight, 7.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


class OwnDiscriminator(nn.Module):
    """A discriminator of the user's own."""

    def __init__(self, width: int, receptive_field: int) -> None:
        super().__init__()
        self.arguments = (width, receptive_field)


class OtherArguments(nn.Module):
    """Takes nothing that ours take."""

    def __init__(self, depth: int) -> None:
        super().__init__()


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def paper_generator(width: int, blocks: int) -> nn.Sequential:
    """The paper's generator layer by layer, with padding as layers of their own."""

    def unit(c_in: int, c_out: int) -> list[nn.Module]:
        return [nn.Conv2d(c_in, c_out, 3, 2, 1, bias=False), nn.InstanceNorm2d(c_out), nn.ReLU()]

    def up(c_in: int, c_out: int) -> list[nn.Module]:
        layer = nn.ConvTranspose2d(c_in, c_out, 3, 2, 1, output_padding=1, bias=False)
        return [layer, nn.InstanceNorm2d(c_out), nn.ReLU()]

    first = [nn.Conv2d(3, width, 7, bias=False), nn.InstanceNorm2d(width), nn.ReLU()]
    return nn.Sequential(
        nn.ReflectionPad2d(3), *first, *unit(width, 2 * width), *unit(2 * width, 4 * width),
        *(PaperBlock(4 * width) for _ in range(blocks)),
        *up(4 * width, 2 * width), *up(2 * width, width),
        nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh(),
    )  # fmt: skip


class PaperBlock(nn.Module):
    """Rk of the paper."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pad, self.norm = nn.ReflectionPad2d(1), nn.InstanceNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(self.conv1(self.pad(x))).relu()
        return x + self.norm(self.conv2(self.pad(h)))


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
@pytest.mark.parametrize("size", [(32, 32), (33, 33), (34, 47), (61, 40), (64, 35)])
def test_any_size_from_32_up_comes_out_again(upsampling: str, size: tuple[int, int]) -> None:
    x = torch.rand(2, 3, *size) * 2 - 1
    y = ResnetGenerator(width=4, blocks=1, upsampling=upsampling)(x)
    assert y.shape == x.shape
    assert y.abs().max() <= 1


def test_the_generator_computes_what_the_papers_layers_do() -> None:
    ours, paper = ResnetGenerator(4, 2, "transposed"), paper_generator(4, 2)
    with torch.no_grad():
        for mine, theirs in zip(ours.parameters(), paper.parameters(), strict=True):
            theirs.copy_(mine.normal_(0, 0.2))
    x = torch.rand(2, 3, 32, 40) * 2 - 1
    torch.testing.assert_close(ours(x), paper(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("network", [ResnetGenerator(4, 1), PatchDiscriminator(4, 34)])
def test_a_joined_batch_is_that_of_each_face_alone(network: nn.Module) -> None:
    x = torch.randn(3, 3, 32, 32)
    alone = torch.cat([network(face[None]) for face in x])
    torch.testing.assert_close(network(x), alone, rtol=1e-4, atol=1e-6)


def test_parameters_of_the_papers_generator() -> None:
    """As many as the paper's code has (11,378,179), less its biases before instance norms."""
    network = ResnetGenerator(64, 9, "transposed")
    ends = 49 * 3 * 64 + 49 * 64 * 3 + 3
    down_and_up = 2 * (9 * 64 * 128 + 9 * 128 * 256)
    assert count(network) == ends + down_and_up + 9 * 2 * 9 * 256 * 256
    assert count(network) == 11_378_179 - (64 + 128 + 256 + 9 * 2 * 256 + 128 + 64)


def test_parameters_of_the_papers_discriminator() -> None:
    """As many as the paper's code has (2,764,737), less its biases before instance norms."""
    network = PatchDiscriminator(64, 70)
    first, last = 16 * 3 * 64 + 64, 16 * 512 + 1
    assert count(network) == first + 16 * (64 * 128 + 128 * 256 + 256 * 512) + last
    assert count(network) == 2_764_737 - (128 + 256 + 512)


@pytest.mark.parametrize(
    ("upsampling", "expected"),
    [
        ("transposed", 9 * (16 * 8 + 8 * 4)),
        ("nearest", 9 * (16 * 8 + 8 * 4)),
        ("shuffle", 4 * 9 * (16 * 8 + 8 * 4)),
    ],
)
def test_upsampling_costs_its_parameters(upsampling: str, expected: int) -> None:
    rest = 2 * 49 * 3 * 4 + 3 + 9 * (4 * 8 + 8 * 16) + 2 * 9 * 16 * 16
    assert count(ResnetGenerator(4, 1, upsampling)) == rest + expected


@pytest.mark.parametrize("field", RECEPTIVE_FIELDS)
def test_one_logit_sees_its_receptive_field(field: int) -> None:
    network = PatchDiscriminator(1, field).double()
    for number, layer in enumerate(network):
        if isinstance(layer, nn.InstanceNorm2d):  # the mean of a map sees all of it
            network[number] = nn.Identity()
    x = torch.randn(1, 3, 224, 224, dtype=torch.float64, requires_grad=True)
    logits = network(x)
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    touched = x.grad[0].abs().amax(dim=0) > 0
    assert touched.any(dim=0).sum() == touched.any(dim=1).sum() == field


@pytest.mark.parametrize("network", [ResnetGenerator(24, 2, "transposed"), PatchDiscriminator(24)])
def test_weights_begin_as_n_0_002_and_biases_at_0(network: nn.Module) -> None:
    parameters = {name: p.detach() for name, p in network.named_parameters()}
    weights = torch.cat([p.flatten() for name, p in parameters.items() if "weight" in name])
    assert abs(float(weights.mean())) < 5 * 0.02 / len(weights) ** 0.5
    assert float(weights.std()) == pytest.approx(0.02, rel=0.01)
    biases = [p for name, p in parameters.items() if "bias" in name]
    assert biases
    assert not any(p.any() for p in biases)


def test_every_parameter_gets_a_gradient() -> None:
    generator, discriminator = ResnetGenerator(4, 1), PatchDiscriminator(4, 16)
    discriminator(generator(torch.randn(2, 3, 32, 32))).square().sum().backward()
    parameters = [*generator.parameters(), *discriminator.parameters()]
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in parameters)


@pytest.mark.parametrize(("blocks", "size", "expected"), [(0, 128, 6), (0, 132, 9), (2, 256, 2)])
def test_blocks_follow_the_size(blocks: int, size: int, expected: int) -> None:
    network = build_generator(GeneratorConfig(width=1, blocks=blocks), size)
    assert sum(type(m).__name__ == "ResidualBlock" for m in network.modules()) == expected


def test_a_config_names_the_users_own_class_and_leaves_its_weights() -> None:
    config = GeneratorConfig(f"{__name__}:OwnGenerator", width=5, blocks=3, upsampling="shuffle")
    own = build_generator(config, 64)
    assert own.arguments == (5, 3, "shuffle")
    assert (own.layer.weight == 7).all()
    config = DiscriminatorConfig(f"{__name__}:OwnDiscriminator", width=5, receptive_field=16)
    assert build_discriminator(config).arguments == (5, 16)


@pytest.mark.parametrize("name", ["unet", "no.such.module:Net", "torch.nn:NoSuchNet", ""])
def test_an_unknown_name_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(UserError, match=r"--generator.name .*not resnet or delta, nor an"):
        build_generator(GeneratorConfig(name), 64)
    with pytest.raises(UserError, match=r"--discriminator.name .*not patch or features, nor"):
        build_discriminator(DiscriminatorConfig(name))


def test_an_own_class_with_other_arguments_is_refused_in_a_sentence() -> None:
    with pytest.raises(UserError, match="does not take width=, blocks=, upsampling="):
        build_generator(GeneratorConfig(f"{__name__}:OtherArguments"), 64)


@pytest.mark.parametrize(
    ("config", "wrong"),
    [
        (GeneratorConfig, {"width": 0}),
        (GeneratorConfig, {"blocks": -1}),
        (DiscriminatorConfig, {"width": 0}),
    ],
)
def test_impossible_sizes_are_refused(config: type, wrong: dict[str, int]) -> None:
    with pytest.raises(UserError, match=next(iter(wrong))):
        config(**wrong)


@pytest.mark.parametrize("size", [32, 45])
def test_a_residual_generator_begins_near_the_face_and_stays_in_range(size: int) -> None:
    torch.manual_seed(0)
    generator = build_generator(GeneratorConfig(width=8, blocks=1, residual=True), size)
    x = torch.rand(2, 3, size, size) * 2 - 1
    made = generator(x)
    assert made.shape == x.shape
    assert 0 < (made - x).abs().mean() < 0.05
    assert made.abs().max() <= 1
    extreme = generator(torch.sign(x))
    assert torch.isfinite(extreme).all()
    extreme.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in generator.parameters())
    plain = build_generator(GeneratorConfig(width=8, blocks=1), size)
    assert (plain(x) - x).abs().mean() > 0.2


def faces_with_extremes(rng: torch.Generator, side: tuple[int, int]) -> Tensor:
    """8-bit faces in [−1, 1], some of them half black and white."""
    levels = torch.randint(0, 256, (2, 3, *side), generator=rng)
    if torch.rand(1, generator=rng) < 0.5:
        drawn = torch.rand(levels.shape, generator=rng)
        levels = torch.where(drawn < 0.25, 0, torch.where(drawn > 0.75, 255, levels))
    return levels / 127.5 - 1


@pytest.mark.parametrize("bf16", [False, True])
def test_without_a_change_a_residual_generator_gives_back_the_same_bits(bf16: bool) -> None:
    rng = torch.Generator().manual_seed(1)
    generator = ResnetGenerator(4, 1, residual=True)
    nn.init.zeros_(generator[-1].weight)
    every = (torch.arange(256) / 127.5 - 1).view(1, 1, 16, 16).repeat(1, 3, 3, 3)
    for number in range(60):
        side = torch.randint(32, 50, (2,), generator=rng).tolist()
        x = faces_with_extremes(rng, (side[0], side[1])) if number else every
        if number % 2:
            x = x.to(memory_format=torch.channels_last)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            assert torch.equal(generator(x), x)


def test_a_residual_changes_a_face_as_much_as_it_says_and_black_too() -> None:
    rng = torch.Generator().manual_seed(2)
    for scale in (1e-3, 0.1, 1.0, 30.0):
        x = faces_with_extremes(rng, (40, 40)).requires_grad_()
        h = (torch.randn(x.shape, generator=rng) * scale).requires_grad_()
        made = add_residual(x, h)
        assert made.abs().max() <= 1
        assert ((made - x).abs() <= h.abs() + 1e-6).all()
        moved = torch.tanh(h + torch.atanh(x.clamp(-BRIGHTEST, BRIGHTEST)))
        inside = x.abs() <= BRIGHTEST
        torch.testing.assert_close(made[inside], moved[inside], rtol=0, atol=2e-5)
        made.sum().backward()
        assert torch.isfinite(torch.cat([x.grad, h.grad])).all()
        lighter = (x == -1) & (h > 0)
        assert lighter.any()
        assert (made[lighter] > -1).all()
        assert (h.grad[lighter] > 0).all() or scale == 30.0  # there tanh is flat


class BrokenGenerator(nn.Module):
    """Takes the right arguments, and raises a TypeError of its own."""

    def __init__(self, width: int, blocks: int, upsampling: str) -> None:
        super().__init__()
        len(width)  # type: ignore[arg-type]


def test_a_users_own_mistake_is_shown_as_it_is() -> None:
    own = GeneratorConfig(name=f"{__name__}:BrokenGenerator")
    with pytest.raises(TypeError, match="no len") as caught:
        build_generator(own, 32)
    assert caught.value.__notes__ == [f"raised while --generator.name {own.name} was built"]


class PassesOn(nn.Module):
    """Hands what it does not know to a class that does not know it either."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)


def test_an_own_class_that_passes_arguments_on_is_refused_in_a_sentence() -> None:
    with pytest.raises(UserError, match=r"--generator.name .*:PassesOn does not take width=.*line"):
        build_generator(GeneratorConfig(f"{__name__}:PassesOn"), 64)


class NoNetwork:
    """Takes the right arguments, and is no network."""

    def __init__(self, width: int, blocks: int, upsampling: str) -> None:
        pass


MADE = nn.Conv2d(3, 3, 1)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("NoNetwork", "makes a NoNetwork, not a torch.nn.Module"),
        ("MADE", "is a network that is already made: name its class"),
        ("UPSAMPLINGS", "does not take width="),
    ],
)
def test_what_is_no_class_of_networks_is_refused(name: str, sentence: str) -> None:
    with pytest.raises(UserError, match=f"--generator.name .*:{name} {sentence}"):
        build_generator(GeneratorConfig(f"{__name__}:{name}"), 64)


def test_residual_is_of_our_generator_only() -> None:
    with pytest.raises(UserError, match="of resnet only"):
        GeneratorConfig(name="mine:Network", residual=True)
