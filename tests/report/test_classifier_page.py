"""The classifier's page, of a small run folder and store written here."""

import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from agegen import metrics
from agegen.classifier.evaluate import PREDICTION_COLUMNS, Predictions, evaluate, prediction_rows
from agegen.errors import UserError
from agegen.faces.store import COLUMNS, FORMAT, UNKNOWN_AGE, FaceStore
from agegen.files import read_json, sha256, write_json, write_rows
from agegen.report import figures
from agegen.report.classifier_page import make_page

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
    config = {"faces": str(store.folder), "out": str(run), "compile": False, "select_by": "auc"}
    config |= {"model": {"widths": [8, 16]}, "epochs": 3, "batch_size": 20, "label_smoothing": 0.1}
    counts = {"train": {"young": 50, "old": 30}, "val": {"young": 5, "old": 5}}
    write_json(run / "config.json", {"config": config, "data": {"counts": counts}})
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


class Page(HTMLParser):
    """Collects references and pictures, and checks that the elements are closed in order."""

    VOID = frozenset({"meta", "img", "br", "link"})

    def __init__(self, html):
        super().__init__()
        self.open, self.pictures, self.references, self.ids = [], [], [], []
        self.tags, self.text = set(), ""
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.add(tag)
        self.references += [found[name] for name in ("src", "href") if name in found]
        self.ids += [found["id"]] if "id" in found else []
        self.pictures += [found] if tag == "img" else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data.replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def html(run):
    return make_page(run)


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


@pytest.fixture
def undrawn(monkeypatch):
    """Leave the drawings out, which take most of a page's time."""
    monkeypatch.setattr(figures, "as_svg", lambda *_: "data:image/svg+xml,")


def test_shows_the_figures_of_the_files(run, page):
    evaluation = read_json(run / "evaluation.json")
    for name in ("balanced_accuracy", "roc_auc", "accuracy", "brier_score"):
        e = evaluation[name]
        assert f"{e['value']:.3f} [{e['low']:.3f}, {e['high']:.3f}]" in page.text
    assert "40 faces (20 young, 20 old)" in page.text
    assert "held out" in page.text
    assert "not held out" not in page.text


def test_says_how_it_was_trained(page):
    assert "2 (step 8), by highest validation AUC" in page.text
    assert "3 of 3" in page.text
    assert "12 of 20.0 faces; 240 faces seen" in page.text
    assert "2.4 s, without validation and saving" in page.text  # 240 faces at 100 a second
    assert "25.00 % of the time" in page.text


def test_refers_to_nothing_outside_itself(page):
    anchors = [r for r in page.references if not r.startswith("data:image/")]
    assert sorted(anchors) == sorted(f"#{name}" for name in page.ids)
    assert page.tags.isdisjoint({"script", "link", "iframe", "object"})


def test_every_picture_has_an_alternative_text(page):
    assert len(page.pictures) >= 10
    assert all(picture.get("alt") for picture in page.pictures)


def test_every_figure_says_split_and_n(page):
    drawn = [p["alt"] for p in page.pictures if "svg" in p["src"][:30]]
    assert len(drawn) == 10
    assert all("split, n = " in alt for alt in drawn)


def test_examples_are_sorted_by_confidence(page):
    faces = [p["alt"] for p in page.pictures if p["src"].startswith("data:image/jpeg")]
    young = [float(alt.split("p(old) ")[1]) for alt in faces if alt.startswith("young")]
    assert young[:12] == sorted(young[:12])
    assert all(p < 0.5 for p in young[:12])
    assert len(faces) <= 6 * 12


def test_no_examples_if_none_are_asked_for(run, undrawn):
    html = make_page(run, examples=0)
    assert "image/jpeg" not in html
    assert 'href="#examples"' not in html


def test_commands_name_what_is_needed(page):
    assert "--model.widths 8 16" in page.text
    assert "--no-compile" in page.text
    assert "prepare_faces.py --source 'my photos' --no-resplit --out" in page.text
    assert "python recipes/evaluate_classifier.py --run" in page.text


def test_same_files_same_page(run, html):
    assert make_page(run) == html


def test_names_are_escaped(tmp_path, undrawn):
    other = write_run(tmp_path)
    environment = read_json(other / "environment.json")
    write_json(other / "environment.json", environment | {"processor": "<b>fast</b> & new"})
    assert "<b>" not in make_page(other, examples=0)


def test_works_with_few_faces_and_undefined_figures(tmp_path):
    run = write_run(tmp_path, faces=8, intervals=False)
    page = Page(make_page(run))
    assert "8 faces (4 young, 4 old)" in page.text
    assert "null" not in page.text
    assert "nan" not in page.text


def test_works_with_one_class_and_nothing_known_of_the_faces(tmp_path):
    run = write_run(tmp_path, faces=8, one_class=True, known=False)
    page = Page(make_page(run))
    assert "undefined" in page.text
    assert "Neither age nor gender" in page.text
    assert "age unknown" in page.text
    assert "ROC curve" not in page.text


def test_works_after_one_step(tmp_path):
    run = write_run(tmp_path)
    lines = (run / "metrics.jsonl").read_text().splitlines()
    first_validation = next(line for line in lines if "validation" in line)
    (run / "metrics.jsonl").write_text(f"{lines[0]}\n{first_validation}\n" + lines[1][:20])
    assert "Every step is shown" in Page(make_page(run, examples=0)).text


def test_says_if_the_faces_are_not_held_out(tmp_path, undrawn):
    run = write_run(tmp_path)
    write_json(run / "evaluation.json", read_json(run / "evaluation.json") | {"held_out": False})
    assert "not held out" in Page(make_page(run, examples=0)).text


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("evaluation.json", "evaluate_classifier.py"),
        ("predictions.csv", "evaluate_classifier.py"),
        ("best.json", "train_classifier.py"),
        ("config.json", "train_classifier.py"),
    ],
)
def test_missing_file_names_the_command_that_makes_it(tmp_path, name, recipe):
    run = write_run(tmp_path)
    (run / name).unlink()
    with pytest.raises(UserError, match=f"has no {name}.*{recipe}"):
        make_page(run)


def test_predictions_of_another_evaluation_are_refused(tmp_path):
    run = write_run(tmp_path)
    text = (run / "predictions.csv").read_text().splitlines()
    (run / "predictions.csv").write_text("\n".join(text[:-1]) + "\n")
    with pytest.raises(UserError, match="another evaluation"):
        make_page(run)


def test_another_store_is_refused(tmp_path):
    run, other = write_run(tmp_path / "a"), write_run(tmp_path / "b", faces=8)
    faces = json.loads((other / "evaluation.json").read_text())["faces"]
    with pytest.raises(UserError, match="other faces"):
        make_page(run, faces)


def test_a_moved_store_is_found_where_it_is_said_to_be(tmp_path, undrawn):
    run = write_run(tmp_path)
    moved = (tmp_path / "faces").rename(tmp_path / "moved")
    with pytest.raises(UserError, match="no FaceStore"):
        make_page(run)
    assert "image/jpeg" in make_page(run, moved)


def test_imports_no_network():
    code = (
        "import sys, agegen.report.classifier_page; print({*sys.modules} & {'torch', 'matplotlib'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
