"""How strongly faces are changed: the step's length, and its choice on validation faces."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from agegen.cyclegan import strength as strength_module
from agegen.cyclegan.strength import (
    STRENGTHS,
    STRIP,
    ChooseStrengthConfig,
    best_of,
    choose_strength,
    describe_choice,
)
from agegen.cyclegan.translate import STRENGTH, load_translator, read_strength, write_strength
from agegen.evaluation.face_sheet import GAP
from agegen.evaluation.selection import strengthened
from agegen.faces.store import FaceStore
from agegen.faces.views import to_uint8
from agegen.run.errors import UserError
from agegen.run.tensor_files import load_tensors, save_tensors

CHOSEN = {"young": {"strength": 0.6}, "old": {"strength": 1.3}}


def faces(n: int = 3, side: int = 24) -> Tensor:
    return torch.rand(n, 3, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("strength", [0.0, 0.3, 0.75, 1.0, 1.25, 1.5])
def test_it_is_the_length_of_the_step(strength: float) -> None:
    x, made = faces(), faces().flip(0) * 0.5
    y = strengthened(x, made, strength)
    torch.testing.assert_close(y, (x + strength * (made - x)).clamp(-1, 1))
    assert y.abs().max() <= 1


def test_none_and_all_of_it_are_exact() -> None:
    x, made = faces(), faces().flip(0)
    assert torch.equal(strengthened(x, made, 0.0), x)
    assert torch.equal(strengthened(x, made, 1.0), made)


def test_a_run_knows_the_strength_that_was_chosen(cyclegan_run: Path, tmp_path: Path) -> None:
    run = copied(cyclegan_run, tmp_path)
    x = faces(2, 44)
    plain = load_translator(run, device="cpu")
    assert plain.strength == {"young": 1.0, "old": 1.0}
    write_strength(run, "generators", CHOSEN)
    changed = load_translator(run, device="cpu")
    for to, value in (("young", 0.6), ("old", 1.3)):
        expected = strengthened(x, plain.translate(x, to), value)
        assert torch.equal(changed.translate(x, to), expected)
        asked = load_translator(run, device="cpu", strength=0.0)
        assert torch.equal(asked.translate(x, to), x)


def test_a_choice_is_of_its_weights(cyclegan_run: Path, tmp_path: Path) -> None:
    """Of those that were there: not of others of the run, nor of later ones."""
    run = copied(cyclegan_run, tmp_path)
    tensors = load_tensors(run / "generators.safetensors")
    save_tensors(run / "best.safetensors", {k: t + 1 for k, t in tensors.items()})
    (run / "best.json").write_text(json.dumps({"pairs": 40, "judge_strength_old": 0.7}))
    whole, then = {"young": 1.0, "old": 1.0}, {"young": 1.0, "old": 0.7}
    assert read_strength(run, "best") == then
    assert read_strength(run, "generators") == whole
    write_strength(run, "generators", CHOSEN)
    assert read_strength(run, "generators") == {"young": 0.6, "old": 1.3}
    assert read_strength(run, "best") == then
    save_tensors(run / "generators.safetensors", {k: t + 2 for k, t in tensors.items()})
    assert read_strength(run, "generators") == whole


@pytest.mark.parametrize("value", [9, -0.1, float("nan"), "x", None, {}])
def test_a_damaged_choice_is_said(cyclegan_run: Path, tmp_path: Path, value: object) -> None:
    run = copied(cyclegan_run, tmp_path)
    write_strength(run, "generators", {"young": {"strength": 1.0}, "old": {"strength": value}})
    with pytest.raises(UserError, match=r"strength.json is damaged"):
        read_strength(run)
    for content in ("", "{}", "[]", '{"weights": 1'):
        (run / STRENGTH).write_text(content)
        with pytest.raises(UserError, match=r"strength.json is damaged"):
            read_strength(run)


def tried(*pairs: tuple[float, float]) -> list[dict]:
    return [
        {"strength": i, "share": share, "verified": {"value": kept}}
        for i, (share, kept) in enumerate(pairs)
    ]


def test_the_largest_shift_among_those_that_keep_enough_people() -> None:
    found = tried((0.2, 1.0), (0.5, 0.97), (0.4, 0.96), (0.9, 0.94))
    assert best_of(found, 0.95) == 1
    assert best_of(found, 0.9) == 3
    assert best_of(tried((0.2, 0.8), (0.5, 0.7), (0.3, 0.8)), 0.95) == 2  # the most are kept


class Brightness:
    """A judge to whom dark faces are old."""

    def __init__(self, shown: float) -> None:
        pass

    def scores(self, x: Tensor) -> dict[str, Tensor]:
        return {"years": -x.mean(dim=(1, 2, 3)).double()}


class Position:
    """A matcher to whom a face is its pixels."""

    name = "pixels"

    def __init__(self, shown: float) -> None:
        pass

    def embed(self, x: Tensor, like: Tensor) -> Tensor:
        return x.flatten(1).double()


def test_it_is_chosen_kept_and_shown(
    cyclegan_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = copied(cyclegan_run, tmp_path)
    monkeypatch.setattr(strength_module, "IdentityMatcher", Position)
    monkeypatch.setattr(strength_module, "AgeEstimator", Brightness)
    found = choose_strength(ChooseStrengthConfig(run, most=6))
    for to in ("young", "old"):
        shares = [t["share"] for t in found[to]["tried"]]
        kept = [t["verified"]["value"] for t in found[to]["tried"]]
        assert [t["strength"] for t in found[to]["tried"]] == list(STRENGTHS)
        assert np.all(np.diff(kept) <= 0)  # farther away, fewer are the same
        assert len(set(shares)) > 6
        assert found[to]["strength"] == best_of(found[to]["tried"], {"young": 0.97, "old": 0.9}[to])
        assert read_strength(run)[to] == found[to]["strength"]
    assert sum("<- chosen" in line for line in describe_choice(found)) == 2
    translator = load_translator(run, device="cpu")
    size = translator.config.size
    with Image.open(run / "strength.png") as picture:
        sheet = np.asarray(picture)
    store = FaceStore.open(translator.config.faces)
    assert sheet.shape[1] == 2 * len(STRIP) * (size + GAP)
    val = to_uint8(translator.views(store.images[store.indices("val")])).numpy()
    assert any(np.array_equal(sheet[:size, :size], face) for face in val)  # strength 0 comes first


def copied(run: Path, folder: Path) -> Path:
    return Path(shutil.copytree(run, folder / "run"))


@pytest.mark.parametrize(
    "options", [{"verified": (0.0, 0.9)}, {"verified": (0.9, 1.1)}, {"most": 1}]
)
def test_impossible_settings_are_refused(tmp_path: Path, options: dict) -> None:
    with pytest.raises(UserError, match="must be"):
        ChooseStrengthConfig(tmp_path, **options)


def test_the_packages_own_choice_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="--strength overrides"):
        choose_strength(ChooseStrengthConfig(Path("pretrained")))
    assert not list(tmp_path.iterdir())
