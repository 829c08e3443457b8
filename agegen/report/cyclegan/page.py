"""The report of a CycleGAN's training: one static HTML page, made from saved files only."""

from pathlib import Path

from agegen.faces.pixels import GREY_LEVELS
from agegen.faces.records import DIRECTIONS
from agegen.report.cyclegan import curves, judge, sheets, strength, symptoms, training
from agegen.report.cyclegan.run import SavedCycleGAN, read_cyclegan_run
from agegen.report.evaluation.saved import (
    name_judge,
    read_evaluation,
    tell,
    which_generators,
)
from agegen.report.evaluation.truth import describe as describe_truth
from agegen.report.parts.commands import write_commands
from agegen.report.parts.section import Section
from agegen.report.parts.templates import render
from agegen.report.parts.wording import count, duration
from agegen.run.errors import UserError
from agegen.run.files import explained_damage, flatten


def make_page(run: Path) -> str:
    """Make the page of a run.

    Args:
        run: folder of a CycleGAN's training, finished or not.

    Returns:
        HTML that refers to nothing outside itself; the same files give the same page.

    Raises:
        UserError: a file is missing (it says what makes it), damaged, or of another kind of run.
    """
    with explained_damage(run):
        saved = read_cyclegan_run(run)
        trained = {k: v for k, v in saved.config.items() if k not in ("resume", "dry_run")}
        wanted = {"train_cyclegan": trained, "report_cyclegan": {"run": saved.config["out"]}}
        sections = answer_questions(saved)
        shown = [section for section in sections if section.anchor == "faces"]
        return render(
            "cyclegan/page.html",
            lead=[grid for section in shown for grid in sheets.before_and_after(section)],
            title=saved.folder.resolve().name,
            saved=saved,
            tiles=make_tiles(saved),
            summary=summarise(saved),
            sections=sections,
            config=flatten(saved.config),
            environment=flatten(saved.environment),
            data=flatten(saved.data),
            commands=write_commands(wanted, saved.environment),
        )


def answer_questions(saved: SavedCycleGAN) -> list[Section]:
    """All sections; those that need looks are left out where there was none."""
    sections = [curves.answer(saved)]
    if saved.looks:
        sections += [
            sheets.answer(saved),
            sheets.answer_development(saved),
            symptoms.answer(saved),
        ]
    if saved.has_judge:
        sections.append(judge.answer(saved))
    if strength.has_strength(saved):
        sections.append(strength.answer(saved))
    return [*sections, training.answer(saved)]


def summarise(saved: SavedCycleGAN) -> list[str]:
    """Say how far the training is, and what is not on the page."""
    sentences = [training.describe_end(saved)]
    if not saved.looks:
        sentences.append(
            "No look at held-out faces has been taken yet, so that no face, symptom or alarm is "
            f"shown; one is due every {saved.config['watch_every']:,} pairs and at the end."
        )
    elif not saved.has_judge:
        sentences.append(
            "No classifier watched the training (--judge): its curves and faces measure no age."
        )
    return [*sentences, *describe_evaluation(saved.folder / "evaluation.json")]


def describe_evaluation(path: Path) -> list[str]:
    """Say what evaluate_cyclegan.py found; nothing if it was not called."""
    if not path.exists():
        return []
    try:
        saved = read_evaluation(path)
    except UserError as error:
        return [f"An evaluation is left out: {error}."]
    first = next(iter(saved.judges))
    faces = " and ".join(f"{n:,} {name}" for name, n in saved.found["n"].items())
    shares = " and ".join(f"{tell(saved.share(to, first), 2)} made {to}" for _, to in DIRECTIONS)
    truth = saved.found.get("truth")
    return [
        f"An evaluation of the {which_generators(saved)} on {faces} faces of the "
        f"{saved.found['split']} split of {saved.found['faces']} gave, by the {name_judge(first)}, "
        f"shares of the real gap of {shares}. All that was measured: {path.with_suffix('.html')}.",
        *(describe_truth(truth["directions"][to], to) for _, to in DIRECTIONS if truth),
    ]


def make_tiles(saved: SavedCycleGAN) -> list[tuple[str, str, str]]:
    """The headline figures: name, value, remark."""
    cycle = saved.cycle_loss()
    tiles = [
        ("pairs seen", f"{saved.pairs:,}", f"of {saved.total_pairs:,}"),
        (
            "time in steps",
            duration(training.seconds(saved).sum()),
            f"{training.speed(saved):,.1f} pairs/s",
        ),
        ("cycle loss", f"{cycle:.3f}", f"{cycle * GREY_LEVELS:.1f} grey levels"),
    ]
    if saved.looks:
        looks = count(len(saved.looks["step"]), "look")
        tiles.append(("alarms", f"{len(saved.alarms):,}", f"in {looks}"))
    if saved.best:
        after = f"smaller one, after {saved.best['pairs']:,} pairs"
        tiles.append(("share of the real gap", f"{saved.best['score']:.2f}", after))
    return tiles
