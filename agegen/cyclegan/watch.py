"""A look at held-out faces every so many pairs: pictures, symptoms, alarms, and the judge's scores.

All of it is computed by the first process with the averaged generators, and uses no random numbers:
a training is the same whether it is watched or not.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from agegen.alarm_limits import FIRST_ALARM, WATCHED
from agegen.cyclegan.alarms import Alarm, Symptoms, find_alarms, measure
from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.training import Training
from agegen.cyclegan.translate import BEST, centre_views
from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import FaceStore
from agegen.faces.views import to_uint8
from agegen.files import read_json, write_json, written_whole
from agegen.judges import share_of_gap
from agegen.judges.classifier import FrozenClassifier, load_judge
from agegen.runs import save_tensors

SHOWN, KNOWN = 6, 1000  # faces of each class that are shown, and that faces are compared with
COLUMNS = ("source", "translated", "back", "identity")  # of each direction, young → old first
GAP = 2  # pixels between the faces of a sheet


class Look(NamedTuple):
    """What the generators make of the watched faces: float (n, 3, h, w) each."""

    fake: Tensor
    back: Tensor
    same: Tensor


class Watch:
    """Looks at the same held-out faces again and again.

    Args:
        training: what is watched.
        config: fitted to the store.
    """

    def __init__(self, training: Training, config: CycleGANConfig) -> None:
        self.training, self.config = training, config
        if not training.accelerator.is_main_process:
            return
        device = training.accelerator.device
        self.held_out = views_by_class(training.store, config, "val", WATCHED, device)
        self.known = views_by_class(training.store, config, "train", KNOWN, device)
        self.judge = load_judge(config.judge, device) if config.judge else None
        chosen = training.run.folder / f"{BEST}.json"  # by the part before a resume
        self.best = read_json(chosen) if chosen.exists() else {}

    def look(self, step: int) -> None:
        """Look once: save the sheet, log the figures, and print the alarms."""
        accelerator, run = self.training.accelerator, self.training.run
        if accelerator.is_main_process:
            looks = self.translate_all()
            pairs = step * self.config.batch_size
            save_sheet(run.folder / "watch" / f"pairs_{pairs:09d}.png", self.held_out, looks)
            symptoms = self.measure_all(looks)
            alarms = self.find_alarms(step, symptoms)
            record = {"kind": "watch", "step": step, "pairs": pairs}
            for to, figures in symptoms.items():
                record |= {f"{name}_{to}": value for name, value in figures._asdict().items()}
            if self.judge:
                record |= judge_looks(self.judge, self.held_out, looks)
                self.choose_best(record, alarms)
            warnings = [
                {"kind": "alarm", "step": step, "pairs": pairs, **a._asdict()} for a in alarms
            ]
            run.log([record, *warnings])
            for alarm in alarms:
                accelerator.print(f"alarm after {pairs:,} pairs: {alarm.message}")
        accelerator.wait_for_everyone()

    @torch.no_grad()
    def translate_all(self) -> dict[str, Look]:
        """What the averaged generators make of all watched faces, by the class aimed at."""
        generators = self.training.averaged.module.eval()
        young, old = (self.held_out[name] for name in CLASS_NAMES)
        looks: dict[str, list[list[Tensor]]] = {name: [] for name in CLASS_NAMES}
        for y, o in zip(young.split(8), old.split(8), strict=False):
            made = generators(y, o, identity=True)
            looks["old"].append([made.fake_old, made.back_young, made.same_young])
            looks["young"].append([made.fake_young, made.back_old, made.same_old])
        return {
            name: Look(*(torch.cat(x).float() for x in zip(*parts, strict=True)))
            for name, parts in looks.items()
        }

    def measure_all(self, looks: dict[str, Look]) -> dict[str, Symptoms]:
        """The symptoms of both directions."""
        return {
            to: measure(
                self.held_out[source][: len(looks[to].fake)], looks[to].fake,
                self.held_out[to], self.known[to],
            )
            for source, to in directions()
        }  # fmt: skip

    def find_alarms(self, step: int, symptoms: dict[str, Symptoms]) -> list[Alarm]:
        """The alarms; none while the generators are unfinished."""
        if step < FIRST_ALARM * self.config.total_steps:
            return []
        return find_alarms(symptoms, self.discriminator_accuracy(step))

    def discriminator_accuracy(self, step: int) -> float:
        """Mean over the steps since the last look, read from the log, which a resume cuts right."""
        since = step - self.config.watch_every / self.config.batch_size
        rows = [
            (r["discriminator_accuracy_old"] + r["discriminator_accuracy_young"]) / 2
            for r in self.training.run.metrics()
            if r["kind"] == "step" and r["step"] > since
        ]
        return float(np.mean(rows)) if rows else 0.5

    def choose_best(self, record: dict, alarms: list[Alarm]) -> None:
        """Keep the generators if the judge finds the smaller of both shifts the largest so far.

        Looks with an alarm are not chosen, and a shift beyond the real gap counts as the gap.
        """
        shares = [record[f"judge_share_{to}"] for to in CLASS_NAMES]
        score = float(np.min([1.0, *shares]))  # NaN if one of them is
        if alarms or not score > self.best.get("score", -np.inf):
            return
        self.best = {"score": score, "step": record["step"], "pairs": record["pairs"]}
        folder = self.training.run.folder
        save_tensors(folder / f"{BEST}.safetensors", self.training.averaged.module.state_dict())
        write_json(folder / f"{BEST}.json", self.best)


def directions() -> list[tuple[str, str]]:
    """Source and aim of both directions: young → old, old → young."""
    young, old = CLASS_NAMES
    return [(young, old), (old, young)]


def views_by_class(
    store: FaceStore, config: CycleGANConfig, split: str, most: int, device: torch.device
) -> dict[str, Tensor]:
    """Faces of a split, the same ones for the same seed; float (n, 3, size, size) by class.

    Where a class has no validation faces, training faces take their place.
    """
    views = {}
    for label, name in enumerate(CLASS_NAMES):
        faces = store.indices(split)
        faces = faces[store.labels[faces] == label]
        if not len(faces):
            faces = store.indices("train")
            faces = faces[store.labels[faces] == label]
        chosen = np.random.default_rng([config.seed, label]).permutation(faces)[:most]
        views[name] = centre_views(store.images[np.sort(chosen)], config).to(device)
    return views


def judge_looks(
    judge: FrozenClassifier, real: dict[str, Tensor], looks: dict[str, Look]
) -> dict[str, float]:
    """What the judge says of the watched faces, by direction.

    Returns:
        judge_share_…: mean shift of the log-odds as a share of the real gap; judge_flips_…: share
        of the faces judged as the class aimed at.
    """
    scores = {name: judge.scores(faces)["log_odds"] for name, faces in real.items()}
    record = {}
    for source, to in directions():
        after = judge.scores(looks[to].fake)["log_odds"]
        before = scores[source][: len(after)]
        record[f"judge_share_{to}"] = share_of_gap(before, after, scores, to)
        right = after > 0 if to == CLASS_NAMES[1] else after < 0
        record[f"judge_flips_{to}"] = float(right.double().mean())
    return record


def save_sheet(path: Path, real: dict[str, Tensor], looks: dict[str, Look]) -> None:
    """Save the first faces as a PNG, pixel for pixel: a row a face, `COLUMNS` for young, then old.

    `agegen.report` cuts it up again.
    """
    columns = []
    for source, to in directions():
        shown = (real[source], *looks[to])
        columns += [to_uint8(faces[:SHOWN]).cpu().numpy() for faces in shown]
    rows = min(map(len, columns))
    padded = [np.pad(c[:rows], ((0, 0), (0, GAP), (0, GAP), (0, 0)), constant_values=255)
              for c in columns]  # fmt: skip
    sheet = np.concatenate([np.concatenate(list(c), axis=0) for c in padded], axis=1)
    with written_whole(path) as temporary:
        Image.fromarray(sheet).save(temporary, format="png")
