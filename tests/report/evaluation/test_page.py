"""The page of an evaluation of generators, of figures written here."""

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agegen.evaluation import face_sheet, matching
from agegen.report.cyclegan import sheets
from agegen.report.evaluation import identity as evaluation_identity
from agegen.report.evaluation.figures import frame, list_shares
from agegen.report.evaluation.page import make_page
from agegen.report.evaluation.saved import read_evaluation, tell
from agegen.report.parts import style
from agegen.run.errors import UserError

SIZE, ROWS = 6, 3
SECTIONS = [
    "ageing", "identity", "real-pairs", "trade-off", "changes", "controls", "groups", "pixels",
    "truth", "faces",
]  # fmt: skip
SYMPTOMS = ("diversity", "luminance_correlation", "checkerboard", "change", "copies")


def figure(value: float, half: float = 0.1) -> dict:
    return {"value": value, "low": value - half, "high": value + half}


UNDEFINED = {"value": None, "low": None, "high": None}


def scores(share: float, unit: float, steps: tuple[int, ...] = ()) -> dict:
    moved = {f"moved_{step}": figure(1 / step, 0.01) for step in steps}
    return {
        "before": figure(20 * unit), "after": figure(20 * unit + 31.25 * share),
        "shift": figure(31.25 * share), "reached": figure(0.4), "share_of_gap": figure(share),
    } | moved  # fmt: skip


def judges(first: float, outside: float) -> dict:
    return {
        "classifier": {"log_odds": scores(first, 1.0), "p_old": scores(0.99, 0.01)},
        "age_estimator": {"years": scores(outside, 1.0, (10, 20))},
    }


def matched(verified: float) -> dict:
    return {
        "distance": figure(0.31), "others": 0.77, "threshold": 0.52, "verified": figure(verified)
    }  # fmt: skip


def direction(first: float, outside: float) -> dict:
    share = {name: figure(0.35) for name in ("classifier", "age_estimator")}
    return {
        "judges": judges(first, outside),
        "slices": {
            "female": {"n": 21} | share,
            "male": {"n": 22} | share | {"classifier": figure(0.81)},
        },
        "contrasts": [
            {
                "first": "female", "second": "male",
                "judges": {"classifier": figure(-0.46), "age_estimator": figure(0.0)},
            },
        ],
        "matchers": {"identity": matched(0.875)},
        "changes": {name: figure(0.2, 0.02) for name in ("output_l1", "output_lpips", "cycle_l1")},
        "realism": {
            "features": "<Somebody's> features", "n": 30, "kid": figure(0.2), "kid_real": 0.01,
            "kid_source": figure(0.9), "kid_difference": figure(-0.7),
            "fid": figure(50), "fid_source": figure(60), "fid_difference": figure(-10),
            "fid_real": 40,
        },
        "agreement": {
            "n": 30, "own": figure(0.5), "control": figure(0.2), "difference": figure(0.3),
            "changed": np.full((24, 24), 1 / 576).tolist(),
            "attributed": (np.eye(24) / 24).tolist(),
        },
        "symptoms": dict.fromkeys(SYMPTOMS, 0.04) | {"diversity": 0.9, "luminance_correlation": 1},
    }  # fmt: skip


def truth() -> dict:
    distances = {
        "output": figure(0.06), "input": figure(0.08), "oracle": figure(0.0321),
        "nearer": figure(0.71), "gained": figure(0.45),
    }  # fmt: skip
    names = ("age", "gap", "gained_old", "gained_young")
    return {
        "n": 17, "seed": 5, "resamples": 100,
        "directions": {to: {"l1": distances} for to in ("old", "young")},
        "judges": {
            "classifier": dict.fromkeys(names, figure(0.62)),
            "age_estimator": dict.fromkeys(names, figure(0.02)),
        },
        "matchers": {"identity": {to: matched(0.33) for to in ("old", "young")}},
    }  # fmt: skip


def real_pairs() -> dict:
    said = {
        "before": figure(0.48), "after": figure(0.5), "gain": figure(-0.02, 0.01),
        "strangers": figure(0.0), "own": figure(-0.02), "verified": figure(0.7),
        "verified_made": figure(0.6), "parts": {"fine": figure(-0.01)},
    }  # fmt: skip
    of = {
        "pairs": 19, "people": 7, "years": 24.4, "matchers": {"identity": said}, "lpips": None
    }  # fmt: skip
    line = [{"years": [20, 30], "pairs": 11, "people": 5, "verified": figure(0.7)}]
    return {
        "photos": 31, "people": 8, "left_out": 2, "ages": {"young": [18, 30], "old": [40, 70]},
        "directions": {"old": of, "young": of}, "reference": {"identity": line},
    }  # fmt: skip


def trade_off() -> list[dict]:
    return [
        {
            "strength": strength,
            "shares": {"classifier": figure(strength), "age_estimator": figure(strength / 2)},
            "verified": {"identity": figure(1 - strength / 2)},
            "gains": {"identity": figure(0.01 - strength / 50)},
        }
        for strength in (0.5, 1.0)
    ]


def evaluation() -> dict:
    control = {to: judges(0.25, 0.45) for to in ("old", "young")}
    return {
        "config": {
            "run": "runs/<odd>", "judge": "runs/judge", "second_judge": None,
            "own_judges": ["mine:Judge"], "lpips": False, "most": 43,
        },
        "run": "runs/<odd>", "weights": "best", "judge": "runs/judge", "judge_weights": "abc",
        "faces": "data/faces", "checksum": "def", "split": "test", "seed": 3, "resamples": 100,
        "notes": {"lpips": "measured", "identity": "measured", "age_estimator": "measured"},
        "n": {"young": 43, "old": 40},
        "directions": {"old": direction(0.625, 0.36), "young": direction(0.3, 0.7)},
        "controls": {
            "blur, 1 pixel": control,
            "no change": {to: judges(0.0, 0.0) for to in ("old", "young")},
            "adversarial noise, 3 levels": {to: judges(1.23, 0.05) for to in ("old", "young")},
        },
        "real_pairs": real_pairs(),
        "trade_off": {to: trade_off() for to in ("old", "young")},
        "truth": truth(),
        "judges_unchanged": True,
    }  # fmt: skip


def save(folder: Path, content: dict, sheet: bool = True) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "evaluation.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    if sheet:
        levels = 20 * np.arange(1, 9, dtype=np.uint8)  # by column
        cell = np.pad(np.ones((SIZE, SIZE), np.uint8), ((0, 2), (0, 2)))
        pixels = np.kron(np.tile(levels, (ROWS, 1)), cell)
        Image.fromarray(np.repeat(pixels[:, :, None], 3, axis=2)).save(
            folder / "evaluation_faces.png"
        )
    return path


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_page(save(tmp_path_factory.mktemp("evaluated"), evaluation()))


@pytest.fixture
def changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict], str]:
    """Make the page of other figures, without its drawings."""
    monkeypatch.setattr(style, "as_svg", lambda *_: "data:image/svg+xml,")
    return lambda content: make_page(save(tmp_path / "changed", content))


def text_of(page: str) -> str:
    words = re.sub(r"<[^>]*>", " ", page.split("</style>")[1])
    return re.sub(r"\s+", " ", unescape(words))


def ids(page: str) -> list[str]:
    return re.findall(r'<section id="([^"]+)"', page)


def row_of(page: str, *head: str) -> str:
    """The rest of the first row that begins with these cells."""
    rows = [text_of(f"</style>{row}").strip() for row in re.findall(r"<tr>.*?</tr>", page, re.S)]
    start = " ".join(head) + " "
    return next(row.removeprefix(start) for row in rows if row.startswith(start))


def test_has_every_section_in_order_and_in_two_languages(page: str) -> None:
    assert ids(page) == ["figures", *SECTIONS, "settings"]
    assert page.count('class="translation" lang="fr"') == len(SECTIONS)


def test_refers_to_nothing_outside_itself(page: str) -> None:
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", page)
    assert "http" not in page
    assert "<script" not in page
    assert "<odd>" not in page
    assert "<Somebody" not in page
    assert sorted(re.findall(r'href="#([^"]+)"', page)) == sorted(ids(page))


def test_tiles_are_the_first_judges_shares_identity_and_years(page: str) -> None:
    tiles = re.findall(r'<div class="tile">(.*?)</div>', page)
    assert [text_of(f"</style>{tile}").strip() for tile in tiles] == [
        "made old: share of the gap 0.62 [0.53, 0.72], classifier",
        "made young: share of the gap 0.30 [0.20, 0.40], classifier",
        "made old: same person 0.88 [0.78, 0.97], identity",
        "made young: same person 0.88 [0.78, 0.97], identity",
        "made old: years +11.2 [11.2, 11.3], age estimator",
        "made young: years +21.9 [21.8, 22.0], age estimator",
    ]


def test_it_says_which_generators_were_judged(page: str, changed: Callable[[dict], str]) -> None:
    assert "Judged were the best generators, on 43 young and 40 old faces" in text_of(page)
    last = changed(evaluation() | {"weights": "generators"})
    assert "Judged were the last generators" in text_of(last)


def test_shifts_beyond_every_control_are_told_from_those_that_are_not(page: str) -> None:
    text = text_of(page)
    old = "Made old: beyond every control according to the classifier; no evidence of ageing"
    assert f"{old} according to the age estimator." in text
    young = "Made young: beyond every control according to the age estimator; no evidence of"
    assert f"{young} ageing according to the classifier." in text
    assert "made old, classifier: blur, 1 pixel, up to 0.35" in text


def test_a_judge_that_sees_no_gap_is_said_to_be_unable(changed: Callable[[dict], str]) -> None:
    content = evaluation()
    content["gaps"] = {
        "classifier": {"log_odds": {"gap": figure(2.0)}, "p_old": {"gap": figure(0.5)}},
        "age_estimator": {"years": {"gap": figure(0.05)}},
    }
    page = changed(content)
    text = text_of(page)
    assert "Unable to judge: the age estimator (years: 0.050 [−0.050, 0.150])." in text
    assert "Made young: no evidence of ageing according to the classifier." in text
    assert "the age estimator is unable to judge" in text.replace("The age", "the age")
    assert row_of(page, "the generator").endswith("undefined")
    assert row_of(page, "male", "22") == "0.81 [0.71, 0.91] undefined"


def test_without_controls_nothing_is_called_evidence(changed: Callable[[dict], str]) -> None:
    content = evaluation()
    del content["controls"]
    page = changed(content)
    assert "beyond every control" not in page
    assert "No controls were judged (--controls)" in page
    assert "controls" not in ids(page)
    assert "not asked for (--controls)" in row_of(page, "Which judge is fooled by what?")
    assert "Cross:" not in page


def test_every_figure_of_the_tables_is_there(page: str) -> None:
    shares = "0.62 [0.53, 0.72] 0.40 [0.30, 0.50]"
    assert row_of(page, "classifier", "log-odds").endswith(f"19.53 [19.43, 19.63] {shares}")
    assert row_of(page, "made old", "43", "0.10") == "[0.09, 0.11] 0.05 [0.04, 0.06]"
    assert row_of(page, "identity", "made young", "40").startswith("0.31 [0.21, 0.41] 0.77 0.52")
    kid = "0.200 [0.100, 0.300] 0.900 [0.800, 1.000] −0.700 [−0.800, −0.600] 0.010"
    assert row_of(page, "KID, to real old faces", "30") == kid
    assert row_of(page, "translated, LPIPS").startswith("0.200 [0.180, 0.220]")
    assert row_of(page, "adversarial noise, 3 levels") == "1.23 [1.13, 1.33] 0.05 [−0.05, 0.15]"
    assert row_of(page, "male", "22") == "0.81 [0.71, 0.91] 0.35 [0.25, 0.45]"
    assert row_of(page, "made old", "30").startswith("0.500 [0.400, 0.600] 0.200 [0.100, 0.300]")
    assert "0.0321 [−0.0679, 0.1321]" in row_of(page, "made old, L1")
    assert row_of(page, "identity", "true old").endswith("0.33 [0.23, 0.43]")


def test_sentences_follow_the_figures(page: str, changed: Callable[[dict], str]) -> None:
    other = evaluation()
    for found in other["directions"].values():
        found["realism"]["kid_difference"] = figure(0.7)
        found["agreement"]["difference"] = figure(0.05)
        found["contrasts"][0]["judges"]["classifier"] = figure(0.05)
        found["symptoms"]["checkerboard"] = 5.0
    for kinds in other["truth"]["directions"].values():
        kinds["l1"]["gained"] = figure(-0.4)
    texts = text_of(page), text_of(changed(other))
    for first, second in (
        ("nearer to real ones than doing nothing", "farther from real ones than doing nothing"),
        ("more than the layout of faces explains", "which the layout of any face explains"),
        (
            "male 0.81 [0.71, 0.91]. Female less male: −0.46 [−0.56, −0.36], clear.",
            "Female less male: 0.05 [−0.05, 0.15], not clear.",
        ),
        ("no symptom is beyond", "checkerboard 5.000 (limit 4)"),
        ("by L1 nearer than doing nothing", "by L1 farther than doing nothing"),
    ):
        assert [first in text for text in texts] == [True, False]
        assert [second in text for text in texts] == [False, True]


def test_judges_that_do_not_know_drawn_ages_are_named(page: str) -> None:
    assert "the age estimator cannot be said to know the age" in text_of(page)


def test_what_was_not_measured_is_left_out_and_said_why(changed: Callable[[dict], str]) -> None:
    content = evaluation()
    for name in ("controls", "truth", "real_pairs", "trade_off"):
        del content[name]
    content["notes"] |= {
        "identity": "not measured: no dlib",
        "lpips": "not measured: not asked for",
    }
    for found in content["directions"].values():
        found |= {"matchers": {}, "slices": {}, "realism": None, "agreement": None}
        del found["changes"]["output_lpips"], found["judges"]["age_estimator"]
    page = changed(content)
    assert ids(page) == ["figures", "ageing", "changes", "faces", "missing", "settings"]
    assert row_of(page, "Is it still the same person?") == "not measured: no dlib"
    text = text_of(page)
    assert "How near faces made old are to real ones was not measured." in text
    assert "LPIPS was not measured: not asked for." in text
    assert "--no-identity" not in text  # asked for, but not to be had
    assert len(re.findall('class="tile"', page)) == 2


def test_undefined_figures_read_undefined(changed: Callable[[dict], str]) -> None:
    content = evaluation()
    old = content["directions"]["old"]
    old["judges"]["classifier"]["log_odds"]["share_of_gap"] = UNDEFINED
    old["slices"]["female"]["classifier"] = UNDEFINED
    old["contrasts"][0]["judges"]["classifier"] = UNDEFINED
    for name in ("kid", "kid_difference"):
        old["realism"][name] |= {"low": None, "high": None}
    old["realism"]["kid_real"] = float("nan")
    old["agreement"]["difference"] = UNDEFINED
    old["symptoms"]["copies"] = float("nan")
    content["controls"]["blur, 1 pixel"]["old"]["classifier"]["log_odds"]["share_of_gap"] = (
        UNDEFINED
    )
    content["truth"]["judges"]["classifier"]["age"] = UNDEFINED
    page = changed(content)
    assert "nan" not in re.findall(r"\w+", text_of(page).lower())
    assert "None" not in text_of(page)
    assert row_of(page, "the generator").startswith("undefined 0.36")
    assert "Of female less male, the difference is undefined." in text_of(page)
    kid = row_of(page, "KID, to real old faces", "30")
    known = "0.900 [0.800, 1.000] −0.700 (interval undefined) undefined"
    assert kid == f"0.200 (interval undefined) {known}"
    assert "no evidence of ageing according to the classifier and age estimator" in text_of(page)


def test_the_command_makes_the_same_figures_again(page: str) -> None:
    command = text_of(f"</style>{page.split('<pre>')[1].split('</pre>')[0]}").strip()
    flags = "--run 'runs/<odd>' --judge runs/judge --own-judges mine:Judge --no-lpips --most 43"
    assert command == f"python recipes/evaluate_cyclegan.py {flags}"


def test_faces_are_cut_out_of_the_sheet(page: str) -> None:
    lead, below = page.split('<div class="tiles">')
    words = re.findall(r'<img src="data:image/jpeg[^"]*" alt="([^"]+)"', below)
    assert len(words) == 2 * 4 * ROWS
    first = re.findall(r'<img src="data:image/jpeg[^"]*" alt="([^"]+)"', lead)
    assert len(first) == 2 * 2 * ROWS  # before and after, of the first faces each way
    assert set(first) <= set(words)
    assert words[1] == "young face 1: made old"
    assert f"Shown are {ROWS} faces of each class of the test split, drawn at random" in page
    # source, translated, back, identity are 20 levels apart
    assert "Young faces made old changed by 20.0 grey levels on average; translated back" in page


def test_a_missing_sheet_is_said_and_a_damaged_one_is_refused(
    tmp_path: Path, undrawn: None
) -> None:
    path = save(tmp_path, evaluation(), sheet=False)
    page = make_page(path)
    assert "evaluation_faces.png does not lie beside" in row_of(
        page, "What do the faces look like?"
    )
    Image.new("RGB", (30, 7)).save(tmp_path / "evaluation_faces.png")
    with pytest.raises(UserError, match="not the sheet of an evaluation"):
        make_page(path)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "as_svg", lambda *_: "data:image/svg+xml,")


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"auc": 1}')
    with pytest.raises(UserError, match="is not an evaluation"):
        make_page(path)


def test_values_outside_the_frame_are_counted(tmp_path: Path) -> None:
    content = evaluation()
    panels = list_shares(read_evaluation(save(tmp_path, content)))
    assert frame(panels).outside == 0
    both = content["controls"]["blur, 1 pixel"]
    both["old"]["classifier"]["log_odds"]["share_of_gap"] = figure(40.0)
    found = frame(list_shares(read_evaluation(save(tmp_path, content))))
    assert found.outside == 1
    assert found.high < 3


def test_constants_are_those_of_the_evaluation() -> None:
    assert evaluation_identity.FALSE_ACCEPTS == matching.FALSE_ACCEPTS
    assert sheets.GAP == face_sheet.GAP


def test_nothing_is_minus_zero() -> None:
    assert tell({"value": -0.001, "low": -0.004, "high": 0.0}) == "0.00 [0.00,\u00a00.00]"
