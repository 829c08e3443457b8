"""How strongly to age: between too little and another person, chosen on validation faces.

What a generator makes of a face is a step away from it. The strength is the length of that step; at
1 it is as the generator was trained, at 0 there is none.
"""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from torch import Tensor

from agegen.cyclegan.translate import STRENGTH, Translator, load_translator
from agegen.evaluation.age_estimator import AgeEstimator
from agegen.evaluation.face_sheet import make_sheet
from agegen.evaluation.frozen_classifier import load_judge, require_same_view
from agegen.evaluation.held_out import choose_faces
from agegen.evaluation.identity import IdentityMatcher
from agegen.evaluation.judges import Judge, share_of_gap
from agegen.evaluation.matching import distances_apart, threshold_at
from agegen.evaluation.selection import strengthened
from agegen.faces import landmarks
from agegen.faces.records import CLASS_NAMES, DIRECTIONS
from agegen.faces.store import FaceStore
from agegen.metrics import share_as_json
from agegen.run.errors import UserError
from agegen.run.files import write_json, written_whole
from agegen.run.progress import Progress

STRENGTHS = tuple(round(0.1 * i, 1) for i in range(4, 16))
SHOWN = 8  # faces of each class in the picture
STRIP = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)


@dataclass(frozen=True)
class ChooseStrengthConfig:
    """Whose strengths to choose, and by whom."""

    run: Path
    """Folder of the CycleGAN's training, which keeps them."""
    judge: Path
    """Run folder of a trained classifier; pretrained means the one that comes with agegen. Where
    the extra photos is installed, years by the age estimator decide, its shares are shown too."""
    faces: Path | None = None
    """Folder of the FaceStore; the one that the generators were trained on if not given."""
    verified: tuple[float, float] = (0.97, 0.9)
    """Share of the faces made young, and of those made old, that must be verified as the same
    person, at 0.1 % false accepts. Ageing changes more of a face than rejuvenation does."""
    most: int = 150
    """Validation faces of each class at most."""
    seed: int = 0
    """Of the choice of faces."""

    def __post_init__(self) -> None:
        if not all(0 < share <= 1 for share in self.verified):
            raise UserError("--verified must be above 0, and at most 1")
        if self.most < 2:
            raise UserError("--most must be at least 2")


def choose_strength(config: ChooseStrengthConfig) -> dict[str, dict]:
    """Choose for each direction the strength of the largest shift at the share asked for.

    Writes strength.json, which whatever loads the run reads, and strength.png, validation faces at
    strengths from 0 to 1.5, into the run.

    Returns:
        By the class aimed at: ``strength``, and ``tried``: of each strength its ``share`` of the
        real gap by the deciding judge, and ``verified`` with an exact interval. Where none keeps
        enough people, the one that keeps the most is chosen.

    Raises:
        UserError: the run, its faces or the judge are missing or damaged, or the extras photos and
            judges are not installed.
    """
    translator = load_translator(config.run, strength=1.0)
    store = FaceStore.open(config.faces or translator.config.faces)
    shown = translator.config.augment.crop / translator.store_size
    matcher, judge = IdentityMatcher(shown), deciding_judge(config.judge, shown, translator)
    held_out = choose_faces(translator, store, "val", config.most, config.seed)
    real = {name: judge_all(judge, faces) for name, faces in held_out.faces.items()}
    asked = dict(zip(CLASS_NAMES, config.verified, strict=True))
    found, strips = {}, []
    faces_to_judge = len(STRENGTHS) * sum(map(len, held_out.faces.values()))
    with Progress(faces_to_judge, "trying strengths", "faces") as progress:
        for source, to in DIRECTIONS:
            faces = held_out.faces[source]
            made = translator.translate(faces, to)
            embedded = matcher.embed(faces, faces)
            threshold = threshold_at(distances_apart(embedded, held_out.persons[source]))
            tried = []
            for strength in STRENGTHS:
                fake = strengthened(faces, made, strength)
                near = (matcher.embed(fake, faces) - embedded).norm(dim=1) < threshold
                verified = share_as_json(near.numpy(), held_out.persons[source])
                share = share_of_gap(real[source], judge_all(judge, fake), real, to)
                tried.append({"strength": strength, "share": share, "verified": verified})
                progress.update(len(faces))
            found[to] = {"strength": best_of(tried, asked[to]), "tried": tried}
            strips += [strengthened(faces[:SHOWN], made[:SHOWN], s) for s in STRIP]
    with written_whole(config.run / "strength.png") as temporary:
        Image.fromarray(make_sheet(strips)).save(temporary, format="png")
    write_json(config.run / STRENGTH, {"judge": judge.name, "asked": asked, **found})
    return found


def deciding_judge(run: Path, shown: float, translator: Translator) -> Judge:
    """The age estimator where it is installed, else the classifier."""
    classifier = load_judge(run, translator.device)
    require_same_view(classifier, shown)
    return AgeEstimator(shown) if landmarks.available() else classifier


def judge_all(judge: Judge, faces: Tensor) -> Tensor:
    """A judge's first score, float (n,)."""
    return next(iter(judge.scores(faces).values()))


def best_of(tried: list[dict], asked: float) -> float:
    """The strength of the largest share among those that keep enough people, or keep the most."""
    kept = [t["verified"]["value"] for t in tried]
    fit = [t for t, share in zip(tried, kept, strict=True) if share >= min(asked, max(kept))]
    return max(fit, key=lambda t: t["share"])["strength"]


def describe_choice(found: dict[str, dict]) -> list[str]:
    """The choice in a table, a line a strength; the chosen one is marked."""
    lines = []
    for to, choice in found.items():
        lines.append(f"to {to}: strength, share of the gap, verified")
        for tried in choice["tried"]:
            mark = "  <- chosen" if tried["strength"] == choice["strength"] else ""
            verified = tried["verified"]
            lines.append(
                f"  {tried['strength']:.1f}  {tried['share']:.2f}  {verified['value']:.3f} "
                f"[{verified['low']:.3f}, {verified['high']:.3f}]{mark}"
            )
    return lines
