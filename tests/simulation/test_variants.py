"""Journals that are broken on purpose are found."""

import pytest
from simulation.simulation import BrokenPromiseError, InvalidCaseError, simulate
from simulation.variants import VARIANTS

MOST_SEEDS = 1_000


@pytest.mark.parametrize("name", VARIANTS)
def test_it_is_found(name: str) -> None:
    with VARIANTS[name]():
        assert find_broken() is not None


def find_broken() -> int | None:
    """The first seed that shows it."""
    for seed in range(MOST_SEEDS):
        try:
            simulate(seed)
        except InvalidCaseError:
            continue
        except (BrokenPromiseError, KeyError, AssertionError):
            return seed
    return None
