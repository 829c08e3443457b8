"""How strongly do the generators age, and what does it cost? Strips and a curve over strengths."""

from functools import partial
from typing import Any

from agegen.faces.records import DIRECTIONS
from agegen.report.cyclegan.run import SavedCycleGAN
from agegen.report.cyclegan.sheets import read_sheet, show_grid
from agegen.report.parts.section import Section
from agegen.report.parts.style import BLUE, VERMILLION, Figure, Picture, picture
from agegen.report.parts.wording import show
from agegen.run.files import read_json, sha256

FILE, SHEET = "strength.json", "strength.png"
COLOURS = {"old": VERMILLION, "young": BLUE}


def has_strength(saved: SavedCycleGAN) -> bool:
    """True if choose_strength has been at the run, and its weights are the same still."""
    if not (saved.folder / FILE).exists():
        return False
    chosen_for = read_json(saved.folder / FILE).get("weights")
    weights = (saved.folder / f"{name}.safetensors" for name in ("best", "generators"))
    return any(path.exists() and sha256(path) == chosen_for for path in weights)


def answer(saved: SavedCycleGAN) -> Section:
    """What choose_strength tried, and what it chose."""
    found = read_json(saved.folder / FILE)
    choices = {to: found[to] for _, to in DIRECTIONS}
    strip = choices["old"].get("strip")
    path = saved.folder / SHEET
    grids = []
    if strip and path.exists():
        command = f"python recipes/choose_strength.py --run {saved.folder}"
        damaged = f"{path} is damaged, or of another version: {command} writes it"
        cells = read_sheet(path, [to for _, to in DIRECTIONS], len(strip), damaged, damaged)
        heads = ["as they are", *(f"{strength:g}" for strength in strip[1:])]
        grids = [show_grid(source, to, heads, cells[to], "") for source, to in DIRECTIONS]
    return Section(
        "strength",
        "How strongly do they age, and what does it cost?",
        "Avec quelle force vieillissent-ils, et à quel prix ?",
        [describe_choice(to, choice) for to, choice in choices.items()],
        pictures=[picture_cost(choices)],
        grids=grids,
        details=[
            "Validation faces. The strength is the length of the step from a face to what the "
            "generator makes of it: 0 is the face, 1 what was trained. Verified: the same person "
            "by face recognition, at 0.1 % false accepts.",
        ],
        command=f"python recipes/choose_strength.py --run {saved.folder}",
    )


def describe_choice(to: str, choice: dict[str, Any]) -> str:
    """Which strength was chosen, and what it does."""
    (at,) = (tried for tried in choice["tried"] if tried["strength"] == choice["strength"])
    return (
        f"Made {to}: strength {choice['strength']:g}, which moves faces by {at['share']:.2f} of "
        f"the real gap and leaves {show(at['verified'])} of them verified."
    )


def picture_cost(choices: dict[str, dict]) -> Picture:
    """Share of the gap against share verified, over strengths."""
    ends = "; ".join(describe_choice(to, choice) for to, choice in choices.items())
    return picture(
        "Ageing against identity, over strengths", "validation faces",
        partial(draw_cost, choices=choices), ends,
        "Each point is a strength; the chosen ones are large.",
    )  # fmt: skip


def draw_cost(figure: Figure, choices: dict[str, dict]) -> None:
    """A line for each direction, its chosen point large."""
    axes = figure.subplots()
    for to, choice in choices.items():
        kept = [tried["verified"]["value"] for tried in choice["tried"]]
        shares = [tried["share"] for tried in choice["tried"]]
        axes.plot(kept, shares, "o-", color=COLOURS[to], markersize=3, label=f"made {to}")
        at = [tried["strength"] for tried in choice["tried"]].index(choice["strength"])
        axes.plot(kept[at], shares[at], "o", color=COLOURS[to], markersize=9)
        axes.annotate(
            f"{choice['strength']:g}", (kept[at], shares[at]), xytext=(6, 4),
            textcoords="offset points",
        )  # fmt: skip
    axes.set(xlabel="verified as the same person (share)", ylabel="share of the real gap")
    axes.legend()
