"""An evaluation's figures as lines of text."""

from agegen.evaluation.verdicts import (
    agreed,
    compare_with_controls,
    has_gaps,
    list_unable,
    moved,
    without_unable,
)
from agegen.faces.records import source_of

WHICH = {
    "best": "the generators that were chosen as the best",
    "generators": "the last generators",
}


def describe(found: dict) -> list[str]:
    """The figures, a line each; what a judge says that sees no gap is undefined."""
    found = without_unable(found)
    lines = [f"judged: {WHICH[found['weights']]}"] if "weights" in found else []
    lines += [f"{name}: {note}" for name, note in found["notes"].items() if note != "measured"]
    lines += [
        f"{judge}, {score}: unable to judge: not clearly higher of real old faces than of real "
        f"young ones, gap {show(gap)}"
        for (judge, score), gap in list_unable(found).items()
    ]
    for to, direction in found["directions"].items():
        n = found["n"][source_of(to)]
        which = "pairs" if "before" in found else f"{found['split']} split"
        strength = found.get("strength", {}).get(to, 1.0)
        how = "" if strength == 1 else f", at strength {strength:g}"
        lines.append(f"to {to}, n = {n:,} ({which}){how}")
        for tree in ("judges", "matchers", "changes", "symptoms"):
            lines += [f"  {line}" for line in lines_of(direction[tree])]
        lines += describe_rest(direction)
        near_truth = found.get("truth", {}).get("directions", {}).get(to, {})
        lines += [f"  {line}" for line in lines_of(near_truth, "truth")]
    lines += describe_trade_off(found.get("trade_off", {}))
    lines += describe_real_pairs(found.get("real_pairs", {}))
    truth = found.get("truth", {})
    lines += lines_of(truth.get("judges", {}), "truth")
    for matcher, both in truth.get("matchers", {}).items():
        for to, figures in both.items():
            lines += lines_of(figures, f"truth, {matcher} of true {to} counterparts")
    return lines + describe_controls(found) + judge_against_controls(found)


def lines_of(figures: dict | float, *names: str) -> list[str]:
    """A line for each figure of a tree, with the names that lead to it."""
    if not isinstance(figures, dict) or "value" in figures:
        return [f"{', '.join(names)}: {show(figures)}"]
    return [line for name, of in figures.items() for line in lines_of(of, *names, name)]


def describe_trade_off(found: dict) -> list[str]:
    """A line for each strength of each direction."""
    return [
        f"to {to}, strength {point['strength']:g}: "
        + ", ".join(
            f"{kind} {name} {show(figure)}"
            for kind, of in (
                ("share", point["shares"]),
                ("verified", point["verified"]),
                ("gain", point["gains"]),
            )
            for name, figure in of.items()
        )
        for to, points in found.items()
        for point in points
    ]


def describe_real_pairs(found: dict) -> list[str]:
    """Whether faces came nearer to what the people became, and how many real pairs are verified."""
    lines = []
    for to, of in found.get("directions", {}).items():
        n = f"{of['pairs']:,} pairs of {of['people']:,} people, {of['years']:.0f} years apart"
        lines.append(f"real photos, made {to}, {n}")
        lines += [f"  {line}" for line in lines_of(of["matchers"])]
        for name in ("lpips", "landmarks"):
            if alike := of.get(name):
                lines.append(f"  {name}, gain: {show(alike['gain'])} ({alike['pairs']:,} pairs)")
    for matcher, line in found.get("reference", {}).items():
        lines += [
            f"real photos, {matcher}, {span['years'][0]} to {span['years'][1]} years apart, "
            f"{span['pairs']:,} pairs of {span['people']:,} people: verified "
            f"{show(span['verified'])}"
            for span in line
        ]
    return lines


def describe_rest(direction: dict) -> list[str]:
    """Realism, agreement of evidence, and shares of the gap of parts of the faces."""
    lines = []
    realism, agreement = direction["realism"], direction["agreement"]
    if realism:
        lines.append(f"  realism in {realism['features']}, n = {realism['n']:,} each")
        figures = {k: value for k, value in realism.items() if k not in ("features", "n")}
        lines += [f"  {line}" for line in lines_of(figures)]
    if agreement:
        lines += [
            f"  changed and attributed pixels, {name}: {show(agreement[name])}"
            for name in ("own", "control", "difference")
        ]
    lines += [f"  {line}" for line in lines_of(direction.get("kept") or {}, "kept")]
    for pair in direction.get("witnesses", []):
        both = " and ".join(pair["judges"])
        lines.append(f"  shifts seen by {both}, face by face: {show(pair['correlation'])}")
    for part, figures in direction["slices"].items():
        shares = [f"{judge} {show(e)}" for judge, e in figures.items() if judge != "n"]
        lines.append(f"  share of the gap, {part}, n = {figures['n']}: {', '.join(shares)}")
    for contrast in direction.get("contrasts", []):
        pair = f"{contrast['first']} less {contrast['second']}"
        shares = [f"{judge} {show(e)}" for judge, e in contrast["judges"].items()]
        lines.append(f"  share of the gap, {pair}: {', '.join(shares)}")
    return lines


def describe_controls(found: dict) -> list[str]:
    """How far each control moves the judges, a line for each."""
    controls = found.get("controls", {})
    lines = ["controls: share of the real gap, or shift without one"] if controls else []
    for name, both in controls.items():
        for to, judges in both.items():
            shares = ", ".join(
                f"{judge} {score} {show(moved(figures, to, found))}"
                for judge, scores in judges.items()
                for score, figures in scores.items()
                if score not in ("p_old", "judged_old")
            )
            lines.append(f"  {name}, to {to}: {shares}")
    return lines


def judge_against_controls(found: dict) -> list[str]:
    """Say for each direction and judge whether the shift is beyond that of every control."""
    lines = []
    verdicts = compare_with_controls(found)
    for verdict in verdicts:
        if not verdict.able:
            lines.append(f"to {verdict.to}, {verdict.judge} {verdict.score}: unable to judge")
            continue
        said = "beyond every control" if verdict.beyond else "no evidence of ageing"
        lines.append(
            f"to {verdict.to}, {verdict.judge} {verdict.score}: "
            f"{'share' if has_gaps(found) else 'shift'} {show(verdict.share)}, "
            f"{said} (farthest: {verdict.farthest}, up to {verdict.limit:.3f})"
        )
    lines += [f"to {to}: {said}" for to in found["directions"] if (said := agreed(verdicts, to))]
    return lines


def show(figure: dict | float) -> str:
    """A value, with its interval if it has one."""
    if not isinstance(figure, dict):
        return f"{figure:.3f}"
    value, low, high = (figure[name] for name in ("value", "low", "high"))
    if value is None:
        return "undefined"
    if low is None or high is None:
        return f"{value:.3f} (interval undefined)"
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"
