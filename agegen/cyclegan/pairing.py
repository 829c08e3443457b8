"""Which training faces are paired: the sharp ones, at the same ratio of women to men, and so on.

Where old faces are of other people than young ones (more men, more spectacles), generators learn
that, too, as a part of age. Pairs of one group teach no such thing.
"""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import FaceStore
from agegen.run.errors import UserError

GENDER = "gender"
BATCH = 256
MARGIN = 0.09  # of the side: the border, where background is, does not count


class Domains(NamedTuple):
    """Training faces of both classes, numbers in the store, int64 each."""

    young: np.ndarray
    old: np.ndarray


def pairable(
    store: FaceStore, sharpest: float = 1.0, balance: tuple[str, ...] = ()
) -> list[Domains]:
    """The faces of each group that a training may pair.

    Args:
        store: whose training split is used.
        sharpest: share of the faces of each class that is used, the sharpest.
        balance: what pairs shall have in common: "gender", or tables with the columns path and
            group; a group is what they say together.

    Returns:
        One group without `balance`; else those that have faces of both classes.

    Raises:
        UserError: a table does not fit, or no group has faces of both classes.
    """
    train = store.indices("train")
    domains = [train[store.labels[train] == label] for label in range(len(CLASS_NAMES))]
    if sharpest < 1:
        domains = [sharpest_of(store, faces, sharpest) for faces in domains]
    if not balance:
        return [Domains(*domains)]
    groups = groups_of(store, balance)
    names = sorted(set(groups[np.concatenate(domains)]) - {""})
    found = [Domains(*(faces[groups[faces] == name] for faces in domains)) for name in names]
    found = [group for group in found if len(group.young) and len(group.old)]
    if not found:
        raise UserError(
            f"--balance {' '.join(balance)}: no group has young and old training faces in "
            f"{store.folder}"
        )
    return found


def groups_of(store: FaceStore, balance: tuple[str, ...]) -> np.ndarray:
    """The group of every face, str (n,), "" where something of it is unknown."""
    parts = [
        store.genders if name == GENDER else read_groups(store, Path(name)) for name in balance
    ]
    known = np.all([part != "" for part in parts], axis=0)
    joined = np.array([" ".join(of_face) for of_face in zip(*parts, strict=True)])
    return np.where(known, joined, "")


def read_groups(store: FaceStore, table: Path) -> np.ndarray:
    """The groups that a table gives to the store's faces, by their files' names.

    Raises:
        UserError: it is missing, is no such table, or names none of the faces.
    """
    try:
        with table.open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        named = {Path(row["path"]).name: row["group"].strip() for row in rows}
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, AttributeError, TypeError) as error:
        raise UserError(
            f"--balance {table} is neither {GENDER} nor a table (CSV) with the columns path and "
            f"group ({type(error).__name__}: {error})"
        ) from None
    found = np.array([named.get(Path(path).name, "") for path in store.paths])
    if not (found != "").any():
        raise UserError(f"--balance {table} names no face of {store.folder}")
    return found


def sharpest_of(store: FaceStore, faces: np.ndarray, share: float) -> np.ndarray:
    """This share of some faces, in their order: those with the most detail for their contrast."""
    sharp = sharpness(store.images, faces)
    return faces[sharp >= np.quantile(sharp, 1 - share)]


def sharpness(images: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """How much of a face's brightness varies from pixel to pixel: low of blurred, enlarged ones.

    Args:
        images: uint8 (n, h, w, 3).
        chosen: numbers of the faces, int (k,).

    Returns:
        float64 (k,): deviation of the brightness from its mean over 3×3 pixels, over its deviation
        from the face's mean (5 grey levels added in squares, so that flat faces are not sharp).
    """
    edge = round(MARGIN * images.shape[1])
    found = [np.empty(0)]
    for start in range(0, len(chosen), BATCH):
        inner = images[chosen[start : start + BATCH]][:, edge:-edge, edge:-edge]
        grey = torch.from_numpy(inner).float().mean(dim=3)[:, None]
        smooth = F.avg_pool2d(F.pad(grey, (1, 1, 1, 1), mode="reflect"), 3, 1)
        fine = (grey - smooth).square().mean(dim=(1, 2, 3))
        found.append((fine / (grey.var(dim=(1, 2, 3)) + 25)).sqrt().double().numpy())
    return np.concatenate(found)
