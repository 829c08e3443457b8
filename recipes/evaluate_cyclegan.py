"""Judge the generators of a run on held-out faces: age shift, change, symptoms.

    python recipes/evaluate_cyclegan.py --run runs/cyclegan --judge runs/utkface
    python recipes/evaluate_cyclegan.py --run runs/cyclegan --judge runs/drawn --truth 300

The judge is a trained classifier, frozen. --truth N compares with the true counterparts of N newly
drawn people: for generators that were trained on drawn faces.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agegen.cli import run_recipe
from agegen.cyclegan.evaluate import evaluate
from agegen.cyclegan.translate import Translator, load_translator
from agegen.cyclegan.truth import evaluate_truth
from agegen.errors import UserError
from agegen.faces.store import FaceStore
from agegen.files import sha256, write_json
from agegen.judges import load_judge
from agegen.perceptual import Perceptual, load_perceptual


@dataclass(frozen=True)
class EvaluateConfig:
    """What to judge, and by whom."""

    run: Path
    """Folder of the CycleGAN's run."""
    judge: Path
    """Run folder of a trained classifier, best of the same store: its splits are held out too."""
    faces: Path | None = None
    """Folder of the FaceStore; the one that the generators were trained on if not given."""
    split: Literal["val", "test"] = "test"
    """Which faces are translated; val chose the best generators."""
    most: int = 0
    """Faces of each class at most; 0 takes all."""
    weights: Literal["best", "generators"] | None = None
    """best (chosen by a judge) or generators (last checkpoint); the best, if any, if not given."""
    alexnet: Path | None = None
    """Safetensors with AlexNet's convolutions for LPIPS; torchvision downloads them otherwise."""
    truth: int = 0
    """Newly drawn people whose true counterparts the generated faces are compared with."""
    seed: int = 0
    """Of the bootstrap and of the choice of faces."""
    out: Path | None = None
    """JSON file for the figures; evaluation.json in the run if not given."""


def main(config: EvaluateConfig) -> None:
    """Evaluate, save and print."""
    translator = load_translator(config.run, config.weights)
    store = FaceStore.open(config.faces or translator.config.faces)
    perceptual, lpips_note = open_perceptual(config, translator)
    found = {
        "run": str(config.run),
        "judge": str(config.judge),
        "judge_weights": sha256(config.judge / "best.safetensors"),
        "faces": str(store.folder),
        "checksum": store.checksum,
        "split": config.split,
        "lpips": lpips_note,
        **evaluate(
            translator, store, [load_judge(config.judge)], perceptual,
            split=config.split, most=config.most, seed=config.seed,
        ),
    }  # fmt: skip
    if config.truth:
        found["truth"] = evaluate_truth(translator, perceptual, config.truth)
    out = config.out or config.run / "evaluation.json"
    write_json(out, found)
    print("\n".join(describe(found)))
    print(f"figures in {out}")


def open_perceptual(
    config: EvaluateConfig, translator: Translator
) -> tuple[Perceptual | None, str]:
    """LPIPS, or the reason why it is not measured."""
    try:
        return load_perceptual(config.alexnet, translator.device), "measured"
    except UserError as error:
        if config.alexnet:
            raise
        print(f"LPIPS is not measured: {error}")
        return None, f"not measured: {error}"


def describe(found: dict) -> list[str]:
    """The main figures, a line each."""
    lines = []
    for to, direction in found["directions"].items():
        n = found["n"]["young" if to == "old" else "old"]
        lines.append(f"to {to}, n = {n:,} ({found['split']} split)")
        for judge, scores in direction["judges"].items():
            for score, figures in scores.items():
                lines += [f"  {judge}, {score}, {name}: {show(figures[name])}" for name in figures]
        lines += [f"  {name}: {show(figure)}" for name, figure in direction["changes"].items()]
        lines += [f"  {name}: {value:.3f}" for name, value in direction["symptoms"].items()]
        for kind, figures in found.get("truth", {}).get("directions", {}).get(to, {}).items():
            lines += [f"  truth, {kind}, {name}: {show(e)}" for name, e in figures.items()]
    return lines


def show(estimate: dict) -> str:
    """Value with its interval."""
    value, low, high = (estimate[name] for name in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return "undefined"
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


if __name__ == "__main__":
    run_recipe(EvaluateConfig, main, __doc__)
