"""What judges answer is checked: a user's own may be wrong in many ways."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from agegen.evaluation.ask_judges import judge_all, judge_batches, own_judge, require_judges
from agegen.run.errors import UserError

FACES = torch.linspace(-1, 1, 70 * 3 * 4 * 4).reshape(70, 3, 4, 4)  # more than a batch


class Answer:
    """A judge that answers what a function makes of the mean of each face."""

    name = "mine"

    def __init__(self, answer: Callable[[Tensor], object]) -> None:
        self.answer = answer

    def scores(self, faces: Tensor) -> dict[str, Tensor]:
        return self.answer(faces.mean(dim=(1, 2, 3)))  # type: ignore[return-value]


def test_batches_are_put_together_without_gradients() -> None:
    weight = torch.ones(1, requires_grad=True)
    scores = judge_batches(Answer(lambda x: {"a": x * weight, "b": -x}), FACES)
    assert scores["a"].shape == (70,)
    assert scores["a"] == pytest.approx(FACES.mean(dim=(1, 2, 3)).double().numpy())
    assert scores["b"] == pytest.approx(-scores["a"])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x: x, "gave a Tensor"),
        (lambda x: {}, r"names were \[\]"),
        (lambda x: {0: x}, r"names were \[0\]"),
        (lambda x: {"a": x.numpy()}, "'a' is of type ndarray"),
        (lambda x: {"a": x > 0}, r"'a' is of type torch\.bool"),
        (lambda x: {"a": x.mean()}, r"the shape \(\), not \(64,\)"),
        (lambda x: {"a": x[:, None]}, r"the shape \(64, 1\), not \(64,\)"),
        (lambda x: {"a": x / 0 * 0}, "NaN or infinite"),
        (lambda x: {"a": x, f"of {len(x)}": x}, "same scores of all faces"),
    ],
)
def test_a_wrong_answer_is_a_sentence_that_names_the_judge(
    answer: Callable[[Tensor], object], words: str
) -> None:
    with pytest.raises(UserError, match=f"judge 'mine' .*{words}"):
        judge_batches(Answer(answer), FACES)


def test_both_classes_must_have_the_same_scores() -> None:
    judge = Answer(lambda x: {"low" if x[0] < 0 else "high": x})
    with pytest.raises(UserError, match=r"gave \['low'\], then \['high'\]"):
        judge_all(judge, {"young": FACES[:20], "old": FACES[-20:]})


def test_a_name_is_a_string_of_its_own() -> None:
    judge, other = Answer(lambda x: {"a": x}), Answer(lambda x: {"a": x})
    require_judges([judge])
    with pytest.raises(UserError, match="same name: mine, mine"):
        require_judges([judge, other])
    other.name = 3  # type: ignore[assignment]
    with pytest.raises(UserError, match="name must be a string"):
        require_judges([judge, other])


def test_a_class_of_ones_own_is_made_without_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "odd_judges.py").write_text(
        "class Plain:\n    name = 'plain'\n    def scores(self, faces): ...\n"
        "class Needy(Plain):\n    def __init__(self, path): ...\n"
        "class Numbered(Plain):\n    name = 7\n"
        "made = Needy('here')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert own_judge("odd_judges:Plain").name == "plain"
    assert own_judge("odd_judges:made").name == "plain"
    with pytest.raises(UserError, match=r"Needy must be made without arguments .*'path'"):
        own_judge("odd_judges:Needy")
    with pytest.raises(UserError, match="Numbered has no name that is a string"):
        own_judge("odd_judges:Numbered")
    sys.modules.pop("odd_judges")
