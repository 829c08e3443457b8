"""Discriminators on frozen features: small heads judge what a trained network sees of a face.

After Sauer et al. (2021), "Projected GANs converge faster": features that were learnt on a million
pictures tell old skin from young after a few hundred steps, which a network that begins by chance
does not on a few thousand faces. One network judges both classes, with logits of each: its trunk,
the dearest part, is computed once a face.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from agegen.classifier.model import ResidualCNN
from agegen.classifier.predict import load_classifier
from agegen.cyclegan.delta import GROUPS
from agegen.evaluation.frozen_classifier import fingerprint
from agegen.evaluation.perceptual import SMALLEST, load_alexnet
from agegen.faces.views import at_side
from agegen.run.errors import UserError
from agegen.run.pretrained import find_run
from agegen.run.tensor_files import checksum, in_half

ALEXNET = Path("alexnet")
OF_IMAGENET = "cf64c3d87e42caeb272039cacf37438f4d1119760bab7ffaa2678c9aea17bf15"
"""What `name_trunk` computes of torchvision's weights."""
ZOOM = 1.75  # how much larger AlexNet sees a part of the face; a classifier, as large as a whole
PART = 0.5  # of the face's side
PIXEL_WIDTH = 32


class Trunk(nn.Module):
    """Stages of a trained network, frozen, whose outputs are scaled to a mean square near 1.

    Args:
        prepare: what brings faces, float (n, 3, h, w) in [−1, 1], to what the network takes.
        stages: one after the other.
        channels: of each stage's output.
    """

    def __init__(
        self, prepare: nn.Module, stages: Sequence[nn.Module], channels: Sequence[int]
    ) -> None:
        super().__init__()
        self.prepare, self.stages = prepare, nn.ModuleList(stages)
        self.channels = tuple(channels)
        self.scale: Tensor
        self.register_buffer("scale", torch.ones(len(self.channels)))
        self.requires_grad_(False).train()
        with torch.no_grad():
            seen = [x.square().mean() for x in self(smooth_noise())]
        self.scale.copy_(torch.stack(seen).clamp_min(1e-6).rsqrt())

    def train(self, mode: bool = True) -> "Trunk":
        """Stay in evaluation mode: norms keep the statistics that they were trained with."""
        return super().train(False)

    def forward(self, faces: Tensor, depth: int | None = None) -> list[Tensor]:
        """The outputs of the first `depth` stages, (n, c, h', w') each; None: of all."""
        x, found = self.prepare(faces), []
        for stage, scale in zip(self.stages[:depth], self.scale, strict=False):
            x = stage(x)
            found.append(x * scale.to(x.dtype))
        return found


def smooth_noise(side: int = 128) -> Tensor:
    """Pictures with structure of every size, always the same: float (4, 3, side, side) in ±1."""
    draw = torch.Generator().manual_seed(0)
    noise = [torch.randn(4, 3, n, n, generator=draw) for n in (4, 16, 64)]
    enlarged = (F.interpolate(x, (side, side), mode="bicubic") for x in noise)
    weighted = [x * weight for x, weight in zip(enlarged, (0.4, 0.2, 0.1), strict=True)]
    return torch.stack(weighted).sum(dim=0).clamp(-1, 1)


def load_trunk(trunk: Path) -> Trunk:
    """The features that a config names.

    Args:
        trunk: ``alexnet``, which torchvision downloads; a safetensors file of its convolutions; or
            the run folder of a classifier, ``pretrained`` too.

    Raises:
        UserError: they cannot be had, or the classifier is none of agegen's residual ones.
    """
    if is_classifier(trunk):
        return classifier_trunk(trunk)
    from lpips.lpips import ScalingLayer  # takes seconds

    slices = list(alexnet_of(trunk).children())
    stages = [*slices[:3], nn.Sequential(*slices[3:])]
    return Trunk(ScalingLayer(), stages, (64, 192, 384, 256))


def alexnet_of(trunk: Path) -> nn.Module:
    """AlexNet's convolutions, torchvision's or a file's."""
    return load_alexnet(None if trunk == ALEXNET else trunk, "discriminator.trunk")


def is_classifier(trunk: Path) -> bool:
    """Whether a trunk is a classifier's run rather than AlexNet."""
    return trunk != ALEXNET and find_run(trunk, "classifier").is_dir()


def name_trunk(trunk: Path) -> str:
    """What identifies a trunk: ``alexnet`` for ImageNet's, else a checksum of its weights.

    Raises:
        UserError: it cannot be had.
    """
    if trunk == ALEXNET:
        return str(ALEXNET)
    if is_classifier(trunk):
        return fingerprint(trunk)
    found = checksum(in_half(alexnet_of(trunk).state_dict()))
    return str(ALEXNET) if found == OF_IMAGENET else found


def classifier_trunk(run: Path) -> Trunk:
    """The stages of a trained classifier, which are shown faces at the size it was trained at."""
    classifier = load_classifier(run, "cpu")
    model = classifier.model
    if not isinstance(model, ResidualCNN):
        raise UserError(f"--discriminator.trunk {run} is a {type(model).__name__}, not residual")
    widths, blocks = classifier.config.model.widths, classifier.config.model.blocks
    stages = [model.stages[i : i + blocks] for i in range(0, len(model.stages), blocks)]
    stages[0] = nn.Sequential(model.stem, stages[0])
    return Trunk(AtSide(classifier.config.augment.crop, model.prepare), stages, widths)


class AtSide(nn.Module):
    """Resample to a side in pixels, bilinear, and whatever comes before a network's first layer."""

    def __init__(self, side: int, then: nn.Module) -> None:
        super().__init__()
        self.side, self.then = side, then

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) → (n, c, side, side)."""
        return self.then(at_side(x, self.side))


class FeatureDiscriminator(nn.Module):
    """Heads on a frozen trunk, of the whole face and of an enlarged part, beside a net of pixels.

    Args:
        trunk: whose outputs the heads judge, not trained.
        width: channels of the heads.
    """

    def __init__(self, trunk: Trunk, width: int = 64) -> None:
        super().__init__()
        self.trunk = trunk
        self.heads = nn.ModuleList(head(c, width) for c in trunk.channels)
        self.part_heads = nn.ModuleList(
            head(c, max(3 * width // 4, 1)) for c in trunk.channels[:-1]
        )
        self.pixels = pixel_net(PIXEL_WIDTH)
        self.corner: Tensor
        self.register_buffer("corner", torch.full((2,), 0.5), persistent=False)

    def forward(self, faces: Tensor) -> Tensor:
        """Logits of both classes.

        Args:
            faces: float (n, 3, h, w) in [−1, 1].

        Returns:
            (n, 2, maps, h', w'), old first: a map of each head, enlarged to the largest of them, so
            that the mean over all weighs every head alike.
        """
        whole = (h(x) for h, x in zip(self.heads, self.trunk(faces), strict=True))
        seen = self.trunk(self.part_of(faces), len(self.part_heads))
        parts = (h(x) for h, x in zip(self.part_heads, seen, strict=True))
        maps = [self.pixels(faces), *whole, *parts]
        largest = max(maps, key=lambda x: x.shape[-1]).shape[-2:]
        return torch.stack([F.interpolate(x.float(), largest) for x in maps], dim=2)

    def aim(self, corner: Tensor) -> None:
        """Choose the part that is seen enlarged: float (2,) in [0, 1], down and right."""
        self.corner.copy_(corner, non_blocking=True)

    def part_of(self, faces: Tensor) -> Tensor:
        """The part at `corner`, a share of the room that it has, enlarged."""
        for axis in (2, 3):
            side = round(PART * faces.shape[axis])
            room = faces.shape[axis] - side
            first = (self.corner[axis - 2] * room).round().long()
            at = first + torch.arange(side, device=faces.device)
            faces = faces.index_select(axis, at)
        if isinstance(self.trunk.prepare, AtSide):  # which enlarges it
            return faces
        sides = [max(round(ZOOM * side), SMALLEST) for side in faces.shape[2:]]
        return F.interpolate(faces, sides, mode="bilinear", align_corners=False)


def head(channels: int, width: int) -> nn.Module:
    """Two convolutions of 3×3 → two logits of every place."""
    layers = nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1), nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2, 3, padding=1),
    )  # fmt: skip
    return begun_small(layers)


def pixel_net(width: int) -> nn.Module:
    """Patches of 26 pixels → two logits: texture, which the trunk's first stride leaves out."""
    layers = nn.Sequential(
        nn.Conv2d(3, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
        nn.GroupNorm(GROUPS, 2 * width), nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 2 * width, 3, padding=1),
        nn.GroupNorm(GROUPS, 2 * width), nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 2, 3, padding=1),
    )  # fmt: skip
    return begun_small(layers)


def begun_small(layers: nn.Sequential) -> nn.Module:
    """Initial weights of He et al. (2015), those of the logits a tenth."""
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, 0.2)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    layers[-1].weight.data.mul_(0.1)  # type: ignore[operator]
    return layers
