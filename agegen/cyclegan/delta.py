"""A generator that adds a change to the face: shade at full resolution, colour at a quarter.

The trunk works at an eighth of the resolution: a face of 128 pixels takes 451 million
multiplications, where `ResnetGenerator` takes 2,721 (width 32) or 10,576 (the paper's 64).
Wrinkles, folds and stubble are shades: they need every pixel, but no colour of their own; what has
a colour (skin, lips, hair) needs no single pixel. So coloured noise, the usual artefact of
generators trained on few faces, cannot be made at all.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

GROUPS = 8
SMALL = 0.0005  # deviation of the last weights: a training begins with faces as they are


class DeltaGenerator(nn.Module):
    """Adds shade · (x + 1) + light + colour to the face; where all are 0 it comes back bit for bit.

    Pixel unshuffle by 4, convolutions at a quarter and an eighth of the resolution with a skip,
    pixel shuffle (Shi et al., 2016) to full resolution, where a small convolution sees the face's
    own pixels too. Group norm looks at one face at a time. What leaves [−1, 1] is cut off, and
    passes its gradient on all the same in training, so that black and white pixels go on learning.

    Args:
        width: channels at a quarter of the resolution; twice as many at an eighth. A multiple of 8.
        blocks: residual blocks at an eighth.
    """

    multiple = 8  # of which both sides are padded to be one

    def __init__(self, width: int = 48, blocks: int = 4) -> None:
        super().__init__()
        half, full = 16, 16  # channels at half and at full resolution
        self.stem, self.quarter = conv(3 * 16, width), Block(width)
        self.down = conv(width, 2 * width, stride=2)
        self.trunk = nn.Sequential(*(Block(2 * width) for _ in range(blocks)))
        self.to_quarter = nn.Conv2d(2 * width, 4 * width, 1)
        self.join, self.joined = conv(2 * width, width), Block(width)
        self.colour = conv(width, 3)
        self.to_half, self.pixels = conv(width, 4 * half), conv(3 * 4, half)
        self.to_full, self.shade = conv(2 * half, 4 * full), conv(full, 2)
        for layer in (self.to_quarter, self.to_half, self.to_full):
            alike(layer)
        for layer in (self.colour, self.shade):
            nn.init.normal_(layer.weight, 0.0, SMALL)

    def forward(self, x: Tensor) -> Tensor:
        """Float (n, 3, h, w) in [−1, 1] → the same shape and range, any h and w."""
        changed = x + self.change(x)
        cut = changed.clamp(-1, 1)
        return changed + (cut - changed).detach() if self.training else cut

    def change(self, x: Tensor) -> Tensor:
        """What is added to the faces, before anything is cut off; of their type and shape."""
        height, width = x.shape[-2:]
        down, right = -height % self.multiple, -width % self.multiple
        padded = F.pad(x, (0, right, 0, down), mode="reflect") if down or right else x
        shade, colour = (part[..., :height, :width].to(x.dtype) for part in self.parts(padded))
        gain, light = shade[:, :1], shade[:, 1:]
        return (x + 1) * gain + light + colour

    def parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Gain and light (n, 2, h, w), and colour (n, 3, h, w), made at a quarter of it."""
        h = self.quarter(self.stem(F.pixel_unshuffle(x, 4)))
        deep = self.trunk(self.down(F.relu(h)))
        up = F.pixel_shuffle(self.to_quarter(deep), 2)
        h = F.relu(self.joined(self.join(F.relu(torch.cat([up, h], dim=1)))))
        colour = F.interpolate(
            self.colour(h), scale_factor=4.0, mode="bilinear", align_corners=False
        )
        up = F.pixel_shuffle(self.to_half(h), 2)
        seen = self.pixels(F.pixel_unshuffle(x, 2))
        up = F.pixel_shuffle(self.to_full(F.relu(torch.cat([up, seen], dim=1))), 2)
        return self.shade(F.relu(up)), colour


class Block(nn.Module):
    """Group norm, ReLU, convolution, twice, added to the input (He et al., 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = (nn.GroupNorm(GROUPS, channels) for _ in range(2))
        self.conv1, self.conv2 = conv(channels, channels), conv(channels, channels)
        self.conv2.weight.data.mul_(0.2)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) → the same shape."""
        return x + self.conv2(F.relu(self.norm2(self.conv1(F.relu(self.norm1(x))))))


def conv(c_in: int, c_out: int, stride: int = 1) -> nn.Conv2d:
    """A 3×3 convolution with the initial weights of He et al. (2015)."""
    layer = nn.Conv2d(c_in, c_out, 3, stride=stride, padding=1)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def alike(layer: nn.Conv2d) -> None:
    """Let the four pixels of a shuffle begin alike: no checkerboard (Aitken et al., 2017)."""
    groups = rearrange(layer.weight.data, "(c four) i h w -> c four i h w", four=4)
    groups.copy_(groups[:, :1].expand_as(groups).clone())
