"""The base of a study: a run's config made short, the faces, and the folder of the trials."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from agegen.classifier.config import TrainConfig, classes_alone
from agegen.classifier.training import fitted_to
from agegen.classifier.training_faces import open_faces
from agegen.faces.store import FaceStore
from agegen.faces.views import Views
from agegen.run.configs import to_plain
from agegen.run.files import explained_damage, read_json, write_json
from agegen.run.folder import require_same

EPOCHS, NARROW = 5, 2


class Study(NamedTuple):
    """A study's folder, the config that its trials vary, and the faces.

    Attributes:
        folder: for trials/, base.json, study.json and trials.csv.
        base: the config; its `out` and `seed` are the trials' own.
        store: with the base's splits.
        views: what the judgement of a trial averages over.
    """

    folder: Path
    base: TrainConfig
    store: FaceStore
    views: Views


def open_study(
    folder: Path,
    config: TrainConfig,
    faces: Path | None = None,
    epochs: int | None = None,
    narrow: int | None = None,
) -> Study:
    """Begin a study, or come back to one.

    Args:
        folder: of the study; made if missing.
        config: of a run: what is varied.
        faces: folder of its store, if it is no longer where the config says.
        epochs: of a trial with all faces; None takes those of the study that is there, or 5.
        narrow: divides the network's widths; None takes that of the study that is there, or 2.

    Raises:
        UserError: the folder holds a study of another config or of other faces.
    """
    path = folder / "base.json"
    found = read_json(path) if path.exists() else {}
    with explained_damage(path):
        schedule = {
            "epochs": int(epochs or found.get("epochs", EPOCHS)),
            "narrow": int(narrow or found.get("narrow", NARROW)),
        }
    store = open_faces(config, faces)
    fitted = fitted_to(classes_alone(config), store)
    widths = tuple(max(width // schedule["narrow"], 1) for width in fitted.model.widths)
    base = replace(  # validated by the centre view alone, which saves time: no epoch is chosen
        fitted, out=folder / "trials", model=replace(fitted.model, widths=widths),
        epochs=schedule["epochs"], patience=0, views="centre", compile=False, threads=1, seed=0,
        resume=True, dry_run=False, start_from=None,
    )  # fmt: skip
    wanted = {"config": to_plain(base), "data": store.checksum, "views": config.views}
    if found:
        require_same(folder, found, wanted, base)
    else:
        write_json(path, wanted | schedule)
    return Study(folder, base, store, config.views)
