"""Train → look → evaluate → classify, as a user would, in small: does each step come to its end?"""

import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from agegen.classifier.train import train as train_classifier
from agegen.cyclegan.evaluate import EvaluateConfig, evaluate_run
from agegen.cyclegan.train import train as train_cyclegan
from agegen.faces.store import FaceStore
from agegen.machine.part import Part, one_line
from agegen.machine.setting import Setting
from agegen.photos.classify import load_photo_classifier
from agegen.photos.classify_files import classify_photos
from agegen.run.errors import UserError

STEPS = 10
PHOTOS = 4
JUDGED = 8  # faces of each class


def go_whole_path(setting: Setting) -> Part:
    """Do one step after the other; one that fails leaves the others to fail or not."""
    part = Part()
    with tempfile.TemporaryDirectory() as folder:
        for title, do in steps_of(setting, Path(folder)).items():
            started, said = time.perf_counter(), "ok"
            try:
                do()
            except Exception as error:
                said = f"failed: {one_line(error)}"
                part.problems.append(f"{title} {said}")
                part.traceback += "".join(traceback.format_exception(error))
            seconds = time.perf_counter() - started
            part.lines.append(f"{title}: {said}, {seconds:.1f} s")
            part.figures[title] = {"ok": said == "ok", "seconds": seconds}
    return part


def steps_of(setting: Setting, folder: Path) -> dict[str, Callable[[], object]]:
    """The steps by their titles, in order; results go into the folder."""
    judge, run, store = folder / "judge", folder / "run", FaceStore.open(setting.faces)
    photos = [Path(path) for path in store.paths[store.indices("test")[:PHOTOS]]]
    cyclegan = replace(setting.short_cyclegan(run, STEPS), judge=judge, verified=0.0)
    evaluation = EvaluateConfig(
        run, judge, age_estimator=False, identity=False, lpips=False, controls=False,
        features="classifier", agreement=False, most=JUDGED,
    )  # fmt: skip

    def classify() -> None:
        loaded = load_photo_classifier(judge, centred=True)
        found = list(classify_photos(loaded, photos, folder / "photos", {}))
        if len(found) < len(photos):
            raise UserError(f"only {len(found)} of {len(photos)} photos were classified")

    classifier = replace(setting.classifier, out=judge, epochs=1)
    return {
        "train a classifier for an epoch": lambda: train_classifier(classifier),
        f"train a CycleGAN for {STEPS} steps, and look": lambda: train_cyclegan(cyclegan),
        f"evaluate its generators on {2 * JUDGED} faces": lambda: evaluate_run(evaluation),
        f"classify {PHOTOS} photos": classify,
    }
