"""What an optimised image is made of: pixels or a spectrum, in plain or in decorrelated colours.

Gradient ascent depends on the coordinates in which it steps. In pixels it writes fine noise; in a
spectrum whose coefficients are scaled by 1/frequency all frequencies move alike, and in colours
without correlation all colours (Olah et al., 2017, "Feature Visualization", section
"Preconditioning and Parameterization"). Both are linear maps, so that only the path of the ascent
changes, not what can be reached. Both keep the size of a step: coefficients of standard deviation
1 make pixels of standard deviation 1, so that one learning rate serves all.
"""

from typing import Literal, NamedTuple

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from agegen.faces.pixels import GREY_LEVELS
from agegen.faces.store import FaceStore

Parameters = Literal["pixel", "fourier"]
COLOUR_FACES = 512
SMALLEST_VARIANCE = 1e-4  # of a colour direction as a share of the largest: grey sets stay solvable


class Canvas(NamedTuple):
    """Turns coefficients into unbounded pixels, linearly."""

    side: int  # of the images in pixels
    scale: Tensor | None  # float32 (side, side // 2 + 1) of each frequency; None keeps pixels
    colours: Tensor  # float32 (3, 3); a column is the RGB of one decorrelated colour

    def shape(self, n: int) -> tuple[int, ...]:
        """Shape of the coefficients of n images."""
        if self.scale is None:
            return (n, 3, self.side, self.side)
        return (n, 3, *self.scale.shape, 2)  # real and imaginary parts

    def planes(self, coefficients: Tensor) -> Tensor:
        """Coefficients → decorrelated colour planes, float32 (n, 3, side, side)."""
        if self.scale is None:
            return coefficients
        spectrum = torch.view_as_complex(coefficients) * self.scale
        return torch.fft.irfft2(spectrum, s=(self.side, self.side), norm="ortho")

    def coefficients(self, planes: Tensor) -> Tensor:
        """The inverse of `planes`."""
        if self.scale is None:
            return planes
        return torch.view_as_real(torch.fft.rfft2(planes, norm="ortho") / self.scale)

    def pixels(self, coefficients: Tensor) -> Tensor:
        """Coefficients → RGB planes, float32 (n, 3, side, side), unbounded."""
        return torch.einsum("rc,nchw->nrhw", self.colours, self.planes(coefficients))


def make_canvas(
    side: int, parameters: Parameters, colours: Tensor | None, device: torch.device | str = "cpu"
) -> Canvas:
    """Prepare the maps; without `colours` (`decorrelated_colours`) red, green and blue stay."""
    scale = fourier_scale(side).to(device) if parameters == "fourier" else None
    colours = torch.eye(3) if colours is None else colours
    return Canvas(side, scale, colours.to(device))


def fourier_scale(side: int) -> Tensor:
    """1/frequency, the constant like the lowest frequency; float32 (side, side // 2 + 1).

    Scaled such that independent coefficients (real and imaginary parts) of standard deviation 1
    have an orthonormal inverse transform of about standard deviation 1.
    """
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)
    whole = 1 / np.maximum(np.hypot(fy, fx), 1 / side)
    whole /= np.sqrt(2 * (whole**2).mean())  # Parseval; the 2 is for the two parts
    return torch.from_numpy(whole[:, : side // 2 + 1].copy()).float()


def colour_covariance(store: FaceStore, most: int = COLOUR_FACES) -> np.ndarray:
    """Covariance of the colours of up to `most` training faces in [−1, 1], float64 (3, 3)."""
    faces = store.indices("train")
    chosen = faces[np.unique(np.linspace(0, len(faces) - 1, most).round().astype(int))]
    colours = rearrange(store.images[chosen], "n h w c -> (n h w) c") / GREY_LEVELS - 1
    return np.cov(colours, rowvar=False)


def decorrelated_colours(covariance: np.ndarray) -> Tensor:
    """Columns that colours of this covariance are independent mixtures of, float32 (3, 3).

    The symmetric square root of the covariance, scaled such that its mean squared column is 1:
    it keeps the mean variance of the channels.
    """
    values, vectors = np.linalg.eigh(covariance)
    values = np.maximum(values, SMALLEST_VARIANCE * values.max())
    root = (vectors * np.sqrt(values)) @ vectors.T
    return torch.from_numpy(root * np.sqrt(3 / (root**2).sum())).float()
