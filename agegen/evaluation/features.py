"""Networks that describe faces by numbers, in which sets of faces are compared.

Distances of one network say nothing about those of another, so that each is named wherever they
are reported.
"""

from typing import Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from agegen.analysis.neighbours import penultimate
from agegen.evaluation.frozen_classifier import FrozenClassifier
from agegen.evaluation.perceptual import Perceptual, enlarged
from agegen.faces.views import to_uint8
from agegen.run.errors import UserError

FeatureName = Literal["auto", "inception", "alexnet", "classifier"]
INCEPTION_SIDE = 299  # pixels that faces are enlarged to


class FeatureNetwork(Protocol):
    """What describes faces.

    Attributes:
        name: of the network and its layer, as reported.
    """

    name: str

    def features(self, faces: Tensor) -> Tensor:
        """Describe float (n, 3, h, w) in [−1, 1] by float (n, d) on the CPU."""
        ...


class ClassifierFeatures:
    """What the frozen classifier's last layer reads: it varies with age and little else."""

    name = "the classifier's penultimate features"

    def __init__(self, judge: FrozenClassifier) -> None:
        self.judge = judge

    @torch.no_grad()
    def features(self, faces: Tensor) -> Tensor:
        """Return float32 (n, d)."""
        return penultimate(self.judge.classifier.model, self.judge.views(faces)).cpu()


class AlexNetFeatures:
    """The last convolutions of ImageNet's AlexNet, averaged over positions: 256 numbers.

    Each face's are scaled to a mean square of 1, as KID's kernel is steep.
    """

    name = "AlexNet's last convolutions (ImageNet), averaged and scaled"

    def __init__(self, perceptual: Perceptual) -> None:
        self.perceptual = perceptual

    @torch.no_grad()
    def features(self, faces: Tensor) -> Tensor:
        """Return float32 (n, 256)."""
        lpips = self.perceptual.network
        scale, trunk = lpips.get_submodule("scaling_layer"), lpips.get_submodule("net")
        x = scale(enlarged(faces.to(self.perceptual.device).float()))
        features = trunk(x)[-1].mean(dim=(2, 3)).cpu()
        return features / features.square().mean(dim=1, keepdim=True).sqrt().clamp_min(1e-6)


class InceptionFeatures:
    """The 2,048 pooled features of the Inception network that FID is defined with.

    Raises:
        UserError: the package torch-fidelity is missing, or its weights cannot be downloaded.
    """

    name = "Inception's pooled features, the usual ones of FID and KID"

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.network = load_inception().to(device)

    @torch.no_grad()
    def features(self, faces: Tensor) -> Tensor:
        """Return float32 (n, 2048)."""
        x = F.interpolate(
            faces.to(self.device).float(), (INCEPTION_SIDE, INCEPTION_SIDE), mode="bilinear",
            antialias=True, align_corners=False,
        )  # fmt: skip
        return self.network(to_uint8(x).movedim(-1, 1)).float().cpu()


def load_inception() -> nn.Module:
    """Load torch-fidelity's Inception as torchmetrics wraps it, frozen."""
    from torchmetrics.image.fid import NoTrainInceptionV3

    try:
        network = NoTrainInceptionV3(name="inception-v3-compat", features_list=["2048"])
    except (ModuleNotFoundError, OSError, RuntimeError) as error:
        raise UserError(f"Inception cannot be had ({error})") from None
    return network.eval().requires_grad_(False)


def find_features(
    name: FeatureName,
    judge: FrozenClassifier,
    perceptual: Perceptual | None,
    device: torch.device,
    taught: bool = False,
) -> FeatureNetwork:
    """Return the network of that name; "auto" the first that can be had.

    Args:
        name: "auto" tries Inception, AlexNet and the classifier in this order.
        judge: whose features "classifier" are.
        perceptual: LPIPS, whose trunk "alexnet" is; None if there is none.
        device: where Inception computes.
        taught: "auto" leaves AlexNet out, on whose features the generators were trained.

    Raises:
        UserError: the one named cannot be had.
    """
    if name in ("auto", "inception"):
        try:
            return InceptionFeatures(device)
        except UserError:
            if name == "inception":
                raise
    if perceptual and (name == "alexnet" or (name == "auto" and not taught)):
        return AlexNetFeatures(perceptual)
    if name == "alexnet":
        raise UserError("AlexNet's features are LPIPS's: they need --lpips, or its --alexnet")
    return ClassifierFeatures(judge)
