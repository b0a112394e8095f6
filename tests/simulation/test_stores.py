"""No operation on a store is done twice, and none is lost, whatever becomes of isolates, answers and the object."""

from collections.abc import Sequence

import pytest
from simulation.searches import parts_of_search
from simulation.stores import simulate_stores
from simulation.variants import STORE_VARIANTS, seeds_that_show


@pytest.mark.parametrize("seeds", parts_of_search(10, telling=seeds_that_show(STORE_VARIANTS)))
def test_each_operation_is_done_once(seeds: Sequence[int]) -> None:
    assert sum(simulate_stores(seed) for seed in seeds) > len(seeds)
