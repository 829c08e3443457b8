"""What discriminators are shown of faces, real and generated alike: augmented with gradients."""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from agegen.run.devices import to_device


def diff_augment(x: Tensor, uniform: Tensor) -> Tensor:
    """Change colour, shift and cut out: "DiffAugment" (Zhao et al., 2020), its whole policy.

    Args:
        x: float (n, 3, h, w) in [−1, 1].
        uniform: float32 (n, 7) in [0, 1), on the CPU: what happens to each face.

    Returns:
        float32 of the same shape; colours may leave the range.
    """
    x = x.float()
    u = to_device(uniform, x.device)
    with torch.autocast(x.device.type, enabled=False):  # 8 bits cannot tell a grid's pixels apart
        return cut_out(shift(recolour(x, u[:, :3]), u[:, 3:5]), u[:, 5:7])


def recolour(x: Tensor, u: Tensor) -> Tensor:
    """Brightness ±½, saturation 0…2, contrast ½…1½."""
    brightness, saturation, contrast = (rearrange(u[:, i], "n -> n 1 1 1") for i in range(3))
    x = x + brightness - 0.5
    grey = x.mean(dim=1, keepdim=True)
    x = grey + (x - grey) * 2 * saturation
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (x - mean) * (0.5 + contrast)


def shift(x: Tensor, u: Tensor, share: float = 1 / 8) -> Tensor:
    """Shift by up to `share` of the side each way, every whole pixel alike; grey comes in.

    u of one half shifts by none.
    """
    height, width = x.shape[-2:]
    theta = torch.eye(2, 3, device=x.device, dtype=x.dtype).repeat(len(x), 1, 1)
    for axis, side in ((0, width), (1, height)):
        most = int(share * side + 0.5)
        pixels = (u[:, axis] * (2 * most + 1)).floor() - most
        theta[:, axis, 2] = 2 * pixels / side
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="nearest", align_corners=False)


def cut_out(x: Tensor, u: Tensor, share: float = 0.5) -> Tensor:
    """Set a square of `share` of the side to grey, its centre anywhere; cut off at the border."""
    height, width = x.shape[-2:]
    rows, columns = (torch.arange(side, device=x.device) + 0.5 for side in (height, width))
    inside_rows = (rows - rearrange(u[:, 0] * height, "n -> n 1")).abs() < share * height / 2
    inside_columns = (columns - rearrange(u[:, 1] * width, "n -> n 1")).abs() < share * width / 2
    square = rearrange(inside_rows, "n h -> n 1 h 1") & rearrange(inside_columns, "n w -> n 1 1 w")
    return x.masked_fill(square, 0.0)


def change_tone(x: Tensor, uniform: Tensor, strength: float) -> Tensor:
    """Change each face's contrast, brightness, saturation and tint.

    Args:
        x: float (n, 3, h, w) in [−1, 1].
        uniform: float32 (n, 6) in [0, 1), on the CPU.
        strength: largest change: of saturation as a natural logarithm, of contrast half of it,
            of brightness half of it, of each channel a fifth.

    Returns:
        float32 of the same shape; colours may leave the range.
    """
    x = x.float()
    u = (2 * to_device(uniform, x.device) - 1) * strength
    contrast, brightness, saturation = (rearrange(u[:, i], "n -> n 1 1 1") for i in range(3))
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    x = (x - mean) * torch.exp(contrast / 2) + mean + brightness / 2
    grey = x.mean(dim=1, keepdim=True)
    return grey + (x - grey) * torch.exp(saturation) + 0.2 * rearrange(u[:, 3:], "n c -> n c 1 1")


def move_all(x: Tensor, right: int, down: int, most: int) -> Tensor:
    """Shift all faces by the same whole pixels, 0 to `most`, onto a margin of mirrored ones."""
    return F.pad(x, (right, most - right, down, most - down), mode="reflect")
