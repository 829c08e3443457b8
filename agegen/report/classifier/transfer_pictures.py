"""Pictures of the input optimisation: its course, what a second classifier keeps, the images."""

from pathlib import Path

from agegen.report.parts.style import (
    BLACK,
    BLUE,
    GREY,
    HEIGHT,
    VERMILLION,
    Figure,
    Picture,
    draw_rows,
    embed_png,
    picture,
    save,
)
from agegen.report.parts.wording import show
from agegen.run.files import written_whole

SECOND, OTHER = "same kind", "other kind"
STARTS = {
    "noise": "from noise",
    "other": "from faces, towards the other class",
    "own": "from faces, towards their own class",
}

MEANING = {
    "shift": "0: the second classifier does not move; 1: it moves as far as the first, each "
    "measured by its own gap between real young and old faces.",
    "pattern": "The same for what the image moves more than a random change of the same size, "
    "smoothness and colour does.",
}


def name_network(judge: dict) -> str:
    """residual, widths 16–32."""
    return f"{judge['network']}, widths {'–'.join(map(str, judge['widths']))}"


def short(kind: str) -> str:
    """From noise, or from faces."""
    return STARTS[kind].partition(",")[0]


def picture_kept(chapter: dict, kinds: list[str], what: str) -> Picture:
    """Share of the logit's change kept by the second classifier: a key of `MEANING`."""
    settings = chapter["settings"]
    each = "; ".join(
        f"{name}: " + ", ".join(f"{short(k)} {show(of[k][SECOND]['kept'][what], 2)}" for k in kinds)
        for name, of in settings.items()
    )
    counts = ", ".join(f"{short(kind)} n = {settings['none'][kind]['n']}" for kind in kinds)
    beyond = {"shift": "", "pattern": ", beyond a random change"}[what]
    real = chapter["real_faces"][SECOND]["value"]
    series = [
        (short(kind), colour, [of[kind][SECOND]["kept"][what] for of in settings.values()])
        for kind, colour in zip(kinds, (BLUE, VERMILLION), strict=False)
    ]
    values = [f["value"] for _, _, of in series for f in of if f["value"] is not None]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        draw_rows(
            axes, [*settings], series, xlabel="second ÷ this network (gaps ÷ gaps)",
            ylabel="regulariser", xlim=(min([-0.2, *values]) - 0.1, max([1.0, *values]) + 0.15),
        )  # fmt: skip
        for place in (0, 1):
            axes.axvline(place, color=BLACK, linewidth=0.8)
        if real is not None:
            axes.axvline(real, color=GREY, linestyle=":")
        figure.legend(loc="outside lower center", ncols=2)

    return picture(
        f"Share of the logit kept by the second classifier{beyond}", f"images {counts}",
        draw, f"{each}.",
        f"{MEANING[what]} Bars: 95 % intervals over noises, persons and the faces that give the "
        "gaps. Dotted: what real faces keep of their differences within a class.",
        height=1.5 + 0.3 * len(settings),
    )  # fmt: skip


def picture_grid(folder: Path, chapter: dict) -> Picture:
    """The images themselves."""
    names = ", ".join(chapter["settings"])
    return Picture(
        "The ablation",
        embed_png(folder / chapter["picture"]),
        f"Rows: the start, then {names}. Columns: from noise and from faces, towards each class.",
        "Under each image p(old) of this network | of the second classifier. The frame is blue "
        "where the second takes it for young, orange for old. The first noises and faces that "
        "were drawn are shown, whatever became of them.",
        wide=True,
    )


def write_curve(path: Path, figures: dict) -> None:
    """Draw the log-odds of what every step showed the network, of figures.json, as an SVG."""
    histories = [image["history"] for image in figures["images"]]
    n = len(histories)

    def draw(figure: Figure) -> None:
        axes, colour = figure.subplots(), GREY if n > 1 else BLUE
        for history in histories:
            axes.plot(range(1, len(history) + 1), history, color=colour, linewidth=0.8)
        if n > 1:
            mean = [sum(values) / n for values in zip(*histories, strict=True)]
            axes.plot(range(1, len(mean) + 1), mean, color=BLUE, label="mean")
            axes.legend(loc="lower right")
        axes.set(
            xlabel="step", ylabel=f"calibrated log-odds of {figures['target']} (nats)",
            title=f"What the network was shown, n = {n} {'image' if n == 1 else 'images'}",
        )  # fmt: skip

    with written_whole(path) as temporary:
        temporary.write_bytes(save(draw, "", HEIGHT, "svg"))
