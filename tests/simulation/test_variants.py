"""Journals and platforms that are broken on purpose are found."""

from collections.abc import Callable, Iterator

import pytest
from simulation.acceptance import simulate_platform
from simulation.simulation import BrokenPromiseError, InvalidCaseError, simulate
from simulation.starts import simulate_starts
from simulation.stores import simulate_stores
from simulation.variants import (
    ONCE_VARIANTS,
    PLATFORM_VARIANTS,
    SHOWN_BY,
    START_VARIANTS,
    STORE_VARIANTS,
    VARIANTS,
    WATCH_VARIANTS,
)
from simulation.watching import simulate_watching

MOST_SEEDS = 1_000


@pytest.mark.parametrize("name", VARIANTS)
def test_it_is_found(name: str) -> None:
    with VARIANTS[name]():
        assert find_broken(name) is not None


@pytest.mark.parametrize("name", ONCE_VARIANTS)
def test_it_is_found_where_something_is_done_once(name: str) -> None:
    with ONCE_VARIANTS[name]():
        assert find_broken(name, once=True) is not None


@pytest.mark.parametrize("name", PLATFORM_VARIANTS)
def test_it_is_found_on_a_whole_platform(name: str) -> None:
    with PLATFORM_VARIANTS[name](), pytest.raises(BrokenPromiseError):
        simulate_all(name, simulate_platform)


@pytest.mark.parametrize("name", START_VARIANTS)
def test_it_is_found_where_workflows_start_by_themselves(name: str) -> None:
    with START_VARIANTS[name](), pytest.raises(BrokenPromiseError):
        simulate_all(name, simulate_starts)


@pytest.mark.parametrize("name", WATCH_VARIANTS)
def test_it_is_found_where_a_list_is_watched(name: str) -> None:
    with WATCH_VARIANTS[name](), pytest.raises(BrokenPromiseError):
        simulate_all(name, simulate_watching)


@pytest.mark.parametrize("name", STORE_VARIANTS)
def test_it_is_found_where_state_is_kept(name: str) -> None:
    with STORE_VARIANTS[name](), pytest.raises(BrokenPromiseError):
        simulate_all(name, simulate_stores)


def seeds_of(name: str) -> Iterator[int]:
    """First the one that is known to show it."""
    yield SHOWN_BY[name]
    yield from range(MOST_SEEDS)


def simulate_all(name: str, simulate_seed: Callable[[int], object]) -> None:
    for seed in seeds_of(name):
        simulate_seed(seed)


def find_broken(name: str, *, once: bool = False) -> int | None:
    """The first seed that shows it."""
    for seed in seeds_of(name):
        try:
            simulate(seed, once=once)
        except InvalidCaseError:
            continue
        except (BrokenPromiseError, KeyError, AssertionError):
            return seed
    return None
