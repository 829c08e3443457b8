"""The classifier networks: float n c h w in [−1, 1] → logits (n, 2), column 0 young, 1 old.

Networks that say ages have 101 further columns: logarithms of how likely each age from 0 to 100
years is, up to a constant. Any input from 32 × 32 up; both networks end in a mean over positions.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import reduce
from torch import Tensor, nn

from agegen.classifier.ages import AGES
from agegen.faces.records import CLASS_NAMES
from agegen.run.errors import UserError
from agegen.run.own_class import import_own

LEAST_CONTRAST = 0.1  # of a range of 2: what has less is hardly a face


@dataclass(frozen=True)
class ModelConfig:
    """Which network, and how large."""

    name: str = "residual"
    """residual, plain, or a class of your own as package.module:Class; called with widths=… and,
    for networks that say ages, outputs=…, the number of columns."""
    widths: tuple[int, ...] = (32, 64, 128, 256)
    """Channels of each stage; every stage halves height and width."""
    blocks: int = 2
    """Residual blocks in a stage (residual only)."""
    squeeze: int = 8
    """Squeeze-and-excitation in every block with 1/squeeze of its channels; 0 is without
    (residual only)."""
    standardise: bool = False
    """Show the network every face with the same mean and contrast in each colour, whatever the
    light and the camera (not for classes of your own)."""
    ages: bool = False
    """Learn to say ages in years, too, where the store keeps the faces of all ages
    (prepare_faces.py --keep-other-ages)."""

    def __post_init__(self) -> None:
        if not self.widths or min(self.widths) < 1 or self.blocks < 1:
            raise UserError("--model.widths and --model.blocks must be positive")
        if self.squeeze < 0:
            raise UserError("--model.squeeze cannot be negative")


def build_model(config: ModelConfig) -> nn.Module:
    """Build the network that a config names.

    Raises:
        UserError: the name is none of ours and cannot be imported.
    """
    outputs = outputs_of(config)
    match config.name:
        case "residual":
            asked = config.widths, config.blocks, config.squeeze, outputs, config.standardise
            return ResidualCNN(*asked)
        case "plain":
            return PlainCNN(config.widths, outputs, config.standardise)
    own = import_own(config.name, "model.name", "residual or plain")
    taken = {"widths": config.widths} | ({"outputs": outputs} if config.ages else {})
    try:
        return own(**taken)
    except TypeError as error:
        names = " and ".join(f"{name}=…" for name in taken)
        instead = ": without ages (--model.no-ages) it need not" if config.ages else ""
        raise UserError(
            f"--model.name {config.name} does not take {names} ({error}){instead}"
        ) from None


def outputs_of(config: ModelConfig) -> int:
    """How many columns a network has."""
    return len(CLASS_NAMES) + (AGES if config.ages else 0)


class PlainCNN(nn.Sequential):
    """The lab course's kind of network: blocks of convolution, norm, ReLU and pooling."""

    def __init__(
        self,
        widths: tuple[int, ...] = (32, 64, 128, 256),
        outputs: int = 2,
        standardise: bool = False,
    ) -> None:
        layers: list[nn.Module] = [Standardise()] if standardise else []
        for c_in, c_out in zip((3, *widths), widths, strict=False):
            layers += [
                nn.Conv2d(c_in, c_out, 3, padding=1, bias=False),
                nn.BatchNorm2d(c_out),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
        super().__init__(*layers, GlobalMean(), nn.Linear(widths[-1], outputs))


class Standardise(nn.Module):
    """Each channel of each face to mean 0 and, where it has any contrast, deviation near 1."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) → the same shape."""
        variance, mean = torch.var_mean(x, dim=(2, 3), keepdim=True)
        spread = (variance + 1e-12).sqrt()  # whose gradient at 0 is none
        return (x - mean) / (spread + LEAST_CONTRAST)


class GlobalMean(nn.Module):
    """Mean over positions: (n, c, h, w) → (n, c)."""

    def forward(self, x: Tensor) -> Tensor:
        """Average every channel."""
        return reduce(x, "n c h w -> n c", "mean")


class ResidualCNN(nn.Module):
    """A small pre-activation residual network (He et al., 2016, "Identity Mappings").

    The first convolution has stride 2 and every stage halves the resolution again, so that a
    100 × 100 face reaches the first stage as 25 × 25: fast on a CPU, and all the classes need.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (32, 64, 128, 256),
        blocks: int = 2,
        squeeze: int = 8,
        outputs: int = 2,
        standardise: bool = False,
    ) -> None:
        super().__init__()
        self.prepare = Standardise() if standardise else nn.Identity()
        self.stem = nn.Conv2d(3, widths[0], 3, stride=2, padding=1, bias=False)
        stages = []
        for c_in, c_out in zip((widths[0], *widths), widths, strict=False):
            stages.append(ResidualBlock(c_in, c_out, squeeze, stride=2))
            stages += [ResidualBlock(c_out, c_out, squeeze) for _ in range(blocks - 1)]
        self.stages = nn.Sequential(*stages)
        self.norm = nn.BatchNorm2d(widths[-1])
        self.head = nn.Linear(widths[-1], outputs)
        self.apply(initialise)

    def features(self, x: Tensor) -> Tensor:
        """Return the penultimate features, (n, widths[-1])."""
        x = F.relu(self.norm(self.stages(self.stem(self.prepare(x)))))
        return reduce(x, "n c h w -> n c", "mean")

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, (n, outputs)."""
        return self.head(self.features(x))


class ResidualBlock(nn.Module):
    """Norm, ReLU, 3×3 twice, added to the input (averaged and projected where it shrinks)."""

    def __init__(self, c_in: int, c_out: int, squeeze: int = 0, stride: int = 1) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(c_in)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride=stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.excite = SqueezeExcitation(c_out, squeeze) if squeeze else nn.Identity()
        self.stride = stride
        self.project = nn.Conv2d(c_in, c_out, 1, bias=False) if stride > 1 else None

    def forward(self, x: Tensor) -> Tensor:
        """(n, c_in, h, w) → (n, c_out, ⌈h / stride⌉, ⌈w / stride⌉)."""
        h = F.relu(self.norm1(x))
        if self.project is not None:
            x = self.project(F.avg_pool2d(h, self.stride, ceil_mode=True))
        return x + self.excite(self.conv2(F.relu(self.norm2(self.conv1(h)))))


class SqueezeExcitation(nn.Module):
    """Scale every channel by a gate computed from all channels' means (Hu et al., 2018)."""

    def __init__(self, channels: int, squeeze: int) -> None:
        super().__init__()
        hidden = max(channels // squeeze, 4)
        self.gate = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) → the same shape."""
        return x * self.gate(reduce(x, "n c h w -> n c", "mean"))[:, :, None, None]


def initialise(module: nn.Module) -> None:
    """He et al. (2015) normal initialisation by the outputs' number, as in torchvision's ResNet."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
