"""The CycleGAN's page, of run folders written here."""

import base64
import json
import re
import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from browser import needs_browser, visit
from PIL import Image
from written_cyclegans import SAME, SIZE, SOURCE, write_cyclegan_run

from agegen.evaluation.face_sheet import make_sheet
from agegen.report.cyclegan.page import make_page
from agegen.report.cyclegan.run import read_cyclegan_run
from agegen.report.cyclegan.sheets import spread
from agegen.report.parts import style
from agegen.run.errors import UserError
from agegen.run.files import read_json, sha256, write_json


@pytest.fixture(scope="session")
def judged(tmp_path_factory):
    """A run with a judge and alarms, the second look chosen; tests only read it."""
    root = tmp_path_factory.mktemp("judged")
    return write_cyclegan_run(root, judge=True, alarms=True, best=80, identity_every=2)


@pytest.fixture(scope="session")
def page(judged):
    return make_page(judged)


@pytest.fixture
def undrawn(monkeypatch):
    """Leave the drawings out, which take most of a page's time."""
    monkeypatch.setattr(style, "as_svg", lambda *_: "data:image/svg+xml,")


def text_of(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.split("</style>")[1]))


def ids(page):
    return re.findall(r'<section id="([^"]+)"', page)


def grids(page):
    """Of every grid of faces: heads, and rows of (grey level in the middle, description)."""
    found = []
    for part in re.findall(r'<figure class="grid.*?</figure>', page, re.DOTALL):
        heads = re.findall(r'<th scope="col">(.*?)</th>', part)
        faces = re.findall(r'<img src="data:image/jpeg;base64,([^"]+)" alt="([^"]+)"', part)
        cells = [(grey(data), words) for data, words in faces]
        assert len(cells) % len(heads) == 0
        rows = [cells[i : i + len(heads)] for i in range(0, len(cells), len(heads))]
        found.append((heads, rows))
    return found


def grey(data):
    pixels = np.asarray(Image.open(BytesIO(base64.b64decode(data))))
    assert pixels.shape == (SIZE, SIZE, 3)
    return int(pixels.mean().round())


def test_has_a_section_for_every_question_in_two_languages(page):
    sections = ["losses", "faces", "development", "alarms", "judge", "training"]
    assert ids(page) == ["figures", *sections, "settings"]
    assert page.count('class="translation" lang="fr"') == len(sections)


def test_refers_to_nothing_outside_itself(page):
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", page)
    assert "http" not in page
    assert "<script" not in page
    anchors = re.findall(r'href="#([^"]+)"', page)
    assert sorted(anchors) == sorted(ids(page))


@needs_browser
@pytest.mark.parametrize("seed", range(4))
def test_an_enlarged_face_closes_by_a_touch_anywhere_or_escape(page, tmp_path, seed):
    rng = np.random.default_rng(seed)
    faces = page.count('class="face"')
    number, x, y = int(rng.integers(faces)), *rng.random(2).round(3)
    dom = visit(page, tmp_path, f"""
        const face = document.querySelectorAll(".face")[{number}], box = face.firstChild;
        const how = () => [box.checked, getComputedStyle(face.lastChild).position];
        const found = [how()];
        const opened = () => {{ face.lastChild.click(); found.push(how()); }};
        const place = document.documentElement;
        opened();
        document.elementFromPoint({x} * place.clientWidth, {y} * place.clientHeight).click();
        found.push(how());
        opened();
        box.dispatchEvent(new KeyboardEvent("keydown", {{key: "Escape"}}));
        found.push(how());
        opened();
        for (const {{media}} of document.styleSheets[0].cssRules) // as paper has it
            if (media) media.mediaText = media.mediaText === "print" ? "all" : "not all";
        found.push(how());
        document.body.textContent = JSON.stringify(found);
    """)  # fmt: skip
    closed, enlarged = [False, "static"], [True, "fixed"]
    assert json.loads(re.search(r"<body>(.*?)</body>", dom, re.DOTALL)[1]) == [
        closed, enlarged, closed, enlarged, closed, enlarged, [True, "static"],
    ]  # fmt: skip
    assert page.count('<input type="checkbox" autocomplete="off"') == faces


def test_every_picture_says_what_it_shows(page):
    pictures = re.findall(r"<img [^>]*>", page)
    assert len(pictures) == page.count("<img")
    assert all(re.search(r'alt="[^"]+"', picture) for picture in pictures)
    drawn = re.findall(r'<img src="data:image/svg[^"]*" alt="([^"]*)"', page)
    assert len(drawn) == 6 + 5 + 3  # losses, symptoms, judge
    assert all("split, n = " in words for words in drawn)


def test_losses_are_means_of_the_first_and_last_tenth(judged, page):
    steps = read_cyclegan_run(judged).steps
    young = steps["generator_cycle_young"]
    first, last = young[:4].mean(), young[-4:].mean()
    assert f"cycle loss of young faces fell from {first:.3f} to {last:.3f}" in text_of(page)
    level = 127.5 * (last + steps["generator_cycle_old"][-4:].mean()) / 2
    assert f"by {level:.1f} of 255 grey levels" in text_of(page)
    assert "discriminator rose from 0.225 to 0.585" in text_of(page)
    assert "80.0 % (old)" in text_of(page)
    assert "70.0 % (young)" in text_of(page)


def test_an_identity_loss_that_is_computed_seldom_is_not_averaged_with_its_gaps(page):
    assert "identity loss of young faces was 0.600 at both ends" in text_of(page)
    assert "that of old faces was 0.300 at both ends" in text_of(page)


def test_without_identity_loss_the_page_says_so(tmp_path, undrawn):
    page = make_page(write_cyclegan_run(tmp_path, identity_weight=0.0))
    assert "left out (--identity-weight 0)" in page
    assert "<h3>Identity loss</h3>" not in page


def test_an_evaluation_on_test_faces_is_told_and_where_the_rest_of_it_is(tmp_path, undrawn):
    run = write_cyclegan_run(tmp_path, judge=True)
    assert "An evaluation" not in make_page(run)
    (run / "evaluation.json").write_text("{")
    assert "An evaluation is left out" in make_page(run)
    share = {"value": 0.25, "low": 0.2, "high": 0.31}
    direction = {"judges": {"classifier": {"log_odds": {"share_of_gap": share}}}}
    farther = {"gained": {"value": -0.4, "low": -0.5, "high": -0.3}, "nearer": share}
    evaluation = {
        "run": str(run), "judge": "j", "faces": "f", "split": "test", "seed": 0, "resamples": 9,
        "notes": {}, "n": {"young": 43, "old": 40},
        "directions": {"old": direction, "young": direction},
        "truth": {"directions": {to: {"l1": farther} for to in ("old", "young")}},
    }  # fmt: skip
    write_json(run / "evaluation.json", evaluation)
    text = text_of(make_page(run)).replace("\u00a0", " ")
    told = "evaluation of the generators on 43 young and 40 old faces of the test split of f gave"
    assert told in text
    assert "0.25 [0.20, 0.31] made old and 0.25 [0.20, 0.31] made young" in text
    assert f"{run / 'evaluation.html'}" in text
    assert "Made old, compared with the same people drawn old: by L1 farther" in text


def test_a_loss_of_ones_own_is_named_as_written_and_has_no_dotted_line(tmp_path, undrawn, page):
    run = write_cyclegan_run(tmp_path)
    content = json.loads((run / "config.json").read_text())
    content["config"]["gan_loss"] = "my_losses:own_loss"
    (run / "config.json").write_text(json.dumps(content))
    text = text_of(make_page(run))
    assert "adversarial loss my_losses:own_loss" in text
    assert text.count("As my_losses:own_loss gives it") == 2
    for line in ("Dotted: where the discriminator", "Dotted: the same."):
        assert line not in text
        assert line in text_of(page)
    assert "adversarial loss least squares" in text_of(page)


def test_the_chosen_look_is_shown_with_its_faces_cut_out_right(page):
    to_old, to_young = grids(page)[:2]
    assert to_old[0] == ["young, real", "made old", "and young again", "made young"]
    assert to_young[0] == ["old, real", "made young", "and old again", "made old"]
    # the look after 80 pairs was at step 20, which the sheet has in its grey levels
    assert [[level for level, _ in row] for row in to_old[1]] == [[SOURCE, 120, 103, SAME]] * 4
    assert [[level for level, _ in row] for row in to_young[1]] == [[150, 130, 153, 151]] * 4
    assert to_old[1][2][1][1] == "young face 3: made old"
    assert "after 80 pairs, the judge" in text_of(page)


def test_differences_are_those_of_the_shown_faces(page):
    words = "changed by 20.0 grey levels on average; translated back, they differed from "
    words += "themselves by 3.0; translated to their own age, by 1.0"
    assert f"Young faces made old {words}" in text_of(page)
    assert f"Old faces made young {words}" in text_of(page)


def test_strips_show_the_same_faces_at_every_look(page):
    to_old, to_young = grids(page)[2:]
    assert to_old[0] == ["young, real", "40 pairs", "80 pairs", "120 pairs", "160 pairs"]
    assert [[level for level, _ in row] for row in to_old[1]] == [[100, 110, 120, 130, 140]] * 3
    assert [[level for level, _ in row] for row in to_young[1]] == [[150, 140, 130, 120, 110]] * 3
    assert "changed by 10.0 grey levels between the last two of these looks" in text_of(page)


@pytest.mark.parametrize(("number", "most"), [(1, 8), (7, 8), (8, 8), (9, 8), (61, 8)])
def test_looks_are_spread_from_the_first_to_the_last(number, most):
    chosen = spread(np.arange(number), most)
    assert len(chosen) == len(set(chosen.tolist())) == min(number, most)
    assert (chosen[0], chosen[-1]) == (0, number - 1)
    assert np.ptp(np.diff(chosen)) <= 1 if number > 1 else True


def test_alarms_are_told_once_each_with_their_times(page):
    text = text_of(page)
    assert "5 alarms in 4 of 4 looks; 1 at the last one." in text
    assert "Collapse: &lt;alike&gt;. Remedy: wait. Raised 4 times, after 40 to 160 pairs." in text
    assert "Too good. Remedy: wait. Raised once, after 80 pairs." in text
    assert "<alike>" not in page
    row = "Diversity below 0.5 0.400 4 of 4 0.900 0 of 4"
    assert row in text
    assert "Discriminator accuracy both 0.990 0.98" in text


def test_the_judges_figures_are_said_to_be_optimistic_and_of_how_many(page):
    text = text_of(page)
    assert "80 pairs, where the smaller of both shares (at most 1) was the largest, 0.250" in text
    assert "Then, young faces made old moved by 20 % of the real gap, and 10 % of them" in text
    assert "At the last look, young faces made old moved by 40 % of the real gap" in text
    assert "64 young validation and 6 old validation faces" in text  # of 80 and 6
    assert "optimistic" in text
    assert "runs/judge" in text


def test_time_and_speed_are_those_of_the_steps(page):
    text = text_of(page)
    assert "So far 160 of 320 pairs (50.0 %)." in text
    assert "It took 80.0 s in steps on AVX2 (float32, 2 processes), 2.0 pairs/s." in text
    assert "2.7 of the young faces, 5.3 of the old faces" in text


def test_the_time_of_looks_and_saves_is_shown_beside_that_of_steps(judged, page, tmp_path, undrawn):
    text = text_of(page)  # 4 looks of 5 s, 2 saves of 2.5 s
    assert re.search(r"time in steps\s+80.0 s, 76.2 %\s+time in looks\s+20.0 s, 19.0 %", text)
    assert re.search(r"time in saves\s+5.0 s, 4.8 %", text)
    old = shutil.copytree(judged, tmp_path / "run")  # of a version that did not log them
    records = [json.loads(line) for line in (old / "metrics.jsonl").read_text().splitlines()]
    for record in records:
        record.pop("seconds", None)
    kept = [json.dumps(r) + "\n" for r in records if r["kind"] != "checkpoint"]
    (old / "metrics.jsonl").write_text("".join(kept))
    text = text_of(make_page(old))
    assert re.search(r"time in steps\s+80.0 s, 100.0 %", text)
    assert "time in looks" not in text


def test_commands_make_the_run_and_the_page_again(judged, page):
    commands = [text_of(f"</style>{c}").strip() for c in re.findall("<pre>(.*?)</pre>", page)]
    assert commands[0].startswith(
        "ACCELERATE_USE_CPU=1 torchrun --nproc_per_node 2 recipes/train_cyclegan.py --faces faces"
    )
    assert "--betas 0.5 0.999" in commands[0]
    assert commands[1] == f"python recipes/report_cyclegan.py --run {judged}"


def test_a_run_without_judge_and_alarms(tmp_path, undrawn):
    page = make_page(write_cyclegan_run(tmp_path))
    assert "judge" not in ids(page)
    assert "No classifier watched the training" in page
    assert "No alarm was raised in 4 looks." in page
    assert "All alarms" not in page
    assert "after 160 pairs, the last look" in page
    assert [level for level, _ in grids(page)[0][1][0]] == [100, 140, 103, 101]


def test_a_run_whose_judge_chose_nothing(tmp_path, undrawn):
    page = make_page(write_cyclegan_run(tmp_path, judge=True, alarms=True))
    assert "No look has been chosen as the best one" in page


def test_a_run_without_any_look(tmp_path, undrawn):
    page = make_page(write_cyclegan_run(tmp_path, judge=True, looks=False))
    assert ids(page) == ["figures", "losses", "training", "settings"]
    assert "No look at held-out faces has been taken yet" in page
    assert "every 40 pairs" in page


def test_a_run_with_a_single_look(tmp_path, undrawn):
    run = write_cyclegan_run(tmp_path)
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    looks = [line for line in lines if '"watch"' in line]
    (run / "metrics.jsonl").write_text("".join(lines[:1] + looks[:1]))
    page = make_page(run)
    assert "between the last two" not in page
    assert grids(page)[2][0] == ["young, real", "40 pairs"]


def test_same_files_same_page(judged, page):
    assert make_page(judged) == page


@pytest.mark.parametrize(
    "name", ["config.json", "environment.json", "metrics.jsonl", "watch/pairs_000000080.png"]
)
def test_a_missing_file_is_one_sentence_that_says_what_makes_it(judged, tmp_path, name, undrawn):
    copy = shutil.copytree(judged, tmp_path / "run")
    (copy / name).unlink()
    with pytest.raises(UserError, match=rf"{name}.*recipes/train_cyclegan\.py"):
        make_page(copy)


def test_a_run_without_steps_and_that_of_a_classifier_are_refused(judged, tmp_path):
    copy = shutil.copytree(judged, tmp_path / "run")
    (copy / "metrics.jsonl").write_text("")
    with pytest.raises(UserError, match="no step yet"):
        make_page(copy)
    write_json(copy / "config.json", {"config": {"model": {}}, "data": {}})
    with pytest.raises(UserError, match="not the run of a CycleGAN"):
        make_page(copy)


def test_sheets_of_another_size_are_refused(judged, tmp_path, undrawn):
    copy = shutil.copytree(judged, tmp_path / "run")
    saved = read_json(copy / "config.json")
    saved["config"]["size"] = 64
    write_json(copy / "config.json", saved)
    with pytest.raises(UserError, match="does not hold faces of 64 pixels"):
        make_page(copy)


def test_strengths_are_shown_where_they_were_chosen(tmp_path: Path) -> None:
    run = write_cyclegan_run(tmp_path)
    assert "How strongly" not in make_page(run)
    strip = [0.0, 0.5, 1.0]
    tried = [
        {"strength": s, "share": s / 2, "verified": {"value": 1.1 - s / 5, "low": 0.8, "high": 1.0}}
        for s in (0.5, 1.0)
    ]
    choice = {"strength": 1.0, "tried": tried, "strip": strip}
    (run / "generators.safetensors").write_bytes(b"weights")
    found = {"weights": "of a training that has gone on", "old": choice, "young": choice}
    write_json(run / "strength.json", found)
    assert "How strongly" not in make_page(run)
    write_json(run / "strength.json", found | {"weights": sha256(run / "generators.safetensors")})
    page = make_page(run)
    assert "strength 1, which moves faces by 0.50 of the real gap" in page
    faces = [torch.full((2, 3, 8, 8), grey / 10) for grey in range(6)]
    Image.fromarray(make_sheet(faces)).save(run / "strength.png")
    page = make_page(run)
    for head in ("as they are", "0.5", "1"):
        assert f"young face 2: {head}" in page
        assert f"old face 2: {head}" in page
    (run / "strength.png").write_bytes(b"x")
    with pytest.raises(UserError, match=r"strength\.png is damaged"):
        make_page(run)
