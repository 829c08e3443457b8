"""Work on photos that is stopped anywhere: the same command goes on to the same results."""

import csv
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from photos import save

from agegen.faces.records import Rejected
from agegen.photos.journal import JOURNAL, PhotoResult
from agegen.photos.sets import Work, work_through
from agegen.run.errors import UserError
from agegen.run.files import lock, write_rows

COLUMNS = ("photo", "says")


class StoppedError(Exception):
    """Stands for a kill, or for Ctrl-C."""


def working(out: Path, stop_after: float = float("inf"), **request: object) -> Work:
    """Work that says a photo's size and writes a picture; it stops after so many photos."""
    worked: list[Path] = []

    def work(path: Path, name: str) -> PhotoResult:
        if len(worked) >= stop_after:
            raise StoppedError
        worked.append(path)
        if not path.stat().st_size:
            return refuse(Rejected(path, "empty file"))
        (out / f"{name}.txt").write_text(path.name)
        row = [str(path), str(path.stat().st_size)]
        return PhotoResult(path.name, [row], [f"{name}.txt"], {})

    def refuse(entry: Rejected) -> PhotoResult:
        return PhotoResult(entry.reason, [[str(entry.path), entry.reason]], [], {})

    def write(results: list[PhotoResult]) -> None:
        write_rows(out / "table.csv", COLUMNS, [row for result in results for row in result.rows])

    settings = {f"--{name}": str(value) for name, value in request.items() if name != "weights"}
    return Work(("try", "trying"), "table.csv", request, settings, work, refuse, write)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("party")
    for number in range(12):
        save(folder / f"{number}.png", number)
    (folder / "notes.txt").write_text("no photo")
    return folder


def results(out: Path) -> tuple[set[tuple[str, ...]], dict[str, str]]:
    """The table's rows, and the pictures by name."""
    with (out / "table.csv").open(encoding="utf-8", newline="") as file:
        rows = {tuple(row) for row in csv.reader(file)}
    return rows, {path.name: path.read_text() for path in out.glob("*.txt")}


def finish(work: Iterator[PhotoResult]) -> bool:
    """Work to the end; False if it was stopped."""
    try:
        list(work)
    except StoppedError:
        return False
    return True


def test_stopped_anywhere_and_damaged_it_ends_in_the_same(photos: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    list(work_through(working(whole), [photos], whole))
    rng = random.Random(0)
    for trial in range(60):
        out = tmp_path / str(trial)
        while not finish(work_through(working(out, rng.randrange(6)), [photos], out)):
            rows, _ = results(out)  # tables hold what was done, however it ended
            lines = (out / JOURNAL).read_bytes().splitlines(keepends=True)
            assert len(rows) - 1 == len(lines) - 1
            if len(lines) > 1 and rng.random() < 0.5:  # as a kill, or a damaged disk, leaves it
                hurt = rng.randrange(1, len(lines))
                lines[hurt] = rng.choice([lines[hurt][:9], b"null\n", b"[]\n", b"\xff\n"])
                (out / JOURNAL).write_bytes(b"".join(lines))
            if (pictures := list(out.glob("*.txt"))) and rng.random() < 0.3:
                rng.choice(pictures).unlink()
        rows, pictures_now = results(out)
        expected, all_pictures = results(whole)
        assert rows == expected
        assert set(pictures_now.values()) == set(all_pictures.values())


def test_what_is_done_is_not_done_again_but_what_changed_is(photos: Path, tmp_path: Path) -> None:
    out, party = tmp_path / "out", tmp_path / "party"
    for number in range(4):
        save(party / f"{number}.png", number)
    list(work_through(working(out), [party], out))
    assert finish(work_through(working(out, 0), [party], out))
    save(party / "2.png", 99, size=70)
    assert not finish(work_through(working(out, 0), [party], out))
    list(work_through(working(out, 1), [party], out))
    rows, pictures = results(out)
    assert (str(party / "2.png"), str((party / "2.png").stat().st_size)) in rows
    assert len(rows) == 5
    assert len(pictures) == 4


def test_further_photos_grow_the_table(photos: Path, tmp_path: Path) -> None:
    paths = sorted(photos.glob("*.png"))
    list(work_through(working(tmp_path), paths[:5], tmp_path))
    list(work_through(working(tmp_path), paths[3:], tmp_path))
    rows, pictures = results(tmp_path)
    assert len(rows) - 1 == len(pictures) == len(paths)


def test_only_where_no_photo_can_be_used_it_ends_with_a_sentence(tmp_path: Path) -> None:
    rng = random.Random(1)
    for trial in range(20):
        party, out = tmp_path / f"{trial}", tmp_path / f"{trial} out"
        empty = [rng.random() < 0.7 for _ in range(rng.randint(1, 4))]
        for number, is_empty in enumerate(empty):
            photo = save(party / f"{number}.png", number)
            photo.write_bytes(b"" if is_empty else photo.read_bytes())
        work = work_through(working(out), [party], out)
        if not all(empty):
            assert finish(work)
            continue
        with pytest.raises(UserError, match=r"nothing to try in any .*table\.csv says why of each"):
            list(work)
        assert {row[1] for row in results(out)[0]} == {"says", "empty file"}
        assert finish(work_through(working(out), [save(party / "good.png", 9)], out))
        assert len(results(out)[0]) == len(empty) + 2  # with the header


def test_results_of_another_request_or_of_ones_own_are_refused(
    photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    list(work_through(working(out, to="old"), [photos], out))
    before = results(out)
    message = r"with another --to \(old then, young now\): repeat it as .* another --out$"
    with pytest.raises(UserError, match=message):
        list(work_through(working(out, to="young"), [photos], out))
    assert results(out) == before
    own = tmp_path / "own"
    own.mkdir()
    (own / "table.csv").write_text("mine")
    with pytest.raises(UserError, match="choose another --out"):
        list(work_through(working(own), [photos], own))
    assert (own / "table.csv").read_text() == "mine"


def test_a_refusal_names_flags_with_both_values_and_nothing_internal(tmp_path: Path) -> None:
    rng = random.Random(2)
    photo = save(tmp_path / "photo.png", 0)
    for trial in range(30):
        out = tmp_path / str(trial)
        first, then = ({n: rng.randrange(2) for n in ("to", "run", "weights")} for _ in range(2))
        list(work_through(working(out, **first), [photo], out))
        if trial % 3 == 0:  # as a version that kept no settings has left it
            (out / JOURNAL).write_text(json.dumps(first) + "\n")
        if first == then:
            assert finish(work_through(working(out, **then), [photo], out))
            continue
        with pytest.raises(UserError) as refused:
            list(work_through(working(out, **then), [photo], out))
        for name in ("to", "run"):
            both = f"--{name} ({first[name]} then, {then[name]} now)"
            assert (both in str(refused.value)) == (first[name] != then[name] and trial % 3 > 0)
        assert "weights" not in str(refused.value)


def test_two_commands_at_once_in_one_folder_are_refused(photos: Path, tmp_path: Path) -> None:
    held = lock(tmp_path, "")
    with pytest.raises(UserError, match="another command is at work"):
        list(work_through(working(tmp_path), [photos], tmp_path))
    assert held is not None
    held.close()
    list(work_through(working(tmp_path), [photos], tmp_path))


@pytest.mark.parametrize(
    "first", ["", "null", "[]", "{", '{"to": [1]}', '{"to": "old", "settings": 1}']
)
def test_a_journal_of_something_else_is_refused(photos: Path, tmp_path: Path, first: str) -> None:
    (tmp_path / JOURNAL).write_text(first + "\n")
    with pytest.raises(UserError):
        list(work_through(working(tmp_path, to="old"), [photos], tmp_path))
    assert (tmp_path / JOURNAL).read_text() == first + "\n"
