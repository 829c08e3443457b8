"""Groups of faces: accuracy by age and by gender, and any share by age."""

from functools import partial

from agegen.report.parts.style import (
    BLUE,
    CLASS_COLOURS,
    GREEN,
    GREY,
    Figure,
    Picture,
    draw_points,
    draw_rows,
    picture,
)
from agegen.report.parts.wording import show


def draw_group_figures(evaluation: dict, years: dict | None) -> list[Picture]:
    """Draw all; `years` of curves.json ("by_year") take the place of the bands of age."""
    pictures = []
    if years and any(years.values()):
        pictures.append(picture_years(evaluation, years))
    elif evaluation["by_age"]:
        pictures.append(picture_groups(evaluation, "by_age", "Accuracy by age (years)"))
    if evaluation["by_gender"]:
        pictures.append(picture_groups(evaluation, "by_gender", "Accuracy by gender"))
    return pictures


def picture_years(evaluation: dict, years: dict[str, list[dict]]) -> Picture:
    """Accuracy at every year of age."""
    every = [year for of_class in years.values() for year in of_class]
    each = "; ".join(f"{y['age']}: {show(y['accuracy'])}, n = {y['n']}" for y in every)
    known = sum(year["n"] for year in every)
    return picture(
        "Accuracy by age", f"{evaluation['split']} split, n = {known:,} with known age",
        partial(draw_years, years=years, overall=evaluation["accuracy"]["value"]), f"{each}.",
        "Every year of true age, with the exact 95 % interval of its share and the number of faces "
        "below.",
    )  # fmt: skip


def draw_years(figure: Figure, years: dict[str, list[dict]], overall: float) -> None:
    """Accuracy against age, a panel for each class that has known ages; dashed: of all faces."""
    shown = {name: of_class for name, of_class in years.items() if of_class}
    spans = [of_class[-1]["age"] - of_class[0]["age"] + 2 for of_class in shown.values()]
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False, width_ratios=spans)[0]
    colours = dict(zip(years, CLASS_COLOURS, strict=True))
    for axes, (name, of_class) in zip(panels, shown.items(), strict=True):
        ages = [year["age"] for year in of_class]
        draw_points(
            axes, ages, [year["accuracy"] for year in of_class], rows=False, color=colours[name],
            marker="o", linestyle="none", elinewidth=1,
        )  # fmt: skip
        axes.axhline(overall, color=GREY, linestyle="--", linewidth=1)
        for year in of_class:
            axes.annotate(
                f"{year['n']:,}", (year["age"], 0.02), xycoords=("data", "axes fraction"),
                ha="center", fontsize=6.5, color=GREY,
            )  # fmt: skip
        axes.set_title(name, color=colours[name])
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set(xlabel="true age (years)", xlim=(ages[0] - 1, ages[-1] + 1), ylim=(-0.06, 1.03))
    panels[0].set_ylabel("share right (dashed: all)")


def picture_groups(evaluation: dict, key: str, name: str) -> Picture:
    """Accuracy of the groups under `key`."""
    # by the lower age of a band such as 24–26; other names keep their order
    lower = {name: name.partition("–")[0] for name in evaluation[key]}
    order = sorted(lower, key=lambda name: int(lower[name]) if lower[name].isdigit() else 0)
    groups = {name: evaluation[key][name] for name in order}
    known = sum(group["n"] for group in groups.values())
    sample = f"{evaluation['split']} split, n = {known:,} with known {key.removeprefix('by_')}"
    series = [
        (score.replace("_", " "), colour, [group.get(score) for group in groups.values()])
        for score, colour in (("accuracy", BLUE), ("balanced_accuracy", GREEN))
        if any(score in group for group in groups.values())
    ]

    def draw(figure: Figure) -> None:
        axes, overall = figure.subplots(), evaluation["accuracy"]["value"]
        draw_rows(axes, name_rows(groups), series, xlabel="share right", xlim=(-0.02, 1.02))
        axes.axvline(overall, color=GREY, linestyle="--", linewidth=1, label="accuracy of all")
        figure.legend(loc="outside lower center", ncols=3)

    return picture(
        name, sample, draw, f"{list_groups(groups, 'accuracy')}.",
        "95 % intervals. Balanced accuracy where a group has both classes.",
        height=1.5 + 0.3 * len(groups),
    )  # fmt: skip


def list_groups(groups: dict[str, dict], score: str) -> str:
    """Score and size of every group in words."""
    return "; ".join(f"{k}: {show(group[score])}, n = {group['n']}" for k, group in groups.items())


def name_rows(groups: dict[str, dict]) -> list[str]:
    """Names of the groups with their sizes."""
    return [f"{name}  (n = {group['n']:,})" for name, group in groups.items()]


def picture_by_age(
    name: str, sample: str, by_age: dict, overall: float, what: str, alt: str
) -> list[Picture]:
    """A share at every age in years, age → {"n", "share"}; nothing where ages are unknown.

    `what` names the share, and `alt` begins the list of all.
    """
    groups = dict(sorted(by_age.items(), key=lambda item: int(item[0])))
    if not groups:
        return []
    return [
        picture(
            name, sample, partial(draw_shares, groups=groups, overall=overall, what=what),
            f"{alt} {list_groups(groups, 'share')}.", "Bars: 95 % intervals. Dashed: all faces.",
            height=1.2 + 0.19 * len(groups),
        )
    ]  # fmt: skip


def draw_shares(figure: Figure, groups: dict, overall: float, what: str) -> None:
    """Share at every age, from the youngest down; dashed: of all faces."""
    axes = figure.subplots()
    shares = [group["share"] for group in groups.values()]
    draw_rows(axes, name_rows(groups), [("", BLUE, shares)], xlabel=what, ylabel="age (years)")
    axes.axvline(overall, color=GREY, linestyle="--", linewidth=1)
    axes.set_xlim(-0.02 * axes.get_xlim()[1], None)  # a point at 0 is seen whole
