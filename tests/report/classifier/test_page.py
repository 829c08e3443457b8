"""The classifier's page, of a small run folder and store written here."""

import json
import shutil
from html.parser import HTMLParser

import pytest
from studies import write_study
from written_runs import write_run

from agegen.analysis import augmentation as chapter_augmentation
from agegen.analysis import curves as chapter_curves
from agegen.analysis import structure as chapter_structure
from agegen.analysis import untrained as chapter_untrained
from agegen.analysis.analysis import open_analysis
from agegen.analysis.analyze import fingerprint
from agegen.classifier.evaluate import SCORES
from agegen.classifier.evaluate_run import evaluate_run
from agegen.report.classifier import learning_curves
from agegen.report.classifier.learning_curves import draw_learning
from agegen.report.classifier.page import (
    FIGURE_NAMES,
    answer_questions,
    make_page,
    score_rows,
)
from agegen.report.parts import style
from agegen.report.parts.saved_run import read_run, read_scores
from agegen.run.errors import UserError
from agegen.run.files import read_json, write_json


class Page(HTMLParser):
    """Collects references and pictures, and checks that the elements are closed in order."""

    VOID = frozenset({"meta", "img", "br", "link", "input"})

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


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """Tests only read it."""
    return write_run(tmp_path_factory.mktemp("page"))


@pytest.fixture
def copy(run, tmp_path):
    """The same run, to be changed; its store stays where it is."""
    return shutil.copytree(run, tmp_path / "run")


@pytest.fixture(scope="session")
def html(run):
    return make_page(run)


@pytest.fixture(scope="session")
def page(html):
    return Page(html)


@pytest.fixture
def undrawn(monkeypatch):
    """Leave the drawings out, which take most of a page's time."""
    monkeypatch.setattr(style, "as_svg", lambda *_: "data:image/svg+xml,")


@pytest.fixture
def no_curves(monkeypatch):
    """Leave out the learning curves, which do not depend on the faces."""
    monkeypatch.setattr(learning_curves, "draw_learning", lambda _: [])


def change(path, **values):
    write_json(path, read_json(path) | values)


def test_shows_the_figures_of_the_files(run, page):
    evaluation = read_json(run / "evaluation.json")
    for name in ("balanced_accuracy", "roc_auc", "accuracy", "brier_score"):
        e = evaluation[name]
        assert f"{e['value']:.3f} [{e['low']:.3f}, {e['high']:.3f}]" in page.text
    for share in evaluation["recall"].values():
        assert f"{share['value']:.3f} [{share['low']:.3f}, {share['high']:.3f}]" in page.text
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
    assert len(drawn) == 11
    assert all("split, n = " in alt for alt in drawn)


def test_answers_what_needs_no_analysis_and_names_the_rest(page):
    assert page.ids == [
        "figures", "learning-curve", "training", "beyond-accuracy", "examples", "missing",
        "settings",
    ]  # fmt: skip
    for name in ("structure", "untrained network", "hyperparameters", "label noise"):
        assert name in page.text.split("Not computed for this run with its present weights:")[1]


@pytest.fixture(scope="session")
def analysed(trained_run, tmp_path_factory):
    """A trained run with the chapters that take no time; tests copy it before changing it."""
    run = shutil.copytree(trained_run, tmp_path_factory.mktemp("analysed") / "run")
    evaluate_run(run, resamples=50)
    analysis = open_analysis(run)
    chapters = {
        "structure": chapter_structure.analyze(analysis),
        "untrained": chapter_untrained.analyze(analysis, count=3),
        "curves": chapter_curves.analyze(analysis),
        "augmentation": chapter_augmentation.analyze(analysis),
    }
    for name, content in chapters.items():
        made_from = {"made_from": fingerprint(analysis)}
        write_json(run / "analysis" / f"{name}.json", made_from | content)
    return run


def test_chapters_become_sections_in_the_order_of_the_course(analysed, undrawn):
    page = Page(make_page(analysed))
    assert page.ids == [
        "figures", "structure", "untrained-network", "learning-curve", "training",
        "beyond-accuracy", "augmentation", "examples", "missing", "settings",
    ]  # fmt: skip
    anchors = [r for r in page.references if not r.startswith("data:image/")]
    assert sorted(anchors) == sorted(f"#{name}" for name in page.ids)
    kinds = [picture["src"].partition(";")[0] for picture in page.pictures]
    assert kinds.count("data:image/png") == 1  # the random crops
    assert "Every layer in the order of the computation" in page.text
    assert "details" in page.tags  # long tables are folded
    assert "total of" in page.text


def test_every_word_of_a_section_is_on_the_page(analysed, undrawn):
    saved = read_run(analysed)
    sections, missing = answer_questions(saved, read_scores(saved, None), examples=12)
    text = Page(make_page(analysed)).text
    assert len(sections) == 7
    for section in sections:
        for part in (section.question, section.question_fr, *section.answer, *section.details):
            assert part.replace("\N{NO-BREAK SPACE}", " ") in text
        for table in section.tables:
            assert all(cell.replace("\N{NO-BREAK SPACE}", " ") in text for cell in table.rows[-1])
    assert "multi-crop evaluation" in missing


def test_without_examples_no_face_is_left_and_figures_are(analysed, undrawn):
    html = make_page(analysed, examples=0)
    assert "image/png" not in html
    assert "image/jpeg" not in html
    assert html.count("data:image/svg") >= 10


def test_chapters_of_other_weights_are_not_shown(analysed, tmp_path, undrawn):
    run = shutil.copytree(analysed, tmp_path / "run")
    before = read_json(run / "analysis" / "untrained.json")["made_from"]
    change(run / "analysis" / "untrained.json", made_from=before | {"weights": "0" * 16})
    page = Page(make_page(run, examples=0))
    assert "untrained-network" not in page.ids
    assert "structure" in page.ids
    assert "present weights: untrained network; number of faces" in page.text


def test_a_study_without_an_analysis_is_shown(striped_store, tmp_path, undrawn):
    run = write_run(tmp_path)
    write_study(run, striped_store, lambda trial: 1.0, ("augmentation",))
    page = Page(make_page(run, examples=0))
    assert {"hyperparameters", "number-of-faces"} <= set(page.ids)


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
    assert "accelerate launch recipes/train_classifier.py --faces" in page.text
    assert "python recipes/evaluate_classifier.py --run" in page.text
    assert "--views flip --resamples 50" in page.text
    assert "--resamples 50 --seed" not in page.text  # 0 is the default


def test_same_files_same_page(run, html):
    assert make_page(run) == html


def test_names_are_escaped(copy, undrawn):
    change(copy / "environment.json", processor="<b>fast</b> & new")
    assert "<b>" not in make_page(copy, examples=0)


def test_works_with_few_faces_and_undefined_figures(tmp_path, no_curves):
    run = write_run(tmp_path, faces=8, intervals=False)
    page = Page(make_page(run))
    assert "8 faces (4 young, 4 old)" in page.text
    assert "null" not in page.text
    assert "nan" not in page.text


def test_works_with_one_class_and_nothing_known_of_the_faces(tmp_path, no_curves):
    run = write_run(tmp_path, faces=8, one_class=True, known=False)
    page = Page(make_page(run))
    assert "undefined" in page.text
    assert "Neither age nor gender" in page.text
    assert "age unknown" in page.text
    assert "ROC curve" not in page.text


def test_works_after_one_step(copy):
    lines = (copy / "metrics.jsonl").read_text().splitlines()
    first_validation = next(line for line in lines if "validation" in line)
    (copy / "metrics.jsonl").write_text(f"{lines[0]}\n{first_validation}\n" + lines[1][:20])
    assert "Every step is shown" in draw_learning(read_run(copy))[0].caption


def test_an_unfinished_training_is_said_to_be_so(copy):
    config = read_json(copy / "config.json")["config"]
    done = len(read_run(copy).validation["epoch"])
    for epochs, patience, unfinished in ((done, 0, False), (99, 0, True), (99, 1, False)):
        change(copy / "config.json", config=config | {"epochs": epochs, "patience": patience})
        change(copy / "best.json", epoch=0)
        said = learning_curves.describe_unfinished(read_run(copy))
        assert bool(said) == unfinished
        assert not unfinished or f"{done} of 99 epochs" in said[0]


def test_says_if_the_faces_are_not_held_out(copy, undrawn):
    n = read_json(copy / "evaluation.json")["n"]
    for seen, told in ((7, "7"), (None, "an unknown number")):
        change(copy / "evaluation.json", held_out=False, seen_in_training=seen)
        assert f"on {told} of the {n}." in Page(make_page(copy, examples=0)).text


def test_says_if_the_store_is_another_than_that_of_the_training(run, copy, page, undrawn):
    assert "the store it was trained on" in page.text
    change(copy / "config.json", data=read_json(run / "config.json")["data"] | {"checksum": "0"})
    assert "another store than it was trained on" in Page(make_page(copy, examples=0)).text


def test_time_is_added_up_over_restarts(copy, undrawn):
    lines = [json.loads(line) for line in (copy / "metrics.jsonl").read_text().splitlines()]
    seconds = iter((10.0, 25.0, 5.0))  # restarted after the second epoch
    for line in lines:
        if line["kind"] == "validation":
            line["seconds"] = next(seconds)
    (copy / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert "30.0 s, with validation and saving" in Page(make_page(copy, examples=0)).text


@pytest.mark.parametrize(
    ("environment", "start"),
    [
        ({"processes": 1}, "accelerate launch recipes/train_classifier.py --faces"),
        ({"processes": 2}, "ACCELERATE_USE_CPU=1 torchrun --nproc_per_node 2 recipes/train_class"),
        (
            {"processes": 4, "gpus": ["A", "B", "C", "D"]},
            "accelerate launch --multi_gpu --num_processes 4 recipes/train_classifier.py",
        ),
    ],
)
def test_training_is_launched_in_as_many_processes(copy, undrawn, environment, start):
    change(copy / "environment.json", **environment, precision="bf16")
    text = Page(make_page(copy, examples=0)).text
    assert start in text
    assert "bf16" in text


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("evaluation.json", "evaluate_classifier.py"),
        ("predictions.csv", "evaluate_classifier.py"),
        ("best.json", "train_classifier.py"),
        ("config.json", "train_classifier.py"),
    ],
)
def test_missing_file_names_the_command_that_makes_it(copy, name, recipe):
    (copy / name).unlink()
    with pytest.raises(UserError, match=f"has no {name}.*{recipe}"):
        make_page(copy)


def test_predictions_of_another_evaluation_are_refused(copy):
    text = (copy / "predictions.csv").read_text().splitlines()
    (copy / "predictions.csv").write_text("\n".join(text[:-1]) + "\n")
    with pytest.raises(UserError, match="another evaluation"):
        make_page(copy)


def test_an_evaluation_of_an_earlier_version_is_to_be_made_again(run, copy):
    evaluation = read_json(run / "evaluation.json")
    del evaluation["checksum"]
    write_json(copy / "evaluation.json", evaluation)
    with pytest.raises(UserError, match=r"earlier version.*evaluate_classifier\.py"):
        make_page(copy)


def test_every_figure_of_an_evaluation_has_a_name():
    assert FIGURE_NAMES.keys() == SCORES.keys() | {"accuracy", "balanced_accuracy"}


def test_a_figure_that_an_older_evaluation_has_not_is_left_out(run):
    evaluation = read_json(run / "evaluation.json")
    rows = score_rows(evaluation)
    del evaluation["accuracy"]
    assert score_rows(evaluation) == [row for row in rows if row[0] != "accuracy"]


def test_another_store_is_refused(run, tmp_path):
    other = write_run(tmp_path, faces=8)
    faces = read_json(other / "evaluation.json")["faces"]
    with pytest.raises(UserError, match="other faces"):
        make_page(run, faces)


def test_a_moved_store_is_found_where_it_is_said_to_be(tmp_path, undrawn):
    run = write_run(tmp_path)
    moved = (tmp_path / "faces").rename(tmp_path / "moved")
    with pytest.raises(UserError, match="no FaceStore"):
        make_page(run)
    assert "image/jpeg" in make_page(run, moved)
