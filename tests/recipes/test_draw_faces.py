"""Drawing faces as a real command."""

from pathlib import Path

from photos import recipe


def test_drawn_once_and_left_alone_after(tmp_path: Path) -> None:
    out = tmp_path / "photos"
    assert (
        "10 faces drawn" in recipe("draw_faces", "--out", out, "--faces", 10, "--size", 32).stdout
    )
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert len(list(out.glob("*.jpg"))) == 10
    assert "nothing drawn" in recipe("draw_faces", "--out", out, "--faces", 10, "--size", 32).stdout
    other = recipe("draw_faces", "--out", out, "--faces", 20, "--size", 32)
    assert other.returncode == 2
    assert "holds something else" in other.stderr
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_impossible_numbers_get_a_sentence(tmp_path: Path) -> None:
    result = recipe("draw_faces", "--out", tmp_path / "photos", "--faces", 1)
    assert result.returncode == 2
    assert "--faces must be 2 or more" in result.stderr
    assert "Traceback" not in result.stderr
