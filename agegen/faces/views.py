"""Views of faces: what a network is shown. Batched tensor operations on the training device.

Faces come as uint8 n h w c (as a FaceStore keeps them) and leave as float32 n c h w in [−1, 1].
"""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from agegen.faces.pixels import GREY_LEVELS
from agegen.run.devices import to_device
from agegen.run.errors import UserError

Views = Literal["centre", "flip", "five", "ten"]


@dataclass(frozen=True)
class AugmentConfig:
    """Random views for training; 0 turns an effect off."""

    crop: int = 0
    """Side in pixels of what the network sees; 0 is 96 % of the store's faces, 96 of 100."""
    shift: float = 4.0
    """Largest shift of the crop from the centre, in pixels, each way."""
    scale: float = 0.12
    """Largest change of scale, as a natural logarithm: 0.1 is about ±10 %."""
    rotation: float = 10.0
    """Largest rotation, in degrees, each way."""
    flip: bool = True
    """Mirror half of the faces."""
    colour: float = 0.15
    """Largest change of contrast and saturation, as a natural logarithm; brightness half of it."""
    sharpness: float = 0.0
    """Largest change of sharpness: 1 takes what is finer than about 4 pixels away, or doubles it.
    Photos in the wild are sharper than most data sets, and some are blurred."""
    grey: float = 0.0
    """Share of the faces that lose their colours."""
    erase: float = 0.3
    """Mean side of the erased rectangle as a share of the crop (random erasing)."""
    erase_probability: float = 0.5
    """Share of the faces of which a rectangle is erased."""

    def __post_init__(self) -> None:
        if self.crop and self.crop < 32:
            raise UserError(f"--augment.crop {self.crop} is below 32, the networks' smallest input")
        for name in ("shift", "scale", "rotation", "colour", "sharpness", "erase"):
            if getattr(self, name) < 0:
                raise UserError(f"--augment.{name} cannot be negative")
        for name in ("grey", "erase_probability"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"--augment.{name.replace('_', '-')} must be between 0 and 1")


class ViewParameters(NamedTuple):
    """The random numbers of a batch of views; every tensor is float32 with n rows.

    They are drawn for the whole global batch at once, from the seed and the step alone, and then
    divided among the processes: any number of processes shows the same views, and a resumed run
    shows the views that it would have shown.
    """

    uniform: Tensor
    """(n, 16) in [0, 1)."""

    def rows(self, chosen: slice | np.ndarray) -> "ViewParameters":
        """Return the parameters of some of the faces."""
        return ViewParameters(self.uniform[chosen])


def draw_view_parameters(n: int, seed: int, step: int) -> ViewParameters:
    """Draw the parameters of a global batch of n, on the CPU: 16 numbers a face."""
    generator = torch.Generator().manual_seed(stream_seed(seed, step))
    # the first 14 one after the other, as when there were no more
    parts = [torch.rand(n, columns, generator=generator) for columns in (14, 2)]
    return ViewParameters(torch.cat(parts, dim=1))


def stream_seed(seed: int, step: int) -> int:
    """Mix a run's seed and a step number into one 63-bit seed (splitmix64's finaliser)."""
    mask = (1 << 64) - 1
    z = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return (z ^ (z >> 31)) >> 1


def to_float(images: Tensor) -> Tensor:
    """uint8 n h w c in 0…255 → float32 n c h w in [−1, 1], channels last in memory."""
    return rearrange(images, "n h w c -> n c h w").float().div_(GREY_LEVELS).sub_(1)


def to_uint8(images: Tensor) -> Tensor:
    """Float n c h w in [−1, 1] → uint8 n h w c, rounded; values outside are clipped."""
    scaled = images.float().add(1).mul(GREY_LEVELS).round().clamp(0, 255)
    return rearrange(scaled, "n c h w -> n h w c").to(torch.uint8)


def random_views(
    images: Tensor, parameters: ViewParameters, config: AugmentConfig, side: int | None = None
) -> Tensor:
    """Shift, scale, rotate and mirror faces in one resampling, then change the rest and erase.

    Args:
        images: uint8 (n, h, w, 3).
        parameters: n rows, on the CPU.
        config: how far each effect goes.
        side: pixels that the crop is resampled to; None keeps one for one.

    Returns:
        float32 (n, 3, side, side) in [−1, 1] (colour may leave that range slightly).
    """
    u = to_device(parameters.uniform, images.device)
    signed = 2 * u - 1
    views = geometric_views(to_float(images), u, signed, config, side or config.crop)
    if config.colour:
        views = recolour(views, signed[:, 5:10], config.colour)
    if config.sharpness:
        views = sharpen(views, signed[:, 14] * config.sharpness)
    if config.grey:
        views = bleach(views, u[:, 15] < config.grey)
    if config.erase:
        views = erase_rectangle(views, u[:, 9:14], config)
    return views.contiguous(memory_format=torch.channels_last)


def geometric_views(
    x: Tensor, u: Tensor, signed: Tensor, config: AugmentConfig, side: int
) -> Tensor:
    """Resample by one affine map a face; outside the picture its mirror continuation shows."""
    n, channels, height, width = x.shape
    angle = signed[:, 0] * math.radians(config.rotation)
    scale = torch.exp(signed[:, 1] * config.scale)
    mirror = 1 - 2 * (u[:, 2] < 0.5).float() if config.flip else torch.ones_like(angle)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    kx, ky = config.crop / width, config.crop / height
    shift_x, shift_y = (signed[:, i] * config.shift for i in (3, 4))
    if side == config.crop and not config.scale and not config.rotation:
        # whole pixels: a resampled face is a blurred one
        shift_x = whole(shift_x, (width - side) / 2)
        shift_y = whole(shift_y, (height - side) / 2)
    shift_x, shift_y = 2 * shift_x / width, 2 * shift_y / height
    rows = [mirror * cos * kx, -sin * ky, shift_x, mirror * sin * kx, cos * ky, shift_y]
    theta = rearrange(torch.stack(rows, dim=1), "n (r c) -> n r c", r=2)
    grid = F.affine_grid(theta, [n, channels, side, side], align_corners=False)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


def whole(shift: Tensor, margin: float) -> Tensor:
    """The nearest shift that begins a crop on a whole pixel; `margin` is half the room."""
    return (shift + margin - 0.5).ceil() - margin


def recolour(x: Tensor, signed: Tensor, strength: float) -> Tensor:
    """Change contrast, saturation, brightness and the balance of red against blue."""
    contrast, saturation, brightness, balance = (
        rearrange(signed[:, i] * strength, "n -> n 1 1 1") for i in range(4)
    )
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    x = (x - mean) * torch.exp(contrast) + mean + brightness / 2
    grey = x.mean(dim=1, keepdim=True)
    x = grey + (x - grey) * torch.exp(saturation)
    tint = rearrange(1 - torch.arange(3.0, device=x.device), "c -> 1 c 1 1")
    return x + balance / 4 * tint


def sharpen(x: Tensor, amount: Tensor) -> Tensor:
    """Add so much of the detail to faces (n, 3, h, w), or take it away; `amount` is (n,).

    Unsharp masking, whose blur is a mean over 5 × 5 pixels; at −1 nothing but that is left.
    """
    blurred = F.avg_pool2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), 5, stride=1)
    return x + rearrange(amount, "n -> n 1 1 1") * (x - blurred)


def bleach(x: Tensor, chosen: Tensor) -> Tensor:
    """Take the colours from those faces, bool (n,), of (n, 3, h, w)."""
    grey = x.mean(dim=1, keepdim=True)
    return torch.where(rearrange(chosen, "n -> n 1 1 1"), grey, x)


def erase_rectangle(x: Tensor, u: Tensor, config: AugmentConfig) -> Tensor:
    """Set a random rectangle to grey in some faces (Zhong et al., 2020, random erasing)."""
    side = x.shape[-1]
    lengths = rearrange(config.erase * side * (0.5 + u[:, 0:2]), "n a -> n a 1")
    centres = rearrange(u[:, 2:4] * side, "n a -> n a 1")
    inside = (torch.arange(side, device=x.device) - centres).abs() < lengths / 2
    rows, columns = inside.unbind(dim=1)
    rectangle = rearrange(rows, "n h -> n 1 h 1") & rearrange(columns, "n w -> n 1 1 w")
    chosen = rearrange(u[:, 4] < config.erase_probability, "n -> n 1 1 1")
    return x.masked_fill(rectangle & chosen, 0.0)


def evaluation_views(images: Tensor, crop: int, views: Views = "centre") -> Tensor:
    """Cut the fixed views that an evaluation averages over.

    Args:
        images: uint8 (n, h, w, 3), at least `crop` on each side.
        crop: side of a view.
        views: "centre"; "flip": centre and its mirror image; "five": centre and corners; "ten":
            those five and their mirror images (Krizhevsky et al., 2012, section 4.1).

    Returns:
        float32 (v, n, 3, crop, crop) in [−1, 1], v being 1, 2, 5 or 10.

    Raises:
        UserError: the faces are smaller than the crop.
    """
    x = to_float(images)
    if min(x.shape[2:]) < crop:
        raise UserError(f"a crop of {crop} pixels does not fit into faces of {min(x.shape[2:])}")
    down, right = x.shape[2] - crop, x.shape[3] - crop
    corners = [(down // 2, right // 2)]
    if views in ("five", "ten"):
        corners += [(0, 0), (0, right), (down, 0), (down, right)]
    crops = [x[:, :, top : top + crop, left : left + crop] for top, left in corners]
    if views in ("flip", "ten"):
        crops += [view.flip(3) for view in crops]
    return torch.stack([view.contiguous(memory_format=torch.channels_last) for view in crops])


def at_side(views: Tensor, side: int) -> Tensor:
    """Resample (n, 3, h, w) to (n, 3, side, side) as training's shrunk views are: bilinearly."""
    if views.shape[-1] == side:
        return views
    return F.interpolate(views, (side, side), mode="bilinear", align_corners=False)


def random_crops(images: Tensor, uniform: Tensor, crop: int) -> Tensor:
    """Cut random crops one for one, half of them mirrored, for an evaluation that averages them.

    Images are uint8 (n, h, w, 3), crops float32 (k, n, 3, crop, crop) in [−1, 1]; `uniform` is
    float64 (n, k, 3) in [0, 1): top, left, and mirrored if below one half.
    """
    x = to_float(images)
    places = torch.tensor([x.shape[2] - crop + 1, x.shape[3] - crop + 1, 2], device=x.device)
    drawn = (uniform.to(x.device) * places).long()
    windows = x.unfold(2, crop, 1).unfold(3, crop, 1)  # a view: nothing is copied yet
    faces = torch.arange(len(x), device=x.device)
    crops = []
    for top, left, kept in drawn.permute(1, 2, 0):
        cut = windows[faces, :, top, left]
        cut = torch.where(rearrange(kept == 0, "n -> n 1 1 1"), cut.flip(3), cut)
        crops.append(cut.contiguous(memory_format=torch.channels_last))
    return torch.stack(crops)
