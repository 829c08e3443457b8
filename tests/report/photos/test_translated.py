"""The page on translated photos, from files that no generator has made."""

import re
import string
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from photos import picture
from written_cyclegans import write_cyclegan_run

from agegen.photos.card import make_card
from agegen.photos.classify import Age
from agegen.photos.journal import PhotoResult
from agegen.photos.sets import result_name
from agegen.photos.strips import show, write_shown
from agegen.photos.translate_files import describe_photo, without_faces, write_tables
from agegen.report.photos import translated
from agegen.report.photos.translated import STEPS, make_page
from agegen.run.errors import UserError
from agegen.run.files import write_text

ABOUT = {
    "run": "runs/<cycle>",
    "to": "old",
    "strength": 0.75,
    "weights": "best",
    "cropping": "landmarks were found in 93 of 100 training faces",
    "age_judge": {"run": "pretrained", "why_not": ""},
}
ODD = string.ascii_letters + "\"'<>&#?%; \n\\éß漢" + "{}$`"


def write(folder: Path, *photos: tuple[str, list[tuple[float, float]] | str], **about) -> Path:
    """Write results: each photo's name with the years of its faces, or its problem."""
    results = []
    for number, (name, content) in enumerate(photos, start=1):
        path = Path("/photos") / name
        if isinstance(content, str):
            results.append(without_faces(path, "old", content))
            continue
        stem = f"{result_name(number, path)}_old"
        shown = write_shown(folder, stem, show(picture(number, 60), picture(number + 1, 60), None))
        ages = [tuple(Age(years, years - 5, years + 6) for years in pair) for pair in content]
        photo = describe_photo(path, (60, 60), shown, len(ages), ages)
        results.append(PhotoResult("", [], shown, photo))
    write_tables(folder, results, ABOUT | about, with_ages=True)
    return folder


class Page(HTMLParser):
    """What a page refers to, shows, and has in its tables; its elements are closed in order."""

    VOID = frozenset({"meta", "img", "input"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.references: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self.tags.append(tag)
        self.references += [value for name, value in attributes if name in ("src", "href")]
        assert not {name for name, _ in attributes if name.startswith("on")}
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def random_name(rng: np.random.Generator) -> str:
    """Letters, markup, quotes, lines, what has a meaning in links; sometimes very many."""
    length = rng.integers(1, 200) if rng.random() < 0.2 else rng.integers(1, 12)
    return "".join(rng.choice(list(ODD), length)) + ".jpg"


def test_any_name_is_shown_as_it_is_and_leads_to_pictures_in_the_folder(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = [random_name(rng) for _ in range(40)]
    page = Page(make_page(write(tmp_path, *[(name, [(30.0, 50.0)]) for name in names])))
    assert len(page.references) == 2 * len(names)
    for link in page.references:
        assert re.fullmatch(r"page/[A-Za-z0-9_.~%-]+", link)
        assert (tmp_path / unquote(link)).is_file()
    assert all(name in page.text for name in names)
    assert set(page.tags).isdisjoint({"script", "link", "iframe", "b"})
    assert page.tags.count("input") == STEPS * len(names)


def test_years_are_a_reading_before_and_after(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    both = rng.uniform(20, 70, (5, 2))
    text = Page(make_page(write(tmp_path, ("a.jpg", both[:1]), ("b.jpg", both[1:])))).text
    for before, after in both:
        assert f"about {before:.0f} (" in text
        assert f"about {after:.0f} (" in text
    change = float((both[:, 1] - both[:, 0]).mean())
    more = "more" if change > 0 else "fewer"
    assert f"{abs(change):.1f} years {more} on average after than before" in text
    assert "not a truth" in text
    assert "5 faces in 2 photos made old." in text


def test_years_that_nobody_reads_are_left_out_with_the_reason(tmp_path: Path) -> None:
    judge = {"run": "pretrained", "why_not": "best.json is damaged"}
    page = Page(make_page(write(tmp_path, ("a.jpg", []), age_judge=judge)))
    assert "Years before and after are left out: best.json is damaged." in page.text
    assert "about" not in page.text
    assert "reads" not in page.text


def test_photos_without_faces_are_at_the_end_with_the_reason(tmp_path: Path) -> None:
    html = make_page(write(tmp_path, ("<i>.jpg", "no face found"), ("a.jpg", [(30.0, 50.0)])))
    assert html.index("a.jpg") < html.index("&lt;i&gt;.jpg") < html.index("no face found")
    assert "1 face in 1 photo made old; 1 file without a result" in html
    alone = Page(make_page(write(tmp_path / "none", ("a.jpg", "no face found"))))
    assert "0 faces in 0 photos made old" in alone.text
    assert "divider" not in alone.text
    assert "without a result" not in make_page(write(tmp_path / "all", ("a.jpg", [(3.0, 5.0)])))


def test_a_thousand_photos_are_a_small_page(tmp_path: Path) -> None:
    shown = write_shown(tmp_path, "001_a_old", show(picture(1, 60), picture(2, 60), None))
    ages = [(Age(30, 25, 36), Age(50, 45, 56))]
    content = describe_photo(Path("a.jpg"), (60, 60), shown, 1, ages)
    write_tables(tmp_path, [PhotoResult("", [], [], content)] * 1000, ABOUT, with_ages=True)
    html = make_page(tmp_path)
    assert len(html) < 3_000_000
    assert html.count('loading="lazy"') == 2000


def test_the_generators_own_figures_are_told(tmp_path: Path, monkeypatch) -> None:
    run = tmp_path / "run"
    folder = write(tmp_path / "out", ("a.jpg", [(30.0, 50.0)]), run=str(run))
    assert f"There are none: {run} has no evaluation.json" in make_page(folder)
    card = "# Card\n\n- **Data.** x\n- **Figures**, on `3`\n  faces: <1>.\n- **Limits.** y\n"
    write_text(run / "README.md", card)
    assert "Figures, on 3 faces: &lt;1&gt;." in make_page(folder)
    assert "Limits" not in make_page(folder)
    monkeypatch.setattr(translated, "describe_evaluation", lambda path: [f"Judged: {path.name}"])
    assert "Judged: evaluation.json" in make_page(folder)
    assert "Figures, on 3" not in make_page(folder)


def test_the_figures_of_a_card_that_packing_wrote_are_told(tmp_path: Path) -> None:
    run = write_cyclegan_run(tmp_path)
    folder = write(tmp_path / "out", ("a.jpg", [(30.0, 50.0)]), run=str(run))
    card = make_card(run, "mine", "mit")
    write_text(run / "README.md", card)
    page = Page(make_page(folder)).text
    assert "It was not evaluated." in page
    assert "There are none" not in page
    lines = ["On faces of the test split:", "```", "to old, n = 9 <i>", "  lpips: 0.1", "```"]
    write_text(run / "README.md", card.replace("It was not evaluated.", "\n".join(lines)))
    page = Page(make_page(folder)).text
    assert "On faces of the test split:\nto old, n = 9 <i>\nlpips: 0.1\n" in page
    assert "```" not in page
    assert "Research and teaching" not in page


def test_a_run_without_figures_is_called_as_it_was_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(translated, "find_run", lambda run, kind: tmp_path / "cache")
    folder = write(tmp_path / "out", ("a.jpg", [(30.0, 50.0)]), run="hf://ann/faces")
    page = make_page(folder)
    assert "There are none: hf://ann/faces has no evaluation.json" in page
    assert "cache" not in page


def test_the_card_of_the_pretrained_generators_has_figures(tmp_path: Path) -> None:
    page = make_page(write(tmp_path, ("a.jpg", [(30.0, 50.0)]), run="pretrained"))
    assert "Figures, on 290 held-out test faces" in page


@pytest.mark.parametrize("content", ["[1]", '{"photos": []}', "{"])
def test_a_table_of_another_version_or_damaged_is_one_sentence(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "translations.json").write_text(content)
    with pytest.raises(UserError, match=r"translations\.json"):
        make_page(tmp_path)


def test_a_missing_entry_is_one_sentence(tmp_path: Path) -> None:
    folder = write(tmp_path, ("a.jpg", [(30.0, 50.0)]))
    path = folder / "translations.json"
    path.write_text(path.read_text().replace('"before"', '"elsewhere"'))
    with pytest.raises(UserError, match="damaged"):
        make_page(folder)
