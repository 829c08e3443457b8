"""Which images does the network take for young or old, and do they convince another network?"""

from pathlib import Path

import numpy as np

from agegen.report.classifier.transfer_pictures import (
    OTHER,
    SECOND,
    STARTS,
    name_network,
    picture_grid,
    picture_kept,
    short,
)
from agegen.report.parts.section import Section, Table
from agegen.report.parts.wording import is_clear, percent, show, signed
from agegen.run.files import read_json

HEADER = (
    "regulariser", "shift, this network (gaps)", "shift, second (gaps)", "share kept",
    "random change, towards old: this | second (gaps)", "share of the pattern kept",
    "the same, other kind", "taken for the target: this | second",
)  # fmt: skip


def answer(folder: Path, evaluation: dict) -> Section:
    """Answer the question after input optimisation."""
    chapter = read_json(folder / "transfer.json")
    kinds = [kind for kind in STARTS if kind in chapter["settings"]["none"]]
    optimise = f"python recipes/optimize_input.py --run {folder.parent}"
    c, alone = (chapter["configs"][name] for name in ("all together", "L2"))
    return Section(
        "input-optimisation",
        "Which images maximise p(young) and p(old): adversarial noise, or something meaningful?",
        "Quelles images maximisent p(jeune) et p(âgé) : du bruit adverse ou quelque chose de "
        "signifiant ?",
        [
            summarise(chapter, kinds[:2]),
            *(sentence for kind in kinds[:2] for sentence in describe_kind(chapter, kind)),
            describe_controls(chapter, kinds),
            "For comparison: of what sets a real face apart from others of its class under this "
            f"network, the second classifier sees {show(chapter['real_faces'][SECOND], 2)} (slope "
            f"over {chapter['n_val']:,} validation faces); of the gap between the classes it sees "
            "1, by definition.",
            describe_judges(chapter["classifiers"]),
        ],
        tables=[tabulate(chapter, kind) for kind in kinds],
        pictures=[
            picture_kept(chapter, kinds[:2], "pattern"),
            picture_kept(chapter, kinds[:2], "shift"),
            picture_grid(folder, chapter),
        ],
        details=[
            f"Adam, {c['steps']} steps, learning rate {c['learning_rate']:g} falling to 0, on the "
            "calibrated log-odds of the target; the image is a tanh of what is optimised, so that "
            f"it stays in range. L2 (weight {c['l2']:g}), total variation "
            f"({c['total_variation']:g}) and blur (standard deviation {c['blur']:g} pixels every "
            f"{c['blur_every']} steps) act on the difference from grey, or from the face; jitter "
            f"shifts by up to {c['shift']:g} pixels, turns by up to {c['rotation']:g}° and scales "
            f"by up to {100 * np.expm1(c['scale']):.0f} %. Each alone has the value that it has "
            f"together with the others, except L2, which needs a weight of {alone['l2']:g} alone.",
            f"{chapter['noises']} noises towards each class; up to {chapter['faces_a_class']} "
            "faces of each class, drawn from the validation faces, towards each class. No network "
            "was trained on those faces; all chose their best epoch and temperature on them. "
            "Shifts are of the log-odds from the start to the image, both rounded to 8 bits. "
            "Mostly meaningful is called what is above 0.5 with its whole interval; mostly "
            "adversarial, below 0.5 but above 0; adversarial, below 0.5 and not clearly above 0.",
            "The random change has the Fourier amplitudes of the optimised one and random phases, "
            "the same for the three colours (Prichard and Theiler, 1994). The share of the pattern "
            "kept is (image − random change) under the second, divided by the same under this "
            "network.",
            f"Intervals: 95 %, {chapter['resamples']:,} bootstrap resamples of noises or persons "
            "and of the validation faces that give the gaps. They hold for this pair of networks: "
            "other seeds of the second one are not in them.",
        ],
        command=f"{optimise}\n{optimise} --target young --start face",
    )


def summarise(chapter: dict, kinds: list[str]) -> str:
    """The shares of the pattern kept without a regulariser and with all, and by real faces."""
    listed = {
        name: " and ".join(
            f"{show(of[kind][SECOND]['kept']['pattern'], 2)} {short(kind)}" for kind in kinds
        )
        for name, of in chapter["settings"].items()
    }
    return (
        "Of what an optimised pattern does to this network, a second classifier, trained on other "
        f"faces from another seed, keeps {listed['none']} without a regulariser, and "
        f"{listed['all together']} with all of them together; 1 is what it sees of the gap between "
        "real young and old faces."
    )


def describe_kind(chapter: dict, kind: str) -> list[str]:
    """What unregularised and fully regularised images of one kind of start do, and what helps."""
    settings = {name: of[kind] for name, of in chapter["settings"].items()}
    first, last = (describe_setting(settings[name]) for name in ("none", "all together"))
    return [
        f"Made {short(kind)} without any regulariser, {first}",
        f"Made {short(kind)} with all regularisers together, {last}",
        describe_gains(settings, kind),
    ]


def describe_setting(figures: dict) -> str:
    """Shift under both classifiers, the shares kept, and what they say."""
    second = figures[SECOND]
    shifts = [show(figures[name]["shift"], 2) for name in ("first", SECOND)]
    convinced = [percent(figures[name]["after"]["share"]["value"]) for name in ("first", SECOND)]
    return (
        f"the images (n = {figures['n']}) move this network by {shifts[0]} times the gap between "
        f"real young and old faces, the second classifier by {shifts[1]} times its own: the share "
        f"of the logit kept is {show(second['kept']['shift'], 2)}. This network takes "
        f"{convinced[0]} of them for their target, the second {convinced[1]}. "
        f"{judge_share(second['kept']['pattern'], figures[OTHER]['kept']['pattern'])}"
    )


def judge_share(same: dict, other: dict) -> str:
    """Adversarial or meaningful: what the shares of the pattern kept by both judges say."""
    words, others = (judge_interval(kept) for kept in (same, other))
    share = (
        f"Of what their pattern does beyond a random change, the second keeps {show(same, 2)}, a "
        f"classifier of another kind {show(other, 2)}"
    )
    if words == others:
        return f"{share}: {words} for both."
    return f"{share}: {words} for the second, {others} for the other kind."


def judge_interval(kept: dict) -> str:
    """What one interval says."""
    if kept["value"] is None or kept["low"] is None:
        return "undefined"
    if kept["low"] > 0.5:
        return "mostly meaningful"
    if kept["low"] > 0:
        return "mostly adversarial" if kept["high"] < 0.5 else "partly meaningful"
    return "adversarial" if kept["high"] < 0.5 else "too uncertain to tell"


def describe_gains(settings: dict, kind: str) -> str:
    """Name the regularisers whose images keep clearly more, or less, than those without one."""
    gains = {n: of[SECOND]["gain"]["pattern"] for n, of in settings.items() if n != "none"}
    known = {name: gain for name, gain in gains.items() if gain["low"] is not None}
    more = [f"{name} ({signed(g, 2)})" for name, g in known.items() if g["low"] > 0]
    less = [f"{name} ({signed(g, 2)})" for name, g in known.items() if g["high"] < 0]
    sentence = f"Against no regulariser, {short(kind)}: "
    if not more and not less:
        return f"{sentence}none of the {len(gains)} settings clearly changes what is kept of it."
    parts = [f"more of the pattern is kept with {', '.join(more)}"] if more else []
    parts += [f"less is kept with {', '.join(less)}"] if less else []
    rest = len(gains) - len(more) - len(less)
    return f"{sentence}{'; '.join(parts)}; no clear change with {rest} of {len(gains)}."


def describe_controls(chapter: dict, kinds: list[str]) -> str:
    """Say where random changes alone move the second classifier, and why they are taken off."""
    drifts = {
        (name, kind): chapter["settings"][name][kind][SECOND]["drift"]
        for name in chapter["settings"]
        for kind in kinds[:2]
    }
    known = {key: drift for key, drift in drifts.items() if drift["value"] is not None}
    if not known:
        return "What random changes do is undefined, as there is no gap to measure it by."
    (name, kind), drift = max(known.items(), key=lambda entry: abs(entry[1]["value"]))
    where = "old" if drift["value"] > 0 else "young"
    sure = "" if is_clear(drift) else ", which may be chance"
    return (
        "A random change of the same size, smoothness and colour can move a classifier too: the "
        f"second one by at most {abs(drift['value']):.2f} gaps towards {where} ({short(kind)}, "
        f"{name}: {signed(drift, 2)}{sure}). What it does is taken off before a share is called "
        "adversarial or meaningful."
    )


def describe_judges(classifiers: dict) -> str:
    """How good the classifiers are, on the same faces."""
    second, other = classifiers[SECOND], classifiers[OTHER]
    own = show(classifiers["first"]["val"]["roc_auc"])
    return (
        f"The second classifier ({name_network(second)}) was trained on the {second['n_train']:,} "
        f"test faces of this run from another seed: AUC {show(second['unseen']['roc_auc'])} on "
        f"{second['unseen']['n']:,} of the training faces of this run, which it never saw, and "
        f"{show(second['val']['roc_auc'])} on the validation faces, where this network has {own}. "
        f"One of another kind ({name_network(other)}) has {show(other['unseen']['roc_auc'])} and "
        f"{show(other['val']['roc_auc'])}."
    )


def tabulate(chapter: dict, kind: str) -> Table:
    """All settings of one kind of start."""
    rows = []
    for name, of in chapter["settings"].items():
        first, second, other = (of[kind][judge] for judge in ("first", SECOND, OTHER))
        drifts = (signed(figures["drift"], 2) for figures in (first, second))
        taken = (percent(figures["after"]["share"]["value"]) for figures in (first, second))
        rows.append(
            [
                name, show(first["shift"], 2), show(second["shift"], 2),
                show(second["kept"]["shift"], 2), " | ".join(drifts),
                show(second["kept"]["pattern"], 2), show(other["kept"]["pattern"], 2),
                " | ".join(taken),
            ]
        )  # fmt: skip
    n = chapter["settings"]["none"][kind]["n"]
    return Table(f"Images made {STARTS[kind]}; n = {n} in each row", HEADER, rows)
