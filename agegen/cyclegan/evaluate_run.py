"""Let every judge that is at hand judge a run's generators, and save the figures beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from agegen.cyclegan.controls import evaluate_controls
from agegen.cyclegan.evaluate import choose_faces, evaluate
from agegen.cyclegan.translate import load_translator
from agegen.cyclegan.truth import evaluate_truth
from agegen.errors import UserError
from agegen.faces.store import FaceStore
from agegen.files import sha256, write_json
from agegen.judges import Judge, Matcher
from agegen.judges.age_estimator import AgeEstimator
from agegen.judges.classifier import load_judge
from agegen.judges.identity import IdentityMatcher
from agegen.own_class import import_own
from agegen.perceptual import Perceptual, load_perceptual


@dataclass(frozen=True)
class EvaluateConfig:
    """What to judge, and by whom."""

    run: Path
    """Folder of the CycleGAN's run."""
    judge: Path
    """Run folder of a trained classifier, best of the same store: its splits are held out too."""
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
    controls: bool = False
    """Judge also changes that age nobody: JPEG, blur, noise, contrast …, adversarial noise."""
    truth: int = 0
    """Newly drawn people whose true counterparts the generated faces are compared with."""
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


class Panel(NamedTuple):
    """Who judges; `notes` says of each that was asked for "measured", or why it is not."""

    judges: list[Judge]
    matchers: list[Matcher]
    perceptual: Perceptual | None
    notes: dict[str, str]


def evaluate_run(config: EvaluateConfig) -> dict:
    """Judge a run's generators; returns what it saves.

    Raises:
        UserError: the run, the store or a judge's run is missing or damaged, or the split has none
            of a class.
    """
    translator = load_translator(config.run, config.weights)
    store = FaceStore.open(config.faces or translator.config.faces)
    panel = call_panel(config, translator.device)
    chosen = {"split": config.split, "most": config.most, "seed": config.seed}
    found = {
        "run": str(config.run),
        "weights": translator.weights,
        "judge": str(config.judge),
        "judge_weights": sha256(config.judge / "best.safetensors"),
        "faces": str(store.folder),
        "checksum": store.checksum,
        "split": config.split,
        "notes": panel.notes,
        **evaluate(translator, store, panel.judges, panel.perceptual, panel.matchers, **chosen),
    }
    if config.controls:
        held_out = choose_faces(translator, store, **chosen)
        found["controls"] = evaluate_controls(held_out, panel.judges, load_judge(config.judge))
    if config.truth:
        found["truth"] = evaluate_truth(translator, panel.perceptual, config.truth)
    write_json(config.out or config.run / "evaluation.json", found)
    return found


def call_panel(config: EvaluateConfig, device: object) -> Panel:
    """Everybody who was asked for and is at hand."""
    judges: list[Judge] = [load_judge(config.judge, device)]
    if config.second_judge:
        judges.append(load_judge(config.second_judge, device, "second_classifier"))
    judges += [own_judge(name) for name in config.own_judges]
    notes: dict[str, str] = {}
    outside = optional("age_estimator", AgeEstimator, config.age_estimator, notes)
    matcher = optional("identity", IdentityMatcher, config.identity, notes)
    if config.lpips and config.alexnet:  # named, so that a mistake is one
        perceptual = load_perceptual(config.alexnet, device)
        notes["lpips"] = "measured"
    else:
        perceptual = optional("lpips", lambda: load_perceptual(None, device), config.lpips, notes)
    return Panel(
        [*judges, *([outside] if outside else [])], [matcher] if matcher else [], perceptual, notes
    )


def optional(name: str, make: Callable, wanted: bool, notes: dict[str, str]) -> object | None:
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


def own_judge(name: str) -> Judge:
    """Import and make a user's judge.

    Raises:
        UserError: there is none of that name, or it has not the two members of `Judge`.
    """
    own = import_own(name, "own-judges", "a judge")
    judge = own() if isinstance(own, type) else own
    if not callable(getattr(judge, "scores", None)) or not hasattr(judge, "name"):
        raise UserError(f"--own-judges {name} has no name or no scores(faces)")
    return judge


def describe(found: dict) -> list[str]:
    """The figures, a line each."""
    lines = [f"{name}: {note}" for name, note in found["notes"].items() if note != "measured"]
    for to, direction in found["directions"].items():
        n = found["n"]["young" if to == "old" else "old"]
        lines.append(f"to {to}, n = {n:,} ({found['split']} split)")
        for judge, scores in direction["judges"].items():
            for score, figures in scores.items():
                lines += [f"  {judge}, {score}, {name}: {show(figures[name])}" for name in figures]
        for matcher, figures in direction["matchers"].items():
            lines += [f"  {matcher}, {name}: {show(value)}" for name, value in figures.items()]
        lines += [f"  {name}: {show(figure)}" for name, figure in direction["changes"].items()]
        lines += [f"  {name}: {show(value)}" for name, value in direction["symptoms"].items()]
        for kind, figures in found.get("truth", {}).get("directions", {}).get(to, {}).items():
            lines += [f"  truth, {kind}, {name}: {show(e)}" for name, e in figures.items()]
    return lines + describe_controls(found.get("controls", {})) + compare_with_controls(found)


def describe_controls(controls: dict) -> list[str]:
    """Shares of the real gap, a line for each control."""
    lines = ["controls: share of the real gap"] if controls else []
    for name, both in controls.items():
        for to, judges in both.items():
            shares = ", ".join(
                f"{judge} {score} {show(figures['share_of_gap'])}"
                for judge, scores in judges.items()
                for score, figures in scores.items()
                if score not in ("p_old", "judged_old")
            )
            lines.append(f"  {name}, to {to}: {shares}")
    return lines


def compare_with_controls(found: dict) -> list[str]:
    """Say for each direction and judge whether the shift is beyond that of every control.

    Adversarial noise is left out: it is made against the first judge, whom it fools by design.
    """
    lines = []
    for to, direction in found["directions"].items():
        for judge, scores in direction["judges"].items():
            score, figures = next(iter(scores.items()))
            controls = {
                name: both[to][judge][score]["share_of_gap"]["high"] or 0.0
                for name, both in found.get("controls", {}).items()
                if not name.startswith("adversarial")
            }
            if controls:
                farthest = max(controls, key=lambda name: controls[name])
                beyond = (figures["share_of_gap"]["low"] or 0.0) > controls[farthest]
                verdict = "beyond every control" if beyond else "no evidence of ageing"
                lines.append(
                    f"to {to}, {judge} {score}: share {show(figures['share_of_gap'])}, {verdict} "
                    f"(farthest: {farthest}, up to {controls[farthest]:.3f})"
                )
    return lines


def show(figure: dict | float) -> str:
    """A value, with its interval if it has one."""
    if not isinstance(figure, dict):
        return f"{figure:.3f}"
    value, low, high = (figure[name] for name in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return "undefined"
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"
