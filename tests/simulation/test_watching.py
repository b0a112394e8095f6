"""Each item that a watch lists starts one run, whatever becomes of polls, alarms, isolates and objects."""

import pytest
from simulation.watching import simulate_watching

from fakes.ports.searches import examples

SEEDS = examples(60)
PART = 30


@pytest.mark.parametrize("first", range(0, SEEDS, PART))
def test_each_item_starts_one_run(first: int) -> None:
    pasts = [simulate_watching(seed) for seed in range(first, first + PART)]
    assert sum(len({effect.run for effect in past.effects}) for past in pasts) > 5 * PART
