"""LPIPS: how far apart two pictures look (Zhang et al., 2018), by its authors' package."""

import warnings
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from agegen.run.errors import UserError
from agegen.run.tensor_files import load_tensors

SMALLEST = 64  # pixels; smaller pictures are enlarged, as AlexNet's strides leave nothing of them


class Perceptual:
    """LPIPS with AlexNet; its weights are frozen.

    Args:
        network: of the package ``lpips``.
        device: where it computes.
    """

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        self.network, self.device = network.to(device).eval().requires_grad_(False), device

    @torch.no_grad()
    def distance(self, a: Tensor, b: Tensor, batch_size: int = 64) -> Tensor:
        """Distance of each picture of `a` to that of `b`.

        Args:
            a: float (n, 3, h, w) in [−1, 1].
            b: of the same shape.
            batch_size: pairs at a time.

        Returns:
            float32 (n,) on the CPU, 0 for equal pictures.
        """
        parts = [torch.empty(0)]
        for x, y in zip(a.split(batch_size), b.split(batch_size), strict=True):
            x, y = (enlarged(z.to(self.device).float()) for z in (x, y))
            parts.append(self.network(x, y).flatten().cpu())
        return torch.cat(parts)


def enlarged(x: Tensor) -> Tensor:
    """Enlarge pictures below `SMALLEST` pixels."""
    if min(x.shape[-2:]) >= SMALLEST:
        return x
    return F.interpolate(x, (SMALLEST, SMALLEST), mode="bilinear", align_corners=False)


def load_perceptual(trunk: Path | None = None, device: torch.device | str = "cpu") -> Perceptual:
    """Load LPIPS.

    Args:
        trunk: see `load_alexnet`.
        device: where it computes.

    Raises:
        UserError: as `load_alexnet`.
    """
    import lpips

    with warnings.catch_warnings(action="ignore"):
        network: nn.Module = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    network.net = load_alexnet(trunk)
    return Perceptual(network, torch.device(device))


def load_alexnet(trunk: Path | None, flag: str = "alexnet") -> nn.Module:
    """The convolutions of ImageNet's AlexNet, in the five slices in which LPIPS has them.

    Args:
        trunk: safetensors with them, ``features.0.weight`` …; None lets torchvision download its
            own.
        flag: which names such a file, for a sentence.

    Raises:
        UserError: the file is missing, damaged or another network's, or there is none and nothing
            can be downloaded.
    """
    from lpips.pretrained_networks import alexnet

    with warnings.catch_warnings(action="ignore"):  # it speaks to torchvision as before 0.13
        try:
            network = alexnet(requires_grad=False, pretrained=trunk is None)
        except (OSError, RuntimeError) as error:  # RuntimeError: the download is damaged
            raise UserError(
                f"AlexNet's weights could not be downloaded ({error}): give its file by --{flag}"
            ) from None
    if trunk is not None:
        fill_trunk(network, load_tensors(trunk), trunk)
    return network


def fill_trunk(trunk: nn.Module, tensors: dict[str, Tensor], where: Path) -> None:
    """Copy torchvision's ``features.N.…`` to the slices of LPIPS, which keep the numbers N."""
    names = trunk.state_dict()
    try:
        trunk.load_state_dict({n: tensors["features." + n.split(".", 1)[1]] for n in names})
    except (KeyError, RuntimeError):  # one is missing, or has another shape
        raise UserError(f"{where} does not hold the convolutions of AlexNet") from None
