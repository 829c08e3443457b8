"""Which faces are paired: groups, their ratio, the sharp ones."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from agegen.cyclegan.batches import ROUND, PairDrawer
from agegen.cyclegan.pairing import (
    Domains,
    choose_pairing,
    pairable,
    read_pairing,
    sharpness,
    write_pairing,
)
from agegen.faces.store import FaceStore
from agegen.run.errors import UserError


def with_genders(store: FaceStore, seed: int, women: tuple[float, float]) -> FaceStore:
    """The store with women as this share of the young and of the old."""
    draw = np.random.default_rng(seed).random(len(store))
    female = draw < np.where(store.labels == 0, *women)
    return dataclasses.replace(store, genders=np.where(female, "female", "male"))


@pytest.mark.parametrize("seed", range(5))
def test_both_faces_of_a_pair_are_of_one_gender(striped_store: FaceStore, seed: int) -> None:
    store = with_genders(striped_store, seed, (0.6, 0.2))
    groups = pairable(store, balance=("gender",))
    assert len(groups) == 2
    for step in range(40):
        young, old = PairDrawer(groups, 3, seed).draw(step)
        assert np.array_equal(store.genders[young], store.genders[old])
        assert (store.labels[young] == 0).all()
        assert (store.labels[old] == 1).all()


@pytest.mark.parametrize("batch_size", [1, 3, 8, 250])
def test_turns_are_exact_and_every_group_goes_round_whole(batch_size: int) -> None:
    groups = [
        Domains("a", np.arange(0, 90), np.arange(100, 110)),
        Domains("b", np.arange(200, 207), np.arange(300, 400)),
    ]
    means = np.sqrt([900.0, 700.0])
    drawer = PairDrawer(groups, batch_size, 5)
    drawn = [drawer.draw(step) for step in range(3 * ROUND // batch_size)]
    young, old = (np.concatenate([d[i] for d in drawn]) for i in (0, 1))
    first = young < 200
    assert np.array_equal(first, old < 200)
    whole = len(young) // ROUND * ROUND
    often = first[:whole].reshape(-1, ROUND).sum(axis=1)
    assert len(often) >= 2
    assert (np.abs(often - ROUND * means[0] / means.sum()) <= 0.5).all()
    for chosen, faces in ((young[first], 90), (old[first], 10), (young[~first], 7)):
        rounds = chosen[: len(chosen) // faces * faces].reshape(-1, faces)
        assert len(rounds) >= 10
        assert (np.sort(rounds, axis=1) == np.sort(rounds[0])).all()
        assert len(np.unique(rounds[0])) == faces


def test_a_step_of_groups_hangs_on_seed_and_step_alone(striped_store: FaceStore) -> None:
    groups = pairable(with_genders(striped_store, 0, (0.5, 0.5)), balance=("gender",))
    far = ROUND // 3 + 7  # across the first round
    expected = PairDrawer(groups, 3, 1).draw(far)
    drawer = PairDrawer(groups, 3, 1)
    for step in (0, far, 2, far - 1, far):
        again = drawer.draw(step)
    assert all(np.array_equal(a, b) for a, b in zip(again, expected, strict=True))
    other = PairDrawer(groups, 3, 2).draw(far)
    assert not all(np.array_equal(a, b) for a, b in zip(other, expected, strict=True))


def test_tables_divide_further_and_unknown_faces_are_left_out(
    striped_store: FaceStore, tmp_path: Path
) -> None:
    store = with_genders(striped_store, 0, (0.5, 0.5))
    names = [Path(path).name for path in store.paths]
    glasses = {name: ("", "with", "without")[i // 2 % 3] for i, name in enumerate(names)}
    table = tmp_path / "glasses.csv"
    rows = [f"anywhere/{name},{group}" for name, group in glasses.items()]
    table.write_text("path,group\n" + "\n".join(rows) + "\n")
    groups = pairable(store, balance=("gender", str(table)))
    assert 1 < len(groups) <= 4
    for group in groups:
        paired = np.concatenate(group[1:])
        said = {(store.genders[i], glasses[names[i]]) for i in paired}
        assert len(said) == 1
        assert "" not in said.pop()


@pytest.mark.parametrize(
    "content", [None, "path,kind\na,b\n", "path,group\nnobody.png,a\n", "\xff"]
)
def test_a_table_that_does_not_fit_is_refused(
    striped_store: FaceStore, tmp_path: Path, content: str | None
) -> None:
    table = tmp_path / "table.csv"
    if content is not None:
        table.write_bytes(content.encode("latin1"))
    with pytest.raises(UserError, match=r"--balance .*table.csv (names no face|is not gender)"):
        pairable(striped_store, balance=(str(table),))


def test_groups_of_one_age_alone_are_refused(striped_store: FaceStore) -> None:
    store = with_genders(striped_store, 0, (1.0, 0.0))
    with pytest.raises(UserError, match="no group has young and old"):
        pairable(store, balance=("gender",))


def test_a_store_that_knows_no_gender_is_one_group(striped_store: FaceStore) -> None:
    unknown = dataclasses.replace(striped_store, genders=np.full(len(striped_store), ""))
    (group,) = pairable(unknown, balance=("gender",))
    (everyone,) = pairable(unknown)
    assert np.array_equal(group.young, everyone.young)
    assert np.array_equal(group.old, everyone.old)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75, 1.0])
def test_the_sharpest_of_each_class_are_kept(drawn_store: FaceStore, share: float) -> None:
    kept, everyone = (pairable(drawn_store, s)[0] for s in (share, 1.0))
    for mine, all_of_it in zip(kept[1:], everyone[1:], strict=True):
        assert len(mine) == pytest.approx(share * len(all_of_it), abs=1)
        assert np.array_equal(mine, np.sort(mine))
        left_out = np.setdiff1d(all_of_it, mine)
        if len(left_out):
            least = sharpness(drawn_store.images, mine).min()
            assert sharpness(drawn_store.images, left_out).max() <= least


def test_blur_lowers_sharpness_and_contrast_does_not_raise_it(drawn_store: FaceStore) -> None:
    images = np.asarray(drawn_store.images[:20])
    sharp = sharpness(images, np.arange(20))
    for change in (
        lambda x: x.filter(ImageFilter.GaussianBlur(1)),
        lambda x: x.resize((30, 30)).resize(x.size),
    ):
        changed = np.stack([np.asarray(change(Image.fromarray(x))) for x in images])
        assert (sharpness(changed, np.arange(20)) < sharp).all()
    paler = (128 + (images.astype(float) - 128) * 0.5).round().astype(np.uint8)
    assert sharpness(paler, np.arange(20)) == pytest.approx(sharp, rel=0.15)


def test_what_was_paired_is_kept_and_read_again(striped_store: FaceStore, tmp_path: Path) -> None:
    store, file = with_genders(striped_store, 0, (0.6, 0.3)), tmp_path / "pairing.json"
    asked = (0.5, ("gender",))
    write_pairing(file, choose_pairing(file, store, 1.0, ()))
    assert not file.exists()  # all of them
    assert_same(read_pairing(file, store, 1.0, ()), pairable(store))
    with pytest.raises(UserError, match=r"pairing\.json"):  # all is not what was asked for
        read_pairing(file, store, *asked)
    write_pairing(file, choose_pairing(file, store, *asked))
    kept = read_pairing(file, store, *asked)
    assert_same(kept, pairable(store, *asked))
    again = choose_pairing(file, with_genders(store, 1, (0.5, 0.5)), *asked)
    write_pairing(file, again)
    assert again is None
    assert_same(read_pairing(file, store, *asked), kept)  # a resumed run pairs what it has paired


def assert_same(one: list[Domains], other: list[Domains]) -> None:
    for a, b in zip(one, other, strict=True):
        assert a.name == b.name
        assert np.array_equal(a.young, b.young)
        assert np.array_equal(a.old, b.old)


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_pairing_is_said(striped_store: FaceStore, tmp_path: Path, seed: int) -> None:
    file, draw = tmp_path / "pairing.json", np.random.default_rng(seed)
    write_pairing(file, choose_pairing(file, striped_store, 0.5, ()))
    kept = json.loads(file.read_text())["all"]
    wrong = [
        {}, [], {"all": {"young": kept["young"]}}, {"all": {**kept, "old": []}},
        {"all": {**kept, "old": kept["young"]}}, {"all": {**kept, "young": ["x"]}},
        {"all": {**kept, "young": [10**6]}}, {"all": None},
    ][seed]  # fmt: skip
    file.write_text(json.dumps(wrong))
    with pytest.raises(UserError, match=r"pairing.json is damaged"):
        read_pairing(file, striped_store, 0.5, ())
    file.write_text(json.dumps({"all": kept})[: int(draw.integers(1, 40))])
    with pytest.raises(UserError, match=r"pairing.json is damaged"):
        read_pairing(file, striped_store, 0.5, ())
