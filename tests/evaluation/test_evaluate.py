"""Judging generators: known shifts come out as what they are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from agegen.cyclegan.objective import Generators
from agegen.cyclegan.translate import Translator, load_translator
from agegen.evaluation.evaluate import evaluate
from agegen.evaluation.panel import Panel
from agegen.evaluation.text import describe
from agegen.faces.store import FaceStore
from agegen.run.errors import UserError


class Brightness:
    """A judge whose score is the mean grey value: darker is younger."""

    name = "brightness"

    def scores(self, faces: Tensor) -> dict[str, Tensor]:
        return {"grey": faces.mean(dim=(1, 2, 3)).cpu()}


class Shift(nn.Module):
    """Adds a constant."""

    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = by

    def forward(self, x: Tensor) -> Tensor:
        return x + self.by


@pytest.fixture
def translator(cyclegan_run: Path) -> Translator:
    return load_translator(cyclegan_run, device="cpu")


def with_shifts(translator: Translator, to_old: float, to_young: float) -> Translator:
    return replace(translator, generators=Generators(Shift(to_old), Shift(to_young)))


def real_gap(translator: Translator, store: FaceStore) -> float:
    test = store.indices("test")
    grey = translator.views(store.images[test]).mean(dim=(1, 2, 3)).numpy()
    return float(grey[store.labels[test] == 1].mean() - grey[store.labels[test] == 0].mean())


def test_a_shift_by_the_real_gap_is_the_whole_share(
    translator: Translator, drawn_store: FaceStore
) -> None:
    gap = real_gap(translator, drawn_store)
    found = evaluate(with_shifts(translator, gap, -gap / 2), drawn_store, Panel([Brightness()]))
    assert found["gaps"]["brightness"]["grey"]["gap"]["value"] == pytest.approx(gap, abs=1e-6)
    for to, share in (("old", 1.0), ("young", 0.5)):
        figures = found["directions"][to]["judges"]["brightness"]["grey"]
        assert figures["share_of_gap"]["value"] == pytest.approx(share, rel=1e-4)
        assert figures["share_of_gap"]["low"] <= share <= figures["share_of_gap"]["high"]
        sign = 1 if to == "old" else -share
        assert figures["shift"]["value"] == pytest.approx(gap * sign, rel=1e-3)
        assert figures["after"]["value"] - figures["before"]["value"] == pytest.approx(
            figures["shift"]["value"], abs=1e-6
        )


class Darkness(Brightness):
    """The wrong way round: its scores fall with age, as brightness rises."""

    name = "darkness"

    def scores(self, faces: Tensor) -> dict[str, Tensor]:
        return {"dark": -faces.mean(dim=(1, 2, 3)), "grey": faces.mean(dim=(1, 2, 3))}


def test_a_judge_that_sees_no_gap_is_said_to_be_unable(
    translator: Translator, drawn_store: FaceStore
) -> None:
    found = evaluate(translator, drawn_store, Panel([Darkness()]))
    found |= {"notes": {}, "split": "test", "weights": "best"}
    gaps = {name: e["gap"]["low"] > 0 for name, e in found["gaps"]["darkness"].items()}
    lines = describe(found)
    assert not all(gaps.values())
    for score, able in gaps.items():
        start = f"darkness, {score}: unable to judge"
        assert any(line.startswith(start) for line in lines) != able
        (share,) = {x.split(": ")[1] == "undefined" for x in lines if f"{score}, share_of_gap" in x}
        assert share != able


def test_no_change_is_no_shift_and_no_change(
    translator: Translator, drawn_store: FaceStore
) -> None:
    found = evaluate(with_shifts(translator, 0, 0), drawn_store, Panel([Brightness()]), split="val")
    for direction in found["directions"].values():
        assert direction["judges"]["brightness"]["grey"]["share_of_gap"]["value"] == 0
        assert direction["changes"]["output_l1"]["value"] == 0
        assert direction["changes"]["cycle_l1"]["value"] == 0
        assert direction["symptoms"]["change"] == 0


def test_the_way_back_is_measured(translator: Translator, drawn_store: FaceStore) -> None:
    found = evaluate(with_shifts(translator, 0.3, -0.1), drawn_store, Panel([Brightness()]))
    changes = found["directions"]["old"]["changes"]
    assert changes["output_l1"]["value"] == pytest.approx(0.3, abs=1e-6)
    assert changes["cycle_l1"]["value"] == pytest.approx(0.2, abs=1e-6)


def test_n_is_that_of_the_split_or_as_many_as_asked(
    translator: Translator, drawn_store: FaceStore
) -> None:
    labels = drawn_store.labels[drawn_store.indices("test")]
    found = evaluate(translator, drawn_store, Panel([Brightness()]))
    assert found["n"] == {"young": int((labels == 0).sum()), "old": int((labels == 1).sum())}
    assert evaluate(translator, drawn_store, Panel([]), most=3)["n"] == {"young": 3, "old": 3}


def test_the_generators_stay_as_they_were(translator: Translator, drawn_store: FaceStore) -> None:
    before = [p.clone() for p in translator.generators.parameters()]
    evaluate(translator, drawn_store, Panel([Brightness()]))
    assert all(
        torch.equal(a, b) for a, b in zip(before, translator.generators.parameters(), strict=True)
    )


def test_faces_of_another_size_are_refused(translator: Translator, prepared: Path) -> None:
    with pytest.raises(UserError, match=r"32 pixels.*--size 48"):
        evaluate(translator, FaceStore.open(prepared), Panel([Brightness()]))


def test_a_class_without_faces_is_named(translator: Translator, drawn_store: FaceStore) -> None:
    labels = np.ones_like(drawn_store.labels)
    with pytest.raises(UserError, match="no young faces in its test split"):
        evaluate(translator, replace(drawn_store, labels=labels), Panel([Brightness()]))
