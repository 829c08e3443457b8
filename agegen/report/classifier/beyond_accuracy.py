"""What does accuracy alone not show? Curves, errors, probabilities, and groups of faces."""

from pathlib import Path

from agegen.report.classifier.groups import draw_group_figures
from agegen.report.classifier.right_and_wrong import (
    draw_errors,
    picture_margins,
    picture_reliability,
)
from agegen.report.parts.saved_run import Scored
from agegen.report.parts.section import Section, Table
from agegen.report.parts.wording import (
    FEWEST_ERRORS,
    count,
    is_clear,
    sample_of,
    share_intervals,
    show,
    signed,
)
from agegen.run.files import read_json

SAME = 1e-4  # predictions.csv is rounded


def answer(folder: Path, evaluation: dict, scored: Scored) -> Section:
    """Answer the question after what accuracy leaves out.

    Without curves.json there are no bands, no precision–recall curve, no accuracy by single years.
    """
    curves = read_curves(folder, evaluation)
    sliced = describe_ages(curves) + describe_genders(evaluation, curves)
    if not evaluation["by_age"] and not evaluation["by_gender"]:
        sliced = ["Neither age nor gender of these faces is known."]
    counts = evaluation["n_by_class"]
    larger = max(counts, key=lambda name: counts[name])
    return Section(
        "beyond-accuracy",
        "What does accuracy alone not show?",
        "Qu'est-ce que la précision seule ne montre pas ?",
        [
            f"Accuracy is {show(evaluation['accuracy'])}, where always answering “{larger}” "
            f"reaches {counts[larger] / evaluation['n']:.3f}; balanced accuracy, "
            f"{show(evaluation['balanced_accuracy'])}, counts both classes the same.",
            describe_recalls(evaluation),
            *describe_ranking(evaluation, curves),
            describe_calibration(evaluation),
            *sliced,
        ],
        tables=[
            Table(
                sample_of(evaluation),
                ("class", "faces", "recall", "mean of p(label) − p(other)", "its variance"),
                [
                    (
                        name, f"{counts[name]:,}", show(evaluation["recall"][name]),
                        show(margin["mean"]), show(margin["variance"]),
                    )
                    for name, margin in evaluation["margin"].items()
                ],
            )
        ],
        pictures=[
            *draw_errors(evaluation, scored, curves),
            picture_margins(evaluation, scored),
            picture_reliability(evaluation),
            *draw_group_figures(evaluation, curves["by_year"] if curves else None),
        ],
        details=describe_method(evaluation, curves),
        command=f"python recipes/analyze_classifier.py --run {folder.parent} --chapters curves",
    )  # fmt: skip


def read_curves(folder: Path, evaluation: dict) -> dict | None:
    """Read curves.json if it is there, and of the faces and views of this evaluation."""
    path = folder / "curves.json"
    curves = read_json(path) if path.exists() else None
    if curves is None or curves["n"] != evaluation["n"]:
        return None
    found, expected = curves["roc_auc"]["value"], evaluation["roc_auc"]["value"]
    same = found == expected or (None not in (found, expected) and abs(found - expected) < SAME)
    return curves if same else None


def describe_recalls(evaluation: dict) -> str:
    """Say which class is recognised better, and whether that is clear."""
    young, old = evaluation["recall"]["young"], evaluation["recall"]["old"]
    if young["value"] is None or old["value"] is None:
        return "With one class alone, the two kinds of error cannot be compared."
    found = f"{show(young)} of the young faces and {show(old)} of the old ones are recognised"
    difference = evaluation.get("recall_difference")
    if difference is None or difference["low"] is None:  # an older evaluation.json has none
        return f"{found}."
    if not is_clear(difference):
        return f"{found}: no clear difference ({signed(difference)})."
    better, worse = ("young", "old") if difference["value"] > 0 else ("old", "young")
    return (
        f"{found}, a difference of {signed(difference)}: {worse} faces are more often taken for "
        f"{better} than the reverse."
    )


def describe_ranking(evaluation: dict, curves: dict | None) -> list[str]:
    """Read the areas under both curves."""
    if evaluation["roc_auc"]["value"] is None:
        return []
    text = (
        f"An old face has a higher p(old) than a young one with a probability of "
        f"{show(evaluation['roc_auc'])} (the AUC; chance 0.5)."
    )
    if curves:
        average = curves["average_precision"]
        text += (
            f" Sorted by p(old), the average precision of old is {show(average)} "
            f"(chance {average['chance']:.3f}, their share)."
        )
    return [text]


def describe_calibration(evaluation: dict) -> str:
    """Say what temperature scaling changed."""
    before, t = evaluation["before_scaling"], evaluation["temperature"]
    ece = "expected_calibration_error"
    rose = evaluation[ece]["value"] > before[ece]["value"]
    verdict = " It did not help here: the calibration error rose." if rose else ""
    was = "under-confident" if t < 1 else "over-confident"
    changes = ", ".join(
        f"{title} {show(before[name])} before and {show(evaluation[name])} after"
        for name, title in ((ece, "ECE"), ("negative_log_likelihood", "NLL"))
    )
    return (
        f"On the validation faces the probabilities were {was} (temperature {t:.3f}). On these "
        f"faces, scaling changed them so: {changes}.{verdict}"
    )


def describe_ages(curves: dict | None) -> list[str]:
    """Name the ages that stand out, and say whether errors go with age within a class."""
    if curves is None or not any(curves["by_year"].values()):
        return []
    of_errors = [describe_age_of_errors(*of) for of in curves["age_of_errors"].items()]
    return [describe_outstanding(curves["by_year"]), *filter(None, of_errors)]


def describe_outstanding(years: dict[str, list[dict]]) -> str:
    """Name the years of age whose interval leaves the accuracy of their class out."""
    found = []
    for name, of_class in years.items():
        faces = sum(year["n"] for year in of_class)
        mean = sum(year["n"] * year["accuracy"]["value"] for year in of_class) / max(faces, 1)
        for year in of_class:
            accuracy = year["accuracy"]
            if not accuracy["low"] <= mean <= accuracy["high"]:
                found.append(f"{name} of {year['age']}, {show(accuracy)}, n = {year['n']}")
    ages = sum(map(len, years.values()))
    return (
        f"Single years of age whose interval leaves out the accuracy of their class: "
        f"{len(found)} of {ages} (by chance, about {ages / 20:.1f} would)"
        + (f": {'; '.join(found)}." if found else ".")
    )


def describe_age_of_errors(name: str, figure: dict) -> str:
    """Say whether the wrong faces of a class are older or younger; nothing where undefined."""
    if figure["value"] is None or figure["low"] is None:
        return ""
    wrong = figure.get("wrong", FEWEST_ERRORS)  # an older curves.json does not count them
    if wrong < FEWEST_ERRORS:
        faces = count(wrong, f"{name} face")
        return f"{faces} of known age classified wrongly: too few to say at which ages."
    text = (
        f"Of a wrong and a right {name} face, the wrong one is the older one with a probability "
        f"of {show(figure)}"
    )
    if figure["low"] > 0.5:
        return f"{text}: errors are more frequent among the older of the class."
    if figure["high"] < 0.5:
        return f"{text}: errors are more frequent among the younger of the class."
    return f"{text}: no dependence of errors on age within the class is shown."


def describe_genders(evaluation: dict, curves: dict | None) -> list[str]:
    """Compare the genders; by accuracy alone where one of them has one class only."""
    groups = evaluation["by_gender"]
    if not groups:
        return []
    both = all("balanced_accuracy" in group for group in groups.values())
    score, name = ("balanced_accuracy", "Balanced accuracy") if both else ("accuracy", "Accuracy")
    each = ", ".join(
        f"{k} {show(group[score])} (n = {group['n']:,})" for k, group in groups.items()
    )
    sentences = [f"{name} by gender: {each}."]
    gaps = curves["gender_gaps"] if curves else None
    if gaps and gaps["balanced_accuracy"]["low"] is not None:
        gap = gaps["balanced_accuracy"]
        verdict = f"{'larger than' if is_clear(gap) else 'within'} its uncertainty"
        sentences.append(
            f"The difference, male less female, is {show(gap)} ({verdict}); in AUC, "
            f"{show(gaps['roc_auc'])}."
        )
    return sentences


def describe_method(evaluation: dict, curves: dict | None) -> list[str]:
    """Say how the intervals were made."""
    text = (
        f"Brackets hold 95 % intervals of {evaluation['resamples']:,} bootstrap resamples; the "
        f"bands of the curves are pointwise.{share_intervals(evaluation)}"
    )
    if curves is None:
        return [text, "Bands, precision and single years of age: see the command below."]
    if curves["persons"] == curves["n"]:
        return [f"{text} Intervals by year of age are exact (binomial)."]
    return [
        f"{text} Intervals by year of age are exact (binomial) for an effective number of faces: "
        f"the {curves['n']:,} faces show {curves['persons']:,} persons."
    ]
