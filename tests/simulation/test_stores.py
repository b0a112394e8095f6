"""No operation on a store is done twice, and none is lost, whatever becomes of isolates, answers and the object."""

import pytest
from simulation.stores import simulate_stores

from fakes.ports.searches import examples

SEEDS = examples(40)
PART = 20


@pytest.mark.parametrize("first", range(0, SEEDS, PART))
def test_each_operation_is_done_once(first: int) -> None:
    assert sum(simulate_stores(seed) for seed in range(first, first + PART)) > PART
