"""The faces that a classifier gets most wrong and most right, and what the errors have in common.

Every held-out face is ranked by its margin, p(label) − p(other), and shown beside the training
faces that the network itself finds most alike: the nearest ones by the cosine of the features that
its last layer reads.
"""

from pathlib import Path

import numpy as np

from agegen import metrics
from agegen.analysis.analysis import Analysis
from agegen.analysis.face_sheets import (
    Sheet,
    Tile,
    describe_face,
    name_answer,
    name_face,
    save_faces,
    save_sheet,
)
from agegen.analysis.neighbours import Neighbours, nearest_faces
from agegen.analysis.shares import by_group, contrast, share
from agegen.classifier.evaluate import Predictions
from agegen.faces.records import CLASS_NAMES
from agegen.faces.store import UNKNOWN_AGE, FaceStore, clusters
from agegen.run.files import write_rows

SHOWN = 12
SHEET_ROWS = 2  # of each gallery
SURE = 0.9  # p of the wrong class from which an error counts as sure
NEAR_BOUND = 2  # years from the age of the class that is nearest to the other class
COLUMNS = (
    "index", "path", "label", "age", "gender", "p_old", "margin", "rank", "nearest_indices",
    "nearest_similarities", "nearest_paths",
)  # fmt: skip
CLASS_COLOURS = ("#0072B2", "#D55E00")  # as in the report's figures (Okabe and Ito, 2008)


def analyze(analysis: Analysis) -> dict:
    """Rank the test faces, look for what the errors share; writes errors.csv, the faces, a sheet.

    The files are errors.csv (all faces, the most wrong first), errors_faces.npz (`indices`,
    `images` of those that a page shows) and errors_nearest.png.
    """
    store, test = analysis.store, analysis.test
    margin = metrics.margin(test.labels, test.p)
    nearest = nearest_faces(analysis.classifier, store, test.indices)
    save_ranking(analysis.folder / "errors.csv", store, test, margin, nearest)
    old = (store.labels[nearest.indices] == 1).sum(axis=1)
    chosen = choose_examples(test, margin)
    galleries = {
        name: [
            describe_face(store, test.indices[row], test.p[row]) | {"nearest_old": int(old[row])}
            for row in rows
        ]
        for name, rows in chosen.items()
    }
    indices = [face["index"] for faces in galleries.values() for face in faces]
    save_faces(analysis.folder / "errors_faces.npz", store, indices)
    shown = [row for rows in chosen.values() for row in rows[:SHEET_ROWS]]
    heads = ["test face", *(f"nearest {i + 1}" for i in range(nearest.indices.shape[1]))]
    sheet = Sheet([neighbour_row(store, test, row, nearest) for row in shown], heads)
    save_sheet(analysis.folder / "errors_nearest.png", sheet)
    return {
        "n": len(test.labels),
        "neighbours": nearest.indices.shape[1],
        "median_cosine": float(np.median(nearest.cosines)),
        "feature_dimensions": nearest.dimensions,
        "sheet_rows": SHEET_ROWS,
        "galleries": galleries,
        **summarise(analysis, margin, nearest.indices),
    }


def wrong_faces(test: Predictions) -> np.ndarray:
    """Tell which faces are classified wrongly, bool (n,)."""
    return (test.p > 0.5) != test.labels


def choose_examples(
    test: Predictions, margin: np.ndarray, most: int = SHOWN
) -> dict[str, list[int]]:
    """Rows of the most wrong and the most right faces of each class; "wrong young" → rows."""
    chosen = {}
    order, wrong = np.argsort(margin, kind="stable"), wrong_faces(test)
    for kind, ranked, wanted in (("wrong", order, wrong), ("right", order[::-1], ~wrong)):
        for label, name in enumerate(CLASS_NAMES):
            rows = ranked[(wanted & (test.labels == label))[ranked]]
            chosen[f"{kind} {name}"] = rows[:most].tolist()
    return chosen


def summarise(analysis: Analysis, margin: np.ndarray, nearest: np.ndarray) -> dict:
    """Count the errors by how sure they are, age, gender and neighbours, with intervals."""
    store, test = analysis.store, analysis.test
    wrong = wrong_faces(test)
    persons = clusters(store, test.indices)
    ages, genders = store.ages[test.indices], store.genders[test.indices]
    known = ages != UNKNOWN_AGE
    classes = np.array(CLASS_NAMES)[test.labels]
    sure = margin < 1 - 2 * SURE
    other = (store.labels[nearest] != test.labels[:, None]).mean(axis=1)
    near = near_bound(ages, test.labels)[known]
    return {
        "share_intervals": metrics.SHARE_INTERVALS,
        "errors": share(wrong, persons),
        "sure": SURE,
        "sure_errors": share(sure[wrong], persons[wrong]),
        "by_class": by_group(classes, wrong, persons),
        "by_age": by_group(np.where(known, ages.astype(str), ""), wrong, persons),
        "by_gender": compare_genders(genders, classes, wrong, persons),
        "near_bound": {"years": NEAR_BOUND} | contrast(near, wrong[known], persons[known]),
        "other_class_neighbours": contrast(other, wrong, persons),
    }


def compare_genders(
    genders: np.ndarray, classes: np.ndarray, wrong: np.ndarray, persons: np.ndarray
) -> dict:
    """Errors of both genders within each class; classes in which one is missing are left out."""
    compared = {}
    for name in CLASS_NAMES:
        of = (classes == name) & (genders != "")
        if len(set(genders[of])) == 2:
            compared[name] = contrast(
                wrong[of], genders[of] == "female", persons[of], ("female", "male")
            )
    return compared


def near_bound(ages: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """True within `NEAR_BOUND` years of the age of the own class nearest to the other class."""
    near = np.zeros(len(ages), dtype=bool)
    for label, sign in ((0, 1), (1, -1)):
        of = (labels == label) & (ages != UNKNOWN_AGE)
        if of.any():
            near |= of & (sign * ages >= (sign * ages[of]).max() - NEAR_BOUND)
    return near


def save_ranking(
    path: Path, store: FaceStore, test: Predictions, margin: np.ndarray, nearest: Neighbours
) -> None:
    """Write all faces, the most wrong first; their neighbours separated by " | "."""
    rows = []
    for rank, row in enumerate(np.argsort(margin, kind="stable"), 1):
        i = test.indices[row]
        age = "" if store.ages[i] == UNKNOWN_AGE else store.ages[i]
        numbers, cosines = nearest.indices[row], [f"{c:.6f}" for c in nearest.cosines[row]]
        rows.append(
            (
                i, store.paths[i], test.labels[row], age, store.genders[i],
                f"{test.p[row]:.6f}", f"{margin[row]:.6f}", rank,
                *(" | ".join(map(str, x)) for x in (numbers, cosines, store.paths[numbers])),
            )
        )  # fmt: skip
    write_rows(path, COLUMNS, rows)


def neighbour_row(store: FaceStore, test: Predictions, row: int, nearest: Neighbours) -> list[Tile]:
    """A test face and its nearest training faces, framed in the colour of their labels."""
    face, near = test.indices[row], nearest.indices[row]
    captions = [name_answer(store, face, test.p[row])]
    for i, cosine in zip(near, nearest.cosines[row], strict=True):
        captions.append(f"{name_face(store, i)}\ncosine {cosine:.2f}")
    return [
        Tile(store.images[i], caption, CLASS_COLOURS[store.labels[i]])
        for i, caption in zip((face, *near), captions, strict=True)
    ]
