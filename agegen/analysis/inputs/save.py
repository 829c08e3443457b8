"""Optimised images as files: enlarged PNGs, a strip of before, after and change, and figures."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from agegen.analysis.face_sheets import Sheet, Tile, save_sheet
from agegen.analysis.inputs.optimize import OptimizeConfig, Optimized
from agegen.classifier.predict import Classifier
from agegen.faces.pixels import GREY_LEVELS
from agegen.faces.records import CLASS_NAMES
from agegen.run.errors import UserError
from agegen.run.files import write_json, written_whole

ENLARGED = 4  # times the side


def require_same_faces(classifier: Classifier, judge: Classifier, folder: Path) -> None:
    """Refuse a judge of faces of another size: it would see the image at another scale."""
    if judge.size != classifier.size or judge.crop > classifier.crop:
        raise UserError(
            f"{folder} judges faces of {judge.size} pixels by crops of {judge.crop}, these images "
            f"are crops of {classifier.crop} from faces of {classifier.size}: it cannot judge them"
        )


def save_inputs(
    out: Path,
    target: int,
    names: list[str],
    images: Optimized,
    config: OptimizeConfig,
    judge: Classifier | None = None,
) -> dict:
    """Write NAME.png of every image, before_after.png and figures.json; returns the last's content.

    Files of an earlier call with the same names are replaced.
    """
    second = [judge.probabilities(x) for x in (images.before, images.after)] if judge else None
    for name, image in zip(names, images.after, strict=True):
        enlarged = image.repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1)
        with written_whole(out / f"{name}.png") as temporary:
            Image.fromarray(enlarged).save(temporary, format="PNG")
    figures: dict[str, Any] = {
        "target": CLASS_NAMES[target],
        "method": asdict(config),
        "images": [
            {
                "name": name,
                "p_old_before": float(images.p_before[i]),
                "p_old_after": float(images.p_after[i]),
                "second_p_old_before": None if second is None else float(second[0][i]),
                "second_p_old_after": None if second is None else float(second[1][i]),
                "change": float(np.sqrt(np.mean(change_of(images, i) ** 2))),
                "history": [round(float(z), 4) for z in images.history[:, i]],
            }
            for i, name in enumerate(names)
        ],
    }
    rows = [strip(images, i, image) for i, image in enumerate(figures["images"])]
    save_sheet(out / "before_after.png", Sheet(rows))
    write_json(out / "figures.json", figures)
    return figures


def change_of(images: Optimized, i: int) -> np.ndarray:
    """After minus before of one image, in levels of 255, float64 (h, w, 3)."""
    return images.after[i].astype(np.float64) - images.before[i]


def strip(images: Optimized, i: int, figures: dict) -> list[Tile]:
    """Before, after, and the change around grey, enlarged to the whole range."""
    change = change_of(images, i)
    factor = GREY_LEVELS / max(np.quantile(np.abs(change), 0.99), 1.0)
    shown = np.clip(GREY_LEVELS + factor * change, 0, 255).round().astype(np.uint8)
    start = figures["name"].partition("_from_")[2].replace("_", " ")
    odds = [numbers(figures, when) for when in ("before", "after")]
    return [
        Tile(images.before[i], f"{start}\n{odds[0]}"),
        Tile(images.after[i], f"for {figures['name'].partition('_from_')[0]}\n{odds[1]}"),
        Tile(shown, f"change × {factor:.1f}\nRMS {figures['change']:.1f} of 255"),
    ]


def numbers(figures: dict, when: str) -> str:
    """p(old) 0.91 | 0.43: of the classifier and of the judge, if there is one."""
    p = [figures[f"{judge}p_old_{when}"] for judge in ("", "second_")]
    return "p(old) " + " | ".join(f"{x:.2f}" for x in p if x is not None)


def describe(figures: dict) -> str:
    """One line an image: p(old) before and after, of the classifier | of the judge."""
    return "\n".join(
        f"{image['name']}: {numbers(image, 'before')} → {numbers(image, 'after')}, "
        f"changed by {image['change']:.1f} of 255 (RMS)"
        for image in figures["images"]
    )
