"""The CycleGAN networks (Zhu et al., 2017, section 4 and appendix 7.2), float n c h w in [−1, 1].

`ResnetGenerator` maps faces of one age domain to the other, any size; `PatchDiscriminator` judges
every patch of a face. The others are in `delta.py` and `features.py`. None keeps statistics of the
data: their norms look at one face at a time, so that batches may be joined and divided freely.
"""

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from agegen.cyclegan.delta import DeltaGenerator
from agegen.cyclegan.features import ALEXNET, FeatureDiscriminator, load_trunk
from agegen.run.errors import UserError
from agegen.run.own_class import explain, import_own

Upsampling = Literal["transposed", "nearest", "shuffle"]
BRIGHTEST = 0.98  # residual generators change what is beyond as if it were this: at 1 nothing could
RECEPTIVE_FIELDS = {16: 1, 34: 2, 70: 3, 142: 4}
"""Receptive field of the discriminator in pixels → its layers of stride 2."""


@dataclass(frozen=True)
class GeneratorConfig:
    """Which generator, and how large."""

    name: str = "resnet"
    """resnet (the paper's), delta (adds shade at full resolution and colour at a quarter of it: a
    fraction of the time), or a class of your own as package.module:Class; called with width=,
    blocks=, upsampling=. It keeps the weights that it begins with."""
    width: int = 64
    """Channels at full resolution, twice and four times as many at a half and a quarter; of delta,
    at a quarter, twice as many at an eighth."""
    blocks: int = 0
    """Residual blocks; 0 is the paper's choice, 6 up to 128 pixels, 9 above; of delta 4."""
    upsampling: Upsampling = "nearest"
    """transposed convolution (the paper's), nearest neighbour and convolution, or pixel shuffle."""
    residual: bool = False
    """Add what the network makes to the face instead of painting it anew (after Shen and Liu, 2017,
    "Learning residual images for face attribute manipulation"): faces keep their detail from the
    first step on, which a short training does not learn otherwise. Of resnet only."""

    def __post_init__(self) -> None:
        if self.width < 1 or self.blocks < 0:
            raise UserError("--generator.width must be above 0, --generator.blocks not negative")
        if self.name == "delta" and self.width % 8:
            raise UserError("--generator.width of delta must be a multiple of 8")
        if self.residual and self.name != "resnet":
            raise UserError(f"--generator.residual is of resnet only, not of {self.name}")


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Which discriminator, and how large."""

    name: str = "patch"
    """patch (the paper's, one a class), features (heads on a frozen trunk, both classes at once),
    or a class of your own as package.module:Class; called with width=, receptive_field=. It keeps
    the weights that it begins with."""
    width: int = 64
    """Channels of the first layer; doubled by every layer of stride 2, up to eightfold. Of
    features, those of the heads."""
    receptive_field: Literal[16, 34, 70, 142] = 70
    """Side in pixels of the patches that patch judges; 70 is the paper's, for 256 pixels."""
    trunk: Path = ALEXNET
    """Whose features: alexnet (ImageNet's, which torchvision downloads), a safetensors file of its
    convolutions, or the run folder of a classifier."""

    def __post_init__(self) -> None:
        if self.width < 1:
            raise UserError("--discriminator.width must be above 0")


def build_generator(config: GeneratorConfig, size: int) -> nn.Module:
    """Build the generator that a config names.

    Args:
        config: which one.
        size: side in pixels of the faces it is trained on; decides the blocks where they are 0.

    Raises:
        UserError: the name is none of ours and cannot be imported, or takes other arguments.
    """
    options: dict[str, Any] = {
        "width": config.width,
        "blocks": blocks_of(config, size),
        "upsampling": config.upsampling,
    }
    if config.name == "resnet":
        return ResnetGenerator(**options, residual=config.residual)
    if config.name == "delta":
        return DeltaGenerator(config.width, options["blocks"])
    return own_network(config.name, "generator.name", "resnet or delta", options)


def blocks_of(config: GeneratorConfig, size: int) -> int:
    """How many residual blocks a generator for faces of `size` pixels has."""
    return config.blocks or (4 if config.name == "delta" else 6 if size <= 128 else 9)


def build_discriminator(config: DiscriminatorConfig) -> nn.Module:
    """Build the discriminator that a config names; "features" judges both classes, others one.

    Raises:
        UserError: the name is none of ours and cannot be imported, or takes other arguments; or
            the trunk cannot be had.
    """
    options = {"width": config.width, "receptive_field": config.receptive_field}
    if config.name == "patch":
        return PatchDiscriminator(**options)
    if config.name == "features":
        return FeatureDiscriminator(load_trunk(config.trunk), config.width)
    return own_network(config.name, "discriminator.name", "patch or features", options)


def own_network(name: str, flag: str, otherwise: str, options: dict) -> nn.Module:
    """Build the user's ``package.module:Class``, whose initial weights are left as they are.

    It is in training mode, but for the layers that it was made with, or keeps, in evaluation mode.

    Raises:
        UserError: it is no class of networks that takes the options.
    """
    own, named = import_own(name, flag, otherwise), f"--{flag} {name}"
    if isinstance(own, nn.Module):
        raise UserError(f"{named} is a network that is already made: name its class")
    refusal = f"{named} does not take {'=, '.join(options)}="
    try:
        taken = inspect.signature(own).bind(**options)
    except (TypeError, ValueError) as error:  # not those that its own code may raise
        raise UserError(f"{refusal} ({error})") from None
    try:
        network = own(**options)
    except Exception as error:
        if isinstance(error, TypeError) and set(taken.arguments) - set(options):  # **kwargs
            raise UserError(f"{refusal} ({explain(error)})") from error
        error.add_note(f"raised while {named} was built")
        raise
    if not isinstance(network, nn.Module):
        raise UserError(f"{named} makes a {type(network).__name__}, not a torch.nn.Module")
    asleep = [layer for layer in network.modules() if not layer.training]
    network.train()
    for layer in asleep:
        layer.training = False
    return network


class ResnetGenerator(nn.Sequential):
    """c7s1-w, d2w, d4w, R4w × blocks, u2w, uw, c7s1-3 with tanh, in the paper's notation.

    A `residual` one adds tanh(h + artanh x) − x to the face, h being the last convolution's output,
    which begins near 0; where h is 0 the face comes back bit for bit. See `add_residual`.

    Begins with weights of N(0, 0.02). The paper's code gives the convolutions before a norm biases
    too; the norm takes them away again, so that they are left out here.
    """

    multiple = 4  # of which both sides are padded to be one

    def __init__(
        self,
        width: int = 64,
        blocks: int = 6,
        upsampling: Upsampling = "nearest",
        residual: bool = False,
    ) -> None:
        super().__init__(
            nn.Conv2d(3, width, 7, padding=3, padding_mode="reflect", bias=False),
            *norm_relu(width),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1, bias=False),
            *norm_relu(2 * width),
            nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1, bias=False),
            *norm_relu(4 * width),
            *(ResidualBlock(4 * width) for _ in range(blocks)),
            *upsample(4 * width, 2 * width, upsampling),
            *norm_relu(2 * width),
            *upsample(2 * width, width, upsampling),
            *norm_relu(width),
            nn.Conv2d(width, 3, 7, padding=3, padding_mode="reflect"),
        )
        self.apply(initialise)
        self.residual = residual
        if residual:
            last = self[-1]
            assert isinstance(last, nn.Conv2d)
            nn.init.normal_(last.weight, 0.0, 0.002)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, h, w) → the same shape; sides that are no multiples are padded and cut back."""
        height, width = x.shape[-2:]
        down, right = -height % self.multiple, -width % self.multiple
        padded = F.pad(x, (0, right, 0, down), mode="reflect") if down or right else x
        made = super().forward(padded)[..., :height, :width]
        return add_residual(x, made) if self.residual else torch.tanh(made)


def add_residual(x: Tensor, h: Tensor) -> Tensor:
    """Move faces by h on the scale of artanh x: tanh(h + artanh x), and x itself where h is 0.

    By tanh's addition theorem what is added is t (1 − b²) / (1 + b t), t being tanh h and b the
    face, cut off at `BRIGHTEST` so that black and white can change, too.

    Args:
        x: float (n, 3, h, w) in [−1, 1].
        h: of the same shape, any float type.

    Returns:
        Of x's type, in [−1, 1]; nothing changes by more than h.
    """
    t, b = torch.tanh(h.to(x.dtype)), x.clamp(-BRIGHTEST, BRIGHTEST)
    return (x + t * (1 - b * b) / (1 + b * t)).clamp(-1, 1)


class ResidualBlock(nn.Module):
    """Convolution, norm, ReLU, convolution, norm, added to the input (He et al., 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", bias=False),
            *norm_relu(channels),
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", bias=False),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) → the same shape."""
        return x + self.block(x)


def norm_relu(channels: int) -> tuple[nn.Module, nn.Module]:
    """Instance norm without parameters, as the paper's code has it, and ReLU.

    Not in place: the norm returns a view, of which autograd would copy the whole activation.
    """
    return nn.InstanceNorm2d(channels), nn.ReLU()


def upsample(c_in: int, c_out: int, kind: Upsampling) -> tuple[nn.Module, ...]:
    """Double height and width.

    "transposed" is the paper's, and prone to checkerboards (Odena et al., 2016); "nearest" is their
    remedy; "shuffle" is that of Shi et al. (2016).
    """
    match kind:
        case "transposed":
            return (
                nn.ConvTranspose2d(
                    c_in, c_out, 3, stride=2, padding=1, output_padding=1, bias=False
                ),
            )
        case "nearest":
            return nn.Upsample(scale_factor=2), nn.Conv2d(c_in, c_out, 3, padding=1, bias=False)
        case "shuffle":
            return nn.Conv2d(c_in, 4 * c_out, 3, padding=1, bias=False), nn.PixelShuffle(2)


class PatchDiscriminator(nn.Sequential):
    """C64-C128-C256-C512 of Isola et al. (2017); more or fewer for another receptive field.

    Begins with weights of N(0, 0.02). Float (n, 3, h, w) in [−1, 1] → logits (n, 1, h', w').
    """

    def __init__(self, width: int = 64, receptive_field: int = 70) -> None:
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, stride=2, padding=1), leaky()]
        channels = width
        for number in range(1, RECEPTIVE_FIELDS[receptive_field] + 1):
            wider = width * min(2**number, 8)
            stride = 1 if number == RECEPTIVE_FIELDS[receptive_field] else 2
            layers += [
                nn.Conv2d(channels, wider, 4, stride=stride, padding=1, bias=False),
                nn.InstanceNorm2d(wider),
                leaky(),
            ]
            channels = wider
        super().__init__(*layers, nn.Conv2d(channels, 1, 4, padding=1))
        self.apply(initialise)


def leaky() -> nn.Module:
    """The discriminator's activation."""
    return nn.LeakyReLU(0.2)


def initialise(module: nn.Module) -> None:
    """N(0, 0.02) for all convolutions, zero biases (Zhu et al., 2017, appendix 7.1)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
