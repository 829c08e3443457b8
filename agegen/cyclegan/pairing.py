"""Which training faces are paired: the sharp ones, at the same ratio of women to men, and so on.

Where old faces are of other people than young ones (more men, more spectacles), generators learn
that, too, as a part of age. Pairs of one group teach no such thing. Who is paired is kept in the
run, as pairing.json.
"""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from agegen.faces import landmarks
from agegen.faces.records import CLASS_NAMES
from agegen.faces.spectacles import WITH, WITHOUT, spectacle_score
from agegen.faces.store import FaceStore
from agegen.run.errors import UserError
from agegen.run.files import explained_damage, read_json, write_json
from agegen.run.progress import Progress

FILE = "pairing.json"
GENDER, SPECTACLES = "gender", "spectacles"
BATCH = 256
MARGIN = 0.09  # of the side: the border, where background is, does not count


class Domains(NamedTuple):
    """Training faces of a group, by class: numbers in the store, int64 each."""

    name: str
    young: np.ndarray
    old: np.ndarray


def pairable(
    store: FaceStore, sharpest: float = 1.0, balance: tuple[str, ...] = ()
) -> list[Domains]:
    """The faces of each group that a training may pair.

    Args:
        store: whose training split is used.
        sharpest: share of the faces of each class that is used, the sharpest.
        balance: what pairs shall have in common: "gender" (unknown is one, too, so that a store
            that knows none is one group), "spectacles" (faces that may wear some or not are left
            out), or tables with the columns path and group; a group is what they say together.

    Returns:
        One group without `balance`; else those that have faces of both classes.

    Raises:
        UserError: a table does not fit, no group has faces of both classes, or spectacles cannot be
            looked for.
    """
    train = store.indices("train")
    domains = [train[store.labels[train] == label] for label in range(len(CLASS_NAMES))]
    if sharpest < 1:
        domains = [sharpest_of(store, faces, sharpest) for faces in domains]
    if not balance:
        return [Domains("all", *domains)]
    groups = groups_of(store, balance, np.concatenate(domains))
    found = divided(domains, groups)
    if not found:
        raise UserError(
            f"--balance {' '.join(balance)}: no group has young and old training faces in "
            f"{store.folder}"
        )
    return found


def divided(domains: Sequence[np.ndarray], groups: np.ndarray) -> list[Domains]:
    """The groups that have faces of both classes, by name; "" is none."""
    names = sorted(set(groups[np.concatenate(domains)]) - {""})
    found = [Domains(name, *(x[groups[x] == name] for x in domains)) for name in names]
    return [group for group in found if len(group.young) and len(group.old)]


def require_pairable(store: FaceStore, balance: tuple[str, ...]) -> None:
    """Refuse what cannot be paired, without looking for spectacles, which takes a while.

    Raises:
        UserError: as `pairable`.
    """
    pairable(store, balance=tuple(name for name in balance if name != SPECTACLES))
    if SPECTACLES in balance and not landmarks.available():
        raise UserError(
            "--balance spectacles needs the extra photos, which looks for them: pip install "
            "'agegen[photos]', or balance without: --balance gender"
        )


def choose_pairing(
    file: Path, store: FaceStore, sharpest: float, balance: tuple[str, ...]
) -> list[Domains] | None:
    """What `write_pairing` is to write: None where all may be paired, or the file is there.

    Raises:
        UserError: as `pairable`.
    """
    everything = sharpest == 1 and not balance
    return None if everything or file.exists() else pairable(store, sharpest, balance)


def write_pairing(file: Path, groups: list[Domains] | None) -> None:
    """Keep what may be paired, if it is not all."""
    if groups:
        faces = {g.name: {"young": g.young.tolist(), "old": g.old.tolist()} for g in groups}
        write_json(file, faces)


def read_pairing(
    file: Path, store: FaceStore, sharpest: float, balance: tuple[str, ...]
) -> list[Domains]:
    """What `write_pairing` has written; all training faces as one group where it is all of them.

    Raises:
        UserError: the file is missing, damaged, or of another store.
    """
    if sharpest == 1 and not balance:
        return pairable(store)
    kept = read_json(file)
    with explained_damage(file):
        groups = [
            Domains(name, *(np.array(group[c], np.int64) for c in CLASS_NAMES))
            for name, group in kept.items()
        ]
        train = store.indices("train")
        for group in groups:
            for label, faces in enumerate(group[1:]):
                if not len(faces) or not np.isin(faces, train[store.labels[train] == label]).all():
                    raise ValueError("no training faces of the class")
        if not groups:
            raise ValueError("no groups")
    return groups


def groups_of(store: FaceStore, balance: tuple[str, ...], chosen: np.ndarray) -> np.ndarray:
    """The groups of the chosen faces, str (n,) for all, "" where something of it is unknown."""
    parts = []
    for name in balance:
        if name == GENDER:
            parts.append(np.where(store.genders == "", "unknown", store.genders))
        elif name == SPECTACLES:
            parts.append(find_spectacles(store, chosen))
        else:
            parts.append(read_groups(store, Path(name)))
    known = np.all([part != "" for part in parts], axis=0)
    joined = np.array([" ".join(of_face) for of_face in zip(*parts, strict=True)])
    return np.where(known, joined, "")


def find_spectacles(store: FaceStore, chosen: np.ndarray) -> np.ndarray:
    """ "with" or "without" for the chosen faces, str (n,), "" where it is not clear."""
    found = np.full(len(store), "", "<U7")
    with Progress(len(chosen), "looking for spectacles", "faces") as progress:
        for number in chosen:
            score = spectacle_score(np.asarray(store.images[number]))
            found[number] = "with" if score > WITH else "without" if score < WITHOUT else ""
            progress.update()
    return found


def read_groups(store: FaceStore, table: Path) -> np.ndarray:
    """The groups that a table gives to the store's faces, str (n,), "" where it gives none.

    A row is of the face of that path, or else of the face of that file name, if it is the only one.

    Raises:
        UserError: it is missing, is no such table, has a path twice with different groups, or names
            none of the faces.
    """
    groups: dict[str, str] = {}
    try:
        with table.open(newline="", encoding="utf-8-sig") as lines:
            for row in csv.DictReader(lines):
                path, group = row["path"].strip(), row["group"].strip()
                if groups.setdefault(path, group) != group:
                    raise UserError(f"--balance {table} has {path} twice, with different groups")
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, AttributeError) as error:
        raise UserError(
            f"--balance {table} is not {GENDER}, {SPECTACLES} or a table (CSV) with the columns "
            f"path and group ({type(error).__name__}: {error})"
        ) from None
    ours, theirs = (Counter(Path(path).name for path in paths) for paths in (store.paths, groups))
    by_name = {Path(path).name: group for path, group in groups.items()}

    def group_of(path: str) -> str:
        name = Path(path).name
        alone = ours[name] == theirs[name] == 1
        return groups.get(path, by_name[name] if alone else "")

    found = np.array([group_of(path) for path in store.paths.tolist()])
    if not (found != "").any():
        raise UserError(
            f"--balance {table} names no face of {store.folder}, whose paths are those in faces.csv"
        )
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
