"""Everybody who judges: who is asked for, and who is at hand."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch

from agegen.classifier.predict import load_classifier
from agegen.evaluation.age_estimator import AgeEstimator
from agegen.evaluation.ask_judges import own_judge, require_judges
from agegen.evaluation.features import (
    AlexNetFeatures,
    ClassifierFeatures,
    FeatureName,
    FeatureNetwork,
    find_features,
)
from agegen.evaluation.frozen_classifier import (
    AgeJudge,
    FrozenClassifier,
    doubt_of,
    fingerprint,
    load_judge,
    require_same_view,
)
from agegen.evaluation.identity import IdentityMatcher
from agegen.evaluation.judges import Judge, Matcher
from agegen.evaluation.onnx_judge import (
    OnnxJudge,
    OnnxMatcher,
    OnnxNetwork,
    OnnxView,
    Pixels,
)
from agegen.evaluation.perceptual import Perceptual, load_perceptual
from agegen.faces.store import FaceStore
from agegen.run.configs import to_plain
from agegen.run.errors import UserError
from agegen.run.files import sha256
from agegen.run.hub import as_typed
from agegen.run.pretrained import find_run, require_run
from agegen.run.tensor_files import checksum

Found = TypeVar("Found")
TAUGHT = (
    "in the network on whose features the generators were trained: it is no independent witness"
)

SAME_NETWORK = "it is one of the classifiers that judge already: no second witness"


class Panel(NamedTuple):
    """Who judges.

    Attributes:
        judges: of age; their scores rise with it.
        matchers: who say whether it is the same person.
        perceptual: LPIPS; None leaves it out.
        features: in which sets of faces are compared; None leaves that out.
        explained: the classifier whose attributions are compared with what changed; None: none.
    """

    judges: Sequence[Judge]
    matchers: Sequence[Matcher] = ()
    perceptual: Perceptual | None = None
    features: FeatureNetwork | None = None
    explained: FrozenClassifier | None = None

    @property
    def outside(self) -> AgeEstimator | None:
        """The age estimator from outside, if it judges."""
        return next((judge for judge in self.judges if isinstance(judge, AgeEstimator)), None)


@dataclass(frozen=True, kw_only=True)
class PanelConfig:
    """Who judges beside the first classifier."""

    second_judge: Path | None = None
    """Another classifier, of other training faces, another seed or another network."""
    age_judge: Path | None = None
    """A classifier that has learnt to say ages, as a judge in years: trained on people who are in
    no other role, it is a second witness beside the age estimator from outside. If none is named,
    the first classifier says them, where it has learnt to."""
    onnx_judge: Path | None = None
    """An age estimator of yours, an ONNX file: it answers with years, or with how likely each age
    from 0 is."""
    onnx_output: str = ""
    """Name of its output; the first one if not given."""
    onnx_embedder: Path | None = None
    """A network of yours that embeds faces, an ONNX file, as a second matcher."""
    onnx_margin: float = 0.0
    """What these see around the detector's square, as a share of its side, on each side."""
    onnx_pixels: Pixels = "imagenet"
    """Their numbers: bytes (0 to 255, for what takes uint8, too), unit (0 to 1), signed (−1 to 1),
    imagenet (normalised)."""
    onnx_bgr: bool = False
    """They take blue first."""
    own_judges: tuple[str, ...] = ()
    """Your own judges, package.module:Class, called without arguments (docs/extending.md)."""
    age_estimator: bool = True
    """Let an age estimator from outside judge, if the extra photos is installed."""
    identity: bool = True
    """Compare identities, if the extras photos and judges are installed."""
    lpips: bool = True
    """Measure LPIPS, for which torchvision downloads AlexNet unless --alexnet names its weights."""
    alexnet: Path | None = None
    """Safetensors with AlexNet's convolutions, features.0.weight and so on."""
    controls: bool = True
    """Judge also changes that age nobody: JPEG, blur, noise, contrast …, adversarial noise."""
    features: FeatureName = "auto"
    """Network in whose features KID and FID are computed: inception, alexnet (LPIPS's), classifier
    (the judge's); auto is the first of them that can be had."""
    agreement: bool = True
    """Compare where faces change with where the judge looks."""

    def __post_init__(self) -> None:
        if not -0.4 <= self.onnx_margin <= 2:
            raise UserError("--onnx-margin must be between -0.4 and 2")
        if self.features == "alexnet" and not self.lpips:
            raise UserError("--features alexnet needs --lpips, whose network it is")


def require_there(config: PanelConfig, judge: Path, pairs: Path | None) -> None:
    """Refuse (by a UserError) a run or file that is named and not there, before any is loaded."""
    for run in filter(None, (judge, config.second_judge, config.age_judge)):
        require_run(run, "classifier")
    for path in filter(None, (pairs, config.alexnet, config.onnx_judge, config.onnx_embedder)):
        if not path.exists():
            raise UserError(f"{path} does not exist")


def call_panel(
    config: PanelConfig, judge: Path, shown: float, device: torch.device, trunk: str = ""
) -> tuple[Panel, dict[str, str]]:
    """Everybody who was asked for and is at hand; and of each "measured", or why it is not.

    Args:
        config: who is asked for.
        judge: run folder of the first of them, a trained classifier.
        shown: share of a stored face's side that the faces show.
        device: where networks compute.
        trunk: on whose features the generators were trained, which judges nothing by itself:
            "alexnet", or the checksum of a classifier's weights; "" for none.

    Raises:
        UserError: a classifier's run or a judge's file is missing or damaged, a classifier sees
            another part of a face, or is the one on whose features the generators were trained, or
            two judges have the same name.
    """
    for run in filter(None, (judge, config.second_judge, config.age_judge)):
        require_other(run, trunk)
    notes: dict[str, str] = {}
    classifiers = call_classifiers(config, judge, shown, device, notes)
    judges: list[Judge] = [*classifiers, *map(own_judge, config.own_judges)]
    outside = optional("age_estimator", lambda: AgeEstimator(shown), config.age_estimator, notes)
    judges += [outside] if outside else []
    # files that were named come before what is downloaded, so that mistakes are told at once
    view = OnnxView(config.onnx_margin, config.onnx_pixels, config.onnx_bgr)
    if config.onnx_judge:
        network = OnnxNetwork(config.onnx_judge, config.onnx_output, view, shown)
        judges.append(OnnxJudge(network))
    embedder = config.onnx_embedder and OnnxNetwork(config.onnx_embedder, "", view, shown)
    require_judges(judges)
    matcher = optional("identity", lambda: IdentityMatcher(shown), config.identity, notes)
    perceptual: Perceptual | None
    if config.lpips and config.alexnet:  # named, so that a mistake is one
        perceptual = load_perceptual(config.alexnet, device)
        notes["lpips"] = "measured"
    else:
        perceptual = optional("lpips", lambda: load_perceptual(None, device), config.lpips, notes)
    taught = trunk == "alexnet"
    first = classifiers[0]
    features = find_features(config.features, first, perceptual, device, taught)
    notes["realism"] = "measured" + doubt_of_realism(features, config.features == "auto", taught)
    if taught and perceptual:
        notes["lpips"] += f", but {TAUGHT}"
    if not config.agreement:
        notes["agreement"] = "not measured: not asked for"
    matchers: list[Matcher] = [matcher] if matcher else []
    matchers += [OnnxMatcher(embedder)] if embedder else []
    return Panel(judges, matchers, perceptual, features, first if config.agreement else None), notes


def call_classifiers(
    config: PanelConfig, judge: Path, shown: float, device: torch.device, notes: dict[str, str]
) -> list[FrozenClassifier]:
    """The first classifier, a second one and one that says ages, as far as there are such."""
    first = load_judge(judge, device)
    classifiers = [first]
    if config.second_judge:
        classifiers.append(load_judge(config.second_judge, device, "second_classifier"))
    says_ages = config.age_judge or (judge if first.classifier.age_margin is not None else None)
    if says_ages:
        classifiers.append(AgeJudge(load_classifier(says_ages, device)))
        known = {fingerprint(run) for run in filter(None, (judge, config.second_judge))}
        same = fingerprint(says_ages) in known
        notes["age_judge"] = "measured" + (f", but {SAME_NETWORK}" if same else "")
    for classifier in classifiers:
        require_same_view(classifier, shown)
    return classifiers


def doubt_of_realism(features: FeatureNetwork, found: bool, taught: bool) -> str:
    """What is to be said of the features that realism is measured in; "" if nothing is.

    They were `found` among several; generators were `taught` by AlexNet's.
    """
    if taught and isinstance(features, AlexNetFeatures):
        return f", but {TAUGHT}"
    if found and isinstance(features, ClassifierFeatures):
        others = "Inception cannot" if taught else "neither Inception nor AlexNet can"
        return f" in the classifier's features only: {others} be had"
    return ""


def require_other(run: Path, trunk: str) -> None:
    """Refuse a judge that has taught the generators already.

    Raises:
        UserError: it is the classifier on whose features they were trained.
    """
    if trunk not in ("", "alexnet") and fingerprint(run) == trunk:
        raise UserError(
            f"the generators were trained on the features of {as_typed(run)}: it is no witness of "
            "what they make; name another classifier"
        )


def optional(
    name: str, make: Callable[[], Found], wanted: bool, notes: dict[str, str]
) -> Found | None:
    """Make a judge if it was asked for and can be had; the reason why not goes to the notes."""
    if not wanted:
        notes[name] = "not measured: not asked for"
        return None
    try:
        made = make()
    except UserError as error:
        notes[name] = f"not measured: {error}"
        return None
    notes[name] = "measured"
    return made


def describe_judging(
    config: PanelConfig, judge: Path, store: FaceStore | None, notes: dict[str, str]
) -> dict:
    """What an evaluation says of itself: its config, the first judge, the real faces, the notes."""
    if store:
        doubt = doubt_of(judge, store)
        notes = {"classifier": f"measured, but {doubt}" if doubt else "measured", **notes}
        if config.age_judge and (doubt := doubt_of(config.age_judge, store)):
            notes["age_judge"] += f", but {doubt}"
    return {
        "config": to_plain(config),
        "judge": as_typed(judge),
        "judge_weights": sha256(find_run(judge, "classifier") / "best.safetensors"),
        "faces": str(store.folder) if store else "",
        "checksum": store.checksum if store else "",
        "notes": notes,
    }


@contextmanager
def kept_frozen(judges: Sequence[Judge]) -> Iterator[None]:
    """Make sure that the judges' weights are the same before and after."""
    before = weights_of(judges)
    yield
    if weights_of(judges) != before:
        raise RuntimeError("a judge's weights changed while it judged")


def weights_of(judges: Sequence[Judge]) -> list[str]:
    """Checksums of the weights of all judges that are classifiers."""
    networks = [j.classifier.model for j in judges if isinstance(j, FrozenClassifier)]
    return [checksum(network.state_dict()) for network in networks]
