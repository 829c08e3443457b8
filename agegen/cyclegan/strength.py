"""How strongly to age: between too little and another person, chosen on validation faces.

What a generator makes of a face is a step away from it. The strength is the length of that step; at
1 it is as the generator was trained, at 0 there is none.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image

from agegen.cyclegan.evaluate import faces_of
from agegen.cyclegan.translate import load_translator, write_strength
from agegen.evaluation.age_estimator import AgeEstimator
from agegen.evaluation.face_sheet import make_sheet
from agegen.evaluation.held_out import choose_faces
from agegen.evaluation.identity import IdentityMatcher
from agegen.evaluation.judges import share_of_gap
from agegen.evaluation.matching import distances_apart, threshold_at
from agegen.evaluation.selection import strengthened
from agegen.faces.records import CLASS_NAMES, DIRECTIONS
from agegen.faces.store import FaceStore
from agegen.metrics import share_as_json
from agegen.run.errors import UserError
from agegen.run.files import require_writable, written_whole
from agegen.run.hub import as_typed
from agegen.run.pretrained import find_run
from agegen.run.progress import Progress

STRENGTHS = tuple(round(0.05 * i, 2) for i in range(10, 27))
SHOWN = 8  # faces of each class in the picture
STRIP = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)


@dataclass(frozen=True)
class ChooseStrengthConfig:
    """Whose strengths to choose."""

    run: Path
    """Folder of the CycleGAN's training, which keeps them."""
    faces: Path | None = None
    """Folder of the FaceStore; the one that the generators were trained on if not given."""
    verified: tuple[float, float] = (0.97, 0.9)
    """Share of the faces made young, and of those made old, that must be verified as the same
    person, at 0.1 % false accepts. Ageing changes more of a face than rejuvenation does."""
    most: int = 150
    """Validation faces of each class at most."""
    weights: Literal["best", "generators"] | None = None
    """best (chosen by a judge) or generators (the last ones); the best, if any, if not given."""
    seed: int = 0
    """Of the choice of faces."""

    def __post_init__(self) -> None:
        if not all(0 < share <= 1 for share in self.verified):
            raise UserError("--verified must be above 0, and at most 1")
        if self.most < 2:
            raise UserError("--most must be at least 2")


def choose_strength(config: ChooseStrengthConfig) -> dict[str, dict]:
    """Choose for each direction the strength of the largest shift at the share asked for.

    Writes strength.json, which whatever loads these weights reads, and strength.png, validation
    faces at strengths from 0 to 1.5, into the run.

    Returns:
        By the class aimed at: ``strength``, and ``tried``: of each strength its ``share`` of the
        real gap by the age estimator, and ``verified`` with an exact interval. Where none keeps
        enough people, the one that keeps the most is chosen. ``strip``: the strengths that
        strength.png shows.

    Raises:
        UserError: the run or its faces are missing or damaged, it is the package's own, which
            nothing is written into, or the extras photos and judges are not installed.
    """
    if find_run(config.run, "cyclegan") != config.run:
        raise UserError(
            f"--run {as_typed(config.run)}: its strengths were chosen; --strength overrides them"
        )
    translator = load_translator(config.run, config.weights, strength=1.0)
    store = FaceStore.open(config.faces or faces_of(config.run, translator))
    shown = translator.config.augment.crop / translator.store_size
    held_out = choose_faces(translator, store, "val", config.most, config.seed)
    require_writable(config.run / "strength.png")
    matcher, judge = IdentityMatcher(shown), AgeEstimator(shown)
    real = {name: judge.scores(faces)["years"] for name, faces in held_out.faces.items()}
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
                share = share_of_gap(real[source], judge.scores(fake)["years"], real, to)
                tried.append({"strength": strength, "share": share, "verified": verified})
                progress.update(len(faces))
            strength = best_of(tried, asked[to])
            found[to] = {"strength": strength, "tried": tried, "strip": list(STRIP)}
            strips += [strengthened(faces[:SHOWN], made[:SHOWN], s) for s in STRIP]
    with written_whole(config.run / "strength.png") as temporary:
        Image.fromarray(make_sheet(strips)).save(temporary, format="png")
    write_strength(config.run, translator.weights, found)
    return found


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
                f"  {tried['strength']:.2f}  {tried['share']:.2f}  {verified['value']:.3f} "
                f"[{verified['low']:.3f}, {verified['high']:.3f}]{mark}"
            )
    return lines
