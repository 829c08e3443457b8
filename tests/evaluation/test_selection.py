"""Which generators are the best: known changes are judged as what they are."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from agegen.cyclegan.translate import load_translator
from agegen.cyclegan.watch import choose_watched
from agegen.evaluation import selection
from agegen.evaluation.alarms import KNOWN, Alarm
from agegen.evaluation.frozen_classifier import FrozenClassifier, load_judge
from agegen.evaluation.held_out import choose_by_class
from agegen.evaluation.selection import (
    WATCHED_STRENGTHS,
    Selection,
    Strangers,
    find_matcher,
    measure_identity,
    score_of,
    strengthened,
)
from agegen.faces.store import FaceStore, clusters
from agegen.run.errors import UserError

CPU = torch.device("cpu")


class Thumbnail:
    """A matcher for whom a face is its sixteen coarse pixels."""

    name = "thumbnail"

    def __init__(self) -> None:
        self.asked = 0

    def embed(self, faces: Tensor, like: Tensor) -> Tensor:
        self.asked += len(faces)
        assert faces.shape == like.shape
        return torch.nn.functional.adaptive_avg_pool2d(faces, 4).flatten(1).double()


@pytest.fixture
def judge(trained_run: Path) -> FrozenClassifier:
    return load_judge(trained_run, CPU)


@pytest.fixture
def faces(drawn_store: FaceStore, cyclegan_run: Path) -> dict[str, Tensor]:
    translator = load_translator(cyclegan_run, "generators", CPU)
    chosen = choose_watched(drawn_store, translator.config.seed)
    faces = {name: translator.views(drawn_store.images[i]) for name, i in chosen.items()}
    n = min(map(len, faces.values()))
    return {name: x[:n] for name, x in faces.items()}


@pytest.fixture
def known(drawn_store: FaceStore, cyclegan_run: Path) -> Strangers:
    translator = load_translator(cyclegan_run, "generators", CPU)
    chosen = choose_by_class(drawn_store, "train", KNOWN, translator.config.seed)
    faces = {name: translator.views(drawn_store.images[i]) for name, i in chosen.items()}
    return Strangers(faces, {name: clusters(drawn_store, i) for name, i in chosen.items()})


def test_real_faces_of_the_other_class_have_moved_by_the_whole_gap(
    judge: FrozenClassifier, faces: dict[str, Tensor], known: Strangers
) -> None:
    chosen = Selection(judge, None, faces, 0.95)
    swapped = chosen.judge_all({"old": faces["old"], "young": faces["young"]})
    kept = chosen.judge_all({"old": faces["young"], "young": faces["old"]})
    assert swapped["judge_share_old"] == pytest.approx(1)
    assert swapped["judge_share_young"] == pytest.approx(1)
    assert kept["judge_share_old"] == kept["judge_share_young"] == 0
    right = judge.scores(faces["old"])["log_odds"] > 0
    assert swapped["judge_flips_old"] == pytest.approx(float(right.double().mean()))
    assert kept["judge_flips_young"] == pytest.approx(float((~right).double().mean()))
    for to in ("old", "young"):
        assert swapped[f"judge_kid_{to}"] < kept[f"judge_kid_{to}"]
        assert kept[f"judge_kid_{to}"] == pytest.approx(kept[f"judge_kid_source_{to}"])
    assert "judge_verified_old" not in swapped


def test_only_those_who_keep_the_person_are_fit(
    judge: FrozenClassifier, faces: dict[str, Tensor], known: Strangers, tmp_path: Path
) -> None:
    measured = measure_identity(Thumbnail(), faces, known, tmp_path / "kept.safetensors")
    chosen = Selection(judge, measured, faces, 0.95)
    same = chosen.judge_all({"old": faces["young"] * 0.999, "young": faces["old"] * 0.999})
    others = chosen.judge_all({"old": faces["old"].flip(0), "young": faces["young"].flip(0)})
    assert same["judge_verified_old"] == same["judge_verified_young"] == 1
    assert others["judge_verified_old"] < 0.95
    fitting = dict.fromkeys(("judge_kid_old", "judge_kid_young"), -1.0)
    assert chosen.is_fit(same | fitting, [])
    assert not chosen.is_fit(others | fitting, [])
    assert not chosen.is_fit(same | fitting, [Alarm("change", "old", 0.0, 0.02, "")])


def test_who_changes_persons_is_judged_at_the_strength_that_keeps_them(
    judge: FrozenClassifier, faces: dict[str, Tensor], known: Strangers, tmp_path: Path
) -> None:
    measured = measure_identity(Thumbnail(), faces, known, tmp_path / "kept.safetensors")
    fakes = {"old": faces["old"].flip(0), "young": faces["young"].flip(0)}  # other people
    found = {}
    for asked in (0.0, 0.5, 0.9, 1.0):
        chosen = Selection(judge, measured, faces, asked)
        record = found[asked] = chosen.judge_all(fakes)
        for source, to in (("young", "old"), ("old", "young")):
            strength = record[f"judge_strength_{to}"]
            assert strength in WATCHED_STRENGTHS
            weaker = strengthened(faces[source], fakes[to], strength)
            alone = Selection(judge, None, faces, 0.0).judge_all({**fakes, to: weaker})
            for name in ("share", "flips", "kid"):
                expected = alone[f"judge_{name}_{to}"]
                assert record[f"judge_{name}_{to}"] == pytest.approx(expected, abs=1e-9)
            kept = record[f"judge_verified_{to}"]
            assert kept >= asked or strength == min(WATCHED_STRENGTHS)
    assert found[0.0]["judge_strength_old"] == 1
    assert found[1.0]["judge_strength_old"] < 1
    assert found[1.0]["judge_verified_old"] >= found[0.0]["judge_verified_old"]


def test_identity_is_measured_once_a_run_and_again_where_that_was_lost(
    faces: dict[str, Tensor], known: Strangers, tmp_path: Path
) -> None:
    kept, matcher = tmp_path / "watch" / "identity.safetensors", Thumbnail()
    first = measure_identity(matcher, faces, known, kept)
    asked = matcher.asked
    again = measure_identity(matcher, faces, known, kept)
    assert matcher.asked == asked > 0
    fewer = {name: x[:-1] for name, x in faces.items()}
    other = measure_identity(matcher, fewer, known, kept)
    assert {name: len(x) for name, x in other.embedded.items()} == {
        name: len(x) for name, x in fewer.items()
    }
    kept.write_bytes(kept.read_bytes()[:-100])
    damaged = measure_identity(matcher, faces, known, kept)
    assert matcher.asked == 3 * asked - 2  # one face less of each class in between
    for found in (again, damaged):
        for name in faces:
            assert torch.equal(found.thresholds[name], first.thresholds[name])
            assert torch.equal(found.embedded[name], first.embedded[name])


def test_those_who_leave_the_faces_are_not_fit(
    judge: FrozenClassifier, faces: dict[str, Tensor], known: Strangers
) -> None:
    chosen = Selection(judge, None, faces, 0.95)
    noise = torch.rand(faces["old"].shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    spoilt = chosen.judge_all({"old": noise, "young": noise})
    assert spoilt["judge_kid_old"] > spoilt["judge_kid_source_old"]
    assert not chosen.is_fit(spoilt, [])
    swapped = chosen.judge_all({"old": faces["old"], "young": faces["young"]})
    assert chosen.is_fit(swapped, [])


@pytest.mark.parametrize(
    ("young", "old", "score"), [(0.4, 0.7, 0.4), (1.5, 1.2, 1.0), (-0.2, 0.5, -0.2)]
)
def test_the_score_is_the_smaller_shift(young: float, old: float, score: float) -> None:
    assert score_of({"judge_share_young": young, "judge_share_old": old}) == score
    assert not score_of({"judge_share_young": float("nan"), "judge_share_old": old}) > 0


def test_without_the_extra_nobody_compares_identities(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(shown: float) -> None:
        raise UserError("the extra judges is missing")

    monkeypatch.setattr(selection, "IdentityMatcher", missing)
    assert find_matcher(0.95, 0.96) == (None, "the extra judges is missing")
    assert find_matcher(0.0, 0.96) == (None, "not asked for")
