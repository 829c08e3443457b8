"""Let every judge that is at hand judge a run's generators, and save the figures beside it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from agegen.cyclegan.translate import Translator, load_translator, require_strength
from agegen.evaluation.controls import judge_beside_controls
from agegen.evaluation.evaluate import judge_made, known_faces, save_figures, translate_all
from agegen.evaluation.face_sheet import Look, make_sheet_of_looks
from agegen.evaluation.held_out import HeldOut, choose_faces
from agegen.evaluation.matching import require_two_people
from agegen.evaluation.panel import (
    Panel,
    PanelConfig,
    call_panel,
    describe_judging,
    kept_frozen,
    require_there,
)
from agegen.evaluation.real_pairs import People, evaluate_people, require_matcher, require_pairs
from agegen.evaluation.trade_off import measure_trade_off
from agegen.evaluation.truth import evaluate_truth
from agegen.faces.geometry import Geometry, geometry_of
from agegen.faces.records import CLASS_NAMES, DIRECTIONS
from agegen.faces.store import FaceStore
from agegen.run.devices import start_processes
from agegen.run.errors import UserError
from agegen.run.files import require_writable, sha256
from agegen.run.hub import as_typed
from agegen.run.pretrained import PRETRAINED, find_run, results_of

SHOWN = 12  # faces of each class on the sheet


@dataclass(frozen=True)
class EvaluateConfig(PanelConfig):
    """What to judge, and by whom."""

    run: Path
    """Folder of the CycleGAN's run."""
    judge: Path
    """Run folder of a trained classifier, best of the same store: its splits are held out too;
    pretrained means the one that comes with agegen, which has seen training faces of UTKFace."""
    pairs: Path | None = None
    """Photos of people who are known young and old, which generated faces are compared with: a
    folder with names as FG-NET's or CACD's, or a CSV table with path, age and identity."""
    trade_off: bool = False
    """Judge the change at strengths from 0.25 to 1.25, too: age shift against persons kept."""
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
    strength: float | None = None
    """Of the change, 0 to 1.5; what choose_strength has chosen for the run, else 1."""
    seed: int = 0
    """Of the bootstrap and of the choice of faces."""
    out: Path | None = None
    """JSON file for the figures; evaluation.json in the run if not given."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_strength(self.strength)
        if self.most < 0:
            raise UserError("--most cannot be negative")
        if self.truth < 0 or self.truth == 1:
            raise UserError("--truth must be 0 or at least 2 people")
        if self.out and self.out.suffix != ".json":
            raise UserError(f"--out {self.out} must end in .json: its page and faces lie beside it")

    @property
    def figures(self) -> Path:
        """The JSON file."""
        return self.out or results_of(self.run) / "evaluation.json"


class Found(NamedTuple):
    """What was measured, and the faces that it is shown with.

    Attributes:
        figures: plain JSON types.
        sheet: uint8 (h, w, 3), of held-out faces drawn at random: see
            `agegen.evaluation.face_sheet.make_sheet_of_looks`.
    """

    figures: dict
    sheet: np.ndarray


def evaluate_run(
    config: EvaluateConfig, find_people: Callable[[Path, Geometry], People] | None = None
) -> Found:
    """Judge a run's generators, and save the figures and a sheet of faces.

    In several processes each judges its share; the first one saves, all return the same.

    Args:
        config: what to judge, and by whom.
        find_people: reads ``config.pairs``: `agegen.photos.people.read_people`; not needed
            without pairs.

    Raises:
        UserError: the run, the store or a judge's run is missing or damaged, the split has none of
            a class, the classifier sees another part of a face than the generators do, or there
            are pairs and nothing that reads them.
    """
    if config.pairs and not find_people:
        raise UserError(
            f"the pairs in {config.pairs} cannot be read without find_people: give evaluate_run "
            "agegen.photos.people.read_people, too"
        )
    require_there(config, config.judge, config.pairs)
    state = start_processes()
    translator = load_translator(config.run, config.weights, state.device, config.strength)
    # now, as a training that goes on may replace them
    folder = find_run(config.run, "cyclegan")
    weights_sum = sha256(folder / f"{translator.weights}.safetensors")
    store = FaceStore.open(config.faces or faces_of(config.run, translator))
    held_out = choose_faces(translator, store, config.split, config.most, config.seed)
    require_writable(config.figures)
    shown = translator.config.augment.crop / translator.store_size
    panel, notes = call_panel(config, config.judge, shown, translator.device, translator.trunk)
    for persons in held_out.persons.values() if panel.matchers else ():
        require_two_people(persons)
    if config.truth:
        notes["truth"] = "measured on drawn people: it says nothing of generators of photos"
    if translator.store_checksum != store.checksum:
        notes["generators"] = (
            "trained on another store: faces that they have seen may be among those judged here, "
            "which then are not held out"
        )
    people = None
    if config.pairs and find_people:
        require_matcher(panel)
        people = find_people(config.pairs, geometry_of(store))
        require_pairs(people, panel)
    figures = {
        **describe_judging(config, config.judge, store, notes),
        "run": as_typed(config.run),
        "weights": translator.weights,
        "generators": weights_sum,
        "strength": translator.strength,
        "split": config.split,
        "seed": config.seed,
    }
    with kept_frozen(panel.judges):
        figures |= ask_all(translator, store, held_out, people, panel, config)
    figures["judges_unchanged"] = True
    found = Found(figures, draw_sheet(translator, held_out, config.seed))
    if state.is_main_process:
        save_figures(config.figures, found.figures, found.sheet)
    state.wait_for_everyone()
    return found


def ask_all(
    translator: Translator,
    store: FaceStore,
    held_out: HeldOut,
    people: People | None,
    panel: Panel,
    config: EvaluateConfig,
) -> dict:
    """All that was asked for: of held-out faces, real people, other strengths and drawn people."""
    judge = judge_beside_controls if config.controls else judge_made
    made = translate_all(translator, store, held_out)
    figures = judge(made, held_out, known_faces(translator, store, config.seed), panel)
    if people:
        asked = (panel, config.controls, config.seed)
        figures["real_pairs"] = evaluate_people(translator, people, *asked)
    if config.trade_off:
        whole = replace(translator, strength=dict.fromkeys(CLASS_NAMES, 1.0))
        asked_for = (panel, people, translator.strength)
        figures["trade_off"] = measure_trade_off(whole, held_out, *asked_for)
    if config.truth:
        figures["truth"] = evaluate_truth(translator, panel, config.truth)
    return figures


def faces_of(run: Path, translator: Translator) -> Path:
    """The faces that generators were trained on.

    Raises:
        UserError: they were not handed on with the generators.
    """
    faces = translator.config.faces
    if faces == PRETRAINED:
        raise UserError(
            f"--run {as_typed(run)}: these generators come without the faces they were trained on: "
            "name a FaceStore with --faces"
        )
    return faces


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
    return make_sheet_of_looks(shown, looks)
