"""What the classifier's page leads with, of random answers."""

import re

import numpy as np
import pytest
from written_runs import write_run

from agegen.report.classifier.lead import draw_curve, draw_faces, say
from agegen.report.parts.saved_run import read_run, read_scores


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return read_run(write_run(tmp_path_factory.mktemp("lead")))


def test_one_right_and_one_wrong_face_are_drawn(saved):
    rng, scored = np.random.default_rng(0), read_scores(saved, None)
    shown = set()
    for _ in range(30):
        y, p = rng.integers(0, 2, len(scored.y)), rng.random(len(scored.y))
        p[:2] = np.abs(y[:2] - (0.2, 0.9))  # the first is right, the second wrong
        (grid,) = draw_faces(saved.evaluation, scored._replace(y=y, p=p))
        assert grid.heads == ["right", "wrong"]
        for kind, (_, alt) in zip(grid.heads, grid.rows[0], strict=True):
            label, said = re.fullmatch(
                rf"{kind}: (young|old) face .* p\(old\) ([01]\.\d+)", alt
            ).groups()
            assert ((float(said) > 0.5) == (label == "old")) == (kind == "right")
            shown.add(alt.split(" of the store")[0])
        right = int(((p > 0.5) == y).sum())
        assert f"from {right} right and {len(y) - right} wrong held-out faces" in grid.caption
        assert "Drawn at random" in grid.caption
    assert len(shown) > 20


def test_without_a_wrong_face_the_right_one_is_alone(saved):
    scored = read_scores(saved, None)
    (grid,) = draw_faces(saved.evaluation | {"held_out": False}, scored._replace(p=scored.y * 1.0))
    assert len(grid.rows[0]) == 1
    assert "from 40 right and 0 wrong evaluated faces" in grid.caption


def test_the_curve_needs_both_classes(saved):
    scored, folder = read_scores(saved, None), saved.folder / "analysis"
    assert [p.name for p in draw_curve(folder, saved.evaluation, scored)] == ["ROC curve"]
    none = saved.evaluation | {"roc_auc": {"value": None, "low": None, "high": None}}
    assert draw_curve(folder, none, scored) == []


def test_the_sentence_sets_accuracy_beside_one_answer_for_all(saved):
    accuracy = saved.evaluation["accuracy"]["value"]
    said = say(saved.evaluation)
    assert said.startswith(f"Of 40 held-out faces (20 young, 20 old), {100 * accuracy:.1f} %")
    assert said.endswith("gets 50.0 %.")
    assert "held-out" not in say(saved.evaluation | {"held_out": False})


def test_without_a_right_face_the_wrong_one_is_called_so(saved):
    scored = read_scores(saved, None)
    (grid,) = draw_faces(saved.evaluation, scored._replace(p=1.0 - scored.y))
    assert list(grid.heads) == ["wrong"]
    assert grid.rows[0][0][1].startswith("wrong: ")
