"""Every chapter of a classifier's analysis: computed once, saved as run/analysis/CHAPTER.json."""

import importlib
import time
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from agegen.analysis.analysis import Analysis, open_analysis
from agegen.classifier.evaluate_run import evaluate_run
from agegen.run.errors import UserError
from agegen.run.files import explained_damage, read_json, sha256, write_json

CHAPTERS = (  # in the order of the page
    "structure", "untrained", "curves", "augmentation", "multi_crop", "errors", "attributions",
    "label_noise", "study", "transfer",
)  # fmt: skip
ROOMS = {"study": "study.", "transfer": "inputs."}  # of chapters in rooms of their own


def analyze_run(
    run: Path,
    faces: Path | None = None,
    chapters: tuple[str, ...] = CHAPTERS,
    seed: int = 0,
    again: bool = False,
) -> None:
    """Compute the chapters that are not there yet; a killed analysis goes on where it was.

    Args:
        run: folder of a trained classifier.
        faces: folder of its FaceStore, if it is no longer where it was trained.
        chapters: names out of `CHAPTERS`.
        seed: of everything random in the analysis.
        again: compute them even if they are there.

    Raises:
        UserError: run or store is missing or damaged, or a chapter's name is none.
    """
    unknown = set(chapters) - set(CHAPTERS)
    if unknown:
        raise UserError(
            f"no chapter is named {', '.join(sorted(unknown))}; there are {', '.join(CHAPTERS)}"
        )
    analysis = open_analysis(run, faces, seed)
    made_from = fingerprint(analysis)
    evaluated = {
        "checksum": analysis.store.checksum,
        "split": "test",
        "views": analysis.classifier.views,
        "temperature": analysis.classifier.temperature,
    }
    if not is_current(run / "evaluation.json", evaluated):
        evaluate_run(run, faces)
    for number, name in enumerate(chapters, 1):
        path = analysis.folder / f"{name}.json"
        if not again and is_current(path, {"made_from": made_from}):
            print(f"[{number}/{len(chapters)}] {name}: already there")
            continue
        print(f"[{number}/{len(chapters)}] {name}", flush=True)
        started = time.perf_counter()
        answer = module_of(name).analyze(analysis)
        seconds = time.perf_counter() - started
        write_json(path, {"made_from": made_from, "seconds": round(seconds, 1), **answer})


def module_of(chapter: str) -> ModuleType:
    """A chapter's module, which has `analyze(Analysis) -> dict`."""
    return importlib.import_module(f"agegen.analysis.{ROOMS.get(chapter, '')}{chapter}")


def fingerprint(analysis: Analysis) -> dict[str, str | int]:
    """What decides the chapters' figures: weights, calibration, faces and seed."""
    return {
        "weights": sha256(analysis.run / "best.safetensors")[:16],
        "best": sha256(analysis.run / "best.json")[:16],
        "faces": analysis.store.checksum,
        "seed": analysis.seed,
    }


def is_current(path: Path, expected: dict) -> bool:
    """True if the file is there, whole, and says that it was made from the same."""
    with suppress(UserError), explained_damage(path):
        found = read_json(path)
        return all(found.get(name) == value for name, value in expected.items())
    return False
