"""Let every judge that is at hand judge a run's generators, and save the figures beside it."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import numpy as np
import torch
from PIL import Image

from agegen.cyclegan.translate import Translator, load_translator
from agegen.evaluation.age_estimator import AgeEstimator
from agegen.evaluation.controls import evaluate_controls
from agegen.evaluation.evaluate import Panel, judge_made, known_faces, translate_both_ways
from agegen.evaluation.face_sheet import Look, make_sheet
from agegen.evaluation.features import ClassifierFeatures, FeatureName, find_features
from agegen.evaluation.frozen_classifier import (
    FrozenClassifier,
    doubt_of,
    load_judge,
    require_same_view,
)
from agegen.evaluation.held_out import HeldOut, choose_faces
from agegen.evaluation.identity import IdentityMatcher
from agegen.evaluation.judges import Judge
from agegen.evaluation.judging import own_judge
from agegen.evaluation.perceptual import Perceptual, load_perceptual
from agegen.evaluation.truth import evaluate_truth
from agegen.faces.records import DIRECTIONS
from agegen.faces.store import FaceStore
from agegen.run.configs import to_plain
from agegen.run.devices import start_processes
from agegen.run.errors import UserError
from agegen.run.files import sha256, write_json, written_whole
from agegen.run.pretrained import PRETRAINED, find_run

SHOWN = 12  # faces of each class on the sheet

Made = TypeVar("Made")


@dataclass(frozen=True)
class EvaluateConfig:
    """What to judge, and by whom."""

    run: Path
    """Folder of the CycleGAN's run."""
    judge: Path
    """Run folder of a trained classifier, best of the same store: its splits are held out too;
    pretrained means the one that comes with agegen, which has seen training faces of UTKFace."""
    second_judge: Path | None = None
    """Another classifier, of other training faces, another seed or another network."""
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
    truth: int = 0
    """Newly drawn people whose true counterparts the generated faces are compared with."""
    features: FeatureName = "auto"
    """Network in whose features KID and FID are computed: inception, alexnet (LPIPS's), classifier
    (the judge's); auto is the first of them that can be had."""
    agreement: bool = True
    """Compare where faces change with where the judge looks."""
    faces: Path | None = None
    """Folder of the FaceStore; the one that the generators were trained on if not given."""
    split: Literal["val", "test"] = "test"
    """Which faces are translated; val chose the best generators."""
    most: int = 0
    """Faces of each class at most; 0 takes all."""
    weights: Literal["best", "generators"] | None = None
    """best (chosen by a judge) or generators (last checkpoint); the best, if any, if not given."""
    seed: int = 0
    """Of the bootstrap and of the choice of faces."""
    out: Path | None = None
    """JSON file for the figures; evaluation.json in the run if not given."""

    def __post_init__(self) -> None:
        if self.most < 0:
            raise UserError("--most cannot be negative")
        if self.truth < 0 or self.truth == 1:
            raise UserError("--truth must be 0 or at least 2 people")
        if self.out and self.out.suffix != ".json":
            raise UserError(f"--out {self.out} must end in .json: its page and faces lie beside it")

    @property
    def figures(self) -> Path:
        """The JSON file."""
        return self.out or self.run / "evaluation.json"


class Found(NamedTuple):
    """What was measured, and the faces that it is shown with.

    Attributes:
        figures: plain JSON types.
        sheet: uint8 (h, w, 3), of held-out faces drawn at random: see
            `agegen.evaluation.face_sheet.make_sheet`.
    """

    figures: dict
    sheet: np.ndarray


def evaluate_run(config: EvaluateConfig) -> Found:
    """Judge a run's generators, and save the figures and a sheet of faces.

    In several processes each judges its share; the first one saves, all return the same.

    Raises:
        UserError: the run, the store or a judge's run is missing or damaged, the split has none of
            a class, or the classifier sees another part of a face than the generators do.
    """
    state = start_processes()
    translator = load_translator(config.run, config.weights, state.device)
    store = FaceStore.open(config.faces or faces_of(config.run, translator))
    panel, notes = call_panel(config, translator)
    doubt = doubt_of(config.judge, store)
    notes = {"classifier": f"measured, but {doubt}" if doubt else "measured", **notes}
    before = fingerprint(panel.judges)
    held_out = choose_faces(translator, store, config.split, config.most, config.seed)
    made = {
        to: translate_both_ways(translator, store, held_out, (source, to))
        for source, to in DIRECTIONS
    }
    known = known_faces(translator, store, config.seed)
    figures = {
        "config": to_plain(config),
        "run": str(config.run),
        "weights": translator.weights,
        "judge": str(config.judge),
        "judge_weights": sha256(find_run(config.judge, "classifier") / "best.safetensors"),
        "faces": str(store.folder),
        "checksum": store.checksum,
        "split": config.split,
        "seed": config.seed,
        "notes": notes,
        **judge_made(made, held_out, known, panel),
    }
    if config.controls:
        first = panel.judges[0]
        assert isinstance(first, FrozenClassifier)  # see call_panel
        figures["controls"] = evaluate_controls(made, held_out, panel.judges, first)
    if config.truth:
        figures["truth"] = evaluate_truth(translator, panel, config.truth)
    if fingerprint(panel.judges) != before:
        raise RuntimeError("a judge's weights changed while it judged")
    figures["judges_unchanged"] = True
    found = Found(figures, draw_sheet(translator, held_out, config.seed))
    if state.is_main_process:
        save(config, found)
    state.wait_for_everyone()
    return found


def faces_of(run: Path, translator: Translator) -> Path:
    """The faces that generators were trained on.

    Raises:
        UserError: they were not handed on with the generators.
    """
    faces = translator.config.faces
    if faces == PRETRAINED:
        raise UserError(
            f"--run {run}: these generators come without the faces they were trained on: name a "
            "FaceStore with --faces"
        )
    return faces


def save(config: EvaluateConfig, found: Found) -> None:
    """Write the figures and, beside them, the sheet."""
    path = config.figures
    write_json(path, found.figures)
    with written_whole(path.with_name(f"{path.stem}_faces.png")) as temporary:
        Image.fromarray(found.sheet).save(temporary, format="png")


def fingerprint(judges: Sequence[Judge]) -> str:
    """Checksum of the weights of all judges that are classifiers."""
    digest = hashlib.sha256()
    for judge in judges:
        if isinstance(judge, FrozenClassifier):
            for tensor in judge.classifier.model.state_dict().values():
                digest.update(tensor.cpu().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def draw_sheet(translator: Translator, held_out: HeldOut, seed: int) -> np.ndarray:
    """Some of the faces, drawn at random, with what was made of them."""
    shown, looks = {}, {}
    for label, (source, to) in enumerate(DIRECTIONS):
        faces = held_out.faces[source]
        drawn = np.random.default_rng([seed, label, 1]).permutation(len(faces))[:SHOWN]
        real = shown[source] = faces[np.sort(drawn)]
        fake = translator.translate(real, to)
        looks[to] = Look(
            fake, translator.translate(fake, source), translator.translate(real, source)
        )
    return make_sheet(shown, looks)


def call_panel(config: EvaluateConfig, translator: Translator) -> tuple[Panel, dict[str, str]]:
    """Everybody who was asked for and is at hand; and of each "measured", or why it is not."""
    device, shown = translator.device, translator.config.augment.crop / translator.store_size
    first = load_judge(config.judge, device)
    classifiers = [first]
    if config.second_judge:
        classifiers.append(load_judge(config.second_judge, device, "second_classifier"))
    for judge in classifiers:
        require_same_view(judge, shown)
    judges: list[Judge] = [*classifiers, *map(own_judge, config.own_judges)]
    notes: dict[str, str] = {}
    outside = optional("age_estimator", lambda: AgeEstimator(shown), config.age_estimator, notes)
    matcher = optional("identity", lambda: IdentityMatcher(shown), config.identity, notes)
    perceptual: Perceptual | None
    if config.lpips and config.alexnet:  # named, so that a mistake is one
        perceptual = load_perceptual(config.alexnet, device)
        notes["lpips"] = "measured"
    else:
        perceptual = optional("lpips", lambda: load_perceptual(None, device), config.lpips, notes)
    features = find_features(config.features, first, perceptual, device)
    notes["realism"] = "measured"
    if config.features == "auto" and isinstance(features, ClassifierFeatures):
        notes["realism"] += (
            " in the classifier's features only: neither Inception nor AlexNet can be had"
        )
    if not config.agreement:
        notes["agreement"] = "not measured: not asked for"
    if config.truth:
        notes["truth"] = "measured on drawn people: it says nothing of generators of photos"
    judges += [outside] if outside else []
    matchers = [matcher] if matcher else []
    return Panel(judges, matchers, perceptual, features, first if config.agreement else None), notes


def optional(
    name: str, make: Callable[[], Made], wanted: bool, notes: dict[str, str]
) -> Made | None:
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
