"""A look at held-out faces every so many pairs: pictures, symptoms, alarms, and the judge's scores.

All of it is computed by the first process with the averaged generators, and uses no random numbers:
a training is the same whether it is watched or not. From where on a symptom is an alarm:
`agegen.evaluation.alarm_limits`.
"""

import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from agegen.cyclegan.config import CycleGANConfig
from agegen.cyclegan.training import Training
from agegen.cyclegan.translate import BEST, centre_views
from agegen.evaluation.alarm_limits import FIRST_ALARM, WATCHED
from agegen.evaluation.alarms import KNOWN, Alarm, Symptoms, find_alarms, measure
from agegen.evaluation.face_sheet import Look, make_sheet_of_looks
from agegen.evaluation.frozen_classifier import doubt_of, load_judge
from agegen.evaluation.held_out import choose_by_class
from agegen.evaluation.selection import (
    Selection,
    Strangers,
    find_matcher,
    measure_identity,
    score_of,
)
from agegen.faces.records import CLASS_NAMES, DIRECTIONS
from agegen.faces.store import FaceStore, clusters
from agegen.run.files import read_json, write_json, written_whole
from agegen.run.hub import as_typed
from agegen.run.tensor_files import save_tensors

SHOWN = 6  # faces of each class
IDENTITY = "watch/identity.safetensors"  # what the matcher says of real faces, in the run


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
        device, store = training.accelerator.device, training.store
        self.known_numbers = choose_by_class(store, "train", KNOWN, config.seed)
        self.held_out, self.known = (
            {name: centre_views(store.images[i], config).to(device) for name, i in chosen.items()}
            for chosen in (choose_watched(store, config.seed), self.known_numbers)
        )
        self.selection = self.call_judges(config.judge, device) if config.judge else None
        chosen = training.run.folder / f"{BEST}.json"  # by the part before a resume
        self.best = read_json(chosen) if chosen.exists() else {}

    def call_judges(self, run: Path, device: torch.device) -> Selection:
        """The classifier, and who compares identities if that can be had."""
        config, store = self.config, self.training.store
        matcher, why_not = find_matcher(config.verified, config.augment.crop / store.size)
        if why_not:
            self.training.accelerator.print(
                f"note: the best generators are chosen without comparing identities: {why_not}"
            )
        if doubt := doubt_of(run, store):
            self.training.accelerator.print(f"note: --judge {as_typed(run)} was {doubt}")
        identity = None
        if matcher:
            persons = {name: clusters(store, i) for name, i in self.known_numbers.items()}
            kept = self.training.run.folder / IDENTITY
            if not kept.exists():
                self.training.accelerator.print(
                    "looking at real faces, once a run, to know one person from another"
                )
            strangers = Strangers(self.known, persons)
            identity = measure_identity(matcher, self.held_out, strangers, kept)
        return Selection(load_judge(run, device), identity, self.held_out, config.verified)

    def look(self, step: int) -> None:
        """Look once: save the sheet, log the figures, and print the alarms."""
        accelerator, run = self.training.accelerator, self.training.run
        if accelerator.is_main_process:
            started = time.perf_counter()
            looks = self.translate_all()
            pairs = step * self.config.batch_size
            shown = {name: faces[:SHOWN] for name, faces in self.held_out.items()}
            sheet = make_sheet_of_looks(
                shown, {to: look.first(SHOWN) for to, look in looks.items()}
            )
            with written_whole(run.folder / "watch" / f"pairs_{pairs:09d}.png") as temporary:
                Image.fromarray(sheet).save(temporary, format="png")
            if run.trackers:
                run.trackers.show("watch/faces", sheet, step)
            symptoms = self.measure_all(looks)
            alarms = self.find_alarms(step, symptoms)
            record = {"kind": "watch", "step": step, "pairs": pairs}
            for to, figures in symptoms.items():
                record |= {f"{name}_{to}": value for name, value in figures._asdict().items()}
            if self.selection:
                record |= self.selection.judge_all({to: look.fake for to, look in looks.items()})
                self.keep_if_best(self.selection, record, alarms)
            record["seconds"] = time.perf_counter() - started
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
            for source, to in DIRECTIONS
        }  # fmt: skip

    def find_alarms(self, step: int, symptoms: dict[str, Symptoms]) -> list[Alarm]:
        """The alarms; none while the generators are unfinished."""
        if step < FIRST_ALARM * self.config.total_steps:
            return []
        return find_alarms(symptoms, self.discriminator_accuracy())

    def discriminator_accuracy(self) -> float:
        """Mean over the steps since the last look, read from the log, which a resume cuts right."""
        records = self.training.run.metrics()
        since = max((r["step"] for r in records if r["kind"] == "watch"), default=0)
        rows = [
            (r["discriminator_accuracy_old"] + r["discriminator_accuracy_young"]) / 2
            for r in records
            if r["kind"] == "step" and r["step"] > since
        ]
        return float(np.mean(rows)) if rows else 0.5

    def keep_if_best(self, selection: Selection, record: dict, alarms: list[Alarm]) -> None:
        """Keep the generators if they are fit and their score is the highest so far.

        best.json has the judge's figures too: after a rollback the look may be gone from the log.
        """
        score = score_of(record)  # NaN is never above
        if not selection.is_fit(record, alarms) or not score > self.best.get("score", -np.inf):
            return
        judged = {name: value for name, value in record.items() if name.startswith("judge_")}
        self.best = {"score": score, "step": record["step"], "pairs": record["pairs"], **judged}
        folder = self.training.run.folder
        save_tensors(folder / f"{BEST}.safetensors", self.training.averaged.module.state_dict())
        write_json(folder / f"{BEST}.json", self.best)


def choose_watched(store: FaceStore, seed: int) -> dict[str, np.ndarray]:
    """Numbers of the watched faces by class, the same for the same seed.

    Where a class has no validation faces, training faces take their place.
    """
    held_out, trained = (choose_by_class(store, s, WATCHED, seed) for s in ("val", "train"))
    return {name: i if len(i) else trained[name] for name, i in held_out.items()}
