"""An evaluation of generators, read and checked: what its page is made from."""

from pathlib import Path
from typing import NamedTuple

from agegen.evaluation.verdicts import has_gaps, moved, without_unable
from agegen.faces.records import CLASS_NAMES, DIRECTIONS
from agegen.run.errors import UserError
from agegen.run.files import explained_damage, read_json, without_nan

JUDGES = {
    "classifier": "classifier",
    "second_classifier": "second classifier",
    "age_judge": "own age judge",
    "age_estimator": "age estimator",
    "onnx_judge": "ONNX judge",
}
SCORES = {"log_odds": "log-odds", "p_old": "p(old)", "judged_old": "judged old"}
DIGITS = {"log_odds": 2, "years": 1}
NEEDED = ("directions", "n", "notes", "run", "judge", "faces", "split", "seed", "resamples")


class Direction(NamedTuple):
    """One direction that was judged: how many faces of which class were made old or young."""

    source: str
    to: str
    n: int
    name: str  # "Young faces made old"
    figures: dict


class SavedEvaluation(NamedTuple):
    """The figures of an evaluation, and where they lie.

    NaN, and what is relative to a gap that may be 0, are read as None.
    """

    path: Path
    found: dict

    @property
    def directions(self) -> list[Direction]:
        """Each direction that was judged; of pairs nobody says that the faces are young or old."""
        n, figures = self.found["n"], self.found["directions"]
        return [
            Direction(
                source, to, n[source],
                f"{'Faces' if self.is_of_pairs else f'{source.capitalize()} faces'} made {to}",
                figures[to],
            )
            for source, to in DIRECTIONS
            if to in figures
        ]  # fmt: skip

    @property
    def is_of_pairs(self) -> bool:
        """Whether pictures before and after were judged, and not generators."""
        return "before" in self.found

    @property
    def judges(self) -> dict[str, str]:
        """Every judge with the name of its first score, the first judge first."""
        first = next(iter(self.found["directions"].values()))
        return {judge: next(iter(scores)) for judge, scores in first["judges"].items()}

    @property
    def measure(self) -> str:
        """What tells how far faces moved."""
        return "share of the gap" if has_gaps(self.found) else "shift"

    def share(self, to: str, judge: str) -> dict:
        """How far a judge's first score moved: share of the real gap, or the shift without one."""
        figures = self.found["directions"][to]["judges"][judge][self.judges[judge]]
        return moved(figures, to, self.found)

    def note(self, name: str) -> str:
        """Why something was not measured."""
        said = self.found["notes"].get(name, "")
        return said if said.startswith("not measured") else "not measured"


def read_evaluation(path: Path) -> SavedEvaluation:
    """Read an evaluation.

    Raises:
        UserError: the file is missing, damaged or something else.
    """
    found = read_json(path)
    complete = isinstance(found, dict) and all(name in found for name in NEEDED)
    directions = set(found["directions"]) if complete else set()
    if not directions or not directions <= set(CLASS_NAMES):
        raise UserError(
            f"{path} is not an evaluation: make one with python recipes/evaluate_cyclegan.py"
        )
    with explained_damage(path):
        return SavedEvaluation(path, without_unable(without_nan(found)))


def which_generators(saved: SavedEvaluation) -> str:
    """Which of a training's generators were judged; older evaluations do not say."""
    kinds = {"best": "best generators", "generators": "last generators"}
    return kinds.get(saved.found.get("weights", ""), "generators")


def name_judge(judge: str) -> str:
    """A judge as the page has it; a user's own under its own name."""
    return JUDGES.get(judge, judge)


def tell(figure: dict | float | None, digits: int = 2) -> str:
    """A value with its interval if it has one; what is undefined is said to be."""
    if not isinstance(figure, dict):
        return number(figure, digits)
    value, low, high = (figure[name] for name in ("value", "low", "high"))
    if value is None:
        return "undefined"
    if low is None or high is None:
        return f"{number(value, digits)} (interval undefined)"
    return f"{number(value, digits)} {bracket(low, high, digits)}"


def bracket(low: float, high: float, digits: int) -> str:
    """An interval that does not break over lines."""
    return f"[{number(low, digits)},\u00a0{number(high, digits)}]"


def number(value: float | None, digits: int) -> str:
    """A number with a minus that does not break, never −0.00; "undefined" where there is none."""
    if value is None:
        return "undefined"
    return f"{round(value, digits) + 0.0:,.{digits}f}".replace("-", "−")


def listed(names: list[str]) -> str:
    """A, b and c."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
