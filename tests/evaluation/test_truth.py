"""Generated faces against the true counterparts of drawn people."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from agegen.cyclegan.objective import Generators
from agegen.cyclegan.translate import Translator, load_translator
from agegen.evaluation.panel import Panel
from agegen.evaluation.truth import draw_counterparts, evaluate_truth

N = 12


class Answers(nn.Module):
    """Gives the faces that it holds, whatever it is asked."""

    def __init__(self, faces: Tensor) -> None:
        super().__init__()
        self.faces, self.given = faces, 0

    def forward(self, x: Tensor) -> Tensor:
        first = self.given % len(self.faces)
        self.given += len(x)
        return self.faces[first : first + len(x)]


@pytest.fixture
def translator(cyclegan_run: Path) -> Translator:
    return load_translator(cyclegan_run, device="cpu")


def with_generators(translator: Translator, old: nn.Module, young: nn.Module) -> Translator:
    return replace(translator, generators=Generators(old, young))


def test_the_same_person_is_drawn_at_two_ages(translator: Translator) -> None:
    people = draw_counterparts(translator, N, seed=3)
    size = translator.config.size
    assert people.faces["young"].shape == (N, 3, size, size)
    aged = (people.faces["old"] - people.faces["young"]).abs().mean(dim=(1, 2, 3))
    other_age = (people.faces["old"] - people.again["old"]).abs().mean(dim=(1, 2, 3))
    assert (aged > other_age).all()


def test_doing_nothing_gains_nothing(translator: Translator) -> None:
    same = with_generators(translator, nn.Identity(), nn.Identity())
    for kinds in evaluate_truth(same, Panel([]), N, seed=3)["directions"].values():
        assert kinds["l1"]["gained"]["value"] == 0
        assert kinds["l1"]["nearer"]["value"] == 0
        assert kinds["l1"]["output"] == kinds["l1"]["input"]


def test_the_oracle_gains_all_and_the_truth_more(translator: Translator) -> None:
    people = draw_counterparts(translator, N, seed=3)
    oracle = with_generators(translator, *(Answers(people.again[to]) for to in ("old", "young")))
    for kinds in evaluate_truth(oracle, Panel([]), N, seed=3)["directions"].values():
        assert kinds["l1"]["gained"]["value"] == pytest.approx(1)
    truth = with_generators(translator, *(Answers(people.faces[to]) for to in ("old", "young")))
    for kinds in evaluate_truth(truth, Panel([]), N, seed=3)["directions"].values():
        assert kinds["l1"]["output"]["value"] == 0
        assert kinds["l1"]["nearer"]["value"] == 1
        assert kinds["l1"]["gained"]["value"] > 1


def test_the_same_seed_gives_the_same_figures(translator: Translator) -> None:
    torch.manual_seed(1)
    first = evaluate_truth(translator, Panel([]), N, seed=3)
    torch.manual_seed(2)
    assert evaluate_truth(translator, Panel([]), N, seed=3) == first
