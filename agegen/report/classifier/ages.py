"""How far off are the ages that the network says? Years said against years known."""

from functools import partial

from agegen.report.parts.saved_run import SavedRun
from agegen.report.parts.section import Section, Table
from agegen.report.parts.style import BLUE, GREY, VERMILLION, Figure, Picture, picture
from agegen.report.parts.wording import show


def answer(saved: SavedRun) -> Section:
    """The section of a run whose evaluation holds ages."""
    ages = saved.evaluation["ages"]
    error, guess, bias = (show(ages[key], 2) for key in ("age_error", "guess_error", "bias"))
    rows = [
        (
            band, f"{of['n']:,}", show(of["age_error"], 1), show(of["bias"], 1),
            " / ".join(f"{q:.0f}" for q in of["quantiles"]),
        )
        for band, of in ages["by_age"].items()
    ]  # fmt: skip
    return Section(
        "ages",
        "How old?",
        "Quel âge ?",
        [
            f"The ages that the network says are off by {error} years (mean absolute error, "
            f"n = {ages['n']:,} {saved.evaluation['split']} faces of every age that the store "
            f"keeps); always saying {ages['guess']:.0f} would be off by {guess}.",
            f"Said less known, {bias} years on average; by age in the table: where the truth is "
            "uncertain the middle is safe, so that young faces are often taken for older and old "
            "ones for younger.",
            f"The ranges said hold {show(ages['coverage'], 3)} of the ages "
            f"({ages['wanted']:.0%} were asked for); they are {show(ages['width'], 1)} years wide.",
        ],
        tables=[
            Table(
                "By age; 10, 50 and 90 % of the faces of a row are said to be younger than in the "
                "last column",
                ("years", "faces", "years off", "said less known", "10 / 50 / 90 % said"),
                rows,
            )
        ],
        pictures=[picture_ages(ages)],
    )


def picture_ages(ages: dict) -> Picture:
    """Years said against years known, by bands."""
    bands = list(ages["by_age"].values())
    ends = f"from {bands[0]['age']:.0f} to {bands[-1]['age']:.0f} years"
    return picture(
        "Years said and known", f"n = {ages['n']:,}", partial(draw_ages, bands=bands),
        f"Median of the years said, by bands of the true age, {ends}.",
        "Dots: median; bars: the middle 80 % of what was said of faces of that age. On the dashed "
        "line all would be right.",
    )  # fmt: skip


def draw_ages(figure: Figure, bands: list[dict]) -> None:
    """Medians with bars, and the diagonal."""
    axes = figure.subplots()
    x = [band["age"] for band in bands]
    low, middle, high = zip(*(band["quantiles"] for band in bands), strict=True)
    axes.plot([min(x), max(x)], [min(x), max(x)], color=GREY, linestyle="--", linewidth=1)
    axes.vlines(x, low, high, color=BLUE, linewidth=3, alpha=0.4)
    axes.plot(x, middle, "o", color=VERMILLION)
    axes.set(xlabel="true age (years)", ylabel="age said (years)")
