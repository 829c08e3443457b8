import pytest

from agegen.faces.records import OLD, YOUNG, AgeRanges
from agegen.run.errors import UserError


@pytest.mark.parametrize(
    ("young", "old", "sentence"),
    [
        ((20, 40), (40, 60), "the classes overlap: young ends at 40, old begins at 40"),
        ((50, 60), (20, 30), "the classes overlap"),
        ((26, 20), (52, 62), "--young 26 20 is not a range"),
        ((20, 26), (-1, 62), "--old -1 62 is not a range"),
    ],
)
def test_impossible_age_ranges_are_refused(young, old, sentence):
    with pytest.raises(UserError, match=sentence):
        AgeRanges(young, old)


def test_age_ranges_are_closed():
    assert [AgeRanges().label(age) for age in (19, 20, 26, 27, 51, 52, 62, 63)] == (
        [None, YOUNG, YOUNG, None, None, OLD, OLD, None]
    )
