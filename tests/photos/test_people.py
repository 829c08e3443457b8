"""Photos of people at several ages, from names and tables."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agegen.faces.alignment import similarity
from agegen.faces.geometry import Geometry
from agegen.faces.landmarks import FoundFace
from agegen.photos import known_photos
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
