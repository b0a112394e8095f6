"""A durable run does what it has begun, exactly once for what is stored, whenever its isolates end.

`scripts/simulate` runs any number of seeds; a seed that fails is added to FOUND.
"""

from collections import Counter

import pytest
from simulation.simulation import InvalidCaseError, simulate

from fakes.ports.searches import examples

FOUND = (3, 16, 18, 32, 56, 58, 78, 104, 128, 179, 218, 252, 388, 423, 27123, 72554)
SEEDS = examples(1_000)
PART = 250


@pytest.mark.parametrize("seed", FOUND)
def test_a_seed_that_has_failed(seed: int) -> None:
    try_seed(seed)


@pytest.mark.parametrize("first", range(1_000_000, 1_000_000 + SEEDS, PART))
def test_runs_end_as_they_began(first: int) -> None:
    told = Counter(try_seed(seed) for seed in range(first, first + PART))
    assert told["crashed"] > PART / 10


@pytest.mark.parametrize("first", range(2_000_000, 2_000_000 + SEEDS, PART))
def test_what_is_done_once_is_not_done_again_unasked(first: int) -> None:
    told = Counter(try_seed(seed, once=True) for seed in range(first, first + PART))
    assert told["crashed"] > PART / 10


def try_seed(seed: int, *, once: bool = False) -> str:
    try:
        outcome = simulate(seed, once=once)
    except InvalidCaseError:
        return "invalid"
    return "crashed" if len(outcome.isolates) > 1 else "whole"
