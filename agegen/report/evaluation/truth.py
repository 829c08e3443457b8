"""What is the truth on drawn faces? Generated faces beside true counterparts, and judges too."""

from agegen.faces.records import DIRECTIONS
from agegen.report.evaluation.identity import COLUMNS, cells
from agegen.report.evaluation.saved import SavedEvaluation, listed, name_judge, tell
from agegen.report.parts.section import Missing, Section, Table

QUESTION = "What is the truth on drawn faces?"
KINDS = {"l1": "L1", "lpips": "LPIPS"}


def answer(saved: SavedEvaluation) -> Section | Missing:
    """Answer with distances to the truth, and with what the judges make of it."""
    if not saved.found.get("truth"):
        return Missing(QUESTION, "not measured: not asked for (--truth N)")
    truth = saved.found["truth"]
    note = saved.found["notes"].get("truth", "")
    return Section(
        "truth",
        QUESTION,
        "Quelle est la vérité sur des visages dessinés ?",
        [
            *(describe(truth["directions"][to], to) for _, to in DIRECTIONS),
            describe_judges(truth["judges"]),
            *(describe_matcher(*of) for of in truth["matchers"].items()),
            *([f"{note[:1].upper()}{note[1:]}."] if note else []),
        ],
        tables=tabulate(truth),
        details=[
            f"{truth['n']:,} people, drawn with seed {truth['seed']:,} in the same shot young and "
            f"old; {truth['resamples']:,} bootstrap resamples. Oracle: the true face at another "
            "age of the class aimed at, what one would draw who knows the person perfectly. "
            "Gained: (source − generated) / (source − oracle): 0 is doing nothing, 1 the oracle. "
            "Nearer: share of the faces that came nearer to the truth than their source is.",
            "With true age, shift with gain: Spearman's correlations, over people of all ages, and "
            "over generated faces between the shift that a judge sees and how much nearer to the "
            "truth the face came.",
        ],
    )


def describe(kinds: dict, to: str) -> str:
    """Say whether the generator came nearer to the truth than doing nothing is."""
    parts = []
    for kind, figures in kinds.items():
        gained = figures["gained"]
        said = "no nearer or farther than doing nothing, as far as can be said"
        if gained["low"] is not None and gained["low"] > 0:
            said = "nearer than doing nothing"
        elif gained["high"] is not None and gained["high"] < 0:
            said = "farther than doing nothing"
        parts.append(
            f"by {KINDS.get(kind, kind)} {said} (gained {tell(gained)}; {tell(figures['nearer'])} "
            "of the faces came nearer)"
        )
    return f"Made {to}, compared with the same people drawn {to}: {'; '.join(parts)}."


def describe_judges(judges: dict) -> str:
    """Say which judges' scores rise with the true age."""
    ages = {name_judge(judge): figures["age"] for judge, figures in judges.items()}
    parts = [f"{judge} {tell(age)}" for judge, age in ages.items()]
    lost = [judge for judge, age in ages.items() if age["low"] is None or age["low"] <= 0]
    text = f"The judges' scores correlate with the true age of drawn people by: {', '.join(parts)}."
    if lost:
        text += f" Of drawn faces the {listed(lost)} cannot be said to know the age: what they "
        text += "say of these is no measure of age."
    return text


def describe_matcher(matcher: str, both: dict) -> str:
    """Say how many of the true counterparts a matcher verifies."""
    shares = " and ".join(f"{tell(figures['verified'])} ({to})" for to, figures in both.items())
    return (
        f"The matcher {matcher} verifies of true counterparts, who are the same people, a share of "
        f"{shares}: more is not to be expected of generated ones."
    )


def tabulate(truth: dict) -> list[Table]:
    """Distances to the truth, the judges beside it, and what matchers say of true counterparts."""
    distances = [
        [
            f"made {to}, {KINDS.get(kind, kind)}",
            *(tell(figures[name], 4) for name in ("output", "input", "oracle")),
            *(tell(figures[name]) for name in ("nearer", "gained")),
        ]
        for _, to in DIRECTIONS
        for kind, figures in truth["directions"][to].items()
    ]
    columns = {
        "age": "with true age",
        "gap": "true gap (raw score)",
        **{f"gained_{to}": f"shift with gain, made {to}" for _, to in DIRECTIONS},
    }
    judges = [
        [name_judge(judge), *(tell(figures[name]) for name in columns)]
        for judge, figures in truth["judges"].items()
    ]
    matchers = [
        [matcher, f"true {to}", *cells(figures)]
        for matcher, both in truth["matchers"].items()
        for to, figures in both.items()
    ]
    header = ("distance to the truth", "generated", "source", "oracle", "nearer", "gained")
    counterparts = ("matcher", "counterparts", *COLUMNS.values())
    tables = [
        Table(f"Distances to true counterparts, n = {truth['n']:,} people", header, distances),
        Table("The judges beside the truth", ("judge", *columns.values()), judges),
        Table("The matchers on true counterparts", counterparts, matchers),
    ]
    return [table for table in tables if table.rows]
