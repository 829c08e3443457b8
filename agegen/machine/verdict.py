"""The verdict in plain words, and the report around it."""

from typing import NamedTuple

from agegen.machine.part import Part

GOOD = "This machine computes as it should."
WRONG = "This machine does NOT compute as it should:"
UNKNOWN = "Not everything could be checked on this machine:"


class Verdict(NamedTuple):
    """What is to be thought of a machine.

    Attributes:
        words: whether it computes as it should.
        problems: what is not as it should be, a sentence each; empty if all is.
        advice: flags to use, and what else is worth knowing, a sentence each.
    """

    words: str
    problems: list[str]
    advice: list[str]

    @property
    def ok(self) -> bool:
        """Whether all is as it should be."""
        return not self.problems


def judge(parts: dict[str, Part]) -> Verdict:
    """Put together what the parts found."""
    problems = [f"{name}: {problem}" for name, part in parts.items() for problem in part.problems]
    wrong = any(part.problems and not part.traceback for part in parts.values())
    words = WRONG if wrong else UNKNOWN if problems else GOOD
    # where something is wrong, how to be fast is no advice
    heard = [part for part in parts.values() if part.problems or not problems]
    return Verdict(words, problems, [advice for part in heard for advice in part.advice])


def write_report(verdict: Verdict, parts: dict[str, Part]) -> str:
    """The verdict, what every part found, and the verdict again."""
    blocks = [
        "\n".join([f"== {name} ({part.seconds:.0f} s)", *part.lines, *faults(part)])
        for name, part in parts.items()
    ]
    return "\n\n".join([in_words(verdict), *blocks, in_words(verdict)])


def faults(part: Part) -> list[str]:
    """Its problems, each on a line."""
    return [f"PROBLEM: {problem}" for problem in part.problems]


def in_words(verdict: Verdict) -> str:
    """The verdict in some lines."""
    lines = [verdict.words, *(f"- {problem}" for problem in verdict.problems)]
    if verdict.advice:
        lines += ["Use:" if verdict.ok else "What to do:", *(f"- {a}" for a in verdict.advice)]
    return "\n".join(lines)
