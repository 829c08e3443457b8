"""Run folders of an evaluated classifier, written without training one."""

import json
from pathlib import Path

import numpy as np

from agegen import metrics
from agegen.classifier.config import TrainConfig
from agegen.classifier.evaluate import PREDICTION_COLUMNS, Predictions, evaluate, prediction_rows
from agegen.classifier.model import ModelConfig
from agegen.faces.store import COLUMNS, FORMAT, UNKNOWN_AGE, FaceStore
from agegen.run.configs import to_plain
from agegen.run.files import sha256, write_json, write_rows

TEMPERATURE = 0.8
BEST = {"epoch": 1, "step": 8, "auc": 0.9, "balanced_accuracy": 0.8, "nll": 0.4, "temperature": 0.8}


def write_store(folder: Path, labels: np.ndarray, known: bool) -> FaceStore:
    """Noise pictures of 16 pixels, all in the test split; `known` gives ages and genders."""
    folder.mkdir(parents=True)
    n = len(labels)
    np.save(
        folder / "images.npy",
        np.random.default_rng(0).integers(0, 256, (n, 16, 16, 3), dtype=np.uint8),
    )
    rows = [
        (f"{n}/{i}.png", 20 + i % 4 + 35 * int(y), int(y), "", ("female", "male")[i % 2])
        if known
        else (f"{n}/{i}.png", "", int(y), f"person {i // 2}", "")
        for i, y in enumerate(labels)
    ]
    write_rows(folder / "faces.csv", COLUMNS, [(*row, "test", "00" * 32) for row in rows])
    files = [folder / "images.npy", folder / "faces.csv"]
    info = {
        "format": FORMAT,
        "request": {"source": "my photos", "resplit": False, "photos": n},
        "counts": {"faces": n},
        "bytes": {f.name: f.stat().st_size for f in files},
        "checksums": {f.name: sha256(f) for f in files},
    }
    write_json(folder / "store.json", info)
    store = FaceStore.open(folder)
    assert (store.ages[0] == UNKNOWN_AGE) == (not known)
    return store


def write_run(
    root: Path, faces: int = 40, intervals: bool = True, one_class: bool = False, known: bool = True
) -> Path:
    """Three epochs of four steps of 20 faces, evaluated on `faces`."""
    run, y = root / "run", np.arange(faces) % 2 * (not one_class)
    store = write_store(root / "faces", y, known)
    logit = np.random.default_rng(1).normal(2 * y - 1, 1.5)
    p, q = metrics.sigmoid(logit), metrics.sigmoid(logit / TEMPERATURE)
    predictions = Predictions(np.arange(faces), y, logit, p, q)
    evaluation = evaluate(store, predictions, resamples=50)
    if not intervals:
        evaluation = without_intervals(evaluation)
    about = {"run": str(run), "faces": str(store.folder), "split": "test", "held_out": True}
    about |= {"views": "flip", "temperature": TEMPERATURE}
    write_json(run / "evaluation.json", about | evaluation)
    write_rows(run / "predictions.csv", PREDICTION_COLUMNS, prediction_rows(store, predictions))
    write_json(run / "best.json", BEST)
    write_json(run / "environment.json", {"agegen": "0", "processor": "AVX2", "gpus": []})
    config = TrainConfig(store.folder, run, ModelConfig(widths=(8, 16)), epochs=3, batch_size=20)
    counts = {"train": {"young": 50, "old": 30}, "val": {"young": 5, "old": 5}}
    data = {"checksum": store.checksum, "counts": counts}
    write_json(run / "config.json", {"config": to_plain(config), "data": data})
    (run / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records()))
    return run


def records() -> list[dict]:
    pace = {"images_per_second": 100.0, "waiting": 0.25}
    lines = []
    for step in range(1, 13):
        epoch = (step - 1) // 4
        lines.append({"kind": "step", "step": step, "epoch": epoch, **pace})
        lines[-1] |= {"loss": 1 / step, "learning_rate": 1e-3 / step}
        if step % 4 == 0:
            lines.append({"kind": "validation", **BEST, "step": step, "epoch": epoch})
    return lines


def without_intervals(content):
    if not isinstance(content, dict):
        return content
    return {k: None if k in ("low", "high") else without_intervals(v) for k, v in content.items()}
