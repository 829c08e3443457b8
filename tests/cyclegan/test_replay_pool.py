"""The pool of earlier generated faces; faces here are numbered by their colour."""

import pytest
import torch
from torch import Tensor

from agegen.cyclegan.replay_pool import ReplayPool
from agegen.faces.views import draw_view_parameters

CPU = torch.device("cpu")


def faces(numbers: range) -> Tensor:
    return torch.tensor([float(n) for n in numbers]).reshape(-1, 1, 1, 1).expand(-1, 3, 2, 2)


def numbers_of(x: Tensor) -> list[int]:
    return x[:, 0, 0, 0].int().tolist()


def run(pool: ReplayPool, steps: range, batch: int = 4) -> list[list[int]]:
    """Give the pool face number step·batch … in every step; return the numbers shown."""
    return [numbers_of(pool.exchange(faces(range(s * batch, (s + 1) * batch)), s)) for s in steps]


def test_it_fills_up_with_the_first_faces_which_are_shown_as_they_are() -> None:
    pool = ReplayPool(10, seed=0)
    assert run(pool, range(2)) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert numbers_of(pool.tensors()["faces"]) == list(range(8))


@pytest.mark.parametrize("size", [1, 3, 10])
def test_it_never_holds_more_than_its_size(size: int) -> None:
    pool = ReplayPool(size, seed=0)
    for step in range(30):
        shown = run(pool, range(step, step + 1))
        assert len(shown[0]) == 4
        assert len(pool.tensors()["faces"]) == min(size, (step + 1) * 4)


def test_half_of_the_faces_are_exchanged_for_any_of_those_kept() -> None:
    """Each face is shown now or later, never twice; waits are geometric with mean 2 · size."""
    pool, steps, size = ReplayPool(20, seed=1), 2000, 20
    shown = [n for row in run(pool, range(steps)) for n in row]
    new = range(len(shown))
    waits = [now - n for now, n in zip(new, shown, strict=True) if now >= size]
    exchanged = sum(w > 0 for w in waits)
    n = len(waits)
    assert abs(exchanged - n / 2) < 4 * (n / 4) ** 0.5
    later = [n for n in shown[size:] if n >= size]
    assert len(set(later)) == len(later)
    late_waits = torch.tensor([float(w) for w in waits if w > 0])
    error = float(late_waits.std()) / len(late_waits) ** 0.5
    assert abs(float(late_waits.mean()) - 2 * size) < 4 * error


def test_what_is_shown_and_what_is_kept_are_all_that_was_given() -> None:
    pool = ReplayPool(6, seed=2)
    shown = [n for row in run(pool, range(50)) for n in row]
    kept = numbers_of(pool.tensors()["faces"])
    assert set(shown) | set(kept) == set(range(200))


def test_it_is_a_function_of_seed_and_step() -> None:
    first = run(ReplayPool(6, seed=5), range(30))
    torch.manual_seed(99)
    assert run(ReplayPool(6, seed=5), range(30)) == first
    assert run(ReplayPool(6, seed=6), range(30)) != first


def test_a_loaded_pool_goes_on_where_the_saved_one_stopped() -> None:
    whole = ReplayPool(6, seed=5)
    run(whole, range(10))
    saved = whole.tensors()
    before = numbers_of(saved["faces"])
    rest = run(whole, range(10, 20))
    assert numbers_of(saved["faces"]) == before
    loaded = ReplayPool(6, seed=5)
    loaded.load(saved, CPU)
    assert run(loaded, range(10, 20)) == rest
    assert numbers_of(saved["faces"]) == before


def test_an_empty_pool_is_saved_and_loaded() -> None:
    pool = ReplayPool(6, seed=5)
    assert pool.tensors() == {}
    pool.load({}, CPU)
    assert run(pool, range(1)) == [[0, 1, 2, 3]]


def test_size_0_shows_the_newest() -> None:
    pool = ReplayPool(0, seed=0)
    assert run(pool, range(5)) == [list(range(4 * s, 4 * s + 4)) for s in range(5)]
    assert pool.tensors() == {}


def test_further_faces_are_drawn_from_the_pool_and_stay() -> None:
    pool, exchanged = ReplayPool(6, seed=0), ReplayPool(6, seed=0)
    for step in range(40):
        given = faces(range(2 * step, 2 * step + 2))
        shown = numbers_of(pool.exchange(given, step, shown=5))
        assert len(shown) == 5
        assert shown[:2] == numbers_of(exchanged.exchange(given, step))
        kept = numbers_of(pool.tensors()["faces"])
        assert kept == numbers_of(exchanged.tensors()["faces"])
        assert set(shown[2:]) <= set(kept)


@pytest.mark.parametrize("size", [0, 4])
def test_faces_given_and_shown_are_not_the_pools_own(size: int) -> None:
    pool = ReplayPool(size, seed=0)
    given = faces(range(4)).clone()
    shown = pool.exchange(given, 0)
    shown.zero_()
    assert numbers_of(given) == [0, 1, 2, 3]
    run(pool, range(1, 9))
    assert numbers_of(given) == [0, 1, 2, 3]


def test_exchanges_do_not_hang_on_the_views_of_the_same_seed() -> None:
    """Views draw their first number of (seed, step) too; whether a face waits is another draw."""
    pool = ReplayPool(1, seed=0)
    run(pool, range(1), batch=1)
    pairs = []
    for step in range(1, 400):
        waits = run(pool, range(step, step + 1), batch=1)[0][0] < step
        pairs.append((float(waits), float(draw_view_parameters(1, 0, step).uniform[0, 0])))
    correlation = float(torch.corrcoef(torch.tensor(pairs).T)[0, 1])
    assert abs(correlation) < 4 / 400**0.5
