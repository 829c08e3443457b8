"""Does an image made for one network convince another? An ablation of the regularisers.

Every setting optimises the same starts against the run's network: noise, and held-out faces
towards the other class and towards their own. What they moved is then measured with the second
classifiers, in units of each classifier's own gap between real young and old faces. A shift that
only the first one sees is adversarial: it lies in this network's weights. One that a network of
other training faces and another seed sees too lies in the faces.
"""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from agegen import metrics
from agegen.analysis.analysis import Analysis
from agegen.analysis.errors import CLASS_COLOURS
from agegen.analysis.face_sheets import Sheet, Tile, save_sheet
from agegen.analysis.inputs.image_parameters import colour_covariance, decorrelated_colours
from agegen.analysis.inputs.optimize import OptimizeConfig, Optimized, Start, centre_crops, optimize
from agegen.analysis.inputs.second_classifier import judge_seconds, train_seconds
from agegen.analysis.inputs.transfer_figures import (
    RESAMPLES,
    Case,
    Judged,
    compare_faces,
    summarise,
)
from agegen.classifier.evaluate import Predictions
from agegen.classifier.predict import Classifier
from agegen.classifier.predict_split import predict_split
from agegen.faces.records import CLASS_NAMES
from agegen.run.files import written_whole
from agegen.run.progress import Progress

ALL = OptimizeConfig()
NONE = replace(
    ALL, parameters="pixel", decorrelate=False, shift=0, rotation=0, scale=0, total_variation=0,
    l2=0, blur=0,
)  # fmt: skip
# Each regulariser alone has the value that it has in "all together", except L2: a weight that holds
# noise down by itself would, with the others, leave hardly any change to look at.
L2_ALONE = 100.0
SETTINGS = {
    "none": NONE,
    "L2": replace(NONE, l2=L2_ALONE),
    "total variation": replace(NONE, total_variation=ALL.total_variation),
    "blur": replace(NONE, blur=ALL.blur),
    "jitter": replace(NONE, shift=ALL.shift, rotation=ALL.rotation, scale=ALL.scale),
    "Fourier": replace(NONE, parameters="fourier"),
    "Fourier, decorrelated": replace(NONE, parameters="fourier", decorrelate=True),
    "all together": ALL,
}
NOISES, FACES_A_CLASS = 8, 16
NOISES_SHOWN, FACES_SHOWN = 1, 2  # of each target
DOTS_PER_INCH = 120  # noise hardly compresses: the page stays small
CONTROL = 1  # separates the controls' random numbers from others of the same seed


def analyze(analysis: Analysis) -> dict:
    """Optimise, judge, compare; training the second classifiers first if they are not there.

    The files are transfer_grid.png and transfer_images.npz (`settings`; `targets`; `indices` in
    the store, −1 for noise; `images`: uint8 (settings, n, h, w, 3)).
    """
    seconds = train_seconds(analysis)
    networks = {"first": analysis.classifier} | {s.kind: s.classifier for s in seconds}
    val = {name: predict_split(c, analysis.store, "val") for name, c in networks.items()}
    cases = choose_cases(analysis, val["first"])
    made = run_settings(analysis, cases)
    judged = judge_images(networks, made, analysis.seed)
    save_images(analysis.folder / "transfer_images.npz", cases, made)
    save_grid(analysis.folder / "transfer_grid.png", cases, made, judged, networks)
    return {
        "picture": "transfer_grid.png",
        "n": len(cases),
        "noises": NOISES,
        "faces_a_class": FACES_A_CLASS,
        "n_val": len(val["first"].labels),
        "resamples": RESAMPLES,
        "classifiers": judge_seconds(analysis, seconds, val),
        "real_faces": compare_faces(analysis.store, val, analysis.seed),
        "configs": {name: asdict(config) for name, config in SETTINGS.items()},
        "settings": summarise(cases, judged, analysis.store, val, analysis.seed),
    }


def choose_cases(analysis: Analysis, val: Predictions) -> list[Case]:
    """Noise and validation faces, drawn from the seed, each towards both classes.

    Faces are drawn whatever the network says of them.
    """
    rng = np.random.default_rng(analysis.seed)
    cases = [
        Case(Start(target, None, seed), "noise", f"noise {seed}", -1)
        for seed in range(NOISES)
        for target in (0, 1)
    ]
    for label in (0, 1):
        rows = rng.permutation(np.flatnonzero(val.labels == label))[:FACES_A_CLASS]
        indices = val.indices[rows]
        crops = centre_crops(analysis.store.images[indices], analysis.classifier.crop)
        for index, face in zip(indices, crops, strict=True):
            origin = analysis.store.identities[index] or f"face {index}"
            for target in (1 - label, label):
                kind = "own" if target == label else "other"
                cases.append(Case(Start(target, face), kind, origin, int(index)))
    return cases


def run_settings(analysis: Analysis, cases: list[Case]) -> dict[str, Optimized]:
    """Optimise all cases under every setting."""
    colours = decorrelated_colours(colour_covariance(analysis.store))
    starts = [case.start for case in cases]
    steps = sum(config.steps for config in SETTINGS.values())
    with Progress(steps * len(cases), "input optimisation", "image steps") as progress:
        return {
            name: optimize(
                analysis.classifier, starts, replace(config, seed=analysis.seed), colours, progress
            )
            for name, config in SETTINGS.items()
        }


def judge_images(
    networks: dict[str, Classifier], made: dict[str, Optimized], seed: int
) -> dict[str, dict[str, Judged]]:
    """Log-odds by setting and network: of the start, the image, and a random change as large."""
    judged = {}
    for number, (setting, images) in enumerate(made.items()):
        rng = np.random.default_rng([seed, CONTROL, number])
        control = add_scrambled(images.before, images.after, rng)
        judged[setting] = {
            name: Judged(*(c.log_odds(x) for x in (images.before, images.after, control)))
            for name, c in networks.items()
        }
    return judged


def add_scrambled(before: np.ndarray, after: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add a random change with the L2 norm and the spectrum of the real one.

    Phases of white noise, the same for the three colours, are added to those of the change's
    Fourier transform (Prichard and Theiler, 1994): size, smoothness and the relation of the colours
    stay, the pattern does not. Values that leave the range are clipped.
    """
    change = after.astype(np.float64) - before
    noise = np.fft.fft2(rng.normal(size=(*before.shape[:3], 1)), axes=(1, 2))
    turned = np.fft.fft2(change, axes=(1, 2)) * noise / np.abs(noise)
    scrambled = np.fft.ifft2(turned, axes=(1, 2)).real  # both spectra are those of real pictures
    return np.clip(before + scrambled, 0, 255).round().astype(np.uint8)


def save_images(path: Path, cases: list[Case], made: dict[str, Optimized]) -> None:
    """Save the images of all settings."""
    with written_whole(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            settings=np.array(list(made)),
            targets=np.array([case.start.target for case in cases]),
            indices=np.array([case.face for case in cases]),
            images=np.stack([images.after for images in made.values()]),
        )


def save_grid(
    path: Path,
    cases: list[Case],
    made: dict[str, Optimized],
    judged: dict[str, dict[str, Judged]],
    networks: dict[str, Classifier],
) -> None:
    """Write the grid: the starts, then a row a setting.

    Under an image stands p(old) of the first and of the second classifier of the same kind; the
    frame has the colour of the class that the second one takes it for.
    """
    columns, names, start = choose_columns(cases), list(networks)[:2], next(iter(made))
    rows = {"start": (made[start].before, [judged[start][name].before for name in names])}
    rows |= {s: (made[s].after, [judged[s][name].after for name in names]) for s in made}
    tiles = []
    for images, odds in rows.values():
        p = [metrics.sigmoid(z / networks[n].temperature) for z, n in zip(odds, names, strict=True)]
        colours = [CLASS_COLOURS[int(second > 0.5)] for second in p[1]]
        tiles.append(
            [Tile(images[i], f"{p[0][i]:.2f} | {p[1][i]:.2f}", colours[i]) for i in columns]
        )
    heads = [name_case(cases[i]) for i in columns]
    save_sheet(path, Sheet(tiles, heads, list(rows), side=1.25, below=0.2), DOTS_PER_INCH)


def choose_columns(cases: list[Case]) -> list[int]:
    """The first noises and faces towards young, then towards old; int rows of the cases."""
    columns = []
    for kind, most in (("noise", NOISES_SHOWN), ("other", FACES_SHOWN)):
        for target in (0, 1):
            rows = [i for i, c in enumerate(cases) if c.kind == kind and c.start.target == target]
            columns += rows[:most]
    return columns


def name_case(case: Case) -> str:
    """old face → young, or noise → old."""
    target = CLASS_NAMES[case.start.target]
    if case.kind == "noise":
        return f"noise → {target}"
    return f"{CLASS_NAMES[1 - case.start.target]} face → {target}"
