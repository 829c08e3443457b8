"""A blind test from a run's evaluation: its page, a visitor in a browser, his answers scored."""

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from browser import needs_browser, visit
from known_people import Ages
from photos import recipe_here

from agegen.cyclegan.blind_test import (
    KINDS,
    BlindTestConfig,
    draw_questions,
    make_blind_test,
    plan_questions,
    require_no_other,
)
from agegen.evaluation.blind_answers import ScoreConfig, describe_scores, score
from agegen.evaluation.held_out import HeldOut
from agegen.faces.records import CLASS_NAMES
from agegen.run.configs import read_config
from agegen.run.errors import UserError


@pytest.fixture(scope="module")
def evaluation(cyclegan_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What evaluate_cyclegan says of itself is all that is needed."""
    path = tmp_path_factory.mktemp("evaluated") / "evaluation.json"
    faces = read_config(cyclegan_run)["config"]["faces"]
    said = {
        "run": str(cyclegan_run), "faces": faces, "split": "train", "weights": "generators",
        "strength": {"young": 1.0, "old": 0.5},
    }  # fmt: skip
    path.write_text(json.dumps(said))
    return path


@pytest.fixture(scope="module")
def folder(evaluation: Path) -> Path:
    out = evaluation.parent / "test"
    done = recipe_here("blind_test", "--evaluation", evaluation, "--out", out, "--questions", 18)
    assert done.returncode == 0, done.stderr
    assert "18 questions" in done.stdout
    return out


def answer(folder: Path, name: str, answers: list) -> Path:
    key = json.loads((folder / "key.json").read_text())
    path = folder / name
    path.write_text(json.dumps({"test": key["test"], "answers": answers, "seconds": []}))
    return path


def rights(folder: Path) -> list[int]:
    return [q["right"] for q in json.loads((folder / "key.json").read_text())["questions"]]


def test_a_third_of_each_kind_and_half_on_each_side(folder: Path, evaluation: Path) -> None:
    questions = json.loads((folder / "key.json").read_text())["questions"]
    assert sum(rights(folder)) == 9
    for kind in ("photograph", "older", "same"):
        assert sum(q["kind"] == kind for q in questions) == 6
    assert {q["to"] for q in questions} == set(CLASS_NAMES)
    again = make_blind_test(BlindTestConfig(evaluation, folder, 18))
    assert again.name == json.loads((folder / "key.json").read_text())["test"]
    other = make_blind_test(BlindTestConfig(evaluation, folder, 18, seed=1))
    assert other.name != again.name


@pytest.mark.parametrize("seed", range(20))
def test_no_habit_of_answering_is_right_more_often(seed: int) -> None:
    rng = np.random.default_rng(seed)
    planned = plan_questions(int(rng.integers(3, 200)), rng)
    counts = np.zeros((3, 2, 2), dtype=int)  # kind, aim, right answer
    for kind, (_, to), right in planned:
        counts[KINDS.index(kind), CLASS_NAMES.index(to), right] += 1
    assert np.ptp(counts, axis=2).max() <= 1
    assert np.ptp(counts.sum(1), axis=1).max() <= 1  # right answers of a kind
    assert np.ptp(counts.sum(2), axis=1).max() <= 1  # directions of a kind
    assert np.ptp(counts.sum((1, 2))) <= 1
    assert counts.sum() == len(planned)


def people_at_random(seed: int, n: int = 60) -> tuple[HeldOut, dict[str, list]]:
    """Faces of one grey level each, which is twice its number, of few persons; their genders."""
    rng = np.random.default_rng(seed)
    levels = torch.arange(n)[:, None, None, None].expand(n, 3, 2, 2) * 2 / 127.5 - 1
    persons = {name: rng.integers(0, int(rng.integers(6, 20)), n) for name in CLASS_NAMES}
    of_persons = rng.choice(["", "female", "male"], 20, p=[0.1, 0.5, 0.4])
    genders = {name: of_persons[persons[name]].tolist() for name in CLASS_NAMES}
    indices = {name: np.arange(n) for name in CLASS_NAMES}
    return HeldOut(dict.fromkeys(CLASS_NAMES, levels), {}, indices, persons), genders


class Unchanged(Ages):
    """Whose faces are still known by their grey levels."""

    def translate(self, faces: torch.Tensor, to: str) -> torch.Tensor:
        return faces


@pytest.mark.parametrize("seed", range(20))
def test_a_stranger_is_another_person_of_the_same_gender(seed: int) -> None:
    held_out, genders = people_at_random(seed)
    config = BlindTestConfig(Path("evaluation.json"), Path("none"), 30, seed=seed)
    questions = draw_questions(Unchanged(), held_out, genders, config)
    shown = [
        (q, *(int(picture[0, 0, 0]) // 2 for picture in q.pictures))
        for q in questions if q.kind == "same"
    ]  # fmt: skip
    assert {q.right for q, _, _ in shown} == {0, 1}
    for question, face, source in shown:
        name = next(name for name in CLASS_NAMES if name != question.to)
        persons = held_out.persons[name]
        assert (persons[face] != persons[source]) == question.right
        assert genders[name][source] in ("", genders[name][face])
        assert (face == source) == (not question.right)


@pytest.mark.parametrize("seed", range(10))
def test_as_many_questions_as_fit_are_made_and_the_rest_is_explained(
    seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(seed)
    held_out, genders = people_at_random(seed, int(rng.integers(12, 60)))

    def draw(questions: int) -> tuple[list, str]:
        config = BlindTestConfig(Path("e"), Path("none"), questions, seed=seed)
        drawn = draw_questions(Unchanged(), held_out, genders, config)
        asked = [(q.kind, q.to, q.right, *(p.tolist() for p in q.pictures)) for q in drawn]
        return asked, capsys.readouterr().out

    fit, said = draw(1000)
    assert re.fullmatch(
        rf"note: {len(fit)} of 1,000 questions are made: no face is shown twice, and no "
        r"(young|old) one( of a stranger)? is left to show\n",
        said,
    )
    assert draw(len(fit)) == (fit, "")
    assert draw(len(fit) + 1) == (fit, said.replace("1,000", str(len(fit) + 1)))


def test_one_person_is_no_stranger_to_himself() -> None:
    held_out, genders = people_at_random(0, 3)
    alone = held_out._replace(persons={name: np.zeros(3, dtype=int) for name in CLASS_NAMES})
    with pytest.raises(UserError, match="no young one of a stranger is left to show"):
        draw_questions(Unchanged(), alone, genders, BlindTestConfig(Path("e"), Path("none"), 30))


def test_no_picture_is_shown_twice_and_the_page_holds_no_answer(folder: Path) -> None:
    page = (folder / "index.html").read_text()
    asked = json.loads(re.search(r'id="questions">(.*?)</script>', page, re.S)[1])
    assert [set(q) for q in asked] == [{"kind", "text", "choices", "pictures"}] * 18
    pictures = [p for q in asked for p in q["pictures"]]
    assert len(set(pictures)) == len(pictures)
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]', page)
    assert not re.findall(r"<img(?![^>]* src=)", page)


def test_who_knows_all_is_right_and_who_knows_nothing_at_chance(folder: Path) -> None:
    all_right = answer(folder, "all.json", rights(folder))
    found = score(ScoreConfig(folder / "key.json", (all_right,)))
    assert all(of["right"]["value"] == 1 for of in found.values())
    assert found["same"]["right"]["low"] == pytest.approx(0.025 ** (1 / 6))
    rng = random.Random(0)
    guesses = [
        answer(folder, f"{i}.json", [rng.choice([0, 1, None]) for _ in range(18)])
        for i in range(40)
    ]
    found = score(ScoreConfig(folder / "key.json", tuple(guesses)))
    for kind in ("photograph", "older", "same"):
        assert found[kind]["right"]["low"] < 0.5 < found[kind]["right"]["high"]
        assert 100 < found[kind]["n"] < 240  # a third is left out
    assert "no better than chance" in describe_scores(found)[0]


@pytest.mark.parametrize("seed", range(8))
def test_visitors_who_leave_a_kind_out_take_nothing_from_who_answers_it(
    folder: Path, seed: int
) -> None:
    rng = random.Random(seed)
    key = folder / "key.json"
    kinds = [q["kind"] for q in json.loads(key.read_text())["questions"]]
    whole = [rng.randrange(2) for _ in kinds]
    only = rng.choice(KINDS)
    part = [rng.randrange(2) if kind == only else None for kind in kinds]
    alone = answer(folder, "whole.json", whole)
    together = score(ScoreConfig(key, (answer(folder, "part.json", part), alone)))
    for group, of in score(ScoreConfig(key, (alone,))).items():
        if group.startswith(only):
            assert together[group]["visitors"] == 2
        else:
            assert together[group] == of


@pytest.mark.parametrize("seed", range(8))
def test_one_visitor_is_not_counted_twice(folder: Path, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    answers = [rng.choice([0, 1, None]) for _ in range(18)]
    seconds = [rng.randrange(1, 99) / 10 for _ in range(18)]
    said = {"test": json.loads((folder / "key.json").read_text())["test"], "answers": answers}
    given = []
    for number in range(rng.randrange(1, 4)):
        given.append(tmp_path / f"{number}.json")  # the same answers, but of other people
        given[-1].write_text(json.dumps({**said, "seconds": [number, *seconds]}))
    assert score(ScoreConfig(folder / "key.json", tuple(given)))
    with pytest.raises(UserError, match="the same answers"):
        score(ScoreConfig(folder / "key.json", (*given, given[0])))
    copied = rng.choice(given)
    copy = rng.choice([copied, tmp_path / "copy.json"])
    copy.write_text(json.dumps(json.loads(copied.read_text()), indent=rng.choice([None, 2])))
    rng.shuffle(given)
    done = recipe_here("score_blind_test", "--key", folder / "key.json", "--answers", *given, copy)
    assert done.returncode == 2
    assert re.fullmatch(r"error: .*json holds the same answers as .*\n", done.stderr)
    assert str(copy) in done.stderr
    assert str(copied) in done.stderr


def test_mistakes_are_one_sentence(folder: Path, evaluation: Path, tmp_path: Path) -> None:
    key = folder / "key.json"
    bad = answer(folder, "bad.json", [2] * 18)
    short = answer(folder, "short.json", [0])
    other = tmp_path / "other.json"
    other.write_text('{"test": "x", "answers": []}')
    for file in (bad, short, other, tmp_path / "none.json"):
        done = recipe_here("score_blind_test", "--key", key, "--answers", file)
        assert done.returncode == 2
        assert done.stderr.startswith("error: ")
        assert str(file) in done.stderr
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(UserError, match="no blind test's"):
        BlindTestConfig(evaluation, tmp_path)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("seed", range(5))
def test_a_test_that_may_be_handed_out_is_not_replaced(
    folder: Path, evaluation: Path, seed: int
) -> None:
    before = content(folder)
    common = ("blind_test", "--evaluation", evaluation, "--out", folder)
    same = recipe_here(*common, "--questions", 18)
    assert same.returncode == 0, same.stderr
    assert content(folder) == before
    rng = random.Random(seed)
    other = [("--questions", rng.randrange(3, 18)), ("--questions", 18, "--seed", seed + 1)]
    refused = recipe_here(*common, *rng.choice(other))
    assert refused.returncode == 2
    assert re.fullmatch(
        r"error: .*key\.json holds the right answers of another.*\n", refused.stderr
    )
    assert content(folder) == before


def damaged_at_random(seed: int) -> bytes:
    rng = random.Random(seed)
    whole = b'{"test": "0123456789abcdef", "questions": []}'
    return rng.choice(
        [
            whole[: rng.randrange(len(whole))],
            rng.randbytes(20),
            b"null",
            b"[1]",
            b"7",
            b'"x"',
            b"{}",
        ]
    )


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_key_is_not_replaced(tmp_path: Path, seed: int) -> None:
    key = tmp_path / "key.json"
    key.write_bytes(damaged_at_random(seed))
    with pytest.raises(UserError, match=r"key\.json is damaged"):
        require_no_other(key, "0123456789abcdef")


@pytest.mark.parametrize("name", ["file", "file/a", "file/a/b", "n" * 300])
def test_an_out_that_can_be_no_folder_is_one_sentence(
    evaluation: Path, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    out = tmp_path / name
    done = recipe_here("blind_test", "--evaluation", evaluation, "--out", out, "--questions", 3)
    assert done.returncode == 2
    assert re.fullmatch(r"error: cannot write .*\n", done.stderr)
    assert file.read_text() == "mine"


def answers_in(dom: str) -> str:
    return re.search(r'<pre id="answers">(.*?)</pre>', dom, re.S)[1]


@needs_browser
def test_a_visitor_who_chooses_at_random_comes_out_at_chance(folder: Path, tmp_path: Path) -> None:
    script = (
        "let s = 7; for (let i = 0; i < 18; i++) {"
        "s = (s * 48271) % 2147483647; at('choices').children[s % 2].click()}"
    )
    saved = tmp_path / "answers.json"
    saved.write_text(answers_in(visit((folder / "index.html").read_text(), tmp_path, script)))
    found = score(ScoreConfig(folder / "key.json", (saved,)))
    assert sum(found[kind]["n"] for kind in KINDS) == 18
    right = np.average([found[k]["right"]["value"] for k in KINDS])
    assert 0.1 < right < 0.9


ACTS = {
    "picture": "at('pair').children[side].firstChild.click()",
    "choice": "at('choices').children[side].click()",
    "digit": "press({key: String(side + 1)})",
    "arrow": "press({key: ['ArrowLeft', 'ArrowRight'][side]})",
    "held": "press({key: String(side + 1), repeat: true})",
    "shortcut": "press({key: String(side + 1), ctrlKey: true})",
    "back": "press({key: 'Backspace'})",
}
TEXTS = {
    "photograph": "Which one is the photograph?",
    "older": "Who looks older?",
    "same": "Is this the same person?",
}


@needs_browser
@pytest.mark.parametrize("seed", range(4))
def test_touches_and_keys_at_random_answer_what_is_asked(
    folder: Path, tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    kinds = [q["kind"] for q in json.loads((folder / "key.json").read_text())["questions"]]
    answers, texts, script, place = [None] * 18, [], [], 0
    while place < 18:
        texts.append(f"{place + 1} of 18: {TEXTS[kinds[place]]}")
        act, side = rng.choice(list(ACTS)), rng.randrange(2)
        script.append(f"side = {side}; seen.push(at('question').textContent); {ACTS[act]};")
        if act == "back":
            place = max(place - 1, 0)
        elif act in ("choice", "digit", "arrow") or (act == "picture" and kinds[place] != "same"):
            answers[place] = side
            place += 1
    press = "what => document.dispatchEvent(new KeyboardEvent('keydown', what))"
    dom = visit(
        (folder / "index.html").read_text(), tmp_path,
        f"let side, seen = []; const press = {press}; {' '.join(script)}"
        "at('how').textContent = JSON.stringify(seen)",
    )  # fmt: skip
    assert json.loads(answers_in(dom))["answers"] == answers
    assert json.loads(re.search(r'<p id="how">(.*?)</p>', dom, re.S)[1]) == texts
