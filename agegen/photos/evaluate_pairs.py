"""Any face-ageing system judged by the pictures that it made, as our own generators are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from agegen import metrics
from agegen.classifier.predict import Classifier, load_classifier
from agegen.evaluation.controls import judge_beside_controls
from agegen.evaluation.evaluate import Made, judge_made, known_faces, save_figures
from agegen.evaluation.face_sheet import make_sheet
from agegen.evaluation.held_out import HeldOut, choose_faces
from agegen.evaluation.matching import require_two_people
from agegen.evaluation.panel import (
    PanelConfig,
    call_panel,
    describe_judging,
    kept_frozen,
    require_there,
)
from agegen.evaluation.real_pairs import (
    Aged,
    People,
    aged,
    judge_people,
    paired,
    require_matcher,
)
from agegen.evaluation.slices import Part, slices_of
from agegen.faces.geometry import Geometry
from agegen.faces.landmarks import SEARCH_PIXELS
from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import FaceStore
from agegen.faces.views import evaluation_views
from agegen.photos.needs import needs_of
from agegen.photos.pairs import Kind, Pairs, are_crops, facts_of, match_names, read_pairs
from agegen.photos.people import read_people
from agegen.run.errors import UserError
from agegen.run.files import require_writable
from agegen.run.pretrained import PRETRAINED

SHOWN = 12  # pairs on the sheet
WHOSE = "pairs"


@dataclass(frozen=True)
class EvaluatePairsConfig(PanelConfig):
    """Which pictures to judge, and by whom."""

    before: Path
    """Folder of faces or photos."""
    after: Path
    """Folder of what was made of them: the same names, any format and size; or the names that
    translate_photos gives."""
    to: Literal["young", "old"]
    """The age aimed at."""
    judge: Path = PRETRAINED
    """Run folder of a trained classifier; pretrained is the one that comes with agegen."""
    faces: Path | None = None
    """Folder of a FaceStore whose test faces give the real gap between young and old, which shifts
    are shares of; without it they are in the judges' own units."""
    pairs: Path | None = None
    """Photos of the people in --before at other ages, which --after is compared with: a folder with
    names as FG-NET's or CACD's, or a CSV table with path, age and identity. The names of the
    pictures before must say age and person, too."""
    kind: Kind = "auto"
    """crops: each picture is one face, cropped as the classifier's training faces are; photos: the
    largest face is found in each; auto takes square pictures of one size for crops."""
    seed: int = 0
    """Of the bootstrap and of the choice of faces."""
    out: Path | None = None
    """JSON file for the figures; AFTER_evaluation.json beside the folder if not given."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.out and self.out.suffix != ".json":
            raise UserError(f"--out {self.out} must end in .json: its page and faces lie beside it")

    @property
    def figures(self) -> Path:
        """The JSON file."""
        return self.out or self.after.with_name(f"{self.after.resolve().name}_evaluation.json")


class ClassifierViews(NamedTuple):
    """Faces as a classifier sees them: see `agegen.evaluation.held_out.Views`."""

    classifier: Classifier

    @property
    def store_size(self) -> int:
        """Side in pixels of the faces that it was trained on."""
        return self.classifier.size

    def views(self, images: np.ndarray) -> Tensor:
        """Their centre: uint8 (n, h, w, 3) → float (n, 3, crop, crop) in [−1, 1]."""
        views = evaluation_views(torch.tensor(images), self.classifier.crop)[0]
        return views.to(self.classifier.device)


def evaluate_pairs(config: EvaluatePairsConfig) -> dict:
    """Judge pictures by what they were before; save the figures and a sheet of faces.

    Returns:
        The figures, plain JSON types: see `agegen.evaluation.evaluate.judge_made`, and
        ``left_out``: every file that is in no pair, with the reason.

    Raises:
        UserError: there is no pair, the judge's run or the store is missing or damaged, or does
            not fit the other, or the extra ``photos`` is missing where faces are looked for.
    """
    refuse_at_once(config)
    store = FaceStore.open(config.faces) if config.faces else None
    classifier, geometry = open_judge(config)
    views = ClassifierViews(classifier)
    real = choose_faces(views, store, "test", 0, config.seed) if store else None
    if config.pairs:
        whole = require_geometry(geometry or needs_of(config.judge).geometry)
    shown = classifier.crop / classifier.size
    panel, notes = call_panel(config, config.judge, shown, classifier.device)
    if config.pairs:
        require_matcher(panel)
    pairs = read_pairs(config.before, config.after, classifier.size, geometry, SEARCH_PIXELS)
    before = people_before(pairs)
    people = read_partners(config, before, pairs.files, whole) if config.pairs else None
    known = known_faces(views, store, config.seed) if store else {}
    if not store:
        needs = "not measured: it needs real faces (--faces)"
        notes |= {"realism": needs, "share of the gap": needs}
    made: dict[str, Made] = {config.to: made_of(pairs, views, real, store, config.seed)}
    if panel.matchers:
        require_two_people(made[config.to].persons)
    figures = {
        **describe_judging(config, config.judge, store, notes),
        "run": str(config.after),
        "before": str(config.before),
        "to": config.to,
        "kind": "photos" if geometry else "crops",
        "split": "test",
        "seed": config.seed,
        "left_out": [[str(entry.path), entry.reason] for entry in pairs.left_out],
    }
    judge = judge_beside_controls if config.controls else judge_made
    with kept_frozen(panel.judges):
        figures |= judge(made, real, known, panel)
        if people:
            mine = pair_with(before, people, made[config.to], config.to, views)
            asked = (panel, config.controls, config.seed)
            faces = views.views(people.images)
            figures["real_pairs"] = judge_people({config.to: mine}, people, faces, *asked)
    figures["judges_unchanged"] = True
    save_figures(config.figures, figures, draw_sheet(made[config.to], config.seed))
    return figures


def refuse_at_once(config: EvaluatePairsConfig) -> None:
    """Refuse (by a UserError) what names and paths tell, before any network is loaded."""
    matched, _ = match_names(config.before, config.after)
    require_there(config, config.judge, config.pairs)
    if config.pairs:
        require_named(config.before, [one for one, _ in matched])
    require_writable(config.figures)


def require_named(before: Path, files: list[Path]) -> None:
    """Refuse pictures of whom no name says who it is, and how old."""
    if not any(face.identity and face.age is not None for face in facts_of(files)):
        raise UserError(
            f"--pairs: no name of a picture in {before} says age and person, as 001A23.JPG or "
            f"25_First_Last_0001.jpg do; the first is {files[0].name}"
        )


def require_geometry(geometry: Geometry | None) -> Geometry:
    """How photos' faces are cut out.

    Raises:
        UserError: the judge knows crops alone.
    """
    if geometry is None:
        raise UserError("--pairs needs a judge that knows how photos' faces are cropped")
    return geometry


def read_partners(
    config: EvaluatePairsConfig, before: People, files: list[Path], geometry: Geometry
) -> People:
    """Photos of the people in the pictures before, at other ages.

    Raises:
        UserError: names do not say who is in the pictures before, or fewer than two of those people
            have photos at the age aimed at.
    """
    assert config.pairs
    require_named(config.before, files)
    known = set(before.persons[before.ages >= 0].tolist()) - {""}
    people = read_people(config.pairs, geometry, known, config.seed)
    paired(before, people, config.to)
    return people


def people_before(pairs: Pairs) -> People:
    """Who is in the pictures before, as far as names say it."""
    facts = facts_of(pairs.files)
    ages = np.array([-1 if face.age is None else face.age for face in facts], dtype=int)
    persons = np.array([face.identity for face in facts], dtype=np.str_)
    return People(pairs.before, ages, persons, np.full(len(facts), np.nan), [])


def pair_with(before: People, people: People, made: Made, to: str, views: ClassifierViews) -> Aged:
    """Pictures before whose names say who it is, with photos of them at the age aimed at."""
    mine, aim = paired(before, people, to)
    real = views.views(people.images[aim])
    return aged(before, people, mine, aim, (made.faces[mine], made.fake[mine], real))


def open_judge(config: EvaluatePairsConfig) -> tuple[Classifier, Geometry | None]:
    """The classifier, and how it wants faces cut out; None where they are already."""
    if config.kind == "crops" or (config.kind == "auto" and are_crops(config.before)):
        return load_classifier(config.judge), None  # what whole photos need is not measured
    needs = needs_of(config.judge)
    return needs.classifier, needs.geometry


def made_of(
    pairs: Pairs, views: ClassifierViews, real: HeldOut | None, store: FaceStore | None, seed: int
) -> Made:
    """The pairs as the judges see them, and parts of them where names tell."""
    facts = facts_of(pairs.files)
    who = [(face.identity, "" if face.identity else str(face.path)) for face in facts]
    number = {one: i for i, one in enumerate(dict.fromkeys(who))}
    persons = np.array([number[one] for one in who])
    parts: dict[str, Part] = {}
    if real and store:
        genders = {name: store.genders[i] for name, i in real.indices.items()}
        ages = np.array([-1 if face.age is None else face.age for face in facts])
        mine = np.array([face.gender for face in facts])
        parts = slices_of(genders | {WHOSE: mine}, ages, WHOSE)
    weights = metrics.bootstrap_weights(len(persons), persons, 1000, seed + len(CLASS_NAMES))
    before, after = views.views(pairs.before), views.views(pairs.after)
    return Made(before, after, None, WHOSE, weights, persons, parts)


def draw_sheet(made: Made, seed: int) -> np.ndarray:
    """Some of the pairs, drawn at random: before and after."""
    drawn = np.random.default_rng([seed, 1]).permutation(len(made.faces))[:SHOWN]
    return make_sheet([made.faces[np.sort(drawn)], made.fake[np.sort(drawn)]])
