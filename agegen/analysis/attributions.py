"""Where the network looked: integrated gradients of single faces, and their mean over each class.

Integrated gradients (Sundararajan et al., 2017, "Axiomatic Attribution for Deep Networks",
computed by captum) divide the difference between the log-odds of a face and those of a grey
picture among the pixels. Mid-grey speaks for neither class by its brightness, and is what random
erasing shows in training.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from agegen import metrics
from agegen.analysis.analysis import Analysis
from agegen.analysis.errors import choose_examples
from agegen.analysis.face_sheets import Sheet, Tile, name_answer, save_sheet
from agegen.analysis.neighbours import unit
from agegen.analysis.untrained import fresh_network
from agegen.classifier.evaluate import Predictions
from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import clusters
from agegen.faces.views import evaluation_views, to_uint8
from agegen.metrics import mean_as_json
from agegen.run.files import written_whole
from agegen.run.progress import Progress

STEPS = 32  # of the integral
FACES_A_CLASS = 64
SHOWN = 6
BLUR = 2.0  # standard deviation in pixels; single pixels' attributions are too noisy to look at
RIM = 0.125  # width of the rim as a share of the side
YOUNG, GREY, OLD = (0, 114, 178), (245, 245, 245), (213, 94, 0)  # Okabe and Ito (2008)
FULL = 0.99  # quantile of the magnitudes that gets the full colour


class Maps(NamedTuple):
    """Attributions of some faces.

    Attributes:
        signed: float32 (n, h, w), share of the log-odds of "old", summed over colours and blurred;
            above 0 speaks for old, below 0 for young.
        missing: float32 (n,), what the sum of the unblurred map lacks of the difference of the
            log-odds, as a share of it: the error of the integral.
    """

    signed: np.ndarray
    missing: np.ndarray


def attribute(model: nn.Module, views: Tensor, steps: int = STEPS, batch_size: int = 16) -> Maps:
    """Compute integrated gradients of log p(old) − log p(young) against mid-grey.

    Args:
        model: logits (n, 2) from float n c h w in [−1, 1], in evaluation mode.
        views: float32 (n, 3, h, w) in [−1, 1], where the model is.
        steps: points at which the gradient is taken (Gauss–Legendre).
        batch_size: faces at a time.
    """
    from captum.attr import IntegratedGradients  # takes seconds

    def log_odds(x: Tensor) -> Tensor:
        logits = model(x).float()
        return logits[:, 1] - logits[:, 0]

    method, signed, missing = IntegratedGradients(log_odds), [], []
    with Progress(len(views), "attributions", "faces") as progress:
        for batch in views.split(batch_size):
            parts, lacking = method.attribute(
                batch, baselines=0.0, n_steps=steps, internal_batch_size=128,
                return_convergence_delta=True,
            )  # fmt: skip
            with torch.no_grad():
                whole = (log_odds(batch) - log_odds(torch.zeros_like(batch[:1]))).abs()
            signed.append(blurred_sum(parts.float()))
            missing.append((lacking.abs() / whole.clamp(min=1e-6)).float().cpu().numpy())
            progress.update(len(batch))
    return Maps(np.concatenate(signed), np.concatenate(missing))


def blurred_sum(maps: Tensor) -> np.ndarray:
    """Sum over colours, blurred by `BLUR`: (n, 3, h, w) → float32 (n, h, w)."""
    from torchvision.transforms.functional import gaussian_blur  # takes seconds

    kernel = 2 * int(3 * BLUR) + 1
    blurred = gaussian_blur(maps.sum(dim=1, keepdim=True), [kernel, kernel], [BLUR, BLUR])
    return blurred[:, 0].cpu().numpy()


def rank_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's correlation of each pair of maps, float64 (n,); 0 where one is constant."""
    ranks = [rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (first, second)]
    a, b = (r - r.mean(axis=1, keepdims=True) for r in ranks)
    return (unit(a) * unit(b)).sum(axis=1)


def region_shares(signed: np.ndarray) -> dict[str, np.ndarray]:
    """Share of each map's magnitude in the upper, middle and lower third and in the rim, (n,)."""
    size = np.abs(signed)
    total = np.maximum(size.sum(axis=(1, 2)), 1e-12)
    rows = np.arange(size.shape[1]) * 3 // size.shape[1]
    shares = {
        name: size[:, rows == third].sum(axis=(1, 2)) / total
        for third, name in enumerate(("upper third", "middle third", "lower third"))
    }
    return shares | {"rim": size[:, rim_mask(*size.shape[1:])].sum(axis=1) / total}


def rim_mask(height: int, width: int) -> np.ndarray:
    """True in the outer `RIM` of each side, bool (h, w)."""
    top, left = round(RIM * height), round(RIM * width)
    mask = np.ones((height, width), dtype=bool)
    mask[top : height - top, left : width - left] = False
    return mask


def analyze(analysis: Analysis) -> dict:
    """Attribute examples and a sample of each class; writes the sheets and the classes' maps.

    The files are attributions_faces.png, attributions_classes.png and attributions_maps.npz
    (`young`, `old`: float32 (h, w) mean maps).
    """
    model, test = analysis.classifier.model, analysis.test
    sample = draw_sample(test, analysis.seed, FACES_A_CLASS)
    views = centre_views(analysis, sample)
    untrained = fresh_network(analysis.classifier, analysis.seed)
    maps, chance = attribute(model, views), attribute(untrained, views)
    save_examples(analysis)
    labels = test.labels[sample]
    save_classes(analysis, labels, views, maps.signed)
    weights = metrics.bootstrap_weights(
        len(sample), clusters(analysis.store, test.indices[sample]), seed=analysis.seed
    )
    alike = {
        "magnitude": rank_correlation(np.abs(maps.signed), np.abs(chance.signed)),
        "signed": rank_correlation(maps.signed, chance.signed),
    }
    return {
        "n": len(sample),
        "n_by_class": {name: int((labels == k).sum()) for k, name in enumerate(CLASS_NAMES)},
        "steps": STEPS,
        "blur": BLUR,
        "rim": RIM,
        "shown": SHOWN,
        "resamples": len(weights),
        "missing": {
            "median": float(np.median(maps.missing)),
            "worst_tenth": float(np.quantile(maps.missing, 0.9)),
        },
        "regions": summarise_regions(maps.signed, labels, weights),
        "untrained": {name: mean_as_json(values, weights) for name, values in alike.items()},
    }


def summarise_regions(signed: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> dict:
    """Mean share of every region over all faces and by class, and that of an even map."""
    classes = np.array(CLASS_NAMES)[labels]
    even = region_shares(np.ones_like(signed[:1]))
    return {
        name: {
            "share": mean_as_json(values, weights),
            "by_class": {
                k: mean_as_json(values[classes == k], weights[:, classes == k])
                for k in sorted(set(classes.tolist()))
            },
            "even": float(even[name][0]),
        }
        for name, values in region_shares(signed).items()
    }


def draw_sample(test: Predictions, seed: int, most: int) -> np.ndarray:
    """Draw rows of the test faces, up to `most` of each class, int64 in ascending order."""
    rng = np.random.default_rng(seed)
    chosen = [rng.permutation(np.flatnonzero(test.labels == label))[:most] for label in (0, 1)]
    return np.sort(np.concatenate(chosen))


def centre_views(analysis: Analysis, rows: np.ndarray) -> Tensor:
    """Cut the centre crops of some test faces, float32 (n, 3, crop, crop), on the device."""
    images = torch.from_numpy(analysis.store.images[analysis.test.indices[rows]])
    return evaluation_views(images.to(analysis.classifier.device), analysis.classifier.crop)[0]


def save_examples(analysis: Analysis) -> None:
    """Save the most wrong and most right faces of each class, with their maps below them."""
    test, sheet = analysis.test, []
    for rows in choose_examples(test, metrics.margin(test.labels, test.p), SHOWN).values():
        if not rows:
            continue
        views = centre_views(analysis, np.array(rows))
        maps = attribute(analysis.classifier.model, views)
        captions = [name_answer(analysis.store, test.indices[r], test.p[r]) for r in rows]
        sheet += faces_above_maps(to_uint8(views).cpu().numpy(), maps.signed, captions)
    save_sheet(analysis.folder / "attributions_faces.png", Sheet(sheet))


def save_classes(analysis: Analysis, labels: np.ndarray, views: Tensor, signed: np.ndarray) -> None:
    """Save each class's mean face beside its mean map, and the mean maps as arrays."""
    images = to_uint8(views).cpu().numpy()
    of = {name: labels == k for k, name in enumerate(CLASS_NAMES) if (labels == k).any()}
    faces = {name: images[rows].mean(axis=0).round().astype(np.uint8) for name, rows in of.items()}
    maps: dict[str, Any] = {name: signed[rows].mean(axis=0) for name, rows in of.items()}
    counts = {name: int(rows.sum()) for name, rows in of.items()}
    tiles = mean_tiles(faces, maps, counts)
    save_sheet(analysis.folder / "attributions_classes.png", Sheet([tiles]))
    path = analysis.folder / "attributions_maps.npz"
    with written_whole(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **maps)


def overlay(image: np.ndarray, signed: np.ndarray, scale: float) -> np.ndarray:
    """Paint a map over the grey face: orange speaks for old, blue for young, uint8 (h, w, 3)."""
    strength = np.clip(signed / max(scale, 1e-12), -1, 1)[..., None]
    colour = np.where(strength > 0, np.array(OLD), np.array(YOUNG))
    grey = 0.5 * image.mean(axis=2, keepdims=True) + 0.5 * np.array(GREY)
    alpha = 0.85 * np.abs(strength)
    return (alpha * colour + (1 - alpha) * grey).round().astype(np.uint8)


def full_colour(signed: np.ndarray) -> float:
    """Return the magnitude that only a hundredth of the pixels exceed."""
    return float(np.quantile(np.abs(signed), FULL))


def faces_above_maps(
    images: np.ndarray, signed: np.ndarray, captions: list[str]
) -> list[list[Tile]]:
    """Two rows of a sheet: faces uint8 (n, h, w, 3), and below each its map, on its own scale."""
    maps = [overlay(*face, full_colour(face[1])) for face in zip(images, signed, strict=True)]
    faces = [Tile(*face) for face in zip(images, captions, strict=True)]
    return [faces, [Tile(painted, "") for painted in maps]]


def mean_tiles(
    faces: dict[str, np.ndarray], maps: dict[str, np.ndarray], counts: dict[str, int]
) -> list[Tile]:
    """Each class's mean face and, all on one scale, its mean map over it."""
    scale = max(map(full_colour, maps.values()))
    tiles = []
    for name, face in faces.items():
        tiles.append(Tile(face, f"mean {name} face\nn = {counts[name]}"))
        tiles.append(Tile(overlay(face, maps[name], scale), "its map"))
    return tiles
