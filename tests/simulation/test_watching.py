"""Each item that a watch lists starts one run, whatever becomes of polls, alarms, isolates and objects."""

from collections.abc import Sequence

import pytest
from simulation.searches import parts_of_search
from simulation.variants import WATCH_VARIANTS, seeds_that_show
from simulation.watching import simulate_watching


@pytest.mark.parametrize("seeds", parts_of_search(10, telling=seeds_that_show(WATCH_VARIANTS)))
def test_each_item_starts_one_run(seeds: Sequence[int]) -> None:
    pasts = [simulate_watching(seed) for seed in seeds]
    assert sum(len({effect.run for effect in past.effects}) for past in pasts) > 5 * len(seeds)
