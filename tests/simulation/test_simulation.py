"""A durable run does what it has begun, exactly once for what is stored, whenever its isolates end.

`scripts/simulate` runs any number of seeds; a seed that fails is added to FOUND.
"""

from collections import Counter
from collections.abc import Sequence

import pytest
from simulation.searches import parts_of_search
from simulation.simulation import InvalidCaseError, simulate
from simulation.variants import ONCE_VARIANTS, VARIANTS, seeds_that_show

FOUND = (3, 16, 18, 32, 56, 58, 78, 104, 128, 179, 218, 252, 388, 423, 27123, 72554)


@pytest.mark.parametrize("seed", FOUND)
def test_a_seed_that_has_failed(seed: int) -> None:
    try_seed(seed)


@pytest.mark.parametrize("seeds", parts_of_search(200, first=1_000_000, telling=seeds_that_show(VARIANTS)))
def test_runs_end_as_they_began(seeds: Sequence[int]) -> None:
    told = Counter(try_seed(seed) for seed in seeds)
    assert told["crashed"] > len(seeds) / 10


@pytest.mark.parametrize("seeds", parts_of_search(200, first=2_000_000, telling=seeds_that_show(ONCE_VARIANTS)))
def test_what_is_done_once_is_not_done_again_unasked(seeds: Sequence[int]) -> None:
    told = Counter(try_seed(seed, once=True) for seed in seeds)
    assert told["crashed"] > len(seeds) / 10


def try_seed(seed: int, *, once: bool = False) -> str:
    try:
        outcome = simulate(seed, once=once)
    except InvalidCaseError:
        return "invalid"
    return "crashed" if len(outcome.isolates) > 1 else "whole"
