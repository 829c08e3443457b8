"""Make a blind test of an evaluation's faces: one page that asks what people see.

    python recipes/blind_test.py --evaluation runs/cyclegan/evaluation.json --out blind_test
    python recipes/score_blind_test.py --key blind_test/key.json --answers answers.json

40 forced choices, drawn at random: which is the photograph? who is older? is it the same person?
Where the split has too few faces, fewer are made, and how many is said. Hand on index.html alone:
it needs no network, works by touch and keys, and visitors save their answers as a file. key.json
holds the right answers. The page shows faces of the split: photos of people may be under a licence
that forbids publishing them.
"""

from agegen.cyclegan.blind_test import (
    KEY,
    PAGE,
    BlindTestConfig,
    make_blind_test,
    require_no_other,
)
from agegen.report.blind_test.page import make_page
from agegen.run.cli import run_recipe
from agegen.run.files import require_writable, write_json, write_text


def main(config: BlindTestConfig) -> None:
    """Draw the questions, write page and key."""
    for name in (PAGE, KEY):
        require_writable(config.out / name)
    test = make_blind_test(config)
    require_no_other(config.out / KEY, test.name)
    page = make_page(test.name, [(q.kind, q.pictures) for q in test.questions])
    write_json(config.out / KEY, test.key(config))
    write_text(config.out / PAGE, page)
    print(f"{len(test.questions)} questions in {config.out / PAGE}, right answers in {KEY}")


if __name__ == "__main__":
    run_recipe(BlindTestConfig, main, __doc__)
