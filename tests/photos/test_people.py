"""Photos of people at several ages, from names and tables."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agegen.faces.alignment import similarity
from agegen.faces.geometry import Geometry
from agegen.faces.landmarks import FoundFace
from agegen.photos import known_photos, people
from agegen.photos.crop import CroppedFace
from agegen.photos.people import read_people
from agegen.run.errors import UserError

SIZE = 32
GEOMETRY = Geometry("", SIZE, 0, 0, None)


@pytest.fixture(autouse=True)
def every_photo_is_a_face(monkeypatch: pytest.MonkeyPatch) -> None:
    def crop(photo: np.ndarray, geometry: Geometry) -> list[CroppedFace]:
        if photo.mean() < 10:
            return []
        eyes = np.array([[24.0, 10], [18, 10], [6, 10], [12, 10], [15.0 + photo[0, 0, 0] / 85, 18]])
        found = FoundFace(eyes, np.array([16.0, 16]), 30.0, 1.0, 0)
        face = np.array(Image.fromarray(photo).resize((SIZE, SIZE)))
        same = similarity(1.0, 0.0, (0.0, 0.0), (0.0, 0.0))
        return [CroppedFace(face, same, found, 0.0)]

    monkeypatch.setattr(known_photos, "crop_faces", crop)


def save(path: Path, grey: int) -> None:
    Image.new("RGB", (40, 40), (grey, grey, grey)).save(path)


def test_fgnets_names_say_who_and_when(tmp_path: Path) -> None:
    for name, grey in (
        ("001A22", 85), ("001A43a", 170), ("002A25", 85), ("002A61", 85), ("002A05", 85),
        ("003A30", 85), ("004A50", 85), ("004A20", 0),
    ):  # fmt: skip
        save(tmp_path / f"{name}.JPG", grey)
    (tmp_path / "004A28.JPG").write_bytes(b"no picture")
    found = read_people(tmp_path, GEOMETRY)
    assert found.persons.tolist() == ["001", "001", "002", "002", "004"]
    assert found.ages.tolist() == [22, 43, 25, 61, 50]
    assert found.turned[0] == pytest.approx(1 / 12, abs=0.01)
    assert found.turned[1] == pytest.approx(2 / 12, abs=0.01)
    reasons = {entry.path.name: entry.reason for entry in found.left_out}
    assert set(reasons) == {"002A05.JPG", "003A30.JPG", "004A20.JPG", "004A28.JPG"}
    assert "no adult" in reasons["002A05.JPG"]
    assert reasons["003A30.JPG"] == "the only photo of this person"
    assert reasons["004A20.JPG"] == "no face found"


def test_a_table_names_people_and_one_without_names_is_refused(tmp_path: Path) -> None:
    lines = ["path,age,identity"]
    for number, (age, who) in enumerate([(25, "a"), (55, "a"), (22, "b"), (60, "b"), (35, "a")]):
        save(tmp_path / f"{number}.png", 85)
        lines.append(f"{number}.png,{age},{who}")
    table = tmp_path / "people.csv"
    table.write_text("\n".join(lines))
    found = read_people(table, GEOMETRY)
    assert sorted(zip(found.persons.tolist(), found.ages.tolist(), strict=True)) == [
        ("a", 25), ("a", 35), ("a", 55), ("b", 22), ("b", 60)
    ]  # fmt: skip
    table.write_text("path,age\n0.png,25\n1.png,55\n")
    with pytest.raises(UserError, match="who is on several photos"):
        read_people(table, GEOMETRY)


def table_at_random(folder: Path, rng: np.random.Generator) -> dict[str, list[int]]:
    """people.csv of persons of any ages; and their adult ages by person."""
    save(folder / "face.png", 85)
    lines, ages = ["path,age,identity"], {}
    for person in range(rng.integers(3, 12)):
        mine = rng.integers(10, 75, rng.integers(1, 7)).tolist()
        ages[f"p{person}"] = sorted(age for age in mine if age >= 18)
        for number, age in enumerate(mine):
            (folder / f"{person}_{number}.png").write_bytes((folder / "face.png").read_bytes())
            lines.append(f"{person}_{number}.png,{age},p{person}")
    (folder / "people.csv").write_text("\n".join(lines))
    return {person: mine for person, mine in ages.items() if mine}


@pytest.mark.parametrize("seed", range(8))
def test_who_is_known_from_elsewhere_needs_one_photo_here(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ages = table_at_random(tmp_path, rng)
    known = {person for person in ages if rng.random() < 0.5} | {"somebody else"}
    wanted = {who: mine for who, mine in ages.items() if len(mine) > 1 or who in known}
    if not wanted:
        with pytest.raises(UserError, match="the people in --before"):
            read_people(tmp_path / "people.csv", GEOMETRY, known)
        return
    found = read_people(tmp_path / "people.csv", GEOMETRY, known)
    entries = zip(found.persons.tolist(), found.ages.tolist(), strict=True)
    assert sorted(entries) == sorted((who, age) for who, mine in wanted.items() for age in mine)


@pytest.mark.parametrize("age", [22, 35, 60])
def test_a_source_of_one_class_is_enough(tmp_path: Path, age: int) -> None:
    for who in "12":
        save(tmp_path / f"00{who}A{age}.JPG", 85)
    assert read_people(tmp_path, GEOMETRY, {"001", "002"}).ages.tolist() == [age, age]


@pytest.mark.parametrize("seed", range(6))
def test_of_too_many_photos_whole_people_are_drawn(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(seed)
    ages = {who: mine for who, mine in table_at_random(tmp_path, rng).items() if len(mine) > 1}
    most = int(rng.integers(max(map(len, ages.values()), default=1), 20))
    monkeypatch.setattr(people, "MOST", most)
    if not ages:
        return
    found = read_people(tmp_path / "people.csv", GEOMETRY, seed=seed)
    assert 0 < len(found.ages) <= most
    for who in set(found.persons.tolist()):
        assert sorted(found.ages[found.persons == who].tolist()) == ages[who]
    again = read_people(tmp_path / "people.csv", GEOMETRY, seed=seed)
    assert np.array_equal(found.persons, again.persons)
    not_drawn = [entry for entry in found.left_out if entry.reason.startswith("not drawn")]
    assert len(not_drawn) == sum(map(len, ages.values())) - len(found.ages)


@pytest.mark.parametrize("seed", range(6))
def test_those_who_are_known_are_drawn_first(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(seed)
    ages = table_at_random(tmp_path, rng)
    known = set(rng.choice(sorted(ages), rng.integers(1, len(ages) + 1), replace=False).tolist())
    most = sum(len(ages[who]) for who in known)
    monkeypatch.setattr(people, "MOST", most)
    found = read_people(tmp_path / "people.csv", GEOMETRY, known, seed)
    assert set(found.persons.tolist()) == known


def test_a_missing_source_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"{tmp_path / 'none'} does not exist"):
        read_people(tmp_path / "none", GEOMETRY)
