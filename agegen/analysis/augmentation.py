"""What augmentation does to faces: a picture of each effect alone, and of full random views."""

from dataclasses import asdict, replace
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from agegen.analysis.analysis import Analysis
from agegen.classifier.train import view_side
from agegen.faces.store import FaceStore
from agegen.faces.views import (
    AugmentConfig,
    ViewParameters,
    draw_view_parameters,
    evaluation_views,
    random_views,
    to_uint8,
)
from agegen.run.errors import UserError
from agegen.run.files import written_whole

FACES, RANDOM_VIEWS = 5, 5
SMALLEST_CELL, LARGEST_CELL, GAP, HEADER = 96, 128, 4, 18
NEUTRAL, LOW, HIGH = 0.5, 0.0, 1.0 - 2**-24


class Effect(NamedTuple):
    """One effect of the random views.

    `extremes` are columns of `ViewParameters.uniform` with their value at the effect's largest
    extent; None stands for either end of the range.
    """

    fields: tuple[str, ...]  # of `AugmentConfig`, which are 0 where it is off
    extremes: dict[int, float | None]


EFFECTS = {
    "shift": Effect(("shift",), {3: None, 4: None}),
    "scale": Effect(("scale",), {1: None}),
    "rotation": Effect(("rotation",), {0: None}),
    "flip": Effect(("flip",), {2: LOW}),
    "colour": Effect(("colour",), {5: None, 6: None, 7: None, 8: None}),
    "sharpness": Effect(("sharpness",), {14: None}),
    "grey": Effect(("grey",), {15: LOW}),
    "erasing": Effect(("erase", "erase_probability"), {13: LOW}),
}
"""In the order of the columns; see `random_views` for what the numbers of a view mean."""


class ContactSheet(NamedTuple):
    """Views of faces: `columns` name them; `views` is uint8 (faces, columns, crop, crop, 3)."""

    columns: list[str]
    views: np.ndarray


def effects_of(config: AugmentConfig) -> list[str]:
    """Return the names of the effects that a config turns on."""
    on = [all(getattr(config, field) for field in effect.fields) for effect in EFFECTS.values()]
    return [name for name, is_on in zip(EFFECTS, on, strict=True) if is_on]


def only(config: AugmentConfig, name: str) -> AugmentConfig:
    """Turn off every effect but one."""
    off = {f: type(getattr(config, f))(0) for e in EFFECTS.values() for f in e.fields}
    kept = {field: getattr(config, field) for field in EFFECTS[name].fields}
    return replace(config, **off | kept)


def show_effect(images: torch.Tensor, config: AugmentConfig, name: str) -> torch.Tensor:
    """Apply one effect at its largest extent, to one side and the other by turns."""
    uniform = torch.full_like(draw_view_parameters(len(images), 0, 0).uniform, NEUTRAL)
    if name == "erasing":  # its size and place have no largest extent: they are drawn
        uniform[:, 9:13] = draw_view_parameters(len(images), 0, -1).uniform[:, 9:13]
    for column, value in EFFECTS[name].extremes.items():
        ends = torch.tensor([HIGH, LOW]).repeat(len(images))[: len(images)]
        uniform[:, column] = ends if value is None else value
    return random_views(images, ViewParameters(uniform), only(config, name))


def contact_sheet(
    images: np.ndarray, config: AugmentConfig, random: int = RANDOM_VIEWS, seed: int = 0
) -> ContactSheet:
    """Show faces as they are evaluated, each effect alone, and in random views of training.

    They are uint8 (n, h, w, 3), with sides of at least `config.crop`, which is not 0.
    """
    faces, names = torch.from_numpy(images), effects_of(config)
    columns = [evaluation_views(faces, config.crop)[0]]
    columns += [show_effect(faces, config, name) for name in names]
    columns += [
        random_views(faces, draw_view_parameters(len(faces), seed, step), config)
        for step in range(random)
    ]
    titles = ["as evaluated", *names, *(f"random {i + 1}" for i in range(random))]
    return ContactSheet(titles, np.stack([to_uint8(views).numpy() for views in columns], axis=1))


def draw_sheet(sheet: ContactSheet) -> Image.Image:
    """Lay the views out in a grid under the names of their columns, on white."""
    faces, columns, crop = sheet.views.shape[:3]
    side = min(-(-SMALLEST_CELL // crop) * crop, LARGEST_CELL)  # a small crop is magnified
    step = side + GAP
    page = Image.new("RGB", (columns * step - GAP, HEADER + faces * step - GAP), "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(13)
    for column, name in enumerate(sheet.columns):
        draw.text((column * step + side / 2, 1), name, "black", font, anchor="ma")
        for row, view in enumerate(sheet.views[:, column]):
            resample = Image.Resampling.NEAREST if crop < side else Image.Resampling.LANCZOS
            cell = Image.fromarray(view).resize((side, side), resample)
            page.paste(cell, (column * step, HEADER + row * step))
    return page


def choose_faces(store: FaceStore, count: int, seed: int) -> np.ndarray:
    """Draw training faces, both classes by turns; int64 (count or fewer,).

    Raises:
        UserError: the store has no training faces.
    """
    rng = np.random.default_rng(seed)
    train = rng.permutation(store.indices("train"))
    if not len(train):
        raise UserError(f"{store.folder} has no training faces")
    labels = store.labels[train]
    rank = np.where(labels == 1, np.cumsum(labels == 1), np.cumsum(labels == 0))  # in its class
    return train[np.lexsort((labels, rank))][:count]


def analyze(analysis: Analysis) -> dict:
    """Save the picture of the run's own augmentation; its measured effect is a study's.

    Returns:
        "picture" (its file name), "columns", "effects" (those that are on), "faces" (numbers in
        the store), "config" (how far each effect goes), "epochs" (of the run), and the share of
        them, "early_epochs", that sees the views shrunk to "early_side" pixels.
    """
    training = analysis.classifier.config
    config = training.augment
    chosen = choose_faces(analysis.store, FACES, analysis.seed)
    sheet = contact_sheet(analysis.store.images[chosen], config, seed=analysis.seed)
    path = analysis.folder / "augmentation_views.png"
    with written_whole(path) as temporary:
        draw_sheet(sheet).save(temporary, "PNG", optimize=True)
    return {
        "picture": path.name,
        "columns": sheet.columns,
        "effects": effects_of(config),
        "faces": chosen.tolist(),
        "config": asdict(config),
        "epochs": training.epochs,
        "early_epochs": training.early_epochs,
        "early_side": view_side(training, 0.0),
    }
