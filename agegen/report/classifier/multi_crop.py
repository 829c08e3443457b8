"""Does averaging over several crops of a face help? Accuracy, AUC and ECE against their number."""

from pathlib import Path

from agegen.report.classifier.multi_crop_figures import (
    DIGITS,
    GAINS,
    SCORES,
    describe_gain,
    find,
    is_defined,
    name_scheme,
    of_logits,
    picture_gains,
    picture_score,
)
from agegen.report.parts.section import Section, Table
from agegen.report.parts.wording import is_clear, sample_of, share_intervals, show, signed
from agegen.run.files import read_json


def answer(folder: Path, evaluation: dict) -> Section:
    """Answer the question after several crops, from analysis/multi_crop.json."""
    content = read_json(folder / "multi_crop.json")
    rows = content["schemes"]
    sample = sample_of(evaluation)
    pairs = [(find(rows, r["scheme"]), r) for r in rows if r["average"] == "probabilities"]
    apart = [
        f"{max(abs(a[score]['value'] - b[score]['value']) for a, b in pairs):.4f} in {name}"
        for score, name in SCORES.items()
        if is_defined(rows, score)
    ]
    ece, one = "expected_calibration_error", find(rows, "centre")
    most = max(of_logits(rows), key=lambda row: row["views"])
    crop, size = content["crop"], content["size"]
    return Section(
        "multi-crop",
        "Does averaging over several crops of a face help?",
        "Moyenner les prédictions sur plusieurs recadrages d'un visage est-il utile ?",
        [
            recommend(content),
            *describe_gains(rows),
            "Averages of logits and averages of probabilities of the same views differ by at most "
            f"{', '.join(apart)}.",
            f"With a temperature fitted for each, ECE is {show(one[ece])} for the centre crop "
            f"(temperature {one['temperature']:.2f}) and {show(most[ece])} for "
            f"{name_scheme(most['scheme'])} ({most['temperature']:.2f}).",
        ],
        tables=[tabulate_scores(rows), tabulate_tests(rows, content)],
        pictures=[
            *(picture_score(rows, score, sample) for score in SCORES if is_defined(rows, score)),
            picture_gains(rows, sample),
        ],
        details=[
            f"Every view is {crop} × {crop} of a face's {size} × {size} pixels, one for one, so "
            f"that there are {content['distinct_crops']:,} different ones, mirror images included. "
            "5-crop: the centre and the four corners; 10-crop: those and their mirror images "
            f"(Krizhevsky et al., 2012). Random crops: {most['views']} for each face at places "
            "drawn evenly, half of them mirrored; k of them are the first k, so that the points of "
            "a curve are not independent. Every face has draws of its own: the intervals hold the "
            "luck of the draw.",
            "Averaged are the logits log p(old) − log p(young), or the probabilities; then a "
            f"temperature is fitted on the {content['n_val']:,} validation faces seen through the "
            "same views. It changes ECE, not accuracy or AUC. ECE is biased upwards on few faces, "
            "by the same mechanism for all schemes.",
            f"Intervals: {content['resamples']:,} bootstrap resamples of persons (of faces where "
            "no identity is known). McNemar's exact test looks only at the faces that one of both "
            "has right and the other has wrong, and takes faces for independent; a scheme is "
            "recommended if its test passes Bonferroni's bound and the interval of its gain, which "
            "knows about persons, leaves 0 out too. Only averages of logits are tried that way."
            + share_intervals(content),
            f"Over several trainings: python recipes/compare_multi_crop.py --runs {folder.parent} "
            "OTHER_RUN …",
        ],
        command=f"python recipes/analyze_classifier.py --run {folder.parent} "
        "--chapters multi_crop --again",
    )


def recommend(content: dict) -> str:
    """Say which evaluation the tests speak for, and whether this run's own is that one."""
    found, rows = content["recommended"], content["schemes"]
    needed = f"{found['threshold']:.4f} (0.05 divided by {found['tried']} schemes)"
    if found["better"]:
        row = find(rows, found["scheme"])
        verdict = (
            f"Yes: {describe_test(row)} of {content['n']:,} faces against the centre crop. It has "
            f"the fewest views of those that are proven to be better (p below {needed})."
        )
    else:
        verdict = (
            f"Not proven. {describe_best(rows)} Needed: p below {needed} and an interval above 0. "
            "The centre crop alone, one view a face, is recommended."
        )
    worse = ", ".join(map(name_scheme, found["worse"]))
    verdict += f" Proven to be worse than the centre crop: {worse}." if worse else ""
    return f"{verdict} {compare_own(rows, content['own_views'], found['scheme'])}"


def describe_test(row: dict) -> str:
    """Faces gained and lost by a scheme, and the test's p."""
    test, views = row["mcnemar"], row["views"]
    return (
        f"{name_scheme(row['scheme'])} ({views} view{'s' if views > 1 else ''}; exact McNemar "
        f"test: p = {test['p']:.2g}) gained {test['gained']} and lost {test['lost']}"
    )


def describe_best(rows: list[dict]) -> str:
    """Name the scheme that came closest to being better than the centre crop."""
    gaining = [r for r in of_logits(rows) if r["mcnemar"]["gained"] > r["mcnemar"]["lost"]]
    if not gaining:
        return "No scheme classifies more faces right than the centre crop does."
    best = min(gaining, key=lambda row: row["mcnemar"]["p"])
    return f"Closest came {describe_test(best)} faces ({describe_gain(best)})."


def compare_own(rows: list[dict], own: str, recommended: str) -> str:
    """Say how the views that this run's own evaluation averages compare with the centre crop."""
    if own == recommended:
        return "That is what this run's own evaluation does."
    if own == "centre":
        return "This run's own evaluation sees the centre crop."
    row = find(rows, own)
    return (
        f"This run's own evaluation averages the {name_scheme(own)} ({row['views']} views): "
        f"{describe_gain(row)} against the centre crop."
    )


def describe_gains(rows: list[dict]) -> list[str]:
    """For each score, say which schemes differ clearly from the centre crop, and how far."""
    sentences = []
    for key, name in GAINS.items():
        known = [row for row in of_logits(rows) if row[key]["value"] is not None]
        clear = [row for row in known if is_clear(row[key])]
        far = max(known, key=lambda row: abs(row[key]["value"]), default=None)
        if far is None:
            continue
        listed = "; ".join(
            f"{name_scheme(r['scheme'])} {signed(r[key], DIGITS)}" for r in clear or [far]
        )
        sentences.append(
            f"In {name}, the intervals of {len(clear)} of {len(known)} schemes leave out that "
            "nothing changed (each for itself, not corrected for their number); "
            f"{'they are' if clear else 'the largest change is'}: {listed}."
        )
    return sentences


def tabulate_scores(rows: list[dict]) -> Table:
    """Scores of every scheme and both averages."""
    cells = [
        [
            name_scheme(row["scheme"]), str(row["views"]), averaged(row),
            *(show(row[score]) for score in SCORES), f"{row['temperature']:.2f}",
        ]
        for row in rows
    ]  # fmt: skip
    header = ("views of a face", "number", "average of", *SCORES.values(), "temperature")
    return Table("Every scheme, with 95 % intervals", header, cells)


def averaged(row: dict) -> str:
    """What is averaged; nothing where there is one view."""
    return row["average"] if row["views"] > 1 else "–"


def tabulate_tests(rows: list[dict], content: dict) -> Table:
    """McNemar's test and the paired gains of every scheme against the centre crop."""
    cells = [
        [
            name_scheme(row["scheme"]), averaged(row), str(row["mcnemar"]["gained"]),
            str(row["mcnemar"]["lost"]), f"{row['mcnemar']['p']:.3g}",
            *(signed(row[k], DIGITS) for k in GAINS),
        ]
        for row in rows
        if row["scheme"] != "centre"
    ]  # fmt: skip
    header = ("against the centre crop", "average of", "faces gained", "faces lost", "McNemar p")
    return Table(
        f"Paired comparison with the centre crop, n = {content['n']:,}: faces that only one of "
        "both has right, exact two-sided p, and gains with 95 % intervals",
        (*header, *(f"{name} gain" for name in GAINS.values())),
        cells,
    )
